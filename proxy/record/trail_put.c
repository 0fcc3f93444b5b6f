/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * A put is cut into slices of at most SLICE bytes a side; each slice becomes
 * the bytes of an entry in the frame at hand, and a new entry (in a new
 * frame, if that one is full) takes the next:
 *
 *	put	heads | request 2.3 MB | response 0.1 MB | arrivals
 *	entry 0	heads | request 0..1 MB | all arrivals of it
 *	entry 1	      | request 1..2 MB
 *	entry 2	      | request 2..2.3 | response
 *
 * Most exchanges are one put, one entry. What has to be known until an
 * exchange ends (hashes, counts, where its rope stands) is its `live`.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "record/trail_writer.h"

enum { SLICE = 1 << 20 };

/* ---- live exchanges ---- */

static struct live **bucket(struct trail_writer *w, int64_t id)
{
	return &w->live[(uint64_t)id % LIVE_BUCKETS];
}

static struct live *live_find(struct trail_writer *w, int64_t id)
{
	struct live *l = *bucket(w, id);

	while (l && l->facts.row.id != id)
		l = l->next;
	return l;
}

static struct live *live_new(struct trail_writer *w, int64_t id)
{
	struct live *l = w->spare, **b = bucket(w, id);

	if (l) {
		w->spare = l->next;
	} else {
		l = MEM_NEW(struct live);
		trail_hashes_init(&l->hashes);
	}
	l->facts = (struct trail_facts){0};
	l->facts.row.id = id;
	l->parts = 0;
	l->places.n = 0;
	for (int i = 0; i < EV_SIDES; i++) {
		l->track[i] = NULL;
		l->begun[i] = l->events[i] = false;
	}
	l->next = *b;
	*b = l;
	return l;
}

static void live_clear(struct live *l)
{
	struct trail_digests ignored;

	for (int i = 0; i < 4; i++) {
		free(l->strings[i]);
		l->strings[i] = NULL;
	}
	for (int i = 0; i < EV_SIDES; i++) {
		rope_drop(l->track[i]);
		l->track[i] = NULL;
	}
	trail_hashes_end(&l->hashes, &ignored);
}

/* Back among the spare ones. */
static void live_end(struct trail_writer *w, struct live *l)
{
	struct live **p = bucket(w, l->facts.row.id);

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	l->next = w->spare;
	w->spare = l;
}

static void live_free_list(struct live *l)
{
	while (l) {
		struct live *next = l->next;

		live_clear(l);
		trail_hashes_free(&l->hashes);
		buf_free(&l->places);
		free(l);
		l = next;
	}
}

void trail_live_free_all(struct trail_writer *w)
{
	for (int i = 0; i < LIVE_BUCKETS; i++) {
		live_free_list(w->live[i]);
		w->live[i] = NULL;
	}
	live_free_list(w->spare);
	w->spare = NULL;
}

/* ---- what the row says ---- */

enum { S_RUN, S_ROUTE, S_METHOD, S_PATH };

static void live_string(struct live *l, int which, struct str s)
{
	struct trail_row *r = &l->facts.row;
	struct str *to[] = {&r->run, &r->route, &r->method, &r->path};

	if (s.n == 0)
		return;
	free(l->strings[which]);
	l->strings[which] = str_dup(s);
	*to[which] = (struct str){l->strings[which], s.n};
}

static void live_open(struct live *l, const struct trail_exchange *x)
{
	struct trail_row *r = &l->facts.row;

	r->parent = x->open->parent;
	r->kind = x->open->kind;
	r->started_wall = x->open->started_wall;
	r->started_mono = x->open->started_mono;
	l->facts.attempt = x->open->attempt;
	live_string(l, S_RUN, x->open->run);
	live_string(l, S_ROUTE, x->open->route);
}

static struct str field_of(struct str head, struct str name)
{
	while (head.p) {
		struct str line = str_cut(&head, '\n');

		if (str_starts(line, name))
			return str_trim(str_skip(
				(struct str){
					line.p,
					line.n - (line.n &&
						  line.p[line.n - 1] == '\r')},
				name.n));
	}
	return (struct str){0};
}

/* Method and path: of an HTTP/1 request line or of HTTP/2's pseudo fields. */
static void live_request(struct live *l, struct str raw)
{
	struct str line, rest = raw;

	if (raw.n && raw.p[0] == ':') {
		live_string(l, S_METHOD, field_of(raw, STR(":method:")));
		live_string(l, S_PATH, field_of(raw, STR(":path:")));
		return;
	}
	line = str_cut(&rest, '\r');
	live_string(l, S_METHOD, str_cut(&line, ' '));
	if (line.p)
		live_string(l, S_PATH, str_cut(&line, ' '));
}

/* ---- entries ---- */

static void entry_begin(struct trail_writer *w, struct live *l)
{
	struct trail_place p;

	if (frame_full(w->maker) || !trail_frame_may_grow(w))
		trail_next_frame(w);
	p.slot = frame_entry(w->maker, l->facts.row.id);
	p.frame = frame_id(w->maker);
	buf_add(&l->places, &p, sizeof p);
	w->dirty = true;
}

static void put_heads(struct trail_writer *w, struct live *l,
		      const struct trail_exchange *x)
{
	for (size_t i = 0; i < x->n_heads; i++) {
		const struct trail_head *h = &x->heads[i];
		int64_t at = (int64_t)(h->at - l->facts.row.started_mono);

		frame_head(w->maker, h->side, h->kind, at, h->raw);
		trail_hash_head(&l->hashes, h->side, h->kind, at, h->raw);
		if (h->side == EV_REQUEST && h->kind == EV_HEAD_MAIN &&
		    !l->facts.row.method.n)
			live_request(l, h->raw);
	}
}

/* ---- bodies ---- */

static void put_rope(struct trail_writer *w, struct live *l, enum ev_side side,
		     struct str slice, bool last)
{
	struct rope_segs segs = {0};

	if (!l->track[side])
		l->track[side] = rope_begin(w->rope);
	rope_add(w->rope, l->track[side], slice, last,
		 (uint64_t)frame_id(w->maker), frame_literals(w->maker), &segs);
	frame_rope(w->maker, side, &segs);
	rope_segs_free(&segs);
}

/* How the put of one side goes on from slice to slice. */
struct putting {
	struct trail_writer *w;
	struct live *live;
	enum ev_side side;
	bool used; /* the entry at hand has bytes of this side */
};

static void put_slice(struct putting *p, struct str slice, bool last)
{
	struct live *l = p->live;
	enum ev_side side = p->side;

	if (slice.n == 0)
		return;
	if (p->used)
		entry_begin(p->w, l);
	p->used = true;
	if (!l->begun[side])
		l->events[side] = columns_suits(slice, &l->kind[side]);
	l->begun[side] = true;
	seal_hash_add(l->hashes.body[side], slice.p, slice.n);
	l->facts.stored[side] += slice.n;
	p->w->pending_bytes += slice.n;
	if (l->events[side])
		frame_events(p->w->maker, side, l->kind[side], slice);
	else
		put_rope(p->w, l, side, slice, last);
}

/* Adds a piece to the slice in the making; a full one goes on its way. */
static void put_piece(struct putting *p, struct str piece)
{
	struct buf *s = &p->w->scratch;

	while (piece.n) {
		size_t n;

		if (s->n == SLICE) {
			put_slice(p, buf_str(s), false);
			s->n = 0;
		}
		n = piece.n < SLICE - s->n ? piece.n : SLICE - s->n;
		buf_add(s, piece.p, n);
		piece = str_skip(piece, n);
	}
}

static void put_body(struct trail_writer *w, struct live *l,
		     const struct trail_exchange *x, enum ev_side side)
{
	struct putting p = {w, l, side, false};

	w->scratch.n = 0;
	for (size_t i = 0; i < x->n_runs; i++) {
		const struct trail_run *r = &x->runs[i];

		if (r->side != side)
			continue;
		for (size_t k = 0; k < r->n_pieces; k++)
			put_piece(&p, r->pieces[k]);
		l->facts.row.masked += r->masked;
	}
	put_slice(&p, buf_str(&w->scratch), x->close != NULL);
}

static void put_arrivals(struct trail_writer *w, struct live *l,
			 const struct trail_exchange *x, enum ev_side side)
{
	const struct frame_arrival *all;
	size_t n;

	w->arrivals.n = 0;
	for (size_t i = 0; i < x->n_runs; i++) {
		const struct trail_run *r = &x->runs[i];

		for (size_t k = 0; r->side == side && k < r->n_arrivals; k++) {
			int64_t ns = (int64_t)(r->arrivals[k].at -
					       l->facts.row.started_mono);
			struct frame_arrival a = {ns / 1000, r->arrivals[k].n};

			buf_add(&w->arrivals, &a, sizeof a);
		}
	}
	all = (const struct frame_arrival *)w->arrivals.p;
	n = w->arrivals.n / sizeof *all;
	if (n == 0)
		return;
	frame_arrivals(w->maker, side, all, n);
	trail_hash_arrivals(&l->hashes, side, all, n);
	l->facts.row.chunks[side] += n;
}

static void put_gaps(struct trail_writer *w, struct live *l,
		     const struct trail_exchange *x)
{
	for (size_t i = 0; i < x->n_gaps; i++) {
		struct op *op = trail_op(w, OP_GAP);

		op->u.gap.exchange = x->id;
		op->u.gap.n = l->facts.row.gaps++;
		op->u.gap.gap = x->gaps[i];
		l->facts.row.gap_bytes += x->gaps[i].n;
		trail_hash_gap(&l->hashes, &x->gaps[i]);
	}
}

/* ---- its end ---- */

static void new_salt(struct trail_writer *w, unsigned char salt[SEAL_SALT])
{
	if (w->random_left == 0) {
		seal_random(w->random, sizeof w->random);
		w->random_left = sizeof w->random;
	}
	w->random_left -= SEAL_SALT;
	memcpy(salt, w->random + w->random_left, SEAL_SALT);
}

/* Seals x, whose row is complete. */
static void seal_facts(struct trail *t, struct trail_facts *x,
		       const struct trail_digests *d)
{
	new_salt(t->w, x->salt);
	trail_facts_root(x, d, t->hash, x->root);
	x->seal = trail_seal_next(t, x->root);
	x->row.sealed = true;
}

static void live_close(struct trail *t, struct live *l,
		       const struct trail_exchange *x)
{
	struct trail_digests d;

	l->facts.row.close = *x->close;
	l->facts.row.closed = true;
	trail_hashes_end(&l->hashes, &d);
	for (int i = 0; i < EV_SIDES; i++) {
		l->facts.has_body[i] = l->facts.stored[i] > 0;
		memcpy(l->facts.sha256[i], d.body[i], SEAL_HASH);
		if (l->track[i])
			rope_end(t->w->rope, l->track[i]);
		l->track[i] = NULL;
	}
	seal_facts(t, &l->facts, &d);
}

/* A single entry is named by the row, several by table part. */
static void put_places(struct trail_writer *w, struct live *l, bool close)
{
	const struct trail_place *p = (const void *)l->places.p;
	size_t n = l->places.n / sizeof *p;

	if (close && l->parts == 0 && n == 1) {
		l->facts.frame = p->frame;
		l->facts.slot = p->slot;
	} else {
		for (size_t i = 0; i < n; i++) {
			struct op *op = trail_op(w, OP_PART);

			op->u.part.exchange = l->facts.row.id;
			op->u.part.n = l->parts++;
			op->u.part.place = p[i];
		}
	}
	l->places.n = 0;
}

/* The row as it is now; `move`: the live's strings go with it. */
static void put_row(struct trail_writer *w, struct live *l, bool move)
{
	struct op *op = trail_op(w, OP_EXCHANGE);
	struct trail_facts *x = &op->u.exchange.facts;
	struct str *s[] = {&x->row.run, &x->row.route, &x->row.method,
			   &x->row.path};

	*x = l->facts;
	for (int i = 0; i < 4; i++) {
		if (!s[i]->n)
			continue;
		op->own[i] = move ? l->strings[i] : str_dup(*s[i]);
		s[i]->p = op->own[i];
		if (move)
			l->strings[i] = NULL;
	}
}

/* ---- exchanges of an earlier process ---- */

static void live_restore_strings(struct live *l, const struct trail_facts *x)
{
	l->facts = *x;
	live_string(l, S_RUN, x->row.run);
	live_string(l, S_ROUTE, x->row.route);
	live_string(l, S_METHOD, x->row.method);
	live_string(l, S_PATH, x->row.path);
}

/* Takes up an exchange that is stored but not closed. */
static struct live *live_restore(struct trail *t, int64_t id)
{
	struct trail_counts n = {0};
	struct trail_facts x;
	struct live *l;
	struct fail f;

	if (!trail_facts_of(t, id, &x, &f) || x.row.closed)
		return NULL;
	l = live_new(t->w, id);
	live_restore_strings(l, &x);
	if (!trail_hashes_feed(t, &x, &l->hashes, &n, &f))
		log_error("trail", "exchange %lld: %s", (long long)id, f.text);
	l->parts = (unsigned)n.places;
	return l;
}

/* ---- the calls ---- */

void trail_put(struct trail *t, const struct trail_exchange *x)
{
	struct trail_writer *w = t->w;
	struct live *l;

	assert(t->magic == TRAIL_MAGIC && w);
	l = live_find(w, x->id);
	if (!l && x->id < w->first_id)
		l = live_restore(t, x->id);
	if (!l) {
		l = live_new(w, x->id);
		live_open(l, x);
	}
	l->facts.row.conn_down = x->conn_down;
	l->facts.row.conn_up = x->conn_up;
	entry_begin(w, l);
	put_heads(w, l, x);
	for (int i = 0; i < EV_SIDES; i++)
		put_body(w, l, x, i);
	for (int i = 0; i < EV_SIDES; i++)
		put_arrivals(w, l, x, i);
	put_gaps(w, l, x);
	put_places(w, l, x->close != NULL);
	if (x->close)
		live_close(t, l, x);
	put_row(w, l, x->close != NULL);
	if (x->close) {
		live_clear(l);
		live_end(w, l);
	}
	w->pending++;
}

void trail_close_interrupted(struct trail *t, int64_t id)
{
	struct trail_exchange x = {.id = id};
	struct ev_close close = {.outcome = EV_INTERRUPTED};
	struct live *l;

	assert(t->magic == TRAIL_MAGIC && t->w);
	l = live_find(t->w, id);
	if (!l)
		l = live_restore(t, id);
	if (!l)
		return;
	close.bytes[EV_DIGEST_REQUEST_IN] = l->facts.stored[EV_REQUEST];
	close.bytes[EV_DIGEST_RESPONSE_IN] = l->facts.stored[EV_RESPONSE];
	close.bytes[EV_DIGEST_REQUEST_OUT] = l->facts.stored[EV_REQUEST];
	close.bytes[EV_DIGEST_RESPONSE_OUT] = l->facts.stored[EV_RESPONSE];
	x.conn_down = l->facts.row.conn_down;
	x.conn_up = l->facts.row.conn_up;
	x.close = &close;
	trail_put(t, &x);
}

size_t trail_pending(const struct trail *t, uint64_t *bytes)
{
	assert(t->magic == TRAIL_MAGIC && t->w);
	if (bytes)
		*bytes = t->w->pending_bytes;
	return t->w->pending;
}

int64_t trail_next_id(struct trail *t)
{
	assert(t->magic == TRAIL_MAGIC && t->w);
	return t->w->next_id++;
}
