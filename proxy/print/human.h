/* SPDX-License-Identifier: MIT */
/* Figures as people read them, in few columns. */
#ifndef PRINT_HUMAN_H
#define PRINT_HUMAN_H

#include <stdint.h>

#define HUMAN_SIZE 40

/* "0", "812ns", "45.3us" (with a Greek mu), "12.3ms", "1.23s", "2m03s",
 * "1h02m", "3d04h". Returns out. */
char *human_duration(uint64_t ns, char out[HUMAN_SIZE]);

/* "512", "1.4K", "23M". */
char *human_bytes(uint64_t n, char out[HUMAN_SIZE]);

/* "1,402" */
char *human_count(uint64_t n, char out[HUMAN_SIZE]);

/* In local time: "12:34:56.123" on the day of `now`, "Nov 21 12:34:56" in
 * the months around it, else "2025-11-21 12:34". */
char *human_time(uint64_t wall_ns, uint64_t now_ns, char out[HUMAN_SIZE]);

#endif
