/* SPDX-License-Identifier: MIT */
/*
 * JSON Schema, draft 2020-12: core, applicators, unevaluated, validation;
 * $ref, $defs, $anchor, $dynamicRef within the document (and the metaschemas,
 * which are built in); `format` and content are annotations. Remote references
 * are not fetched: such a schema is *unknown*.
 *
 *	struct schema *s = schema_compile(json, &options, &f);
 *	switch (schema_check(s, instance, &fault)) {
 *	case SCHEMA_VALID: ...
 *	case SCHEMA_INVALID: fault.at, fault.keyword, fault.text
 *	case SCHEMA_UNKNOWN: over a limit of steps, depth or of a pattern
 *	}
 *
 * Schemas are strangers' (a client's tools): work is bounded by steps, not by
 * time, so that live and offline agree. Compiled once, checked by one thread
 * at a time.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "base/fail.h"
#include "rules/meaning/json.h"

enum schema_verdict { SCHEMA_VALID, SCHEMA_INVALID, SCHEMA_UNKNOWN };

struct schema_options {
	uint64_t max_steps; /* of one check; 0: 1 million */
	unsigned max_depth; /* 0: 256 */
};

/* The first thing that is wrong, in order of the schema. */
struct schema_fault {
	char at[160];	    /* JSON pointer into the instance, cut if long */
	char keyword[32];   /* "required"; SCHEMA_UNKNOWN: what could not be */
	char expected[160]; /* "at least 3", one phrase */
	char observed[160]; /* an excerpt of the instance there */
};

struct schema;

/*
 * From a parsed schema, which is borrowed and must outlive it. Codes:
 * bad_schema (text names keyword and pointer), schema_unknown (remote $ref, a
 * $schema that is not supported, words that older drafts read differently, a
 * pattern that cannot be judged, too large).
 */
struct schema *schema_compile(const struct json *schema,
			      const struct schema_options *o,
			      struct fail *f) MUST_USE;
void schema_free(struct schema *s);

/* fault may be NULL. */
enum schema_verdict schema_check(struct schema *s, const struct json *instance,
				 struct schema_fault *fault);

#endif
