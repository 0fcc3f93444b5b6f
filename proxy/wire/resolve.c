/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *	resolver --> name --> name --> ...	one a host, for ever: hosts are
 *	              |  			the user's few upstreams
 *	              +-- addrs, fresh until	the kept answer
 *	              +-- lookup --> evdns	a question under way
 *	              +-- ask, ask, ...		who waits for it
 *
 * evdns may answer from inside the call that asks it, and may answer a
 * question that was called off after everybody has gone: so answers are
 * given to the askers from the loop's flush, and a lookup of its own stands
 * between evdns and the name.
 */
#include "wire/resolve.h"

#include <arpa/inet.h>
#include <assert.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define KEEP_NS (30 * NS_PER_S)

struct name;

struct lookup {
	struct name *name; /* NULL: nobody is interested any more */
};

struct resolve_ask {
	TAILQ_ENTRY(resolve_ask) link;
	struct name *name;
	resolve_fn *fn;
	void *who;
	uint16_t port;
};

TAILQ_HEAD(ask_list, resolve_ask);

struct name {
	LIST_ENTRY(name) link;
	struct resolver *resolver;
	char *host;
	struct resolve_addr addrs[RESOLVE_MAX];
	unsigned n;
	uint64_t fresh_until;
	struct fail fail; /* with n == 0 */
	struct lookup *lookup;
	struct evdns_getaddrinfo_request *request;
	struct ask_list asks;
};

struct resolver {
	struct loop *loop;
	struct loop_dirty dirty;
	LIST_HEAD(, name) names;
};

/* ---- addresses ---- */

static void set_port(struct resolve_addr *a, uint16_t port)
{
	if (a->addr.ss_family == AF_INET)
		((struct sockaddr_in *)&a->addr)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&a->addr)->sin6_port = htons(port);
}

static bool parse_literal(const char *host, struct resolve_addr *out)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)&out->addr;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&out->addr;

	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, host, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		out->len = sizeof *a4;
		return true;
	}
	if (inet_pton(AF_INET6, host, &a6->sin6_addr) == 1) {
		a6->sin6_family = AF_INET6;
		out->len = sizeof *a6;
		return true;
	}
	return false;
}

/* Has this machine a route there? Connecting UDP asks and sends nothing. */
static bool has_route(const struct resolve_addr *a)
{
	struct resolve_addr to = *a;
	int fd = socket(a->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	set_port(&to, 9);
	ok = connect(fd, (struct sockaddr *)&to.addr, to.len) == 0;
	close(fd);
	return ok;
}

static unsigned rank(const struct resolve_addr *a)
{
	return (has_route(a) ? 0 : 2) + (a->addr.ss_family != AF_INET6);
}

/* Reachable before unreachable, IPv6 before IPv4; else as DNS has it. */
static void sort_addrs(struct name *m)
{
	struct resolve_addr sorted[RESOLVE_MAX];
	unsigned ranks[RESOLVE_MAX], n = 0;

	for (unsigned i = 0; i < m->n; i++)
		ranks[i] = rank(&m->addrs[i]);
	for (unsigned want = 0; want < 4; want++) {
		for (unsigned i = 0; i < m->n; i++) {
			if (ranks[i] == want)
				sorted[n++] = m->addrs[i];
		}
	}
	memcpy(m->addrs, sorted, n * sizeof *sorted);
}

static void keep_addrs(struct name *m, const struct evutil_addrinfo *list)
{
	m->n = 0;
	for (; list && m->n < RESOLVE_MAX; list = list->ai_next) {
		struct resolve_addr *a = &m->addrs[m->n];

		if (list->ai_family != AF_INET && list->ai_family != AF_INET6)
			continue;
		memset(a, 0, sizeof *a);
		memcpy(&a->addr, list->ai_addr, list->ai_addrlen);
		a->len = (socklen_t)list->ai_addrlen;
		m->n++;
	}
	sort_addrs(m);
}

void resolve_prefer(struct resolver *r, const char *host,
		    const struct resolve_addr *a)
{
	struct resolve_addr good;
	struct name *m;
	unsigned i = 0;

	LIST_FOREACH (m, &r->names, link) {
		if (strcmp(m->host, host) == 0)
			break;
	}
	if (!m)
		return;
	good = *a;
	set_port(&good, 0);
	while (i < m->n && memcmp(&m->addrs[i].addr, &good.addr, good.len) != 0)
		i++;
	if (i == m->n)
		return; /* looked up anew meanwhile, and gone */
	memmove(&m->addrs[1], &m->addrs[0], i * sizeof *m->addrs);
	m->addrs[0] = good;
}

/* ---- questions ---- */

static void on_answer(int error, struct evutil_addrinfo *list, void *arg)
{
	struct lookup *u = arg;
	struct name *m = u->name;

	free(u);
	if (m) {
		m->lookup = NULL;
		m->request = NULL;
		keep_addrs(m, error ? NULL : list);
		if (m->n)
			m->fresh_until = clock_mono() + KEEP_NS;
		else
			fail_set(&m->fail, FAIL_VENDOR, "resolve_failed",
				 "cannot find the address of %s: %s", m->host,
				 error ? evutil_gai_strerror(error)
				       : "it has none");
		loop_mark_dirty(m->resolver->loop, &m->resolver->dirty);
	}
	if (list)
		evutil_freeaddrinfo(list);
}

static void look_up(struct name *m)
{
	const struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC,
					      .ai_socktype = SOCK_STREAM,
					      .ai_protocol = IPPROTO_TCP};
	struct evdns_getaddrinfo_request *q;

	m->lookup = MEM_NEW(struct lookup);
	m->lookup->name = m;
	q = evdns_getaddrinfo(loop_dns(m->resolver->loop), m->host, NULL,
			      &hints, on_answer, m->lookup);
	/* NULL: on_answer() has been called already */
	m->request = q;
}

static bool is_fresh(const struct name *m)
{
	return m->n && clock_mono() < m->fresh_until;
}

static void answer(struct resolve_ask *ask)
{
	struct resolve_addr addrs[RESOLVE_MAX];
	struct name *m = ask->name;
	struct resolve_ask a = *ask;
	struct fail f = m->fail;
	unsigned n = m->n;

	memcpy(addrs, m->addrs, n * sizeof *addrs);
	for (unsigned i = 0; i < n; i++)
		set_port(&addrs[i], a.port);
	resolve_cancel(ask);
	if (n)
		a.fn(a.who, addrs, n, NULL);
	else
		a.fn(a.who, NULL, 0, &f);
}

/* One ask at a time: an answer may cancel others, or ask anew. */
static bool answer_one(struct resolver *r)
{
	struct name *m;

	LIST_FOREACH (m, &r->names, link) {
		if (!m->lookup && !TAILQ_EMPTY(&m->asks)) {
			answer(TAILQ_FIRST(&m->asks));
			return true;
		}
	}
	return false;
}

static void flush(struct loop_dirty *d)
{
	struct resolver *r =
		(struct resolver *)((char *)d -
				    offsetof(struct resolver, dirty));

	while (answer_one(r))
		;
}

static struct name *name_of(struct resolver *r, const char *host)
{
	struct name *m;

	LIST_FOREACH (m, &r->names, link) {
		if (strcmp(m->host, host) == 0)
			return m;
	}
	m = MEM_NEW(struct name);
	m->resolver = r;
	m->host = str_dup(str_of(host));
	TAILQ_INIT(&m->asks);
	LIST_INSERT_HEAD(&r->names, m, link);
	if (parse_literal(host, &m->addrs[0])) {
		m->n = 1;
		m->fresh_until = UINT64_MAX;
	}
	return m;
}

struct resolve_ask *resolve(struct resolver *r, const char *host, uint16_t port,
			    resolve_fn *fn, void *who)
{
	struct resolve_ask *ask = MEM_NEW(struct resolve_ask);
	struct name *m = name_of(r, host);

	ask->name = m;
	ask->fn = fn;
	ask->who = who;
	ask->port = port;
	TAILQ_INSERT_TAIL(&m->asks, ask, link);
	if (is_fresh(m))
		loop_mark_dirty(r->loop, &r->dirty);
	else if (!m->lookup)
		look_up(m);
	return ask;
}

void resolve_cancel(struct resolve_ask *ask)
{
	TAILQ_REMOVE(&ask->name->asks, ask, link);
	free(ask);
}

/* ---- life ---- */

struct resolver *resolver_new(struct loop *l)
{
	struct resolver *r = MEM_NEW(struct resolver);

	r->loop = l;
	r->dirty.flush = flush;
	LIST_INIT(&r->names);
	return r;
}

static void free_name(struct name *m)
{
	while (TAILQ_FIRST(&m->asks))
		resolve_cancel(TAILQ_FIRST(&m->asks));
	if (m->lookup)
		m->lookup->name = NULL;
	if (m->request)
		evdns_getaddrinfo_cancel(m->request);
	LIST_REMOVE(m, link);
	free(m->host);
	free(m);
}

void resolver_free(struct resolver *r)
{
	while (LIST_FIRST(&r->names))
		free_name(LIST_FIRST(&r->names));
	loop_unmark_dirty(r->loop, &r->dirty);
	free(r);
}
