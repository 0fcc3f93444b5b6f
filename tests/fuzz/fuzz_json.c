/* SPDX-License-Identifier: MIT */
/*
 * JSON of any bytes. What parses is written and parsed again: both trees are
 * equal. What does not parse names a place within the text. Every beginning of
 * a good text is truncated or good by itself (a number's), never wrong.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "rules/meaning/json.h"

/* Touches everything that a node has. */
static void walk(const struct json *j)
{
	int64_t whole;
	double number;

	assert(utf8_check(json_text(j)) == json_text(j).n);
	if (json_int(j, &whole))
		assert(json_number(j, &number));
	for (uint32_t i = 0; i < j->n; i++) {
		const struct json *v = j->v[i];

		walk(v);
		if (j->kind != JSON_OBJECT)
			continue;
		v = json_get(j, v->key);
		assert(v && str_eq(v->key, j->v[i]->key));
		assert(j->duplicates || v == j->v[i]);
	}
}

static void again(const struct json *j)
{
	struct json_limits wide = {.max_depth = 1000};
	struct json_doc *d = json_doc_new();
	struct json_error bad;
	struct buf text = {0};
	const struct json *k;

	json_write(&text, j);
	k = json_parse(d, buf_str(&text), &wide, &bad);
	assert(k && json_equal(j, k) && json_hash(j) == json_hash(k));
	json_doc_free(d);
	buf_free(&text);
}

static void beginning(struct json_doc *d, struct str text, size_t n)
{
	char *copy = mem_alloc(n);
	struct json_error bad;

	if (n)
		memcpy(copy, text.p, n);
	if (!json_parse(d, (struct str){copy, n}, NULL, &bad))
		assert(bad.truncated && bad.offset == n);
	json_doc_reset(d);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc *d = json_doc_new(), *other = json_doc_new();
	struct str text = {(const char *)data, size};
	struct json_error bad = {0};
	const struct json *j = json_parse(d, text, NULL, &bad);

	if (j) {
		walk(j);
		again(j);
		for (size_t n = 0; n < size && size < 256; n++)
			beginning(other, text, n);
	} else {
		assert(bad.why && bad.offset <= size);
		assert(!bad.truncated || bad.offset == size);
		assert(!(bad.truncated && bad.limit));
	}
	json_doc_free(d);
	json_doc_free(other);
	return 0;
}
