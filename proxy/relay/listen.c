/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets: one a worker and address (SO_REUSEPORT where workers
 * share it), each accepted socket a door.
 */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "relay/worker_impl.h"

struct listener {
	struct worker *worker;
	int fd;
	struct event *event;
};

static uint16_t *port_of(struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET6)
		return &((struct sockaddr_in6 *)(void *)a)->sin6_port;
	return &((struct sockaddr_in *)(void *)a)->sin_port;
}

/*
 * SO_REUSEPORT would let a second assay of the same user share the port in
 * silence: the first worker finds out without it whether the port is free.
 */
static bool port_is_free(const struct sockaddr_storage *a, socklen_t len)
{
	int on = 1;
	int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_free;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	is_free = bind(fd, (const struct sockaddr *)a, len) == 0 ||
		  errno != EADDRINUSE;
	if (fd >= 0)
		close(fd);
	return is_free;
}

static bool fail_listen(const struct settings_listen *at, int why,
			struct fail *f)
{
	return fail_set(f, FAIL_SYSTEM,
			why == EADDRINUSE ? "port_in_use" : "listen_failed",
			"cannot listen on %s: %s; choose another address with "
			"--listen ADDR:PORT",
			at->shown, strerror(why));
}

static bool listen_one(struct listener *l, const struct settings_listen *at,
		       bool shared, uint16_t *port, struct fail *f)
{
	struct sockaddr_storage a = at->addr;
	socklen_t len = at->addr_len;
	int on = 1;

	if (*port_of(&a) == 0)
		*port_of(&a) = htons(*port);
	if (shared && l->worker->number == 0 && !port_is_free(&a, len))
		return fail_listen(at, EADDRINUSE, f);
	l->fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0);
	if (l->fd < 0)
		return fail_listen(at, errno, f);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (shared)
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (a.ss_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(l->fd, (struct sockaddr *)&a, len) < 0 ||
	    listen(l->fd, 4096) < 0 ||
	    getsockname(l->fd, (struct sockaddr *)&a, &len) < 0)
		return fail_listen(at, errno, f);
	*port = ntohs(*port_of(&a));
	return true;
}

bool listen_open(struct worker *w, bool shared, uint16_t *ports, struct fail *f)
{
	const struct settings *s = w->routes->settings;

	w->listeners = mem_zero(s->n_listens * sizeof *w->listeners);
	for (unsigned i = 0; i < s->n_listens; i++) {
		struct listener *l = &w->listeners[w->n_listeners++];

		l->worker = w;
		l->fd = -1;
		if (!listen_one(l, &s->listens[i], shared, &ports[i], f))
			return false;
	}
	return true;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	struct worker *w = l->worker;
	const struct settings *s = w->routes->settings;
	struct sockaddr_storage a;
	enum { A_TURN = 64 };

	(void)what;
	for (int i = 0; i < A_TURN; i++) {
		socklen_t len = sizeof a;
		int got = accept4(fd, (struct sockaddr *)&a, &len,
				  SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (got < 0) {
			if (errno == EMFILE || errno == ENFILE) {
				log_warn("listen", "no more file descriptors: "
						   "raise ulimit -n");
				event_del(l->event); /* until the next tick */
			}
			return;
		}
		if (settings_allows(s, (struct sockaddr *)&a))
			door_open(w, got, s);
		else
			close(got);
	}
}

void listen_start(struct worker *w)
{
	for (unsigned i = 0; i < w->n_listeners; i++) {
		struct listener *l = &w->listeners[i];

		l->event = event_new(loop_base(w->loop), l->fd,
				     EV_READ | EV_PERSIST, on_accept, l);
		event_add(l->event, NULL);
	}
}

void listen_tick(struct worker *w)
{
	for (unsigned i = 0; i < w->n_listeners; i++) {
		if (w->listeners[i].event)
			event_add(w->listeners[i].event, NULL);
	}
}

void listen_close(struct worker *w)
{
	for (unsigned i = 0; i < w->n_listeners; i++) {
		struct listener *l = &w->listeners[i];

		if (l->event)
			event_free(l->event);
		if (l->fd >= 0)
			close(l->fd);
		l->event = NULL;
		l->fd = -1;
	}
}
