/* SPDX-License-Identifier: MIT */
/* Is a request refused, and in which words? */
#include <stdio.h>

#include "audit/enforce_impl.h"
#include "base/json_text.h"
#include "base/log.h"
#include "rules/judge/check.h"
#include "rules/judge/request_rule.h"

/* What was broken. */
struct breach {
	const struct rule *rule;
	struct schema_fault fault;
	struct buf place;
};

static void say_openai(struct buf *to, const struct rule *r, struct str text)
{
	buf_adds(to, STR("{\"error\":{\"message\":"));
	json_quote(to, text);
	buf_adds(to, STR(",\"type\":\"invalid_request_error\",\"param\":"));
	if (r->param.n)
		json_quote(to, r->param);
	else
		buf_adds(to, STR("null"));
	buf_adds(to, STR(",\"code\":null}}\n"));
}

static void say_anthropic(struct buf *to, struct str text)
{
	buf_adds(to, STR("{\"type\":\"error\",\"error\":{\"type\":"
			 "\"invalid_request_error\",\"message\":"));
	json_quote(to, text);
	buf_adds(to, STR("}}\n"));
}

static void refuse(const struct breach *b, enum dialect d,
		   struct gate_answer *out)
{
	const struct rule *r = b->rule;
	struct str text = r->refusal.n ? r->refusal : r->text;
	struct head_maker m = {0};
	char length[24];

	*out = (struct gate_answer){.outcome = EV_BLOCKED, .code = "enforced"};
	if (d == DIALECT_MESSAGES)
		say_anthropic(&out->body, text);
	else
		say_openai(&out->body, r, text);
	snprintf(length, sizeof(length), "%zu", out->body.n);
	head_make_status(&m, HTTP_1_1, 400, STR("Bad Request"));
	m.head.framing = FRAMING_LENGTH;
	m.head.length = out->body.n;
	head_make_field(&m, STR("content-type"), STR("application/json"));
	head_make_field(&m, STR("content-length"), str_of(length));
	out->head = head_make_done(&m);
	head_make_free(&m);
	log_info("enforce", "refused a request: %.*s at %.*s", STR_ARG(r->id),
		 b->place.n ? (int)b->place.n : 4,
		 b->place.n ? b->place.p : "root");
}

/* A check that looks at nothing but the request. */
static enum verdict ask_check(const struct ruleset *s, unsigned i,
			      struct request *q, enum mode mode)
{
	const struct rule *r = s->rules[i];
	const struct check *check = check_of_request(r->check);
	struct check_result result = {0};
	struct check_case c = {.q = q,
			       .dialect = q->dialect,
			       .mode = mode,
			       .rules = s,
			       .pack = s->model_pack};
	enum schema_verdict met = SCHEMA_VALID;
	enum verdict v;

	if (!check)
		return VERDICT_NONE;
	if (r->when)
		met = schema_check(r->when, q->root, NULL);
	if (met != SCHEMA_VALID)
		return met == SCHEMA_INVALID ? VERDICT_NONE : VERDICT_UNKNOWN;
	v = check->run(&c, r, &result);
	buf_free(&result.observed);
	buf_free(&result.expected);
	buf_free(&result.excerpt);
	return v;
}

static bool binds(const struct enforce_rules *e, const struct rule *r,
		  enum mode mode)
{
	return r->scope == SCOPE_REQUEST && r->severity == SEVERITY_ERROR &&
	       r->party == PARTY_CLIENT &&
	       str_eq(r->pack->name, e->pack->name) &&
	       (r->mode == MODE_ANY || r->mode == mode);
}

/* The first breach ends it; else one rule that cannot say is enough. */
static enum verdict ask_rules(const struct enforce_rules *e,
			      const struct ruleset *s, struct request *q,
			      struct breach *b)
{
	enum mode mode = MODE_ANY;
	enum verdict all = VERDICT_PASS;

	if (s->model_pack)
		mode = pack_mode(s->model_pack, q->root);
	for (unsigned i = 0; i < s->n; i++) {
		enum verdict v;

		b->rule = s->rules[i];
		if (!binds(e, b->rule, mode))
			continue;
		v = b->rule->schema
			    ? request_rule(s, i, q, &b->fault, &b->place)
			    : ask_check(s, i, q, mode);
		if (v == VERDICT_FAIL)
			return v;
		if (v == VERDICT_UNKNOWN)
			all = v;
	}
	return all;
}

enum enforced enforce_judge(struct enforce_rules *e, struct request *q,
			    struct str route, struct gate_answer *answer)
{
	struct traffic t = {.dialect = q->dialect,
			    .model = q->model,
			    .route = route,
			    .stream = q->stream,
			    .kwargs = q->template_kwargs};
	struct breach b = {0};
	enum verdict v;

	if (q->unknown || !q->understood)
		return ENFORCED_UNKNOWN;
	v = ask_rules(e, packs_select(e->packs, &t), q, &b);
	if (v == VERDICT_FAIL)
		refuse(&b, q->dialect, answer);
	buf_free(&b.place);
	if (v == VERDICT_UNKNOWN)
		return ENFORCED_UNKNOWN;
	return v == VERDICT_FAIL ? ENFORCED_REFUSED : ENFORCED_PASSED;
}
