/* SPDX-License-Identifier: MIT */
#include "exhibit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "exhibit_impl.h"

/* ---- raw heads ---- */

bool head_line(struct str *rest, struct str *line)
{
	if (!rest->p || rest->n == 0)
		return false;
	*line = str_cut(rest, '\n');
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return line->n > 0;
}

bool head_split(struct str line, struct str *name, struct str *value)
{
	const char *colon;
	size_t from = line.n && line.p[0] == ':'; /* an h2 pseudo field */

	colon = line.n > from ? memchr(line.p + from, ':', line.n - from)
			      : NULL;
	if (!colon)
		return false;
	*name = (struct str){line.p, (size_t)(colon - line.p)};
	*value = str_trim(str_skip(line, name->n + 1));
	return true;
}

bool head_has_start(struct str raw)
{
	return raw.n > 0 && raw.p[0] != ':';
}

void head_values(struct str raw, struct str wanted, struct buf *out)
{
	struct str line, name, value;

	if (head_has_start(raw))
		head_line(&raw, &line);
	while (head_line(&raw, &line)) {
		if (!head_split(line, &name, &value) || !str_ieq(name, wanted))
			continue;
		if (out->n)
			buf_adds(out, STR(", "));
		buf_adds(out, value);
	}
}

struct str exhibit_raw(const struct exhibit *x, const struct exhibit_head *h)
{
	return (struct str){x->head_bytes.p + h->from, h->n};
}

struct str exhibit_head(const struct exhibit *x, enum ev_side side,
			enum ev_head kind)
{
	for (size_t i = 0; i < x->n_heads; i++) {
		if (x->heads[i].side == side && x->heads[i].kind == kind)
			return exhibit_raw(x, &x->heads[i]);
	}
	return (struct str){0};
}

static void keep_head(void *arg, const struct trail_head *h)
{
	struct exhibit *x = arg;

	if ((x->n_heads & (x->n_heads - 1)) == 0)
		x->heads =
			mem_grow(x->heads, (x->n_heads ? x->n_heads * 2 : 1) *
						   sizeof *x->heads);
	x->heads[x->n_heads++] = (struct exhibit_head){
		h->side, h->kind, h->at, x->head_bytes.n, h->raw.n};
	buf_adds(&x->head_bytes, h->raw);
}

/* ---- connections ---- */

/* A row that is not there is a defect for `verify`, not for a reader. */
static void load_conn(struct exhibit *x, struct trail *t, enum ev_side side,
		      int64_t id)
{
	struct fail ignored;
	struct trail_conn *k = &x->conn[side];
	struct ev_conn *c = &k->conn;
	struct str *of[] = {&c->route, &c->peer, &c->tls_version, &c->cipher,
			    &c->alpn,  &c->sni,	 &c->http};
	enum { N = sizeof of / sizeof *of };
	size_t at = 0;

	if (id == 0 || !trail_conn(t, id, k, &ignored)) {
		*k = (struct trail_conn){0};
		return;
	}
	for (unsigned i = 0; i < N; i++)
		buf_adds(&x->conn_text[side], *of[i]);
	for (unsigned i = 0; i < N; i++) {
		of[i]->p = x->conn_text[side].p + at;
		at += of[i]->n;
	}
}

/* ---- all of it ---- */

static bool load(struct exhibit *x, struct trail *t, int64_t id,
		 const struct exhibit_want *want, struct fail *f)
{
	struct trail_row row;

	if (!trail_get(t, id, &row, f))
		return false;
	kept_row_set(&x->kept, &row);
	x->row = &x->kept.row;
	load_conn(x, t, EV_REQUEST, x->row->conn_down);
	load_conn(x, t, EV_RESPONSE, x->row->conn_up);
	if (!trail_heads(t, id, keep_head, x, f) ||
	    !trail_gaps(t, id, &x->gaps, &x->n_gaps, f))
		return false;
	for (int side = 0; side < EV_SIDES; side++) {
		if (want->side[side] && !exhibit_body_load(x, t, side, want, f))
			return false;
	}
	return true;
}

struct exhibit *exhibit_open(struct trail *t, int64_t id,
			     const struct exhibit_want *want, struct fail *f)
{
	struct exhibit *x = MEM_NEW(struct exhibit);

	if (load(x, t, id, want, f))
		return x;
	exhibit_free(x);
	return NULL;
}

void exhibit_free(struct exhibit *x)
{
	if (!x)
		return;
	for (int side = 0; side < EV_SIDES; side++) {
		exhibit_body_free(&x->body[side]);
		buf_free(&x->conn_text[side]);
	}
	kept_row_free(&x->kept);
	buf_free(&x->head_bytes);
	free(x->heads);
	free(x->gaps);
	free(x);
}
