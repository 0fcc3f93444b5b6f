/* SPDX-License-Identifier: MIT */
/*
 * Assertions: a schema, or a check with its arguments. Which checks there
 * are is the judge's word (CHECKS); what each of them can be told is here.
 */
#include <stdio.h>

#include "base/nearest.h"
#include "pack_impl.h"
#include "rules/judge/check.h"

#define NAME_(name, family, args, about) #name,
static const char *const checks[] = {CHECKS(NAME_)};
enum { N_CHECKS = sizeof checks / sizeof *checks };

static const struct argument {
	const char *check, *name;
	unsigned kind;
	bool must;
	const char *const *words; /* until NULL; NULL: any */
} arguments[] = {
#define WORDS(...)                                                             \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}
	{"quirk", "quirk", KIND_TEXT, true, NULL},
	{"ending", "how", KIND_TEXT, true,
	 WORDS("truncated", "reset", "close_notify", "length")},
	{"markers", "markers", KIND_LIST, true, NULL},
	{"markers", "in", KIND_LIST, false,
	 WORDS("content", "reasoning", "arguments")},
	{"script", "from", KIND_TEXT, true, NULL},
	{"script", "to", KIND_TEXT, true, NULL},
	{"ngram", "n", KIND_NUMBER, true, NULL},
	{"ngram", "most", KIND_NUMBER, true, NULL},
	{"reasoning_name", "name", KIND_TEXT, true,
	 WORDS("reasoning_content", "reasoning", "reasoning_details",
	       "thinking", "reasoning_item")},
	{"usage_place", "place", KIND_TEXT, true,
	 WORDS("choice", "top", "frame")},
	{"overridden", "param", KIND_TEXT, true, NULL},
	{"passback", "messages", KIND_TEXT, true,
	 WORDS("tool_calls", "all", "turn", "latest")},
	{"identity", "what", KIND_TEXT, true,
	 WORDS("certificate", "address", "server", "settings", "fingerprint")},
	{"rate", "of", KIND_TEXT, true,
	 WORDS("success", "finish_tool", "not_only_reasoning")},
	{"rate", "least", KIND_NUMBER, true, NULL},
	{"rate", "after", KIND_NUMBER, false, NULL},
#undef WORDS
};
enum { N_ARGUMENTS = sizeof arguments / sizeof *arguments };

static void words_check(struct reading *r, const struct argument *a,
			const struct json *v)
{
	char what[40];
	unsigned n = 0;

	while (a->words[n])
		n++;
	snprintf(what, sizeof what, "\"%s\"", a->name);
	if (v->kind == JSON_STRING)
		word_is(r, v, what, a->words, n);
	for (uint32_t i = 0; v->kind == JSON_ARRAY && i < v->n; i++)
		word_is(r, v->v[i], what, a->words, n);
}

static void quirk_check(struct reading *r, const struct json *v)
{
	const char *names[QUIRKS], *near;

	if (!json_is(v, JSON_STRING) || quirk_of(json_text(v)) >= 0)
		return;
	for (int i = 0; i < QUIRKS; i++)
		names[i] = quirk_rows[i].name;
	near = nearest_name(json_text(v), names, QUIRKS);
	fault(r, v, "there is no quirk \"%.*s\"%s%s%s",
	      (int)(v->raw.n < 60 ? v->raw.n : 60), v->raw.p,
	      near ? ": did you mean \"" : "", near ? near : "",
	      near ? "\"?" : "");
}

static bool is_code_point(struct str s)
{
	if (s.n == 0 || s.n > 6)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdefABCDEF", s.p[i]))
			return false;
	return true;
}

static void value_check(struct reading *r, const struct argument *a,
			const struct json *v)
{
	int64_t n;

	if (!v || !(a->kind >> v->kind & 1))
		return; /* complained of already */
	if (v->kind == JSON_ARRAY && !texts_read(r, v, a->name))
		return;
	if (a->words)
		words_check(r, a, v);
	if (strcmp(a->name, "quirk") == 0)
		quirk_check(r, v);
	if (strcmp(a->check, "script") == 0 && !is_code_point(json_text(v)))
		fault(r, v, "\"%s\" is a code point in hex, as in 0400",
		      a->name);
	if (v->kind == JSON_NUMBER && (!json_int(v, &n) || n < 1))
		fault(r, v, "\"%s\" is a whole number, at least 1", a->name);
}

static void check_read(struct reading *r, const struct json *node,
		       struct str name)
{
	struct member members[8] = {{"check", KIND_TEXT, true}};
	unsigned n = 1;

	for (unsigned i = 0; i < N_ARGUMENTS; i++) {
		const struct argument *a = &arguments[i];

		if (str_eq(name, str_of(a->check)))
			members[n++] =
				(struct member){a->name, a->kind, a->must};
	}
	members_read(r, node, "the assertion", members, n);
	for (unsigned i = 0; i < N_ARGUMENTS; i++)
		if (str_eq(name, str_of(arguments[i].check)))
			value_check(r, &arguments[i],
				    json_get(node, str_of(arguments[i].name)));
}

static bool check_exists(struct str name)
{
	return str_among(name, checks, N_CHECKS) >= 0;
}

void assert_read(struct reading *r, const struct json *node, struct rule *out)
{
	static const struct member by_schema[] = {
		{"schema", KIND_SCHEMA, true}};
	const struct json *check = json_get(node, STR("check"));
	struct str name = json_text(check);
	const char *near;

	out->args = node;
	if (json_get(node, STR("schema"))) {
		members_read(r, node, "the assertion", by_schema, 1);
		out->schema = schema_read(r, json_get(node, STR("schema")));
	} else if (!check) {
		fault(r, node,
		      "an assertion is {\"schema\":...} or "
		      "{\"check\":NAME}");
	} else if (check_exists(name)) {
		out->check = name;
		check_read(r, node, name);
	} else {
		near = nearest_name(name, checks, N_CHECKS);
		fault(r, check, "there is no check \"%.*s\"%s%s%s",
		      (int)(name.n < 60 ? name.n : 60), name.p ? name.p : "",
		      near ? ": did you mean \"" : "", near ? near : "",
		      near ? "\"?" : "");
	}
}
