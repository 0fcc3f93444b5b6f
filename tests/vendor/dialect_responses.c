/* SPDX-License-Identifier: MIT */
/*
 * OpenAI Responses. Items in order: reasoning (with a summary), then a
 * message or function calls. Each event carries its sequence_number, and the
 * events that end a thing repeat the whole of it.
 */
#include <inttypes.h>

#include "talk.h"
#include "text.h"

/* Events of a call beside its pieces: added, arguments done, item done. */
#define CALL_EVENTS 3

static void open_event(struct talk *t, const char *type, struct buf *out)
{
	buf_addf(out,
		 "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%llu",
		 type, type, (unsigned long long)t->sequence++);
}

static void close_event(struct buf *out)
{
	buf_adds(out, STR("}\n\n"));
}

static size_t count_one(const struct talk *t)
{
	return 1;
}

static size_t has_reasoning(const struct talk *t)
{
	return t->reasoning > 0;
}

static size_t has_message(const struct talk *t)
{
	return !t->n_calls;
}

static size_t message_index(const struct talk *t)
{
	return t->reasoning > 0;
}

/* ---- the things that are told ---- */

static void add_reasoning_item(const struct talk *t, bool full, struct buf *out)
{
	buf_addf(out, "{\"id\":\"rs_%s\",\"type\":\"reasoning\",\"summary\":[",
		 t->id);
	if (full && !t->silent) {
		buf_adds(out, STR("{\"type\":\"summary_text\",\"text\":\""));
		talk_add_text(t, 0, PART_REASONING, out);
		buf_adds(out, STR("\"}"));
	}
	buf_addc(out, ']');
	if (t->encrypted) {
		buf_adds(out, STR(",\"encrypted_content\":\""));
		talk_add_sealed(t, full ? 4 * t->reasoning : 16, out);
		buf_addc(out, '"');
	}
	buf_addc(out, '}');
}

static void add_part(const struct talk *t, bool full, struct buf *out)
{
	buf_adds(out, STR("{\"type\":\"output_text\",\"annotations\":[],"
			  "\"logprobs\":[],\"text\":\""));
	if (full)
		talk_add_text(t, 0, PART_CONTENT, out);
	buf_adds(out, STR("\"}"));
}

static void add_message_item(const struct talk *t, bool full, struct buf *out)
{
	const char *status = !full    ? "in_progress"
			     : t->cut ? "incomplete"
				      : "completed";

	buf_addf(out,
		 "{\"id\":\"msg_%s\",\"type\":\"message\",\"status\":\"%s\","
		 "\"content\":[",
		 t->id, status);
	if (full)
		add_part(t, true, out);
	buf_adds(out, STR("],\"role\":\"assistant\"}"));
}

static void add_call_item(const struct talk *t, const struct call *c, bool full,
			  struct buf *out)
{
	const char *status = !full    ? "in_progress"
			     : t->cut ? "incomplete"
				      : "completed";

	buf_addf(out,
		 "{\"id\":\"fc_%s\",\"type\":\"function_call\","
		 "\"status\":\"%s\",\"arguments\":",
		 c->id, status);
	text_json(out, full ? buf_str(&c->args) : STR(""));
	buf_adds(out, STR(",\"call_id\":\""));
	talk_add_call_id(t, c, out);
	buf_adds(out, STR("\",\"name\":"));
	text_json(out, buf_str(&c->name));
	buf_addc(out, '}');
}

static void add_usage(const struct talk *t, struct buf *out)
{
	const struct cost *c = &t->cost;

	buf_addf(out,
		 "{\"input_tokens\":%" PRIu64
		 ",\"input_tokens_details\":{\"cached_tokens\":%" PRIu64
		 "},\"output_tokens\":%" PRIu64
		 ",\"output_tokens_details\":{\"reasoning_tokens\":%" PRIu64
		 "},\"total_tokens\":%" PRIu64 "}",
		 c->prompt, c->cached, c->completion, c->reasoning, c->total);
}

static void add_output(const struct talk *t, struct buf *out)
{
	if (t->reasoning)
		add_reasoning_item(t, true, out);
	if (!t->n_calls) {
		buf_adds(out, t->reasoning ? STR(",") : STR(""));
		add_message_item(t, true, out);
	}
	for (size_t i = 0; i < t->n_calls; i++) {
		buf_adds(out, i || t->reasoning ? STR(",") : STR(""));
		add_call_item(t, &t->calls[i], true, out);
	}
}

/* Parameters that the answer repeats, and what stands there unasked. */
static const struct {
	const char *name, *otherwise;
} echoed[] = {
	{"background", "false"},
	{"instructions", "null"},
	{"max_output_tokens", "null"},
	{"parallel_tool_calls", "true"},
	{"previous_response_id", "null"},
	{"reasoning", "{\"effort\":null,\"summary\":null}"},
	{"store", "true"},
	{"temperature", "1.0"},
	{"text", "{\"format\":{\"type\":\"text\"}}"},
	{"tool_choice", "\"auto\""},
	{"tools", "[]"},
	{"top_p", "1.0"},
	{"truncation", "\"disabled\""},
	{"user", "null"},
	{"metadata", "{}"},
};

static bool overrides(const struct talk *t, const char *name)
{
	return (bugs_has(&t->bugs, BUG_override_temperature) &&
		strcmp(name, "temperature") == 0) ||
	       (bugs_has(&t->bugs, BUG_override_top_p) &&
		strcmp(name, "top_p") == 0);
}

static void echo(struct talk *t, const cJSON *request)
{
	for (size_t i = 0; i < sizeof(echoed) / sizeof(echoed[0]); i++) {
		const char *name = echoed[i].name;
		const cJSON *said = ask_get(request, name);
		char *text = said ? cJSON_PrintUnformatted(said) : NULL;

		if (overrides(t, name))
			buf_addf(&t->echo, ",\"%s\":0.125", name);
		else
			buf_addf(&t->echo, ",\"%s\":%s", name,
				 text ? text : echoed[i].otherwise);
		cJSON_free(text);
	}
}

static void add_response(const struct talk *t, bool full, struct buf *out)
{
	const char *status = !full    ? "in_progress"
			     : t->cut ? "incomplete"
				      : "completed";

	buf_addf(out,
		 "{\"id\":\"resp_%s\",\"object\":\"response\","
		 "\"created_at\":%" PRIu64 ",\"status\":\"%s\","
		 "\"error\":null,\"incomplete_details\":%s,\"model\":",
		 t->id, t->created, status,
		 full && t->cut ? "{\"reason\":\"max_output_tokens\"}"
				: "null");
	text_json(out, buf_str(&t->model));
	buf_adds(out, STR(",\"output\":["));
	if (full)
		add_output(t, out);
	buf_addc(out, ']');
	buf_adds(out, buf_str(&t->echo));
	buf_adds(out, STR(",\"usage\":"));
	if (full)
		add_usage(t, out);
	else
		buf_adds(out, STR("null"));
	buf_addc(out, '}');
}

/* ---- the stream ---- */

static void say_response(struct talk *t, const char *type, bool full,
			 struct buf *out)
{
	open_event(t, type, out);
	buf_adds(out, STR(",\"response\":"));
	add_response(t, full, out);
	close_event(out);
}

static void say_created(struct talk *t, size_t i, struct buf *out)
{
	say_response(t, i ? "response.in_progress" : "response.created", false,
		     out);
}

static size_t count_two(const struct talk *t)
{
	return 2;
}

static void open_item(struct talk *t, const char *type, size_t index,
		      struct buf *out)
{
	open_event(t, type, out);
	buf_addf(out, ",\"output_index\":%zu,\"item\":", index);
}

static void open_reasoning(struct talk *t, const char *type, struct buf *out)
{
	open_event(t, type, out);
	buf_addf(out,
		 ",\"item_id\":\"rs_%s\",\"output_index\":0,"
		 "\"summary_index\":0,",
		 t->id);
}

static void say_reasoning_start(struct talk *t, size_t i, struct buf *out)
{
	if (i == 0) {
		open_item(t, "response.output_item.added", 0, out);
		add_reasoning_item(t, false, out);
	} else {
		open_reasoning(t, "response.reasoning_summary_part.added", out);
		buf_adds(out, STR("\"part\":{\"type\":\"summary_text\","
				  "\"text\":\"\"}"));
	}
	close_event(out);
}

static size_t count_reasoning_start(const struct talk *t)
{
	return (t->silent ? 1 : 2) * has_reasoning(t);
}

static size_t count_reasoning(const struct talk *t)
{
	return t->silent ? 0 : t->reasoning;
}

static void say_reasoning(struct talk *t, size_t i, struct buf *out)
{
	open_reasoning(t, "response.reasoning_summary_text.delta", out);
	buf_adds(out, STR("\"delta\":"));
	text_json(out, talk_word(t, 0, PART_REASONING, i));
	talk_add_obfuscation(t, out);
	close_event(out);
}

static size_t count_reasoning_end(const struct talk *t)
{
	return (t->silent ? 1 : 3) * has_reasoning(t);
}

static void say_reasoning_end(struct talk *t, size_t i, struct buf *out)
{
	i += t->silent ? 2 : 0;
	if (i == 0) {
		open_reasoning(t, "response.reasoning_summary_text.done", out);
		buf_adds(out, STR("\"text\":\""));
		talk_add_text(t, 0, PART_REASONING, out);
		buf_addc(out, '"');
	} else if (i == 1) {
		open_reasoning(t, "response.reasoning_summary_part.done", out);
		buf_adds(out, STR("\"part\":{\"type\":\"summary_text\","
				  "\"text\":\""));
		talk_add_text(t, 0, PART_REASONING, out);
		buf_adds(out, STR("\"}"));
	} else {
		open_item(t, "response.output_item.done", 0, out);
		add_reasoning_item(t, true, out);
	}
	close_event(out);
}

static void open_text(struct talk *t, const char *type, struct buf *out)
{
	open_event(t, type, out);
	buf_addf(out,
		 ",\"item_id\":\"msg_%s\",\"output_index\":%zu,"
		 "\"content_index\":0,",
		 t->id, message_index(t));
}

static size_t count_text_start(const struct talk *t)
{
	return 2 * has_message(t);
}

static void say_text_start(struct talk *t, size_t i, struct buf *out)
{
	if (i == 0) {
		open_item(t, "response.output_item.added", message_index(t),
			  out);
		add_message_item(t, false, out);
	} else {
		open_text(t, "response.content_part.added", out);
		buf_adds(out, STR("\"part\":"));
		add_part(t, false, out);
	}
	close_event(out);
}

static size_t count_text(const struct talk *t)
{
	return t->content;
}

static void say_text(struct talk *t, size_t i, struct buf *out)
{
	open_text(t, "response.output_text.delta", out);
	buf_adds(out, STR("\"delta\":"));
	text_json(out, talk_word(t, 0, PART_CONTENT, i));
	buf_adds(out, STR(",\"logprobs\":[]"));
	talk_add_obfuscation(t, out);
	close_event(out);
}

static size_t count_text_end(const struct talk *t)
{
	return 3 * has_message(t);
}

static void say_text_end(struct talk *t, size_t i, struct buf *out)
{
	if (i == 0) {
		open_text(t, "response.output_text.done", out);
		buf_adds(out, STR("\"text\":\""));
		talk_add_text(t, 0, PART_CONTENT, out);
		buf_adds(out, STR("\",\"logprobs\":[]"));
	} else if (i == 1) {
		open_text(t, "response.content_part.done", out);
		buf_adds(out, STR("\"part\":"));
		add_part(t, true, out);
	} else {
		open_item(t, "response.output_item.done", message_index(t),
			  out);
		add_message_item(t, true, out);
	}
	close_event(out);
}

static size_t count_calls(const struct talk *t)
{
	return talk_count_calls(t, CALL_EVENTS);
}

static void open_arguments(struct talk *t, const char *type,
			   const struct call *c, size_t index, struct buf *out)
{
	open_event(t, type, out);
	buf_addf(out, ",\"item_id\":\"fc_%s\",\"output_index\":%zu,", c->id,
		 index);
}

static void say_calls(struct talk *t, size_t i, struct buf *out)
{
	size_t k, index = talk_find_call(t, i, CALL_EVENTS, &k);
	const struct call *c = &t->calls[index];

	index += message_index(t);
	if (k == 0 || k == c->pieces + 2) {
		open_item(t,
			  k ? "response.output_item.done"
			    : "response.output_item.added",
			  index, out);
		add_call_item(t, c, k > 0, out);
	} else if (k <= c->pieces) {
		open_arguments(t, "response.function_call_arguments.delta", c,
			       index, out);
		buf_adds(out, STR("\"delta\":"));
		text_json(out, talk_piece(c, k - 1));
		talk_add_obfuscation(t, out);
	} else {
		open_arguments(t, "response.function_call_arguments.done", c,
			       index, out);
		buf_adds(out, STR("\"name\":"));
		text_json(out, buf_str(&c->name));
		buf_adds(out, STR(",\"arguments\":"));
		text_json(out, buf_str(&c->args));
	}
	close_event(out);
}

static void say_end(struct talk *t, size_t i, struct buf *out)
{
	say_response(t, t->cut ? "response.incomplete" : "response.completed",
		     true, out);
}

static const struct stage stages[] = {
	{count_two, say_created},
	{count_reasoning_start, say_reasoning_start},
	{count_reasoning, say_reasoning},
	{count_reasoning_end, say_reasoning_end},
	{count_text_start, say_text_start},
	{count_text, say_text},
	{count_text_end, say_text_end},
	{count_calls, say_calls},
	{count_one, say_end},
};

static void whole(struct talk *t, struct buf *out)
{
	add_response(t, true, out);
}

static void prepare(struct talk *t)
{
	t->n = 1;
}

const struct dialect dialect_responses = {
	.path = STR("/v1/responses"),
	.stages = stages,
	.n_stages = sizeof(stages) / sizeof(stages[0]),
	.whole = whole,
	.prepare = prepare,
	.letter = 'r',
	.echo = echo,
	.messages = "input",
	.limit = "max_output_tokens",
	.schema_key = "parameters",
};
