/* SPDX-License-Identifier: MIT */
/*
 * What vendors do about fixed parameters: for each (route, model, mode,
 * parameter) how often it was breached and with which reception.
 *
 *	policies_note(p, &note);
 *	n = policies_list(p, packs, &rows);
 *
 * At most POLICIES_MOST rows; what comes then is not counted. One thread.
 */
#ifndef JUDGE_POLICY_H
#define JUDGE_POLICY_H

#include "rules/judge/check.h"
#include "rules/judge/judge.h"

enum { POLICIES_MOST = 4096 };

struct policies;

struct policies *policies_new(void);
void policies_free(struct policies *p);

struct policy_note {
	struct str route, model;
	enum mode mode;
	const struct rule *rule; /* its param is what is fixed */
	bool breach;		 /* else: explicitly as the contract has it */
	enum reception reception;
	bool named;	 /* a refusal speaks of this parameter */
	bool other;	 /* a refusal says that it is about another */
	bool overridden; /* served, and the answer echoes another value */
	int64_t exchange;
};
void policies_note(struct policies *p, const struct policy_note *n);
/* The rule applies, the request does not say the parameter. */
void policies_see(struct policies *p, const struct policy_note *n);

/* Borrowed until the next call. Rules are looked up in these packs. */
size_t policies_list(struct policies *p, const struct packs *packs,
		     const struct judge_policy **out);

void policies_save(const struct policies *p, struct buf *to);
bool policies_load(struct policies *p, struct str from) MUST_USE;

#endif
