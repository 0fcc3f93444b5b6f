/* SPDX-License-Identifier: MIT */
/*
 * Where upper rooms plug in. proxy/ declares these five seams and calls them;
 * certs/, rules/, replay/ and audit/ fill them in; audit/assay.c ties them
 * together. Each seam takes several fillers and calls them in the order of
 * the table it is given: the rooms' order.
 *
 *	tap	  clerk's thread   after the fact, in trail order
 *	gate	  worker's thread  before a request is dispatched
 *	origin	  any thread	   starts an exchange of assay's own
 *	identity  worker's thread  a server certificate for an SNI
 *	room	  at start, and by the control socket: options and verbs
 */
#ifndef PROXY_SEAMS_H
#define PROXY_SEAMS_H

#include "base/buf.h"
#include "base/fail.h"
#include "base/options.h"
#include "record/clerk.h"
#include "wire/head.h"
#include "wire/tls.h"

struct proxy;

/* The trail that the proxy records into; for the clerk's thread, and for the
 * main thread in a room's start() and stop(). */
struct trail *proxy_trail(struct proxy *p);

/* ---- gate ---- */

enum gate_verdict {
	GATE_PASS,   /* send it on, unchanged */
	GATE_HOLD,   /* not yet: gate_release() will follow */
	GATE_ANSWER, /* never send it; answer with what was filled in */
};

/* A request at the gate. Borrowed. */
struct gate_request {
	const char *route;
	enum ev_kind kind;
	const struct head *head;
	struct str body;
	bool whole;   /* false: the body was longer than the gate's limit, and
			 `body` is only its beginning: pass as unknown */
	uint64_t key; /* the exchange, for gate_release() */
};

/* What a gate answers with. */
struct gate_answer {
	struct head *head;	 /* taken */
	struct buf body;	 /* taken */
	enum ev_outcome outcome; /* EV_BLOCKED or EV_ANSWERED_FROM_TRAIL */
	int64_t parent;		 /* the exchange that it repeats, or 0 */
	const char *code;	 /* static; recorded as the error, or NULL */
};

struct gate {
	/* How much of the body it wants to see; 0: the head alone. */
	size_t body_limit;
	/* Must not block: a longer thought is GATE_HOLD and a thread. */
	enum gate_verdict (*ask)(void *arg, const struct gate_request *q,
				 struct gate_answer *out);
	void *arg;
};

/* After GATE_HOLD: the verdict, GATE_PASS or GATE_ANSWER. Any thread. A
 * request that has gone meanwhile is forgotten. Takes what `a` holds. */
void gate_release(struct proxy *p, uint64_t key, enum gate_verdict v,
		  struct gate_answer *a);

/* ---- origin ---- */

/* How an exchange of assay's own reports back. On a worker's thread. */
struct origin_events {
	void (*on_head)(void *arg, const struct head *response);
	void (*on_data)(void *arg, const char *p, size_t n, uint64_t at);
	/* Last call. */
	void (*on_done)(void *arg, const struct ev_close *close);
};

struct origin_request {
	enum ev_kind kind; /* EV_CANARY, EV_PROBE or EV_REPLAY */
	const char *route; /* an upstream's name */
	int64_t parent;
	const char *run;
	struct head *head; /* taken; authority and prefix are added as for a
			      client's request */
	struct str body;   /* copied */
	const struct origin_events *events;
	void *arg;
};

/* Starts it on the proxy's least busy worker. False (no_such_route,
 * proxy_draining): nothing will be called. Any thread. */
bool origin_start(struct proxy *p, const struct origin_request *q,
		  struct fail *f) MUST_USE;

/* ---- a room's share of `assay proxy` ---- */

/* A verb of the control socket: `args` is the JSON object that came, `out`
 * the JSON value to answer with. Runs on the main thread. */
struct room_verb {
	const char *name, *help;
	bool (*run)(void *room, struct str args, struct buf *out,
		    struct fail *f);
};

/*
 * What a room adds. All functions may be NULL. Life: options are parsed, then
 * start() (after the trail is open, before listening), then taps and gates
 * are asked for once, then running() and traffic, then ending(), then
 * stop() after the last exchange has been committed.
 */
struct room {
	const char *name;
	const struct option_def *options; /* ends with a zero entry */
	void *(*start)(struct proxy *p, const struct options *o,
		       struct fail *f); /* NULL with *f: does not start */
	void (*running)(void *room);	/* main thread: origin_start() may be
					   called from now on */
	void (*ending)(void *room);	/* main thread: traffic is over, and the
					   workers are about to go: no call
					   to gate_release() or origin_start()
					   after it */
	void (*stop)(void *room);
	bool (*reload)(void *room, const struct options *o, struct fail *f);
	const struct clerk_tap *(*tap)(void *room);
	const struct gate *(*gate)(void *room);
	tls_identity_fn *identity;     /* with arg = room */
	const struct room_verb *verbs; /* ends with a zero entry */
	void (*summary)(void *room, struct buf *out); /* lines at drain */
	void *arg; /* of whoever made this row: see proxy_room_arg() */
};

/* For start(): the `arg` of the very room that is being started. */
void *proxy_room_arg(const struct proxy *p);

#endif
