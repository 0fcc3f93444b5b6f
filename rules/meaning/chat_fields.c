/* SPDX-License-Identifier: MIT */
/* Fields that several dialects have: finish reasons, usage, errors, arguments
 * of tool calls. */
#include <assert.h>

#include "rules/meaning/chat_impl.h"

/* ---- finish reasons ---- */

static bool is_known(struct str reason, const char *const *known)
{
	for (; *known; known++) {
		if (str_eq(reason, str_of(*known)))
			return true;
	}
	return false;
}

void chat_finish(struct chat *c, struct choice *h, const struct json *node,
		 const char *const *known)
{
	uint64_t at = chat_offset(c, node);
	struct str reason;

	if (!node || node->kind == JSON_NULL)
		return;
	c->once = true;
	reason = json_is(node, JSON_STRING) ? json_text(node) : node->raw;
	if (reason.n == 0) {
		chat_quirk(c, QUIRK_finish_empty, at, "\"\"");
		return;
	}
	/* A gateway says "error" beside the error itself. */
	if (!is_known(reason, known) &&
	    !(c->a.error && str_eq(reason, STR("error"))))
		chat_quirk(c, QUIRK_finish_unknown, at, "%.*s",
			   STR_ARG(reason));
	if (h->finishes++ > 0)
		chat_quirk(c, QUIRK_finish_twice, at, "%.*s, then %.*s",
			   STR_ARG(buf_str(&h->finish)), STR_ARG(reason));
	else
		h->finish_at = at;
	chat_replace(c, &h->finish, reason);
}

/* ---- usage ---- */

/* The first of these members (JSON pointers) that is a whole number. */
static int64_t count_at(const struct json *usage, const char *const *names)
{
	int64_t n;

	for (; *names; names++) {
		if (json_int(json_pointer(usage, str_of(*names)), &n))
			return n;
	}
	return USAGE_NONE;
}

static int64_t sum(int64_t a, int64_t b)
{
	int64_t n;

	if (b == USAGE_NONE)
		return a;
	return __builtin_add_overflow(a, b, &n) ? USAGE_NONE : n;
}

static struct usage read_usage(const struct json *u, enum dialect d)
{
	static const char *const prompt[] = {"/prompt_tokens", "/input_tokens",
					     NULL};
	static const char *const completion[] = {"/completion_tokens",
						 "/output_tokens", NULL};
	static const char *const total[] = {"/total_tokens", NULL};
	static const char *const cached[] = {
		"/prompt_tokens_details/cached_tokens",
		"/input_tokens_details/cached_tokens",
		"/cached_tokens",
		"/prompt_cache_hit_tokens",
		"/cache_read_input_tokens",
		NULL};
	static const char *const written[] = {"/cache_creation_input_tokens",
					      NULL};
	static const char *const reasoning[] = {
		"/completion_tokens_details/reasoning_tokens",
		"/output_tokens_details/reasoning_tokens", "/reasoning_tokens",
		NULL};
	struct usage n = {.prompt = count_at(u, prompt),
			  .completion = count_at(u, completion),
			  .total = count_at(u, total),
			  .cached = count_at(u, cached),
			  .reasoning = count_at(u, reasoning)};

	/* Anthropic's input_tokens are those that no cache knew. */
	if (d == DIALECT_MESSAGES && n.prompt != USAGE_NONE) {
		n.prompt = sum(n.prompt, n.cached);
		n.prompt = n.prompt == USAGE_NONE
				   ? USAGE_NONE
				   : sum(n.prompt, count_at(u, written));
	}
	n.have = n.prompt != USAGE_NONE || n.completion != USAGE_NONE ||
		 n.total != USAGE_NONE;
	return n;
}

static bool differ(int64_t a, int64_t b)
{
	return a != USAGE_NONE && b != USAGE_NONE && a != b;
}

static bool falls(int64_t from, int64_t to)
{
	return to != USAGE_NONE && from != USAGE_NONE && to < from;
}

/*
 * Some count as they go: what was generated may grow until the answer has
 * finished. A message's prompt may, too (tools of the vendor's read more); its
 * first count may be a placeholder of 0.
 */
static bool contradict(const struct chat *c, const struct usage *old,
		       const struct usage *now, enum usage_place place)
{
	if (falls(old->completion, now->completion))
		return true;
	if (place == USAGE_EVENT)
		return now->prompt > 0 && falls(old->prompt, now->prompt);
	return differ(old->prompt, now->prompt) ||
	       (c->usage_settled && (differ(old->completion, now->completion) ||
				     differ(old->total, now->total)));
}

static bool all_finished(const struct answer *a)
{
	for (size_t i = 0; i < a->n_choices; i++) {
		if (a->choices[i].finishes == 0)
			return false;
	}
	return a->n_choices > 0;
}

static void take(int64_t *field, int64_t now)
{
	if (now != USAGE_NONE)
		*field = now;
}

/* Kimi counts what was written for each choice by itself: how much it was
 * together is not said. */
static void forget_counts(struct usage *u, struct usage *now)
{
	u->completion = u->total = u->reasoning = USAGE_NONE;
	now->completion = now->total = now->reasoning = USAGE_NONE;
}

void chat_usage(struct chat *c, const struct json *node, enum usage_place place)
{
	struct usage *u = &c->a.usage, now;

	if (!json_is(node, JSON_OBJECT))
		return;
	now = read_usage(node, c->a.dialect);
	if (!now.have)
		return;
	c->once = true;
	if (place == USAGE_CHOICE && c->a.n_choices > 1)
		forget_counts(u, &now);
	if (u->have && contradict(c, u, &now, place))
		chat_quirk(c, QUIRK_usage_changes, chat_offset(c, node), "%.*s",
			   STR_ARG(node->raw));
	if (!u->have) {
		u->have = true;
		u->place = place;
		u->offset = chat_offset(c, node);
	}
	take(&u->prompt, now.prompt);
	take(&u->completion, now.completion);
	take(&u->total, now.total);
	take(&u->cached, now.cached);
	take(&u->reasoning, now.reasoning);
	c->usage_settled = all_finished(&c->a);
}

/* ---- errors ---- */

/* A code may be a number. */
static void set_word(struct chat *c, struct buf *field, const struct json *node)
{
	if (json_is(node, JSON_NUMBER))
		chat_replace(c, field, node->raw);
	else
		chat_set(c, field, node);
}

static void set_error(struct chat *c, const struct json *e)
{
	struct answer *a = &c->a;
	const struct json *message = json_get(e, STR("message"));

	a->error = true;
	c->once = true;
	if (json_is(e, JSON_STRING))
		chat_set(c, &a->error_message, e);
	else if (!json_is(e, JSON_OBJECT))
		chat_replace(c, &a->error_message, e->raw);
	chat_set(c, &a->error_type, json_get(e, STR("type")));
	set_word(c, &a->error_code, json_get(e, STR("code")));
	chat_set(c, &a->error_message, message);
	chat_set(c, &a->error_param, json_get(e, STR("param")));
}

void chat_error_is(struct chat *c, const struct json *error)
{
	uint64_t at = chat_offset(c, error);

	assert(error);
	set_error(c, error);
	chat_quirk(c, QUIRK_error_in_200, at, "%.*s",
		   STR_ARG(buf_str(&c->a.error_message)));
}

static bool is_something(const struct json *j)
{
	return j && j->kind != JSON_NULL && j->kind != JSON_FALSE &&
	       (j->kind == JSON_TRUE || j->raw.n > 0) &&
	       (j->kind != JSON_OBJECT || j->n > 0);
}

/* An object that is an error by itself, not by a member that is one. */
static bool is_bare_error(const struct json *root)
{
	static const char *const answers[] = {"choices", "output", "content",
					      "usage"};

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		if (json_get(root, str_of(answers[i])))
			return false;
	}
	return json_says(json_get(root, STR("object")), STR("error")) ||
	       json_says(json_get(root, STR("type")), STR("error")) ||
	       (json_is(json_get(root, STR("message")), JSON_STRING) &&
		is_something(json_get(root, STR("code"))));
}

bool chat_error(struct chat *c, const struct json *root)
{
	const struct json *e = json_get(root, STR("error"));
	const struct json *base = json_get(root, STR("base_resp")), *text;
	int64_t status;

	if (is_something(e)) {
		/* {"error":"Not Found","message":...}: the outer one says
		 * more */
		text = json_get(root, STR("message"));
		chat_error_is(c, e);
		if (!json_is(e, JSON_OBJECT))
			chat_set(c, &c->a.error_message, text);
		return true;
	}
	if (is_bare_error(root)) {
		chat_error_is(c, root);
		return true;
	}
	text = json_get(root, STR("detail")); /* FastAPI */
	if (is_something(text) && root->n == 1) {
		chat_error_is(c, text);
		return true;
	}
	/* MiniMax: {"base_resp":{"status_code":0,"status_msg":""}} */
	if (!json_int(json_get(base, STR("status_code")), &status) ||
	    status == 0)
		return false;
	chat_set(c, &c->a.error_message, json_get(base, STR("status_msg")));
	set_word(c, &c->a.error_code, json_get(base, STR("status_code")));
	chat_error_is(c, base);
	return true;
}

/* ---- objects, arguments, ids ---- */

void chat_object(struct chat *c, const struct json *node, const char *want)
{
	if (node && !json_says(node, str_of(want)))
		chat_quirk(c, QUIRK_object_wrong, chat_offset(c, node), "%.*s",
			   STR_ARG(node->raw));
}

void chat_arguments(struct chat *c, struct choice *h, struct tool_call *call,
		    const struct json *node)
{
	struct slot to = {SLOT_ARGUMENTS, chat_choice_at(c, h),
			  (uint32_t)(call - h->calls)};
	struct buf text = {0};

	if (!json_is(node, JSON_OBJECT)) {
		chat_text(c, to, node);
		return;
	}
	c->once = true;
	call->object = true;
	json_write(&text, node);
	chat_add(c, to, buf_str(&text), chat_offset(c, node));
	buf_free(&text);
	chat_quirk(c, QUIRK_arguments_object, chat_offset(c, node), "%.*s",
		   STR_ARG(node->raw));
}

static void check_ids(struct chat *c, const struct choice *h)
{
	for (size_t i = 1; i < h->n_calls; i++) {
		struct str id = buf_str(&h->calls[i].id);

		for (size_t j = 0; j < i && id.n; j++) {
			if (str_eq(id, buf_str(&h->calls[j].id))) {
				chat_quirk(c, QUIRK_tool_id_duplicate,
					   h->calls[i].offset, "%.*s",
					   STR_ARG(id));
				return;
			}
		}
	}
}

void chat_check_ids(struct chat *c)
{
	for (size_t i = 0; i < c->a.n_choices; i++)
		check_ids(c, &c->a.choices[i]);
}
