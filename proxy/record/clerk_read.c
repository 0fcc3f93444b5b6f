/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. What a record means. Bytes are not copied: an exchange knows its
 * newest record, and each record's `back` is the way to the one before. So a
 * stream that has been silent for an hour costs its struct and nothing more.
 *
 *	exchange.last --> DATA --back--> DATA --back--> HEAD --back--> OPEN
 *						exchange.first ^, n = 4
 */
#include "record/clerk_impl.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#define PENDING_MOST (1u << 20) /* then a part is stored */

/* Each route and run is kept once, for as long as the clerk lives. */
static struct str keep_name(struct clerk *c, struct str name)
{
	if (name.n == 0)
		return STR("");
	for (size_t i = c->n_names; i-- > 0;) {
		if (str_eq(str_of(c->names[i]), name))
			return str_of(c->names[i]);
	}
	c->names = mem_grow(c->names, (c->n_names + 1) * sizeof *c->names);
	c->names[c->n_names] = str_dup(name);
	return str_of(c->names[c->n_names++]);
}

/* ---- connections ---- */

static int64_t conn_id(const struct clerk_source *s, uint64_t key)
{
	const struct clerk_conn *conn = clerk_map_get(&s->conns, key);

	return conn ? conn->id : 0;
}

static void read_conn(struct clerk *c, struct clerk_source *s, struct record *r)
{
	struct spool_slot note = {.key = r->key, .note = SPOOL_NOTE_CONN};
	struct clerk_conn *conn;
	struct ev_conn ev;

	if (!record_unpack_conn(record_payload(r), &ev) || r->key == 0 ||
	    clerk_map_get(&s->conns, r->key))
		return;
	conn = MEM_NEW(struct clerk_conn);
	conn->key = r->key;
	conn->id = note.id = trail_put_conn(c->trail, &ev);
	conn->slot = clerk_slot_take(s, &note);
	clerk_map_put(&s->conns, r->key, conn);
	for (unsigned i = 0; i < c->n_taps; i++) {
		if (c->taps[i].conn)
			c->taps[i].conn(c->taps[i].arg, conn->id, &ev);
	}
	r->group = s->group;
	clerk_touch(c, s->latest);
}

static void read_note(struct clerk *c, struct clerk_source *s, struct record *r)
{
	int64_t id = conn_id(s, r->key);
	struct str kind, text;

	if (!id || !record_unpack_note(record_payload(r), &kind, &text))
		return;
	trail_put_conn_note(c->trail, id, kind, text,
			    spool_wall(s->spool, r->at));
	r->group = s->group;
	clerk_touch(c, s->latest);
}

static void read_conn_closed(struct clerk *c, struct clerk_source *s,
			     struct record *r)
{
	struct clerk_conn *conn = clerk_map_get(&s->conns, r->key);

	if (!conn || conn->closed_at)
		return;
	trail_put_conn_closed(c->trail, conn->id, spool_wall(s->spool, r->at));
	conn->closed_at = s->latest;
	TAILQ_INSERT_TAIL(&s->closed, conn, link);
	r->group = s->group;
	clerk_touch(c, s->latest);
}

/* ---- exchanges ---- */

static struct clerk_exchange *exchange_new(struct clerk *c,
					   struct clerk_source *s, uint64_t key)
{
	struct clerk_exchange *x = MEM_NEW(struct clerk_exchange);
	x->key = key;
	x->source = s;
	x->slot = CLERK_NO_SLOT;
	x->id = trail_next_id(c->trail);
	clerk_map_put(&s->exchanges, key, x);
	return x;
}

void clerk_exchange_free(struct clerk_exchange *x)
{
	struct clerk_source *s = x->source;

	if (x->first)
		TAILQ_REMOVE(&s->pending, x, link);
	clerk_slot_drop(s, x->slot);
	clerk_map_drop(&s->exchanges, x->key);
	if (s->recent == x)
		s->recent = NULL;
	free(x);
}

static int by_id(const void *a, const void *b)
{
	const struct clerk_exchange *x = *(struct clerk_exchange *const *)a;
	const struct clerk_exchange *y = *(struct clerk_exchange *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

struct clerk_exchange **clerk_open_ones(const struct clerk_source *s)
{
	void **all = clerk_map_all(&s->exchanges);

	qsort(all, s->exchanges.n, sizeof *all, by_id);
	return (struct clerk_exchange **)all;
}

/* The record joins what is pending of its exchange. */
static void append(struct clerk_exchange *x, struct record *r, uint64_t at)
{
	if (x->first) {
		r->back = (uint32_t)((at - x->last) / 8);
	} else {
		x->first = at;
		x->oldest = r->at;
		TAILQ_INSERT_TAIL(&x->source->pending, x, link);
	}
	x->last = at;
	x->n++;
	x->bytes += record_size(r->length);
}

static void tap_open(struct clerk *c, struct clerk_exchange *x)
{
	x->tapped = true;
	for (unsigned i = 0; i < c->n_taps; i++) {
		if (c->taps[i].open)
			c->taps[i].open(c->taps[i].arg, x->id, &x->open);
	}
}

static void read_open(struct clerk *c, struct clerk_source *s, struct record *r,
		      uint64_t position)
{
	struct clerk_exchange *x;
	struct ev_open open;

	if (!record_unpack_open(record_payload(r), &open))
		return;
	x = exchange_new(c, s, r->key);
	x->open = open;
	x->open.route = keep_name(c, open.route);
	x->open.run = keep_name(c, open.run);
	x->conn_down = conn_id(s, open.conn_down);
	append(x, r, position);
	tap_open(c, x);
}

/* One whose beginning was not readable is kept from here on. */
static struct clerk_exchange *orphan(struct clerk *c, struct clerk_source *s,
				     const struct record *r)
{
	struct clerk_exchange *x = exchange_new(c, s, r->key);
	x->open.route = x->open.run = STR("");
	x->open.started_mono = r->at;
	x->open.started_wall = spool_wall(s->spool, r->at);
	x->damaged = true;
	tap_open(c, x);
	return x;
}

static void set_mark(struct clerk_exchange *x, enum ev_mark mark, uint64_t at,
		     bool again)
{
	if (at > x->open.started_mono && (again || !x->mark[mark]))
		x->mark[mark] = at - x->open.started_mono;
}

/* The status of "HTTP/1.1 200 OK" or ":status: 200". */
static unsigned status_of(struct str raw)
{
	struct str line = str_cut(&raw, '\n');
	uint64_t status;

	str_cut(&line, ' ');
	line.n = line.n < 3 ? line.n : 3;
	return str_u64(line, &status) ? (unsigned)status : 0;
}

static void read_head(struct clerk *c, struct clerk_exchange *x,
		      const struct record *r)
{
	struct str raw = record_payload(r);
	enum ev_side side = record_side(r);
	unsigned kind = record_kind(r);

	if (kind == EV_HEAD_MAIN && side == EV_REQUEST)
		set_mark(x, EV_MARK_REQUEST_HEAD, r->at, false);
	if (kind == EV_HEAD_MAIN && side == EV_RESPONSE) {
		set_mark(x, EV_MARK_FIRST_BYTE, r->at, false);
		x->status = (uint16_t)status_of(raw);
	}
	for (unsigned i = 0; x->tapped && i < c->n_taps; i++) {
		if (c->taps[i].head)
			c->taps[i].head(c->taps[i].arg, x->id, side, kind, raw,
					r->at);
	}
}

static void read_data(struct clerk *c, struct clerk_exchange *x,
		      const struct record *r)
{
	struct str bytes = record_payload(r);
	enum ev_side side = record_side(r);

	x->wire[side] += r->wire;
	c->figures.bytes_recorded += bytes.n;
	if (side == EV_RESPONSE)
		set_mark(x, EV_MARK_FIRST_DATA, r->at, false);
	for (unsigned i = 0; x->tapped && bytes.n && i < c->n_taps; i++) {
		if (c->taps[i].data)
			c->taps[i].data(c->taps[i].arg, x->id, side, bytes,
					r->at);
	}
}

static void read_gap(struct clerk *c, struct clerk_exchange *x,
		     const struct record *r)
{
	enum ev_side side = record_side(r);
	struct record_gap gap;

	if (!record_unpack_gap(record_payload(r), &gap))
		return;
	x->wire[side] += gap.n;
	c->figures.gaps++;
	c->figures.gap_bytes += gap.n;
	for (unsigned i = 0; x->tapped && i < c->n_taps; i++) {
		if (c->taps[i].gap)
			c->taps[i].gap(c->taps[i].arg, x->id, side, gap.n);
	}
}

/* The end, whether it was recorded or not. Frees x. */
static void finish(struct clerk *c, struct clerk_exchange *x,
		   const struct ev_close *close)
{
	int64_t up = clerk_conn_up(x, close);

	for (unsigned i = 0; x->tapped && i < c->n_taps; i++) {
		if (c->taps[i].close)
			c->taps[i].close(c->taps[i].arg, x->id, close, up);
	}
	c->figures.exchanges[close->outcome]++;
	clerk_put(c, x, close);
	clerk_exchange_free(x);
}

void clerk_interrupt(struct clerk *c, struct clerk_exchange *x)
{
	struct ev_close close = {.outcome = EV_INTERRUPTED,
				 .status = x->status};

	memcpy(close.mark, x->mark, sizeof close.mark);
	close.bytes[EV_DIGEST_REQUEST_IN] = x->wire[EV_REQUEST];
	close.bytes[EV_DIGEST_RESPONSE_IN] = x->wire[EV_RESPONSE];
	finish(c, x, &close);
}

static void read_exchange(struct clerk *c, struct clerk_source *s,
			  struct record *r, uint64_t position)
{
	struct clerk_exchange *x = s->recent;
	struct ev_close close;

	if (!x || x->key != r->key)
		x = clerk_map_get(&s->exchanges, r->key);
	if (!x && r->key == 0)
		return;
	if (!x)
		x = orphan(c, s, r);
	s->recent = x;
	append(x, r, position);
	switch (r->type) {
	case RECORD_HEAD: read_head(c, x, r); break;
	case RECORD_DATA: read_data(c, x, r); break;
	case RECORD_GAP: read_gap(c, x, r); break;
	case RECORD_CLOSE:
		if (record_unpack_close(record_payload(r), &close))
			finish(c, x, &close);
		else
			clerk_interrupt(c, x);
		return;
	}
	if (x->bytes > PENDING_MOST)
		clerk_put(c, x, NULL);
}

void clerk_read(struct clerk *c, struct clerk_source *s, struct record *r,
		uint64_t position)
{
	c->figures.records++;
	switch (r->type) {
	case RECORD_CONN: read_conn(c, s, r); break;
	case RECORD_NOTE: read_note(c, s, r); break;
	case RECORD_CONN_CLOSED: read_conn_closed(c, s, r); break;
	case RECORD_OPEN:
		if (r->key && !clerk_map_get(&s->exchanges, r->key))
			read_open(c, s, r, position);
		break;
	default: read_exchange(c, s, r, position);
	}
}
