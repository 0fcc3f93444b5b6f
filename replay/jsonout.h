/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON as it goes: commas, escapes, nothing kept in memory. Every
 * control character, also C1 and bidirectional ones, is written as an
 * escape: the value is the same, and a terminal has nothing to obey.
 *
 *	struct jsonout j = {.o = &o};
 *	json_open(&j, '{');
 *	json_key(&j, "id");
 *	json_i64(&j, 7);
 *	json_close(&j, '}');
 *	json_end_line(&j);
 */
#ifndef REPLAY_JSONOUT_H
#define REPLAY_JSONOUT_H

#include "out.h"

enum { JSON_DEPTH = 16 };

struct jsonout {
	struct out *o;
	unsigned depth;
	bool filled[JSON_DEPTH]; /* a value stands there: a comma is due */
	bool after_key;
};

void json_open(struct jsonout *j, char bracket);  /* '{' or '[' */
void json_close(struct jsonout *j, char bracket); /* '}' or ']' */
void json_key(struct jsonout *j, const char *name);
void json_null(struct jsonout *j);
void json_bool(struct jsonout *j, bool v);
void json_u64(struct jsonout *j, uint64_t v);
void json_i64(struct jsonout *j, int64_t v);
/* Bytes that are not UTF-8 become U+FFFD. */
void json_str(struct jsonout *j, struct str s);
void json_base64(struct jsonout *j, struct str bytes);
void json_hex(struct jsonout *j, struct str bytes);
/* A key and its value; an empty text is null. */
void json_text(struct jsonout *j, const char *key, struct str s);
void json_number(struct jsonout *j, const char *key, uint64_t v);
void json_truth(struct jsonout *j, const char *key, bool v);
/* Ends a document: a newline. Everything must be closed. */
void json_end_line(struct jsonout *j);

#endif
