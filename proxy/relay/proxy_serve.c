/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * The main thread relays nothing: it waits in a loop of its own for
 *
 *	signalfd    SIGINT, SIGTERM: drain; SIGHUP: reload
 *	control	    the same by verbs, and status
 *	a timer	    once a second: look at the figures, warn
 *	done	    the finisher says that nothing is left to do
 *
 * How it ends:
 *
 *	1st signal   workers stop listening; open exchanges go on until
 *	   |	     --drain is over
 *	2nd signal   they are cut now
 *	later ones   leave as if killed: the spool keeps what the trail lacks
 *
 *	finisher     a thread that waits for the workers' threads and then for
 *		     the clerk, so that this one still hears signals and the
 *		     control socket meanwhile
 */
#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "record/clerk.h"
#include "relay/control.h"
#include "relay/proxy_impl.h"

#define SERVE_MAGIC 0x53525645u

/* Cutting and the last commit take a moment: who presses Ctrl-C three times
 * at once does not mean to leave before them. */
#define LEAVE_AFTER (3 * NS_PER_S)

struct serve {
	unsigned magic;
	struct proxy *proxy;
	struct event_base *base;
	int signal_fd, done_fd;
	struct event *signalled, *done, *tick;
	unsigned drains; /* how often it was asked for */
	uint64_t cut_at; /* when it was for the second time */
	pthread_t finisher;
	sigset_t signals, before;
	struct proxy_watch watch;
};

static void *finish(void *arg)
{
	struct serve *sv = arg;
	struct proxy *p = sv->proxy;
	uint64_t one = 1;
	ssize_t n;

	pthread_setname_np(pthread_self(), "finisher");
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_join(p->workers[i]);
	clerk_sync(p->clerk);
	n = write(sv->done_fd, &one, sizeof one);
	assert(n == sizeof one);
	return NULL;
}

static void drain_workers(struct serve *sv, uint64_t deadline)
{
	struct proxy *p = sv->proxy;

	for (unsigned i = 0; i < p->n_workers; i++)
		worker_drain(p->workers[i], deadline);
}

static void drain_first(struct serve *sv)
{
	struct proxy *p = sv->proxy;
	struct worker_figures w;
	int err;

	atomic_store(&p->draining, true);
	proxy_sum(p, &w);
	if (w.exchanges)
		log_info("drain",
			 "no more requests are taken; open exchanges (%u) may "
			 "go on for %g s; once more (Ctrl-C) cuts them",
			 w.exchanges, (double)p->settings->drain_ns / NS_PER_S);
	drain_workers(sv, clock_mono() + p->settings->drain_ns);
	err = pthread_create(&sv->finisher, NULL, finish, sv);
	assert(err == 0);
}

void serve_drain(struct serve *sv)
{
	assert(sv->magic == SERVE_MAGIC);
	sv->drains++;
	if (sv->drains == 1) {
		drain_first(sv);
	} else if (sv->drains == 2) {
		sv->cut_at = clock_mono();
		log_warn("drain", "what is still open is cut now");
		drain_workers(sv, clock_mono());
	}
}

/* As if killed, but for the socket: the next start finds all in the spool. */
static void leave(struct serve *sv, int number)
{
	log_warn("drain", "leaving at once: what is not in the trail yet stays "
			  "in the spool, and the next start takes it in");
	control_free(sv->proxy->control);
	signal(number, SIG_DFL);
	sigprocmask(SIG_SETMASK, &sv->before, NULL);
	raise(number);
}

static void reload(struct serve *sv)
{
	struct fail f;

	if (atomic_load(&sv->proxy->draining))
		log_warn("reload", "not while draining");
	else if (proxy_reload(sv->proxy, &f))
		log_info("reload", "the new settings are in force");
	else
		log_error("reload", "nothing has changed: %s [%s]", f.text,
			  f.code);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct serve *sv = arg;
	struct signalfd_siginfo got;

	(void)what;
	if (read(fd, &got, sizeof got) != sizeof got)
		return;
	if (got.ssi_signo == SIGHUP)
		reload(sv);
	else if (sv->drains < 2)
		serve_drain(sv);
	else if (clock_mono() > sv->cut_at + LEAVE_AFTER)
		leave(sv, (int)got.ssi_signo);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct serve *sv = arg;

	(void)fd;
	(void)what;
	proxy_watch(sv->proxy, &sv->watch);
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct serve *sv = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(sv->base);
}

static struct event *wait_for(struct serve *sv, int fd, event_callback_fn fn)
{
	struct event *e = event_new(sv->base, fd, EV_READ | EV_PERSIST, fn, sv);

	event_add(e, NULL);
	return e;
}

struct serve *serve_new(struct proxy *p)
{
	static const struct timeval second = {.tv_sec = 1};
	struct serve *sv = MEM_NEW(struct serve);

	sv->magic = SERVE_MAGIC;
	sv->proxy = p;
	sigemptyset(&sv->signals);
	sigaddset(&sv->signals, SIGINT);
	sigaddset(&sv->signals, SIGTERM);
	sigaddset(&sv->signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &sv->signals, &sv->before);
	sv->signal_fd = signalfd(-1, &sv->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	sv->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	sv->base = event_base_new();
	assert(sv->signal_fd >= 0 && sv->done_fd >= 0 && sv->base);
	sv->signalled = wait_for(sv, sv->signal_fd, on_signal);
	sv->done = wait_for(sv, sv->done_fd, on_done);
	sv->tick = event_new(sv->base, -1, EV_PERSIST, on_tick, sv);
	event_add(sv->tick, &second);
	return sv;
}

/* A signal that came while all was ending anyway is spent. */
static void restore_signals(struct serve *sv)
{
	struct signalfd_siginfo got;

	while (read(sv->signal_fd, &got, sizeof got) == sizeof got)
		continue;
	sigprocmask(SIG_SETMASK, &sv->before, NULL);
}

void serve_free(struct serve *sv)
{
	if (!sv)
		return;
	assert(sv->magic == SERVE_MAGIC);
	event_free(sv->signalled);
	event_free(sv->done);
	event_free(sv->tick);
	event_base_free(sv->base);
	restore_signals(sv);
	close(sv->signal_fd);
	close(sv->done_fd);
	sv->magic = 0;
	free(sv);
}

struct event_base *serve_base(struct serve *sv)
{
	assert(sv->magic == SERVE_MAGIC);
	return sv->base;
}

void serve_run(struct serve *sv)
{
	assert(sv->magic == SERVE_MAGIC);
	event_base_dispatch(sv->base);
	pthread_join(sv->finisher, NULL);
}
