/* SPDX-License-Identifier: MIT */
/*
 * What a parser notices of an answer that its dialect does not allow. A quirk
 * is an observation; whether it is a breach, and whose, is for the rule of the
 * same name (packs/wire.json: "wire/NAME", {"check":"quirk","quirk":NAME}).
 * Each is kept once an answer: the first time, with the place.
 *
 * The last phrase says what is due instead.
 *
 * D: dialects where it can occur: c chat, p completions, r responses,
 * m messages. S: streamed answers (s), whole ones (w).
 */
#ifndef MEANING_QUIRK_H
#define MEANING_QUIRK_H

#include "base/str.h"

/* clang-format off */
#define CHAT_QUIRKS(X)							\
X(finish_missing, "cprm", "sw",						\
	"no finish reason although the answer has ended",		\
	"one finish reason for each choice")				\
X(finish_twice, "cpm", "s",						\
	"a second finish reason for the same choice",			\
	"one finish reason for each choice")				\
X(finish_empty, "cpm", "sw",						\
	"a finish reason that is an empty string",			\
	"null until the end, then a reason")				\
X(finish_unknown, "cprm", "sw",						\
	"a finish reason that the dialect does not have",		\
	"one of the dialect's reasons")					\
X(done_missing, "cprm", "s",						\
	"the stream ended without its last event ([DONE], "		\
	"message_stop, response.completed/incomplete/failed)",		\
	"the dialect's last event")					\
X(done_unexpected, "rm", "s",						\
	"[DONE] where the dialect has none",				\
	"the dialect's own last event")					\
X(chunk_after_done, "cprm", "s",					\
	"an event with data after the last one",			\
	"nothing behind the last event")				\
X(event_not_json, "cprm", "s",						\
	"an event whose data is not JSON",				\
	"one JSON object an event")					\
X(event_no_object, "cprm", "s",						\
	"an event whose data is JSON, but not what the "		\
	"dialect sends (not an object, no type)",			\
	"the dialect's objects")					\
X(event_duplicate_keys, "cprm", "sw",					\
	"an object that says a name twice",				\
	"each name once")						\
X(event_name_differs, "rm", "s",					\
	"event: and the data's type are not the same",			\
	"the same name twice")						\
X(body_not_json, "cprm", "w",						\
	"an answer that is not JSON",					\
	"one JSON object")						\
X(invalid_utf8, "cprm", "sw",						\
	"bytes that are not UTF-8",					\
	"UTF-8")							\
X(lone_surrogate, "cprm", "sw",						\
	"an escape of half a character",				\
	"whole characters")						\
X(id_changes, "cp", "s",						\
	"id is not the same in all chunks",				\
	"one id")							\
X(model_changes, "cp", "s",						\
	"model is not the same in all chunks",				\
	"one model")							\
X(created_changes, "cp", "s",						\
	"created is not the same in all chunks",			\
	"one time")							\
X(object_wrong, "cprm", "sw",						\
	"object (or type) is not what the dialect says",		\
	"the dialect's word")						\
X(choices_empty, "cp", "s",						\
	"a chunk with neither choices nor usage (the first, "		\
	"Azure's, is exempt)",						\
	"choices or usage")						\
X(choice_index_wrong, "cp", "sw",					\
	"a choice index outside 0..n-1, or missing",			\
	"an index from 0 to n-1")					\
X(role_missing, "c", "sw",						\
	"no role in a choice's first delta, or in the message",		\
	"role: assistant")						\
X(content_type_wrong, "cprm", "sw",					\
	"the Content-Type does not say what the body is",		\
	"text/event-stream for a stream, application/json for "		\
	"an object")							\
X(stream_ignored, "cprm", "s",						\
	"stream:true answered by one JSON object",			\
	"an event stream")						\
X(stream_unasked, "cprm", "w",						\
	"a stream although none was asked for",				\
	"one JSON object")						\
X(tool_index_missing, "c", "s",						\
	"a tool call delta without an index",				\
	"an index in every delta")					\
X(tool_index_zero, "c", "s",						\
	"a second tool call under an index that is taken",		\
	"an index of its own for each call")				\
X(tool_index_jump, "c", "s",						\
	"tool call indexes that skip a number",				\
	"0, 1, 2 and so on")						\
X(tool_first_incomplete, "c", "sw",					\
	"a tool call without id, type or name",				\
	"id, type and name in the first delta")				\
X(tool_id_changes, "c", "s",						\
	"the id of a tool call changes between deltas",			\
	"one id a call")						\
X(tool_id_duplicate, "crm", "sw",					\
	"two tool calls of an answer with the same id",			\
	"an id of its own for each call")				\
X(arguments_object, "cr", "sw",						\
	"arguments are an object instead of a string "			\
	"(messages: input is a string)",				\
	"a string that holds JSON")					\
X(block_order, "m", "s",						\
	"a content block that is not started, stopped or "		\
	"numbered as it must be",					\
	"start, deltas, stop, in the order of index")			\
X(message_start_missing, "rm", "s",					\
	"the first event is not message_start "				\
	"(response.created)",						\
	"message_start (response.created) first")			\
X(sequence_wrong, "r", "s",						\
	"sequence_number is missing, or not one more than "		\
	"before",							\
	"one more with each event")					\
X(parts_differ, "r", "s",						\
	"the text of a done event is not what its deltas said",		\
	"the text of the deltas")					\
X(usage_missing, "cprm", "sw",						\
	"no usage although it is due (stream: include_usage)",		\
	"usage")							\
X(usage_unasked, "cp", "s",						\
	"a usage chunk with empty choices without "			\
	"include_usage",						\
	"no such chunk")						\
X(usage_changes, "cprm", "s",						\
	"two usages that contradict each other",			\
	"one usage")							\
X(error_in_200, "cprm", "sw",						\
	"an error under status 200",					\
	"a status of 4xx or 5xx")					\
X(logprobs_missing, "cp", "sw",						\
	"no logprobs although they were asked for",			\
	"logprobs")							\
X(reasoning_names, "c", "sw",						\
	"reasoning under two names that differ",			\
	"one reasoning")						\
X(replacement_char, "cprm", "sw",					\
	"U+FFFD in the text",						\
	"text without it")
/* clang-format on */

#define CHAT_QUIRK_ENUM_(name, dialects, forms, about, due) QUIRK_##name,
enum quirk { CHAT_QUIRKS(CHAT_QUIRK_ENUM_) QUIRKS };

struct quirk_row {
	const char *name, *dialects, *forms, *about;
	const char *due; /* what the dialect owes instead */
};
extern const struct quirk_row quirk_rows[QUIRKS];
/* -1: there is none of that name. */
int quirk_of(struct str name);

#endif
