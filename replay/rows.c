/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Each trail is read page by page (trail_list calls back; a page is
 * copied out of it), and the source whose front row started first is next:
 *
 *	a.db	page [ 7 8 9 ]	after_id 9
 *	b.db	page [ 2 ]	after_id 2	-> 7, 2, 8, 9 by start
 *
 * With a limit, a first pass counts the newest `limit` of each trail and
 * where they begin; what the merge then has too many is skipped at its old
 * end. Rows that are recorded meanwhile are not shown.
 */
#include "rows.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define ROWS_MAGIC 0x726f7773u /* "rows" */

enum { PAGE = 128 };
#define COUNT_FOR (NS_PER_S / 5)

struct source {
	struct rows *all;
	const char *path;
	struct trail *trail;
	struct kept_row page[PAGE];
	unsigned at, n;
	int64_t after;	/* the last id that was read */
	int64_t until;	/* the last id to show; 0: any */
	uint64_t found; /* rows in the first pass */
	bool over;
};

struct rows {
	unsigned magic;
	const struct selection *selection;
	uint64_t limit, skip;
	struct source **sources;
	unsigned n;
	uint64_t counted, deadline; /* while counting what was left out */
};

static bool matches(const struct source *s, const struct trail_row *row)
{
	return !s->all->selection->only_open || !row->closed;
}

/* First pass: where the newest begin, and how many they are. */
static bool note_row(void *arg, const struct trail_row *row)
{
	struct source *s = arg;

	if (!matches(s, row))
		return true;
	if (s->found++ == 0)
		s->after = row->id - 1;
	s->until = row->id;
	return true;
}

static bool first_pass(struct rows *r, struct fail *f)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < r->n; i++) {
		struct source *s = r->sources[i];
		struct trail_filter filter = r->selection->filter;

		/* open ones are picked here, so the trail cannot count them */
		filter.limit = r->selection->only_open ? 0 : r->limit;
		if (!trail_list(s->trail, &filter, note_row, s, f))
			return false;
		s->over = s->found == 0;
		found += s->found;
	}
	r->skip = found > r->limit ? found - r->limit : 0;
	return true;
}

static struct source *source_open(struct rows *r, const char *path,
				  struct fail *f)
{
	struct trail *t = row_trail(path, f);
	struct source *s;

	if (!t)
		return NULL;
	s = MEM_NEW(struct source);
	s->all = r;
	s->path = path;
	s->trail = t;
	return s;
}

static void source_free(struct source *s)
{
	for (unsigned i = 0; i < PAGE; i++)
		kept_row_free(&s->page[i]);
	trail_close(s->trail);
	free(s);
}

struct rows *rows_open(const char *const *paths, unsigned n,
		       const struct selection *s, uint64_t limit,
		       struct fail *f)
{
	struct rows *r = MEM_NEW(struct rows);
	bool ok = true;

	r->magic = ROWS_MAGIC;
	r->selection = s;
	r->limit = limit;
	r->sources = mem_zero(n * sizeof(struct source *));
	for (unsigned i = 0; i < n && ok; i++) {
		r->sources[r->n] = source_open(r, paths[i], f);
		ok = r->sources[r->n] != NULL;
		r->n += ok;
	}
	if (ok && (!limit || first_pass(r, f)))
		return r;
	rows_free(r);
	return NULL;
}

void rows_free(struct rows *r)
{
	if (!r)
		return;
	assert(r->magic == ROWS_MAGIC);
	r->magic = 0;
	for (unsigned i = 0; i < r->n; i++)
		source_free(r->sources[i]);
	free(r->sources);
	free(r);
}

static bool page_row(void *arg, const struct trail_row *row)
{
	struct source *s = arg;

	s->after = row->id;
	if (s->until && row->id > s->until)
		return false;
	if (matches(s, row))
		kept_row_set(&s->page[s->n++], row);
	return s->n < PAGE;
}

static bool refill(struct source *s, struct fail *f)
{
	struct trail_filter filter = s->all->selection->filter;

	if (s->at < s->n || s->over)
		return true;
	s->at = s->n = 0;
	filter.after_id = s->after;
	filter.limit = 0;
	if (!trail_list(s->trail, &filter, page_row, s, f))
		return false;
	s->over = s->n < PAGE;
	return true;
}

static struct source *earliest(struct rows *r)
{
	struct source *best = NULL;
	uint64_t best_at = 0;

	for (unsigned i = 0; i < r->n; i++) {
		struct source *s = r->sources[i];
		uint64_t at;

		if (s->at == s->n)
			continue;
		at = s->page[s->at].row.started_wall;
		if (!best || at < best_at) {
			best = s;
			best_at = at;
		}
	}
	return best;
}

enum rows_got rows_next(struct rows *r, const struct trail_row **row,
			const char **trail, struct fail *f)
{
	struct source *s;

	assert(r->magic == ROWS_MAGIC);
	do {
		for (unsigned i = 0; i < r->n; i++) {
			if (!refill(r->sources[i], f))
				return ROWS_FAILED;
		}
		s = earliest(r);
		if (!s)
			return ROWS_END;
		*row = &s->page[s->at++].row;
		*trail = s->path;
	} while (r->skip && r->skip--);
	return ROWS_ONE;
}

static bool count_row(void *arg, const struct trail_row *row)
{
	struct source *s = arg;
	struct rows *r = s->all;

	if (matches(s, row) && ++r->counted % 256 == 0 &&
	    clock_mono() > r->deadline)
		return false;
	return true;
}

uint64_t rows_left_out(struct rows *r, bool *exact)
{
	struct fail ignored;
	uint64_t found = 0;
	bool all = true;

	assert(r->magic == ROWS_MAGIC && r->limit);
	for (unsigned i = 0; i < r->n; i++) {
		found += r->sources[i]->found;
		all &= r->sources[i]->found < r->limit;
	}
	*exact = true;
	if (all || r->selection->only_open)
		return found > r->limit ? found - r->limit : 0;
	r->counted = 0;
	r->deadline = clock_mono() + COUNT_FOR;
	for (unsigned i = 0; i < r->n; i++) {
		struct trail_filter filter = r->selection->filter;
		if (!trail_list(r->sources[i]->trail, &filter, count_row,
				r->sources[i], &ignored))
			*exact = false;
	}
	*exact &= clock_mono() <= r->deadline;
	return r->counted > r->limit ? r->counted - r->limit : 0;
}
