/* SPDX-License-Identifier: MIT */
/*
 * A judge whose findings are kept in the trail that it judges: live, as the
 * clerk records it, or over what is there already.
 *
 *	struct index *ix = index_new(trail, path, packs, &events, me, &f);
 *	index_catch_up(ix, progress, me, &f);	what was there before
 *	judge_open(index_judge(ix), ...) ...	live
 *	index_finish(ix, &f);			what can be said at the end
 *	index_free(ix);
 */
#ifndef JUDGE_INDEX_H
#define JUDGE_INDEX_H

#include "rules/judge/store.h"

struct index;

typedef void index_progress(void *arg, uint64_t done, uint64_t all);

/*
 * `t` is open for recording, `path` is its file. events (may be NULL; its
 * functions too) are told of everything that is kept.
 */
struct index *index_new(struct trail *t, const char *path, struct packs *p,
			const struct judge_events *events, void *arg,
			struct fail *f) MUST_USE;
void index_free(struct index *ix);

struct judge *index_judge(struct index *ix);
/* Other packs from the next exchange on. */
void index_set_packs(struct index *ix, struct packs *p);

/* Takes up the state that index_finish() left, or else judges the trail from
 * its beginning, without telling the events. */
bool index_catch_up(struct index *ix, index_progress *progress, void *arg,
		    struct fail *f) MUST_USE;

/* Judges the trail from its beginning, whatever was kept; tells the events. */
bool index_again(struct index *ix, index_progress *progress, void *arg,
		 struct fail *f) MUST_USE;

/* Says what can be said at the end: provisional findings. Nothing is judged
 * after it. */
void index_final(struct index *ix);

/* The same if it has not been said, and keeps it, with the state for the next
 * time. Everything that was judged has been committed. */
bool index_finish(struct index *ix, struct fail *f) MUST_USE;

/*
 * Sees to it that a trail has been judged, for who reads what was derived: by
 * the built-in packs, if nobody has done it yet. A trail that a proxy records
 * into is left alone: its live audit keeps it up to date. Codes: not_judged
 * (and cannot be: it is another's file).
 */
bool index_ensure(const char *path, struct fail *f) MUST_USE;

#endif
