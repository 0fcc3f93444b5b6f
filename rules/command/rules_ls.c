/* SPDX-License-Identifier: MIT */
/* `assay rules ls`: packs and rules, one a line. */
#include <unistd.h>

#include "print/table.h"
#include "rules/command/choose.h"
#include "rules/command/commands.h"
#include "rules/command/rule_json.h"

static const struct table_column rule_columns[] = {
	{.title = "rule", .worth = 100, .least = 24},
	{.title = "severity", .worth = 90},
	{.title = "party", .worth = 60},
	{.title = "scope", .worth = 50},
	{.title = "cert", .worth = 40},
	{.title = "text", .worth = 80, .least = 20},
};
static const struct table_column pack_columns[] = {
	{.title = "pack", .worth = 100, .least = 16},
	{.title = "version", .worth = 40},
	{.title = "rules", .right = true, .worth = 60},
	{.title = "takes", .worth = 70, .least = 12},
	{.title = "about", .worth = 80, .least = 20},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

struct listing {
	struct out out;
	struct jsonout json;
	struct table *table; /* NULL: JSON */
};

static enum tone severity_tone(enum severity s)
{
	return s == SEVERITY_ERROR     ? TONE_BAD
	       : s == SEVERITY_WARNING ? TONE_WARN
				       : TONE_DIM;
}

static void rule_row(struct listing *l, const struct rule *r)
{
	struct table *t = l->table;

	if (!t) {
		jsonout_open(&l->json, '{');
		rule_json(&l->json, r);
		jsonout_close(&l->json, '}');
		jsonout_end_line(&l->json);
		return;
	}
	table_cell(t, r->id, TONE_STRONG);
	table_cell(t, str_of(severity_name(r->severity)),
		   severity_tone(r->severity));
	table_cell(t, str_of(party_name(r->party)), TONE_PLAIN);
	table_cell(t, str_of(scope_name(r->scope)), TONE_PLAIN);
	table_cell(t, str_of(rule_cert(r)), TONE_DIM);
	table_cell(t, r->text, TONE_PLAIN);
}

/* Whose traffic it takes, in a few words. */
static void takes(const struct pack *p, struct buf *to)
{
	for (uint32_t i = 0; p->models && i < p->models->n; i++)
		buf_addf(to, "%s%.*s", i ? " " : "",
			 STR_ARG(json_text(p->models->v[i])));
	if (!p->models)
		buf_addf(to, p->block ? "(for other packs)" : "all traffic");
	if (p->kwargs)
		buf_addf(to, " with chat_template_kwargs");
}

static void pack_row(struct listing *l, const struct pack *p)
{
	struct buf models = {0};
	struct jsonout *j = &l->json;

	takes(p, &models);
	if (l->table) {
		table_cell(l->table, p->name, TONE_STRONG);
		table_cell(l->table, p->version, TONE_DIM);
		table_cellf(l->table, TONE_PLAIN, "%u", p->n_rules);
		table_cell(l->table, buf_str(&models), TONE_PLAIN);
		table_cell(l->table, p->about, TONE_PLAIN);
	} else {
		jsonout_open(j, '{');
		jsonout_text(j, "pack", p->name);
		jsonout_text(j, "version", p->version);
		jsonout_text(j, "file", p->file);
		jsonout_truth(j, "builtin", p->builtin);
		jsonout_text(j, "sha256", p->digest);
		jsonout_number(j, "rules", p->n_rules);
		jsonout_text(j, "takes", buf_str(&models));
		jsonout_text(j, "about", p->about);
		jsonout_close(j, '}');
		jsonout_end_line(j);
	}
	buf_free(&models);
}

static void rows(struct listing *l, struct packs *p, const char *only,
		 bool as_packs)
{
	for (size_t i = 0; i < packs_count(p) && !l->out.gone; i++) {
		const struct pack *x = packs_at(p, i);

		if (only ? !str_eq(x->name, str_of(only))
			 : x->block && !as_packs)
			continue;
		if (as_packs)
			pack_row(l, x);
		for (unsigned k = 0; k < x->n_rules && !as_packs; k++)
			if (packs_rule(p, x->rules[k].id) == &x->rules[k])
				rule_row(l, &x->rules[k]);
	}
}

/* A name that no pack has is a mistake, not an empty list. */
static bool is_known(struct packs *p, const char *name, struct fail *f)
{
	return !name || packs_named(p, str_of(name)) ||
	       fail_set(f, FAIL_USER, "no_such_pack",
			"there is no pack %.60s: assay rules ls --packs lists "
			"them",
			name);
}

static int run(const struct options *o)
{
	const char *only = options_text(o, "pack");
	bool as_packs = options_flag(o, "packs");
	struct listing l = {0};
	struct packs *p;
	struct fail f;
	bool ok;

	p = choose_files(o, &f);
	if (!p)
		return fail_print(&f);
	ok = is_known(p, only, &f);
	out_open(&l.out, STDOUT_FILENO);
	l.json.o = &l.out;
	if (ok && !options_flag(o, "json"))
		l.table = table_new(
			&l.out, as_packs ? pack_columns : rule_columns,
			as_packs ? COUNT(pack_columns) : COUNT(rule_columns));
	if (ok)
		rows(&l, p, only, as_packs);
	if (l.table)
		table_end(l.table);
	packs_unref(p);
	if (!out_close(&l.out, &f))
		return fail_print(&f);
	return ok ? 0 : fail_print(&f);
}

static const struct option_def which[] = {
	{"pack", OPTION_TEXT, "NAME", NULL, 0, "Of this pack alone."},
	CHOOSE_FILES,
	{0}};

static const struct option_def form[] = {
	{"packs", OPTION_FLAG, NULL, NULL, 0, "Packs, not their rules."},
	{"json", OPTION_FLAG, NULL, NULL, 0, "One JSON object a line."},
	{0}};

const struct command rules_ls_command = {
	.name = "ls",
	.args = "[OPTIONS]",
	.brief = "lists rules, or packs of them",
	.about = "Lists the rules that are built in and your own. cert says "
		 "how sure a rule is: c was read in the primary source, r "
		 "is reported, ? inferred; what is not certain is a warning "
		 "at most.",
	.tail = "examples:\n"
		"  assay rules ls --packs\n"
		"  assay rules ls --pack kimi-k2.6\n"
		"  assay rules ls --json | jq -r .id\n",
	.groups = {{"Which", which}, {"Form", form}},
	.run = run,
};
