/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include "text.h"

#define PIECE 8 /* bytes of arguments in an event */

/* ---- the words ---- */

struct str talk_word(const struct talk *t, unsigned choice, enum part part,
		     size_t i)
{
	uint64_t where = (uint64_t)choice << 48 | (uint64_t)part << 40 | i;
	const struct script *s = &t->script[part];
	struct str word;

	if (s->at)
		return (struct str){s->text.p + s->at[i],
				    s->at[i + 1] - s->at[i]};
	word = words_pick(text_mix(t->seed ^ text_mix(where)));
	if (i == 0 && word.p[0] == ' ')
		word = str_skip(word, 1);
	return word;
}

void talk_add_text(const struct talk *t, unsigned choice, enum part part,
		   struct buf *out)
{
	size_t n = part == PART_REASONING ? t->reasoning : t->content;

	for (size_t i = 0; i < n; i++)
		text_json_inner(out, talk_word(t, choice, part, i));
}

double talk_logprob(const struct talk *t, unsigned choice, size_t i)
{
	uint64_t h = text_mix(t->seed + ((uint64_t)choice << 48 | i));

	return -(double)(h % 4000000) / 1e6;
}

/* Never inside a character. */
size_t talk_piece_at(const struct call *c, size_t k)
{
	size_t at = k * PIECE;

	while (at < c->args.n && ((unsigned char)c->args.p[at] & 0xc0) == 0x80)
		at++;
	return at < c->args.n ? at : c->args.n;
}

struct str talk_piece(const struct call *c, size_t k)
{
	size_t from = talk_piece_at(c, k), to = talk_piece_at(c, k + 1);

	return (struct str){c->args.p + from, to - from};
}

size_t talk_completion(const struct talk *t)
{
	return t->reasoning + t->content + t->extra + talk_count_calls(t, 0);
}

size_t talk_count_calls(const struct talk *t, size_t more)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_calls; i++)
		n += t->calls[i].pieces + more;
	return n;
}

size_t talk_find_call(const struct talk *t, size_t i, size_t more, size_t *k)
{
	size_t call = 0;

	while (i >= t->calls[call].pieces + more)
		i -= t->calls[call++].pieces + more;
	*k = i;
	return call;
}

void talk_add_call_id(const struct talk *t, const struct call *c,
		      struct buf *out)
{
	if (c->told.n)
		buf_adds(out, buf_str(&c->told));
	else if (t->dialect->letter == 'm')
		buf_addf(out, "toolu_01%.22s", c->id);
	else
		buf_addf(out, "call_%s", c->id);
}

void talk_sign(struct str thinking, struct buf *out)
{
	uint64_t state = text_hash(5, thinking);

	text_add_alnum(out, &state, 64);
	buf_adds(out, STR("=="));
}

void talk_add_sealed(const struct talk *t, size_t n, struct buf *out)
{
	uint64_t state = t->seed + 6;

	buf_adds(out, STR("gAAAAA"));
	text_add_alnum(out, &state, n);
}

void talk_add_obfuscation(struct talk *t, struct buf *out)
{
	if (!t->obfuscate)
		return;
	buf_adds(out, STR(",\"obfuscation\":\""));
	t->noise = text_mix(t->noise);
	text_add_alnum(out, &t->noise, 1 + t->noise % 16);
	buf_addc(out, '"');
}

bool talk_next(struct talk *t, struct buf *out)
{
	const struct dialect *d = t->dialect;

	while (t->stage < d->n_stages && t->i >= d->stages[t->stage].count(t)) {
		t->stage++;
		t->i = 0;
	}
	if (t->stage == d->n_stages)
		return false;
	d->stages[t->stage].say(t, t->i++, out);
	return t->stage + 1 < d->n_stages ||
	       t->i < d->stages[t->stage].count(t);
}
