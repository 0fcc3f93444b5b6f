/* SPDX-License-Identifier: MIT */
/*
 * Listeners: each worker has its own socket on each address (SO_REUSEPORT),
 * so that the kernel spreads the connections. The first worker to bind
 * settles the port when 0 was asked for.
 *
 *	listen_bind(&config->at[i], &fd);          // says why on stderr
 *	listener_new(worker, fd, tls);
 */
#ifndef VENDOR_LISTEN_H
#define VENDOR_LISTEN_H

#include "loop.h"

struct listener {
	struct watch watch;
	struct worker *w;
	bool tls;
};

/* Binds and listens; fills at->port. False with a message on stderr. */
bool listen_bind(struct listen_at *at, int *fd);

void listener_start(struct listener *l, struct worker *w, int fd, bool tls);
void listener_stop(struct listener *l);

#endif
