/* SPDX-License-Identifier: MIT */
/*
 * Reasoning of chat completions, under all its names. Some vendors say the
 * same under two of them; each name's text is kept as a piece of its own (it
 * must come back under its own name), and the choice's reasoning is, of each
 * delta, what the first of the names says:
 *
 *	reasoning_content	-> piece ----.
 *	reasoning		-> piece - - +--> choices[].reasoning
 *	reasoning_details[0]	-> piece - - '
 */
#include <stdlib.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "rules/meaning/chat_openai.h"

enum detail_kind { DETAIL_TEXT, DETAIL_SUMMARY, DETAIL_DATA };

/* ---- plain fields ---- */

static struct reasoning *piece_of(struct chat *c, struct choice *h,
				  enum reasoning_name name)
{
	for (size_t i = 0; i < h->n_pieces; i++) {
		if (h->pieces[i].name == name)
			return &h->pieces[i];
	}
	return chat_piece_new(c, h, name);
}

/* `said`: this delta said it already under another name. */
static bool read_plain(struct chat *c, struct choice *h,
		       enum reasoning_name name, const struct json *text,
		       bool said)
{
	struct reasoning *r;
	struct slot to = {said ? SLOT_ECHO : SLOT_REASONING,
			  chat_choice_at(c, h), 0};

	if (!json_is(text, JSON_STRING) || text->raw.n == 0)
		return false;
	r = piece_of(c, h, name);
	if (!r)
		return false;
	to.part = (uint32_t)(r - h->pieces);
	return chat_text(c, to, text);
}

void openai_thinking(struct chat *c, struct choice *h, const struct json *text)
{
	read_plain(c, h, REASONING_THINKING, text, false);
}

/* ---- reasoning_details ---- */

static bool is_text_member(struct str key)
{
	return str_eq(key, STR("text")) || str_eq(key, STR("summary")) ||
	       str_eq(key, STR("data")) || str_eq(key, STR("signature"));
}

/* What of an element is said once opens `raw`; see close_detail(). */
static void open_raw(struct chat *c, struct reasoning *r,
		     const struct json *element)
{
	struct buf b = {0};

	for (uint32_t i = 0; i < element->n; i++) {
		const struct json *m = element->v[i];

		if (is_text_member(m->key))
			continue;
		buf_addc(&b, b.n ? ',' : '{');
		json_quote(&b, m->key);
		buf_addc(&b, ':');
		json_write(&b, m);
	}
	if (b.n == 0)
		buf_addc(&b, '{');
	chat_keep(c, &r->raw, buf_str(&b));
	buf_free(&b);
}

static void close_text(struct chat *c, struct reasoning *r, const char *name,
		       const struct buf *text)
{
	struct buf b = {0};

	if (text->n == 0)
		return;
	if (r->raw.n > 1)
		buf_addc(&b, ',');
	buf_addf(&b, "\"%s\":", name);
	json_quote(&b, buf_str(text));
	chat_keep(c, &r->raw, buf_str(&b));
	buf_free(&b);
}

void openai_close_details(struct chat *c)
{
	struct openai *own = c->own;

	for (size_t i = 0; i < own->n_details; i++) {
		const struct detail *d = &own->details[i];
		struct choice *h = &c->a.choices[d->choice];
		struct reasoning *r = &h->pieces[d->part];

		close_text(c, r, d->kind == DETAIL_SUMMARY ? "summary" : "text",
			   &r->text);
		close_text(c, r, d->kind == DETAIL_DATA ? "data" : "signature",
			   &r->signature);
		chat_keep(c, &r->raw, STR("}"));
	}
}

void openai_free_details(struct openai *own)
{
	free(own->details);
}

static enum detail_kind kind_of(const struct json *element)
{
	if (json_get(element, STR("data")))
		return DETAIL_DATA;
	return json_get(element, STR("summary")) ? DETAIL_SUMMARY : DETAIL_TEXT;
}

static struct reasoning *detail_new(struct chat *c, struct choice *h,
				    const struct json *element, struct detail d)
{
	struct openai *own = c->own;
	struct reasoning *r = chat_piece_new(c, h, REASONING_DETAILS);

	if (!r)
		return NULL;
	d.part = (uint32_t)(r - h->pieces);
	own->details = mem_grow(own->details, (own->n_details + 1) * sizeof d);
	own->details[own->n_details++] = d;
	chat_set(c, &r->id, json_get(element, STR("id")));
	open_raw(c, r, element);
	return r;
}

/* The piece that an element goes on with: of the same index and kind, and not
 * of another id. A signature alone belongs to the text. */
static struct reasoning *detail_of(struct chat *c, struct choice *h,
				   const struct json *element,
				   uint32_t position)
{
	struct openai *own = c->own;
	struct detail now = {position, kind_of(element), chat_choice_at(c, h),
			     0};
	struct str id = json_text(json_get(element, STR("id")));

	json_int(json_get(element, STR("index")), &now.index);
	for (size_t i = own->n_details; i-- > 0;) {
		const struct detail *d = &own->details[i];
		struct reasoning *r;

		if (d->choice != now.choice || d->index != now.index ||
		    d->kind != now.kind)
			continue;
		r = &h->pieces[d->part];
		if (id.n && r->id.n && !str_eq(id, buf_str(&r->id)))
			continue;
		return r;
	}
	return detail_new(c, h, element, now);
}

static void read_detail(struct chat *c, struct choice *h,
			const struct json *element, uint32_t position,
			bool said)
{
	struct reasoning *r = detail_of(c, h, element, position);
	struct slot to = {said ? SLOT_ECHO : SLOT_REASONING,
			  chat_choice_at(c, h), 0};

	if (!r)
		return;
	to.part = (uint32_t)(r - h->pieces);
	chat_text(c, to, json_get(element, STR("text")));
	chat_text(c, to, json_get(element, STR("summary")));
	to.kind = SLOT_SIGNATURE;
	chat_text(c, to, json_get(element, STR("data")));
	chat_text(c, to, json_get(element, STR("signature")));
}

static bool is_text(const struct json *j)
{
	return json_is(j, JSON_STRING) && j->raw.n > 0;
}

void openai_reasoning(struct chat *c, struct choice *h, const struct json *m)
{
	const struct json *content = json_get(m, STR("reasoning_content"));
	const struct json *plain = json_get(m, STR("reasoning"));
	const struct json *details = json_get(m, STR("reasoning_details"));
	bool said;

	said = read_plain(c, h, REASONING_REASONING_CONTENT, content, false);
	said |= read_plain(c, h, REASONING_REASONING, plain, said);
	if (is_text(content) && is_text(plain)) {
		c->once = true; /* they are compared each time */
		if (!json_equal(content, plain))
			chat_quirk(c, QUIRK_reasoning_names,
				   chat_offset(c, plain), "%.*s",
				   STR_ARG(plain->raw));
	}
	for (uint32_t i = 0; json_is(details, JSON_ARRAY) && i < details->n;
	     i++) {
		if (json_is(details->v[i], JSON_OBJECT))
			read_detail(c, h, details->v[i], i, said);
	}
}

void openai_check_reasoning(struct chat *c, const struct choice *h)
{
	const struct reasoning *content = NULL, *plain = NULL;

	for (size_t i = 0; i < h->n_pieces; i++) {
		if (h->pieces[i].name == REASONING_REASONING_CONTENT)
			content = &h->pieces[i];
		if (h->pieces[i].name == REASONING_REASONING)
			plain = &h->pieces[i];
	}
	if (content && plain &&
	    !str_eq(buf_str(&content->text), buf_str(&plain->text)))
		chat_quirk(c, QUIRK_reasoning_names, h->reasoning_at, "%s",
			   "one name says more than the other");
}
