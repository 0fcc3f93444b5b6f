/* SPDX-License-Identifier: MIT */
/*
 * Where units end, and what in them is glue and what a token. Nothing here
 * has to be right for the bytes to come back: a cut that is not clever makes
 * the trail larger, not wrong.
 */
#include "record/columns_impl.h"

/* ---- what a body looks like ---- */

static bool starts_event(struct str s)
{
	static const struct str openings[] = {
		{"data:", 5},  {"event:", 6}, {"id:", 3},
		{"retry:", 6}, {":", 1},
	};

	for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
		if (str_starts(s, openings[i]))
			return true;
	return false;
}

bool columns_suits(struct str start, enum columns_kind *kind)
{
	struct str rest = start, line;

	while (rest.n && (rest.p[0] == '\n' || rest.p[0] == '\r'))
		rest = str_skip(rest, 1);
	if (starts_event(rest)) {
		*kind = COLUMNS_EVENTS;
		return true;
	}
	if (rest.n < 2 || rest.p[0] != '{')
		return false;
	line = str_cut(&rest, '\n');
	if (!rest.p || line.n < 2 || line.n > MAX_UNIT)
		return false;
	*kind = COLUMNS_LINES;
	return line.p[line.n - 1] == '}' && rest.n > 0 && rest.p[0] == '{';
}

size_t columns_unit(enum columns_kind kind, const char *p, size_t n)
{
	const char *end = p + n, *at = p;

	if (kind == COLUMNS_HEAD)
		return n;
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		if (kind == COLUMNS_LINES)
			return (size_t)(at - p);
		if (at < end && *at == '\n')
			return (size_t)(at - p) + 1;
		if (end - at > 1 && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at - p) + 2;
	}
	return 0;
}

/* ---- values ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool columns_in_number(char c)
{
	return is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' ||
	       c == 'E' || c == ',';
}

/* A number, or several with commas (a token's bytes in log probabilities). */
static size_t number_end(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && columns_in_number(p[i]))
		i++;
	while (i && !is_digit(p[i - 1]))
		i--;
	return i;
}

static bool string_end(const char *p, size_t n, size_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"') {
			*out = i;
			return true;
		}
		if (p[i] == '\n' || p[i] == '\r')
			return false;
		if (p[i] == '\\')
			i++;
	}
	return false;
}

static size_t line_end(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '\r' && p[i] != '\n')
		i++;
	return i;
}

bool columns_value(enum token_kind kind, const char *p, size_t n, size_t *out)
{
	switch (kind) {
	case TOKEN_STRING: return string_end(p, n, out);
	case TOKEN_NUMBER: return (*out = number_end(p, n)) > 0;
	case TOKEN_LINE: *out = line_end(p, n); return true;
	}
	return false;
}

/* ---- tokens ---- */

static bool add_token(struct columns *c, size_t at, size_t end,
		      enum token_kind kind)
{
	if (c->n_tokens == MAX_TOKENS)
		return false;
	c->tokens[c->n_tokens++] =
		(struct token){(uint32_t)at, (uint32_t)end, kind};
	buf_addc(&c->glue, (char)(kind + 1));
	return true;
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
}

/* Glue holds bytes as they are, and a byte below 4 where a token was cut. */
static bool add_glue(struct columns *c, char byte)
{
	if ((unsigned char)byte < 4)
		return false;
	buf_addc(&c->glue, byte);
	return true;
}

static bool cut_event(struct columns *c, const char *p, size_t n)
{
	size_t k;

	for (size_t i = 0; i < n;) {
		if (p[i] == '"' && string_end(p + i + 1, n - i - 1, &k)) {
			buf_addc(&c->glue, '"');
			if (!add_token(c, i + 1, i + 1 + k, TOKEN_STRING))
				return false;
			buf_addc(&c->glue, '"');
			i += k + 2;
		} else if ((is_digit(p[i]) || p[i] == '-') &&
			   (i == 0 || !is_word(p[i - 1])) &&
			   (k = number_end(p + i, n - i)) > 0) {
			if (!add_token(c, i, i + k, TOKEN_NUMBER))
				return false;
			i += k;
		} else if (!add_glue(c, p[i++])) {
			return false;
		}
	}
	return true;
}

/* Values of "Name: value" lines; a first line without ": " is all value. */
static bool cut_head(struct columns *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t end = i + line_end(p + i, n - i), at = i;
		const char *colon =
			end > i + 1 ? memchr(p + i + 1, ':', end - i - 1)
				    : NULL;

		if (colon)
			at = (size_t)(colon - p) + 1;
		if (i == 0 && p[0] != ':')
			at = 0; /* a request or status line */
		if (at > i && at < end && p[at] == ' ')
			at++;
		for (; i < at; i++)
			if (!add_glue(c, p[i]))
				return false;
		if (end > at && !add_token(c, at, end, TOKEN_LINE))
			return false;
		i = end;
		while (i < n && (p[i] == '\r' || p[i] == '\n'))
			buf_addc(&c->glue, p[i++]);
	}
	return true;
}

bool columns_cut(struct columns *c, enum columns_kind kind, struct str unit)
{
	c->n_tokens = 0;
	c->glue.n = 0;
	if (unit.n > MAX_UNIT)
		return false;
	return kind == COLUMNS_HEAD ? cut_head(c, unit.p, unit.n)
				    : cut_event(c, unit.p, unit.n);
}
