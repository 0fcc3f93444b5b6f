/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * A section is parsed once into its shapes and columns; a unit is then its
 * shape's pieces with, between them, the value of the unit's row:
 *
 *	order	0 1 1 1 2 1 1 1 ...	(a row of shape 1 each time)
 *	column	" the" " cat" " sat"	values, borrowed from TEXT
 *	runs	   1      3      1	rows each stands for
 *
 * To begin in the middle, rows before it are counted and skipped. Nothing in
 * a section is believed: each count is bounded by the bytes that are left.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "record/columns.h"
#include "record/columns_impl.h"

enum { VIEW_MAGIC = 0x434f4c56 };

struct vcolumn {
	unsigned mode;
	size_t same; /* MODE_SAME: the hole that it equals */
	size_t n;
	struct str *text;
	int64_t *ints;
	uint32_t *runs; /* NULL: each value stands for one row */
	/* where columns_text() is */
	size_t at;
	uint32_t used; /* rows of the value `at` already passed */
};

struct vshape {
	size_t holes;
	struct str *pieces; /* holes + 1 */
	struct vcolumn *columns;
	size_t rows;   /* in all */
	size_t cursor; /* rows before the unit at hand */
};

struct columns_view {
	uint32_t magic;
	struct vshape *shapes;
	size_t n_shapes;
	uint32_t *order; /* shape + 1, 0: raw */
	size_t units;
	struct str *raws;
	size_t n_raws;
};

static bool take(struct str *from, uint64_t n, struct str *out)
{
	if (n > from->n)
		return false;
	*out = (struct str){from->p, (size_t)n};
	*from = str_skip(*from, (size_t)n);
	return true;
}

static bool take_sized(struct str *from, struct str *out)
{
	uint64_t n;

	return str_varint(from, &n) && take(from, n, out);
}

/* ---- parsing ---- */

static bool parse_mode(struct vcolumn *c, size_t hole, struct str *s)
{
	uint64_t same;

	if (s->n == 0)
		return false;
	c->mode = (unsigned char)s->p[0];
	*s = str_skip(*s, 1);
	if (c->mode != MODE_SAME)
		return (c->mode & ~MODE_RUNS) <= MODE_INTS;
	if (!str_varint(s, &same) || same >= hole)
		return false;
	c->same = (size_t)same;
	return true;
}

static bool parse_shape(struct vshape *v, struct str *s)
{
	uint64_t holes;

	if (!str_varint(s, &holes) || holes > s->n)
		return false;
	v->holes = (size_t)holes;
	v->pieces = mem_zero((v->holes + 1) * sizeof *v->pieces);
	v->columns = mem_zero(v->holes * sizeof *v->columns);
	for (size_t i = 0; i <= v->holes; i++)
		if (!take_sized(s, &v->pieces[i]))
			return false;
	for (size_t i = 0; i < v->holes; i++)
		if (!parse_mode(&v->columns[i], i, s))
			return false;
	return true;
}

static bool parse_shapes(struct columns_view *v, struct str s)
{
	uint64_t n;

	if (!str_varint(&s, &n) || n > s.n)
		return false;
	v->shapes = mem_zero((size_t)n * sizeof *v->shapes);
	v->n_shapes = (size_t)n;
	for (size_t i = 0; i < v->n_shapes; i++)
		if (!parse_shape(&v->shapes[i], &s))
			return false;
	return s.n == 0;
}

static bool parse_order(struct columns_view *v, struct str s)
{
	uint64_t shape;

	v->order = mem_alloc(s.n * sizeof *v->order);
	while (s.n) {
		if (!str_varint(&s, &shape) || shape > v->n_shapes)
			return false;
		v->order[v->units++] = (uint32_t)shape;
		if (shape)
			v->shapes[shape - 1].rows++;
		else
			v->n_raws++;
	}
	return true;
}

static bool parse_raws(struct columns_view *v, struct str s)
{
	if (v->n_raws > s.n)
		return false;
	v->raws = mem_zero(v->n_raws * sizeof *v->raws);
	for (size_t i = 0; i < v->n_raws; i++)
		if (!take_sized(&s, &v->raws[i]))
			return false;
	return s.n == 0;
}

/* How many values the column has, and the rows of each. */
static bool parse_runs(struct vcolumn *c, size_t rows, struct str *s)
{
	struct buf runs = {0};
	uint64_t run;

	c->n = rows;
	if (!(c->mode & MODE_RUNS))
		return true;
	for (c->n = 0; rows; c->n++) {
		uint32_t r;

		if (!str_varint(s, &run) || run == 0 || run > rows) {
			buf_free(&runs);
			return false;
		}
		r = (uint32_t)run;
		rows -= r;
		buf_add(&runs, &r, sizeof r);
	}
	c->runs = (uint32_t *)runs.p;
	return true;
}

static bool parse_ints(struct vcolumn *c, struct str *s)
{
	uint64_t sum = 0, step;

	if (c->n > s->n)
		return false;
	c->ints = mem_alloc(c->n * sizeof *c->ints);
	for (size_t i = 0; i < c->n; i++) {
		if (!str_varint(s, &step))
			return false;
		sum += (uint64_t)columns_unzigzag(step);
		c->ints[i] = (int64_t)sum;
	}
	return true;
}

static bool parse_text(struct vcolumn *c, struct str *lens, struct str *text)
{
	bool words = (c->mode & MODE_MASK) == MODE_WORDS;
	struct str all;
	uint64_t n;
	size_t at = 0;

	if (!str_varint(lens, &n) || !take(text, n, &all) || c->n > lens->n)
		return false;
	c->text = mem_alloc(c->n * sizeof *c->text);
	for (size_t i = 0; i < c->n; i++) {
		if (!str_varint(lens, &n))
			return false;
		if (words)
			n = n ? n - 1 : columns_word(all.p, at, all.n);
		if (n > all.n - at)
			return false;
		c->text[i] = (struct str){all.p + at, (size_t)n};
		at += (size_t)n;
	}
	return at == all.n;
}

static bool parse_columns(struct columns_view *v, struct str st[STREAMS])
{
	for (size_t i = 0; i < v->n_shapes; i++)
		for (size_t k = 0; k < v->shapes[i].holes; k++) {
			struct vcolumn *c = &v->shapes[i].columns[k];
			bool ok;

			if (c->mode == MODE_SAME)
				continue;
			ok = parse_runs(c, v->shapes[i].rows,
					&st[STREAM_RUNS]) &&
			     ((c->mode & MODE_MASK) == MODE_INTS
				      ? parse_ints(c, &st[STREAM_INTS])
				      : parse_text(c, &st[STREAM_LENS],
						   &st[STREAM_TEXT]));
			if (!ok)
				return false;
		}
	return true;
}

static bool parse(struct columns_view *v, struct str s)
{
	struct str st[STREAMS];
	uint64_t sizes[STREAMS];

	for (int i = 0; i < STREAMS; i++)
		if (!str_varint(&s, &sizes[i]))
			return false;
	for (int i = 0; i < STREAMS; i++)
		if (!take(&s, sizes[i], &st[i]))
			return false;
	return s.n == 0 && parse_shapes(v, st[STREAM_SHAPES]) &&
	       parse_order(v, st[STREAM_ORDER]) &&
	       parse_raws(v, st[STREAM_RAWS]) && parse_columns(v, st);
}

struct columns_view *columns_open(struct str section)
{
	struct columns_view *v = MEM_NEW(struct columns_view);

	v->magic = VIEW_MAGIC;
	if (parse(v, section))
		return v;
	columns_view_free(v);
	return NULL;
}

void columns_view_free(struct columns_view *v)
{
	if (!v)
		return;
	assert(v->magic == VIEW_MAGIC);
	for (size_t i = 0; i < v->n_shapes; i++) {
		struct vshape *s = &v->shapes[i];

		for (size_t k = 0; s->columns && k < s->holes; k++) {
			free(s->columns[k].text);
			free(s->columns[k].ints);
			free(s->columns[k].runs);
		}
		free(s->columns);
		free(s->pieces);
	}
	free(v->shapes);
	free(v->order);
	free(v->raws);
	v->magic = 0;
	free(v);
}

size_t columns_units(const struct columns_view *v)
{
	assert(v->magic == VIEW_MAGIC);
	return v->units;
}

/* ---- emitting ---- */

static void column_seek(struct vcolumn *c, size_t row)
{
	c->at = 0;
	c->used = 0;
	if (!c->runs) {
		c->at = row;
		return;
	}
	while (c->at < c->n && row >= c->runs[c->at])
		row -= c->runs[c->at++];
	c->used = (uint32_t)row;
}

/* Puts all cursors before unit `first`; returns the raw units before it. */
static size_t seek(struct columns_view *v, size_t first)
{
	size_t raw = 0;

	for (size_t i = 0; i < v->n_shapes; i++)
		v->shapes[i].cursor = 0;
	for (size_t i = 0; i < first; i++)
		if (v->order[i])
			v->shapes[v->order[i] - 1].cursor++;
		else
			raw++;
	for (size_t i = 0; i < v->n_shapes; i++)
		for (size_t k = 0; k < v->shapes[i].holes; k++)
			column_seek(&v->shapes[i].columns[k],
				    v->shapes[i].cursor);
	return raw;
}

static struct str column_value(const struct vcolumn *c, char digits[24])
{
	if (c->text)
		return c->text[c->at];
	return (struct str){digits, (size_t)snprintf(digits, 24, "%" PRId64,
						     c->ints[c->at])};
}

static void column_step(struct vcolumn *c)
{
	if (!c->runs) {
		c->at++;
	} else if (++c->used == c->runs[c->at]) {
		c->at++;
		c->used = 0;
	}
}

/* The column that holds the values of hole i. */
static struct vcolumn *source(struct vshape *s, size_t i)
{
	while (s->columns[i].mode == MODE_SAME)
		i = s->columns[i].same;
	return &s->columns[i];
}

/* Appends a row of `s` to out (if any) and its length to *n. */
static void emit_row(struct vshape *s, struct buf *out, size_t *n)
{
	char digits[24];

	for (size_t i = 0;; i++) {
		struct str t = s->pieces[i];

		*n += t.n;
		if (out)
			buf_adds(out, t);
		if (i == s->holes)
			break;
		t = column_value(source(s, i), digits);
		*n += t.n;
		if (out)
			buf_adds(out, t);
	}
	for (size_t i = 0; i < s->holes; i++)
		if (s->columns[i].mode != MODE_SAME)
			column_step(&s->columns[i]);
}

static bool in_range(const struct columns_view *v, size_t first, size_t n)
{
	assert(v->magic == VIEW_MAGIC);
	return first <= v->units && n <= v->units - first;
}

/* Emits unit i; `raw` counts the raw units passed. */
static size_t emit_unit(struct columns_view *v, size_t i, size_t *raw,
			struct buf *out)
{
	size_t n = 0;

	if (v->order[i]) {
		emit_row(&v->shapes[v->order[i] - 1], out, &n);
	} else {
		n = v->raws[*raw].n;
		if (out)
			buf_adds(out, v->raws[*raw]);
		++*raw;
	}
	return n;
}

bool columns_text(struct columns_view *v, size_t first, size_t n, size_t limit,
		  struct buf *out)
{
	size_t raw;

	if (!in_range(v, first, n))
		return false;
	raw = seek(v, first);
	for (size_t i = first; i < first + n; i++) {
		size_t len = emit_unit(v, i, &raw, out);

		if (len > limit)
			return false;
		limit -= len;
	}
	return true;
}

bool columns_lengths(struct columns_view *v, size_t first, size_t n,
		     struct buf *lengths)
{
	size_t raw;

	if (!in_range(v, first, n))
		return false;
	raw = seek(v, first);
	for (size_t i = first; i < first + n; i++) {
		uint32_t len = (uint32_t)emit_unit(v, i, &raw, NULL);

		buf_add(lengths, &len, sizeof len);
	}
	return true;
}
