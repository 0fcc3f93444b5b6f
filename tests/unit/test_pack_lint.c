/* SPDX-License-Identifier: MIT */
/* What is wrong with a pack is said, with its line, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rules/judge/check.h"
#include "rules/pack/pack.h"
#include "rules/schema/schema.h"
struct said {
	unsigned n, line;
	char text[4000];
};

static void hear(void *arg, unsigned line, const char *why)
{
	struct said *s = arg;

	if (s->n++ == 0)
		s->line = line;
	strncat(s->text, why, sizeof s->text - strlen(s->text) - 2);
	strcat(s->text, "\n");
}

static struct buf slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = {0};
	size_t n;

	assert_non_null(f);
	while ((n = fread(buf_room(&b, 65536), 1, 65536, f)) > 0)
		b.n += n;
	fclose(f);
	return b;
}

/* The published schema says what lint says. */
static void packs_satisfy_their_schema(void **state)
{
	struct buf text = slurp(PACKS "/pack.schema.json");
	struct json_doc *d = json_doc_new();
	struct schema_fault fault;
	struct json_error bad;
	struct packs *p = packs_new();
	struct schema *s;
	size_t faults;
	struct fail f;

	packs_add_builtin(p);
	s = schema_compile(json_parse(d, buf_str(&text), NULL, &bad), NULL, &f);
	assert_non_null(s);
	for (size_t i = 0; i < packs_count(p); i++) {
		const struct pack *x = packs_at(p, i);
		struct said said = {0};
		char path[200];

		snprintf(path, sizeof path, PACKS "/%.*s", STR_ARG(x->file));
		assert_true(pack_lint_file(path, &faults, hear, &said, &f));
		if (faults)
			fail_msg("%s:%u: %s", path, said.line, said.text);
		if (schema_check(s, x->node, &fault) != SCHEMA_VALID)
			fail_msg("%s%s: %s: %s instead of %s", path, fault.at,
				 fault.keyword, fault.observed, fault.expected);
	}
	schema_free(s);
	packs_unref(p);
	json_doc_free(d);
	buf_free(&text);
}

#define HEAD "{\"pack\":\"mine\",\"version\":\"1\",\"about\":\"a\",\n"
#define RULE(id)                                                               \
	"{\"id\":\"" id "\",\"text\":\"t\",\"src\":\"s\",\"cert\":\"c\","      \
	"\"since\":\"2026-01-01\",\"scope\":\"response\","                     \
	"\"severity\":\"error\",\"party\":\"vendor\","
#define QUIRK "\"assert\":{\"check\":\"quirk\",\"quirk\":\"finish_twice\"}}"

#define ONE(rest) HEAD "\"rules\":[\n" RULE("mine/a") rest "]}"
#define REQUEST                                                                \
	HEAD "\"rules\":[\n{\"id\":\"mine/a\",\"text\":\"t\",\"src\":\"s\","   \
	     "\"cert\":\"c\",\"since\":\"2026-01-01\",\"scope\":\"request\","  \
	     "\"severity\":\"error\",\"party\":\"client\","
#define MATCH(m)  ONE("\"match\":{" m "}," QUIRK)
#define ASSERT(a) ONE("\"assert\":{" a "}}")
#define PROBE(p)  REQUEST "\"probe\":[\n{\"id\":\"G/a\",\"patch\":{}," p "}]}]}"

static const struct fault_case {
	const char *text;
	unsigned line;
	const char *why;
} faults[] = {
	{"", 1, "not JSON"},
	{"{\n\n\"pack\":}", 3, "not JSON"},
	{"[]", 1, "a pack must be an object, not a list"},
	{"{}", 1, "a pack lacks \"version\""},
	{HEAD "\"rules\":{}}", 2, "\"rules\" must be a list, not an object"},
	{HEAD "\"rules\":[],\"rules\":[]}", 1, "says a name twice"},
	{HEAD "\"model\":[\"a\"],\"rules\":[]}", 2,
	 "a pack has no \"model\": did you mean \"models\"?"},
	{HEAD "\"models\":[],\"rules\":[]}", 2, "it would match nothing"},
	{HEAD "\"models\":[\n\"Kimi*\"],\"rules\":[]}", 3,
	 "\"Kimi*\" matches nothing: names are compared in lower case"},
	{HEAD "\"models\":[\"a/b\"],\"rules\":[]}", 2, "before their last /"},
	{HEAD "\"models\":[\"a[bc]\"],\"rules\":[]}", 2, "all that a glob"},
	{HEAD "\"models\":[1],\"rules\":[]}", 2, "must be a list of texts"},
	{HEAD "\"kwargs\":true,\"rules\":[]}", 2, "needs \"models\""},
	{HEAD "\"extends\":[\"kimmi\"],\"rules\":[]}", 2,
	 "there is no pack \"kimmi\" to extend"},
	{HEAD "\"modes\":[{\"mode\":\"fast\"}],\"rules\":[]}", 2,
	 "\"mode\" cannot be \"fast\": one of any, thinking, instant"},
	{HEAD "\"reasoning_name\":\"thoughts\",\"rules\":[]}", 2,
	 "\"reasoning_name\" cannot be"},
	{"{\"pack\":\"A "
	 "b\",\"version\":\"1\",\"about\":\"\",\"rules\":[]}",
	 1, "a pack's name is of"},
	{"{\"pack\":\"wire\",\"version\":\"1\",\"about\":\"\","
	 "\"models\":[\"a\"],\"rules\":[]}",
	 1, "\"models\" is settled by the pack wire"},
	{HEAD "\"rules\":[1]}", 2, "a rule must be an object, not a number"},
	{HEAD "\"rules\":[\n" RULE("yours/a") QUIRK "]}", 3,
	 "a rule's id is mine/NAME, not \"yours/a\""},
	{HEAD "\"rules\":[" RULE("mine/a") QUIRK ",\n" RULE("mine/a") QUIRK
	 "]}",
	 3, "there are two rules mine/a"},
	{ONE("\"asert\":{}}"), 3, "a rule has no \"asert\": did you mean"},
	{ONE("\"at\":\"\"}"), 3, "a rule has \"assert\" or \"probe\""},
	{ONE("\"cert\":\"r\"," QUIRK), 3, "says a name twice"},
	{ONE("\"refuse\":true," QUIRK), 3, "\"refuse\" needs the scope"},
	{ONE("\"refusal\":\"no\"," QUIRK), 3, "needs \"refuse\":true"},
	{ONE("\"at\":\"/a\"," QUIRK), 3, "needs an assertion by schema"},
	{ASSERT(""), 3, "an assertion is {\"schema\":...} or"},
	{ASSERT("\"check\":\"quirks\""), 3,
	 "there is no check \"quirks\": did you mean \"quirk\"?"},
	{ASSERT("\"check\":\"quirk\""), 3, "the assertion lacks \"quirk\""},
	{ASSERT("\"check\":\"quirk\",\"quirk\":\"finish_twic\""), 3,
	 "there is no quirk \"finish_twic\": did you mean "
	 "\"finish_twice\"?"},
	{ASSERT("\"check\":\"markers\",\"markers\":\"a\""), 3,
	 "\"markers\" must be a list, not text"},
	{ASSERT("\"check\":\"markers\",\"markers\":[\"a\"],\"in\":["
		"\"x\"]"),
	 3, "\"in\" cannot be \"x\""},
	{ASSERT("\"check\":\"script\",\"from\":\"04\",\"to\":\"xyz\""), 3,
	 "\"to\" is a code point in hex"},
	{ASSERT("\"check\":\"ngram\",\"n\":0,\"most\":2"), 3,
	 "\"n\" is a whole number, at least 1"},
	{ASSERT("\"check\":\"usage_total\",\"n\":1"), 3,
	 "the assertion has no \"n\""},
	{ASSERT("\"schema\":{\"type\":\"strin\"}"), 3, "type"},
	{ASSERT("\"schema\":{\"$ref\":\"https://a.example/b\"}"), 3, "$ref"},
	{MATCH("\"dialect\":[\"chats\"]"), 3, "there is no dialect \"chats\""},
	{MATCH("\"mode\":\"slow\""), 3, "\"mode\" cannot be \"slow\""},
	{MATCH("\"vendor\":[\"*.A.b\"]"), 3, "lower case"},
	{MATCH("\"vendors\":[\"a\"]"), 3, "match has no \"vendors\": did you"},
	{MATCH("\"when\":[]"), 3, "\"when\" must be a JSON Schema"},
	{REQUEST "\"at\":\"a\",\"assert\":{\"schema\":true}}]}", 3,
	 "\"at\" is a JSON pointer"},
	{REQUEST "\"at\":\"/*/a\",\"assert\":{\"schema\":true}}]}", 3,
	 "* stands alone, at the end"},
	{PROBE("\"x\":1"), 4, "a probe lacks \"expect\""},
	{PROBE("\"expect\":\"yes\""), 4, "one of serve, refuse"},
	{PROBE("\"expect\":\"refuse\",\"answer\":{}"), 4,
	 "\"answer\" needs \"expect\":\"serve\""},
	{PROBE("\"expect\":\"serve\",\"answer\":{\"type\":1}"), 4, "type"},
	{PROBE("\"expect\":\"serve\",\"fill\":0"), 4, "\"fill\" is from 1"},
	{PROBE("\"expect\":\"serve\",\"compare\":{\"figure\":\"x\","
	       "\"patches\":[{}],\"must\":\"rise\"}"),
	 4, "a comparison needs two patches"},
	{PROBE("\"expect\":\"serve\"},{\"id\":\"G/a\",\"patch\":{},"
	       "\"expect\":\"serve\""),
	 4, "there are two probes G/a"},
};

static void lint_says_what_is_wrong(void **state)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		const struct fault_case *c = &faults[i];
		struct said s = {0};
		size_t n = pack_lint(str_of(c->text), "x.json", hear, &s);

		if (n == 0 || n != s.n || s.line != c->line ||
		    !strstr(s.text, c->why))
			fail_msg("%s\n%zu faults, line %u: %s\nnot "
				 "line %u: "
				 "%s",
				 c->text, n, s.line, s.text, c->line, c->why);
	}
}

/* What the schema refuses, lint does too. */
static void schema_and_lint_agree(void **state)
{
	struct buf text = slurp(PACKS "/pack.schema.json");
	struct json_doc *d = json_doc_new();
	struct json_error bad;
	struct schema *s;
	struct fail f;
	unsigned refused = 0;

	s = schema_compile(json_parse(d, buf_str(&text), NULL, &bad), NULL, &f);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		const struct json *root =
			json_parse(d, str_of(faults[i].text), NULL, &bad);

		refused +=
			root && schema_check(s, root, NULL) == SCHEMA_INVALID;
	}
	assert_true(refused >= 25);
	assert_int_equal(
		schema_check(s, json_parse(d, STR(ONE(QUIRK)), NULL, &bad),
			     NULL),
		SCHEMA_VALID);
	schema_free(s);
	json_doc_free(d);
	buf_free(&text);
}

/* What is reported or inferred is no error. */
static void lint_knows_certainty(void **state)
{
	static const char *const certs[] = {"r", "?"};

	for (int i = 0; i < 2; i++) {
		struct said s = {0};
		struct buf b = {0};

		buf_addf(&b,
			 HEAD "\"rules\":[{\"id\":\"mine/a\",\"text\":\"t\","
			      "\"src\":\"s\",\"cert\":\"%s\",\"since\":\""
			      "2026-01-01\",\"scope\":\"response\",\n"
			      "\"severity\":\"error\",\"party\":"
			      "\"vendor\"," QUIRK "]}",
			 certs[i]);
		assert_int_equal(pack_lint(buf_str(&b), "x", hear, &s), 1);
		assert_int_equal(s.line, 3);
		assert_non_null(strstr(s.text, "is a warning at most"));
		buf_free(&b);
	}
}

/* Each check that takes arguments complains when they are missing. */
static void lint_knows_arguments(void **state)
{
#define ARGS_(name, family, args, about) {#name, args},
	static const char *const checks[][2] = {CHECKS(ARGS_)};

	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		struct said s = {0};
		struct buf b = {0};
		size_t n;

		buf_addf(&b, ASSERT("\"check\":\"%s\""), checks[i][0]);
		n = pack_lint(buf_str(&b), "x", hear, &s);
		if ((n > 0) != (checks[i][1][0] != '\0'))
			fail_msg("%s (%s): %s", checks[i][0], checks[i][1],
				 s.text);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_satisfy_their_schema),
		cmocka_unit_test(lint_says_what_is_wrong),
		cmocka_unit_test(schema_and_lint_agree),
		cmocka_unit_test(lint_knows_certainty),
		cmocka_unit_test(lint_knows_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
