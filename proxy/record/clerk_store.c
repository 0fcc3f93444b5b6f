/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. What goes into the trail, and when the ring gets its room back.
 *
 * Exchanges end in another order than they begin, so "everything up to record
 * N is stored" is never true while a slow stream is open. Instead each put
 * marks the last record that it took with the number of the commit that is
 * being gathered, and the commit writes that number beside the ring's uuid:
 *
 *	trail_put()	   record.group = G	in the ring
 *	trail_commit()	   uuid -> G		in the same transaction
 *
 * After a crash a mark counts if its number was committed; then everything of
 * that exchange up to the marked record is stored, else nothing since the mark
 * before. So nothing is stored twice and nothing is lost, whenever it happens.
 * What a later reader must know of records that have been released is in the
 * ring's slots, under the same rule.
 *
 * Released is what lies before the oldest record that is pending:
 *
 *	|A B A C B A C ...	A closed, B put in part, C pending
 *	       ^ tail
 */
#include "record/clerk_impl.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define GROUP	       16
#define GROUP_MOST     512
#define GROUP_TIME     (20 * NS_PER_MS)
#define GROUP_BYTES    (8u << 20)
#define OLD	       (60 * NS_PER_S) /* then a part is stored */
#define CLOSED_KEPT    (10 * NS_PER_S) /* exchanges end by then */
#define RETRY_AFTER    (200 * NS_PER_MS)
#define COMPLAIN_AFTER (30 * NS_PER_S)

/* ---- slots ---- */

void clerk_slots_init(struct clerk_source *s)
{
	s->slots = spool_slots(s->spool, &s->n_slots);
	s->free_slot = CLERK_NO_SLOT;
	for (size_t i = s->n_slots; i-- > 0;) {
		if (s->slots[i].note != SPOOL_NOTE_FREE)
			continue;
		s->slots[i].unused = s->free_slot;
		s->free_slot = (uint32_t)i;
	}
}

uint32_t clerk_slot_take(struct clerk_source *s, const struct spool_slot *as)
{
	uint32_t slot = s->free_slot;
	struct spool_slot *to;

	if (slot == CLERK_NO_SLOT)
		return slot; /* a crash would forget this one thing */
	to = &s->slots[slot];
	s->free_slot = (uint32_t)to->unused;
	*to = *as;
	to->group = s->group;
	return slot;
}

void clerk_slot_drop(struct clerk_source *s, uint32_t slot)
{
	if (slot != CLERK_NO_SLOT)
		buf_add(&s->old_slots, &slot, sizeof slot);
}

/* After a commit: what the slots of ended ones said is in the trail. */
static void free_slots(struct clerk_source *s)
{
	for (size_t i = 0; i < s->old_slots.n; i += sizeof(uint32_t)) {
		uint32_t slot;
		memcpy(&slot, s->old_slots.p + i, sizeof slot);
		s->slots[slot] = (struct spool_slot){.unused = s->free_slot};
		s->free_slot = slot;
	}
	s->old_slots.n = 0;
}

static void note_exchange(struct clerk_exchange *x)
{
	struct spool_slot note = {.key = x->key,
				  .id = x->id,
				  .started_wall = x->open.started_wall,
				  .started_mono = x->open.started_mono,
				  .parent = x->open.parent,
				  .conn_down = x->conn_down,
				  .note = SPOOL_NOTE_EXCHANGE,
				  .kind = (uint8_t)x->open.kind,
				  .attempt = (uint16_t)x->open.attempt};

	x->slot = clerk_slot_take(x->source, &note);
}

/* ---- putting an exchange together ---- */

static void parts_room(struct clerk_parts *p, size_t n)
{
	if (n <= p->cap)
		return;
	p->cap = n > 2 * p->cap ? n : 2 * p->cap;
	p->positions = mem_grow(p->positions, p->cap * sizeof *p->positions);
	p->heads = mem_grow(p->heads, p->cap * sizeof *p->heads);
	p->gaps = mem_grow(p->gaps, p->cap * sizeof *p->gaps);
	for (int side = 0; side < EV_SIDES; side++) {
		p->pieces[side] = mem_grow(p->pieces[side],
					   p->cap * sizeof *p->pieces[side]);
		p->arrivals[side] = mem_grow(
			p->arrivals[side], p->cap * sizeof *p->arrivals[side]);
	}
}

void clerk_parts_free(struct clerk_parts *p)
{
	free(p->positions);
	free(p->heads);
	free(p->gaps);
	for (int side = 0; side < EV_SIDES; side++) {
		free(p->pieces[side]);
		free(p->arrivals[side]);
	}
}

static void add_arrival(struct clerk_parts *p, const struct record *r)
{
	enum ev_side side = record_side(r);
	struct trail_arrival *a = p->arrivals[side];
	size_t n = p->n_arrivals[side];

	if (r->wire == 0)
		return; /* bytes that were held back, of an earlier arrival */
	if (record_continues(r) && n && a[n - 1].at == r->at &&
	    a[n - 1].n <= UINT32_MAX - r->wire) {
		a[n - 1].n += r->wire;
		return;
	}
	a[n] = (struct trail_arrival){r->at, r->wire};
	p->n_arrivals[side]++;
}

static void add_gap(struct clerk_parts *p, enum ev_side side, uint64_t offset,
		    uint64_t n, enum ev_gap why)
{
	p->gaps[p->n_gaps++] = (struct trail_gap){side, offset, n, why};
}

static void add_record(struct clerk_parts *p, const struct record *r)
{
	struct str payload = record_payload(r);
	enum ev_side side = record_side(r);
	struct record_gap gap;

	switch (r->type) {
	case RECORD_HEAD:
		p->heads[p->n_heads++] = (struct trail_head){
			side, record_kind(r), r->at, payload};
		break;
	case RECORD_DATA:
		if (payload.n)
			p->pieces[side][p->n_pieces[side]++] = payload;
		p->masked[side] += r->masked;
		add_arrival(p, r);
		break;
	case RECORD_GAP:
		if (record_unpack_gap(payload, &gap))
			add_gap(p, side, gap.offset, gap.n, record_kind(r));
		break;
	}
}

/* Everything that is pending of it, in order. */
static void gather(struct clerk_parts *p, const struct clerk_exchange *x)
{
	const struct spool_reader *rd = &x->source->reader;
	uint64_t at = x->last;

	parts_room(p, x->n + EV_SIDES);
	p->n_heads = p->n_gaps = 0;
	for (int side = 0; side < EV_SIDES; side++)
		p->n_pieces[side] = p->n_arrivals[side] = p->masked[side] = 0;
	for (size_t i = x->n; i-- > 0;) {
		p->positions[i] = at;
		if (i)
			at -= (uint64_t)spool_at(rd, at)->back * 8;
	}
	for (size_t i = 0; i < x->n; i++)
		add_record(p, spool_at(rd, p->positions[i]));
}

static size_t fill_runs(const struct clerk_parts *p, struct trail_run *runs)
{
	size_t n = 0;

	for (int side = 0; side < EV_SIDES; side++) {
		if (p->n_pieces[side] == 0 && p->n_arrivals[side] == 0)
			continue;
		runs[n++] =
			(struct trail_run){.side = side,
					   .pieces = p->pieces[side],
					   .n_pieces = p->n_pieces[side],
					   .arrivals = p->arrivals[side],
					   .n_arrivals = p->n_arrivals[side],
					   .masked = p->masked[side]};
	}
	return n;
}

/* What could not be read: unknown bytes, so a gap of none at the end. */
static void add_damage(struct clerk_parts *p, struct clerk_exchange *x)
{
	for (int side = 0; x->damaged && side < EV_SIDES; side++)
		add_gap(p, side, x->wire[side], 0, EV_GAP_RING_DAMAGED);
	x->damaged = false;
}

int64_t clerk_conn_up(const struct clerk_exchange *x,
		      const struct ev_close *close)
{
	const struct clerk_conn *conn = NULL;

	if (close)
		conn = clerk_map_get(&x->source->conns, close->conn_up);
	return conn ? conn->id : 0;
}

void clerk_put(struct clerk *c, struct clerk_exchange *x,
	       const struct ev_close *close)
{
	struct clerk_parts *p = &c->parts;
	struct trail_run runs[EV_SIDES];
	struct trail_exchange put = {.id = x->id,
				     .open = &x->open,
				     .conn_down = x->conn_down,
				     .conn_up = clerk_conn_up(x, close),
				     .runs = runs,
				     .close = close};

	gather(p, x);
	add_damage(p, x);
	put.heads = p->heads;
	put.n_heads = p->n_heads;
	put.gaps = p->gaps;
	put.n_gaps = p->n_gaps;
	put.n_runs = fill_runs(p, runs);
	trail_put(c->trail, &put);
	c->puts++;
	clerk_touch(c, x->source->latest);
	if (x->n) {
		spool_at(&x->source->reader, x->last)->group = x->source->group;
		TAILQ_REMOVE(&x->source->pending, x, link);
	}
	x->first = x->n = 0;
	x->bytes = 0;
	if (!close && x->slot == CLERK_NO_SLOT)
		note_exchange(x);
}

/* ---- commits ---- */

void clerk_touch(struct clerk *c, int64_t at)
{
	if (!c->dirty) {
		c->dirty = true;
		c->dirty_since = clock_mono();
		c->dirty_oldest = at;
	}
	if (at < c->dirty_oldest)
		c->dirty_oldest = at;
}

bool clerk_group_full(const struct clerk *c, bool more)
{
	uint64_t bytes;
	size_t n;

	if (!c->dirty)
		return false;
	n = trail_pending(c->trail, &bytes);
	if (n < GROUP && bytes < GROUP_BYTES)
		return false;
	/* While there is more to do, several frames share one fsync. */
	return !more || n >= GROUP_MOST || bytes >= GROUP_BYTES ||
	       clock_mono() - c->dirty_since > GROUP_TIME;
}

/* Everything before the oldest pending record is in the trail. */
static void release(struct clerk_source *s)
{
	const struct clerk_exchange *x = TAILQ_FIRST(&s->pending);
	uint64_t to = x ? x->first : s->taken;

	if (to > spool_released(s->spool))
		spool_release(s->spool, to);
}

/* Connections that no exchange will refer to any more. */
static void forget_conns(struct clerk_source *s)
{
	struct clerk_conn *conn;

	while ((conn = TAILQ_FIRST(&s->closed)) &&
	       conn->closed_at + (int64_t)CLOSED_KEPT < s->latest) {
		TAILQ_REMOVE(&s->closed, conn, link);
		clerk_map_drop(&s->conns, conn->key);
		clerk_slot_drop(s, conn->slot);
		free(conn);
	}
}

static void committed(struct clerk *c)
{
	uint64_t lag = clock_mono() - (uint64_t)c->dirty_oldest;

	if (lag > c->figures.lag_max_ns && c->n_sources &&
	    !spool_inherited(c->sources[0].spool))
		c->figures.lag_max_ns = lag;
	c->dirty = false;
	c->figures.commits++;
	c->figures.disk_bytes = trail_size(c->trail);
	for (unsigned i = 0; i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		s->group++;
		free_slots(s);
		release(s);
		forget_conns(s);
		spool_give_room(s->spool);
	}
	if (c->refused)
		log_warn("clerk", "the trail can be written again");
	c->refused = false;
}

static void refused(struct clerk *c)
{
	uint64_t now = clock_mono();

	c->retry_at = now + RETRY_AFTER;
	if (!c->refused || now - c->complained > COMPLAIN_AFTER) {
		c->complained = now;
		log_error("clerk", "%s; %s", c->trouble.text,
			  c->strict ? "the relay waits when the spool is full"
				    : "what does not fit into the spool will "
				      "be missing");
	}
	c->refused = true;
}

bool clerk_commit(struct clerk *c)
{
	struct trail_cursor *cursors;
	bool done;

	if (!c->dirty)
		return true;
	cursors = mem_alloc(c->n_sources * sizeof *cursors);
	for (unsigned i = 0; i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		memcpy(cursors[i].spool, spool_uuid(s->spool), 16);
		cursors[i].sequence = s->group;
	}
	done = trail_commit(c->trail, cursors, c->n_sources, &c->trouble);
	free(cursors);
	if (done)
		committed(c);
	else
		refused(c);
	return done;
}

/* ---- the rings' room ---- */

static bool too_old(const struct clerk_source *s, uint64_t now)
{
	const struct clerk_exchange *x = TAILQ_FIRST(&s->pending);

	return x && x->oldest + OLD < now;
}

/* Is more than half of the ring in use, and an old exchange the reason? */
static bool in_the_way(const struct clerk_source *s, bool crowded)
{
	const struct clerk_exchange *x = TAILQ_FIRST(&s->pending);

	return crowded && x &&
	       s->taken - x->first > spool_capacity(s->spool) / 4;
}

void clerk_relieve(struct clerk *c, uint64_t now)
{
	for (unsigned i = 0; i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		bool crowded =
			spool_room(s->spool) < spool_capacity(s->spool) / 2;

		while (too_old(s, now) || in_the_way(s, crowded))
			clerk_put(c, TAILQ_FIRST(&s->pending), NULL);
		if (crowded && !clerk_commit(c))
			return;
	}
}

void clerk_put_all(struct clerk *c)
{
	for (unsigned i = 0; i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		while (!TAILQ_EMPTY(&s->pending))
			clerk_put(c, TAILQ_FIRST(&s->pending), NULL);
	}
}
