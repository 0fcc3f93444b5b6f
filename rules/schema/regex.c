/* SPDX-License-Identifier: MIT */
/*
 * DESIGN: the matcher's own limit counts choices from one start, but between
 * two choices it may run over the whole text, and an unanchored pattern has as
 * many starts as the text has bytes. So what is bounded is their product:
 *
 *	work = starts * choices * bytes that one choice can run over
 *
 * Starts are tried a window at a time, each with few choices first, then
 * more, so that the price tells what was really taken, and a thousand dear
 * matches cannot hide behind a thousand small prices.
 */
#include "rules/schema/regex.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"
#include "rules/schema/ecma.h"
#include "rules/schema/regex_price.h"

enum {
	PATTERN_MAX = 16384,
	HEAP_KIB = 8192,
	LEAST_CHOICES = 64,
	MOST_CHOICES = LEAST_CHOICES << 12,
	CHOICE_WORK = 32, /* what a choice costs by itself, in bytes */
	WINDOW_WORK = 1 << 20,
	MOST_WORK = 1 << 27,
};

struct regex {
	pcre2_code *code;
	bool anchored;
	size_t span; /* bytes that a match is long at most; or SIZE_MAX */
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
	const uint32_t options =
		PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
		PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
	pcre2_code *code;
	PCRE2_SIZE at;
	int error;

	code = pcre2_compile((PCRE2_SPTR)words.p, words.n, options, &error, &at,
			     NULL);
	if (!code)
		explain(error, f);
	return code;
}

static struct regex *wrap(pcre2_code *code, size_t longest)
{
	struct regex *r = MEM_NEW(struct regex);
	uint32_t options = 0;
	size_t size = 0;

	r->code = code;
	pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
	r->anchored = options & PCRE2_ANCHORED;
	if (__builtin_mul_overflow(size, longest, &r->span))
		r->span = SIZE_MAX;
	return r;
}

struct regex *regex_compile(struct str pattern, struct fail *f)
{
	struct buf words = {0};
	pcre2_code *code = NULL;
	const char *why;
	size_t longest;

	if (pattern.n > PATTERN_MAX) {
		unknown(f, "it is too long");
		return NULL;
	}
	buf_room(&words, 1);
	switch (ecma_to_pcre(pattern, &words, &longest, &why)) {
	case ECMA_OK: code = compile(buf_str(&words), f); break;
	case ECMA_OTHER: unknown(f, why); break;
	case ECMA_BAD:
		fail_set(f, FAIL_CLIENT, "bad_pattern",
			 "the pattern is wrong: %s", why);
	}
	buf_free(&words);
	if (!code)
		return NULL;
	return wrap(code, longest);
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_code_free(r->code);
	free(r);
}

/*
 * What one search works with. Not kept with the pattern: it may grow to
 * HEAP_KIB, and a schema may have thousands of patterns.
 */
struct matcher {
	const struct regex *r;
	struct str text;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

static struct matcher matcher_open(const struct regex *r, struct str text)
{
	struct matcher m = {r, text, pcre2_match_data_create(1, NULL),
			    pcre2_match_context_create(NULL)};

	if (!m.data || !m.context)
		abort();
	pcre2_set_heap_limit(m.context, HEAP_KIB);
	return m;
}

static void matcher_close(struct matcher *m)
{
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
}

/* Looks for a match that starts in from..*last, with so many choices from each
 * start. *last becomes the start that matched. */
static enum regex_verdict matcher_try(struct matcher *m, size_t from,
				      size_t *last, uint32_t choices)
{
	const uint32_t known_utf8 = from ? PCRE2_NO_UTF_CHECK : 0;
	int n;

	pcre2_set_match_limit(m->context, choices);
	pcre2_set_offset_limit(m->context, *last);
	n = pcre2_match(m->r->code, (PCRE2_SPTR)(m->text.n ? m->text.p : ""),
			m->text.n, from, known_utf8, m->data, m->context);
	if (n < 0)
		return n == PCRE2_ERROR_NOMATCH ? REGEX_NONE : REGEX_UNKNOWN;
	*last = pcre2_get_ovector_pointer(m->data)[0];
	return REGEX_MATCH;
}

/* The first byte of a character, at or behind `at`. */
static size_t character(struct str text, size_t at)
{
	while (at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80)
		at++;
	return at;
}

enum regex_verdict regex_find_priced(const struct regex *r, struct str text,
				     uint64_t *price)
{
	const size_t starts = r->anchored ? 1 : text.n + 1;
	const size_t run = CHOICE_WORK + (text.n < r->span ? text.n : r->span);
	enum regex_verdict v = REGEX_NONE;
	uint32_t choices = LEAST_CHOICES;
	uint64_t work = 0;
	struct matcher m = matcher_open(r, text);
	size_t from = 0, last;

	while (from < starts && v != REGEX_MATCH) {
		last = from + WINDOW_WORK / run / choices;
		if (last >= starts)
			last = starts - 1;
		if (choices > MOST_CHOICES ||
		    work + (last - from + 1) * run * choices > MOST_WORK) {
			v = REGEX_UNKNOWN;
			break;
		}
		v = matcher_try(&m, from, &last, choices);
		work += (last - from + 1) * run * choices;
		if (v == REGEX_NONE)
			from = character(text, last + 1);
		choices = v == REGEX_UNKNOWN ? choices * 16 : LEAST_CHOICES;
	}
	matcher_close(&m);
	*price = 4 + work / 2048;
	return v;
}

enum regex_verdict regex_find(const struct regex *r, struct str text)
{
	uint64_t price;

	return regex_find_priced(r, text, &price);
}
