/* SPDX-License-Identifier: MIT */
/* The bill: token counts against each other, the text and what was asked. */
#include "rules/judge/check_impl.h"
#include "rules/judge/meter.h"

enum {
	SPARE_TOKENS = 64,  /* markers around an answer, a stop sequence */
	SPARE_PER_CALL = 8, /* and around each call */
	TOKEN_CHARS = 24,   /* no token of a text is longer on average */
	LONG_TEXT = 400,
	SPARE_PROMPT = 4096, /* a vendor's own preamble */
};

/* The usage of a whole answer; NULL: there is none to look at. */
static const struct usage *usage_of(const struct check_case *c)
{
	return check_served(c) && check_whole(c) && c->a->usage.have
		       ? &c->a->usage
		       : NULL;
}

/* NONE without usage; UNKNOWN where it may still have come. */
static enum verdict no_usage(const struct check_case *c)
{
	return check_served(c) && !check_whole(c) ? VERDICT_UNKNOWN
						  : VERDICT_NONE;
}

static void shows_usage(const struct check_case *c, struct check_result *out)
{
	check_shows(out, c->a->usage.offset, c->a->usage.offset, STR(""));
}

/* Some vendors count reasoning beside completion, not within it; total then
 * holds all three. */
static bool reasoning_is_beside(const struct usage *u)
{
	return u->reasoning > 0 && u->total >= 0 && u->prompt >= 0 &&
	       u->completion >= 0 &&
	       u->total - u->prompt - u->completion == u->reasoning;
}

enum verdict check_usage_zero(const struct check_case *c, const struct rule *r,
			      struct check_result *out)
{
	const struct usage *u = usage_of(c);
	const struct request *q = check_asked(c);
	struct measure m;

	if (!u)
		return no_usage(c);
	shows_usage(c, out);
	if (u->completion == 0 && measure(c, &m)) {
		check_expect(out, "tokens for %" PRIu64 " bytes of text",
			     m.bytes);
		return check_fail(out, "0 completion tokens");
	}
	if (u->prompt == 0 && q && q->n_messages && q->messages[0]->content.n) {
		check_expect(out, "tokens for the request's text");
		return check_fail(out, "0 prompt tokens");
	}
	return VERDICT_PASS;
}

enum verdict check_usage_total(const struct check_case *c, const struct rule *r,
			       struct check_result *out)
{
	const struct usage *u = usage_of(c);

	if (!u)
		return no_usage(c);
	if (u->total < 0 || u->prompt < 0 || u->completion < 0 ||
	    reasoning_is_beside(u))
		return VERDICT_NONE;
	if (u->total - u->prompt == u->completion)
		return VERDICT_PASS;
	shows_usage(c, out);
	check_expect(out, "%" PRId64 " + %" PRId64, u->prompt, u->completion);
	return check_fail(out, "total %" PRId64, u->total);
}

enum verdict check_usage_cached(const struct check_case *c,
				const struct rule *r, struct check_result *out)
{
	const struct usage *u = usage_of(c);

	if (!u)
		return no_usage(c);
	shows_usage(c, out);
	if (u->cached > 0 && u->prompt >= 0 && u->cached > u->prompt) {
		check_expect(out, "at most %" PRId64 " prompt tokens",
			     u->prompt);
		return check_fail(out, "%" PRId64 " of them cached", u->cached);
	}
	if (u->reasoning > 0 && u->completion >= 0 &&
	    u->reasoning > u->completion && !reasoning_is_beside(u)) {
		check_expect(out, "at most %" PRId64 " completion tokens",
			     u->completion);
		return check_fail(out, "%" PRId64 " of them reasoning",
				  u->reasoning);
	}
	return u->cached < 0 && u->reasoning < 0 ? VERDICT_NONE : VERDICT_PASS;
}

/* ---- against the text ---- */

static enum verdict against_range(const struct check_case *c,
				  const struct measure *m,
				  struct check_result *out)
{
	double low = 0, high = 0;
	uint64_t n;

	if (!m->sample)
		return VERDICT_PASS;
	n = meter_range(c->meter, m, &low, &high);
	if (n < METER_LEAST || !meter_is_outside(m, low, high))
		return VERDICT_PASS;
	out->severity = SEVERITY_WARNING + 1;
	check_expect(out,
		     "%.3f to %.3f tokens a character, as in %" PRIu64
		     " answers before",
		     low, high, n);
	return check_fail(out,
			  "%.3f: %" PRId64 " tokens for %" PRIu64 " characters",
			  m->ratio, m->tokens, m->chars);
}

enum verdict check_usage_length(const struct check_case *c,
				const struct rule *r, struct check_result *out)
{
	struct measure m;
	uint64_t most;

	if (!usage_of(c))
		return no_usage(c);
	if (!measure(c, &m) || m.tokens == 0)
		return VERDICT_NONE;
	shows_usage(c, out);
	most = m.bytes + SPARE_TOKENS + SPARE_PER_CALL * m.calls;
	if (!m.hidden && (uint64_t)m.tokens > most) {
		check_expect(out, "at most %" PRIu64, most);
		return check_fail(
			out, "%" PRId64 " tokens for %" PRIu64 " bytes of text",
			m.tokens, m.bytes);
	}
	if (m.solid >= LONG_TEXT &&
	    (uint64_t)c->a->usage.completion < m.solid / TOKEN_CHARS) {
		check_expect(out, "at least %" PRIu64, m.solid / TOKEN_CHARS);
		return check_fail(
			out, "%" PRId64 " tokens for %" PRIu64 " characters",
			c->a->usage.completion, m.solid);
	}
	return m.hidden ? VERDICT_UNKNOWN : against_range(c, &m, out);
}

enum verdict check_usage_prompt(const struct check_case *c,
				const struct rule *r, struct check_result *out)
{
	const struct request *q = check_asked(c);
	const struct usage *u = usage_of(c);
	int64_t before;

	if (!u || !q)
		return u ? VERDICT_UNKNOWN : no_usage(c);
	if (u->prompt <= 0 || !meter_is_closed(q))
		return VERDICT_NONE;
	shows_usage(c, out);
	if ((uint64_t)u->prompt > q->body.n + SPARE_PROMPT) {
		check_expect(out, "no more than its %zu bytes can have",
			     q->body.n);
		return check_fail(out, "%" PRId64 " prompt tokens", u->prompt);
	}
	before = meter_prompt(c->meter, c, &out->other);
	if (before == USAGE_NONE || before == u->prompt)
		return VERDICT_PASS;
	check_expect(out,
		     "%" PRId64 ", as for the same bytes in exchange "
		     "%" PRId64,
		     before, out->other);
	return check_fail(out, "%" PRId64 " prompt tokens", u->prompt);
}

/* ---- where, and how often ---- */

static enum verdict ask_header(const struct check_case *c, struct str name,
			       int64_t said, struct check_result *out)
{
	struct str value = check_field(c->response_head, name);
	uint64_t n;

	if (!value.p || said < 0 || !str_u64(value, &n))
		return VERDICT_NONE;
	if (n == (uint64_t)said)
		return VERDICT_PASS;
	check_expect(out, "%" PRId64 ", as in usage", said);
	return check_fail(out, "%.*s: %" PRIu64, STR_ARG(name), n);
}

enum verdict check_usage_headers(const struct check_case *c,
				 const struct rule *r, struct check_result *out)
{
	const struct usage *u = usage_of(c);
	enum verdict prompt, cached;

	if (!u)
		return no_usage(c);
	out->evidence.side = EVIDENCE_RESPONSE;
	prompt =
		ask_header(c, STR("x-msh-usage-prompt-tokens"), u->prompt, out);
	if (prompt == VERDICT_FAIL)
		return prompt;
	cached =
		ask_header(c, STR("x-msh-usage-cached-tokens"), u->cached, out);
	return cached == VERDICT_NONE ? prompt : cached;
}

enum verdict check_usage_place(const struct check_case *c, const struct rule *r,
			       struct check_result *out)
{
	static const char *const names[] = {"nowhere", "top", "frame", "choice",
					    "event"};
	struct str wanted = check_arg(r, STR("place"));
	const struct usage *u = usage_of(c);

	if (!u || !c->a->streamed)
		return u ? VERDICT_NONE : no_usage(c);
	if (u->place == USAGE_NOWHERE || u->place == USAGE_EVENT)
		return VERDICT_NONE;
	if (str_eq(str_of(names[u->place]), wanted))
		return VERDICT_PASS;
	shows_usage(c, out);
	check_expect(out, "usage in %.*s", STR_ARG(wanted));
	return check_fail(out, "usage in %s", names[u->place]);
}

/* Limits that are for the answer and its reasoning together by their very
 * definition. Of max_tokens in chat that is each model's own. */
static bool limit_holds_reasoning(const struct request *q)
{
	return q->dialect != DIALECT_CHAT ||
	       json_get(q->root, STR("max_completion_tokens"));
}

enum verdict check_max_tokens_exceeded(const struct check_case *c,
				       const struct rule *r,
				       struct check_result *out)
{
	const struct request *q = check_asked(c);
	const struct usage *u = usage_of(c);
	int64_t most, apart;

	if (!q || q->max_tokens <= 0 || q->max_tokens > INT32_MAX)
		return VERDICT_NONE;
	if (!u || u->completion < 0)
		return no_usage(c);
	most = q->max_tokens *
	       (c->a->n_choices > 1 ? (int64_t)c->a->n_choices : 1);
	apart = u->reasoning > 0 ? u->reasoning : 0;
	if (json_get(q->root, STR("best_of")))
		return VERDICT_NONE;
	if (u->completion <= most)
		return VERDICT_PASS;
	if (u->completion - apart <= most && !limit_holds_reasoning(q))
		return VERDICT_UNKNOWN;
	if (!apart && !c->pack && c->a->n_choices &&
	    c->a->choices[0].reasoning.n && !limit_holds_reasoning(q))
		return VERDICT_UNKNOWN;
	shows_usage(c, out);
	check_expect(out, "at most %" PRId64, most);
	return check_fail(out, "%" PRId64 " completion tokens", u->completion);
}
