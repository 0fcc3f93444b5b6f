/* SPDX-License-Identifier: MIT */
/* A rule for programs: as it is written, and what its pack adds. */
#ifndef COMMAND_RULE_JSON_H
#define COMMAND_RULE_JSON_H

#include "print/jsonout.h"
#include "rules/pack/pack.h"

/* "c", "r", "?" */
const char *rule_cert(const struct rule *r);

/* The members of an object that is open. */
void rule_json(struct jsonout *j, const struct rule *r);

#endif
