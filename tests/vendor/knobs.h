/* SPDX-License-Identifier: MIT */
/*
 * Everything that can be chosen for a request: what is answered, at which
 * pace, and what goes wrong on the wire. One table makes the struct, the
 * parser and the help.
 *
 *	struct knobs k = config->knobs;             // the process-wide ones
 *	knobs_parse(&k, x_vendor, ',', true, &bad); // then the header
 *	knobs_parse(&k, query, '&', false, NULL);   // then the query
 *	if (k.smuggle == smuggle_cl_te) ...
 */
#ifndef VENDOR_KNOBS_H
#define VENDOR_KNOBS_H

#include <stdio.h>

#include "bugs.h"

/* A number that nobody has set. */
#define KNOB_UNSET UINT64_MAX

#define KNOB_INTERIMS 8

#define WORDS_encoding(W)                                                      \
	W(encoding, gzip)                                                      \
	W(encoding, br) W(encoding, zstd) W(encoding, deflate)
#define WORDS_goaway(W) W(goaway, before) W(goaway, during) W(goaway, after)
#define WORDS_garbage(W)                                                       \
	W(garbage, head)                                                       \
	W(garbage, chunk) W(garbage, frame) W(garbage, late)
#define WORDS_bad_length(W) W(bad_length, more) W(bad_length, less)
#define WORDS_smuggle(W)                                                       \
	W(smuggle, cl_te)                                                      \
	W(smuggle, dup_cl)                                                     \
	W(smuggle, bare_lf) W(smuggle, obs_fold) W(smuggle, space_colon)
#define WORDS_speak(W)                                                         \
	W(speak, vllm)                                                         \
	W(speak, sglang) W(speak, moonshot) W(speak, openrouter) W(speak, azure)

/*
 * NUM(name, default, help), FLAG(name, help), WORD(name, help),
 * LIST(name, help), TEXT(name, help), SET(name, help), PART(title). Those that
 * benchmarks send come first, because the table is searched in order.
 */
/* clang-format off */
#define KNOBS(PART, NUM, FLAG, WORD, LIST, TEXT, SET)			\
PART("What is answered")						\
NUM(n, KNOB_UNSET, "/bytes, /json: bytes; /stream: events")		\
NUM(size, 250, "/stream: bytes of an event on the wire, at least 8")	\
NUM(pace, 0, "events or tokens a second; 0 is flat out")		\
NUM(seed, KNOB_UNSET, "/bytes: of splitmix64, read little-endian")	\
FLAG(stamp, "/stream: send time, CLOCK_MONOTONIC ns, 20 digits")	\
NUM(group, 1, "/stream: events a write")				\
FLAG(body, "/echo: answer the very bytes of the request's body")	\
NUM(tokens, 32, "chat: tokens of an answer, one a chunk")		\
NUM(calls, 1, "chat: tool calls of an answer that calls a tool")	\
FLAG(obfuscation, "chat: a random `obfuscation` field in each chunk")	\
WORD(speak, "chat: as such an engine or gateway words it")		\
TEXT(say, "chat: the answer's text, base64url of UTF-8")		\
TEXT(think, "chat: the reasoning's text, the same way")		\
SET(bug, "chat: bugs of the list below, a+b for two")			\
NUM(delay_ms, 0, "wait so long before the head")			\
PART("What goes wrong with the head")					\
NUM(status, 0, "answer with this status and an error as JSON")		\
NUM(retry_after, KNOB_UNSET, "with status: seconds in Retry-After")	\
LIST(interim, "1xx before the head: 100, 102 or 103; 103+102 for two")	\
FLAG(no_continue, "ignore Expect: 100-continue")			\
FLAG(early, "answer 413 before the request's body is read")		\
FLAG(hang, "accept the request, never answer")				\
FLAG(no_response, "close without any answer")				\
FLAG(dup_headers, "duplicate and odd-cased fields, in a known order")	\
NUM(big_head, 0, "pad the head with so many bytes")			\
WORD(bad_length, "content-length says more, or less, than is sent")	\
WORD(smuggle, "a head that two parsers may read in two ways")		\
PART("What goes wrong with the body")					\
NUM(truncate, KNOB_UNSET, "close after so many bytes of the body")	\
NUM(reset, KNOB_UNSET, "reset after so many bytes (RST, RST_STREAM)")	\
NUM(code, 2, "with reset, h2: the error code")				\
NUM(stall, KNOB_UNSET, "stop sending after so many bytes")		\
NUM(stall_ms, 0, "with stall: go on after so long; 0 is never")		\
FLAG(onebyte, "each byte is a chunk and a write of its own")		\
WORD(encoding, "compress the body; streams are flushed each event")	\
FLAG(trailers, "trailer fields, with the body's sha256 in hex")		\
FLAG(chunk_ext, "h1: chunk extensions; h2: padded DATA frames")		\
FLAG(close, "h1: the body ends with the connection, no length")		\
FLAG(no_notify, "as close; TLS ends without close_notify")		\
PART("What goes wrong with the connection")				\
WORD(goaway, "h2: GOAWAY; h1: closes (before: and says so)")		\
WORD(garbage, "bytes that are not HTTP, at that place")			\
NUM(slow_read, 0, "read the request at so many bytes a second")
/* clang-format on */

#define KNOB_WORD_ENUM(knob, word) knob##_##word,
#define KNOB_ENUM_PART(title)
#define KNOB_ENUM_NUM(name, unset, help)
#define KNOB_ENUM_FLAG(name, help)
#define KNOB_ENUM_WORD(name, help)                                             \
	enum knob_##name{name##_none, WORDS_##name(KNOB_WORD_ENUM)};
#define KNOB_ENUM_LIST(name, help)
#define KNOB_ENUM_TEXT(name, help)
#define KNOB_ENUM_SET(name, help)
KNOBS(KNOB_ENUM_PART, KNOB_ENUM_NUM, KNOB_ENUM_FLAG, KNOB_ENUM_WORD,
      KNOB_ENUM_LIST, KNOB_ENUM_TEXT, KNOB_ENUM_SET)

struct knob_list {
	uint8_t n;
	uint16_t v[KNOB_INTERIMS];
};

#define KNOB_FIELD_PART(title)
#define KNOB_FIELD_NUM(name, unset, help) uint64_t name;
#define KNOB_FIELD_FLAG(name, help)	  bool name;
#define KNOB_FIELD_WORD(name, help)	  uint8_t name;
#define KNOB_FIELD_LIST(name, help)	  struct knob_list name;
#define KNOB_FIELD_TEXT(name, help)	  struct str name;
#define KNOB_FIELD_SET(name, help)	  struct bugs name;

struct knobs {
	KNOBS(KNOB_FIELD_PART, KNOB_FIELD_NUM, KNOB_FIELD_FLAG, KNOB_FIELD_WORD,
	      KNOB_FIELD_LIST, KNOB_FIELD_TEXT, KNOB_FIELD_SET)
};

void knobs_init(struct knobs *k);

/*
 * Reads name=value pairs between separators (a flag may lack its value).
 * Strict: stops at the first pair that is unknown or malformed, puts it into
 * *bad and returns false. Else such pairs are passed over, as a query may
 * hold parameters of others. Texts are borrowed from `pairs`.
 */
bool knobs_parse(struct knobs *k, struct str pairs, char sep, bool strict,
		 struct str *bad);

/* The table as text for --help. */
void knobs_help(FILE *to);

#endif
