/* SPDX-License-Identifier: MIT */
#include "text.h"

struct str text_cut(struct str *rest, char sep)
{
	struct str piece = *rest;
	const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

	if (!at) {
		*rest = (struct str){NULL, 0};
		return piece;
	}
	piece.n = (size_t)(at - piece.p);
	rest->p = at + 1;
	rest->n -= piece.n + 1;
	return piece;
}

struct str text_trim(struct str s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool text_lists(struct str list, struct str token)
{
	while (list.p)
		if (str_ieq(text_trim(text_cut(&list, ',')), token))
			return true;
	return false;
}

bool text_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 19)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*out = v;
	return true;
}

size_t text_digits(char *to, uint64_t v)
{
	char back[20];
	size_t n = 0;

	do
		back[n++] = (char)('0' + v % 10);
	while (v /= 10);
	for (size_t i = 0; i < n; i++)
		to[i] = back[n - 1 - i];
	return n;
}

void text_add_u64(struct buf *b, uint64_t v)
{
	b->n += text_digits(buf_room(b, 20), v);
}

static void add_unicode(struct buf *b, unsigned c)
{
	static const char hex[] = "0123456789abcdef";
	char out[6] = {'\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15]};

	buf_add(b, out, sizeof(out));
}

static void add_escaped(struct buf *b, unsigned char c)
{
	switch (c) {
	case '\n': buf_add(b, "\\n", 2); break;
	case '\r': buf_add(b, "\\r", 2); break;
	case '\t': buf_add(b, "\\t", 2); break;
	case '"':
	case '\\':
		buf_addc(b, '\\');
		buf_addc(b, (char)c);
		break;
	default: add_unicode(b, c);
	}
}

/* Copies runs of plain bytes at once and escapes what stands between. */
static void json_inner(struct buf *b, struct str s, unsigned char top)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x20 && c <= top && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_add(b, s.p + from, i - from);
		add_escaped(b, c);
		from = i + 1;
	}
	buf_add(b, s.p + from, s.n - from);
}

void text_json_inner(struct buf *b, struct str s)
{
	json_inner(b, s, 0xff);
}

void text_json(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	json_inner(b, s, 0xff);
	buf_addc(b, '"');
}

void text_json_latin1(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	json_inner(b, s, 0x7e);
	buf_addc(b, '"');
}

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool text_base64url(struct buf *b, struct str s)
{
	unsigned bits = 0, n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int digit = digit_of(s.p[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (unsigned)digit;
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_addc(b, (char)(bits >> n & 255));
		}
	}
	return true;
}

void text_hex(char *to, const unsigned char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		to[2 * i] = hex[p[i] >> 4];
		to[2 * i + 1] = hex[p[i] & 15];
	}
}

uint64_t text_hash(uint64_t seed, struct str s)
{
	uint64_t h = text_mix(seed ^ s.n);

	while (s.n) {
		uint64_t word = 0;
		size_t k = s.n < 8 ? s.n : 8;
		memcpy(&word, s.p, k);
		h = text_mix(h ^ word);
		s.p += k;
		s.n -= k;
	}
	return h;
}

void text_add_alnum(struct buf *b, uint64_t *state, size_t n)
{
	static const char set[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZab";
	char *to = buf_room(b, n);
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		if (i % 10 == 0)
			bits = *state = text_mix(*state);
		to[i] = set[bits & 63];
		bits >>= 6;
	}
	b->n += n;
}
