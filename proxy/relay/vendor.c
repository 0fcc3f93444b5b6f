/* SPDX-License-Identifier: MIT */
/* What the pool tells about vendor connections, as evidence. */
#include "relay/worker_impl.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/pool.h"

void conn_facts(const struct http_conn *c, enum http_version v,
		struct ev_conn *out, char peer[64])
{
	const struct wire_facts *f = wire_facts(c->wire);
	const struct sockaddr_in *a4 = (const void *)&f->peer;
	const struct sockaddr_in6 *a6 = (const void *)&f->peer;
	char host[INET6_ADDRSTRLEN] = "";

	peer[0] = '\0';
	if (f->peer.ss_family == AF_INET) {
		inet_ntop(AF_INET, &a4->sin_addr, host, sizeof host);
		snprintf(peer, 64, "%s:%u", host, ntohs(a4->sin_port));
	} else if (f->peer.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &a6->sin6_addr, host, sizeof host);
		snprintf(peer, 64, "[%s]:%u", host, ntohs(a6->sin6_port));
	}
	*out = (struct ev_conn){
		.at_wall = clock_wall(),
		.peer = str_of(peer),
		.tls = f->tls,
		.tls_version = str_of(f->tls_version),
		.cipher = str_of(f->cipher),
		.alpn = str_of(f->alpn),
		.sni = str_of(f->sni),
		.http = v == HTTP_2 ? STR("2") : STR("1.1"),
		.has_chain = f->has_chain,
	};
	memcpy(out->chain_sha256, f->chain_sha256, sizeof out->chain_sha256);
}

static void on_conn(void *who, const struct upstream *up, struct http_conn *c)
{
	struct routes *r = who;
	struct ev_conn e;
	char peer[64];

	conn_facts(c, c->codec->version, &e, peer);
	e.side = EV_RESPONSE;
	e.route = str_of(up->name);
	c->tag = recorder_conn(r->worker->recorder, &e);
	log_debug("vendor", "connected to %s at %s%s%s, HTTP/%.*s", up->name,
		  peer, e.tls ? ", " : "", wire_facts(c->wire)->tls_version,
		  STR_ARG(e.http));
}

static void on_conn_note(void *who, struct http_conn *c, const char *kind,
			 struct str text)
{
	struct routes *r = who;

	recorder_conn_note(r->worker->recorder, c->tag, str_of(kind), text,
			   clock_mono());
}

static void on_conn_closed(void *who, struct http_conn *c)
{
	struct routes *r = who;

	recorder_conn_closed(r->worker->recorder, c->tag, clock_mono());
	log_debug("vendor", "a connection closed");
	worker_check_room(r->worker);
}

const struct pool_events vendor_events = {on_conn, on_conn_note,
					  on_conn_closed};
