/* SPDX-License-Identifier: MIT */
/* A clerk with two workers' recorders and spools, for its tests. */
#ifndef UNIT_CLERK_HOUSE_H
#define UNIT_CLERK_HOUSE_H

#include "base/clock.h"
#include "fake_trail.h"
#include "record/clerk.h"
#include "record/recorder.h"
#include "record/redact.h"
#include "record/spool.h"

#define WORKERS 2

struct house {
	char dir[64], trail_path[96];
	struct redact_rules *rules;
	struct trail *trail;
	struct spool *spools[WORKERS];
	struct recorder *recorders[WORKERS];
	struct clerk *clerk;
	struct clerk_tap tap;
	struct buf taps; /* what they were told, as text */
};

/* Setup and teardown of a test: everything but the clerk. */
int house_build(void **state);
int house_clear(void **state);

void house_open_spools(struct house *h);
void house_close_spools(struct house *h);
/* False if it does not start because the disk is full. */
bool house_try_clerk(struct house *h, bool strict, bool taps);
void house_start_clerk(struct house *h, bool strict, bool taps);

struct rec *house_open_at(struct house *h, unsigned worker, uint64_t at);
void house_close_it(struct rec *x);
/* Sends the next n bytes of a body that follows from its key. */
void house_send(struct rec *x, uint64_t *sent, size_t n);
bool house_body_is(const struct fake_row *r, uint64_t key, uint64_t n);

#endif
