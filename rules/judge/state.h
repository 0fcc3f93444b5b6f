/* SPDX-License-Identifier: MIT */
/* Strings of a saved state: their length as a varint, then their bytes. */
#ifndef JUDGE_STATE_H
#define JUDGE_STATE_H

#include "base/buf.h"

static inline void state_put_str(struct buf *to, struct str s)
{
	buf_add_varint(to, s.n);
	buf_adds(to, s);
}

/* Borrows from *from; false if it is cut short. */
static inline bool state_get_str(struct str *from, struct str *out)
{
	uint64_t n;

	if (!str_varint(from, &n) || n > from->n)
		return false;
	*out = (struct str){from->p, (size_t)n};
	*from = str_skip(*from, (size_t)n);
	return true;
}

#endif
