/* SPDX-License-Identifier: MIT */
/* What README.md says that the code says too: it must be the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "record/evidence.h"
#include "record/trail_impl.h"
#include "relay/settings.h"

static int read_readme(void **state)
{
	FILE *in = fopen(README, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(in);
	assert_in_range(fread(text, 1, (1 << 20) - 1, in), 1, (1 << 20) - 2);
	fclose(in);
	*state = text;
	return 0;
}

static int free_readme(void **state)
{
	free(*state);
	return 0;
}

/* What stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. */
static void expect(const char *readme, const char *name, const char *text)
{
	char mark[64];
	const char *from, *to;

	snprintf(mark, sizeof mark, "<!-- %s: begin -->\n", name);
	from = strstr(readme, mark);
	assert_non_null(from);
	from += strlen(mark);
	snprintf(mark, sizeof mark, "<!-- %s: end -->", name);
	to = strstr(from, mark);
	assert_non_null(to);
	if ((size_t)(to - from) != strlen(text) ||
	    memcmp(from, text, strlen(text)) != 0)
		fail_msg("README.md must say between the marks `%s`:\n%s", name,
			 text);
}

static void options_of_the_proxy(void **state)
{
	struct options *o = options_new();
	char *table = NULL;
	size_t n;
	FILE *out = open_memstream(&table, &n);

	settings_add_options(o);
	options_markdown(o, out);
	fclose(out);
	options_free(o);
	expect(*state, "options", table);
	free(table);
}

static void outcomes(void **state)
{
	struct buf b = {0};

	buf_addf(&b, "| outcome | |\n|---|---|\n");
#define ROW(name, text, about) buf_addf(&b, "| `%s` | %s |\n", text, about);
	EVIDENCE_OUTCOMES(ROW)
	buf_addc(&b, '\0');
	expect(*state, "outcomes", b.p);
	buf_free(&b);
}

static void schema(void **state)
{
	struct buf b = {0};

	buf_addf(&b, "```sql\n");
	for (int i = 0; trail_tables[i]; i++)
		buf_addf(&b, "%s%s;\n", i ? "\n" : "", trail_tables[i]);
	buf_addf(&b, "```\n");
	buf_addc(&b, '\0');
	expect(*state, "schema", b.p);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_the_proxy),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(schema),
	};

	return cmocka_run_group_tests_name("readme", tests, read_readme,
					   free_readme);
}
