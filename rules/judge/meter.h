/* SPDX-License-Identifier: MIT */
/*
 * What check_usage.c asks of the meter (see memory.h), and how an answer is
 * measured.
 *
 *	struct measure m;
 *	if (measure(c, &m) && m.seen)
 *		... m.tokens against m.bytes, m.chars ...
 *	if (meter_range(c->meter, c, &m, &low, &high) >= METER_LEAST)
 *		... m.ratio against low and high ...
 */
#ifndef JUDGE_METER_H
#define JUDGE_METER_H

#include "rules/judge/memory.h"

enum {
	METER_LEAST = 30, /* samples before a range says anything */
	METER_CHARS = 200 /* of an answer that is a sample */
};
#define METER_FACTOR 3.0 /* how far outside the range is outside */

/* An answer's text beside the tokens that it is charged as. */
struct measure {
	int64_t tokens; /* without reasoning that is said to be hidden */
	uint64_t bytes; /* of everything that can be seen */
	uint64_t chars; /* of what `tokens` is for, at least */
	uint64_t solid; /* of the answer, without space and runs */
	uint64_t calls;
	bool hidden;  /* it may hold what cannot be seen */
	bool sample;  /* long and plain enough for `ratio` */
	double ratio; /* tokens a character */
	uint64_t key; /* of the range that it belongs to */
};
/* False: no whole answer with usage and text. */
bool measure(const struct check_case *c, struct measure *m);

/* How many samples, and their range. */
uint64_t meter_range(const struct meter *p, const struct measure *m,
		     double *low, double *high);
bool meter_is_outside(const struct measure *m, double low, double high);

/* Do the prompt's tokens depend on nothing but the request's bytes? */
bool meter_is_closed(const struct request *q);
/* The prompt tokens of an earlier equal body; USAGE_NONE: none is known. */
int64_t meter_prompt(const struct meter *p, const struct check_case *c,
		     int64_t *exchange);

#endif
