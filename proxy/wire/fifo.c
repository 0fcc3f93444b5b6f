/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *	head                           tail
 *	+-----------------+     +-----------------+
 *	|xxxx|hdr|data....| --> |....|hdr|data|   |
 *	+-----------------+     +-----------------+
 *	 done^                              end^
 *
 * A record is a header, never split, and its bytes, which may go on in the
 * next block. The header of the front record is taken out when the record is
 * begun; `left` counts its bytes from then on.
 */
#include "wire/fifo.h"

#include <assert.h>

struct mark {
	uint32_t n;
	uint64_t at;
} __attribute__((packed));

static size_t space(const struct loop_block *b)
{
	return b ? sizeof b->data - b->end : 0;
}

static struct loop_block *grow(struct loop *l, struct fifo *f)
{
	struct loop_block *b = loop_block_get(l);

	if (f->tail)
		f->tail->next = b;
	else
		f->head = b;
	f->tail = b;
	return b;
}

void fifo_put(struct loop *l, struct fifo *f, const char *p, size_t n,
	      uint64_t at)
{
	struct mark m = {(uint32_t)n, at};
	struct loop_block *b = f->tail;

	assert(n <= UINT32_MAX);
	if (n == 0)
		return;
	if (space(b) < sizeof m)
		b = grow(l, f);
	memcpy(b->data + b->end, &m, sizeof m);
	b->end += (uint32_t)sizeof m;
	f->n += n;
	while (n) {
		size_t some;

		if (space(b) == 0)
			b = grow(l, f);
		some = n < space(b) ? n : space(b);
		memcpy(b->data + b->end, p, some);
		b->end += (uint32_t)some;
		p += some;
		n -= some;
	}
}

/* Gives the front block back once it is used up. */
static void trim(struct loop *l, struct fifo *f)
{
	struct loop_block *b = f->head;

	if (!b || b->done < b->end)
		return;
	f->head = b->next;
	if (!f->head)
		f->tail = NULL;
	loop_block_put(l, b);
}

size_t fifo_record(struct loop *l, struct fifo *f)
{
	struct mark m;

	if (f->left || f->n == 0)
		return f->left;
	memcpy(&m, f->head->data + f->head->done, sizeof m);
	f->head->done += (uint32_t)sizeof m;
	f->left = m.n;
	f->at = m.at;
	trim(l, f);
	return f->left;
}

struct str fifo_front(struct loop *l, struct fifo *f, uint64_t *at)
{
	size_t left = fifo_record(l, f);
	const struct loop_block *b = f->head;
	struct str piece = {NULL, 0};

	if (left == 0)
		return piece;
	piece.p = b->data + b->done;
	piece.n = b->end - b->done;
	if (piece.n > left)
		piece.n = left;
	*at = f->at;
	return piece;
}

void fifo_drop(struct loop *l, struct fifo *f, size_t n)
{
	assert(n <= f->left && n <= f->head->end - f->head->done);
	f->head->done += (uint32_t)n;
	f->left -= (uint32_t)n;
	f->n -= n;
	trim(l, f);
}

void fifo_clear(struct loop *l, struct fifo *f)
{
	struct loop_block *b;

	while ((b = f->head)) {
		f->head = b->next;
		loop_block_put(l, b);
	}
	*f = (struct fifo){0};
}
