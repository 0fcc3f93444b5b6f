/* SPDX-License-Identifier: MIT */
/*
 * What each family of models refuses by 400, in its vendor's words. A bug
 * named accept_* lets one kind of breach through.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "ask.h"
#include "talk.h"

bool refuse(struct refusal *r, const char *param, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	r->param = param;
	return true;
}

/* ---- sampling ---- */

struct fixed {
	const char *name;
	enum bug accept;
	double value;
};

static bool differs(const cJSON *said, double value)
{
	return cJSON_IsNumber(said) && fabs(said->valuedouble - value) > 1e-9;
}

static bool refuses_sampling(const struct asked *a, struct refusal *r)
{
	const struct family *f = a->family;
	const struct fixed fixed[] = {
		{"temperature", BUG_accept_temperature,
		 a->thinks ? f->temperature : f->instant},
		{"top_p", BUG_accept_top_p, f->top_p},
		{"n", BUG_accept_n, 1},
		{"presence_penalty", BUG_accept_presence_penalty, 0},
		{"frequency_penalty", BUG_accept_frequency_penalty, 0},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (differs(ask_get(a->request, fixed[i].name),
			    fixed[i].value) &&
		    !bugs_has(&a->bugs, fixed[i].accept))
			return refuse(r, fixed[i].name,
				      "invalid %s: only %g is allowed for "
				      "this model",
				      fixed[i].name, fixed[i].value);
	return false;
}

static bool refuses_other_than_default(const struct asked *a, struct refusal *r)
{
	const cJSON *said = ask_get(a->request, "temperature");

	if (!differs(said, 1) || bugs_has(&a->bugs, BUG_accept_temperature))
		return false;
	return refuse(r, "temperature",
		      "Unsupported value: 'temperature' does not support %g "
		      "with this model. Only the default (1) value is "
		      "supported.",
		      said->valuedouble);
}

/* ---- thinking ---- */

static bool refuses_thinking(const struct asked *a, struct refusal *r)
{
	const cJSON *thinking = ask_get(a->request, "thinking");
	const cJSON *keep = ask_get(thinking, "keep");

	if (!(a->family->flags & KIMI) || !cJSON_IsObject(thinking) ||
	    bugs_has(&a->bugs, BUG_accept_thinking))
		return false;
	if ((a->family->flags & ONLY_ENABLED) &&
	    ask_says(ask_get(thinking, "type"), "disabled"))
		return refuse(r, "thinking.type",
			      "invalid thinking: only enabled is allowed for "
			      "this model");
	if (keep && !cJSON_IsNull(keep) && !ask_says(keep, "all"))
		return refuse(r, "thinking.keep",
			      "invalid thinking.keep: only null and all are "
			      "allowed");
	return false;
}

/* Anthropic's, for any model that speaks messages. */
static bool refuses_budget(const struct asked *a, struct refusal *r)
{
	const cJSON *thinking = ask_get(a->request, "thinking");
	const cJSON *budget = ask_get(thinking, "budget_tokens");
	const cJSON *most = ask_get(a->request, "max_tokens");

	if (!ask_says(ask_get(thinking, "type"), "enabled") ||
	    bugs_has(&a->bugs, BUG_accept_thinking))
		return false;
	if (!cJSON_IsNumber(budget))
		return refuse(r, "thinking.budget_tokens",
			      "thinking.enabled.budget_tokens: Field required");
	if (budget->valuedouble < 1024)
		return refuse(r, "thinking.budget_tokens",
			      "thinking.enabled.budget_tokens: Input should be "
			      "greater than or equal to 1024");
	if (cJSON_IsNumber(most) && most->valuedouble <= budget->valuedouble)
		return refuse(r, "max_tokens",
			      "`max_tokens` must be greater than "
			      "`thinking.budget_tokens`.");
	return false;
}

static bool refuses_messages_sampling(const struct asked *a, struct refusal *r)
{
	const cJSON *top_p = ask_get(a->request, "top_p");

	if (differs(ask_get(a->request, "temperature"), 1) &&
	    !bugs_has(&a->bugs, BUG_accept_temperature))
		return refuse(r, "temperature",
			      "`temperature` may only be set to 1 when "
			      "thinking is enabled.");
	if (cJSON_IsNumber(top_p) && top_p->valuedouble < 0.95 &&
	    !bugs_has(&a->bugs, BUG_accept_top_p))
		return refuse(r, "top_p",
			      "`top_p` must be greater than or equal to 0.95 "
			      "when thinking is enabled.");
	return false;
}

/* ---- tool_choice ---- */

static bool forces(const cJSON *choice)
{
	const cJSON *kind =
		cJSON_IsObject(choice) ? ask_get(choice, "type") : choice;

	return kind && !ask_says(kind, "auto") && !ask_says(kind, "none");
}

static bool refuses_choice(const struct asked *a, struct refusal *r)
{
	const cJSON *choice = ask_get(a->request, "tool_choice");
	unsigned flags = a->family->flags;

	if (bugs_has(&a->bugs, BUG_accept_tool_choice) || !a->thinks)
		return false;
	if (a->dialect->letter == 'm' && forces(choice))
		return refuse(r, "tool_choice",
			      "Thinking may not be enabled when tool_choice "
			      "forces tool use.");
	if (((flags & CHOICE_AUTO) && forces(choice)) ||
	    ((flags & CHOICE_UNNAMED) && cJSON_IsObject(choice)))
		return refuse(r, "tool_choice",
			      "tool_choice '%s' is incompatible with thinking "
			      "enabled",
			      cJSON_IsString(choice) ? choice->valuestring
						     : "specified");
	return false;
}

/* ---- all of it ---- */

static bool refuses_proper(const struct asked *a, struct refusal *r)
{
	const cJSON *said = ask_get(a->request, "temperature");

	if (!cJSON_IsNumber(said) || !bugs_has(&a->bugs, BUG_refuse_proper))
		return false;
	return refuse(r, "temperature",
		      "invalid temperature: %g is not allowed for this model",
		      said->valuedouble);
}

static bool refuses_chat(const struct asked *a, struct refusal *r)
{
	unsigned flags = a->family->flags;

	if ((flags & FIXES_SAMPLING) && refuses_sampling(a, r))
		return true;
	if ((flags & FIXES_DEFAULT) && refuses_other_than_default(a, r))
		return true;
	if (refuses_thinking(a, r) || refuses_choice(a, r))
		return true;
	if ((flags & STRICT_TOOLS) &&
	    (contract_refuses_tools(a, r) || contract_refuses_format(a, r)))
		return true;
	return contract_refuses_history(a, r);
}

bool contract_refuses(const struct asked *a, struct refusal *r)
{
	if (refuses_proper(a, r))
		return true;
	switch (a->dialect->letter) {
	case 'c': return refuses_chat(a, r);
	case 'r':
		if ((a->family->flags & FIXES_DEFAULT) &&
		    refuses_other_than_default(a, r))
			return true;
		return contract_refuses_history(a, r);
	case 'm':
		if (refuses_budget(a, r) || refuses_choice(a, r) ||
		    (a->thinks && refuses_messages_sampling(a, r)))
			return true;
		return contract_refuses_history(a, r);
	default: return false;
	}
}
