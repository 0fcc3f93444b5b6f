/* SPDX-License-Identifier: MIT */
/*
 * "Did you mean ...?": the known name that a mistyped word is closest to.
 *
 *	const char *near = nearest_name(word, names, n);
 *	if (near)
 *		... "did you mean %s?"
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/str.h"

/*
 * The name at the least edit distance (a swap of neighbours counts once), or
 * one that `word` is the beginning of; NULL if none is near enough to be
 * worth a guess. The first of equals wins.
 */
const char *nearest_name(struct str word, const char *const *names, size_t n);

#endif
