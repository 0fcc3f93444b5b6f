/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdio.h>

char *clock_rfc3339(uint64_t wall_ns, char out[CLOCK_RFC3339_SIZE])
{
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, CLOCK_RFC3339_SIZE - n, ".%09uZ",
		 (unsigned)(wall_ns % NS_PER_S));
	return out;
}
