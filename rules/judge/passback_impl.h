/* SPDX-License-Identifier: MIT */
/*
 * Inside the ledger. What an answer said of reasoning is kept as digests, in
 * groups by the words that carry it:
 *
 *	entry --- chain   the conversation up to and with this answer
 *	      |-- own     the answer alone: when the history was edited
 *	      |-- group[REASONING_CONTENT]  text 1,204 B, digest
 *	      |-- group[DETAILS]	    text, 2 signatures, digests
 *	      '-- begin			    its first bytes, to say where a
 *					    copy differs
 *
 * Entries lie in two hash tables and in one list, the longest unused first.
 * Where one of several that have a key in common was forgotten, the others
 * are `crowded`: what fits none of them may have been said all the same.
 */
#ifndef JUDGE_PASSBACK_IMPL_H
#define JUDGE_PASSBACK_IMPL_H

#include <sys/queue.h>

#include "rules/judge/memory.h"

enum {
	PASSBACK_BUCKETS = 1 << 14,
	PASSBACK_BEGIN = 1024,	/* bytes of text kept */
	PASSBACK_SAME_KEY = 32, /* answers of one conversation kept apart */
};

/* Thinking and redacted blocks are one group: their order matters. */
enum group_kind {
	GROUP_REASONING_CONTENT,
	GROUP_REASONING,
	GROUP_DETAILS,
	GROUP_THINKING,
	GROUP_ITEM,
	GROUP_SIGNATURE,
	GROUPS
};

struct group {
	bool present;
	uint64_t text_n, text_hash; /* of all texts, one behind the other */
	uint64_t signatures, signature_hash;
};

struct passback_entry {
	TAILQ_ENTRY(passback_entry) used;
	struct passback_entry *next_chain, *next_own; /* in their buckets */
	uint64_t chain, own; /* own 0: too little to be known by */
	bool crowded;
	int64_t exchange;
	uint64_t tools;		   /* the hash of what was declared */
	int64_t prompt, reasoning; /* tokens; USAGE_NONE: not said */
	struct group groups[GROUPS];
	struct buf begin;
};

TAILQ_HEAD(passback_list, passback_entry);

struct passback {
	size_t most, size;
	struct passback_list used;
	struct passback_entry *by_chain[PASSBACK_BUCKETS];
	struct passback_entry *by_own[PASSBACK_BUCKETS];
};

/* The key of an answer by itself, or 0. */
uint64_t passback_own_key(uint64_t hash, size_t calls, size_t content);

/* The newest entry of a key, and the one before it. NULL: none. */
const struct passback_entry *passback_chain(const struct passback *p,
					    uint64_t key);
const struct passback_entry *passback_own(const struct passback *p,
					  uint64_t key);
const struct passback_entry *passback_chain_next(
	const struct passback_entry *e);
const struct passback_entry *passback_own_next(const struct passback_entry *e);

/* What a message that a client sent carries; kept with the message. */
struct passback_sent {
	struct group groups[GROUPS];
	size_t begin_n; /* as an entry's begin */
	char begin[];
};
const struct passback_sent *passback_sent(struct message *m);

/* Bytes of reasoning; under several names: of the longest. */
uint64_t passback_text(const struct group groups[GROUPS]);

/* The hash of the tools that a request declares. */
uint64_t passback_tools(const struct request *q);

/* The entry that the message at i of a history repeats, and how well. NULL:
 * it was never recorded. */
const struct passback_entry *passback_match(const struct passback *p,
					    const struct request *q, size_t i,
					    struct passback_view *view);

#endif
