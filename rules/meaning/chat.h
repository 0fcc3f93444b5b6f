/* SPDX-License-Identifier: MIT */
/*
 * What an answer says, put together as its bytes arrive: one incremental
 * parser a dialect, the same live and offline. Any split of the input gives
 * the same answer, to the byte.
 *
 *	struct chat *c = chat_new(DIALECT_CHAT, &asked);
 *	chat_head(c, 200, type, coding);
 *	chat_feed(c, bytes, at);		as often as bytes arrive
 *	chat_end(c, CHAT_WHOLE);
 *	const struct answer *a = chat_answer(c);
 *	... a->choices[0].content ... a->quirks ...
 *	chat_free(c);
 *
 * One thread. Memory is bounded by chat_limits; what goes over is a->cut.
 */
#ifndef MEANING_CHAT_H
#define MEANING_CHAT_H

#include "base/buf.h"
#include "rules/meaning/quirk.h"

enum dialect {
	DIALECT_NONE,
	DIALECT_CHAT,	     /* POST .../chat/completions */
	DIALECT_COMPLETIONS, /* POST .../completions */
	DIALECT_RESPONSES,   /* POST .../responses */
	DIALECT_MESSAGES,    /* POST .../messages */
	DIALECTS
};

/* From the request line; a query is ignored. */
enum dialect dialect_of(struct str method, struct str path);
const char *dialect_name(enum dialect d); /* "chat", "messages"; "none" */
int dialect_named(struct str name);	  /* -1: no such */

/* The words that name reasoning. */
#define REASONING_NAMES(X)                                                     \
	X(NONE, "")                                                            \
	X(REASONING_CONTENT, "reasoning_content") /* Kimi, DeepSeek, ... */    \
	X(REASONING, "reasoning")		  /* vLLM, OpenRouter */       \
	X(DETAILS, "reasoning_details")		  /* OpenRouter, MiniMax */    \
	X(THINKING, "thinking")			  /* messages: blocks */       \
	X(REDACTED, "redacted_thinking")	  /* messages: blocks */       \
	X(ITEM, "reasoning_item")		  /* responses: items */       \
	X(SIGNATURE, "thought_signature")	  /* Gemini, on a tool call */
#define REASONING_ENUM_(name, text) REASONING_##name,
enum reasoning_name { REASONING_NAMES(REASONING_ENUM_) REASONING_KINDS };
const char *reasoning_name(enum reasoning_name n);

/*
 * One piece of reasoning, as it must come back: a whole field
 * (reasoning_content, reasoning), an element of reasoning_details, a thinking
 * block, a reasoning item, a thought signature.
 */
struct reasoning {
	enum reasoning_name name;
	struct buf text;      /* decoded; of details: its text or summary */
	struct buf signature; /* signature, data or encrypted_content */
	struct buf id;	      /* of an item or detail */
	struct buf raw;	      /* details and items: the element as JSON,
				 put together; else empty */
};

struct tool_call {
	uint32_t index; /* as the wire says; -1u: not said */
	struct buf id, type, name, arguments;
	bool object;	      /* arguments came as an object: written as JSON */
	struct buf signature; /* Gemini: thought signature */
	uint64_t offset;      /* of its first byte in the decoded body */
};

struct choice {
	uint32_t index;
	struct buf role, content, refusal;
	struct buf reasoning; /* all of it, under whichever name, as text */
	struct reasoning *pieces;
	size_t n_pieces;
	struct tool_call *calls;
	size_t n_calls;
	struct buf finish;	  /* finish_reason, stop_reason; responses: the
				     status: completed, incomplete, failed */
	struct buf finish_detail; /* stop_sequence, incomplete reason, Kimi's
				     matched stop */
	unsigned finishes;	  /* how often one was said */
	bool content_null;	  /* content was null or never came */
	bool other;	   /* it has more than is kept here: audio, images, what
			      the vendor's own tools did */
	uint64_t logprobs; /* tokens that have one */
	uint64_t content_at, reasoning_at, finish_at; /* offsets, 0: none */
};

#define USAGE_NONE INT64_MIN
enum usage_place {
	USAGE_NOWHERE,
	USAGE_TOP,    /* in the body, or the last chunk beside choices */
	USAGE_FRAME,  /* a chunk of its own, choices:[] */
	USAGE_CHOICE, /* choices[0].usage: Kimi */
	USAGE_EVENT   /* messages: message_start and message_delta; responses:
			 the completed event */
};
struct usage {
	bool have;
	enum usage_place place; /* the first */
	/* USAGE_NONE: not said. input_tokens and output_tokens are prompt and
	 * completion; of messages, prompt includes both cache counts. */
	int64_t prompt, completion, total, cached, reasoning;
	uint64_t offset;
};

struct quirk_seen {
	bool seen;
	uint64_t offset; /* in the decoded body */
	uint64_t at;	 /* recorded clock of the bytes that showed it */
	char what[120];	 /* an excerpt or a figure; may be empty */
};

struct answer {
	enum dialect dialect;
	unsigned status;
	bool streamed;	   /* the body is an event stream */
	bool json;	   /* the body is one JSON value, and was parsed */
	bool whole;	   /* every byte was seen and understood; false: what
			      is missing is unknown, not absent */
	bool cut;	   /* over a limit */
	const char *blind; /* static: why it is not whole, or NULL */
	bool done;	   /* the dialect's last event came; a JSON body:
			      it was read */
	struct buf id, model, system_fingerprint, service_tier;
	struct choice *choices;
	size_t n_choices;
	struct usage usage;
	bool error; /* an error object came, under whatever status */
	struct buf error_type, error_code, error_message, error_param;
	struct quirk_seen quirks[QUIRKS];
	unsigned n_quirks; /* different ones: whoever watches compares */
	/* The stream's shape. */
	uint64_t events, comments, text_events; /* with content, reasoning or
						   arguments */
	uint64_t largest_text;			/* bytes of text in one event */
	uint64_t first_text_at, last_text_at;	/* recorded clock */
	uint64_t bytes;				/* decoded */
	uint64_t echo_n; /* parameters that the answer echoes (responses): */
	struct buf echo; /* them as a JSON object, or empty */
};

/* What was asked, as far as the parser must know. */
struct chat_asked {
	bool known; /* false: the request was not understood: quirks that
		       depend on it are not noted */
	bool stream, include_usage, logprobs;
	unsigned n; /* choices; 0: 1 */
};

struct chat_limits {
	uint64_t decoded;	 /* bytes of a body; 0: 256 MiB */
	uint64_t event;		 /* of an event; 0: 64 MiB */
	uint64_t text;		 /* of an answer's texts together; 0: 32 MiB */
	uint32_t calls, choices; /* 0: 1024, 256 */
};

struct chat;

/* asked is copied; limits NULL: the defaults. */
struct chat *chat_new(enum dialect d, const struct chat_asked *asked,
		      const struct chat_limits *limits);
void chat_free(struct chat *c);

/* The response head: status, Content-Type, Content-Encoding. Before feed. */
void chat_head(struct chat *c, unsigned status, struct str type,
	       struct str coding);
/* Body bytes as on the wire (content coding not yet undone). */
void chat_feed(struct chat *c, struct str bytes, uint64_t at);

enum chat_ending {
	CHAT_WHOLE,  /* the HTTP message is complete */
	CHAT_CUT,    /* the vendor's end failed: the rest never was */
	CHAT_UNSEEN, /* the rest may have been, but is not known: the client
			hung up, a gap, a deadline */
};
/* Quirks of absence (finish_missing, done_missing, usage_missing) are noted
 * for CHAT_WHOLE and CHAT_CUT alone. */
void chat_end(struct chat *c, enum chat_ending how);

/* Valid at any time; grows. Borrowed. */
const struct answer *chat_answer(const struct chat *c);

/*
 * The answer as one JSON object, for assertions by schema and for probes:
 * {"status","streamed","done","model","content","reasoning",
 *  "reasoning_name","tool_calls":[{"id","type","name","arguments",
 *  "arguments_json" (parsed, or absent)}],"finish_reason","refusal",
 *  "usage":{"prompt_tokens","completion_tokens","total_tokens",
 *  "cached_tokens","reasoning_tokens"},"choices":N,"error":{"type","code",
 *  "message","param"},"content_json" (parsed, or absent)}; of choice 0.
 * content and reasoning are null where there were none.
 */
void answer_to_json(const struct answer *a, struct buf *to);

#endif
