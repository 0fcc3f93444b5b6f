/* SPDX-License-Identifier: MIT */
/*
 * A door: one client connection. Its streams become exchanges; it is what
 * the record knows as the client side's connection.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "relay/exchange.h"

struct door {
	LIST_ENTRY(door) link;
	struct worker *worker;
	struct wire *wire;	/* until it is ready, NULL after */
	struct http_conn *conn; /* then this */
	uint64_t key;		/* the recorder's; 0 until the first request */
};

/* Recorded at the first request: only then is the HTTP version known. */
static void record_door(struct door *d, struct http_conn *c,
			enum http_version v)
{
	struct ev_conn e;
	char peer[64];

	if (d->key)
		return;
	conn_facts(c, v, &e, peer);
	e.side = EV_REQUEST;
	d->key = recorder_conn(d->worker->recorder, &e);
	c->tag = d->key;
}

static void on_stream(void *owner, struct http_stream *s)
{
	struct door *d = owner;

	record_door(d, s->conn, http_version_of(s));
	s->events = &relay_down_events;
	s->who = exchange_accept(d->worker, d, s);
}

/* A request that never became a stream still leaves its row. */
static void on_refused(void *owner, struct http_conn *c, unsigned status,
		       const char *code, const char *why)
{
	struct door *d = owner;
	struct worker *w = d->worker;
	uint64_t now = clock_mono();
	struct ev_open o = {.kind = EV_CLIENT,
			    .started_wall = clock_wall(),
			    .started_mono = now};
	struct ev_close end = {.outcome = EV_BLOCKED,
			       .status = status,
			       .answered_by_assay = status != 0};

	record_door(d, c, c->codec ? c->codec->version : HTTP_1_1);
	o.conn_down = d->key;
	snprintf(end.error, sizeof end.error, "%s", code);
	end.mark[EV_MARK_DONE] = 1;
	rec_close(rec_open(w->recorder, &o), &end);
	atomic_fetch_add_explicit(&w->finished, 1, memory_order_relaxed);
	log_info("client", "refused a request: %s [%s]", why, code);
	worker_check_room(w);
}

static void bury_door(struct door *d)
{
	struct worker *w = d->worker;

	LIST_REMOVE(d, link);
	atomic_fetch_sub_explicit(&w->n_doors, 1, memory_order_relaxed);
	loop_bury(w->loop, d, free);
	worker_check_drained(w);
}

static void on_closed(void *owner, struct http_conn *c)
{
	struct door *d = owner;

	(void)c;
	if (d->key)
		recorder_conn_closed(d->worker->recorder, d->key, clock_mono());
	bury_door(d);
}

static const struct http_server door_server = {on_stream, on_closed,
					       on_refused};

static void on_ready(void *who, const struct fail *f)
{
	struct door *d = who;
	const struct settings *s = d->worker->routes->settings;
	struct http_limits lim = {
		.max_head = s->max_head,
		.max_streams = 1000,
		.head_timeout_ns = 30 * NS_PER_S,
		.idle_timeout_ns = 0,
	};

	if (f) {
		log_info("client", "%s [%s]", f->text, f->code);
		bury_door(d);
		return;
	}
	d->conn = http_serve(d->wire, &lim, &door_server, d);
	d->wire = NULL;
	if (d->worker->draining)
		http_close(d->conn, false);
}

void door_open(struct worker *w, int fd, const struct settings *s)
{
	struct door *d = MEM_NEW(struct door);

	d->worker = w;
	LIST_INSERT_HEAD(&w->doors, d, link);
	atomic_fetch_add_explicit(&w->n_doors, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->accepted, 1, memory_order_relaxed);
	d->wire = wire_accept(w->loop, fd, s->server_tls, on_ready, d);
}

void door_close(struct door *d, bool now)
{
	if (d->conn) {
		http_close(d->conn, now);
	} else if (now) {
		wire_close(d->wire, 0, true);
		bury_door(d);
	}
}

void door_close_all(struct worker *w, bool now)
{
	struct door *d, *next;

	for (d = LIST_FIRST(&w->doors); d; d = next) {
		next = LIST_NEXT(d, link);
		door_close(d, now);
	}
}
