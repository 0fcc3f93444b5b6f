/* SPDX-License-Identifier: MIT */
/*
 * Text of answers by prose.h, which must know the request's texts. Gathering
 * those of a long history costs more than the answer, so a text is looked at
 * first with its newest messages alone: more prompt can only exempt.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/check_impl.h"
#include "rules/judge/prose.h"

enum { NEWEST = 4, MARKERS_MOST = 64, DEEP = 64 };

/* ---- the request's texts ---- */

struct texts {
	struct str *v;
	size_t n;
	struct buf strings; /* of tools and schemas, decoded */
};

static void texts_free(struct texts *t)
{
	free(t->v);
	buf_free(&t->strings);
}

/* All strings and names below a node, a line each. */
static void add_strings(struct buf *to, const struct json *j, unsigned depth)
{
	if (j->kind == JSON_STRING) {
		buf_adds(to, json_text(j));
		buf_addc(to, '\n');
		return;
	}
	if (j->kind < JSON_ARRAY || depth == DEEP)
		return;
	for (uint32_t i = 0; i < j->n; i++) {
		buf_adds(to, j->v[i]->key);
		buf_addc(to, '\n');
		add_strings(to, j->v[i], depth + 1);
	}
}

static void add_message(struct texts *t, const struct message *m)
{
	t->v[t->n++] = m->content;
	for (size_t i = 0; i < m->n_calls; i++) {
		buf_adds(&t->strings, m->calls[i].arguments);
		buf_addc(&t->strings, '\n');
	}
	for (size_t i = 0; i < m->n_reasoning; i++) {
		buf_adds(&t->strings, m->reasoning[i].text);
		buf_addc(&t->strings, '\n');
	}
}

/* The newest messages; all of them, tools and schemas too. */
static struct texts gather(const struct request *q, bool all)
{
	size_t from =
		all || q->n_messages < NEWEST ? 0 : q->n_messages - NEWEST;
	struct texts t = {0};

	t.v = mem_alloc((q->n_messages + 1) * sizeof *t.v);
	for (size_t i = from; i < q->n_messages; i++)
		add_message(&t, q->messages[i]);
	for (size_t i = 0; all && i < q->n_tools; i++)
		if (q->tools[i].node)
			add_strings(&t.strings, q->tools[i].node, 0);
	if (all && q->form_schema)
		add_strings(&t.strings, q->form_schema, 0);
	t.v[t.n++] = buf_str(&t.strings);
	return t;
}

/* ---- one text ---- */

/* What prose.h is asked. */
struct question {
	enum { ASK_MARKER, ASK_SCRIPT, ASK_LOOP, ASK_DRIFT, ASK_NGRAM } what;
	struct str markers[MARKERS_MOST];
	size_t n_markers;
	uint32_t from, to;
	unsigned n, most;
	bool arguments, content, reasoning;
};

static bool look(const struct question *k, struct str text,
		 const struct texts *t, struct prose_hit *hit)
{
	struct prose_prompt p = {t->v, t->n};

	switch (k->what) {
	case ASK_MARKER:
		return prose_marker(text, k->markers, k->n_markers, &p, hit);
	case ASK_SCRIPT: return prose_script(text, k->from, k->to, &p, hit);
	case ASK_LOOP: return prose_loop(text, &p, hit);
	case ASK_DRIFT: return prose_drift(text, &p, hit);
	default: return prose_ngram(text, k->n, k->most, &p, hit);
	}
}

static bool look_twice(const struct question *k, const struct request *q,
		       struct str text, struct prose_hit *hit)
{
	bool found = text.n > 0;

	for (int all = 0; all < 2 && found; all++) {
		struct texts t = gather(q, all);

		found = look(k, text, &t, hit);
		texts_free(&t);
	}
	return found;
}

/* ---- the answer's texts ---- */

static enum verdict found(const struct question *k, struct str text,
			  uint64_t at, const struct prose_hit *hit,
			  struct check_result *out)
{
	size_t before = hit->from < 40 ? hit->from : 40;
	struct str near = str_skip(text, hit->from - before);

	while (near.n && (*near.p & 0xc0) == 0x80)
		near = str_skip(near, 1);
	check_shows(out, at, at, near);
	if (hit->times > 1)
		return check_fail(out, "%.*s, %zu times",
				  STR_ARG(check_clip(hit->what, 120)),
				  hit->times);
	return check_fail(out, "%.*s", STR_ARG(check_clip(hit->what, 120)));
}

/* With what the client began: a fence may have been opened there. */
static enum verdict ask_content(const struct question *k,
				const struct request *q,
				const struct choice *ch,
				struct check_result *out)
{
	struct str text = buf_str(&ch->content), prefix = check_prefix(q);
	enum verdict v = VERDICT_PASS;
	struct prose_hit hit = {0};
	struct buf joined = {0};

	if (prefix.n && text.n) {
		buf_adds(&joined, prefix);
		buf_adds(&joined, text);
		text = buf_str(&joined);
	}
	if (look_twice(k, q, text, &hit))
		v = found(k, text, ch->content_at, &hit, out);
	buf_free(&joined);
	return v;
}

static enum verdict ask_choice(const struct question *k,
			       const struct request *q, const struct choice *ch,
			       struct check_result *out)
{
	struct str reasoning = buf_str(&ch->reasoning);
	struct prose_hit hit = {0};

	if (k->content && ask_content(k, q, ch, out) == VERDICT_FAIL)
		return VERDICT_FAIL;
	if (k->reasoning && look_twice(k, q, reasoning, &hit))
		return found(k, reasoning, ch->reasoning_at, &hit, out);
	for (size_t i = 0; k->arguments && i < ch->n_calls; i++) {
		struct str text = buf_str(&ch->calls[i].arguments);

		if (look_twice(k, q, text, &hit))
			return found(k, text, ch->calls[i].offset, &hit, out);
	}
	return VERDICT_PASS;
}

static enum verdict ask(const struct check_case *c, const struct question *k,
			struct check_result *out)
{
	const struct request *q = check_asked(c);
	bool any = false;

	if (!check_served(c))
		return VERDICT_NONE;
	if (!q)
		return VERDICT_UNKNOWN;
	for (size_t i = 0; i < c->a->n_choices; i++) {
		const struct choice *ch = &c->a->choices[i];

		any |= ch->content.n || ch->reasoning.n || ch->n_calls;
		if (ask_choice(k, q, ch, out) == VERDICT_FAIL)
			return VERDICT_FAIL;
	}
	return any ? check_pass(c) : VERDICT_NONE;
}

/* ---- the checks ---- */

static void read_places(const struct rule *r, struct question *k)
{
	const struct json *in = json_get(r->args, STR("in"));

	k->content = !in;
	k->reasoning = !in;
	for (uint32_t i = 0; json_is(in, JSON_ARRAY) && i < in->n; i++) {
		k->content |= json_says(in->v[i], STR("content"));
		k->reasoning |= json_says(in->v[i], STR("reasoning"));
		k->arguments |= json_says(in->v[i], STR("arguments"));
	}
}

enum verdict check_markers(const struct check_case *c, const struct rule *r,
			   struct check_result *out)
{
	const struct json *list = json_get(r->args, STR("markers"));
	struct question k = {.what = ASK_MARKER};

	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->n &&
			     k.n_markers < MARKERS_MOST;
	     i++)
		k.markers[k.n_markers++] = json_text(list->v[i]);
	read_places(r, &k);
	check_expect(out, "text without it");
	return ask(c, &k, out);
}

static uint32_t hex_of(struct str s)
{
	uint32_t v = 0;

	for (size_t i = 0; i < s.n && i < 6; i++) {
		const char *digits = "0123456789abcdef";
		const char *d = strchr(digits, s.p[i] | 0x20);

		if (!d)
			return 0;
		v = v * 16 + (uint32_t)(d - digits);
	}
	return v;
}

enum verdict check_script(const struct check_case *c, const struct rule *r,
			  struct check_result *out)
{
	struct question k = {.what = ASK_SCRIPT,
			     .from = hex_of(check_arg(r, STR("from"))),
			     .to = hex_of(check_arg(r, STR("to"))),
			     .content = true};

	if (!k.to)
		return VERDICT_NONE;
	check_expect(out, "no characters U+%04X to U+%04X", k.from, k.to);
	return ask(c, &k, out);
}

enum verdict check_repetition_loop(const struct check_case *c,
				   const struct rule *r,
				   struct check_result *out)
{
	struct question k = {
		.what = ASK_LOOP, .content = true, .reasoning = true};

	check_expect(out, "text that goes on");
	return ask(c, &k, out);
}

enum verdict check_language_drift(const struct check_case *c,
				  const struct rule *r,
				  struct check_result *out)
{
	struct question k = {.what = ASK_DRIFT, .content = true};

	check_expect(out, "the script of the request");
	return ask(c, &k, out);
}

enum verdict check_ngram(const struct check_case *c, const struct rule *r,
			 struct check_result *out)
{
	struct question k = {.what = ASK_NGRAM, .content = true};
	int64_t n = 0, most = 0;

	if (!json_int(json_get(r->args, STR("n")), &n) || n < 1 || n > 64 ||
	    !json_int(json_get(r->args, STR("most")), &most) || most < 1 ||
	    most > 1000000)
		return VERDICT_NONE;
	k.n = (unsigned)n;
	k.most = (unsigned)most;
	check_expect(out, "at most %u times", k.most);
	return ask(c, &k, out);
}
