/* SPDX-License-Identifier: MIT */
#include "rules/command/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "print/human.h"
#include "print/jsonout.h"
#include "print/table.h"
#include "print/xml.h"
#include "rules/pack/pack.h"

const struct option_def report_options[] = {
	{"json", OPTION_FLAG, NULL, NULL, 0, "One JSON object a finding."},
	{"junit", OPTION_FLAG, NULL, NULL, 0, "JUnit's XML, for CI."},
	{"strict", OPTION_FLAG, NULL, NULL, 0,
	 "Warnings are violations too: exit status 1."},
	{"severity", OPTION_CHOICE, "info|warning|error", "info", 0,
	 "Findings at least so severe."},
	{"party", OPTION_CHOICE, "client|vendor|gateway|unknown", NULL, 0,
	 "Findings about this party alone."},
	{"rule", OPTION_TEXT, "GLOB", NULL, 0,
	 "Findings of these rules, as in 'wire/*'."},
	{"exchange", OPTION_COUNT, "ID", NULL, 0,
	 "Findings about this exchange."},
	{0}};

static const struct table_column columns[] = {
	{.title = "severity", .worth = 8},
	{.title = "party", .worth = 7},
	{.title = "rule", .worth = 10, .least = 12},
	{.title = "exchange", .right = true, .worth = 9},
	{.title = "observed", .worth = 6, .least = 20},
	{.title = "expected", .worth = 4, .least = 20},
	{.title = "model", .worth = 3, .least = 8, .hide_empty = true},
	{.title = "trail", .worth = 1, .least = 8, .hide_empty = true},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct report {
	struct out out;
	struct jsonout json;
	struct table *table; /* NULL until the first row, or another form */
	bool as_json, as_junit, strict, several, failed;
	int severity, party; /* at least; -1: any */
	const char *rule;
	int64_t exchange;
	const char *trail;
	uint64_t findings, violations;
	struct buf cases; /* of JUnit: its head counts them */
	struct buf notes;
};

struct report *report_new(const struct options *o, struct fail *f)
{
	struct report *r;
	const char *party = options_text(o, "party");

	if (options_flag(o, "json") && options_flag(o, "junit")) {
		fail_set(f, FAIL_USER, "bad_value",
			 "--json and --junit do not go together");
		return NULL;
	}
	r = MEM_NEW(struct report);
	out_open(&r->out, STDOUT_FILENO);
	r->json.o = &r->out;
	r->as_json = options_flag(o, "json");
	r->as_junit = options_flag(o, "junit");
	r->strict = options_flag(o, "strict");
	r->severity = severity_of(str_of(options_text(o, "severity")));
	r->party = party ? party_of(str_of(party)) : -1;
	r->rule = options_text(o, "rule");
	r->exchange = options_given(o, "exchange")
			      ? (int64_t)options_number(o, "exchange")
			      : 0;
	return r;
}

void report_trail(struct report *r, const char *path)
{
	r->several = r->several || (r->trail && strcmp(r->trail, path) != 0);
	r->trail = path;
}

static bool is_wanted(const struct report *r, const struct finding *f)
{
	return (int)f->severity >= r->severity &&
	       (r->party < 0 || (int)f->party == r->party) &&
	       (!r->rule || glob_match(str_of(r->rule), f->rule)) &&
	       (!r->exchange || f->exchange == r->exchange);
}

/* ---- JSON ---- */

static void json_evidence(struct jsonout *j, const struct evidence *e)
{
	static const char *const sides[] = {"none", "request", "response"};

	jsonout_key(j, "evidence");
	jsonout_open(j, '{');
	jsonout_text(j, "side", str_of(sides[e->side]));
	jsonout_number(j, "from", e->from);
	jsonout_number(j, "to", e->to);
	jsonout_text(j, "excerpt", e->excerpt);
	jsonout_close(j, '}');
}

static void json_finding(struct report *r, const struct finding *f)
{
	struct jsonout *j = &r->json;
	char at[CLOCK_RFC3339_SIZE];

	jsonout_open(j, '{');
	jsonout_text(j, "rule", f->rule);
	jsonout_text(j, "version", f->version);
	jsonout_text(j, "pack", f->pack);
	jsonout_text(j, "severity", str_of(severity_name(f->severity)));
	jsonout_text(j, "party", str_of(party_name(f->party)));
	jsonout_text(j, "scope", str_of(scope_name(f->scope)));
	jsonout_key(j, "exchange");
	jsonout_i64(j, f->exchange);
	jsonout_text(j, "observed", f->observed);
	jsonout_text(j, "expected", f->expected);
	json_evidence(j, &f->evidence);
	jsonout_key(j, "other");
	if (f->other)
		jsonout_i64(j, f->other);
	else
		jsonout_null(j);
	jsonout_text(j, "at", str_of(clock_rfc3339(f->at, at)));
	jsonout_text(j, "route", f->route);
	jsonout_text(j, "model", f->model);
	jsonout_truth(j, "provisional", f->provisional);
	jsonout_text(j, "trail", str_of(r->trail));
	jsonout_close(j, '}');
	jsonout_end_line(j);
}

/* ---- JUnit ---- */

static void junit_finding(struct report *r, const struct finding *f, bool bad)
{
	struct buf *b = &r->cases;

	buf_adds(b, STR("  <testcase classname=\""));
	xml_text(b, f->pack);
	buf_adds(b, STR("\" name=\""));
	xml_text(b, f->rule);
	buf_addf(b, " (%s), exchange %lld of ", party_name(f->party),
		 (long long)f->exchange);
	xml_text(b, str_of(r->trail));
	buf_adds(b, STR("\">"));
	buf_adds(b, bad ? STR("<failure type=\"") : STR("<system-out>"));
	if (bad) {
		buf_adds(b, str_of(severity_name(f->severity)));
		buf_adds(b, STR("\" message=\""));
		xml_text(b, f->observed);
		buf_adds(b, STR("\">expected: "));
		xml_text(b, f->expected);
		buf_adds(b, STR("</failure>"));
	} else {
		buf_addf(b, "%s: ", severity_name(f->severity));
		xml_text(b, f->observed);
		buf_adds(b, STR("</system-out>"));
	}
	buf_adds(b, STR("</testcase>\n"));
}

static void junit_end(struct report *r)
{
	out_f(&r->out,
	      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<testsuite name=\"assay\" tests=\"%llu\" failures=\"%llu\">\n",
	      (unsigned long long)(r->findings ? r->findings : !r->failed),
	      (unsigned long long)r->violations);
	if (r->findings == 0 && !r->failed)
		out_f(&r->out, "  <testcase classname=\"assay\" name=\"no "
			       "findings\"/>\n");
	out_bytes(&r->out, buf_str(&r->cases));
	out_f(&r->out, "</testsuite>\n");
}

/* ---- a table ---- */

static void row_finding(struct report *r, const struct finding *f)
{
	static const enum tone tones[SEVERITIES_N] = {TONE_DIM, TONE_WARN,
						      TONE_BAD};

	if (!r->table)
		r->table = table_new(&r->out, columns, COLUMNS);
	table_cell(r->table, str_of(severity_name(f->severity)),
		   tones[f->severity]);
	table_cell(r->table, str_of(party_name(f->party)), TONE_PLAIN);
	table_cell(r->table, f->rule, TONE_STRONG);
	table_cellf(r->table, TONE_PLAIN, "%lld", (long long)f->exchange);
	table_cell(r->table, f->observed, TONE_PLAIN);
	table_cell(r->table, f->expected, TONE_DIM);
	table_cell(r->table, f->model, TONE_DIM);
	table_cell(r->table, r->several ? str_of(r->trail) : STR(""), TONE_DIM);
}

/* ---- all of them ---- */

void report_finding(struct report *r, const struct finding *f)
{
	bool bad = f->severity == SEVERITY_ERROR ||
		   (r->strict && f->severity == SEVERITY_WARNING);

	if (!is_wanted(r, f))
		return;
	r->findings++;
	r->violations += bad;
	if (r->as_json)
		json_finding(r, f);
	else if (r->as_junit)
		junit_finding(r, f, bad);
	else
		row_finding(r, f);
}

void report_note(struct report *r, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	buf_addf(&r->notes, "%s\n", line);
}

void report_failed(struct report *r)
{
	r->failed = true;
}

static void text_end(struct report *r)
{
	char n[HUMAN_SIZE], v[HUMAN_SIZE];

	if (r->table)
		table_end(r->table);
	if (r->findings == 0 && !r->failed)
		out_f(&r->out, "no findings\n");
	else if (r->findings && r->out.terminal)
		out_f(&r->out, "%s finding%s, %s violation%s\n",
		      human_count(r->findings, n), r->findings == 1 ? "" : "s",
		      human_count(r->violations, v),
		      r->violations == 1 ? "" : "s");
	out_bytes(&r->out, buf_str(&r->notes));
}

int report_end(struct report *r)
{
	int status = r->violations ? 1 : 0;
	struct fail f;

	if (r->as_junit)
		junit_end(r);
	else if (!r->as_json)
		text_end(r);
	if (!out_close(&r->out, &f))
		status = fail_print(&f);
	buf_free(&r->cases);
	buf_free(&r->notes);
	free(r);
	return status;
}
