/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <stdlib.h>

#include "rules/meaning/template.h"

static const struct slot slot = {1, 2, 3};

/* The bytes of `what` inside source. */
static struct str in(struct str source, const char *what)
{
	return (struct str){memmem(source.p, source.n, what, strlen(what)),
			    strlen(what)};
}

static struct templates *taught(struct str type)
{
	static const struct str source =
		STR("{\"a\":\"Hel\",\"n\":7,\"x\":\"zz\",\"f\":0.25}");
	struct templates *t = templates_new();

	templates_begin(t);
	templates_hole(t, HOLE_NEXT, in(source, "7"), slot);
	templates_hole(t, HOLE_TEXT, in(source, "Hel"), slot);
	templates_hole(t, HOLE_ANY, in(source, "zz"), slot);
	templates_hole(t, HOLE_ANY, in(source, "0.25"), slot);
	templates_learn(t, type, source);
	return t;
}

static void what_varies_is_read_off(void **state)
{
	struct templates *t = taught(STR("x"));
	const struct fit *f = templates_fit(
		t, STR("x"),
		STR("{\"a\":\"lo, w\\u00f6rld\\n \\ud83d\\ude00\",\"n\":12,"
		    "\"x\":\"\",\"f\":-1e5}"),
		12);

	assert_non_null(f);
	assert_int_equal(f->n, 1);
	assert_true(f->counted && f->escaped && f->values[0].escaped);
	assert_true(str_eq(f->values[0].raw,
			   STR("lo, w\\u00f6rld\\n \\ud83d\\ude00")));
	assert_int_equal(f->values[0].to.part, 3);
	templates_free(t);
}

static void what_does_not_fit_does_not(void **state)
{
	static const struct str rows[] = {
		STR(""),
		STR("{"),
		STR("{\"a\":\"\",\"n\":8,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"b\",\"n\":9,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"b\",\"n\":08,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"b\",\"n\":8.0,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":1.}"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":1e}"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":-}"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":01}"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":1}x"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":1"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":\"1\"}"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":\"y}"),
		STR("{\"a\":\"b\",\"n\":8,\"x\":5,\"f\":1}"),
		STR("{\"a\":\"\\x\",\"n\":8,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"\\u12\",\"n\":8,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"\\ud83d\",\"n\":8,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"\\ud83d\\u0041\",\"n\":8,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"\\ude00\",\"n\":8,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"b\nb\",\"n\":8,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"12345678\t\",\"n\":8,\"x\":\"\",\"f\":1}"),
		STR("{\"a\":\"b\",\"n\":8,\"y\":\"\",\"f\":1}"),
		STR("{\"a\":\"b\\\",\"n\":8,\"x\":\"\",\"f\":1}")};
	struct templates *t = taught(STR(""));

	assert_non_null(templates_fit(
		t, STR(""), STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":1}"),
		8));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_null(templates_fit(t, STR(""), rows[i], 8));
	assert_null(templates_fit(
		t, STR("t"), STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":1}"),
		8));
	templates_clear(t);
	assert_null(templates_fit(
		t, STR(""), STR("{\"a\":\"b\",\"n\":8,\"x\":\"\",\"f\":1}"),
		8));
	templates_free(t);
}

static void learn_number(struct templates *t, unsigned i)
{
	char text[32];
	struct str source;

	snprintf(text, sizeof text, "{\"%u\":\"x\"}", i);
	source = str_of(text);
	templates_begin(t);
	templates_hole(t, HOLE_TEXT, in(source, "x"), (struct slot){i, 0, 0});
	templates_learn(t, STR(""), source);
}

static void a_few_are_kept(void **state)
{
	struct templates *t = templates_new();
	const struct fit *f;

	for (unsigned i = 0; i < 6; i++) {
		learn_number(t, i);
		/* the first is used again and again: it stays */
		f = templates_fit(t, STR(""), STR("{\"0\":\"y\"}"), 0);
		assert_non_null(f);
		assert_int_equal(f->values[0].to.kind, 0);
	}
	assert_null(templates_fit(t, STR(""), STR("{\"1\":\"y\"}"), 0));
	f = templates_fit(t, STR(""), STR("{\"5\":\"y\"}"), 0);
	assert_non_null(f);
	assert_int_equal(f->values[0].to.kind, 5);
	templates_free(t);
}

static void too_many_holes_are_not_learnt(void **state)
{
	struct templates *t = templates_new();
	struct str source = STR("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]");

	templates_begin(t);
	for (size_t i = 1; i < source.n; i += 2)
		templates_hole(t, HOLE_ANY, (struct str){source.p + i, 1},
			       slot);
	templates_learn(t, STR(""), source);
	assert_null(templates_fit(t, STR(""), source, 0));

	/* two that are one */
	templates_begin(t);
	templates_hole(t, HOLE_ANY, (struct str){source.p + 1, 1}, slot);
	templates_hole(t, HOLE_ANY, (struct str){source.p + 1, 1}, slot);
	templates_learn(t, STR(""), source);
	assert_null(templates_fit(t, STR(""), source, 0));
	templates_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_varies_is_read_off),
		cmocka_unit_test(what_does_not_fit_does_not),
		cmocka_unit_test(a_few_are_kept),
		cmocka_unit_test(too_many_holes_are_not_learnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
