/* SPDX-License-Identifier: MIT */
/* `assay replay ls`: the exchanges of a trail, one a line. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "commands.h"
#include "print/human.h"
#include "print/table.h"
#include "rows.h"
#include "rules/judge/index.h"

enum { TERMINAL_LIMIT = 50 };

static const struct table_column columns[] = {
	{.title = "trail", .worth = 60, .least = 8},
	{.title = "id", .right = true, .worth = 100},
	{.title = "parent", .right = true, .worth = 12, .hide_empty = true},
	{.title = "started", .worth = 50},
	{.title = "kind", .worth = 14, .least = 6},
	{.title = "route", .worth = 30, .least = 6},
	{.title = "method", .worth = 70},
	{.title = "status", .right = true, .worth = 95},
	{.title = "outcome", .worth = 80, .least = 10},
	{.title = "first byte", .right = true, .worth = 45},
	{.title = "time", .right = true, .worth = 65},
	{.title = "added", .right = true, .worth = 20},
	{.title = "request", .right = true, .worth = 25},
	{.title = "response", .right = true, .worth = 40},
	{.title = "chunks", .right = true, .worth = 15},
	{.title = "path", .worth = 90, .least = 20},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

struct listing {
	struct out out;
	struct table *table;
	struct jsonout json;
	bool several; /* trails */
	uint64_t now, count;
};

static void id_cell(struct table *t, int64_t id, bool known)
{
	if (known)
		table_cellf(t, TONE_PLAIN, "%lld", (long long)id);
	else
		table_cell(t, (struct str){0}, TONE_PLAIN);
}

static void time_cell(struct listing *l, uint64_t wall)
{
	char human[HUMAN_SIZE], exact[CLOCK_RFC3339_SIZE];

	table_cell(l->table,
		   str_of(l->out.terminal ? human_time(wall, l->now, human)
					  : clock_rfc3339(wall, exact)),
		   TONE_DIM);
}

static void figure_cell(struct table *t, bool known, uint64_t v,
			char *(*human)(uint64_t, char *), enum tone tone)
{
	char text[HUMAN_SIZE];

	table_cell(t, str_of(known ? human(v, text) : ""), tone);
}

static void outcome_cells(struct table *t, const struct trail_row *row)
{
	const struct ev_close *c = &row->close;

	if (c->status)
		table_cellf(t, row_status_tone(c->status), "%u", c->status);
	else
		table_cell(t, (struct str){0}, TONE_PLAIN);
	table_cell(t, str_of(row_outcome(row)), row_outcome_tone(row));
}

static void figure_cells(struct table *t, const struct trail_row *row)
{
	const struct ev_close *c = &row->close;
	uint64_t first = c->mark[EV_MARK_FIRST_BYTE];
	uint64_t done = c->mark[EV_MARK_DONE];

	figure_cell(t, first, first, human_duration, TONE_PLAIN);
	figure_cell(t, done, done, human_duration, TONE_PLAIN);
	figure_cell(t, row->closed, c->added_ns, human_duration, TONE_DIM);
	figure_cell(t, row->closed, row_request_bytes(row), human_bytes,
		    TONE_PLAIN);
	figure_cell(t, row->closed, row_response_bytes(row), human_bytes,
		    TONE_PLAIN);
	table_cellf(t, TONE_PLAIN, "%llu",
		    (unsigned long long)row->chunks[EV_RESPONSE]);
}

static void table_row(struct listing *l, const struct trail_row *row,
		      const char *trail)
{
	struct table *t = l->table;

	if (l->several)
		table_cell(t, str_of(trail), TONE_PLAIN);
	id_cell(t, row->id, true);
	id_cell(t, row->parent, row->parent != 0);
	time_cell(l, row->started_wall);
	table_cell(t, str_of(ev_kind_name(row->kind)), TONE_PLAIN);
	table_cell(t, row->route, TONE_PLAIN);
	table_cell(t, row->method, TONE_STRONG);
	outcome_cells(t, row);
	figure_cells(t, row);
	table_cell(t, row->path, TONE_PLAIN);
}

static void json_row(struct listing *l, const struct trail_row *row,
		     const char *trail)
{
	jsonout_open(&l->json, '{');
	row_json(&l->json, row, l->several ? trail : NULL);
	jsonout_close(&l->json, '}');
	jsonout_end_line(&l->json);
}

static bool write_rows(struct listing *l, struct rows *rows, struct fail *f)
{
	const struct trail_row *row;
	const char *trail;
	enum rows_got got = ROWS_END;

	while (!l->out.gone &&
	       (got = rows_next(rows, &row, &trail, f)) == ROWS_ONE) {
		l->count++;
		if (l->table)
			table_row(l, row, trail);
		else
			json_row(l, row, trail);
	}
	if (l->table)
		table_end(l->table);
	return got != ROWS_FAILED;
}

/* Under the table of a terminal: that this is not all. */
static void write_note(struct listing *l, struct rows *rows, uint64_t limit)
{
	char count[HUMAN_SIZE];
	uint64_t more;
	bool exact;

	if (!l->out.terminal || !l->table)
		return;
	if (l->count == 0)
		out_f(&l->out, "no exchange matches\n");
	if (l->count == 0 || !limit)
		return;
	more = rows_left_out(rows, &exact);
	if (!more && exact)
		return;
	out_tone(&l->out, TONE_DIM);
	out_f(&l->out,
	      "%s%s older not shown: --limit N shows more, --limit 0 all",
	      exact ? "" : "at least ", human_count(more, count));
	out_tone(&l->out, TONE_PLAIN);
	out_f(&l->out, "\n");
}

static uint64_t limit_of(const struct options *o, const struct listing *l,
			 bool json)
{
	if (options_given(o, "limit"))
		return options_number(o, "limit");
	return l->out.terminal && !json ? TERMINAL_LIMIT : 0;
}

static bool list(const struct options *o, struct listing *l, struct fail *f)
{
	bool json = options_flag(o, "json"), ok;
	uint64_t limit = limit_of(o, l, json);
	const char *const *paths;
	unsigned n = options_list(o, "trail", &paths);
	struct selection s;
	struct rows *rows;

	if (!select_read(o, &s, f))
		return false;
	for (unsigned i = 0; s.filter.derived && i < n; i++) {
		if (!index_ensure(paths[i], f))
			return false;
	}
	rows = rows_open(paths, n, &s, limit, f);
	if (!rows)
		return false;
	l->several = n > 1;
	l->now = clock_wall();
	l->json.o = &l->out;
	if (!json)
		l->table = table_new(&l->out, columns + !l->several,
				     N_COLUMNS - !l->several);
	ok = write_rows(l, rows, f);
	if (ok)
		write_note(l, rows, limit);
	rows_free(rows);
	return ok;
}

static int run(const struct options *o)
{
	struct listing l = {0};
	struct fail f, late;
	bool ok;

	out_open(&l.out, STDOUT_FILENO);
	ok = list(o, &l, &f);
	if (!out_close(&l.out, &late))
		return fail_print(&late);
	return ok ? 0 : fail_print(&f);
}

static const struct option_def form[] = {
	{"limit", OPTION_COUNT, "N", NULL, 0,
	 "The newest N alone; 0 for all. On a terminal 50 unless said, else "
	 "all."},
	{"json", OPTION_FLAG, NULL, NULL, 0,
	 "One JSON object a line; times in ns after `started`, null for what "
	 "did not happen."},
	{0}};

const struct command ls_command = {
	.name = "ls",
	.args = "[OPTIONS]",
	.brief = "lists exchanges: what was asked, how it ended, how long",
	.about = "Lists the exchanges of a trail, oldest first. On a terminal "
		 "it fits the width; in a pipe every column is there, whole; "
		 "--json is for programs.",
	.tail = "examples:\n"
		"  assay replay ls --since 10m\n"
		"  assay replay ls --outcome truncated --path '/v1/chat/*'\n"
		"  assay replay ls --model 'kimi-*' --finding 'wire/*'\n"
		"  assay replay ls --status 500-599 --json | jq .id\n"
		"  assay replay ls --trail monday.db --trail tuesday.db\n",
	.groups = {{"Trails", select_trails},
		   {"Which exchanges", select_options},
		   {"Form", form}},
	.run = run,
};
