/* SPDX-License-Identifier: MIT */
/*
 * What checks ask of a case again and again.
 *
 *	enum verdict check_n_ignored(c, r, out)
 *	{
 *		const struct request *q = check_asked(c);
 *
 *		if (!q || !check_served(c))
 *			return VERDICT_NONE;
 *		...
 *		check_expect(out, "%" PRId64 " choices", q->n);
 *		return check_fail(out, "%zu choices", a->n_choices);
 *	}
 *
 * Borrowed throughout; one thread.
 */
#ifndef JUDGE_CHECK_IMPL_H
#define JUDGE_CHECK_IMPL_H

#include <inttypes.h>

#include "rules/judge/check.h"

enum { CHECK_EXCERPT = 200 };

/* The request, if something may be concluded from it; else NULL. */
const struct request *check_asked(const struct check_case *c);

/* A status under which a vendor answers what was asked. */
bool check_has_body(unsigned status);

/* The vendor answers with such a one, and nothing that it said is an error. */
bool check_served(const struct check_case *c);

/* Passed, as far as can be said: UNKNOWN unless the answer is whole. */
enum verdict check_pass(const struct check_case *c);

/* Says what was observed (what was expected) and returns FAIL. */
enum verdict check_fail(struct check_result *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void check_expect(struct check_result *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The finding rests on these bytes of the answer; the excerpt is copied, at
 * most 200 bytes, never half a character. */
void check_shows(struct check_result *out, uint64_t from, uint64_t to,
		 struct str excerpt);

/* An excerpt for a phrase: at most `most` bytes, never half a character. */
struct str check_clip(struct str s, size_t most);

/* The dialects' words for why an answer ended. */
enum finish {
	FINISH_NONE,   /* none was said */
	FINISH_STOP,   /* stop, end_turn, stop_sequence, completed */
	FINISH_CALLS,  /* tool_calls, tool_use */
	FINISH_LENGTH, /* length, max_tokens, incomplete by the limit */
	FINISH_OTHER
};
enum finish check_finish(const struct answer *a, const struct choice *ch);

/* A call of a function, not of a vendor's own tool or of free text. */
bool check_is_function(const struct tool_call *call);

/* The first value of a field of a raw head; p == NULL: there is none. */
struct str check_field(struct str head, struct str name);
/* Calls `each` for every field. */
void check_fields(struct str head,
		  void (*each)(void *arg, struct str name, struct str value),
		  void *arg);

/* Characters (code points) of UTF-8. */
size_t check_characters(struct str s);

/* The request's last message is the beginning of the answer (Kimi's partial
 * mode, a prefill): what it said; p == NULL: it is not. */
struct str check_prefix(const struct request *q);

/* Does the rule apply: its mode and its `when`? UNKNOWN: the request does not
 * tell; NONE: it does not; PASS: it does. */
enum verdict check_applies(const struct check_case *c, const struct rule *r);

/* Does the error speak of this parameter: in its param, or as a word of its
 * message? */
bool check_names_param(const struct check_case *c, struct str param);

/* Does the answer echo another value of it than the request has? */
bool check_echo_differs(const struct check_case *c, struct str param);

/* A value against a stranger's schema, which is compiled once; FAIL says the
 * first fault. */
enum verdict check_value(const struct check_case *c, const struct json *schema,
			 const struct json *value, struct check_result *out);

/* Member of the rule's assertion. */
struct str check_arg(const struct rule *r, struct str name);

#endif
