/* SPDX-License-Identifier: MIT */
/*
 * One request rule, asked of one request; the same for the judge and for
 * enforcement. The rule's assertion is a schema.
 *
 *	for (i = 0; i < set->n; i++)
 *		if (mode fits && set->rules[i]->scope == SCOPE_REQUEST)
 *			v = request_rule(set, i, q, &fault, &place);
 *
 * A rule about each element of the history is asked of each message once:
 * the verdict stays with the message, which later requests share.
 *
 * A schema is checked by one thread at a time: the caller sees to it that no
 * two threads ask rules of the same packs, or the same messages, at once.
 */
#ifndef JUDGE_REQUEST_RULE_H
#define JUDGE_REQUEST_RULE_H

#include "rules/meaning/request.h"
#include "rules/pack/pack.h"
#include "rules/schema/schema.h"

/*
 * NONE: its `when` is not met, its `at` leads nowhere, or it is not a schema.
 * UNKNOWN: the request was not understood, or a limit was met. The mode is the
 * caller's business. FAIL: *fault is filled in, and the JSON pointer of what
 * is wrong, from the root, is appended to `place`.
 */
enum verdict request_rule(const struct ruleset *s, unsigned i,
			  const struct request *q, struct schema_fault *fault,
			  struct buf *place);

#endif
