/* SPDX-License-Identifier: MIT */
/*
 * Anthropic messages. Blocks in order: thinking, then text or tool uses,
 * each with an index of its own.
 */
#include <inttypes.h>

#include "talk.h"
#include "text.h"

/* Events of a tool use beside its pieces: start, an empty piece, stop. */
#define CALL_EVENTS 3

static struct str stop_reason(const struct talk *t)
{
	if (t->cut)
		return STR("max_tokens");
	if (t->stopped.n)
		return STR("stop_sequence");
	return t->n_calls ? STR("tool_use") : STR("end_turn");
}

static void open_event(const char *type, struct buf *out)
{
	buf_addf(out, "event: %s\ndata: {\"type\":\"%s\"", type, type);
}

static void close_event(struct buf *out)
{
	buf_adds(out, STR("}\n\n"));
}

static size_t count_one(const struct talk *t)
{
	return 1;
}

static size_t has_thinking(const struct talk *t)
{
	return t->reasoning > 0;
}

/* An answer without calls has a text block, be it empty. */
static size_t has_text(const struct talk *t)
{
	return !t->n_calls;
}

static unsigned text_index(const struct talk *t)
{
	return t->reasoning > 0;
}

static void add_head(const struct talk *t, struct buf *out)
{
	buf_addf(out,
		 "{\"id\":\"msg_01%.22s\",\"type\":\"message\","
		 "\"role\":\"assistant\",\"model\":",
		 t->id);
	text_json(out, buf_str(&t->model));
}

static void add_stop_sequence(const struct talk *t, struct buf *out)
{
	buf_adds(out, STR(",\"stop_sequence\":"));
	if (t->stopped.n && !t->cut)
		text_json(out, buf_str(&t->stopped));
	else
		buf_adds(out, STR("null"));
}

static void add_usage(const struct talk *t, uint64_t output, struct buf *out)
{
	buf_addf(out,
		 "\"usage\":{\"input_tokens\":%" PRIu64
		 ",\"cache_creation_input_tokens\":0,"
		 "\"cache_read_input_tokens\":0,\"output_tokens\":%" PRIu64
		 ",\"service_tier\":\"standard\"}",
		 t->cost.prompt, output);
}

static void say_start(struct talk *t, size_t i, struct buf *out)
{
	open_event("message_start", out);
	buf_adds(out, STR(",\"message\":"));
	add_head(t, out);
	buf_adds(out, STR(",\"content\":[],\"stop_reason\":null,"
			  "\"stop_sequence\":null,"));
	add_usage(t, t->cost.completion > 0, out);
	buf_addc(out, '}');
	close_event(out);
}

static void say_block_start(unsigned index, const char *block, struct buf *out)
{
	open_event("content_block_start", out);
	buf_addf(out, ",\"index\":%u,\"content_block\":%s", index, block);
	close_event(out);
}

static void say_block_stop(size_t index, struct buf *out)
{
	open_event("content_block_stop", out);
	buf_addf(out, ",\"index\":%zu", index);
	close_event(out);
}

static void say_delta(struct talk *t, size_t index, const char *type,
		      const char *key, struct str text, struct buf *out)
{
	open_event("content_block_delta", out);
	buf_addf(out,
		 ",\"index\":%zu,\"delta\":{\"type\":\"%s\",\"%s\":", index,
		 type, key);
	text_json(out, text);
	buf_addc(out, '}');
	talk_add_obfuscation(t, out);
	close_event(out);
}

static void say_thinking_start(struct talk *t, size_t i, struct buf *out)
{
	say_block_start(0,
			"{\"type\":\"thinking\",\"thinking\":\"\","
			"\"signature\":\"\"}",
			out);
}

static void say_ping(struct talk *t, size_t i, struct buf *out)
{
	open_event("ping", out);
	close_event(out);
}

static size_t count_thinking(const struct talk *t)
{
	return t->reasoning;
}

static void say_thinking(struct talk *t, size_t i, struct buf *out)
{
	say_delta(t, 0, "thinking_delta", "thinking",
		  talk_word(t, 0, PART_REASONING, i), out);
}

static struct str signature(const struct talk *t, struct buf *to)
{
	struct buf thinking = {0};

	for (size_t i = 0; i < t->reasoning; i++)
		buf_adds(&thinking, talk_word(t, 0, PART_REASONING, i));
	talk_sign(buf_str(&thinking), to);
	buf_free(&thinking);
	return buf_str(to);
}

static void say_signature(struct talk *t, size_t i, struct buf *out)
{
	struct buf text = {0};

	say_delta(t, 0, "signature_delta", "signature", signature(t, &text),
		  out);
	buf_free(&text);
}

static void say_thinking_stop(struct talk *t, size_t i, struct buf *out)
{
	say_block_stop(0, out);
}

static void say_text_start(struct talk *t, size_t i, struct buf *out)
{
	say_block_start(text_index(t), "{\"type\":\"text\",\"text\":\"\"}",
			out);
}

static size_t count_text(const struct talk *t)
{
	return t->content;
}

static void say_text(struct talk *t, size_t i, struct buf *out)
{
	say_delta(t, text_index(t), "text_delta", "text",
		  talk_word(t, 0, PART_CONTENT, i), out);
}

static void say_text_stop(struct talk *t, size_t i, struct buf *out)
{
	say_block_stop(text_index(t), out);
}

static size_t count_calls(const struct talk *t)
{
	return talk_count_calls(t, CALL_EVENTS);
}

static void add_tool_use(const struct talk *t, const struct call *c,
			 struct str input, struct buf *out)
{
	buf_adds(out, STR("{\"type\":\"tool_use\",\"id\":\""));
	talk_add_call_id(t, c, out);
	buf_adds(out, STR("\",\"name\":"));
	text_json(out, buf_str(&c->name));
	buf_adds(out, STR(",\"input\":"));
	buf_adds(out, input.n ? input : STR("{}"));
	buf_addc(out, '}');
}

static void say_calls(struct talk *t, size_t i, struct buf *out)
{
	size_t k, index = talk_find_call(t, i, CALL_EVENTS, &k);
	const struct call *c = &t->calls[index];

	index += text_index(t);
	if (k == 0) {
		open_event("content_block_start", out);
		buf_addf(out, ",\"index\":%zu,\"content_block\":", index);
		add_tool_use(t, c, STR("{}"), out);
		close_event(out);
	} else if (k == 1) {
		say_delta(t, index, "input_json_delta", "partial_json", STR(""),
			  out);
	} else if (k < c->pieces + 2) {
		say_delta(t, index, "input_json_delta", "partial_json",
			  talk_piece(c, k - 2), out);
	} else {
		say_block_stop(index, out);
	}
}

static void say_message_delta(struct talk *t, size_t i, struct buf *out)
{
	open_event("message_delta", out);
	buf_adds(out, STR(",\"delta\":{\"stop_reason\":"));
	text_json(out, stop_reason(t));
	add_stop_sequence(t, out);
	buf_addf(out, "},\"usage\":{\"output_tokens\":%" PRIu64 "}",
		 t->cost.completion);
	close_event(out);
}

static void say_stop(struct talk *t, size_t i, struct buf *out)
{
	open_event("message_stop", out);
	close_event(out);
}

static const struct stage stages[] = {
	{count_one, say_start},	       {has_thinking, say_thinking_start},
	{has_thinking, say_ping},      {count_thinking, say_thinking},
	{has_thinking, say_signature}, {has_thinking, say_thinking_stop},
	{has_text, say_text_start},    {has_text, say_ping},
	{count_text, say_text},	       {has_text, say_text_stop},
	{count_calls, say_calls},      {count_one, say_message_delta},
	{count_one, say_stop},
};

static void add_thinking(const struct talk *t, struct buf *out)
{
	struct buf text = {0};

	buf_adds(out, STR("{\"type\":\"thinking\",\"thinking\":\""));
	talk_add_text(t, 0, PART_REASONING, out);
	buf_adds(out, STR("\",\"signature\":"));
	text_json(out, signature(t, &text));
	buf_adds(out, t->n_calls || t->content ? STR("},") : STR("}"));
	buf_free(&text);
}

static void whole(struct talk *t, struct buf *out)
{
	add_head(t, out);
	buf_adds(out, STR(",\"content\":["));
	if (t->reasoning)
		add_thinking(t, out);
	if (!t->n_calls && (t->content || !t->reasoning)) {
		buf_adds(out, STR("{\"type\":\"text\",\"text\":\""));
		talk_add_text(t, 0, PART_CONTENT, out);
		buf_adds(out, STR("\"}"));
	}
	for (size_t i = 0; i < t->n_calls; i++) {
		if (i)
			buf_addc(out, ',');
		add_tool_use(t, &t->calls[i],
			     t->cut ? STR("{}") : buf_str(&t->calls[i].args),
			     out);
	}
	buf_adds(out, STR("],\"stop_reason\":"));
	text_json(out, stop_reason(t));
	add_stop_sequence(t, out);
	buf_addc(out, ',');
	add_usage(t, t->cost.completion, out);
	buf_addc(out, '}');
}

static void prepare(struct talk *t)
{
	t->n = 1;
}

const struct dialect dialect_messages = {
	.path = STR("/v1/messages"),
	.stages = stages,
	.n_stages = sizeof(stages) / sizeof(stages[0]),
	.whole = whole,
	.prepare = prepare,
	.letter = 'm',
	.messages = "messages",
	.stop = "stop_sequences",
	.limit = "max_tokens",
	.schema_key = "input_schema",
	.must_limit = true,
};
