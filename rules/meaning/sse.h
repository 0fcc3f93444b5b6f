/* SPDX-License-Identifier: MIT */
/*
 * A text/event-stream, cut into events as its bytes arrive. Any split of the
 * input gives the same events. WHATWG HTML, "Server-sent events": CR, LF and
 * CRLF end lines, a BOM may open, comments and unknown fields are legal.
 *
 *	struct sse *s = sse_new(on_event, me, 64 << 20);
 *	sse_feed(s, bytes);
 *	sse_end(s);
 *	sse_free(s);
 */
#ifndef MEANING_SSE_H
#define MEANING_SSE_H

#include "base/str.h"

struct sse;

/* Borrowed for the call. */
struct sse_event {
	struct str type; /* of `event:`; empty: "message" */
	struct str data; /* of all `data:` lines, joined by LF */
	struct str id;
	unsigned n_data;  /* data: lines; 0: a comment or fields alone */
	bool comment;	  /* it holds a comment line */
	bool cut;	  /* the stream ended inside it: no empty line */
	bool too_long;	  /* over the limit: data is only its beginning */
	uint64_t offset;  /* of its first byte in the stream */
	uint64_t end;	  /* behind its empty line */
	uint64_t data_at; /* of the first data: line's value */
};

typedef void sse_fn(void *arg, const struct sse_event *e);

/* `most`: bytes of an event that are kept. */
struct sse *sse_new(sse_fn *on_event, void *arg, size_t most);
/* An event that lies whole in `bytes` is not copied. */
void sse_feed(struct sse *s, struct str bytes);
/* No more: what was begun is told with `cut`. */
void sse_end(struct sse *s);
void sse_free(struct sse *s);

#endif
