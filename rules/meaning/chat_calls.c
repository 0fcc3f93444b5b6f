/* SPDX-License-Identifier: MIT */
/*
 * Tool calls of chat completions, put together from deltas by their index:
 *
 *	[{"index":0,"id":"a","type":"function",
 *	  "function":{"name":"f","arguments":""}}]	begins call 0
 *	[{"index":0,"function":{"arguments":"{\"x\""}}]	goes on with it
 *
 * Not all vendors count: a second call under an index that is taken is kept as
 * a call of its own, so that what it says can be judged.
 */
#include "rules/meaning/chat_openai.h"

/* A delta's call, or one of a message. */
struct said {
	const struct json *node, *arguments;
	const struct json *id, *type, *name;
	struct str id_text, name_text;
	int64_t index; /* -1: none */
};

static struct said read_said(const struct json *node)
{
	struct said d = {.node = node, .index = -1};
	const struct json *f = json_get(node, STR("function"));
	const struct json *custom = json_get(node, STR("custom"));

	d.id = json_get(node, STR("id"));
	d.type = json_get(node, STR("type"));
	d.name = json_get(custom ? custom : f, STR("name"));
	d.arguments = custom ? json_get(custom, STR("input"))
			     : json_get(f, STR("arguments"));
	d.id_text = json_text(d.id);
	d.name_text = json_text(d.name);
	if (!json_int(json_get(node, STR("index")), &d.index) || d.index < 0 ||
	    d.index >= UINT32_MAX)
		d.index = -1;
	return d;
}

/* As far as its end tells, nothing is missing from these arguments. */
static bool is_complete(const struct tool_call *t)
{
	return t->arguments.n == 0 || t->arguments.p[t->arguments.n - 1] == '}';
}

/* Does the delta begin another call than the one of its index? */
static bool is_another(const struct tool_call *t, const struct said *d)
{
	if (d->id_text.n == 0 || t->id.n == 0 || d->name_text.n == 0 ||
	    str_eq(d->id_text, buf_str(&t->id)))
		return false;
	return !str_eq(d->name_text, buf_str(&t->name)) || is_complete(t);
}

static struct tool_call *call_at(struct choice *h, int64_t index)
{
	for (size_t i = h->n_calls; i-- > 0;) {
		if (h->calls[i].index == index)
			return &h->calls[i];
	}
	return NULL;
}

static struct tool_call *call_without_index(struct chat *c, struct choice *h,
					    const struct said *d)
{
	chat_quirk(c, QUIRK_tool_index_missing, chat_offset(c, d->node), "%.*s",
		   STR_ARG(d->node->raw));
	for (size_t i = h->n_calls; d->id_text.n && i-- > 0;) {
		if (str_eq(d->id_text, buf_str(&h->calls[i].id)))
			return &h->calls[i];
	}
	if (d->id_text.n || h->n_calls == 0)
		return NULL;
	return &h->calls[h->n_calls - 1];
}

/* The index of a call that begins: the next one. */
static void check_jump(struct chat *c, const struct choice *h,
		       const struct said *d)
{
	int64_t next = 0;

	for (size_t i = 0; i < h->n_calls; i++) {
		const struct tool_call *t = &h->calls[i];

		if (t->index != UINT32_MAX && t->index >= next)
			next = (int64_t)t->index + 1;
	}
	if (d->index > next)
		chat_quirk(c, QUIRK_tool_index_jump, chat_offset(c, d->node),
			   "%lld instead of %lld", (long long)d->index,
			   (long long)next);
}

/*
 * The call that a delta goes on with; NULL: it begins one. `first`: calls
 * before it began in earlier events. Gemini puts whole calls into one delta,
 * all under index 0: nothing is mixed up by that.
 */
static struct tool_call *find_call(struct chat *c, struct choice *h,
				   const struct said *d, size_t first)
{
	struct tool_call *t;

	if (d->index < 0)
		return call_without_index(c, h, d);
	t = call_at(h, d->index);
	if (!t) {
		check_jump(c, h, d);
		return NULL;
	}
	if (is_another(t, d)) {
		if (t < h->calls + first || t->arguments.n == 0)
			chat_quirk(c, QUIRK_tool_index_zero,
				   chat_offset(c, d->node), "%.*s",
				   STR_ARG(d->node->raw));
		return NULL;
	}
	if (d->id_text.n && t->id.n && !str_eq(d->id_text, buf_str(&t->id))) {
		c->once = true;
		chat_quirk(c, QUIRK_tool_id_changes, chat_offset(c, d->id),
			   "%.*s, then %.*s", STR_ARG(buf_str(&t->id)),
			   STR_ARG(d->id_text));
	}
	return t;
}

static struct tool_call *begin_call(struct chat *c, struct choice *h,
				    const struct said *d)
{
	uint32_t index = d->index < 0 ? UINT32_MAX : (uint32_t)d->index;
	struct tool_call *t = chat_call_new(c, h, index);

	if (!t)
		return NULL;
	t->offset = chat_offset(c, d->node);
	if (d->id_text.n == 0 || d->name_text.n == 0 ||
	    json_text(d->type).n == 0)
		chat_quirk(c, QUIRK_tool_first_incomplete, t->offset, "%.*s",
			   STR_ARG(d->node->raw));
	return t;
}

static void set_once(struct chat *c, struct buf *field, const struct json *node)
{
	if (field->n || !json_is(node, JSON_STRING) || node->raw.n == 0)
		return;
	c->once = true;
	chat_set(c, field, node);
}

/* Most say a name once, or all of it each time; some say it in pieces, before
 * the arguments. */
static void add_name(struct chat *c, struct tool_call *t, const struct said *d)
{
	if (d->name_text.n == 0 || str_eq(d->name_text, buf_str(&t->name)))
		return;
	c->once = true;
	if (t->arguments.n == 0)
		chat_keep(c, &t->name, d->name_text);
}

/* Gemini: what must come back with this call. */
static void read_signature(struct chat *c, struct choice *h,
			   struct tool_call *t, const struct json *node)
{
	const struct json *s = json_pointer(
		node, STR("/extra_content/google/thought_signature"));
	struct reasoning *r;

	if (!json_is(s, JSON_STRING))
		return;
	r = chat_piece_new(c, h, REASONING_SIGNATURE);
	if (!r)
		return;
	chat_set(c, &r->signature, s);
	if (!t)
		return;
	chat_set(c, &t->signature, s);
	chat_keep(c, &r->id, buf_str(&t->id));
}

static void read_call(struct chat *c, struct choice *h, const struct json *node,
		      size_t first)
{
	struct said d = read_said(node);
	struct tool_call *t = NULL;

	if (c->a.streamed)
		t = find_call(c, h, &d, first);
	if (!t)
		t = begin_call(c, h, &d);
	if (!t)
		return;
	set_once(c, &t->id, d.id);
	set_once(c, &t->type, d.type);
	add_name(c, t, &d);
	chat_arguments(c, h, t, d.arguments);
	read_signature(c, h, t, node);
}

/* How calls were before there were tools: one, without id and index. */
static void read_function(struct chat *c, struct choice *h,
			  const struct json *f)
{
	struct said d = {.node = f, .name = json_get(f, STR("name"))};
	struct tool_call *t =
		h->n_calls ? &h->calls[0] : chat_call_new(c, h, UINT32_MAX);

	if (!t)
		return;
	if (t->offset == 0)
		t->offset = chat_offset(c, f);
	d.name_text = json_text(d.name);
	add_name(c, t, &d);
	chat_arguments(c, h, t, json_get(f, STR("arguments")));
}

void openai_calls(struct chat *c, struct choice *h, const struct json *m)
{
	const struct json *list = json_get(m, STR("tool_calls"));
	const struct json *f = json_get(m, STR("function_call"));
	size_t first = h->n_calls;

	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->n; i++) {
		if (c->a.cut)
			return;
		if (json_is(list->v[i], JSON_OBJECT))
			read_call(c, h, list->v[i], first);
	}
	if (json_is(f, JSON_OBJECT))
		read_function(c, h, f);
	read_signature(c, h, NULL, m);
}
