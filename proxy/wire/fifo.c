/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *	head                           tail
 *	+-----------------+     +------------+
 *	|xxxx|hdr|data....| --> |....|hdr|da |
 *	+-----------------+     +------------+
 *	 done^                         end^  ^size
 *
 * A record is a header, never split, and its bytes, which may go on in the
 * next chunk. The header of the front record is taken out when the record is
 * begun; `left` counts its bytes from then on.
 *
 * Chunks are as large as what is put first, between two sizes. In one turn a
 * thousand streams may get 250 bytes each: with the loop's blocks of 16 KB
 * that took 16 MB.
 */
#include "wire/fifo.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#define CHUNK_LEAST 512
#define CHUNK_MOST  16384

struct fifo_chunk {
	struct fifo_chunk *next;
	uint32_t done, end, size;
	char data[];
};

struct mark {
	uint32_t n;
	uint64_t at;
} __attribute__((packed));

static size_t space(const struct fifo_chunk *c)
{
	return c ? c->size - c->end : 0;
}

static struct fifo_chunk *grow(struct fifo *f, size_t want)
{
	size_t all = want + sizeof(struct fifo_chunk) + sizeof(struct mark);
	struct fifo_chunk *c;

	if (all < CHUNK_LEAST)
		all = CHUNK_LEAST;
	if (all > CHUNK_MOST)
		all = CHUNK_MOST;
	c = mem_alloc(all);
	c->next = NULL;
	c->done = c->end = 0;
	c->size = (uint32_t)(all - sizeof *c);
	if (f->tail)
		f->tail->next = c;
	else
		f->head = c;
	f->tail = c;
	return c;
}

void fifo_put(struct fifo *f, const char *p, size_t n, uint64_t at)
{
	struct mark m = {(uint32_t)n, at};
	struct fifo_chunk *c = f->tail;

	assert(n <= UINT32_MAX);
	if (n == 0)
		return;
	if (space(c) < sizeof m)
		c = grow(f, n);
	memcpy(c->data + c->end, &m, sizeof m);
	c->end += (uint32_t)sizeof m;
	f->n += n;
	while (n) {
		size_t some;

		if (space(c) == 0)
			c = grow(f, n);
		some = n < space(c) ? n : space(c);
		memcpy(c->data + c->end, p, some);
		c->end += (uint32_t)some;
		p += some;
		n -= some;
	}
}

/* Frees the front chunk once it is used up. */
static void trim(struct fifo *f)
{
	struct fifo_chunk *c = f->head;

	if (!c || c->done < c->end)
		return;
	f->head = c->next;
	if (!f->head)
		f->tail = NULL;
	free(c);
}

size_t fifo_record(struct fifo *f)
{
	struct mark m;

	if (f->left || f->n == 0)
		return f->left;
	memcpy(&m, f->head->data + f->head->done, sizeof m);
	f->head->done += (uint32_t)sizeof m;
	f->left = m.n;
	f->at = m.at;
	trim(f);
	return f->left;
}

struct str fifo_front(struct fifo *f, uint64_t *at)
{
	size_t left = fifo_record(f);
	const struct fifo_chunk *c = f->head;
	struct str piece = {NULL, 0};

	if (left == 0)
		return piece;
	piece.p = c->data + c->done;
	piece.n = c->end - c->done;
	if (piece.n > left)
		piece.n = left;
	*at = f->at;
	return piece;
}

void fifo_drop(struct fifo *f, size_t n)
{
	assert(n <= f->left && n <= f->head->end - f->head->done);
	f->head->done += (uint32_t)n;
	f->left -= (uint32_t)n;
	f->n -= n;
	trim(f);
}

void fifo_clear(struct fifo *f)
{
	struct fifo_chunk *c;

	while ((c = f->head)) {
		f->head = c->next;
		free(c);
	}
	*f = (struct fifo){0};
}
