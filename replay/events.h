/* SPDX-License-Identifier: MIT */
/*
 * A text/event-stream cut into its events, for reading. Nothing is made of
 * the fields; comments count as lines, and so stay visible.
 *
 *	struct event e;
 *	size_t at = 0;
 *	while (event_next(body, &at, &e))
 *		while (event_line(&e.text, &line)) ...
 */
#ifndef REPLAY_EVENTS_H
#define REPLAY_EVENTS_H

#include "base/str.h"

struct event {
	struct str text; /* its lines */
	size_t end; /* where it ends in the body, the empty line included */
	bool whole; /* an empty line followed */
};

/* *at starts at 0. False at the body's end. */
bool event_next(struct str body, size_t *at, struct event *out);

/* Cuts the first line off *text; false when there is none. */
bool event_line(struct str *text, struct str *line);

#endif
