/* SPDX-License-Identifier: MIT */
/* `assay rules show`: all of one rule. */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "rules/command/choose.h"
#include "rules/command/commands.h"
#include "rules/command/rule_json.h"
#include "rules/pack/probe.h"

static const char *cert_words(const struct rule *r)
{
	static const char *const words[] = {"read in the primary source",
					    "reported", "inferred"};

	return words[r->cert];
}

static void line(struct out *o, const char *name, struct str value)
{
	if (!value.n)
		return;
	out_tone(o, TONE_DIM);
	out_f(o, "  %-10s", name);
	out_tone(o, TONE_PLAIN);
	out_line(o, value);
	out_f(o, "\n");
}

static void node_line(struct out *o, const char *name, const struct json *node)
{
	struct buf b = {0};

	if (node)
		json_write(&b, node);
	line(o, name, buf_str(&b));
	buf_free(&b);
}

/* The first probe that must be refused breaks the rule. */
static void breach(struct out *o, const struct rule *r)
{
	struct probe *v;
	size_t n = pack_probes(r->pack, &v);

	for (size_t i = 0; i < n; i++) {
		struct buf b = {0};

		if (v[i].rule != r || !v[i].refuse || v[i].fill)
			continue;
		probe_request(&v[i], 0, STR("MODEL"), &b);
		line(o, "breach", buf_str(&b));
		buf_free(&b);
		break;
	}
	probes_free(v, n);
}

static void probes(struct out *o, const struct rule *r)
{
	for (uint32_t i = 0; r->probe && i < r->probe->n; i++) {
		const struct json *p = r->probe->v[i];

		out_f(o, i ? "            " : "  probes    ");
		out_line(o, json_text(json_get(p, STR("id"))));
		out_f(o, ": ");
		out_line(o, json_text(json_get(p, STR("expect"))));
		out_f(o, "\n");
	}
}

static void show(struct out *o, const struct rule *r)
{
	struct buf b = {0};

	out_tone(o, TONE_STRONG);
	out_line(o, r->id);
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n  ");
	out_line(o, r->text);
	out_f(o, "\n\n");
	line(o, "severity", str_of(severity_name(r->severity)));
	line(o, "party", str_of(party_name(r->party)));
	line(o, "scope", str_of(scope_name(r->scope)));
	line(o, "cert", str_of(cert_words(r)));
	line(o, "source", r->src);
	line(o, "since", r->since);
	buf_addf(&b, "%.*s %.*s, %.*s", STR_ARG(r->pack->name),
		 STR_ARG(r->pack->version), STR_ARG(r->pack->file));
	line(o, "pack", buf_str(&b));
	buf_free(&b);
	line(o, "param", r->param);
	if (r->refuse)
		line(o, "refuse", STR("the vendor must refuse a breach"));
	line(o, "refusal", r->refusal);
	node_line(o, "match", json_get(r->node, STR("match")));
	line(o, "at", r->at);
	node_line(o, "assert", json_get(r->node, STR("assert")));
	breach(o, r);
	probes(o, r);
}

static bool no_such_rule(const struct packs *p, const char *id, struct fail *f)
{
	const char **names = mem_zero((packs_rules(p) + 1) * sizeof *names);
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < packs_count(p); i++)
		for (unsigned k = 0;
		     k < packs_at(p, i)->n_rules && n < packs_rules(p); k++)
			names[n++] = str_dup(packs_at(p, i)->rules[k].id);
	near = nearest_name(str_of(id), names, n);
	fail_set(f, FAIL_USER, "no_such_rule", "there is no rule %.80s: %s%s%s",
		 id, near ? "did you mean " : "assay rules ls lists them",
		 near ? near : "", near ? "?" : "");
	while (n)
		free((char *)names[--n]);
	free(names);
	return false;
}

static int run(const struct options *o)
{
	const char *const *args;
	struct jsonout j = {0};
	const struct rule *r;
	struct packs *p;
	struct fail f;
	struct out out;
	bool ok = true;

	options_args(o, &args);
	p = choose_files(o, &f);
	if (!p)
		return fail_print(&f);
	out_open(&out, STDOUT_FILENO);
	j.o = &out;
	r = packs_rule(p, str_of(args[0]));
	if (!r) {
		ok = no_such_rule(p, args[0], &f);
	} else if (options_flag(o, "json")) {
		jsonout_open(&j, '{');
		rule_json(&j, r);
		jsonout_close(&j, '}');
		jsonout_end_line(&j);
	} else {
		show(&out, r);
	}
	packs_unref(p);
	if (!ok)
		fail_print(&f);
	if (!out_close(&out, &f))
		return fail_print(&f);
	return ok ? 0 : 2;
}

static const struct option_def options[] = {
	CHOOSE_FILES,
	{"json", OPTION_FLAG, NULL, NULL, 0, "As one JSON object."},
	{0}};

const struct command rules_show_command = {
	.name = "show",
	.args = "RULE [OPTIONS]",
	.brief = "shows all of one rule: source, match, assertion, probes",
	.about = "Shows one rule: what it says and where that is written, what "
		 "it applies to, who is at fault, what it asserts, and a "
		 "request that breaks it where a probe has one.",
	.tail = "examples:\n"
		"  assay rules show wire/finish_missing\n"
		"  assay rules show kimi-k3/dynamic_tools_form --json | jq "
		".probe\n",
	.arg = "RULE",
	.groups = {{"Options", options}},
	.run = run,
};
