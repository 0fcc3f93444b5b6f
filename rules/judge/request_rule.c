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

/* Cuts `at` before its first "/ *"; false: it has none. */
static bool cut_star(struct str at, struct str *before, struct str *behind)
{
	for (size_t i = 0; i + 1 < at.n; i++) {
		if (at.p[i] != '/' || at.p[i + 1] != '*')
			continue;
		if (i + 2 < at.n && at.p[i + 2] != '/')
			continue;
		*before = (struct str){at.p, i};
		*behind = str_skip(at, i + 2);
		return true;
	}
	return false;
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

/* Asks of all that `at` leads to from `node`. There are as many levels of
 * calls as stars in a rule. */
static enum verdict ask(struct asking *a, const struct json *node,
			struct str at)
{
	size_t mark = a->place->n;
	enum verdict all = VERDICT_NONE;
	struct str before = at, behind;
	bool star = cut_star(at, &before, &behind);

	node = json_pointer(node, before);
	if (!node)
		return VERDICT_NONE;
	buf_adds(a->place, before);
	if (!star)
		all = ask_one(a, node);
	for (uint32_t i = 0; star && node->kind >= JSON_ARRAY && i < node->n;
	     i++) {
		size_t parent = a->place->n;
		enum verdict v;

		add_step(a->place, node, i);
		v = ask(a, node->v[i], behind);
		if (v == VERDICT_FAIL)
			return v;
		all = worse(all, v);
		a->place->n = parent;
	}
	if (all != VERDICT_FAIL)
		a->place->n = mark;
	return all;
}

/* ---- of the history ---- */

/* Is it about elements of the history? Then what is asked of each. */
static bool about_history(const struct request *q, struct str at,
			  struct str *behind)
{
	struct str list = q->dialect == DIALECT_RESPONSES ? STR("/input")
							  : STR("/messages");
	struct str before;

	return q->dialect != DIALECT_COMPLETIONS &&
	       cut_star(at, &before, behind) && str_eq(before, list) &&
	       json_is(json_get(q->root, str_skip(list, 1)), JSON_ARRAY);
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
				size_t index, struct str behind)
{
	enum verdict all = VERDICT_NONE;

	for (size_t k = 0; k < m->n_nodes; k++) {
		size_t mark = a->place->n;
		enum verdict v;

		buf_addf(a->place, "/%zu", index + k);
		v = ask(a, m->nodes[k], behind);
		if (v == VERDICT_FAIL)
			return v;
		all = worse(all, v);
		a->place->n = mark;
	}
	return all;
}

static enum verdict ask_history(struct asking *a, const struct ruleset *s,
				unsigned i, const struct request *q,
				struct str behind)
{
	struct str list = q->dialect == DIALECT_RESPONSES ? STR("/input")
							  : STR("/messages");
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
			*v = (unsigned char)(ask_message(a, m, index, behind) +
					     1);
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
	struct str behind;

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
	if (about_history(q, r->at, &behind))
		return ask_history(&a, s, i, q, behind);
	return ask(&a, q->root, r->at);
}
