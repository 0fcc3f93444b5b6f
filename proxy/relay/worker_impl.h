/* SPDX-License-Identifier: MIT */
/* What the files of this room share about a worker. Its thread only. */
#ifndef RELAY_WORKER_IMPL_H
#define RELAY_WORKER_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "record/recorder.h"
#include "relay/worker.h"
#include "wire/http.h"
#include "wire/loop.h"

struct door;
struct exchange;
struct listener;

/*
 * Settings in force and the pool that goes with them. A reload makes new
 * ones; the old live on until their last exchange has ended.
 */
struct routes {
	struct worker *worker;
	struct settings *settings;
	struct pool *pool;
	unsigned refs;
};
struct routes *routes_new(struct worker *w, struct settings *s);
struct routes *routes_ref(struct routes *r);
void routes_unref(struct routes *r);

LIST_HEAD(door_list, door);
LIST_HEAD(exchange_list, exchange);
TAILQ_HEAD(turn_list, exchange);

struct worker {
	unsigned magic, number;
	pthread_t thread;
	struct loop *loop;
	struct recorder *recorder;
	struct routes *routes;
	const struct gate *gates;
	unsigned n_gates;
	size_t gate_limit; /* the most that any gate wants to see */

	struct listener *listeners;
	unsigned n_listeners;
	struct door_list doors;
	struct exchange_list exchanges;
	struct turn_list turn; /* exchanges with output in this turn */

	bool strict;
	int room_fd; /* the clerk makes it readable: there is room again */
	struct event *room_event;

	bool draining;
	uint64_t drain_deadline;

	/* Read by other threads. */
	atomic_uint n_doors, n_exchanges;
	atomic_ullong accepted, finished;
	atomic_bool reads_held;
};

/* After recording: in strict mode, stops reading before the ring is full. */
void worker_check_room(struct worker *w);
/* An exchange or a door has gone: the drain may be complete. */
void worker_check_drained(struct worker *w);

/* ---- door.c: client connections ---- */

/* Takes an accepted socket. */
void door_open(struct worker *w, int fd, const struct settings *s);
void door_close(struct door *d, bool now);
void door_close_all(struct worker *w, bool now);

/* ---- listen.c ---- */

bool listen_open(struct worker *w, bool shared, uint16_t *ports,
		 struct fail *f) MUST_USE;
void listen_start(struct worker *w);
/* Once a second: accepts again where file descriptors had run out. */
void listen_tick(struct worker *w);
void listen_close(struct worker *w);

/* ---- vendor.c: what the pool tells about vendor connections ---- */

extern const struct pool_events vendor_events;

/* Facts of a connection in the recorder's terms; `peer` is scratch memory. */
void conn_facts(const struct http_conn *c, enum http_version v,
		struct ev_conn *out, char peer[64]);

#endif
