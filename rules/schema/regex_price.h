/* SPDX-License-Identifier: MIT */
/* A match and what it cost, in steps of a check. For rules/schema alone. */
#ifndef SCHEMA_REGEX_PRICE_H
#define SCHEMA_REGEX_PRICE_H

#include "rules/schema/regex.h"

enum regex_verdict regex_find_priced(const struct regex *r, struct str text,
				     uint64_t *price);

#endif
