/* SPDX-License-Identifier: MIT */
/*
 * What a vendor's answer can get wrong, each under the name of the rule that
 * must find it. Asked for by the knob `bug`; the same request without it is
 * answered honestly.
 *
 *	bugs_parse(&set, STR("finish_missing+usage_zero"));
 *	bugs_confine(&set, 'c', true);	  // those that chat streams can have
 *	if (bugs_has(&set, BUG_usage_zero)) ...
 *
 * They act at four places:
 *
 *	contract.c	refuses what is proper, accepts what is not
 *	bug_plan.c	another thing is said: texts, calls, figures
 *	bug_wire.c	an event or a body is bent when it is ready
 *	chat.c		head and framing
 */
#ifndef VENDOR_BUGS_H
#define VENDOR_BUGS_H

#include <stdio.h>

#include "base/str.h"

/*
 * B(name, dialects, forms, help), PART(title). Dialects: c chat, p
 * completions, r responses, m messages. Forms: s streamed, w whole.
 */
/* clang-format off */
#define BUGS(PART, B)							\
PART("The ends of an answer")						\
B(finish_missing, "cprm", "sw", "no finish reason")			\
B(finish_twice, "cpm", "s", "the finish reason comes twice")		\
B(finish_empty, "cpm", "sw", "the finish reason is an empty string")	\
B(finish_unknown, "cprm", "sw", "a finish reason that nobody knows")	\
B(done_missing, "cprm", "s", "the last event does not come")		\
B(done_unexpected, "rm", "s", "[DONE] where the dialect has none")	\
B(chunk_after_done, "cprm", "s", "more text behind the last event")	\
B(truncated, "cprm", "sw", "the body ends early, cleanly for TCP")	\
B(reset, "cprm", "sw", "the connection or stream is reset")		\
B(no_close_notify, "cprm", "sw", "TLS ends without its goodbye")	\
B(length_mismatch, "cprm", "w", "Content-Length says more than comes")	\
B(error_in_200, "cprm", "sw", "an error under status 200")		\
PART("The form of events and bodies")					\
B(event_not_json, "cprm", "s", "an event with half an object")		\
B(event_no_object, "cprm", "s", "an event with a bare string")		\
B(event_duplicate_keys, "cprm", "sw", "an object says a name twice")	\
B(event_name_differs, "rm", "s", "event: is not the data's type")	\
B(body_not_json, "cprm", "w", "the body is half an object")		\
B(invalid_utf8, "cprm", "sw", "two bytes that are not UTF-8")		\
B(lone_surrogate, "cprm", "sw", "half a character, escaped")		\
B(id_changes, "cp", "s", "a later chunk has another id")		\
B(model_changes, "cp", "s", "a later chunk names another model")	\
B(created_changes, "cp", "s", "a later chunk was created elsewhen")	\
B(object_wrong, "cprm", "sw", "object or type is another dialect's")	\
B(choices_empty, "cp", "s", "a chunk with neither choices nor usage")	\
B(choice_index_wrong, "cp", "sw", "choice 7 of 1")			\
B(role_missing, "c", "sw", "nobody says it")				\
B(content_type_wrong, "cprm", "sw", "text/plain")			\
B(stream_ignored, "cprm", "s", "one JSON body although stream:true")	\
B(stream_unasked, "cprm", "w", "a stream although none was asked for")	\
B(fake_streaming, "cprm", "s", "all of the text in one event")		\
B(block_order, "m", "s", "a block is not stopped")			\
B(message_start_missing, "rm", "s", "the first event does not come")	\
B(sequence_wrong, "r", "s", "sequence_number skips")			\
B(parts_differ, "r", "s", "a done event tells another text")		\
B(logprobs_missing, "cp", "sw", "no logprobs although asked for")	\
PART("Tool calls")							\
B(tool_index_missing, "c", "s", "deltas without an index")		\
B(tool_index_zero, "c", "s", "each call has index 0 (calls=2)")	\
B(tool_index_jump, "c", "s", "indexes 0, 2 (calls=2)")			\
B(tool_first_incomplete, "c", "sw", "a call without an id")		\
B(tool_id_changes, "c", "s", "later deltas have another id")		\
B(tool_id_duplicate, "crm", "sw", "all calls have one id (calls=2)")	\
B(tool_id_reused, "crm", "sw", "an id of the conversation's past")	\
B(arguments_object, "cr", "sw", "an object instead of a string") \
B(arguments_not_json, "cr", "sw", "arguments lack their end")		\
B(arguments_schema, "crm", "sw", "arguments that the schema forbids")	\
B(tool_unknown, "crm", "sw", "a tool that nobody declared")		\
B(call_although_none, "crm", "sw", "a call although tool_choice none")	\
B(call_missing, "crm", "sw", "words although tool_choice required")	\
B(finish_stop_with_calls, "cm", "sw", "finish stop beside calls")	\
B(finish_length_masked, "cm", "sw", "cut arguments, finish tool_calls")	\
PART("What is said")							\
B(replacement_char, "cprm", "sw", "U+FFFD in the text")			\
B(tool_markup_leak, "crm", "sw", "markup of tool calls in the text")	\
B(think_tag_leak, "crm", "sw", "<think> in the text")			\
B(harmony_leak, "crm", "sw", "<|channel|> in the text")		\
B(tokenizer_artefact, "cprm", "sw", "blanks are written as \\u0120")	\
B(special_token_leak, "crm", "sw", "<|endoftext|> in the text")		\
B(kimi_markers, "c", "sw", "the model's own <|im_end|> in the text")	\
B(script, "c", "sw", "Cyrillic that nobody asked for")			\
B(repetition_loop, "cprm", "sw", "the same words over and over")	\
B(ngram, "c", "sw", "three words again and again, not to the end")	\
B(language_drift, "cprm", "sw", "an answer in Chinese")			\
B(answer_in_reasoning, "crm", "sw", "the answer comes as reasoning")	\
B(reasoning_missing, "cm", "sw", "no reasoning though it is on")	\
B(reasoning_unasked, "cm", "sw", "reasoning though it is off")		\
B(reasoning_name, "c", "sw", "`reasoning` for `reasoning_content`, or back") \
B(reasoning_names, "c", "sw", "two names with two texts")		\
B(content_empty, "cprm", "sw", "finish stop and nothing said")		\
B(response_format, "cr", "sw", "words instead of JSON")			\
B(partial_prefix, "c", "sw", "partial mode: the prefix again")		\
B(max_tokens_exceeded, "cprm", "sw", "more tokens than max_tokens")	\
B(stop_included, "cpm", "sw", "the stop sequence is part of the text")	\
B(stop_ignored, "cpm", "sw", "the text goes on behind the stop sequence") \
B(n_ignored, "cp", "sw", "one choice only")				\
B(model_differs, "cprm", "sw", "another model answers")			\
PART("Figures")								\
B(usage_missing, "cprm", "sw", "no usage")				\
B(usage_unasked, "cp", "s", "a usage chunk without include_usage")	\
B(usage_changes, "cprm", "s", "two usages that contradict")		\
B(usage_zero, "cprm", "sw", "all counts are zero")			\
B(usage_total, "cpr", "sw", "total is not the sum")			\
B(usage_cached, "cr", "sw", "more cached than prompt tokens")		\
B(usage_length, "cprm", "sw", "completion tokens that no text has")	\
B(usage_prompt, "cprm", "sw", "prompt tokens that no request has")	\
B(usage_headers, "c", "sw", "usage headers that differ (Kimi)")		\
B(usage_place, "c", "s", "no usage on the end frame (Kimi)")		\
B(reasoning_uncharged, "c", "sw", "history's reasoning costs nothing") \
PART("Parameters: what the model's contract has fixed")			\
B(accept_temperature, "cm", "sw", "another temperature is served")	\
B(accept_top_p, "cm", "sw", "another top_p is served")			\
B(accept_n, "c", "sw", "another n is served")				\
B(accept_presence_penalty, "c", "sw", "a presence penalty is served")	\
B(accept_frequency_penalty, "c", "sw", "a frequency penalty is served")	\
B(accept_tool_choice, "cm", "sw", "a tool_choice it must refuse is served") \
B(accept_tools, "c", "sw", "bad tool declarations are served")		\
B(accept_response_format, "c", "sw", "a bad response_format is served")	\
B(accept_thinking, "cm", "sw", "a thinking mode it must refuse is served") \
B(override_temperature, "r", "sw", "the answer echoes another temperature") \
B(override_top_p, "r", "sw", "the answer echoes another top_p")	\
B(refuse_proper, "c", "sw", "400 about an allowed temperature")	\
PART("Reasoning that comes back")					\
B(accept_missing_reasoning, "cm", "sw", "a history without it is served") \
B(accept_reasoning, "c", "sw", "served where it must be refused (R1)")	\
B(accept_changed_thinking, "m", "sw", "a changed thinking block is served") \
B(refuse_with_reasoning, "c", "sw", "400 although it came back")
/* clang-format on */

#define BUG_ENUM_(name, dialects, forms, help) BUG_##name,
#define BUG_SKIP_(title)
enum bug { BUGS(BUG_SKIP_, BUG_ENUM_) N_BUGS };

struct bugs {
	uint64_t bits[(N_BUGS + 63) / 64];
};

static inline bool bugs_has(const struct bugs *b, enum bug bug)
{
	return b->bits[bug / 64] >> bug % 64 & 1;
}

static inline bool bugs_any(const struct bugs *b)
{
	uint64_t all = 0;

	for (size_t i = 0; i < sizeof(b->bits) / sizeof(b->bits[0]); i++)
		all |= b->bits[i];
	return all != 0;
}

/* Adds the names between `+`; false if one is unknown. */
bool bugs_parse(struct bugs *b, struct str names);

/* Drops those that this dialect and form cannot have. */
void bugs_confine(struct bugs *b, char dialect, bool streamed);

/* The table as text for --help. */
void bugs_help(FILE *to);

#endif
