/* SPDX-License-Identifier: MIT */
/*
 * Event streams as columns. A streamed answer is hundreds of events that
 * differ in a word; a head differs from the one before it in a date and an
 * id. What stays the same becomes a shape, written once, and what varies
 * becomes columns that compress well. The bytes come back exactly.
 *
 *	struct columns *c = columns_new();
 *	size_t n = columns_add(c, COLUMNS_EVENTS, bytes, &lengths);
 *	columns_pack(c, words, at_hand, &out, &cuts);	a section of a frame
 *
 *	struct columns_view *v = columns_open(section, words);
 *	columns_text(v, first, n, limit, &text);
 *
 * One writer holds the streams of a whole frame, so that its exchanges share
 * their shapes. Units are numbered in the order in which they were added.
 */
#ifndef RECORD_COLUMNS_H
#define RECORD_COLUMNS_H

#include "base/buf.h"

struct columns;
struct words;

/* How bytes are cut into units, and units into what stays and what varies. */
enum columns_kind {
	COLUMNS_EVENTS, /* SSE: ends at an empty line; JSON strings, numbers */
	COLUMNS_LINES,	/* JSON lines: ends at a newline */
	COLUMNS_HEAD,	/* all of it is one unit; values of its lines */
};

struct columns *columns_new(void);
void columns_free(struct columns *c);
void columns_reset(struct columns *c); /* as new */

/* Does a body that begins so look like events or JSON lines? */
bool columns_suits(struct str start, enum columns_kind *kind);

/*
 * Takes the bytes in; what fits no shape is kept as it is. Returns how many
 * units they became; the length of each is appended to `lengths` as a
 * uint32_t, unless it is NULL.
 */
size_t columns_add(struct columns *c, enum columns_kind kind, struct str bytes,
		   struct buf *lengths);

/* Roughly what columns_pack() would write. */
size_t columns_size(const struct columns *c);

/*
 * Appends everything to `out`; more may be added and packed again. `words`
 * may be NULL. `at_hand` is what the compressor will know besides. `cuts` gets
 * offsets (size_t, relative to out->p) where the statistics of the bytes
 * change.
 */
void columns_pack(const struct columns *c, const struct words *words,
		  struct str at_hand, struct buf *out, struct buf *cuts);

/* Counts the values that look like words. Once for each section. */
void columns_learn(const struct columns *c, struct words *words,
		   struct str at_hand);

struct columns_view;

/*
 * Reads a packed section, which may be hostile: NULL if it is damaged or asks
 * for more words than there are. Section and words are borrowed for the
 * view's life.
 */
struct columns_view *columns_open(struct str section,
				  const struct words *words);
/* How many words the section needs. */
size_t columns_words(struct str section);
void columns_view_free(struct columns_view *v);
size_t columns_units(const struct columns_view *v);

/*
 * Appends the text of units first .. first + n - 1. False if there are no
 * such units or if they would be longer than `limit`.
 */
bool columns_text(struct columns_view *v, size_t first, size_t n, size_t limit,
		  struct buf *out);

/* Appends their lengths, as columns_add() did. */
bool columns_lengths(struct columns_view *v, size_t first, size_t n,
		     struct buf *lengths);

#endif
