/* SPDX-License-Identifier: MIT */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "text.h"

#define BACKLOG	    4096
#define ACCEPT_TURN 64

/* Splits "127.0.0.1:80" and "[::1]:80". */
static bool split(const char *text, char *host, size_t cap, uint64_t *port)
{
	const char *colon = strrchr(text, ':');
	struct str h = {text, colon ? (size_t)(colon - text) : 0};

	if (!colon || !text_u64(str_of(colon + 1), port) || *port > 65535)
		return false;
	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']') {
		h.p++;
		h.n -= 2;
	}
	if (h.n == 0 || h.n >= cap)
		return false;
	memcpy(host, h.p, h.n);
	host[h.n] = '\0';
	return true;
}

static int bind_to(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		return 0;
	return ntohs(sa.ss_family == AF_INET6
			     ? ((struct sockaddr_in6 *)&sa)->sin6_port
			     : ((struct sockaddr_in *)&sa)->sin_port);
}

bool listen_bind(struct listen_at *at, int *fd)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICHOST};
	struct addrinfo *ai = NULL;
	char host[64], service[8];
	uint64_t port;

	if (!split(at->text, host, sizeof(host), &port)) {
		fprintf(stderr, "vendor: %s is not ADDR:PORT\n", at->text);
		return false;
	}
	port = at->port ? at->port : port;
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	if (getaddrinfo(host, service, &hints, &ai) != 0) {
		fprintf(stderr, "vendor: %s is not an address\n", host);
		return false;
	}
	*fd = bind_to(ai);
	freeaddrinfo(ai);
	if (*fd < 0) {
		fprintf(stderr, "vendor: cannot listen on %s: %s\n", at->text,
			strerror(errno));
		return false;
	}
	at->port = bound_port(*fd);
	return true;
}

static void ready(struct watch *watch, uint32_t events)
{
	struct listener *l = (struct listener *)watch;

	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(watch->fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		conn_new(l->w, fd, l->tls);
	}
}

void listener_start(struct listener *l, struct worker *w, int fd, bool tls)
{
	*l = (struct listener){
		.watch = {.ready = ready, .fd = fd}, .w = w, .tls = tls};
	loop_watch(w, &l->watch, EPOLLIN);
}

void listener_stop(struct listener *l)
{
	loop_unwatch(l->w, &l->watch);
	close(l->watch.fd);
}
