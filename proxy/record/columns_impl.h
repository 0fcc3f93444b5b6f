/* SPDX-License-Identifier: MIT */
/*
 * What columns.c writes and columns_read.c reads. A section is the sizes of
 * its streams as varints, then the streams:
 *
 *	SHAPES	count, then for each shape: holes, holes + 1 constant pieces
 *		(length, bytes), a mode a hole, MODE_SAME with its hole
 *	ORDER	for each unit its shape + 1, or 0: the next raw unit
 *	RAWS	units that fit no shape: length, bytes
 *	RUNS	for columns with MODE_RUNS: how often each value repeats
 *	INTS	integer columns: zigzag differences
 *	LENS	text columns: bytes in all, then the length of each value
 *	TEXT	text columns: the values, end to end
 *
 * The last four hold shape after shape, hole after hole.
 */
#ifndef RECORD_COLUMNS_IMPL_H
#define RECORD_COLUMNS_IMPL_H

#include "record/columns.h"

enum column_stream {
	STREAM_SHAPES,
	STREAM_ORDER,
	STREAM_RAWS,
	STREAM_RUNS,
	STREAM_INTS,
	STREAM_LENS,
	STREAM_TEXT,
	STREAMS
};

enum column_mode {
	MODE_TEXT,  /* a length a value */
	MODE_WORDS, /* 0 where a value ends at the next space, else length+1 */
	MODE_INTS,  /* canonical decimal integers */
	MODE_SAME,  /* equal to an earlier hole of the same shape */
	MODE_MASK = 7,
	MODE_RUNS = 8 /* flag: values repeat */
};

/* How long the word at text[at] is taken to be: up to the next space. */
static inline size_t columns_word(const char *text, size_t at, size_t n)
{
	const char *space;

	if (at >= n)
		return 0;
	space = memchr(text + at + 1, ' ', n - at - 1);
	return space ? (size_t)(space - text) - at : n - at;
}

static inline uint64_t columns_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t columns_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
