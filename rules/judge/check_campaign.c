/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/campaign.h"
#include "rules/judge/check_impl.h"
#include "rules/judge/state.h"

/* How one rule's share stands for one model on one route. */
struct share {
	char *rule, *route, *model;
	uint64_t good, all;
	int64_t bad;	 /* the last exchange that was not good */
	uint64_t bad_at; /* wall clock */
};

struct campaign {
	struct share *v;
	size_t n;
};

struct campaign *campaign_new(void)
{
	return MEM_NEW(struct campaign);
}

void campaign_free(struct campaign *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].rule);
		free(p->v[i].route);
		free(p->v[i].model);
	}
	free(p->v);
	free(p);
}

/* ---- what counts ---- */

/* Did the vendor fail: an answer cut, an error of its own? */
static bool vendor_failed(const struct check_case *c)
{
	return c->close->outcome == EV_TRUNCATED ||
	       c->close->outcome == EV_RESET_BY_VENDOR ||
	       (c->answered && c->status >= 500) ||
	       (c->a && c->a->error && c->status / 100 == 2);
}

static enum verdict share_success(const struct check_case *c)
{
	if (check_served(c) && check_whole(c))
		return VERDICT_PASS;
	return vendor_failed(c) ? VERDICT_FAIL : VERDICT_NONE;
}

static enum verdict share_finish_tool(const struct check_case *c)
{
	const struct request *q = check_asked(c);

	if (!q || !q->n_tools || q->tool_choice == TOOLS_NONE ||
	    !check_served(c) || !check_whole(c) || !c->a->n_choices)
		return VERDICT_NONE;
	return check_finish(c->a, c->a->choices) == FINISH_CALLS ? VERDICT_PASS
								 : VERDICT_FAIL;
}

static enum verdict share_not_only_reasoning(const struct check_case *c)
{
	const struct choice *ch;

	if (!check_served(c) || !check_whole(c) || !c->a->n_choices)
		return VERDICT_NONE;
	ch = c->a->choices;
	if (check_finish(c->a, ch) == FINISH_LENGTH)
		return VERDICT_NONE; /* the client's limit cut it there */
	return ch->content.n || ch->n_calls || ch->refusal.n || !ch->reasoning.n
		       ? VERDICT_PASS
		       : VERDICT_FAIL;
}

static enum verdict verdict_of(const struct check_case *c, struct str of)
{
	if (str_eq(of, STR("success")))
		return share_success(c);
	if (str_eq(of, STR("finish_tool")))
		return share_finish_tool(c);
	if (str_eq(of, STR("not_only_reasoning")))
		return share_not_only_reasoning(c);
	return VERDICT_NONE;
}

/* Told at the end, by campaign_each(): one exchange proves no share. */
enum verdict check_rate(const struct check_case *c, const struct rule *r,
			struct check_result *out)
{
	return VERDICT_NONE;
}

/* ---- counting ---- */

static struct share *add(struct campaign *p, struct str rule, struct str route,
			 struct str model)
{
	if (p->n == CAMPAIGN_MOST)
		return NULL;
	if ((p->n & (p->n - 1)) == 0)
		p->v = mem_grow(p->v, (p->n ? p->n * 2 : 1) * sizeof *p->v);
	p->v[p->n] =
		(struct share){str_dup(rule), str_dup(route), str_dup(model)};
	return &p->v[p->n++];
}

static struct share *share_of(struct campaign *p, struct str rule,
			      struct str route, struct str model)
{
	for (size_t i = 0; i < p->n; i++) {
		struct share *s = &p->v[i];

		if (str_eq(str_of(s->rule), rule) &&
		    str_eq(str_of(s->route), route) &&
		    str_eq(str_of(s->model), model))
			return s;
	}
	return add(p, rule, route, model);
}

void campaign_note(struct campaign *p, const struct rule *r,
		   const struct check_case *c)
{
	const struct request *q = check_asked(c);
	enum verdict v = verdict_of(c, check_arg(r, STR("of")));
	struct share *s;

	if (v == VERDICT_NONE || !q)
		return;
	s = share_of(p, r->id, c->route, q->model);
	if (!s)
		return;
	s->all++;
	if (v == VERDICT_PASS) {
		s->good++;
	} else {
		s->bad = c->id;
		s->bad_at = c->started_wall + c->close->mark[EV_MARK_DONE];
	}
}

/* ---- telling ---- */

static bool is_low(const struct share *s, const struct rule *r, double *least)
{
	int64_t after = 0;

	if (!json_number(json_get(r->args, STR("least")), least))
		return false;
	json_int(json_get(r->args, STR("after")), &after);
	return s->all >= (uint64_t)(after > 0 ? after : 1) &&
	       (double)s->good * 100 < *least * (double)s->all;
}

void campaign_each(const struct campaign *p, const struct packs *packs,
		   void (*each)(void *arg, const struct campaign_low *low),
		   void *arg)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct share *s = &p->v[i];
		const struct rule *r = packs_rule(packs, str_of(s->rule));
		struct buf observed = {0}, expected = {0};
		double least;

		if (!r || !is_low(s, r, &least))
			continue;
		buf_addf(&observed, "%" PRIu64 " of %" PRIu64 " (%.1f %%)",
			 s->good, s->all,
			 (double)s->good * 100 / (double)s->all);
		buf_addf(&expected, "at least %g %%", least);
		each(arg, &(struct campaign_low){
				  r, str_of(s->route), str_of(s->model),
				  buf_str(&observed), buf_str(&expected),
				  s->bad, s->bad_at});
		buf_free(&observed);
		buf_free(&expected);
	}
}

/* ---- kept ---- */

void campaign_save(const struct campaign *p, struct buf *to)
{
	buf_add_varint(to, p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct share *s = &p->v[i];

		state_put_str(to, str_of(s->rule));
		state_put_str(to, str_of(s->route));
		state_put_str(to, str_of(s->model));
		buf_add_varint(to, s->good);
		buf_add_varint(to, s->all);
		buf_add_varint(to, (uint64_t)s->bad);
		buf_add_varint(to, s->bad_at);
	}
}

static bool load_share(struct campaign *p, struct str *from)
{
	struct str rule, route, model;
	struct share *s;
	uint64_t bad;

	if (!state_get_str(from, &rule) || !state_get_str(from, &route) ||
	    !state_get_str(from, &model))
		return false;
	s = add(p, rule, route, model);
	if (!s || !str_varint(from, &s->good) || !str_varint(from, &s->all) ||
	    !str_varint(from, &bad) || !str_varint(from, &s->bad_at))
		return false;
	s->bad = (int64_t)bad;
	return s->good <= s->all;
}

bool campaign_load(struct campaign *p, struct str from)
{
	uint64_t n;

	if (!str_varint(&from, &n))
		return false;
	while (n-- > 0)
		if (!load_share(p, &from))
			return false;
	return from.n == 0;
}
