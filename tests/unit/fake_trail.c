/* SPDX-License-Identifier: MIT */
#include "fake_trail.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct trail *fake_trail_new(void)
{
	return MEM_NEW(struct trail);
}

static void row_free(struct fake_row *r)
{
	buf_free(&r->body[0]);
	buf_free(&r->body[1]);
	buf_free(&r->heads);
}

void fake_trail_free(struct trail *t)
{
	for (size_t i = 0; i < t->n; i++)
		row_free(&t->rows[i]);
	free(t->rows);
	free(t);
}

void fake_trail_forget(struct trail *t)
{
	while (t->n > t->committed)
		row_free(&t->rows[--t->n]);
	t->pending = 0;
	t->pending_bytes = 0;
	t->failing = 0;
}

int64_t trail_next_id(struct trail *t)
{
	return ++t->last_id;
}

int64_t trail_put_conn(struct trail *t, const struct ev_conn *c)
{
	assert(c->peer.n);
	return 100 + t->conns++;
}

void trail_put_conn_note(struct trail *t, int64_t conn, struct str kind,
			 struct str text, uint64_t at_wall)
{
	assert(conn >= 100 && kind.n && text.n && at_wall);
	t->notes++;
}

void trail_put_conn_closed(struct trail *t, int64_t conn, uint64_t at_wall)
{
	assert(conn >= 100 && at_wall);
	t->conns_closed++;
}

static struct fake_row *row_of(struct trail *t, const struct trail_exchange *x)
{
	struct fake_row *r;

	for (size_t i = t->n; i-- > 0;) {
		if (t->rows[i].id == x->id)
			return &t->rows[i];
	}
	t->rows = mem_grow(t->rows, (t->n + 1) * sizeof *t->rows);
	r = &t->rows[t->n++];
	*r = (struct fake_row){.id = x->id,
			       .kind = x->open->kind,
			       .started = x->open->started_mono};
	snprintf(r->route, sizeof r->route, "%.*s", STR_ARG(x->open->route));
	snprintf(r->run, sizeof r->run, "%.*s", STR_ARG(x->open->run));
	return r;
}

static void put_run(struct trail *t, struct fake_row *r,
		    const struct trail_run *run)
{
	for (size_t k = 0; k < run->n_pieces; k++) {
		buf_adds(&r->body[run->side], run->pieces[k]);
		t->pending_bytes += run->pieces[k].n;
	}
	for (size_t k = 0; k < run->n_arrivals; k++)
		r->wire[run->side] += run->arrivals[k].n;
	r->arrivals[run->side] += run->n_arrivals;
	r->masked += run->masked;
}

void trail_put(struct trail *t, const struct trail_exchange *x)
{
	struct fake_row *r = row_of(t, x);

	assert(!r->closed);
	for (size_t i = 0; i < x->n_heads; i++)
		buf_adds(&r->heads, x->heads[i].raw);
	for (size_t i = 0; i < x->n_runs; i++)
		put_run(t, r, &x->runs[i]);
	for (size_t i = 0; i < x->n_gaps; i++) {
		r->gaps++;
		r->gap_bytes += x->gaps[i].n;
		r->last_gap_offset = x->gaps[i].offset;
	}
	r->puts++;
	r->conn_down = x->conn_down;
	r->conn_up = x->conn_up;
	t->pending++;
	if (x->close) {
		r->closed = true;
		r->close = *x->close;
	}
}

size_t trail_pending(const struct trail *t, uint64_t *bytes)
{
	*bytes = t->pending_bytes;
	return t->pending;
}

bool trail_commit(struct trail *t, const struct trail_cursor *cursors, size_t n,
		  struct fail *f)
{
	int failing = t->failing;

	assert(n > 0 && cursors[0].sequence > 0);
	if (failing) {
		if (failing > 0)
			t->failing--;
		t->failed++;
		return fail_set(f, FAIL_SYSTEM, "disk_full", "no room");
	}
	t->committed = t->n;
	t->pending = 0;
	t->pending_bytes = 0;
	t->commits++;
	return true;
}

uint64_t trail_cursor_of(struct trail *t, const unsigned char spool[16])
{
	(void)t;
	(void)spool;
	return 0;
}

size_t trail_unclosed(struct trail *t, int64_t *ids, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n && n < max; i++) {
		if (!t->rows[i].closed)
			ids[n++] = t->rows[i].id;
	}
	return n;
}

void trail_close_interrupted(struct trail *t, int64_t id)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->rows[i].id == id) {
			t->rows[i].closed = true;
			t->rows[i].close.outcome = EV_INTERRUPTED;
		}
	}
}

uint64_t trail_size(struct trail *t)
{
	return t->n + 1;
}
