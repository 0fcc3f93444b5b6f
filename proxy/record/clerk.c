/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. One thread turns round and round:
 *
 *	look at the rings -> read what is new -> store parts if a ring fills up
 *	-> commit if there is a group, or something has waited long enough
 *	-> sleep: 5 ms while there is traffic, up to 100 ms when there is none
 *
 * Workers never wake it but when a ring has filled up by a quarter. While the
 * trail cannot be written nothing is read: the rings fill up, and what then
 * happens is the workers' matter (strict: they wait; else: gaps).
 */
#include "record/clerk_impl.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define CLERK_MAGIC 0x636c726bu /* "clrk" */
#define BATCH	    4096	/* records a turn */
#define NAP	    (5 * NS_PER_MS)
#define LONGEST_NAP (100 * NS_PER_MS)
#define GROUP_WAIT  (100 * NS_PER_MS)
#define QUIET_WAIT  (10 * NS_PER_MS) /* when nothing is open either */
#define HORIZON	    (10 * NS_PER_MS)
#define LAST_TRIES  (5 * NS_PER_S) /* to write, when all ends */
#define NO_HORIZON  INT64_MAX

static void clerk_assert(const struct clerk *c)
{
	assert(c && c->magic == CLERK_MAGIC);
}

/* ---- a turn ---- */

/* Takes up to a batch. Returns how many; the trail may refuse meanwhile. */
static size_t read_batch(struct clerk *c, int64_t horizon)
{
	struct clerk_source *s;
	struct record *r;
	uint64_t puts = c->puts;
	size_t n = 0;

	while (n < BATCH && (r = clerk_next(c, horizon, &s))) {
		n++;
		clerk_read(c, s, r, spool_position(&s->reader, r));
		if (c->puts == puts)
			continue;
		puts = c->puts;
		if (clerk_group_full(c, true) && !clerk_commit(c))
			break;
	}
	return n;
}

static bool anything_open(const struct clerk *c)
{
	for (unsigned i = 0; i < c->n_sources; i++) {
		if (c->sources[i].exchanges.n)
			return true;
	}
	return false;
}

static bool commit_due(const struct clerk *c, uint64_t now, size_t taken)
{
	uint64_t waited = now - c->dirty_since;
	if (!c->dirty)
		return false;
	if (clerk_group_full(c, taken == BATCH))
		return true;
	return waited >= GROUP_WAIT ||
	       (taken == 0 && waited >= QUIET_WAIT && !anything_open(c));
}

/* The age of what should be in the trail and is not. */
static uint64_t lag_of(const struct clerk *c, uint64_t now)
{
	int64_t oldest = (int64_t)now;

	if (c->dirty && c->dirty_oldest < oldest)
		oldest = c->dirty_oldest;
	for (unsigned i = 0; i < c->n_sources; i++) {
		const struct clerk_source *s = &c->sources[i];
		if (s->taken < s->reader.head && s->latest < oldest)
			oldest = s->latest;
	}
	return now - (uint64_t)oldest;
}

static void publish_figures(struct clerk *c, uint64_t now)
{
	struct clerk_figures *own = &c->figures;

	own->lag_ns = lag_of(c, now);
	if (own->lag_ns > own->lag_max_ns)
		own->lag_max_ns = own->lag_ns;
	own->disk_full = c->refused;
	pthread_mutex_lock(&c->shared.lock);
	c->shared.figures = *own;
	pthread_mutex_unlock(&c->shared.lock);
}

/* One turn; returns the records taken. */
static size_t turn(struct clerk *c)
{
	uint64_t now = clock_mono();
	size_t taken = 0;

	if (c->refused && (now < c->retry_at || !clerk_commit(c))) {
		publish_figures(c, now);
		return 0;
	}
	clerk_look(c);
	taken = read_batch(c, (int64_t)(now - HORIZON));
	if (!c->refused)
		clerk_relieve(c, now);
	if (!c->refused && commit_due(c, now, taken))
		clerk_commit(c);
	publish_figures(c, clock_mono());
	return taken;
}

/* Everything that is published now gets into the trail, unless that refuses.
 */
static bool bring_in(struct clerk *c, bool open_ones)
{
	size_t n;

	if (c->refused && !clerk_commit(c))
		return false;
	clerk_look(c);
	do {
		n = read_batch(c, NO_HORIZON);
		if (c->refused)
			return false;
	} while (n);
	if (open_ones)
		clerk_put_all(c);
	return clerk_commit(c);
}

/* ---- the thread ---- */

/* Does a worker still wait for room in its ring? */
static bool room_wanted(struct clerk *c)
{
	bool wanted = false;

	for (unsigned i = 0; i < c->n_sources; i++)
		wanted |= spool_give_room(c->sources[i].spool);
	return wanted;
}

static void sleep_for(struct clerk *c, uint64_t ns)
{
	uint64_t until = clock_mono() + ns;
	struct timespec t = {.tv_sec = (time_t)(until / NS_PER_S),
			     .tv_nsec = (long)(until % NS_PER_S)};

	while (sem_clockwait(&c->bell, CLOCK_MONOTONIC, &t) != 0 &&
	       errno == EINTR)
		;
}

/* How long to sleep after a turn, given the sleep before. */
static uint64_t next_nap(struct clerk *c, size_t taken, uint64_t nap)
{
	if (taken == BATCH)
		return 0;
	if (taken || c->dirty || room_wanted(c))
		return NAP;
	return nap * 2 < LONGEST_NAP ? nap * 2 + NAP : LONGEST_NAP;
}

static bool asked_to_stop(struct clerk *c, uint64_t *sync)
{
	bool stop;

	pthread_mutex_lock(&c->shared.lock);
	stop = c->shared.stop;
	*sync = c->shared.sync_asked;
	pthread_mutex_unlock(&c->shared.lock);
	return stop;
}

static void sync_now(struct clerk *c, uint64_t ticket)
{
	bring_in(c, true);
	publish_figures(c, clock_mono());
	pthread_mutex_lock(&c->shared.lock);
	c->shared.sync_done = ticket;
	pthread_cond_broadcast(&c->shared.done);
	pthread_mutex_unlock(&c->shared.lock);
}

/* The end: what is still open is interrupted. */
static void wind_up(struct clerk *c)
{
	uint64_t until = clock_mono() + LAST_TRIES;
	bool done;

	while (!(done = bring_in(c, false)) && clock_mono() < until)
		sleep_for(c, NAP);
	for (unsigned i = 0; done && i < c->n_sources; i++) {
		struct clerk_source *s = &c->sources[i];
		struct clerk_exchange **open = clerk_open_ones(s);
		size_t n = s->exchanges.n;

		for (size_t k = 0; k < n; k++)
			clerk_interrupt(c, open[k]);
		free(open);
	}
	while (done && !clerk_commit(c) && clock_mono() < until)
		sleep_for(c, NAP);
	if (c->dirty || !done)
		log_error("clerk",
			  "not everything is in the trail (%s); the spools "
			  "keep it for the next start",
			  c->trouble.text);
	publish_figures(c, clock_mono());
}

static void *run(void *arg)
{
	struct clerk *c = arg;
	uint64_t nap = NAP, sync;
	size_t taken;

	while (!asked_to_stop(c, &sync)) {
		if (sync != c->shared.sync_done)
			sync_now(c, sync);
		taken = turn(c);
		nap = next_nap(c, taken, nap);
		if (nap)
			sleep_for(c, nap);
	}
	wind_up(c);
	sync_now(c, sync);
	return NULL;
}

/* ---- what others call ---- */

static void watch_spools(struct clerk *c, const struct clerk_options *o)
{
	c->n_sources = o->n_spools;
	c->sources = mem_zero(o->n_spools * sizeof *c->sources);
	for (unsigned i = 0; i < o->n_spools; i++) {
		clerk_source_open(&c->sources[i], o->spools[i]);
		spool_set_bell(o->spools[i], &c->bell);
	}
}

static void discard(struct clerk *c)
{
	for (unsigned i = 0; i < c->n_sources; i++) {
		spool_set_bell(c->sources[i].spool, NULL);
		clerk_source_close(&c->sources[i]);
	}
	free(c->sources);
	for (size_t i = 0; i < c->n_names; i++)
		free(c->names[i]);
	free(c->names);
	clerk_parts_free(&c->parts);
	free(c->taps);
	pthread_cond_destroy(&c->shared.done);
	pthread_mutex_destroy(&c->shared.lock);
	sem_destroy(&c->bell);
	c->magic = 0;
	free(c);
}

/* Signals are the main thread's. */
static bool start_thread(struct clerk *c, struct fail *f)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&c->thread, NULL, run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return fail_set(f, FAIL_SYSTEM, "clerk_thread",
				"cannot start the clerk's thread: %s",
				strerror(error));
	pthread_setname_np(c->thread, "assay-clerk");
	return true;
}

struct clerk *clerk_start(const struct clerk_options *o, struct fail *f)
{
	struct clerk *c = MEM_NEW(struct clerk);

	c->magic = CLERK_MAGIC;
	c->trail = o->trail;
	c->strict = o->strict;
	c->n_taps = o->n_taps;
	c->taps = mem_alloc(o->n_taps * sizeof *c->taps);
	if (o->n_taps)
		memcpy(c->taps, o->taps, o->n_taps * sizeof *c->taps);
	pthread_mutex_init(&c->shared.lock, NULL);
	pthread_cond_init(&c->shared.done, NULL);
	sem_init(&c->bell, 0, 0);
	if (clerk_recover(c, o, f)) {
		watch_spools(c, o);
		c->figures.disk_bytes = trail_size(c->trail);
		publish_figures(c, clock_mono());
		if (start_thread(c, f))
			return c;
	}
	discard(c);
	return NULL;
}

void clerk_sync(struct clerk *c)
{
	uint64_t ticket;

	clerk_assert(c);
	pthread_mutex_lock(&c->shared.lock);
	ticket = ++c->shared.sync_asked;
	sem_post(&c->bell);
	while (c->shared.sync_done < ticket)
		pthread_cond_wait(&c->shared.done, &c->shared.lock);
	pthread_mutex_unlock(&c->shared.lock);
}

void clerk_stop(struct clerk *c)
{
	if (!c)
		return;
	clerk_assert(c);
	pthread_mutex_lock(&c->shared.lock);
	c->shared.stop = true;
	pthread_mutex_unlock(&c->shared.lock);
	sem_post(&c->bell);
	pthread_join(c->thread, NULL);
	discard(c);
}

void clerk_figures(struct clerk *c, struct clerk_figures *out)
{
	clerk_assert(c);
	pthread_mutex_lock(&c->shared.lock);
	*out = c->shared.figures;
	pthread_mutex_unlock(&c->shared.lock);
}
