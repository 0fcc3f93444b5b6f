/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "rules/meaning/chat_responses.h"

/* Items of an answer, parts of an answer: beyond it is not read on. How far
 * back one is looked for: they come one after the other. */
enum { MOST = 1 << 16, NEAR = 64 };

/* Room for one more of n. */
static void *room(void *list, uint32_t n, size_t size)
{
	return n & (n - 1) ? list : mem_grow(list, (n ? 2 * n : 1) * size);
}

/* ---- parts ---- */

static const struct buf *part_buf(const struct chat *c, struct slot s)
{
	const struct choice *h = &c->a.choices[s.choice];

	switch ((enum slot_kind)s.kind) {
	case SLOT_CONTENT: return &h->content;
	case SLOT_REFUSAL: return &h->refusal;
	case SLOT_ARGUMENTS: return &h->calls[s.part].arguments;
	default: return &h->pieces[s.part].text;
	}
}

struct part *part_find(struct chat *c, const struct item *item, int64_t index,
		       bool summary, enum slot_kind kind)
{
	struct responses *r = c->own;
	uint32_t n = r->n_parts;

	for (uint32_t i = n; i > 0 && n - i < NEAR; i--) {
		struct part *p = &r->parts[i - 1];

		if (p->item == item->index && p->index == index &&
		    p->summary == summary && p->slot.kind == kind &&
		    p->slot.part == item->at)
			return p;
	}
	return NULL;
}

static bool same_buf(const struct part *a, const struct part *b)
{
	return a->slot.kind == b->slot.kind && a->slot.part == b->slot.part;
}

/* Ends those before it, whose text cannot grow in one piece any more. */
static void close_others(struct chat *c, const struct part *p)
{
	struct responses *r = c->own;
	size_t end = part_buf(c, p->slot)->n;

	for (uint32_t i = r->n_parts, k = 0; i > 0 && k < NEAR; i--, k++) {
		struct part *other = &r->parts[i - 1];

		if (other == p || other->closed || !same_buf(other, p))
			continue;
		other->closed = true;
		other->n = end - other->from;
	}
}

struct part *part_new(struct chat *c, struct item *item, int64_t index,
		      bool summary, enum slot_kind kind)
{
	struct responses *r = c->own;
	struct slot slot = {kind, 0, item->at};
	struct part *p;

	if (r->n_parts == MOST) {
		chat_cut(c, "more parts than the limit");
		return NULL;
	}
	r->parts = room(r->parts, r->n_parts, sizeof(*r->parts));
	p = &r->parts[r->n_parts++];
	*p = (struct part){item->index, index, summary, slot};
	close_others(c, p);
	r->last = 0;
	/* Parts of a thought are lines of it. */
	if (kind == SLOT_REASONING && part_buf(c, slot)->n)
		chat_add(c, slot, STR("\n"), chat_offset(c, NULL));
	p->from = part_buf(c, slot)->n;
	item->told = true;
	return p;
}

bool part_goes_on(struct chat *c, struct part *p)
{
	struct responses *r = c->own;
	uint32_t number = (uint32_t)(p - r->parts) + 1;

	if (r->last == number)
		return true;
	r->last = number;
	p->mixed |= p->closed;
	close_others(c, p);
	return false;
}

/* Where characters came broken, texts differ for another reason. */
static bool can_compare(const struct chat *c)
{
	return !c->any_mended && !c->a.quirks[QUIRK_lone_surrogate].seen;
}

static void differ(struct chat *c, const struct json *text)
{
	chat_quirk(c, QUIRK_parts_differ, chat_offset(c, text), "%.*s",
		   STR_ARG(json_text(text)));
}

void part_check(struct chat *c, const struct part *p, const struct json *text)
{
	const struct buf *b = part_buf(c, p->slot);
	struct str said = str_skip(buf_str(b), p->from);

	if (!json_is(text, JSON_STRING) || p->mixed || !can_compare(c))
		return;
	if (p->closed)
		said.n = p->n;
	if (!str_eq(said, json_text(text)))
		differ(c, text);
}

/* ---- items ---- */

enum item_kind item_kind(const struct json *item)
{
	static const char *const kinds[] = {[ITEM_MESSAGE] = "message",
					    [ITEM_REASONING] = "reasoning",
					    [ITEM_CALL] = "function_call",
					    [ITEM_CUSTOM] = "custom_tool_call"};
	const struct json *type = json_get(item, STR("type"));

	for (enum item_kind k = ITEM_MESSAGE; k <= ITEM_CUSTOM; k++)
		if (json_says(type, str_of(kinds[k])))
			return k;
	return ITEM_OTHER;
}

/* What it fills in of the answer. False: over a limit. */
static bool begin(struct chat *c, struct item *item)
{
	struct choice *h = chat_choice(c, 0);

	if (!h)
		return false;
	switch (item->kind) {
	case ITEM_REASONING:
		item->at = (uint32_t)h->n_pieces;
		return chat_piece_new(c, h, REASONING_ITEM) != NULL;
	case ITEM_CALL:
	case ITEM_CUSTOM:
		item->at = (uint32_t)h->n_calls;
		return chat_call_new(c, h, item->at) != NULL;
	case ITEM_OTHER: h->other = true; return true;
	default: return true;
	}
}

struct item *item_new(struct chat *c, enum item_kind kind, int64_t index)
{
	struct responses *r = c->own;
	struct item item = {index, kind};

	if (r->n_items == MOST) {
		chat_cut(c, "more items than the limit");
		return NULL;
	}
	if (!begin(c, &item))
		return NULL;
	r->items = room(r->items, r->n_items, sizeof(*r->items));
	r->items[r->n_items] = item;
	return &r->items[r->n_items++];
}

struct item *item_of(struct chat *c, const struct json *root,
		     enum item_kind kind)
{
	struct responses *r = c->own;
	uint32_t n = r->n_items;
	int64_t index = -1;

	json_int(json_get(root, STR("output_index")), &index);
	for (uint32_t i = n; i > 0 && n - i < NEAR; i--)
		if (r->items[i - 1].index == index &&
		    r->items[i - 1].kind == kind)
			return &r->items[i - 1];
	return item_new(c, kind, index);
}

/* ---- what an item says ---- */

static void read_message(struct chat *c, struct item *item,
			 const struct json *node, bool whole)
{
	const struct json *parts = json_get(node, STR("content"));
	struct choice *h = chat_choice(c, 0);

	chat_set(c, &h->role, json_get(node, STR("role")));
	if (!whole || item->told || !json_is(parts, JSON_ARRAY))
		return;
	for (uint32_t i = 0; i < parts->n; i++) {
		const struct json *part = parts->v[i];
		const struct json *log = json_get(part, STR("logprobs"));

		chat_text(c, (struct slot){SLOT_CONTENT, 0, 0},
			  json_get(part, STR("text")));
		chat_text(c, (struct slot){SLOT_REFUSAL, 0, 0},
			  json_get(part, STR("refusal")));
		h->logprobs += json_is(log, JSON_ARRAY) ? log->n : 0;
	}
	item->told = true;
}

/* Texts of parts, a line each. */
static void join(struct buf *to, const struct json *parts)
{
	for (uint32_t i = 0; json_is(parts, JSON_ARRAY) && i < parts->n; i++) {
		if (i)
			buf_addc(to, '\n');
		buf_adds(to, json_text(json_get(parts->v[i], STR("text"))));
	}
}

static void set_text(struct chat *c, struct buf *field, struct str text)
{
	c->texts -= field->n;
	field->n = 0;
	chat_keep(c, field, text);
}

/* The text is the content's, else the summary's, as it is of an item that a
 * client sends back. */
static void read_thought(struct chat *c, struct item *item,
			 const struct json *node)
{
	struct reasoning *piece = &c->a.choices[0].pieces[item->at];
	const struct json *parts = json_get(node, STR("content"));
	struct buf text = {0};

	if (!json_is(parts, JSON_ARRAY) || parts->n == 0)
		parts = json_get(node, STR("summary"));
	join(&text, parts);
	if (!item->told)
		chat_add(c, (struct slot){SLOT_REASONING, 0, item->at},
			 buf_str(&text), chat_offset(c, parts));
	else if (text.n)
		set_text(c, &piece->text, buf_str(&text));
	text.n = 0;
	json_write(&text, node);
	set_text(c, &piece->raw, buf_str(&text));
	item->told = true;
	buf_free(&text);
}

static void read_reasoning(struct chat *c, struct item *item,
			   const struct json *node, bool whole)
{
	struct reasoning *piece = &c->a.choices[0].pieces[item->at];

	chat_set(c, &piece->id, json_get(node, STR("id")));
	chat_set(c, &piece->signature,
		 json_get(node, STR("encrypted_content")));
	if (whole)
		read_thought(c, item, node);
}

static void read_call(struct chat *c, struct item *item,
		      const struct json *node, bool whole)
{
	bool custom = item->kind == ITEM_CUSTOM;
	const struct json *said =
		json_get(node, custom ? STR("input") : STR("arguments"));
	struct choice *h = chat_choice(c, 0);
	struct tool_call *t = &h->calls[item->at];

	if (t->offset == 0)
		t->offset = chat_offset(c, node);
	chat_set(c, &t->id, json_get(node, STR("call_id")));
	chat_set(c, &t->type, json_get(node, STR("type")));
	chat_set(c, &t->name, json_get(node, STR("name")));
	if (t->arguments.n == 0)
		chat_arguments(c, h, t, said);
	else if (whole && json_is(said, JSON_STRING) && can_compare(c) &&
		 !str_eq(buf_str(&t->arguments), json_text(said)))
		differ(c, said);
}

void item_read(struct chat *c, struct item *item, const struct json *node,
	       bool whole)
{
	switch (item->kind) {
	case ITEM_MESSAGE: read_message(c, item, node, whole); break;
	case ITEM_REASONING: read_reasoning(c, item, node, whole); break;
	case ITEM_CALL:
	case ITEM_CUSTOM: read_call(c, item, node, whole); break;
	case ITEM_OTHER: break;
	}
}
