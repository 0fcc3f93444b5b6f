/* SPDX-License-Identifier: MIT */
/*
 * The column codec. The first byte says what the others are:
 *
 *	'e' 'l' 'h'	events, lines, a head: must come back exactly
 *	'v'		the same as events, twice, with words learned between
 *	's'		a packed section: must be refused or read, no worse
 *	'w'		a batch of words
 */
#include <assert.h>
#include <stdlib.h>

#include "record/columns.h"
#include "record/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void round_trip(enum columns_kind kind, struct str text,
		       struct words *words)
{
	struct columns *c = columns_new();
	struct buf packed = {0}, cuts = {0}, got = {0}, lens = {0};
	struct columns_view *v;
	size_t units = columns_add(c, kind, text, &lens);

	columns_pack(c, words, (struct str){0}, &packed, &cuts);
	v = columns_open(buf_str(&packed), words);
	assert(v && columns_units(v) == units);
	assert(columns_text(v, 0, units, text.n, &got));
	assert(str_eq(buf_str(&got), text));
	got.n = 0;
	assert(columns_lengths(v, 0, units, &got));
	assert(str_eq(buf_str(&got), buf_str(&lens)));
	if (words)
		columns_learn(c, words, (struct str){0});
	columns_view_free(v);
	columns_free(c);
	buf_free(&packed);
	buf_free(&cuts);
	buf_free(&got);
	buf_free(&lens);
}

static void with_words(struct str text)
{
	struct words *w = words_new();
	struct buf batch = {0};
	size_t first;

	round_trip(COLUMNS_EVENTS, text, w);
	words_learn(w, &batch, &first);
	round_trip(COLUMNS_EVENTS, text, w);
	buf_free(&batch);
	words_free(w);
}

static void section(struct str bytes)
{
	struct columns_view *v = columns_open(bytes, NULL);
	struct buf out = {0};
	size_t n;

	if (!v)
		return;
	n = columns_units(v);
	(void)columns_text(v, 0, n, 1 << 20, &out);
	out.n = 0;
	(void)columns_text(v, n / 2, n - n / 2, 1 << 20, &out);
	out.n = 0;
	columns_lengths(v, n / 3, n - n / 3, &out);
	buf_free(&out);
	columns_view_free(v);
}

static void batch(struct str bytes)
{
	struct words *w = words_new();

	(void)words_load(w, bytes, 0);
	for (size_t i = 0; i < words_known(w); i++)
		assert(words_find(w, words_at(w, i)) == (int)i);
	words_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest;

	if (n == 0)
		return 0;
	rest = (struct str){(const char *)data + 1, n - 1};
	switch (data[0]) {
	case 'e': round_trip(COLUMNS_EVENTS, rest, NULL); break;
	case 'l': round_trip(COLUMNS_LINES, rest, NULL); break;
	case 'h': round_trip(COLUMNS_HEAD, rest, NULL); break;
	case 'v': with_words(rest); break;
	case 's': section(rest); break;
	case 'w': batch(rest); break;
	}
	return 0;
}
