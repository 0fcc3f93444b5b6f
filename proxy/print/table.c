/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Cells wait, tamed, in one buffer until the window is full or the
 * table ends; then the layout is fixed, once, and rows are written as they
 * fill up.
 *
 *	bytes	12POST/v1/chat/completions13GET/v1/models
 *	cells	{0,2}{2,4}{6,20} {26,2}...	n_columns a row
 *
 *	natural width	|--id-|--method-|-----------path-----------|
 *	least width	|--id-|--method-|--path--|
 *
 * Layout on a terminal: columns go, the least worthy first, until the sum of
 * the least widths fits; the room left over goes to what was cut, from left
 * to right: what is longest should stand last.
 */
#include "print/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "print/text.h"

#define TABLE_MAGIC 0x7461626cu /* "tabl" */

enum { GAP = 2, WINDOW_BYTES = 4 << 20 };

struct cell {
	size_t at, n, columns;
	enum tone tone;
};

struct table {
	unsigned magic;
	struct out *o;
	const struct table_column *columns;
	unsigned n;
	struct buf bytes;
	struct cell *cells;
	size_t n_cells, cap;
	bool laid_out;
	size_t width[TABLE_COLUMNS];
	bool shown[TABLE_COLUMNS];
	unsigned last; /* the rightmost column shown */
};

struct table *table_new(struct out *o, const struct table_column *columns,
			unsigned n)
{
	struct table *t = MEM_NEW(struct table);

	assert(n > 0 && n <= TABLE_COLUMNS);
	t->magic = TABLE_MAGIC;
	t->o = o;
	t->columns = columns;
	t->n = n;
	return t;
}

static bool is_blank(const struct table *t, unsigned column)
{
	for (size_t i = column; i < t->n_cells; i += t->n) {
		if (t->cells[i].n != 1 || t->bytes.p[t->cells[i].at] != '-')
			return false;
	}
	return true;
}

/* Natural widths, and which columns are shown at all. */
static void measure(struct table *t)
{
	for (unsigned c = 0; c < t->n; c++) {
		t->width[c] = text_columns(str_of(t->columns[c].title));
		for (size_t i = c; i < t->n_cells; i += t->n) {
			if (t->cells[i].columns > t->width[c])
				t->width[c] = t->cells[i].columns;
		}
		t->shown[c] = !(t->o->width && t->columns[c].hide_empty &&
				is_blank(t, c));
	}
}

static size_t least_width(const struct table *t, unsigned c)
{
	size_t least = t->columns[c].least;

	return least && least < t->width[c] ? least : t->width[c];
}

static size_t least_total(const struct table *t)
{
	size_t total = 0;

	for (unsigned c = 0; c < t->n; c++) {
		if (t->shown[c])
			total += least_width(t, c) + GAP;
	}
	return total - GAP;
}

/* The shown column of least worth, or t->n if only one is left. */
static unsigned least_worthy(const struct table *t)
{
	unsigned worst = t->n, shown = 0;

	for (unsigned c = 0; c < t->n; c++) {
		if (!t->shown[c])
			continue;
		shown++;
		if (worst == t->n ||
		    t->columns[c].worth < t->columns[worst].worth)
			worst = c;
	}
	return shown > 1 ? worst : t->n;
}

static void fit(struct table *t)
{
	size_t room = t->o->width, total;
	unsigned c;

	while ((total = least_total(t)) > room) {
		c = least_worthy(t);
		if (c == t->n)
			break;
		t->shown[c] = false;
	}
	room = room > total ? room - total : 0;
	for (c = 0; c < t->n; c++) {
		size_t least = least_width(t, c), more = t->width[c] - least;

		if (!t->shown[c])
			continue;
		more = more < room ? more : room;
		t->width[c] = least + more;
		room -= more;
	}
}

static void pad(struct out *o, size_t n)
{
	out_repeat(o, " ", n);
}

/* One cell in its column; a pipe gets it whole, however long. */
static void write_cell(struct table *t, unsigned c, struct str text,
		       size_t columns, enum tone tone)
{
	struct out *o = t->o;
	struct buf cut = {0};
	size_t blank;

	if (o->width && columns > t->width[c]) {
		text_fit_middle(&cut, text, t->width[c]);
		text = buf_str(&cut);
		columns = text_columns(text);
	}
	blank = columns < t->width[c] ? t->width[c] - columns : 0;
	if (t->columns[c].right)
		pad(o, blank);
	if (tone != TONE_PLAIN)
		out_tone(o, tone);
	out_bytes(o, text);
	if (tone != TONE_PLAIN)
		out_tone(o, TONE_PLAIN);
	if (c == t->last) {
		out_bytes(o, STR("\n"));
	} else {
		if (!t->columns[c].right)
			pad(o, blank);
		pad(o, GAP);
	}
	buf_free(&cut);
}

static void lay_out(struct table *t)
{
	measure(t);
	if (t->o->width)
		fit(t);
	for (unsigned c = 0; c < t->n; c++) {
		if (t->shown[c])
			t->last = c;
	}
	for (unsigned c = 0; c < t->n; c++) {
		struct str title = str_of(t->columns[c].title);
		if (t->shown[c])
			write_cell(t, c, title, text_columns(title), TONE_DIM);
	}
	t->laid_out = true;
}

static void flush(struct table *t)
{
	if (!t->laid_out)
		lay_out(t);
	for (size_t i = 0; i < t->n_cells; i++) {
		const struct cell *k = &t->cells[i];
		unsigned c = (unsigned)(i % t->n);
		if (t->shown[c])
			write_cell(t, c, (struct str){t->bytes.p + k->at, k->n},
				   k->columns, k->tone);
	}
	t->n_cells = 0;
	t->bytes.n = 0;
}

void table_cell(struct table *t, struct str text, enum tone tone)
{
	size_t at = t->bytes.n;
	struct str tame;

	assert(t->magic == TABLE_MAGIC);
	text_tame(&t->bytes, text.n ? text : STR("-"), TEXT_LINE);
	tame = (struct str){t->bytes.p + at, t->bytes.n - at};
	if (t->n_cells == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cells = mem_grow(t->cells, t->cap * sizeof *t->cells);
	}
	t->cells[t->n_cells++] =
		(struct cell){at, tame.n, text_columns(tame), tone};
	if (t->n_cells % t->n)
		return;
	if (t->laid_out || t->n_cells / t->n >= TABLE_WINDOW ||
	    t->bytes.n >= WINDOW_BYTES)
		flush(t);
}

void table_cellf(struct table *t, enum tone tone, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	table_cell(t, str_of(text), tone);
}

void table_end(struct table *t)
{
	assert(t->magic == TABLE_MAGIC && t->n_cells % t->n == 0);
	flush(t);
	t->magic = 0;
	buf_free(&t->bytes);
	free(t->cells);
	free(t);
}
