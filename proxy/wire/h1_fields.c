/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Fields on their way out. A head that came by HTTP/1 still has its
 * lines in head.raw, so those that stay are written as they came, spaces and
 * case and all, and lines that follow each other in one piece:
 *
 *	Host: a | Accept: b | X-C: d | Connection: close | E: f
 *	 (new)    \_______ run _____/   (made anew)       \run
 *
 * Made anew, where they stood: Host, Connection, Transfer-Encoding, TE.
 */
#include "wire/h1_impl.h"

static void put(struct wire *w, struct str s)
{
	wire_write(w, s.p, s.n);
}

static void put_field(struct wire *w, struct str name, struct str value)
{
	put(w, name);
	wire_write(w, ": ", 2);
	put(w, value);
	wire_write(w, "\r\n", 2);
}

struct writing {
	struct wire *w;
	const struct head *h;
	const struct h1_hop *hop;
	struct str run; /* lines of h->raw that are not written yet */
	bool names;	/* Connection names fields of this message */
	bool host_done, connection_done, encoding_done, te_done, cookie_done;
};

static void flush_run(struct writing *o)
{
	if (o->run.n)
		put(o->w, o->run);
	o->run = (struct str){NULL, 0};
}

/* The field's line in h->raw with its CRLF; p == NULL if it is not there. */
static struct str raw_line(const struct head *h, const struct head_field *f)
{
	const char *end = h->raw.p + h->raw.n, *p;

	if (h->version == HTTP_2 || f->name.p < h->raw.p || f->name.p >= end)
		return (struct str){NULL, 0};
	p = f->value.p + f->value.n;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (end - p < 2 || p[0] != '\r' || p[1] != '\n')
		return (struct str){NULL, 0};
	return (struct str){f->name.p, (size_t)(p + 2 - f->name.p)};
}

static void keep_field(struct writing *o, const struct head_field *f)
{
	struct str line = raw_line(o->h, f);

	if (line.p && o->run.p + o->run.n == line.p && o->run.n) {
		o->run.n += line.n;
		return;
	}
	flush_run(o);
	if (line.p)
		o->run = line;
	else
		put_field(o->w, f->name, f->value);
}

static void new_field(struct writing *o, struct str name, struct str value)
{
	flush_run(o);
	put_field(o->w, name, value);
}

/* ---- fields that are made anew ---- */

static void put_connection(struct writing *o, struct str name)
{
	const struct h1_hop *hop = o->hop;
	char value[64];
	size_t n = 0;

	if (o->connection_done)
		return;
	o->connection_done = true;
	if (hop->close)
		n = (size_t)(stpcpy(value, "close, ") - value);
	else if (hop->keep)
		n = (size_t)(stpcpy(value, "keep-alive, ") - value);
	if (hop->upgrade)
		n = (size_t)(stpcpy(value + n, "Upgrade, ") - value);
	if (hop->te)
		n = (size_t)(stpcpy(value + n, "TE, ") - value);
	if (n)
		new_field(o, name, (struct str){value, n - 2});
}

static void put_encoding(struct writing *o, struct str name)
{
	if (o->encoding_done || !o->hop->chunked)
		return;
	o->encoding_done = true;
	new_field(o, name, STR("chunked"));
}

static void put_te(struct writing *o, struct str name)
{
	if (o->te_done || !o->hop->te)
		return;
	o->te_done = true;
	new_field(o, name, STR("trailers"));
}

static void put_host(struct writing *o, const struct head_field *f)
{
	if (!o->hop->host.p) {
		keep_field(o, f);
		return;
	}
	if (o->host_done)
		return;
	o->host_done = true;
	new_field(o, f->name, o->hop->host);
}

/* h2 may send a cookie in crumbs; h1 has one field (RFC 9113, 8.2.3). */
static void put_cookie(struct writing *o, const struct head_field *first)
{
	const struct head *h = o->h;

	if (h->version != HTTP_2) {
		keep_field(o, first);
		return;
	}
	if (o->cookie_done)
		return;
	o->cookie_done = true;
	put(o->w, first->name);
	wire_write(o->w, ": ", 2);
	put(o->w, first->value);
	for (const struct head_field *f = first + 1; f < h->fields + h->n;
	     f++) {
		if (!str_ieq(f->name, STR("cookie")))
			continue;
		wire_write(o->w, "; ", 2);
		put(o->w, f->value);
	}
	wire_write(o->w, "\r\n", 2);
}

/* ---- all of them ---- */

static void other_field(struct writing *o, const struct head_field *f)
{
	if (!o->names || !head_is_hop(o->h, f))
		keep_field(o, f);
}

/* The length alone tells most names from those of this hop. */
static void put_one(struct writing *o, const struct head_field *f)
{
	struct str name = f->name;

	switch (name.n) {
	case 2:
		if (str_ieq(name, STR("te")))
			return put_te(o, name);
		break;
	case 4:
		if (str_ieq(name, STR("host")) && o->h->kind == HEAD_REQUEST)
			return put_host(o, f);
		break;
	case 6:
		if (str_ieq(name, STR("cookie")))
			return put_cookie(o, f);
		break;
	case 7:
		if (str_ieq(name, STR("upgrade")) && !o->hop->upgrade)
			return;
		if (str_ieq(name, STR("upgrade")))
			return keep_field(o, f);
		break;
	case 10:
		if (str_ieq(name, STR("connection")))
			return put_connection(o, name);
		if (str_ieq(name, STR("keep-alive")))
			return;
		break;
	case 14:
		if (str_ieq(name, STR("http2-settings")) ||
		    (o->hop->chunked && str_ieq(name, STR("content-length"))))
			return;
		break;
	case 16:
		if (str_ieq(name, STR("proxy-connection")))
			return;
		break;
	case 17:
		if (str_ieq(name, STR("transfer-encoding")))
			return put_encoding(o, name);
		break;
	default: break;
	}
	other_field(o, f);
}

/* Does Connection name anything but what is always of this hop? */
static bool names_fields(const struct head *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		struct str rest = h->fields[i].value;

		if (!str_ieq(h->fields[i].name, STR("connection")))
			continue;
		while (rest.p) {
			struct str t = str_trim(str_cut(&rest, ','));
			if (t.n && !str_ieq(t, STR("close")) &&
			    !str_ieq(t, STR("keep-alive")) &&
			    !str_ieq(t, STR("upgrade")) &&
			    !str_ieq(t, STR("te")))
				return true;
		}
	}
	return false;
}

static void put_length(struct writing *o)
{
	char digits[24], *p = digits + sizeof digits;
	uint64_t v = o->hop->length_is;

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	new_field(o, STR("content-length"),
		  (struct str){p, (size_t)(digits + sizeof digits - p)});
}

void h1_write_fields(struct wire *w, const struct head *h,
		     const struct h1_hop *hop)
{
	struct writing o = {.w = w, .h = h, .hop = hop};

	o.names = names_fields(h);
	if (hop->host.p && !head_find(h, STR("host"))) {
		o.host_done = true;
		put_field(w, STR("Host"), hop->host);
	}
	for (unsigned i = 0; i < h->n; i++)
		put_one(&o, &h->fields[i]);
	if (hop->length)
		put_length(&o);
	put_encoding(&o, STR("Transfer-Encoding"));
	put_te(&o, STR("TE"));
	put_connection(&o, STR("Connection"));
	flush_run(&o);
	wire_write(w, "\r\n", 2);
}
