/* SPDX-License-Identifier: MIT */
/*
 * The trail's vocabulary. Models stream their answers token by token, and
 * tokens are few: a token seen before is stored as its number. Words are
 * learned from the traffic and numbered in the order in which they are
 * learned; a frame says how many of them it knows, and the trail keeps them in
 * batches of their own.
 *
 *	words_count(w, token)*		while a frame is packed
 *	if (words_learn(w, &batch, &first)) store batch
 *	...
 *	words_load(w, batch)		when read again
 */
#ifndef RECORD_WORDS_H
#define RECORD_WORDS_H

#include "base/buf.h"

enum {
	WORDS_MAX = 32768, /* no more are learned */
	WORD_BYTES = 40,   /* longer ones are not words */
};

struct words;
struct words *words_new(void);
void words_free(struct words *w);

size_t words_known(const struct words *w);
/* Its number, or -1. */
int words_find(const struct words *w, struct str word);
/* A known word; its bytes stay where they are. */
struct str words_at(const struct words *w, size_t number);

/* It has been seen once (more). */
void words_count(struct words *w, struct str word);

/*
 * Learns what has been seen twice, if it is enough to be worth it: appends
 * the batch to `out`, numbered from *first on.
 */
bool words_learn(struct words *w, struct buf *out, size_t *first);

/* Takes a batch in, which may be hostile; it must be the next one. */
bool words_load(struct words *w, struct str batch, size_t first);

#endif
