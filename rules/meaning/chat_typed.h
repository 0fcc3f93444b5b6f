/* SPDX-License-Identifier: MIT */
/* For the dialects whose events say their type: messages, responses. */
#ifndef MEANING_CHAT_TYPED_H
#define MEANING_CHAT_TYPED_H

#include "rules/meaning/chat_impl.h"

/*
 * What every such event must get right, errors included. Returns its type;
 * empty: there is nothing (more) to be read of it. `idle` is the type of
 * events that may come at any time and say nothing.
 */
struct str chat_typed(struct chat *c, const struct sse_event *e,
		      const struct json *root, const char *idle);

#endif
