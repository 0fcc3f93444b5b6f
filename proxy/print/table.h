/* SPDX-License-Identifier: MIT */
/*
 * Tables that fit: on a terminal columns are cut, and those of little worth
 * dropped, until a row is one line; in a pipe everything is shown whole.
 *
 *	static const struct table_column cols[] = {
 *		{.title = "id", .right = true, .worth = 9},
 *		{.title = "path", .worth = 8, .least = 16}};
 *	struct table *t = table_new(&o, cols, 2);
 *	for (...) {
 *		table_cellf(t, TONE_DIM, "%d", id);
 *		table_cell(t, path, TONE_PLAIN);
 *	}
 *	table_end(t);
 *
 * Widths come from the first TABLE_WINDOW rows, so that a million rows need
 * no more memory than a thousand.
 */
#ifndef PRINT_TABLE_H
#define PRINT_TABLE_H

#include "print/out.h"

enum { TABLE_WINDOW = 1000, TABLE_COLUMNS = 24 };

struct table_column {
	const char *title;
	bool right;	 /* figures stand at the right edge */
	bool hide_empty; /* on a terminal: gone when no row has a value */
	unsigned worth;	 /* the least worthy goes first when it is narrow */
	unsigned least;	 /* may be cut in its middle to so many; 0: not */
};

struct table;

/* Borrows both for the table's life. At most TABLE_COLUMNS columns. */
struct table *table_new(struct out *o, const struct table_column *columns,
			unsigned n);

/* The next cell, left to right, row after row. The text is tamed. An empty
 * one is shown as "-". */
void table_cell(struct table *t, struct str text, enum tone tone);
void table_cellf(struct table *t, enum tone tone, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes what is left, and frees. The last row must be full. */
void table_end(struct table *t);

#endif
