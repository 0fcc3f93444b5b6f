/* SPDX-License-Identifier: MIT */
#include "rules/meaning/chat_typed.h"

static const struct str nothing = {"", 0};

struct str chat_typed(struct chat *c, const struct sse_event *e,
		      const struct json *root, const char *idle)
{
	const struct json *type = json_get(root, STR("type"));
	struct str name = json_text(type);

	if (name.n && e->type.n && !str_eq(e->type, name))
		chat_quirk(c, QUIRK_event_name_differs, chat_offset(c, type),
			   "event %.*s, type %.*s", STR_ARG(e->type),
			   STR_ARG(name));
	if (str_eq(name, str_of(idle))) {
		chat_repeats(c);
		return nothing;
	}
	if (c->a.done)
		chat_quirk(c, QUIRK_chunk_after_done, chat_offset(c, NULL),
			   "%.*s", STR_ARG(c->source));
	if ((name.n == 0 || str_eq(name, STR("error"))) && chat_error(c, root))
		return nothing;
	if (name.n == 0) {
		chat_quirk(c, QUIRK_event_no_object, chat_offset(c, NULL),
			   "%.*s", STR_ARG(c->source));
		chat_blind(c, "an event without a type");
	}
	return c->a.done ? nothing : name;
}
