/* SPDX-License-Identifier: MIT */
/*
 * Names to addresses, without blocking and without asking twice: answers are
 * kept for half a minute, and who asks meanwhile joins the question.
 *
 *	ask = resolve(r, "api.vendor.example", 443, answered, me);
 *	...answered(me, addrs, n, NULL) or answered(me, NULL, 0, fail)
 *
 * One thread.
 */
#ifndef WIRE_RESOLVE_H
#define WIRE_RESOLVE_H

#include <sys/socket.h>

#include "base/fail.h"
#include "wire/loop.h"

struct resolver;
struct resolve_ask;

struct resolve_addr {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* At most so many addresses of a name are kept. */
#define RESOLVE_MAX 8

struct resolver *resolver_new(struct loop *l);
/* Nobody who still waits is answered. */
void resolver_free(struct resolver *r);

/*
 * `addrs` are borrowed for the call, best first; code on failure:
 * resolve_failed. Comes from the loop, never from inside resolve().
 */
typedef void resolve_fn(void *who, const struct resolve_addr *addrs, unsigned n,
			const struct fail *f);
struct resolve_ask *resolve(struct resolver *r, const char *host, uint16_t port,
			    resolve_fn *fn, void *who);
void resolve_cancel(struct resolve_ask *ask);

/* This address of the host worked: it comes first from now on. */
void resolve_prefer(struct resolver *r, const char *host,
		    const struct resolve_addr *a);

#endif
