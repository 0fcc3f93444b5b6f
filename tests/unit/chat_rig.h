/* SPDX-License-Identifier: MIT */
/*
 * Answers to test with: recorded forms of vendors, in files that begin with a
 * line saying what was asked, how it was answered, and what must be noticed:
 *
 *	chat stream usage n=2 | 200 text/event-stream | finish_missing
 *	data: {...}
 *
 *	struct chat_sample s = chat_sample_read(bytes);
 *	struct chat *c = chat_sample_run(&s, 7);	in pieces of 7
 *	chat_dump(c, &text);				everything it says
 *
 * Words of the first part, behind the dialect: stream, usage (include_usage),
 * logprobs, n=COUNT, unknown (nothing is known of the request), cut, unseen
 * (how it ended). A file without such a line is a stream of chat completions.
 */
#ifndef CHAT_RIG_H
#define CHAT_RIG_H

#include "rules/meaning/chat_impl.h"

struct chat_sample {
	enum dialect dialect;
	struct chat_asked asked;
	enum chat_ending ending;
	unsigned status;
	struct str type;
	struct str quirks; /* names, in order of QUIRKS; one blank between */
	struct str body;
};

struct chat_sample chat_sample_read(struct str file);

/* Feeds it in pieces of `step` bytes (0: as one) and ends it. */
struct chat *chat_sample_run(const struct chat_sample *s, size_t step);
/* The same in two pieces, cut at `at`. */
struct chat *chat_sample_cut(const struct chat_sample *s, size_t at);
/* The same, every event parsed in full. */
struct chat *chat_sample_full(const struct chat_sample *s);

/* Everything that an answer says but for clocks, as text. */
void chat_dump(const struct chat *c, struct buf *to);
/* Names of the quirks that were seen, one blank between. */
void chat_quirks(const struct chat *c, struct buf *to);

/* A whole file; the caller frees it. */
struct buf chat_file(const char *path);

#endif
