/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * A unit (an event, a line, a head) is read as glue and tokens:
 *
 *	data: {"id":"c-1","n":7,"delta":{"content":" the"}}\n\n
 *	        --   ---   - -   -----    -------   ----	tokens
 *
 * Units with the same glue have one shape. It keeps its first unit as a
 * sample; a token becomes a hole when a later unit differs there, and its
 * column starts with as many copies of the sample's value as there were
 * units before:
 *
 *	sample	data: {"id":"c-1","n":7,"delta":{"content":"
 *	piece	[----------------------------------------->| hole |"}}\n\n]
 *	column						    " the" x 1
 *							    " cat" x 1
 *
 * Most units are matched without looking at tokens at all: the shape that
 * followed last time is tried first, its pieces are compared, and only the
 * values between them are scanned for their end.
 *
 * Nothing has to be canonical to be exact: what a unit decodes to is its
 * pieces, which were compared with the input, and its values, which were
 * copied from it.
 */
#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"
#include "record/columns_impl.h"

struct columns *columns_new(void)
{
	struct columns *c = MEM_NEW(struct columns);

	c->magic = COLUMNS_MAGIC;
	return c;
}

static void column_free(struct column *v)
{
	buf_free(&v->text);
	buf_free(&v->lens);
	buf_free(&v->runs);
}

static void shape_free(struct shape *s)
{
	for (uint32_t i = 0; i < s->n_holes; i++)
		column_free(&s->holes[i].values);
	free(s->holes);
	free(s->tokens);
	buf_free(&s->glue);
	buf_free(&s->sample);
	*s = (struct shape){0};
}

void columns_reset(struct columns *c)
{
	assert(c->magic == COLUMNS_MAGIC);
	for (uint32_t i = 0; i < c->n_shapes; i++)
		shape_free(&c->shapes[i]);
	c->n_shapes = 0;
	c->last = 0;
	c->order.n = 0;
	c->raws.n = 0;
	c->size = 0;
}

void columns_free(struct columns *c)
{
	if (!c)
		return;
	assert(c->magic == COLUMNS_MAGIC);
	columns_reset(c);
	buf_free(&c->order);
	buf_free(&c->raws);
	buf_free(&c->glue);
	c->magic = 0;
	free(c);
}

size_t columns_size(const struct columns *c)
{
	assert(c->magic == COLUMNS_MAGIC);
	return c->size;
}

/* ---- values ---- */

static const char *column_last(const struct column *v)
{
	return v->text.p + v->text.n - v->last_n;
}

static void column_push(struct columns *c, struct column *v, struct str value)
{
	uint32_t n = (uint32_t)value.n;
	uint32_t one = 1;

	if (v->last_run && v->last_n == n &&
	    (n == 0 || memcmp(column_last(v), value.p, n) == 0)) {
		v->last_run++;
		memcpy(v->runs.p + v->runs.n - sizeof v->last_run, &v->last_run,
		       sizeof v->last_run);
		return;
	}
	buf_add(&v->text, value.p, n);
	buf_add(&v->lens, &n, sizeof n);
	buf_add(&v->runs, &one, sizeof one);
	v->last_n = n;
	v->last_run = 1;
	c->size += n + 2;
}

/* A column that repeats is likely to repeat again: compare, do not scan. */
static bool value_repeats(const struct hole *h, const char *p, size_t n)
{
	size_t k = h->values.last_n;

	if (h->values.last_run < 2 || n <= k || k == 0 ||
	    memcmp(column_last(&h->values), p, k) != 0)
		return false;
	switch (h->span.kind) {
	case TOKEN_STRING: return p[k] == '"';
	case TOKEN_NUMBER: return !columns_in_number(p[k]);
	case TOKEN_LINE: return p[k] == '\r' || p[k] == '\n';
	}
	return false;
}

/* ---- shapes ---- */

/*
 * Does p begin with a unit of this shape? Returns its length and leaves its
 * values in c->values; 0 if not.
 */
static size_t shape_match(struct columns *c, const struct shape *s,
			  const char *p, size_t n)
{
	size_t at = 0, from = 0, k;

	for (uint32_t i = 0; i < s->n_holes; i++) {
		const struct hole *h = &s->holes[i];

		k = h->span.at - from;
		if (n - at < k || memcmp(s->sample.p + from, p + at, k) != 0)
			return 0;
		at += k;
		if (value_repeats(h, p + at, n - at))
			k = h->values.last_n;
		else if (!columns_value(h->span.kind, p + at, n - at, &k))
			return 0;
		c->values[i] = (struct str){p + at, k};
		at += k;
		from = h->span.end;
	}
	k = s->sample.n - from;
	if (n - at < k || memcmp(s->sample.p + from, p + at, k) != 0)
		return 0;
	return at + k;
}

/* The unit whose values are in c->values has been seen. */
static void shape_push(struct columns *c, struct shape *s)
{
	uint32_t index = (uint32_t)(s - c->shapes);

	for (uint32_t i = 0; i < s->n_holes; i++)
		column_push(c, &s->holes[i].values, c->values[i]);
	s->rows++;
	if (c->n_shapes)
		c->shapes[c->last].next = index;
	c->last = index;
	buf_add_varint(&c->order, index + 1);
	c->size++;
}

static struct shape *shape_find(struct columns *c, uint64_t hash)
{
	for (uint32_t i = 0; i < c->n_shapes; i++) {
		struct shape *s = &c->shapes[i];

		if (s->hash == hash && s->n_tokens == c->n_tokens &&
		    str_eq(buf_str(&s->glue), buf_str(&c->glue)))
			return s;
	}
	return NULL;
}

static struct shape *shape_new(struct columns *c, uint64_t hash,
			       struct str unit)
{
	struct shape *s;

	if (c->n_shapes == MAX_SHAPES)
		return NULL;
	s = &c->shapes[c->n_shapes];
	s->hash = hash;
	buf_adds(&s->glue, buf_str(&c->glue));
	buf_adds(&s->sample, unit);
	s->n_tokens = c->n_tokens;
	s->tokens = mem_alloc(c->n_tokens * sizeof *s->tokens);
	memcpy(s->tokens, c->tokens, c->n_tokens * sizeof *s->tokens);
	s->next = c->n_shapes++;
	c->size += unit.n;
	return s;
}

/* Token `t` varies from now on: hole `i`, filled up with the sample's value. */
static void open_hole(struct columns *c, struct shape *s, uint32_t i,
		      uint32_t t)
{
	struct token span = s->tokens[t];
	struct column v = {0};

	s->holes = mem_grow(s->holes, (s->n_holes + 1) * sizeof *s->holes);
	memmove(s->holes + i + 1, s->holes + i,
		(s->n_holes - i) * sizeof *s->holes);
	s->n_holes++;
	if (s->rows) {
		column_push(c, &v,
			    (struct str){s->sample.p + span.at,
					 span.end - span.at});
		v.last_run = s->rows;
		memcpy(v.runs.p, &v.last_run, sizeof v.last_run);
	}
	s->holes[i] = (struct hole){t, span, v};
}

/* A unit of this glue: opens holes where it differs, collects its values. */
static void shape_fit(struct columns *c, struct shape *s, const char *unit)
{
	uint32_t hole = 0;

	for (uint32_t t = 0; t < s->n_tokens; t++) {
		const struct token *a = &s->tokens[t], *b = &c->tokens[t];
		size_t n = b->end - b->at;
		bool open = hole < s->n_holes && s->holes[hole].token == t;

		if (!open && (a->end - a->at != n ||
			      (n && memcmp(s->sample.p + a->at, unit + b->at,
					   n) != 0))) {
			open_hole(c, s, hole, t);
			open = true;
		}
		if (open)
			c->values[hole++] = (struct str){unit + b->at, n};
	}
}

static void add_raw(struct columns *c, struct str unit)
{
	buf_addc(&c->order, 0);
	buf_add_varint(&c->raws, unit.n);
	buf_adds(&c->raws, unit);
	c->size += unit.n + 2;
}

static void add_slowly(struct columns *c, enum columns_kind kind,
		       struct str unit)
{
	struct shape *s;
	uint64_t hash;

	if (!columns_cut(c, kind, unit)) {
		add_raw(c, unit);
		return;
	}
	hash = XXH3_64bits(c->glue.p, c->glue.n);
	s = shape_find(c, hash);
	if (!s)
		s = shape_new(c, hash, unit);
	if (!s) {
		add_raw(c, unit);
		return;
	}
	shape_fit(c, s, unit.p);
	shape_push(c, s);
}

/* Takes one unit in; returns its length. */
static size_t add_unit(struct columns *c, enum columns_kind kind,
		       struct str bytes)
{
	size_t n = 0;

	if (c->n_shapes) {
		struct shape *s = &c->shapes[c->shapes[c->last].next];

		n = shape_match(c, s, bytes.p, bytes.n);
		if (kind == COLUMNS_HEAD && n != bytes.n)
			n = 0; /* heads are asked for one by one */
		if (n)
			shape_push(c, s);
	}
	if (n == 0) {
		n = columns_unit(kind, bytes.p, bytes.n);
		if (n)
			add_slowly(c, kind, (struct str){bytes.p, n});
	}
	if (n == 0) {
		n = bytes.n;
		add_raw(c, bytes);
	}
	return n;
}

size_t columns_add(struct columns *c, enum columns_kind kind, struct str bytes,
		   struct buf *lengths)
{
	size_t units = 0;

	assert(c->magic == COLUMNS_MAGIC);
	while (bytes.n || (kind == COLUMNS_HEAD && units == 0)) {
		uint32_t n = (uint32_t)add_unit(c, kind, bytes);

		if (lengths)
			buf_add(lengths, &n, sizeof n);
		bytes = str_skip(bytes, n);
		units++;
	}
	return units;
}
