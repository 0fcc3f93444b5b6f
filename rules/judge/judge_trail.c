/* SPDX-License-Identifier: MIT */
/*
 * An exchange is fed whole, in the order in which exchanges closed: the judge
 * changes its memory at closes alone, so it need not know that their bytes
 * once came mixed.
 */
#include "rules/judge/judge_trail.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define TELL_NS (NS_PER_S / 4)

/* A head, its bytes in feed.heads. */
struct kept_head {
	enum ev_side side;
	enum ev_head kind;
	uint64_t at; /* ns after started */
	size_t from, n;
};

struct feed {
	struct judge *judge;
	struct trail *trail;	/* its rows are being listed */
	struct trail *contents; /* the same file: what they hold */
	struct fail *fail;
	bool ok;
	int64_t id;
	uint64_t started;	      /* clock_mono */
	struct buf body, heads, kept; /* kept: struct kept_head */
	int64_t *conns;		      /* ids told, ascending */
	size_t n_conns;
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *arg;
	uint64_t done, all, told_at;
};

/* ---- connections ---- */

static size_t conn_place(const struct feed *d, int64_t id)
{
	size_t from = 0, to = d->n_conns;

	while (from < to) {
		size_t mid = (from + to) / 2;

		if (d->conns[mid] < id)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool feed_conn(struct feed *d, int64_t id)
{
	size_t at = conn_place(d, id);
	struct trail_conn c;

	if (id == 0 || (at < d->n_conns && d->conns[at] == id))
		return true;
	if (!trail_conn(d->contents, id, &c, d->fail))
		return false;
	judge_conn(d->judge, id, &c.conn);
	if ((d->n_conns & (d->n_conns + 1)) == 0)
		d->conns = mem_grow(d->conns,
				    (d->n_conns + 1) * 2 * sizeof *d->conns);
	memmove(d->conns + at + 1, d->conns + at,
		(d->n_conns - at) * sizeof *d->conns);
	d->conns[at] = id;
	d->n_conns++;
	return true;
}

/* ---- one exchange ---- */

/* Heads are kept, to be fed where they belong among the bodies. */
static void on_head(void *arg, const struct trail_head *h)
{
	struct feed *d = arg;
	struct kept_head k = {h->side, h->kind, h->at, d->heads.n, h->raw.n};

	buf_adds(&d->heads, h->raw);
	buf_add(&d->kept, &k, sizeof k);
}

/* Those before the body, or the trailers behind it. */
static void feed_heads(struct feed *d, enum ev_side side, bool trailers)
{
	const struct kept_head *k = (const void *)d->kept.p;

	for (size_t i = 0; i < d->kept.n / sizeof *k; i++) {
		struct str raw = {d->heads.p + k[i].from, k[i].n};

		if (k[i].side == side &&
		    (k[i].kind == EV_HEAD_TRAILERS) == trailers)
			judge_head(d->judge, d->id, side, k[i].kind, raw,
				   d->started + k[i].at);
	}
}

/* The gaps of one side, as they lie among its bytes. */
struct gaps {
	struct trail_gap *v;
	size_t n, next;
	uint64_t at; /* the body's wire bytes so far */
};

static void feed_gaps(struct feed *d, enum ev_side side, struct gaps *g)
{
	for (; g->next < g->n; g->next++) {
		const struct trail_gap *gap = &g->v[g->next];

		if (gap->side != side)
			continue;
		if (gap->offset > g->at)
			break;
		judge_gap(d->judge, d->id, side, gap->n);
		g->at += gap->n;
	}
}

/* Bytes as they arrived. Where secrets were masked lengths differ, and what
 * is left goes with the last arrival. */
static void feed_arrivals(struct feed *d, enum ev_side side,
			  const struct trail_arrival *a, size_t n,
			  struct gaps *g)
{
	struct str rest = buf_str(&d->body);

	for (size_t i = 0; i < n; i++) {
		struct str piece = rest;

		feed_gaps(d, side, g);
		if (i + 1 < n && a[i].n < rest.n)
			piece.n = a[i].n;
		rest = str_skip(rest, piece.n);
		g->at += a[i].n;
		if (piece.n)
			judge_data(d->judge, d->id, side, piece,
				   d->started + a[i].at);
	}
	g->at = UINT64_MAX;
	feed_gaps(d, side, g);
}

static bool feed_body(struct feed *d, enum ev_side side, bool has_gaps)
{
	struct trail_arrival *a = NULL;
	struct gaps g = {0};
	size_t n = 0;
	bool ok;

	d->body.n = 0;
	ok = trail_body(d->contents, d->id, side, &d->body, d->fail) &&
	     trail_arrivals(d->contents, d->id, side, &a, &n, d->fail) &&
	     (!has_gaps || trail_gaps(d->contents, d->id, &g.v, &g.n, d->fail));
	if (ok)
		feed_arrivals(d, side, a, n, &g);
	free(g.v);
	free(a);
	return ok;
}

static bool feed_one(struct feed *d, const struct trail_row *row)
{
	struct ev_open open = {.kind = row->kind,
			       .parent = row->parent,
			       .run = row->run,
			       .route = row->route,
			       .started_wall = row->started_wall,
			       .started_mono = row->started_mono};
	struct ev_close close = row->close;

	d->id = row->id;
	d->started = row->started_mono;
	close.conn_up = 0;
	if (!feed_conn(d, row->conn_up))
		return false;
	judge_open(d->judge, row->id, &open);
	d->heads.n = d->kept.n = 0;
	if (!trail_heads(d->contents, row->id, on_head, d, d->fail))
		return false;
	for (int side = 0; side < EV_SIDES; side++) {
		feed_heads(d, (enum ev_side)side, false);
		if (!feed_body(d, (enum ev_side)side, row->gaps > 0))
			return false;
		feed_heads(d, (enum ev_side)side, true);
	}
	judge_close(d->judge, row->id, &close, row->conn_up);
	return true;
}

/* ---- all of them ---- */

static bool on_row(void *arg, const struct trail_row *row)
{
	struct feed *d = arg;
	uint64_t now = clock_mono();

	d->ok = feed_one(d, row);
	d->done++;
	if (d->progress && now - d->told_at > TELL_NS) {
		d->told_at = now;
		d->progress(d->arg, d->done, d->all);
	}
	return d->ok;
}

static bool count_row(void *arg, const struct trail_row *row)
{
	++*(uint64_t *)arg;
	return true;
}

bool judge_trail(struct judge *j, struct trail *t, struct trail *contents,
		 void (*progress)(void *arg, uint64_t done, uint64_t all),
		 void *arg, struct fail *f)
{
	struct trail_filter filter = {.as_closed = true};
	struct feed d = {.judge = j,
			 .trail = t,
			 .contents = contents,
			 .fail = f,
			 .ok = true,
			 .progress = progress,
			 .arg = arg,
			 .told_at = clock_mono()};
	bool ok = !progress || trail_list(t, &filter, count_row, &d.all, f);

	ok = ok && trail_list(t, &filter, on_row, &d, f) && d.ok;
	buf_free(&d.body);
	buf_free(&d.heads);
	buf_free(&d.kept);
	free(d.conns);
	return ok;
}
