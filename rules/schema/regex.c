/* SPDX-License-Identifier: MIT */
/*
 * DESIGN: the matcher's own limit counts choices, but between two choices it
 * may run over the whole text, so a limit alone bounds nothing: the limit
 * times the text's length is bounded. A match is tried with a small limit
 * first, then larger ones, so that its price tells what it really took, and
 * a thousand dear matches cannot hide behind a thousand small prices.
 */
#include "rules/schema/regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "rules/schema/ecma.h"
#include "rules/schema/regex_price.h"

#define PATTERN_MAX 16384
#define HEAP_KIB    8192
#define LEAST_LIMIT 512
#define MOST_LIMIT  (512 * 256)
#define MOST_WORK   (1u << 27) /* choices times bytes */

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

static bool unknown(struct fail *f, const char *why)
{
	return fail_set(f, FAIL_CLIENT, "pattern_unknown",
			"the pattern cannot be judged: %s", why);
}

/* Are these words of PCRE2 about limits of its own, or about the pattern? */
static bool is_own_limit(int error)
{
	switch (error) {
	case PCRE2_ERROR_PATTERN_TOO_LARGE:
	case PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP:
	case PCRE2_ERROR_PATTERN_STRING_TOO_LONG:
	case PCRE2_ERROR_PATTERN_TOO_COMPLICATED:
	case PCRE2_ERROR_LOOKBEHIND_TOO_LONG:
	case PCRE2_ERROR_LOOKBEHIND_TOO_COMPLICATED:
	case PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH:
	case PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY:
	case PCRE2_ERROR_QUANTIFIER_TOO_BIG:
	case PCRE2_ERROR_HEAP_FAILED: return true;
	}
	return false;
}

static bool explain(int error, struct fail *f)
{
	char why[160];

	pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof(why));
	if (is_own_limit(error))
		return unknown(f, why);
	return fail_set(f, FAIL_CLIENT, "bad_pattern",
			"the pattern is wrong: %s", why);
}

static pcre2_code *compile(struct str words, struct fail *f)
{
	const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY |
				 PCRE2_ALLOW_EMPTY_CLASS |
				 PCRE2_NEVER_BACKSLASH_C;
	pcre2_code *code;
	PCRE2_SIZE at;
	int error;

	code = pcre2_compile((PCRE2_SPTR)words.p, words.n, options, &error, &at,
			     NULL);
	if (!code)
		explain(error, f);
	return code;
}

struct regex *regex_compile(struct str pattern, struct fail *f)
{
	struct buf words = {0};
	struct regex *r = NULL;
	pcre2_code *code = NULL;
	const char *why;

	if (pattern.n > PATTERN_MAX) {
		unknown(f, "it is too long");
		return NULL;
	}
	buf_room(&words, 1);
	switch (ecma_to_pcre(pattern, &words, &why)) {
	case ECMA_OK: code = compile(buf_str(&words), f); break;
	case ECMA_OTHER: unknown(f, why); break;
	case ECMA_BAD:
		fail_set(f, FAIL_CLIENT, "bad_pattern",
			 "the pattern is wrong: %s", why);
	}
	buf_free(&words);
	if (!code)
		return NULL;
	r = MEM_NEW(struct regex);
	r->code = code;
	r->data = pcre2_match_data_create(1, NULL);
	r->context = pcre2_match_context_create(NULL);
	if (!r->data || !r->context)
		abort();
	pcre2_set_heap_limit(r->context, HEAP_KIB);
	return r;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_match_data_free(r->data);
	pcre2_match_context_free(r->context);
	pcre2_code_free(r->code);
	free(r);
}

static enum regex_verdict try(const struct regex *r, struct str text,
			      uint32_t limit)
{
	int n;

	pcre2_set_match_limit(r->context, limit);
	n = pcre2_match(r->code, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0,
			0, r->data, r->context);
	if (n >= 0)
		return REGEX_MATCH;
	return n == PCRE2_ERROR_NOMATCH ? REGEX_NONE : REGEX_UNKNOWN;
}

enum regex_verdict regex_find_priced(const struct regex *r, struct str text,
				     uint64_t *price)
{
	const size_t most = MOST_WORK / (text.n + 1);
	const uint64_t once = 32 + text.n / 4;
	size_t limit = most < LEAST_LIMIT ? most : LEAST_LIMIT;
	enum regex_verdict v = REGEX_UNKNOWN;

	*price = once;
	while (v == REGEX_UNKNOWN && limit && limit <= most &&
	       limit <= MOST_LIMIT) {
		v = try(r, text, (uint32_t)limit);
		*price += once * (limit / LEAST_LIMIT);
		limit *= 16;
	}
	return v;
}

enum regex_verdict regex_find(const struct regex *r, struct str text)
{
	uint64_t price;

	return regex_find_priced(r, text, &price);
}
