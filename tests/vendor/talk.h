/* SPDX-License-Identifier: MIT */
/*
 * What an answer says, before a dialect puts it into words. Every token is a
 * pure function of (seed, choice, part, index), so a stream keeps no text.
 * The seed comes from model and messages alone: streamed or not, they are
 * told the same.
 *
 *	talk = talk_new(&facts);
 *	while (talk_next(talk, &out)) ...          // event by event
 *	talk->dialect->whole(talk, &out);          // or all at once
 */
#ifndef VENDOR_TALK_H
#define VENDOR_TALK_H

#include <cjson/cJSON.h>

#include "base/buf.h"

struct talk;

enum part { PART_REASONING, PART_CONTENT };

/* A dialect's stream is a row of stages, each of so many events. */
struct stage {
	size_t (*count)(const struct talk *t);
	void (*say)(struct talk *t, size_t i, struct buf *out);
};

struct dialect {
	struct str path;
	const struct stage *stages;
	size_t n_stages;
	/* The answer that is not streamed. */
	void (*whole)(struct talk *t, struct buf *out);
	/* Prepares t->lead, with which each event begins. May be NULL. */
	void (*prepare)(struct talk *t);
	/* Where the request says these things. */
	const char *messages, *limit, *other_limit, *tool_key, *schema_key;
	bool must_limit;
};

struct call {
	char id[32];
	struct buf name, args;
	size_t pieces;
};

struct talk {
	const struct dialect *dialect;
	uint64_t seed, created, noise, sequence;
	char id[32];
	struct buf model;
	bool stream, usage, logprobs, obfuscate, cut;
	unsigned n, top_logprobs;
	uint64_t limit; /* max tokens as asked; UINT64_MAX when not */
	size_t prompt, reasoning, content; /* tokens */
	struct call *calls;
	size_t n_calls;
	size_t stage, i; /* of the stream */
	struct buf lead;
};

extern const struct dialect dialect_chat, dialect_completions,
	dialect_responses, dialect_messages;

struct talk_facts {
	const struct dialect *dialect;
	const cJSON *request;
	size_t request_bytes;
	uint64_t seed;	  /* of the process */
	uint64_t id_seed; /* of this very answer */
	uint64_t tokens, calls, created;
	bool obfuscate;
};

/* From a request that talk_refuses() nothing about. */
struct talk *talk_new(const struct talk_facts *facts);
void talk_free(struct talk *t);

/* Why a vendor would refuse it, as a sentence; NULL if it would not. */
const char *talk_refuses(const struct dialect *d, const cJSON *request);

/* Appends the next event; false once nothing follows. */
bool talk_next(struct talk *t, struct buf *out);

/* Token i of a part, as plain UTF-8. */
struct str talk_word(const struct talk *t, unsigned choice, enum part part,
		     size_t i);

/* A whole part, as the inside of a JSON string. */
void talk_add_text(const struct talk *t, unsigned choice, enum part part,
		   struct buf *out);

/* The k-th piece of a call's arguments. */
struct str talk_piece(const struct call *c, size_t k);

/* Tokens of one choice. */
size_t talk_completion(const struct talk *t);

/*
 * Which call the i-th event of the stage of calls belongs to, when a call
 * has `more` events beside its pieces; *k is the event's place in the call.
 */
size_t talk_find_call(const struct talk *t, size_t i, size_t more, size_t *k);
size_t talk_count_calls(const struct talk *t, size_t more);

/* ,"obfuscation":"..." when asked for. */
void talk_add_obfuscation(struct talk *t, struct buf *out);

/* A minus log probability and the bytes: as OpenAI says them. */
double talk_logprob(const struct talk *t, unsigned choice, size_t i);

/* args.c: arguments that satisfy a JSON Schema, from a seed. */
void args_make(const cJSON *schema, uint64_t *state, struct buf *out);

/* words.c: a token by its hash. */
struct str words_pick(uint64_t hash);

#endif
