/* SPDX-License-Identifier: MIT */
/*
 * Inside the memory of clients: who asked what, and which truncated answers
 * wait to be asked for again.
 *
 *	ring of recent requests	   [client, body, exchange, failed] ...
 *	truncations that wait	   [client, body, exchange, closed, begun] ...
 */
#ifndef JUDGE_CLIENTS_IMPL_H
#define JUDGE_CLIENTS_IMPL_H

#include "rules/judge/check_impl.h"

enum {
	CLIENTS_RECENT = 4096,
	CLIENTS_PENDING = 256,
	/* A client that began so many requests, for so long, without asking
	 * again has taken the truncated answer for one. A retry that is still
	 * on its way is known only when it has ended, hence the patience. */
	CLIENTS_PATIENCE_REQUESTS = 16,
	CLIENTS_PATIENCE_S = 600,
};

struct clients_asked {
	uint64_t client, body;
	int64_t exchange;
	bool failed;
};

struct clients_cut {
	uint64_t client, body;
	int64_t exchange;
	uint64_t wall;	/* when it ended, ns since 1970 */
	uint64_t begun; /* requests of the client that began later */
	struct buf route, what;
};

struct clients {
	struct clients_asked *recent; /* a ring of CLIENTS_RECENT */
	uint64_t n_asked;	      /* ever */
	struct clients_cut cuts[CLIENTS_PENDING];
	size_t n_cuts;
};

/* The newest request of this client with this very body; NULL: none. */
const struct clients_asked *clients_same(const struct clients *p,
					 uint64_t client, uint64_t body);

/* The truncation that this exchange shows to be taken for an answer, or NULL.
 */
const struct clients_cut *clients_given_up(const struct clients *p,
					   const struct check_case *c);

/* How the vendor cut this answer short, as a phrase, or NULL. */
const char *clients_cut_how(const struct check_case *c);

#endif
