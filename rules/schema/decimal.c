/* SPDX-License-Identifier: MIT */
#include "rules/schema/decimal.h"

/* Beyond this an exponent is nobody's number. */
#define EXPONENT_MAX 1000000000

static bool exponent_of(struct str s, int64_t *out)
{
	bool negative = s.n && s.p[0] == '-';
	int64_t v = 0;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_skip(s, 1);
	for (size_t i = 0; i < s.n; i++) {
		v = v * 10 + (s.p[i] - '0');
		if (v > EXPONENT_MAX)
			return false;
	}
	*out = negative ? -v : v;
	return true;
}

static struct str mantissa_of(struct str text, struct str *exponent)
{
	*exponent = (struct str){0};
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == 'e' || text.p[i] == 'E') {
			*exponent = str_skip(text, i + 1);
			return (struct str){text.p, i};
		}
	}
	return text;
}

bool decimal_of(struct str text, struct decimal *out)
{
	struct str m, exponent;
	size_t point, first = 0, end;
	int64_t shift;

	*out = (struct decimal){0};
	if (text.n && text.p[0] == '-') {
		out->negative = true;
		text = str_skip(text, 1);
	}
	m = mantissa_of(text, &exponent);
	if (!exponent_of(exponent, &shift))
		return false;
	for (point = 0; point < m.n && m.p[point] != '.'; point++)
		;
	while (first < m.n && (m.p[first] == '0' || m.p[first] == '.'))
		first++;
	for (end = m.n;
	     end > first && (m.p[end - 1] == '0' || m.p[end - 1] == '.');)
		end--;
	if (first == end) {
		*out = (struct decimal){0};
		return true;
	}
	out->digits = (struct str){m.p + first, end - first};
	out->n = (int64_t)(end - first) - (first < point && point < end);
	out->top = (int64_t)point - (int64_t)first + (first > point) + shift;
	return true;
}

/* The next digit of *s, which it leaves; 0 behind the last. */
static unsigned next_digit(struct str *s)
{
	if (s->n && s->p[0] == '.')
		*s = str_skip(*s, 1);
	if (!s->n)
		return 0;
	*s = str_skip(*s, 1);
	return (unsigned)(s->p[-1] - '0');
}

static int cmp_size(const struct decimal *a, const struct decimal *b)
{
	struct str x = a->digits, y = b->digits;

	if (!x.n || !y.n)
		return (x.n > 0) - (y.n > 0);
	if (a->top != b->top)
		return a->top < b->top ? -1 : 1;
	while (x.n || y.n) {
		unsigned p = next_digit(&x), q = next_digit(&y);
		if (p != q)
			return p < q ? -1 : 1;
	}
	return 0;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	return a->negative ? -cmp_size(a, b) : cmp_size(a, b);
}

static uint64_t times(uint64_t a, uint64_t b, uint64_t m)
{
	return (uint64_t)((unsigned __int128)a * b % m);
}

/*
 * With a = A * 10^x and m = M * 10^y, neither A nor M ending in 0: where
 * x < y, A would have to end in 0; else M must divide A * 10^(x-y).
 */
enum decimal_verdict decimal_multiple(const struct decimal *a,
				      const struct decimal *m)
{
	struct str digits = m->digits;
	int64_t power = (a->top - a->n) - (m->top - m->n);
	uint64_t modulus = 0, rest = 0, ten;

	if (!a->digits.n)
		return DECIMAL_YES;
	if (power < 0)
		return DECIMAL_NO;
	if (m->n > 18)
		return DECIMAL_UNKNOWN;
	while (digits.n)
		modulus = modulus * 10 + next_digit(&digits);
	for (digits = a->digits; digits.n;)
		rest = (times(rest, 10, modulus) + next_digit(&digits)) %
		       modulus;
	for (ten = 10 % modulus; power; power /= 2) {
		if (power % 2)
			rest = times(rest, ten, modulus);
		ten = times(ten, ten, modulus);
	}
	return rest ? DECIMAL_NO : DECIMAL_YES;
}
