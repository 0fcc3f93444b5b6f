/* SPDX-License-Identifier: MIT */
/*
 * The clerk: one thread that reads all workers' spools, merges them by time,
 * keeps the trail and calls the taps. Sleeps while there is nothing to do.
 */
#ifndef RECORD_CLERK_H
#define RECORD_CLERK_H

#include "base/fail.h"
#include "record/evidence.h"

struct clerk;
struct spool;
struct trail;

/*
 * The tap seam: called on the clerk's thread, in trail order, with the
 * recorded clocks. Cannot alter traffic, must not block. Bytes are borrowed
 * for the call and are as recorded (secrets masked). `id` is the exchange's
 * id in the trail. Any function may be NULL.
 */
struct clerk_tap {
	/* A connection; `conn` is its id in the trail. Before the first
	 * exchange that uses it. */
	void (*conn)(void *arg, int64_t conn, const struct ev_conn *c);
	void (*open)(void *arg, int64_t id, const struct ev_open *o);
	void (*head)(void *arg, int64_t id, enum ev_side side,
		     enum ev_head kind, struct str raw, uint64_t at);
	void (*data)(void *arg, int64_t id, enum ev_side side, struct str bytes,
		     uint64_t at);
	void (*gap)(void *arg, int64_t id, enum ev_side side, uint64_t bytes);
	/* conn_up: the vendor connection's id in the trail; 0: none. */
	void (*close)(void *arg, int64_t id, const struct ev_close *c,
		      int64_t conn_up);
	void *arg;
};

struct clerk_options {
	struct trail *trail;   /* borrowed; open for recording */
	struct spool **spools; /* borrowed, one a worker */
	unsigned n_spools;
	const struct clerk_tap *taps; /* copied */
	unsigned n_taps;
	bool strict; /* a full disk: wait (strict) or give up as gaps */
};

/* What has been done so far; for status and the summary. */
struct clerk_figures {
	uint64_t exchanges[EV_OUTCOMES];
	uint64_t records, bytes_recorded, gaps, gap_bytes, commits;
	uint64_t lag_ns; /* age of the oldest that should be committed and is
			    not; what an open exchange has waiting in the
			    spool does not count */
	uint64_t lag_max_ns;
	uint64_t disk_bytes; /* the trail's size */
	bool disk_full;	     /* waiting for room at this moment */
};

/*
 * Takes in what a crashed process left in these spools, then starts the
 * thread.
 */
struct clerk *clerk_start(const struct clerk_options *o,
			  struct fail *f) MUST_USE;

/* Commits everything published so far, then returns. Any thread. */
void clerk_sync(struct clerk *c);

/*
 * Ends it: everything published is committed, exchanges still open become
 * `interrupted`. The spools may be freed after it.
 */
void clerk_stop(struct clerk *c);

void clerk_figures(struct clerk *c, struct clerk_figures *out); /* any thread */

#endif
