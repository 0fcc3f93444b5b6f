/* SPDX-License-Identifier: MIT */
/*
 * Two caches of one shape, sets of WAYS entries each:
 *
 *	ranges	route, model, letters  ->  tokens a character: from, to
 *	bodies	route, model, body     ->  prompt tokens, and whose
 *
 *	 key % sets
 *	    |
 *	    v  e e e e e e e e		the longest unused of a full set
 *	       e e e e e e e e		makes room
 */
#include "rules/judge/meter.h"

#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"
#include "rules/judge/check_impl.h"

enum { WAYS = 8, METER_DEFAULT = 8 << 20 };

struct entry {
	uint64_t key, used; /* used 0: empty */
	uint64_t count;	    /* of samples */
	double low, high;
	int64_t tokens, exchange;
};

struct cache {
	struct entry *v;
	size_t n; /* a multiple of WAYS */
	uint64_t clock;
};

struct meter {
	struct cache ranges, bodies;
};

/* ---- caches ---- */

static void cache_new(struct cache *c, size_t most)
{
	size_t sets = most / (WAYS * sizeof(struct entry));

	c->n = (sets ? sets : 1) * WAYS;
	c->v = mem_zero(c->n * sizeof *c->v);
}

static struct entry *set_of(const struct cache *c, uint64_t key)
{
	return &c->v[key % (c->n / WAYS) * WAYS];
}

static struct entry *find(const struct cache *c, uint64_t key)
{
	struct entry *e = set_of(c, key);

	for (unsigned i = 0; i < WAYS; i++)
		if (e[i].used && e[i].key == key)
			return &e[i];
	return NULL;
}

/* The entry of the key, an empty one if there was none. */
static struct entry *take(struct cache *c, uint64_t key)
{
	struct entry *e = find(c, key), *set = set_of(c, key);

	if (!e) {
		e = set;
		for (unsigned i = 1; i < WAYS; i++)
			if (set[i].used < e->used)
				e = &set[i];
		*e = (struct entry){.key = key};
	}
	e->used = ++c->clock;
	return e;
}

/* ---- the part ---- */

struct meter *meter_new(size_t most)
{
	struct meter *p = MEM_NEW(struct meter);

	most = most ? most : METER_DEFAULT;
	cache_new(&p->ranges, most / 8);
	cache_new(&p->bodies, most - most / 8);
	return p;
}

void meter_free(struct meter *p)
{
	if (!p)
		return;
	free(p->ranges.v);
	free(p->bodies.v);
	free(p);
}

size_t meter_size(const struct meter *p)
{
	return sizeof *p + (p->ranges.n + p->bodies.n) * sizeof(struct entry);
}

uint64_t meter_range(const struct meter *p, const struct measure *m,
		     double *low, double *high)
{
	const struct entry *e = find(&p->ranges, m->key);

	if (!e)
		return 0;
	*low = e->low;
	*high = e->high;
	return e->count;
}

bool meter_is_outside(const struct measure *m, double low, double high)
{
	return m->ratio > high * METER_FACTOR || m->ratio < low / METER_FACTOR;
}

static uint64_t body_key(const struct check_case *c)
{
	uint64_t h = XXH64(c->route.p, c->route.n, c->q->body_hash);

	return XXH64(c->q->model.p, c->q->model.n, h);
}

int64_t meter_prompt(const struct meter *p, const struct check_case *c,
		     int64_t *exchange)
{
	const struct entry *e = find(&p->bodies, body_key(c));

	if (!e)
		return USAGE_NONE;
	*exchange = e->exchange;
	return e->tokens;
}

/* ---- learning ---- */

/* What is outside of a range that counts is an accusation, not a sample. */
static void learn_range(struct meter *p, const struct measure *m)
{
	const struct entry *known = find(&p->ranges, m->key);
	struct entry *e;

	if (known && known->count >= METER_LEAST &&
	    meter_is_outside(m, known->low, known->high))
		return;
	e = take(&p->ranges, m->key);
	if (!e->count || m->ratio < e->low)
		e->low = m->ratio;
	if (!e->count || m->ratio > e->high)
		e->high = m->ratio;
	e->count++;
}

void meter_learn(struct meter *p, const struct check_case *c)
{
	const struct request *q = check_asked(c);
	struct entry *e;
	struct measure m;

	if (!q || !check_served(c) || !check_whole(c))
		return;
	if (measure(c, &m) && m.sample)
		learn_range(p, &m);
	if (!c->a->usage.have || c->a->usage.prompt <= 0 || !meter_is_closed(q))
		return;
	e = take(&p->bodies, body_key(c));
	e->tokens = c->a->usage.prompt;
	e->exchange = c->id;
}

/* ---- kept ---- */

static void cache_save(const struct cache *c, struct buf *to)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->v[i].used != 0;
	buf_add_varint(to, c->clock);
	buf_add_varint(to, n);
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].used)
			buf_add(to, &c->v[i], sizeof c->v[i]);
}

static bool cache_load(struct cache *c, struct str *from)
{
	uint64_t n, clock;
	struct entry e;

	if (!str_varint(from, &clock) || !str_varint(from, &n) ||
	    n > from->n / sizeof e)
		return false;
	while (n-- > 0) {
		memcpy(&e, from->p, sizeof e);
		*from = str_skip(*from, sizeof e);
		if (!e.used || e.used > clock)
			return false;
		*take(c, e.key) = e;
	}
	c->clock = clock;
	return true;
}

void meter_save(const struct meter *p, struct buf *to)
{
	cache_save(&p->ranges, to);
	cache_save(&p->bodies, to);
}

bool meter_load(struct meter *p, struct str from)
{
	return cache_load(&p->ranges, &from) && cache_load(&p->bodies, &from) &&
	       from.n == 0;
}
