/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static atomic_int most_level = LOG_INFO;

void log_set_level(enum log_level most)
{
	atomic_store(&most_level, (int)most);
}

void log_tame(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		bool c1 = c == 0xc2 && i + 1 < n &&
			  (unsigned char)p[i + 1] >= 0x80 &&
			  (unsigned char)p[i + 1] <= 0x9f;
		if (c1)
			p[i++] = '?';
		if (c1 || (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f)
			p[i] = '?';
	}
}

void log_line(enum log_level level, const char *topic, const char *fmt, ...)
{
	static const char *const name[] = {"error", "warn", "info", "debug"};
	char line[1024], stamp[CLOCK_RFC3339_SIZE];
	int head, text;
	size_t n;
	va_list ap;

	if ((int)level > atomic_load(&most_level))
		return;
	clock_rfc3339(clock_wall(), stamp);
	head = snprintf(line, sizeof line, "%.23sZ %-5s %s: ", stamp,
			name[level], topic);
	va_start(ap, fmt);
	text = vsnprintf(line + head, sizeof line - (size_t)head - 1, fmt, ap);
	va_end(ap);
	n = (size_t)head + (size_t)(text > 0 ? text : 0);
	if (n > sizeof line - 2)
		n = sizeof line - 2;
	log_tame(line, n);
	for (size_t i = 0; i < n; i++) {
		if (line[i] == '\n')
			line[i] = ' ';
	}
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody is listening, and there is nobody to tell */
}
