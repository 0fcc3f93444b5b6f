/* SPDX-License-Identifier: MIT */
/* The shape of a stream, counted independently of the dialects' parsers. */
#include "probe.h"

#include <inttypes.h>

#include "rules/meaning/sse.h"

struct shape {
	struct json_doc *doc;
	uint64_t events, comments, content, reasoning, calls, finishes, usages;
	uint32_t most_choices;
	const char *place; /* of the first usage */
	bool done;
};

static bool has_text(const struct json *delta, const char *name)
{
	return json_text(json_get(delta, str_of(name))).n > 0;
}

static bool is_usage(const struct json *o)
{
	return json_is(json_get(o, STR("usage")), JSON_OBJECT);
}

static void choices_count(struct shape *s, const struct json *choices)
{
	bool content = false, reasoning = false, calls = false;

	for (uint32_t i = 0; json_is(choices, JSON_ARRAY) && i < choices->n;
	     i++) {
		const struct json *c = choices->v[i];
		const struct json *delta = json_get(c, STR("delta"));

		content |= has_text(delta, "content");
		reasoning |= has_text(delta, "reasoning_content") ||
			     has_text(delta, "reasoning");
		calls |=
			json_is(json_get(delta, STR("tool_calls")), JSON_ARRAY);
		s->finishes += has_text(c, "finish_reason");
	}
	s->content += content;
	s->reasoning += reasoning;
	s->calls += calls;
}

static void usage_count(struct shape *s, const struct json *root,
			const struct json *choices)
{
	uint32_t n = json_is(choices, JSON_ARRAY) ? choices->n : 0;
	bool inside = false;

	for (uint32_t i = 0; i < n; i++)
		inside |= is_usage(choices->v[i]);
	if (!inside && !is_usage(root))
		return;
	s->usages++;
	if (!s->place)
		s->place = inside ? "choice" : n ? "top" : "frame";
}

static void on_event(void *arg, const struct sse_event *e)
{
	struct shape *s = arg;
	const struct json *root, *choices;
	struct json_error bad;

	s->comments += e->comment;
	if (!e->n_data)
		return;
	if (str_eq(str_trim(e->data), STR("[DONE]"))) {
		s->done = true;
		return;
	}
	s->events++;
	json_doc_reset(s->doc);
	root = json_parse(s->doc, e->data, NULL, &bad);
	choices = json_get(root, STR("choices"));
	if (json_is(choices, JSON_ARRAY) && choices->n > s->most_choices)
		s->most_choices = choices->n;
	choices_count(s, choices);
	usage_count(s, root, choices);
}

void probe_frames(struct str body, struct buf *to)
{
	struct shape s = {.doc = json_doc_new()};
	struct sse *sse = sse_new(on_event, &s, 16 << 20);

	sse_feed(sse, body);
	sse_end(sse);
	sse_free(sse);
	json_doc_free(s.doc);
	buf_addf(to,
		 "{\"events\":%" PRIu64 ",\"comments\":%" PRIu64
		 ",\"content\":%" PRIu64 ",\"reasoning\":%" PRIu64
		 ",\"calls\":%" PRIu64 ",\"finishes\":%" PRIu64
		 ",\"usages\":%" PRIu64 ",\"most_choices\":%" PRIu32,
		 s.events, s.comments, s.content, s.reasoning, s.calls,
		 s.finishes, s.usages, s.most_choices);
	buf_addf(to, ",\"usage_place\":%s%s%s,\"done\":%s}",
		 s.place ? "\"" : "", s.place ? s.place : "null",
		 s.place ? "\"" : "", s.done ? "true" : "false");
}
