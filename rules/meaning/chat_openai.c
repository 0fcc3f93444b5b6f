/* SPDX-License-Identifier: MIT */
/*
 * Chat completions and completions, as OpenAI defined them and as its many
 * imitators write them.
 *
 *	{"id","object","created","model","choices":[
 *	   {"index",	 "delta" or "message":{"role","content",...} or "text",
 *	    "finish_reason","logprobs","usage"}],
 *	 "usage"}
 *
 * A stream's chunks and a whole body differ in names only, and are read by
 * the same functions; tool calls lie in chat_calls.c, reasoning in
 * chat_reasoning.c.
 */
#include "rules/meaning/chat_openai.h"

/* The last three are Together's, Mistral's and DeepSeek's. */
static const char *const finishes[] = {"stop",
				       "length",
				       "tool_calls",
				       "content_filter",
				       "function_call",
				       "eos",
				       "model_length",
				       "insufficient_system_resource",
				       NULL};

/* ---- what is the same in all chunks ---- */

static bool is_empty_string(const struct json *j)
{
	return json_is(j, JSON_STRING) && j->raw.n == 0;
}

/* Azure's remarks on filters are chunks without an id, model or time. */
static bool is_remark(const struct json *root)
{
	int64_t created = 0;

	json_int(json_get(root, STR("created")), &created);
	return is_empty_string(json_get(root, STR("id"))) &&
	       is_empty_string(json_get(root, STR("model"))) && created == 0;
}

static void same_text(struct chat *c, struct buf *first, const struct json *now,
		      enum quirk q)
{
	if (!json_is(now, JSON_STRING))
		return;
	if (first->n == 0)
		chat_set(c, first, now);
	else if (!json_says(now, buf_str(first)))
		chat_quirk(c, q, chat_offset(c, now), "%.*s, then %.*s",
			   STR_ARG(buf_str(first)), STR_ARG(now->raw));
}

static void same_created(struct chat *c, const struct json *now)
{
	struct openai *own = c->own;
	int64_t t;

	if (!json_int(now, &t))
		return;
	if (!own->created_said)
		own->created = t;
	else if (own->created != t)
		chat_quirk(c, QUIRK_created_changes, chat_offset(c, now),
			   "%lld, then %lld", (long long)own->created,
			   (long long)t);
	own->created_said = true;
}

static void read_constants(struct chat *c, const struct json *root)
{
	struct answer *a = &c->a;
	const struct json *object = json_get(root, STR("object"));

	if (is_remark(root))
		return;
	if (a->dialect == DIALECT_CHAT)
		chat_object(c, object,
			    a->streamed ? "chat.completion.chunk"
					: "chat.completion");
	else if (!json_says(object, STR("text.completion")) &&
		 !json_says(object, STR("completion.chunk")))
		chat_object(c, object, "text_completion"); /* not Together's */
	same_text(c, &a->id, json_get(root, STR("id")), QUIRK_id_changes);
	same_text(c, &a->model, json_get(root, STR("model")),
		  QUIRK_model_changes);
	same_created(c, json_get(root, STR("created")));
	chat_set(c, &a->system_fingerprint,
		 json_get(root, STR("system_fingerprint")));
	chat_set(c, &a->service_tier, json_get(root, STR("service_tier")));
}

/* ---- a choice ---- */

/* content as a list: [{"type":"text","text"},
 *		       {"type":"thinking","thinking":[{"text"}]}] */
static void read_parts(struct chat *c, struct choice *h,
		       const struct json *list)
{
	struct slot to = {SLOT_CONTENT, chat_choice_at(c, h), 0};

	for (uint32_t i = 0; i < list->n; i++) {
		const struct json *part = list->v[i];
		const struct json *thinking = json_get(part, STR("thinking"));

		h->other |= !thinking && !json_get(part, STR("text"));
		chat_text(c, to, json_get(part, STR("text")));
		if (json_is(thinking, JSON_ARRAY)) {
			for (uint32_t k = 0; k < thinking->n; k++)
				openai_thinking(
					c, h,
					json_get(thinking->v[k], STR("text")));
		} else {
			openai_thinking(c, h, thinking);
		}
	}
}

/* The first delta that says anything must say the role. */
static void check_role(struct chat *c, const struct choice *h,
		       const struct json *m)
{
	struct openai *own = c->own;
	uint32_t at = chat_choice_at(c, h);

	while (own->begun.n <= at)
		buf_addc(&own->begun, false);
	if (own->begun.p[at] || m->n == 0)
		return;
	own->begun.p[at] = true;
	c->once = true;
	if (h->role.n == 0)
		chat_quirk(c, QUIRK_role_missing, chat_offset(c, m), "%.*s",
			   STR_ARG(m->raw));
}

static bool is_more(const struct json *node)
{
	return node && node->kind >= JSON_ARRAY && node->n > 0;
}

/* A delta, or a message. */
static void read_message(struct chat *c, struct choice *h, const struct json *m)
{
	uint32_t at = chat_choice_at(c, h);
	const struct json *content = json_get(m, STR("content"));

	h->other |= is_more(json_get(m, STR("audio"))) ||
		    is_more(json_get(m, STR("images")));
	chat_set(c, &h->role, json_get(m, STR("role")));
	check_role(c, h, m);
	openai_reasoning(c, h, m);
	if (json_is(content, JSON_ARRAY))
		read_parts(c, h, content);
	else
		chat_text(c, (struct slot){SLOT_CONTENT, at, 0}, content);
	chat_text(c, (struct slot){SLOT_REFUSAL, at, 0},
		  json_get(m, STR("refusal")));
	openai_calls(c, h, m);
}

static void read_logprobs(struct chat *c, struct choice *h,
			  const struct json *logprobs)
{
	static const char *const lists[] = {"content", "refusal", "tokens"};

	if (!json_is(logprobs, JSON_OBJECT))
		return;
	c->once = true;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const struct json *l = json_get(logprobs, str_of(lists[i]));

		if (json_is(l, JSON_ARRAY))
			h->logprobs += l->n;
	}
}

static struct choice *choice_of(struct chat *c, const struct json *node,
				uint32_t position)
{
	const struct json *index = json_get(node, STR("index"));
	int64_t i;

	if (!json_int(index, &i) || i < 0 || i >= UINT32_MAX) {
		chat_quirk(c, QUIRK_choice_index_wrong, chat_offset(c, node),
			   "%.*s",
			   STR_ARG(index ? index->raw : STR("no index")));
		i = position;
	} else if (c->asked.known && i >= c->asked.n) {
		chat_quirk(c, QUIRK_choice_index_wrong, chat_offset(c, index),
			   "%lld of %u", (long long)i, c->asked.n);
	}
	return chat_choice(c, (uint32_t)i);
}

static void read_choice(struct chat *c, const struct json *node,
			uint32_t position)
{
	struct choice *h = choice_of(c, node, position);
	const struct json *m = json_get(node, STR("delta"));

	if (!h)
		return;
	if (!m)
		m = json_get(node, STR("message"));
	if (c->a.dialect == DIALECT_COMPLETIONS)
		chat_text(c,
			  (struct slot){SLOT_CONTENT, chat_choice_at(c, h), 0},
			  json_get(node, STR("text")));
	else if (json_is(m, JSON_OBJECT))
		read_message(c, h, m);
	read_logprobs(c, h, json_get(node, STR("logprobs")));
	/* vLLM's and SGLang's word for the stop sequence that was met */
	chat_set(c, &h->finish_detail, json_get(node, STR("stop_reason")));
	chat_set(c, &h->finish_detail, json_get(node, STR("matched_stop")));
	chat_finish(c, h, json_get(node, STR("finish_reason")), finishes);
	chat_usage(c, json_get(node, STR("usage")), USAGE_CHOICE);
}

static uint32_t read_choices(struct chat *c, const struct json *root)
{
	const struct json *list = json_get(root, STR("choices"));
	uint32_t n = json_is(list, JSON_ARRAY) ? list->n : 0;

	for (uint32_t i = 0; i < n && !c->a.cut; i++) {
		if (json_is(list->v[i], JSON_OBJECT))
			read_choice(c, list->v[i], i);
		else
			chat_quirk(c, QUIRK_event_no_object,
				   chat_offset(c, list->v[i]), "%.*s",
				   STR_ARG(list->v[i]->raw));
	}
	return n;
}

/* ---- a chunk ---- */

/* Neither choices nor an error: usage, or Azure's first. */
static void read_frame(struct chat *c, const struct json *root)
{
	const struct openai *own = c->own;
	const struct json *usage = json_get(root, STR("usage"));
	const struct json *choices = json_get(root, STR("choices"));

	c->once = true;
	if (json_is(usage, JSON_OBJECT)) {
		if (c->asked.known && !c->asked.include_usage)
			chat_quirk(c, QUIRK_usage_unasked,
				   chat_offset(c, usage), "%.*s",
				   STR_ARG(usage->raw));
		return;
	}
	if (!choices && !json_get(root, STR("object")))
		chat_quirk(c, QUIRK_event_no_object, c->source_at, "%.*s",
			   STR_ARG(root->raw));
	else if (own->chunks > 0 &&
		 !json_get(root, STR("prompt_filter_results")))
		chat_quirk(c, QUIRK_choices_empty, c->source_at, "%.*s",
			   STR_ARG(root->raw));
}

static void on_event(struct chat *c, const struct sse_event *e,
		     const struct json *root)
{
	struct openai *own = c->own;
	bool failed;
	uint32_t n;

	/* Clients have stopped reading: it is no part of the answer. */
	if (c->a.done) {
		chat_quirk(c, QUIRK_chunk_after_done, c->source_at, "%.*s",
			   STR_ARG(root->raw));
		return;
	}
	failed = chat_error(c, root);
	if (!failed || json_get(root, STR("choices")))
		read_constants(c, root);
	n = read_choices(c, root);
	if (n == 0 && !failed)
		read_frame(c, root);
	chat_usage(c, json_get(root, STR("usage")),
		   n ? USAGE_TOP : USAGE_FRAME);
	chat_any(c, json_get(root, STR("obfuscation")));
	own->chunks++;
	chat_repeats(c);
}

static void on_body(struct chat *c, const struct json *root)
{
	chat_error(c, root);
	if (!c->a.error)
		read_constants(c, root);
	read_choices(c, root);
	chat_usage(c, json_get(root, STR("usage")), USAGE_TOP);
}

/* ---- the end ---- */

static void check_choices(struct chat *c)
{
	const struct answer *a = &c->a;
	bool finished = a->n_choices > 0 || a->quirks[QUIRK_finish_empty].seen;

	for (size_t i = 0; i < a->n_choices; i++) {
		const struct choice *h = &a->choices[i];

		if (h->finishes == 0 && !a->quirks[QUIRK_finish_empty].seen)
			finished = false;
		if (c->asked.known && c->asked.logprobs && h->content.n &&
		    h->logprobs == 0)
			chat_quirk(c, QUIRK_logprobs_missing, h->content_at,
				   "%s", "");
		openai_check_reasoning(c, h);
	}
	if (!finished)
		chat_quirk(c, QUIRK_finish_missing, a->bytes, "%s", "");
}

static void on_end(struct chat *c, enum chat_ending how)
{
	const struct answer *a = &c->a;
	bool due =
		a->streamed ? c->asked.known && c->asked.include_usage : true;

	check_choices(c);
	if (a->streamed && !a->done)
		chat_quirk(c, QUIRK_done_missing, a->bytes, "%s", "");
	if (due && !a->usage.have)
		chat_quirk(c, QUIRK_usage_missing, a->bytes, "%s", "");
}

static void on_free(struct chat *c)
{
	struct openai *own = c->own;

	buf_free(&own->begun);
	openai_free_details(own);
}

const struct chat_ops chat_openai_ops = {
	.own = sizeof(struct openai),
	.done_word = true,
	.event = on_event,
	.body = on_body,
	.close = openai_close_details,
	.end = on_end,
	.free = on_free,
};

const struct chat_ops chat_completions_ops = {
	.own = sizeof(struct openai),
	.done_word = true,
	.event = on_event,
	.body = on_body,
	.end = on_end,
	.free = on_free,
};
