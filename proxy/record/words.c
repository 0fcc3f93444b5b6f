/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 *	slots	[..|17|..|..|4|..]	hash of a word -> item + 1
 *	items	[ the | cat | qux | .. ]	known: number; else: candidate
 *	known	[4, 17, ..]		number -> item
 *
 * Candidates that fill the table without ever coming again are forgotten all
 * at once; what is known stays.
 */
#include "record/words.h"

#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"

enum {
	WORDS_MAGIC = 0x574f5244,
	SLOTS = 1 << 17,
	ITEMS = 1 << 16,
	BATCH = 64, /* fewer are not worth a row */
};

struct item {
	char *p;
	uint32_t n;
	uint32_t seen;
	int32_t number; /* -1: a candidate */
};

struct words {
	uint32_t magic;
	uint32_t *slots;
	struct item *items;
	uint32_t n_items;
	uint32_t known[WORDS_MAX];
	uint32_t n_known;
	struct buf ripe; /* uint32_t: candidates seen twice */
};

struct words *words_new(void)
{
	struct words *w = MEM_NEW(struct words);

	w->magic = WORDS_MAGIC;
	w->slots = mem_zero(SLOTS * sizeof *w->slots);
	w->items = mem_zero(ITEMS * sizeof *w->items);
	return w;
}

void words_free(struct words *w)
{
	if (!w)
		return;
	assert(w->magic == WORDS_MAGIC);
	for (uint32_t i = 0; i < w->n_items; i++)
		free(w->items[i].p);
	free(w->items);
	free(w->slots);
	buf_free(&w->ripe);
	w->magic = 0;
	free(w);
}

size_t words_known(const struct words *w)
{
	assert(w->magic == WORDS_MAGIC);
	return w->n_known;
}

struct str words_at(const struct words *w, size_t number)
{
	const struct item *i = &w->items[w->known[number]];

	assert(number < w->n_known);
	return (struct str){i->p, i->n};
}

/* The word's slot, or the free one where it belongs. */
static uint32_t *slot_of(const struct words *w, struct str word)
{
	uint32_t at = (uint32_t)XXH3_64bits(word.p, word.n) & (SLOTS - 1);

	for (;; at = (at + 1) & (SLOTS - 1)) {
		const struct item *i;

		if (w->slots[at] == 0)
			return &w->slots[at];
		i = &w->items[w->slots[at] - 1];
		if (i->n == word.n && memcmp(i->p, word.p, word.n) == 0)
			return &w->slots[at];
	}
}

int words_find(const struct words *w, struct str word)
{
	uint32_t slot;

	if (word.n == 0 || word.n > WORD_BYTES)
		return -1;
	slot = *slot_of(w, word);
	return slot ? w->items[slot - 1].number : -1;
}

/* Keeps the known ones alone. */
static void forget_candidates(struct words *w)
{
	uint32_t n = 0;

	memset(w->slots, 0, SLOTS * sizeof *w->slots);
	w->ripe.n = 0;
	for (uint32_t i = 0; i < w->n_items; i++) {
		struct item *it = &w->items[i];

		if (it->number < 0) {
			free(it->p);
			continue;
		}
		w->known[it->number] = n;
		w->items[n] = *it;
		*slot_of(w, (struct str){it->p, it->n}) = n + 1;
		n++;
	}
	w->n_items = n;
}

static uint32_t item_new(struct words *w, struct str word)
{
	uint32_t i = w->n_items;

	w->items[i] = (struct item){str_dup(word), (uint32_t)word.n, 0, -1};
	*slot_of(w, word) = i + 1;
	w->n_items++;
	return i;
}

void words_count(struct words *w, struct str word)
{
	uint32_t slot;

	assert(w->magic == WORDS_MAGIC);
	if (word.n == 0 || word.n > WORD_BYTES || w->n_known == WORDS_MAX)
		return;
	if (w->n_items == ITEMS)
		forget_candidates(w);
	slot = *slot_of(w, word);
	if (!slot)
		slot = item_new(w, word) + 1;
	slot--;
	if (w->items[slot].number < 0 && ++w->items[slot].seen == 2)
		buf_add(&w->ripe, &slot, sizeof slot);
}

static void learn(struct words *w, uint32_t item)
{
	w->items[item].number = (int32_t)w->n_known;
	w->known[w->n_known++] = item;
}

/* How often, roughly: 2, 4, 8, .. times. */
static int frequency(const struct item *i)
{
	return i->seen ? 31 - __builtin_clz(i->seen) : 0;
}

/* The frequent first, then in order, so that neighbours are alike. */
static int compare(const void *a, const void *b, void *arg)
{
	const struct words *w = arg;
	const struct item *x = &w->items[*(const uint32_t *)a];
	const struct item *y = &w->items[*(const uint32_t *)b];
	int c = frequency(y) - frequency(x);

	if (c == 0)
		c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
	return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* Appends a batch: counts of shared bytes, of others, and the others. */
static void write_batch(const struct words *w, const uint32_t *items, size_t n,
			struct buf *out)
{
	struct buf lens = {0}, rest = {0};
	const struct item *before = NULL;

	for (size_t k = 0; k < n; k++) {
		const struct item *i = &w->items[items[k]];
		uint32_t same = 0;

		while (before && same < before->n && same < i->n &&
		       before->p[same] == i->p[same])
			same++;
		buf_addc(out, (char)same);
		buf_addc(&lens, (char)(i->n - same));
		buf_add(&rest, i->p + same, i->n - same);
		before = i;
	}
	buf_adds(out, buf_str(&lens));
	buf_adds(out, buf_str(&rest));
	buf_free(&lens);
	buf_free(&rest);
}

bool words_learn(struct words *w, struct buf *out, size_t *first)
{
	uint32_t *items = (uint32_t *)w->ripe.p;
	size_t n = w->ripe.n / sizeof *items;

	assert(w->magic == WORDS_MAGIC);
	*first = w->n_known;
	if (n < BATCH || w->n_known == WORDS_MAX)
		return false;
	qsort_r(items, n, sizeof *items, compare, w);
	if (n > WORDS_MAX - w->n_known)
		n = WORDS_MAX - w->n_known;
	for (size_t k = 0; k < n; k++)
		learn(w, items[k]);
	buf_add_varint(out, n);
	write_batch(w, items, n, out);
	w->ripe.n = 0;
	return true;
}

/* Learns the next word of a batch; `before` is the one before it. */
static bool load_word(struct words *w, struct str before, unsigned same,
		      unsigned more, struct str *rest)
{
	char word[WORD_BYTES];
	struct str s = {word, (size_t)same + more};

	if (same > before.n || more > rest->n || s.n > WORD_BYTES || s.n == 0 ||
	    w->n_known == WORDS_MAX || w->n_items == ITEMS)
		return false;
	memcpy(word, before.p, same);
	memcpy(word + same, rest->p, more);
	*rest = str_skip(*rest, more);
	if (*slot_of(w, s))
		return false;
	learn(w, item_new(w, s));
	return true;
}

bool words_load(struct words *w, struct str batch, size_t first)
{
	struct str before = {"", 0}, rest;
	uint64_t n;

	assert(w->magic == WORDS_MAGIC);
	if (first != w->n_known || !str_varint(&batch, &n) || n > batch.n / 2)
		return false;
	rest = str_skip(batch, 2 * (size_t)n);
	for (size_t k = 0; k < n; k++) {
		if (!load_word(w, before, (unsigned char)batch.p[k],
			       (unsigned char)batch.p[n + k], &rest))
			return false;
		before = words_at(w, w->n_known - 1);
	}
	return rest.n == 0;
}
