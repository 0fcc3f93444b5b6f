/* SPDX-License-Identifier: MIT */
/* What upper rooms call: to release a gate, to start a request, and to know
 * their proxy. */
#include "seams.h"

#include <assert.h>

#include "relay/proxy_impl.h"

struct trail *proxy_trail(struct proxy *p)
{
	return p->trail;
}

void *proxy_room_arg(const struct proxy *p)
{
	assert(p->n_rooms_started < p->n_rooms);
	return p->rooms[p->n_rooms_started].arg;
}

/* A key's high bits name the worker that made it, counted from 1. */
void gate_release(struct proxy *p, uint64_t key, enum gate_verdict v,
		  struct gate_answer *a)
{
	unsigned worker = (unsigned)(key >> 48);

	assert(worker >= 1 && worker <= p->n_workers);
	worker_gate_release(p->workers[worker - 1], key, v, a);
}

static bool has_route(struct proxy *p, const char *route)
{
	struct settings *s = proxy_settings(p);
	bool has = settings_upstream(s, str_of(route)) != NULL;

	settings_unref(s);
	return has;
}

bool origin_start(struct proxy *p, const struct origin_request *q,
		  struct fail *f)
{
	struct worker *best = p->workers[0];
	unsigned least = ~0u;

	if (atomic_load(&p->draining)) {
		head_free(q->head);
		return fail_set(f, FAIL_USER, "proxy_draining",
				"the proxy is stopping: nothing new is sent");
	}
	if (!has_route(p, q->route)) {
		head_free(q->head);
		return fail_set(f, FAIL_USER, "no_such_route",
				"there is no upstream named '%s'", q->route);
	}
	for (unsigned i = 0; i < p->n_workers; i++) {
		struct worker_figures fig;

		worker_figures(p->workers[i], &fig);
		if (fig.exchanges < least) {
			least = fig.exchanges;
			best = p->workers[i];
		}
	}
	worker_originate(best, q);
	return true;
}
