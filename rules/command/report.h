/* SPDX-License-Identifier: MIT */
/*
 * Findings for people and programs: a table that fits, one JSON object a
 * line, or JUnit's XML.
 *
 *	options_add(o, report_options, "Output");
 *	...
 *	struct report *r = report_new(o);
 *	report_trail(r, path);
 *	report_finding(r, &finding);
 *	return report_end(r);		0, or 1 where there are violations
 */
#ifndef COMMAND_REPORT_H
#define COMMAND_REPORT_H

#include "base/options.h"
#include "rules/judge/finding.h"

/* --json, --junit, --strict and what narrows: --severity, --party, --rule,
 * --exchange. */
extern const struct option_def report_options[];

struct report;

/* NULL with *f (bad_value). Writes to stdout. */
struct report *report_new(const struct options *o, struct fail *f) MUST_USE;

/* From here on findings are of this trail. Borrowed until the next. */
void report_trail(struct report *r, const char *path);

void report_finding(struct report *r, const struct finding *f);

/* A line for people at the end, not for --json: "judged 12 exchanges ...". */
void report_note(struct report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A trail could not be looked at: that nothing was found means nothing. */
void report_failed(struct report *r);

/* Writes what is left and frees. The exit status: 1 where a finding was of
 * severity error (--strict: or warning), 2 if it could not be written. */
int report_end(struct report *r);

#endif
