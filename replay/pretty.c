/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. One reader that checks the grammar and copies tokens as it goes;
 * without an `out` it checks alone, and so runs first. The only state is the
 * kind of each open bracket:
 *
 *	{"a":[1,{"b":	stack  { [ {
 *	             ^	rest
 */
#include "pretty.h"

#include "print/text.h"

struct reader {
	struct str rest;
	struct out *o; /* NULL: check alone */
	unsigned margin, depth;
	char stack[PRETTY_DEPTH];
};

static void emit(struct reader *r, struct str s)
{
	if (r->o)
		out_line(r->o, s);
}

static void emit_break(struct reader *r)
{
	if (!r->o)
		return;
	out_bytes(r->o, STR("\n"));
	out_repeat(r->o, " ", r->margin + 2 * r->depth);
}

static void tone(struct reader *r, enum tone t)
{
	if (r->o)
		out_tone(r->o, t);
}

static char peek(struct reader *r)
{
	while (r->rest.n && memchr(" \t\r\n", r->rest.p[0], 4))
		r->rest = str_skip(r->rest, 1);
	return r->rest.n ? r->rest.p[0] : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->rest = str_skip(r->rest, 1);
	return true;
}

static bool hex4(struct str s, uint32_t *out)
{
	*out = 0;
	for (unsigned i = 0; i < 4; i++) {
		char c = i < s.n ? s.p[i] : '\0';
		unsigned lower = (unsigned)(c | 0x20);

		if (c >= '0' && c <= '9')
			*out = *out << 4 | (uint32_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			*out = *out << 4 | (lower - 'a' + 10);
		else
			return false;
	}
	return true;
}

static void emit_rune(struct reader *r, uint32_t cp)
{
	char u[4];
	size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; cp >>= 6)
		u[i] = (char)(0x80 | (cp & 0x3f));
	u[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | cp);
	emit(r, (struct str){u, n});
}

/*
 * A \u escape at the front of r->rest: as its character where that can be
 * shown, else as written (controls, lone surrogates, ASCII that was escaped
 * for a reason).
 */
static bool unicode_escape(struct reader *r)
{
	struct str s = r->rest;
	uint32_t cp, low;
	size_t n = 6;

	if (!hex4(str_skip(s, 2), &cp))
		return false;
	if (cp >= 0xd800 && cp < 0xdc00 && s.n >= 12 && s.p[6] == '\\' &&
	    s.p[7] == 'u' && hex4(str_skip(s, 8), &low) && low >= 0xdc00 &&
	    low < 0xe000) {
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
		n = 12;
	}
	if (cp < 0xa0 || text_is_control(cp) || (cp >= 0xd800 && cp < 0xe000))
		emit(r, (struct str){s.p, n});
	else
		emit_rune(r, cp);
	r->rest = str_skip(s, n);
	return true;
}

static bool escape(struct reader *r)
{
	if (r->rest.n < 2)
		return false;
	if (r->rest.p[1] == 'u')
		return unicode_escape(r);
	if (!memchr("\"\\/bfnrt", r->rest.p[1], 8))
		return false;
	emit(r, (struct str){r->rest.p, 2});
	r->rest = str_skip(r->rest, 2);
	return true;
}

static bool string(struct reader *r)
{
	size_t n;

	if (!take(r, '"'))
		return false;
	emit(r, STR("\""));
	for (;;) {
		for (n = 0; n < r->rest.n; n++) {
			unsigned char c = (unsigned char)r->rest.p[n];
			if (c < 0x20 || c == '"' || c == '\\')
				break;
		}
		emit(r, (struct str){r->rest.p, n});
		r->rest = str_skip(r->rest, n);
		if (r->rest.n && r->rest.p[0] == '\\') {
			if (!escape(r))
				return false;
			continue;
		}
		if (!str_starts(r->rest, STR("\"")))
			return false;
		emit(r, STR("\""));
		return take(r, '"');
	}
}

static size_t digits(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

static char at(struct str s, size_t i)
{
	return i < s.n ? s.p[i] : '\0';
}

static bool number(struct reader *r)
{
	struct str s = r->rest;
	size_t n = at(s, 0) == '-', whole = digits(str_skip(s, n)), more;

	if (whole == 0 || (whole > 1 && at(s, n) == '0'))
		return false;
	n += whole;
	if (at(s, n) == '.') {
		more = digits(str_skip(s, n + 1));
		if (more == 0)
			return false;
		n += 1 + more;
	}
	if (at(s, n) == 'e' || at(s, n) == 'E') {
		n += at(s, n + 1) == '+' || at(s, n + 1) == '-' ? 2 : 1;
		more = digits(str_skip(s, n));
		if (more == 0)
			return false;
		n += more;
	}
	emit(r, (struct str){s.p, n});
	r->rest = str_skip(s, n);
	return true;
}

static bool word(struct reader *r, struct str w)
{
	if (!str_starts(r->rest, w))
		return false;
	emit(r, w);
	r->rest = str_skip(r->rest, w.n);
	return true;
}

static bool key(struct reader *r)
{
	tone(r, TONE_ACCENT);
	if (!string(r))
		return false;
	tone(r, TONE_PLAIN);
	emit(r, STR(": "));
	return take(r, ':');
}

static char closer(char open)
{
	return open == '{' ? '}' : ']';
}

/* Enters a bracket; an empty one is left again at once. */
static bool enter(struct reader *r, char open)
{
	char both[2] = {open, closer(open)};

	take(r, open);
	if (take(r, both[1])) {
		emit(r, (struct str){both, 2});
		return true;
	}
	if (r->depth == PRETTY_DEPTH)
		return false;
	emit(r, (struct str){both, 1});
	r->stack[r->depth++] = open;
	emit_break(r);
	return open == '[' || key(r);
}

static bool value(struct reader *r)
{
	switch (peek(r)) {
	case '{':
	case '[': return enter(r, r->rest.p[0]);
	case '"': return string(r);
	case 't': return word(r, STR("true"));
	case 'f': return word(r, STR("false"));
	case 'n': return word(r, STR("null"));
	default: return number(r);
	}
}

/* Behind a value: leaves brackets that end, goes on to the next value. */
static bool leave(struct reader *r)
{
	while (r->depth) {
		char open = r->stack[r->depth - 1], end = closer(open);

		if (take(r, ',')) {
			emit(r, STR(","));
			emit_break(r);
			return open == '[' || key(r);
		}
		if (!take(r, end))
			return false;
		r->depth--;
		emit_break(r);
		emit(r, (struct str){&end, 1});
	}
	return true;
}

static bool document(struct reader *r)
{
	do {
		unsigned before = r->depth;

		if (!value(r))
			return false;
		if (r->depth == before && !leave(r))
			return false;
	} while (r->depth);
	return peek(r) == '\0' && r->rest.n == 0;
}

bool pretty_json(struct out *o, struct str s, unsigned margin)
{
	struct reader r = {.rest = s};

	if (!document(&r))
		return false;
	r = (struct reader){.rest = s, .o = o, .margin = margin};
	out_repeat(o, " ", margin);
	document(&r);
	out_bytes(o, STR("\n"));
	return true;
}
