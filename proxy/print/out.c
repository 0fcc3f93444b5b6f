/* SPDX-License-Identifier: MIT */
#include "print/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "print/text.h"

enum { FULL = 1 << 16, NARROWEST = 20, WIDEST = 1000 };

static unsigned clamp_width(uint64_t w)
{
	return w < NARROWEST ? NARROWEST : w > WIDEST ? WIDEST : (unsigned)w;
}

/* COLUMNS, where somebody set it, is a wish; the terminal's size a fact. */
static unsigned terminal_width(int fd)
{
	struct winsize ws;
	uint64_t wish;

	if (str_u64(str_of(getenv("COLUMNS")), &wish) && wish)
		return clamp_width(wish);
	if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col)
		return clamp_width(ws.ws_col);
	return 80;
}

static bool wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

void out_open(struct out *o, int fd)
{
	*o = (struct out){.fd = fd, .terminal = isatty(fd)};
	if (o->terminal) {
		o->width = terminal_width(fd);
		o->colour = wants_colour();
	}
}

unsigned out_columns(const struct out *o)
{
	return o->width ? o->width : 80;
}

bool out_flush(struct out *o)
{
	size_t done = 0;

	while (!o->gone && done < o->b.n) {
		ssize_t n = write(o->fd, o->b.p + done, o->b.n - done);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno != EINTR) {
			o->gone = true;
			o->error = errno == EPIPE ? 0 : errno;
		}
	}
	o->b.n = 0;
	return !o->gone;
}

static void drain(struct out *o)
{
	if (o->b.n >= FULL)
		out_flush(o);
}

void out_bytes(struct out *o, struct str s)
{
	while (s.n) {
		size_t n = s.n < FULL ? s.n : FULL;
		buf_add(&o->b, s.p, n);
		s = str_skip(s, n);
		drain(o);
	}
}

/* As much of s as may be tamed at once without splitting a character. */
static size_t whole_runes(struct str s)
{
	size_t n = FULL;

	if (s.n <= FULL)
		return s.n;
	while (n > FULL - 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	/* text_tame looks one byte ahead of a CR */
	return s.p[n - 1] == '\r' ? n - 1 : n;
}

static void tamed(struct out *o, struct str s, enum text_mode mode)
{
	while (s.n) {
		size_t n = whole_runes(s);
		text_tame(&o->b, (struct str){s.p, n}, mode);
		s = str_skip(s, n);
		drain(o);
	}
}

void out_line(struct out *o, struct str s)
{
	tamed(o, s, TEXT_LINE);
}

void out_lines(struct out *o, struct str s)
{
	tamed(o, s, TEXT_LINES);
}

void out_f(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n <= 0)
		return;
	va_start(ap, fmt);
	vsnprintf(buf_room(&o->b, (size_t)n + 1), (size_t)n + 1, fmt, ap);
	va_end(ap);
	o->b.n += (size_t)n;
	drain(o);
}

void out_repeat(struct out *o, const char *glyph, size_t times)
{
	while (times--)
		out_bytes(o, str_of(glyph));
}

void out_tone(struct out *o, enum tone tone)
{
	static const char *const escape[TONES] = {
		[TONE_PLAIN] = "\033[0m",  [TONE_STRONG] = "\033[1m",
		[TONE_DIM] = "\033[2m",	   [TONE_GOOD] = "\033[32m",
		[TONE_BAD] = "\033[31m",   [TONE_WARN] = "\033[33m",
		[TONE_ACCENT] = "\033[36m"};

	if (o->colour)
		out_bytes(o, str_of(escape[tone]));
}

bool out_close(struct out *o, struct fail *f)
{
	out_flush(o);
	buf_free(&o->b);
	if (o->error)
		return fail_set(f, FAIL_SYSTEM, "write_failed",
				"cannot write the output: %s",
				strerror(o->error));
	return true;
}
