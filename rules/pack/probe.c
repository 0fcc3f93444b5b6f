/* SPDX-License-Identifier: MIT */
#include "pack_impl.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "probe.h"
#include "rules/schema/schema.h"

#define NAME_(name, text) text,
static const char *const figures[] = {PROBE_FIGURES(NAME_)};

struct list {
	struct probe *v;
	size_t n;
};

/* The pack's probes were read before: a schema that compiled does so again. */
static struct schema *compiled(const struct json *node)
{
	struct schema *s;
	struct fail f;

	if (!node)
		return NULL;
	s = schema_compile(node, NULL, &f);
	assert(s);
	return s;
}

static const struct json *mode_set(const struct pack *p, enum mode mode)
{
	const struct json *modes = json_get(p->node, STR("modes"));

	for (unsigned i = 0; i < p->n_modes; i++) {
		const struct json *set = json_get(modes->v[i], STR("set"));

		if (set && p->modes[i].mode == mode)
			return set;
	}
	return NULL;
}

static void compare_fill(struct probe *p, const struct json *compare)
{
	for (int i = 1; compare && i < PROBE_FIGURES_N; i++)
		if (json_says(json_get(compare, STR("figure")),
			      str_of(figures[i])))
			p->figure = (enum probe_figure)i;
	p->same = json_says(json_get(compare, STR("must")), STR("same"));
	p->patches = json_get(compare, STR("patches"));
}

static void add(struct list *l, const struct rule *r, const struct json *o,
		enum mode mode, bool stream)
{
	struct str id = json_text(json_get(o, STR("id")));
	const char *slash = memchr(id.p, '/', id.n);
	int64_t fill;
	struct probe p = {
		.rule = r,
		.id = id,
		.group = {id.p, (size_t)(slash - id.p)},
		.mode = mode,
		.stream = stream,
		.refuse = json_says(json_get(o, STR("expect")), STR("refuse")),
		.answer = compiled(json_get(o, STR("answer"))),
		.silent = json_get(o, STR("silent")),
		.set = mode_set(r->pack, mode),
		.patch = json_get(o, STR("patch")),
	};

	if (stream)
		p.frames = compiled(json_get(o, STR("frames")));
	if (json_int(json_get(o, STR("fill")), &fill))
		p.fill = (size_t)fill;
	compare_fill(&p, json_get(o, STR("compare")));
	l->v = mem_grow(l->v, (l->n + 1) * sizeof *l->v);
	l->v[l->n++] = p;
}

static void add_streams(struct list *l, const struct rule *r,
			const struct json *o, enum mode mode)
{
	const struct json *stream = json_get(o, STR("stream"));

	if (!json_says(stream, STR("true")))
		add(l, r, o, mode, false);
	if (!json_says(stream, STR("false")))
		add(l, r, o, mode, true);
}

/* A mode that the pack has no "set" for cannot be asked for. */
static void add_modes(struct list *l, const struct rule *r,
		      const struct json *o)
{
	const struct json *mode = json_get(o, STR("mode"));
	bool each = json_says(mode, STR("each")), any = each || !mode;

	for (int m = MODE_THINKING; m <= MODE_INSTANT; m++) {
		bool named = json_says(mode, str_of(mode_name((enum mode)m)));

		if (!(each || named) || !mode_set(r->pack, (enum mode)m))
			continue;
		add_streams(l, r, o, (enum mode)m);
		any = false;
	}
	if (any || json_says(mode, STR("any")))
		add_streams(l, r, o, MODE_ANY);
}

size_t pack_probes(const struct pack *p, struct probe **out)
{
	struct list l = {0};

	for (unsigned i = 0; i < p->n_rules; i++) {
		const struct json *list = p->rules[i].probe;

		for (uint32_t k = 0; list && k < list->n; k++)
			add_modes(&l, &p->rules[i], list->v[k]);
	}
	*out = l.v;
	return l.n;
}

void probes_free(struct probe *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		schema_free(v[i].answer);
		schema_free(v[i].frames);
	}
	free(v);
}

bool probe_is_for(const struct probe *p, struct str host, struct str model)
{
	const struct rule *r = p->rule;
	char bare[256];

	model_bare(model, bare, sizeof bare);
	return (!r->vendors || globs_match(r->vendors, host)) &&
	       (!r->models || globs_match(r->models, str_of(bare))) &&
	       (!r->except || !globs_match(r->except, str_of(bare)));
}

void probe_name(const struct probe *p, struct buf *to)
{
	buf_adds(to, p->id);
	if (p->mode != MODE_ANY)
		buf_addf(to, ", %s", mode_name(p->mode));
	buf_addf(to, ", %s", p->stream ? "streamed" : "whole");
}

size_t probe_requests(const struct probe *p)
{
	return p->patches ? p->patches->n : 1;
}

/* ---- RFC 7396 ---- */

static void member(struct buf *to, const struct json *m, bool *first)
{
	if (!*first)
		buf_addc(to, ',');
	*first = false;
	json_quote(to, m->key);
	buf_addc(to, ':');
}

void merge_patch(struct buf *to, const struct json *target,
		 const struct json *patch)
{
	bool first = true;

	if (!json_is(patch, JSON_OBJECT)) {
		json_write(to, patch);
		return;
	}
	buf_addc(to, '{');
	for (uint32_t i = 0; json_is(target, JSON_OBJECT) && i < target->n;
	     i++) {
		const struct json *m = target->v[i];
		const struct json *by = json_get(patch, m->key);

		if (json_is(by, JSON_NULL))
			continue;
		member(to, m, &first);
		if (by)
			merge_patch(to, m, by);
		else
			json_write(to, m);
	}
	for (uint32_t i = 0; i < patch->n; i++) {
		const struct json *m = patch->v[i];

		if (m->kind == JSON_NULL || json_get(target, m->key))
			continue;
		member(to, m, &first);
		merge_patch(to, NULL, m);
	}
	buf_addc(to, '}');
}

/* Changes the text in *to; both are JSON. */
static void patch_text(struct buf *to, const struct json *patch)
{
	struct json_doc *d = json_doc_new();
	struct json_error bad;
	const struct json *target = json_parse(d, buf_str(to), NULL, &bad);
	struct buf next = {0};

	assert(target);
	merge_patch(&next, target, patch);
	json_doc_free(d);
	buf_free(to);
	*to = next;
}

static void patch_with(struct buf *to, struct str patch)
{
	struct json_doc *d = json_doc_new();
	struct json_error bad;
	const struct json *node = json_parse(d, patch, NULL, &bad);

	assert(node);
	patch_text(to, node);
	json_doc_free(d);
}

static void patch_fill(struct buf *to, size_t n)
{
	struct buf b = {0};

	buf_addf(&b, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
	while (n--)
		buf_addc(&b, n % 2 ? 'a' : ' ');
	buf_addf(&b, "\"}]}");
	patch_with(to, buf_str(&b));
	buf_free(&b);
}

void probe_request(const struct probe *p, size_t i, struct str model,
		   struct buf *to)
{
	const struct json *base = json_get(p->rule->pack->node, STR("base"));
	struct buf b = {0};

	assert(i < probe_requests(p));
	buf_addf(&b, "{\"model\":");
	json_quote(&b, model);
	buf_addf(&b, "}");
	if (base)
		patch_text(&b, base);
	else
		patch_with(&b, STR("{\"messages\":[{\"role\":\"user\","
				   "\"content\":\"Say hello.\"}]}"));
	if (p->set)
		patch_text(&b, p->set);
	if (p->stream)
		patch_with(&b, STR("{\"stream\":true,\"stream_options\":"
				   "{\"include_usage\":true}}"));
	patch_text(&b, p->patch);
	if (p->patches)
		patch_text(&b, p->patches->v[i]);
	if (p->fill)
		patch_fill(&b, p->fill);
	buf_adds(to, buf_str(&b));
	buf_free(&b);
}
