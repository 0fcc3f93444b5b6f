/* SPDX-License-Identifier: MIT */
/*
 * Anthropic messages. One choice; its content is a list of blocks, told one
 * after the other:
 *
 *	message_start			id, model, what the prompt cost
 *	  content_block_start  index	thinking, text, tool_use, ...
 *	  content_block_delta  index	text_delta, input_json_delta, ...
 *	  content_block_stop   index
 *	message_delta			stop_reason, what the answer cost so far
 *	message_stop
 *
 * with `ping` anywhere and `error` instead of the rest. Blocks that are not
 * the model's own words (tools that the vendor runs, citations) and whatever
 * is unknown are legal, and passed over. A whole body has the same blocks.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/meaning/chat_typed.h"

enum kind { KIND_OTHER, KIND_TEXT, KIND_THINKING, KIND_REDACTED, KIND_TOOL };

struct block {
	int64_t index; /* as the wire says */
	enum kind kind;
	uint32_t part; /* of pieces or calls */
	bool open;
	bool given; /* a tool's input came with its start */
};

struct messages {
	bool started;
	bool counted;  /* output_tokens came when they were due */
	bool tools;    /* the vendor ran tools: they read more */
	int64_t input; /* message_start's input_tokens, without caches */
	struct block *blocks;
	uint32_t n_blocks;
	int64_t next; /* the index that the next block must have */
};

static const char *const reasons[] = {"end_turn",
				      "max_tokens",
				      "stop_sequence",
				      "tool_use",
				      "pause_turn",
				      "refusal",
				      "model_context_window_exceeded",
				      "compaction",
				      NULL};

static struct choice *only(struct chat *c)
{
	return chat_choice(c, 0);
}

static enum kind kind_of(const struct json *block)
{
	static const char *const kinds[] = {[KIND_TEXT] = "text",
					    [KIND_THINKING] = "thinking",
					    [KIND_REDACTED] =
						    "redacted_thinking",
					    [KIND_TOOL] = "tool_use"};
	const struct json *type = json_get(block, STR("type"));

	for (enum kind k = KIND_TEXT; k <= KIND_TOOL; k++)
		if (json_says(type, str_of(kinds[k])))
			return k;
	return KIND_OTHER;
}

/* ---- blocks ---- */

static void add_thinking(struct chat *c, struct choice *h, struct block *b,
			 const struct json *node)
{
	bool redacted = b->kind == KIND_REDACTED;
	struct reasoning *r = chat_piece_new(
		c, h, redacted ? REASONING_REDACTED : REASONING_THINKING);

	b->part = (uint32_t)h->n_pieces - 1;
	if (r)
		chat_set(c, &r->signature,
			 json_get(node,
				  redacted ? STR("data") : STR("signature")));
	else
		b->kind = KIND_OTHER;
}

static void write_input(struct chat *c, uint32_t part, const struct json *input)
{
	struct slot to = {SLOT_ARGUMENTS, 0, part};
	struct buf text = {0};

	json_write(&text, input);
	chat_add(c, to, buf_str(&text), chat_offset(c, input));
	buf_free(&text);
}

/*
 * Input is an object; streamed, an empty one that its deltas will fill in.
 * Some say all of it at once.
 */
static void add_input(struct chat *c, struct block *b, const struct json *input)
{
	if (json_is(input, JSON_STRING)) {
		chat_quirk(c, QUIRK_arguments_object, chat_offset(c, input),
			   "%.*s", STR_ARG(input->raw));
		chat_text(c, (struct slot){SLOT_ARGUMENTS, 0, b->part}, input);
		b->given = true;
	} else if (input && input->n > 0) {
		write_input(c, b->part, input);
		b->given = true;
	}
}

static void add_tool(struct chat *c, struct choice *h, struct block *b,
		     const struct json *node)
{
	struct tool_call *t = chat_call_new(c, h, (uint32_t)h->n_calls);

	if (!t) {
		b->kind = KIND_OTHER;
		return;
	}
	b->part = t->index;
	t->offset = chat_offset(c, node);
	chat_set(c, &t->id, json_get(node, STR("id")));
	chat_set(c, &t->type, json_get(node, STR("type")));
	chat_set(c, &t->name, json_get(node, STR("name")));
	add_input(c, b, json_get(node, STR("input")));
}

/* The block as it is told at its start, or whole. */
static void begin_block(struct chat *c, struct choice *h, struct block *b,
			const struct json *node)
{
	*b = (struct block){.kind = kind_of(node), .open = true};
	switch (b->kind) {
	case KIND_TEXT:
		chat_text(c, (struct slot){SLOT_CONTENT, 0, 0},
			  json_get(node, STR("text")));
		break;
	case KIND_THINKING:
	case KIND_REDACTED:
		add_thinking(c, h, b, node);
		if (b->kind == KIND_THINKING)
			chat_text(c, (struct slot){SLOT_REASONING, 0, b->part},
				  json_get(node, STR("thinking")));
		break;
	case KIND_TOOL: add_tool(c, h, b, node); break;
	case KIND_OTHER:
		((struct messages *)c->own)->tools = true;
		h->other = true;
		break;
	}
}

/* A tool that was given nothing was given an empty object. */
static void end_block(struct chat *c, struct choice *h, struct block *b)
{
	b->open = false;
	if (b->kind == KIND_TOOL && h->calls[b->part].arguments.n == 0)
		chat_add(c, (struct slot){SLOT_ARGUMENTS, 0, b->part},
			 STR("{}"), chat_offset(c, NULL));
}

/* ---- the stream ---- */

enum { BLOCKS_MOST = 1 << 16 };

/* Room for one more, behind the others. NULL: over the limit. */
static struct block *new_block(struct chat *c)
{
	struct messages *m = c->own;
	uint32_t n = m->n_blocks;

	if (n == BLOCKS_MOST) {
		chat_cut(c, "more content blocks than the limit");
		return NULL;
	}
	if ((n & (n - 1)) == 0)
		m->blocks = mem_grow(m->blocks,
				     (n ? 2 * n : 1) * sizeof(*m->blocks));
	m->n_blocks++;
	return &m->blocks[n];
}

static void on_block_start(struct chat *c, const struct json *root)
{
	const struct json *node = json_get(root, STR("index"));
	struct messages *m = c->own;
	struct choice *h = only(c);
	struct block *b = new_block(c);
	int64_t index = -1;

	if (!h || !b)
		return;
	if (!json_int(node, &index) || index != m->next)
		chat_quirk(c, QUIRK_block_order, chat_offset(c, node),
			   "block %lld starts, %lld is next", (long long)index,
			   (long long)m->next);
	m->next = index >= 0 && index < BLOCKS_MOST ? index + 1 : m->next + 1;
	begin_block(c, h, b, json_get(root, STR("content_block")));
	b->index = index;
}

/* The block that an event is about: the newest of that index. Blocks come one
 * after the other, so it is hardly ever far. NULL: it is not open (noted). */
static struct block *open_block(struct chat *c, const struct json *root,
				const char *doing)
{
	enum { NEAR = 16 };
	const struct json *node = json_get(root, STR("index"));
	struct messages *m = c->own;
	uint32_t n = m->n_blocks;
	int64_t index = -1;

	json_int(node, &index);
	for (uint32_t i = n; i > 0 && n - i < NEAR; i--)
		if (m->blocks[i - 1].index == index && m->blocks[i - 1].open)
			return &m->blocks[i - 1];
	chat_quirk(c, QUIRK_block_order, chat_offset(c, node),
		   "%s block %lld, which is not open", doing, (long long)index);
	return NULL;
}

/* Words of one kind in a block of another. */
static void misplaced(struct chat *c, const struct json *delta)
{
	const struct json *type = json_get(delta, STR("type"));

	chat_quirk(c, QUIRK_block_order, chat_offset(c, type),
		   "%.*s in a block of another type", STR_ARG(json_text(type)));
}

/* True: the same event with other words would do the same. */
static bool add_words(struct chat *c, struct block *b, enum kind kind,
		      const struct json *delta, struct str field)
{
	static const enum slot_kind slots[] = {[KIND_TEXT] = SLOT_CONTENT,
					       [KIND_THINKING] = SLOT_REASONING,
					       [KIND_TOOL] = SLOT_ARGUMENTS};

	if (b->kind == KIND_OTHER)
		return false;
	if (b->kind != kind) {
		misplaced(c, delta);
		return false;
	}
	return chat_text(c, (struct slot){slots[kind], 0, b->part},
			 json_get(delta, field));
}

/* Input that came twice, at once and in pieces, is what the pieces say. */
static bool add_input_words(struct chat *c, struct choice *h, struct block *b,
			    const struct json *delta)
{
	const struct json *words = json_get(delta, STR("partial_json"));

	if (b->kind == KIND_TOOL && b->given && json_text(words).n) {
		struct buf *arguments = &h->calls[b->part].arguments;

		c->texts -= arguments->n;
		arguments->n = 0;
		b->given = false;
	}
	return add_words(c, b, KIND_TOOL, delta, STR("partial_json"));
}

static void add_signature(struct chat *c, struct choice *h, struct block *b,
			  const struct json *delta)
{
	if (b->kind == KIND_THINKING)
		chat_set(c, &h->pieces[b->part].signature,
			 json_get(delta, STR("signature")));
	else if (b->kind != KIND_OTHER)
		misplaced(c, delta);
}

static void on_block_delta(struct chat *c, const struct json *root)
{
	const struct json *delta = json_get(root, STR("delta"));
	const struct json *type = json_get(delta, STR("type"));
	struct block *b = open_block(c, root, "words for");
	struct choice *h = only(c);
	bool repeats = false;

	if (!b || !h)
		return;
	if (json_says(type, STR("text_delta")))
		repeats = add_words(c, b, KIND_TEXT, delta, STR("text"));
	else if (json_says(type, STR("thinking_delta")))
		repeats =
			add_words(c, b, KIND_THINKING, delta, STR("thinking"));
	else if (json_says(type, STR("input_json_delta")))
		repeats = add_input_words(c, h, b, delta);
	else if (json_says(type, STR("signature_delta")))
		add_signature(c, h, b, delta);
	chat_any(c, json_get(root, STR("obfuscation")));
	if (repeats)
		chat_repeats(c);
}

static void on_block_stop(struct chat *c, const struct json *root)
{
	struct block *b = open_block(c, root, "the end of");
	struct choice *h = only(c);

	if (b && h)
		end_block(c, h, b);
}

/* What the message is, streamed or whole. */
static struct choice *read_message(struct chat *c, const struct json *message)
{
	const struct json *usage = json_get(message, STR("usage"));
	struct choice *h = only(c);

	chat_object(c, json_get(message, STR("type")), "message");
	chat_set(c, &c->a.id, json_get(message, STR("id")));
	chat_set(c, &c->a.model, json_get(message, STR("model")));
	chat_set(c, &c->a.service_tier, json_get(usage, STR("service_tier")));
	if (h)
		chat_set(c, &h->role, json_get(message, STR("role")));
	return h;
}

static int64_t count_of(const struct json *usage, struct str name)
{
	int64_t n;

	return json_int(json_get(usage, name), &n) ? n : USAGE_NONE;
}

/* Its output_tokens count what was said before anything was: no figure. */
static void on_message_start(struct chat *c, const struct json *root)
{
	const struct json *message = json_get(root, STR("message"));
	const struct json *usage = json_get(message, STR("usage"));
	struct messages *m = c->own;

	m->started = true;
	m->input = count_of(usage, STR("input_tokens"));
	if (!read_message(c, message))
		return;
	chat_usage(c, usage, USAGE_EVENT);
	c->a.usage.completion = USAGE_NONE;
}

/*
 * Vendors differ in what of the prompt they tell at the end: nothing, all of
 * it, or input_tokens without the caches; and a first count of 0 is none. It
 * contradicts the first where neither sum nor input_tokens agree, unless tools
 * that the vendor ran have read more.
 */
static void read_final_usage(struct chat *c, const struct json *usage)
{
	struct messages *m = c->own;
	int64_t input = count_of(usage, STR("input_tokens"));
	int64_t first = c->a.usage.prompt, now;

	c->a.usage.prompt = USAGE_NONE;
	chat_usage(c, usage, USAGE_EVENT);
	m->counted = c->a.usage.completion != USAGE_NONE;
	now = c->a.usage.prompt;
	if (now == USAGE_NONE || (input == m->input && now < first))
		c->a.usage.prompt = first;
	else if (first > 0 && now != first && input != m->input && !m->tools)
		chat_quirk(c, QUIRK_usage_changes, chat_offset(c, usage),
			   "a prompt of %lld, then of %lld tokens",
			   (long long)first, (long long)now);
}

static void read_reason(struct chat *c, struct choice *h,
			const struct json *from)
{
	chat_finish(c, h, json_get(from, STR("stop_reason")), reasons);
	chat_set(c, &h->finish_detail, json_get(from, STR("stop_sequence")));
}

static void on_message_delta(struct chat *c, const struct json *root)
{
	struct choice *h = only(c);

	if (!h)
		return;
	read_reason(c, h, json_get(root, STR("delta")));
	read_final_usage(c, json_get(root, STR("usage")));
}

static void on_message_stop(struct chat *c, const struct json *root)
{
	struct messages *m = c->own;

	for (uint32_t i = 0; i < m->n_blocks; i++)
		if (m->blocks[i].open)
			chat_quirk(c, QUIRK_block_order, chat_offset(c, NULL),
				   "block %lld never stops",
				   (long long)m->blocks[i].index);
	c->a.done = true;
}

static const struct {
	const char *type;
	void (*read)(struct chat *c, const struct json *root);
} events[] = {
	{"content_block_delta", on_block_delta},
	{"content_block_start", on_block_start},
	{"content_block_stop", on_block_stop},
	{"message_start", on_message_start},
	{"message_delta", on_message_delta},
	{"message_stop", on_message_stop},
};

/* Types that are not known are legal. */
static void read_event(struct chat *c, const struct sse_event *e,
		       const struct json *root)
{
	struct str type = chat_typed(c, e, root, "ping");
	struct messages *m = c->own;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!str_eq(type, str_of(events[i].type)))
			continue;
		if (!m->started && events[i].read != on_message_start) {
			m->started = true; /* it was looked for */
			chat_quirk(c, QUIRK_message_start_missing,
				   chat_offset(c, NULL), "%s comes first",
				   events[i].type);
		}
		events[i].read(c, root);
		return;
	}
}

/* ---- a whole body ---- */

static void read_content(struct chat *c, struct choice *h,
			 const struct json *content)
{
	for (uint32_t i = 0; i < content->n && !c->a.cut; i++) {
		struct block b;

		begin_block(c, h, &b, content->v[i]);
		end_block(c, h, &b);
	}
}

static void read_body(struct chat *c, const struct json *root)
{
	const struct json *content = json_get(root, STR("content"));
	struct choice *h;

	if (chat_error(c, root))
		return;
	if (!json_is(content, JSON_ARRAY)) {
		chat_quirk(c, QUIRK_object_wrong, chat_offset(c, root), "%.*s",
			   STR_ARG(root->raw));
		chat_blind(c, "no message");
		return;
	}
	h = read_message(c, root);
	if (!h)
		return;
	read_content(c, h, content);
	read_reason(c, h, root);
	chat_usage(c, json_get(root, STR("usage")), USAGE_EVENT);
	c->a.done = true;
}

static void read_end(struct chat *c, enum chat_ending how)
{
	const struct messages *m = c->own;
	const struct answer *a = &c->a;

	if (!a->quirks[QUIRK_finish_empty].seen &&
	    (a->n_choices == 0 || a->choices[0].finishes == 0))
		chat_quirk(c, QUIRK_finish_missing, a->bytes, "%s", "");
	if (a->streamed && !a->done)
		chat_quirk(c, QUIRK_done_missing, a->bytes, "no message_stop");
	if (!a->usage.have || (a->streamed && !m->counted))
		chat_quirk(c, QUIRK_usage_missing, a->bytes, "%s", "");
}

static void free_own(struct chat *c)
{
	struct messages *m = c->own;

	free(m->blocks);
}

const struct chat_ops chat_messages_ops = {
	.own = sizeof(struct messages),
	.event = read_event,
	.body = read_body,
	.end = read_end,
	.free = free_own,
};
