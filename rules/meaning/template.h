/* SPDX-License-Identifier: MIT */
/*
 * Templates: events of a stream repeat each other but for a few values. What
 * was read in full once is laid over the next event; if it fits, the values
 * are at hand and no JSON has to be parsed.
 *
 *	learnt	{"id":"c1","choices":[{"delta":{"content":"Hel"}}],"n":7}
 *		|<-------------- constant ------------->|hole|<- - ->|hole
 *
 *	next	{"id":"c1","choices":[{"delta":{"content":"lo\n"}}],"n":8}
 *		same bytes			       | to the quote, valid?
 *						       '-> value, escaped
 *
 *	templates_begin(t);
 *	templates_hole(t, HOLE_TEXT, node->raw, slot);	while reading in full
 *	templates_learn(t, type, source);
 *	...
 *	const struct fit *f = templates_fit(t, type, source, next);
 *	if (f)
 *		... f->values[i] ...
 *
 * A fit says: this text is JSON, and its tree is the learnt one's but for the
 * holes. Only for texts that are known to be UTF-8. A few templates are kept;
 * the least recently used goes. One thread.
 */
#ifndef MEANING_TEMPLATE_H
#define MEANING_TEMPLATE_H

#include "base/str.h"

/* A place of the answer that text is appended to; templates only carry it. */
struct slot {
	uint32_t kind, choice, part; /* positions, not the wire's indexes */
};

enum hole {
	HOLE_TEXT, /* a string that is not empty */
	HOLE_ANY,  /* a string or number; its value is not told */
	HOLE_NEXT  /* a whole number: templates_fit()'s `next` */
};
enum { HOLES_MOST = 16 };

struct fit {
	unsigned n;
	struct fit_value {
		struct slot to;
		struct str raw; /* between the quotes */
		bool escaped;	/* raw is not the text */
	} values[HOLES_MOST];	/* of HOLE_TEXT, in the order of
				   templates_hole() */
	bool counted;		/* there was a HOLE_NEXT */
	bool escaped;		/* one of the values is */
};

struct templates;

struct templates *templates_new(void);
void templates_free(struct templates *t);

/* Forgets the holes of an event that was not learnt. */
void templates_begin(struct templates *t);
/* `raw` lies in the event's source: a string's bytes without its quotes, or
 * a number's. Too many holes, or two that touch: it is not learnt. */
void templates_hole(struct templates *t, enum hole kind, struct str raw,
		    struct slot to);
void templates_learn(struct templates *t, struct str type, struct str source);
/* Forgets all templates. */
void templates_clear(struct templates *t);

/* NULL: none fits. Valid until the next call. */
const struct fit *templates_fit(struct templates *t, struct str type,
				struct str source, int64_t next);

#endif
