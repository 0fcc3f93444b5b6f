/* SPDX-License-Identifier: MIT */
/*
 * The exchanges of one or several trails as one stream, by the time they
 * started, in bounded memory.
 *
 *	struct rows *r = rows_open(paths, n, &selection, 50, &f);
 *	while ((got = rows_next(r, &row, &trail, &f)) == ROWS_ONE)
 *		...
 *	rows_free(r);
 */
#ifndef REPLAY_ROWS_H
#define REPLAY_ROWS_H

#include "row.h"
#include "select.h"

struct rows;

/* `limit` 0: all; else the newest. Borrows paths and selection. NULL with *f
 * if a trail cannot be read. */
struct rows *rows_open(const char *const *paths, unsigned n,
		       const struct selection *s, uint64_t limit,
		       struct fail *f) MUST_USE;
void rows_free(struct rows *r);

/* Borrowed until the next call. */
enum rows_got { ROWS_ONE, ROWS_END, ROWS_FAILED };
enum rows_got rows_next(struct rows *r, const struct trail_row **row,
			const char **trail, struct fail *f);

/*
 * How many older ones the limit left out. Looks for a moment at most: then
 * *exact is false, and there are more than that.
 */
uint64_t rows_left_out(struct rows *r, bool *exact);

#endif
