/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/mem.h"
#include "rules/meaning/json.h"

/* A document for one assertion. */
struct doc {
	struct json_doc *d;
	struct json_error bad;
	const struct json *root;
};

static struct doc parse(struct str text)
{
	struct doc x = {.d = json_doc_new()};

	x.root = json_parse(x.d, text, NULL, &x.bad);
	return x;
}

static void done(struct doc *x)
{
	json_doc_free(x->d);
}

static void assert_text(struct str is, struct str due)
{
	assert_int_equal(is.n, due.n);
	assert_memory_equal(is.p, due.p, due.n);
}

static void nodes_point_into_the_text(void **state)
{
	struct str text = STR(" {\"a\":[1, \"x\\n\"],\"b\" : {} } ");
	struct doc x = parse(text);
	const struct json *a = json_get(x.root, STR("a"));

	assert_non_null(x.root);
	assert_int_equal(x.root->kind, JSON_OBJECT);
	assert_int_equal(x.root->n, 2);
	assert_ptr_equal(x.root->raw.p, text.p + 1);
	assert_int_equal(x.root->raw.n, text.n - 2);
	assert_text(a->raw, STR("[1, \"x\\n\"]"));
	assert_text(a->v[0]->raw, STR("1"));
	assert_text(a->v[1]->raw, STR("x\\n"));
	assert_ptr_equal(a->v[1]->raw.p, text.p + 11);
	assert_text(json_text(a->v[1]), STR("x\n"));
	assert_text(a->key, STR("a"));
	assert_null(json_get(x.root, STR("c")));
	assert_null(json_get(a, STR("c")));
	assert_null(json_get(NULL, STR("c")));
	done(&x);
}

static void strings_are_decoded(void **state)
{
	static const struct {
		struct str raw, text;
		bool surrogates;
	} rows[] = {
		{STR("\"\""), STR("")},
		{STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), STR("\"\\/\b\f\n\r\t")},
		{STR("\"a\\u0000b\""), STR("a\0b")},
		{STR("\"\\u00e9\\u20AC\""), STR("\xc3\xa9\xe2\x82\xac")},
		{STR("\"\\ud83d\\ude00\""), STR("\xf0\x9f\x98\x80")},
		{STR("\"\\ud83d\""), STR("\xef\xbf\xbd"), true},
		{STR("\"\\ude00x\""), STR("\xef\xbf\xbdx"), true},
		{STR("\"\\ud83d\\u0041\""),
		 STR("\xef\xbf\xbd"
		     "A"),
		 true},
		{STR("\"\\ud83d\\ud83d\\ude00\""),
		 STR("\xef\xbf\xbd\xf0\x9f\x98\x80"), true},
		{STR("\"\\ud83d\\n\""), STR("\xef\xbf\xbd\n"), true},
		{STR("\"\x7f\xc2\x80\xf4\x8f\xbf\xbf\""),
		 STR("\x7f\xc2\x80\xf4\x8f\xbf\xbf")},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct doc x = parse(rows[i].raw);

		assert_non_null(x.root);
		assert_int_equal(x.root->surrogates, rows[i].surrogates);
		assert_text(json_text(x.root), rows[i].text);
		assert_true(json_says(x.root, rows[i].text));
		done(&x);
	}
}

static void what_is_not_json_is_refused(void **state)
{
	static const struct {
		struct str text;
		size_t offset;
	} rows[] = {
		{STR("\xef\xbb\xbf{}"), 0},
		{STR("[1,]"), 3},
		{STR("[1 2]"), 3},
		{STR("{\"a\":1,}"), 7},
		{STR("{\"a\" 1}"), 5},
		{STR("{a:1}"), 1},
		{STR("{1:1}"), 1},
		{STR("[}"), 1},
		{STR("{]"), 1},
		{STR("01"), 1},
		{STR("+1"), 0},
		{STR(".5"), 0},
		{STR("1.e3"), 2},
		{STR("NaN"), 0},
		{STR("nulL"), 3},
		{STR("'a'"), 0},
		{STR("\"\\x\""), 2},
		{STR("\"\\u12\""), 5},
		{STR("\"\\u12g4\""), 5},
		{STR("\"a\nb\""), 2},
		{STR("\"a\0b\""), 2},
		{STR("{} {}"), 3},
		{STR("[1]\0"), 3},
		{STR("\"\xff\""), 1},
		{STR("\"\xc0\x80\""), 1},
		{STR("\"\xed\xa0\x80\""), 1},
		{STR("\"\xe0\x80\x80\""), 1},
		{STR("\"\xf4\x90\x80\x80\""), 1},
		{STR("\"\xf0\x80\x80\x80\""), 1},
		{STR("\"0123456\x80\""), 8},
		{STR("\"\xe2\x82\""), 1},
		{STR("\xc3\xa9"), 0},
		{STR("/**/1"), 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct doc x = parse(rows[i].text);

		assert_null(x.root);
		assert_non_null(x.bad.why);
		assert_int_equal(x.bad.offset, rows[i].offset);
		assert_false(x.bad.truncated);
		assert_false(x.bad.limit);
		done(&x);
	}
}

/* Every beginning of a good text is cut short, and is never called wrong. */
static void beginnings_are_truncated(void **state)
{
	struct str text =
		STR("{\"a\\u00e9\\ud83d\\ude00\":[-1.5e+3,true,null,"
		    "\"\xe2\x82\xac \xf0\x9f\x98\x80\\n\"],\"b\":{}}");

	for (size_t n = 0; n < text.n; n++) {
		struct str copy = {str_dup((struct str){text.p, n}), n};
		struct doc x = parse(copy);

		assert_null(x.root);
		assert_true(x.bad.truncated);
		assert_int_equal(x.bad.offset, n);
		done(&x);
		free((char *)copy.p);
	}
}

static struct buf nested(size_t depth)
{
	struct buf b = {0};

	for (size_t i = 0; i < depth; i++)
		buf_adds(&b, i % 2 ? STR("{\"a\":") : STR("["));
	buf_addc(&b, '0');
	for (size_t i = depth; i-- > 0;)
		buf_addc(&b, i % 2 ? '}' : ']');
	return b;
}

static void depth_is_limited(void **state)
{
	static const size_t depths[] = {1, 512, 513, 1000, 1000000};

	for (unsigned i = 0; i < 5; i++) {
		struct buf b = nested(depths[i]);
		struct doc x = parse(buf_str(&b));

		assert_int_equal(x.root != NULL, depths[i] <= 512);
		assert_int_equal(!x.root && x.bad.limit, depths[i] > 512);
		done(&x);
		buf_free(&b);
	}
}

static void nodes_are_limited(void **state)
{
	struct json_doc *d = json_doc_new();
	struct json_limits four = {.max_nodes = 4};
	struct json_error bad;

	assert_non_null(json_parse(d, STR("[1,2,3]"), &four, &bad));
	assert_null(json_parse(d, STR("[1,2,3,4]"), &four, &bad));
	assert_true(bad.limit);
	assert_false(bad.truncated);
	json_doc_free(d);
}

static void a_huge_string_is_read(void **state)
{
	size_t n = 64 << 20;
	struct buf b = {mem_alloc(n), n, n};
	struct doc x;

	memset(b.p, 'x', n);
	b.p[0] = b.p[n - 1] = '"';
	x = parse(buf_str(&b));
	assert_int_equal(json_text(x.root).n, n - 2);
	assert_true(json_doc_size(x.d) < 1 << 20);
	done(&x);
	b.p[n / 2] = (char)0xff;
	x = parse(buf_str(&b));
	assert_null(x.root);
	assert_int_equal(x.bad.offset, n / 2);
	done(&x);
	buf_free(&b);
}

static void the_last_of_duplicates_counts(void **state)
{
	struct doc x = parse(STR("{\"a\":1,\"\\u0061\":2,\"b\":{\"c\":1}}"));
	int64_t v;

	assert_true(x.root->duplicates);
	assert_false(json_get(x.root, STR("b"))->duplicates);
	assert_true(json_int(json_get(x.root, STR("a")), &v));
	assert_int_equal(v, 2);
	done(&x);
}

/* Many members, some said twice, are found as fast as few. */
static void many_members_are_found(void **state)
{
	enum { MANY = 200000 };
	struct buf b = {0};
	struct doc x, y;
	char name[32];
	int64_t v;

	buf_adds(&b, STR("{\"same\":1"));
	for (unsigned i = 0; i < MANY; i++)
		buf_addf(&b, ",\"k%u\":%u", i * 7919 % MANY, i);
	buf_adds(&b, STR(",\"same\":2}"));
	x = parse(buf_str(&b));
	y = parse(buf_str(&b));
	assert_true(x.root->duplicates);
	assert_true(json_int(json_get(x.root, STR("same")), &v));
	assert_int_equal(v, 2);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "k%u", i * 7919 % MANY);
		assert_true(json_int(json_get(x.root, str_of(name)), &v));
		assert_int_equal(v, i);
	}
	assert_null(json_get(x.root, STR("k")));
	assert_true(json_equal(x.root, y.root));
	assert_int_equal(json_hash(x.root), json_hash(y.root));
	done(&x);
	done(&y);
	buf_free(&b);
}

static void pointers_are_followed(void **state)
{
	/* RFC 6901, section 5 */
	struct doc x = parse(
		STR("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,"
		    "\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,"
		    "\"m~n\":8}"));
	static const char *const numbers[] = {"/",     "/a~1b", "/c%d",
					      "/e^f",  "/g|h",	"/i\\j",
					      "/k\"l", "/ ",	"/m~0n"};
	static const char *const nothing[] = {"foo",	 "/foo/2",   "/foo/-",
					      "/foo/00", "/foo/0/0", "/none",
					      "/a/b"};
	int64_t v;

	assert_ptr_equal(json_pointer(x.root, STR("")), x.root);
	assert_true(json_says(json_pointer(x.root, STR("/foo/1")), STR("baz")));
	for (unsigned i = 0; i < 9; i++) {
		const struct json *j = json_pointer(x.root, str_of(numbers[i]));

		assert_true(json_int(j, &v));
		assert_int_equal(v, i);
	}
	for (unsigned i = 0; i < 7; i++)
		assert_null(json_pointer(x.root, str_of(nothing[i])));
	done(&x);
}

static void whole_numbers_are_exact(void **state)
{
	static const struct {
		const char *text;
		bool is;
		int64_t v;
	} rows[] = {
		{"0", true, 0},
		{"-0", true, 0},
		{"0.000e99", true, 0},
		{"1.0", true, 1},
		{"1e2", true, 100},
		{"1.50E+1", true, 15},
		{"1200e-2", true, 12},
		{"0.0120e5", true, 1200},
		{"9007199254740993", true, 9007199254740993},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"18446744073709551617", false, 0},
		{"1e19", false, 0},
		{"1e400", false, 0},
		{"1e99999999999999999999", false, 0},
		{"1.5", false, 0},
		{"1e-1", false, 0},
		{"1e-99999999999999999999", false, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct doc x = parse(str_of(rows[i].text));
		int64_t v = 0;

		assert_non_null(x.root);
		assert_int_equal(json_int(x.root, &v), rows[i].is);
		assert_true(v == rows[i].v);
		done(&x);
	}
}

/* Equal values have equal hashes. */
static bool equal(struct str a, struct str b)
{
	struct doc x = parse(a), y = parse(b);
	bool same = json_equal(x.root, y.root);

	assert_non_null(x.root);
	assert_non_null(y.root);
	assert_int_equal(same, json_equal(y.root, x.root));
	assert_int_equal(same, json_hash(x.root) == json_hash(y.root));
	done(&x);
	done(&y);
	return same;
}

static void values_are_compared_as_values(void **state)
{
	assert_true(equal(STR("1"), STR("1.0")));
	assert_true(equal(STR("100"), STR("1e2")));
	assert_true(equal(STR("0"), STR("-0.0e5")));
	assert_true(equal(STR("12345678901234567890123"),
			  STR("1.2345678901234567890123e22")));
	assert_false(equal(STR("9007199254740992"), STR("9007199254740993")));
	assert_false(equal(STR("0.1"), STR("0.10000000000000000001")));
	assert_false(equal(STR("1"), STR("-1")));
	assert_false(equal(STR("1"), STR("\"1\"")));
	assert_false(equal(STR("1"), STR("true")));
	assert_false(equal(STR("12"), STR("21")));
	assert_true(equal(STR("\"\\u0061\""), STR("\"a\"")));
	assert_true(equal(STR("{\"a\":1,\"b\":[2]}"),
			  STR("{ \"\\u0062\":[2.0], \"a\":1}")));
	assert_false(equal(STR("{\"a\":1}"), STR("{\"a\":1,\"b\":1}")));
	assert_false(equal(STR("{\"a\":1}"), STR("{\"b\":1}")));
	assert_true(equal(STR("{\"a\":0,\"a\":1}"), STR("{\"a\":1}")));
	assert_false(equal(STR("[1,2]"), STR("[2,1]")));
	assert_false(equal(STR("[[1],2]"), STR("[1,[2]]")));
	assert_false(equal(STR("[]"), STR("{}")));
	assert_false(equal(STR("null"), STR("false")));
	assert_false(equal(STR("{\"a\":\"b\"}"), STR("{\"b\":\"a\"}")));
}

static void trees_are_written_compactly(void **state)
{
	struct doc x = parse(STR("{ \"a\\n\\u0001\" : [ 1.50 , \"\\u00e9\\/\", "
				 "null ] , \"a\\n\\u0001\":{} }"));
	struct buf b = {0};

	json_write(&b, x.root);
	assert_text(buf_str(&b),
		    STR("{\"a\\u000a\\u0001\":[1.50,\"\\u00e9\\/\",null],"
			"\"a\\u000a\\u0001\":{}}"));
	buf_free(&b);
	done(&x);
}

static void trees_are_made_of_others(void **state)
{
	struct doc x = parse(STR("{\"a\":1}")), y = parse(STR("{\"b\":2}"));
	struct json_doc *d = json_doc_new();
	struct json *o = json_make(d, JSON_OBJECT, 20, STR("{...}"));
	int64_t v;

	for (uint32_t i = 0; i < 20; i++)
		o->v[i] = i % 2 ? y.root->v[0] : x.root->v[0];
	assert_true(json_int(json_get(o, STR("b")), &v));
	assert_int_equal(v, 2);
	assert_null(json_get(o, STR("c")));
	json_doc_free(d);
	done(&x);
	done(&y);
}

static void a_document_is_used_again(void **state)
{
	struct json_doc *d = json_doc_new();
	struct json_error bad;
	size_t size = 0;

	for (unsigned i = 0; i < 1000; i++) {
		const struct json *j;

		j = json_parse(d, STR("[[\"a\\n\",{\"b\":1}],2"), NULL, &bad);
		assert_null(j);
		j = json_parse(d, STR("[[\"a\\n\",{\"b\":1}],2]"), NULL, &bad);
		assert_text(json_text(j->v[0]->v[0]), STR("a\n"));
		json_doc_reset(d);
		if (i == 0)
			size = json_doc_size(d);
		assert_int_equal(json_doc_size(d), size);
	}
	json_doc_free(d);
}

/* ---- random texts, against cJSON ---- */

static unsigned next(unsigned *seed, unsigned most)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % most;
}

static void random_string(struct buf *b, unsigned *seed)
{
	static const char *const parts[] = {"a",
					    "bcdefgh",
					    "\\n",
					    "\\\"",
					    "\\\\",
					    "\xc3\xa9",
					    "\\u20ac",
					    "\xe4\xb8\xad\xe6\x96\x87",
					    "\\/",
					    "\\ud83d\\ude00",
					    " ",
					    "0123456789012345678",
					    "\xf0\x9f\x98\x80",
					    "\\t",
					    "}",
					    ","};

	buf_addc(b, '"');
	for (unsigned n = next(seed, 9); n > 0; n--)
		buf_adds(b, str_of(parts[next(seed, 16)]));
	buf_addc(b, '"');
}

static void random_value(struct buf *b, unsigned *seed, unsigned depth)
{
	static const char *const plain[] = {"null", "true",  "false",
					    "0",    "-1.5",  "12345678",
					    "1e3",  "-0.25", "3.5E-2"};
	unsigned kind = next(seed, depth ? 6 : 2), n = next(seed, 5);
	bool object = kind % 2;

	if (kind == 0) {
		buf_adds(b, str_of(plain[next(seed, 9)]));
		return;
	}
	if (kind == 1) {
		random_string(b, seed);
		return;
	}
	buf_addc(b, object ? '{' : '[');
	for (unsigned i = 0; i < n; i++) {
		buf_adds(b, i ? STR(" ,\n") : STR("\t"));
		if (object) {
			random_string(b, seed);
			buf_adds(b, STR(" : "));
		}
		random_value(b, seed, depth - 1);
	}
	buf_addc(b, object ? '}' : ']');
}

static void assert_same(const struct json *j, const cJSON *c)
{
	uint32_t i = 0;
	double v;

	if (cJSON_IsString(c)) {
		assert_int_equal(j->kind, JSON_STRING);
		assert_text(json_text(j), str_of(c->valuestring));
	} else if (cJSON_IsNumber(c)) {
		assert_true(json_number(j, &v));
		assert_true(v == c->valuedouble);
	} else if (cJSON_IsBool(c)) {
		assert_int_equal(j->kind,
				 cJSON_IsTrue(c) ? JSON_TRUE : JSON_FALSE);
	} else if (cJSON_IsNull(c)) {
		assert_int_equal(j->kind, JSON_NULL);
	} else {
		assert_int_equal(j->kind,
				 cJSON_IsArray(c) ? JSON_ARRAY : JSON_OBJECT);
		assert_int_equal(j->n, cJSON_GetArraySize(c));
		for (c = c->child; c; c = c->next, i++) {
			if (c->string)
				assert_text(j->v[i]->key, str_of(c->string));
			assert_same(j->v[i], c);
		}
	}
}

static void cjson_reads_the_same(void **state)
{
	struct json_doc *d = json_doc_new();
	unsigned seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		struct buf b = {0}, again = {0};
		const struct json *j, *k;
		struct json_error bad;
		cJSON *c;

		random_value(&b, &seed, 5);
		c = cJSON_ParseWithLength(b.p, b.n);
		j = json_parse(d, buf_str(&b), NULL, &bad);
		assert_non_null(c);
		assert_non_null(j);
		assert_same(j, c);
		json_write(&again, j);
		k = json_parse(d, buf_str(&again), NULL, &bad);
		assert_true(json_equal(j, k));
		assert_int_equal(json_hash(j), json_hash(k));
		cJSON_Delete(c);
		json_doc_reset(d);
		buf_free(&b);
		buf_free(&again);
	}
	json_doc_free(d);
}

static void utf8_is_checked(void **state)
{
	static const struct {
		struct str text;
		size_t good;
	} rows[] = {
		{STR(""), 0},
		{STR("0123456789\x80"), 10},
		{STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"), 11},
		{STR("a\xc3"), 1},
		{STR("ab\xe2\x82"), 2},
		{STR("ab\xe2\x82\x28"), 2},
		{STR("\xf5\x80\x80\x80"), 0},
		{STR("\xed\xbf\xbf"), 0},
		{STR("x\xc1\xbf"), 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(utf8_check(rows[i].text), rows[i].good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_point_into_the_text),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(beginnings_are_truncated),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(nodes_are_limited),
		cmocka_unit_test(a_huge_string_is_read),
		cmocka_unit_test(the_last_of_duplicates_counts),
		cmocka_unit_test(many_members_are_found),
		cmocka_unit_test(pointers_are_followed),
		cmocka_unit_test(whole_numbers_are_exact),
		cmocka_unit_test(values_are_compared_as_values),
		cmocka_unit_test(trees_are_written_compactly),
		cmocka_unit_test(trees_are_made_of_others),
		cmocka_unit_test(a_document_is_used_again),
		cmocka_unit_test(cjson_reads_the_same),
		cmocka_unit_test(utf8_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
