/* SPDX-License-Identifier: MIT */
/* Requests made up, edited and compared, for the tests of request.h. */
#ifndef TESTS_REQUEST_RIG_H
#define TESTS_REQUEST_RIG_H

#include "rules/meaning/request.h"

/* A conversation that grows: elements of a history, and what stands around. */
struct talk {
	enum dialect d;
	uint64_t seed; /* of everything that is made up */
	struct buf elements[64];
	unsigned n;
	unsigned tail; /* which tools follow */
	unsigned head; /* which parameters lead */
};

unsigned talk_random(struct talk *t, unsigned below);
void talk_begin(struct talk *t, enum dialect d, uint64_t seed);
/* One more turn: what was said, answered, called and returned. */
void talk_grow(struct talk *t);
void talk_cut(struct talk *t, unsigned to);
void talk_swap(struct talk *t);
void talk_body(const struct talk *t, struct buf *to);
void talk_end(struct talk *t);

/* Asserts that both say the same, to the byte; but for what is shared. */
void request_same(const struct request *a, const struct request *b);

#endif
