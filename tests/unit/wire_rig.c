/* SPDX-License-Identifier: MIT */
#include "wire_rig.h"

#include <assert.h>
#include <unistd.h>

static void on_bytes(void *who, const char *p, size_t n, uint64_t at)
{
	struct end *e = who;

	buf_add(&e->got, p, n);
	e->reads++;
}

static void on_end(void *who, enum wire_end how)
{
	struct end *e = who;

	e->ends++;
	e->how = how;
}

static void on_room(void *who)
{
	((struct end *)who)->rooms++;
}

static void on_drained(void *who)
{
	((struct end *)who)->drains++;
}

static const struct wire_events events = {on_bytes, on_end, on_room,
					  on_drained};

void end_ready(void *who, const struct fail *f)
{
	struct end *e = who;

	if (f) {
		e->failed = true;
		e->fail = *f;
		e->w = NULL;
		return;
	}
	e->ready = true;
	wire_set_events(e->w, &events, e);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

void end_turns(struct loop *l, int n)
{
	for (; n; n--) {
		loop_wake(l, stop, l);
		loop_run(l);
	}
}

void end_wait(struct loop *l, const bool *flag)
{
	for (int i = 0; i < 400 && !*flag; i++) {
		end_turns(l, 1);
		usleep(5000);
	}
}

int end_listen(struct sockaddr_in *a, int backlog)
{
	socklen_t n = sizeof *a;
	int l = socket(AF_INET, SOCK_STREAM, 0);

	*a = (struct sockaddr_in){.sin_family = AF_INET};
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert(bind(l, (struct sockaddr *)a, n) == 0);
	assert(listen(l, backlog) == 0);
	getsockname(l, (struct sockaddr *)a, &n);
	return l;
}
