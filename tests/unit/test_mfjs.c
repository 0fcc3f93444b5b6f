/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "rules/schema/mfjs.h"

static void note(void *arg, struct str at, const char *text)
{
	buf_addf(arg, "%.*s: %s\n", STR_ARG(at), text);
}

static void expect_said(struct str schema, const char *said)
{
	struct json_doc *d = json_doc_new();
	struct json_error e;
	const struct json *j = json_parse(d, schema, NULL, &e);
	struct buf b = {0};
	size_t n, lines = 0;

	if (!j)
		fail_msg("%.80s: %s", schema.p, e.why);
	n = mfjs_lint(j, note, &b);
	for (size_t i = 0; i < b.n; i++)
		lines += b.p[i] == '\n';
	assert_int_equal(n, lines);
	buf_addc(&b, '\0');
	assert_string_equal(b.p, said);
	buf_free(&b);
	json_doc_free(d);
}

static void expect(const char *schema, const char *said)
{
	expect_said(str_of(schema), said);
}

static void good_ones_pass(void **state)
{
	expect("{}", "");
	expect("{\"type\":\"object\",\"properties\":{\"q\":{\"type\":"
	       "\"string\",\"minLength\":1,\"maxLength\":9},\"n\":{\"type\":"
	       "[\"integer\",\"null\"],\"enum\":[1,2.5,null]}},"
	       "\"required\":[\"q\"],\"additionalProperties\":{}}",
	       "");
	expect("{\"$id\":\"x\",\"type\":\"object\",\"properties\":{\"l\":"
	       "{\"$ref\":\"#/$defs/n\"}},\"required\":[\"l\"],\"$defs\":"
	       "{\"n\":{\"type\":\"object\",\"properties\":{\"next\":"
	       "{\"anyOf\":[{\"$ref\":\"#/$defs/n\"},{\"type\":\"null\"}]}},"
	       "\"required\":[\"next\"]}}}",
	       "");
	expect("{\"type\":\"object\",\"properties\":{\"c\":{\"type\":\"array\","
	       "\"items\":{\"$ref\":\"#\"}}},\"required\":[\"c\"]}",
	       "");
}

static void keywords_and_types(void **state)
{
	expect("{\"type\":\"string\",\"format\":\"date\"}",
	       ": \"format\" is not a keyword of MFJS\n");
	expect("{\"type\":\"any\"}", ": \"type\" is none of the seven types\n");
	expect("{\"properties\":{\"a\":{\"enum\":[1]},\"b\":{}}}",
	       ": no \"type\"\n"
	       "/properties/a: no \"type\"\n"
	       "/properties/b: an empty schema stands neither at the root nor "
	       "in \"additionalProperties\"\n");
	expect("{\"type\":\"string\",\"anyOf\":[{\"type\":\"null\"}]}",
	       ": \"type\" stands beside \"anyOf\"\n");
	expect("{\"type\":\"object\",\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":"
	       "{\"type\":\"object\",\"$defs\":{}}}}",
	       ": \"type\" stands beside \"$ref\"\n"
	       "/$defs/a: \"$defs\" stands below the root\n");
	expect("{\"type\":\"array\",\"items\":[]}",
	       "/items: a schema is an object\n");
}

static void values(void **state)
{
	expect("{\"type\":\"string\",\"enum\":[\"a\",1]}",
	       ": \"enum\" mixes types\n");
	expect("{\"type\":\"array\",\"enum\":[[]]}",
	       ": \"enum\" holds arrays or objects\n");
	expect("{\"type\":\"string\",\"enum\":[]}",
	       ": \"enum\" is not an array with elements\n");
	expect("{\"type\":\"number\",\"minimum\":3,\"maximum\":2}",
	       ": \"minimum\" is more than \"maximum\"\n");
	expect("{\"type\":\"array\",\"items\":{\"type\":\"null\"},"
	       "\"minItems\":\"1\"}",
	       ": \"minItems\" is not a number\n");
	expect("{\"type\":\"object\",\"properties\":{},\"required\":[\"a\"]}",
	       ": \"required\" names \"a\", which is not in \"properties\"\n");
	expect("{\"type\":\"string\",\"description\":1}",
	       ": \"description\" is not a string\n");
}

static void references(void **state)
{
	expect("{\"type\":\"array\",\"items\":{\"$ref\":"
	       "\"https://example.com/\"}}",
	       "/items: \"$ref\" is neither \"#\" nor a name in \"$defs\"\n");
	expect("{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},"
	       "\"required\":[\"a\"]}",
	       "/properties/a: \"$ref\" leads to itself without an end\n");
	expect("{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"minItems\":1}",
	       "/items: \"$ref\" leads to itself without an end\n");
	expect("{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":"
	       "\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}}}",
	       ": \"$ref\" leads to itself without an end\n"
	       "/$defs/a: \"$ref\" leads to itself without an end\n"
	       "/$defs/b: \"$ref\" leads to itself without an end\n");
}

static void expect_limit(struct buf *b, const char *said)
{
	expect_said(buf_str(b), said);
	buf_free(b);
}

static void limits(void **state)
{
	struct buf b = {0};

	buf_adds(&b, STR("{\"type\":\"integer\",\"enum\":[0"));
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, ",%d", i);
	buf_adds(&b, STR("]}"));
	expect_limit(&b, ": \"enum\" has 1001 elements, more than 1000\n");
	buf_adds(&b, STR("{\"anyOf\":[{\"type\":\"null\"}"));
	for (int i = 0; i < 500; i++)
		buf_adds(&b, STR(",{\"type\":\"null\"}"));
	buf_adds(&b, STR("]}"));
	expect_limit(&b, ": \"anyOf\" has 501 elements, more than 500\n");
	buf_adds(&b, STR("{\"type\":\"object\",\"properties\":{\"\":"
			 "{\"type\":\"null\"}"));
	for (int i = 0; i < 3000; i++)
		buf_addf(&b, ",\"%d\":{\"type\":\"null\"}", i);
	buf_adds(&b, STR("}}"));
	expect_limit(&b, ": the schema has 3001 properties, more than 3000\n");
	buf_adds(&b, STR("{\"type\":\"string\",\"title\":\""));
	for (int i = 0; i < 120000; i++)
		buf_addc(&b, 'a');
	buf_adds(&b, STR("\"}"));
	expect_limit(&b, ": the schema has 120028 bytes, more than 120000\n");
}

static void depth(void **state)
{
	struct buf b = {0}, said = {0};

	for (int i = 0; i < 31; i++) {
		buf_adds(&b, STR("{\"type\":\"array\",\"items\":"));
		buf_adds(&said, STR("/items"));
	}
	buf_adds(&b, STR("{\"type\":\"null\"}"));
	for (int i = 0; i < 31; i++)
		buf_addc(&b, '}');
	buf_adds(&said, STR(": nested more than 30 deep\n"));
	buf_addc(&said, '\0');
	expect_limit(&b, said.p);
	buf_free(&said);
}

/* Each definition requires the next: going over them all helps one a time. */
static void long_chains_end_in_time(void **state)
{
	const uint64_t began = clock_mono();
	struct buf b = {0};

	buf_adds(&b, STR("{\"$ref\":\"#/$defs/0\",\"$defs\":{"));
	for (int i = 0; i < 1000; i++)
		buf_addf(&b,
			 "\"%d\":{\"type\":\"object\",\"properties\":{\"a\":"
			 "{\"$ref\":\"#/$defs/%d\"}},\"required\":[\"a\"]},",
			 i, i + 1);
	buf_adds(&b, STR("\"1000\":{\"type\":\"null\"}}}"));
	expect_limit(&b, "");
	assert_true(clock_mono() - began < 10 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_pass),
		cmocka_unit_test(keywords_and_types),
		cmocka_unit_test(values),
		cmocka_unit_test(references),
		cmocka_unit_test(limits),
		cmocka_unit_test(depth),
		cmocka_unit_test(long_chains_end_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
