/* SPDX-License-Identifier: MIT */
/* Where values end. Nothing is understood or checked here: json_parse() reads
 * what was cut out, and refuses what is not JSON. */
#include "rules/meaning/request_impl.h"

size_t skim_space(struct str s, size_t at)
{
	while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\n' ||
			    s.p[at] == '\r' || s.p[at] == '\t'))
		at++;
	return at;
}

/* An odd number of backslashes stands before s[at]. */
static bool is_escaped(struct str s, size_t from, size_t at)
{
	size_t i = at;

	while (i > from && s.p[i - 1] == '\\')
		i--;
	return (at - i) & 1;
}

/* Behind the string that opens at `at`; 0: it has no end. */
static size_t skim_string(struct str s, size_t at)
{
	size_t from = at + 1;
	const char *q;

	while (from < s.n && (q = memchr(s.p + from, '"', s.n - from))) {
		size_t i = (size_t)(q - s.p);
		if (!is_escaped(s, from, i))
			return i + 1;
		from = i + 1;
	}
	return 0;
}

static size_t skim_container(struct str s, size_t at)
{
	size_t depth = 0;

	while (at < s.n) {
		switch (s.p[at]) {
		case '"':
			at = skim_string(s, at);
			if (at == 0)
				return 0;
			continue;
		case '{':
		case '[': depth++; break;
		case '}':
		case ']':
			if (--depth == 0)
				return at + 1;
			break;
		}
		at++;
	}
	return 0;
}

static bool ends_scalar(char c)
{
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' ||
	       c == '\r' || c == '\t';
}

size_t skim_value(struct str s, size_t at)
{
	size_t end = at;

	if (at >= s.n)
		return 0;
	if (s.p[at] == '"')
		return skim_string(s, at);
	if (s.p[at] == '{' || s.p[at] == '[')
		return skim_container(s, at);
	while (end < s.n && !ends_scalar(s.p[end]))
		end++;
	return end > at ? end : 0;
}

static bool stands(struct str s, size_t at, struct str what)
{
	return s.n - at >= what.n && memcmp(s.p + at, what.p, what.n) == 0;
}

size_t skim_same(struct str s, size_t at, const struct json *value)
{
	struct str raw = value->raw;

	if (value->kind == JSON_STRING) {
		if (s.n - at < raw.n + 2 || s.p[at] != '"' ||
		    !stands(s, at + 1, raw) || s.p[at + 1 + raw.n] != '"')
			return 0;
		return at + raw.n + 2;
	}
	if (value->kind < JSON_STRING || !stands(s, at, raw))
		return 0;
	return at + raw.n;
}
