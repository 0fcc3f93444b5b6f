/* SPDX-License-Identifier: MIT */
/* OpenAI's older completions. */
#include <inttypes.h>

#include "talk.h"
#include "text.h"

static struct str finish_reason(const struct talk *t)
{
	return t->cut ? STR("length") : STR("stop");
}

static void add_usage(const struct talk *t, struct buf *out)
{
	const struct cost *c = &t->cost;

	buf_addf(out,
		 "{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
		 ",\"total_tokens\":%" PRIu64 "}",
		 c->prompt, c->completion, c->total);
}

/* Tokens from..to of a choice. */
static void add_logprobs(const struct talk *t, unsigned choice, size_t from,
			 size_t to, struct buf *out)
{
	size_t offset = 0;

	buf_adds(out, STR("{\"tokens\":["));
	for (size_t i = from; i < to; i++) {
		if (i > from)
			buf_addc(out, ',');
		text_json(out, talk_word(t, choice, PART_CONTENT, i));
	}
	buf_adds(out, STR("],\"token_logprobs\":["));
	for (size_t i = from; i < to; i++)
		buf_addf(out, i > from ? ",%.6f" : "%.6f",
			 talk_logprob(t, choice, i));
	buf_adds(out, STR("],\"top_logprobs\":null,\"text_offset\":["));
	for (size_t i = 0; i < to; i++) {
		if (i >= from)
			buf_addf(out, i > from ? ",%zu" : "%zu", offset);
		offset += talk_word(t, choice, PART_CONTENT, i).n;
	}
	buf_adds(out, STR("]}"));
}

static void prepare(struct talk *t)
{
	buf_addf(&t->lead,
		 "data: {\"id\":\"cmpl-%s\",\"object\":\"text_completion\","
		 "\"created\":%llu,\"model\":",
		 t->id, (unsigned long long)t->created);
	text_json(&t->lead, buf_str(&t->model));
	buf_adds(&t->lead, STR(",\"choices\":["));
	t->reasoning = 0;
}

static void close_event(struct talk *t, struct buf *out)
{
	buf_addc(out, ']');
	if (t->usage)
		buf_adds(out, STR(",\"usage\":null"));
	talk_add_obfuscation(t, out);
	buf_adds(out, STR("}\n\n"));
}

static size_t count_content(const struct talk *t)
{
	return t->content * t->n;
}

static void say_content(struct talk *t, size_t i, struct buf *out)
{
	unsigned choice = (unsigned)(i % t->n);
	size_t k = i / t->n;

	buf_adds(out, buf_str(&t->lead));
	buf_adds(out, STR("{\"text\":"));
	text_json(out, talk_word(t, choice, PART_CONTENT, k));
	buf_adds(out, STR(",\"index\":"));
	text_add_u64(out, choice);
	buf_adds(out, STR(",\"logprobs\":"));
	if (t->logprobs)
		add_logprobs(t, choice, k, k + 1, out);
	else
		buf_adds(out, STR("null"));
	buf_adds(out, STR(",\"finish_reason\":null}"));
	close_event(t, out);
}

static size_t count_choices(const struct talk *t)
{
	return t->n;
}

static void say_finish(struct talk *t, size_t i, struct buf *out)
{
	buf_adds(out, buf_str(&t->lead));
	buf_adds(out, STR("{\"text\":\"\",\"index\":"));
	text_add_u64(out, i);
	buf_adds(out, STR(",\"logprobs\":null,\"finish_reason\":"));
	text_json(out, finish_reason(t));
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

static const struct stage stages[] = {{count_content, say_content},
				      {count_choices, say_finish},
				      {count_usage, say_usage},
				      {count_one, say_done}};

static void add_choice(const struct talk *t, unsigned choice, struct buf *out)
{
	buf_adds(out, choice ? STR(",{\"text\":\"") : STR("{\"text\":\""));
	talk_add_text(t, choice, PART_CONTENT, out);
	buf_addf(out, "\",\"index\":%u,\"logprobs\":", choice);
	if (t->logprobs)
		add_logprobs(t, choice, 0, t->content, out);
	else
		buf_adds(out, STR("null"));
	buf_adds(out, STR(",\"finish_reason\":"));
	text_json(out, finish_reason(t));
	buf_addc(out, '}');
}

static void whole(struct talk *t, struct buf *out)
{
	buf_addf(out,
		 "{\"id\":\"cmpl-%s\",\"object\":\"text_completion\","
		 "\"created\":%llu,\"model\":",
		 t->id, (unsigned long long)t->created);
	text_json(out, buf_str(&t->model));
	buf_adds(out, STR(",\"choices\":["));
	for (unsigned i = 0; i < t->n; i++)
		add_choice(t, i, out);
	buf_adds(out, STR("],\"usage\":"));
	add_usage(t, out);
	buf_addc(out, '}');
}

const struct dialect dialect_completions = {
	.path = STR("/v1/completions"),
	.stages = stages,
	.n_stages = sizeof(stages) / sizeof(stages[0]),
	.whole = whole,
	.prepare = prepare,
	.letter = 'p',
	.messages = "prompt",
	.stop = "stop",
	.limit = "max_tokens",
};
