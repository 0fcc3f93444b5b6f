/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. libevent waits and dispatches; everything else about a turn is
 * here, so that its order is certain:
 *
 *	event_base_loop(ONCE)		callbacks; they mark, bury, wake
 *	  |
 *	  +-- dirty:  d1 -> d2 -> ...	flushed until none is left (a flush
 *	  |				may mark others)
 *	  +-- turn hook			and what it made dirty
 *	  +-- dead:   [p,fn][p,fn]...	freed, nothing refers to them now
 *
 * The base has no lock: other threads reach the loop through an eventfd and
 * a list of calls behind a mutex, and through nothing else.
 *
 * Deadlines are a plain list that is walked once a second. With thousands of
 * streams this is some ten microseconds a second, and moving a deadline,
 * which happens with every request, is one store.
 */
#include "wire/loop.h"

#include <assert.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/wire_impl.h"

#define LOOP_MAGIC 0x100b100bu

/* Free blocks that are kept for the next output: 1 MB. */
#define LOOP_SPARE_BLOCKS 64

TAILQ_HEAD(dirty_list, loop_dirty);
LIST_HEAD(deadline_list, loop_deadline);

struct dead {
	void *p;
	void (*fn)(void *p);
};

struct call {
	struct call *next;
	void (*fn)(void *arg);
	void *arg;
};

struct hook {
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	unsigned magic;
	bool stop, held;
	struct event_base *base;
	struct evdns_base *dns;
	struct event *tick_ev, *wake_ev;
	struct hook turn, tick;
	struct dirty_list dirty;
	struct deadline_list deadlines;
	struct wire_hub wires;
	struct dead *dead;
	size_t dead_n, dead_cap;
	struct loop_block *spare;
	unsigned spare_n;
	int wake_fd;
	pthread_mutex_t wake_lock;
	struct call *calls, **calls_end; /* behind wake_lock */
	char scratch[LOOP_SCRATCH];
};

static void run_hook(const struct hook *h)
{
	if (h->fn)
		h->fn(h->arg);
}

/* ---- calls from other threads ---- */

void loop_run_calls(struct loop *l)
{
	struct call *c, *next;

	pthread_mutex_lock(&l->wake_lock);
	c = l->calls;
	l->calls = NULL;
	l->calls_end = &l->calls;
	pthread_mutex_unlock(&l->wake_lock);
	for (; c; c = next) {
		next = c->next;
		c->fn(c->arg);
		free(c);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	if (read(fd, &n, sizeof n) < 0)
		return; /* somebody was quicker: nothing is lost */
	loop_run_calls(arg);
}

void loop_wake(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct call *c = MEM_NEW(struct call);
	uint64_t one = 1;

	assert(l->magic == LOOP_MAGIC);
	c->fn = fn;
	c->arg = arg;
	pthread_mutex_lock(&l->wake_lock);
	*l->calls_end = c;
	l->calls_end = &c->next;
	pthread_mutex_unlock(&l->wake_lock);
	/* EAGAIN means that it is awake many times over. */
	if (write(l->wake_fd, &one, sizeof one) < 0)
		return;
}

/* ---- deadlines ---- */

void loop_add_deadline(struct loop *l, struct loop_deadline *d)
{
	if (!d->link.le_prev)
		LIST_INSERT_HEAD(&l->deadlines, d, link);
}

void loop_drop_deadline(struct loop_deadline *d)
{
	if (!d->link.le_prev)
		return;
	LIST_REMOVE(d, link);
	d->link.le_prev = NULL;
}

/*
 * A due() may drop any deadline and add new ones, so the list is moved aside
 * and each is put back before it is looked at: no pointer into the list is
 * held over a call.
 */
static void run_deadlines(struct loop *l)
{
	struct deadline_list rest = LIST_HEAD_INITIALIZER(rest);
	uint64_t now = clock_mono();
	struct loop_deadline *d;

	rest.lh_first = l->deadlines.lh_first;
	if (rest.lh_first)
		rest.lh_first->link.le_prev = &rest.lh_first;
	LIST_INIT(&l->deadlines);
	while ((d = LIST_FIRST(&rest))) {
		LIST_REMOVE(d, link);
		LIST_INSERT_HEAD(&l->deadlines, d, link);
		if (d->at && d->at <= now) {
			d->at = 0;
			d->due(d);
		}
	}
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	wire_check_deaf(&l->wires);
	run_deadlines(l);
	run_hook(&l->tick);
}

/* ---- the turn ---- */

static void run_dirty(struct loop *l)
{
	struct loop_dirty *d;

	while ((d = TAILQ_FIRST(&l->dirty))) {
		TAILQ_REMOVE(&l->dirty, d, link);
		d->linked = false;
		d->flush(d);
	}
}

static void bury_dead(struct loop *l)
{
	/* by index: a burial may add to the list and move it */
	for (size_t i = 0; i < l->dead_n; i++)
		l->dead[i].fn(l->dead[i].p);
	l->dead_n = 0;
}

static void end_turn(struct loop *l)
{
	run_dirty(l);
	run_hook(&l->turn);
	run_dirty(l);
	bury_dead(l);
}

void loop_run(struct loop *l)
{
	assert(l->magic == LOOP_MAGIC);
	l->stop = false;
	end_turn(l); /* what was started before the loop ran */
	while (!l->stop) {
		if (event_base_loop(l->base, EVLOOP_ONCE) < 0) {
			log_error("loop", "the event loop failed");
			return;
		}
		end_turn(l);
	}
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

void loop_bury(struct loop *l, void *p, void (*fn)(void *p))
{
	if (l->dead_n == l->dead_cap) {
		l->dead_cap = l->dead_cap ? 2 * l->dead_cap : 64;
		l->dead = mem_grow(l->dead, l->dead_cap * sizeof *l->dead);
	}
	l->dead[l->dead_n++] = (struct dead){p, fn};
}

void loop_mark_dirty(struct loop *l, struct loop_dirty *d)
{
	if (d->linked)
		return;
	TAILQ_INSERT_TAIL(&l->dirty, d, link);
	d->linked = true;
}

void loop_unmark_dirty(struct loop *l, struct loop_dirty *d)
{
	if (!d->linked)
		return;
	TAILQ_REMOVE(&l->dirty, d, link);
	d->linked = false;
}

void loop_on_turn(struct loop *l, void (*fn)(void *arg), void *arg)
{
	l->turn = (struct hook){fn, arg};
}

void loop_on_tick(struct loop *l, void (*fn)(void *arg), void *arg)
{
	l->tick = (struct hook){fn, arg};
}

/* ---- life ---- */

static struct event_base *new_base(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base;

	assert(cfg);
	/* One thread owns it, and a lock a callback is not free. */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	assert(base);
	return base;
}

struct loop *loop_new(void)
{
	struct loop *l = MEM_NEW(struct loop);
	const struct timeval second = {1, 0};

	/* OpenSSL writes by write(2), which has no MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	l->magic = LOOP_MAGIC;
	l->base = new_base();
	TAILQ_INIT(&l->dirty);
	LIST_INIT(&l->deadlines);
	LIST_INIT(&l->wires.hearing);
	LIST_INIT(&l->wires.deaf);
	pthread_mutex_init(&l->wake_lock, NULL);
	l->calls_end = &l->calls;
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(l->wake_fd >= 0);
	l->wake_ev = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST,
			       on_wake, l);
	l->tick_ev = event_new(l->base, -1, EV_PERSIST, on_second, l);
	assert(l->wake_ev && l->tick_ev);
	event_add(l->wake_ev, NULL);
	event_add(l->tick_ev, &second);
	return l;
}

/* Wires that nobody closed; their owners are not told any more. */
static void close_wires(struct wire_list *list)
{
	while (LIST_FIRST(list))
		wire_close(LIST_FIRST(list), 0, false);
}

void loop_free(struct loop *l)
{
	struct loop_block *b;
	struct call *c;

	if (!l)
		return;
	assert(l->magic == LOOP_MAGIC);
	run_dirty(l);
	close_wires(&l->wires.hearing);
	close_wires(&l->wires.deaf);
	bury_dead(l);
	if (l->dns)
		evdns_base_free(l->dns, 0);
	event_free(l->tick_ev);
	event_free(l->wake_ev);
	close(l->wake_fd);
	event_base_free(l->base);
	while ((c = l->calls)) {
		l->calls = c->next;
		free(c);
	}
	pthread_mutex_destroy(&l->wake_lock);
	while ((b = l->spare)) {
		l->spare = b->next;
		free(b);
	}
	free(l->dead);
	l->magic = 0;
	free(l);
}

/* ---- what is shared ---- */

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

struct evdns_base *loop_dns(struct loop *l)
{
	const int flags = EVDNS_BASE_INITIALIZE_NAMESERVERS |
			  EVDNS_BASE_DISABLE_WHEN_INACTIVE;

	if (!l->dns)
		l->dns = evdns_base_new(l->base, flags);
	/* No usable resolv.conf: /etc/hosts and plain addresses still work. */
	if (!l->dns) {
		l->dns = evdns_base_new(l->base,
					EVDNS_BASE_DISABLE_WHEN_INACTIVE);
		assert(l->dns);
		evdns_base_load_hosts(l->dns, "/etc/hosts");
	}
	return l->dns;
}

char *loop_scratch(struct loop *l)
{
	return l->scratch;
}

struct wire_hub *loop_wires(struct loop *l)
{
	return &l->wires;
}

struct loop_block *loop_block_get(struct loop *l)
{
	struct loop_block *b = l->spare;

	if (b) {
		l->spare = b->next;
		l->spare_n--;
	} else {
		b = mem_alloc(sizeof *b);
	}
	b->next = NULL;
	b->done = b->end = 0;
	return b;
}

void loop_block_put(struct loop *l, struct loop_block *b)
{
	if (l->spare_n == LOOP_SPARE_BLOCKS) {
		free(b);
		return;
	}
	b->next = l->spare;
	l->spare = b;
	l->spare_n++;
}

void loop_hold_reads(struct loop *l, bool on)
{
	if (l->held == on)
		return;
	l->held = on;
	wire_hold_all(&l->wires, on);
}

bool loop_reads_held(const struct loop *l)
{
	return l->held;
}
