/* SPDX-License-Identifier: MIT */
/* Parameters that a contract fixes, and what vendors say about them. */
#include <math.h>

#include "rules/judge/check_impl.h"
#include "rules/judge/request_rule.h"

/* Each rule asks what a message speaks of: so much of it is looked at. */
enum { MESSAGE_LOOK = 8192 };

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

static bool is_quote(char c)
{
	return c == '\'' || c == '"' || c == '`';
}

/* As a whole word; a short name, which may be a word of any sentence, only
 * between quotes. */
static bool speaks_of(struct str text, struct str name)
{
	for (size_t i = 0; i + name.n <= text.n; i++) {
		char before = i ? text.p[i - 1] : ' ';
		char behind = i + name.n < text.n ? text.p[i + name.n] : ' ';

		if (memcmp(text.p + i, name.p, name.n) != 0)
			continue;
		if (name.n < 3 ? is_quote(before) && is_quote(behind)
			       : !is_word(before) && !is_word(behind))
			return true;
	}
	return false;
}

/* "messages.1.content.0: Expected `thinking`" is about messages: the member
 * of the request with which the text begins as a path; or empty. */
static struct str subject_of(const struct check_case *c, struct str text)
{
	size_t n = 0, first;

	while (n < text.n && is_word(text.p[n]))
		n++;
	first = n;
	while (n < text.n && (is_word(text.p[n]) || text.p[n] == '.'))
		n++;
	if (n == text.n || text.p[n] != ':' || !c->q)
		return (struct str){0};
	text.n = first;
	return json_get(c->q->root, text) ? text : (struct str){0};
}

bool check_names_param(const struct check_case *c, struct str param)
{
	struct str said, text;

	if (!c->a || !c->a->error || !param.n)
		return false;
	text = check_clip(buf_str(&c->a->error_message), MESSAGE_LOOK);
	said = buf_str(&c->a->error_param);
	if (!said.n)
		said = subject_of(c, text);
	return said.n ? str_eq(said, param) : speaks_of(text, param);
}

/* Numbers as far as single precision, in which some vendors keep them. */
static bool same_value(const struct json *a, const struct json *b)
{
	double x, y;

	if (json_number(a, &x) && json_number(b, &y))
		return fabs(x - y) <= 1e-6 * fabs(x);
	return json_equal(a, b);
}

bool check_echo_differs(const struct check_case *c, struct str param)
{
	const struct request *q = check_asked(c);
	const struct json *asked = q ? json_get(q->root, param) : NULL;
	const struct json *root, *said;
	struct json_error bad;
	struct json_doc *d;
	bool differs;

	if (!asked || json_is(asked, JSON_NULL) || !c->a || !c->a->echo.n)
		return false;
	d = json_doc_new();
	root = json_parse(d, buf_str(&c->a->echo), NULL, &bad);
	said = json_get(root, param);
	differs = said && !json_is(said, JSON_NULL) && !same_value(asked, said);
	json_doc_free(d);
	return differs;
}

enum verdict check_overridden(const struct check_case *c, const struct rule *r,
			      struct check_result *out)
{
	struct str param = check_arg(r, STR("param"));
	const struct request *q = check_asked(c);
	const struct json *asked = q ? json_get(q->root, param) : NULL;

	if (!asked || !check_served(c) || !c->a->echo.n)
		return VERDICT_NONE;
	if (!check_echo_differs(c, param))
		return check_pass(c);
	check_expect(out, "%.*s %.*s, as asked", STR_ARG(param),
		     STR_ARG(check_clip(asked->raw, CHECK_EXCERPT)));
	out->evidence.side = EVIDENCE_RESPONSE;
	return check_fail(
		out, "the answer says %.*s",
		STR_ARG(check_clip(buf_str(&c->a->echo), CHECK_EXCERPT)));
}

/* ---- refused although proper ---- */

/* What the request's parameters are under the rules that fix them. */
struct standing {
	bool breach; /* of any: the refusal may be about that one */
	const struct rule *proper; /* the one that the error names */
};

/* What is asked of the client in this one request, by schemas and by the
 * checks that vendors make, too. */
static enum verdict ask_client(const struct check_case *c, unsigned i)
{
	const struct rule *r = c->rules->rules[i];
	const struct check *check = check_of_request(r->check);
	struct check_result result = {0};
	struct schema_fault fault;
	struct buf place = {0};
	enum verdict v = check_applies(c, r);

	if (v != VERDICT_PASS)
		return v;
	if (r->scope == SCOPE_REQUEST && r->schema)
		v = request_rule(c->rules, i, c->q, &fault, &place);
	else if (str_eq(r->check, STR("passback")))
		v = check_passback(c, r, &result);
	else
		v = check ? check->run(c, r, &result) : VERDICT_NONE;
	buf_free(&place);
	buf_free(&result.observed);
	buf_free(&result.expected);
	buf_free(&result.excerpt);
	return v;
}

/* Does the refusal name what the rule is about? One that names the whole
 * conversation can have a hundred reasons: the rule's own words decide. */
static bool is_named(const struct check_case *c, const struct rule *r)
{
	struct str text = buf_str(&c->a->error_message);

	if (!json_get(c->q->root, r->param) || !check_names_param(c, r->param))
		return false;
	if (!str_eq(r->param, STR("messages")))
		return true;
	return memmem(r->id.p, r->id.n, "reasoning", 9) &&
	       memmem(text.p, text.n, "reasoning", 9);
}

static void look_at(const struct check_case *c, unsigned i, struct standing *s)
{
	const struct rule *r = c->rules->rules[i];
	enum verdict v = ask_client(c, i);

	if (v == VERDICT_FAIL || v == VERDICT_UNKNOWN)
		s->breach = true;
	if (v == VERDICT_PASS && r->refuse && r->param.n && r->schema &&
	    is_named(c, r))
		s->proper = r;
}

static const struct rule *refused_rule(const struct check_case *c)
{
	struct standing s = {0};

	if (!check_asked(c) || !c->rules ||
	    check_reception(c) != RECEPTION_REFUSED)
		return NULL;
	for (unsigned i = 0; i < c->rules->n; i++)
		look_at(c, i, &s);
	return s.breach ? NULL : s.proper;
}

/* As grave as the rule that allows it: what is only reported is a warning. */
enum verdict check_refused_proper(const struct check_case *c,
				  const struct rule *r,
				  struct check_result *out)
{
	const struct rule *about = refused_rule(c);
	const struct json *value;
	struct str said;

	if (!about)
		return check_reception(c) == RECEPTION_SERVED ? VERDICT_PASS
							      : VERDICT_NONE;
	said = buf_str(&c->a->error_message);
	value = json_get(c->q->root, about->param);
	out->severity = about->severity + 1;
	check_expect(out, "%.*s %.*s served: %.*s allows it",
		     STR_ARG(about->param), STR_ARG(check_clip(value->raw, 80)),
		     STR_ARG(about->id));
	check_shows(out, 0, c->a->bytes, said);
	return check_fail(out, "%u: %.*s", c->status,
			  STR_ARG(check_clip(said, CHECK_EXCERPT)));
}
