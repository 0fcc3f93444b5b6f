/* SPDX-License-Identifier: MIT */
/*
 * A growing run of bytes that its owner frees. Zero-initialise it.
 *
 *	struct buf b = {0};
 *	buf_addf(&b, "%s %u\r\n", reason, status);
 *	use(b.p, b.n);
 *	buf_free(&b);
 *
 * It has no bound of its own: whoever adds bytes of a peer checks first.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, struct str s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for n more bytes at b->p + b->n; the caller then adds to b->n. */
char *buf_room(struct buf *b, size_t n);

/* LEB128, seven bits a byte, low bits first: small numbers stay small. */
void buf_add_varint(struct buf *b, uint64_t v);

/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);

void buf_free(struct buf *b);

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

/* Reads a varint off the front of *s; false if it is cut short or too long. */
bool str_varint(struct str *s, uint64_t *out);

#endif
