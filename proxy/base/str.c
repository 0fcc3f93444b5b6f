/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include "base/mem.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_cut(struct str *rest, char sep)
{
	struct str piece = *rest;
	const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

	if (at) {
		piece.n = (size_t)(at - rest->p);
		*rest = str_skip(*rest, piece.n + 1);
	} else {
		*rest = (struct str){NULL, 0};
	}
	return piece;
}

bool str_lists(struct str value, struct str token)
{
	while (value.p) {
		if (str_ieq(str_trim(str_cut(&value, ',')), token))
			return true;
	}
	return false;
}

int str_among(struct str s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(s, str_of(names[i])))
			return (int)i;
	}
	return -1;
}

bool str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 20)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned char)s.p[i] - '0';
		if (d > 9 || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, d, &v))
			return false;
	}
	*out = v;
	return true;
}

char *str_dup(struct str s)
{
	char *z = mem_alloc(s.n + 1);

	if (s.n)
		memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	return z;
}
