/* SPDX-License-Identifier: MIT */
#include "rules/judge/policy.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"
#include "rules/judge/state.h"

enum {
	POLICY_BREACHES,
	POLICY_REFUSED,
	POLICY_SERVED, /* as asked, as far as can be seen */
	POLICY_ECHOED, /* served, with another value than was asked for */
	POLICY_NO_VERDICT,
	POLICY_PROPER,
	POLICY_PROPER_REFUSED,
	POLICY_COUNTS
};

/* One parameter of one model in one mode on one route. */
struct row {
	char *route, *model, *param, *rule;
	enum mode mode;
	uint64_t count[POLICY_COUNTS];
	int64_t example;
	enum policy example_of; /* what it shows */
};

struct policies {
	struct row *rows;
	uint64_t *keys; /* of the rows: looked through for each parameter */
	size_t n;
	struct judge_policy *shown;
};

struct policies *policies_new(void)
{
	return MEM_NEW(struct policies);
}

void policies_free(struct policies *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->rows[i].route);
		free(p->rows[i].model);
		free(p->rows[i].param);
		free(p->rows[i].rule);
	}
	free(p->rows);
	free(p->keys);
	free(p->shown);
	free(p);
}

const char *policy_name(enum policy p)
{
	static const char *const names[] = {"untested", "enforced", "accepted",
					    "overridden"};

	return (unsigned)p < sizeof names / sizeof names[0] ? names[p] : "?";
}

/* ---- counting ---- */

static uint64_t key_of(struct str route, struct str model, struct str param,
		       enum mode mode)
{
	uint64_t key = XXH64(route.p, route.n, mode);

	key = XXH64(model.p, model.n, key);
	return XXH64(param.p, param.n, key);
}

static struct row *add(struct policies *p, struct str route, struct str model,
		       struct str param, struct str rule, enum mode mode)
{
	size_t room = p->n ? p->n * 2 : 1;
	struct row *r;

	if (p->n == POLICIES_MOST)
		return NULL;
	if ((p->n & (p->n - 1)) == 0) {
		p->rows = mem_grow(p->rows, room * sizeof *p->rows);
		p->keys = mem_grow(p->keys, room * sizeof *p->keys);
	}
	p->keys[p->n] = key_of(route, model, param, mode);
	r = &p->rows[p->n++];
	*r = (struct row){str_dup(route), str_dup(model), str_dup(param),
			  str_dup(rule), mode};
	return r;
}

static struct row *row_of(struct policies *p, const struct policy_note *n)
{
	uint64_t key = key_of(n->route, n->model, n->rule->param, n->mode);

	for (size_t i = 0; i < p->n; i++) {
		struct row *r = &p->rows[i];

		if (p->keys[i] == key && r->mode == n->mode &&
		    str_eq(str_of(r->param), n->rule->param) &&
		    str_eq(str_of(r->model), n->model) &&
		    str_eq(str_of(r->route), n->route))
			return r;
	}
	return add(p, n->route, n->model, n->rule->param, n->rule->id, n->mode);
}

static enum policy outcome(const struct row *r)
{
	if (r->count[POLICY_SERVED])
		return POLICY_ACCEPTED;
	if (r->count[POLICY_ECHOED])
		return POLICY_OVERRIDDEN;
	return r->count[POLICY_REFUSED] ? POLICY_ENFORCED : POLICY_UNTESTED;
}

static void note_breach(struct row *r, const struct policy_note *n)
{
	r->count[POLICY_BREACHES]++;
	switch (n->reception) {
	case RECEPTION_SERVED:
		r->count[n->overridden ? POLICY_ECHOED : POLICY_SERVED]++;
		break;
	case RECEPTION_REFUSED:
		r->count[n->other ? POLICY_NO_VERDICT : POLICY_REFUSED]++;
		break;
	default: r->count[POLICY_NO_VERDICT]++;
	}
}

void policies_note(struct policies *p, const struct policy_note *n)
{
	struct row *r = row_of(p, n);

	if (!r)
		return;
	if (n->breach) {
		note_breach(r, n);
	} else {
		r->count[POLICY_PROPER]++;
		if (n->reception == RECEPTION_REFUSED && n->named)
			r->count[POLICY_PROPER_REFUSED]++;
	}
	if (!r->example || outcome(r) != r->example_of) {
		r->example = n->exchange;
		r->example_of = outcome(r);
	}
}

void policies_see(struct policies *p, const struct policy_note *n)
{
	row_of(p, n);
}

/* ---- showing ---- */

static struct judge_policy show(const struct row *r, const struct packs *packs)
{
	return (struct judge_policy){
		.route = str_of(r->route),
		.model = str_of(r->model),
		.param = str_of(r->param),
		.mode = r->mode,
		.rule = packs_rule(packs, str_of(r->rule)),
		.outcome = outcome(r),
		.breaches = r->count[POLICY_BREACHES],
		.refused = r->count[POLICY_REFUSED],
		.served = r->count[POLICY_SERVED] + r->count[POLICY_ECHOED],
		.no_verdict = r->count[POLICY_NO_VERDICT],
		.proper = r->count[POLICY_PROPER],
		.proper_refused = r->count[POLICY_PROPER_REFUSED],
		.example = r->example,
	};
}

size_t policies_list(struct policies *p, const struct packs *packs,
		     const struct judge_policy **out)
{
	size_t n = 0;

	p->shown = mem_grow(p->shown, (p->n + 1) * sizeof *p->shown);
	for (size_t i = 0; i < p->n; i++) {
		p->shown[n] = show(&p->rows[i], packs);
		n += p->shown[n].rule != NULL;
	}
	*out = p->shown;
	return n;
}

/* ---- kept ---- */

void policies_save(const struct policies *p, struct buf *to)
{
	buf_add_varint(to, p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct row *r = &p->rows[i];

		state_put_str(to, str_of(r->route));
		state_put_str(to, str_of(r->model));
		state_put_str(to, str_of(r->param));
		state_put_str(to, str_of(r->rule));
		buf_add_varint(to, r->mode);
		for (unsigned k = 0; k < POLICY_COUNTS; k++)
			buf_add_varint(to, r->count[k]);
		buf_add_varint(to, (uint64_t)r->example);
		buf_add_varint(to, r->example_of);
	}
}

static bool load_row(struct policies *p, struct str *from)
{
	struct str route, model, param, rule;
	uint64_t mode, example, of;
	struct row *r;

	if (!state_get_str(from, &route) || !state_get_str(from, &model) ||
	    !state_get_str(from, &param) || !state_get_str(from, &rule) ||
	    !str_varint(from, &mode) || mode > MODE_INSTANT)
		return false;
	r = add(p, route, model, param, rule, (enum mode)mode);
	if (!r)
		return false;
	for (unsigned k = 0; k < POLICY_COUNTS; k++)
		if (!str_varint(from, &r->count[k]))
			return false;
	if (!str_varint(from, &example) || !str_varint(from, &of) ||
	    of > POLICY_OVERRIDDEN)
		return false;
	r->example = (int64_t)example;
	r->example_of = (enum policy)of;
	return true;
}

bool policies_load(struct policies *p, struct str from)
{
	uint64_t n;

	if (!str_varint(&from, &n))
		return false;
	while (n-- > 0)
		if (!load_row(p, &from))
			return false;
	return from.n == 0;
}
