/* SPDX-License-Identifier: MIT */
/* What a fault says, what is refused, and that hostile schemas end. The
 * official suite has the meaning of each keyword (schema_suite.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rules/schema/schema.h"

/* A schema and an instance, and what came of them. */
struct rig {
	struct json_doc *doc;
	struct schema *schema;
	struct fail fail;
	struct schema_fault fault;
	enum schema_verdict verdict;
};

static const struct json *parse(struct json_doc *d, struct str text)
{
	struct json_error e;
	const struct json *j = json_parse(d, text, NULL, &e);

	if (!j)
		fail_msg("%.80s: %s at %zu", text.p, e.why, e.offset);
	return j;
}

static struct rig judge(struct str schema, struct str instance)
{
	struct rig r = {.doc = json_doc_new(), .verdict = SCHEMA_UNKNOWN};

	r.schema = schema_compile(parse(r.doc, schema), NULL, &r.fail);
	if (r.schema)
		r.verdict = schema_check(r.schema, parse(r.doc, instance),
					 &r.fault);
	return r;
}

static void drop(struct rig *r)
{
	schema_free(r->schema);
	json_doc_free(r->doc);
}

static void expect_fault(const char *schema, const char *instance,
			 const char *at, const char *keyword,
			 const char *expected, const char *observed)
{
	struct rig r = judge(str_of(schema), str_of(instance));

	if (!r.schema)
		fail_msg("%s: %s", schema, r.fail.text);
	assert_int_equal(r.verdict, SCHEMA_INVALID);
	assert_string_equal(r.fault.at, at);
	assert_string_equal(r.fault.keyword, keyword);
	assert_string_equal(r.fault.expected, expected);
	assert_string_equal(r.fault.observed, observed);
	drop(&r);
}

static void expect(const char *schema, const char *instance,
		   enum schema_verdict verdict)
{
	struct rig r = judge(str_of(schema), str_of(instance));

	if (!r.schema)
		fail_msg("%s: %s", schema, r.fail.text);
	if (r.verdict != verdict)
		fail_msg("%s of %s: %d, %s at %s", schema, instance, r.verdict,
			 r.fault.keyword, r.fault.at);
	drop(&r);
}

static void expect_refused(const char *schema, const char *code,
			   const char *text)
{
	struct rig r = judge(str_of(schema), STR("0"));

	if (r.schema)
		fail_msg("%s was taken", schema);
	assert_string_equal(r.fail.code, code);
	assert_string_equal(r.fail.text, text);
	drop(&r);
}

static void faults_read_well(void **state)
{
	expect_fault("{\"properties\":{\"count\":{\"minimum\":3}}}",
		     "{\"count\":2}", "/count", "minimum", "at least 3", "2");
	expect_fault("{\"type\":[\"integer\",\"null\"]}", "1.5", "", "type",
		     "integer or null", "1.5");
	expect_fault("{\"required\":[\"a\",\"b\"]}", "{\"a\": 1}", "",
		     "required", "a member \"b\"", "{\"a\": 1}");
	expect_fault("{\"items\":{\"enum\":[\"x\", \"y\"]}}",
		     "[\"x\",\"z\\n\"]", "/1", "enum", "one of [\"x\", \"y\"]",
		     "\"z\\n\"");
	expect_fault("{\"additionalProperties\":false}", "{\"a/~b\":{}}",
		     "/a~1~0b", "additionalProperties", "nothing here", "{}");
	expect_fault("{\"pattern\":\"^[a-z]+$\"}", "\"B\"", "", "pattern",
		     "a match of \"^[a-z]+$\"", "\"B\"");
	expect_fault("{\"maxLength\":2}", "\"äöü\"", "", "maxLength",
		     "at most 2 characters", "3 characters");
	expect_fault("{\"multipleOf\":0.0001}", "0.00751", "", "multipleOf",
		     "a multiple of 0.0001", "0.00751");
	expect_fault("{\"propertyNames\":{\"maxLength\":1}}", "{\"ab\":1}", "",
		     "propertyNames", "names that it allows", "\"ab\"");
	expect_fault("{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]",
		     "", "maxContains", "at most 1 elements that match",
		     "2 that match");
	expect_fault("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
		     "5", "", "anyOf", "string or null", "5");
	expect_fault("{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\","
		     "\"properties\":{\"a\":{\"minimum\":3}}}]}",
		     "{\"a\":2}", "/a", "minimum", "at least 3", "2");
	expect_fault("{\"oneOf\":[{\"minimum\":3},{\"maximum\":1}]}", "2", "",
		     "oneOf", "what one of 2 schemas allows", "2");
	expect_fault("{\"oneOf\":[{\"minimum\":3},{\"maximum\":5}]}", "4", "",
		     "oneOf", "what only one of 2 schemas allows", "4");
	expect_fault("{\"uniqueItems\":true}", "[1,2,1.0]", "/0", "uniqueItems",
		     "no element twice", "1");
	expect_fault("{\"unevaluatedProperties\":false}", "{\"a\":1}", "/a",
		     "unevaluatedProperties", "nothing here", "1");
}

static void long_and_wild_values_are_cut_and_tamed(void **state)
{
	struct buf b = {0};
	struct rig r;

	buf_adds(&b, STR("\""));
	for (int i = 0; i < 1000; i++)
		buf_adds(&b, STR("ä\x7f"));
	buf_adds(&b, STR("\""));
	r = judge(STR("{\"type\":\"object\"}"), buf_str(&b));
	assert_int_equal(r.verdict, SCHEMA_INVALID);
	assert_true(strlen(r.fault.observed) < sizeof(r.fault.observed));
	assert_int_equal(utf8_check(str_of(r.fault.observed)),
			 strlen(r.fault.observed));
	assert_null(strchr(r.fault.observed, 0x7f));
	assert_non_null(strstr(r.fault.observed, "..."));
	drop(&r);
	buf_free(&b);
}

static void later_members_of_a_name_count(void **state)
{
	const char *s = "{\"properties\":{\"a\":{\"type\":\"string\"}},"
			"\"maxProperties\":1}";

	expect(s, "{\"a\":1,\"a\":\"x\"}", SCHEMA_VALID);
	expect(s, "{\"a\":\"x\",\"a\":1}", SCHEMA_INVALID);
	expect("{\"type\":\"string\",\"type\":\"number\"}", "1", SCHEMA_VALID);
}

static void numbers_are_exact(void **state)
{
	expect("{\"maximum\":9007199254740992}", "9007199254740993",
	       SCHEMA_INVALID);
	expect("{\"exclusiveMinimum\":0.1}", "0.1000000000000000000000001",
	       SCHEMA_VALID);
	expect("{\"type\":\"integer\"}", "1e308", SCHEMA_VALID);
	expect("{\"multipleOf\":0.01}", "19.99", SCHEMA_VALID);
	expect("{\"multipleOf\":3}", "1e400", SCHEMA_INVALID);
	expect("{\"multipleOf\":7}", "-49", SCHEMA_VALID);
	expect("{\"minimum\":0}", "-0.0", SCHEMA_VALID);
	expect("{\"minimum\":0}", "1e9999999999", SCHEMA_UNKNOWN);
	expect("{\"multipleOf\":1.0000000000000000001}", "3", SCHEMA_UNKNOWN);
}

static void tools_as_clients_write_them(void **state)
{
	expect("{\"type\":\"object\",\"definitions\":{\"u\":{\"enum\":[\"C\","
	       "\"F\"]}},\"properties\":{\"unit\":{\"$ref\":"
	       "\"#/definitions/u\"},\"n\":{\"type\":\"integer\","
	       "\"nullable\":true,\"example\":3}},\"required\":[\"unit\"]}",
	       "{\"unit\":\"C\",\"n\":3}", SCHEMA_VALID);
	expect("{\"$schema\":\"http://json-schema.org/draft-07/schema#\","
	       "\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
	       "\"string\",\"format\":\"date\"}},"
	       "\"additionalProperties\":false}",
	       "{\"a\":\"no date\"}", SCHEMA_VALID);
	expect("true", "1", SCHEMA_VALID);
	expect("false", "1", SCHEMA_INVALID);
	expect("{}", "[]", SCHEMA_VALID);
}

static void what_is_wrong_is_named(void **state)
{
	expect_refused("{\"properties\":{\"a\":{\"minimum\":\"3\"}}}",
		       "bad_schema",
		       "the schema's \"minimum\" at \"/properties/a\": must "
		       "be a number");
	expect_refused("{\"type\":\"str\"}", "bad_schema",
		       "the schema's \"type\" at \"\": must name types");
	expect_refused("{\"required\":true}", "bad_schema",
		       "the schema's \"required\" at \"\": must be an array "
		       "of strings");
	expect_refused("{\"allOf\":[{\"$ref\":\"#/$defs/no\"}]}", "bad_schema",
		       "the schema's \"$ref\" at \"/allOf/0\": leads nowhere");
	expect_refused("{\"pattern\":\"[a\"}", "bad_schema",
		       "the schema's \"pattern\" at \"\": the pattern is "
		       "wrong: [ without ]");
	expect_refused("[]", "bad_schema",
		       "the schema's \"$schema\" at \"\": must be an object "
		       "or a boolean");
}

static void what_cannot_be_judged_is_unknown(void **state)
{
	static const char *const schemas[] = {
		"{\"$ref\":\"https://example.com/other.json\"}",
		"{\"$schema\":\"https://example.com/dialect\"}",
		"{\"items\":[{\"type\":\"string\"}]}",
		"{\"minimum\":3,\"exclusiveMinimum\":true}",
		"{\"$schema\":\"http://json-schema.org/draft-07/schema#\","
		"\"dependencies\":{\"a\":[\"b\"]}}",
		"{\"$schema\":\"http://json-schema.org/draft-07/schema#\","
		"\"$ref\":\"#/definitions/a\",\"minimum\":3,"
		"\"definitions\":{\"a\":{}}}",
		"{\"$schema\":\"http://json-schema.org/draft-04/schema#\","
		"\"const\":3}",
		"{\"$defs\":{\"a\":{\"$id\":\"x\"},\"b\":{\"$id\":\"x\"}}}",
		"{\"pattern\":\"(?P<year>\\\\d+)\"}",
		"{\"minLength\":1e99}",
	};

	for (size_t i = 0; i < sizeof(schemas) / sizeof(*schemas); i++) {
		struct rig r = judge(str_of(schemas[i]), STR("0"));
		if (r.schema)
			fail_msg("%s was taken", schemas[i]);
		assert_string_equal(r.fail.code, "schema_unknown");
		drop(&r);
	}
}

static void references_to_the_metaschema(void **state)
{
	const char *s =
		"{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}";

	expect(s, "{\"properties\":{\"a\":{\"minLength\":1}}}", SCHEMA_VALID);
	expect(s, "{\"properties\":{\"a\":{\"minLength\":-1}}}",
	       SCHEMA_INVALID);
	expect(s, "{\"$defs\":{\"a\":{\"type\":1}}}", SCHEMA_INVALID);
}

/* n times `piece`, between two ends. */
static struct buf repeat(const char *front, const char *piece, unsigned n,
			 const char *back)
{
	struct buf b = {0};

	buf_adds(&b, str_of(front));
	for (unsigned i = 0; i < n; i++)
		buf_adds(&b, str_of(piece));
	buf_adds(&b, str_of(back));
	return b;
}

/* Sanitizers and a busy machine included. */
static void ends_in_time(struct str schema, struct str instance,
			 enum schema_verdict verdict)
{
	const uint64_t began = clock_mono();
	struct rig r = judge(schema, instance);

	assert_int_equal(r.verdict, verdict);
	assert_true(clock_mono() - began < 30 * NS_PER_S);
	drop(&r);
}

static void loops_and_explosions_end(void **state)
{
	struct buf b = {0};

	ends_in_time(STR("{\"$ref\":\"#\"}"), STR("1"), SCHEMA_UNKNOWN);
	ends_in_time(STR("{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}"),
		     STR("1"), SCHEMA_UNKNOWN);
	ends_in_time(STR("{\"not\":{\"$ref\":\"#\"}}"), STR("1"),
		     SCHEMA_UNKNOWN);
	buf_adds(&b, STR("{\"$ref\":\"#/$defs/d0\",\"$defs\":{"));
	for (int i = 0; i < 40; i++)
		buf_addf(&b,
			 "\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},"
			 "{\"$ref\":\"#/$defs/d%d\"}]},",
			 i, i + 1, i + 1);
	buf_adds(&b, STR("\"d40\":false}}"));
	ends_in_time(buf_str(&b), STR("1"), SCHEMA_UNKNOWN);
	buf_free(&b);
	b = repeat("{\"$defs\":{\"x\":{}},\"allOf\":[{}",
		   ",{\"$ref\":\"#/$defs/x\"}", 30000, "]}");
	ends_in_time(buf_str(&b), STR("1"), SCHEMA_VALID);
	buf_free(&b);
}

static void depth_has_a_limit(void **state)
{
	struct buf s = repeat("", "{\"items\":", 250, "true");
	struct buf deep = repeat("", "[", 500, "");
	struct rig r;

	for (int i = 0; i < 250; i++)
		buf_addc(&s, '}');
	for (int i = 0; i < 500; i++)
		buf_addc(&deep, ']');
	r = judge(buf_str(&s), buf_str(&deep));
	assert_int_equal(r.verdict, SCHEMA_VALID);
	drop(&r);
	r = judge(STR("{\"items\":{\"$ref\":\"#\"}}"), buf_str(&deep));
	assert_int_equal(r.verdict, SCHEMA_UNKNOWN);
	assert_string_equal(r.fault.keyword, "depth");
	drop(&r);
	buf_free(&s);
	buf_free(&deep);
}

static void many_keywords_are_taken(void **state)
{
	struct buf s = {0}, o = {0};

	buf_adds(&s, STR("{\"properties\":{\"z\":{}"));
	for (int i = 0; i < 100000; i++)
		buf_addf(&s, ",\"p%d\":{\"type\":\"integer\"}", i);
	buf_adds(&s, STR("}}"));
	buf_adds(&o, STR("{\"z\":0"));
	for (int i = 0; i < 1000; i++)
		buf_addf(&o, ",\"p%d\":%d", i * 7, i);
	buf_adds(&o, STR("}"));
	ends_in_time(buf_str(&s), buf_str(&o), SCHEMA_VALID);
	o.n--;
	buf_adds(&o, STR(",\"p5\":\"\"}"));
	ends_in_time(buf_str(&s), buf_str(&o), SCHEMA_INVALID);
	buf_free(&s);
	buf_free(&o);
}

static void hostile_instances_end(void **state)
{
	struct buf o = {0}, a;

	buf_adds(&o, STR("[{\"z\":0"));
	for (int i = 0; i < 20000; i++)
		buf_addf(&o, ",\"p%05d\":%d", i, i);
	buf_adds(&o, STR("},1]"));
	ends_in_time(STR("{\"uniqueItems\":true}"), buf_str(&o), SCHEMA_VALID);
	buf_free(&o);
	a = repeat("{\"a\":1", ",\"a\":1", 20000, "}");
	ends_in_time(STR("{\"additionalProperties\":true}"), buf_str(&a),
		     SCHEMA_VALID);
	buf_free(&a);
	a = repeat("[0", ",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", 20000, "]");
	ends_in_time(STR("{\"items\":{\"anyOf\":[{\"type\":\"integer\"},"
			 "{\"not\":{\"pattern\":\"^(a+a+)+[bc]\"}}]}}"),
		     buf_str(&a), SCHEMA_UNKNOWN);
	ends_in_time(STR("{\"items\":{\"pattern\":\"(a|aa)+!\"}}"), buf_str(&a),
		     SCHEMA_INVALID);
	buf_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_read_well),
		cmocka_unit_test(long_and_wild_values_are_cut_and_tamed),
		cmocka_unit_test(later_members_of_a_name_count),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(tools_as_clients_write_them),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(what_cannot_be_judged_is_unknown),
		cmocka_unit_test(references_to_the_metaschema),
		cmocka_unit_test(loops_and_explosions_end),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(many_keywords_are_taken),
		cmocka_unit_test(hostile_instances_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
