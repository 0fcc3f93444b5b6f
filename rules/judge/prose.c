/* SPDX-License-Identifier: MIT */
#include "rules/judge/prose.h"

#include "rules/judge/prose_impl.h"

/* ---- markers ---- */

/* Pairs of bytes that markers begin with: most text is passed over by it. */
struct pairs {
	uint64_t bits[65536 / 64];
};

static unsigned pair_at(struct str s, size_t i)
{
	unsigned second = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;

	return (unsigned)(unsigned char)s.p[i] << 8 | second;
}

static void pairs_fill(struct pairs *p, const struct str *markers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned pair = markers[i].n ? pair_at(markers[i], 0) : 0;

		if (markers[i].n > 1)
			p->bits[pair / 64] |= 1ull << pair % 64;
		else if (markers[i].n == 1)
			memset(&p->bits[pair / 64], 0xff, 256 / 8);
	}
}

/* The first marker in s at or behind *at; its place in *at. NULL: none. */
static const struct str *find_marker(const struct pairs *p, struct str s,
				     const struct str *markers, size_t n,
				     size_t *at)
{
	for (size_t i = *at; i < s.n; i++) {
		unsigned pair = pair_at(s, i);

		if (!(p->bits[pair / 64] >> pair % 64 & 1))
			continue;
		for (size_t k = 0; k < n; k++) {
			if (markers[k].n == 0 ||
			    !str_starts(str_skip(s, i), markers[k]))
				continue;
			*at = i;
			return &markers[k];
		}
	}
	return NULL;
}

/* Closing quotes of those that a quotation begins with. */
static bool is_quoted(struct str text, size_t from, size_t n)
{
	static const struct {
		const char *open, *close;
	} quotes[] = {
		{"\"", "\""},
		{"'", "'"},
		{"\xe2\x80\x9c", "\xe2\x80\x9d"},
		{"\xe2\x80\x9e", "\xe2\x80\x9c"},
		{"\xe2\x80\x98", "\xe2\x80\x99"},
		{"\xc2\xab", "\xc2\xbb"},
		{"\xe3\x80\x8c", "\xe3\x80\x8d"},
		{"\xe3\x80\x8e", "\xe3\x80\x8f"},
		{"\xe3\x80\x8a", "\xe3\x80\x8b"},
	};

	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		struct str open = str_of(quotes[i].open);

		if (from >= open.n &&
		    memcmp(text.p + from - open.n, open.p, open.n) == 0 &&
		    str_starts(str_skip(text, from + n),
			       str_of(quotes[i].close)))
			return true;
	}
	return false;
}

/* Is the marker at `from` said, not written about? */
static bool is_said(struct str text, size_t from, struct str marker)
{
	char before = from ? text.p[from - 1] : ' ';
	size_t first = 0;

	if (prose_char(marker, &first) >= 0x80 && first == marker.n)
		return (before >= 'a' && before <= 'z') ||
		       prose_among(before, ".,;:!?");
	return !is_quoted(text, from, marker.n);
}

static bool prompt_has(const struct pairs *pairs, const struct str *markers,
		       size_t n, const struct prose_prompt *prompt)
{
	for (size_t i = 0; i < prompt->n; i++) {
		size_t at = 0;

		if (find_marker(pairs, prompt->texts[i], markers, n, &at))
			return true;
	}
	return false;
}

bool prose_marker(struct str text, const struct str *markers, size_t n,
		  const struct prose_prompt *prompt, struct prose_hit *hit)
{
	struct prose_walk walk = {text};
	struct pairs pairs = {0};
	struct str piece;

	pairs_fill(&pairs, markers, n);
	while (prose_next(&walk, &piece)) {
		const struct str *m;

		for (size_t at = 0;
		     (m = find_marker(&pairs, piece, markers, n, &at)); at++) {
			size_t from = (size_t)(piece.p - text.p) + at;

			if (!is_said(text, from, *m))
				continue;
			*hit = (struct prose_hit){from, m->n, 1, *m};
			return !prompt_has(&pairs, markers, n, prompt);
		}
	}
	return false;
}

/* ---- characters of a script ---- */

/* The first character from..to in s at or behind *at, which is told. */
static bool find_range(struct str s, uint32_t from, uint32_t to, size_t *at)
{
	for (size_t i = *at, next = i; i < s.n; i = next) {
		uint32_t c = prose_char(s, &next);

		if (c < from || c > to)
			continue;
		*at = i;
		return true;
	}
	return false;
}

/* The end of the words of that range that begin at `at`. */
static size_t range_end(struct str s, uint32_t from, uint32_t to, size_t at)
{
	size_t end = at;

	for (size_t next = at; next < s.n;) {
		uint32_t c = prose_char(s, &next);

		if (c >= from && c <= to)
			end = next;
		else if (prose_script_of(c) != SCRIPT_NONE)
			break;
	}
	return end;
}

/* Does a bracket, a quote, an emphasis or a colon lead up to it? */
static bool is_introduced(struct str s, size_t at)
{
	static const char wide[][4] = {
		"\xe2\x80\x9c", "\xe2\x80\x9e", "\xe2\x80\x98",
		"\xe3\x80\x8c", "\xe3\x80\x8e", "\xe3\x80\x8a",
		"\xef\xbc\x88", "\xef\xbc\x9a", "\xe3\x80\x90",
	};

	while (at && s.p[at - 1] == ' ')
		at--;
	if (at && prose_among(s.p[at - 1], "([{\"'*_:|/=<>"))
		return true;
	if (at >= 2 && memcmp(s.p + at - 2, "\xc2\xab", 2) == 0)
		return true;
	for (size_t i = 0; at >= 3 && i < sizeof(wide) / sizeof(wide[0]); i++)
		if (memcmp(s.p + at - 3, wide[i], 3) == 0)
			return true;
	return false;
}

static bool prompt_in_range(const struct prose_prompt *prompt, uint32_t from,
			    uint32_t to)
{
	for (size_t i = 0; i < prompt->n; i++) {
		size_t at = 0;

		if (find_range(prompt->texts[i], from, to, &at))
			return true;
	}
	return false;
}

bool prose_script(struct str text, uint32_t from, uint32_t to,
		  const struct prose_prompt *prompt, struct prose_hit *hit)
{
	struct prose_walk walk = {text};
	struct str piece;

	while (prose_next(&walk, &piece)) {
		for (size_t at = 0, end; find_range(piece, from, to, &at);
		     at = end) {
			size_t start = (size_t)(piece.p - text.p) + at;

			end = range_end(piece, from, to, at);
			if (is_introduced(text, start))
				continue;
			*hit = (struct prose_hit){
				start, end - at, 1, {text.p + start, end - at}};
			return !prompt_in_range(prompt, from, to) &&
			       !prose_names_language(prompt);
		}
	}
	return false;
}
