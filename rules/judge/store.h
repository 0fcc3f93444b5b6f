/* SPDX-License-Identifier: MIT */
/*
 * What judging made of a trail, kept in tables of the trail's own file that
 * can be dropped and made again: chat, finding, judged. Evidence is never
 * touched.
 *
 *	struct store *s = store_new(trail, packs_digest(p), &f);
 *	store_put_finding(s, &finding);		from judge_events
 *	store_put_judged(s, &judged);
 *	store_free(s);
 *
 * Live, rows wait in memory until the clerk commits the exchanges that they
 * are about, and are written in the same transaction.
 */
#ifndef JUDGE_STORE_H
#define JUDGE_STORE_H

#include "record/trail.h"
#include "rules/judge/judge.h"

struct store;

/* What makes the tables, until NULL; the README shows it. */
extern const char *const store_tables[];

/*
 * For a trail open for recording, which must outlive it; used on the thread
 * that commits. Makes the tables if they are missing, or of another form.
 * `digest`: of the packs that judge from now on (packs_digest).
 */
struct store *store_new(struct trail *t, const char *digest,
			struct fail *f) MUST_USE;
void store_free(struct store *s);

void store_put_finding(struct store *s, const struct finding *f);
void store_put_judged(struct store *s, const struct judged *x);

/* Forgets everything: before the trail is judged again. */
bool store_clear(struct store *s, struct fail *f) MUST_USE;

/* Writes what waits, in a transaction of its own: when no commit follows. */
bool store_flush(struct store *s, struct fail *f) MUST_USE;

/*
 * The judge's state, as of all that is sealed now. It is found again only by
 * the same packs and if nothing has been sealed meanwhile; provisional
 * findings are dropped then, because the judge will say them again.
 */
bool store_save_state(struct store *s, struct str state,
		      struct fail *f) MUST_USE;
bool store_load_state(struct store *s, struct buf *state) MUST_USE;

/* ---- reading; any trail open for reading ---- */

/*
 * Narrows a listing to exchanges of a model (as asked for) and with a finding
 * of a rule, both globs, or NULL. The trail must have been judged
 * (index_ensure), else it lists nothing or fails.
 */
void store_filter(struct trail_filter *filter, const char *model,
		  const char *rule);

/* Are the tables there at all? */
bool store_begun(struct trail *t);
/* Has every closed exchange been judged? */
bool store_complete(struct trail *t);

/* Calls `each` in the order in which they were found. Rows that make no sense
 * are passed over: a trail may be anybody's. */
bool store_findings(struct trail *t,
		    bool (*each)(void *arg, const struct finding *f), void *arg,
		    struct fail *f) MUST_USE;

#endif
