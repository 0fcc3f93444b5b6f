/* SPDX-License-Identifier: MIT */
/*
 * Between a dialect and the wire, where an answer is to be worded as some
 * engine does it, or to be wrong: each event, or the whole body, becomes a
 * frame with a JSON tree that can be bent, and then text again.
 *
 *	event: message_delta			type
 *	data: {"type":"message_delta", ...}	data; NULL for [DONE]
 *
 *	dialect -> draft -> frame -> speak_bend() -> bug_bend() -> wire
 */
#ifndef VENDOR_MANNER_H
#define VENDOR_MANNER_H

#include "talk.h"

struct frame {
	struct str type; /* of event:; or empty */
	cJSON *data;
	bool whole;   /* the body that is not streamed */
	bool last;    /* of the stream */
	bool dropped; /* is not sent */
	bool doubled; /* its first name comes twice */
	bool halved;  /* ends in its middle */
	bool ends;    /* nothing follows it */
	unsigned copies;
	struct buf before, behind; /* other frames around it, ready */
};

/* speak.c: as the engine or gateway of t->speak has it. */
void speak_bend(struct talk *t, struct frame *f);

/* bug_wire.c: wrong. */
void bug_bend(struct talk *t, struct frame *f);

/* The frame as text, once. */
void frame_print(const struct talk *t, const struct frame *f, struct buf *out);

/* A frame of its own with this data, ready. */
void frame_print_bare(const struct talk *t, struct str data, struct buf *out);

static inline cJSON *frame_get(cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

/* Sets or replaces; takes the value. */
void frame_put(cJSON *o, const char *key, cJSON *value);

static inline cJSON *frame_choices(const struct frame *f)
{
	return frame_get(f->data, "choices");
}

/* What of a choice is said: its delta or its message. */
static inline cJSON *frame_said(cJSON *choice)
{
	cJSON *delta = frame_get(choice, "delta");

	return delta ? delta : frame_get(choice, "message");
}

#endif
