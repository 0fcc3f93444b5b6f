/* SPDX-License-Identifier: MIT */
#include "print/human.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

/* Three significant digits of n / unit. */
static void three_digits(char *out, uint64_t n, uint64_t unit, const char *name)
{
	double v = (double)n / (double)unit;
	int digits = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;

	snprintf(out, HUMAN_SIZE, "%.*f%s", digits, v, name);
}

static void two_units(char *out, uint64_t s, uint64_t big, const char *names)
{
	uint64_t small = big == 86400 ? 3600 : big == 3600 ? 60 : 1;

	snprintf(out, HUMAN_SIZE, "%llu%c%02llu%c",
		 (unsigned long long)(s / big), names[0],
		 (unsigned long long)(s % big / small), names[1]);
}

char *human_duration(uint64_t ns, char out[HUMAN_SIZE])
{
	uint64_t s = ns / NS_PER_S;

	if (ns < NS_PER_US)
		snprintf(out, HUMAN_SIZE, ns ? "%uns" : "%u", (unsigned)ns);
	else if (ns < NS_PER_MS)
		three_digits(out, ns, NS_PER_US, "\u00b5s");
	else if (ns < NS_PER_S)
		three_digits(out, ns, NS_PER_MS, "ms");
	else if (s < 60)
		three_digits(out, ns, NS_PER_S, "s");
	else if (s < 3600)
		two_units(out, s, 60, "ms");
	else if (s < 86400)
		two_units(out, s, 3600, "hm");
	else
		two_units(out, s, 86400, "dh");
	return out;
}

char *human_bytes(uint64_t n, char out[HUMAN_SIZE])
{
	static const char *const unit[] = {"K", "M", "G", "T", "P", "E"};
	double v = (double)n;
	unsigned u = 0;

	if (n < 1000) {
		snprintf(out, HUMAN_SIZE, "%u", (unsigned)n);
		return out;
	}
	for (v /= 1024; v >= 999.5 && u + 1 < sizeof unit / sizeof *unit; u++)
		v /= 1024;
	snprintf(out, HUMAN_SIZE, v < 9.95 ? "%.1f%s" : "%.0f%s", v, unit[u]);
	return out;
}

char *human_count(uint64_t n, char out[HUMAN_SIZE])
{
	char digits[24];
	int len =
		snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	char *p = out;

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = '\0';
	return out;
}

char *human_time(uint64_t wall_ns, uint64_t now_ns, char out[HUMAN_SIZE])
{
	time_t at = (time_t)(wall_ns / NS_PER_S);
	time_t now = (time_t)(now_ns / NS_PER_S);
	struct tm a = {0}, n = {0};
	size_t used;

	localtime_r(&at, &a);
	localtime_r(&now, &n);
	if (a.tm_year == n.tm_year && a.tm_yday == n.tm_yday) {
		used = strftime(out, HUMAN_SIZE, "%H:%M:%S", &a);
		snprintf(out + used, HUMAN_SIZE - used, ".%03u",
			 (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
	} else if (at <= now && now - at < 180 * 86400) {
		strftime(out, HUMAN_SIZE, "%b %d %H:%M:%S", &a);
	} else {
		strftime(out, HUMAN_SIZE, "%Y-%m-%d %H:%M", &a);
	}
	return out;
}
