/* SPDX-License-Identifier: MIT */
/*
 * A schema, and an instance behind a line of its own: compiled, checked and
 * linted, all of which must end, with a verdict that is the same twice.
 */
#include <assert.h>

#include "rules/schema/mfjs.h"
#include "rules/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void nothing(void *arg, struct str at, const char *text)
{
	assert(text[0]);
}

static void check(struct schema *s, const struct json *instance)
{
	struct schema_fault fault;
	enum schema_verdict v = schema_check(s, instance, &fault);

	assert(schema_check(s, instance, NULL) == v);
	assert(v != SCHEMA_INVALID || fault.keyword[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct schema_options small = {.max_steps = 20000};
	struct str instance = {(const char *)data, n};
	struct str text = str_cut(&instance, '\n');
	struct json_doc *d = json_doc_new();
	struct json_error e;
	const struct json *schema = json_parse(d, text, NULL, &e);
	const struct json *value =
		instance.p ? json_parse(d, instance, NULL, &e) : schema;
	struct schema *s;
	struct fail f;

	if (schema) {
		mfjs_lint(schema, nothing, NULL);
		s = schema_compile(schema, &small, &f);
		assert(s || f.code[0]);
		if (s && value)
			check(s, value);
		schema_free(s);
	}
	json_doc_free(d);
	return 0;
}
