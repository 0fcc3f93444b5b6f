/* SPDX-License-Identifier: MIT */
/* What turns bytes into something to read, and words into a selection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/clock.h"
#include "print/human.h"
#include "print/jsonout.h"
#include "reading.h"
#include "replay/events.h"
#include "replay/pretty.h"
#include "replay/select.h"

/* ---- pretty ---- */

static char *indented(struct str s, bool *is_json)
{
	struct out o;

	reading_open(&o, 0);
	*is_json = pretty_json(&o, s, 0);
	return reading_done(&o);
}

static void expect_pretty(const char *s, const char *expected)
{
	bool is_json;
	char *got = indented(str_of(s), &is_json);

	assert_true(is_json);
	assert_string_equal(got, expected);
	free(got);
}

static void json_is_indented_and_kept(void **state)
{
	expect_pretty(" {} ", "{}\n");
	expect_pretty("[]", "[]\n");
	expect_pretty("{\"a\":[1,{\"b\":null}],\"a\":12345678901234567890.10}",
		      "{\n"
		      "  \"a\": [\n"
		      "    1,\n"
		      "    {\n"
		      "      \"b\": null\n"
		      "    }\n"
		      "  ],\n"
		      "  \"a\": 12345678901234567890.10\n"
		      "}\n");
	expect_pretty("-0.5e+10", "-0.5e+10\n");
	expect_pretty("\"\\n\\u0041\"", "\"\\n\\u0041\"\n");
}

static void escapes_become_characters_only_if_harmless(void **state)
{
	expect_pretty("\"\\u4f60\\ud83d\\ude00\"", "\"\u4f60\U0001f600\"\n");
	expect_pretty("\"\\u001b\\u009b\\u202e\\ud83d\"",
		      "\"\\u001b\\u009b\\u202e\\ud83d\"\n");
	expect_pretty("\"\x9b\x7f\"", "\"\ufffd?\"\n");
}

static void what_is_not_json_is_left_alone(void **state)
{
	static const char *const bad[] = {
		"",	     "{",	"[1,]",	   "{\"a\"}", "{\"a\":1,}",
		"01",	     "1.",	"1e",	   "+1",      "tru",
		"\"a",	     "\"\\x\"", "\"\\u12", "\"\n\"",  "[1]2",
		"{1:2}",     "[1 2]",	"-",	   "nulll",   "]",
		"{\"a\":1]", "data: {}"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		bool is_json;
		char *got = indented(str_of(bad[i]), &is_json);

		assert_false(is_json);
		assert_string_equal(got, "");
		free(got);
	}
}

static void depth_is_bounded(void **state)
{
	char deep[2 * PRETTY_DEPTH + 4];
	bool is_json;

	for (unsigned n = PRETTY_DEPTH; n <= PRETTY_DEPTH + 1; n++) {
		memset(deep, '[', n);
		deep[n] = '1';
		memset(deep + n + 1, ']', n);
		free(indented((struct str){deep, 2 * n + 1}, &is_json));
		assert_int_equal(is_json, n == PRETTY_DEPTH);
	}
}

/* ---- events ---- */

static void expect_events(const char *body, const char *expected)
{
	struct buf got = {0};
	struct event e;
	size_t at = 0;

	while (event_next(str_of(body), &at, &e)) {
		struct str line;
		while (event_line(&e.text, &line))
			buf_addf(&got, "<%.*s>", STR_ARG(line));
		buf_addf(&got, "%s%zu ", e.whole ? "@" : "!", e.end);
	}
	buf_addc(&got, '\0');
	assert_string_equal(got.p, expected);
	buf_free(&got);
}

static void events_end_at_empty_lines(void **state)
{
	expect_events("", "");
	expect_events("\n\n", "");
	expect_events("data: a\n\n", "<data: a>@9 ");
	expect_events("\xef\xbb\xbf"
		      "data: a\n\n",
		      "<data: a>@12 ");
	expect_events("event: x\ndata: a\n\n: c\n\ndata: [DONE]\n\n",
		      "<event: x><data: a>@18 <: c>@23 <data: [DONE]>@37 ");
	expect_events("data: a\r\n\r\ndata: b\r\rdata: c",
		      "<data: a>@11 <data: b>@20 <data: c>!27 ");
	expect_events("data: a\n", "<data: a>!8 ");
}

/* ---- JSON out ---- */

static void json_has_nothing_to_obey(void **state)
{
	static const char evil[] = "\"\\\n\x1b[2J\x7f\xc2\x9b\u202e\u2028\xff"
				   "\u4f60";
	struct jsonout j = {0};
	struct out o;
	char *got;
	cJSON *tree;

	reading_open(&o, 0);
	j.o = &o;
	jsonout_open(&j, '{');
	jsonout_text(&j, "s", (struct str){evil, sizeof evil - 1});
	jsonout_text(&j, "none", (struct str){0});
	jsonout_key(&j, "list");
	jsonout_open(&j, '[');
	jsonout_i64(&j, INT64_MIN);
	jsonout_u64(&j, UINT64_MAX);
	jsonout_bool(&j, true);
	jsonout_open(&j, '{');
	jsonout_close(&j, '}');
	jsonout_close(&j, ']');
	jsonout_key(&j, "b");
	jsonout_base64(&j, STR("\xff\xfe\xfd\xfc"));
	jsonout_close(&j, '}');
	jsonout_end_line(&j);
	got = reading_done(&o);
	assert_string_equal(
		got, "{\"s\":\"\\\"\\\\\\n\\u001b[2J\\u007f\\u009b\\u202e"
		     "\\u2028\ufffd\u4f60\",\"none\":null,\"list\":["
		     "-9223372036854775808,18446744073709551615,true,{}],"
		     "\"b\":\"//79/A==\"}\n");
	tree = cJSON_Parse(got);
	assert_non_null(tree);
	cJSON_Delete(tree);
	free(got);
}

static void base64_of(const char *s, const char *expected)
{
	struct jsonout j = {0};
	struct out o;
	char *got;

	reading_open(&o, 0);
	j.o = &o;
	jsonout_base64(&j, str_of(s));
	got = reading_done(&o);
	assert_string_equal(got, expected);
	free(got);
}

static void base64_as_rfc_4648_has_it(void **state)
{
	base64_of("", "\"\"");
	base64_of("f", "\"Zg==\"");
	base64_of("fo", "\"Zm8=\"");
	base64_of("foo", "\"Zm9v\"");
	base64_of("foobar", "\"Zm9vYmFy\"");
}

/* ---- figures ---- */

static void expect_duration(uint64_t ns, const char *expected)
{
	char text[HUMAN_SIZE];

	assert_string_equal(human_duration(ns, text), expected);
}

static void durations_read_well(void **state)
{
	expect_duration(0, "0");
	expect_duration(812, "812ns");
	expect_duration(45300, "45.3\u00b5s");
	expect_duration(9994, "9.99\u00b5s");
	expect_duration(9996, "10.0\u00b5s");
	expect_duration(12345678, "12.3ms");
	expect_duration(312400000, "312ms");
	expect_duration(1230000000, "1.23s");
	expect_duration(59990000000, "60.0s");
	expect_duration(123 * NS_PER_S, "2m03s");
	expect_duration(3720 * NS_PER_S, "1h02m");
	expect_duration((3 * 24 + 4) * 3600 * NS_PER_S, "3d04h");
}

static void expect_bytes(uint64_t n, const char *expected)
{
	char text[HUMAN_SIZE];

	assert_string_equal(human_bytes(n, text), expected);
}

static void sizes_read_well(void **state)
{
	char text[HUMAN_SIZE];

	expect_bytes(0, "0");
	expect_bytes(999, "999");
	expect_bytes(1000, "1.0K");
	expect_bytes(1434, "1.4K");
	expect_bytes(23 << 20, "23M");
	expect_bytes(1023u << 20, "1.0G");
	expect_bytes(UINT64_MAX, "16E");
	assert_string_equal(human_count(0, text), "0");
	assert_string_equal(human_count(999, text), "999");
	assert_string_equal(human_count(1402, text), "1,402");
	assert_string_equal(human_count(1234567, text), "1,234,567");
}

/* ---- selection ---- */

#define NOW (1800000000ull * NS_PER_S) /* 2027-01-15T08:00:00Z */

static void expect_moment(const char *s, uint64_t expected)
{
	uint64_t got;

	assert_true(select_moment(str_of(s), NOW, &got));
	assert_int_equal(got, expected);
}

static void moments_are_understood(void **state)
{
	expect_moment("10m", NOW - 600 * NS_PER_S);
	expect_moment("2h", NOW - 7200 * NS_PER_S);
	expect_moment("3d", NOW - 3 * 86400 * NS_PER_S);
	expect_moment("500ms", NOW - 500 * NS_PER_MS);
	expect_moment("2027-01-15T08:00:00Z", NOW);
	expect_moment("2027-01-15T09:00:00.000000001+01:00", NOW + 1);
	expect_moment("2027-01-15 06:30:00-01:30", NOW);
	setenv("TZ", "UTC-2", 1);
	tzset();
	expect_moment("2027-01-15", NOW - 10 * 3600 * NS_PER_S);
	expect_moment("2027-01-15T10:00", NOW);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void nonsense_is_not_a_moment(void **state)
{
	static const char *const bad[] = {"",
					  "10",
					  "m",
					  "10x",
					  "-1h",
					  "2027",
					  "2027-13-01",
					  "2027-01-32",
					  "2027-1-1",
					  "2027-01-15T",
					  "2027-01-15Tx",
					  "whenever",
					  "2027-01-15T25:00:00Z",
					  "2027-01-15T08:00:00Zx",
					  "2027-01-15T08:00:00.Z",
					  "2027-01-15T08:00:00+1",
					  "99999999999999999999w",
					  "9999999999999w"};
	uint64_t ns;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(select_moment(str_of(bad[i]), NOW, &ns));
}

static void expect_status(const char *s, unsigned a, unsigned b)
{
	unsigned from, to;

	assert_true(select_status(str_of(s), &from, &to));
	assert_int_equal(from, a);
	assert_int_equal(to, b);
}

static void statuses_are_understood(void **state)
{
	static const char *const bad[] = {"",	  "2x",	  "20",	  "0xx",
					  "2000", "4xy",  "x",	  "500-400",
					  "-",	  "200-", "-200", "200-x"};
	unsigned from, to;

	expect_status("200", 200, 200);
	expect_status("4xx", 400, 499);
	expect_status("5XX", 500, 599);
	expect_status("400-429", 400, 429);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(select_status(str_of(bad[i]), &from, &to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_indented_and_kept),
		cmocka_unit_test(escapes_become_characters_only_if_harmless),
		cmocka_unit_test(what_is_not_json_is_left_alone),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(events_end_at_empty_lines),
		cmocka_unit_test(json_has_nothing_to_obey),
		cmocka_unit_test(base64_as_rfc_4648_has_it),
		cmocka_unit_test(durations_read_well),
		cmocka_unit_test(sizes_read_well),
		cmocka_unit_test(moments_are_understood),
		cmocka_unit_test(nonsense_is_not_a_moment),
		cmocka_unit_test(statuses_are_understood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
