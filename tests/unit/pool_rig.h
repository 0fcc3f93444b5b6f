/* SPDX-License-Identifier: MIT */
/*
 * A rig for tests of the pool: small vendors on 127.0.0.1 and the pool that
 * asks them, in the same loop, and what each asker was told.
 */
#ifndef TESTS_POOL_RIG_H
#define TESTS_POOL_RIG_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "wire/pool.h"

enum { MANY = 64 };

struct asked {
	struct fixture *x;
	struct pool_ask *ask;
	struct http_stream *s;
	struct http_conn *conn; /* may have gone */
	enum http_version version;
	bool ready, failed, head, gone;
	enum http_gone how;
	char code[32];
};

/* A connection at the vendor. */
struct served {
	struct fixture *x;
	struct wire *wire;
	struct http_conn *conn;
};

struct fixture {
	struct loop *loop;
	struct pool *pool;
	struct upstream *up;
	int listener;
	struct event *accept_ev;
	SSL_CTX *server_tls, *client_tls;
	struct http_limits lim; /* the vendor's */
	struct served served[MANY];
	unsigned n_served, n_closed;
	bool mute; /* the vendor never answers */
	struct asked asked[MANY];
	unsigned n_asked, conns, conns_closed;
	struct buf notes;
	bool (*until)(struct fixture *x);
	unsigned ticks;
};

void rig_answer(void *who);
void rig_run(struct fixture *x, bool (*until)(struct fixture *x));
void rig_turns(struct fixture *x, unsigned n);
void rig_start(struct fixture *x, const char *host, enum upstream_http http,
	       SSL_CTX *server_tls, SSL_CTX *client_tls);
void rig_stop(struct fixture *x);
struct asked *rig_ask_for(struct fixture *x, struct pool_want want);
struct asked *rig_ask(struct fixture *x);
void rig_ask_many(struct fixture *x, unsigned n);
bool rig_answered(struct fixture *x);
bool rig_all_gone(struct fixture *x);
void rig_send_all(struct fixture *x);
void rig_exchange_all(struct fixture *x);
unsigned rig_count_conns(const struct fixture *x);

#endif
