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

#include "pool_rig.h"

/* ---- h1 ---- */

static void test_h1_reuse(void **state)
{
	struct fixture x;
	struct asked *a;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	a = rig_ask(&x);
	assert_non_null(a->ask);
	rig_exchange_all(&x);
	a = rig_ask(&x); /* idle: at once */
	assert_true(a->ready && !a->ask);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 1);
	rig_stop(&x);
}

/* As many connections as requests, two of which are kept, newest first. */
static void test_h1_many(void **state)
{
	struct http_conn *last;
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	rig_ask_many(&x, 5);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 5);
	rig_turns(&x, 5);
	assert_int_equal(rig_count_conns(&x), 2);
	rig_ask_many(&x, 2);
	assert_true(x.asked[5].ready && x.asked[6].ready);
	rig_send_all(&x);
	while (x.asked[6].s)
		rig_turns(&x, 1);
	while (x.asked[5].s)
		rig_turns(&x, 1);
	last = x.asked[5].how == HTTP_DONE ? rig_ask(&x)->conn : NULL;
	assert_non_null(last);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 5);
	rig_stop(&x);
}

static bool one_conn_closed(struct fixture *x)
{
	return x->conns_closed == 1;
}

static void test_h1_vendor_closes(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	rig_ask(&x);
	rig_exchange_all(&x);
	http_close(x.served[0].conn, false);
	rig_run(&x, one_conn_closed);
	rig_ask(&x);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 2);
	rig_stop(&x);
}

static void test_fresh(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	rig_ask(&x);
	rig_exchange_all(&x);
	assert_non_null(
		rig_ask_for(&x, (struct pool_want){.fresh = true})->ask);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 2);
	rig_stop(&x);
}

/* What comes free meanwhile serves who waits for a connection. */
static void test_waiting_takes_free(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	rig_ask(&x);
	rig_run(&x, rig_answered);
	rig_send_all(&x);
	event_del(x.accept_ev);
	rig_run(&x, rig_all_gone);
	rig_ask_many(&x,
		     2); /* one idle, one dials and connects by the backlog */
	rig_run(&x, rig_answered);
	event_add(x.accept_ev, NULL);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 2);
	rig_stop(&x);
}

static void test_cancel(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	rig_ask_many(&x, 3);
	for (int i = 0; i < 3; i++) {
		pool_cancel(x.asked[i].ask);
		x.asked[i].ask = NULL;
	}
	rig_turns(&x, 5);
	assert_false(x.asked[0].ready);
	assert_int_equal(rig_count_conns(&x),
			 2); /* made all the same, and kept */
	assert_true(rig_ask(&x)->ready);
	rig_exchange_all(&x);
	rig_stop(&x);
}

/* ---- h2 ---- */

static void test_h2_shares(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_H2, NULL, NULL);
	rig_ask_many(&x, 30);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 1);
	assert_int_equal(x.asked[0].version, HTTP_2);
	assert_non_null(strstr(x.notes.p, "settings initial_window_size="));
	/* an Upgrade has no other way */
	assert_true(
		rig_ask_for(&x, (struct pool_want){.h1_only = true})->ready);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 1);
	rig_stop(&x);
}

/* More streams than a connection takes: another one is made. */
static void test_h2_full(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_H2, NULL, NULL);
	x.lim.max_streams = 2;
	rig_ask(&x);
	rig_exchange_all(&x);
	rig_ask_many(&x, 5);
	assert_true(x.asked[1].ready && x.asked[2].ready);
	assert_false(x.asked[3].ready);
	rig_run(&x, rig_answered);
	assert_ptr_not_equal(x.asked[3].conn, x.asked[1].conn);
	assert_true(x.conns >= 2);
	rig_stop(&x);
}

static bool goaway_came(struct fixture *x)
{
	return x->notes.n &&
	       memmem(x->notes.p, x->notes.n, "last_stream_id=1", 16);
}

static void test_h2_goaway(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_H2, NULL, NULL);
	x.mute = true;
	rig_ask(&x);
	rig_run(&x, rig_answered);
	rig_send_all(&x);
	rig_turns(&x, 3);
	http_close(x.served[0].conn, false);
	rig_run(&x, goaway_came);
	x.mute = false;
	rig_ask(&x);
	rig_run(&x, rig_answered);
	assert_ptr_not_equal(x.asked[0].conn, x.asked[1].conn);
	assert_non_null(x.asked[0].s); /* goes on */
	rig_stop(&x);
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

	rig_start(&x, "localhost", UPSTREAM_AUTO, c->both, c->client);
	rig_ask_many(&x, 10);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 1);
	assert_int_equal(x.asked[9].version, HTTP_2);
	/* an Upgrade needs h1, also when h2 is there */
	rig_ask_for(&x, (struct pool_want){.h1_only = true});
	rig_exchange_all(&x);
	assert_int_equal(x.asked[10].version, HTTP_1_1);
	assert_int_equal(x.conns, 2);
	rig_stop(&x);
}

/* Nobody knows what the vendor speaks: one asks first. */
static void test_tls_h1(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, c->h1, c->client);
	rig_ask_many(&x, 6);
	rig_turns(&x, 1);
	assert_true(x.n_served <= 1);
	rig_exchange_all(&x);
	assert_int_equal(x.conns, 6);
	assert_int_equal(x.asked[0].version, HTTP_1_1);
	rig_stop(&x);
}

static void test_tls_chosen(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	rig_start(&x, "localhost", UPSTREAM_H1, c->both, c->client);
	rig_ask(&x);
	rig_exchange_all(&x);
	assert_int_equal(x.asked[0].version, HTTP_1_1);
	rig_stop(&x);
	rig_start(&x, "localhost", UPSTREAM_H2, c->h1, c->client);
	rig_ask_many(&x, 3);
	rig_run(&x, rig_answered);
	for (int i = 0; i < 3; i++)
		assert_string_equal(x.asked[i].code, "http2_refused");
	rig_stop(&x);
}

static void test_tls_untrusted(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	rig_start(&x, "localhost", UPSTREAM_AUTO, c->both, c->stranger);
	rig_ask(&x);
	rig_run(&x, rig_answered);
	assert_string_equal(x.asked[0].code, "tls_untrusted");
	rig_stop(&x);
}

/* ---- failures ---- */

static void test_refused(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	event_del(x.accept_ev);
	shutdown(x.listener, SHUT_RDWR);
	rig_ask_many(&x, 3);
	rig_run(&x, rig_answered);
	for (int i = 0; i < 3; i++)
		assert_string_equal(x.asked[i].code, "connect_refused");
	rig_stop(&x);
}

static void test_no_such_host(void **state)
{
	struct fixture x;

	rig_start(&x, "no-such-host.invalid", UPSTREAM_AUTO, NULL, NULL);
	rig_ask_many(&x, 2);
	rig_run(&x, rig_answered);
	assert_string_equal(x.asked[0].code, "resolve_failed");
	assert_string_equal(x.asked[1].code, "resolve_failed");
	rig_stop(&x);
}

/* A listener whose queue is full does not answer SYNs. */
static void test_connect_timeout(void **state)
{
	struct fixture x;

	rig_start(&x, "127.0.0.1", UPSTREAM_AUTO, NULL, NULL);
	event_del(x.accept_ev);
	listen(x.listener, 0);
	rig_ask_many(&x, 4);
	rig_run(&x, rig_answered);
	assert_string_equal(x.asked[3].code, "connect_timeout");
	rig_stop(&x);
}

/* A pool may go at any moment. */
static void test_free_anytime(void **state)
{
	struct certs *c = *state;
	struct fixture x;

	for (unsigned i = 0; i < 12; i++) {
		rig_start(&x, "localhost", UPSTREAM_AUTO,
			  i % 2 ? c->both : NULL, i % 2 ? c->client : NULL);
		x.mute = true;
		rig_ask_many(&x, 3);
		rig_turns(&x, i / 2);
		rig_send_all(&x);
		rig_stop(&x);
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
