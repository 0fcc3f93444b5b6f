/* SPDX-License-Identifier: MIT */
/* What a judge has done so far, as lines for people and as JSON. */
#ifndef COMMAND_TALLY_H
#define COMMAND_TALLY_H

#include "rules/judge/judge.h"

/* Exchanges, checks passed / failed / unknown by rule, findings by party,
 * what became of fixed parameters. Each line begins with `prefix`. */
void tally_lines(struct judge *j, const char *prefix, struct buf *out);

/* The same as one object, every rule in it. */
void tally_json(struct judge *j, struct buf *out);

#endif
