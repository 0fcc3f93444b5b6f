/* SPDX-License-Identifier: MIT */
/*
 * Strangers' schemas (of tools, of structured output), compiled once and
 * kept: agents send the same ones with every turn.
 *
 *	struct schema *s = schemas_get(cache, tool->schema);
 *	if (s)
 *		schema_check(s, arguments, &fault);
 *
 * Holds SCHEMAS_MOST of them, each its own copy of the text; the least
 * recently used goes first. One thread.
 */
#ifndef JUDGE_SCHEMAS_H
#define JUDGE_SCHEMAS_H

#include "rules/schema/schema.h"

enum { SCHEMAS_MOST = 64, SCHEMAS_TEXT = 1 << 20 };

struct schemas;

struct schemas *schemas_new(void);
void schemas_free(struct schemas *s);

/* NULL: no schema, or one that is not supported or too large: unknown.
 * Borrowed until the next call. */
struct schema *schemas_get(struct schemas *s, const struct json *node);

#endif
