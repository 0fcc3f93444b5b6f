/* SPDX-License-Identifier: MIT */
#include "pool_rig.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/pool.h"
#include "wire/tls.h"

/* ---- the vendor ---- */

static void free_head(void *who, struct head *take_head)
{
	head_free(take_head);
}

static void ignore_data(void *who, const char *p, size_t n, uint64_t at)
{
}

static void ignore_gone(void *who, const struct http_end_facts *end)
{
}

static void nothing(void *who)
{
}

void rig_answer(void *who)
{
	struct http_stream *s = who;
	struct head_maker m = {0};
	struct head *h;

	head_make_status(&m, HTTP_1_1, 200, STR("OK"));
	head_make_field(&m, STR("content-length"), STR("0"));
	h = head_make_done(&m);
	h->framing = FRAMING_LENGTH;
	http_send_head(s, h, NULL);
	http_send_end(s);
	head_free(h);
	head_make_free(&m);
}

static void vendor_on_stream(void *owner, struct http_stream *s)
{
	static const struct http_events answers = {
		free_head,  free_head, ignore_data, free_head,
		rig_answer, nothing,   ignore_gone};
	static const struct http_events stays_mute = {
		free_head, free_head, ignore_data, free_head,
		nothing,   nothing,   ignore_gone};
	struct served *v = owner;

	s->events = v->x->mute ? &stays_mute : &answers;
	s->who = s;
}

static void vendor_on_closed(void *owner, struct http_conn *c)
{
	struct served *v = owner;

	v->conn = NULL;
	v->x->n_closed++;
}

static void vendor_on_refused(void *owner, struct http_conn *c, unsigned status,
			      const char *code, const char *why)
{
	fail_msg("refused %u %s: %s", status, code, why);
}

static const struct http_server vendor = {vendor_on_stream, vendor_on_closed,
					  vendor_on_refused};

static void vendor_ready(void *who, const struct fail *f)
{
	struct served *v = who;

	if (!f)
		v->conn = http_serve(v->wire, &v->x->lim, &vendor, v);
	v->wire = NULL;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *x = arg;
	int one = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct served *v = &x->served[x->n_served++];

	assert_true(one >= 0 && x->n_served <= MANY);
	v->x = x;
	v->wire = wire_accept(x->loop, one, x->server_tls, vendor_ready, v);
}

static uint16_t listen_on(struct fixture *x, int backlog)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;

	x->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(x->listener, (void *)&a, sizeof a), 0);
	assert_int_equal(listen(x->listener, backlog), 0);
	assert_int_equal(getsockname(x->listener, (void *)&a, &n), 0);
	return ntohs(a.sin_port);
}

/* ---- what the pool tells ---- */

static void on_conn(void *who, const struct upstream *up, struct http_conn *c)
{
	((struct fixture *)who)->conns++;
}

static void on_conn_note(void *who, struct http_conn *c, const char *kind,
			 struct str text)
{
	buf_addf(&((struct fixture *)who)->notes, "%s %.*s\n", kind,
		 STR_ARG(text));
}

static void on_conn_closed(void *who, struct http_conn *c)
{
	((struct fixture *)who)->conns_closed++;
}

static const struct pool_events pool_told = {on_conn, on_conn_note,
					     on_conn_closed};

static void on_ready(void *who, struct http_stream *s)
{
	struct asked *a = who;

	a->ask = NULL;
	a->ready = true;
	a->s = s;
	a->conn = s->conn;
	a->version = http_version_of(s);
}

static void on_failed(void *who, const struct fail *f)
{
	struct asked *a = who;

	a->ask = NULL;
	a->failed = true;
	snprintf(a->code, sizeof a->code, "%s", f->code);
}

static const struct pool_asker asker = {on_ready, on_failed};

static void client_on_head(void *who, struct head *take_head)
{
	((struct asked *)who)->head = take_head->status == 200;
	head_free(take_head);
}

static void client_on_gone(void *who, const struct http_end_facts *end)
{
	struct asked *a = who;

	a->gone = true;
	a->how = end->how;
	a->s = NULL;
}

static const struct http_events client_events = {
	client_on_head, free_head, ignore_data,	  free_head,
	nothing,	nothing,   client_on_gone};

/* ---- the fixture ---- */

static void on_turn(void *arg)
{
	struct fixture *x = arg;

	if (x->until && x->until(x))
		loop_stop(x->loop);
}

static void on_tick(void *arg)
{
	struct fixture *x = arg;

	if (++x->ticks > 8)
		fail_msg("nothing happens");
}

void rig_run(struct fixture *x, bool (*until)(struct fixture *x))
{
	x->until = until;
	x->ticks = 0;
	loop_run(x->loop);
	x->until = NULL;
}

void rig_turns(struct fixture *x, unsigned n)
{
	while (n--) {
		loop_wake(x->loop, (void (*)(void *))loop_stop, x->loop);
		loop_run(x->loop);
		usleep(1000);
	}
}

static void make_pool(struct fixture *x, unsigned max_idle)
{
	const struct pool_limits lim = {
		.http = {.max_head = 16384},
		.connect_timeout_ns = 2 * NS_PER_S,
		.max_idle = max_idle,
	};

	x->pool = pool_new(x->loop, &lim, &pool_told, x);
}

void rig_start(struct fixture *x, const char *host, enum upstream_http http,
	       SSL_CTX *server_tls, SSL_CTX *client_tls)
{
	char text[128];
	struct fail f;

	memset(x, 0, sizeof *x);
	x->lim = (struct http_limits){.max_head = 16384, .max_streams = 100};
	x->loop = loop_new();
	loop_on_turn(x->loop, on_turn, x);
	loop_on_tick(x->loop, on_tick, x);
	x->server_tls = server_tls;
	snprintf(text, sizeof text, "%s://%s:%u", client_tls ? "https" : "http",
		 host, listen_on(x, 128));
	x->up = upstream_parse(text, &f);
	assert_non_null(x->up);
	x->up->http = http;
	x->up->tls = client_tls;
	x->accept_ev = event_new(loop_base(x->loop), x->listener,
				 EV_READ | EV_PERSIST, on_accept, x);
	event_add(x->accept_ev, NULL);
	make_pool(x, 2);
}

static bool vendor_idle(struct fixture *x)
{
	for (unsigned i = 0; i < x->n_served; i++) {
		if (x->served[i].conn || x->served[i].wire)
			return false;
	}
	return true;
}

void rig_stop(struct fixture *x)
{
	pool_free(x->pool);
	assert_int_equal(x->conns, x->conns_closed);
	for (unsigned i = 0; i < x->n_served; i++) {
		if (x->served[i].conn)
			http_close(x->served[i].conn, true);
	}
	rig_run(x, vendor_idle);
	if (x->accept_ev)
		event_free(x->accept_ev);
	close(x->listener);
	upstream_free(x->up);
	buf_free(&x->notes);
	loop_free(x->loop);
}

struct asked *rig_ask_for(struct fixture *x, struct pool_want want)
{
	struct asked *a = &x->asked[x->n_asked++];

	assert_true(x->n_asked <= MANY);
	a->x = x;
	a->ask = pool_open(x->pool, x->up, want, &asker, &client_events, a);
	return a;
}

struct asked *rig_ask(struct fixture *x)
{
	return rig_ask_for(x, (struct pool_want){0});
}

void rig_ask_many(struct fixture *x, unsigned n)
{
	while (n--)
		rig_ask(x);
}

bool rig_answered(struct fixture *x)
{
	for (unsigned i = 0; i < x->n_asked; i++) {
		if (x->asked[i].ask)
			return false;
	}
	return true;
}

bool rig_all_gone(struct fixture *x)
{
	for (unsigned i = 0; i < x->n_asked; i++) {
		if (x->asked[i].s)
			return false;
	}
	return true;
}

/* Sends a request on every stream that is ready. */
void rig_send_all(struct fixture *x)
{
	struct head_maker m = {0};
	struct head *h;

	head_make_request(&m, HTTP_1_1, STR("GET"), STR("http"), STR("h"),
			  STR("/"));
	h = head_make_done(&m);
	for (unsigned i = 0; i < x->n_asked; i++) {
		if (!x->asked[i].s || x->asked[i].head)
			continue;
		http_send_head(x->asked[i].s, h, NULL);
		http_send_end(x->asked[i].s);
	}
	head_free(h);
	head_make_free(&m);
}

void rig_exchange_all(struct fixture *x)
{
	rig_run(x, rig_answered);
	rig_send_all(x);
	rig_run(x, rig_all_gone);
	for (unsigned i = 0; i < x->n_asked; i++) {
		if (x->asked[i].ready) {
			assert_true(x->asked[i].head);
			assert_int_equal(x->asked[i].how, HTTP_DONE);
		}
	}
	rig_turns(x, 2);
}

unsigned rig_count_conns(const struct fixture *x)
{
	return x->conns - x->conns_closed;
}
