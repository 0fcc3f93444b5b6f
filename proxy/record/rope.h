/* SPDX-License-Identifier: MIT */
/*
 * Bodies as ropes over earlier bodies. A chat request re-sends the whole
 * conversation: what an earlier body had at its beginning or its end is
 * referred to, only what is new is stored.
 *
 *	struct rope_track *k = rope_begin(r);
 *	rope_add(r, k, slice, last, frame, &literals, &segs);	a part a slice
 *	rope_end(r, k);		from now on others may refer to it
 *
 * A segment points at literal bytes in a frame, never at another rope, so
 * reading a body is a row of copies however long the conversation is.
 */
#ifndef RECORD_ROPE_H
#define RECORD_ROPE_H

#include "base/buf.h"

struct rope;
struct rope_track;

/* Bytes `at` .. `at + n` of the literals of a frame. */
struct rope_seg {
	uint64_t frame;
	uint32_t at, n;
};

struct rope_segs {
	struct rope_seg *p;
	size_t n, cap;
};

/* Joins it to the last one if they adjoin. */
void rope_segs_add(struct rope_segs *s, struct rope_seg seg);
void rope_segs_free(struct rope_segs *s);

struct rope *rope_new(void);
void rope_free(struct rope *r);

struct rope_track *rope_begin(struct rope *r);

/*
 * Appends what is new in the slice to `literals`, which belong to `frame`,
 * and the segments that make up the slice to `out`. `last`: the body ends
 * here, so its tail may be looked for.
 */
void rope_add(struct rope *r, struct rope_track *k, struct str slice, bool last,
	      uint64_t frame, struct buf *literals, struct rope_segs *out);

/* The body is whole: keeps it as a parent. Frees the track. */
void rope_end(struct rope *r, struct rope_track *k);

/* It will never be: frees the track. */
void rope_drop(struct rope_track *k);

/* Bytes of memory in use. */
size_t rope_memory(const struct rope *r);

#endif
