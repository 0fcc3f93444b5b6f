/* SPDX-License-Identifier: MIT */
/*
 * OpenAI Responses. One choice; its finish is the status of the response:
 *
 *	response.created, .in_progress		the response, still empty
 *	  response.output_item.added		an item
 *	    response.content_part.added
 *	    response.output_text.delta ...	words
 *	    response.output_text.done		all of them again
 *	    response.content_part.done
 *	  response.output_item.done		the item, whole
 *	response.completed, .incomplete or .failed: the response, whole
 *
 * or `error` instead of the rest. Events number themselves. What the vendor's
 * own tools do, and whatever is unknown, is legal, and passed over. A whole
 * body is the response.
 */
#include <stdlib.h>

#include "rules/meaning/chat_responses.h"
#include "rules/meaning/chat_typed.h"

/* ---- the response ---- */

/* The first three end it; the others are background's. */
static const char *const statuses[] = {"completed",   "incomplete", "failed",
				       "in_progress", "queued",	    "cancelled",
				       NULL};

/* What was asked for, as the vendor understood it. */
static const char *const echoed[] = {"background",
				     "frequency_penalty",
				     "max_output_tokens",
				     "max_tool_calls",
				     "parallel_tool_calls",
				     "presence_penalty",
				     "previous_response_id",
				     "reasoning",
				     "store",
				     "temperature",
				     "text",
				     "tool_choice",
				     "top_logprobs",
				     "top_p",
				     "truncation"};

static void read_echo(struct chat *c, const struct json *response)
{
	struct buf echo = {0};
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof(echoed) / sizeof(echoed[0]); i++) {
		const struct json *v = json_get(response, str_of(echoed[i]));

		if (!v)
			continue;
		buf_addf(&echo, "%c\"%s\":", n++ ? ',' : '{', echoed[i]);
		json_write(&echo, v);
	}
	if (n) {
		buf_addc(&echo, '}');
		c->texts -= c->a.echo.n;
		c->a.echo.n = 0;
		chat_keep(c, &c->a.echo, buf_str(&echo));
		c->a.echo_n = n;
	}
	buf_free(&echo);
}

/* What each response object says, be it empty still. */
static void read_response(struct chat *c, const struct json *response)
{
	struct answer *a = &c->a;

	chat_object(c, json_get(response, STR("object")), "response");
	chat_set(c, &a->id, json_get(response, STR("id")));
	chat_set(c, &a->model, json_get(response, STR("model")));
	chat_set(c, &a->service_tier, json_get(response, STR("service_tier")));
	read_echo(c, response);
}

static void read_output(struct chat *c, const struct json *response)
{
	const struct json *output = json_get(response, STR("output"));

	for (uint32_t i = 0; json_is(output, JSON_ARRAY) && i < output->n;
	     i++) {
		const struct json *node = output->v[i];
		struct item *item = item_new(c, item_kind(node), i);

		if (!item)
			return;
		item_read(c, item, node, true);
	}
}

/* Two counts of one prompt; a count of 0 is none. */
static void read_usage(struct chat *c, const struct json *usage)
{
	int64_t first = c->a.usage.prompt, now;

	chat_usage(c, usage, USAGE_EVENT);
	now = c->a.usage.prompt;
	if (first > 0 && now != first)
		chat_quirk(c, QUIRK_usage_changes, chat_offset(c, usage),
			   "a prompt of %lld, then of %lld tokens",
			   (long long)first, (long long)now);
}

/* How it ended: of the last event, or of a whole body. */
static void read_ending(struct chat *c, const struct json *response)
{
	const struct json *error = json_get(response, STR("error"));
	struct choice *h = chat_choice(c, 0);

	if (json_is(error, JSON_OBJECT) || json_is(error, JSON_STRING))
		chat_error_is(c, error);
	read_usage(c, json_get(response, STR("usage")));
	if (!h)
		return;
	chat_finish(c, h, json_get(response, STR("status")), statuses);
	chat_set(c, &h->finish_detail,
		 json_pointer(response, STR("/incomplete_details/reason")));
}

/* ---- the stream ---- */

struct event {
	const char *type;
	void (*read)(struct chat *c, const struct json *root,
		     const struct event *e);
	/* of events that tell text: */
	enum item_kind kind;
	enum slot_kind slot;
	const char *index, *text; /* members */
};

static void on_begin(struct chat *c, const struct json *root,
		     const struct event *e)
{
	const struct json *response = json_get(root, STR("response"));

	read_response(c, response);
	read_usage(c, json_get(response, STR("usage")));
}

/* Where no item was told of, the response has them. */
static void on_end(struct chat *c, const struct json *root,
		   const struct event *e)
{
	const struct json *response = json_get(root, STR("response"));
	const struct responses *r = c->own;

	read_response(c, response);
	if (r->n_items == 0)
		read_output(c, response);
	read_ending(c, response);
	c->a.done = true;
}

static void on_item_added(struct chat *c, const struct json *root,
			  const struct event *e)
{
	const struct json *node = json_get(root, STR("item"));
	struct item *item;
	int64_t index = -1;

	json_int(json_get(root, STR("output_index")), &index);
	item = item_new(c, item_kind(node), index);
	if (item)
		item_read(c, item, node, false);
}

static void on_item_done(struct chat *c, const struct json *root,
			 const struct event *e)
{
	const struct json *node = json_get(root, STR("item"));
	struct item *item = item_of(c, root, item_kind(node));

	if (item)
		item_read(c, item, node, true);
}

/* The part that an event of text is about; *fresh: it has just begun. */
static struct part *part_of(struct chat *c, const struct json *root,
			    const struct event *e, bool *fresh)
{
	struct item *item = item_of(c, root, e->kind);
	bool summary = str_eq(str_of(e->index), STR("summary_index"));
	struct part *p;
	int64_t index = -1;

	if (!item)
		return NULL;
	json_int(json_get(root, str_of(e->index)), &index);
	p = part_find(c, item, index, summary, e->slot);
	*fresh = !p;
	return p ? p : part_new(c, item, index, summary, e->slot);
}

static void on_delta(struct chat *c, const struct json *root,
		     const struct event *e)
{
	const struct json *log = json_get(root, STR("logprobs"));
	bool fresh, same, plain = !json_is(log, JSON_ARRAY) || log->n == 0;
	struct part *p = part_of(c, root, e, &fresh);

	if (!p)
		return;
	/* Only one part's deltas are ever taken for repetitions: where its
	 * text lies in the answer must be known. */
	same = part_goes_on(c, p);
	chat_any(c, json_get(root, STR("obfuscation")));
	if (!plain)
		c->a.choices[0].logprobs += log->n;
	if (chat_text(c, p->slot, json_get(root, STR("delta"))) && plain &&
	    same)
		chat_repeats(c);
}

/* Ends a part's text; where no delta came, it is the text. */
static void end_text(struct chat *c, const struct json *root,
		     const struct event *e, const struct json *text)
{
	struct part *p;
	bool fresh;

	if (json_text(text).n == 0 && !json_is(text, JSON_OBJECT))
		return;
	p = part_of(c, root, e, &fresh);
	if (!p)
		return;
	if (e->kind == ITEM_CALL && json_is(text, JSON_OBJECT)) {
		c->a.choices[0].calls[p->slot.part].object = true;
		chat_quirk(c, QUIRK_arguments_object, chat_offset(c, text),
			   "%.*s", STR_ARG(text->raw));
	} else if (fresh) {
		chat_text(c, p->slot, text);
	} else {
		part_check(c, p, text);
	}
}

static void on_text_done(struct chat *c, const struct json *root,
			 const struct event *e)
{
	end_text(c, root, e, json_get(root, str_of(e->text)));
}

static void on_part_done(struct chat *c, const struct json *root,
			 const struct event *e)
{
	static const struct event text = {
		NULL, NULL, ITEM_MESSAGE, SLOT_CONTENT, "content_index", NULL};
	static const struct event refusal = {
		NULL, NULL, ITEM_MESSAGE, SLOT_REFUSAL, "content_index", NULL};
	static const struct event thought = {
		NULL, NULL, ITEM_REASONING, SLOT_REASONING, "content_index",
		NULL};
	const struct json *part = json_get(root, STR("part"));
	const struct json *type = json_get(part, STR("type"));

	if (json_says(type, STR("output_text")))
		end_text(c, root, &text, json_get(part, STR("text")));
	else if (json_says(type, STR("refusal")))
		end_text(c, root, &refusal, json_get(part, STR("refusal")));
	else if (json_says(type, STR("reasoning_text")))
		end_text(c, root, &thought, json_get(part, STR("text")));
	else if (json_says(type, STR("summary_text")))
		end_text(c, root, e, json_get(part, STR("text")));
}

/* clang-format off */
static const struct event events[] = {
	{"output_text.delta", on_delta,
	 ITEM_MESSAGE, SLOT_CONTENT, "content_index", "delta"},
	{"reasoning_summary_text.delta", on_delta,
	 ITEM_REASONING, SLOT_REASONING, "summary_index", "delta"},
	{"reasoning_text.delta", on_delta,
	 ITEM_REASONING, SLOT_REASONING, "content_index", "delta"},
	{"function_call_arguments.delta", on_delta,
	 ITEM_CALL, SLOT_ARGUMENTS, "", "delta"},
	{"custom_tool_call_input.delta", on_delta,
	 ITEM_CUSTOM, SLOT_ARGUMENTS, "", "delta"},
	{"refusal.delta", on_delta,
	 ITEM_MESSAGE, SLOT_REFUSAL, "content_index", "delta"},
	{"output_text.done", on_text_done,
	 ITEM_MESSAGE, SLOT_CONTENT, "content_index", "text"},
	{"reasoning_summary_text.done", on_text_done,
	 ITEM_REASONING, SLOT_REASONING, "summary_index", "text"},
	{"reasoning_text.done", on_text_done,
	 ITEM_REASONING, SLOT_REASONING, "content_index", "text"},
	{"function_call_arguments.done", on_text_done,
	 ITEM_CALL, SLOT_ARGUMENTS, "", "arguments"},
	{"custom_tool_call_input.done", on_text_done,
	 ITEM_CUSTOM, SLOT_ARGUMENTS, "", "input"},
	{"refusal.done", on_text_done,
	 ITEM_MESSAGE, SLOT_REFUSAL, "content_index", "refusal"},
	{"content_part.done", on_part_done},
	{"reasoning_summary_part.done", on_part_done,
	 ITEM_REASONING, SLOT_REASONING, "summary_index", "text"},
	{"output_item.added", on_item_added},
	{"output_item.done", on_item_done},
	{"created", on_begin},
	{"queued", on_begin},
	{"in_progress", on_begin},
	{"completed", on_end},
	{"incomplete", on_end},
	{"failed", on_end},
	{"cancelled", on_end},
};
/* clang-format on */

static void check_first(struct chat *c, struct str type)
{
	struct responses *r = c->own;

	if (!r->started && !str_eq(type, STR("response.created")) &&
	    !str_eq(type, STR("response.queued")))
		chat_quirk(c, QUIRK_message_start_missing, chat_offset(c, NULL),
			   "%.*s comes first", STR_ARG(type));
	r->started = true;
}

/* Events of other families (keepalive) may do without a number. */
static void check_number(struct chat *c, const struct json *root, bool ours)
{
	const struct json *number = json_get(root, STR("sequence_number"));

	if (number || ours)
		chat_sequence(c, number);
}

static void read_event(struct chat *c, const struct sse_event *e,
		       const struct json *root)
{
	struct str type = json_text(json_get(root, STR("type")));
	struct str family = STR("response.");
	bool ours = str_starts(type, family);

	if (!c->a.done)
		check_number(c, root, ours);
	type = chat_typed(c, e, root, "keepalive");
	if (type.n == 0 || !ours)
		return;
	check_first(c, type);
	type = str_skip(type, family.n);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (!str_eq(type, str_of(events[i].type)))
			continue;
		events[i].read(c, root, &events[i]);
		return;
	}
}

/* ---- a whole body ---- */

static void read_body(struct chat *c, const struct json *root)
{
	if (!json_is(json_get(root, STR("output")), JSON_ARRAY)) {
		if (chat_error(c, root))
			return;
		chat_quirk(c, QUIRK_object_wrong, chat_offset(c, root), "%.*s",
			   STR_ARG(root->raw));
		chat_blind(c, "no response");
		return;
	}
	read_response(c, root);
	read_output(c, root);
	read_ending(c, root);
	c->a.done = true;
}

/* Is it still at work? In the background, an answer is an acknowledgement. */
static bool is_pending(const struct answer *a)
{
	struct str status = STR("");

	if (a->n_choices && !a->streamed)
		status = buf_str(&a->choices[0].finish);
	return str_eq(status, STR("queued")) ||
	       str_eq(status, STR("in_progress"));
}

static void read_end(struct chat *c, enum chat_ending how)
{
	const struct answer *a = &c->a;
	bool cancelled;

	if (is_pending(a))
		return;
	cancelled = a->n_choices &&
		    str_eq(buf_str(&a->choices[0].finish), STR("cancelled"));
	if (a->n_choices == 0 || (a->choices[0].finishes == 0 &&
				  !a->quirks[QUIRK_finish_empty].seen))
		chat_quirk(c, QUIRK_finish_missing, a->bytes, "%s", "");
	if (a->streamed && !a->done)
		chat_quirk(c, QUIRK_done_missing, a->bytes,
			   "no response.completed, incomplete or failed");
	if (!a->usage.have && !cancelled)
		chat_quirk(c, QUIRK_usage_missing, a->bytes, "%s", "");
}

static void free_own(struct chat *c)
{
	struct responses *r = c->own;

	free(r->items);
	free(r->parts);
}

const struct chat_ops chat_responses_ops = {
	.own = sizeof(struct responses),
	.event = read_event,
	.body = read_body,
	.end = read_end,
	.free = free_own,
};
