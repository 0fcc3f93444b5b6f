/* SPDX-License-Identifier: MIT */
/*
 * Numbers of JSON, exactly as they were written: 0.0075 is a multiple of
 * 0.0001, and 1e308 is whole. Points into the text, allocates nothing.
 *
 *	value = 0.DIGITS * 10^top
 *
 *	"-1204.50"   negative   digits "1204.5"   n 5   top 4
 *	"0.0030e7"              digits "3"        n 1   top 5
 *
 * Any thread. No errors but a false answer.
 */
#ifndef SCHEMA_DECIMAL_H
#define SCHEMA_DECIMAL_H

#include "base/str.h"

struct decimal {
	bool negative;	   /* never for zero */
	struct str digits; /* from the first that is not 0 to the last; may
			      hold a point. Empty: zero */
	int64_t n;	   /* digits in it, the point aside */
	int64_t top;
};

/* Of a JSON number's text; false if its exponent is out of all proportion. */
bool decimal_of(struct str text, struct decimal *out);

/* < 0, 0, > 0 */
int decimal_cmp(const struct decimal *a, const struct decimal *b);

/* No fractional part: 1.0 and 1e2 have none. */
static inline bool decimal_whole(const struct decimal *d)
{
	return d->top >= d->n;
}

enum decimal_verdict { DECIMAL_YES, DECIMAL_NO, DECIMAL_UNKNOWN };

/* Is a a whole multiple of m, which is not zero? Unknown for an m of more
 * than 18 digits. */
enum decimal_verdict decimal_multiple(const struct decimal *a,
				      const struct decimal *m);

#endif
