/* SPDX-License-Identifier: MIT */
/*
 * Small text work of the practice vendor. It shares struct str with the proxy
 * but none of its code, so that no bug is at both ends of a test.
 *
 *	struct str key = text_cut(&query, '&');
 *	text_json(&out, key);            // "quoted and escaped"
 */
#ifndef VENDOR_TEXT_H
#define VENDOR_TEXT_H

#include "base/buf.h"

/* The piece before `sep`; *rest goes on behind it, p == NULL at the end. */
struct str text_cut(struct str *rest, char sep);

/* Without blanks at either end. */
struct str text_trim(struct str s);

/* Does the comma-separated list hold this token (case ignored)? */
bool text_lists(struct str list, struct str token);

/* A whole decimal number. */
bool text_u64(struct str s, uint64_t *out);

/* Decimal digits of v at `to` (20 bytes are enough); returns how many. */
size_t text_digits(char *to, uint64_t v);

void text_add_u64(struct buf *b, uint64_t v);

/* The inside of a JSON string, without the quotes. UTF-8 stays as it is. */
void text_json_inner(struct buf *b, struct str s);

/* A JSON string with its quotes. */
void text_json(struct buf *b, struct str s);

/* As text_json, but each byte above 0x7e becomes \u00xx (Latin-1). */
void text_json_latin1(struct buf *b, struct str s);

/* Decodes base64url without padding; false if it is not. */
bool text_base64url(struct buf *b, struct str s);

void text_hex(char *to, const unsigned char *p, size_t n);

/* Well mixed 64 bits from any 64 bits (splitmix64's finaliser). */
static inline uint64_t text_mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A 64-bit hash of bytes; not for enemies. */
uint64_t text_hash(uint64_t seed, struct str s);

/* n random-looking letters and digits drawn from *state. */
void text_add_alnum(struct buf *b, uint64_t *state, size_t n);

#endif
