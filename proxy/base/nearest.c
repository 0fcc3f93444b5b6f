/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#define LONGEST 63

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * Optimal string alignment: three rows of the usual table are enough, the
 * oldest for a swap of neighbours.
 */
static unsigned distance(struct str a, struct str b)
{
	unsigned row[3][LONGEST + 1];
	unsigned *before = row[0], *above = row[1], *here = row[2];

	for (size_t j = 0; j <= b.n; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *spare = before;

		here[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			bool same = a.p[i - 1] == b.p[j - 1];

			here[j] = least(above[j - 1] + !same,
					least(above[j], here[j - 1]) + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				here[j] = least(here[j], before[j - 2] + 1);
		}
		before = above;
		above = here;
		here = spare;
	}
	return above[b.n];
}

const char *nearest_name(struct str word, const char *const *names, size_t n)
{
	const char *best = NULL, *begun = NULL;
	unsigned best_at = 0;

	if (word.n == 0 || word.n > LONGEST)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct str name = str_of(names[i]);
		unsigned d;

		if (name.n > LONGEST)
			continue;
		if (!begun && word.n >= 2 && str_starts(name, word))
			begun = names[i];
		d = distance(word, name);
		if (!best || d < best_at) {
			best = names[i];
			best_at = d;
		}
	}
	if (best && best_at <= 1 + word.n / 4)
		return best;
	return begun;
}
