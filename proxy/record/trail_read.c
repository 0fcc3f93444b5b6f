/* SPDX-License-Identifier: MIT */
/*
 * Reading a trail: anybody's, so nothing in it is believed. Rows are checked
 * for values that cannot be, frames are bounded (frame_read.c), bodies end at
 * the length their row tells and at BODY_LIMIT.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "record/trail_impl.h"

enum { MAX_PARTS = 1 << 20 };
#define BODY_LIMIT (1ull << 30)

static bool damaged(struct trail *t, int64_t id, const char *what,
		    struct fail *f)
{
	return fail_set(f, FAIL_USER, "trail_damaged",
			"exchange %" PRId64 " of %s is damaged: %s", id,
			t->path, what);
}

/* ---- rows ---- */

/* Moves the row's strings from SQLite's memory to the trail's. */
static void keep_strings(struct trail *t, struct trail_row *r)
{
	struct str *s[] = {&r->run, &r->route, &r->method, &r->path};
	size_t at = 0;

	t->text.n = 0;
	for (int i = 0; i < 4; i++)
		buf_adds(&t->text, *s[i]);
	for (int i = 0; i < 4; i++) {
		s[i]->p = s[i]->n ? t->text.p + at : NULL;
		at += s[i]->n;
	}
}

bool trail_facts_of(struct trail *t, int64_t id, struct trail_facts *out,
		    struct fail *f)
{
	struct buf sql = {0};
	sqlite3_stmt *q;
	int step;
	bool ok;

	buf_addf(&sql, "%s WHERE id = ?", trail_facts_select);
	buf_addc(&sql, 0);
	q = trail_sql_prepare(t, sql.p, f);
	buf_free(&sql);
	if (!q)
		return false;
	sqlite3_bind_int64(q, 1, id);
	step = sqlite3_step(q);
	if (step == SQLITE_ROW)
		ok = trail_facts_load(q, out) ||
		     damaged(t, id, "its row makes no sense", f);
	else if (step == SQLITE_DONE)
		ok = fail_set(f, FAIL_USER, "no_such_exchange",
			      "%s has no exchange %" PRId64, t->path, id);
	else
		ok = trail_sql_fail(t, "read", f);
	if (ok)
		keep_strings(t, &out->row);
	sqlite3_finalize(q);
	return ok;
}

bool trail_get(struct trail *t, int64_t id, struct trail_row *out,
	       struct fail *f)
{
	struct trail_facts x;

	assert(t->magic == TRAIL_MAGIC);
	if (!trail_facts_of(t, id, &x, f))
		return false;
	*out = x.row;
	return true;
}

/* ---- lists ---- */

/* Without a limit rows come as they lie, so that a reader who takes a page at
 * a time does not have them all sorted for each. */
static void list_sql(struct buf *sql, const struct trail_filter *o)
{
	if (o->limit)
		buf_adds(sql, STR("SELECT * FROM ("));
	buf_adds(sql, str_of(trail_facts_select));
	buf_adds(sql, STR(" WHERE id > ?1"));
	if (o->since_wall)
		buf_adds(sql, STR(" AND started >= ?2"));
	if (o->until_wall)
		buf_adds(sql, STR(" AND started < ?3"));
	if (o->status_from || o->status_to)
		buf_adds(sql, STR(" AND ifnull(status, 0) BETWEEN ?4 AND ?5"));
	if (o->outcome)
		buf_adds(sql, STR(" AND outcome = ?6"));
	if (o->kind)
		buf_adds(sql, STR(" AND kind = ?7"));
	if (o->route)
		buf_adds(sql, STR(" AND route = ?8"));
	if (o->path)
		buf_adds(sql, STR(" AND path GLOB ?9"));
	if (o->run)
		buf_adds(sql, STR(" AND run = ?10"));
	if (o->derived)
		buf_addf(sql, " AND (%s)", o->derived);
	if (o->as_closed)
		buf_adds(sql, STR(" AND seal IS NOT NULL"));
	if (o->limit)
		buf_adds(sql, STR(" ORDER BY id DESC LIMIT ?11)"));
	buf_adds(sql,
		 o->as_closed ? STR(" ORDER BY seal") : STR(" ORDER BY id"));
	buf_addc(sql, 0);
}

static void bind_text(sqlite3_stmt *q, int at, const char *s)
{
	if (s)
		sqlite3_bind_text(q, at, s, -1, SQLITE_STATIC);
}

/* Numbers that the statement lacks are out of range, which is harmless. */
static void list_bind(sqlite3_stmt *q, const struct trail_filter *o)
{
	sqlite3_bind_int64(q, 1, o->after_id);
	sqlite3_bind_int64(q, 2, (int64_t)o->since_wall);
	sqlite3_bind_int64(q, 3, (int64_t)o->until_wall);
	sqlite3_bind_int64(q, 4, o->status_from);
	sqlite3_bind_int64(q, 5, o->status_to ? o->status_to : INT32_MAX);
	if (o->outcome)
		bind_text(q, 6, ev_outcome_name(o->outcome - 1));
	if (o->kind)
		bind_text(q, 7, ev_kind_name(o->kind - 1));
	bind_text(q, 8, o->route);
	bind_text(q, 9, o->path);
	bind_text(q, 10, o->run);
	sqlite3_bind_int64(q, 11, (int64_t)o->limit);
	bind_text(q, 12, o->derived_text[0]);
	bind_text(q, 13, o->derived_text[1]);
}

bool trail_list(struct trail *t, const struct trail_filter *filter,
		bool (*each)(void *arg, const struct trail_row *row), void *arg,
		struct fail *f)
{
	struct buf sql = {0};
	sqlite3_stmt *q;
	int step;
	bool ok = true;

	assert(t->magic == TRAIL_MAGIC);
	list_sql(&sql, filter);
	q = trail_sql_prepare(t, sql.p, f);
	buf_free(&sql);
	if (!q)
		return false;
	list_bind(q, filter);
	while ((step = sqlite3_step(q)) == SQLITE_ROW) {
		struct trail_facts x;

		if (!trail_facts_load(q, &x)) {
			ok = damaged(t, x.row.id, "its row makes no sense", f);
			break;
		}
		if (!each(arg, &x.row))
			break;
	}
	if (ok && step != SQLITE_ROW && step != SQLITE_DONE)
		ok = trail_sql_fail(t, "read", f);
	sqlite3_finalize(q);
	return ok;
}

/* ---- where an exchange lies ---- */

bool trail_places(struct trail *t, const struct trail_facts *x,
		  struct trail_place **out, size_t *n, struct fail *f)
{
	struct buf b = {0};
	sqlite3_stmt *q;
	int step = SQLITE_DONE;

	*out = NULL;
	*n = 0;
	if (x->frame) {
		*out = MEM_NEW(struct trail_place);
		**out = (struct trail_place){x->frame, x->slot};
		*n = 1;
		return true;
	}
	q = trail_sql_prepare(
		t,
		"SELECT frame, slot, n FROM part WHERE exchange = ? "
		"ORDER BY n",
		f);
	if (!q)
		return false;
	sqlite3_bind_int64(q, 1, x->row.id);
	while (*n < MAX_PARTS && (step = sqlite3_step(q)) == SQLITE_ROW) {
		struct trail_place p = {sqlite3_column_int64(q, 0),
					(unsigned)sqlite3_column_int(q, 1)};

		if (sqlite3_column_int64(q, 2) != (int64_t)*n)
			break;
		buf_add(&b, &p, sizeof p);
		++*n;
	}
	sqlite3_finalize(q);
	*out = (struct trail_place *)b.p;
	if (step == SQLITE_ROW)
		return damaged(t, x->row.id, "a part of it is missing", f);
	return step == SQLITE_DONE || trail_sql_fail(t, "read", f);
}

/* The row and the places of an exchange. */
static bool locate(struct trail *t, int64_t id, struct trail_facts *x,
		   struct trail_place **p, size_t *n, struct fail *f)
{
	assert(t->magic == TRAIL_MAGIC);
	return trail_facts_of(t, id, x, f) && trail_places(t, x, p, n, f);
}

/* ---- heads, bodies, arrivals ---- */

struct one_side {
	enum ev_side side;
	void (*each)(void *arg, const struct trail_head *head);
	void *arg;
};

static void pass_side(void *arg, const struct trail_head *h)
{
	const struct one_side *o = arg;

	if (h->side == o->side)
		o->each(o->arg, h);
}

bool trail_heads(struct trail *t, int64_t id,
		 void (*each)(void *arg, const struct trail_head *head),
		 void *arg, struct fail *f)
{
	struct trail_facts x;
	struct trail_place *p = NULL;
	size_t n = 0;
	bool ok = locate(t, id, &x, &p, &n, f);

	for (int side = 0; side < EV_SIDES; side++) {
		struct one_side o = {side, each, arg};

		for (size_t i = 0; ok && i < n; i++) {
			const struct frame_entry *e;

			ok = frame_find(t->frames, p[i].frame, p[i].slot, id,
					&e, f) &&
			     frame_entry_heads(t->frames, e, pass_side, &o, f);
		}
	}
	free(p);
	return ok;
}

static bool walk_body(struct trail *t, int64_t id, const struct trail_place *p,
		      size_t n, enum ev_side side,
		      bool (*piece)(void *arg, struct str bytes), void *arg,
		      struct fail *f)
{
	const struct frame_entry *e;

	for (size_t i = 0; i < n; i++)
		if (!frame_find(t->frames, p[i].frame, p[i].slot, id, &e, f) ||
		    !frame_entry_body(t->frames, e, side, piece, arg, f))
			return false;
	return true;
}

struct collect {
	struct buf *out;
	uint64_t left;
	bool over;
};

static bool collect_piece(void *arg, struct str bytes)
{
	struct collect *c = arg;

	c->over |= bytes.n > c->left;
	if (c->over)
		return false;
	c->left -= bytes.n;
	buf_adds(c->out, bytes);
	return true;
}

bool trail_body(struct trail *t, int64_t id, enum ev_side side, struct buf *out,
		struct fail *f)
{
	struct trail_facts x;
	struct trail_place *p = NULL;
	struct collect c = {out, BODY_LIMIT, false};
	size_t n = 0;
	bool ok = locate(t, id, &x, &p, &n, f);

	if (ok && x.row.closed && x.stored[side] < BODY_LIMIT) {
		c.left = x.stored[side];
		buf_room(out, (size_t)(c.left < FRAME_LIMIT ? c.left : 0) + 1);
	}
	ok = ok && walk_body(t, id, p, n, side, collect_piece, &c, f);
	free(p);
	if (ok && c.over)
		ok = damaged(t, id, "its body is longer than it should be", f);
	if (ok && x.row.closed && c.left && x.stored[side] < BODY_LIMIT)
		ok = damaged(t, id, "its body is shorter than it should be", f);
	return ok;
}

bool trail_arrivals(struct trail *t, int64_t id, enum ev_side side,
		    struct trail_arrival **out, size_t *n, struct fail *f)
{
	struct trail_facts x;
	struct trail_place *p = NULL;
	struct buf b = {0};
	size_t places = 0;
	bool ok = locate(t, id, &x, &p, &places, f);

	*out = NULL;
	*n = 0;
	for (size_t i = 0; ok && i < places; i++) {
		const struct frame_entry *e;

		ok = frame_find(t->frames, p[i].frame, p[i].slot, id, &e, f) &&
		     frame_entry_arrivals(t->frames, e, side, &b, f);
	}
	free(p);
	if (ok && b.n) {
		const struct frame_arrival *a = (const void *)b.p;

		*n = b.n / sizeof *a;
		*out = mem_alloc(*n * sizeof **out);
		for (size_t i = 0; i < *n; i++)
			(*out)[i] = (struct trail_arrival){
				(uint64_t)a[i].at * 1000, a[i].n};
	}
	buf_free(&b);
	return ok;
}

static bool load_gap(sqlite3_stmt *q, struct trail_gap *g)
{
	int side = trail_side_of(trail_sql_text(q, 0));
	int why = trail_gap_of(trail_sql_text(q, 3));

	*g = (struct trail_gap){
		side < 0 ? 0 : side, (uint64_t)sqlite3_column_int64(q, 1),
		(uint64_t)sqlite3_column_int64(q, 2), why < 0 ? 0 : why};
	return side >= 0 && why >= 0;
}

bool trail_gaps(struct trail *t, int64_t id, struct trail_gap **out, size_t *n,
		struct fail *f)
{
	sqlite3_stmt *q = trail_sql_prepare(
		t,
		"SELECT side, off, len, why, n FROM gap WHERE exchange = ? "
		"ORDER BY n",
		f);
	struct buf b = {0};
	int step = SQLITE_DONE;
	bool ok = q != NULL;

	*out = NULL;
	*n = 0;
	if (!q)
		return false;
	sqlite3_bind_int64(q, 1, id);
	while (ok && (step = sqlite3_step(q)) == SQLITE_ROW) {
		struct trail_gap g;

		ok = (load_gap(q, &g) &&
		      sqlite3_column_int64(q, 4) == (int64_t)*n) ||
		     damaged(t, id, "a gap of it makes no sense", f);
		buf_add(&b, &g, sizeof g);
		++*n;
	}
	if (ok && step != SQLITE_DONE)
		ok = trail_sql_fail(t, "read", f);
	sqlite3_finalize(q);
	if (!ok)
		buf_free(&b);
	*out = (struct trail_gap *)b.p;
	*n = ok ? *n : 0;
	return ok;
}

/* ---- connections ---- */

bool trail_conn_load(sqlite3_stmt *q, struct trail_conn *c)
{
	struct ev_conn *v = &c->conn;
	int side = trail_side_of(trail_sql_text(q, 1));

	*c = (struct trail_conn){.id = sqlite3_column_int64(q, 0)};
	v->side = side < 0 ? 0 : side;
	v->route = trail_sql_text(q, 2);
	v->at_wall = (uint64_t)sqlite3_column_int64(q, 3);
	v->peer = trail_sql_text(q, 4);
	v->tls = sqlite3_column_int64(q, 5) == 1;
	v->tls_version = trail_sql_text(q, 6);
	v->cipher = trail_sql_text(q, 7);
	v->alpn = trail_sql_text(q, 8);
	v->sni = trail_sql_text(q, 9);
	v->http = trail_sql_text(q, 10);
	v->has_chain =
		trail_sql_bytes(q, 11, v->chain_sha256, sizeof v->chain_sha256);
	c->closed_wall = (uint64_t)sqlite3_column_int64(q, 12);
	return side >= 0 && sqlite3_column_int64(q, 5) >> 1 == 0;
}

static void keep_conn(struct trail *t, struct ev_conn *v)
{
	struct str *s[] = {&v->route, &v->peer, &v->tls_version, &v->cipher,
			   &v->alpn,  &v->sni,	&v->http};
	size_t at = 0;

	t->text.n = 0;
	for (size_t i = 0; i < sizeof s / sizeof *s; i++)
		buf_adds(&t->text, *s[i]);
	for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
		s[i]->p = s[i]->n ? t->text.p + at : NULL;
		at += s[i]->n;
	}
}

bool trail_conn(struct trail *t, int64_t id, struct trail_conn *out,
		struct fail *f)
{
	sqlite3_stmt *q;
	bool ok;

	assert(t->magic == TRAIL_MAGIC);
	q = trail_sql_prepare(t, TRAIL_CONN_SELECT " WHERE id = ?", f);
	if (!q)
		return false;
	sqlite3_bind_int64(q, 1, id);
	if (sqlite3_step(q) != SQLITE_ROW)
		ok = fail_set(f, FAIL_USER, "no_such_connection",
			      "%s has no connection %" PRId64, t->path, id);
	else
		ok = trail_conn_load(q, out) ||
		     fail_set(f, FAIL_USER, "trail_damaged",
			      "connection %" PRId64 " of %s is damaged", id,
			      t->path);
	if (ok)
		keep_conn(t, &out->conn);
	sqlite3_finalize(q);
	return ok;
}

/* ---- what recording starts with ---- */

uint64_t trail_cursor_of(struct trail *t, const unsigned char spool[16])
{
	sqlite3_stmt *q;
	struct fail f;
	uint64_t sequence = 0;

	assert(t->magic == TRAIL_MAGIC);
	q = trail_sql_prepare(t, "SELECT sequence FROM spool WHERE uuid = ?",
			      &f);
	if (!q)
		return 0;
	sqlite3_bind_blob(q, 1, spool, 16, SQLITE_STATIC);
	if (sqlite3_step(q) == SQLITE_ROW)
		sequence = (uint64_t)sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return sequence;
}

size_t trail_unclosed(struct trail *t, int64_t *ids, size_t max)
{
	sqlite3_stmt *q;
	struct fail f;
	size_t n = 0;

	assert(t->magic == TRAIL_MAGIC);
	q = trail_sql_prepare(
		t, "SELECT id FROM exchange WHERE seal IS NULL ORDER BY id",
		&f);
	while (q && n < max && sqlite3_step(q) == SQLITE_ROW)
		ids[n++] = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}
