/* SPDX-License-Identifier: MIT */
#include "rules/judge/prose_impl.h"

uint32_t prose_char_wide(struct str s, size_t *i)
{
	const unsigned char *p = (const unsigned char *)s.p + *i;
	size_t left = s.n - *i;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	uint32_t c = n ? p[0] & (0x7fu >> n) : 0;

	(*i)++;
	if (n == 0 || n > left)
		return 0xfffd;
	for (size_t k = 1; k < n; k++) {
		if ((p[k] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (p[k] & 0x3f);
	}
	*i += n - 1;
	return c;
}

/* Blocks of letters, in order. What lies between is no letter. */
static const struct {
	uint32_t from, to;
	enum script script;
} blocks[] = {
	{0xaa, 0xaa, SCRIPT_LATIN},	   {0xba, 0xba, SCRIPT_LATIN},
	{0xc0, 0xd6, SCRIPT_LATIN},	   {0xd8, 0xf6, SCRIPT_LATIN},
	{0xf8, 0x2af, SCRIPT_LATIN},	   {0x370, 0x373, SCRIPT_GREEK},
	{0x376, 0x37d, SCRIPT_GREEK},	   {0x386, 0x3ff, SCRIPT_GREEK},
	{0x400, 0x481, SCRIPT_CYRILLIC},   {0x48a, 0x52f, SCRIPT_CYRILLIC},
	{0x531, 0x556, SCRIPT_ARMENIAN},   {0x561, 0x587, SCRIPT_ARMENIAN},
	{0x5d0, 0x5f2, SCRIPT_HEBREW},	   {0x620, 0x65f, SCRIPT_ARABIC},
	{0x66e, 0x6ef, SCRIPT_ARABIC},	   {0x6fa, 0x6ff, SCRIPT_ARABIC},
	{0x750, 0x77f, SCRIPT_ARABIC},	   {0x8a0, 0x8ff, SCRIPT_ARABIC},
	{0x900, 0x963, SCRIPT_DEVANAGARI}, {0x970, 0x97f, SCRIPT_DEVANAGARI},
	{0x980, 0x9e5, SCRIPT_BENGALI},	   {0xa00, 0xa65, SCRIPT_GURMUKHI},
	{0xa80, 0xae5, SCRIPT_GUJARATI},   {0xb00, 0xb65, SCRIPT_ORIYA},
	{0xb80, 0xbe5, SCRIPT_TAMIL},	   {0xc00, 0xc65, SCRIPT_TELUGU},
	{0xc80, 0xce5, SCRIPT_KANNADA},	   {0xd00, 0xd65, SCRIPT_MALAYALAM},
	{0xd80, 0xde5, SCRIPT_SINHALA},	   {0xe01, 0xe3a, SCRIPT_THAI},
	{0xe40, 0xe4e, SCRIPT_THAI},	   {0xe80, 0xecf, SCRIPT_LAO},
	{0xf40, 0xfbf, SCRIPT_TIBETAN},	   {0x1000, 0x103f, SCRIPT_MYANMAR},
	{0x1050, 0x108f, SCRIPT_MYANMAR},  {0x10a0, 0x10ff, SCRIPT_GEORGIAN},
	{0x1100, 0x11ff, SCRIPT_HANGUL},   {0x1200, 0x135f, SCRIPT_ETHIOPIC},
	{0x1780, 0x17d3, SCRIPT_KHMER},	   {0x1820, 0x18aa, SCRIPT_MONGOLIAN},
	{0x1c80, 0x1c8f, SCRIPT_CYRILLIC}, {0x1c90, 0x1cbf, SCRIPT_GEORGIAN},
	{0x1e00, 0x1eff, SCRIPT_LATIN},	   {0x1f00, 0x1fff, SCRIPT_GREEK},
	{0x2c60, 0x2c7f, SCRIPT_LATIN},	   {0x2de0, 0x2dff, SCRIPT_CYRILLIC},
	{0x3005, 0x3007, SCRIPT_HAN},	   {0x3041, 0x309f, SCRIPT_KANA},
	{0x30a1, 0x30fa, SCRIPT_KANA},	   {0x30fc, 0x30ff, SCRIPT_KANA},
	{0x3105, 0x312f, SCRIPT_HAN},	   {0x3131, 0x318e, SCRIPT_HANGUL},
	{0x31f0, 0x31ff, SCRIPT_KANA},	   {0x3400, 0x4dbf, SCRIPT_HAN},
	{0x4e00, 0x9fff, SCRIPT_HAN},	   {0xa640, 0xa69f, SCRIPT_CYRILLIC},
	{0xa720, 0xa7ff, SCRIPT_LATIN},	   {0xa960, 0xa97f, SCRIPT_HANGUL},
	{0xac00, 0xd7fb, SCRIPT_HANGUL},   {0xf900, 0xfaff, SCRIPT_HAN},
	{0xfb50, 0xfdff, SCRIPT_ARABIC},   {0xfe70, 0xfefc, SCRIPT_ARABIC},
	{0xff21, 0xff3a, SCRIPT_LATIN},	   {0xff41, 0xff5a, SCRIPT_LATIN},
	{0xff66, 0xff9f, SCRIPT_KANA},	   {0x20000, 0x3ffff, SCRIPT_HAN},
};

enum script prose_script_wide(uint32_t c)
{
	size_t low = 0, high = sizeof(blocks) / sizeof(blocks[0]);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (c < blocks[mid].from)
			high = mid;
		else if (c > blocks[mid].to)
			low = mid + 1;
		else
			return blocks[mid].script;
	}
	return SCRIPT_NONE;
}

uint32_t prose_lower(uint32_t c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
	    (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40f)
		return c + 0x50;
	return c;
}

/* ---- text without its code ---- */

static size_t count_marks(struct str s, size_t from, char mark)
{
	size_t n = 0;

	while (from + n < s.n && s.p[from + n] == mark)
		n++;
	return n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool all_blank(struct str s)
{
	while (s.n && is_blank(s.p[0]))
		s = str_skip(s, 1);
	return s.n == 0;
}

/* A line without what may stand before a fence: blanks, quotes, a list's
 * mark. */
static struct str line_body(struct str line)
{
	size_t i = 0, mark;

	while (i < line.n && (is_blank(line.p[i]) || line.p[i] == '>'))
		i++;
	for (mark = i; mark < line.n && mark < i + 9; mark++)
		if (line.p[mark] < '0' || line.p[mark] > '9')
			break;
	if (mark + 1 < line.n && line.p[mark + 1] == ' ' &&
	    prose_among(line.p[mark], mark == i ? "-*+" : ".)"))
		for (i = mark + 1; i < line.n && line.p[i] == ' ';)
			i++;
	return str_skip(line, i);
}

/* Takes a line that belongs to a fence, or is code by its indentation. */
static bool take_code_line(struct prose_walk *w, struct str line)
{
	struct str body = line_body(line);
	char mark = body.n ? body.p[0] : '\0';
	size_t n = mark == '`' || mark == '~' ? count_marks(body, 0, mark) : 0;

	if (w->fence) {
		if (mark == w->mark && n >= w->fence &&
		    all_blank(str_skip(body, n)))
			w->fence = 0;
		return true;
	}
	body = str_skip(body, n);
	if (n >= 3 && (mark == '~' || !memchr(body.p, '`', body.n))) {
		w->fence = n;
		w->mark = mark;
		return true;
	}
	return line.p[0] == '\t' || str_starts(line, STR("    "));
}

/* Goes to the next line that is not code as a whole. */
static bool next_line(struct prose_walk *w)
{
	while (w->rest.n) {
		struct str line = str_cut(&w->rest, '\n');

		/* The end of a paragraph ends what was never closed, but not
		 * what began as a fence does, in the midst of a line. */
		if (w->ticks && w->ticks < 3 && all_blank(line))
			w->ticks = 0;
		w->line = line;
		if (line.n && (w->ticks || !take_code_line(w, line)))
			return true;
	}
	return false;
}

/* Drops what inline code there is at the front of the line. */
static void skip_inline(struct prose_walk *w)
{
	while (w->ticks && w->line.n) {
		const char *at = memchr(w->line.p, '`', w->line.n);
		size_t n;

		n = at ? (size_t)(at - w->line.p) : w->line.n;
		w->line = str_skip(w->line, n);
		n = count_marks(w->line, 0, '`');
		w->line = str_skip(w->line, n);
		if (n == w->ticks)
			w->ticks = 0;
	}
}

/* Cuts the front of the line off, up to inline code, which is opened. */
static struct str cut_plain(struct prose_walk *w)
{
	const char *at = memchr(w->line.p, '`', w->line.n);
	struct str piece = w->line;

	if (at) {
		piece.n = (size_t)(at - piece.p);
		w->ticks = count_marks(w->line, piece.n, '`');
	}
	w->line = str_skip(w->line, piece.n + w->ticks);
	return piece;
}

bool prose_next(struct prose_walk *w, struct str *piece)
{
	while (w->line.n || next_line(w)) {
		skip_inline(w);
		if (w->line.n == 0)
			continue;
		*piece = cut_plain(w);
		if (piece->n)
			return true;
	}
	return false;
}
