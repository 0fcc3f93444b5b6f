/* SPDX-License-Identifier: MIT */
/* The keywords that look into objects and arrays. */
#include "rules/schema/schema_impl.h"

static const struct node *named_node(const struct members *m, struct str name)
{
	uint32_t low = 0, high = m->n_named;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		struct str at = m->named[mid].name;
		int order = at.n != name.n ? (at.n < name.n ? -1 : 1)
			    : at.n	   ? memcmp(at.p, name.p, at.n)
					   : 0;
		if (order == 0)
			return m->named[mid].node;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static enum schema_verdict check_member(struct run *r, const struct members *m,
					struct frame *f, uint32_t i)
{
	const struct json *value = f->instance->v[i];
	const struct node *named = named_node(m, value->key);
	enum schema_verdict v = SCHEMA_VALID;
	bool met = named;

	if (named)
		v = run_node(r, named, value, f, "properties");
	for (uint32_t p = 0; v == SCHEMA_VALID && p < m->n_patterns; p++) {
		v = run_regex(r, m->patterns[p].regex, value->key);
		if (v == SCHEMA_UNKNOWN)
			return v;
		met |= v == SCHEMA_VALID;
		v = v == SCHEMA_INVALID
			    ? SCHEMA_VALID
			    : run_node(r, m->patterns[p].node, value, f,
				       "patternProperties");
	}
	if (v == SCHEMA_VALID && !met && m->others) {
		met = true;
		v = run_node(r, m->others, value, f, "additionalProperties");
	}
	if (met)
		frame_saw(f, i);
	return v;
}

enum schema_verdict check_members(struct run *r, const struct keyword *k,
				  struct frame *f)
{
	const struct json *o = f->instance;

	if (o->kind != JSON_OBJECT)
		return SCHEMA_VALID;
	for (uint32_t i = 0; i < o->n; i++) {
		enum schema_verdict v;
		if (!run_spend(r, 1 + o->v[i]->key.n / 32))
			return SCHEMA_UNKNOWN;
		if (is_hidden(o, o->v[i]))
			continue;
		v = check_member(r, &k->members, f, i);
		if (v != SCHEMA_VALID)
			return v;
	}
	return SCHEMA_VALID;
}

enum schema_verdict check_names(struct run *r, const struct keyword *k,
				struct frame *f)
{
	const struct json *o = f->instance;

	for (uint32_t i = 0; o->kind == JSON_OBJECT && i < o->n; i++) {
		struct str key = o->v[i]->key.p ? o->v[i]->key : STR("");
		struct json name = {
			.kind = JSON_STRING, .raw = key, .text = key};
		enum schema_verdict v =
			run_quietly(r, k->node, &name, f, k->name);
		if (v == SCHEMA_UNKNOWN)
			return v;
		if (v == SCHEMA_INVALID) {
			run_fault(r, o, k->name, "names that it allows");
			return run_observe(r, "\"%.*s\"",
					   (int)(key.n < 200 ? key.n : 200),
					   key.p);
		}
	}
	return SCHEMA_VALID;
}

static enum schema_verdict check_dependent(struct run *r,
					   const struct dependent *d,
					   const struct keyword *k,
					   struct frame *f)
{
	if (d->node)
		return run_node(r, d->node, f->instance, f, k->name);
	for (uint32_t i = 0; i < d->required->n; i++) {
		struct str name = json_text(d->required->v[i]);
		if (!run_spend(r, 1 + name.n / 32))
			return SCHEMA_UNKNOWN;
		if (json_get(f->instance, name))
			continue;
		return run_fault(r, f->instance, k->name,
				 "a member \"%.*s\" beside \"%.*s\"",
				 (int)(name.n < 60 ? name.n : 60), name.p,
				 (int)(d->name.n < 60 ? d->name.n : 60),
				 d->name.p);
	}
	return SCHEMA_VALID;
}

enum schema_verdict check_dependents(struct run *r, const struct keyword *k,
				     struct frame *f)
{
	const struct json *o = f->instance;

	for (uint32_t i = 0; o->kind == JSON_OBJECT && i < k->dependents.n;
	     i++) {
		const struct dependent *d = &k->dependents.v[i];
		enum schema_verdict v = SCHEMA_VALID;
		if (!run_spend(r, 1 + d->name.n / 32))
			return SCHEMA_UNKNOWN;
		if (json_get(o, d->name))
			v = check_dependent(r, d, k, f);
		if (v != SCHEMA_VALID)
			return v;
	}
	return SCHEMA_VALID;
}

enum schema_verdict check_elements(struct run *r, const struct keyword *k,
				   struct frame *f)
{
	const struct elements *e = &k->elements;
	const struct json *a = f->instance;

	for (uint32_t i = 0; a->kind == JSON_ARRAY && i < a->n; i++) {
		bool first = i < e->prefix.n;
		const struct node *n = first ? e->prefix.v[i] : e->others;
		enum schema_verdict v;
		if (!n)
			break;
		v = run_node(r, n, a->v[i], f, first ? "prefixItems" : "items");
		if (v != SCHEMA_VALID)
			return v;
		frame_saw(f, i);
	}
	return SCHEMA_VALID;
}

enum schema_verdict check_contains(struct run *r, const struct keyword *k,
				   struct frame *f)
{
	const struct contains *c = &k->contains;
	const struct json *a = f->instance;
	uint64_t n = 0;

	if (a->kind != JSON_ARRAY)
		return SCHEMA_VALID;
	for (uint32_t i = 0; i < a->n; i++) {
		enum schema_verdict v =
			run_quietly(r, c->node, a->v[i], f, k->name);
		if (v == SCHEMA_UNKNOWN)
			return v;
		if (v == SCHEMA_VALID) {
			frame_saw(f, i);
			n++;
		}
	}
	if (n >= c->least && n <= c->most)
		return SCHEMA_VALID;
	if (n < c->least)
		run_fault(r, a, c->least == 1 ? k->name : "minContains",
			  "at least %ju elements that match",
			  (uintmax_t)c->least);
	else
		run_fault(r, a, "maxContains",
			  "at most %ju elements that match",
			  (uintmax_t)c->most);
	return run_observe(r, "%ju that match", (uintmax_t)n);
}

static enum schema_verdict check_unseen(struct run *r, const struct keyword *k,
					struct frame *f)
{
	const struct json *from = f->instance;

	for (uint32_t i = 0; i < from->n; i++) {
		enum schema_verdict v;
		if (f->seen[i / 64] >> i % 64 & 1)
			continue;
		if (from->kind == JSON_OBJECT && is_hidden(from, from->v[i]))
			continue;
		v = run_node(r, k->node, from->v[i], f, k->name);
		if (v != SCHEMA_VALID)
			return v;
		frame_saw(f, i);
	}
	return SCHEMA_VALID;
}

enum schema_verdict check_unevaluated_members(struct run *r,
					      const struct keyword *k,
					      struct frame *f)
{
	if (f->instance->kind != JSON_OBJECT)
		return SCHEMA_VALID;
	return check_unseen(r, k, f);
}

enum schema_verdict check_unevaluated_elements(struct run *r,
					       const struct keyword *k,
					       struct frame *f)
{
	if (f->instance->kind != JSON_ARRAY)
		return SCHEMA_VALID;
	return check_unseen(r, k, f);
}
