/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Timers lie in a binary heap that knows where each of them is, so
 * that a paced stream moves its one timer without a search:
 *
 *	heap.at:  [ earliest | . | . | . ]     children of i: 2i+1, 2i+2
 *	              ^ slot 1     timer->slot is index + 1, 0 when absent
 *
 * The run queue is cut off before it is run: what is queued meanwhile waits
 * for the next turn, after the descriptors have been looked at.
 */
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define EVENTS 256

uint64_t loop_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void loop_init(struct worker *w, const struct config *config)
{
	memset(w, 0, sizeof(*w));
	w->config = config;
	w->counters = config->counters;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	assert(w->epoll >= 0);
	w->last = &w->first;
	w->input = mem_alloc(WORKER_READ);
	w->now = loop_clock();
}

void loop_free(struct worker *w)
{
	close(w->epoll);
	free(w->heap.at);
	free(w->input);
	free(w->fields);
	buf_free(&w->wire);
	buf_free(&w->record);
	buf_free(&w->piece);
	buf_free(&w->squeezed);
	buf_free(&w->event);
	buf_free(&w->json);
}

static void control(struct worker *w, int op, struct watch *watch)
{
	struct epoll_event ev = {.events = watch->events, .data.ptr = watch};
	int rc = epoll_ctl(w->epoll, op, watch->fd, &ev);

	assert(rc == 0);
}

void loop_watch(struct worker *w, struct watch *watch, uint32_t events)
{
	watch->events = events;
	control(w, EPOLL_CTL_ADD, watch);
}

void loop_rewatch(struct worker *w, struct watch *watch, uint32_t events)
{
	if (watch->events == events)
		return;
	watch->events = events;
	control(w, EPOLL_CTL_MOD, watch);
}

void loop_unwatch(struct worker *w, struct watch *watch)
{
	control(w, EPOLL_CTL_DEL, watch);
	watch->ready = NULL;
}

static void place(struct worker *w, size_t i, struct timer *t)
{
	w->heap.at[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct worker *w, size_t i, struct timer *t)
{
	while (i > 0 && w->heap.at[(i - 1) / 2]->due > t->due) {
		place(w, i, w->heap.at[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(w, i, t);
}

static void sift_down(struct worker *w, size_t i, struct timer *t)
{
	for (;;) {
		size_t kid = 2 * i + 1;
		if (kid >= w->heap.n)
			break;
		if (kid + 1 < w->heap.n &&
		    w->heap.at[kid + 1]->due < w->heap.at[kid]->due)
			kid++;
		if (w->heap.at[kid]->due >= t->due)
			break;
		place(w, i, w->heap.at[kid]);
		i = kid;
	}
	place(w, i, t);
}

void loop_timer_set(struct worker *w, struct timer *t, uint64_t due)
{
	loop_timer_stop(w, t);
	if (w->heap.n == w->heap.cap) {
		w->heap.cap = w->heap.cap ? 2 * w->heap.cap : 64;
		w->heap.at = mem_grow(w->heap.at,
				      w->heap.cap * sizeof(struct timer *));
	}
	t->due = due;
	sift_up(w, w->heap.n++, t);
}

void loop_timer_stop(struct worker *w, struct timer *t)
{
	struct timer *last;
	size_t i = t->slot;

	if (i-- == 0)
		return;
	assert(w->heap.at[i] == t);
	t->slot = 0;
	last = w->heap.at[--w->heap.n];
	if (last == t)
		return;
	sift_down(w, i, last);
	sift_up(w, last->slot - 1, last);
}

void loop_queue(struct worker *w, struct task *task)
{
	if (task->queued || task->retired)
		return;
	task->queued = true;
	task->next = NULL;
	*w->last = task;
	w->last = &task->next;
}

void loop_retire(struct worker *w, struct task *task)
{
	struct task **at = &w->first;

	task->retired = true;
	if (!task->queued)
		return;
	task->queued = false;
	while (*at && *at != task)
		at = &(*at)->next;
	if (!*at)
		return; /* in the list being run, which skips it */
	*at = task->next;
	if (w->last == &task->next)
		w->last = at;
}

void loop_bury(struct worker *w, struct dead *dead, void (*bury)(struct dead *))
{
	dead->bury = bury;
	dead->next = w->dead;
	w->dead = dead;
}

static int wait_ready(struct worker *w, struct epoll_event *ev)
{
	struct timespec ts = {0, 0};
	struct timespec *limit = &ts;
	uint64_t now;

	if (!w->first && w->heap.n == 0) {
		limit = NULL;
	} else if (!w->first) {
		now = loop_clock();
		if (w->heap.at[0]->due > now) {
			uint64_t ns = w->heap.at[0]->due - now;
			ts.tv_sec = (time_t)(ns / 1000000000u);
			ts.tv_nsec = (long)(ns % 1000000000u);
		}
	}
	return epoll_pwait2(w->epoll, ev, EVENTS, limit, NULL);
}

static void run_timers(struct worker *w)
{
	while (w->heap.n && w->heap.at[0]->due <= w->now) {
		struct timer *t = w->heap.at[0];
		loop_timer_stop(w, t);
		t->fire(t);
	}
}

static void run_tasks(struct worker *w)
{
	struct task *task = w->first, *next;

	w->first = NULL;
	w->last = &w->first;
	for (; task; task = next) {
		next = task->next;
		if (!task->queued)
			continue;
		task->queued = false;
		task->run(task);
	}
}

static void bury_dead(struct worker *w)
{
	while (w->dead) {
		struct dead *dead = w->dead;
		w->dead = dead->next;
		dead->bury(dead);
	}
}

void loop_run(struct worker *w)
{
	struct epoll_event ev[EVENTS];

	prctl(PR_SET_TIMERSLACK, 1); /* ns: paces are to be exact */
	while (!w->stop) {
		int n = wait_ready(w, ev);
		assert(n >= 0 || errno == EINTR);
		w->now = loop_clock();
		w->turn++;
		for (int i = 0; i < n; i++) {
			struct watch *watch = ev[i].data.ptr;
			if (watch->ready)
				watch->ready(watch, ev[i].events);
		}
		run_timers(w);
		run_tasks(w);
		bury_dead(w);
	}
	bury_dead(w);
}
