/* SPDX-License-Identifier: MIT */
/*
 * Shares of exchanges over a whole campaign, for rules that name check
 * `rate`: counted as exchanges close, told at the end.
 *
 *	campaign_note(p, rule, c);
 *	campaign_each(p, packs, tell, me);
 *
 * At most CAMPAIGN_MOST counts; what comes then is not counted. One thread.
 */
#ifndef JUDGE_CAMPAIGN_H
#define JUDGE_CAMPAIGN_H

#include "rules/judge/check.h"

enum { CAMPAIGN_MOST = 4096 };

struct campaign;

struct campaign *campaign_new(void);
void campaign_free(struct campaign *p);

void campaign_note(struct campaign *p, const struct rule *r,
		   const struct check_case *c);

/* A share that is below what its rule asks for. Borrowed. */
struct campaign_low {
	const struct rule *rule;
	struct str route, model, observed, expected;
	int64_t exchange; /* the last that was counted against it */
	uint64_t at;	  /* wall clock */
};
void campaign_each(const struct campaign *p, const struct packs *packs,
		   void (*each)(void *arg, const struct campaign_low *low),
		   void *arg);

void campaign_save(const struct campaign *p, struct buf *to);
bool campaign_load(struct campaign *p, struct str from) MUST_USE;

#endif
