/* SPDX-License-Identifier: MIT */
/*
 * Makes one connection to an upstream: finds its addresses, tries them in
 * turn, shakes hands, and learns the HTTP version.
 *
 *	d = dial_start(loop, resolver, up, h1_only, timeout, done, me);
 *	...done(me, wire, h2, NULL) or done(me, NULL, false, fail)
 */
#ifndef WIRE_POOL_DIAL_H
#define WIRE_POOL_DIAL_H

#include "wire/pool.h"
#include "wire/resolve.h"

struct dial;

/*
 * The wire is the callee's. Comes from the loop, once. Codes: those of
 * wire_connect(), resolve_failed, and http2_refused (asked for HTTP/2 over
 * TLS, and the vendor does not speak it).
 */
typedef void dial_fn(void *who, struct wire *take_w, bool h2,
		     const struct fail *f);

struct dial *dial_start(struct loop *l, struct resolver *r,
			const struct upstream *up, bool h1_only,
			uint64_t timeout_ns, dial_fn *done, void *who);
void dial_cancel(struct dial *d);

#endif
