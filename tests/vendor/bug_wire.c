/* SPDX-License-Identifier: MIT */
/*
 * Bugs of form: each bends frames that pass by, counted from 0. What comes
 * "later" comes with frame LATER, which is a piece of text in all dialects.
 */
#include "manner.h"

#define LATER 4

static bool is_type(const struct frame *f, const char *type)
{
	return ask_says(frame_get(f->data, "type"), type);
}

static bool is_later(const struct talk *t, const struct frame *f)
{
	return !f->whole && f->data && t->frame >= LATER;
}

/* ---- finish reasons ---- */

/* The object that says a finish reason here, if any; *key is its name. */
static cJSON *finish_place(const struct talk *t, const struct frame *f,
			   const char **key)
{
	cJSON *response = frame_get(f->data, "response");

	if (t->dialect->letter == 'm') {
		*key = "stop_reason";
		return f->whole ? f->data
		       : is_type(f, "message_delta")
			       ? frame_get(f->data, "delta")
			       : NULL;
	}
	*key = "status";
	if (t->dialect->letter == 'r')
		return f->whole ? f->data : f->last ? response : NULL;
	return NULL;
}

/* Replaces the finish reason `from` (NULL: any); to == NULL: by null. */
static void bend_finish(struct talk *t, struct frame *f, const char *from,
			const char *to)
{
	const char *key;
	cJSON *place = finish_place(t, f, &key), *choice;

	if (place && (!from || ask_says(frame_get(place, key), from)))
		frame_put(place, key,
			  to ? cJSON_CreateString(to) : cJSON_CreateNull());
	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		cJSON *said = frame_get(choice, "finish_reason");
		if (cJSON_IsString(said) && (!from || ask_says(said, from)))
			frame_put(choice, "finish_reason",
				  to ? cJSON_CreateString(to)
				     : cJSON_CreateNull());
	}
}

static void finish_missing(struct talk *t, struct frame *f)
{
	const char *key;
	cJSON *place = finish_place(t, f, &key);

	if (t->dialect->letter == 'r' && place)
		cJSON_DeleteItemFromObjectCaseSensitive(place, key);
	else
		bend_finish(t, f, NULL, NULL);
}

static void finish_empty(struct talk *t, struct frame *f)
{
	bend_finish(t, f, NULL, "");
}

static void finish_unknown(struct talk *t, struct frame *f)
{
	bend_finish(t, f, NULL, "finished");
}

static void finish_twice(struct talk *t, struct frame *f)
{
	cJSON *choice = cJSON_GetArrayItem(frame_choices(f), 0);

	if (is_type(f, "message_delta") ||
	    cJSON_IsString(frame_get(choice, "finish_reason")))
		f->copies = 2;
}

static void finish_stop_with_calls(struct talk *t, struct frame *f)
{
	bend_finish(t, f, "tool_calls", "stop");
	bend_finish(t, f, "tool_use", "end_turn");
}

static void finish_length_masked(struct talk *t, struct frame *f)
{
	bend_finish(t, f, "length", "tool_calls");
	bend_finish(t, f, "max_tokens", "tool_use");
}

/* ---- the row of events ---- */

static void done_missing(struct talk *t, struct frame *f)
{
	f->dropped = f->last;
}

static void done_unexpected(struct talk *t, struct frame *f)
{
	if (f->last)
		frame_print_bare(t, STR("[DONE]"), &f->behind);
}

static void chunk_after_done(struct talk *t, struct frame *f)
{
	if (t->frame == LATER && !f->last)
		frame_print(t, f, &t->behind);
	if (f->last)
		buf_adds(&f->behind, buf_str(&t->behind));
}

static void error_in_200(struct talk *t, struct frame *f)
{
	static const char *const errors[] = {
		['c'] = "{\"error\":{\"message\":\"The engine is overloaded.\","
			"\"type\":\"server_error\",\"param\":null,\"code\":500}"
			"}",
		['m'] = "{\"type\":\"error\",\"error\":{\"type\":"
			"\"overloaded_error\",\"message\":\"Overloaded\"}}",
		['r'] = "{\"type\":\"error\",\"sequence_number\":4,\"code\":"
			"\"server_error\",\"message\":\"The engine is "
			"overloaded.\",\"param\":null}",
	};
	char letter = t->dialect->letter;

	if (!f->whole && t->frame != LATER)
		return;
	if (letter == 'p' || (letter == 'r' && f->whole))
		letter = 'c';
	cJSON_Delete(f->data);
	f->data = cJSON_Parse(errors[(int)letter]);
	f->type = f->type.n ? STR("error") : f->type;
	f->ends = true;
}

static void event_not_json(struct talk *t, struct frame *f)
{
	if (t->frame == LATER)
		frame_print_bare(t,
				 STR("{\"id\":\"x\",\"type\":\"delta\",\"ch"),
				 &f->before);
}

static void event_no_object(struct talk *t, struct frame *f)
{
	if (t->frame == LATER)
		frame_print_bare(t, STR("\"ok\""), &f->before);
}

static void event_duplicate_keys(struct talk *t, struct frame *f)
{
	f->doubled = f->whole || t->frame == LATER;
}

static void event_name_differs(struct talk *t, struct frame *f)
{
	if (t->frame == LATER)
		f->type = STR("ping");
}

static void body_not_json(struct talk *t, struct frame *f)
{
	f->halved = true;
}

static void message_start_missing(struct talk *t, struct frame *f)
{
	f->dropped |= t->frame == 0;
}

static void block_order(struct talk *t, struct frame *f)
{
	f->dropped |= is_type(f, "content_block_stop");
}

static void sequence_wrong(struct talk *t, struct frame *f)
{
	cJSON *number = frame_get(f->data, "sequence_number");

	if (number && t->frame >= LATER)
		cJSON_SetNumberValue(number, number->valuedouble + 3);
}

static void parts_differ(struct talk *t, struct frame *f)
{
	if (is_type(f, "response.output_text.done"))
		frame_put(f->data, "text", cJSON_CreateString("Another text."));
}

/* ---- what all chunks say ---- */

static void id_changes(struct talk *t, struct frame *f)
{
	if (is_later(t, f))
		frame_put(f->data, "id", cJSON_CreateString("cmpl-another"));
}

static void model_changes(struct talk *t, struct frame *f)
{
	if (is_later(t, f))
		frame_put(f->data, "model", cJSON_CreateString("practice-8b"));
}

static void created_changes(struct talk *t, struct frame *f)
{
	if (is_later(t, f))
		frame_put(f->data, "created", cJSON_CreateNumber(1600000000));
}

static void object_wrong(struct talk *t, struct frame *f)
{
	cJSON *message = frame_get(f->data, "message");
	cJSON *response = frame_get(f->data, "response");

	if (response || (f->whole && t->dialect->letter == 'r'))
		frame_put(response ? response : f->data, "object",
			  cJSON_CreateString("realtime.response"));
	else if (message || (f->whole && t->dialect->letter == 'm'))
		frame_put(message ? message : f->data, "type",
			  cJSON_CreateString("completion"));
	else if (frame_get(f->data, "object"))
		frame_put(f->data, "object", cJSON_CreateString("edit"));
}

/* ---- choices ---- */

static void choices_empty(struct talk *t, struct frame *f)
{
	cJSON *copy;
	char *text;

	if (t->frame != LATER || !f->data)
		return;
	copy = cJSON_Duplicate(f->data, true);
	frame_put(copy, "choices", cJSON_CreateArray());
	cJSON_DeleteItemFromObjectCaseSensitive(copy, "usage");
	text = cJSON_PrintUnformatted(copy);
	frame_print_bare(t, str_of(text), &f->before);
	cJSON_free(text);
	cJSON_Delete(copy);
}

static void choice_index_wrong(struct talk *t, struct frame *f)
{
	cJSON *choice;

	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		frame_put(choice, "index", cJSON_CreateNumber(7));
	}
}

static void role_missing(struct talk *t, struct frame *f)
{
	cJSON *choice;

	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		cJSON_DeleteItemFromObjectCaseSensitive(frame_said(choice),
							"role");
	}
}

static void logprobs_missing(struct talk *t, struct frame *f)
{
	cJSON *choice;

	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		frame_put(choice, "logprobs", cJSON_CreateNull());
	}
}

/* ---- reasoning's names ---- */

static const char *other_name(cJSON *said, cJSON **value)
{
	*value = frame_get(said, "reasoning_content");
	if (*value)
		return "reasoning";
	*value = frame_get(said, "reasoning");
	return "reasoning_content";
}

static void reasoning_name(struct talk *t, struct frame *f)
{
	cJSON *choice, *value;

	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		cJSON *said = frame_said(choice);
		const char *name = other_name(said, &value);

		if (!value)
			continue;
		cJSON_DetachItemViaPointer(said, value);
		cJSON_AddItemToObject(said, name, value);
	}
}

static void reasoning_names(struct talk *t, struct frame *f)
{
	cJSON *choice, *value;

	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		cJSON *said = frame_said(choice);
		const char *name = other_name(said, &value);

		if (value)
			cJSON_AddStringToObject(said, name,
						" Another thought.");
	}
}

/* ---- tool calls ---- */

/* For each call of each choice of the frame. */
static void each_call(struct talk *t, struct frame *f,
		      void (*bend)(struct talk *t, cJSON *call))
{
	cJSON *choice, *call;

	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		cJSON *calls = frame_get(frame_said(choice), "tool_calls");
		cJSON_ArrayForEach(call, calls)
		{
			bend(t, call);
		}
	}
}

static void drop_index(struct talk *t, cJSON *call)
{
	cJSON_DeleteItemFromObjectCaseSensitive(call, "index");
}

static void zero_index(struct talk *t, cJSON *call)
{
	frame_put(call, "index", cJSON_CreateNumber(0));
}

static void double_index(struct talk *t, cJSON *call)
{
	cJSON *index = frame_get(call, "index");

	if (index)
		cJSON_SetNumberValue(index, index->valuedouble * 2);
}

static void drop_id(struct talk *t, cJSON *call)
{
	cJSON_DeleteItemFromObjectCaseSensitive(call, "id");
}

static void add_id(struct talk *t, cJSON *call)
{
	if (!frame_get(call, "id"))
		cJSON_AddStringToObject(call, "id", "call_another");
}

static void tool_index_missing(struct talk *t, struct frame *f)
{
	each_call(t, f, drop_index);
}

static void tool_index_zero(struct talk *t, struct frame *f)
{
	each_call(t, f, zero_index);
}

static void tool_index_jump(struct talk *t, struct frame *f)
{
	each_call(t, f, double_index);
}

static void tool_first_incomplete(struct talk *t, struct frame *f)
{
	each_call(t, f, drop_id);
}

static void tool_id_changes(struct talk *t, struct frame *f)
{
	each_call(t, f, add_id);
}

/* A string of arguments becomes what it says. */
static void open_arguments(cJSON *place)
{
	cJSON *said = frame_get(place, "arguments");
	cJSON *object = cJSON_IsString(said) && said->valuestring[0]
				? cJSON_Parse(said->valuestring)
				: NULL;

	if (object)
		frame_put(place, "arguments", object);
}

/* Of a stream's call the first delta says it all, the others nothing. */
static void call_object(struct talk *t, cJSON *call)
{
	cJSON *function = frame_get(call, "function");
	cJSON *index = frame_get(call, "index");
	const char *text = frame_get(call, "id") && index
				   ? t->calls[index->valueint].args.p
				   : NULL;

	if (!index)
		open_arguments(function);
	else if (text)
		frame_put(function, "arguments",
			  cJSON_ParseWithLength(
				  text, t->calls[index->valueint].args.n));
	else
		frame_put(function, "arguments", cJSON_CreateString(""));
}

static void arguments_object(struct talk *t, struct frame *f)
{
	cJSON *response = frame_get(f->data, "response");
	cJSON *output = frame_get(response ? response : f->data, "output");
	cJSON *item;

	each_call(t, f, call_object);
	cJSON_ArrayForEach(item, output)
	{
		open_arguments(item);
	}
	open_arguments(frame_get(f->data, "item"));
	open_arguments(f->data);
}

/* ---- usage ---- */

static void usage_missing(struct talk *t, struct frame *f)
{
	cJSON *choices = frame_choices(f), *choice;

	f->dropped |= !f->whole && choices && !choices->child;
	cJSON_DeleteItemFromObjectCaseSensitive(f->data, "usage");
	cJSON_DeleteItemFromObjectCaseSensitive(frame_get(f->data, "message"),
						"usage");
	cJSON_DeleteItemFromObjectCaseSensitive(frame_get(f->data, "response"),
						"usage");
	cJSON_ArrayForEach(choice, choices)
	{
		cJSON_DeleteItemFromObjectCaseSensitive(choice, "usage");
	}
}

static void usage_place(struct talk *t, struct frame *f)
{
	cJSON *choice;

	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		cJSON_DeleteItemFromObjectCaseSensitive(choice, "usage");
	}
}

static void add_eleven(cJSON *usage, const char *key)
{
	cJSON *n = frame_get(usage, key);

	if (n)
		cJSON_SetNumberValue(n, n->valuedouble + 11);
}

static void usage_changes(struct talk *t, struct frame *f)
{
	cJSON *usage = frame_get(f->data, "usage");
	cJSON *response = frame_get(f->data, "response");

	if (is_type(f, "message_delta"))
		cJSON_AddNumberToObject(usage, "input_tokens",
					(double)t->cost.prompt + 17);
	if (is_type(f, "response.in_progress"))
		frame_put(response, "usage",
			  cJSON_Parse("{\"input_tokens\":1,\"output_tokens\":1,"
				      "\"total_tokens\":2}"));
	if (f->whole || !cJSON_IsObject(usage) || !frame_choices(f))
		return;
	frame_print(t, f, &f->before);
	add_eleven(usage, "completion_tokens");
	add_eleven(usage, "total_tokens");
}

/* ---- all of it ---- */

#define BEND(name)                                                             \
	{                                                                      \
		BUG_##name, name                                               \
	}

static const struct {
	enum bug bug;
	void (*bend)(struct talk *t, struct frame *f);
} bends[] = {
	BEND(finish_missing),
	BEND(finish_empty),
	BEND(finish_unknown),
	BEND(finish_twice),
	BEND(finish_stop_with_calls),
	BEND(finish_length_masked),
	BEND(done_missing),
	BEND(done_unexpected),
	BEND(chunk_after_done),
	BEND(error_in_200),
	BEND(event_not_json),
	BEND(event_no_object),
	BEND(event_duplicate_keys),
	BEND(event_name_differs),
	BEND(body_not_json),
	BEND(message_start_missing),
	BEND(block_order),
	BEND(sequence_wrong),
	BEND(parts_differ),
	BEND(id_changes),
	BEND(model_changes),
	BEND(created_changes),
	BEND(object_wrong),
	BEND(choices_empty),
	BEND(choice_index_wrong),
	BEND(role_missing),
	BEND(logprobs_missing),
	BEND(reasoning_name),
	BEND(reasoning_names),
	BEND(tool_index_missing),
	BEND(tool_index_zero),
	BEND(tool_index_jump),
	BEND(tool_first_incomplete),
	BEND(tool_id_changes),
	BEND(arguments_object),
	BEND(usage_missing),
	BEND(usage_place),
	BEND(usage_changes),
};

void bug_bend(struct talk *t, struct frame *f)
{
	for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++)
		if (bugs_has(&t->bugs, bends[i].bug))
			bends[i].bend(t, f);
}
