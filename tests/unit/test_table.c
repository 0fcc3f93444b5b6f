/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "print/table.h"
#include "print/text.h"
#include "reading.h"

static char *tamed(const char *s, size_t n, enum text_mode mode)
{
	struct buf b = {0};

	text_tame(&b, (struct str){s, n}, mode);
	buf_addc(&b, '\0');
	return b.p;
}

static void expect_tame(const char *s, size_t n, enum text_mode mode,
			const char *expected)
{
	char *got = tamed(s, n, mode);

	assert_string_equal(got, expected);
	free(got);
}

static void escapes_are_shown_not_obeyed(void **state)
{
	expect_tame("a\x1b[2Jb\x07", 7, TEXT_LINE, "a?[2Jb?");
	expect_tame("\x9b[31m", 5, TEXT_LINE, "\ufffd[31m");
	expect_tame("\xc2\x9b[31m", 6, TEXT_LINE, "?[31m");
	expect_tame("\x7f\0x", 3, TEXT_LINE, "??x");
	expect_tame("\u202eabc\u2066", 9, TEXT_LINE, "\ufffdabc\ufffd");
	expect_tame("a\tb\nc", 5, TEXT_LINE, "a?b?c");
	expect_tame("a\tb\nc", 5, TEXT_LINES, "a\tb\nc");
	expect_tame("a\r\nb\rc", 6, TEXT_LINES, "a\nb?c");
}

static void broken_utf8_is_replaced(void **state)
{
	expect_tame("\xff\xfe", 2, TEXT_LINE, "\ufffd\ufffd");
	expect_tame("\xc0\xaf", 2, TEXT_LINE, "\ufffd\ufffd");
	expect_tame("\xe0\x80\xaf", 3, TEXT_LINE, "\ufffd\ufffd\ufffd");
	expect_tame("\xed\xa0\x80", 3, TEXT_LINE, "\ufffd\ufffd\ufffd");
	expect_tame("\xf4\x90\x80\x80", 4, TEXT_LINE,
		    "\ufffd\ufffd\ufffd\ufffd");
	expect_tame("\xe4\xbd", 2, TEXT_LINE, "\ufffd");
	expect_tame("\xe4\xbdx", 3, TEXT_LINE, "\ufffdx");
	expect_tame("\u4f60\U0001f600", 7, TEXT_LINE, "\u4f60\U0001f600");
	assert_true(text_valid(STR("\u4f60\U0001f600")));
	assert_false(text_valid(STR("\u4f60\xff")));
	assert_int_equal(text_broken(STR("a\xff\xc3(\u4f60\xe4\xbd")), 3);
}

static void width_is_counted_in_columns(void **state)
{
	assert_int_equal(text_columns(STR("abc")), 3);
	assert_int_equal(text_columns(STR("\u4f60\u597d")), 4);
	assert_int_equal(text_columns(STR("e\u0301")), 1);
	assert_int_equal(text_columns(STR("\U0001f600")), 2);
}

static void expect_fit(void (*fit)(struct buf *, struct str, size_t),
		       const char *s, size_t columns, const char *expected)
{
	struct buf b = {0};

	fit(&b, str_of(s), columns);
	assert_true(text_columns(buf_str(&b)) <= columns);
	buf_addc(&b, '\0');
	assert_string_equal(b.p, expected);
	buf_free(&b);
}

static void text_is_cut_between_characters(void **state)
{
	expect_fit(text_fit_middle, "abcdefghij", 10, "abcdefghij");
	expect_fit(text_fit_middle, "abcdefghij", 7, "abc\u2026hij");
	expect_fit(text_fit_middle, "abcdefghij", 2, "a\u2026");
	expect_fit(text_fit_middle, "abcdefghij", 1, "\u2026");
	expect_fit(text_fit_middle, "abcdefghij", 0, "");
	expect_fit(text_fit_middle, "\u4f60\u597d\u4f60\u597d", 5,
		   "\u4f60\u2026\u597d");
	expect_fit(text_fit_middle, "\u4f60\u597d\u4f60\u597d", 6,
		   "\u4f60\u2026\u597d");
	expect_fit(text_fit_end, "abcdef", 4, "abc\u2026");
	expect_fit(text_fit_end, "\u4f60\u597d\u4f60", 4, "\u4f60\u2026");
}

static const struct table_column columns[] = {
	{.title = "id", .right = true, .worth = 9},
	{.title = "kind", .worth = 1},
	{.title = "note", .worth = 2, .hide_empty = true},
	{.title = "path", .worth = 8, .least = 8},
};

static char *draw(unsigned width, const char *note)
{
	struct out o;
	struct table *t;

	reading_open(&o, width);
	t = table_new(&o, columns, 4);
	for (int i = 0; i < 2; i++) {
		table_cellf(t, TONE_PLAIN, "%d", i ? 12345 : 7);
		table_cell(t, STR("client"), TONE_GOOD);
		table_cell(t, str_of(note), TONE_PLAIN);
		table_cell(t, i ? STR("/v1/chat/completions") : STR("/\x1b[2J"),
			   TONE_PLAIN);
	}
	table_end(t);
	return reading_done(&o);
}

static void expect_drawn(unsigned width, const char *note, const char *expected)
{
	char *got = draw(width, note);

	assert_string_equal(got, expected);
	free(got);
}

static void a_pipe_gets_every_column_whole(void **state)
{
	expect_drawn(0, "",
		     "   id  kind    note  path\n"
		     "    7  client  -     /?[2J\n"
		     "12345  client  -     /v1/chat/completions\n");
}

static void a_terminal_gets_what_fits(void **state)
{
	expect_drawn(80, "",
		     "   id  kind    path\n"
		     "    7  client  /?[2J\n"
		     "12345  client  /v1/chat/completions\n");
	expect_drawn(80, "n",
		     "   id  kind    note  path\n"
		     "    7  client  n     /?[2J\n"
		     "12345  client  n     /v1/chat/completions\n");
	expect_drawn(26, "",
		     "   id  kind    path\n"
		     "    7  client  /?[2J\n"
		     "12345  client  /v1/c\u2026tions\n");
	expect_drawn(22, "",
		     "   id  path\n"
		     "    7  /?[2J\n"
		     "12345  /v1/cha\u2026letions\n");
}

/* Rows behind the window keep the layout, and are cut into it. */
static void long_tables_keep_their_layout(void **state)
{
	static const struct table_column two[] = {
		{.title = "n", .right = true, .worth = 2},
		{.title = "text", .worth = 1, .least = 4}};
	struct out o;
	struct table *t;
	char *got, *last;

	reading_open(&o, 40);
	t = table_new(&o, two, 2);
	for (int i = 0; i <= 3 * TABLE_WINDOW; i++) {
		table_cellf(t, TONE_PLAIN, "%d", i % 10);
		table_cell(t,
			   i < 2 * TABLE_WINDOW ? STR("short")
						: STR("much longer"),
			   TONE_PLAIN);
	}
	table_end(t);
	got = reading_done(&o);
	got[strlen(got) - 1] = '\0';
	last = strrchr(got, '\n') + 1;
	assert_string_equal(last, "0  mu\u2026er");
	free(got);
}

static void random_tables_fit(void **state)
{
	unsigned seed = 1;

	for (unsigned width = 20; width < 60; width++) {
		char note[64] = "";
		char *got;

		seed = seed * 1664525u + 1013904223u;
		for (unsigned i = 0; i < seed % 60; i++)
			strcat(note, "x");
		got = draw(width, note);
		for (char *line = strtok(got, "\n"); line;
		     line = strtok(NULL, "\n"))
			assert_true(text_columns(str_of(line)) <= width);
		free(got);
	}
}

static void an_empty_table_has_its_titles(void **state)
{
	struct out o;
	char *got;

	reading_open(&o, 0);
	table_end(table_new(&o, columns, 4));
	got = reading_done(&o);
	assert_string_equal(got, "id  kind  note  path\n");
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_are_shown_not_obeyed),
		cmocka_unit_test(broken_utf8_is_replaced),
		cmocka_unit_test(width_is_counted_in_columns),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(a_pipe_gets_every_column_whole),
		cmocka_unit_test(a_terminal_gets_what_fits),
		cmocka_unit_test(long_tables_keep_their_layout),
		cmocka_unit_test(random_tables_fit),
		cmocka_unit_test(an_empty_table_has_its_titles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
