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

#include "ask.h"
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
	char letter; /* c, p, r, m: see bugs.h */
	const struct stage *stages;
	size_t n_stages;
	/* The answer that is not streamed. */
	void (*whole)(struct talk *t, struct buf *out);
	/* Prepares t->lead, with which each event begins. May be NULL. */
	void (*prepare)(struct talk *t);
	/* Keeps in t->echo what the answer repeats of the request. Or NULL. */
	void (*echo)(struct talk *t, const cJSON *request);
	/* Where the request says these things. */
	const char *messages, *limit, *other_limit, *tool_key, *schema_key;
	const char *stop;
	bool must_limit;
};

struct call {
	char id[32];
	struct buf told; /* an id that is told instead; or empty */
	struct buf name, args;
	size_t pieces;
};

/* A text that is said instead of words from the seed, in pieces:
 * at[i]..at[i + 1]. at == NULL: there is none. */
struct script {
	struct buf text;
	size_t *at, n;
};

/* What the answer says that it cost. */
struct cost {
	uint64_t prompt, completion, total, cached, reasoning;
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
	const struct family *family;
	struct bugs bugs;
	uint8_t speak;		 /* enum knob_speak */
	struct script script[2]; /* of each part; the same for all choices */
	bool silent;		 /* it thinks, but does not show it */
	bool encrypted;		 /* responses: reasoning as a sealed item */
	bool split;		 /* MiniMax: reasoning_details */
	struct buf stopped;	 /* the stop sequence that ended it */
	struct buf echo;	 /* responses: parameters as asked */
	uint64_t extra;		 /* tokens that have no piece of their own */
	struct cost cost;
	uint64_t frame; /* events said so far, where they are bent */
	struct buf draft, behind;
};

extern const struct dialect dialect_chat, dialect_completions,
	dialect_responses, dialect_messages;

struct talk_facts {
	const struct asked *asked;
	uint64_t seed;	  /* of the process */
	uint64_t id_seed; /* of this very answer */
	uint64_t tokens, calls, created;
	size_t request_bytes;
	struct str say, think; /* texts, or empty */
	uint8_t speak;
	bool obfuscate;
};

/* plan.c: from a request that talk_refuses() nothing about. */
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

/* Where it begins: never inside a character. */
size_t talk_piece_at(const struct call *c, size_t k);

/* Tokens of one choice. */
size_t talk_completion(const struct talk *t);

/*
 * Which call the i-th event of the stage of calls belongs to, when a call
 * has `more` events beside its pieces; *k is the event's place in the call.
 */
size_t talk_find_call(const struct talk *t, size_t i, size_t more, size_t *k);
size_t talk_count_calls(const struct talk *t, size_t more);

/* The id of a call as this dialect has it. */
void talk_add_call_id(const struct talk *t, const struct call *c,
		      struct buf *out);

/* The signature of a thinking block: a test can recompute it. */
void talk_sign(struct str thinking, struct buf *out);

/* Reasoning that nobody can read, for it to come back: letters. */
void talk_add_sealed(const struct talk *t, size_t n, struct buf *out);

/* ,"obfuscation":"..." when asked for. */
void talk_add_obfuscation(struct talk *t, struct buf *out);

/* A minus log probability and the bytes: as OpenAI says them. */
double talk_logprob(const struct talk *t, unsigned choice, size_t i);

/* script.c: says this text instead, cut at odd places; a text of the seed
 * alone becomes one by script_fix(). */
void script_set(struct talk *t, enum part part, struct str text);
void script_fix(struct talk *t, enum part part);
/* All of it in one piece. */
void script_join(struct talk *t, enum part part);
/* Nothing of it. */
void script_none(struct talk *t, enum part part);
/* The length of a part in pieces. */
size_t *talk_length(struct talk *t, enum part part);

/* bug_plan.c: other things to say, in the order of planning. */
const cJSON *bug_tool(const struct talk *t, const cJSON *tool);
void bug_calls(struct talk *t, const struct asked *a);
void bug_texts(struct talk *t, const struct asked *a);
void bug_cost(struct talk *t, size_t request_bytes);

/* manner.c: does anything bend the events or the body? Then these do it. */
bool manner_any(const struct talk *t);
bool manner_next(struct talk *t, struct buf *out);
void manner_whole(struct talk *t, struct buf *out);

/* args.c: arguments that satisfy a JSON Schema, from a seed. */
void args_make(const cJSON *schema, uint64_t *state, struct buf *out);

/* words.c: a token by its hash. */
struct str words_pick(uint64_t hash);

#endif
