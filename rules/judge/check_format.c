/* SPDX-License-Identifier: MIT */
/* Structured output: content against the response_format asked for. */
#include "rules/judge/check_impl.h"

/* Is the schema more than a wish? */
static bool is_strict(const struct request *q)
{
	static const struct str places[] = {
		{"/response_format/json_schema/strict", 35},
		{"/text/format/strict", 19}};
	bool strict = false;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		json_bool(json_pointer(q->root, places[i]), &strict);
	return strict || q->dialect == DIALECT_MESSAGES;
}

/* Whoever thinks aloud in content (MiniMax) gives the answer behind it. */
static struct str answer_of(const struct choice *ch)
{
	struct str s = buf_str(&ch->content);
	const char *at = s.n ? memmem(s.p, s.n, "</think>", 8) : NULL;

	return at ? str_skip(s, (size_t)(at - s.p) + 8) : s;
}

static enum verdict fits(const struct check_case *c, const struct request *q,
			 const struct json *root, struct check_result *out)
{
	if (q->form == FORM_OBJECT && root->kind != JSON_OBJECT) {
		check_expect(out, "a JSON object");
		return check_fail(out, "JSON that is no object");
	}
	if (q->form != FORM_SCHEMA || !q->form_schema || !is_strict(q))
		return VERDICT_PASS;
	return check_value(c, q->form_schema, root, out);
}

static enum verdict ask_choice(const struct check_case *c,
			       const struct request *q, const struct choice *ch,
			       struct check_result *out)
{
	struct json_error bad;
	struct json_doc *d;
	const struct json *root;
	enum verdict v;

	if (check_finish(c->a, ch) != FINISH_STOP || !ch->content.n ||
	    ch->n_calls || ch->refusal.n)
		return VERDICT_NONE;
	d = json_doc_new();
	root = json_parse(d, answer_of(ch), NULL, &bad);
	if (root) {
		v = fits(c, q, root, out);
	} else if (bad.limit) {
		v = VERDICT_UNKNOWN;
	} else {
		check_expect(out, "JSON");
		v = check_fail(out, "%s, at byte %zu", bad.why, bad.offset);
	}
	json_doc_free(d);
	if (v == VERDICT_FAIL)
		check_shows(out, ch->content_at, ch->finish_at,
			    buf_str(&ch->content));
	return v;
}

enum verdict check_response_format(const struct check_case *c,
				   const struct rule *r,
				   struct check_result *out)
{
	const struct request *q = check_asked(c);
	enum verdict v = VERDICT_NONE;

	if (!q || !check_served(c) ||
	    (q->form != FORM_OBJECT && q->form != FORM_SCHEMA) ||
	    check_prefix(q).p || q->stop)
		return VERDICT_NONE;
	if (!check_whole(c))
		return VERDICT_UNKNOWN;
	for (size_t i = 0; i < c->a->n_choices && v != VERDICT_FAIL; i++) {
		enum verdict one = ask_choice(c, q, &c->a->choices[i], out);

		v = one == VERDICT_FAIL || one > v ? one : v;
	}
	return v;
}
