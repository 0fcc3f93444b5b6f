/* SPDX-License-Identifier: MIT */
/*
 * The state as bytes:
 *
 *	version, digest of the packs, sums, tallies by rule id,
 *	policies, campaign, passback, meter, clients, identity
 *
 * each part behind its length, so that a damaged one cannot read another's.
 */
#include <stdlib.h>

#include "rules/judge/judge_impl.h"
#include "rules/judge/memory.h"
#include "rules/judge/state.h"

#define STATE_VERSION STR("assay judge 1")

enum { SUMS = sizeof(struct judge_sum) / sizeof(uint64_t) };

/* ---- sums and tallies ---- */

static void save_sums(const struct judge *j, struct buf *to)
{
	uint64_t sums[SUMS];

	memcpy(sums, &j->sum, sizeof sums);
	for (unsigned i = 0; i < SUMS; i++)
		buf_add_varint(to, sums[i]);
}

static bool load_sums(struct judge *j, struct str *from)
{
	uint64_t sums[SUMS];

	for (unsigned i = 0; i < SUMS; i++)
		if (!str_varint(from, &sums[i]))
			return false;
	memcpy(&j->sum, sums, sizeof sums);
	return true;
}

static void save_tallies(struct judge *j, struct buf *to)
{
	const struct judge_tally *t;
	size_t n = judge_tallies(j, &t);

	buf_add_varint(to, n);
	for (size_t i = 0; i < n; i++) {
		state_put_str(to, t[i].rule->id);
		buf_add_varint(to, t[i].passed);
		buf_add_varint(to, t[i].failed);
		buf_add_varint(to, t[i].unknown);
	}
}

static bool load_tallies(struct judge *j, struct str *from)
{
	uint64_t n;

	if (!str_varint(from, &n))
		return false;
	while (n-- > 0) {
		struct judge_tally t;
		struct str id;

		if (!state_get_str(from, &id) || !str_varint(from, &t.passed) ||
		    !str_varint(from, &t.failed) ||
		    !str_varint(from, &t.unknown))
			return false;
		t.rule = packs_rule(j->packs, id);
		if (!t.rule)
			return false;
		j->tallies[t.rule->number] = t;
	}
	return true;
}

/* ---- parts ---- */

#define STATE_PARTS(X)                                                         \
	X(policies) X(campaign) X(passback) X(meter) X(clients) X(identity)

void judge_save(struct judge *j, struct buf *to)
{
	struct buf part = {0};

	state_put_str(to, STATE_VERSION);
	state_put_str(to, str_of(packs_digest(j->packs)));
	save_sums(j, to);
	save_tallies(j, to);
#define SAVE_(name)                                                            \
	part.n = 0;                                                            \
	name##_save(j->name, &part);                                           \
	state_put_str(to, buf_str(&part));
	STATE_PARTS(SAVE_)
	buf_free(&part);
}

static bool load(struct judge *j, struct str from)
{
	struct str text;

	if (!state_get_str(&from, &text) || !str_eq(text, STATE_VERSION) ||
	    !state_get_str(&from, &text) ||
	    !str_eq(text, str_of(packs_digest(j->packs))) ||
	    !load_sums(j, &from) || !load_tallies(j, &from))
		return false;
#define LOAD_(name)                                                            \
	if (!state_get_str(&from, &text) || !name##_load(j->name, text))       \
		return false;
	STATE_PARTS(LOAD_)
	return from.n == 0;
}

static void forget(struct judge *j)
{
	judge_memory_free(j);
	judge_memory_new(j);
	j->sum = (struct judge_sum){0};
	for (unsigned i = 0; i < packs_rules(j->packs); i++)
		j->tallies[i] = (struct judge_tally){j->tallies[i].rule};
}

/* Parts are loaded into new ones, and a half-loaded one is none. */
bool judge_load(struct judge *j, struct str from)
{
	bool good;

	forget(j);
	good = load(j, from);
	if (!good)
		forget(j);
	return good;
}
