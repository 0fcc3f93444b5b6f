/* SPDX-License-Identifier: MIT */
/* The blocks that an answer is built of, each within the limits; and the
 * words for dialects and reasoning. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "rules/meaning/chat_impl.h"

/* ---- words ---- */

static const char *const dialect_names[DIALECTS] = {
	[DIALECT_NONE] = "none",
	[DIALECT_CHAT] = "chat",
	[DIALECT_COMPLETIONS] = "completions",
	[DIALECT_RESPONSES] = "responses",
	[DIALECT_MESSAGES] = "messages",
};

const char *dialect_name(enum dialect d)
{
	return (unsigned)d < DIALECTS ? dialect_names[d] : "?";
}

int dialect_named(struct str name)
{
	return str_among(name, dialect_names, DIALECTS);
}

const char *reasoning_name(enum reasoning_name n)
{
#define REASONING_TEXT_(name, text) text,
	static const char *const names[] = {REASONING_NAMES(REASONING_TEXT_)};

	return (unsigned)n < REASONING_KINDS ? names[n] : "?";
}

static bool ends_with(struct str s, struct str end)
{
	return s.n >= end.n && str_eq(str_skip(s, s.n - end.n), end);
}

static bool contains(struct str s, struct str what)
{
	return memmem(s.p, s.n, what.p, what.n) != NULL;
}

enum dialect dialect_of(struct str method, struct str path)
{
	struct str rest = path, p = str_cut(&rest, '?');

	if (!str_eq(method, STR("POST")))
		return DIALECT_NONE;
	if (p.n > 1 && p.p[p.n - 1] == '/')
		p.n--;
	if (ends_with(p, STR("/chat/completions")))
		return DIALECT_CHAT;
	if (ends_with(p, STR("/completions")))
		return DIALECT_COMPLETIONS;
	if (ends_with(p, STR("/responses")))
		return DIALECT_RESPONSES;
	/* OpenAI's threads have messages that are no conversation of ours. */
	if (ends_with(p, STR("/messages")) && !contains(p, STR("/threads/")))
		return DIALECT_MESSAGES;
	return DIALECT_NONE;
}

/* ---- what an answer owns ---- */

static void piece_free(struct reasoning *r)
{
	buf_free(&r->text);
	buf_free(&r->signature);
	buf_free(&r->id);
	buf_free(&r->raw);
}

static void call_free(struct tool_call *t)
{
	buf_free(&t->id);
	buf_free(&t->type);
	buf_free(&t->name);
	buf_free(&t->arguments);
	buf_free(&t->signature);
}

static void choice_free(struct choice *h)
{
	for (size_t i = 0; i < h->n_pieces; i++)
		piece_free(&h->pieces[i]);
	for (size_t i = 0; i < h->n_calls; i++)
		call_free(&h->calls[i]);
	free(h->pieces);
	free(h->calls);
	buf_free(&h->role);
	buf_free(&h->content);
	buf_free(&h->refusal);
	buf_free(&h->reasoning);
	buf_free(&h->finish);
	buf_free(&h->finish_detail);
}

void answer_free(struct answer *a)
{
	for (size_t i = 0; i < a->n_choices; i++)
		choice_free(&a->choices[i]);
	free(a->choices);
	buf_free(&a->id);
	buf_free(&a->model);
	buf_free(&a->system_fingerprint);
	buf_free(&a->service_tier);
	buf_free(&a->error_type);
	buf_free(&a->error_code);
	buf_free(&a->error_message);
	buf_free(&a->error_param);
	buf_free(&a->echo);
}

/* One more element, zeroed, behind n others: room grows in powers of two. */
static void *grown(void **list, size_t n, size_t size)
{
	if ((n & (n - 1)) == 0)
		*list = mem_grow(*list, (n ? 2 * n : 1) * size);
	return memset((char *)*list + n * size, 0, size);
}

struct choice *chat_choice(struct chat *c, uint32_t index)
{
	struct answer *a = &c->a;
	struct choice *h;

	for (size_t i = 0; i < a->n_choices; i++) {
		if (a->choices[i].index == index)
			return &a->choices[i];
	}
	if (a->n_choices == c->limits.choices) {
		chat_cut(c, "more choices than the limit");
		return NULL;
	}
	h = grown((void **)&a->choices, a->n_choices++, sizeof *h);
	h->index = index;
	c->once = true;
	h->content_null = true;
	return h;
}

uint32_t chat_choice_at(const struct chat *c, const struct choice *h)
{
	return (uint32_t)(h - c->a.choices);
}

struct tool_call *chat_call_new(struct chat *c, struct choice *h,
				uint32_t index)
{
	struct tool_call *t;

	if (h->n_calls == c->limits.calls) {
		chat_cut(c, "more tool calls than the limit");
		return NULL;
	}
	t = grown((void **)&h->calls, h->n_calls++, sizeof *t);
	t->index = index;
	c->once = true;
	return t;
}

struct reasoning *chat_piece_new(struct chat *c, struct choice *h,
				 enum reasoning_name name)
{
	struct reasoning *r;

	if (h->n_pieces == c->limits.calls) {
		chat_cut(c, "more pieces of reasoning than the limit");
		return NULL;
	}
	r = grown((void **)&h->pieces, h->n_pieces++, sizeof *r);
	r->name = name;
	c->once = true;
	return r;
}

/* ---- texts ---- */

/* May n more bytes be kept? */
static bool has_room(struct chat *c, size_t n)
{
	if (n > c->limits.text - c->texts) {
		chat_cut(c, "more text than the limit");
		return false;
	}
	c->texts += n;
	return true;
}

void chat_keep(struct chat *c, struct buf *field, struct str text)
{
	if (text.n == 0 || !has_room(c, text.n))
		return;
	c->once = true;
	buf_adds(field, text);
}

void chat_replace(struct chat *c, struct buf *field, struct str text)
{
	if (str_eq(buf_str(field), text))
		return;
	c->once = true;
	c->texts -= field->n;
	field->n = 0;
	chat_keep(c, field, text);
}

void chat_set(struct chat *c, struct buf *field, const struct json *node)
{
	if (json_is(node, JSON_STRING))
		chat_replace(c, field, json_text(node));
}

static void note_first(uint64_t *at, uint64_t offset)
{
	if (*at == 0)
		*at = offset;
}

/* The buffer of a slot; marks where its text begins. */
static struct buf *slot_buf(struct chat *c, struct slot to, uint64_t offset)
{
	struct choice *h = &c->a.choices[to.choice];

	assert(to.choice < c->a.n_choices);
	switch ((enum slot_kind)to.kind) {
	case SLOT_CONTENT:
		h->content_null = false;
		note_first(&h->content_at, offset);
		return &h->content;
	case SLOT_REFUSAL: return &h->refusal;
	case SLOT_REASONING: note_first(&h->reasoning_at, offset); break;
	case SLOT_ECHO: break;
	case SLOT_SIGNATURE:
		assert(to.part < h->n_pieces);
		return &h->pieces[to.part].signature;
	case SLOT_ARGUMENTS:
		assert(to.part < h->n_calls);
		return &h->calls[to.part].arguments;
	}
	assert(to.part < h->n_pieces);
	return &h->pieces[to.part].text;
}

static void look_for_replacement(struct chat *c, struct str text,
				 uint64_t offset)
{
	static const char fffd[] = "\xef\xbf\xbd";

	if (!c->mended && !c->a.quirks[QUIRK_replacement_char].seen &&
	    text.n >= 3 && memmem(text.p, text.n, fffd, 3))
		chat_quirk(c, QUIRK_replacement_char, offset, "%.*s",
			   STR_ARG(text));
}

void chat_append(struct chat *c, struct slot to, struct str text,
		 uint64_t offset)
{
	if (text.n == 0 || !has_room(c, text.n))
		return;
	buf_adds(slot_buf(c, to, offset), text);
	if (to.kind == SLOT_REASONING && has_room(c, text.n))
		buf_adds(&c->a.choices[to.choice].reasoning, text);
	if (to.kind != SLOT_ECHO && to.kind != SLOT_SIGNATURE)
		c->event_text += text.n;
	look_for_replacement(c, text, offset);
}

void chat_add(struct chat *c, struct slot to, struct str text, uint64_t offset)
{
	c->once |= text.n > 0;
	chat_append(c, to, text, offset);
}

bool chat_text(struct chat *c, struct slot to, const struct json *node)
{
	bool mended = c->mended;
	struct str text;

	if (!json_is(node, JSON_STRING))
		return false;
	if (to.kind == SLOT_CONTENT)
		c->a.choices[to.choice].content_null = false;
	if (node->raw.n == 0)
		return false;
	text = json_text(node);
	c->mended |= node->surrogates; /* what became U+FFFD was not one */
	chat_append(c, to, text, chat_offset(c, node));
	c->mended = mended;
	templates_hole(c->templates, HOLE_TEXT, node->raw, to);
	return true;
}

void chat_any(struct chat *c, const struct json *node)
{
	if (json_is(node, JSON_STRING) || json_is(node, JSON_NUMBER))
		templates_hole(c->templates, HOLE_ANY, node->raw,
			       (struct slot){0});
}

void chat_sequence(struct chat *c, const struct json *node)
{
	int64_t n, due = c->next_sequence;

	if (!json_int(node, &n)) {
		chat_quirk(c, QUIRK_sequence_wrong, chat_offset(c, node),
			   "no sequence_number");
		return;
	}
	if (due >= 0 && n != due)
		chat_quirk(c, QUIRK_sequence_wrong, chat_offset(c, node),
			   "%lld instead of %lld", (long long)n,
			   (long long)due);
	c->next_sequence = n >= 0 && n < INT64_MAX ? n + 1 : -1;
	templates_hole(c->templates, HOLE_NEXT, node->raw, (struct slot){0});
}

void chat_repeats(struct chat *c)
{
	c->repeats = true;
}
