/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A template is the text that it was learnt from, and where in it the
 * holes are:
 *
 *	source	{"delta":{"content":"Hel"},"n":7}
 *	holes			     [20,23)   [30,31)
 *
 * To lay it over another text, constant parts are compared, and values are
 * read off, in turn:
 *
 *	constant  up to a hole: memcmp
 *	value	  a string: up to its quote, every escape checked;
 *		  a number: as long as the grammar goes
 *	...
 *	constant  behind the last hole: must end where the text ends
 *
 * The constants hold the quotes, and what follows a number, so a value that
 * ends early or late does not fit. Half a surrogate pair never does: what is
 * to be said of it, a full reading says.
 */
#include "rules/meaning/template.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

enum { TEMPLATES = 4, SOURCE_MOST = 64 << 10 };

struct hole_at {
	size_t from, to; /* in the source */
	enum hole kind;
	bool string;   /* else a number */
	unsigned rank; /* of a HOLE_TEXT: its place among the values */
	struct slot slot;
};

struct template
{
	struct buf source, type;
	unsigned n, n_texts;
	struct hole_at holes[HOLES_MOST]; /* by place */
};

struct templates {
	struct template *list[TEMPLATES]; /* the last that fitted first */
	unsigned n;
	struct fit fit;
	/* of the event being read in full, in the order of registration */
	unsigned n_holes;
	struct {
		enum hole kind;
		struct str raw;
		struct slot slot;
	} holes[HOLES_MOST + 1];
};

struct templates *templates_new(void)
{
	return MEM_NEW(struct templates);
}

void templates_free(struct templates *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < TEMPLATES; i++) {
		if (!t->list[i])
			continue;
		buf_free(&t->list[i]->source);
		buf_free(&t->list[i]->type);
		free(t->list[i]);
	}
	free(t);
}

/* ---- learning ---- */

void templates_begin(struct templates *t)
{
	t->n_holes = 0;
}

void templates_hole(struct templates *t, enum hole kind, struct str raw,
		    struct slot to)
{
	if (t->n_holes > HOLES_MOST)
		return;
	t->holes[t->n_holes].kind = kind;
	t->holes[t->n_holes].raw = raw;
	t->holes[t->n_holes].slot = to;
	t->n_holes++;
}

/* Puts a hole where it belongs among those before; false: it cannot be. */
static bool place(struct template *m, struct str source, struct hole_at h)
{
	unsigned i = m->n;

	for (; i > 0 && m->holes[i - 1].from > h.from; i--)
		m->holes[i] = m->holes[i - 1];
	m->holes[i] = h;
	m->n++;
	return h.from > 0 && h.to < source.n &&
	       (i == 0 || m->holes[i - 1].to < h.from) &&
	       (i + 1 == m->n || h.to < m->holes[i + 1].from);
}

static bool learn(struct template *m, const struct templates *t,
		  struct str source)
{
	m->n = m->n_texts = 0;
	for (unsigned i = 0; i < t->n_holes; i++) {
		struct str raw = t->holes[i].raw;
		struct hole_at h = {.kind = t->holes[i].kind,
				    .slot = t->holes[i].slot,
				    .rank = m->n_texts};

		if (raw.p <= source.p || raw.p + raw.n >= source.p + source.n)
			return false;
		h.from = (size_t)(raw.p - source.p);
		h.to = h.from + raw.n;
		h.string = raw.p[-1] == '"';
		m->n_texts += h.kind == HOLE_TEXT;
		if (!place(m, source, h))
			return false;
	}
	return true;
}

/* Moves the template at i to the front. */
static void to_front(struct templates *t, unsigned i)
{
	struct template *m = t->list[i];

	for (; i > 0; i--)
		t->list[i] = t->list[i - 1];
	t->list[0] = m;
}

void templates_learn(struct templates *t, struct str type, struct str source)
{
	unsigned i = t->n < TEMPLATES ? t->n : TEMPLATES - 1;
	struct template *m;

	if (t->n_holes > HOLES_MOST || source.n > SOURCE_MOST)
		return;
	if (!t->list[i])
		t->list[i] = MEM_NEW(struct template);
	m = t->list[i];
	t->n = i; /* whatever was there is gone */
	if (!learn(m, t, source))
		return;
	m->source.n = m->type.n = 0;
	buf_adds(&m->source, source);
	buf_adds(&m->type, type);
	t->n = i + 1;
	to_front(t, i);
}

void templates_clear(struct templates *t)
{
	t->n = 0;
}

/* ---- values ---- */

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

/* Are all eight bytes plain? Each line marks the lowest byte that is not, in
 * its highest bit; bytes above it may be marked, too. */
static bool are_plain(const char *p)
{
	static const uint64_t ones = 0x0101010101010101ull;
	uint64_t w, quote, backslash, marks;

	memcpy(&w, p, sizeof w);
	quote = w ^ ones * '"';
	backslash = w ^ ones * '\\';
	marks = (quote - ones) & ~quote;
	marks |= (backslash - ones) & ~backslash;
	marks |= (w - ones * 0x20) & ~w;
	return (marks & ones << 7) == 0;
}

/* Four hex digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i], letter = c | 0x20;

		if (c - '0' < 10)
			v = v << 4 | (int)(c - '0');
		else if (letter - 'a' < 6)
			v = v << 4 | (int)(letter - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* Behind the escape at p, or NULL. */
static const char *skip_escape(const char *p, const char *end)
{
	int high, low;

	if (end - p < 2)
		return NULL;
	if (p[1] != 'u')
		return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
	high = hex4(p + 2, end);
	if (high < 0 || (high & 0xfc00) == 0xdc00)
		return NULL;
	if ((high & 0xfc00) != 0xd800)
		return p + 6;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
		return NULL;
	low = hex4(p + 8, end);
	return low >= 0 && (low & 0xfc00) == 0xdc00 ? p + 12 : NULL;
}

/* The quote that ends the string whose text begins at p, or NULL. */
static const char *skip_string(const char *p, const char *end, bool *escaped)
{
	while (p) {
		while (end - p >= 8 && are_plain(p))
			p += 8;
		while (p < end && is_plain((unsigned char)*p))
			p++;
		if (p == end)
			return NULL;
		if (*p == '"')
			return p;
		if (*p != '\\')
			return NULL;
		*escaped = true;
		p = skip_escape(p, end);
	}
	return NULL;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Behind the number at p, or NULL. */
static const char *skip_number(const char *p, const char *end)
{
	const char *digits;

	p += p < end && *p == '-';
	digits = p;
	p = skip_digits(p, end);
	if (p == digits || (*digits == '0' && p > digits + 1))
		return NULL;
	if (p < end && *p == '.') {
		digits = ++p;
		p = skip_digits(p, end);
		if (p == digits)
			return NULL;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		digits = p;
		p = skip_digits(p, end);
		if (p == digits)
			return NULL;
	}
	return p;
}

/* ---- fitting ---- */

/* Reads the value of a hole at p; behind it, or NULL. */
static const char *read_value(struct fit *f, const struct hole_at *h,
			      const char *p, const char *end, int64_t next)
{
	struct fit_value *v = &f->values[h->rank];
	bool escaped = false;
	const char *q =
		h->string ? skip_string(p, end, &escaped) : skip_number(p, end);
	uint64_t number;

	if (!q || h->kind == HOLE_ANY)
		return q;
	if (h->kind == HOLE_TEXT) {
		*v = (struct fit_value){h->slot, {p, (size_t)(q - p)}, escaped};
		f->escaped |= escaped;
		return q > p ? q : NULL;
	}
	f->counted = true;
	if (!str_u64((struct str){p, (size_t)(q - p)}, &number) ||
	    number != (uint64_t)next)
		return NULL;
	return q;
}

static bool fits(struct fit *f, const struct template *m, struct str source,
		 int64_t next)
{
	const char *p = source.p, *end = p + source.n;
	const char *known = m->source.p;
	size_t at = 0; /* in the template's source */

	f->n = m->n_texts;
	f->counted = f->escaped = false;
	for (unsigned i = 0; i < m->n; i++) {
		const struct hole_at *h = &m->holes[i];
		size_t n = h->from - at;

		if ((size_t)(end - p) < n || memcmp(p, known + at, n) != 0)
			return false;
		p = read_value(f, h, p + n, end, next);
		if (!p)
			return false;
		at = h->to;
	}
	return (size_t)(end - p) == m->source.n - at &&
	       memcmp(p, known + at, m->source.n - at) == 0;
}

const struct fit *templates_fit(struct templates *t, struct str type,
				struct str source, int64_t next)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct template *m = t->list[i];

		if (!str_eq(type, buf_str(&m->type)) ||
		    !fits(&t->fit, m, source, next))
			continue;
		if (i > 0)
			to_front(t, i);
		return &t->fit;
	}
	return NULL;
}
