/* SPDX-License-Identifier: MIT */
/*
 * What the dialects' parsers share. Nobody but chat*.c, answer.c and their
 * tests includes it.
 *
 *	bytes -> decoder -> UTF-8 check -> what is it? -> sse -> event -+
 *						     |			|
 *						     '-> body		|
 *		chat.c					 |		|
 *	  - - - - - - - - - - - - - - - - - - - - - - - -|- - - - - - - | -
 *		a dialect			   ops.body(root)
 *ops.event(root) |		| v		v struct answer  <---'
 *
 * A dialect reads an event's tree and changes the answer by the functions
 * below. It is told neither of comments nor of [DONE], and only of objects.
 *
 * The fast path. Most events repeat the one before but for a few strings.
 * While a dialect reads an event, it says which values may vary freely
 * (chat_text, chat_any, chat_sequence), and at the end, if doing the event
 * again would do nothing but append other text, chat_repeats(). Then the
 * event becomes a template (template.h), and events that fit it never reach
 * the dialect: the driver appends their texts to the same slots. What was not
 * said to vary must be the same byte for byte; an empty text never fits a
 * text that was not. An event that does not repeat forgets all templates: so
 * between the learning of one and its use, nothing happened but texts.
 */
#ifndef MEANING_CHAT_IMPL_H
#define MEANING_CHAT_IMPL_H

#include "rules/meaning/chat.h"
#include "rules/meaning/json.h"
#include "rules/meaning/sse.h"
#include "rules/meaning/template.h"

/* What a slot (template.h) is. */
enum slot_kind {
	SLOT_CONTENT,	/* choices[choice].content */
	SLOT_REFUSAL,	/* .refusal */
	SLOT_REASONING, /* .pieces[part].text, and .reasoning */
	SLOT_ECHO,	/* .pieces[part].text alone: it was said already under
			   another name */
	SLOT_SIGNATURE, /* .pieces[part].signature */
	SLOT_ARGUMENTS	/* .calls[part].arguments */
};

struct chat_ops {
	size_t own;	/* bytes of the dialect's own state: c->own, zeroed */
	bool done_word; /* the stream ends with [DONE] */
	/* An event whose data is a JSON object; also after a->done. */
	void (*event)(struct chat *c, const struct sse_event *e,
		      const struct json *root);
	/* A whole body, an object; whatever the status. */
	void (*body)(struct chat *c, const struct json *root);
	/* The end, after all events or the body: quirks of absence. Only for
	 * CHAT_WHOLE and CHAT_CUT, of a 2xx without an error, if all that came
	 * was understood. */
	void (*end)(struct chat *c, enum chat_ending how);
	/* However it ended, before end(): what can be put together only now.
	 * May be NULL. */
	void (*close)(struct chat *c);
	/* Frees what c->own points to. May be NULL. */
	void (*free)(struct chat *c);
};
extern const struct chat_ops chat_openai_ops;	   /* chat.completions */
extern const struct chat_ops chat_completions_ops; /* completions */
extern const struct chat_ops chat_responses_ops;
extern const struct chat_ops chat_messages_ops;

struct decoder;

struct chat {
	unsigned magic;
	struct answer a;
	struct chat_asked asked;
	struct chat_limits limits;
	const struct chat_ops *ops;
	void *own;
	struct json_doc *doc; /* of the event or body being read */
	uint64_t at;	      /* clock of the bytes being fed */
	/* the event or body being read */
	struct str source;     /* its data: what nodes point into */
	uint64_t source_at;    /* offset of its first byte in the body */
	bool source_exact;     /* offsets inside can be told */
	bool mended;	       /* broken UTF-8 was replaced: no quirk of it */
	bool any_mended;       /* so it was in an event before, or this one */
	bool repeats;	       /* chat_repeats() */
	bool once;	       /* it did what must not be repeated, whatever
				  the dialect says */
	uint64_t event_text;   /* bytes of text that it added */
	uint64_t texts;	       /* bytes of all texts: see limits.text */
	int64_t next_sequence; /* -1: none was seen yet */
	bool usage_settled;    /* all had finished when usage last came */
	enum chat_ending how;  /* of chat_end() */
	bool no_template;      /* tests alone: parse every event in full */
	struct templates *templates;
	/* the driver's own */
	uint32_t form; /* enum form of chat.c */
	size_t blank;  /* bytes of white space that the body begins with */
	bool ended;
	struct str type;	 /* Content-Type; owned */
	struct decoder *decoder; /* NULL: identity */
	struct sse *sse;
	struct buf decoded, body, mend;
	bool broken_utf8; /* in what was fed, perhaps behind this event */
	struct buf utf8;  /* the beginning of a character, up to 3 bytes */
};

/* ---- what is noticed ---- */

/* Notes a quirk, unless it is noted already or the status is not 2xx. `what`
 * is shown to people: an excerpt or figure. */
void chat_quirk(struct chat *c, enum quirk q, uint64_t offset, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));
/* The place of a node of the current source in the decoded body: of a
 * string's text, of a number. NULL: of the source. */
uint64_t chat_offset(const struct chat *c, const struct json *node);
/* The answer is not whole; the first reason (static) stays. */
void chat_blind(struct chat *c, const char *why);
/* Over a limit: blind, and nothing that follows is read. */
void chat_cut(struct chat *c, const char *why);
void answer_free(struct answer *a);

/* The next bytes of the body, behind a.bytes: notes invalid_utf8. */
void chat_check_utf8(struct chat *c, struct str s);
/* No more bytes: a character may be unfinished. */
void chat_end_utf8(struct chat *c);
/* Makes c->source a copy in which what is not UTF-8 is U+FFFD. */
void chat_mend(struct chat *c);

/* ---- choices and calls: found or made; NULL: over a limit (noted) ---- */

struct choice *chat_choice(struct chat *c, uint32_t index);
struct tool_call *chat_call_new(struct chat *c, struct choice *h,
				uint32_t index);
struct reasoning *chat_piece_new(struct chat *c, struct choice *h,
				 enum reasoning_name name);
/* Position, for a slot. */
uint32_t chat_choice_at(const struct chat *c, const struct choice *h);

/* ---- what an event says ---- */

/* Appends a string's text to a slot. A node that is NULL, null, no string or
 * empty adds nothing. True: it added something. */
bool chat_text(struct chat *c, struct slot to, const struct json *node);
/* A scalar or string that does not matter and may vary: obfuscation,
 * log probabilities. NULL: nothing. */
void chat_any(struct chat *c, const struct json *node);
/* A number that must be one more than in the event before; notes
 * sequence_wrong. */
void chat_sequence(struct chat *c, const struct json *node);
/* Doing this event once more would do nothing but append its texts. */
void chat_repeats(struct chat *c);

/* Both bounded: appends to a field; sets it. An event that changes one is not
 * repeated. */
void chat_keep(struct chat *c, struct buf *field, struct str text);
void chat_replace(struct chat *c, struct buf *field, struct str text);
/* Copies a string into a field that is set as a whole. NULL and other kinds
 * leave it alone. Bounded as texts are. */
void chat_set(struct chat *c, struct buf *field, const struct json *node);
/* Appends, bounded, counted as text, checked for U+FFFD; for what is no node:
 * a number written as text, an object as JSON. Such an event is not repeated.
 */
void chat_add(struct chat *c, struct slot to, struct str text, uint64_t offset);

/* The same for texts of templates, and of chat_text(). */
void chat_append(struct chat *c, struct slot to, struct str text,
		 uint64_t offset);

/* A finish reason: counts it, notes finish_twice, finish_empty, and
 * finish_unknown if it is not among `known` (until NULL). null is none. */
void chat_finish(struct chat *c, struct choice *h, const struct json *node,
		 const char *const *known);

/* Usage as any dialect writes it; notes usage_changes where it contradicts an
 * earlier one. NULL, null and non-objects are no usage. */
void chat_usage(struct chat *c, const struct json *usage,
		enum usage_place place);

/* An error object in any of its spellings:
 *	{"error":{"message","type","code","param"}}	{"error":"text"}
 *	{"object":"error","message",...}	{"type":"error","error":{...}}
 *	{"code":..,"message":..}	{"detail":...}
 * True: it was one; the fields are kept, error_in_200 is noted. */
bool chat_error(struct chat *c, const struct json *root);
/* The same for the inner object (or text) alone: response.error. */
void chat_error_is(struct chat *c, const struct json *error);

/* Both `object` fields and `type`s: notes object_wrong if there is a node and
 * it does not say so. */
void chat_object(struct chat *c, const struct json *node, const char *want);
/* arguments: a string (appended), or an object (written, noted
 * arguments_object, call->object). */
void chat_arguments(struct chat *c, struct choice *h, struct tool_call *call,
		    const struct json *node);
/* After the last call: notes tool_id_duplicate within the answer. */
void chat_check_ids(struct chat *c);

#endif
