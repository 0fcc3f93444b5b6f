/* SPDX-License-Identifier: MIT */
/* `assay audit findings`: what was found, live or, where nobody has looked
 * yet, now. */
#include <stdio.h>

#include "commands.h"
#include "rules/command/choose.h"
#include "rules/command/report.h"
#include "rules/judge/judge_trail.h"
#include "rules/judge/store.h"

static bool on_kept(void *arg, const struct finding *f)
{
	report_finding(arg, f);
	return true;
}

static void on_found(void *arg, const struct finding *f)
{
	report_finding(arg, f);
}

static const struct judge_events events = {.finding = on_found};

/* A trail that was never judged, or whose proxy was killed. */
static bool judge_now(const char *path, struct trail *t, struct report *r,
		      struct fail *f)
{
	struct trail *contents = trail_read(path, f);
	struct judge_options o = {.events = &events, .arg = r};
	struct judge *j;
	bool ok;

	if (!contents)
		return false;
	fprintf(stderr,
		"assay: %s has not been judged to its end; judging it now, by "
		"the built-in packs (assay rules check --save keeps it)\n",
		path);
	o.packs = packs_new();
	packs_add_builtin(o.packs);
	j = judge_new(&o);
	ok = judge_trail(j, t, contents, NULL, NULL, f);
	if (ok)
		judge_final(j);
	judge_free(j);
	packs_unref(o.packs);
	trail_close(contents);
	return ok;
}

static bool show(const char *path, struct report *r, struct fail *f)
{
	struct trail *t = trail_read(path, f);
	bool ok;

	if (!t)
		return false;
	report_trail(r, path);
	ok = store_complete(t) ? store_findings(t, on_kept, r, f)
			       : judge_now(path, t, r, f);
	trail_close(t);
	return ok;
}

static int run(const struct options *o)
{
	const char *const *paths;
	unsigned n = options_list(o, "trail", &paths);
	int status = 0, found;
	struct report *r;
	struct fail f;

	r = report_new(o, &f);
	if (!r)
		return fail_print(&f);
	for (unsigned i = 0; i < n; i++) {
		if (!show(paths[i], r, &f)) {
			report_failed(r);
			status = fail_print(&f);
		}
	}
	found = report_end(r);
	return status ? status : found;
}

static const struct option_def options[] = {{"trail", OPTION_PATH, "FILE",
					     "assay.db", OPTION_REPEAT,
					     "The trail to read."},
					    {0}};

const struct command findings_command = {
	.name = "findings",
	.args = "[OPTIONS]",
	.brief = "what was found, by rule and party",
	.about = "Shows what the live audit found in the traffic of a proxy, "
		 "also while it runs. A finding names the rule, the party at "
		 "fault, what was observed and expected, and the exchange "
		 "whose bytes show it (assay replay show ID). A trail that was "
		 "not judged live is judged now, by the built-in packs.",
	.tail = "examples:\n"
		"  assay audit findings\n"
		"  assay audit findings --party vendor --severity error\n"
		"  assay audit findings --json | jq .rule | sort | uniq -c\n",
	.groups = {{"Which trail", options}, {"Output", report_options}},
	.run = run,
};
