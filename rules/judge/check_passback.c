/* SPDX-License-Identifier: MIT */
/*
 * Checks of the ledger: does reasoning come back as it was said, and is it
 * charged for? Which messages a contract covers:
 *
 *	tool_calls  each assistant message with calls
 *	all	    each assistant message
 *	turn	    those with calls since the last message of a user
 *	latest	    the last one of these
 */
#include "rules/judge/check_impl.h"
#include "rules/judge/passback_impl.h"

enum { CHARGED_LEAST = 64 }; /* tokens: fewer are lost in the noise */

/* Where the turn of the last user begins. */
static size_t turn_start(const struct request *q)
{
	size_t i = q->n_messages;

	while (i > 0 && q->messages[i - 1]->role != ROLE_USER)
		i--;
	return i;
}

static bool is_covered(const struct request *q, size_t i, struct str which)
{
	const struct message *m = q->messages[i];

	if (m->role != ROLE_ASSISTANT || m->partial)
		return false;
	if (str_eq(which, STR("all")))
		return true;
	if (m->n_calls == 0)
		return false;
	if (str_eq(which, STR("tool_calls")))
		return true;
	if (i < turn_start(q))
		return false;
	if (str_eq(which, STR("turn")))
		return true;
	while (++i < q->n_messages) {
		if (q->messages[i]->role == ROLE_ASSISTANT)
			return false;
	}
	return true;
}

static struct str which_of(const struct rule *r)
{
	struct str which = check_arg(r, STR("messages"));

	return which.n ? which : STR("tool_calls");
}

/* Another word than the contract's? */
static bool is_misnamed(const struct check_case *c, const struct message *m)
{
	struct str due = c->pack ? c->pack->reasoning_name : (struct str){0};

	for (size_t i = 0; due.n && i < m->n_reasoning; i++) {
		if (!str_eq(str_of(reasoning_name(m->reasoning[i].name)), due))
			return true;
	}
	return false;
}

static enum verdict verdict_of(const struct check_case *c,
			       const struct message *m,
			       const struct passback_view *view)
{
	switch (view->state) {
	case PASSBACK_UNKNOWN: return VERDICT_UNKNOWN;
	case PASSBACK_MISSING:
	case PASSBACK_EMPTY:
	case PASSBACK_ALTERED: return VERDICT_FAIL;
	case PASSBACK_RENAMED:
		return is_misnamed(c, m) ? VERDICT_FAIL : VERDICT_PASS;
	default: return VERDICT_PASS;
	}
}

static void tell_altered(const struct passback_view *view,
			 struct check_result *out)
{
	size_t i = view->message;

	if (view->signature)
		check_fail(out, "message %zu carries other signatures", i);
	else
		check_fail(out,
			   "message %zu carries other reasoning: %zu bytes, "
			   "%zu were said; they differ %s byte %zu",
			   i, view->sent, view->said,
			   view->differs_at < PASSBACK_BEGIN ? "at" : "behind",
			   view->differs_at);
}

static void tell(const struct check_case *c, const struct passback_view *view,
		 struct check_result *out)
{
	size_t i = view->message;

	switch (view->state) {
	case PASSBACK_EMPTY:
		check_fail(out,
			   "message %zu carries empty reasoning; %zu bytes "
			   "were said",
			   i, view->said);
		break;
	case PASSBACK_MISSING:
		check_fail(out,
			   "message %zu lacks its reasoning; %zu bytes were "
			   "said",
			   i, view->said);
		break;
	case PASSBACK_RENAMED:
		check_fail(out, "message %zu carries it under another name", i);
		break;
	default: tell_altered(view, out); break;
	}
	check_expect(out, "the reasoning of exchange %" PRId64 ", unchanged",
		     view->source);
	out->other = view->source;
	out->evidence.side = EVIDENCE_REQUEST;
	out->evidence.from = c->q->at[i];
	out->evidence.to =
		i + 1 < c->q->n_messages ? c->q->at[i + 1] : c->q->body.n;
}

enum verdict check_passback(const struct check_case *c, const struct rule *r,
			    struct check_result *out)
{
	const struct request *q = check_asked(c);
	struct str which = which_of(r);
	enum verdict all = VERDICT_NONE;

	for (size_t i = 0; q && i < q->n_messages; i++) {
		struct passback_view view;
		enum verdict v;

		if (!is_covered(q, i, which))
			continue;
		passback_match(c->passback, q, i, &view);
		v = verdict_of(c, q->messages[i], &view);
		if (v == VERDICT_FAIL) {
			tell(c, &view, out);
			return v;
		}
		if (v == VERDICT_UNKNOWN || all == VERDICT_NONE)
			all = v;
	}
	return all;
}

/* ---- charged ---- */

/* The last covered message that came back as it was said, as the answer to
 * this very history; NULL: there is none. */
static const struct passback_entry *last_returned(const struct check_case *c,
						  struct str which, size_t *at)
{
	const struct request *q = c->q;

	for (size_t i = q->n_messages; i-- > 0;) {
		const struct passback_entry *e;
		struct passback_view view;

		if (!is_covered(q, i, which))
			continue;
		e = passback_match(c->passback, q, i, &view);
		if (!e || view.state != PASSBACK_SAME ||
		    e->chain != chain_next(q->chain[i], q->messages[i]->hash))
			return NULL;
		*at = i;
		return e;
	}
	return NULL;
}

enum verdict check_passback_charged(const struct check_case *c,
				    const struct rule *r,
				    struct check_result *out)
{
	const struct request *q = check_asked(c);
	struct str which = check_arg(r, STR("messages"));
	const struct passback_entry *e;
	int64_t grown;
	size_t at;

	if (!q || !check_served(c))
		return VERDICT_NONE;
	e = last_returned(c, which.n ? which : STR("turn"), &at);
	if (!e)
		return VERDICT_NONE;
	if (!c->a->usage.have || c->a->usage.prompt == USAGE_NONE ||
	    e->prompt == USAGE_NONE || e->reasoning == USAGE_NONE)
		return VERDICT_UNKNOWN;
	if (e->reasoning < CHARGED_LEAST)
		return VERDICT_NONE;
	/* The prompt grew by that answer, its reasoning with it, and by all
	 * that came since: by no less than the reasoning alone. One that
	 * shrank is counted in another way; a text that is too short for its
	 * tokens is a summary of what was reasoned. */
	grown = c->a->usage.prompt - e->prompt;
	if (grown >= e->reasoning - e->reasoning / 5)
		return VERDICT_PASS;
	if (grown <= 0 || e->tools != passback_tools(q) ||
	    passback_text(e->groups) < 2 * (uint64_t)e->reasoning)
		return VERDICT_UNKNOWN;
	out->other = e->exchange;
	check_expect(out, "at least the %" PRId64 " tokens of its reasoning",
		     e->reasoning);
	check_shows(out, c->a->usage.offset, c->a->usage.offset + 1, STR(""));
	return check_fail(out,
			  "the prompt grew by %" PRId64
			  " tokens since exchange %" PRId64
			  ", whose reasoning came back in message %zu",
			  grown, e->exchange, at);
}
