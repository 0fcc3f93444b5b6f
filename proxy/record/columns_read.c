/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * A section is parsed once into its shapes and columns; a unit is then its
 * shape's pieces with, between them, the value of the unit's row:
 *
 *	order	0 1 1 1 2 1 1 1 ...	(a row of shape 1 each time)
 *	column	" the" " cat" " sat"	values, borrowed from TEXT or the
 *					vocabulary
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
	enum column_mode mode;
	bool repeats;
	size_t other; /* SAME, SUM: the hole that it refers to */
	size_t n;
	struct str *text;
	int64_t *ints;
	uint32_t *runs; /* NULL: each value stands for one row */
	/* where columns_text() is */
	size_t at;
	uint32_t used; /* rows of the value `at` already passed */
};

/* A place in a column, row by row. */
struct vwalk {
	const struct vcolumn *column;
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
	const struct words *words;
	size_t known; /* of them, to this section */
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
	uint64_t other;

	if (s->n == 0)
		return false;
	c->mode = (unsigned char)s->p[0] & MODE_MASK;
	c->repeats = (unsigned char)s->p[0] & MODE_RUNS;
	if (c->mode >= MODES ||
	    (unsigned char)s->p[0] > (MODE_MASK | MODE_RUNS))
		return false;
	*s = str_skip(*s, 1);
	if (c->mode != MODE_SAME && c->mode != MODE_SUM)
		return true;
	if (!str_varint(s, &other) || other >= hole)
		return false;
	c->other = (size_t)other;
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
	if (!c->repeats)
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

/* Passes the rows of one value of `c` by in the column `w` walks over. */
static uint32_t walk_length(struct vwalk *w, uint32_t rows)
{
	const struct vcolumn *c = w->column;
	uint32_t n = (uint32_t)c->text[w->at].n;

	for (w->used += rows; w->at < c->n;) {
		uint32_t run = c->runs ? c->runs[w->at] : 1;

		if (w->used < run)
			break;
		w->used -= run;
		w->at++;
	}
	return n;
}

/* The length of value i, from what LENS says. */
static bool text_length(struct vcolumn *c, size_t i, struct vwalk *w,
			struct str left, enum column_mode mode, uint64_t *n)
{
	uint32_t partner;

	if (mode == MODE_SPACE)
		*n = *n ? *n - 1 : columns_word(left.p, 0, left.n);
	if (mode == MODE_SUM) {
		if (w->at >= w->column->n)
			return false;
		partner = walk_length(w, c->runs ? c->runs[i] : 1);
		if (*n < partner)
			return false;
		*n -= partner;
	}
	return *n <= left.n;
}

/* Values from LENS and TEXT; of vocabulary columns those that are no words,
 * whose text is still unset. */
static bool parse_text(struct vcolumn *c, enum column_mode mode,
		       struct vwalk *w, struct str *lens, struct str *text)
{
	struct str left;
	uint64_t n;

	if (!str_varint(lens, &n) || !take(text, n, &left))
		return false;
	for (size_t i = 0; i < c->n; i++) {
		if (c->text[i].p)
			continue;
		if (!str_varint(lens, &n) ||
		    !text_length(c, i, w, left, mode, &n))
			return false;
		c->text[i] = (struct str){left.p, (size_t)n};
		left = str_skip(left, (size_t)n);
	}
	return left.n == 0;
}

static bool parse_words(struct columns_view *v, struct vcolumn *c,
			struct str *low, struct str *high)
{
	struct str l, h;

	if (!take(low, c->n, &l) || !take(high, c->n, &h))
		return false;
	for (size_t i = 0; i < c->n; i++) {
		size_t code = (unsigned char)l.p[i] |
			      (size_t)(unsigned char)h.p[i] << 8;

		if (code > v->known)
			return false;
		if (code)
			c->text[i] = words_at(v->words, code - 1);
	}
	return true;
}

static bool parse_column(struct columns_view *v, struct vshape *s, size_t hole,
			 struct str st[STREAMS])
{
	struct vcolumn *c = &s->columns[hole];
	struct vwalk w = {&s->columns[c->other], 0, 0};
	enum column_mode mode = c->mode;

	if (mode == MODE_SAME)
		return true;
	if (!parse_runs(c, s->rows, &st[STREAM_RUNS]))
		return false;
	if (mode == MODE_INTS)
		return parse_ints(c, &st[STREAM_INTS]);
	if (mode == MODE_SUM && !w.column->text)
		return false;
	if (c->n > st[STREAM_LENS].n + st[STREAM_LOW].n)
		return false;
	c->text = mem_zero(c->n * sizeof *c->text);
	if (mode == MODE_VOCAB || mode == MODE_VOCAB_SPACE) {
		if (!parse_words(v, c, &st[STREAM_LOW], &st[STREAM_HIGH]))
			return false;
		mode = mode == MODE_VOCAB ? MODE_TEXT : MODE_SPACE;
	}
	return parse_text(c, mode, &w, &st[STREAM_LENS], &st[STREAM_TEXT]);
}

static bool parse_columns(struct columns_view *v, struct str st[STREAMS])
{
	for (size_t i = 0; i < v->n_shapes; i++)
		for (size_t k = 0; k < v->shapes[i].holes; k++)
			if (!parse_column(v, &v->shapes[i], k, st))
				return false;
	return true;
}

static bool parse(struct columns_view *v, struct str s)
{
	struct str st[STREAMS];
	uint64_t sizes[STREAMS], known;

	if (!str_varint(&s, &known) ||
	    known > (v->words ? words_known(v->words) : 0))
		return false;
	v->known = (size_t)known;
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

size_t columns_words(struct str section)
{
	uint64_t n;

	return str_varint(&section, &n) && n <= WORDS_MAX ? (size_t)n : 0;
}

struct columns_view *columns_open(struct str section, const struct words *words)
{
	struct columns_view *v = MEM_NEW(struct columns_view);

	v->magic = VIEW_MAGIC;
	v->words = words;
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
		i = s->columns[i].other;
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
