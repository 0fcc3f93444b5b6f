/* SPDX-License-Identifier: MIT */
/* What an answer is, as a whole: how it ends, what it is made of. */
#include "rules/judge/check_impl.h"

/* ---- the parser's own observations ---- */

/* Who asks about U+FFFD may be answered with it. */
static bool is_quoted(const struct check_case *c, int quirk)
{
	struct str body = c->q ? c->q->body : (struct str){0};

	return quirk == QUIRK_replacement_char &&
	       (!c->q || c->q->unknown ||
		memmem(body.p, body.n, "\xef\xbf\xbd", 3) ||
		memmem(body.p, body.n, "\\ufffd", 6) ||
		memmem(body.p, body.n, "\\uFFFD", 6));
}

/* Quirks that are there by what is not: only an answer that was seen whole,
 * or that the vendor cut, shows them. */
enum verdict check_quirk(const struct check_case *c, const struct rule *r,
			 struct check_result *out)
{
	int quirk = quirk_of(check_arg(r, STR("quirk")));
	const struct quirk_seen *seen;

	/* Error pages of whatever stands before a vendor are no dialect's. */
	if (quirk < 0 || !c->a || !check_has_body(c->status))
		return VERDICT_NONE;
	seen = &c->a->quirks[quirk];
	if (!seen->seen)
		return check_pass(c);
	if (is_quoted(c, quirk))
		return VERDICT_UNKNOWN;
	out->at = seen->at;
	check_shows(out, seen->offset, seen->offset, str_of(seen->what));
	check_expect(out, "%s", quirk_rows[quirk].due);
	return check_fail(out, "%s%s%s", quirk_rows[quirk].about,
			  seen->what[0] ? ": " : "", seen->what);
}

/* ---- endings of the HTTP message ---- */

static bool has_length(const struct check_case *c, uint64_t *length)
{
	struct str said = check_field(c->response_head, STR("content-length"));

	return said.p && str_u64(said, length);
}

/* The body is as long as the connection lasts: only TLS's close_notify tells
 * its end from a cut. */
static bool is_close_framed(const struct check_case *c)
{
	struct str te = check_field(c->response_head, STR("transfer-encoding"));
	uint64_t length;

	return c->conn_up && str_eq(c->conn_up->http, STR("1.1")) && !te.p &&
	       !has_length(c, &length);
}

static bool ended_so(const struct check_case *c, struct str how,
		     struct check_result *out)
{
	bool truncated = c->close->outcome == EV_TRUNCATED;
	uint64_t got = c->close->bytes[EV_DIGEST_RESPONSE_IN], length;

	if (str_eq(how, STR("reset"))) {
		check_fail(out, "reset by the vendor in mid-answer, code %u",
			   (unsigned)c->close->reset_code);
		return c->close->outcome == EV_RESET_BY_VENDOR;
	}
	if (str_eq(how, STR("length"))) {
		if (!truncated || !has_length(c, &length))
			return false;
		check_fail(out, "%" PRIu64 " bytes", got);
		check_expect(out, "%" PRIu64 " bytes, as content-length says",
			     length);
		return got != length;
	}
	if (str_eq(how, STR("close_notify"))) {
		check_fail(out, "the connection ended without close_notify");
		return truncated && is_close_framed(c) && c->conn_up->tls;
	}
	check_fail(out, "the answer ended after %" PRIu64 " bytes", got);
	return truncated && !(is_close_framed(c) && c->conn_up->tls);
}

enum verdict check_ending(const struct check_case *c, const struct rule *r,
			  struct check_result *out)
{
	if (!c->answered || !c->close)
		return VERDICT_NONE;
	check_expect(out, "an answer that is ended as HTTP asks for");
	out->evidence.side = EVIDENCE_RESPONSE;
	if (ended_so(c, check_arg(r, STR("how")), out))
		return VERDICT_FAIL;
	switch (c->close->outcome) {
	case EV_COMPLETE:
	case EV_TRUNCATED:
	case EV_RESET_BY_VENDOR: return VERDICT_PASS;
	default: return VERDICT_UNKNOWN;
	}
}

/* ---- finish reasons ---- */

/* Chat, and messages, say why they end with a call in sight; the others have
 * one word for both. */
enum verdict check_finish_stop_with_calls(const struct check_case *c,
					  const struct rule *r,
					  struct check_result *out)
{
	const struct request *q = check_asked(c);

	if (!check_served(c) ||
	    (c->dialect != DIALECT_CHAT && c->dialect != DIALECT_MESSAGES))
		return VERDICT_NONE;
	if (!q)
		return VERDICT_UNKNOWN;
	if (q->tool_choice == TOOLS_NAMED)
		return VERDICT_NONE;
	for (size_t i = 0; i < c->a->n_choices; i++) {
		const struct choice *ch = &c->a->choices[i];

		if (!ch->n_calls || check_finish(c->a, ch) != FINISH_STOP)
			continue;
		check_expect(out, "%s",
			     c->dialect == DIALECT_CHAT ? "tool_calls"
							: "tool_use");
		check_shows(out, ch->finish_at, ch->finish_at,
			    buf_str(&ch->finish));
		return check_fail(out, "finish %.*s beside %zu tool calls",
				  STR_ARG(buf_str(&ch->finish)), ch->n_calls);
	}
	return check_pass(c);
}

enum verdict check_n_ignored(const struct check_case *c, const struct rule *r,
			     struct check_result *out)
{
	const struct request *q = check_asked(c);
	int64_t n;

	if (!q || !check_served(c) ||
	    (c->dialect != DIALECT_CHAT && c->dialect != DIALECT_COMPLETIONS) ||
	    json_is(json_get(q->root, STR("prompt")), JSON_ARRAY))
		return VERDICT_NONE;
	if (!check_whole(c))
		return VERDICT_UNKNOWN;
	n = q->n > 0 ? q->n : 1;
	if ((int64_t)c->a->n_choices == n)
		return VERDICT_PASS;
	check_expect(out, "%" PRId64, n);
	check_shows(out, 0, c->a->bytes, STR(""));
	return check_fail(out, "%zu choices", c->a->n_choices);
}

/* ---- what there is of content, reasoning and calls ---- */

/* In messages an answer to tool results goes on with the turn: what the model
 * thought is said before, and it may have nothing to add. */
static bool continues_turn(const struct check_case *c)
{
	const struct request *q = check_asked(c);

	return q && c->dialect == DIALECT_MESSAGES && q->n_messages &&
	       q->messages[q->n_messages - 1]->role == ROLE_TOOL;
}

/* A request after which an answer may well be empty: it continues one, or ends
 * at a stop sequence that may come first. */
static bool may_be_empty(const struct check_case *c, const struct request *q)
{
	return check_prefix(q).p || q->stop || continues_turn(c);
}

static bool is_empty(const struct choice *ch)
{
	return !ch->content.n && !ch->n_calls && !ch->refusal.n && !ch->other;
}

/* The first choice that stopped of itself and says nothing; NULL: none. */
static const struct choice *stopped_empty(const struct check_case *c)
{
	for (size_t i = 0; i < c->a->n_choices; i++) {
		const struct choice *ch = &c->a->choices[i];

		if (check_finish(c->a, ch) == FINISH_STOP && is_empty(ch))
			return ch;
	}
	return NULL;
}

static enum verdict ask_empty(const struct check_case *c, bool reasoning,
			      struct check_result *out)
{
	const struct request *q = check_asked(c);
	const struct choice *ch;

	if (!check_served(c))
		return VERDICT_NONE;
	if (!q || !check_whole(c))
		return VERDICT_UNKNOWN;
	if (may_be_empty(c, q))
		return VERDICT_NONE;
	ch = stopped_empty(c);
	if (!ch || (ch->reasoning.n > 0) != reasoning ||
	    (!reasoning && ch->n_pieces))
		return VERDICT_PASS;
	check_expect(out, "content or a tool call");
	check_shows(out, reasoning ? ch->reasoning_at : ch->finish_at,
		    ch->finish_at, buf_str(&ch->reasoning));
	return check_fail(out, "finish %.*s, %s", STR_ARG(buf_str(&ch->finish)),
			  reasoning ? "and nothing but reasoning"
				    : "and nothing said");
}

enum verdict check_content_empty(const struct check_case *c,
				 const struct rule *r, struct check_result *out)
{
	return ask_empty(c, false, out);
}

enum verdict check_answer_in_reasoning(const struct check_case *c,
				       const struct rule *r,
				       struct check_result *out)
{
	return ask_empty(c, true, out);
}

static bool starts_with_think(const struct choice *ch)
{
	struct str s = buf_str(&ch->content);

	while (s.n && (*s.p == '\n' || *s.p == ' '))
		s = str_skip(s, 1);
	return str_starts(s, STR("<think>"));
}

enum verdict check_reasoning_missing(const struct check_case *c,
				     const struct rule *r,
				     struct check_result *out)
{
	const struct choice *ch;

	if (c->mode != MODE_THINKING || !check_served(c) || !c->a->n_choices ||
	    continues_turn(c))
		return VERDICT_NONE;
	ch = c->a->choices;
	if (ch->reasoning.n || ch->n_pieces || c->a->usage.reasoning > 0 ||
	    starts_with_think(ch))
		return VERDICT_PASS;
	if (!check_whole(c))
		return VERDICT_UNKNOWN;
	if (!ch->content.n && !ch->n_calls)
		return VERDICT_NONE;
	check_expect(out, "reasoning: the mode has it on");
	check_shows(out, 0, c->a->bytes, buf_str(&ch->content));
	return check_fail(out, "no reasoning");
}

enum verdict check_reasoning_unasked(const struct check_case *c,
				     const struct rule *r,
				     struct check_result *out)
{
	if (c->mode != MODE_INSTANT || !check_served(c))
		return VERDICT_NONE;
	for (size_t i = 0; i < c->a->n_choices; i++) {
		const struct choice *ch = &c->a->choices[i];
		struct str text = buf_str(&ch->reasoning);

		while (text.n && strchr(" \t\r\n", *text.p))
			text = str_skip(text, 1);
		if (!text.n)
			continue;
		check_expect(out, "no reasoning: the mode has it off");
		check_shows(out, ch->reasoning_at, ch->reasoning_at, text);
		return check_fail(out, "%zu bytes of reasoning",
				  ch->reasoning.n);
	}
	return check_pass(c);
}

enum verdict check_reasoning_name(const struct check_case *c,
				  const struct rule *r,
				  struct check_result *out)
{
	struct str wanted = check_arg(r, STR("name"));
	const struct reasoning *other = NULL;

	if (!check_served(c) || !wanted.n)
		return VERDICT_NONE;
	for (size_t i = 0; i < c->a->n_choices; i++) {
		const struct choice *ch = &c->a->choices[i];

		for (size_t k = 0; k < ch->n_pieces; k++) {
			const struct reasoning *p = &ch->pieces[k];

			if (str_eq(str_of(reasoning_name(p->name)), wanted))
				return VERDICT_PASS;
			if (p->text.n && p->name != REASONING_SIGNATURE)
				other = p;
		}
	}
	if (!other)
		return check_whole(c) ? VERDICT_NONE : VERDICT_UNKNOWN;
	check_expect(out, "%.*s", STR_ARG(wanted));
	check_shows(out, 0, 0, buf_str(&other->text));
	return check_fail(out, "%s", reasoning_name(other->name));
}
