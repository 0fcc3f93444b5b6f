/* SPDX-License-Identifier: MIT */
/*
 * The Moonshot-flavoured JSON Schema: which schemas Kimi's vendors must take
 * for tools and structured output.
 *	mfjs_lint(schema, say, me);
 */
#ifndef SCHEMA_MFJS_H
#define SCHEMA_MFJS_H

#include "rules/meaning/json.h"

/* Says each fault: its place (JSON pointer) and a sentence. Returns how many
 * there are. */
size_t mfjs_lint(const struct json *schema,
		 void (*say)(void *arg, struct str at, const char *text),
		 void *arg);

#endif
