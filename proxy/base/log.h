/* SPDX-License-Identifier: MIT */
/*
 * The operational log: what assay is doing, on stderr, one line an event.
 * Never bodies, never credentials; text that a vendor or a client sent is
 * stripped of control bytes, so that nobody can drive the user's terminal.
 * Any thread may log; a line is written whole.
 *
 *	log_warn("upstream", "cannot reach %s: %s", host, strerror(errno));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* What is written from now on; LOG_INFO at start. Before threads start. */
void log_set_level(enum log_level most);

void log_line(enum log_level level, const char *topic, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/*
 * Makes n bytes fit for a terminal, in place: C0 (tab and newline stay),
 * DEL and C1 controls (also as UTF-8) become '?'.
 */
void log_tame(char *p, size_t n);

#endif
