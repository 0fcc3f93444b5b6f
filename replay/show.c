/* SPDX-License-Identifier: MIT */
/* `assay replay show`: one exchange, for reading, or its exact bytes. */
#include "show.h"

#include <stdio.h>
#include <unistd.h>

#include "commands.h"
#include "print/human.h"
#include "print/text.h"

static bool conflict(struct fail *f, const char *why)
{
	return fail_set(f, FAIL_USER, "bad_option", "%s", why);
}

static enum ev_side raw_side(const struct options *o)
{
	return options_flag(o, "request") ? EV_REQUEST : EV_RESPONSE;
}

static bool check_options(const struct options *o, struct fail *f)
{
	bool raw = options_flag(o, "raw"), timing = options_flag(o, "timing");
	bool both = options_flag(o, "request") && options_flag(o, "response");

	if (raw && options_flag(o, "json"))
		return conflict(f, "--raw writes bytes as they are: it does "
				   "not go with --json");
	if (raw && both)
		return conflict(f, "--raw writes one side: choose --request "
				   "or --response");
	if (timing && (raw || options_flag(o, "head")))
		return conflict(f, "--timing shows times alone: it does not go "
				   "with --raw or --head");
	return true;
}

static bool read_id(const struct options *o, int64_t *id, struct fail *f)
{
	const char *const *args;
	uint64_t v;

	options_args(o, &args);
	if (!str_u64(str_of(args[0]), &v) || v == 0 || v > INT64_MAX)
		return fail_set(f, FAIL_USER, "bad_value",
				"\"%.60s\" is no exchange's id: it is a "
				"number, as `assay replay ls` shows",
				args[0]);
	*id = (int64_t)v;
	return true;
}

static struct show_parts parts_of(const struct options *o)
{
	bool request = options_flag(o, "request");
	bool response = options_flag(o, "response");
	bool head = options_flag(o, "head"), timing = options_flag(o, "timing");
	struct show_parts p = {.side = {request, response}};

	if (!request && !response)
		p.side[EV_REQUEST] = p.side[EV_RESPONSE] = true;
	p.heads = !timing;
	p.bodies = !timing && !head;
	p.timing = timing || (!head && request == response);
	p.summary = !timing && !head && request == response;
	return p;
}

/* ---- --raw ---- */

static void warn_terminal(const struct out *o, struct str bytes)
{
	if (!o->terminal)
		return;
	for (struct str s = bytes; s.n;) {
		struct text_rune r = text_next(s);
		if (!r.ok || (text_is_control(r.cp) && r.cp != '\n' &&
			      r.cp != '\r' && r.cp != '\t')) {
			fprintf(stderr,
				"assay: these bytes are not all text, and may "
				"disturb your terminal: better > FILE\n");
			return;
		}
		s = str_skip(s, r.n);
	}
}

/* What "exact" does not cover, on stderr: stdout carries the bytes alone. */
static void warn_inexact(const struct trail_row *row,
			 const struct exhibit_body *b)
{
	if (row->masked)
		fprintf(stderr,
			"assay: the bytes are exact except for %llu "
			"fingerprinted value%s in this exchange\n",
			(unsigned long long)row->masked,
			row->masked == 1 ? "" : "s");
	if (b->gaps)
		fprintf(stderr,
			"assay: %llu bytes are missing in %zu gap%s: they were "
			"relayed, but not recorded\n",
			(unsigned long long)b->missing, b->gaps,
			b->gaps == 1 ? "" : "s");
	if (!row->closed)
		fprintf(stderr, "assay: the exchange is open: this is what is "
				"recorded so far\n");
}

static void show_raw(struct out *o, const struct exhibit *x, enum ev_side side,
		     bool head)
{
	struct str bytes = head ? exhibit_head(x, side, EV_HEAD_MAIN)
				: buf_str(&x->body[side].wire);

	warn_terminal(o, bytes);
	out_bytes(o, bytes);
	out_flush(o);
	warn_inexact(x->row, &x->body[side]);
}

/* ---- the command ---- */

static void present(struct out *o, const struct options *opt,
		    const struct exhibit *x, const char *path)
{
	struct show_parts parts = parts_of(opt);

	if (options_flag(opt, "raw"))
		show_raw(o, x, raw_side(opt), options_flag(opt, "head"));
	else if (options_flag(opt, "json"))
		show_json(o, x, path, &parts);
	else
		show_text(o, x, path, &parts);
}

static struct exhibit_want want_of(const struct options *o)
{
	struct show_parts p = parts_of(o);
	struct exhibit_want w = {.bodies = p.bodies};

	memcpy(w.side, p.side, sizeof w.side);
	w.decode = !options_flag(o, "raw");
	w.max_decoded = options_number(o, "max-decoded");
	if (!w.decode)
		w.side[raw_side(o) == EV_REQUEST ? EV_RESPONSE : EV_REQUEST] =
			false;
	return w;
}

static bool show(const struct options *opt, struct out *o, struct fail *f)
{
	const char *path = options_text(opt, "trail");
	struct exhibit_want want = want_of(opt);
	struct exhibit *x;
	struct trail *t;
	int64_t id = 0;

	if (!check_options(opt, f) || !read_id(opt, &id, f))
		return false;
	t = row_trail(path, f);
	if (!t)
		return false;
	x = exhibit_open(t, id, &want, f);
	if (x)
		present(o, opt, x, path);
	exhibit_free(x);
	trail_close(t);
	return x != NULL;
}

static int run(const struct options *opt)
{
	struct fail f, late;
	struct out o;
	bool ok;

	out_open(&o, STDOUT_FILENO);
	ok = show(opt, &o, &f);
	if (!out_close(&o, &late))
		return fail_print(&late);
	return ok ? 0 : fail_print(&f);
}

static const struct option_def trail_option[] = {
	{"trail", OPTION_PATH, "FILE", "assay.db", 0, "The trail to read."},
	{0}};

static const struct option_def part_options[] = {
	{"request", OPTION_FLAG, NULL, NULL, 0, "The request alone."},
	{"response", OPTION_FLAG, NULL, NULL, 0, "The response alone."},
	{"head", OPTION_FLAG, NULL, NULL, 0, "Heads and trailers, no bodies."},
	{"timing", OPTION_FLAG, NULL, NULL, 0,
	 "Times alone: the marks, and when each piece arrived."},
	{0}};

static const struct option_def form_options[] = {
	{"raw", OPTION_FLAG, NULL, NULL, 0,
	 "The exact bytes of one body, the response's unless --request: after "
	 "transfer decoding, before content decoding. With --head, of the "
	 "head."},
	{"json", OPTION_FLAG, NULL, NULL, 0,
	 "One JSON object with all of it; bodies decoded, as text or base64."},
	{"max-decoded", OPTION_SIZE, "SIZE", "64M", 0,
	 "The most that a compressed body may unfold to; what is beyond is "
	 "cut, and said to be."},
	{0}};

const struct command show_command = {
	.name = "show",
	.args = "ID [OPTIONS]",
	.brief = "shows one exchange: heads, bodies, timeline; or exact bytes",
	.about = "Shows one exchange. Bodies are decoded, JSON is indented, "
		 "event streams are laid out with the time at which each event "
		 "arrived. Control characters are never sent to the terminal, "
		 "except by --raw.",
	.tail = "examples:\n"
		"  assay replay show 42\n"
		"  assay replay show 42 --response --raw > answer.sse\n"
		"  assay replay show 42 --request --head --raw\n"
		"  assay replay show 42 --timing\n"
		"  assay replay show 42 --json | jq -r .response.body.text\n",
	.arg = "an exchange's ID",
	.groups = {{"Trail", trail_option},
		   {"Parts", part_options},
		   {"Form", form_options}},
	.run = run,
};
