/* SPDX-License-Identifier: MIT */
/* Nodes at work, and the keywords that combine them. */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/schema/regex_price.h"
#include "rules/schema/schema_impl.h"

bool run_spend(struct run *r, uint64_t steps)
{
	if (steps > r->steps) {
		r->steps = 0;
		run_unknown(r, "steps", "more work than a check may take");
		return false;
	}
	r->steps -= steps;
	return true;
}

enum schema_verdict run_regex(struct run *r, const struct regex *regex,
			      struct str text)
{
	enum regex_verdict v;
	uint64_t price;

	v = regex_find_priced(regex, text, &price);
	if (v == REGEX_UNKNOWN)
		return run_unknown(r, "pattern",
				   "the pattern takes too long on this text");
	if (!run_spend(r, price))
		return SCHEMA_UNKNOWN;
	return v == REGEX_MATCH ? SCHEMA_VALID : SCHEMA_INVALID;
}

static enum schema_verdict run_keywords(struct run *r, struct frame *f)
{
	const struct node *n = f->node;

	for (uint32_t i = 0; i < n->n; i++) {
		const struct keyword *k = &n->keywords[i];
		enum schema_verdict v = k->check(r, k, f);
		if (v != SCHEMA_VALID)
			return v;
	}
	return SCHEMA_VALID;
}

/*
 * A node has a set of its own for what its keywords saw, since
 * "unevaluated" means: by me and mine, not by my neighbours. What it saw
 * counts for the node above only if it is valid.
 */
static enum schema_verdict run_seeing(struct run *r, struct frame *f)
{
	const size_t n = (f->instance->n + 63) / 64;
	uint64_t few[8] = {0};
	uint64_t *up =
		f->up && f->up->instance == f->instance ? f->up->seen : NULL;
	enum schema_verdict v;

	if (!f->node->unevaluated && !up)
		return run_keywords(r, f);
	if (!run_spend(r, n))
		return SCHEMA_UNKNOWN;
	f->seen = n <= 8 ? few : mem_zero(n * sizeof(*f->seen));
	v = run_keywords(r, f);
	for (size_t i = 0; up && v == SCHEMA_VALID && i < n; i++)
		up[i] |= f->seen[i];
	if (f->seen != few)
		free(f->seen);
	return v;
}

enum schema_verdict run_node(struct run *r, const struct node *n,
			     const struct json *instance,
			     const struct frame *up, const char *keyword)
{
	struct frame f = {.up = up, .node = n, .instance = instance};
	enum schema_verdict v;

	if (!run_spend(r, 1 + n->n))
		return SCHEMA_UNKNOWN;
	if (n->kind == NODE_TRUE)
		return SCHEMA_VALID;
	if (n->kind == NODE_FALSE)
		return run_fault(r, instance, keyword, "nothing here");
	if (r->depth >= r->schema->options.max_depth)
		return run_unknown(r, "depth",
				   "nested more deeply than a check may go");
	r->depth++;
	v = run_seeing(r, &f);
	r->depth--;
	return v;
}

enum schema_verdict run_quietly(struct run *r, const struct node *n,
				const struct json *instance,
				const struct frame *up, const char *keyword)
{
	enum schema_verdict v;

	r->quiet++;
	v = run_node(r, n, instance, up, keyword);
	r->quiet--;
	return v;
}

enum schema_verdict check_all(struct run *r, const struct keyword *k,
			      struct frame *f)
{
	for (uint32_t i = 0; i < k->list.n; i++) {
		enum schema_verdict v =
			run_node(r, k->list.v[i], f->instance, f, k->name);
		if (v != SCHEMA_VALID)
			return v;
	}
	return SCHEMA_VALID;
}

/* How many are valid, stopping at `enough`; false: unknown. */
static bool how_many(struct run *r, const struct keyword *k, struct frame *f,
		     unsigned enough, unsigned *valid)
{
	*valid = 0;
	for (uint32_t i = 0; i < k->list.n && *valid < enough; i++) {
		enum schema_verdict v =
			run_quietly(r, k->list.v[i], f->instance, f, k->name);
		if (v == SCHEMA_UNKNOWN)
			return false;
		*valid += v == SCHEMA_VALID;
	}
	return true;
}

/* The types that a branch allows; all, if it does not say. */
static unsigned branch_types(const struct node *n)
{
	for (uint32_t i = 0; i < n->n; i++) {
		if (n->keywords[i].check == check_type)
			return n->keywords[i].types;
	}
	return n->kind == NODE_FALSE ? 0 : ~0u;
}

/*
 * No branch is valid. Where the value's type leaves one branch, that one's
 * fault is the answer; where it leaves none, the types are.
 */
static enum schema_verdict none_of(struct run *r, const struct keyword *k,
				   struct frame *f)
{
	const unsigned number = 1u << JSON_NUMBER | TYPE_WHOLE;
	unsigned here = 1u << f->instance->kind, types = 0, left = 0;
	const struct node *only = NULL;
	char words[TELL_TYPES];

	if (r->quiet || !r->fault)
		return SCHEMA_INVALID;
	here = f->instance->kind == JSON_NUMBER ? number : here;
	for (uint32_t i = 0; i < k->list.n; i++) {
		unsigned one = branch_types(k->list.v[i]);
		types |= one;
		left += (one & here) != 0;
		only = one & here ? k->list.v[i] : only;
	}
	if (left == 1 &&
	    run_node(r, only, f->instance, f, k->name) == SCHEMA_INVALID)
		return SCHEMA_INVALID;
	if (left == 0 && types) {
		tell_types(words, types);
		return run_fault(r, f->instance, k->name, "%s", words);
	}
	return run_fault(r, f->instance, k->name,
			 "what one of %u schemas allows", k->list.n);
}

/* If somebody asks what was seen, all branches must have a look. */
enum schema_verdict check_any(struct run *r, const struct keyword *k,
			      struct frame *f)
{
	unsigned valid;

	if (!how_many(r, k, f, f->seen ? UINT32_MAX : 1, &valid))
		return SCHEMA_UNKNOWN;
	return valid ? SCHEMA_VALID : none_of(r, k, f);
}

enum schema_verdict check_one(struct run *r, const struct keyword *k,
			      struct frame *f)
{
	unsigned valid;

	if (!how_many(r, k, f, 2, &valid))
		return SCHEMA_UNKNOWN;
	if (valid == 1)
		return SCHEMA_VALID;
	if (valid == 0)
		return none_of(r, k, f);
	return run_fault(r, f->instance, k->name,
			 "what only one of %u schemas allows", k->list.n);
}

enum schema_verdict check_not(struct run *r, const struct keyword *k,
			      struct frame *f)
{
	switch (run_quietly(r, k->node, f->instance, f, k->name)) {
	case SCHEMA_UNKNOWN: return SCHEMA_UNKNOWN;
	case SCHEMA_INVALID: return SCHEMA_VALID;
	default:
		return run_fault(r, f->instance, k->name,
				 "what the schema in \"not\" forbids");
	}
}

enum schema_verdict check_choice(struct run *r, const struct keyword *k,
				 struct frame *f)
{
	const struct choice *c = &k->choice;
	const struct node *next;

	switch (run_quietly(r, c->when, f->instance, f, "if")) {
	case SCHEMA_UNKNOWN: return SCHEMA_UNKNOWN;
	case SCHEMA_VALID: next = c->then; break;
	default: next = c->otherwise;
	}
	if (!next)
		return SCHEMA_VALID;
	return run_node(r, next, f->instance, f,
			next == c->then ? "then" : "else");
}

static struct node *dynamic_in(const struct resource *res, struct str name)
{
	for (struct anchor *a = res->anchors; a; a = a->next) {
		if (a->dynamic && str_eq(a->name, name))
			return a->node;
	}
	return NULL;
}

/*
 * $dynamicRef: the outermost resource on the way here that has the anchor
 * decides.
 */
enum schema_verdict check_ref(struct run *r, const struct keyword *k,
			      struct frame *f)
{
	const struct node *to = k->ref.to;
	const struct resource *last = NULL;

	for (const struct frame *up = k->ref.dynamic.p ? f : NULL; up;
	     up = up->up) {
		const struct resource *res = up->node->res;
		const struct node *there;
		if (res == last)
			continue;
		last = res;
		if (!run_spend(r, 1))
			return SCHEMA_UNKNOWN;
		there = dynamic_in(res, k->ref.dynamic);
		if (there)
			to = there;
	}
	return run_node(r, to, f->instance, f, k->name);
}
