/* SPDX-License-Identifier: MIT */
#include "relay/worker.h"

#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "relay/exchange.h"
#include "wire/pool.h"

#define WORKER_MAGIC 0x574f524bu /* "WORK" */

/* ---- routes: settings and the pool that goes with them ---- */

struct routes *routes_new(struct worker *w, struct settings *s)
{
	struct routes *r = MEM_NEW(struct routes);
	struct pool_limits lim = {
		.http = {.max_head = s->max_head, .max_streams = 1000},
		.connect_timeout_ns = s->connect_timeout_ns,
		.max_idle = 512,
	};

	r->worker = w;
	r->settings = settings_ref(s);
	r->pool = pool_new(w->loop, &lim, &vendor_events, r);
	r->refs = 1;
	return r;
}

struct routes *routes_ref(struct routes *r)
{
	r->refs++;
	return r;
}

void routes_unref(struct routes *r)
{
	if (--r->refs)
		return;
	pool_free(r->pool);
	settings_unref(r->settings);
	free(r);
}

/* ---- strict mode: reading is held while the spool is nearly full ---- */

void worker_check_room(struct worker *w)
{
	if (!w->strict || loop_reads_held(w->loop) ||
	    !recorder_low(w->recorder))
		return;
	loop_hold_reads(w->loop, true);
	relay_hold_all(w);
	atomic_store(&w->reads_held, true);
	recorder_when_room(w->recorder, w->room_fd);
}

static void on_room(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof count) < 0)
		return;
	atomic_store(&w->reads_held, false);
	loop_hold_reads(w->loop, false);
	relay_resume_all(w);
	worker_check_room(w);
}

/* ---- life ---- */

static void on_tick(void *arg)
{
	struct worker *w = arg;

	listen_tick(w);
	if (w->draining && w->drain_deadline &&
	    clock_mono() >= w->drain_deadline) {
		struct exchange *x, *next;

		w->drain_deadline = 0;
		for (x = LIST_FIRST(&w->exchanges); x; x = next) {
			next = LIST_NEXT(x, link);
			exchange_abort(x, EV_INTERRUPTED, "drained");
		}
		door_close_all(w, true);
	}
}

struct worker *worker_new(const struct worker_config *c)
{
	struct worker *w = MEM_NEW(struct worker);

	w->magic = WORKER_MAGIC;
	w->number = c->number;
	w->loop = loop_new();
	w->recorder = recorder_new(c->spool, c->redact, c->number);
	w->routes = routes_new(w, c->settings);
	w->gates = c->gates;
	w->n_gates = c->n_gates;
	for (unsigned i = 0; i < c->n_gates; i++) {
		if (c->gates[i].body_limit > w->gate_limit)
			w->gate_limit = c->gates[i].body_limit;
	}
	LIST_INIT(&w->doors);
	LIST_INIT(&w->exchanges);
	TAILQ_INIT(&w->turn);
	w->strict = c->settings->strict;
	w->room_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->room_event = event_new(loop_base(w->loop), w->room_fd,
				  EV_READ | EV_PERSIST, on_room, w);
	event_add(w->room_event, NULL);
	loop_on_turn(w->loop, relay_turn, w);
	loop_on_tick(w->loop, on_tick, w);
	return w;
}

bool worker_listen(struct worker *w, bool shared, uint16_t *ports,
		   struct fail *f)
{
	return listen_open(w, shared, ports, f);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	char name[16];
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	snprintf(name, sizeof name, "worker-%u", w->number);
	pthread_setname_np(pthread_self(), name);
	listen_start(w);
	loop_run(w->loop);
	return NULL;
}

void worker_start(struct worker *w)
{
	int err = pthread_create(&w->thread, NULL, run, w);

	assert(err == 0);
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void worker_free(struct worker *w)
{
	assert(w->magic == WORKER_MAGIC);
	loop_run_calls(w->loop); /* messages that came after its last turn */
	listen_close(w);
	free(w->listeners);
	routes_unref(w->routes);
	event_free(w->room_event);
	close(w->room_fd);
	loop_free(w->loop);
	recorder_free(w->recorder);
	w->magic = 0;
	free(w);
}

/* ---- from other threads: a message each, run on the worker's own ---- */

struct reload {
	struct worker *worker;
	struct settings *settings;
};

static void do_reload(void *arg)
{
	struct reload *m = arg;
	struct worker *w = m->worker;
	struct routes *old = w->routes;

	w->routes = routes_new(w, m->settings);
	routes_unref(old);
	settings_unref(m->settings);
	free(m);
}

void worker_reload(struct worker *w, struct settings *s)
{
	struct reload *m = MEM_NEW(struct reload);

	m->worker = w;
	m->settings = settings_ref(s);
	loop_wake(w->loop, do_reload, m);
}

struct drain {
	struct worker *worker;
	uint64_t deadline;
};

static void do_drain(void *arg)
{
	struct drain *m = arg;
	struct worker *w = m->worker;

	w->drain_deadline = m->deadline;
	free(m);
	if (w->draining)
		return;
	w->draining = true;
	listen_close(w);
	door_close_all(w, false);
	worker_check_drained(w);
}

void worker_drain(struct worker *w, uint64_t deadline)
{
	struct drain *m = MEM_NEW(struct drain);

	m->worker = w;
	m->deadline = deadline;
	loop_wake(w->loop, do_drain, m);
}

void worker_check_drained(struct worker *w)
{
	if (w->draining && LIST_EMPTY(&w->doors) && LIST_EMPTY(&w->exchanges))
		loop_stop(w->loop);
}

struct originate {
	struct worker *worker;
	struct origin_request q;
	char *route, *run, *body;
};

static void do_originate(void *arg)
{
	struct originate *m = arg;

	if (m->worker->draining) {
		const struct ev_close end = {.outcome = EV_INTERRUPTED};

		head_free(m->q.head);
		m->q.events->on_done(m->q.arg, &end);
	} else {
		exchange_originate(m->worker, &m->q);
	}
	free(m->route);
	free(m->run);
	free(m->body);
	free(m);
}

void worker_originate(struct worker *w, const struct origin_request *q)
{
	struct originate *m = MEM_NEW(struct originate);

	m->worker = w;
	m->q = *q;
	m->q.route = m->route = str_dup(str_of(q->route));
	m->q.run = m->run = str_dup(str_of(q->run));
	m->q.body.p = m->body = str_dup(q->body);
	loop_wake(w->loop, do_originate, m);
}

struct release {
	struct worker *worker;
	uint64_t key;
	enum gate_verdict verdict;
	struct gate_answer answer;
};

static void do_release(void *arg)
{
	struct release *m = arg;
	struct exchange *x;

	LIST_FOREACH (x, &m->worker->exchanges, link) {
		if (x->wait == WAIT_GATE && rec_key(x->rec) == m->key)
			break;
	}
	if (x && (x->down || x->origin)) {
		exchange_gate_verdict(x, m->verdict, &m->answer);
	} else {
		if (x) {
			x->wait = WAIT_NONE;
			exchange_check_done(x);
		}
		head_free(m->answer.head);
		buf_free(&m->answer.body);
	}
	free(m);
}

void worker_gate_release(struct worker *w, uint64_t key, enum gate_verdict v,
			 struct gate_answer *take_answer)
{
	struct release *m = MEM_NEW(struct release);

	m->worker = w;
	m->key = key;
	m->verdict = v;
	if (take_answer)
		m->answer = *take_answer;
	loop_wake(w->loop, do_release, m);
}

void worker_figures(struct worker *w, struct worker_figures *out)
{
	*out = (struct worker_figures){
		.connections = atomic_load(&w->n_doors),
		.exchanges = atomic_load(&w->n_exchanges),
		.accepted = atomic_load(&w->accepted),
		.finished = atomic_load(&w->finished),
		.reads_held = atomic_load(&w->reads_held),
	};
	out->gaps = recorder_gaps(w->recorder, &out->gap_bytes);
}
