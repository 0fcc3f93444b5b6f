/* SPDX-License-Identifier: MIT */
#include "rules/judge/schemas.h"

#include <stdlib.h>

#include "base/mem.h"

struct kept {
	uint64_t hash, used;
	struct buf text;
	struct json_doc *doc;
	const struct json *node; /* of doc; NULL: an empty place */
	struct schema *schema;	 /* NULL: it cannot be compiled */
};

struct schemas {
	uint64_t clock;
	struct kept kept[SCHEMAS_MOST];
};

struct schemas *schemas_new(void)
{
	return MEM_NEW(struct schemas);
}

static void drop(struct kept *k)
{
	schema_free(k->schema);
	if (k->doc)
		json_doc_free(k->doc);
	buf_free(&k->text);
	*k = (struct kept){0};
}

void schemas_free(struct schemas *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < SCHEMAS_MOST; i++)
		drop(&s->kept[i]);
	free(s);
}

static void keep(struct kept *k, uint64_t hash, const struct json *node)
{
	struct json_error bad;
	struct fail f;

	drop(k);
	k->hash = hash;
	json_write(&k->text, node);
	k->doc = json_doc_new();
	k->node = json_parse(k->doc, buf_str(&k->text), NULL, &bad);
	if (k->node)
		k->schema = schema_compile(k->node, NULL, &f);
}

struct schema *schemas_get(struct schemas *s, const struct json *node)
{
	struct kept *oldest = &s->kept[0];
	uint64_t hash;

	if (node->raw.n > SCHEMAS_TEXT)
		return NULL;
	hash = json_hash(node);
	for (unsigned i = 0; i < SCHEMAS_MOST; i++) {
		struct kept *k = &s->kept[i];

		if (k->node && k->hash == hash && json_equal(k->node, node)) {
			k->used = ++s->clock;
			return k->schema;
		}
		if (k->used < oldest->used)
			oldest = k;
	}
	keep(oldest, hash, node);
	oldest->used = ++s->clock;
	return oldest->schema;
}
