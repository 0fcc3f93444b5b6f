/* SPDX-License-Identifier: MIT */
/* `assay audit probe`: does a vendor keep the contract of a model's pack? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/commands.h"
#include "audit/probe_impl.h"
#include "base/mem.h"
#include "record/trail.h"
#include "rules/command/choose.h"

/* ---- where to ---- */

/* Vendors' URLs that end in a version leave it out of the path. */
static bool has_version(const char *prefix)
{
	const char *last = strrchr(prefix, '/');

	return last && last[1] == 'v' && last[2] >= '0' && last[2] <= '9';
}

static bool take_key(struct campaign *c, struct fail *f)
{
	const char *name = options_text(c->options, "key-env"), *key;

	if (!name)
		return true;
	key = getenv(name);
	if (!key || !*key || strpbrk(key, "\r\n"))
		return fail_set(f, FAIL_USER, "bad_value",
				"--key-env: the environment has no variable "
				"%.80s that holds a key",
				name);
	c->key = str_dup(str_of(key));
	return true;
}

static bool take_vendor(struct campaign *c, struct fail *f)
{
	const char *url = options_text(c->options, "upstream");
	const char *model = options_text(c->options, "model");

	if (!url || !model || !*model)
		return fail_set(f, FAIL_USER, "missing_value", "--%s says %s",
				url ? "model" : "upstream",
				url ? "which model is asked for"
				    : "which vendor is asked");
	c->model = str_of(model);
	c->upstream = upstream_parse(url, f);
	if (!c->upstream)
		return false;
	c->path = str_dup(has_version(c->upstream->prefix)
				  ? STR("/chat/completions")
				  : STR("/v1/chat/completions"));
	return take_key(c, f);
}

/* ---- what ---- */

static bool take_pack(struct campaign *c, struct fail *f)
{
	struct traffic t = {.dialect = DIALECT_CHAT,
			    .model = c->model,
			    .route = str_of(c->upstream->name),
			    .vendor = str_of(c->upstream->host)};

	c->packs = choose_packs(c->options, f);
	if (!c->packs)
		return false;
	c->pack = packs_select(c->packs, &t)->model_pack;
	if (!c->pack)
		return fail_set(f, FAIL_USER, "no_pack",
				"no pack is about a model %.80s: choose one "
				"with --pack (assay rules ls --packs lists "
				"them)",
				c->model.p);
	c->n_probes = pack_probes(c->pack, &c->probes);
	return true;
}

static bool is_wanted(const struct campaign *c, const struct probe *p)
{
	const char *const *list;
	unsigned n = options_list(c->options, "group", &list);
	bool any = n == 0;

	for (unsigned i = 0; i < n && !any; i++)
		any = glob_match(str_of(list[i]), p->group) ||
		      glob_match(str_of(list[i]), p->id);
	return any && probe_is_for(p, str_of(c->upstream->host), c->model);
}

static void add_asks(struct campaign *c, struct item *it)
{
	it->first = c->n_asks;
	it->n_asks = probe_requests(it->probe);
	c->asks = mem_grow(c->asks, (c->n_asks + it->n_asks) * sizeof *c->asks);
	for (size_t i = 0; i < it->n_asks; i++) {
		struct buf run = {0};

		buf_addf(&run, "probe %s %.*s %.*s %s#%zu",
			 c->upstream->authority, STR_ARG(c->model),
			 STR_ARG(c->pack->name), it->name, i);
		c->asks[c->n_asks++] =
			(struct ask){.campaign = c,
				     .probe = it->probe,
				     .number = i,
				     .run = str_dup(buf_str(&run))};
		buf_free(&run);
	}
}

static bool take_probes(struct campaign *c, struct fail *f)
{
	c->items = mem_zero((c->n_probes + 1) * sizeof *c->items);
	for (size_t i = 0; i < c->n_probes; i++) {
		struct item *it = &c->items[c->n_items];
		struct buf name = {0};

		if (!is_wanted(c, &c->probes[i]))
			continue;
		it->probe = &c->probes[i];
		probe_name(it->probe, &name);
		it->name = str_dup(buf_str(&name));
		buf_free(&name);
		add_asks(c, it);
		c->n_items++;
	}
	if (c->n_items)
		return true;
	return fail_set(f, FAIL_USER, "no_probes",
			"the pack %.*s has no probes%s", STR_ARG(c->pack->name),
			options_given(c->options, "group")
				? " of such a group"
				: "; assay rules ls --packs lists others");
}

/* ---- into which trail ---- */

/* "assay.db" -> "assay-probe.db" */
static char *trail_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');
	size_t stem = dot && dot != path && dot != slash + 1
			      ? (size_t)(dot - path)
			      : strlen(path);
	struct buf b = {0};
	char *beside;

	buf_addf(&b, "%.*s-probe%s", (int)stem, path, path + stem);
	beside = str_dup(buf_str(&b));
	buf_free(&b);
	return beside;
}

static bool can_record(const char *path, struct fail *f)
{
	struct trail *t = trail_record(path, f);

	trail_close(t);
	return t != NULL;
}

static bool take_trail(struct campaign *c, struct fail *f)
{
	const char *path = options_text(c->options, "trail");

	c->trail = str_dup(str_of(path));
	if (can_record(path, f))
		return true;
	if (strcmp(f->code, "trail_locked") != 0)
		return false;
	free(c->trail);
	c->trail = trail_beside(path);
	if (!can_record(c->trail, f))
		return false;
	fprintf(stderr,
		"assay: a proxy records into %s: the probes are recorded in "
		"%s\n",
		path, c->trail);
	return true;
}

/* ---- all of it ---- */

static bool options_fit(const struct options *o, struct fail *f)
{
	if (options_flag(o, "json") && options_flag(o, "junit"))
		return fail_set(f, FAIL_USER, "bad_value",
				"--json and --junit do not go together");
	return options_number(o, "concurrency") > 0 ||
	       fail_set(f, FAIL_USER, "bad_value",
			"--concurrency: with 0 nothing would be asked");
}

static bool prepare(struct campaign *c, struct fail *f)
{
	return options_fit(c->options, f) && take_vendor(c, f) &&
	       take_pack(c, f) && take_probes(c, f) && take_trail(c, f) &&
	       probe_resume(c, f);
}

static void campaign_free(struct campaign *c)
{
	for (size_t i = 0; i < c->n_items; i++) {
		free(c->items[i].name);
		buf_free(&c->items[i].why);
	}
	for (size_t i = 0; i < c->n_asks; i++) {
		free(c->asks[i].run);
		buf_free(&c->asks[i].breach);
	}
	free(c->items);
	free(c->asks);
	probes_free(c->probes, c->n_probes);
	if (c->packs)
		packs_unref(c->packs);
	if (c->upstream)
		upstream_free(c->upstream);
	free(c->path);
	free(c->key);
	free(c->trail);
}

static int run(const struct options *o)
{
	struct campaign c = {.options = o};
	struct fail f;
	int status;

	if (!prepare(&c, &f))
		status = fail_print(&f);
	else if ((status = probe_run(&c)) == 0)
		status =
			probe_judge(&c, &f) ? probe_report(&c) : fail_print(&f);
	campaign_free(&c);
	return status;
}

static const struct option_def vendor[] = {
	{"upstream", OPTION_TEXT, "URL", NULL, 0,
	 "The vendor, as in https://api.vendor.example."},
	{"model", OPTION_TEXT, "NAME", NULL, 0, "The model to ask for."},
	{"key-env", OPTION_TEXT, "VAR", NULL, 0,
	 "The environment variable that holds the API key; it is sent as "
	 "Authorization: Bearer, and never recorded."},
	{"upstream-ca", OPTION_PATH, "FILE", NULL, 0,
	 "Trust these authorities (PEM) as well as the system's."},
	{"upstream-http", OPTION_CHOICE, "auto|1.1|2", "auto", 0,
	 "HTTP version. auto: what TLS agrees on (ALPN), and 1.1 in clear."},
	{0}};

static const struct option_def asking[] = {
	{"group", OPTION_TEXT, "GLOB", NULL, OPTION_REPEAT,
	 "Only these groups, as in P, or probes, as in "
	 "'P/temperature*'."},
	{"concurrency", OPTION_COUNT, "N", "4", 0,
	 "How many requests may be open at once."},
	{"retries", OPTION_COUNT, "N", "3", 0,
	 "How often a request is sent again that had no verdict: 429, 5xx, no "
	 "connection, a cut answer."},
	{"fresh", OPTION_FLAG, NULL, NULL, 0,
	 "Ask everything, also what the trail answers already."},
	{"trail", OPTION_PATH, "FILE", "assay.db", 0,
	 "The file to record into, and to go on from. While a proxy records "
	 "into it: FILE-probe beside it."},
	CHOOSE_OPTIONS,
	{0}};

static const struct option_def output[] = {
	{"json", OPTION_FLAG, NULL, NULL, 0,
	 "One JSON object a probe, and a summary."},
	{"junit", OPTION_FLAG, NULL, NULL, 0, "JUnit's XML, for CI."},
	{0}};

const struct command probe_command = {
	.name = "probe",
	.args = "--upstream URL --model NAME [OPTIONS]",
	.brief = "asks a vendor whether it keeps a model's contract",
	.about = "Sends requests that show whether a vendor keeps the "
		 "contract of the model's pack: that it refuses what must be "
		 "refused, serves what must be served, and answers in the "
		 "right form. Requests and answers are recorded, and the "
		 "verdicts come from the recording. An answer that proves "
		 "nothing (429, 5xx, a cut) is no verdict: neither passed nor "
		 "failed. What was interrupted goes on where it stopped when "
		 "the same command is given again.",
	.tail = "examples:\n"
		"  assay audit probe --upstream https://api.vendor.example \\\n"
		"      --model kimi-k2.6 --key-env VENDOR_KEY\n"
		"  assay audit probe --upstream http://127.0.0.1:8000 \\\n"
		"      --model kimi-k2.6 --pack kimi-opensource --group T "
		"--group S\n"
		"\n"
		"Exit status: 0 all passed, 1 not all, 2 it could not be "
		"done.\n",
	.groups = {{"The vendor", vendor},
		   {"What is asked", asking},
		   {"Output", output}},
	.run = run,
};
