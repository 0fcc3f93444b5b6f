/* SPDX-License-Identifier: MIT */
/* The gate, the queue behind it, and the helper thread. */
#include "audit/enforce.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "audit/enforce_impl.h"
#include "base/mem.h"

enum {
	SMALL = 64 << 10,	/* judged by the worker itself */
	QUEUE_MOST = 256,	/* requests */
	QUEUE_BYTES = 64 << 20, /* or at least one */
};

/* A request that waits to be judged. */
struct held {
	STAILQ_ENTRY(held) link;
	uint64_t key;
	enum dialect dialect;
	struct buf body, route, coding;
};
STAILQ_HEAD(held_list, held);

struct enforce {
	struct enforce_rules rules;
	struct gate gate;
	struct proxy *proxy;
	atomic_ullong refused, passed, unknown;
	/* the queue */
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t helper;
	struct held_list held;
	size_t n_held, held_bytes;
	bool stopping;
};

/* ---- judging ---- */

static enum gate_verdict settle(struct enforce *e, enum enforced what)
{
	switch (what) {
	case ENFORCED_REFUSED:
		atomic_fetch_add(&e->refused, 1);
		return GATE_ANSWER;
	case ENFORCED_UNKNOWN:
		atomic_fetch_add(&e->unknown, 1);
		return GATE_PASS;
	case ENFORCED_PASSED: break;
	}
	atomic_fetch_add(&e->passed, 1);
	return GATE_PASS;
}

/* On the helper's thread: what is long is done without the lock. */
static void judge_held(struct enforce *e, const struct held *h)
{
	struct gate_answer answer = {0};
	struct request *q = request_read(NULL, h->dialect, buf_str(&h->body),
					 buf_str(&h->coding));
	enum gate_verdict v;

	pthread_mutex_lock(&e->rules.lock);
	v = settle(e, enforce_judge(&e->rules, q, buf_str(&h->route), &answer));
	pthread_mutex_unlock(&e->rules.lock);
	request_unref(q);
	gate_release(e->proxy, h->key, v, &answer);
}

/* ---- the queue ---- */

static void held_free(struct held *h)
{
	buf_free(&h->body);
	buf_free(&h->route);
	buf_free(&h->coding);
	free(h);
}

static struct held *held_new(const struct gate_request *q, enum dialect d,
			     struct str coding)
{
	struct held *h = MEM_NEW(struct held);

	h->key = q->key;
	h->dialect = d;
	buf_adds(&h->body, q->body);
	buf_adds(&h->route, str_of(q->route));
	buf_adds(&h->coding, coding);
	return h;
}

/* False: the queue is full. */
static bool reserve(struct enforce *e, size_t bytes)
{
	bool room;

	pthread_mutex_lock(&e->lock);
	room = e->n_held == 0 ||
	       (e->n_held < QUEUE_MOST && e->held_bytes + bytes <= QUEUE_BYTES);
	if (room) {
		e->n_held++;
		e->held_bytes += bytes;
	}
	pthread_mutex_unlock(&e->lock);
	return room;
}

static enum gate_verdict hold(struct enforce *e, struct held *take_h)
{
	pthread_mutex_lock(&e->lock);
	STAILQ_INSERT_TAIL(&e->held, take_h, link);
	pthread_cond_signal(&e->more);
	pthread_mutex_unlock(&e->lock);
	return GATE_HOLD;
}

/* The next one, or NULL to end. */
static struct held *next_held(struct enforce *e)
{
	struct held *h;

	pthread_mutex_lock(&e->lock);
	while (!e->stopping && STAILQ_EMPTY(&e->held))
		pthread_cond_wait(&e->more, &e->lock);
	h = e->stopping ? NULL : STAILQ_FIRST(&e->held);
	if (h) {
		STAILQ_REMOVE_HEAD(&e->held, link);
		e->n_held--;
		e->held_bytes -= h->body.n;
	}
	pthread_mutex_unlock(&e->lock);
	return h;
}

static void *help(void *arg)
{
	struct enforce *e = arg;
	struct held *h;

	while ((h = next_held(e))) {
		judge_held(e, h);
		held_free(h);
	}
	return NULL;
}

/* ---- the gate ---- */

static struct str coding_of(const struct head *h)
{
	const struct head_field *f = head_find(h, STR("content-encoding"));

	return f ? f->value : STR("");
}

/* A worker waits for nobody: while another thread judges, the helper takes
 * it; and what little bytes can decode to is the helper's, too. */
static bool judge_now(struct enforce *e, const struct gate_request *q,
		      struct str coding)
{
	return q->body.n < SMALL && coding.n == 0 &&
	       pthread_mutex_trylock(&e->rules.lock) == 0;
}

static enum gate_verdict ask(void *arg, const struct gate_request *g,
			     struct gate_answer *out)
{
	struct enforce *e = arg;
	enum dialect d = dialect_of(g->head->method, g->head->target);
	struct str coding = coding_of(g->head);
	struct request *q;
	enum gate_verdict v;

	if (d == DIALECT_NONE)
		return GATE_PASS;
	if (!g->whole || g->body.n > e->gate.body_limit)
		return settle(e, ENFORCED_UNKNOWN);
	if (!judge_now(e, g, coding))
		return reserve(e, g->body.n) ? hold(e, held_new(g, d, coding))
					     : settle(e, ENFORCED_UNKNOWN);
	q = request_read(NULL, d, g->body, coding);
	v = settle(e, enforce_judge(&e->rules, q, str_of(g->route), out));
	pthread_mutex_unlock(&e->rules.lock);
	request_unref(q);
	return v;
}

const struct gate *enforce_gate(struct enforce *e)
{
	return &e->gate;
}

/* ---- life ---- */

struct enforce *enforce_new(struct packs *packs, struct str pack,
			    size_t gate_limit, struct proxy *p, struct fail *f)
{
	const struct pack *named = packs_named(packs, pack);
	struct enforce *e;
	int error;

	if (!named || named->block) {
		fail_set(f, FAIL_USER, "no_such_pack",
			 "--enforce: there is no pack %.*s; assay rules ls "
			 "lists them",
			 (int)(pack.n < 60 ? pack.n : 60), pack.p);
		return NULL;
	}
	e = MEM_NEW(struct enforce);
	e->rules.packs = packs_ref(packs);
	e->rules.pack = named;
	pthread_mutex_init(&e->rules.lock, NULL);
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->more, NULL);
	STAILQ_INIT(&e->held);
	e->proxy = p;
	e->gate = (struct gate){gate_limit, ask, e};
	error = pthread_create(&e->helper, NULL, help, e);
	if (error) {
		fail_set(f, FAIL_SYSTEM, "no_thread",
			 "--enforce: cannot start a thread: %s",
			 strerror(error));
		e->stopping = true;
		enforce_free(e);
		return NULL;
	}
	return e;
}

void enforce_free(struct enforce *e)
{
	struct held *h;

	if (!e)
		return;
	if (!e->stopping) {
		pthread_mutex_lock(&e->lock);
		e->stopping = true;
		pthread_cond_signal(&e->more);
		pthread_mutex_unlock(&e->lock);
		pthread_join(e->helper, NULL);
	}
	while ((h = STAILQ_FIRST(&e->held))) {
		STAILQ_REMOVE_HEAD(&e->held, link);
		held_free(h);
	}
	pthread_cond_destroy(&e->more);
	pthread_mutex_destroy(&e->lock);
	pthread_mutex_destroy(&e->rules.lock);
	packs_unref(e->rules.packs);
	free(e);
}

void enforce_summary(const struct enforce *e, struct buf *out)
{
	buf_addf(out,
		 "assay: enforced %.*s: %llu requests refused, %llu passed, "
		 "%llu passed unjudged\n",
		 STR_ARG(e->rules.pack->name),
		 (unsigned long long)atomic_load(&e->refused),
		 (unsigned long long)atomic_load(&e->passed),
		 (unsigned long long)atomic_load(&e->unknown));
}
