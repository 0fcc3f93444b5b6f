/* SPDX-License-Identifier: MIT */
/*
 * Texts that are given instead of drawn from the seed.
 *
 *	text   N i c h t s   ü b e r
 *	at     0       3   5     8   10    n = 4
 */
#include "talk.h"

#include <stdlib.h>

#include "base/mem.h"
#include "text.h"

#define LEAST 2
#define MOST  7 /* bytes of a piece, about */

size_t *talk_length(struct talk *t, enum part part)
{
	return part == PART_REASONING ? &t->reasoning : &t->content;
}

/* Where the next piece ends: some bytes on, never inside a character. */
static size_t next_cut(struct str text, size_t from, uint64_t *state)
{
	size_t to;

	*state = text_mix(*state);
	to = from + LEAST + *state % (MOST - LEAST + 1);
	while (to < text.n && ((unsigned char)text.p[to] & 0xc0) == 0x80)
		to++;
	return to < text.n ? to : text.n;
}

static void replace(struct talk *t, enum part part, struct str text, size_t *at,
		    size_t n)
{
	struct script *s = &t->script[part];
	struct buf copy = {0};

	buf_adds(&copy, text);
	buf_free(&s->text);
	free(s->at);
	*s = (struct script){copy, at, n};
	*talk_length(t, part) = n;
}

void script_set(struct talk *t, enum part part, struct str text)
{
	size_t *at = mem_alloc((text.n / LEAST + 2) * sizeof(*at));
	uint64_t state = t->seed;
	size_t n = 0;

	at[0] = 0;
	while (at[n] < text.n) {
		at[n + 1] = next_cut(text, at[n], &state);
		n++;
	}
	replace(t, part, text, at, n);
}

void script_fix(struct talk *t, enum part part)
{
	size_t n = *talk_length(t, part);
	size_t *at = mem_alloc((n + 1) * sizeof(*at));
	struct buf text = {0};

	for (size_t i = 0; i < n; i++) {
		at[i] = text.n;
		buf_adds(&text, talk_word(t, 0, part, i));
	}
	at[n] = text.n;
	replace(t, part, buf_str(&text), at, n);
	buf_free(&text);
}

void script_join(struct talk *t, enum part part)
{
	struct script *s = &t->script[part];

	script_fix(t, part);
	if (s->n < 2)
		return;
	t->extra += s->n - 1;
	s->at[1] = s->text.n;
	s->n = 1;
	*talk_length(t, part) = 1;
}

void script_none(struct talk *t, enum part part)
{
	*talk_length(t, part) = 0;
}
