/* SPDX-License-Identifier: MIT */
/* What nodes say: texts, numbers, equality. */
#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

#include "rules/meaning/json.h"

/* ---- texts ---- */

static int hex(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static unsigned unit_at(const char *p)
{
	return (unsigned)(hex(p[0]) << 12 | hex(p[1]) << 8 | hex(p[2]) << 4 |
			  hex(p[3]));
}

static char *put_utf8(char *o, unsigned c)
{
	if (c < 0x80) {
		*o++ = (char)c;
	} else if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
		*o++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*o++ = (char)(0xe0 | c >> 12);
		*o++ = (char)(0x80 | (c >> 6 & 63));
		*o++ = (char)(0x80 | (c & 63));
	} else {
		*o++ = (char)(0xf0 | c >> 18);
		*o++ = (char)(0x80 | (c >> 12 & 63));
		*o++ = (char)(0x80 | (c >> 6 & 63));
		*o++ = (char)(0x80 | (c & 63));
	}
	return o;
}

/* At the 'u' of an escape; returns what follows it. */
static const char *put_unit(char **o, const char *p, const char *end)
{
	unsigned c = unit_at(p + 1), low = 0;

	p += 5;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' &&
	    p[1] == 'u')
		low = unit_at(p + 2);
	if (low >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	} else if (c >= 0xd800 && c < 0xe000) {
		c = 0xfffd;
	}
	*o = put_utf8(*o, c);
	return p;
}

/* A string that was parsed is known to be well-formed. */
static struct str unescape(struct json_doc *d, struct str raw)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char *start = json_doc_alloc(d, raw.n), *o = start;
	const char *p = raw.p, *end = raw.p + raw.n, *back, *known;

	while ((back = memchr(p, '\\', (size_t)(end - p)))) {
		memcpy(o, p, (size_t)(back - p));
		o += back - p;
		p = back + 1;
		if (*p == 'u') {
			p = put_unit(&o, p, end);
			continue;
		}
		known = memchr(from, *p, sizeof from - 1);
		*o++ = known ? to[known - from] : *p;
		p++;
	}
	memcpy(o, p, (size_t)(end - p));
	o += end - p;
	return (struct str){start, (size_t)(o - start)};
}

struct str json_text(const struct json *s)
{
	if (!s || s->kind != JSON_STRING)
		return (struct str){"", 0};
	if (!s->escaped)
		return s->raw;
	if (!s->text.p)
		((struct json *)s)->text = unescape(s->doc, s->raw);
	return s->text;
}

bool json_says(const struct json *j, struct str text)
{
	return json_is(j, JSON_STRING) && str_eq(json_text(j), text);
}

/* ---- numbers ---- */

bool json_number(const struct json *j, double *out)
{
	char text[64], *long_text;

	if (!json_is(j, JSON_NUMBER))
		return false;
	if (j->raw.n < sizeof text) {
		memcpy(text, j->raw.p, j->raw.n);
		text[j->raw.n] = 0;
		*out = strtod(text, NULL);
		return true;
	}
	long_text = str_dup(j->raw);
	*out = strtod(long_text, NULL);
	free(long_text);
	return true;
}

/*
 * A number as digits d1 d2 ... dn, no zeros at either end, times 10^exp:
 * 0.0120e5 is 12 x 10^2. Zero has no digits.
 */
struct decimal {
	bool negative;
	const char *p; /* its first digit; a '.' may lie among them */
	size_t n;      /* digits */
	int64_t exp;
};

static int64_t exponent_of(struct str s)
{
	bool negative = s.n && s.p[0] == '-';
	int64_t v = 0;

	for (size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'); i < s.n; i++) {
		v = v * 10 + (s.p[i] - '0');
		if (v > INT32_MAX)
			v = INT32_MAX; /* farther than any digits reach */
	}
	return negative ? -v : v;
}

static struct decimal decimal_of(struct str s)
{
	struct decimal d = {.negative = s.n && s.p[0] == '-'};
	const char *e, *last = NULL;
	size_t i = d.negative, digits = 0;
	int64_t behind = 0; /* digits behind the point, up to the last one */
	bool point = false;

	e = memchr(s.p, 'e', s.n);
	if (!e)
		e = memchr(s.p, 'E', s.n);
	if (e) {
		d.exp = exponent_of(str_skip(s, (size_t)(e - s.p) + 1));
		s.n = (size_t)(e - s.p);
	}
	for (int64_t places = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			point = true;
			continue;
		}
		places += point;
		if (!d.p && s.p[i] != '0')
			d.p = s.p + i;
		digits += d.p != NULL;
		if (s.p[i] != '0') {
			last = s.p + i;
			d.n = digits;
			behind = places;
		}
	}
	if (!last)
		return (struct decimal){0};
	/* zeros between the last digit and the point, where it has none */
	d.exp += point && behind > 0 ? -behind : 0;
	if (behind == 0)
		for (const char *q = last + 1; q < s.p + s.n && *q != '.'; q++)
			d.exp++;
	return d;
}

static bool same_digits(const struct decimal *a, const struct decimal *b)
{
	const char *p = a->p, *q = b->p;

	for (size_t i = 0; i < a->n; i++, p++, q++) {
		p += *p == '.';
		q += *q == '.';
		if (*p != *q)
			return false;
	}
	return true;
}

static bool same_number(struct str a, struct str b)
{
	struct decimal x, y;

	if (str_eq(a, b))
		return true;
	x = decimal_of(a);
	y = decimal_of(b);
	return x.n == y.n &&
	       (x.n == 0 || (x.negative == y.negative && x.exp == y.exp &&
			     same_digits(&x, &y)));
}

bool json_int(const struct json *j, int64_t *out)
{
	struct decimal d;
	uint64_t v = 0;

	if (!json_is(j, JSON_NUMBER))
		return false;
	d = decimal_of(j->raw);
	if (d.n && (d.exp < 0 || d.exp > 19 || d.n > 19))
		return false;
	for (size_t i = 0; i < d.n; i++, d.p++) {
		d.p += *d.p == '.';
		v = v * 10 + (uint64_t)(*d.p - '0');
	}
	for (; d.n && d.exp > 0; d.exp--) {
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
	}
	if (v > (uint64_t)INT64_MAX + d.negative)
		return false;
	*out = (int64_t)(d.negative ? 0 - v : v);
	return true;
}

bool json_bool(const struct json *j, bool *out)
{
	if (!json_is(j, JSON_TRUE) && !json_is(j, JSON_FALSE))
		return false;
	*out = j->kind == JSON_TRUE;
	return true;
}

/* ---- members ---- */

/* A token of a pointer: ~1 is '/', ~0 is '~'. */
static bool token_is(struct str token, struct str key)
{
	size_t k = 0;

	for (size_t i = 0; i < token.n; i++, k++) {
		char c = token.p[i];

		if (c == '~' && i + 1 < token.n)
			c = token.p[++i] == '1' ? '/' : '~';
		if (k == key.n || key.p[k] != c)
			return false;
	}
	return k == key.n;
}

static const struct json *step(const struct json *at, struct str token)
{
	uint64_t i;

	if (json_is(at, JSON_ARRAY))
		return str_u64(token, &i) && i < at->n &&
				       (token.n == 1 || token.p[0] != '0')
			       ? at->v[i]
			       : NULL;
	for (i = json_is(at, JSON_OBJECT) ? at->n : 0; i-- > 0;) {
		if (token_is(token, at->v[i]->key))
			return at->v[i];
	}
	return NULL;
}

const struct json *json_pointer(const struct json *from, struct str pointer)
{
	if (pointer.n && pointer.p[0] != '/')
		return NULL;
	while (from && pointer.n) {
		struct str rest = str_skip(pointer, 1), token;
		const char *slash = memchr(rest.p, '/', rest.n);

		token = (struct str){rest.p,
				     slash ? (size_t)(slash - rest.p) : rest.n};
		from = step(from, token);
		pointer = str_skip(rest, token.n);
	}
	return from;
}

/* ---- values ---- */

/* How many different names an object has, and the same for equal ones. */
static bool equal_members(const struct json *a, const struct json *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const struct json *v = json_get(a, a->v[i]->key);

		if (v != a->v[i])
			continue; /* a later one of that name counts */
		if (!json_get(b, v->key) || !json_equal(v, json_get(b, v->key)))
			return false;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		if (!json_get(a, b->v[i]->key))
			return false;
	}
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (!a || !b || a->kind != b->kind)
		return a == b;
	switch (a->kind) {
	case JSON_STRING: return str_eq(json_text(a), json_text(b));
	case JSON_NUMBER: return same_number(a->raw, b->raw);
	case JSON_OBJECT: return equal_members(a, b);
	case JSON_ARRAY:
		if (a->n != b->n)
			return false;
		for (uint32_t i = 0; i < a->n; i++) {
			if (!json_equal(a->v[i], b->v[i]))
				return false;
		}
		return true;
	default: return true;
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	uint64_t both[2] = {h, v};

	return XXH64(both, sizeof both, 0);
}

static uint64_t hash_number(struct str raw)
{
	struct decimal d = decimal_of(raw);
	uint64_t h = d.n ? mix((uint64_t)d.exp, d.negative) : 0;

	for (size_t i = 0; i < d.n; i++, d.p++) {
		d.p += *d.p == '.';
		h = h * 1099511628211ull + (unsigned char)*d.p;
	}
	return h;
}

uint64_t json_hash(const struct json *j)
{
	uint64_t h;

	if (!j)
		return 0;
	h = j->kind;
	if (j->kind == JSON_STRING)
		return mix(h, XXH64(json_text(j).p, json_text(j).n, 0));
	if (j->kind == JSON_NUMBER)
		return mix(h, hash_number(j->raw));
	for (uint32_t i = 0; i < j->n; i++) {
		const struct json *v = j->v[i];

		if (j->kind == JSON_ARRAY)
			h = mix(h, json_hash(v));
		else if (json_get(j, v->key) == v)
			h += mix(XXH64(v->key.p, v->key.n, 1), json_hash(v));
	}
	return mix(h, j->kind);
}

/* ---- writing ---- */

static void write_key(struct buf *to, struct str key)
{
	static const char digits[] = "0123456789abcdef";

	buf_addc(to, '"');
	for (size_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.p[i];

		if (c == '"' || c == '\\') {
			buf_addc(to, '\\');
			buf_addc(to, (char)c);
		} else if (c < 0x20) {
			buf_adds(to, STR("\\u00"));
			buf_addc(to, digits[c >> 4]);
			buf_addc(to, digits[c & 15]);
		} else {
			buf_addc(to, (char)c);
		}
	}
	buf_addc(to, '"');
}

void json_write(struct buf *to, const struct json *j)
{
	bool object = j->kind == JSON_OBJECT;

	if (j->kind == JSON_STRING) {
		buf_addc(to, '"');
		buf_adds(to, j->raw);
		buf_addc(to, '"');
		return;
	}
	if (!object && j->kind != JSON_ARRAY) {
		buf_adds(to, j->raw);
		return;
	}
	buf_addc(to, object ? '{' : '[');
	for (uint32_t i = 0; i < j->n; i++) {
		if (i)
			buf_addc(to, ',');
		if (object) {
			write_key(to, j->v[i]->key);
			buf_addc(to, ':');
		}
		json_write(to, j->v[i]);
	}
	buf_addc(to, object ? '}' : ']');
}
