/* SPDX-License-Identifier: MIT */
/*
 * Reading HTTP/1.1 requests, strictly: what a proxy must never forward is
 * refused here too, so that a test sees it arrive.
 *
 *	switch (h1_parse_head(w, in, &request, &used)) ...
 *	h1_body_start(&body, &request);
 *	used = h1_body_eat(&body, ex, in);
 */
#ifndef VENDOR_H1_PARSE_H
#define VENDOR_H1_PARSE_H

#include "ex.h"

#define H1_HEAD_MOST (1024 * 1024)

enum parse { PARSE_MORE, PARSE_DONE, PARSE_BAD };

/*
 * The fields lie in the worker's scratch until the next head is parsed. When
 * bad, *why is a sentence.
 */
enum parse h1_parse_head(struct worker *w, struct str in, struct request *r,
			 size_t *used, const char **why);

enum chunk_state { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER };

struct h1_body {
	bool chunked, done;
	enum chunk_state state;
	uint64_t left;
};

/* From a head that was found good. */
void h1_body_start(struct h1_body *b, const struct request *r);

/* Gives the body to ex. Returns the bytes used, or -1 if it is broken. */
ssize_t h1_body_eat(struct h1_body *b, struct ex *ex, struct str in);

#endif
