/* SPDX-License-Identifier: MIT */
/* What the files of this room share about the running proxy. */
#ifndef RELAY_PROXY_IMPL_H
#define RELAY_PROXY_IMPL_H

#include <stdatomic.h>

#include "relay/worker.h"
#include "seams.h"

struct control;
struct redact_rules;

struct proxy {
	unsigned magic;
	struct settings *settings; /* main thread's reference */
	struct worker **workers;
	unsigned n_workers;
	struct spool **spools;
	struct redact_rules *redact;
	struct trail *trail;
	struct clerk *clerk;
	struct control *control;
	const struct room *rooms;
	void **room_state; /* what each room's start() returned */
	unsigned n_rooms;
	atomic_bool draining;
};

#endif
