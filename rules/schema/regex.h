/* SPDX-License-Identifier: MIT */
/*
 * Regular expressions of JSON Schema (ECMA-262, Unicode), by PCRE2 with its
 * match limits: a pattern that backtracks without end is *unknown*.
 *
 *	struct regex *r = regex_compile(STR("^[a-z]+$"), &f);
 *	if (r && regex_find(r, text) == REGEX_MATCH) ...
 *	regex_free(r);
 *
 * A pattern does not change after it was compiled: any thread may use it.
 */
#ifndef SCHEMA_REGEX_H
#define SCHEMA_REGEX_H

#include "base/fail.h"
#include "base/str.h"

struct regex;
enum regex_verdict { REGEX_MATCH, REGEX_NONE, REGEX_UNKNOWN };

/* Codes: bad_pattern, pattern_unknown (not ECMA-262's, or engines read it
 * differently, or over a limit). */
struct regex *regex_compile(struct str pattern, struct fail *f) MUST_USE;
void regex_free(struct regex *r);
/* Anywhere in the text, which is UTF-8. */
enum regex_verdict regex_find(const struct regex *r, struct str text);

#endif
