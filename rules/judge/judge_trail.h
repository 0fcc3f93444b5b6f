/* SPDX-License-Identifier: MIT */
/* Judges a recording: feeds a trail to a judge in the order in which its
 * exchanges closed. */
#ifndef JUDGE_JUDGE_TRAIL_H
#define JUDGE_JUDGE_TRAIL_H

#include "record/trail.h"
#include "rules/judge/judge.h"

/* progress may be NULL; told now and then: exchanges done, of how many. */
bool judge_trail(struct judge *j, struct trail *t,
		 void (*progress)(void *arg, uint64_t done, uint64_t all),
		 void *arg, struct fail *f) MUST_USE;

#endif
