/* SPDX-License-Identifier: MIT */
/* `assay rules explain`: which rules some traffic is held to, and why. */
#include <unistd.h>

#include "print/table.h"
#include "rules/command/choose.h"
#include "rules/command/commands.h"
#include "rules/command/rule_json.h"

static const struct table_column pack_columns[] = {
	{.title = "pack", .worth = 100, .least = 16},
	{.title = "applies", .worth = 90},
	{.title = "rules", .right = true, .worth = 60},
	{.title = "why", .worth = 80, .least = 20},
};
static const struct table_column rule_columns[] = {
	{.title = "rule", .worth = 100, .least = 24},
	{.title = "severity", .worth = 80},
	{.title = "party", .worth = 60},
	{.title = "scope", .worth = 50},
	{.title = "why", .worth = 90, .least = 20},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

struct explain {
	struct out out;
	struct jsonout json;
	struct packs *packs;
	struct traffic traffic;
	const struct ruleset *set;
	bool all; /* rules that do not apply, too */
};

static bool applies(const struct explain *e, const struct rule *r)
{
	for (unsigned i = 0; i < e->set->n; i++)
		if (e->set->rules[i] == r)
			return true;
	return false;
}

/* How many rules of a pack apply. */
static unsigned count(const struct explain *e, const struct pack *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_rules; i++)
		n += applies(e, &p->rules[i]);
	return n;
}

static bool is_shown(const struct explain *e, const struct pack *p,
		     const struct rule *r)
{
	return applies(e, r) || (e->all && count(e, p) > 0);
}

static void packs_text(struct explain *e)
{
	struct table *t = table_new(&e->out, pack_columns, COUNT(pack_columns));

	for (size_t i = 0; i < packs_count(e->packs); i++) {
		const struct pack *p = packs_at(e->packs, i);
		unsigned n = count(e, p);

		if (p->block && !e->all)
			continue;
		table_cell(t, p->name, n ? TONE_STRONG : TONE_DIM);
		table_cell(t, n ? STR("yes") : STR("no"),
			   n ? TONE_GOOD : TONE_DIM);
		table_cellf(t, TONE_PLAIN, "%u of %u", n, p->n_rules);
		table_cell(t, str_of(packs_why(e->packs, &e->traffic, p, NULL)),
			   TONE_PLAIN);
	}
	table_end(t);
}

static void rules_text(struct explain *e)
{
	struct table *t = table_new(&e->out, rule_columns, COUNT(rule_columns));

	for (size_t i = 0; i < packs_count(e->packs); i++) {
		const struct pack *p = packs_at(e->packs, i);

		for (unsigned k = 0; k < p->n_rules; k++) {
			const struct rule *r = &p->rules[k];

			if (!is_shown(e, p, r))
				continue;
			table_cell(t, r->id,
				   applies(e, r) ? TONE_STRONG : TONE_DIM);
			table_cell(t, str_of(severity_name(r->severity)),
				   TONE_PLAIN);
			table_cell(t, str_of(party_name(r->party)), TONE_PLAIN);
			table_cell(t, str_of(scope_name(r->scope)), TONE_PLAIN);
			table_cell(
				t,
				str_of(packs_why(e->packs, &e->traffic, p, r)),
				TONE_PLAIN);
		}
	}
	table_end(t);
}

static void packs_json(struct explain *e)
{
	struct jsonout *j = &e->json;

	jsonout_key(j, "packs");
	jsonout_open(j, '[');
	for (size_t i = 0; i < packs_count(e->packs); i++) {
		const struct pack *p = packs_at(e->packs, i);
		const char *why = packs_why(e->packs, &e->traffic, p, NULL);

		jsonout_open(j, '{');
		jsonout_text(j, "pack", p->name);
		jsonout_truth(j, "applies", count(e, p) > 0);
		jsonout_text(j, "why", str_of(why));
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

static void rules_json(struct explain *e)
{
	struct jsonout *j = &e->json;

	jsonout_key(j, "rules");
	jsonout_open(j, '[');
	for (size_t i = 0; i < packs_count(e->packs); i++) {
		const struct pack *p = packs_at(e->packs, i);

		for (unsigned k = 0; k < p->n_rules; k++) {
			const struct rule *r = &p->rules[k];

			if (!is_shown(e, p, r))
				continue;
			jsonout_open(j, '{');
			jsonout_text(j, "id", r->id);
			jsonout_truth(j, "applies", applies(e, r));
			jsonout_text(
				j, "why",
				str_of(packs_why(e->packs, &e->traffic, p, r)));
			jsonout_close(j, '}');
		}
	}
	jsonout_close(j, ']');
}

static void as_json(struct explain *e)
{
	struct jsonout *j = &e->json;
	const struct pack *p = e->set->model_pack;

	j->o = &e->out;
	jsonout_open(j, '{');
	jsonout_text(j, "model", e->traffic.model);
	jsonout_text(j, "dialect", str_of(dialect_name(e->traffic.dialect)));
	jsonout_truth(j, "stream", e->traffic.stream);
	jsonout_truth(j, "kwargs", e->traffic.kwargs);
	jsonout_text(j, "upstream", e->traffic.vendor);
	jsonout_text(j, "route", e->traffic.route);
	jsonout_text(j, "model_pack", p ? p->name : (struct str){0});
	packs_json(e);
	rules_json(e);
	jsonout_close(j, '}');
	jsonout_end_line(j);
}

static void read_traffic(const struct options *o, struct explain *e)
{
	struct traffic *t = &e->traffic;
	const char *const *args;

	options_args(o, &args);
	t->model = str_of(args[0]);
	t->dialect =
		(enum dialect)dialect_named(str_of(options_text(o, "dialect")));
	t->vendor = str_of(options_text(o, "upstream"));
	t->route = str_of(options_text(o, "route"));
	t->stream = options_flag(o, "stream");
	t->kwargs = options_flag(o, "kwargs");
	e->all = options_flag(o, "all");
}

static int run(const struct options *o)
{
	struct explain e = {0};
	struct fail f;

	e.packs = choose_packs(o, &f);
	if (!e.packs)
		return fail_print(&f);
	read_traffic(o, &e);
	e.set = packs_select(e.packs, &e.traffic);
	out_open(&e.out, STDOUT_FILENO);
	if (options_flag(o, "json")) {
		as_json(&e);
	} else {
		packs_text(&e);
		out_f(&e.out, "\n");
		rules_text(&e);
	}
	packs_unref(e.packs);
	return out_close(&e.out, &f) ? 0 : fail_print(&f);
}

static const struct option_def traffic_options[] = {
	{"dialect", OPTION_CHOICE, "chat|completions|responses|messages",
	 "chat", 0, "The API that is spoken."},
	{"stream", OPTION_FLAG, NULL, NULL, 0, "The answer is streamed."},
	{"kwargs", OPTION_FLAG, NULL, NULL, 0,
	 "The request carries chat_template_kwargs."},
	{"upstream", OPTION_TEXT, "HOST", NULL, 0,
	 "The upstream's host, for rules that name vendors."},
	{"route", OPTION_TEXT, "NAME", NULL, 0,
	 "The upstream's name, for --pack NAME=PACK."},
	{0}};

static const struct option_def form[] = {
	{"all", OPTION_FLAG, NULL, NULL, 0,
	 "Also rules that do not apply, of packs that do."},
	{"json", OPTION_FLAG, NULL, NULL, 0, "As one JSON object."},
	{0}};

const struct command rules_explain_command = {
	.name = "explain",
	.args = "MODEL [OPTIONS]",
	.brief = "says which packs and rules apply to a model, and why",
	.about = "Says which packs and rules traffic of a model is held to, "
		 "and why, without asking anybody. A prefix such as "
		 "moonshotai/ is put aside, as when judging.",
	.tail = "examples:\n"
		"  assay rules explain moonshotai/Kimi-K2.6 --stream\n"
		"  assay rules explain kimi-k2.6 --kwargs\n"
		"  assay rules explain claude-opus-4-5 --dialect messages "
		"--all\n",
	.arg = "MODEL",
	.groups = {{"Which traffic", traffic_options},
		   {"Which rules", choose_options},
		   {"Form", form}},
	.run = run,
};
