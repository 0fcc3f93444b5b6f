/* SPDX-License-Identifier: MIT */
#include "print/text.h"

#define ELLIPSIS    "\u2026"
#define REPLACEMENT "\ufffd"

static struct text_rune broken(unsigned n)
{
	return (struct text_rune){0xfffd, n, false};
}

static unsigned rune_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Overlong forms, surrogates and what lies above U+10FFFF show in the second
 * byte alone: its range is narrower after these four. */
struct text_rune text_next(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned n = rune_length(p[0]);
	unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	uint32_t cp;

	if (n == 0)
		return broken(1);
	if (n == 1)
		return (struct text_rune){p[0], 1, true};
	cp = p[0] & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if (i >= s.n || p[i] < low || p[i] > high)
			return broken(i);
		cp = cp << 6 | (p[i] & 0x3fu);
		low = 0x80;
		high = 0xbf;
	}
	return (struct text_rune){cp, n, true};
}

size_t text_broken(struct str s)
{
	size_t count = 0;

	while (s.n) {
		struct text_rune r = text_next(s);
		count += !r.ok;
		s = str_skip(s, r.n);
	}
	return count;
}

bool text_valid(struct str s)
{
	while (s.n) {
		struct text_rune r = text_next(s);
		if (!r.ok)
			return false;
		s = str_skip(s, r.n);
	}
	return true;
}

static bool is_bidi(uint32_t cp)
{
	return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

bool text_is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || is_bidi(cp);
}

static void tame_one(struct buf *out, struct str s, struct text_rune r,
		     enum text_mode mode)
{
	bool stays = mode == TEXT_LINES && (r.cp == '\n' || r.cp == '\t');

	if (!r.ok || is_bidi(r.cp))
		buf_adds(out, STR(REPLACEMENT));
	else if (r.cp == '\r' && s.n > 1 && s.p[1] == '\n')
		return;
	else if (text_is_control(r.cp) && !stays)
		buf_addc(out, '?');
	else
		buf_add(out, s.p, r.n);
}

void text_tame(struct buf *out, struct str s, enum text_mode mode)
{
	while (s.n) {
		size_t plain = 0;

		while (plain < s.n && s.p[plain] >= 0x20 && s.p[plain] < 0x7f)
			plain++;
		buf_add(out, s.p, plain);
		s = str_skip(s, plain);
		if (s.n) {
			struct text_rune r = text_next(s);
			tame_one(out, s, r, mode);
			s = str_skip(s, r.n);
		}
	}
}

struct range {
	uint32_t from, to;
};

/* The widest classes alone: a misjudged column costs a ragged edge. */
static const struct range no_columns[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489},   {0x0591, 0x05bd},
	{0x0610, 0x061a}, {0x064b, 0x065f},   {0x0900, 0x0902},
	{0x093a, 0x093a}, {0x0941, 0x0948},   {0x0e31, 0x0e31},
	{0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff}, {0x200b, 0x200f},   {0x2060, 0x2064},
	{0x20d0, 0x20ff}, {0xfe00, 0xfe0f},   {0xfe20, 0xfe2f},
	{0xfeff, 0xfeff}, {0xe0000, 0xe0fff},
};
static const struct range two_columns[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},	{0x2e80, 0x303e},
	{0x3041, 0x33ff},   {0x3400, 0x4dbf},	{0x4e00, 0xa4cf},
	{0xa960, 0xa97c},   {0xac00, 0xd7a3},	{0xf900, 0xfaff},
	{0xfe30, 0xfe6f},   {0xff00, 0xff60},	{0xffe0, 0xffe6},
	{0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff}, {0x1f300, 0x1f64f},
	{0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff},
	{0x20000, 0x3fffd},
};

static bool within(const struct range *r, size_t n, uint32_t cp)
{
	for (size_t i = 0; i < n; i++) {
		if (cp >= r[i].from && cp <= r[i].to)
			return true;
	}
	return false;
}

#define WITHIN(table, cp) within(table, sizeof(table) / sizeof *(table), cp)

unsigned text_rune_columns(uint32_t cp)
{
	if (cp < 0x300)
		return 1;
	if (WITHIN(no_columns, cp))
		return 0;
	return WITHIN(two_columns, cp) ? 2 : 1;
}

size_t text_columns(struct str s)
{
	size_t columns = 0;

	while (s.n) {
		struct text_rune r = text_next(s);
		columns += text_rune_columns(r.cp);
		s = str_skip(s, r.n);
	}
	return columns;
}

/* Bytes of the longest beginning of s that fits into `columns`. */
static size_t prefix_within(struct str s, size_t columns)
{
	size_t n = 0;

	while (n < s.n) {
		struct text_rune r = text_next(str_skip(s, n));
		unsigned w = text_rune_columns(r.cp);
		if (w > columns)
			break;
		columns -= w;
		n += r.n;
	}
	return n;
}

/* Bytes to leave out so that the rest of s fits into `columns`. */
static size_t suffix_within(struct str s, size_t columns)
{
	size_t all = text_columns(s), n = 0;

	while (n < s.n && all > columns) {
		struct text_rune r = text_next(str_skip(s, n));
		all -= text_rune_columns(r.cp);
		n += r.n;
	}
	return n;
}

void text_fit_middle(struct buf *out, struct str s, size_t columns)
{
	size_t head;

	if (text_columns(s) <= columns) {
		buf_adds(out, s);
		return;
	}
	if (columns == 0)
		return;
	head = prefix_within(s, columns / 2);
	buf_add(out, s.p, head);
	buf_adds(out, STR(ELLIPSIS));
	columns -= text_columns((struct str){s.p, head}) + 1;
	buf_adds(out, str_skip(s, suffix_within(s, columns)));
}

void text_fit_end(struct buf *out, struct str s, size_t columns)
{
	if (text_columns(s) <= columns) {
		buf_adds(out, s);
		return;
	}
	if (columns == 0)
		return;
	buf_add(out, s.p, prefix_within(s, columns - 1));
	buf_adds(out, STR(ELLIPSIS));
}
