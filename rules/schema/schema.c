/* SPDX-License-Identifier: MIT */
/*
 * DESIGN: a schema is compiled to nodes once, and then interpreted. (Debian
 * has no C library for the draft: WJElement stops at draft 4.)
 *
 *	schema_keywords.c	what each keyword must look like, into nodes
 *	schema_refs.c		$id, $anchor, $ref, $dynamicRef: who is meant
 *	schema_check.c		nodes at work, and the keywords that combine
 *	schema_members.c	the keywords of objects and arrays
 *	schema_assert.c		the keywords of single values
 *	schema_tell.c		where and how a fault is told
 *
 * Both halves have a budget, and what goes over it is unknown: a reference
 * that leads to itself ends at the depth, an exponential anyOf at the steps.
 *
 * Schemas that name an older draft are taken where that draft means the same;
 * where it does not (an array in "items", say), they are unknown.
 */
#include "rules/schema/schema.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "rules/schema/schema_impl.h"

#define BUILD_STEPS (20u << 20)
#define BUILD_DEPTH 1000
#define CHECK_STEPS 1000000
#define CHECK_DEPTH 256

static bool explain(struct build *b, const char *code, const struct json *at,
		    const char *keyword, const char *what)
{
	char place[160];

	tell_pointer(place, sizeof(place), b->schema->json, at);
	return fail_set(b->fail, FAIL_CLIENT, code,
			"the schema's \"%s\" at \"%s\": %s", keyword, place,
			what);
}

bool build_bad(struct build *b, const struct json *at, const char *keyword,
	       const char *what)
{
	return explain(b, "bad_schema", at, keyword, what);
}

bool build_unknown(struct build *b, const struct json *at, const char *keyword,
		   const char *what)
{
	return explain(b, "schema_unknown", at, keyword, what);
}

bool build_spend(struct build *b, const struct node *n, uint64_t steps)
{
	if (steps > b->steps)
		return build_unknown(b, n->json, "$schema", "it is too large");
	b->steps -= steps;
	return true;
}

void *build_alloc(struct build *b, size_t n, size_t size)
{
	void *p = json_doc_alloc(b->schema->doc, n * size + 1);

	memset(p, 0, n * size);
	return p;
}

static struct node **slot_of(struct node **nodes, size_t cap,
			     const struct json *json)
{
	size_t i = ((uintptr_t)json * 0x9e3779b97f4a7c15ull >> 20) & (cap - 1);

	while (nodes[i] && nodes[i]->json != json)
		i = (i + 1) & (cap - 1);
	return &nodes[i];
}

struct node *build_find(const struct build *b, const struct json *json)
{
	return b->cap ? *slot_of(b->nodes, b->cap, json) : NULL;
}

static void grow(struct build *b)
{
	size_t cap = b->cap ? b->cap * 2 : 64;
	struct node **nodes = mem_zero(cap * sizeof(*nodes));

	for (size_t i = 0; i < b->cap; i++) {
		if (b->nodes[i])
			*slot_of(nodes, cap, b->nodes[i]->json) = b->nodes[i];
	}
	free(b->nodes);
	b->nodes = nodes;
	b->cap = cap;
}

static struct node *add(struct build *b, const struct json *json,
			struct resource *res)
{
	struct node *n = build_alloc(b, 1, sizeof(*n));

	if (b->n_nodes * 2 >= b->cap)
		grow(b);
	*n = (struct node){.json = json, .res = res};
	*slot_of(b->nodes, b->cap, json) = n;
	b->n_nodes++;
	return n;
}

struct node *build_node(struct build *b, const struct json *json,
			struct resource *res)
{
	struct node *n = build_find(b, json);
	bool good;

	if (n)
		return n;
	n = add(b, json, res);
	if (!res->root)
		res->root = n;
	if (json->kind == JSON_TRUE || json->kind == JSON_FALSE) {
		n->kind = json->kind == JSON_TRUE ? NODE_TRUE : NODE_FALSE;
		return n;
	}
	if (json->kind != JSON_OBJECT) {
		build_bad(b, json, "$schema", "must be an object or a boolean");
		return NULL;
	}
	if (b->depth >= BUILD_DEPTH) {
		build_unknown(b, json, "$schema", "it is too deep");
		return NULL;
	}
	b->depth++;
	good = build_spend(b, n, 1 + json->n) && refs_enter(b, n) &&
	       keywords_compile(b, n);
	b->depth--;
	return good ? n : NULL;
}

struct node *build_root(struct build *b, const struct json *json,
			struct str uri)
{
	struct resource *res = build_alloc(b, 1, sizeof(*res));

	*res = (struct resource){
		.uri = uri, .draft = DRAFT_2020, .next = b->schema->resources};
	b->schema->resources = res;
	return build_node(b, json, res);
}

static bool resolve_all(struct build *b)
{
	while (b->pending) {
		struct pending *p = b->pending;
		b->pending = p->next;
		if (!refs_resolve(b, p))
			return false;
	}
	return true;
}

struct schema *schema_compile(const struct json *json,
			      const struct schema_options *o, struct fail *f)
{
	struct schema *s = MEM_NEW(struct schema);
	struct build b = {.schema = s, .fail = f, .steps = BUILD_STEPS};

	s->magic = SCHEMA_MAGIC;
	s->doc = json_doc_new();
	s->json = json;
	if (o)
		s->options = *o;
	if (!s->options.max_steps)
		s->options.max_steps = CHECK_STEPS;
	if (!s->options.max_depth)
		s->options.max_depth = CHECK_DEPTH;
	s->root = build_root(&b, json, STR(""));
	if (!s->root || !resolve_all(&b)) {
		schema_free(s);
		s = NULL;
	}
	free(b.nodes);
	return s;
}

void schema_free(struct schema *s)
{
	if (!s)
		return;
	assert(s->magic == SCHEMA_MAGIC);
	for (struct regex_owned *o = s->regexes; o; o = o->next)
		regex_free(o->regex);
	json_doc_free(s->doc);
	s->magic = 0;
	free(s);
}

enum schema_verdict schema_check(struct schema *s, const struct json *instance,
				 struct schema_fault *fault)
{
	struct run r = {.schema = s,
			.instance = instance,
			.fault = fault,
			.steps = s->options.max_steps};

	assert(s->magic == SCHEMA_MAGIC);
	if (fault)
		*fault = (struct schema_fault){0};
	return run_node(&r, s->root, instance, NULL, "$schema");
}
