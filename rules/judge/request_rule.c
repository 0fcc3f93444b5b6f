/* SPDX-License-Identifier: MIT */
/*
 * at: ""			the request
 *     "/thinking/type"		one value
 *     "/tools/ *"		each element (without the blank)
 *     "/messages/ *"		each element of the history: by message
 */
#include "rules/judge/request_rule.h"

#include <stdlib.h>

#include "base/mem.h"

/* A rule being asked. */
struct asking {
	struct schema *schema;
	struct schema_fault *fault;
	struct buf *place;
};

/* FAIL ends it, UNKNOWN stays, PASS is more than NONE. */
static enum verdict worse(enum verdict a, enum verdict b)
{
	return a > b ? a : b;
}

_Static_assert(VERDICT_NONE < VERDICT_PASS && VERDICT_PASS < VERDICT_FAIL &&
		       VERDICT_FAIL < VERDICT_UNKNOWN,
	       "see worse(); it never sees FAIL");

static enum verdict ask_one(struct asking *a, const struct json *node)
{
	switch (schema_check(a->schema, node, a->fault)) {
	case SCHEMA_VALID: return VERDICT_PASS;
	case SCHEMA_UNKNOWN: return VERDICT_UNKNOWN;
	case SCHEMA_INVALID: break;
	}
	buf_adds(a->place, str_of(a->fault->at));
	return VERDICT_FAIL;
}

static void add_step(struct buf *place, const struct json *parent, uint32_t i)
{
	struct str key = parent->v[i]->key;

	buf_addc(place, '/');
	if (parent->kind == JSON_ARRAY) {
		buf_addf(place, "%u", i);
		return;
	}
	for (size_t k = 0; k < key.n; k++) {
		if (key.p[k] == '~' || key.p[k] == '/')
			buf_adds(place,
				 key.p[k] == '~' ? STR("~0") : STR("~1"));
		else
			buf_addc(place, key.p[k]);
	}
}

static enum verdict ask_each(struct asking *a, const struct json *list)
{
	enum verdict all = VERDICT_NONE;

	for (uint32_t i = 0; list->kind >= JSON_ARRAY && i < list->n; i++) {
		size_t mark = a->place->n;
		enum verdict v;

		add_step(a->place, list, i);
		v = ask_one(a, list->v[i]);
		if (v == VERDICT_FAIL)
			return v;
		all = worse(all, v);
		a->place->n = mark;
	}
	return all;
}

/* Cuts the "/ *" off that it may end in. */
static bool cut_star(struct str *at)
{
	bool star = at->n >= 2 && memcmp(at->p + at->n - 2, "/*", 2) == 0;

	if (star)
		at->n -= 2;
	return star;
}

static enum verdict ask(struct asking *a, const struct json *root,
			struct str at, bool each)
{
	const struct json *node = json_pointer(root, at);
	size_t mark = a->place->n;
	enum verdict v;

	if (!node)
		return VERDICT_NONE;
	buf_adds(a->place, at);
	v = each ? ask_each(a, node) : ask_one(a, node);
	if (v != VERDICT_FAIL)
		a->place->n = mark;
	return v;
}

/* ---- of the history ---- */

/* Is this list the one that the messages are made of? */
static bool is_history(const struct request *q, struct str list)
{
	struct str name = q->dialect == DIALECT_RESPONSES ? STR("input")
							  : STR("messages");

	return q->dialect != DIALECT_COMPLETIONS && list.n > 0 &&
	       str_eq(str_skip(list, 1), name) &&
	       json_is(json_get(q->root, name), JSON_ARRAY);
}

/* The place in m->verdicts of this rule; 0: not asked yet, else verdict + 1. */
static unsigned char *kept(struct message *m, const struct ruleset *s,
			   unsigned i)
{
	if (!m->verdicts || m->verdicts_of != s->key) {
		free(m->verdicts);
		m->verdicts = mem_zero(s->n);
		m->verdicts_of = s->key;
	}
	return (unsigned char *)m->verdicts + i;
}

static enum verdict ask_message(struct asking *a, const struct message *m,
				size_t index)
{
	enum verdict all = VERDICT_NONE;

	for (size_t k = 0; k < m->n_nodes; k++) {
		size_t mark = a->place->n;
		enum verdict v;

		buf_addf(a->place, "/%zu", index + k);
		v = ask_one(a, m->nodes[k]);
		if (v == VERDICT_FAIL)
			return v;
		all = worse(all, v);
		a->place->n = mark;
	}
	return all;
}

static enum verdict ask_history(struct asking *a, const struct ruleset *s,
				unsigned i, const struct request *q,
				struct str list)
{
	enum verdict all = VERDICT_NONE;
	size_t index = 0, mark = a->place->n;

	buf_adds(a->place, list);
	for (size_t k = 0; k < q->n_messages; k++) {
		struct message *m = q->messages[k];
		unsigned char *v = kept(m, s, i);

		if (m->node->key.n) /* a member: instructions, system */
			continue;
		/* What failed is asked again: what and where was not kept. */
		if (*v == 0 || *v == VERDICT_FAIL + 1)
			*v = (unsigned char)(ask_message(a, m, index) + 1);
		if (*v == VERDICT_FAIL + 1)
			return VERDICT_FAIL;
		all = worse(all, *v - 1);
		index += m->n_nodes;
	}
	a->place->n = mark;
	return all;
}

enum verdict request_rule(const struct ruleset *s, unsigned i,
			  const struct request *q, struct schema_fault *fault,
			  struct buf *place)
{
	const struct rule *r = s->rules[i];
	struct asking a = {r->schema, fault, place};
	struct str at = r->at;
	bool each = cut_star(&at);

	if (!r->schema)
		return VERDICT_NONE;
	if (q->unknown || !q->root)
		return VERDICT_UNKNOWN;
	if (r->when) {
		enum schema_verdict met = schema_check(r->when, q->root, NULL);
		if (met != SCHEMA_VALID)
			return met == SCHEMA_INVALID ? VERDICT_NONE
						     : VERDICT_UNKNOWN;
	}
	if (each && is_history(q, at))
		return ask_history(&a, s, i, q, at);
	return ask(&a, q->root, at, each);
}
