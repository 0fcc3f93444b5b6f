/* SPDX-License-Identifier: MIT */
/*
 * The live audit: the clerk's tap, tied to a judge whose findings are kept in
 * the trail. It sees records after they have been relayed, so it can neither
 * alter nor delay traffic.
 *
 *	clerk's thread:  tap -> judge -> trail's derived tables, a line each
 *	main thread:	 start, reload, verbs, summary, stop
 *
 * A lock lies between the two; nobody else ever takes it.
 */
#ifndef AUDIT_LIVE_H
#define AUDIT_LIVE_H

#include "seams.h"

struct live;
struct packs;

/* Judges first what the trail at `path` holds already, if nobody has. Codes of
 * the store's and the trail's. */
struct live *live_new(struct trail *t, const char *path, struct packs *p,
		      struct fail *f) MUST_USE;
/* What can be said at the end, and the judge's state, go into the trail. */
void live_free(struct live *l);

const struct clerk_tap *live_tap(struct live *l);

/* Other packs from the next exchange on. */
void live_set_packs(struct live *l, struct packs *p);

/* Lines for the summary at drain, when nothing more will be judged. */
void live_summary(struct live *l, struct buf *out);
/* So far, as one JSON object. */
void live_json(struct live *l, struct buf *out);

#endif
