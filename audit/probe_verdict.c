/* SPDX-License-Identifier: MIT */
/*
 * Verdicts, from the trail alone:
 *
 *	each request:	no answer that decides		-> unknown
 *			refused, served: not as expected -> fail
 *			schemas, findings: a breach	-> fail
 *			a figure
 *	all of them:	figures that do not rise	-> fail
 *
 * One fail fails the probe; else one unknown leaves it open.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "audit/probe_impl.h"
#include "record/trail.h"
#include "rules/judge/check.h"
#include "rules/judge/index.h"
#include "rules/judge/store.h"
#include "rules/schema/schema.h"

/* A request that is being looked at. */
struct look {
	struct item *item;
	struct ask *ask;
	const struct heard *heard;
	int64_t figure, before; /* -1: none */
};

/* A worse verdict takes the place of a better one. */
static void settle(struct item *it, const struct ask *a, enum verdict v,
		   const struct buf *why)
{
	bool worse = it->verdict == VERDICT_PASS ||
		     (it->verdict == VERDICT_UNKNOWN && v == VERDICT_FAIL);

	if (v == VERDICT_PASS || !worse)
		return;
	it->verdict = v;
	it->exchange = a->exchange;
	it->why.n = 0;
	buf_adds(&it->why, buf_str(why));
}

static void settle_take(struct look *l, enum verdict v, struct buf *take_why)
{
	settle(l->item, l->ask, v, take_why);
	buf_free(take_why);
}

/* ---- as expected? ---- */

/* True: the answer may be looked into. */
static bool look_reception(struct look *l)
{
	enum reception r = heard_reception(l->heard);
	bool refuse = l->ask->probe->refuse;
	struct buf why = {0};

	if (r == (refuse ? RECEPTION_REFUSED : RECEPTION_SERVED))
		return !refuse;
	if (r == RECEPTION_NONE)
		buf_addf(&why, "the answer decides nothing: ");
	else if (refuse)
		buf_addf(&why, "expected a refusal (4xx with an error); it "
			       "was served with ");
	else
		buf_addf(&why, "expected to be served; it was refused with ");
	heard_say(l->heard, &why);
	settle_take(l, r == RECEPTION_NONE ? VERDICT_UNKNOWN : VERDICT_FAIL,
		    &why);
	return false;
}

static void say_fault(struct buf *why, const char *what,
		      const struct schema_fault *fault)
{
	buf_addf(why, "%s%s%s: expected %s, observed %s", what,
		 fault->at[0] ? " at " : "", fault->at, fault->expected,
		 fault->observed);
}

static void look_schema(struct look *l, struct schema *s, struct str json,
			const char *what)
{
	struct json_doc *d = json_doc_new();
	struct json_error bad;
	const struct json *root = json_parse(d, json, NULL, &bad);
	struct schema_fault fault = {0};
	enum schema_verdict v =
		root ? schema_check(s, root, &fault) : SCHEMA_UNKNOWN;
	struct buf why = {0};

	if (v == SCHEMA_INVALID)
		say_fault(&why, what, &fault);
	else if (v == SCHEMA_UNKNOWN)
		buf_addf(&why, "%s cannot be checked: %s", what,
			 root ? fault.keyword : bad.why);
	settle_take(l,
		    v == SCHEMA_VALID	  ? VERDICT_PASS
		    : v == SCHEMA_INVALID ? VERDICT_FAIL
					  : VERDICT_UNKNOWN,
		    &why);
	json_doc_free(d);
}

static void look_frames(struct look *l)
{
	struct buf frames = {0};

	probe_frames(heard_body(l->heard), &frames);
	look_schema(l, l->ask->probe->frames, buf_str(&frames), "the stream");
	buf_free(&frames);
}

static void look_answer(struct look *l)
{
	struct buf json = {0};

	answer_to_json(heard_answer(l->heard), &json);
	look_schema(l, l->ask->probe->answer, buf_str(&json), "the answer");
	buf_free(&json);
}

/* ---- figures ---- */

static int64_t characters(struct str s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static int64_t figure_of(const struct answer *a, enum probe_figure f)
{
	const struct choice *c = a->n_choices ? &a->choices[0] : NULL;
	int64_t v = -1;

	switch (f) {
	case PROBE_FIGURE_PROMPT_TOKENS: v = a->usage.prompt; break;
	case PROBE_FIGURE_COMPLETION_TOKENS: v = a->usage.completion; break;
	case PROBE_FIGURE_CONTENT_LENGTH:
		v = c ? characters(buf_str(&c->content)) : -1;
		break;
	case PROBE_FIGURE_REASONING_LENGTH:
		v = c ? characters(buf_str(&c->reasoning)) : -1;
		break;
	case PROBE_FIGURE_NONE:
	case PROBE_FIGURES_N: break;
	}
	return v < 0 ? -1 : v;
}

static void look_figure(struct look *l)
{
	static const char *const names[] = {
#define NAME_(name, text) text,
		PROBE_FIGURES(NAME_)};
	const struct probe *p = l->ask->probe;
	struct buf why = {0};
	bool good = p->same ? l->figure == l->before : l->figure > l->before;

	if (l->figure < 0) {
		buf_addf(&why, "the answer says no %s", names[p->figure]);
		settle_take(l, VERDICT_UNKNOWN, &why);
	} else if (l->ask->number > 0 && l->before >= 0 && !good) {
		buf_addf(&why,
			 "%s of request %zu: expected %s %" PRId64
			 " of the one before, observed %" PRId64,
			 names[p->figure], l->ask->number + 1,
			 p->same ? "the" : "more than the", l->before,
			 l->figure);
		settle_take(l, VERDICT_FAIL, &why);
	}
}

/* ---- one request, one probe ---- */

static void look_served(struct look *l)
{
	const struct probe *p = l->ask->probe;

	if (p->answer)
		look_answer(l);
	if (p->frames)
		look_frames(l);
	if (l->ask->breach.n)
		settle(l->item, l->ask, VERDICT_FAIL, &l->ask->breach);
	if (p->figure == PROBE_FIGURE_NONE)
		return;
	l->figure = figure_of(heard_answer(l->heard), p->figure);
	look_figure(l);
}

/* Also where an exchange of that name asked for something else. */
static void look_nowhere(struct look *l)
{
	struct buf why = {0};

	l->ask->exchange = 0;
	buf_addf(&why, "not asked");
	settle_take(l, VERDICT_UNKNOWN, &why);
}

static bool judge_ask(struct look *l, struct trail *t, struct fail *f)
{
	struct heard *h;

	l->before = l->figure;
	l->figure = -1;
	if (!l->ask->exchange) {
		look_nowhere(l);
		return true;
	}
	h = heard_open(t, l->ask, f);
	l->heard = h;
	if (h && !heard_is_of(h, l->ask))
		look_nowhere(l);
	else if (h && look_reception(l))
		look_served(l);
	heard_free(h);
	return h != NULL;
}

static bool judge_item(struct campaign *c, struct item *it, struct trail *t,
		       struct fail *f)
{
	struct look l = {.item = it, .figure = -1};

	it->verdict = VERDICT_PASS;
	it->exchange = c->asks[it->first].exchange;
	for (size_t i = 0; i < it->n_asks; i++) {
		l.ask = &c->asks[it->first + i];
		if (!judge_ask(&l, t, f))
			return false;
	}
	return true;
}

/* ---- what the judge found ---- */

static bool is_silent(const struct probe *p, struct str rule)
{
	for (uint32_t i = 0; p->silent && i < p->silent->n; i++) {
		if (glob_match(json_text(p->silent->v[i]), rule))
			return true;
	}
	return false;
}

static bool on_finding(void *arg, const struct finding *f)
{
	struct campaign *c = arg;

	for (size_t i = 0; i < c->n_asks; i++) {
		struct ask *a = &c->asks[i];

		if (a->exchange != f->exchange || a->breach.n ||
		    f->severity != SEVERITY_ERROR ||
		    !is_silent(a->probe, f->rule))
			continue;
		buf_addf(&a->breach, "%.*s: expected %.*s, observed %.*s",
			 STR_ARG(f->rule), STR_ARG(f->expected),
			 STR_ARG(f->observed));
	}
	return true;
}

bool probe_judge(struct campaign *c, struct fail *f)
{
	struct trail *t =
		index_ensure(c->trail, f) ? trail_read(c->trail, f) : NULL;
	bool ok =
		t && probe_find(c, t, f) && store_findings(t, on_finding, c, f);

	for (size_t i = 0; ok && i < c->n_items; i++)
		ok = judge_item(c, &c->items[i], t, f);
	trail_close(t);
	return ok;
}

/* ---- going on ---- */

static bool last_row(void *arg, const struct trail_row *row)
{
	*(int64_t *)arg = row->id;
	return true;
}

static bool resume_ask(struct campaign *c, struct ask *a, struct trail *t,
		       struct fail *f)
{
	struct heard *h;

	if (!a->decides)
		return true;
	h = heard_open(t, a, f);
	if (!h)
		return false;
	if (heard_reception(h) != RECEPTION_NONE && heard_is_of(h, a)) {
		a->state = ASK_DONE;
		c->resumed++;
	}
	heard_free(h);
	return true;
}

bool probe_resume(struct campaign *c, struct fail *f)
{
	struct trail_filter newest = {.limit = 1};
	struct trail *t = trail_read(c->trail, f);
	bool ok = t != NULL;

	if (ok && options_flag(c->options, "fresh"))
		ok = trail_list(t, &newest, last_row, &c->after, f);
	ok = ok && probe_find(c, t, f);
	for (size_t i = 0; ok && i < c->n_asks; i++)
		ok = resume_ask(c, &c->asks[i], t, f);
	trail_close(t);
	return ok;
}
