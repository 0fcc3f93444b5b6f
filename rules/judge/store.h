/* SPDX-License-Identifier: MIT */
/*
 * What judging made of a trail, kept in tables of the trail's own file that
 * can be dropped and made again: chat, finding, judged. Evidence is never
 * touched.
 *
 *	store_put_finding(s, &f);		from judge_events
 *	store_put_judged(s, &x);
 *
 * Live, rows wait in memory until the clerk commits the exchanges that they
 * are about, and are written in the same transaction.
 */
#ifndef JUDGE_STORE_H
#define JUDGE_STORE_H

#include "record/trail.h"
#include "rules/judge/judge.h"

struct store;

/* For a trail open for recording. */
struct store *store_new(struct trail *t, struct fail *f) MUST_USE;
void store_free(struct store *s);

void store_put_finding(struct store *s, const struct finding *f);
void store_put_judged(struct store *s, const struct judged *x);

/* Forgets everything (before judging again), or provisional findings. */
bool store_clear(struct store *s, struct fail *f) MUST_USE;
bool store_drop_provisional(struct store *s, struct fail *f) MUST_USE;

/* Writes what waits, in a transaction of its own. */
bool store_flush(struct store *s, struct fail *f) MUST_USE;

/* The judge's state, and the packs and the number of seals that it is of. */
bool store_save_state(struct store *s, const char *digest, struct str state,
		      struct fail *f) MUST_USE;
/* False: none, or of other packs, or exchanges have been sealed since. */
bool store_load_state(struct store *s, const char *digest, struct buf *state);

/* ---- reading; any trail open for reading ---- */

/* Is every closed exchange judged, by these packs? */
bool store_current(struct trail *t, const char *digest);
/* Calls `each` in the order found; borrowed for the call. */
bool store_findings(struct trail *t,
		    bool (*each)(void *arg, const struct finding *f), void *arg,
		    struct fail *f) MUST_USE;

#endif
