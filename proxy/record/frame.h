/* SPDX-License-Identifier: MIT */
/*
 * Frames: up to 16 exchanges packed together, so that what they share is
 * stored once. A frame has two parts that are compressed apart: the literals
 * (bytes that ropes refer to, also from later frames) and the rest (heads,
 * event streams, arrivals and what belongs to whom).
 *
 *	frame_begin(m, id);
 *	slot = frame_entry(m, exchange);
 *	frame_head(m, &head); frame_rope(m, ...); frame_arrivals(m, ...);
 *	frame_pack(m, &blobs);	and go on adding, and pack again
 *
 *	frame_find(store, id, slot, &entry, f);
 *	frame_entry_body(store, entry, side, piece, arg, f);
 */
#ifndef RECORD_FRAME_H
#define RECORD_FRAME_H

#include <sqlite3.h>

#include "record/columns.h"
#include "record/rope.h"
#include "record/trail.h"
#include "record/words.h"

enum {
	FRAME_ENTRIES = 16,
	FRAME_BYTES = 1 << 20,	/* a frame beyond this takes no more entries */
	FRAME_LIMIT = 64 << 20, /* more than this is not believed */
};

/* ---- making ---- */

struct frame_maker;

/* Borrows the vocabulary. */
struct frame_maker *frame_maker_new(const struct words *words);
void frame_maker_free(struct frame_maker *m);

/* Forgets what is in it and begins frame `id`. */
void frame_begin(struct frame_maker *m, int64_t id);
int64_t frame_id(const struct frame_maker *m);
unsigned frame_entries(const struct frame_maker *m);
bool frame_full(const struct frame_maker *m);

/* Begins an entry; what follows is its. Returns its slot. */
unsigned frame_entry(struct frame_maker *m, int64_t exchange);

/* Appends a head of the entry; `at` is ns after the exchange's start. */
void frame_head(struct frame_maker *m, enum ev_side side, enum ev_head kind,
		int64_t at, struct str raw);

/* The entry's bytes of one side, once: as a rope over frame_literals() ... */
struct buf *frame_literals(struct frame_maker *m);
void frame_rope(struct frame_maker *m, enum ev_side side,
		const struct rope_segs *segs);
/* ... or as events. */
void frame_events(struct frame_maker *m, enum ev_side side,
		  enum columns_kind kind, struct str bytes);

/* Arrivals of one side, after its bytes; `at` in µs after the start. */
struct frame_arrival {
	int64_t at;
	uint32_t n;
};
void frame_arrivals(struct frame_maker *m, enum ev_side side,
		    const struct frame_arrival *a, size_t n);

/* What a row of table frame holds; the checks are XXH3-64 of the blobs. */
struct frame_blobs {
	int64_t id;
	unsigned entries;
	struct buf literals, rest;
	uint64_t literals_check, rest_check;
};
void frame_pack(struct frame_maker *m, struct frame_blobs *out);

/* Counts the words of its events. Once, when it is full. */
void frame_learn(const struct frame_maker *m, struct words *words);
void frame_blobs_free(struct frame_blobs *b);

/* ---- reading ---- */

struct frame_store;

/* Reads frames of a trail, which may be hostile, and keeps the last ones. */
struct frame_store *frame_store_new(sqlite3 *db);
void frame_store_free(struct frame_store *s);

/* Takes in the words that the trail has and `words` has not. */
bool frame_store_words(struct frame_store *s, struct words *words,
		       struct fail *f) MUST_USE;

/* An entry: where it is. Good until the next frame_find(). */
struct frame_entry;
bool frame_find(struct frame_store *s, int64_t frame, unsigned slot,
		int64_t exchange, const struct frame_entry **out,
		struct fail *f) MUST_USE;

/* Calls `each` for its heads, `at` in ns after the exchange's start. */
bool frame_entry_heads(struct frame_store *s, const struct frame_entry *e,
		       void (*each)(void *arg, const struct trail_head *h),
		       void *arg, struct fail *f) MUST_USE;

/* Calls `piece` for the bytes of one side until it returns false. */
bool frame_entry_body(struct frame_store *s, const struct frame_entry *e,
		      enum ev_side side,
		      bool (*piece)(void *arg, struct str bytes), void *arg,
		      struct fail *f) MUST_USE;

/* Appends struct frame_arrival to `out`. */
bool frame_entry_arrivals(struct frame_store *s, const struct frame_entry *e,
			  enum ev_side side, struct buf *out,
			  struct fail *f) MUST_USE;

/* Reads all of a frame and says what is wrong with it. */
bool frame_check(struct frame_store *s, int64_t frame, struct fail *f) MUST_USE;

#endif
