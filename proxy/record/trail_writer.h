/* SPDX-License-Identifier: MIT */
/*
 * Inside recording. What is put is encoded at once, in memory, and waits as
 * a list of operations; a commit carries the list out in one transaction and
 * only then forgets it, so that it may be tried again.
 *
 *	put -> live exchange -> frame maker -> frame  \
 *			     -> row, part, gap	       > ops -> COMMIT
 *	conn, note, checkpoint			      /
 */
#ifndef RECORD_TRAIL_WRITER_H
#define RECORD_TRAIL_WRITER_H

#include "record/trail_impl.h"

enum { LIVE_BUCKETS = 1024 };

/* An exchange from its first put to its close. */
struct live {
	struct live *next; /* in its bucket, or among the spare ones */
	struct trail_facts facts;
	char *strings[4]; /* run, route, method, path */
	struct trail_hashes hashes;
	struct rope_track *track[EV_SIDES]; /* NULL: not begun, or events */
	bool begun[EV_SIDES], events[EV_SIDES];
	enum columns_kind kind[EV_SIDES];
	struct buf places; /* struct trail_place, of the put at hand */
	unsigned parts;	   /* places stored by earlier puts */
};

enum op_kind {
	OP_FRAME,
	OP_WORDS,
	OP_EXCHANGE,
	OP_PART,
	OP_GAP,
	OP_CONN,
	OP_NOTE,
	OP_CHECKPOINT,
	OP_SPOOL,
	OP_KINDS
};

struct op {
	struct op *next;
	enum op_kind kind;
	union {
		struct frame_blobs frame;
		struct {
			size_t first;
			struct buf data;
		} words;
		struct {
			struct trail_facts facts;
		} exchange;
		struct {
			int64_t exchange;
			unsigned n;
			struct trail_place place;
		} part;
		struct {
			int64_t exchange;
			uint64_t n;
			struct trail_gap gap;
		} gap;
		struct {
			struct trail_conn conn;
			int64_t seal;
		} conn;
		struct {
			int64_t seal, conn;
			uint64_t at;
			struct str kind, text;
		} note;
		struct trail_checkpoint checkpoint;
		struct trail_cursor spool;
	} u;
	char *own[7]; /* strings that u borrows */
};

struct trail_writer {
	int lock;
	struct seal_key *key;
	struct trail_deriver deriver; /* write NULL: none */
	int64_t next_id, first_id, next_conn, next_frame;
	int64_t seals;
	unsigned char chain[SEAL_HASH];
	int64_t signed_seals;
	uint64_t signed_at;
	struct rope *rope;
	struct words *words;
	struct frame_maker *maker;
	bool dirty;		/* the frame at hand has more than its row */
	unsigned packed, added; /* its entries when it was last packed, and
				   how many of them were new then */
	struct live *live[LIVE_BUCKETS], *spare;
	struct op *ops, **ops_end;
	size_t pending;
	uint64_t pending_bytes;
	struct buf scratch, arrivals;
	unsigned char random[64 * SEAL_SALT];
	size_t random_left;
	sqlite3_stmt *insert[OP_KINDS];
};

/* An empty operation at the end of the list. */
struct op *trail_op(struct trail_writer *w, enum op_kind kind);
void trail_ops_free(struct trail_writer *w);
/* Packs the frame at hand as an operation, if there is more in it. */
void trail_op_frame(struct trail_writer *w);
/*
 * A frame that has been stored may take more and be stored again: with few
 * exchanges a commit it would otherwise never fill. With many, packing half
 * of it twice would cost more than it saves.
 */
bool trail_frame_may_grow(const struct trail_writer *w);
/* Ends the frame at hand, learns from it, begins the next. */
void trail_next_frame(struct trail_writer *w);

/* Gives a root the next place in the chain; returns its number. */
int64_t trail_seal_next(struct trail *t, const unsigned char root[SEAL_HASH]);

/* Prepares the statements of all operations. */
bool trail_ops_prepare(struct trail *t, struct fail *f) MUST_USE;

void trail_live_free_all(struct trail_writer *w);

#endif
