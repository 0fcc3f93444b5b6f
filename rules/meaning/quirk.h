/* SPDX-License-Identifier: MIT */
/*
 * What a parser notices of an answer that its dialect does not allow. A quirk
 * is an observation; whether it is a breach, and whose, is for the rule of the
 * same name (packs/wire.json: "wire/NAME", {"check":"quirk","quirk":NAME}).
 * Each is kept once an answer: the first time, with the place.
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
	"no finish reason although the answer has ended")		\
X(finish_twice, "cpm", "s",						\
	"a second finish reason for the same choice")			\
X(finish_empty, "cpm", "sw",						\
	"a finish reason that is an empty string")			\
X(finish_unknown, "cprm", "sw",						\
	"a finish reason that the dialect does not have")		\
X(done_missing, "cprm", "s",						\
	"the stream ended without its last event ([DONE], "		\
	"message_stop, response.completed/incomplete/failed)")		\
X(done_unexpected, "rm", "s",						\
	"[DONE] where the dialect has none")				\
X(chunk_after_done, "cprm", "s",					\
	"an event with data after the last one")			\
X(event_not_json, "cprm", "s",						\
	"an event whose data is not JSON")				\
X(event_no_object, "cprm", "s",						\
	"an event whose data is JSON, but not what the dialect "	\
	"sends (not an object, no type)")				\
X(event_duplicate_keys, "cprm", "sw",					\
	"an object that says a name twice")				\
X(event_name_differs, "rm", "s",					\
	"event: and the data's type are not the same")			\
X(body_not_json, "cprm", "w",						\
	"an answer that is not JSON")					\
X(invalid_utf8, "cprm", "sw",						\
	"bytes that are not UTF-8")					\
X(lone_surrogate, "cprm", "sw",						\
	"an escape of half a character")				\
X(id_changes, "cp", "s",						\
	"id is not the same in all chunks")				\
X(model_changes, "cp", "s",						\
	"model is not the same in all chunks")				\
X(created_changes, "cp", "s",						\
	"created is not the same in all chunks")			\
X(object_wrong, "cprm", "sw",						\
	"object (or type) is not what the dialect says")		\
X(choices_empty, "cp", "s",						\
	"a chunk with neither choices nor usage (the first, "		\
	"Azure's, is exempt)")						\
X(choice_index_wrong, "cp", "sw",					\
	"a choice index outside 0..n-1, or missing")			\
X(role_missing, "c", "sw",						\
	"no role in a choice's first delta, or in the message")		\
X(content_type_wrong, "cprm", "sw",					\
	"the Content-Type does not say what the body is")		\
X(stream_ignored, "cprm", "s",						\
	"stream:true answered by one JSON object")			\
X(stream_unasked, "cprm", "w",						\
	"a stream although none was asked for")				\
X(tool_index_missing, "c", "s",						\
	"a tool call delta without an index")				\
X(tool_index_zero, "c", "s",						\
	"a second tool call under an index that is taken")		\
X(tool_index_jump, "c", "s",						\
	"tool call indexes that skip a number")				\
X(tool_first_incomplete, "c", "sw",					\
	"a tool call without id, type or name")				\
X(tool_id_changes, "c", "s",						\
	"the id of a tool call changes between deltas")			\
X(tool_id_duplicate, "crm", "sw",					\
	"two tool calls of an answer with the same id")			\
X(arguments_object, "cr", "sw",						\
	"arguments are an object instead of a string (messages: "	\
	"input is a string)")						\
X(block_order, "m", "s",						\
	"a content block that is not started, stopped or numbered "	\
	"as it must be")						\
X(message_start_missing, "rm", "s",					\
	"the first event is not message_start (response.created)")	\
X(sequence_wrong, "r", "s",						\
	"sequence_number is missing, or not one more than before")	\
X(parts_differ, "r", "s",						\
	"the text of a done event is not what its deltas said")		\
X(usage_missing, "cprm", "sw",						\
	"no usage although it is due (stream: include_usage)")		\
X(usage_unasked, "cp", "s",						\
	"a usage chunk with empty choices without include_usage")	\
X(usage_changes, "cprm", "s",						\
	"two usages that contradict each other")			\
X(error_in_200, "cprm", "sw",						\
	"an error under status 200")					\
X(logprobs_missing, "cp", "sw",						\
	"no logprobs although they were asked for")			\
X(reasoning_names, "c", "sw",						\
	"reasoning under two names that differ")			\
X(replacement_char, "cprm", "sw",					\
	"U+FFFD in the text")
/* clang-format on */

#define CHAT_QUIRK_ENUM_(name, dialects, forms, about) QUIRK_##name,
enum quirk { CHAT_QUIRKS(CHAT_QUIRK_ENUM_) QUIRKS };

struct quirk_row {
	const char *name, *dialects, *forms, *about;
};
extern const struct quirk_row quirk_rows[QUIRKS];
/* -1: there is none of that name. */
int quirk_of(struct str name);

#endif
