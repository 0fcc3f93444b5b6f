/* SPDX-License-Identifier: MIT */
/*
 * Which exchanges are meant: the options that narrow a trail down, the same
 * for every command that reads one.
 *
 *	options_add(o, select_options, "Which exchanges");
 *	...
 *	struct selection s;
 *	if (!select_read(o, &s, &f)) ...
 *	trail_list(t, &s.filter, ...)
 */
#ifndef REPLAY_SELECT_H
#define REPLAY_SELECT_H

#include "base/options.h"
#include "record/trail.h"

extern const struct option_def select_trails[]; /* --trail, repeatable */
extern const struct option_def select_options[];

struct selection {
	struct trail_filter filter; /* borrows the options' texts */
	bool only_open; /* --outcome open: the trail has no filter for it */
};

/* Codes: bad_value. --limit is left to the caller, who knows the default. */
bool select_read(const struct options *o, struct selection *s,
		 struct fail *f) MUST_USE;

/*
 * A moment: RFC 3339 ("2026-11-22T10:00:00Z"), the same without a zone or a
 * date alone (both in local time), or a while back from `now`: 10m, 2h, 3d.
 */
bool select_moment(struct str s, uint64_t now_ns, uint64_t *out_ns);

/* "200", "4xx" or "400-499". */
bool select_status(struct str s, unsigned *from, unsigned *to);

#endif
