/* SPDX-License-Identifier: MIT */
/*
 * A pattern of ECMA-262 (with the u flag, and what browsers tolerate without)
 * in the words of PCRE2.
 *
 *	ecma_to_pcre("^\\p{Letter}[^]\\cJ$", ...)  ->  ^\p{L}[^]\x{a}$
 */
#ifndef SCHEMA_ECMA_H
#define SCHEMA_ECMA_H

#include "base/buf.h"

enum ecma_verdict {
	ECMA_OK,
	ECMA_BAD,   /* no pattern in any reading */
	ECMA_OTHER, /* a pattern of other languages, or read differently by
		       them, or one that PCRE2 cannot do as ECMA-262 has it */
};

/* Appends to `out`; else *why is a static phrase. *longest is the highest
 * count that something is repeated; SIZE_MAX if one has no limit. */
enum ecma_verdict ecma_to_pcre(struct str pattern, struct buf *out,
			       size_t *longest, const char **why);

#endif
