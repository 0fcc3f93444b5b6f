/* SPDX-License-Identifier: MIT */
/*
 * What README.md says that the code says too: it must be the same.
 * `test_readme --update` writes it anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "record/evidence.h"
#include "record/trail_impl.h"
#include "relay/settings.h"
#include "rules/judge/check.h"
#include "rules/judge/store.h"
#include "rules/meaning/quirk.h"
#include "seams.h"

#define MOST (1 << 20)

static bool update; /* given on the command line */

static char *read_readme(void)
{
	FILE *in = fopen(README, "r");
	char *text = calloc(1, MOST);

	assert_non_null(in);
	assert_in_range(fread(text, 1, MOST - 1, in), 1, MOST - 2);
	fclose(in);
	return text;
}

static void write_readme(const char *before, size_t n, const char *text,
			 const char *after)
{
	FILE *out = fopen(README, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(before, 1, n, out), n);
	assert_true(fputs(text, out) >= 0 && fputs(after, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* Appends a cell's text: a bar would end it, "<" begin a tag. */
static void add_cell(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '|' || text.p[i] == '<')
			buf_addc(b, '\\');
		buf_addc(b, text.p[i]);
	}
}

/* What stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. */
static void expect(const char *name, const char *text)
{
	char mark[64], *readme = read_readme();
	const char *from, *to;

	snprintf(mark, sizeof mark, "<!-- %s: begin -->\n", name);
	from = strstr(readme, mark);
	assert_non_null(from);
	from += strlen(mark);
	snprintf(mark, sizeof mark, "<!-- %s: end -->", name);
	to = strstr(from, mark);
	assert_non_null(to);
	if (update)
		write_readme(readme, (size_t)(from - readme), text, to);
	else if ((size_t)(to - from) != strlen(text) ||
		 memcmp(from, text, strlen(text)) != 0)
		fail_msg("README.md differs from the code between the marks "
			 "`%s`: test_readme --update writes it anew",
			 name);
	free(readme);
}

static void options_of_the_proxy(void **state)
{
	struct options *o = options_new();
	char *table = NULL;
	size_t n;
	FILE *out = open_memstream(&table, &n);

	settings_add_options(o);
	options_add(o, audit_room.options, audit_room.name);
	options_markdown(o, out);
	fclose(out);
	options_free(o);
	expect("options", table);
	free(table);
}

static void outcomes(void **state)
{
	struct buf b = {0};

	buf_addf(&b, "| outcome | |\n|---|---|\n");
#define ROW(name, text, about) buf_addf(&b, "| `%s` | %s |\n", text, about);
	EVIDENCE_OUTCOMES(ROW)
	buf_addc(&b, '\0');
	expect("outcomes", b.p);
	buf_free(&b);
}

static void expect_tables(const char *name, const char *const *tables)
{
	struct buf b = {0};

	buf_addf(&b, "```sql\n");
	for (int i = 0; tables[i]; i++)
		buf_addf(&b, "%s%s;\n", i ? "\n" : "", tables[i]);
	buf_addf(&b, "```\n");
	buf_addc(&b, '\0');
	expect(name, b.p);
	buf_free(&b);
}

static void schema(void **state)
{
	expect_tables("schema", trail_tables);
}

static void derived(void **state)
{
	expect_tables("derived", store_tables);
}

/* Building blocks are nobody's contract. */
static void packs(void **state)
{
	struct packs *p = packs_new();
	struct buf b = {0};

	packs_add_builtin(p);
	buf_addf(&b, "| pack | models | |\n|---|---|---|\n");
	for (size_t i = 0; i < packs_count(p); i++) {
		const struct pack *x = packs_at(p, i);
		const struct json *models = x->models;

		if (x->block)
			continue;
		buf_addf(&b, "| `%.*s` | ", STR_ARG(x->name));
		for (uint32_t k = 0; models && k < models->n; k++)
			buf_addf(&b, "%s`%.*s`", k ? " " : "",
				 STR_ARG(json_text(models->v[k])));
		buf_addf(&b, "%s | ", models ? "" : "all");
		add_cell(&b, x->about);
		buf_addf(&b, " |\n");
	}
	buf_addc(&b, '\0');
	expect("packs", b.p);
	buf_free(&b);
	packs_unref(p);
}

static void checks(void **state)
{
	struct buf b = {0};

	buf_addf(&b, "| check | arguments | fails on |\n|---|---|---|\n");
	for (unsigned i = 0; i < check_rows_n; i++) {
		buf_addf(&b, "| `%s` | ", check_rows[i].name);
		add_cell(&b, str_of(check_rows[i].args));
		buf_addf(&b, " | ");
		add_cell(&b, str_of(check_rows[i].about));
		buf_addf(&b, " |\n");
	}
	buf_addc(&b, '\0');
	expect("checks", b.p);
	buf_free(&b);
}

static void quirks(void **state)
{
	struct buf b = {0};

	buf_addf(&b, "| quirk | dialects | forms | |\n|---|---|---|---|\n");
	for (int i = 0; i < QUIRKS; i++) {
		const struct quirk_row *q = &quirk_rows[i];

		buf_addf(&b, "| `%s` | %s | %s | ", q->name, q->dialects,
			 q->forms);
		add_cell(&b, str_of(q->about));
		buf_addf(&b, " |\n");
	}
	buf_addc(&b, '\0');
	expect("quirks", b.p);
	buf_free(&b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_the_proxy),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(schema),
		cmocka_unit_test(derived),
		cmocka_unit_test(packs),
		cmocka_unit_test(checks),
		cmocka_unit_test(quirks),
	};

	update = argc == 2 && strcmp(argv[1], "--update") == 0;
	return cmocka_run_group_tests_name("readme", tests, NULL, NULL);
}
