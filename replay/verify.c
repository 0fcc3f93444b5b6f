/* SPDX-License-Identifier: MIT */
/* `assay replay verify`: is the evidence whole, and what was altered? */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "commands.h"
#include "print/human.h"
#include "row.h"

#define QUIET_FOR NS_PER_S	 /* before progress is worth a line */
#define REFRESH	  (NS_PER_S / 5) /* of that line */

enum { SAYABLE = 1000 }; /* defects told one by one, on a trail of ruins */

struct check {
	struct out out;
	struct jsonout json;
	bool as_json;
	bool progress; /* stderr is a terminal */
	bool drawn;
	uint64_t begun, last;
	uint64_t told;
};

/* ---- progress ---- */

static void wipe(struct check *c)
{
	if (c->drawn)
		fputs("\r\033[K", stderr);
	c->drawn = false;
}

static void on_progress(void *arg, uint64_t done, uint64_t all)
{
	struct check *c = arg;
	char d[HUMAN_SIZE], a[HUMAN_SIZE], left[HUMAN_SIZE];
	uint64_t now = clock_mono(), spent = now - c->begun;

	if (!c->progress || !done || spent < QUIET_FOR ||
	    now - c->last < REFRESH)
		return;
	c->last = now;
	c->drawn = true;
	all = all > done ? all : done;
	fprintf(stderr, "\r\033[Kverifying: %s of %s, about %s left",
		human_count(done, d), human_count(all, a),
		human_duration((uint64_t)((double)spent / (double)done *
					  (double)(all - done)),
			       left));
}

/* ---- defects ---- */

static void json_defect(struct check *c, int64_t exchange, const char *text)
{
	jsonout_open(&c->json, '{');
	jsonout_key(&c->json, "exchange");
	if (exchange)
		jsonout_i64(&c->json, exchange);
	else
		jsonout_null(&c->json);
	jsonout_key(&c->json, "text");
	jsonout_str(&c->json, str_of(text));
	jsonout_close(&c->json, '}');
}

static void on_defect(void *arg, int64_t exchange, const char *text)
{
	struct check *c = arg;

	if (c->as_json) {
		json_defect(c, exchange, text);
		return;
	}
	if (c->told++ >= SAYABLE)
		return;
	wipe(c);
	out_tone(&c->out, TONE_BAD);
	if (exchange)
		out_f(&c->out, "exchange %lld: ", (long long)exchange);
	out_line(&c->out, str_of(text));
	out_tone(&c->out, TONE_PLAIN);
	out_f(&c->out, "\n");
	if (c->out.terminal)
		out_flush(&c->out);
}

/* ---- the summary ---- */

static void json_summary(struct jsonout *j, const struct trail_check *k,
			 int64_t defects)
{
	jsonout_truth(j, "ok", defects == 0);
	jsonout_number(j, "defects_found", (uint64_t)defects);
	jsonout_number(j, "exchanges", k->exchanges);
	jsonout_number(j, "bodies", k->bodies);
	jsonout_number(j, "checkpoints", k->checkpoints);
	jsonout_number(j, "frames", k->frames);
	jsonout_truth(j, "open_tail", k->open_tail);
	jsonout_text(j, "key", str_of(k->key_hex));
	jsonout_text(j, "seal", str_of(k->seal_hex));
}

static void verdict_line(struct out *o, const char *path, int64_t defects)
{
	char n[HUMAN_SIZE];

	out_tone(o, defects ? TONE_BAD : TONE_GOOD);
	out_line(o, str_of(path));
	if (defects)
		out_f(o, ": %s defect%s", human_count((uint64_t)defects, n),
		      defects == 1 ? "" : "s");
	else
		out_f(o, ": nothing is missing or altered");
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n");
}

static void text_summary(struct check *c, const char *path,
			 const struct trail_check *k, int64_t defects)
{
	struct out *o = &c->out;
	char a[HUMAN_SIZE], b[HUMAN_SIZE], n[HUMAN_SIZE];

	if (c->told > SAYABLE)
		out_f(o, "... and %s more: --json tells them all\n",
		      human_count(c->told - SAYABLE, n));
	verdict_line(o, path, defects);
	out_f(o, "  %s exchanges, %s bodies in %s frames\n",
	      human_count(k->exchanges, a), human_count(k->bodies, b),
	      human_count(k->frames, n));
	if (k->checkpoints) {
		out_f(o, "  %s checkpoints, signed by ",
		      human_count(k->checkpoints, n));
		out_line(o, str_of(k->key_hex));
		out_f(o, "\n");
	} else {
		out_f(o, "  no signed checkpoint\n");
	}
	if (k->seal_hex[0]) {
		out_f(o, "  newest seal ");
		out_line(o, str_of(k->seal_hex));
		out_f(o, "\n");
	}
	if (k->open_tail)
		out_f(o, "  the newest exchanges stand behind the last "
			 "checkpoint: sealed, not yet signed\n");
}

/* ---- the command ---- */

static bool verify_one(struct check *c, const char *path, int64_t *defects,
		       struct fail *f)
{
	struct trail_check k = {0};
	struct trail *t = row_trail(path, f);

	if (!t)
		return false;
	c->begun = clock_mono();
	c->told = 0;
	if (c->as_json) {
		jsonout_open(&c->json, '{');
		jsonout_text(&c->json, "trail", str_of(path));
		jsonout_key(&c->json, "defects");
		jsonout_open(&c->json, '[');
	}
	*defects = trail_verify(t, &k, on_defect, on_progress, c, f);
	/* What SQLite itself cannot read was altered, too. */
	if (*defects < 0 && strcmp(f->code, "trail_damaged") == 0) {
		on_defect(c, 0, f->text);
		*defects = 1;
	}
	wipe(c);
	trail_close(t);
	if (c->as_json)
		jsonout_close(&c->json, ']');
	if (*defects >= 0 && c->as_json)
		json_summary(&c->json, &k, *defects);
	else if (*defects >= 0)
		text_summary(c, path, &k, *defects);
	if (c->as_json) {
		if (*defects < 0)
			jsonout_text(&c->json, "error", str_of(f->text));
		jsonout_close(&c->json, '}');
		jsonout_end_line(&c->json);
	}
	return *defects >= 0;
}

static int verify_all(const struct options *o, struct check *c)
{
	const char *const *paths;
	unsigned n = options_list(o, "trail", &paths);
	int status = 0;

	for (unsigned i = 0; i < n; i++) {
		struct fail f;
		int64_t defects;

		if (!verify_one(c, paths[i], &defects, &f)) {
			out_flush(&c->out);
			status = fail_print(&f);
		} else if (defects && status == 0) {
			status = 1;
		}
	}
	return status;
}

static int run(const struct options *o)
{
	struct check c = {.as_json = options_flag(o, "json"),
			  .progress = isatty(STDERR_FILENO)};
	struct fail late;
	int status;

	out_open(&c.out, STDOUT_FILENO);
	c.json.o = &c.out;
	status = verify_all(o, &c);
	if (!out_close(&c.out, &late))
		return fail_print(&late);
	return status;
}

static const struct option_def trails[] = {
	{"trail", OPTION_PATH, "FILE", "assay.db", OPTION_REPEAT,
	 "The trail to check."},
	{"json", OPTION_FLAG, NULL, NULL, 0, "One JSON object a trail."},
	{0}};

const struct command verify_command = {
	.name = "verify",
	.args = "[OPTIONS]",
	.brief = "checks seals, signatures and every body for alterations",
	.about = "Checks the chain of seals, the signed checkpoints, every "
		 "body's digest and what rows refer to, and says what is "
		 "missing or altered. Exit status 1 if anything is. Who holds "
		 "both the trail and its signing key could rewrite it whole: "
		 "compare the newest seal with one that you keep elsewhere.",
	.tail = "examples:\n"
		"  assay replay verify\n"
		"  assay replay verify --trail monday.db --json\n",
	.groups = {{"Options", trails}},
	.run = run,
};
