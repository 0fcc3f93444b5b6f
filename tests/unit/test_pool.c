/* SPDX-License-Identifier: MIT */
/* The pool against small vendors on 127.0.0.1, in the same loop. */
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

static void answer(void *who)
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
		free_head, free_head, ignore_data, free_head,
		answer,	   nothing,   ignore_gone};
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

static void run(struct fixture *x, bool (*until)(struct fixture *x))
{
	x->until = until;
	x->ticks = 0;
	loop_run(x->loop);
	x->until = NULL;
}

static void turns(struct fixture *x, unsigned n)
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

static void start(struct fixture *x, const char *host, enum upstream_http http,
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

static void stop(struct fixture *x)
{
	pool_free(x->pool);
	assert_int_equal(x->conns, x->conns_closed);
	for (unsigned i = 0; i < x->n_served; i++) {
		if (x->served[i].conn)
			http_close(x->served[i].conn, true);
	}
	run(x, vendor_idle);
	if (x->accept_ev)
		event_free(x->accept_ev);
	close(x->listener);
	upstream_free(x->up);
	buf_free(&x->notes);
	loop_free(x->loop);
}

static struct asked *ask_for(struct fixture *x, struct pool_want want)
{
	struct asked *a = &x->asked[x->n_asked++];

	assert_true(x->n_asked <= MANY);
	a->x = x;
	a->ask = pool_open(x->pool, x->up, want, &asker, &client_events, a);
	return a;
}

static struct asked *ask(struct fixture *x)
{
	return ask_for(x, (struct pool_want){0});
}

static void ask_many(struct fixture *x, unsigned n)
{
	while (n--)
		ask(x);
}

static bool answered(struct fixture *x)
{
	for (unsigned i = 0; i < x->n_asked; i++) {
		if (x->asked[i].ask)
			return false;
	}
	return true;
}

static bool all_gone(struct fixture *x)
{
	for (unsigned i = 0; i < x->n_asked; i++) {
		if (x->asked[i].s)
			return false;
	}
	return true;
}

/* Sends a request on every stream that is ready. */
static void send_all(struct fixture *x)
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

static void exchange_all(struct fixture *x)
{
	run(x, answered);
	send_all(x);
	run(x, all_gone);
	for (unsigned i = 0; i < x->n_asked; i++) {
		if (x->asked[i].ready) {
			assert_true(x->asked[i].head);
			assert_int_equal(x->asked[i].how, HTTP_DONE);
		}
	}
	turns(x, 2);
}

static unsigned count_conns(const struct fixture *x)
{
	return x->conns - x->conns_closed;
}

/* ---- h1 ---- */

static void test_h1_reuse(void **state)
{
	struct fixture x;
	struct asked *a;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	a = ask(&x);
	assert_non_null(a->ask);
	exchange_all(&x);
	a = ask(&x); /* idle: at once */
	assert_true(a->ready && !a->ask);
	exchange_all(&x);
	assert_int_equal(x.conns, 1);
	stop(&x);
}

/* As many connections as requests, two of which are kept, newest first. */
static void test_h1_many(void **state)
{
	struct http_conn *last;
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	ask_many(&x, 5);
	exchange_all(&x);
	assert_int_equal(x.conns, 5);
	turns(&x, 5);
	assert_int_equal(count_conns(&x), 2);
	ask_many(&x, 2);
	assert_true(x.asked[5].ready && x.asked[6].ready);
	send_all(&x);
	while (x.asked[6].s)
		turns(&x, 1);
	while (x.asked[5].s)
		turns(&x, 1);
	last = x.asked[5].how == HTTP_DONE ? ask(&x)->conn : NULL;
	assert_non_null(last);
	exchange_all(&x);
	assert_int_equal(x.conns, 5);
	stop(&x);
}

static bool one_conn_closed(struct fixture *x)
{
	return x->conns_closed == 1;
}

static void test_h1_vendor_closes(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	ask(&x);
	exchange_all(&x);
	http_close(x.served[0].conn, false);
	run(&x, one_conn_closed);
	ask(&x);
	exchange_all(&x);
	assert_int_equal(x.conns, 2);
	stop(&x);
}

static void test_fresh(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	ask(&x);
	exchange_all(&x);
	assert_non_null(ask_for(&x, (struct pool_want){.fresh = true})->ask);
	exchange_all(&x);
	assert_int_equal(x.conns, 2);
	stop(&x);
}

/* What comes free meanwhile serves who waits for a connection. */
static void test_waiting_takes_free(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	ask(&x);
	run(&x, answered);
	send_all(&x);
	event_del(x.accept_ev);
	run(&x, all_gone);
	ask_many(&x, 2); /* one idle, one dials and connects by the backlog */
	run(&x, answered);
	event_add(x.accept_ev, NULL);
	exchange_all(&x);
	assert_int_equal(x.conns, 2);
	stop(&x);
}

static void test_cancel(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	ask_many(&x, 3);
	for (int i = 0; i < 3; i++) {
		pool_cancel(x.asked[i].ask);
		x.asked[i].ask = NULL;
	}
	turns(&x, 5);
	assert_false(x.asked[0].ready);
	assert_int_equal(count_conns(&x), 2); /* made all the same, and kept */
	assert_true(ask(&x)->ready);
	exchange_all(&x);
	stop(&x);
}

/* ---- h2 ---- */

static void test_h2_shares(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_H2, NULL, NULL);
	ask_many(&x, 30);
	exchange_all(&x);
	assert_int_equal(x.conns, 1);
	assert_int_equal(x.asked[0].version, HTTP_2);
	assert_non_null(strstr(x.notes.p, "settings initial_window_size="));
	/* an Upgrade has no other way */
	assert_true(ask_for(&x, (struct pool_want){.h1_only = true})->ready);
	exchange_all(&x);
	assert_int_equal(x.conns, 1);
	stop(&x);
}

/* More streams than a connection takes: another one is made. */
static void test_h2_full(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_H2, NULL, NULL);
	x.lim.max_streams = 2;
	ask(&x);
	exchange_all(&x);
	ask_many(&x, 5);
	assert_true(x.asked[1].ready && x.asked[2].ready);
	assert_false(x.asked[3].ready);
	run(&x, answered);
	assert_ptr_not_equal(x.asked[3].conn, x.asked[1].conn);
	assert_true(x.conns >= 2);
	stop(&x);
}

static bool goaway_came(struct fixture *x)
{
	return x->notes.n &&
	       memmem(x->notes.p, x->notes.n, "last_stream_id=1", 16);
}

static void test_h2_goaway(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_H2, NULL, NULL);
	x.mute = true;
	ask(&x);
	run(&x, answered);
	send_all(&x);
	turns(&x, 3);
	http_close(x.served[0].conn, false);
	run(&x, goaway_came);
	x.mute = false;
	ask(&x);
	run(&x, answered);
	assert_ptr_not_equal(x.asked[0].conn, x.asked[1].conn);
	assert_non_null(x.asked[0].s); /* goes on */
	stop(&x);
}

/* ---- TLS ---- */

struct certs {
	char cert[64], key[64];
	SSL_CTX *both, *h1, *client, *stranger;
};

static void write_pem(struct certs *c, X509 *cert, EVP_PKEY *key)
{
	FILE *f;

	snprintf(c->cert, sizeof c->cert, "/tmp/test_pool_%d.crt", getpid());
	snprintf(c->key, sizeof c->key, "/tmp/test_pool_%d.key", getpid());
	f = fopen(c->cert, "w");
	assert_non_null(f);
	PEM_write_X509(f, cert);
	fclose(f);
	f = fopen(c->key, "w");
	assert_non_null(f);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

static void make_certificate(struct certs *c)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(
		NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");

	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"vendor", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509_add_ext(cert, san, -1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	write_pem(c, cert, key);
	X509_EXTENSION_free(san);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int choose_h1(SSL *ssl, const unsigned char **out, unsigned char *n,
		     const unsigned char *in, unsigned in_n, void *arg)
{
	static const unsigned char mine[] = "\x08http/1.1";
	unsigned char *got;

	if (SSL_select_next_proto(&got, n, mine, sizeof mine - 1, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = got;
	return SSL_TLSEXT_ERR_OK;
}

static int make_certs(void **state)
{
	struct certs *c = MEM_NEW(struct certs);
	struct fail f;

	make_certificate(c);
	c->both = tls_server(c->cert, c->key, &f);
	c->h1 = tls_server(c->cert, c->key, &f);
	c->client = tls_client(c->cert, &f);
	c->stranger = tls_client(NULL, &f);
	assert_true(c->both && c->h1 && c->client && c->stranger);
	SSL_CTX_set_alpn_select_cb(c->h1, choose_h1, NULL);
	*state = c;
	return 0;
}

static int free_certs(void **state)
{
	struct certs *c = *state;

	SSL_CTX_free(c->both);
	SSL_CTX_free(c->h1);
	SSL_CTX_free(c->client);
	SSL_CTX_free(c->stranger);
	unlink(c->cert);
	unlink(c->key);
	free(c);
	return 0;
}

static void test_tls_h2(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	start(&x, "localhost", UPSTREAM_AUTO, c->both, c->client);
	ask_many(&x, 10);
	exchange_all(&x);
	assert_int_equal(x.conns, 1);
	assert_int_equal(x.asked[9].version, HTTP_2);
	/* an Upgrade needs h1, also when h2 is there */
	ask_for(&x, (struct pool_want){.h1_only = true});
	exchange_all(&x);
	assert_int_equal(x.asked[10].version, HTTP_1_1);
	assert_int_equal(x.conns, 2);
	stop(&x);
}

/* Nobody knows what the vendor speaks: one asks first. */
static void test_tls_h1(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, c->h1, c->client);
	ask_many(&x, 6);
	turns(&x, 1);
	assert_true(x.n_served <= 1);
	exchange_all(&x);
	assert_int_equal(x.conns, 6);
	assert_int_equal(x.asked[0].version, HTTP_1_1);
	stop(&x);
}

static void test_tls_chosen(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	start(&x, "localhost", UPSTREAM_H1, c->both, c->client);
	ask(&x);
	exchange_all(&x);
	assert_int_equal(x.asked[0].version, HTTP_1_1);
	stop(&x);
	start(&x, "localhost", UPSTREAM_H2, c->h1, c->client);
	ask_many(&x, 3);
	run(&x, answered);
	for (int i = 0; i < 3; i++)
		assert_string_equal(x.asked[i].code, "http2_refused");
	stop(&x);
}

static void test_tls_untrusted(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	start(&x, "localhost", UPSTREAM_AUTO, c->both, c->stranger);
	ask(&x);
	run(&x, answered);
	assert_string_equal(x.asked[0].code, "tls_untrusted");
	stop(&x);
}

/* ---- failures ---- */

static void test_refused(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	event_del(x.accept_ev);
	shutdown(x.listener, SHUT_RDWR);
	ask_many(&x, 3);
	run(&x, answered);
	for (int i = 0; i < 3; i++)
		assert_string_equal(x.asked[i].code, "connect_refused");
	stop(&x);
}

static void test_no_such_host(void **state)
{
	struct fixture x;

	start(&x, "no-such-host.invalid", UPSTREAM_AUTO, NULL, NULL);
	ask_many(&x, 2);
	run(&x, answered);
	assert_string_equal(x.asked[0].code, "resolve_failed");
	assert_string_equal(x.asked[1].code, "resolve_failed");
	stop(&x);
}

/* A listener whose queue is full does not answer SYNs. */
static void test_connect_timeout(void **state)
{
	struct fixture x;

	start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	event_del(x.accept_ev);
	listen(x.listener, 0);
	ask_many(&x, 4);
	run(&x, answered);
	assert_string_equal(x.asked[3].code, "connect_timeout");
	stop(&x);
}

/* A pool may go at any moment. */
static void test_free_anytime(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	for (unsigned i = 0; i < 12; i++) {
		start(&x, "localhost", UPSTREAM_AUTO, i % 2 ? c->both : NULL,
		      i % 2 ? c->client : NULL);
		x.mute = true;
		ask_many(&x, 3);
		turns(&x, i / 2);
		send_all(&x);
		stop(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h1_reuse),
		cmocka_unit_test(test_h1_many),
		cmocka_unit_test(test_h1_vendor_closes),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_waiting_takes_free),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_h2_shares),
		cmocka_unit_test(test_h2_full),
		cmocka_unit_test(test_h2_goaway),
		cmocka_unit_test(test_tls_h2),
		cmocka_unit_test(test_tls_h1),
		cmocka_unit_test(test_tls_chosen),
		cmocka_unit_test(test_tls_untrusted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_such_host),
		cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_free_anytime),
	};

	return cmocka_run_group_tests(tests, make_certs, free_certs);
}
