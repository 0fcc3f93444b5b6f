/* SPDX-License-Identifier: MIT */
/*
 * The trail: evidence on disk, one SQLite file (schema: README, "The trail").
 * The clerk writes it through the first half of this header; every reading
 * command uses the second half, on any number of trails, read-only.
 */
#ifndef RECORD_TRAIL_H
#define RECORD_TRAIL_H

#include "base/buf.h"
#include "base/fail.h"
#include "record/evidence.h"

struct sqlite3;
struct trail;

/* ---- recording: one process at a time, one thread ---- */

/*
 * Makes or opens `path` (0600, O_NOFOLLOW) and takes its lock. Codes:
 * trail_locked (says by which process), trail_foreign (not a trail),
 * trail_newer (made by a newer assay), trail_unwritable.
 */
struct trail *trail_record(const char *path, struct fail *f) MUST_USE;

/* One arrival of body bytes: when (clock_mono) and how many. */
struct trail_arrival {
	uint64_t at;
	uint32_t n;
};

/* A head as recorded, secrets masked. */
struct trail_head {
	enum ev_side side;
	enum ev_head kind;
	uint64_t at; /* clock_mono */
	struct str raw;
};

/* A run of body bytes with their arrivals. Bytes in several pieces, as they
 * lie in the ring; nothing is copied before it is encoded. */
struct trail_run {
	enum ev_side side;
	const struct str *pieces;
	size_t n_pieces;
	const struct trail_arrival *arrivals; /* lengths are wire lengths */
	size_t n_arrivals;
	uint64_t masked; /* secrets replaced within these bytes */
};

struct trail_gap {
	enum ev_side side;
	uint64_t offset, n; /* in wire bytes of the body */
	enum ev_gap why;
};

/* The next free ids; the clerk numbers exchanges as they open. */
int64_t trail_next_id(struct trail *t);
/* Maps a worker's connection key to a row; ids are the trail's own. */
int64_t trail_put_conn(struct trail *t, const struct ev_conn *c);
void trail_put_conn_note(struct trail *t, int64_t conn, struct str kind,
			 struct str text, uint64_t at_wall);
void trail_put_conn_closed(struct trail *t, int64_t conn, uint64_t at_wall);

/*
 * Stores an exchange, or a first or further part of one that is still open
 * (`close` NULL): heads, runs and gaps are appended to what earlier calls for
 * the same id stored. With `close` the exchange is complete and gets its
 * seal. All is borrowed for the call. conn ids are the trail's.
 */
struct trail_exchange {
	int64_t id;
	const struct ev_open *open;
	int64_t conn_down, conn_up;
	const struct trail_head *heads;
	size_t n_heads;
	const struct trail_run *runs;
	size_t n_runs;
	const struct trail_gap *gaps;
	size_t n_gaps;
	const struct ev_close *close;
};
void trail_put(struct trail *t, const struct trail_exchange *x);

/* Exchanges and bytes put since the last commit: the clerk's group. */
size_t trail_pending(const struct trail *t, uint64_t *bytes);

/*
 * Encodes the group (one solid frame), writes and commits it, together with
 * how far each spool has got. On failure (disk full, ...) the group
 * stays pending and commit may be tried again. Signs a checkpoint now and
 * then.
 */
struct trail_cursor {
	unsigned char spool[16]; /* the spool's uuid */
	uint64_t sequence;	 /* the clerk's count of commits from that ring;
				    what it means: clerk_store.c */
};
bool trail_commit(struct trail *t, const struct trail_cursor *cursors, size_t n,
		  struct fail *f) MUST_USE;

/* The committed sequence of a spool; 0 if never seen. */
uint64_t trail_cursor_of(struct trail *t, const unsigned char spool[16]);

/* Ids of exchanges stored without a close (a crash): the clerk ends them. */
size_t trail_unclosed(struct trail *t, int64_t *ids, size_t max);
/* Closes such an exchange as `interrupted`, with what is known. */
void trail_close_interrupted(struct trail *t, int64_t id);

uint64_t trail_size(struct trail *t); /* bytes on disk */

/* Signs a last checkpoint, releases the lock, frees. */
void trail_close(struct trail *t);

/* ---- tables that upper rooms derive ---- */

/*
 * The database behind the handle, for tables of an upper room's own, which
 * can be dropped and made again. Evidence must not be touched through it.
 * Outside trail_at_commit() not between a put and its commit.
 */
struct sqlite3 *trail_db(struct trail *t);

/*
 * Called inside each commit's transaction, behind the evidence, to add what
 * was derived from it. False: the commit fails and is tried again; so it
 * forgets what it wrote only in `done`, which follows COMMIT.
 */
struct trail_deriver {
	bool (*write)(void *arg, struct sqlite3 *db);
	void (*done)(void *arg);
	void *arg;
};
void trail_at_commit(struct trail *t, const struct trail_deriver *d);

/* ---- reading: any process, one thread a handle ---- */

/* Codes: trail_missing, trail_foreign, trail_newer. */
struct trail *trail_read(const char *path, struct fail *f) MUST_USE;
/* End with trail_close() too. */

/* A row of exchange, everything but its bodies. Strings borrowed until the
 * next call on this trail. */
struct trail_row {
	int64_t id, parent;
	enum ev_kind kind;
	struct str run, route, method, path; /* path with its query, masked */
	bool closed; /* false: still open, or cut by a crash */
	uint64_t started_wall, started_mono;
	struct ev_close close;
	int64_t conn_down, conn_up;
	uint64_t chunks[EV_SIDES]; /* arrivals */
	uint64_t masked;
	uint64_t gaps, gap_bytes;
	bool sealed;
	int64_t seal; /* its number; grows in the order of closes. 0: none */
};

/* Filters; a zero field does not filter. */
struct trail_filter {
	uint64_t since_wall, until_wall;
	int64_t after_id;
	unsigned status_from, status_to; /* inclusive */
	int outcome;			 /* enum ev_outcome + 1 */
	int kind;			 /* enum ev_kind + 1 */
	const char *route, *path, *run;	 /* path: a glob */
	uint64_t limit;			 /* the newest `limit`, oldest first */
	bool as_closed; /* closed ones alone, in the order of closes */
	/* A condition on `id`, of tables that an upper room derived (static,
	 * SQL, with ?12 and ?13 for its texts), or NULL. */
	const char *derived, *derived_text[2];
};

/* Calls `each` in id order (see as_closed) until it returns false. */
bool trail_list(struct trail *t, const struct trail_filter *filter,
		bool (*each)(void *arg, const struct trail_row *row), void *arg,
		struct fail *f) MUST_USE;

bool trail_get(struct trail *t, int64_t id, struct trail_row *out,
	       struct fail *f) MUST_USE; /* codes: no_such_exchange */

/* Appends the heads of one side in order of arrival, each with `at` as ns
 * after started. Calls `each` for each. */
bool trail_heads(struct trail *t, int64_t id,
		 void (*each)(void *arg, const struct trail_head *head),
		 void *arg, struct fail *f) MUST_USE;

/*
 * The body of one side: exact bytes after transfer decoding and before
 * content decoding. Bounded by what was recorded.
 */
bool trail_body(struct trail *t, int64_t id, enum ev_side side, struct buf *out,
		struct fail *f) MUST_USE;

/* Arrivals of one side, `at` as ns after started. Caller frees *out. */
bool trail_arrivals(struct trail *t, int64_t id, enum ev_side side,
		    struct trail_arrival **out, size_t *n,
		    struct fail *f) MUST_USE;

bool trail_gaps(struct trail *t, int64_t id, struct trail_gap **out, size_t *n,
		struct fail *f) MUST_USE;

struct trail_conn {
	int64_t id;
	struct ev_conn conn;  /* strings borrowed until the next call */
	uint64_t closed_wall; /* 0: not seen to close */
};
bool trail_conn(struct trail *t, int64_t id, struct trail_conn *out,
		struct fail *f) MUST_USE;

/*
 * Checks chain, signatures, every body's digest and what rows refer to. Calls
 * `say` with one sentence a defect, and `progress` now and then. Returns the
 * number of defects, -1 with *f if it could not look.
 */
struct trail_check {
	uint64_t exchanges, bodies, checkpoints, frames;
	bool open_tail;	   /* exchanges after the last signed checkpoint */
	char key_hex[65];  /* the public key that signed */
	char seal_hex[65]; /* the newest seal */
};
int64_t trail_verify(struct trail *t, struct trail_check *out,
		     void (*say)(void *arg, int64_t exchange, const char *text),
		     void (*progress)(void *arg, uint64_t done, uint64_t all),
		     void *arg, struct fail *f) MUST_USE;

#endif
