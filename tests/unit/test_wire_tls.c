/* SPDX-License-Identifier: MIT */
/* Connections under TLS: trust, sessions, cuts, identities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "h1_rig.h"
#include "wire/tls.h"
#include "wire/wire_impl.h"
#include "wire_rig.h"

/* ---- TLS ---- */

static char dir[] = "/tmp/assay-wire-XXXXXX";
static char cert[64], key[64];

static void extend(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

/* A certificate for "good.test" and 127.0.0.1 that signs itself. */
static int make_certificate(void **state)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, k);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"good.test", -1, -1,
				   0);
	X509_set_issuer_name(x, name);
	extend(x, NID_basic_constraints, "critical,CA:TRUE");
	extend(x, NID_subject_alt_name, "DNS:good.test,IP:127.0.0.1");
	X509_sign(x, k, EVP_sha256());
	f = fopen(cert, "w");
	PEM_write_X509(f, x);
	fclose(f);
	f = fopen(key, "w");
	PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(k);
	return 0;
}

static int remove_certificate(void **state)
{
	unlink(cert);
	unlink(key);
	return rmdir(dir);
}

/* Two wires on one loop, TLS between them. */
struct pair {
	struct loop *loop;
	SSL_CTX *server, *client;
	struct end a, b; /* server, client */
};

static void shake(struct pair *p, const char *sni)
{
	struct sockaddr_in at;
	int l = end_listen(&at, 4), fd;
	struct wire_target to = {.addr = (const struct sockaddr *)&at,
				 .addr_len = sizeof at,
				 .ctx = p->client,
				 .sni = sni,
				 .alpn = "\x02h2\x08http/1.1",
				 .shown = "vendor:443",
				 .timeout_ns = 5 * NS_PER_S};

	p->a = p->b = (struct end){.loop = p->loop};
	p->b.w = wire_connect(p->loop, &to, end_ready, &p->b);
	fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	p->a.w = wire_accept(p->loop, fd, p->server, end_ready, &p->a);
	close(l);
	for (int i = 0; i < 200; i++) {
		if ((p->a.ready || p->a.failed) && (p->b.ready || p->b.failed))
			break;
		end_turns(p->loop, 1);
	}
	end_turns(p->loop, 4);
}

static void open_pair(struct pair *p, const char *ca)
{
	struct fail f;

	*p = (struct pair){.loop = loop_new()};
	p->server = tls_server(cert, key, &f);
	p->client = tls_client(ca, &f);
	assert_non_null(p->server);
	assert_non_null(p->client);
}

static void part(struct pair *p)
{
	if (p->a.w)
		wire_close(p->a.w, 0, false);
	if (p->b.w)
		wire_close(p->b.w, 0, false);
	p->a.w = p->b.w = NULL;
	buf_free(&p->a.got);
	buf_free(&p->b.got);
	end_turns(p->loop, 2);
}

static void close_pair(struct pair *p)
{
	part(p);
	loop_free(p->loop);
	SSL_CTX_free(p->server);
	SSL_CTX_free(p->client);
}

static void test_tls(void **state)
{
	static const char *const host[] = {"good.test", "127.0.0.1"};
	static char block[200000];
	struct pair p;

	open_pair(&p, cert);
	for (int i = 0; i < 2; i++) {
		const struct wire_facts *f;

		shake(&p, host[i]);
		assert_true(p.a.ready && p.b.ready);
		wire_write(p.a.w, block, sizeof block);
		wire_write(p.b.w, "hello", 5);
		end_turns(p.loop, 40);
		assert_int_equal(p.a.got.n, 5);
		assert_int_equal(p.b.got.n, sizeof block);
		assert_int_equal(p.a.drains, 1);
		assert_int_equal(wire_sent(p.a.w), sizeof block);
		f = wire_facts(p.b.w);
		assert_true(f->tls && f->has_chain);
		assert_string_equal(f->tls_version, "TLSv1.3");
		assert_string_equal(f->alpn, "h2");
		assert_true(strlen(f->cipher) > 8);
		assert_string_equal(wire_facts(p.a.w)->sni,
				    i == 0 ? "good.test" : "");
		wire_shutdown(p.a.w);
		end_turns(p.loop, 4);
		assert_int_equal(p.b.ends, 1);
		assert_int_equal(p.b.how, WIRE_END_CLEAN);
		part(&p);
	}
	close_pair(&p);
}

static void test_tls_resumption(void **state)
{
	struct pair p;

	open_pair(&p, cert);
	shake(&p, "good.test");
	assert_false(SSL_session_reused(p.b.w->ssl));
	part(&p);
	shake(&p, "good.test");
	assert_true(p.b.ready);
	assert_true(SSL_session_reused(p.b.w->ssl));
	assert_true(wire_facts(p.b.w)->has_chain);
	close_pair(&p);
}

/* FIN without close_notify, and RST, are no clean ends. */
static void test_tls_cut(void **state)
{
	struct pair p;

	open_pair(&p, cert);
	for (int rst = 0; rst < 2; rst++) {
		shake(&p, "good.test");
		wire_write(p.a.w, "half", 4);
		if (rst)
			wire_close(p.a.w, NS_PER_S, true);
		else
			wire_cut(p.a.w, NS_PER_S);
		p.a.w = NULL;
		end_turns(p.loop, 8);
		assert_int_equal(p.b.got.n, 4);
		assert_int_equal(p.b.ends, 1);
		assert_int_equal(p.b.how,
				 rst ? WIRE_END_RESET : WIRE_END_NO_NOTIFY);
		part(&p);
	}
	close_pair(&p);
}

/* Records that wait inside OpenSSL are read after a pause. */
static void test_tls_pause(void **state)
{
	static char block[60000];
	struct pair p;

	open_pair(&p, cert);
	shake(&p, "good.test");
	wire_pause(p.b.w, WIRE_PAUSE_OWNER);
	wire_write(p.a.w, block, sizeof block);
	end_turns(p.loop, 10);
	assert_int_equal(p.b.got.n, 0);
	wire_resume(p.b.w, WIRE_PAUSE_OWNER);
	end_turns(p.loop, 10);
	assert_int_equal(p.b.got.n, sizeof block);
	close_pair(&p);
}

static void test_tls_untrusted(void **state)
{
	struct pair p;

	open_pair(&p, NULL);
	shake(&p, "good.test");
	assert_string_equal(p.b.fail.code, "tls_untrusted");
	assert_string_equal(
		p.b.fail.text,
		"the certificate of vendor:443 is not trusted: self-signed "
		"certificate (add its CA with --upstream-ca FILE)");
	assert_string_equal(p.a.fail.code, "tls_failed");
	close_pair(&p);
	open_pair(&p, cert);
	shake(&p, "bad.test");
	assert_string_equal(p.b.fail.text,
			    "the certificate of vendor:443 is not trusted: "
			    "hostname mismatch");
	part(&p);
	shake(&p, "127.0.0.2");
	assert_string_equal(p.b.fail.code, "tls_untrusted");
	close_pair(&p);
}

static void test_tls_garbage(void **state)
{
	struct pair p;
	int fd[2];

	open_pair(&p, cert);
	rig_pair(fd);
	p.a = (struct end){.loop = p.loop};
	p.a.w = wire_accept(p.loop, fd[0], p.server, end_ready, &p.a);
	send(fd[1], "GET / HTTP/1.1\r\n\r\n", 18, 0);
	end_turns(p.loop, 4);
	assert_true(p.a.failed);
	assert_string_equal(p.a.fail.code, "tls_failed");
	assert_string_equal(p.a.fail.text, "the TLS handshake with the client "
					   "failed: http request");
	close(fd[1]);
	close_pair(&p);
}

static bool give_identity(void *arg, SSL *ssl, const char *sni)
{
	if (!sni || strcmp(sni, "good.test") != 0)
		return false;
	return SSL_use_certificate_chain_file(ssl, cert) == 1 &&
	       SSL_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) == 1;
}

static void test_tls_dynamic(void **state)
{
	struct pair p;
	struct fail f;

	open_pair(&p, cert);
	SSL_CTX_free(p.server);
	p.server = tls_server_dynamic(give_identity, NULL, &f);
	shake(&p, "good.test");
	assert_true(p.a.ready && p.b.ready);
	part(&p);
	shake(&p, "other.test");
	assert_true(p.a.failed && p.b.failed);
	close_pair(&p);
}

static void test_tls_files(void **state)
{
	struct fail f;

	assert_null(tls_server("/nonexistent", key, &f));
	assert_string_equal(f.code, "bad_certificate");
	assert_null(tls_server(cert, cert, &f));
	assert_string_equal(f.code, "bad_key");
	assert_null(tls_client("/nonexistent", &f));
	assert_string_equal(f.code, "bad_ca");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_resumption),
		cmocka_unit_test(test_tls_cut),
		cmocka_unit_test(test_tls_pause),
		cmocka_unit_test(test_tls_untrusted),
		cmocka_unit_test(test_tls_garbage),
		cmocka_unit_test(test_tls_dynamic),
		cmocka_unit_test(test_tls_files),
	};

	return cmocka_run_group_tests(tests, make_certificate,
				      remove_certificate);
}
