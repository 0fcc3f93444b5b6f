/* SPDX-License-Identifier: MIT */
/*
 * One worker: a thread with its own epoll loop, timers, run queue and
 * scratch buffers. Nothing is shared between workers but the configuration.
 *
 * A turn of the loop is: ready descriptors, due timers, the tasks that were
 * queued when the turn began, then the dead are buried. A stream that sends
 * flat out sends one write, queues itself and so lets the others go first.
 *
 *	loop_watch(w, &c->watch, fd, EPOLLIN);
 *	loop_timer_set(w, &t, w->now + 1000000);
 *	loop_queue(w, &task);
 */
#ifndef VENDOR_LOOP_H
#define VENDOR_LOOP_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/buf.h"
#include "config.h"

struct worker;

struct watch {
	void (*ready)(struct watch *, uint32_t events);
	int fd;
	uint32_t events;
};

struct timer {
	void (*fire)(struct timer *);
	uint64_t due; /* CLOCK_MONOTONIC, ns */
	size_t slot;  /* 1 + index in the heap; 0 when not set */
};

struct task {
	struct task *next;
	void (*run)(struct task *);
	bool queued, retired;
};

/* What is buried at the end of the turn; nothing is freed before. */
struct dead {
	struct dead *next;
	void (*bury)(struct dead *);
};

struct conn;
struct field;
struct h2_stream;

#define WORKER_READ (256 * 1024)

struct worker {
	const struct config *config;
	struct counters *counters;
	SSL_CTX *tls;
	int epoll;
	bool stop;
	uint64_t now;  /* ns; read once a turn and on demand */
	uint64_t turn; /* counts turns */
	struct {
		struct timer **at;
		size_t n, cap;
	} heap;
	struct task *first, **last;
	struct dead *dead;
	struct conn *conns;  /* all of them, for the end */
	char *input;	     /* WORKER_READ bytes, for whoever reads */
	struct buf wire;     /* scratch of the transport */
	struct buf record;   /* scratch of TLS */
	struct buf piece;    /* scratch of body sources */
	struct buf squeezed; /* scratch of compressors */
	struct buf event;    /* the last /stream event built, and what of */
	size_t event_size, event_mark;
	bool event_stamp;
	struct buf json;	 /* the last /json answer built */
	struct h2_stream *spare; /* streams to be used again */
	struct field *fields;	 /* scratch of the head parsers */
	size_t fields_cap;
};

void loop_init(struct worker *w, const struct config *config);
void loop_free(struct worker *w);

/* Runs until w->stop. */
void loop_run(struct worker *w);

/* CLOCK_MONOTONIC in ns. */
uint64_t loop_clock(void);

/* Begins to watch; the watch must outlive the turn in which it ends. */
void loop_watch(struct worker *w, struct watch *watch, uint32_t events);
void loop_rewatch(struct worker *w, struct watch *watch, uint32_t events);
void loop_unwatch(struct worker *w, struct watch *watch);

/* Sets or moves. */
void loop_timer_set(struct worker *w, struct timer *t, uint64_t due);
void loop_timer_stop(struct worker *w, struct timer *t);

/* Runs the task in the next turn, once however often it was queued. */
void loop_queue(struct worker *w, struct task *task);

/* Takes it off for good: to queue it later does nothing. */
void loop_retire(struct worker *w, struct task *task);

void loop_bury(struct worker *w, struct dead *dead,
	       void (*bury)(struct dead *));

#endif
