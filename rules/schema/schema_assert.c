/* SPDX-License-Identifier: MIT */
/* The keywords of single values: kinds, bounds, patterns, sets. */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/schema/schema_impl.h"

/* Steps to compare or to hash a value. */
static uint64_t cost(const struct json *j)
{
	uint64_t steps = 1 + j->key.n / 32 + (j->n ? 0 : j->raw.n / 32);

	for (uint32_t i = 0; i < j->n; i++)
		steps += cost(j->v[i]);
	return steps;
}

/* false: unknown, and told so */
static bool decimal_here(struct run *r, const struct json *j, struct decimal *d)
{
	if (!run_spend(r, j->raw.n / 32))
		return false;
	if (decimal_of(j->raw, d))
		return true;
	run_unknown(r, "number", "an exponent out of all proportion");
	return false;
}

enum schema_verdict check_type(struct run *r, const struct keyword *k,
			       struct frame *f)
{
	const struct json *j = f->instance;
	struct decimal d;
	char words[TELL_TYPES];

	if (k->types & 1u << j->kind)
		return SCHEMA_VALID;
	if (k->types & TYPE_WHOLE && j->kind == JSON_NUMBER) {
		if (!decimal_here(r, j, &d))
			return SCHEMA_UNKNOWN;
		if (decimal_whole(&d))
			return SCHEMA_VALID;
	}
	tell_types(words, k->types);
	return run_fault(r, j, k->name, "%s", words);
}

/* Are two values the same? false and told so: too much to compare. */
static bool equal(struct run *r, const struct json *a, const struct json *b,
		  bool *same)
{
	*same = false;
	if (!run_spend(r, 1))
		return false;
	if (a->kind != b->kind ||
	    (a->n != b->n && !a->duplicates && !b->duplicates))
		return true;
	if (!run_spend(r, cost(a) + cost(b)))
		return false;
	*same = json_equal(a, b);
	return true;
}

enum schema_verdict check_enum(struct run *r, const struct keyword *k,
			       struct frame *f)
{
	char words[128];
	bool same;

	for (uint32_t i = 0; i < k->value->n; i++) {
		if (!equal(r, f->instance, k->value->v[i], &same))
			return SCHEMA_UNKNOWN;
		if (same)
			return SCHEMA_VALID;
	}
	tell_value(words, sizeof(words), k->value);
	return run_fault(r, f->instance, k->name, "one of %s", words);
}

enum schema_verdict check_const(struct run *r, const struct keyword *k,
				struct frame *f)
{
	char words[128];
	bool same;

	if (!equal(r, f->instance, k->value, &same))
		return SCHEMA_UNKNOWN;
	if (same)
		return SCHEMA_VALID;
	tell_value(words, sizeof(words), k->value);
	return run_fault(r, f->instance, k->name, "%s", words);
}

/* ---- numbers ---- */

enum order { LESS = 1, SAME = 2, MORE = 4 };

static enum schema_verdict compare(struct run *r, const struct keyword *k,
				   struct frame *f, unsigned allowed,
				   const char *words)
{
	struct decimal d;
	char limit[64];
	int order;

	if (f->instance->kind != JSON_NUMBER)
		return SCHEMA_VALID;
	if (!decimal_here(r, f->instance, &d))
		return SCHEMA_UNKNOWN;
	order = decimal_cmp(&d, &k->number);
	if (allowed & (order < 0 ? LESS : order > 0 ? MORE : SAME))
		return SCHEMA_VALID;
	tell_value(limit, sizeof(limit), k->value);
	return run_fault(r, f->instance, k->name, "%s %s", words, limit);
}

enum schema_verdict check_minimum(struct run *r, const struct keyword *k,
				  struct frame *f)
{
	return compare(r, k, f, SAME | MORE, "at least");
}

enum schema_verdict check_maximum(struct run *r, const struct keyword *k,
				  struct frame *f)
{
	return compare(r, k, f, SAME | LESS, "at most");
}

enum schema_verdict check_above(struct run *r, const struct keyword *k,
				struct frame *f)
{
	return compare(r, k, f, MORE, "more than");
}

enum schema_verdict check_below(struct run *r, const struct keyword *k,
				struct frame *f)
{
	return compare(r, k, f, LESS, "less than");
}

enum schema_verdict check_multiple(struct run *r, const struct keyword *k,
				   struct frame *f)
{
	struct decimal d;
	char factor[64];

	if (f->instance->kind != JSON_NUMBER)
		return SCHEMA_VALID;
	if (!decimal_here(r, f->instance, &d))
		return SCHEMA_UNKNOWN;
	switch (decimal_multiple(&d, &k->number)) {
	case DECIMAL_YES: return SCHEMA_VALID;
	case DECIMAL_UNKNOWN:
		return run_unknown(r, k->name, "more than 18 digits");
	default:
		tell_value(factor, sizeof(factor), k->value);
		return run_fault(r, f->instance, k->name, "a multiple of %s",
				 factor);
	}
}

/* ---- counts ---- */

/* Characters of Unicode, not bytes. */
static bool length(struct run *r, const struct json *j, uint64_t *n)
{
	struct str s = json_text(j);

	*n = 0;
	for (size_t i = 0; i < s.n; i++)
		*n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return run_spend(r, s.n / 256);
}

/* Members of different names. */
static bool members(struct run *r, const struct json *o, uint64_t *n)
{
	*n = o->n;
	if (o->duplicates && !run_spend(r, o->n))
		return false;
	for (uint32_t i = 0; o->duplicates && i < o->n; i++)
		*n -= is_hidden(o, o->v[i]);
	return true;
}

static bool elements(struct run *r, const struct json *a, uint64_t *n)
{
	*n = a->n;
	return true;
}

/* What a kind of value has so many of. */
struct counted {
	enum json_kind kind;
	/* False: over the budget. */
	bool (*count)(struct run *r, const struct json *j, uint64_t *n);
	const char *what;
};
static const struct counted characters = {JSON_STRING, length, "characters"};
static const struct counted in_array = {JSON_ARRAY, elements, "elements"};
static const struct counted in_object = {JSON_OBJECT, members, "members"};

static enum schema_verdict within(struct run *r, const struct keyword *k,
				  struct frame *f, const struct counted *of,
				  bool least)
{
	uint64_t n;

	if (f->instance->kind != of->kind)
		return SCHEMA_VALID;
	if (!of->count(r, f->instance, &n))
		return SCHEMA_UNKNOWN;
	if (least ? n >= k->count : n <= k->count)
		return SCHEMA_VALID;
	run_fault(r, f->instance, k->name, "at %s %ju %s",
		  least ? "least" : "most", (uintmax_t)k->count, of->what);
	return run_observe(r, "%ju %s", (uintmax_t)n, of->what);
}

enum schema_verdict check_min_length(struct run *r, const struct keyword *k,
				     struct frame *f)
{
	return within(r, k, f, &characters, true);
}

enum schema_verdict check_max_length(struct run *r, const struct keyword *k,
				     struct frame *f)
{
	return within(r, k, f, &characters, false);
}

enum schema_verdict check_min_items(struct run *r, const struct keyword *k,
				    struct frame *f)
{
	return within(r, k, f, &in_array, true);
}

enum schema_verdict check_max_items(struct run *r, const struct keyword *k,
				    struct frame *f)
{
	return within(r, k, f, &in_array, false);
}

enum schema_verdict check_min_members(struct run *r, const struct keyword *k,
				      struct frame *f)
{
	return within(r, k, f, &in_object, true);
}

enum schema_verdict check_max_members(struct run *r, const struct keyword *k,
				      struct frame *f)
{
	return within(r, k, f, &in_object, false);
}

/* ---- strings, arrays, objects ---- */

enum schema_verdict check_pattern(struct run *r, const struct keyword *k,
				  struct frame *f)
{
	enum schema_verdict v;
	char words[128];

	if (f->instance->kind != JSON_STRING)
		return SCHEMA_VALID;
	v = run_regex(r, k->regex, json_text(f->instance));
	if (v != SCHEMA_INVALID)
		return v;
	tell_value(words, sizeof(words), k->value);
	return run_fault(r, f->instance, k->name, "a match of %s", words);
}

struct bucket {
	uint64_t hash;
	uint32_t at; /* + 1; 0: free */
};

/* Puts element i where its equal is not; *twin is that equal, or NULL. */
static bool place(struct run *r, const struct json *a, uint32_t i,
		  struct bucket *b, size_t cap, const struct json **twin)
{
	uint64_t hash;
	size_t at;
	bool same;

	*twin = NULL;
	if (!run_spend(r, cost(a->v[i])))
		return false;
	hash = json_hash(a->v[i]);
	at = hash & (cap - 1);
	for (; b[at].at; at = (at + 1) & (cap - 1)) {
		const struct json *other = a->v[b[at].at - 1];
		if (!run_spend(r, 1))
			return false;
		if (b[at].hash != hash)
			continue;
		if (!equal(r, other, a->v[i], &same))
			return false;
		if (same) {
			*twin = other;
			return true;
		}
	}
	b[at] = (struct bucket){hash, i + 1};
	return true;
}

enum schema_verdict check_unique(struct run *r, const struct keyword *k,
				 struct frame *f)
{
	const struct json *a = f->instance, *twin = NULL;
	struct bucket *buckets;
	size_t cap = 4;
	bool good = true;

	if (a->kind != JSON_ARRAY || a->n < 2)
		return SCHEMA_VALID;
	if (!run_spend(r, a->n))
		return SCHEMA_UNKNOWN;
	while (cap < (size_t)a->n * 2)
		cap *= 2;
	buckets = mem_zero(cap * sizeof(*buckets));
	for (uint32_t i = 0; good && !twin && i < a->n; i++)
		good = place(r, a, i, buckets, cap, &twin);
	free(buckets);
	if (!good)
		return SCHEMA_UNKNOWN;
	if (!twin)
		return SCHEMA_VALID;
	return run_fault(r, twin, k->name, "no element twice");
}

enum schema_verdict check_required(struct run *r, const struct keyword *k,
				   struct frame *f)
{
	const struct json *o = f->instance;

	if (o->kind != JSON_OBJECT)
		return SCHEMA_VALID;
	for (uint32_t i = 0; i < k->value->n; i++) {
		struct str name = json_text(k->value->v[i]);
		if (!run_spend(r, 1 + name.n / 32))
			return SCHEMA_UNKNOWN;
		if (json_get(o, name))
			continue;
		return run_fault(r, o, k->name, "a member \"%.*s\"",
				 (int)(name.n < 120 ? name.n : 120), name.p);
	}
	return SCHEMA_VALID;
}
