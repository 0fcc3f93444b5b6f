/* SPDX-License-Identifier: MIT */
/*
 * When things happened in an exchange, drawn in as many columns as there are:
 * the marks, a bar of phases, arrivals on the same axis, and how long the
 * gaps between arrivals were.
 *
 *	  +0         request: first byte
 *	  +312ms     first byte of the response head
 *	|▸░░░░░░░░░░░░░██████████████████████|  1.83s
 *	|             ▃▁▂▁ ▂▁▁▃   ▁▂▇        |  bytes arriving
 */
#ifndef REPLAY_TIMELINE_H
#define REPLAY_TIMELINE_H

#include "print/out.h"
#include "record/trail.h"

/* Marks, bar, arrivals and gaps of the response (of the request too where it
 * came in many pieces). */
struct timeline {
	const struct trail_row *row;
	const struct trail_arrival *arrivals[EV_SIDES];
	size_t n[EV_SIDES];
};

void timeline_draw(struct out *o, const struct timeline *t);

/* Every arrival of one side: when, how long after the one before, bytes. */
void timeline_list(struct out *o, const struct timeline *t, enum ev_side side);

/* "+312ms" into `out` (HUMAN_SIZE bytes); returns it. */
char *timeline_offset(uint64_t ns, char *out);

#endif
