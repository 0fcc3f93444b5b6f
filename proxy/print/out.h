/* SPDX-License-Identifier: MIT */
/*
 * Where a command writes: stdout, buffered, with what is known of it. A
 * reader that has gone away (`| head`) ends the command quietly.
 *
 *	struct out o;
 *	out_open(&o, STDOUT_FILENO);
 *	out_tone(&o, TONE_STRONG);
 *	out_line(&o, path);			a stranger's text: tamed
 *	out_tone(&o, TONE_PLAIN);
 *	out_f(&o, "  %u\n", status);		our own words
 *	return out_close(&o, &f) ? 0 : fail_print(&f);
 */
#ifndef PRINT_OUT_H
#define PRINT_OUT_H

#include "base/buf.h"
#include "base/fail.h"

enum tone {
	TONE_PLAIN,
	TONE_STRONG,
	TONE_DIM,
	TONE_GOOD,
	TONE_BAD,
	TONE_WARN,
	TONE_ACCENT,
	TONES
};

struct out {
	int fd;
	bool terminal;
	bool colour;	/* a terminal, and NO_COLOR is not set */
	unsigned width; /* of the terminal; 0: not a terminal, any length */
	bool gone;	/* the reader has left, or writing failed */
	int error;	/* errno of a failed write that was not EPIPE */
	struct buf b;
};

void out_open(struct out *o, int fd);

/* Columns to draw in: the terminal's, or 80. */
unsigned out_columns(const struct out *o);

/* Exact bytes; only for --raw, JSON and what is tame already. */
void out_bytes(struct out *o, struct str s);
/* Text of a stranger: as one line, or as lines. */
void out_line(struct out *o, struct str s);
void out_lines(struct out *o, struct str s);
/* Text of ours. A %s of a stranger's must not come here. */
void out_f(struct out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void out_repeat(struct out *o, const char *glyph, size_t times);
/* Nothing unless there is colour. TONE_PLAIN ends a tone. */
void out_tone(struct out *o, enum tone tone);

/* Hands everything to the reader now. False once the reader is gone. */
bool out_flush(struct out *o);
/* Flushes and frees; false (write_failed) if bytes were lost for another
 * reason than that the reader left. */
bool out_close(struct out *o, struct fail *f) MUST_USE;

#endif
