/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON as it goes: commas, escapes, nothing kept in memory. Every
 * control character, also C1 and bidirectional ones, is written as an
 * escape: the value is the same, and a terminal has nothing to obey.
 *
 *	struct jsonout j = {.o = &o};
 *	jsonout_open(&j, '{');
 *	jsonout_key(&j, "id");
 *	jsonout_i64(&j, 7);
 *	jsonout_close(&j, '}');
 *	jsonout_end_line(&j);
 */
#ifndef PRINT_JSONOUT_H
#define PRINT_JSONOUT_H

#include "print/out.h"

enum { JSON_DEPTH = 16 };

struct jsonout {
	struct out *o;
	unsigned depth;
	bool filled[JSON_DEPTH]; /* a value stands there: a comma is due */
	bool after_key;
};

void jsonout_open(struct jsonout *j, char bracket);  /* '{' or '[' */
void jsonout_close(struct jsonout *j, char bracket); /* '}' or ']' */
void jsonout_key(struct jsonout *j, const char *name);
void jsonout_null(struct jsonout *j);
void jsonout_bool(struct jsonout *j, bool v);
void jsonout_u64(struct jsonout *j, uint64_t v);
void jsonout_i64(struct jsonout *j, int64_t v);
/* Bytes that are not UTF-8 become U+FFFD. */
void jsonout_str(struct jsonout *j, struct str s);
void jsonout_base64(struct jsonout *j, struct str bytes);
void jsonout_hex(struct jsonout *j, struct str bytes);
/* A value that is JSON already. */
void jsonout_raw(struct jsonout *j, struct str json);
/* A key and its value; an empty text is null. */
void jsonout_text(struct jsonout *j, const char *key, struct str s);
void jsonout_number(struct jsonout *j, const char *key, uint64_t v);
void jsonout_truth(struct jsonout *j, const char *key, bool v);
/* Ends a document: a newline. Everything must be closed. */
void jsonout_end_line(struct jsonout *j);

#endif
