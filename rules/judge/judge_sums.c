/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/judge_impl.h"
#include "rules/judge/memory.h"

/* ---- packs, and what is kept by rule number ---- */

static void fill(struct judge *j, const struct pack *p)
{
	for (unsigned i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];
		const struct check *k =
			r->check.n ? check_named(r->check) : NULL;

		j->runs[r->number] = k ? k->run : NULL;
		j->tallies[r->number].rule = r;
	}
}

void judge_take_packs(struct judge *j, struct packs *p)
{
	struct judge_tally *old = j->tallies;
	unsigned n_old = j->packs ? packs_rules(j->packs) : 0;
	size_t n = packs_rules(p) + 1;

	free(j->runs);
	j->runs = mem_zero(n * sizeof(check_fn *));
	j->tallies = mem_zero(n * sizeof *j->tallies);
	j->shown = mem_grow(j->shown, n * sizeof *j->shown);
	for (size_t i = 0; i < packs_count(p); i++)
		fill(j, packs_at(p, i));
	for (unsigned i = 0; i < n_old; i++) {
		const struct rule *r =
			old[i].rule ? packs_rule(p, old[i].rule->id) : NULL;

		if (!r)
			continue;
		j->tallies[r->number] = old[i];
		j->tallies[r->number].rule = r;
	}
	free(old);
	packs_ref(p);
	packs_unref(j->packs);
	j->packs = p;
}

/* ---- counting ---- */

void judge_count(struct judge *j, struct hearing *x, const struct rule *r,
		 enum verdict v)
{
	const struct rule *now =
		x->packs == j->packs ? r : packs_rule(j->packs, r->id);
	struct judge_tally none = {0};
	struct judge_tally *t = now ? &j->tallies[now->number] : &none;

	switch (v) {
	case VERDICT_NONE: break;
	case VERDICT_PASS:
		t->passed++;
		x->passed++;
		j->sum.passed++;
		break;
	case VERDICT_FAIL:
		t->failed++;
		x->failed++;
		j->sum.failed++;
		break;
	case VERDICT_UNKNOWN:
		t->unknown++;
		x->unknown++;
		j->sum.unknown++;
		break;
	}
}

size_t judge_tallies(struct judge *j, const struct judge_tally **out)
{
	size_t n = 0;

	for (unsigned i = 0; i < packs_rules(j->packs); i++) {
		const struct judge_tally *t = &j->tallies[i];

		if (t->passed || t->failed || t->unknown)
			j->shown[n++] = *t;
	}
	*out = j->shown;
	return n;
}

size_t judge_policies(struct judge *j, const struct judge_policy **out)
{
	return policies_list(j->policies, j->packs, out);
}

void judge_summary(const struct judge *j, struct judge_sum *out)
{
	*out = j->sum;
}

/* ---- what is still open ---- */

static void tell_provisional(struct judge *j, const struct rule *r,
			     struct finding *f)
{
	f->rule = r->id;
	f->version = r->pack->version;
	f->pack = r->pack->name;
	f->severity = judge_severity(r);
	f->party = r->party;
	f->scope = r->scope;
	f->provisional = true;
	if (j->events->finding)
		j->events->finding(j->arg, f);
}

struct pending {
	struct judge *j;
	const struct rule *rule;
};

static void on_pending(void *arg, int64_t exchange, uint64_t wall,
		       struct str route, struct str what)
{
	struct pending *p = arg;
	struct finding f = {
		.exchange = exchange,
		.observed = what,
		.expected = STR("the request sent again"),
		.at = wall,
		.route = route,
	};

	tell_provisional(p->j, p->rule, &f);
}

static void on_low(void *arg, const struct campaign_low *low)
{
	struct finding f = {
		.exchange = low->exchange,
		.observed = low->observed,
		.expected = low->expected,
		.at = low->at,
		.route = low->route,
		.model = low->model,
	};

	tell_provisional(arg, low->rule, &f);
}

void judge_final(struct judge *j)
{
	for (unsigned i = 0; i < packs_rules(j->packs); i++) {
		struct pending p = {j, j->tallies[i].rule};

		if (j->runs[i] == check_client_truncation && p.rule)
			clients_pending(j->clients, on_pending, &p);
	}
	campaign_each(j->campaign, j->packs, on_low, j);
}
