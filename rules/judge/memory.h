/* SPDX-License-Identifier: MIT */
/*
 * What the judge remembers between exchanges, in four parts of one shape:
 * checks read it (see check.h), learn() changes it once an exchange has
 * closed, save() and load() carry it over restarts. Bounded: the least
 * recently used is forgotten, and is unknown from then on. One thread.
 *
 * passback	what reasoning each answer of a conversation had, found again
 *		by the conversation's own content (request.h: chain)
 * meter	each model's tokens a character; prompt tokens of equal bodies
 * clients	who asked, what was cut, what was asked again
 * identity	what an upstream looked like
 */
#ifndef JUDGE_MEMORY_H
#define JUDGE_MEMORY_H

#include "rules/judge/check.h"

#define MEMORY_PART(part)                                                      \
	struct part *part##_new(size_t most); /* bytes; 0: the default */      \
	void part##_free(struct part *p);                                      \
	void part##_learn(struct part *p, const struct check_case *c);         \
	void part##_save(const struct part *p, struct buf *to);                \
	bool part##_load(struct part *p, struct str from) MUST_USE;            \
	size_t part##_size(const struct part *p)

MEMORY_PART(passback);
MEMORY_PART(meter);
MEMORY_PART(clients);
MEMORY_PART(identity);

/* Who asked, by the head of a request: the fingerprint of its credentials, and
 * its User-Agent. */
uint64_t clients_who(struct str request_head);

/*
 * Truncations that nobody asked again about so far: told by judge_final() as
 * findings of the rule that names check client_truncation. `since`: they
 * closed before the client's newest request began.
 */
size_t clients_pending(const struct clients *p,
		       void (*each)(void *arg, int64_t exchange, uint64_t wall,
				    struct str route, struct str what),
		       void *arg);

/* What passback knows of the history of this request, message by message. */
struct passback_view {
	size_t message; /* index into q->messages: of the assistant */
	int64_t source; /* the exchange that said it; 0: never recorded */
	enum {
		PASSBACK_UNKNOWN, /* source 0 */
		PASSBACK_NOTHING, /* it had no reasoning, and has none now */
		PASSBACK_SAME,
		PASSBACK_MISSING,
		PASSBACK_EMPTY,
		PASSBACK_ALTERED, /* text or signature differ */
		PASSBACK_RENAMED, /* the same text under another name */
		PASSBACK_INVENTED /* there was none */
	} state;
	bool signature;	   /* ALTERED: a signature, not the text */
	size_t differs_at; /* ALTERED: the first byte of the text that does;
			      it may lie behind the bytes that are kept */
	size_t said, sent; /* bytes of reasoning */
};
/* Caller frees *out. */
size_t passback_look(const struct passback *p, const struct request *q,
		     struct passback_view **out);

#endif
