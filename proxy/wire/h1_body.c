/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Bodies, by a state machine of our own: it hands up each run of data
 * where it lies in the read buffer, so a chunk that came whole is one
 * on_data(), and it is stricter than llhttp in what may stand around chunks.
 *
 *	SIZE --CR--> SIZE_LF --> CHUNK --0 left--> CHUNK_CR -> CHUNK_LF -+
 *	 |  \             \                                              |
 *	 |   +-;-> EXTENSION +-- size 0 --> TRAILERS -> DONE              |
 *	 +<--------------------------------------------------------------+
 */
#include "wire/h1_impl.h"

/* The most digits of a size that stays below 2^63: 7fffffffffffffff. */
#define SIZE_DIGITS 16

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: the peer was told off. */
static bool size_byte(struct h1 *c, char b)
{
	int digit = hex_digit(b);

	if (digit >= 0) {
		if (++c->size_digits > SIZE_DIGITS || c->in_left >> 59) {
			h1_breach(c, "a chunk's size is too large");
			return false;
		}
		c->in_left = c->in_left << 4 | (unsigned)digit;
		return true;
	}
	if (!c->size_digits || (b != '\r' && b != ';')) {
		h1_breach(c, "a chunk's size is malformed");
		return false;
	}
	c->in = b == ';' ? IN_EXTENSION : IN_SIZE_LF;
	return true;
}

/* Extensions are this hop's and are dropped, but not without a bound. */
static bool extension_byte(struct h1 *c, char b)
{
	if (b == '\r') {
		c->in = IN_SIZE_LF;
		return true;
	}
	if (((unsigned char)b < 0x20 && b != '\t') || b == 0x7f) {
		h1_breach(c, "a chunk's extension holds a control character");
		return false;
	}
	if (++c->extra > H1_EXTENSIONS) {
		h1_breach(c, "more chunk extensions than anyone needs");
		return false;
	}
	return true;
}

static bool expect_byte(struct h1 *c, char got, char want, enum h1_in next)
{
	if (got != want) {
		h1_breach(c, "a chunk does not end with CRLF");
		return false;
	}
	c->in = (uint8_t)next;
	return true;
}

static bool frame_byte(struct h1 *c, char b)
{
	switch (c->in) {
	case IN_SIZE: return size_byte(c, b);
	case IN_EXTENSION: return extension_byte(c, b);
	case IN_SIZE_LF:
		c->size_digits = 0;
		c->extra = 0;
		c->scanned = 0;
		return expect_byte(c, b, '\n',
				   c->in_left ? IN_CHUNK : IN_TRAILERS);
	case IN_CHUNK_CR: return expect_byte(c, b, '\r', IN_CHUNK_LF);
	default: return expect_byte(c, b, '\n', IN_SIZE);
	}
}

/* Hands up a run of data; what follows it is the next call's. */
static size_t data_run(struct h1 *c, const char *p, size_t n, uint64_t at)
{
	size_t some = n < c->in_left ? n : (size_t)c->in_left;

	c->in_left -= some;
	if (!c->in_left)
		c->in = c->in == IN_CHUNK ? IN_CHUNK_CR : IN_DONE;
	c->expects = false;
	c->stream.events->on_data(c->stream.who, p, some, at);
	if (h1_hears(c) && c->in == IN_DONE)
		h1_in_done(c);
	return some;
}

size_t h1_read_body(struct h1 *c, const char *p, size_t n, uint64_t at)
{
	size_t i = 0;

	switch (c->in) {
	case IN_LENGTH:
	case IN_CHUNK: return data_run(c, p, n, at);
	case IN_CLOSE:
	case IN_TUNNEL:
		c->stream.events->on_data(c->stream.who, p, n, at);
		return n;
	case IN_TRAILERS: return h1_read_trailers(c, p, n, at);
	default: break;
	}
	while (i < n && c->in >= IN_SIZE && c->in <= IN_CHUNK_LF &&
	       c->in != IN_CHUNK) {
		if (!frame_byte(c, p[i++]))
			return n;
	}
	return i;
}
