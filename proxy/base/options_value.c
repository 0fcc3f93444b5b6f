/* SPDX-License-Identifier: MIT */
/* One option's value: from text to what its kind means. */
#include <stdio.h>

#include "base/clock.h"
#include "base/options_impl.h"

struct unit {
	const char *name;
	uint64_t worth;
};

static const struct unit sizes[] = {{"", 1},
				    {"K", 1ull << 10},
				    {"KiB", 1ull << 10},
				    {"M", 1ull << 20},
				    {"MiB", 1ull << 20},
				    {"G", 1ull << 30},
				    {"GiB", 1ull << 30}};

static const struct unit durations[] = {
	{"", NS_PER_S},	 {"us", NS_PER_US},    {"ms", NS_PER_MS},
	{"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S}};

static bool unit_of(const struct unit *units, size_t n, struct str name,
		    uint64_t *worth)
{
	for (size_t i = 0; i < n; i++) {
		if (str_ieq(name, str_of(units[i].name))) {
			*worth = units[i].worth;
			return true;
		}
	}
	return false;
}

static size_t count_digits(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

/*
 * Cuts ".25" off the front of *s: a quarter of `worth`, added to *out. At
 * most nine digits, so that the product fits.
 */
static bool add_fraction(struct str *s, uint64_t worth, uint64_t *out)
{
	struct str digits = str_skip(*s, 1);
	uint64_t v, ten = 1;

	digits.n = count_digits(digits);
	if (digits.n > 9 || !str_u64(digits, &v))
		return false;
	for (size_t i = 0; i < digits.n; i++)
		ten *= 10;
	*s = str_skip(*s, 1 + digits.n);
	return !__builtin_add_overflow(
		*out, (uint64_t)((unsigned __int128)v * worth / ten), out);
}

static bool number_with_unit(const struct unit *units, size_t n, struct str s,
			     bool fractions, uint64_t *out)
{
	struct str whole = {s.p, count_digits(s)}, rest, fraction;
	uint64_t v, worth;

	rest = fraction = str_skip(s, whole.n);
	if (fractions && rest.n && rest.p[0] == '.')
		rest = str_skip(rest, 1 + count_digits(str_skip(rest, 1)));
	else
		fraction.n = 0;
	if (!str_u64(whole, &v) || !unit_of(units, n, rest, &worth) ||
	    __builtin_mul_overflow(v, worth, out))
		return false;
	return fraction.n == 0 || add_fraction(&fraction, worth, out);
}

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

bool option_number(enum option_kind kind, struct str value, uint64_t *out)
{
	switch (kind) {
	case OPTION_COUNT: return str_u64(value, out);
	case OPTION_SIZE:
		return number_with_unit(sizes, LENGTH(sizes), value, false,
					out);
	case OPTION_DURATION:
		return number_with_unit(durations, LENGTH(durations), value,
					true, out);
	default: return false;
	}
}

static bool is_choice(const char *choices, struct str value)
{
	struct str rest = str_of(choices);

	while (rest.p) {
		if (str_eq(str_cut(&rest, '|'), value))
			return true;
	}
	return false;
}

static const char *wanted(enum option_kind kind)
{
	switch (kind) {
	case OPTION_FLAG: return "is neither true nor false";
	case OPTION_COUNT: return "is not a whole number";
	case OPTION_SIZE:
		return "is not a size: write bytes, or K, M or G as in 64M";
	case OPTION_DURATION:
		return "is not a duration: write seconds, or a unit as in "
		       "250ms, 10s, 5m, 2h";
	default: return "is empty";
	}
}

static bool fits(const struct option_def *def, struct str value)
{
	uint64_t n;

	switch (def->kind) {
	case OPTION_FLAG: return is_choice("true|false", value);
	case OPTION_CHOICE: return is_choice(def->arg, value);
	case OPTION_TEXT:
	case OPTION_PATH: return value.n > 0;
	default: return option_number(def->kind, value, &n);
	}
}

bool option_check(const struct option_def *def, struct str value,
		  char why[OPTION_WHY])
{
	int shown = value.n > 60 ? 60 : (int)value.n;

	if (value.n && memchr(value.p, '\0', value.n)) {
		snprintf(why, OPTION_WHY, "a value holds a NUL byte");
		return false;
	}
	if (fits(def, value))
		return true;
	if (def->kind == OPTION_CHOICE)
		snprintf(why, OPTION_WHY, "\"%.*s\" is none of %s", shown,
			 value.p, def->arg);
	else
		snprintf(why, OPTION_WHY, "\"%.*s\" %s", shown, value.p,
			 wanted(def->kind));
	return false;
}
