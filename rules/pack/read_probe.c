/* SPDX-License-Identifier: MIT */
/* Probes as written: whether they are in form. */
#include "pack_impl.h"
#include "probe.h"
#include "rules/schema/schema.h"

enum { FILL_MOST = 16 << 20 };

#define COUNT(a)	  (sizeof(a) / sizeof *(a))
#define NAME_(name, text) text,

static const struct member probe_members[] = {
	{"id", KIND_TEXT, true},	 {"mode", KIND_TEXT, false},
	{"stream", KIND_TEXT, false},	 {"patch", KIND_OBJECT, true},
	{"expect", KIND_TEXT, true},	 {"answer", KIND_SCHEMA, false},
	{"frames", KIND_SCHEMA, false},	 {"silent", KIND_LIST, false},
	{"compare", KIND_OBJECT, false}, {"fill", KIND_NUMBER, false},
};
static const struct member compare_members[] = {
	{"figure", KIND_TEXT, true},
	{"patches", KIND_LIST, true},
	{"must", KIND_TEXT, true},
};
static const char *const modes[] = {"any", "thinking", "instant", "each"};
static const char *const streams[] = {"true", "false", "both"};
static const char *const expectations[] = {"serve", "refuse"};
static const char *const musts[] = {"rise", "same"};
static const char *const figures[] = {PROBE_FIGURES(NAME_)};

static void compare_read(struct reading *r, const struct json *o)
{
	const struct json *list = json_get(o, STR("patches"));

	if (!members_read(r, o, "compare", compare_members,
			  COUNT(compare_members)))
		return;
	word_read(r, o, "figure", figures + 1, COUNT(figures) - 1);
	word_read(r, o, "must", musts, COUNT(musts));
	if (!json_is(list, JSON_ARRAY))
		return;
	if (list->n < 2)
		fault(r, list, "a comparison needs two patches at least");
	for (uint32_t i = 0; i < list->n; i++)
		if (list->v[i]->kind != JSON_OBJECT)
			fault(r, list->v[i], "a patch is an object");
}

/* GROUP/NAME, and no other probe of the pack has it. */
static void id_read(struct reading *r, const struct json *id)
{
	const struct pack *p = &r->file->pack;
	struct str text = json_text(id);
	unsigned times = 0;

	if (!memchr(text.p ? text.p : "", '/', text.n))
		fault(r, id, "a probe's id is GROUP/NAME");
	for (unsigned i = 0; i < p->n_rules; i++) {
		const struct json *list = p->rules[i].probe;

		for (uint32_t k = 0; json_is(list, JSON_ARRAY) && k < list->n;
		     k++)
			times += json_says(json_get(list->v[k], STR("id")),
					   text);
	}
	if (times > 1)
		fault(r, id, "there are two probes %.*s",
		      (int)(text.n < 60 ? text.n : 60), text.p);
}

static void one_read(struct reading *r, const struct json *o)
{
	const struct json *m;
	int64_t fill;
	int refuse;

	if (!members_read(r, o, "a probe", probe_members, COUNT(probe_members)))
		return;
	if (json_is(json_get(o, STR("id")), JSON_STRING))
		id_read(r, json_get(o, STR("id")));
	word_read(r, o, "mode", modes, COUNT(modes));
	word_read(r, o, "stream", streams, COUNT(streams));
	refuse = word_read(r, o, "expect", expectations, COUNT(expectations));
	schema_free(schema_read(r, json_get(o, STR("answer"))));
	schema_free(schema_read(r, json_get(o, STR("frames"))));
	m = json_get(o, STR("answer"));
	if (m && refuse == 1)
		fault(r, m, "\"answer\" needs \"expect\":\"serve\"");
	m = json_get(o, STR("silent"));
	if (m)
		texts_read(r, m, "silent");
	m = json_get(o, STR("fill"));
	if (json_is(m, JSON_NUMBER) &&
	    (!json_int(m, &fill) || fill < 1 || fill > FILL_MOST))
		fault(r, m, "\"fill\" is from 1 to %d bytes", FILL_MOST);
	m = json_get(o, STR("compare"));
	if (json_is(m, JSON_OBJECT))
		compare_read(r, m);
}

/* rule->probe is set already: an id is sought among all read so far. */
void probe_read(struct reading *r, const struct json *list)
{
	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->n; i++)
		one_read(r, list->v[i]);
}
