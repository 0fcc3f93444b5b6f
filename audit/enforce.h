/* SPDX-License-Identifier: MIT */
/*
 * The gate of --enforce PACK: a request that breaks a certain rule of the
 * pack is answered 400 in its vendor's words and never sent. Everything else
 * passes untouched; what cannot be judged passes, and is counted.
 *
 *	ask (worker) --- small ----------------> judged at once
 *		     '-- large, coded or busy --> queue --> helper thread
 *							    |
 *	exchange goes on <------------ gate_release() ------'
 *
 *	struct enforce *e = enforce_new(packs, STR("kimi-k2.6"), 8 << 20, p,
 *					&f);
 *	room.gate = enforce_gate(e);
 *	enforce_free(e);
 *
 * Enforced are the rules of the pack, and what users add to it, that bind the
 * client, concern the request alone, are errors, and need no memory: schemas
 * and checks of requests (check_of_request). They apply to a request as
 *packs_select() says, so to the models that the pack is for, or to all that
 *--pack holds to it.
 */
#ifndef AUDIT_ENFORCE_H
#define AUDIT_ENFORCE_H

#include "rules/pack/pack.h"
#include "seams.h"

struct enforce;

/*
 * The packs are referenced, and must be its own: a schema is checked by one
 * thread at a time, and no judge may use them meanwhile. Codes: no_such_pack,
 * no_thread.
 */
struct enforce *enforce_new(struct packs *packs, struct str pack,
			    size_t gate_limit, struct proxy *p,
			    struct fail *f) MUST_USE;
/* Waits for the helper. No worker may ask any more. NULL is nothing. */
void enforce_free(struct enforce *e);

/* Safe for all workers at once; never blocks. Lives as long as e. */
const struct gate *enforce_gate(struct enforce *e);

/* A line for the summary at drain. */
void enforce_summary(const struct enforce *e, struct buf *out);

#endif
