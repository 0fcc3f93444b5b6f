/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Each ring is in its own order; the rings are merged by the records'
 * clocks, so that ids are in the order of the starts:
 *
 *	ring 0:	 1 3 6 7 |
 *	ring 1:	 2 4 |		a record of time 5 may still come here
 *		     ^ horizon: only what is before it is taken
 *
 * The horizon is a moment before now, so that a worker that is about to
 * publish is waited for, and an idle one is not. With one ring there is
 * nothing to wait for.
 */
#include "record/clerk_impl.h"

#include <stdlib.h>

#include "base/log.h"

void clerk_source_open(struct clerk_source *s, struct spool *spool)
{
	*s = (struct clerk_source){.spool = spool, .group = 1};
	TAILQ_INIT(&s->pending);
	TAILQ_INIT(&s->closed);
	spool_reader_init(&s->reader, spool);
	s->taken = s->reader.position;
	clerk_slots_init(s);
}

void clerk_source_close(struct clerk_source *s)
{
	struct clerk_exchange **open = clerk_open_ones(s);
	void **conns = clerk_map_all(&s->conns);

	for (size_t i = 0; i < s->exchanges.n; i++)
		free(open[i]);
	for (size_t i = 0; i < s->conns.n; i++)
		free(conns[i]);
	free(open);
	free(conns);
	clerk_map_free(&s->exchanges);
	clerk_map_free(&s->conns);
	clerk_map_free(&s->stored);
	buf_free(&s->old_slots);
	if (s->owned)
		spool_free(s->spool);
}

void clerk_look(struct clerk *c)
{
	for (unsigned i = 0; i < c->n_sources; i++) {
		if (!c->sources[i].ended)
			spool_reader_update(&c->sources[i].reader,
					    c->sources[i].spool);
	}
}

/* What can be done when a ring's memory is not what was written. */
static void damage(struct clerk *c, struct clerk_source *s)
{
	struct clerk_exchange **open = clerk_open_ones(s);

	for (size_t i = 0; i < s->exchanges.n; i++)
		open[i]->damaged = true;
	free(open);
	c->figures.gaps++;
	s->ended = spool_inherited(s->spool);
	log_error("clerk",
		  "%s is damaged at %llu: %llu bytes of it are not recorded",
		  spool_path(s->spool), (unsigned long long)s->reader.position,
		  (unsigned long long)(s->reader.head - s->reader.position));
	if (s->ended)
		s->reader.head = s->reader.position;
	else
		spool_reader_skip(&s->reader, s->spool);
	s->taken = s->reader.position;
}

static bool peek(struct clerk *c, struct clerk_source *s)
{
	int64_t at;

	if (s->next)
		return true;
	switch (spool_next(&s->reader, &s->next)) {
	case SPOOL_EMPTY: return false;
	case SPOOL_DAMAGED: damage(c, s); return false;
	case SPOOL_RECORD: break;
	}
	at = (int64_t)s->next->at + s->shift;
	if (at > s->latest)
		s->latest = at;
	return true;
}

struct record *clerk_next(struct clerk *c, int64_t horizon,
			  struct clerk_source **from)
{
	struct clerk_source *first = NULL;
	struct record *r;

	for (unsigned i = 0; i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		if (peek(c, s) && (!first || s->latest < first->latest))
			first = s;
	}
	if (!first || (c->n_sources > 1 && first->latest > horizon))
		return NULL;
	r = first->next;
	first->next = NULL;
	first->taken = first->reader.position;
	*from = first;
	return r;
}
