/* SPDX-License-Identifier: MIT */
/*
 * Text as a JSON string, for the few small objects that the ground writes.
 *
 *	buf_addf(&b, "{\"trail\":");
 *	json_quote(&b, str_of(path));
 *	buf_addf(&b, "}");
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/buf.h"

/*
 * Appends s in quotes. Control characters, also DEL and C1, are written as
 * escapes; each byte that is not part of valid UTF-8 becomes U+FFFD.
 */
void json_quote(struct buf *to, struct str s);

#endif
