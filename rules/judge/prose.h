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
 * One of the markers in the text. Exempt: a marker that any text of the
 * prompt contains, and what stands in fenced (``` ~~~) or inline code.
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
 * Most letters of a longer text (at least 40 letters) are of a script that no
 * text of the prompt has, while the prompt's own script is hardly there, and
 * nothing in the prompt names a language, a script or a translation.
 */
bool prose_drift(struct str text, const struct prose_prompt *prompt,
		 struct prose_hit *hit);

/* A character from..to that no text of the prompt has any of. */
bool prose_script(struct str text, uint32_t from, uint32_t to,
		  const struct prose_prompt *prompt, struct prose_hit *hit);

/* A run of n words (lower-cased) more than `most` times. */
bool prose_ngram(struct str text, unsigned n, unsigned most,
		 struct prose_hit *hit);

#endif
