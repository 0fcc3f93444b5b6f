/* SPDX-License-Identifier: MIT */
/* What the files that implement enforce.h share. Nobody else includes it. */
#ifndef AUDIT_ENFORCE_IMPL_H
#define AUDIT_ENFORCE_IMPL_H

#include <pthread.h>

#include "audit/enforce.h"
#include "rules/meaning/request.h"

/* The rules, which one thread asks at a time. */
struct enforce_rules {
	struct packs *packs;
	const struct pack *pack;
	pthread_mutex_t lock;
};

enum enforced { ENFORCED_PASSED, ENFORCED_REFUSED, ENFORCED_UNKNOWN };

/* Asks all that apply to this request; the lock is held. REFUSED: *answer is
 * filled in. */
enum enforced enforce_judge(struct enforce_rules *r, struct request *q,
			    struct str route, struct gate_answer *answer);

#endif
