/* SPDX-License-Identifier: MIT */
/*
 * A worker's connections to vendors: resolves, connects, keeps h1 connections
 * alive for the next request and shares h2 ones among streams.
 *
 *	ask = pool_open(pool, up, want, &asker, me);
 *	...asker.ready(me, stream) or asker.failed(me, fail), in this turn's
 *	   call when a connection is idle, later when one must be made
 *
 * Nothing is retried here: the owner of the stream sees HTTP_UNSENT and asks
 * again. One thread; upstreams may be shared by threads, they never change.
 */
#ifndef WIRE_POOL_H
#define WIRE_POOL_H

#include "wire/http.h"

enum upstream_http { UPSTREAM_AUTO, UPSTREAM_H1, UPSTREAM_H2 };

struct upstream {
	char *name;	 /* "default", or NAME of NAME=URL */
	char *scheme;	 /* "http" or "https" */
	char *host;	 /* no brackets */
	char *authority; /* what Host and :authority say */
	char *prefix;	 /* the URL's own path without a last '/'; may be "" */
	uint16_t port;
	enum upstream_http http; /* clear + auto = h1; clear + 2 = prior
				    knowledge; TLS + auto = ALPN */
	SSL_CTX *tls;		 /* NULL for http; its maker frees it */
};

/*
 * Parses "[NAME=]URL"; code: bad_upstream. `http` is UPSTREAM_AUTO, and `tls`
 * the caller's to set. The caller frees with upstream_free().
 */
struct upstream *upstream_parse(const char *text, struct fail *f) MUST_USE;
void upstream_free(struct upstream *u);

struct pool;
struct pool_ask;

struct pool_limits {
	struct http_limits http;
	uint64_t connect_timeout_ns;
	unsigned max_idle; /* h1 connections kept an upstream */
};

/* What the worker wants to hear about vendor connections. */
struct pool_events {
	void (*on_conn)(void *who, const struct upstream *up,
			struct http_conn *c);
	void (*on_conn_note)(void *who, struct http_conn *c, const char *kind,
			     struct str text); /* "goaway", "settings" */
	void (*on_conn_closed)(void *who, struct http_conn *c);
};

struct pool *pool_new(struct loop *l, const struct pool_limits *lim,
		      const struct pool_events *ev, void *who);
/* Closes everything; open streams are cut off in the next turn. */
void pool_free(struct pool *p);

struct pool_want {
	bool h1_only; /* for an Upgrade */
	bool fresh;   /* a new connection: the retry of an unsent request */
};

/*
 * ready: `s` is open, its events set to `ev`/`who`, nothing sent yet.
 * failed: codes of wire_connect(), resolve_failed, and http2_refused (HTTP/2
 * was demanded, and the vendor agreed to HTTP/1.1 alone).
 */
struct pool_asker {
	void (*ready)(void *who, struct http_stream *s);
	void (*failed)(void *who, const struct fail *f);
};

/* Returns NULL when it called the asker before returning. */
struct pool_ask *pool_open(struct pool *p, const struct upstream *up,
			   struct pool_want want, const struct pool_asker *a,
			   const struct http_events *ev, void *who);

/* No longer wanted; neither function of the asker will be called. */
void pool_cancel(struct pool_ask *ask);

#endif
