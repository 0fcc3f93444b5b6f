/* SPDX-License-Identifier: MIT */
/*
 * DESIGN: one pass, one function for each place: a class, an escape, a group,
 * a quantifier. What ECMA-262 does not know is refused, not passed through:
 * PCRE2 has a great many words of its own (possessive quantifiers, verbs,
 * recursion, \A, (?i)), and a pattern that means another thing to each reader
 * must not decide who is at fault. Back references are refused too: engines
 * differ in what a group holds after a loop, and they can take for ever.
 */
#include "rules/schema/ecma.h"

struct pass {
	struct str in;
	size_t at;
	struct buf *out;
	const char *why;
	enum ecma_verdict verdict;
	bool atom; /* what stands before can be repeated */
	size_t longest;
};

#define SPACES                                                                 \
	"\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}"              \
	"\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACES                                                             \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}"          \
	"\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}"            \
	"\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{d7ff}"            \
	"\\x{e000}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

static bool stop(struct pass *p, enum ecma_verdict v, const char *why)
{
	p->verdict = v;
	p->why = why;
	return false;
}

static void put(struct pass *p, struct str s)
{
	buf_adds(p->out, s);
}

/* The byte n further on; 0 behind the end. */
static char peek(const struct pass *p, size_t n)
{
	return p->at + n < p->in.n ? p->in.p[p->at + n] : 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly n hexadecimal digits, which it leaves. */
static bool hex(struct pass *p, unsigned n, uint32_t *out)
{
	*out = 0;
	for (unsigned i = 0; i < n; i++) {
		int v = hex_digit(peek(p, i));
		if (v < 0)
			return false;
		*out = *out * 16 + (uint32_t)v;
	}
	p->at += n;
	return true;
}

static bool put_code(struct pass *p, uint32_t code)
{
	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return stop(p, ECMA_OTHER, "half of a surrogate pair");
	buf_addf(p->out, "\\x{%x}", code);
	return true;
}

/* Behind "\u": XXXX, two of them as a surrogate pair, or {X...}. */
static bool unicode_escape(struct pass *p)
{
	uint32_t code = 0, low;
	size_t back;

	if (peek(p, 0) == '{') {
		for (p->at++; hex_digit(peek(p, 0)) >= 0 && code <= 0x10ffff;)
			code = code * 16 +
			       (uint32_t)hex_digit(p->in.p[p->at++]);
		if (peek(p, 0) != '}')
			return stop(p, ECMA_BAD, "\\u{ without its end");
		p->at++;
		return put_code(p, code);
	}
	if (!hex(p, 4, &code))
		return stop(p, ECMA_BAD, "\\u without four digits");
	back = p->at;
	if (code >= 0xd800 && code < 0xdc00 && peek(p, 0) == '\\' &&
	    peek(p, 1) == 'u') {
		p->at += 2;
		if (hex(p, 4, &low) && low >= 0xdc00 && low < 0xe000)
			code = 0x10000 + ((code - 0xd800) << 10) + low - 0xdc00;
		else
			p->at = back;
	}
	return put_code(p, code);
}

/* General categories by their long names; PCRE2 knows the short ones. */
static const char *const categories[][2] = {
	{"Letter", "L"},
	{"Cased_Letter", "L&"},
	{"Uppercase_Letter", "Lu"},
	{"Lowercase_Letter", "Ll"},
	{"Titlecase_Letter", "Lt"},
	{"Modifier_Letter", "Lm"},
	{"Other_Letter", "Lo"},
	{"Mark", "M"},
	{"Combining_Mark", "M"},
	{"Nonspacing_Mark", "Mn"},
	{"Spacing_Mark", "Mc"},
	{"Enclosing_Mark", "Me"},
	{"Number", "N"},
	{"Decimal_Number", "Nd"},
	{"digit", "Nd"},
	{"Letter_Number", "Nl"},
	{"Other_Number", "No"},
	{"Punctuation", "P"},
	{"punct", "P"},
	{"Connector_Punctuation", "Pc"},
	{"Dash_Punctuation", "Pd"},
	{"Open_Punctuation", "Ps"},
	{"Close_Punctuation", "Pe"},
	{"Initial_Punctuation", "Pi"},
	{"Final_Punctuation", "Pf"},
	{"Other_Punctuation", "Po"},
	{"Symbol", "S"},
	{"Math_Symbol", "Sm"},
	{"Currency_Symbol", "Sc"},
	{"Modifier_Symbol", "Sk"},
	{"Other_Symbol", "So"},
	{"Separator", "Z"},
	{"Space_Separator", "Zs"},
	{"Line_Separator", "Zl"},
	{"Paragraph_Separator", "Zp"},
	{"Other", "C"},
	{"Control", "Cc"},
	{"cntrl", "Cc"},
	{"Format", "Cf"},
	{"Surrogate", "Cs"},
	{"Private_Use", "Co"},
	{"Unassigned", "Cn"},
};

/* Behind "\p" or "\P": a property in braces. */
static bool property(struct pass *p, char letter)
{
	const char *end = memchr(p->in.p + p->at, '}', p->in.n - p->at);
	struct str name = {p->in.p + p->at + 1, 0};

	if (peek(p, 0) != '{' || !end)
		return stop(p, ECMA_BAD, "\\p without a name in braces");
	name.n = (size_t)(end - name.p);
	p->at += name.n + 2;
	if (name.n == 0 || name.p[0] == '^')
		return stop(p, ECMA_BAD, "\\p without a name in braces");
	if (str_starts(name, STR("gc=")))
		name = str_skip(name, 3);
	else if (str_starts(name, STR("General_Category=")))
		name = str_skip(name, 17);
	for (size_t i = 0; i < sizeof(categories) / sizeof(*categories); i++) {
		if (str_eq(name, str_of(categories[i][0])))
			name = str_of(categories[i][1]);
	}
	buf_addf(p->out, "\\%c{%.*s}", letter, STR_ARG(name));
	return true;
}

/* \d \w \s and their opposites, \p: these stand for sets. */
static bool is_set(const struct pass *p, size_t n)
{
	return peek(p, n) == '\\' && peek(p, n + 1) &&
	       strchr("dDwWsSpP", peek(p, n + 1));
}

static bool set_escape(struct pass *p, bool in_class)
{
	char c = peek(p, 1);

	p->at += 2;
	if (c == 'p' || c == 'P')
		return property(p, c);
	if (c == 's')
		put(p, in_class ? STR(SPACES) : STR("[" SPACES "]"));
	else if (c == 'S')
		put(p, in_class ? STR(NOT_SPACES) : STR("[^" SPACES "]"));
	else
		buf_addf(p->out, "\\%c", c);
	return true;
}

/* \cX \xHH \0 and the like: one character by another name. */
static bool letter_escape(struct pass *p, char c)
{
	static const char blanks[] = "t\tn\nv\vf\fr\r";
	const char *at = strchr(blanks, c);
	uint32_t code;

	if (at && (at - blanks) % 2 == 0)
		return put_code(p, (uint32_t)at[1]);
	if (c == 'u')
		return unicode_escape(p);
	if (c == 'x') {
		if (!hex(p, 2, &code))
			return stop(p, ECMA_BAD, "\\x without two digits");
		return put_code(p, code);
	}
	if (c == 'c') {
		if (!is_letter(peek(p, 0)))
			return stop(p, ECMA_BAD, "\\c without a letter");
		return put_code(p, (uint32_t)p->in.p[p->at++] & 31);
	}
	if (c == '0' && !is_digit(peek(p, 0)))
		return put_code(p, 0);
	if (is_digit(c) || c == 'k')
		return stop(p, ECMA_OTHER, "a back reference");
	return stop(p, ECMA_OTHER, "an escape that ECMA-262 does not have");
}

static bool escape(struct pass *p, bool in_class)
{
	char c = peek(p, 1);

	if (is_set(p, 0))
		return set_escape(p, in_class);
	if (p->at + 1 >= p->in.n)
		return stop(p, ECMA_BAD, "a backslash at the end");
	p->at += 2;
	if (c == 'b' || (c == 'B' && !in_class)) {
		p->atom = in_class;
		put(p, c == 'B'	  ? STR("\\B")
		       : in_class ? STR("\\x{8}")
				  : STR("\\b"));
		return true;
	}
	if (is_letter(c) || is_digit(c))
		return letter_escape(p, c);
	if ((unsigned char)c < 0x80)
		return put_code(p, (uint32_t)c);
	buf_addc(p->out, c);
	return true;
}

/*
 * [...]: PCRE2 sees [:alpha:] in it, and refuses [\w-.], where browsers take
 * the hyphen for itself.
 */
static bool class(struct pass *p)
{
	bool after_set = false;

	if (peek(p, 1) == ']') { /* nothing; PCRE2 cannot repeat its own */
		put(p, STR("(?:(?!))"));
		p->at += 2;
		return true;
	}
	buf_addc(p->out, '[');
	p->at++;
	if (peek(p, 0) == '^') {
		buf_addc(p->out, '^');
		p->at++;
	}
	while (p->at < p->in.n && peek(p, 0) != ']') {
		char c = peek(p, 0);
		bool set = is_set(p, 0);
		if (c == '\\') {
			if (!escape(p, true))
				return false;
		} else {
			if (c == '[' ||
			    (c == '-' && (after_set || is_set(p, 1))))
				buf_addc(p->out, '\\');
			buf_addc(p->out, c);
			p->at++;
		}
		after_set = set;
	}
	if (p->at >= p->in.n)
		return stop(p, ECMA_BAD, "[ without ]");
	p->at++;
	buf_addc(p->out, ']');
	return true;
}

/* How often at most; *, + and {2,} have no limit. */
static size_t most_times(struct str quantifier)
{
	struct str low = str_skip(quantifier, 1), high;
	uint64_t n;

	if (quantifier.n == 1)
		return quantifier.p[0] == '?' ? 1 : SIZE_MAX;
	low.n--; /* the brace */
	high = low;
	low = str_cut(&high, ',');
	return str_u64(high.p ? high : low, &n) && n < SIZE_MAX ? (size_t)n
								: SIZE_MAX;
}

/* {2}, {2,}, {2,5}: its length at p->at, or 0. */
static size_t braces(const struct pass *p)
{
	size_t n = 1;

	if (!is_digit(peek(p, n)))
		return 0;
	while (is_digit(peek(p, n)))
		n++;
	if (peek(p, n) == ',')
		for (n++; is_digit(peek(p, n));)
			n++;
	return peek(p, n) == '}' ? n + 1 : 0;
}

static bool quantifier(struct pass *p)
{
	size_t n = peek(p, 0) == '{' ? braces(p) : 1;
	struct str words;

	if (n == 0) {
		if (peek(p, 1) == ',')
			return stop(p, ECMA_OTHER, "{,n}");
		p->at++;
		p->atom = true;
		put(p, STR("\\{"));
		return true;
	}
	if (!p->atom)
		return stop(p, ECMA_BAD, "nothing to repeat");
	words = (struct str){p->in.p + p->at, n};
	if (most_times(words) > p->longest)
		p->longest = most_times(words);
	put(p, words);
	p->at += n;
	if (peek(p, 0) == '?') {
		buf_addc(p->out, '?');
		p->at++;
	}
	p->atom = false;
	return true;
}

/* "?<name>": its length, or 0. */
static size_t named(struct str s)
{
	size_t n = 2;

	if (!str_starts(s, STR("?<")))
		return 0;
	while (n < s.n && (is_letter(s.p[n]) || is_digit(s.p[n]) ||
			   s.p[n] == '_' || s.p[n] == '$'))
		n++;
	return n > 2 && n < s.n && s.p[n] == '>' ? n + 1 : 0;
}

/* Behind "(": names are dropped, as nothing can refer to them. */
static bool group(struct pass *p)
{
	static const char *const kinds[] = {"?:", "?=", "?!", "?<=", "?<!"};
	struct str rest = str_skip(p->in, p->at + 1);

	p->atom = false;
	p->at++;
	if (!str_starts(rest, STR("?"))) {
		put(p, STR("(?:"));
		return true;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct str kind = str_of(kinds[i]);
		if (str_starts(rest, kind)) {
			buf_addf(p->out, "(%s", kinds[i]);
			p->at += kind.n;
			return true;
		}
	}
	if (named(rest)) {
		put(p, STR("(?:"));
		p->at += named(rest);
		return true;
	}
	return stop(p, ECMA_OTHER, "a group that ECMA-262 does not have");
}

static bool step(struct pass *p)
{
	char c = peek(p, 0);

	switch (c) {
	case '*':
	case '+':
	case '?':
	case '{': return quantifier(p);
	case '(': return group(p);
	case '|':
	case '^':
	case '$': p->atom = false; break;
	case '.':
		p->at++;
		p->atom = true;
		put(p, STR("[^\\n\\r\\x{2028}\\x{2029}]"));
		return true;
	case '[': p->atom = true; return class(p);
	case '\\': p->atom = true; return escape(p, false);
	case 0:
		p->at++;
		p->atom = true;
		return put_code(p, 0);
	default: p->atom = true;
	}
	buf_addc(p->out, c);
	p->at++;
	return true;
}

enum ecma_verdict ecma_to_pcre(struct str pattern, struct buf *out,
			       size_t *longest, const char **why)
{
	struct pass p = {.in = pattern, .out = out, .longest = 1};

	while (p.at < p.in.n && step(&p))
		;
	*why = p.why;
	*longest = p.longest;
	return p.verdict;
}
