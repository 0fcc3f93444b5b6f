/* SPDX-License-Identifier: MIT */
/* What the files of prose share: characters, scripts, and text without its
 * code. Nobody else includes it. */
#ifndef JUDGE_PROSE_IMPL_H
#define JUDGE_PROSE_IMPL_H

#include "rules/judge/prose.h"

/* The character at s.p[*i]; *i goes behind it. Where no UTF-8 begins it is
 * U+FFFD, one byte long. */
uint32_t prose_char_wide(struct str s, size_t *i);
static inline uint32_t prose_char(struct str s, size_t *i)
{
	unsigned char c = (unsigned char)s.p[*i];

	if (c >= 0x80)
		return prose_char_wide(s, i);
	(*i)++;
	return c;
}

/* One of these ASCII characters? */
static inline bool prose_among(char c, const char *set)
{
	return c && strchr(set, c);
}

/* Whose letters; SCRIPT_NONE: it is no letter. */
enum script {
	SCRIPT_NONE,
	SCRIPT_LATIN,
	SCRIPT_GREEK,
	SCRIPT_CYRILLIC,
	SCRIPT_ARMENIAN,
	SCRIPT_HEBREW,
	SCRIPT_ARABIC,
	SCRIPT_DEVANAGARI,
	SCRIPT_BENGALI,
	SCRIPT_GURMUKHI,
	SCRIPT_GUJARATI,
	SCRIPT_ORIYA,
	SCRIPT_TAMIL,
	SCRIPT_TELUGU,
	SCRIPT_KANNADA,
	SCRIPT_MALAYALAM,
	SCRIPT_SINHALA,
	SCRIPT_THAI,
	SCRIPT_LAO,
	SCRIPT_TIBETAN,
	SCRIPT_MYANMAR,
	SCRIPT_GEORGIAN,
	SCRIPT_HANGUL,
	SCRIPT_ETHIOPIC,
	SCRIPT_KHMER,
	SCRIPT_MONGOLIAN,
	SCRIPT_KANA,
	SCRIPT_HAN,
	SCRIPTS
};
enum script prose_script_wide(uint32_t c);
static inline enum script prose_script_of(uint32_t c)
{
	if (c < 0x80)
		return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? SCRIPT_LATIN
							      : SCRIPT_NONE;
	return prose_script_wide(c);
}

/* Lower case of the common alphabets; others as they are. */
uint32_t prose_lower(uint32_t c);

/*
 * Text without its code: fences, `inline` and indented lines. An opening that
 * is not closed hides what follows: what may be code is code.
 *
 *	struct prose_walk w = {text};
 *	while (prose_next(&w, &piece))
 *		... piece, a part of a line ...
 */
struct prose_walk {
	struct str rest, line; /* lines to come; what is left of this one */
	size_t fence;	       /* marks of the open fence; 0: none */
	char mark;
	size_t ticks; /* of the open inline code; 0: none */
};
bool prose_next(struct prose_walk *w, struct str *piece);

/* Does the prompt name a language, a script or a translation, or ask for
 * something to be quoted, so that any script is a proper answer? */
bool prose_names_language(const struct prose_prompt *prompt);

#endif
