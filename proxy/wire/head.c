/* SPDX-License-Identifier: MIT */
#include "wire/head.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

void head_free(struct head *h)
{
	free(h);
}

struct head *head_new(unsigned n, size_t bytes, char **room)
{
	size_t table = n * sizeof(struct head_field);
	struct head *h = mem_alloc(sizeof *h + table + bytes);

	memset(h, 0, sizeof *h);
	h->n = n;
	h->fields = (struct head_field *)(h + 1);
	*room = (char *)h->fields + table;
	return h;
}

/* ---- copy ---- */

/*
 * The strings of a parsed h1 head lie within `raw`, others beside it. Each is
 * copied once: into the copy of raw, or behind it.
 */
struct copier {
	struct str raw; /* of the original */
	char *to_raw;
	char *at; /* behind it */
};

static bool is_within(struct str s, struct str raw)
{
	return s.n && s.p >= raw.p && s.p + s.n <= raw.p + raw.n;
}

static size_t beside(const struct head *h, struct str s)
{
	return is_within(s, h->raw) ? 0 : s.n;
}

static void copy_str(struct copier *c, struct str *s)
{
	if (is_within(*s, c->raw)) {
		s->p = c->to_raw + (s->p - c->raw.p);
		return;
	}
	if (s->n)
		memcpy(c->at, s->p, s->n);
	s->p = c->at;
	c->at += s->n;
}

static size_t copy_size(const struct head *h)
{
	size_t n = h->raw.n + beside(h, h->reason) + beside(h, h->method) +
		   beside(h, h->target) + beside(h, h->scheme) +
		   beside(h, h->authority);

	for (unsigned i = 0; i < h->n; i++)
		n += beside(h, h->fields[i].name) +
		     beside(h, h->fields[i].value);
	return n;
}

struct head *head_copy(const struct head *h)
{
	char *room;
	struct head *to = head_new(h->n, copy_size(h), &room);
	struct head_field *fields = to->fields;
	struct copier c = {h->raw, room, room + h->raw.n};

	*to = *h;
	to->fields = fields;
	if (h->n)
		memcpy(fields, h->fields, h->n * sizeof *fields);
	if (h->raw.n)
		memcpy(room, h->raw.p, h->raw.n);
	to->raw.p = room;
	copy_str(&c, &to->reason);
	copy_str(&c, &to->method);
	copy_str(&c, &to->target);
	copy_str(&c, &to->scheme);
	copy_str(&c, &to->authority);
	for (unsigned i = 0; i < h->n; i++) {
		copy_str(&c, &fields[i].name);
		copy_str(&c, &fields[i].value);
	}
	return to;
}

/* ---- questions ---- */

const struct head_field *head_find(const struct head *h, struct str name)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (str_ieq(h->fields[i].name, name))
			return &h->fields[i];
	}
	return NULL;
}

bool head_lists(const struct head *h, struct str name, struct str token)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (str_ieq(h->fields[i].name, name) &&
		    str_lists(h->fields[i].value, token))
			return true;
	}
	return false;
}

static bool is_always_hop(struct str name)
{
	switch (name.n) {
	case 2: return str_ieq(name, STR("te"));
	case 7: return str_ieq(name, STR("upgrade"));
	case 10:
		return str_ieq(name, STR("connection")) ||
		       str_ieq(name, STR("keep-alive"));
	case 14: return str_ieq(name, STR("http2-settings"));
	case 16: return str_ieq(name, STR("proxy-connection"));
	case 17: return str_ieq(name, STR("transfer-encoding"));
	default: return false;
	}
}

/*
 * Fields that say what the message is cannot be taken away by naming them in
 * Connection (RFC 9110, 7.6.1: a sender must not); doing so is a known way to
 * strip a request of its credentials or its framing.
 */
static bool is_never_hop(struct str name)
{
	return str_ieq(name, STR("content-length")) ||
	       str_ieq(name, STR("host")) ||
	       str_ieq(name, STR("authorization")) ||
	       str_ieq(name, STR("cache-control")) ||
	       str_ieq(name, STR("content-type"));
}

bool head_is_hop(const struct head *h, const struct head_field *f)
{
	if (is_always_hop(f->name))
		return true;
	return head_lists(h, STR("connection"), f->name) &&
	       !is_never_hop(f->name);
}

/* ---- the maker ---- */

static struct head_span add(struct head_maker *m, struct str s)
{
	struct head_span at = {(uint32_t)m->bytes.n, (uint32_t)s.n};

	buf_adds(&m->bytes, s);
	return at;
}

void head_make_status(struct head_maker *m, enum http_version v,
		      unsigned status, struct str reason)
{
	m->head.kind = HEAD_RESPONSE;
	m->head.version = v;
	m->head.status = status;
	m->reason = add(m, reason);
}

void head_make_request(struct head_maker *m, enum http_version v,
		       struct str method, struct str scheme,
		       struct str authority, struct str target)
{
	m->head.kind = HEAD_REQUEST;
	m->head.version = v;
	m->method = add(m, method);
	m->scheme = add(m, scheme);
	m->authority = add(m, authority);
	m->target = add(m, target);
}

void head_make_field(struct head_maker *m, struct str name, struct str value)
{
	if (m->cap - m->n < 2) {
		m->cap = m->cap ? 2 * m->cap : 64;
		m->spans = mem_grow(m->spans, m->cap * sizeof *m->spans);
	}
	m->spans[m->n++] = add(m, name);
	m->spans[m->n++] = add(m, value);
}

void head_make_raw(struct head_maker *m, struct str raw)
{
	m->raw = add(m, raw);
}

static struct str place(const char *bytes, struct head_span at)
{
	return (struct str){bytes + at.at, at.n};
}

struct head *head_make_done(struct head_maker *m)
{
	char *bytes;
	struct head *h = head_new(m->n / 2, m->bytes.n, &bytes);
	struct head_field *fields = h->fields;

	*h = m->head;
	h->n = m->n / 2;
	h->fields = fields;
	if (m->bytes.n)
		memcpy(bytes, m->bytes.p, m->bytes.n);
	h->reason = place(bytes, m->reason);
	h->method = place(bytes, m->method);
	h->target = place(bytes, m->target);
	h->scheme = place(bytes, m->scheme);
	h->authority = place(bytes, m->authority);
	h->raw = place(bytes, m->raw);
	for (unsigned i = 0; i < h->n; i++) {
		fields[i].name = place(bytes, m->spans[2 * i]);
		fields[i].value = place(bytes, m->spans[2 * i + 1]);
	}
	*m = (struct head_maker){.bytes = {m->bytes.p, 0, m->bytes.cap},
				 .spans = m->spans,
				 .cap = m->cap};
	return h;
}

void head_make_free(struct head_maker *m)
{
	buf_free(&m->bytes);
	free(m->spans);
	*m = (struct head_maker){0};
}
