/* SPDX-License-Identifier: MIT */
/*
 * A borrowed run of bytes. Never NUL-terminated unless the owner says so; may
 * hold any byte. Wire data is passed around as these, so that nothing has to
 * be copied to be looked at.
 *
 *	struct str name = STR("content-type");
 *	if (str_ieq(field->name, name)) ...
 *	printf("%.*s", STR_ARG(field->value));
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s)   (int)(s).n, (s).p

static inline struct str str_of(const char *z)
{
	return (struct str){z, z ? strlen(z) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal but for ASCII case. Most names differ in their first letters. */
static inline bool str_ieq(struct str a, struct str b)
{
	if (a.n != b.n || a.n == 0)
		return a.n == b.n;
	return ((a.p[0] ^ b.p[0]) & ~0x20) == 0 &&
	       strncasecmp(a.p, b.p, a.n) == 0;
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n &&
	       (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline struct str str_skip(struct str s, size_t n)
{
	n = n < s.n ? n : s.n;
	return (struct str){s.p + n, s.n - n};
}

/* Without spaces and tabs at either end (HTTP's optional white space). */
struct str str_trim(struct str s);

/*
 * Cuts the next piece of *rest up to `sep` off and returns it; *rest goes on
 * behind the separator, and has p == NULL once nothing is left.
 */
struct str str_cut(struct str *rest, char sep);

/* A comma-separated header value: does it list `token` (case ignored)? */
bool str_lists(struct str value, struct str token);

/* Where s stands among n names; -1: it is none of them. */
int str_among(struct str s, const char *const *names, size_t n);

/* A whole decimal number that fits; no sign, no spaces. */
bool str_u64(struct str s, uint64_t *out);

/* A NUL-terminated copy that the caller frees. Aborts out of memory. */
char *str_dup(struct str s);

#endif
