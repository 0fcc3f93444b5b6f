/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *	pool --> site (one an upstream) --> link, link, ...	connections
 *	           |                          idle: h1 links, newest first
 *	           +--> ask, ask, ...	      who waits, oldest first
 *	           +--> call, call, ...	      connections being made
 *
 * How many calls a site needs depends on what it speaks: with h1 one for each
 * ask that waits; with h2, and as long as nobody knows, one for all of them,
 * since they may all share its connection. serve() gives what has come free to
 * who waits; call_more() then makes up for what is still missing.
 *
 * A `fresh` ask is served by a new connection alone: it was unsent on another.
 */
#include "wire/pool.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/pool_dial.h"

#define POOL_MAGIC 0x504f4f4cu

/* Vendors close idle connections after 60 s or more; be earlier. */
#define IDLE_NS (55 * NS_PER_S)

/* Of what a vendor says in GOAWAY, so much is noted. */
#define DEBUG_MAX 256

enum speaks { SPEAKS_UNKNOWN, SPEAKS_H1, SPEAKS_H2 };

struct link {
	LIST_ENTRY(link) all;
	TAILQ_ENTRY(link) idle_link;
	struct site *site;
	struct http_conn *conn;
	struct loop_deadline deadline;
	bool h2, idle;
};

struct call {
	LIST_ENTRY(call) all;
	struct site *site;
	struct dial *dial;
	bool h1_only;
};

struct pool_ask {
	TAILQ_ENTRY(pool_ask) waiting;
	struct site *site;
	struct pool_want want;
	uint64_t number; /* they count up */
	const struct pool_asker *asker;
	const struct http_events *events;
	void *who;
};

TAILQ_HEAD(idle_list, link);
TAILQ_HEAD(waiting_list, pool_ask);

struct site {
	LIST_ENTRY(site) all;
	struct pool *pool;
	const struct upstream *up;
	enum speaks speaks;
	LIST_HEAD(, link) links;
	LIST_HEAD(, call) calls;
	struct idle_list idle;
	struct waiting_list asks;
	unsigned n_idle, n_h2;
};

struct pool {
	unsigned magic;
	struct loop *loop;
	struct pool_limits lim;
	const struct pool_events *ev;
	void *who;
	struct resolver *resolver;
	uint64_t asked;
	LIST_HEAD(, site) sites;
};

static void call_more(struct site *t);

/* ---- sites ---- */

/* What is known before anybody has asked the vendor. */
static enum speaks speaks_at_first(const struct upstream *up)
{
	if (up->http == UPSTREAM_H2)
		return SPEAKS_H2;
	if (up->http == UPSTREAM_H1 || !up->tls)
		return SPEAKS_H1;
	return SPEAKS_UNKNOWN;
}

static struct site *site_of(struct pool *p, const struct upstream *up)
{
	struct site *t;

	LIST_FOREACH (t, &p->sites, all) {
		if (t->up == up)
			return t;
	}
	t = MEM_NEW(struct site);
	t->pool = p;
	t->up = up;
	t->speaks = speaks_at_first(up);
	TAILQ_INIT(&t->idle);
	TAILQ_INIT(&t->asks);
	LIST_INSERT_HEAD(&p->sites, t, all);
	return t;
}

/* ---- connections that are there ---- */

static void leave_idle(struct link *k)
{
	if (!k->idle)
		return;
	k->idle = false;
	k->deadline.at = 0;
	k->site->n_idle--;
	TAILQ_REMOVE(&k->site->idle, k, idle_link);
}

static void go_idle(struct link *k)
{
	struct site *t = k->site;

	if (k->idle)
		return;
	k->idle = true;
	k->deadline.at = clock_mono() + IDLE_NS;
	TAILQ_INSERT_HEAD(&t->idle, k, idle_link);
	if (++t->n_idle > t->pool->lim.max_idle) {
		k = TAILQ_LAST(&t->idle, idle_list);
		leave_idle(k);
		http_close(k->conn, false);
	}
}

static struct link *roomiest_h2(const struct site *t)
{
	struct link *k, *best = NULL;
	unsigned most = 0;

	if (t->n_h2 == 0)
		return NULL; /* do not walk thousands of h1 links */
	LIST_FOREACH (k, &t->links, all) {
		unsigned n = k->h2 ? http_slots(k->conn) : 0;

		if (n > most) {
			most = n;
			best = k;
		}
	}
	return best;
}

static struct http_stream *open_on(struct link *k, const struct http_events *ev,
				   void *who)
{
	leave_idle(k);
	return http_open(k->conn, ev, who);
}

static struct http_stream *reuse(struct site *t, bool h1_only,
				 const struct http_events *ev, void *who)
{
	struct link *k = h1_only ? NULL : roomiest_h2(t);

	if (k)
		return open_on(k, ev, who);
	while ((k = TAILQ_FIRST(&t->idle))) {
		struct http_stream *s = open_on(k, ev, who);

		if (s)
			return s; /* else it has just ended: the next one */
	}
	return NULL;
}

/* ---- asks ---- */

void pool_cancel(struct pool_ask *ask)
{
	TAILQ_REMOVE(&ask->site->asks, ask, waiting);
	free(ask);
}

static void fail_ask(struct pool_ask *ask, const struct fail *f)
{
	const struct pool_asker *asker = ask->asker;
	void *who = ask->who;

	pool_cancel(ask);
	asker->failed(who, f);
}

static bool give(struct link *k, struct pool_ask *ask)
{
	const struct pool_asker *asker = ask->asker;
	void *who = ask->who;
	struct http_stream *s = open_on(k, ask->events, who);

	if (!s)
		return false;
	pool_cancel(ask);
	asker->ready(who, s);
	return true;
}

static struct pool_ask *first_ask(struct site *t, const struct link *k,
				  bool is_new)
{
	struct pool_ask *a;

	TAILQ_FOREACH (a, &t->asks, waiting) {
		if (a->want.h1_only && k->h2)
			continue;
		if (!a->want.fresh || is_new)
			return a;
	}
	return NULL;
}

/* Gives what k has free to who waits. */
static void serve(struct link *k, bool is_new)
{
	struct pool_ask *a;

	while (http_slots(k->conn) && (a = first_ask(k->site, k, is_new))) {
		if (!give(k, a))
			break;
	}
	if (!k->h2 && http_slots(k->conn))
		go_idle(k);
}

/* ---- what connections tell ---- */

static void on_slot(void *owner, struct http_conn *c)
{
	(void)c;
	serve(owner, false);
}

static void on_goaway(void *owner, struct http_conn *c, uint32_t last_id,
		      uint32_t code, struct str debug)
{
	struct link *k = owner;
	struct pool *p = k->site->pool;
	struct buf b = {0};

	if (debug.n > DEBUG_MAX)
		debug.n = DEBUG_MAX;
	buf_addf(&b, "last_stream_id=%" PRIu32 " error_code=%" PRIu32, last_id,
		 code);
	if (debug.n) {
		buf_addf(&b, " debug=");
		buf_adds(&b, debug);
	}
	p->ev->on_conn_note(p->who, c, "goaway", buf_str(&b));
	buf_free(&b);
}

static void on_settings(void *owner, struct http_conn *c, struct str text)
{
	struct link *k = owner;
	struct pool *p = k->site->pool;

	p->ev->on_conn_note(p->who, c, "settings", text);
}

static void drop_link(struct link *k)
{
	leave_idle(k);
	loop_drop_deadline(&k->deadline);
	LIST_REMOVE(k, all);
	k->site->n_h2 -= k->h2;
}

static void on_closed(void *owner, struct http_conn *c)
{
	struct link *k = owner;
	struct site *t = k->site;
	struct pool *p = t->pool;

	p->ev->on_conn_closed(p->who, c);
	drop_link(k);
	loop_bury(p->loop, k, free);
	call_more(t); /* someone may have waited for a slot of it */
}

static const struct http_client link_events = {on_slot, on_goaway, on_settings,
					       on_closed};

static void on_idle_due(struct loop_deadline *d)
{
	struct link *k =
		(struct link *)((char *)d - offsetof(struct link, deadline));

	leave_idle(k);
	http_close(k->conn, false);
}

/* ---- connections that are made ---- */

static struct link *new_link(struct site *t, struct wire *w, bool h2)
{
	struct pool *p = t->pool;
	struct http_limits lim = p->lim.http;
	struct link *k = MEM_NEW(struct link);

	if (!lim.idle_timeout_ns)
		lim.idle_timeout_ns = IDLE_NS; /* h2 looks to that itself */
	k->site = t;
	k->h2 = h2;
	t->n_h2 += h2;
	k->deadline.due = on_idle_due;
	loop_add_deadline(p->loop, &k->deadline);
	LIST_INSERT_HEAD(&t->links, k, all);
	k->conn = http_dial(w, h2, &lim, &link_events, k);
	p->ev->on_conn(p->who, t->up, k->conn);
	return k;
}

static struct pool_ask *first_hope(struct site *t, bool h1_only, uint64_t up_to)
{
	struct pool_ask *a;

	TAILQ_FOREACH (a, &t->asks, waiting) {
		if (a->number > up_to)
			break;
		if (t->speaks == SPEAKS_H1 || a->want.h1_only == h1_only)
			return a;
	}
	return NULL;
}

/*
 * Who hoped for a call that failed: one with h1, all with h2. Those who ask
 * anew when they hear of it hope for another.
 */
static void fail_hopes(struct site *t, bool h1_only, const struct fail *f)
{
	bool one = h1_only || t->speaks == SPEAKS_H1;
	uint64_t up_to = t->pool->asked;
	struct pool_ask *a;

	while ((a = first_hope(t, h1_only, up_to))) {
		fail_ask(a, f);
		if (one)
			break;
	}
}

static void on_dialled(void *who, struct wire *take_w, bool h2,
		       const struct fail *f)
{
	struct call *c = who;
	struct site *t = c->site;
	bool h1_only = c->h1_only;

	LIST_REMOVE(c, all);
	free(c);
	if (f) {
		fail_hopes(t, h1_only, f);
	} else {
		if (!h1_only)
			t->speaks = h2 ? SPEAKS_H2 : SPEAKS_H1;
		serve(new_link(t, take_w, h2), true);
	}
	call_more(t);
}

static void start_calls(struct site *t, bool h1_only, unsigned wanted)
{
	struct pool *p = t->pool;
	struct call *c;
	unsigned have = 0;

	LIST_FOREACH (c, &t->calls, all)
		have += c->h1_only == h1_only;
	for (; have < wanted; have++) {
		c = MEM_NEW(struct call);
		c->site = t;
		c->h1_only = h1_only;
		LIST_INSERT_HEAD(&t->calls, c, all);
		c->dial = dial_start(p->loop, p->resolver, t->up, h1_only,
				     p->lim.connect_timeout_ns, on_dialled, c);
	}
}

static void call_more(struct site *t)
{
	unsigned any = 0, h1 = 0;
	struct pool_ask *a;

	TAILQ_FOREACH (a, &t->asks, waiting) {
		if (a->want.h1_only)
			h1++;
		else
			any++;
	}
	if (t->speaks == SPEAKS_H1) {
		start_calls(t, false, any + h1);
	} else {
		start_calls(t, false, any ? 1 : 0);
		start_calls(t, true, h1);
	}
}

struct pool_ask *pool_open(struct pool *p, const struct upstream *up,
			   struct pool_want want, const struct pool_asker *a,
			   const struct http_events *ev, void *who)
{
	struct site *t = site_of(p, up);
	struct http_stream *s = NULL;
	struct pool_ask *ask;

	assert(p->magic == POOL_MAGIC);
	/* Told to speak h2 alone, an Upgrade can only be passed on as it is. */
	want.h1_only &= up->http != UPSTREAM_H2;
	if (!want.fresh)
		s = reuse(t, want.h1_only, ev, who);
	if (s) {
		a->ready(who, s);
		return NULL;
	}
	ask = MEM_NEW(struct pool_ask);
	*ask = (struct pool_ask){
		.site = t, .want = want, .asker = a, .events = ev, .who = who};
	TAILQ_INSERT_TAIL(&t->asks, ask, waiting);
	call_more(t);
	return ask;
}

/* ---- life ---- */

struct pool *pool_new(struct loop *l, const struct pool_limits *lim,
		      const struct pool_events *ev, void *who)
{
	struct pool *p = MEM_NEW(struct pool);

	p->magic = POOL_MAGIC;
	p->loop = l;
	p->lim = *lim;
	p->ev = ev;
	p->who = who;
	p->resolver = resolver_new(l);
	LIST_INIT(&p->sites);
	return p;
}

static void ignore(void *owner, struct http_conn *c)
{
}

static void ignore_goaway(void *owner, struct http_conn *c, uint32_t last_id,
			  uint32_t code, struct str debug)
{
}

static void ignore_settings(void *owner, struct http_conn *c, struct str text)
{
}

/* Connections end in their own time, when the pool is no more. */
static const struct http_client nobody = {ignore, ignore_goaway,
					  ignore_settings, ignore};

static void free_site(struct site *t)
{
	struct pool *p = t->pool;
	struct link *k;
	struct call *c;

	while ((c = LIST_FIRST(&t->calls))) {
		LIST_REMOVE(c, all);
		dial_cancel(c->dial);
		free(c);
	}
	while (TAILQ_FIRST(&t->asks))
		pool_cancel(TAILQ_FIRST(&t->asks));
	while ((k = LIST_FIRST(&t->links))) {
		drop_link(k);
		p->ev->on_conn_closed(p->who, k->conn);
		k->conn->client = &nobody;
		k->conn->owner = NULL;
		http_close(k->conn, true);
		free(k);
	}
	LIST_REMOVE(t, all);
	free(t);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	assert(p->magic == POOL_MAGIC);
	while (LIST_FIRST(&p->sites))
		free_site(LIST_FIRST(&p->sites));
	resolver_free(p->resolver);
	p->magic = 0;
	free(p);
}
