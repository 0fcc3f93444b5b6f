/* SPDX-License-Identifier: MIT */
/*
 * How engines and gateways word the same honest answer. Blanks and line ends
 * are the printer's (manner.c); here are the fields that they add or lack.
 */
#include "knobs.h"
#include "manner.h"

static void drop(cJSON *o, const char *key)
{
	cJSON_DeleteItemFromObjectCaseSensitive(o, key);
}

static bool ends_choice(cJSON *choice)
{
	return cJSON_IsString(frame_get(choice, "finish_reason"));
}

static void vllm(struct talk *t, struct frame *f)
{
	cJSON *choice;

	drop(f->data, "service_tier");
	drop(f->data, "system_fingerprint");
	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		drop(frame_said(choice), "refusal");
		drop(frame_said(choice), "annotations");
		if (ends_choice(choice))
			frame_put(choice, "stop_reason", cJSON_CreateNull());
		frame_put(choice, "token_ids", cJSON_CreateNull());
	}
	if (!f->whole)
		return;
	frame_put(f->data, "prompt_logprobs", cJSON_CreateNull());
	frame_put(f->data, "kv_transfer_params", cJSON_CreateNull());
}

static void sglang(struct talk *t, struct frame *f)
{
	static const char *const words[] = {"content", "reasoning_content",
					    "tool_calls"};
	cJSON *choice;

	drop(f->data, "service_tier");
	drop(f->data, "system_fingerprint");
	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		cJSON *said = frame_said(choice);

		drop(said, "refusal");
		drop(said, "annotations");
		for (unsigned i = 0; said && i < 3; i++)
			if (!frame_get(said, words[i]))
				frame_put(said, words[i], cJSON_CreateNull());
		frame_put(choice, "matched_stop",
			  ends_choice(choice) ? cJSON_CreateNumber(163586)
					      : cJSON_CreateNull());
	}
}

static void moonshot(struct talk *t, struct frame *f)
{
	cJSON *choice;

	drop(f->data, "service_tier");
	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		drop(frame_said(choice), "refusal");
		drop(frame_said(choice), "annotations");
		if (!t->logprobs)
			drop(choice, "logprobs");
	}
}

/* Reasoning under OpenRouter's two names: as text and itemised. */
static void itemise(cJSON *said)
{
	cJSON *text = cJSON_DetachItemFromObjectCaseSensitive(
		said, "reasoning_content");
	cJSON *list, *item;

	if (!text)
		return;
	list = cJSON_AddArrayToObject(said, "reasoning_details");
	item = cJSON_CreateObject();
	cJSON_AddItemToArray(list, item);
	cJSON_AddStringToObject(item, "type", "reasoning.text");
	cJSON_AddStringToObject(item, "text", text->valuestring);
	cJSON_AddStringToObject(item, "format", "unknown");
	cJSON_AddNumberToObject(item, "index", 0);
	cJSON_AddItemToObject(said, "reasoning", text);
}

static void openrouter(struct talk *t, struct frame *f)
{
	cJSON *choice;

	drop(f->data, "service_tier");
	frame_put(f->data, "provider", cJSON_CreateString("Practice"));
	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		cJSON *finish = frame_get(choice, "finish_reason");

		itemise(frame_said(choice));
		frame_put(choice, "native_finish_reason",
			  cJSON_Duplicate(finish, true));
	}
}

static cJSON *filter_results(void)
{
	static const char *const kinds[] = {"hate", "self_harm", "sexual",
					    "violence"};
	cJSON *all = cJSON_CreateObject();

	for (unsigned i = 0; i < 4; i++) {
		cJSON *one = cJSON_AddObjectToObject(all, kinds[i]);
		cJSON_AddBoolToObject(one, "filtered", false);
		cJSON_AddStringToObject(one, "severity", "safe");
	}
	return all;
}

static const char azure_first[] =
	"{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\","
	"\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0,"
	"\"content_filter_results\":{\"hate\":{\"filtered\":false,"
	"\"severity\":\"safe\"},\"jailbreak\":{\"filtered\":false,"
	"\"detected\":false}}}]}";

static void azure(struct talk *t, struct frame *f)
{
	cJSON *choice;

	if (!f->whole && t->frame == 0)
		frame_print_bare(t, str_of(azure_first), &f->before);
	cJSON_ArrayForEach(choice, frame_choices(f))
	{
		frame_put(choice, "content_filter_results",
			  ends_choice(choice) && !f->whole
				  ? cJSON_CreateObject()
				  : filter_results());
	}
}

void speak_bend(struct talk *t, struct frame *f)
{
	static void (*const how[])(struct talk *, struct frame *) = {
		[speak_vllm] = vllm,	     [speak_sglang] = sglang,
		[speak_moonshot] = moonshot, [speak_openrouter] = openrouter,
		[speak_azure] = azure,
	};

	if (t->speak == speak_openrouter && !f->whole && t->frame % 16 == 0)
		buf_adds(&f->before, STR(": OPENROUTER PROCESSING\n\n"));
	if (t->speak != speak_none && f->data && t->dialect->letter == 'c')
		how[t->speak](t, f);
}
