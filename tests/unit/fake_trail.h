/* SPDX-License-Identifier: MIT */
/*
 * A trail in memory, for the clerk's tests: it keeps what was put as plain
 * bytes, and its commits fail when they are told to.
 */
#ifndef UNIT_FAKE_TRAIL_H
#define UNIT_FAKE_TRAIL_H

#include <stdatomic.h>

#include "record/trail.h"

struct fake_row {
	int64_t id, conn_down, conn_up;
	uint64_t started;
	enum ev_kind kind;
	struct buf body[EV_SIDES], heads;
	uint64_t arrivals[EV_SIDES], wire[EV_SIDES];
	uint64_t gaps, gap_bytes, last_gap_offset, masked;
	unsigned puts;
	bool closed;
	struct ev_close close;
	char route[32], run[32];
};

struct trail {
	struct fake_row *rows;
	size_t n, pending;
	int64_t last_id;
	uint64_t pending_bytes;
	size_t committed; /* rows that were there at the last commit */
	unsigned conns, notes, conns_closed, commits;
	atomic_int failing; /* so many commits fail; -1: all */
	atomic_int failed;
};

struct trail *fake_trail_new(void);
void fake_trail_free(struct trail *t);
/* As a crash does: what was not committed is gone. Only whole rows. */
void fake_trail_forget(struct trail *t);

#endif
