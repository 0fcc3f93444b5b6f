/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *	resolve -> connect to addrs[0] -> [TLS] -> done
 *	               | failed
 *	               +-> addrs[1] -> ... -> the last one's failure
 *
 * An address may use the time that is left, shared with those behind it, so
 * that one that never answers leaves some for the next. A TLS failure is the
 * host's, not the address's: it ends the dial.
 */
#include "wire/pool_dial.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define DIAL_MAGIC 0x4449414cu

struct dial {
	unsigned magic;
	struct loop *loop;
	struct resolver *resolver;
	const struct upstream *up;
	bool h1_only;
	dial_fn *done;
	void *who;
	struct resolve_ask *ask; /* until the addresses are known */
	struct wire *wire;	 /* while one is tried */
	struct resolve_addr addrs[RESOLVE_MAX];
	unsigned n, next;
	uint64_t until;
	struct loop_deadline deadline;
	char *shown;
};

static void free_dial(struct dial *d)
{
	d->magic = 0;
	loop_drop_deadline(&d->deadline);
	free(d->shown);
	free(d);
}

static void finish(struct dial *d, struct wire *w, bool h2,
		   const struct fail *f)
{
	dial_fn *done = d->done;
	void *who = d->who;

	free_dial(d);
	done(who, w, h2, f);
}

static const char *offer(const struct dial *d)
{
	if (d->h1_only || d->up->http == UPSTREAM_H1)
		return "\x08http/1.1";
	if (d->up->http == UPSTREAM_H2)
		return "\x02h2";
	return "\x02h2\x08http/1.1";
}

static void try_next(struct dial *d);

static void connected(struct dial *d)
{
	struct wire *w = d->wire;
	bool h2 = d->up->http == UPSTREAM_H2 && !d->h1_only;
	struct fail f;

	resolve_prefer(d->resolver, d->up->host, &d->addrs[d->next - 1]);
	if (d->up->tls) {
		bool agreed = strcmp(wire_facts(w)->alpn, "h2") == 0;

		if (h2 && !agreed) {
			fail_set(&f, FAIL_VENDOR, "http2_refused",
				 "%s does not speak HTTP/2, which "
				 "--upstream-http 2 demands",
				 d->shown);
			wire_close(w, 0, false);
			finish(d, NULL, false, &f);
			return;
		}
		h2 = agreed;
	}
	finish(d, w, h2, NULL);
}

static void on_ready(void *who, const struct fail *f)
{
	struct dial *d = who;

	assert(d->magic == DIAL_MAGIC);
	if (!f) {
		connected(d);
		return;
	}
	d->wire = NULL;
	if (d->next < d->n && strncmp(f->code, "tls_", 4) != 0)
		try_next(d);
	else
		finish(d, NULL, false, f);
}

static void try_next(struct dial *d)
{
	const struct resolve_addr *a = &d->addrs[d->next];
	uint64_t now = clock_mono();
	uint64_t left = d->until > now ? d->until - now : 1;
	struct wire_target to = {
		.addr = (const struct sockaddr *)&a->addr,
		.addr_len = a->len,
		.ctx = d->up->tls,
		.sni = d->up->tls ? d->up->host : NULL,
		.alpn = d->up->tls ? offer(d) : NULL,
		.shown = d->shown,
		.timeout_ns = d->until ? left / (d->n - d->next) + 1 : 0,
	};

	d->next++;
	d->wire = wire_connect(d->loop, &to, on_ready, d);
}

static void resolved(void *who, const struct resolve_addr *addrs, unsigned n,
		     const struct fail *f)
{
	struct dial *d = who;

	assert(d->magic == DIAL_MAGIC);
	d->ask = NULL;
	d->deadline.at = 0; /* from here on the wire counts the time */
	if (f) {
		finish(d, NULL, false, f);
		return;
	}
	memcpy(d->addrs, addrs, n * sizeof *addrs);
	d->n = n;
	try_next(d);
}

static void on_due(struct loop_deadline *dl)
{
	struct dial *d =
		(struct dial *)((char *)dl - offsetof(struct dial, deadline));
	struct fail f;

	assert(d->magic == DIAL_MAGIC && d->ask);
	resolve_cancel(d->ask);
	fail_set(&f, FAIL_VENDOR, "resolve_failed",
		 "looking up the address of %s took too long", d->up->host);
	finish(d, NULL, false, &f);
}

/* "host:port", the port always. */
static char *show(const struct upstream *up)
{
	bool v6 = strchr(up->host, ':') != NULL;
	struct buf b = {0};

	if (v6)
		buf_addf(&b, "[%s]:%u", up->host, up->port);
	else
		buf_addf(&b, "%s:%u", up->host, up->port);
	buf_addc(&b, '\0');
	return b.p;
}

struct dial *dial_start(struct loop *l, struct resolver *r,
			const struct upstream *up, bool h1_only,
			uint64_t timeout_ns, dial_fn *done, void *who)
{
	struct dial *d = MEM_NEW(struct dial);

	d->magic = DIAL_MAGIC;
	d->loop = l;
	d->resolver = r;
	d->up = up;
	d->h1_only = h1_only;
	d->done = done;
	d->who = who;
	d->shown = show(up);
	d->until = timeout_ns ? clock_mono() + timeout_ns : 0;
	d->deadline.due = on_due;
	d->deadline.at = d->until;
	loop_add_deadline(l, &d->deadline);
	d->ask = resolve(r, up->host, up->port, resolved, d);
	return d;
}

void dial_cancel(struct dial *d)
{
	assert(d->magic == DIAL_MAGIC);
	if (d->ask)
		resolve_cancel(d->ask);
	if (d->wire)
		wire_close(d->wire, 0, false);
	free_dial(d);
}
