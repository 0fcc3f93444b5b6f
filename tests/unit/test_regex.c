/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "rules/schema/regex.h"

static enum regex_verdict find(const char *pattern, struct str text)
{
	struct fail f;
	struct regex *r = regex_compile(str_of(pattern), &f);
	enum regex_verdict v;

	if (!r)
		fail_msg("%s: %s", pattern, f.text);
	v = regex_find(r, text);
	regex_free(r);
	return v;
}

static void expect(const char *pattern, const char *text, bool match)
{
	enum regex_verdict v = find(pattern, str_of(text));

	if (v != (match ? REGEX_MATCH : REGEX_NONE))
		fail_msg("%s on %s: %d", pattern, text, v);
}

static void expect_refused(const char *pattern, const char *code)
{
	struct fail f;
	struct regex *r = regex_compile(str_of(pattern), &f);

	if (r)
		fail_msg("%s was taken", pattern);
	if (strcmp(f.code, code) != 0)
		fail_msg("%s: %s, %s", pattern, f.code, f.text);
}

static void as_ecma_has_it(void **state)
{
	expect("^a$", "a\n", false);
	expect("a.c", "a\nc", false);
	expect("a[^]c", "a\nc", true);
	expect("[]", "a", false);
	expect("^[]*a$", "a", true);
	expect("^\\d$", "\u07c0", false);
	expect("^\\w$", "é", false);
	expect("^\\W$", "é", true);
	expect("^\\s$", "\ufeff", true);
	expect("^[\\s]$", "\u00a0", true);
	expect("^[\\S]$", "\u00a0", false);
	expect("^[\\Sx]$", "a", true);
	expect("^\\S$", "\u2003", false);
	expect("^\\v$", "\v", true);
	expect("^\\v$", "\f", false);
	expect("^\\cJ$", "\n", true);
	expect("^\\x41\\u0042\\u{43}$", "ABC", true);
	expect("^\\uD83D\\uDC32$", "\U0001F432", true);
	expect("^\\p{Lu}\\p{Letter}\\P{L}$", "Äz1", true);
	expect("^\\p{Script=Greek}$", "α", true);
	expect("^\\p{gc=Nd}+$", "৪২", true);
	expect("^(?<year>\\d{4})-(?:a|b)$", "2026-b", true);
	expect("a(?=b)", "ab", true);
	expect("(?<!a)b", "ab", false);
	expect("^[\\b]$", "\b", true);
	expect("\\bfoo\\b", "a foo b", true);
}

static void as_people_write_them(void **state)
{
	expect("^[\\w-.]+$", "a-b.c", true);
	expect("^[\\w\\-\\.]+@[a-z]+\\.[a-z]{2,}$", "a-b.c@d.ef", true);
	expect("^[[:alpha:]]$", ":]", true);
	expect("^{[a-z]+}$", "{ab}", true);
	expect("^a{2}$", "aa", true);
	expect("^\\/api\\/v\\d+$", "/api/v1", true);
	expect("^#[0-9a-f]{6}$", "#00ff00", true);
	expect("^\\@\\\"\\'\\_$", "@\"'_", true);
	expect("", "", true);
	expect("^$", "", true);
	expect("a|", "b", true);
}

static void wrong_ones_are_refused(void **state)
{
	static const char *const bad[] = {
		"[a",	   "a)",     "(a",     "*a",	"a**",	"a++",
		"a{2}{3}", "\\",     "\\x4",   "\\u12", "\\c1", "[b-a]",
		"\\pL",	   "(*UTF)", "a{3,2}", "\\u{12"};
	static const char *const other[] = {
		"(?i)a",  "(?P<n>a)", "\\Aa\\Z",      "(?>a)",	  "(a)\\1",
		"\\h",	  "(?R)",     "\\Qa\\E",      "\\k<a>",	  "a{,3}",
		"(?#a)b", "\\uD800",  "\\p{No_such}", "(?<=a+)b", "a{99999}"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect_refused(bad[i], "bad_pattern");
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		expect_refused(other[i], "pattern_unknown");
}

static void catastrophes_end(void **state)
{
	static const char *const patterns[] = {
		"^(a+)+$",
		"^(a|aa)+$",
		"^(a*)*b$",
		"(x+x+)+y",
		"^(([a-z])+.)+[A-Z]([a-z])+$",
		"(a?){30}a{30}$",
		"\\d+\\d+\\d+\\d+x",
	};
	const uint64_t began = clock_mono();
	struct buf b = {0};

	for (int i = 0; i < 300000; i++)
		buf_addc(&b, "ax1"[i / 100000]);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		struct str s = buf_str(&b);
		assert_int_not_equal(find(patterns[i], s), REGEX_MATCH);
		s.n = 1000;
		find(patterns[i], s);
	}
	assert_int_equal(find("x+[yz]", buf_str(&b)), REGEX_UNKNOWN);
	assert_int_equal(
		find("^(a+)+$", STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")),
		REGEX_UNKNOWN);
	assert_true(clock_mono() - began < 60 * NS_PER_S);
	buf_free(&b);
}

static void long_texts_with_simple_patterns_are_judged(void **state)
{
	struct buf b = {0};

	for (int i = 0; i < 1 << 20; i++)
		buf_addc(&b, 'a');
	assert_int_equal(find("^[a-z]+$", buf_str(&b)), REGEX_MATCH);
	assert_int_equal(find("^[a-z]*!$", buf_str(&b)), REGEX_NONE);
	assert_int_equal(find("\\S", buf_str(&b)), REGEX_MATCH);
	assert_int_equal(find("^a", buf_str(&b)), REGEX_MATCH);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_ecma_has_it),
		cmocka_unit_test(as_people_write_them),
		cmocka_unit_test(wrong_ones_are_refused),
		cmocka_unit_test(catastrophes_end),
		cmocka_unit_test(long_texts_with_simple_patterns_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
