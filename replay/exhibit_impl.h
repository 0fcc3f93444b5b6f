/* SPDX-License-Identifier: MIT */
/* What exhibit.c and exhibit_body.c share. Nobody else includes it. */
#ifndef REPLAY_EXHIBIT_IMPL_H
#define REPLAY_EXHIBIT_IMPL_H

#include "exhibit.h"

/* Needs x's heads and gaps. */
bool exhibit_body_load(struct exhibit *x, struct trail *t, enum ev_side side,
		       const struct exhibit_want *want,
		       struct fail *f) MUST_USE;
void exhibit_body_free(struct exhibit_body *b);

#endif
