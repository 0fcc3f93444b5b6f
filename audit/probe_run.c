/* SPDX-License-Identifier: MIT */
/*
 * Asking. A proxy that nobody can connect to runs in this process, so that
 * probes travel, and are recorded and judged, as a client's requests are. A
 * room of it asks, on a thread of its own:
 *
 *	asker's thread			worker's thread
 *	  WAITS -- origin_start() --->	  the exchange
 *	   ^				       |
 *	   '--- again, when due ---- on_done() +--> DONE
 *
 * When nothing is left it ends the proxy as a user would, by SIGTERM. The
 * user's own Ctrl-C drains as it always does: nothing more is asked.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/probe_impl.h"
#include "base/clock.h"
#include "base/mem.h"
#include "print/human.h"
#include "proxy.h"
#include "rules/judge/check.h"

/* How often it looks whether something is due. */
#define TICK_NS	  (50 * NS_PER_MS)
#define TELL_NS	  NS_PER_S
#define LONGEST_S 60u

enum { BARREN_MOST = 8 };

struct asking {
	struct campaign *campaign;
	struct proxy *proxy;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* over what follows, and the asks */
	pthread_cond_t moved;
	size_t left, out;
	bool ending;	  /* the workers are gone */
	bool any;	  /* an answer came that may be a verdict */
	size_t barren;	  /* asks that are done without any */
	uint64_t not_yet; /* the vendor asked for a pause until then */
	/* progress */
	bool tells, told;
	uint64_t begun, told_at;
	size_t done;
};

/* ---- an answer, on a worker's thread ---- */

static struct asking *asking_of(const struct ask *a)
{
	return a->campaign->asking;
}

static void on_head(void *arg, const struct head *response)
{
	struct ask *a = arg;
	const struct head_field *f = head_find(response, STR("retry-after"));
	uint64_t s;

	a->told_when = f && str_u64(str_trim(f->value), &s);
	if (a->told_when)
		a->pause = (s < LONGEST_S ? s : LONGEST_S) * NS_PER_S;
}

static void on_data(void *arg, const char *p, size_t n, uint64_t at)
{
	/* the trail has it */
}

/* May the same request have a verdict when it is sent again? */
static bool may_change(const struct ev_close *c)
{
	return c->outcome != EV_COMPLETE || c->status == 408 ||
	       c->status == 409 || c->status == 425 || c->status == 429 ||
	       c->status >= 500;
}

/* 1 s, 2 s, 4 s, ... unless the vendor says when. */
static uint64_t pause_of(const struct ask *a)
{
	unsigned s = a->tries < 7 ? 1u << (a->tries - 1) : LONGEST_S;

	if (a->told_when)
		return a->pause;
	return (s < LONGEST_S ? s : LONGEST_S) * NS_PER_S;
}

static void put_back(struct asking *k, struct ask *a, bool all)
{
	a->state = ASK_WAITS;
	a->due = clock_mono() + pause_of(a);
	if (all && a->due > k->not_yet)
		k->not_yet = a->due;
	k->left++;
}

static void on_done(void *arg, const struct ev_close *close)
{
	struct ask *a = arg;
	struct asking *k = asking_of(a);
	bool decides = close->outcome == EV_COMPLETE &&
		       check_status_decides(close->status);
	uint64_t most = options_number(k->campaign->options, "retries");

	pthread_mutex_lock(&k->lock);
	k->out--;
	if (!decides && may_change(close) && a->tries <= most) {
		put_back(k, a, close->status == 429);
	} else {
		a->state = ASK_DONE;
		k->done++;
		k->any |= decides;
		k->barren += !decides;
	}
	pthread_cond_signal(&k->moved);
	pthread_mutex_unlock(&k->lock);
}

static const struct origin_events events = {on_head, on_data, on_done};

/* ---- a request ---- */

static struct head *request_head(const struct campaign *c, size_t length)
{
	struct head_maker m = {0};
	struct buf v = {0};
	struct head *h;

	head_make_request(&m, HTTP_1_1, STR("POST"),
			  str_of(c->upstream->scheme),
			  str_of(c->upstream->authority), str_of(c->path));
	m.head.framing = FRAMING_LENGTH;
	m.head.length = length;
	head_make_field(&m, STR("content-type"), STR("application/json"));
	head_make_field(&m, STR("accept"),
			STR("application/json, text/event-stream"));
	head_make_field(&m, STR("user-agent"), STR("assay/" ASSAY_VERSION));
	buf_addf(&v, "%zu", length);
	head_make_field(&m, STR("content-length"), buf_str(&v));
	v.n = 0;
	if (c->key) {
		buf_addf(&v, "Bearer %s", c->key);
		head_make_field(&m, STR("authorization"), buf_str(&v));
	}
	buf_free(&v);
	h = head_make_done(&m);
	head_make_free(&m);
	return h;
}

/* Without the lock: the worker may answer at once. False: the proxy drains. */
static bool start_one(struct asking *k, struct ask *a)
{
	struct campaign *c = k->campaign;
	struct buf body = {0};
	struct origin_request q = {.kind = EV_PROBE,
				   .route = c->upstream->name,
				   .run = a->run,
				   .events = &events,
				   .arg = a};
	struct fail f;
	bool ok;

	probe_request(a->probe, a->number, c->model, &body);
	q.head = request_head(c, body.n);
	q.body = buf_str(&body);
	ok = origin_start(k->proxy, &q, &f);
	buf_free(&body);
	return ok;
}

/* ---- the asker's thread; the lock is held ---- */

static struct ask *next_due(struct asking *k)
{
	struct campaign *c = k->campaign;
	uint64_t now = clock_mono();

	if (now < k->not_yet ||
	    k->out >= options_number(c->options, "concurrency"))
		return NULL;
	for (size_t i = 0; i < c->n_asks; i++) {
		struct ask *a = &c->asks[i];

		if (a->state == ASK_WAITS && a->due <= now)
			return a;
	}
	return NULL;
}

static void ask_one(struct asking *k, struct ask *a)
{
	struct campaign *c = k->campaign;
	bool again = a->tries++ > 0, ok;

	a->state = ASK_OUT;
	k->left--;
	k->out++;
	pthread_mutex_unlock(&k->lock);
	ok = start_one(k, a);
	pthread_mutex_lock(&k->lock);
	if (ok) {
		c->asked += !again;
		c->retries += again;
		return;
	}
	a->state = ASK_WAITS;
	k->left++;
	k->out--;
	c->interrupted = true;
}

static void tell(struct asking *k)
{
	uint64_t now = clock_mono(), spent = now - k->begun;
	size_t all = k->done + k->left + k->out;
	char a[HUMAN_SIZE], b[HUMAN_SIZE], r[HUMAN_SIZE], left[HUMAN_SIZE];

	if (!k->tells || now < k->told_at + TELL_NS)
		return;
	k->told_at = now;
	k->told = true;
	fprintf(stderr, "\rassay: asked %s of %s, %s retries",
		human_count(k->done, a), human_count(all, b),
		human_count(k->campaign->retries, r));
	if (k->done)
		fprintf(stderr, ", %s left",
			human_duration(spent / k->done * (all - k->done),
				       left));
	fprintf(stderr, " \033[K");
}

static void wait_a_tick(struct asking *k)
{
	uint64_t until = clock_mono() + TICK_NS;
	struct timespec t = {(time_t)(until / NS_PER_S),
			     (long)(until % NS_PER_S)};

	tell(k);
	pthread_cond_timedwait(&k->moved, &k->lock, &t);
}

/* Nothing has come of anything: nothing would come of the rest. */
static bool is_hopeless(const struct asking *k)
{
	return !k->any && k->barren >= BARREN_MOST;
}

static bool goes_on(const struct asking *k)
{
	return k->left && !k->campaign->interrupted && !is_hopeless(k);
}

static void *ask_all(void *arg)
{
	struct asking *k = arg;
	struct ask *a;

	pthread_setname_np(pthread_self(), "asker");
	pthread_mutex_lock(&k->lock);
	while (!k->ending && (k->out || goes_on(k))) {
		a = goes_on(k) ? next_due(k) : NULL;
		if (a)
			ask_one(k, a);
		else
			wait_a_tick(k);
	}
	k->campaign->given_up = k->left && is_hopeless(k);
	k->campaign->interrupted = k->left && !k->campaign->given_up;
	if (k->told)
		fprintf(stderr, "\r\033[K");
	if (!k->ending)
		kill(getpid(), SIGTERM);
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* ---- the room ---- */

static void *room_start(struct proxy *p, const struct options *o,
			struct fail *f)
{
	struct asking *k = proxy_room_arg(p);

	k->proxy = p;
	return k;
}

static void room_running(void *room)
{
	struct asking *k = room;

	k->begun = k->told_at = clock_mono();
	k->started = pthread_create(&k->thread, NULL, ask_all, k) == 0;
	if (!k->started) {
		k->campaign->interrupted = true;
		kill(getpid(), SIGTERM);
	}
}

static void room_ending(void *room)
{
	struct asking *k = room;

	pthread_mutex_lock(&k->lock);
	k->ending = true;
	pthread_cond_signal(&k->moved);
	pthread_mutex_unlock(&k->lock);
	if (k->started)
		pthread_join(k->thread, NULL);
}

/* ---- the proxy around it ---- */

struct line {
	char **argv;
	int argc;
};

static void line_add(struct line *l, const char *word)
{
	l->argv = mem_grow(l->argv, (size_t)(l->argc + 1) * sizeof(char *));
	l->argv[l->argc++] = str_dup(str_of(word));
}

static void line_free(struct line *l)
{
	while (l->argc)
		free(l->argv[--l->argc]);
	free(l->argv);
}

/* As it was given to us. */
static void line_pass(struct line *l, const struct options *o, const char *name)
{
	const char *const *v;
	unsigned n = options_list(o, name, &v);
	struct buf word = {0};

	for (unsigned i = 0; i < n; i++) {
		word.n = 0;
		buf_addf(&word, "--%s=%s", name, v[i]);
		buf_addc(&word, 0);
		line_add(l, word.p);
	}
	buf_free(&word);
}

static void line_make(struct line *l, const struct campaign *c)
{
	static const char *const passed[] = {"upstream", "upstream-ca",
					     "upstream-http", "rules", "pack"};
	const char *const own[] = {"--listen", "none",	  "--quiet", "--record",
				   "strict",   "--trail", c->trail};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		line_add(l, own[i]);
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
		line_pass(l, c->options, passed[i]);
}

static void asking_init(struct asking *k, struct campaign *c)
{
	pthread_condattr_t monotonic;

	k->campaign = c;
	k->tells = isatty(STDERR_FILENO);
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&k->moved, &monotonic);
	pthread_condattr_destroy(&monotonic);
	for (size_t i = 0; i < c->n_asks; i++)
		k->left += c->asks[i].state == ASK_WAITS;
}

/* The asker's SIGTERM may come when the proxy ends anyway: it is spent here,
 * and kills nobody. */
static int run_proxy(struct line *l, const struct room *rooms, unsigned n)
{
	static const struct timespec at_once = {0};
	sigset_t term, before;
	int status;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	status = proxy_main(l->argc, l->argv, rooms, n);
	sigtimedwait(&term, NULL, &at_once);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

int probe_run(struct campaign *c)
{
	struct asking k = {0};
	struct line l = {0};
	const struct room rooms[] = {
		audit_room,
		{.name = "Asking",
		 .start = room_start,
		 .running = room_running,
		 .ending = room_ending,
		 .arg = &k},
	};
	int status;

	c->asking = &k;
	asking_init(&k, c);
	line_make(&l, c);
	status = run_proxy(&l, rooms, sizeof rooms / sizeof *rooms);
	line_free(&l);
	pthread_cond_destroy(&k.moved);
	pthread_mutex_destroy(&k.lock);
	return status;
}
