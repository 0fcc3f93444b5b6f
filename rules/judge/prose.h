/* SPDX-License-Identifier: MIT */
/*
 * What can be seen in text without understanding it. Pure functions; every
 * one errs on the side of silence: honest text must never be accused.
 */
#ifndef JUDGE_PROSE_H
#define JUDGE_PROSE_H

#include "base/str.h"

struct prose_hit {
	size_t from, n;	 /* bytes of the text */
	size_t times;	 /* how often, where that has a meaning */
	struct str what; /* borrowed from the text or the marker */
};

/* All texts of a request, for exemptions. */
struct prose_prompt {
	const struct str *texts;
	size_t n;
};

/*
 * One of the markers in the text. Exempt: a prompt that contains any of them
 * (it speaks of such things), what stands in code (``` ~~~, `inline`, lines
 * indented by four) or between quotes. A marker of one character that is no
 * ASCII (U+0120) is found only behind a small letter or a full stop: words
 * begin with it.
 */
bool prose_marker(struct str text, const struct str *markers, size_t n,
		  const struct prose_prompt *prompt, struct prose_hit *hit);

/*
 * A unit of at least two words that fills the end of the text, again and
 * again (at least 10 times and 400 bytes), and that the prompt does not hold.
 * Markdown tables, rules, code and lists of numbers are no loops.
 */
bool prose_loop(struct str text, const struct prose_prompt *prompt,
		struct prose_hit *hit);

/*
 * Most letters of a longer text (at least 40 letters; 20 of Han, kana, hangul)
 * are of a script that no text of the prompt has, while the prompt's own script
 * is hardly there, and nothing in the prompt names a language, a script or a
 * translation. Latin is never what a text drifts to (code, names and quotations
 * are written in it), and a prompt in Latin letters must be of a language that
 * is known to be written so: romanised Russian may be answered in Cyrillic.
 */
bool prose_drift(struct str text, const struct prose_prompt *prompt,
		 struct prose_hit *hit);

/*
 * A character from..to that no text of the prompt has any of. Exempt: as for
 * drift a prompt that names languages, and words in code, brackets or quotes.
 */
bool prose_script(struct str text, uint32_t from, uint32_t to,
		  const struct prose_prompt *prompt, struct prose_hit *hit);

/*
 * A run of n words (lower-cased), two of them different, more than `most`
 * times and at least 8, each within n words of the last, which the prompt does
 * not hold. Exempt: code, tables, and lines that begin alike.
 */
bool prose_ngram(struct str text, unsigned n, unsigned most,
		 const struct prose_prompt *prompt, struct prose_hit *hit);

#endif
