/* SPDX-License-Identifier: MIT */
/*
 * A request, understood: the same shape for the four dialects, with the JSON
 * tree for whoever needs more.
 *
 *	struct request *q = request_read(memory, DIALECT_CHAT, body, coding);
 *	q->model, q->messages[i].role, q->root ...
 *	request_unref(q);
 *
 * Agents send their whole history with each turn. A memory of requests read
 * before knows the longest one that begins and ends with the same bytes; only
 * what lies between is parsed, and what was made of the rest is shared:
 *
 *	earlier  [model, messages:[ m0 m1 m2 | ], tools: T ]
 *	now      [model, messages:[ m0 m1 m2 | m3 m4 ], tools: T ]
 *			  shared ----'	  '-- parsed	'-- shared
 *
 * The result is the same with and without a memory (tests compare them).
 * One thread.
 */
#ifndef MEANING_REQUEST_H
#define MEANING_REQUEST_H

#include "rules/meaning/chat.h"
#include "rules/meaning/json.h"

enum role {
	ROLE_OTHER,
	ROLE_SYSTEM, /* and developer */
	ROLE_USER,
	ROLE_ASSISTANT,
	ROLE_TOOL /* chat: role tool; messages: tool_result blocks of a user
		     message; responses: function_call_output */
};

/* A tool call in the history. */
struct said_call {
	struct str id, name, arguments; /* arguments: as text */
};

/* A piece of reasoning that the client sent back. */
struct said_reasoning {
	enum reasoning_name name;
	struct str text, signature, id;
	const struct json *node; /* details and items: the element */
};

/*
 * One turn of the history, reference-counted: requests that share bytes share
 * these. Items of Responses that belong to one turn of the assistant
 * (reasoning, function_call, message) are one message; so is an assistant
 * message of the other dialects.
 */
struct message {
	unsigned refs;
	enum role role;
	const struct json *node; /* the (first) element */
	/* All elements (of responses there can be several), each with a
	 * document of its own, which holds its bytes too. */
	struct json **nodes;
	struct json_doc **docs;
	size_t n_nodes;
	struct str content;   /* its text, parts joined by LF */
	bool content_present; /* the field is there and not null */
	struct said_call *calls;
	size_t n_calls;
	struct said_reasoning *reasoning;
	size_t n_reasoning;
	struct str tool_call_id; /* role tool: the first */
	bool partial;		 /* Kimi: partial; messages: a last assistant */
	bool images;
	/* Identity: of role, content, calls (id, name, arguments), results,
	 * but not of reasoning: an answer hashes to the same as the message
	 * that a client makes of it (message_hash_of_answer()). */
	uint64_t hash;
	uint64_t bytes; /* of its elements as written */
	/* What the judge found about this message alone, kept with it so that
	 * a history is not judged twice: see judge. Freed by free(). */
	void *verdicts;
	uint64_t verdicts_of; /* which rule set they belong to */
	/* The ledger's digest of its reasoning, for the same reason; or NULL.
	 * Freed by free(). */
	void *passback;
};

enum tool_choice {
	TOOLS_UNSET,
	TOOLS_AUTO,
	TOOLS_NONE,
	TOOLS_REQUIRED, /* "required", {"type":"any"} */
	TOOLS_NAMED,
	TOOLS_OTHER
};

struct tool {
	struct str name;
	const struct json *schema; /* parameters, input_schema; NULL: none */
	const struct json *node;
};

enum response_form { FORM_TEXT, FORM_OBJECT, FORM_SCHEMA, FORM_OTHER };

struct request {
	unsigned refs;
	enum dialect dialect;
	bool understood; /* an object of the dialect; else `why` */
	const char *why; /* static, "not JSON" ... */
	bool unknown;	 /* could not be looked at (coding, limits, gap):
			    nothing may be concluded */
	struct json_error bad;
	struct str body;    /* decoded; owned */
	uint64_t body_hash; /* of the body as written, but for white space
			       around its members and messages */
	/* The whole tree; the history's elements are the messages' nodes.
	 * Raw positions within it may be of an earlier request's bytes. */
	const struct json *root;
	struct str model;
	bool stream, include_usage, logprobs;
	int64_t n, max_tokens;	 /* -1: not said */
	const struct json *stop; /* string or array, or NULL */
	struct tool *tools;
	size_t n_tools;
	enum tool_choice tool_choice;
	struct str tool_named;
	bool parallel_unset; /* parallel_tool_calls:false,
				disable_parallel_tool_use:true */
	enum response_form form;
	const struct json *form_schema;
	bool template_kwargs; /* carries chat_template_kwargs */
	/* The history: messages; completions: the prompt as one of a user;
	 * responses: instructions as a system message, then the items;
	 * messages: system, then the messages. */
	struct message **messages;
	size_t n_messages;
	size_t *at;	       /* where in body each message begins */
	size_t n_shared;       /* the first ones, which were read before */
	uint64_t bytes_unseen; /* of the body that were parsed now */
	struct str previous_response; /* responses: previous_response_id */
	/* chain[i] = hash of messages 0..i-1 in order: chain[0] is that of
	 * nothing, chain[n_messages] that of all. */
	uint64_t *chain;
	void *impl; /* what the memory keeps */
};

struct request_memory;

/* Keeps at most `most` bytes of earlier bodies (0: 64 MiB), the least
 * recently used go first. */
struct request_memory *request_memory_new(size_t most);
void request_memory_free(struct request_memory *m);

/*
 * Reads a whole body as recorded; `coding` is its Content-Encoding. Never
 * NULL. memory may be NULL. A body over 64 MiB decoded is `unknown`.
 */
struct request *request_read(struct request_memory *m, enum dialect d,
			     struct str body, struct str coding);
/* The same, with the body's memory: *body is empty after it. */
struct request *request_take(struct request_memory *m, enum dialect d,
			     struct buf *body, struct str coding);
struct request *request_ref(struct request *q);
void request_unref(struct request *q);

/* The parser's view of it. */
struct chat_asked request_asked(const struct request *q);

/* The hash that a client's message made of this choice will have, put on top
 * of a chain: chain_next(chain, hash). */
uint64_t message_hash_of_answer(const struct answer *a, size_t choice);
uint64_t chain_next(uint64_t chain, uint64_t message_hash);

#endif
