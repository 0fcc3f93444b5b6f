/* SPDX-License-Identifier: MIT */
/*
 * Text of strangers on a terminal: what a vendor sent is shown as characters
 * and never obeyed. Everything that is not --raw or JSON goes through here.
 *
 *	text_tame(&cell, path, TEXT_LINE);
 *	if (text_columns(buf_str(&cell)) > room)
 *		text_fit_middle(&line, buf_str(&cell), room);
 */
#ifndef PRINT_TEXT_H
#define PRINT_TEXT_H

#include "base/buf.h"
#include "base/str.h"

/* The first character of a run of bytes, or what is broken there. */
struct text_rune {
	uint32_t cp;
	unsigned n; /* bytes that it takes, at least 1 */
	bool ok;    /* false: these n bytes are not UTF-8 */
};

/* s must not be empty. */
struct text_rune text_next(struct str s);

/* Valid UTF-8 throughout? */
bool text_valid(struct str s);

/* How many broken places a reader would see as U+FFFD. */
size_t text_broken(struct str s);

/* Would a terminal obey it rather than show it: C0, DEL, C1, bidi control? */
bool text_is_control(uint32_t cp);

/* TEXT_LINE: newline and tab are controls too. */
enum text_mode { TEXT_LINE, TEXT_LINES };

/*
 * Appends s, fit for a terminal: controls become '?', bidirectional overrides
 * and broken bytes U+FFFD. A CR before an LF is dropped.
 */
void text_tame(struct buf *out, struct str s, enum text_mode mode);

/* Columns that one character, or a tame line, takes on a terminal. */
unsigned text_rune_columns(uint32_t cp);
size_t text_columns(struct str s);

/* Appends s, cut to `columns` with an ellipsis in its middle or at its end.
 * Characters are never split. */
void text_fit_middle(struct buf *out, struct str s, size_t columns);
void text_fit_end(struct buf *out, struct str s, size_t columns);

#endif
