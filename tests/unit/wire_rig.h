/* SPDX-License-Identifier: MIT */
/* One wire on a bench, and what it told. */
#ifndef TESTS_WIRE_RIG_H
#define TESTS_WIRE_RIG_H

#include <netinet/in.h>

#include "base/buf.h"
#include "wire/wire.h"

struct end {
	struct loop *loop;
	struct wire *w; /* NULL once it failed */
	struct buf got;
	unsigned reads, rooms, drains, ends;
	enum wire_end how;
	bool ready, failed;
	struct fail fail;
};

/* For wire_accept() and wire_connect(), with the end as `who`. */
void end_ready(void *end, const struct fail *f);

void end_turns(struct loop *l, int n);
void end_wait(struct loop *l, const bool *flag); /* up to two seconds */

/* A listening socket on the loopback; *a becomes its address. */
int end_listen(struct sockaddr_in *a, int backlog);

#endif
