/* SPDX-License-Identifier: MIT */
/*
 * JSON for reading: indented, the tokens untouched. No tree is built, so
 * numbers keep their digits, objects their order and duplicates, and a large
 * body costs no memory. (Escapes such as \u4f60 are shown as the character.)
 *
 *	if (!pretty_json(&o, body, 2))
 *		out_lines(&o, body);
 */
#ifndef REPLAY_PRETTY_H
#define REPLAY_PRETTY_H

#include "print/out.h"

enum { PRETTY_DEPTH = 1000 };

/*
 * Writes one JSON value, each line `margin` columns in. False, with nothing
 * written, if s is not JSON or nests deeper than PRETTY_DEPTH.
 */
bool pretty_json(struct out *o, struct str s, unsigned margin);

#endif
