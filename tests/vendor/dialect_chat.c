/* SPDX-License-Identifier: MIT */
/*
 * OpenAI chat completions. The events of the choices take turns: event i of
 * a stage is about choice i % n.
 */
#include <inttypes.h>

#include "knobs.h"
#include "talk.h"
#include "text.h"

static void add_usage(const struct talk *t, struct buf *out)
{
	const struct cost *c = &t->cost;

	buf_addf(out,
		 "{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
		 ",\"total_tokens\":%" PRIu64
		 ",\"prompt_tokens_details\":{\"cached_tokens\":%" PRIu64
		 ",\"audio_tokens\":0},\"completion_tokens_details\":{"
		 "\"reasoning_tokens\":%" PRIu64
		 ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
		 "\"rejected_prediction_tokens\":0}}",
		 c->prompt, c->completion, c->total, c->cached, c->reasoning);
}

static struct str finish_reason(const struct talk *t)
{
	if (t->cut)
		return STR("length");
	return t->n_calls ? STR("tool_calls") : STR("stop");
}

static void add_token(struct buf *out, struct str word, double logprob)
{
	buf_adds(out, STR("{\"token\":"));
	text_json(out, word);
	buf_addf(out, ",\"logprob\":%.6f,\"bytes\":[", logprob);
	for (size_t i = 0; i < word.n; i++)
		buf_addf(out, i ? ",%u" : "%u", (unsigned char)word.p[i]);
	buf_addc(out, ']');
}

/* The token itself comes first among the likely ones. */
static void add_logprob(const struct talk *t, unsigned choice, size_t i,
			struct buf *out)
{
	struct str word = talk_word(t, choice, PART_CONTENT, i);
	double logprob = talk_logprob(t, choice, i);

	add_token(out, word, logprob);
	buf_adds(out, STR(",\"top_logprobs\":["));
	for (unsigned k = 0; k < t->top_logprobs; k++) {
		if (k) {
			buf_addc(out, ',');
			word = words_pick(text_mix(t->seed + i * 32 + k));
			logprob -= 0.75;
		}
		add_token(out, word, logprob);
		buf_addc(out, '}');
	}
	buf_adds(out, STR("]}"));
}

/* The same for all answers of a model. */
static uint64_t fingerprint(const struct talk *t)
{
	return text_hash(1, buf_str(&t->model)) >> 24;
}

/* ---- the stream ---- */

static void prepare(struct talk *t)
{
	buf_addf(&t->lead,
		 "data: {\"id\":\"chatcmpl-%s\",\"object\":"
		 "\"chat.completion.chunk\",\"created\":%llu,\"model\":",
		 t->id, (unsigned long long)t->created);
	text_json(&t->lead, buf_str(&t->model));
	buf_addf(&t->lead,
		 ",\"service_tier\":\"default\",\"system_fingerprint\":"
		 "\"fp_%" PRIx64 "\",\"choices\":[",
		 fingerprint(t));
}

static void open_delta(struct talk *t, size_t choice, struct buf *out)
{
	buf_adds(out, buf_str(&t->lead));
	buf_adds(out, STR("{\"index\":"));
	text_add_u64(out, choice);
	buf_adds(out, STR(",\"delta\":{"));
}

static void close_event(struct talk *t, struct buf *out)
{
	buf_addc(out, ']');
	if (t->usage)
		buf_adds(out, STR(",\"usage\":null"));
	talk_add_obfuscation(t, out);
	buf_adds(out, STR("}\n\n"));
}

static void close_delta(struct talk *t, struct buf *out)
{
	buf_adds(out, STR("},\"logprobs\":null,\"finish_reason\":null}"));
	close_event(t, out);
}

static size_t count_choices(const struct talk *t)
{
	return t->n;
}

static void say_role(struct talk *t, size_t i, struct buf *out)
{
	open_delta(t, i, out);
	if (t->n_calls)
		buf_adds(out, STR("\"role\":\"assistant\",\"content\":null"));
	else
		buf_adds(out, STR("\"role\":\"assistant\",\"content\":\"\","
				  "\"refusal\":null"));
	close_delta(t, out);
}

static size_t count_reasoning(const struct talk *t)
{
	return t->silent ? 0 : t->reasoning * t->n;
}

/* The field that holds reasoning; MiniMax and OpenRouter itemise it. */
static void add_reasoning(const struct talk *t, struct str inner,
			  struct buf *out)
{
	if (t->split) {
		buf_adds(out, STR("\"reasoning_details\":[{\"type\":"
				  "\"reasoning.text\",\"id\":"
				  "\"reasoning-text-1\",\"format\":"
				  "\"MiniMax-response-v1\",\"index\":0,"
				  "\"text\":\""));
		buf_adds(out, inner);
		buf_adds(out, STR("\"}]"));
		return;
	}
	text_json(out, t->family->reasoning);
	buf_adds(out, STR(":\""));
	buf_adds(out, inner);
	buf_addc(out, '"');
}

static void say_reasoning(struct talk *t, size_t i, struct buf *out)
{
	unsigned choice = (unsigned)(i % t->n);
	struct buf inner = {0};

	open_delta(t, choice, out);
	text_json_inner(&inner, talk_word(t, choice, PART_REASONING, i / t->n));
	add_reasoning(t, buf_str(&inner), out);
	buf_free(&inner);
	close_delta(t, out);
}

static size_t count_content(const struct talk *t)
{
	return t->content * t->n;
}

static void say_content(struct talk *t, size_t i, struct buf *out)
{
	unsigned choice = (unsigned)(i % t->n);

	open_delta(t, choice, out);
	buf_adds(out, STR("\"content\":"));
	text_json(out, talk_word(t, choice, PART_CONTENT, i / t->n));
	if (!t->logprobs) {
		close_delta(t, out);
		return;
	}
	buf_adds(out, STR("},\"logprobs\":{\"content\":["));
	add_logprob(t, choice, i / t->n, out);
	buf_adds(out, STR("],\"refusal\":null},\"finish_reason\":null}"));
	close_event(t, out);
}

static size_t count_calls(const struct talk *t)
{
	return talk_count_calls(t, 1) * t->n;
}

/* Choices other than the first have ids of their own. */
static void add_call_id(const struct talk *t, const struct call *c,
			unsigned choice, struct buf *out)
{
	talk_add_call_id(t, c, out);
	if (choice)
		buf_addf(out, "%u", choice);
}

/* Gemini: the first of parallel calls carries the thought's signature. */
static void add_signature(const struct talk *t, size_t call, struct buf *out)
{
	if (call || !(t->family->flags & SIGNS_CALLS))
		return;
	buf_adds(out, STR("\"extra_content\":{\"google\":{"
			  "\"thought_signature\":\""));
	talk_add_sealed(t, 88, out);
	buf_adds(out, STR("\"}},"));
}

static void say_calls(struct talk *t, size_t i, struct buf *out)
{
	unsigned choice = (unsigned)(i % t->n);
	size_t k, index = talk_find_call(t, i / t->n, 1, &k);
	const struct call *c = &t->calls[index];

	open_delta(t, choice, out);
	buf_adds(out, STR("\"tool_calls\":[{\"index\":"));
	text_add_u64(out, index);
	if (k == 0) {
		buf_adds(out, STR(",\"id\":\""));
		add_call_id(t, c, choice, out);
		buf_adds(out, STR("\",\"type\":\"function\","));
		add_signature(t, index, out);
		buf_adds(out, STR("\"function\":{\"name\":"));
		text_json(out, buf_str(&c->name));
		buf_adds(out, STR(",\"arguments\":\"\"}}]"));
	} else {
		buf_adds(out, STR(",\"function\":{\"arguments\":"));
		text_json(out, talk_piece(c, k - 1));
		buf_adds(out, STR("}}]"));
	}
	close_delta(t, out);
}

/* Moonshot's own place for usage; other engines have the common one. */
static bool is_moonshot(const struct talk *t)
{
	return t->speak == speak_moonshot ||
	       (t->speak == speak_none && (t->family->flags & KIMI));
}

static void say_finish(struct talk *t, size_t i, struct buf *out)
{
	open_delta(t, i, out);
	buf_adds(out, STR("},\"logprobs\":null,\"finish_reason\":"));
	text_json(out, finish_reason(t));
	if (is_moonshot(t)) {
		buf_adds(out, STR(",\"usage\":"));
		add_usage(t, out);
	}
	buf_addc(out, '}');
	close_event(t, out);
}

static size_t count_usage(const struct talk *t)
{
	return t->usage;
}

static void say_usage(struct talk *t, size_t i, struct buf *out)
{
	buf_adds(out, buf_str(&t->lead));
	buf_adds(out, STR("],\"usage\":"));
	add_usage(t, out);
	talk_add_obfuscation(t, out);
	buf_adds(out, STR("}\n\n"));
}

static size_t count_one(const struct talk *t)
{
	return 1;
}

static void say_done(struct talk *t, size_t i, struct buf *out)
{
	buf_adds(out, STR("data: [DONE]\n\n"));
}

static const struct stage stages[] = {
	{count_choices, say_role},    {count_reasoning, say_reasoning},
	{count_content, say_content}, {count_calls, say_calls},
	{count_choices, say_finish},  {count_usage, say_usage},
	{count_one, say_done},
};

/* ---- the whole ---- */

static void add_calls(const struct talk *t, unsigned choice, struct buf *out)
{
	buf_adds(out, STR(",\"tool_calls\":["));
	for (size_t i = 0; i < t->n_calls; i++) {
		buf_adds(out, i ? STR(",{\"id\":\"") : STR("{\"id\":\""));
		add_call_id(t, &t->calls[i], choice, out);
		buf_adds(out, STR("\",\"type\":\"function\","));
		add_signature(t, i, out);
		buf_adds(out, STR("\"function\":{\"name\":"));
		text_json(out, buf_str(&t->calls[i].name));
		buf_adds(out, STR(",\"arguments\":"));
		text_json(out, buf_str(&t->calls[i].args));
		buf_adds(out, STR("}}"));
	}
	buf_addc(out, ']');
}

static void add_message(const struct talk *t, unsigned choice, struct buf *out)
{
	buf_adds(out, STR("{\"role\":\"assistant\",\"content\":"));
	if (t->n_calls) {
		buf_adds(out, STR("null"));
	} else {
		buf_addc(out, '"');
		talk_add_text(t, choice, PART_CONTENT, out);
		buf_addc(out, '"');
	}
	if (t->reasoning && !t->silent) {
		struct buf inner = {0};

		talk_add_text(t, choice, PART_REASONING, &inner);
		buf_addc(out, ',');
		add_reasoning(t, buf_str(&inner), out);
		buf_free(&inner);
	}
	if (t->n_calls)
		add_calls(t, choice, out);
	buf_adds(out, STR(",\"refusal\":null,\"annotations\":[]}"));
}

static void add_choice(const struct talk *t, unsigned choice, struct buf *out)
{
	buf_addf(out, "%s{\"index\":%u,\"message\":", choice ? "," : "",
		 choice);
	add_message(t, choice, out);
	buf_adds(out, STR(",\"logprobs\":"));
	if (t->logprobs) {
		buf_adds(out, STR("{\"content\":["));
		for (size_t i = 0; i < t->content; i++) {
			if (i)
				buf_addc(out, ',');
			add_logprob(t, choice, i, out);
		}
		buf_adds(out, STR("],\"refusal\":null}"));
	} else {
		buf_adds(out, STR("null"));
	}
	buf_adds(out, STR(",\"finish_reason\":"));
	text_json(out, finish_reason(t));
	buf_addc(out, '}');
}

static void whole(struct talk *t, struct buf *out)
{
	buf_addf(out,
		 "{\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion\","
		 "\"created\":%llu,\"model\":",
		 t->id, (unsigned long long)t->created);
	text_json(out, buf_str(&t->model));
	buf_adds(out, STR(",\"choices\":["));
	for (unsigned i = 0; i < t->n; i++)
		add_choice(t, i, out);
	buf_adds(out, STR("],\"usage\":"));
	add_usage(t, out);
	buf_addf(out,
		 ",\"service_tier\":\"default\",\"system_fingerprint\":"
		 "\"fp_%" PRIx64 "\"}",
		 fingerprint(t));
}

const struct dialect dialect_chat = {
	.path = STR("/v1/chat/completions"),
	.stages = stages,
	.n_stages = sizeof(stages) / sizeof(stages[0]),
	.whole = whole,
	.prepare = prepare,
	.letter = 'c',
	.messages = "messages",
	.stop = "stop",
	.limit = "max_completion_tokens",
	.other_limit = "max_tokens",
	.tool_key = "function",
	.schema_key = "parameters",
};
