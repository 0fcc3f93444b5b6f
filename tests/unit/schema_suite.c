/* SPDX-License-Identifier: MIT */
/*
 * Runs files of the JSON Schema Test Suite: one line a case.
 *
 *	schema_suite FILE...
 *	ok - FILE: GROUP: CASE
 *	not ok - FILE: GROUP: CASE (what was wrong)
 *	skip - FILE: GROUP: CASE (why it cannot be judged)
 */
#include <stdio.h>

#include "base/mem.h"
#include "rules/schema/schema.h"

static struct buf read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	struct buf b = {0};
	size_t n;

	if (!f)
		return b;
	while ((n = fread(buf_room(&b, 65536), 1, 65536, f)) > 0)
		b.n += n;
	fclose(f);
	return b;
}

static struct str text(const struct json *o, struct str name)
{
	return json_text(json_get(o, name));
}

static void say(const char *verdict, const char *file, const struct json *group,
		const struct json *one, const char *why)
{
	struct str g = text(group, STR("description"));
	struct str c = text(one, STR("description"));

	printf("%s - %s: %.*s: %.*s%s%s%s\n", verdict, file, STR_ARG(g),
	       STR_ARG(c), *why ? " (" : "", why, *why ? ")" : "");
}

static void run_case(const char *file, const struct json *group,
		     const struct json *one, struct schema *s)
{
	struct schema_fault fault;
	char why[640] = "";
	enum schema_verdict got =
		schema_check(s, json_get(one, STR("data")), &fault);
	bool valid = json_is(json_get(one, STR("valid")), JSON_TRUE);

	if (got == (valid ? SCHEMA_VALID : SCHEMA_INVALID)) {
		say("ok", file, group, one, "");
		return;
	}
	snprintf(why, sizeof(why), "got %s, %s at \"%s\": %s, not %s",
		 got == SCHEMA_VALID	 ? "valid"
		 : got == SCHEMA_INVALID ? "invalid"
					 : "unknown",
		 fault.keyword, fault.at, fault.expected, fault.observed);
	say("not ok", file, group, one, why);
}

/* A schema that leads to the suite's own web server cannot be judged. */
static bool is_remote(const struct json *schema)
{
	return memmem(schema->raw.p, schema->raw.n, "localhost:1234", 14);
}

static void run_group(const char *file, const struct json *group)
{
	const struct json *schema = json_get(group, STR("schema"));
	const struct json *tests = json_get(group, STR("tests"));
	struct fail f = {0};
	struct schema *s = schema_compile(schema, NULL, &f);
	bool skip = !s && is_remote(schema) &&
		    strcmp(f.code, "schema_unknown") == 0;

	for (uint32_t i = 0; i < tests->n; i++) {
		if (s)
			run_case(file, group, tests->v[i], s);
		else
			say(skip ? "skip" : "not ok", file, group, tests->v[i],
			    f.text);
	}
	schema_free(s);
}

static bool run_file(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct buf b = read_file(path);
	struct json_doc *d = json_doc_new();
	struct json_error e;
	const struct json *all = json_parse(d, buf_str(&b), NULL, &e);
	bool good = json_is(all, JSON_ARRAY);

	for (uint32_t i = 0; good && i < all->n; i++)
		run_group(name, all->v[i]);
	if (!good)
		fprintf(stderr, "%s cannot be read\n", path);
	json_doc_free(d);
	buf_free(&b);
	return good;
}

int main(int argc, char **argv)
{
	bool good = argc > 1;

	for (int i = 1; i < argc; i++)
		good &= run_file(argv[i]);
	return good ? 0 : 2;
}
