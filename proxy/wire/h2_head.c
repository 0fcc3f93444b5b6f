/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A head comes in field by field. Each becomes a line of the text for
 * the record, and all else is a span of that text, so it is copied once:
 *
 *	:method: POST\r\n:path: /v1/chat\r\nx-a: b\r\n\r\n
 *	         ^--^           ^------^    ^-^  ^
 *
 * nghttp2 has checked what RFC 9113 demands of names, values and pseudo
 * fields; here is what it does not: the size, and Host against :authority.
 *
 * Going out, a head becomes an array of borrowed pairs, which nghttp2 copies
 * (and lower-cases the names of) in one allocation when they are submitted.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/h2_impl.h"

/* A peer that goes on so far beyond the limit is not answered but cut off. */
#define FAR_BEYOND 8

/* ---- coming in ---- */

void h2_head_begin(struct h2_conn *c, int32_t id)
{
	struct h2_inhead *in = &c->in;
	struct head_maker m = {
		.bytes = {in->maker.bytes.p, 0, in->maker.bytes.cap},
		.spans = in->maker.spans,
		.cap = in->maker.cap};

	*in = (struct h2_inhead){
		.maker = m, .id = id, .open = true, .first_at = c->now};
	h2_set_deadline(c);
}

void h2_head_free(struct h2_conn *c)
{
	head_make_free(&c->in.maker);
}

/* "name: value\r\n" at the end of raw. Where the value lies. */
static struct head_span add_line(struct buf *raw, struct str name,
				 struct str value)
{
	char *p = buf_room(raw, name.n + value.n + 4);
	struct head_span s = {(uint32_t)(raw->n + name.n + 2),
			      (uint32_t)value.n};

	memcpy(p, name.p, name.n);
	memcpy(p + name.n, ": ", 2);
	if (value.n)
		memcpy(p + name.n + 2, value.p, value.n);
	memcpy(p + name.n + 2 + value.n, "\r\n", 2);
	raw->n += name.n + value.n + 4;
	return s;
}

static void pseudo_field(struct h2_inhead *in, struct str name,
			 struct str value, struct head_span s)
{
	struct head_maker *m = &in->maker;
	uint64_t status;

	if (str_eq(name, STR(":method")))
		m->method = s;
	else if (str_eq(name, STR(":scheme")))
		m->scheme = s;
	else if (str_eq(name, STR(":authority")))
		m->authority = s;
	else if (str_eq(name, STR(":path")))
		m->target = s;
	else if (str_eq(name, STR(":status"))) {
		in->has_status = true;
		in->status = str_u64(value, &status) ? (unsigned)status : 0;
	}
}

static void add_field(struct head_maker *m, struct str name, struct head_span s)
{
	if (m->cap - m->n < 2) {
		m->cap = m->cap ? 2 * m->cap : 64;
		m->spans = mem_grow(m->spans, m->cap * sizeof *m->spans);
	}
	m->spans[m->n++] = (struct head_span){s.at - 2 - (uint32_t)name.n,
					      (uint32_t)name.n};
	m->spans[m->n++] = s;
}

/* What of the fields concerns the codec itself. */
static void notice_field(struct h2_inhead *in, struct str name,
			 struct str value, struct head_span s)
{
	switch (name.n) {
	case 4:
		if (str_eq(name, STR("host")))
			in->host = s; /* nghttp2 allows one */
		break;
	case 6:
		if (str_eq(name, STR("expect")))
			in->expect_continue |=
				str_lists(value, STR("100-continue"));
		break;
	case 14:
		if (str_eq(name, STR("content-length")))
			in->has_length = str_u64(value, &in->length);
		break;
	}
}

bool h2_head_field(struct h2_conn *c, struct str name, struct str value)
{
	struct h2_inhead *in = &c->in;
	size_t limit = c->base.limits.max_head;
	struct head_span at;

	in->size += name.n + value.n + 4;
	if (in->size > limit) {
		in->too_big = true;
		return in->size / FAR_BEYOND <= limit;
	}
	at = add_line(&in->maker.bytes, name, value);
	if (name.n && name.p[0] == ':') {
		pseudo_field(in, name, value, at);
		return true;
	}
	notice_field(in, name, value, at);
	add_field(&in->maker, name, at);
	return true;
}

static enum head_framing framing_of(const struct h2_inhead *in,
				    enum head_kind kind, bool ended)
{
	if (ended || kind == HEAD_TRAILERS)
		return FRAMING_NONE;
	if (kind == HEAD_RESPONSE && in->status < 200)
		return FRAMING_NONE;
	return in->has_length ? FRAMING_LENGTH : FRAMING_H2;
}

struct head *h2_head_done(struct h2_conn *c, enum head_kind kind, bool ended)
{
	struct h2_inhead *in = &c->in;
	struct head_maker *m = &in->maker;
	struct head *h;

	buf_add(&m->bytes, "\r\n", 2);
	m->raw = (struct head_span){0, (uint32_t)m->bytes.n};
	if (m->authority.n == 0)
		m->authority = in->host;
	h = head_make_done(m);
	h->kind = kind;
	h->version = HTTP_2;
	h->status = in->status;
	h->framing = framing_of(in, kind, ended);
	h->length = h->framing == FRAMING_LENGTH ? in->length : 0;
	h->expect_continue = kind == HEAD_REQUEST && in->expect_continue;
	h->keep_alive = true;
	h->first_at = in->first_at;
	h->at = c->now;
	return h;
}

/* ---- going out ---- */

static void add_nv(struct h2_conn *c, struct str name, struct str value)
{
	if (c->nv_n == c->nv_cap) {
		c->nv_cap = c->nv_cap ? 2 * c->nv_cap : 32;
		c->nv = mem_grow(c->nv, c->nv_cap * sizeof *c->nv);
	}
	/* Copied: nghttp2 sends it later, when the head is gone. */
	c->nv[c->nv_n++] = (nghttp2_nv){
		.name = (uint8_t *)name.p,
		.value = (uint8_t *)value.p,
		.namelen = name.n,
		.valuelen = value.n,
		.flags = NGHTTP2_NV_FLAG_NONE,
	};
}

static bool is_secret(struct str name)
{
	return str_ieq(name, STR("authorization")) ||
	       str_ieq(name, STR("x-api-key")) ||
	       str_ieq(name, STR("api-key")) ||
	       str_ieq(name, STR("x-goog-api-key"));
}

/*
 * A field of HTTP/1.1 that HTTP/2 does not have, or says in another way. One
 * that came by HTTP/2 was already checked for that.
 */
static bool leave_out(const struct head *h, const struct head_field *f)
{
	if (f->name.n == 2 && str_ieq(f->name, STR("te")))
		return !str_lists(f->value, STR("trailers"));
	if (f->name.n == 4 && str_ieq(f->name, STR("host")))
		return true;
	if (h->version == HTTP_2)
		return false;
	if (head_is_hop(h, f))
		return true;
	return f->name.n == 14 && str_ieq(f->name, STR("content-length")) &&
	       (h->framing == FRAMING_CHUNKED || h->framing == FRAMING_CLOSE);
}

static void add_fields(struct h2_conn *c, const struct head *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		const struct head_field *f = &h->fields[i];

		if (leave_out(h, f))
			continue;
		/* of TE only this may be said */
		if (f->name.n == 2 && str_ieq(f->name, STR("te")))
			add_nv(c, STR("te"), STR("trailers"));
		else
			add_nv(c, f->name, f->value);
		/* Not to be guessed at by the size of compressed heads. */
		if (is_secret(f->name))
			c->nv[c->nv_n - 1].flags |= NGHTTP2_NV_FLAG_NO_INDEX;
	}
}

static struct str make_path(struct h2_conn *c, struct str target,
			    const struct http_route *route)
{
	struct str rest;

	if (!route || (route->prefix.n == 0 && route->strip == 0))
		return target.n ? target : STR("/");
	rest = str_skip(target, route->strip);
	c->path.n = 0;
	buf_adds(&c->path, route->prefix);
	if (c->path.n == 0 && (rest.n == 0 || rest.p[0] == '?'))
		buf_addc(&c->path, '/');
	buf_adds(&c->path, rest);
	return buf_str(&c->path);
}

void h2_nv_request(struct h2_conn *c, const struct head *h,
		   const struct http_route *route)
{
	struct str scheme =
		route && route->scheme.n ? route->scheme : h->scheme;
	struct str authority =
		route && route->authority.n ? route->authority : h->authority;

	c->nv_n = 0;
	add_nv(c, STR(":method"), h->method);
	if (!str_eq(h->method, STR("CONNECT"))) {
		add_nv(c, STR(":scheme"), scheme.n ? scheme : STR("http"));
		if (authority.n)
			add_nv(c, STR(":authority"), authority);
		add_nv(c, STR(":path"), make_path(c, h->target, route));
	} else {
		add_nv(c, STR(":authority"), authority);
	}
	add_fields(c, h);
}

void h2_nv_response(struct h2_conn *c, const struct head *h)
{
	static const char digits[] = "0123456789";
	char *p;

	c->nv_n = 0;
	c->path.n = 0;
	p = buf_room(&c->path, 3);
	p[0] = digits[h->status / 100 % 10];
	p[1] = digits[h->status / 10 % 10];
	p[2] = digits[h->status % 10];
	add_nv(c, STR(":status"), (struct str){p, 3});
	add_fields(c, h);
}

void h2_nv_trailers(struct h2_conn *c, const struct head *h)
{
	c->nv_n = 0;
	add_fields(c, h);
}
