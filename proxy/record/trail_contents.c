/* SPDX-License-Identifier: MIT */
/*
 * What the seals cover, recomputed from what is stored: when verifying, and
 * when an exchange that an earlier process left open is taken up again.
 */
#include <endian.h>
#include <stdlib.h>

#include "base/mem.h"
#include "record/trail_impl.h"

void trail_hashes_init(struct trail_hashes *h)
{
	for (int i = 0; i < EV_SIDES; i++) {
		h->body[i] = seal_hash_new();
		h->heads[i] = seal_hash_new();
		h->arrivals[i] = seal_hash_new();
	}
	h->gaps = seal_hash_new();
}

void trail_hashes_free(struct trail_hashes *h)
{
	for (int i = 0; i < EV_SIDES; i++) {
		seal_hash_free(h->body[i]);
		seal_hash_free(h->heads[i]);
		seal_hash_free(h->arrivals[i]);
	}
	seal_hash_free(h->gaps);
}

void trail_hashes_end(struct trail_hashes *h, struct trail_digests *d)
{
	for (int i = 0; i < EV_SIDES; i++) {
		seal_hash_end(h->body[i], d->body[i]);
		seal_hash_end(h->heads[i], d->heads[i]);
		seal_hash_end(h->arrivals[i], d->arrivals[i]);
	}
	seal_hash_end(h->gaps, d->gaps);
}

/* ---- what is hashed of a head, an arrivals list, a gap ---- */

void trail_hash_head(struct trail_hashes *h, enum ev_side side,
		     enum ev_head kind, int64_t at, struct str raw)
{
	struct seal_hash *to = h->heads[side];

	seal_hash_int(to, (uint64_t)kind);
	seal_hash_int(to, (uint64_t)at);
	seal_hash_int(to, raw.n);
	seal_hash_add(to, raw.p, raw.n);
}

void trail_hash_arrivals(struct trail_hashes *h, enum ev_side side,
			 const struct frame_arrival *a, size_t n)
{
	uint64_t v[64];
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		v[k++] = htole64((uint64_t)a[i].at);
		v[k++] = htole64(a[i].n);
		if (k == 64 || i + 1 == n) {
			seal_hash_add(h->arrivals[side], v, k * sizeof *v);
			k = 0;
		}
	}
}

void trail_hash_gap(struct trail_hashes *h, const struct trail_gap *g)
{
	seal_hash_int(h->gaps, (uint64_t)g->side);
	seal_hash_int(h->gaps, g->offset);
	seal_hash_int(h->gaps, g->n);
	seal_hash_int(h->gaps, (uint64_t)g->why);
}

/* ---- feeding what is stored ---- */

struct feed {
	struct trail_hashes *hashes;
	struct trail_counts *counts;
	enum ev_side side;
};

static bool feed_piece(void *arg, struct str bytes)
{
	struct feed *o = arg;

	seal_hash_add(o->hashes->body[o->side], bytes.p, bytes.n);
	o->counts->stored[o->side] += bytes.n;
	return true;
}

static void feed_head(void *arg, const struct trail_head *h)
{
	struct feed *o = arg;

	trail_hash_head(o->hashes, h->side, h->kind, (int64_t)h->at, h->raw);
}

static bool feed_entry(struct trail *t, const struct frame_entry *e,
		       struct feed *o, struct fail *f)
{
	struct buf a = {0};
	bool ok = frame_entry_heads(t->frames, e, feed_head, o, f);

	for (int i = 0; ok && i < EV_SIDES; i++) {
		size_t n;

		o->side = i;
		a.n = 0;
		ok = frame_entry_body(t->frames, e, i, feed_piece, o, f) &&
		     frame_entry_arrivals(t->frames, e, i, &a, f);
		n = a.n / sizeof(struct frame_arrival);
		if (ok)
			trail_hash_arrivals(o->hashes, i, (const void *)a.p, n);
		o->counts->chunks[i] += n;
	}
	buf_free(&a);
	return ok;
}

static bool feed_gaps(struct trail *t, int64_t id, struct feed *o,
		      struct fail *f)
{
	struct trail_gap *gaps;
	size_t n;

	if (!trail_gaps(t, id, &gaps, &n, f))
		return false;
	for (size_t i = 0; i < n; i++) {
		trail_hash_gap(o->hashes, &gaps[i]);
		o->counts->gap_bytes += gaps[i].n;
	}
	o->counts->gaps += n;
	free(gaps);
	return true;
}

bool trail_hashes_feed(struct trail *t, const struct trail_facts *x,
		       struct trail_hashes *h, struct trail_counts *counts,
		       struct fail *f)
{
	struct feed o = {h, counts, 0};
	struct trail_place *p = NULL;
	size_t n = 0;
	bool ok = trail_places(t, x, &p, &n, f);

	for (size_t i = 0; ok && i < n; i++) {
		const struct frame_entry *e;

		ok = frame_find(t->frames, p[i].frame, p[i].slot, x->row.id, &e,
				f) &&
		     feed_entry(t, e, &o, f);
	}
	counts->places = n;
	free(p);
	return feed_gaps(t, x->row.id, &o, f) && ok;
}

/* ---- roots in the order of their numbers ---- */

enum { LISTS = 3 };

/* The next sealed thing of one table. */
struct list {
	sqlite3_stmt *q;
	int64_t seal; /* 0: no more */
	int64_t exchange;
	unsigned char root[SEAL_HASH];
};

static bool root_of(struct trail *t, int which, struct list *l)
{
	struct trail_conn c;

	switch (which) {
	case 0:
		l->exchange = sqlite3_column_int64(l->q, 1);
		return trail_sql_bytes(l->q, 2, l->root, SEAL_HASH);
	case 1:
		if (!trail_conn_load(l->q, &c))
			return false;
		trail_conn_root(&c, t->hash, l->root);
		return true;
	default:
		trail_note_root(sqlite3_column_int64(l->q, 1),
				trail_sql_text(l->q, 3),
				trail_sql_text(l->q, 4),
				(uint64_t)sqlite3_column_int64(l->q, 2),
				t->hash, l->root);
		return true;
	}
}

/* A thing that makes no sense gets a root that fits nothing. */
static bool list_step(struct trail *t, int which, struct list *l,
		      struct fail *f)
{
	int step = sqlite3_step(l->q);

	l->seal = 0;
	if (step == SQLITE_DONE)
		return true;
	if (step != SQLITE_ROW)
		return trail_sql_fail(t, "read", f);
	l->seal = sqlite3_column_int64(l->q, which == 1 ? TRAIL_CONN_SEAL : 0);
	if (!root_of(t, which, l))
		memset(l->root, 0, SEAL_HASH);
	return true;
}

static struct list *list_first(struct list l[LISTS])
{
	struct list *first = NULL;

	for (int i = 0; i < LISTS; i++)
		if (l[i].seal && (!first || l[i].seal < first->seal))
			first = &l[i];
	return first;
}

static bool lists_open(struct trail *t, struct list l[LISTS], int64_t from,
		       struct fail *f)
{
	static const char *const sql[LISTS] = {
		"SELECT seal, id, root FROM exchange WHERE seal >= ? "
		"ORDER BY seal",
		TRAIL_CONN_SELECT " WHERE seal >= ? ORDER BY seal",
		"SELECT seal, conn, at, kind, text FROM conn_note "
		"WHERE seal >= ? ORDER BY seal"};

	for (int i = 0; i < LISTS; i++) {
		l[i].q = trail_sql_prepare(t, sql[i], f);
		if (!l[i].q)
			return false;
		sqlite3_bind_int64(l[i].q, 1, from);
		if (!list_step(t, i, &l[i], f))
			return false;
	}
	return true;
}

bool trail_roots(struct trail *t, int64_t from,
		 bool (*each)(void *arg, int64_t seal, int64_t exchange,
			      const unsigned char root[SEAL_HASH]),
		 void *arg, struct fail *f)
{
	struct list l[LISTS] = {0}, *first;
	bool ok = lists_open(t, l, from, f);

	while (ok && (first = list_first(l))) {
		int which = (int)(first - l);

		if (!each(arg, first->seal, first->exchange, first->root))
			break;
		ok = list_step(t, which, first, f);
	}
	for (int i = 0; i < LISTS; i++)
		sqlite3_finalize(l[i].q);
	return ok;
}
