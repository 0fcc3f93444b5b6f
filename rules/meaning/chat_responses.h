/* SPDX-License-Identifier: MIT */
/*
 * What an answer of OpenAI's Responses is built of, shared by its two files.
 *
 *	output   [ item, item, ... ]		output_index
 *	item	 message: [ part, ... ]		content_index
 *		 reasoning: summary: [ part ]	summary_index
 *			    content: [ part ]	content_index
 *		 function_call: arguments, custom_tool_call: input
 *
 * All of a stream's texts are told twice: in deltas, and by events that end a
 * part, and an item. A part remembers where its text lies in the answer:
 *
 *	choice.content	 |--- part 0 ---|--- part 1 ---|--- part 2 -
 *					'from      n   '
 */
#ifndef MEANING_CHAT_RESPONSES_H
#define MEANING_CHAT_RESPONSES_H

#include "rules/meaning/chat_impl.h"

enum item_kind {
	ITEM_OTHER, /* the vendor's own tools, and what is unknown */
	ITEM_MESSAGE,
	ITEM_REASONING,
	ITEM_CALL,
	ITEM_CUSTOM
};

struct item {
	int64_t index; /* output_index */
	enum item_kind kind;
	uint32_t at; /* of pieces or calls */
	bool told;   /* text of it has come */
};

struct part {
	int64_t item, index; /* as the wire says */
	bool summary;	     /* index counts summaries */
	struct slot slot;
	size_t from, n; /* n: once another part began behind it */
	bool closed, mixed;
};

struct responses {
	bool started;
	struct item *items;
	uint32_t n_items;
	struct part *parts;
	uint32_t n_parts;
	uint32_t last; /* the part whose text came last, from 1 */
};

enum item_kind item_kind(const struct json *item);

/* One more item. NULL: over a limit. */
struct item *item_new(struct chat *c, enum item_kind kind, int64_t index);
/* The newest of that kind at the event's output_index; made where it was not
 * told of. NULL: over a limit. */
struct item *item_of(struct chat *c, const struct json *root,
		     enum item_kind kind);
/* What an item says of itself; `whole`: it has all its texts. */
void item_read(struct chat *c, struct item *item, const struct json *node,
	       bool whole);

/* The part that an event is about, or NULL: it has no text yet. */
struct part *part_find(struct chat *c, const struct item *item, int64_t index,
		       bool summary, enum slot_kind kind);
/* Begins one, behind all others. NULL: over a limit. */
struct part *part_new(struct chat *c, struct item *item, int64_t index,
		      bool summary, enum slot_kind kind);
/* More text of it follows. False: another part's came before it. */
bool part_goes_on(struct chat *c, struct part *p);
/* Notes parts_differ if it is not this text. */
void part_check(struct chat *c, const struct part *p, const struct json *text);

#endif
