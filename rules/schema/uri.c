/* SPDX-License-Identifier: MIT */
#include "rules/schema/uri.h"

/*	scheme://authority/path?query */
struct uri {
	struct str scheme, authority, path, query; /* with : // ? */
};

struct str uri_without_fragment(struct str uri, struct str *fragment)
{
	struct str rest = uri, all = str_cut(&rest, '#');

	*fragment = rest;
	return all;
}

static size_t scheme_length(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] | 0x20;
		if (s.p[i] == ':')
			return i + 1;
		if (!(c >= 'a' && c <= 'z') &&
		    !(i && memchr("0123456789+-.", s.p[i], 13)))
			return 0;
	}
	return 0;
}

/* The front of *s before one of the bytes of `ends`. */
static struct str take_until(struct str *s, const char *ends, size_t from)
{
	struct str front = *s;
	size_t i = from;

	while (i < s->n && !memchr(ends, s->p[i], strlen(ends)))
		i++;
	front.n = i < s->n ? i : s->n;
	*s = str_skip(*s, front.n);
	return front;
}

static struct uri parse(struct str s)
{
	struct uri u = {0};

	u.scheme = (struct str){s.p, scheme_length(s)};
	s = str_skip(s, u.scheme.n);
	if (str_starts(s, STR("//")))
		u.authority = take_until(&s, "/?", 2);
	u.path = take_until(&s, "?", 0);
	u.query = s;
	return u;
}

/* Drops the last segment of what stands behind `from`. */
static void drop_segment(struct buf *b, size_t from)
{
	while (b->n > from && b->p[b->n - 1] != '/')
		b->n--;
	if (b->n > from)
		b->n--;
}

/* Appends a path without its "." and ".." (RFC 3986, 5.2.4). */
static void put_path(struct buf *to, struct str path)
{
	const size_t from = to->n;

	while (path.n) {
		size_t slash = path.p[0] == '/';
		struct str rest = str_skip(path, slash), piece;

		piece = take_until(&rest, "/", 0);
		path = rest;
		if (str_eq(piece, STR("."))) {
			if (slash && !rest.n)
				buf_addc(to, '/');
		} else if (str_eq(piece, STR(".."))) {
			drop_segment(to, from);
			if (slash && !rest.n)
				buf_addc(to, '/');
		} else {
			if (slash)
				buf_addc(to, '/');
			buf_adds(to, piece);
		}
	}
}

/* A relative path, seen from the base's. */
static void put_merged(struct buf *to, const struct uri *base, struct str path)
{
	struct str dir = base->path;
	struct buf whole = {0};

	while (dir.n && dir.p[dir.n - 1] != '/')
		dir.n--;
	buf_adds(&whole, dir);
	if (!dir.n && base->authority.n)
		buf_addc(&whole, '/');
	buf_adds(&whole, path);
	put_path(to, buf_str(&whole));
	buf_free(&whole);
}

static struct str keep(struct json_doc *d, struct buf *b)
{
	char *p = json_doc_alloc(d, b->n + 1);
	struct str s = {p, b->n};

	memcpy(p, b->p ? b->p : "", b->n);
	buf_free(b);
	return s;
}

struct str uri_resolve(struct json_doc *d, struct str base, struct str ref)
{
	const struct uri b = parse(base), r = parse(ref);
	struct buf out = {0};

	if (!ref.n)
		return base;
	buf_adds(&out, r.scheme.n ? r.scheme : b.scheme);
	if (r.scheme.n || r.authority.n) {
		buf_adds(&out, r.authority);
		put_path(&out, r.path);
		buf_adds(&out, r.query);
		return keep(d, &out);
	}
	buf_adds(&out, b.authority);
	if (!r.path.n)
		buf_adds(&out, b.path);
	else if (r.path.p[0] == '/')
		put_path(&out, r.path);
	else
		put_merged(&out, &b, r.path);
	buf_adds(&out, r.query);
	return keep(d, &out);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str uri_decode(struct json_doc *d, struct str s)
{
	char *p;
	size_t n = 0;

	if (!s.n || !memchr(s.p, '%', s.n))
		return s;
	p = json_doc_alloc(d, s.n);
	for (size_t i = 0; i < s.n; i++) {
		int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
		if (s.p[i] == '%' && low >= 0) {
			p[n++] = (char)(high * 16 + low);
			i += 2;
		} else {
			p[n++] = s.p[i];
		}
	}
	return (struct str){p, n};
}
