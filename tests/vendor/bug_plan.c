/* SPDX-License-Identifier: MIT */
/*
 * Bugs that say another thing. They work on the plan, and so in each dialect
 * and form alike.
 */
#include "talk.h"
#include "text.h"

/* ---- calls ---- */

const cJSON *bug_tool(const struct talk *t, const cJSON *tool)
{
	return bugs_has(&t->bugs, BUG_call_missing) ? NULL : tool;
}

/* The first id of a call in the history. */
static struct str past_id(const struct asked *a)
{
	const cJSON *list = ask_get(a->request, a->dialect->messages), *m;
	const cJSON *block;

	cJSON_ArrayForEach(m, list)
	{
		const cJSON *call = ask_get(m, "tool_calls");
		if (cJSON_GetArraySize(call) > 0)
			return ask_text(
				ask_get(cJSON_GetArrayItem(call, 0), "id"));
		if (ask_says(ask_get(m, "type"), "function_call"))
			return ask_text(ask_get(m, "call_id"));
		cJSON_ArrayForEach(block, ask_get(m, "content"))
		{
			if (ask_says(ask_get(block, "type"), "tool_use"))
				return ask_text(ask_get(block, "id"));
		}
	}
	return STR("");
}

static void tell_id(struct call *c, struct str id)
{
	c->told.n = 0;
	buf_adds(&c->told, id);
}

static void same_ids(struct talk *t)
{
	struct buf id = {0};

	talk_add_call_id(t, &t->calls[0], &id);
	for (size_t i = 0; i < t->n_calls; i++)
		tell_id(&t->calls[i], buf_str(&id));
	buf_free(&id);
}

static void bend_call(struct talk *t, struct call *c)
{
	if (bugs_has(&t->bugs, BUG_tool_unknown)) {
		c->name.n = 0;
		buf_adds(&c->name, STR("no_such_tool"));
	}
	if (bugs_has(&t->bugs, BUG_arguments_schema)) {
		c->args.n = 0;
		buf_adds(&c->args, STR("{\"nobody_asked_for\":[1,{}]}"));
	}
	if (bugs_has(&t->bugs, BUG_arguments_not_json) && c->args.n)
		c->args.n--;
}

void bug_calls(struct talk *t, const struct asked *a)
{
	if (!t->n_calls)
		return;
	for (size_t i = 0; i < t->n_calls; i++)
		bend_call(t, &t->calls[i]);
	if (bugs_has(&t->bugs, BUG_tool_id_reused))
		tell_id(&t->calls[0], past_id(a));
	if (bugs_has(&t->bugs, BUG_tool_id_duplicate))
		same_ids(t);
}

/* ---- texts ---- */

#define LEAK(bug, text)                                                        \
	{                                                                      \
		BUG_##bug, STR(text)                                           \
	}

/* These go into the middle of the text. U+E000 becomes \ud83d on the wire. */
static const struct {
	enum bug bug;
	struct str text;
} leaks[] = {
	LEAK(replacement_char, " caf\xef\xbf\xbd "),
	LEAK(invalid_utf8, " caf\xff\xc3 "),
	LEAK(lone_surrogate, " \xee\x80\x80 "),
	LEAK(tool_markup_leak,
	     " <|tool_calls_section_begin|><|tool_call_begin|>functions.add:0"
	     "<|tool_call_argument_begin|>{\"a\":1}<|tool_call_end|>"
	     "<|tool_calls_section_end|> "),
	LEAK(think_tag_leak, " <think>so it must be</think> "),
	LEAK(harmony_leak, " <|channel|>analysis<|message|>so it must be "),
	LEAK(special_token_leak, " so it is.<|endoftext|>And "),
	LEAK(kimi_markers, " <|im_end|> "),
	LEAK(script, " \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 "),
};

static void leak(struct talk *t, struct str what)
{
	struct script *s = &t->script[PART_CONTENT];
	struct buf text = {0};
	size_t middle;

	script_fix(t, PART_CONTENT);
	middle = s->at[s->n / 2];
	buf_add(&text, s->text.p, middle);
	buf_adds(&text, what);
	buf_add(&text, s->text.p + middle, s->text.n - middle);
	script_set(t, PART_CONTENT, buf_str(&text));
	buf_free(&text);
}

static void leak_tokens(struct talk *t)
{
	struct script *s = &t->script[PART_CONTENT];
	struct buf text = {0};

	script_fix(t, PART_CONTENT);
	for (size_t i = 0; i < s->text.n; i++) {
		if (s->text.p[i] == ' ')
			buf_adds(&text, STR("\xc4\xa0"));
		else if (s->text.p[i] == '\n')
			buf_adds(&text, STR("\xc4\x8a"));
		else
			buf_addc(&text, s->text.p[i]);
	}
	script_set(t, PART_CONTENT, buf_str(&text));
	buf_free(&text);
}

static void append(struct talk *t, const char *what, unsigned times)
{
	struct script *s = &t->script[PART_CONTENT];
	struct buf text = {0};

	script_fix(t, PART_CONTENT);
	buf_adds(&text, buf_str(&s->text));
	for (unsigned i = 0; i < times; i++)
		buf_adds(&text, str_of(what));
	script_set(t, PART_CONTENT, buf_str(&text));
	buf_free(&text);
}

static void misplace(struct talk *t)
{
	struct buf text = {0};

	script_fix(t, PART_REASONING);
	script_fix(t, PART_CONTENT);
	buf_adds(&text, buf_str(&t->script[PART_REASONING].text));
	buf_adds(&text, buf_str(&t->script[PART_CONTENT].text));
	script_set(t, PART_REASONING, buf_str(&text));
	script_none(t, PART_CONTENT);
	buf_free(&text);
}

static void repeat_prefix(struct talk *t, const struct asked *a)
{
	const cJSON *last = ask_last(ask_get(a->request, "messages"));
	struct buf text = {0};

	script_fix(t, PART_CONTENT);
	buf_adds(&text, ask_text(ask_get(last, "content")));
	buf_adds(&text, buf_str(&t->script[PART_CONTENT].text));
	script_set(t, PART_CONTENT, buf_str(&text));
	buf_free(&text);
}

static const char drifted[] =
	"水在零度结冰，在一百度沸腾。这个问题的答案很简单：我们先看温度，"
	"再看压力，然后根据这两个数值计算出结果。如果压力变低，沸点也会变低，"
	"所以在高山上煮饭需要更长的时间。";

static const char ngrams[] =
	" First we then measure apples, and we then measure bread. Later we "
	"then measure cheese; by noon we then measure dates, at one we then "
	"measure eggs, at two we then measure figs, at three we then measure "
	"grapes. Tired, we then measure honey and go home.";

static void bend_reasoning(struct talk *t)
{
	if (bugs_has(&t->bugs, BUG_reasoning_missing))
		script_none(t, PART_REASONING);
	if (bugs_has(&t->bugs, BUG_reasoning_unasked) && !t->reasoning)
		t->reasoning = 12;
	if (bugs_has(&t->bugs, BUG_answer_in_reasoning))
		misplace(t);
}

static void bend_content(struct talk *t)
{
	if (bugs_has(&t->bugs, BUG_tokenizer_artefact))
		leak_tokens(t);
	if (bugs_has(&t->bugs, BUG_repetition_loop))
		append(t, " and so on and on it goes", 40);
	if (bugs_has(&t->bugs, BUG_ngram))
		append(t, ngrams, 1);
	if (bugs_has(&t->bugs, BUG_language_drift))
		script_set(t, PART_CONTENT, str_of(drifted));
	if (bugs_has(&t->bugs, BUG_response_format))
		script_set(t, PART_CONTENT,
			   STR("Here is what you have asked for, in words."));
	for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++)
		if (bugs_has(&t->bugs, leaks[i].bug))
			leak(t, leaks[i].text);
}

void bug_texts(struct talk *t, const struct asked *a)
{
	if (!bugs_any(&t->bugs))
		return;
	if (!t->n_calls)
		bend_content(t);
	if (bugs_has(&t->bugs, BUG_partial_prefix))
		repeat_prefix(t, a);
	bend_reasoning(t);
	if (bugs_has(&t->bugs, BUG_content_empty)) {
		script_none(t, PART_REASONING);
		script_none(t, PART_CONTENT);
	}
}

/* ---- figures ---- */

void bug_cost(struct talk *t, size_t request_bytes)
{
	struct cost *c = &t->cost;

	if (bugs_has(&t->bugs, BUG_usage_length))
		c->completion = c->completion * 40 + 5000;
	if (bugs_has(&t->bugs, BUG_usage_prompt))
		c->prompt = request_bytes * 3 + 20000;
	c->total = c->prompt + c->completion;
	if (bugs_has(&t->bugs, BUG_usage_total))
		c->total += 7;
	if (bugs_has(&t->bugs, BUG_usage_cached))
		c->cached = c->prompt * 2 + 10;
	if (bugs_has(&t->bugs, BUG_usage_zero))
		*c = (struct cost){0};
}
