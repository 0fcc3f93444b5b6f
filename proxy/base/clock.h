/* SPDX-License-Identifier: MIT */
/* The two clocks: one to measure with, one to tell people the time. ns. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define NS_PER_US 1000ull

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Never jumps; differences only. */
static inline uint64_t clock_mono(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Since 1970, UTC; may jump. */
static inline uint64_t clock_wall(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* "2026-01-31T12:34:56.123456789Z" and its NUL. Returns out. */
#define CLOCK_RFC3339_SIZE 31
char *clock_rfc3339(uint64_t wall_ns, char out[CLOCK_RFC3339_SIZE]);

#endif
