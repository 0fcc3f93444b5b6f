/* SPDX-License-Identifier: MIT */
/* What the files that read chat completions share. Nobody else includes it. */
#ifndef MEANING_CHAT_OPENAI_H
#define MEANING_CHAT_OPENAI_H

#include "rules/meaning/chat_impl.h"

/* An element of reasoning_details, which comes in pieces. */
struct detail {
	int64_t index;
	uint32_t kind; /* enum detail_kind of chat_reasoning.c */
	uint32_t choice, part;
};

struct openai {
	uint64_t chunks;
	int64_t created;
	bool created_said;
	struct buf begun; /* a bool a choice: its first delta was seen */
	struct detail *details;
	size_t n_details;
};

/* reasoning_content, reasoning, reasoning_details of a delta or message. */
void openai_reasoning(struct chat *c, struct choice *h, const struct json *m);
/* Reasoning that is a part of the content. */
void openai_thinking(struct chat *c, struct choice *h, const struct json *text);
/* At the end: the same under all names? */
void openai_check_reasoning(struct chat *c, const struct choice *h);
/* Puts the elements of reasoning_details together. */
void openai_close_details(struct chat *c);
void openai_free_details(struct openai *own);

/* tool_calls and function_call of a delta or message. */
void openai_calls(struct chat *c, struct choice *h, const struct json *m);

#endif
