/* SPDX-License-Identifier: MIT */
/*
 * Inside columns: columns.c takes units in, columns_cut.c cuts them into
 * tokens, columns_pack.c writes a section, columns_read.c reads it.
 *
 * A section is how many words of the vocabulary it knows and the sizes of its
 * streams as varints, then the streams:
 *
 *	SHAPES	count, then for each shape: holes, holes + 1 constant pieces
 *		(length, bytes), a mode a hole, MODE_SAME with its hole
 *	ORDER	for each unit its shape + 1, or 0: the next raw unit
 *	RAWS	units that fit no shape: length, bytes
 *	RUNS	for columns with MODE_RUNS: how often each value repeats
 *	INTS	integer columns: zigzag differences
 *	LOW	vocabulary columns: the low bytes of word + 1, or 0
 *	HIGH	vocabulary columns: their high bytes
 *	LENS	text columns, and words that the vocabulary lacks: bytes in
 *		all, then the length of each value
 *	TEXT	the same: the values, end to end
 *
 * The last six hold shape after shape, hole after hole.
 */
#ifndef RECORD_COLUMNS_IMPL_H
#define RECORD_COLUMNS_IMPL_H

#include "record/columns.h"
#include "record/words.h"

enum column_stream {
	STREAM_SHAPES,
	STREAM_ORDER,
	STREAM_RAWS,
	STREAM_RUNS,
	STREAM_INTS,
	STREAM_LOW,
	STREAM_HIGH,
	STREAM_LENS,
	STREAM_TEXT,
	STREAMS
};

enum column_mode {
	MODE_TEXT,  /* a length a value */
	MODE_SPACE, /* 0 where a value ends at the next space, else length+1 */
	MODE_INTS,  /* canonical decimal integers */
	MODE_SAME,  /* equal to an earlier hole, which follows */
	MODE_SUM,   /* lengths with those of an earlier hole added: padding */
	MODE_VOCAB, /* words; MODE_TEXT for what is none */
	MODE_VOCAB_SPACE, /* words; MODE_SPACE for what is none */
	MODES,
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

/* ---- the writer ---- */

enum {
	COLUMNS_MAGIC = 0x434f4c55,
	MAX_SHAPES = 128,
	MAX_TOKENS = 512,
	MAX_UNIT = 16384,
};

enum token_kind { TOKEN_STRING, TOKEN_NUMBER, TOKEN_LINE };

struct token {
	uint32_t at, end;
	enum token_kind kind;
};

/* Values in order, each with how often it repeats. */
struct column {
	struct buf text, lens, runs; /* bytes; uint32_t; uint32_t */
	uint32_t last_n, last_run;   /* of the newest value */
};

struct hole {
	uint32_t token;
	struct token span; /* where it lies in the sample */
	struct column values;
};

struct shape {
	uint64_t hash;
	struct buf glue, sample;
	struct token *tokens;
	uint32_t n_tokens;
	struct hole *holes; /* in order of their tokens */
	uint32_t n_holes;
	uint32_t rows;
	uint32_t next; /* the shape that followed last time */
};

struct columns {
	uint32_t magic;
	struct shape shapes[MAX_SHAPES];
	uint32_t n_shapes;
	uint32_t last; /* the shape of the newest unit */
	struct buf order, raws;
	size_t size;
	/* of the unit at hand */
	struct token tokens[MAX_TOKENS];
	uint32_t n_tokens;
	struct buf glue;
	struct str values[MAX_TOKENS];
};

/* columns_cut.c */

/* The length of the unit that p begins with; 0 if its end is not there. */
size_t columns_unit(enum columns_kind kind, const char *p, size_t n);

/* Where a value that begins at p ends; false if it cannot be of this kind. */
bool columns_value(enum token_kind kind, const char *p, size_t n, size_t *out);

/* Can a number go on with this byte? */
bool columns_in_number(char c);

/* Cuts a unit into c->tokens and c->glue; false if it is better kept raw. */
bool columns_cut(struct columns *c, enum columns_kind kind, struct str unit);

/* Arrays of uint32_t in a buf. */
static inline uint32_t columns_u32(const struct buf *b, size_t i)
{
	uint32_t v;

	memcpy(&v, b->p + i * sizeof v, sizeof v);
	return v;
}

static inline size_t columns_u32s(const struct buf *b)
{
	return b->n / sizeof(uint32_t);
}

#endif
