/* SPDX-License-Identifier: MIT */
/*
 * Reasoning in the history: where it must come back, where it must not, and
 * in messages that its signature fits its text. Vendors check presence, not
 * the words; a signature is the exception.
 */
#include "ask.h"
#include "talk.h"
#include "text.h"

static bool is_turn_of(const cJSON *message, const char *role)
{
	return ask_says(ask_get(message, "role"), role);
}

/* ---- chat ---- */

static bool refuses_missing(const struct asked *a, struct refusal *r)
{
	const cJSON *messages = ask_get(a->request, "messages"), *m;
	int at = 0;

	cJSON_ArrayForEach(m, messages)
	{
		if (is_turn_of(m, "assistant") &&
		    cJSON_GetArraySize(ask_get(m, "tool_calls")) > 0 &&
		    !cJSON_IsString(ask_get(m, "reasoning_content")))
			return refuse(r, "messages",
				      "thinking is enabled but "
				      "reasoning_content is missing in "
				      "assistant tool call message at index "
				      "%d",
				      at);
		at++;
	}
	return false;
}

static bool refuses_present(const struct asked *a, struct refusal *r)
{
	const cJSON *messages = ask_get(a->request, "messages"), *m;

	cJSON_ArrayForEach(m, messages)
	{
		if (ask_get(m, "reasoning_content"))
			return refuse(r, "messages",
				      "reasoning_content is not allowed in "
				      "input messages");
	}
	return false;
}

static const cJSON *signature_of(const cJSON *call)
{
	return ask_get(ask_get(ask_get(call, "extra_content"), "google"),
		       "thought_signature");
}

/* Gemini: the first call of each step since the user spoke last. */
static bool refuses_unsigned(const struct asked *a, struct refusal *r)
{
	const cJSON *messages = ask_get(a->request, "messages"), *m;
	int last_user = -1, at = 0;

	cJSON_ArrayForEach(m, messages)
	{
		if (is_turn_of(m, "user"))
			last_user = at;
		at++;
	}
	at = 0;
	cJSON_ArrayForEach(m, messages)
	{
		const cJSON *calls = ask_get(m, "tool_calls");
		if (at > last_user && cJSON_GetArraySize(calls) > 0 &&
		    !signature_of(cJSON_GetArrayItem(calls, 0)))
			return refuse(r, "messages",
				      "Function call is missing a "
				      "thought_signature in functionCall parts "
				      "(message %d)",
				      at);
		at++;
	}
	return false;
}

/* ---- messages ---- */

static bool is_thinking(const cJSON *block)
{
	return ask_says(ask_get(block, "type"), "thinking") ||
	       ask_says(ask_get(block, "type"), "redacted_thinking");
}

static bool is_forged(const cJSON *block)
{
	struct buf sign = {0};
	bool forged;

	if (!ask_says(ask_get(block, "type"), "thinking"))
		return false;
	talk_sign(ask_text(ask_get(block, "thinking")), &sign);
	forged = !str_eq(buf_str(&sign), ask_text(ask_get(block, "signature")));
	buf_free(&sign);
	return forged;
}

static bool has_block(const cJSON *message, const char *type)
{
	const cJSON *content = ask_get(message, "content"), *block;

	cJSON_ArrayForEach(block, content)
	{
		if (ask_says(ask_get(block, "type"), type))
			return true;
	}
	return false;
}

static bool refuses_forged(const struct asked *a, struct refusal *r)
{
	const cJSON *messages = ask_get(a->request, "messages"), *m, *block;
	int at = 0;

	cJSON_ArrayForEach(m, messages)
	{
		cJSON_ArrayForEach(block, ask_get(m, "content"))
		{
			if (is_turn_of(m, "assistant") && is_forged(block))
				return refuse(r, "messages",
					      "messages.%d.content.0: Invalid "
					      "`signature` in `thinking` block",
					      at);
		}
		at++;
	}
	return false;
}

/* With a tool's result at the end, the turn that called it is looked at. */
static bool refuses_blocks(const struct asked *a, struct refusal *r)
{
	const cJSON *messages = ask_get(a->request, "messages");
	int n = cJSON_GetArraySize(messages);
	const cJSON *turn = cJSON_GetArrayItem(messages, n - 2);
	const cJSON *first = cJSON_GetArrayItem(ask_get(turn, "content"), 0);

	if (!bugs_has(&a->bugs, BUG_accept_changed_thinking) &&
	    refuses_forged(a, r))
		return true;
	if (bugs_has(&a->bugs, BUG_accept_missing_reasoning) || !a->thinks ||
	    !is_turn_of(turn, "assistant") || !has_block(turn, "tool_use") ||
	    is_thinking(first))
		return false;
	return refuse(r, "messages",
		      "messages.%d.content.0.type: Expected `thinking` or "
		      "`redacted_thinking`, but found `tool_use`. When "
		      "`thinking` is enabled, a final `assistant` message must "
		      "start with a thinking block.",
		      n - 2);
}

static bool brings_blocks(const cJSON *q)
{
	const cJSON *messages = ask_get(q, "messages"), *m;

	cJSON_ArrayForEach(m, messages)
	{
		if (has_block(m, "thinking"))
			return true;
	}
	return false;
}

/* ---- responses ---- */

/* A call that the vendor numbered needs the reasoning before it. */
static bool refuses_items(const struct asked *a, struct refusal *r)
{
	const cJSON *input = ask_get(a->request, "input"), *item;
	bool reasoned = false;

	cJSON_ArrayForEach(item, input)
	{
		const cJSON *type = ask_get(item, "type");
		if (ask_says(type, "reasoning"))
			reasoned = true;
		else if (is_turn_of(item, "user"))
			reasoned = false;
		else if (ask_says(type, "function_call") &&
			 cJSON_IsString(ask_get(item, "id")) && !reasoned)
			return refuse(r, "input",
				      "Item '%.64s' of type 'function_call' "
				      "was provided without its required "
				      "'reasoning' item.",
				      ask_get(item, "id")->valuestring);
	}
	return false;
}

/* ---- all ---- */

static bool brings_reasoning(const struct asked *a)
{
	const cJSON *list = ask_get(a->request, a->dialect->messages), *m;

	cJSON_ArrayForEach(m, list)
	{
		const cJSON *calls = ask_get(m, "tool_calls");
		if (ask_get(m, "reasoning_content") ||
		    ask_get(m, "reasoning") ||
		    ask_get(m, "reasoning_details") ||
		    ask_says(ask_get(m, "type"), "reasoning") ||
		    signature_of(cJSON_GetArrayItem(calls, 0)))
			return true;
	}
	return a->dialect->letter == 'm' && brings_blocks(a->request);
}

bool contract_refuses_history(const struct asked *a, struct refusal *r)
{
	unsigned flags = a->family->flags;
	bool lenient = bugs_has(&a->bugs, BUG_accept_missing_reasoning);

	if (bugs_has(&a->bugs, BUG_refuse_with_reasoning) &&
	    brings_reasoning(a))
		return refuse(r, "messages",
			      "reasoning is not allowed in input messages");
	if (a->dialect->letter == 'm')
		return refuses_blocks(a, r);
	if (a->dialect->letter == 'r')
		return (flags & FIXES_DEFAULT) && refuses_items(a, r);
	if ((flags & BACK_NEVER) && !bugs_has(&a->bugs, BUG_accept_reasoning))
		return refuses_present(a, r);
	if ((flags & BACK_CALLS) && a->thinks && !lenient)
		return refuses_missing(a, r);
	return (flags & SIGNS_CALLS) && !lenient && refuses_unsigned(a, r);
}
