/* SPDX-License-Identifier: MIT */
/* `assay rules check`: the live audit over what is recorded. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "print/human.h"
#include "rules/command/choose.h"
#include "rules/command/commands.h"
#include "rules/command/report.h"
#include "rules/command/tally.h"
#include "rules/judge/index.h"
#include "rules/judge/judge_trail.h"

struct check {
	const struct options *options;
	struct packs *packs;
	struct report *report;
	bool tells; /* progress, on a terminal */
	bool told;
	uint64_t begun;
};

static void on_finding(void *arg, const struct finding *f)
{
	report_finding(((struct check *)arg)->report, f);
}

static const struct judge_events events = {.finding = on_finding};

static void on_progress(void *arg, uint64_t done, uint64_t all)
{
	struct check *c = arg;
	char left[HUMAN_SIZE], a[HUMAN_SIZE], b[HUMAN_SIZE];
	uint64_t spent = clock_mono() - c->begun;

	if (!c->tells || spent < NS_PER_S)
		return;
	c->told = true;
	fprintf(stderr, "\rjudged %s of %s exchanges, %s left \033[K",
		human_count(done, a), human_count(all, b),
		human_duration(done ? spent / done * (all - done) : 0, left));
}

static void wipe(struct check *c)
{
	if (c->told)
		fprintf(stderr, "\r\033[K");
	c->told = false;
}

static void add_notes(struct check *c, struct judge *j)
{
	struct buf lines = {0};
	struct str rest, line;

	tally_lines(j, "", &lines);
	for (rest = buf_str(&lines); rest.n;) {
		line = str_cut(&rest, '\n');
		if (line.n)
			report_note(c->report, "%.*s", STR_ARG(line));
	}
	buf_free(&lines);
}

/* Judges, and keeps nothing. */
static bool check_only(struct check *c, const char *path, struct fail *f)
{
	struct judge_options o = {
		.packs = c->packs, .events = &events, .arg = c};
	struct trail *t = trail_read(path, f);
	struct trail *contents = t ? trail_read(path, f) : NULL;
	struct judge *j;
	bool ok = false;

	if (contents) {
		j = judge_new(&o);
		ok = judge_trail(j, t, contents, on_progress, c, f);
		wipe(c);
		if (ok) {
			judge_final(j);
			add_notes(c, j);
		}
		judge_free(j);
	}
	trail_close(contents);
	trail_close(t);
	return ok;
}

/* Judges, and puts it in place of what the trail keeps. */
static bool check_and_save(struct check *c, const char *path, struct fail *f)
{
	struct trail *t;
	struct index *ix;
	bool ok;

	if (access(path, F_OK) < 0)
		return fail_set(f, FAIL_USER, "trail_missing", "there is no %s",
				path);
	t = trail_record(path, f);
	if (!t)
		return false;
	ix = index_new(t, path, c->packs, &events, c, f);
	ok = ix && index_again(ix, on_progress, c, f) && index_finish(ix, f);
	wipe(c);
	if (ok)
		add_notes(c, index_judge(ix));
	index_free(ix);
	trail_close(t);
	return ok;
}

static int check_all(struct check *c, struct fail *f)
{
	const char *const *paths;
	unsigned n = options_list(c->options, "trail", &paths);
	bool save = options_flag(c->options, "save");
	int status = 0;

	for (unsigned i = 0; i < n; i++) {
		bool ok;

		report_trail(c->report, paths[i]);
		c->begun = clock_mono();
		ok = save ? check_and_save(c, paths[i], f)
			  : check_only(c, paths[i], f);
		if (!ok) {
			report_failed(c->report);
			status = fail_print(f);
		}
	}
	return status;
}

static int run(const struct options *o)
{
	struct check c = {.options = o, .tells = isatty(STDERR_FILENO)};
	struct fail f;
	int status, found;

	c.packs = choose_packs(o, &f);
	if (!c.packs)
		return fail_print(&f);
	c.report = report_new(o, &f);
	if (!c.report) {
		packs_unref(c.packs);
		return fail_print(&f);
	}
	status = check_all(&c, &f);
	found = report_end(c.report);
	packs_unref(c.packs);
	return status ? status : found;
}

static const struct option_def options[] = {
	{"trail", OPTION_PATH, "FILE", "assay.db", OPTION_REPEAT,
	 "The trail to judge."},
	{"save", OPTION_FLAG, NULL, NULL, 0,
	 "Keep the findings in the trail, in place of those that are there. "
	 "Not while a proxy records into it."},
	{0}};

const struct command check_command = {
	.name = "check",
	.args = "[OPTIONS]",
	.brief = "judges a recording, as the live audit does",
	.about = "Judges what was recorded: the same findings as the live "
		 "audit's, in the order in which exchanges ended. With other "
		 "rules it judges old evidence anew. Nothing is written unless "
		 "--save says so.",
	.tail = "examples:\n"
		"  assay rules check\n"
		"  assay rules check --trail monday.db --rules mine.json\n"
		"  assay rules check --party vendor --severity error --junit\n",
	.groups = {{"Which trail", options},
		   {"Which rules", choose_options},
		   {"Output", report_options}},
	.run = run,
};
