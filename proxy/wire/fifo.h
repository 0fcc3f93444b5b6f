/* SPDX-License-Identifier: MIT */
/*
 * A queue of records: bytes, and the moment they came. An empty one owns no
 * memory, and one with little in it owns little, since there is one in each
 * of thousands of streams. Zero-initialise it.
 *
 *	fifo_put(&f, p, n, at);
 *	while ((piece = fifo_front(&f, &at)).n) {
 *		use(piece, at);
 *		fifo_drop(&f, piece.n);
 *	}
 *
 * Records are kept apart: fifo_record() says how much of the front one is
 * left; a piece is what of it lies in one run of memory.
 */
#ifndef WIRE_FIFO_H
#define WIRE_FIFO_H

#include "base/str.h"

struct fifo_chunk;

struct fifo {
	struct fifo_chunk *head, *tail;
	size_t n;      /* bytes in all records */
	uint64_t at;   /* of the front record, once it was begun */
	uint32_t left; /* of the front record, once it was begun */
};

void fifo_put(struct fifo *f, const char *p, size_t n, uint64_t at);

/* What is left of the front record; 0 if the queue is empty. */
size_t fifo_record(struct fifo *f);

/* The front piece of the front record; n == 0 if the queue is empty. */
struct str fifo_front(struct fifo *f, uint64_t *at);

/* Drops n bytes of the front piece. */
void fifo_drop(struct fifo *f, size_t n);

void fifo_clear(struct fifo *f);

#endif
