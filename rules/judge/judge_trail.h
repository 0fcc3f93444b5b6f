/* SPDX-License-Identifier: MIT */
/* Judges a recording: feeds a trail to a judge in the order in which its
 * exchanges closed. */
#ifndef JUDGE_JUDGE_TRAIL_H
#define JUDGE_JUDGE_TRAIL_H

#include "record/trail.h"
#include "rules/judge/judge.h"

/*
 * `t` lists, `contents` is a second handle on the same file, for what a row
 * holds: strings of a handle are lent until its next call. progress may be
 * NULL; it is told now and then: exchanges done, of how many.
 */
bool judge_trail(struct judge *j, struct trail *t, struct trail *contents,
		 void (*progress)(void *arg, uint64_t done, uint64_t all),
		 void *arg, struct fail *f) MUST_USE;

#endif
