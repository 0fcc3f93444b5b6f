/* SPDX-License-Identifier: MIT */
/* What the probes showed: for people, as JSON, as JUnit's XML. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/probe_impl.h"
#include "print/jsonout.h"
#include "print/table.h"
#include "print/xml.h"

/* The groups of Kimi's verifier, and ours. */
static const struct {
	const char *group, *about;
} groups[] = {{"P", "parameters"},
	      {"D", "dynamic tools"},
	      {"R", "response_format"},
	      {"E", "effort of thinking"},
	      {"T", "tool_choice"},
	      {"S", "schemas of tools"},
	      {"K", "prompt tokens"},
	      {"W", "the stream and its usage"},
	      {"B", "reasoning that comes back"},
	      {"C", "Kimi's own API"}};

struct counts {
	size_t all, passed, failed, unknown;
};

static void count(struct counts *n, const struct item *it)
{
	n->all++;
	n->passed += it->verdict == VERDICT_PASS;
	n->failed += it->verdict == VERDICT_FAIL;
	n->unknown += it->verdict == VERDICT_UNKNOWN;
}

static struct counts count_all(const struct campaign *c, struct str group)
{
	struct counts n = {0};

	for (size_t i = 0; i < c->n_items; i++) {
		if (!group.n || str_eq(c->items[i].probe->group, group))
			count(&n, &c->items[i]);
	}
	return n;
}

static const char *verdict_word(enum verdict v)
{
	return v == VERDICT_PASS   ? "passed"
	       : v == VERDICT_FAIL ? "failed"
				   : "no verdict";
}

/* ---- for people ---- */

static const struct table_column columns[] = {
	{.title = "group", .worth = 9},
	{.title = "about", .worth = 1},
	{.title = "probes", .right = true, .worth = 5},
	{.title = "passed", .right = true, .worth = 6},
	{.title = "failed", .right = true, .worth = 8},
	{.title = "no verdict", .right = true, .worth = 7},
};

static struct str about_group(struct str group)
{
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		if (str_eq(str_of(groups[i].group), group))
			return str_of(groups[i].about);
	}
	return STR("");
}

static bool is_first_of_group(const struct campaign *c, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (str_eq(c->items[i].probe->group, c->items[at].probe->group))
			return false;
	}
	return true;
}

static void text_groups(const struct campaign *c, struct out *o)
{
	struct table *t =
		table_new(o, columns, sizeof columns / sizeof *columns);

	for (size_t i = 0; i < c->n_items; i++) {
		struct str group = c->items[i].probe->group;
		struct counts n = count_all(c, group);

		if (!is_first_of_group(c, i))
			continue;
		table_cell(t, group, TONE_STRONG);
		table_cell(t, about_group(group), TONE_DIM);
		table_cellf(t, TONE_PLAIN, "%zu", n.all);
		table_cellf(t, n.passed == n.all ? TONE_GOOD : TONE_PLAIN,
			    "%zu", n.passed);
		table_cellf(t, n.failed ? TONE_BAD : TONE_DIM, "%zu", n.failed);
		table_cellf(t, n.unknown ? TONE_WARN : TONE_DIM, "%zu",
			    n.unknown);
	}
	table_end(t);
}

static void text_item(const struct item *it, struct out *o)
{
	out_tone(o, it->verdict == VERDICT_FAIL ? TONE_BAD : TONE_WARN);
	out_f(o, "%s", verdict_word(it->verdict));
	out_tone(o, TONE_PLAIN);
	out_f(o, "  ");
	out_tone(o, TONE_STRONG);
	out_line(o, str_of(it->name));
	out_tone(o, TONE_PLAIN);
	if (it->exchange)
		out_f(o, "  (exchange %lld)", (long long)it->exchange);
	out_f(o, "\n    ");
	out_line(o, buf_str(&it->why));
	out_f(o, "\n");
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void text_items(const struct campaign *c, enum verdict v, struct out *o)
{
	size_t unasked = 0;

	for (size_t i = 0; i < c->n_items; i++) {
		const struct item *it = &c->items[i];

		if (it->verdict == v && it->exchange)
			text_item(it, o);
		else if (it->verdict == v)
			unasked++;
	}
	if (unasked)
		out_f(o, "no verdict  %zu probe%s not asked%s\n", unasked,
		      plural(unasked),
		      c->given_up ? ": nothing had an answer that decides"
				  : "");
}

static void text_requests(const struct campaign *c, struct out *o)
{
	out_f(o, "\n%zu request%s asked", c->asked, plural(c->asked));
	if (c->retries)
		out_f(o, ", %zu sent again", c->retries);
	if (c->resumed)
		out_f(o, ", %zu taken from what was recorded before",
		      c->resumed);
	out_f(o, "; recorded in ");
	out_line(o, str_of(c->trail));
	out_f(o, " (assay replay show ID");
	if (!str_eq(str_of(c->trail), STR("assay.db"))) {
		out_f(o, " --trail ");
		out_line(o, str_of(c->trail));
	}
	out_f(o, ")\n");
	if (c->interrupted)
		out_f(o, "interrupted: the same command goes on from here\n");
}

static void text_verdict(const struct campaign *c, const struct counts *n,
			 struct out *o)
{
	bool fit = n->passed == n->all;

	out_tone(o, fit ? TONE_GOOD : TONE_BAD);
	out_line(o, c->model);
	out_f(o, " at ");
	out_line(o, str_of(c->upstream->authority));
	out_f(o, ": %zu of %zu passed", n->passed, n->all);
	if (n->failed)
		out_f(o, ", %zu failed", n->failed);
	if (n->unknown)
		out_f(o, ", %zu without a verdict", n->unknown);
	if (!fit)
		out_f(o, "; not fit for benchmarks: all must pass");
	else if (options_given(c->options, "group"))
		out_f(o, "; not all groups were asked");
	else
		out_f(o, "; fit for benchmarks");
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n");
}

static void report_text(const struct campaign *c, const struct counts *n,
			struct out *o)
{
	text_groups(c, o);
	if (n->passed < n->all)
		out_f(o, "\n");
	text_items(c, VERDICT_FAIL, o);
	text_items(c, VERDICT_UNKNOWN, o);
	text_requests(c, o);
	text_verdict(c, n, o);
}

/* ---- JSON ---- */

static void json_exchanges(const struct campaign *c, const struct item *it,
			   struct jsonout *j)
{
	jsonout_key(j, "exchanges");
	jsonout_open(j, '[');
	for (size_t i = 0; i < it->n_asks; i++) {
		int64_t id = c->asks[it->first + i].exchange;

		if (id)
			jsonout_i64(j, id);
		else
			jsonout_null(j);
	}
	jsonout_close(j, ']');
}

static void json_item(const struct campaign *c, const struct item *it,
		      struct jsonout *j)
{
	const struct probe *p = it->probe;

	jsonout_open(j, '{');
	jsonout_text(j, "probe", str_of(it->name));
	jsonout_text(j, "id", p->id);
	jsonout_text(j, "group", p->group);
	jsonout_text(j, "mode", str_of(mode_name(p->mode)));
	jsonout_truth(j, "stream", p->stream);
	jsonout_text(j, "rule", p->rule->id);
	jsonout_text(j, "expect", p->refuse ? STR("refuse") : STR("serve"));
	jsonout_text(j, "verdict",
		     it->verdict == VERDICT_UNKNOWN
			     ? STR("no_verdict")
			     : str_of(verdict_word(it->verdict)));
	jsonout_text(j, "why", buf_str(&it->why));
	json_exchanges(c, it, j);
	jsonout_close(j, '}');
	jsonout_end_line(j);
}

static void json_summary(const struct campaign *c, const struct counts *n,
			 struct jsonout *j)
{
	jsonout_open(j, '{');
	jsonout_key(j, "summary");
	jsonout_open(j, '{');
	jsonout_text(j, "vendor", str_of(c->upstream->authority));
	jsonout_text(j, "model", c->model);
	jsonout_text(j, "pack", c->pack->name);
	jsonout_text(j, "version", c->pack->version);
	jsonout_text(j, "trail", str_of(c->trail));
	jsonout_number(j, "probes", n->all);
	jsonout_number(j, "passed", n->passed);
	jsonout_number(j, "failed", n->failed);
	jsonout_number(j, "no_verdict", n->unknown);
	jsonout_number(j, "requests", c->n_asks);
	jsonout_number(j, "asked", c->asked);
	jsonout_number(j, "retries", c->retries);
	jsonout_number(j, "resumed", c->resumed);
	jsonout_truth(j, "interrupted", c->interrupted);
	jsonout_truth(j, "all_passed", n->passed == n->all);
	jsonout_close(j, '}');
	jsonout_close(j, '}');
	jsonout_end_line(j);
}

static void report_json(const struct campaign *c, const struct counts *n,
			struct out *o)
{
	struct jsonout j = {.o = o};

	for (size_t i = 0; i < c->n_items; i++)
		json_item(c, &c->items[i], &j);
	json_summary(c, n, &j);
}

/* ---- JUnit ---- */

static void junit_item(const struct item *it, struct buf *b)
{
	const char *tag = it->verdict == VERDICT_FAIL ? "failure" : "error";

	buf_addf(b, "  <testcase classname=\"");
	xml_text(b, it->probe->rule->id);
	buf_addf(b, "\" name=\"");
	xml_text(b, str_of(it->name));
	if (it->verdict == VERDICT_PASS) {
		buf_addf(b, "\"/>\n");
		return;
	}
	buf_addf(b, "\"><%s message=\"", tag);
	xml_text(b, buf_str(&it->why));
	buf_addf(b, "\">exchange %lld</%s></testcase>\n",
		 (long long)it->exchange, tag);
}

static void report_junit(const struct campaign *c, const struct counts *n,
			 struct out *o)
{
	struct buf b = {0};

	buf_addf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		     "<testsuite name=\"assay audit probe: ");
	xml_text(&b, c->model);
	buf_addf(&b, " at ");
	xml_text(&b, str_of(c->upstream->authority));
	buf_addf(&b, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
		 n->all, n->failed, n->unknown);
	for (size_t i = 0; i < c->n_items; i++)
		junit_item(&c->items[i], &b);
	buf_addf(&b, "</testsuite>\n");
	out_bytes(o, buf_str(&b));
	buf_free(&b);
}

/* ---- all of it ---- */

/* Nothing is known of the vendor: that is no verdict on it. */
static int say_nothing_known(const struct campaign *c)
{
	const struct item *first = &c->items[0];
	struct fail f;

	fail_set(&f, FAIL_VENDOR, "no_verdict",
		 "%.100s gave no answer that decides anything; to %.100s: "
		 "%.*s",
		 c->upstream->authority, first->name,
		 (int)(first->why.n < 200 ? first->why.n : 200), first->why.p);
	return fail_print(&f);
}

int probe_report(const struct campaign *c)
{
	struct counts n = count_all(c, STR(""));
	struct fail f;
	struct out o;

	out_open(&o, STDOUT_FILENO);
	if (options_flag(c->options, "json"))
		report_json(c, &n, &o);
	else if (options_flag(c->options, "junit"))
		report_junit(c, &n, &o);
	else
		report_text(c, &n, &o);
	if (!out_close(&o, &f))
		return fail_print(&f);
	if (n.unknown == n.all && !c->interrupted)
		return say_nothing_known(c);
	return n.passed == n.all ? 0 : 1;
}
