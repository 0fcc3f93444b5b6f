/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Before anything new is recorded, what a crashed process left in its
 * rings is brought into the trail:
 *
 *	1. every ring is read once, for its marks: up to where is each
 *	   exchange stored? Marks of a commit that never happened are wiped
 *	2. the slots say which rows connections and parts have
 *	3. the rings are merged and read like living ones, but for what is
 *	   stored; what did not end in them is `interrupted`
 *	4. only then they start anew
 *
 * A crash meanwhile is nothing special: the rings and the marks are still
 * there, and tell how far it got.
 */
#include "record/clerk_impl.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct recovery {
	struct clerk *clerk;
	int64_t *unclosed; /* ids, ascending */
	size_t n_unclosed;
	uint64_t taken; /* records */
};

/* ---- what is in the trail ---- */

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void find_unclosed(struct recovery *v)
{
	size_t max = 64, n;

	free(v->unclosed);
	v->unclosed = NULL;
	do {
		max *= 4;
		v->unclosed = mem_grow(v->unclosed, max * sizeof(int64_t));
		n = trail_unclosed(v->clerk->trail, v->unclosed, max);
	} while (n >= max);
	v->n_unclosed = n;
	qsort(v->unclosed, n, sizeof *v->unclosed, ascending);
}

static bool is_unclosed(const struct recovery *v, int64_t id)
{
	return bsearch(&id, v->unclosed, v->n_unclosed, sizeof id, ascending);
}

/* ---- marks ---- */

/* Up to where each exchange is stored: a record's position by its key. */
static void read_marks(struct clerk_source *s, uint64_t committed)
{
	struct spool_reader rd;
	struct record *r;

	spool_reader_init(&rd, s->spool);
	while (spool_next(&rd, &r) == SPOOL_RECORD) {
		uintptr_t at = (uintptr_t)spool_position(&rd, r);
		if (r->group > committed)
			r->group = 0;
		if (r->group && r->key)
			clerk_map_put(&s->stored, r->key, (void *)at);
	}
}

static bool is_stored(const struct clerk_source *s, const struct record *r,
		      uint64_t position)
{
	uintptr_t upto = (uintptr_t)clerk_map_get(&s->stored, r->key);

	return position <= upto;
}

/* ---- slots ---- */

static void know_conn(struct clerk_source *s, uint32_t slot)
{
	const struct spool_slot *note = &s->slots[slot];
	struct clerk_conn *conn = MEM_NEW(struct clerk_conn);

	conn->key = note->key;
	conn->id = note->id;
	conn->slot = slot;
	clerk_map_put(&s->conns, conn->key, conn);
}

static void know_exchange(struct clerk_source *s, uint32_t slot)
{
	const struct spool_slot *note = &s->slots[slot];
	struct clerk_exchange *x = MEM_NEW(struct clerk_exchange);

	x->key = note->key;
	x->id = note->id;
	x->conn_down = note->conn_down;
	x->source = s;
	x->slot = slot;
	x->open = (struct ev_open){.kind = note->kind,
				   .parent = note->parent,
				   .run = STR(""),
				   .route = STR(""),
				   .started_wall = note->started_wall,
				   .started_mono = note->started_mono,
				   .attempt = note->attempt};
	clerk_map_put(&s->exchanges, x->key, x);
}

static void read_slots(const struct recovery *v, struct clerk_source *s,
		       uint64_t committed)
{
	for (size_t i = 0; i < s->n_slots; i++) {
		struct spool_slot *note = &s->slots[i];
		bool valid = note->key && note->group <= committed;

		if (valid && note->note == SPOOL_NOTE_CONN &&
		    !clerk_map_get(&s->conns, note->key))
			know_conn(s, (uint32_t)i);
		else if (valid && note->note == SPOOL_NOTE_EXCHANGE &&
			 note->kind < EV_KINDS && is_unclosed(v, note->id) &&
			 !clerk_map_get(&s->exchanges, note->key))
			know_exchange(s, (uint32_t)i);
		else
			*note = (struct spool_slot){0};
	}
	clerk_slots_init(s);
}

/* ---- rings ---- */

static void take_over(struct recovery *v, struct spool *spool, bool owned)
{
	struct clerk *c = v->clerk;
	struct clerk_source *s;
	uint64_t committed;

	c->sources =
		mem_grow(c->sources, (c->n_sources + 1) * sizeof *c->sources);
	s = &c->sources[c->n_sources++];
	clerk_source_open(s, spool);
	s->owned = owned;
	if (!spool_same_boot(spool))
		s->shift = (int64_t)(spool_wall(spool, 0) -
				     (clock_wall() - clock_mono()));
	committed = trail_cursor_of(c->trail, spool_uuid(spool));
	s->group = (uint32_t)committed + 1;
	read_marks(s, committed);
	read_slots(v, s, committed);
}

/* The lists' heads moved with the array. */
static void settle_lists(struct clerk *c)
{
	for (unsigned i = 0; i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		struct clerk_exchange **open = clerk_open_ones(s);

		TAILQ_INIT(&s->pending);
		TAILQ_INIT(&s->closed);
		for (size_t k = 0; k < s->exchanges.n; k++)
			open[k]->source = s;
		free(open);
	}
}

static void find_rings(struct recovery *v, const struct clerk_options *o)
{
	unsigned number = o->n_spools;
	struct spool *left;

	for (unsigned i = 0; i < o->n_spools; i++) {
		if (spool_inherited(o->spools[i]))
			take_over(v, o->spools[i], false);
	}
	while (o->n_spools && (left = spool_open_left(o->spools[0], &number)))
		take_over(v, left, true);
	settle_lists(v->clerk);
}

/* ---- reading ---- */

static bool read_rest(struct recovery *v)
{
	struct clerk *c = v->clerk;
	struct clerk_source *s;
	struct record *r;

	while ((r = clerk_next(c, INT64_MAX, &s))) {
		uint64_t at = spool_position(&s->reader, r);
		if (is_stored(s, r, at))
			continue;
		v->taken++;
		clerk_read(c, s, r, at);
		if (clerk_group_full(c, true) && !clerk_commit(c))
			return false;
	}
	return true;
}

/* Those that begin in the rings end here; of those that began in the trail
 * the rest is put, and close_unclosed() ends them. */
static bool end_open_ones(struct clerk *c)
{
	for (unsigned i = 0; i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		struct clerk_exchange **open = clerk_open_ones(s);
		size_t n = s->exchanges.n;

		for (size_t k = 0; k < n; k++) {
			if (open[k]->slot == CLERK_NO_SLOT)
				clerk_interrupt(c, open[k]);
			else if (open[k]->first)
				clerk_put(c, open[k], NULL);
		}
		free(open);
	}
	return clerk_commit(c);
}

static bool close_unclosed(struct recovery *v)
{
	struct clerk *c = v->clerk;

	find_unclosed(v);
	for (size_t i = 0; i < v->n_unclosed; i++) {
		trail_close_interrupted(c->trail, v->unclosed[i]);
		c->figures.exchanges[EV_INTERRUPTED]++;
		clerk_touch(c, (int64_t)clock_mono());
		if (clerk_group_full(c, true) && !clerk_commit(c))
			return false;
	}
	return clerk_commit(c);
}

/* All is in the trail: the rings are empty now. */
static void start_anew(struct clerk *c)
{
	for (unsigned i = 0; i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		struct spool_reader rd;

		spool_reader_init(&rd, s->spool);
		spool_release(s->spool, rd.head);
		if (!s->owned)
			spool_restart(s->spool);
		clerk_source_close(s);
	}
	free(c->sources);
	c->sources = NULL;
	c->n_sources = 0;
}

bool clerk_recover(struct clerk *c, const struct clerk_options *o,
		   struct fail *f)
{
	struct recovery v = {.clerk = c};
	bool done;

	find_unclosed(&v);
	find_rings(&v, o);
	done = read_rest(&v) && end_open_ones(c) && close_unclosed(&v);
	if (done && (v.taken || v.n_unclosed))
		log_warn("clerk",
			 "took in what a crash left: %llu records, %llu "
			 "exchanges interrupted",
			 (unsigned long long)v.taken,
			 (unsigned long long)
				 c->figures.exchanges[EV_INTERRUPTED]);
	if (done)
		start_anew(c);
	else
		*f = c->trouble;
	free(v.unclosed);
	return done;
}
