/* SPDX-License-Identifier: MIT */
/* Connections as bytes: in clear and TLS, their queues, pauses and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "h1_rig.h"
#include "wire/tls.h"
#include "wire/wire_impl.h"

/* One wire and what it told. */
struct end {
	struct loop *loop;
	struct wire *w;
	struct buf got;
	unsigned reads, rooms, drains, ends;
	enum wire_end how;
	bool ready, failed;
	struct fail fail;
};

static void on_bytes(void *who, const char *p, size_t n, uint64_t at)
{
	struct end *e = who;

	buf_add(&e->got, p, n);
	e->reads++;
}

static void on_end(void *who, enum wire_end how)
{
	struct end *e = who;

	e->ends++;
	e->how = how;
}

static void on_room(void *who)
{
	((struct end *)who)->rooms++;
}

static void on_drained(void *who)
{
	((struct end *)who)->drains++;
}

static const struct wire_events events = {on_bytes, on_end, on_room,
					  on_drained};

static void on_ready(void *who, const struct fail *f)
{
	struct end *e = who;

	if (f) {
		e->failed = true;
		e->fail = *f;
		e->w = NULL;
		return;
	}
	e->ready = true;
	wire_set_events(e->w, &events, e);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static void turns(struct loop *l, int n)
{
	for (; n; n--) {
		loop_wake(l, stop, l);
		loop_run(l);
	}
}

static void wait_until(struct loop *l, const bool *flag)
{
	for (int i = 0; i < 400 && !*flag; i++) {
		turns(l, 1);
		usleep(5000);
	}
}

/* A wire on one side, a plain socket on the other. */
static int open_clear(struct end *e)
{
	int fd[2];

	rig_pair(fd);
	*e = (struct end){.loop = loop_new()};
	e->w = wire_accept(e->loop, fd[0], NULL, on_ready, e);
	assert_false(e->ready);
	turns(e->loop, 1);
	assert_true(e->ready);
	return fd[1];
}

static void finish(struct end *e)
{
	if (e->w)
		wire_close(e->w, 0, false);
	loop_free(e->loop);
	buf_free(&e->got);
}

static ssize_t hear(int fd, char *p, size_t n)
{
	return recv(fd, p, n, MSG_DONTWAIT);
}

/* ---- in clear ---- */

static void test_echo(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	char text[16];

	send(fd, "hello", 5, 0);
	turns(e.loop, 2);
	assert_int_equal(e.got.n, 5);
	assert_int_equal(wire_bytes_in(e.w), 5);
	wire_write(e.w, "wor", 3);
	memcpy(wire_reserve(e.w, 100), "ld", 2);
	wire_wrote(e.w, 2);
	assert_int_equal(wire_queued(e.w), 5);
	assert_int_equal(wire_sent(e.w), 0);
	turns(e.loop, 1); /* at the turn's end, unasked */
	assert_int_equal(hear(fd, text, sizeof text), 5);
	assert_memory_equal(text, "world", 5);
	assert_int_equal(e.drains, 1);
	assert_int_equal(wire_sent(e.w), 5);
	wire_write(e.w, "now", 3);
	wire_flush(e.w);
	assert_int_equal(hear(fd, text, sizeof text), 3);
	assert_int_equal(e.drains, 1); /* never from inside a call */
	turns(e.loop, 1);
	assert_int_equal(e.drains, 2);
	close(fd);
	turns(e.loop, 2);
	assert_int_equal(e.ends, 1);
	assert_int_equal(e.how, WIRE_END_CLEAN);
	finish(&e);
}

static void test_size(void **state)
{
	assert_true(sizeof(struct wire) <= 400);
}

/* 8 MB to a peer that does not read: queued, marked full, and drained. */
static void test_backpressure(void **state)
{
	static char block[65536];
	struct end e;
	int fd = open_clear(&e);
	size_t heard = 0;
	ssize_t n;

	memset(block, 'x', sizeof block);
	for (int i = 0; i < 128; i++)
		wire_write(e.w, block, sizeof block);
	assert_true(wire_full(e.w));
	turns(e.loop, 2);
	assert_true(wire_full(e.w) && e.rooms == 0 && e.drains == 0);
	while (heard < 128 * sizeof block) {
		n = hear(fd, block, sizeof block);
		heard += n > 0 ? (size_t)n : 0;
		turns(e.loop, 1);
	}
	turns(e.loop, 2);
	assert_int_equal(e.rooms, 1);
	assert_int_equal(e.drains, 1);
	assert_false(wire_full(e.w));
	assert_int_equal(wire_queued(e.w), 0);
	close(fd);
	finish(&e);
}

static void test_pause(void **state)
{
	struct end e;
	int fd = open_clear(&e);

	wire_pause(e.w, WIRE_PAUSE_OWNER);
	loop_hold_reads(e.loop, true);
	send(fd, "a", 1, 0);
	turns(e.loop, 3);
	assert_int_equal(e.got.n, 0);
	wire_resume(e.w, WIRE_PAUSE_OWNER);
	turns(e.loop, 3);
	assert_int_equal(e.got.n, 0); /* the loop still holds it */
	loop_hold_reads(e.loop, false);
	turns(e.loop, 2);
	assert_int_equal(e.got.n, 1);
	close(fd);
	finish(&e);
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void reset(int fd)
{
	struct linger hard = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

static void stop_on_tick(void *arg)
{
	struct end *e = arg;

	if (e->ends)
		loop_stop(e->loop);
}

/* A reset of a paused wire is noticed within seconds, and does not spin. */
static void test_reset_while_paused(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	double cpu;

	wire_pause(e.w, WIRE_PAUSE_OWNER);
	send(fd, "a", 1, 0);
	turns(e.loop, 2);
	reset(fd);
	loop_on_tick(e.loop, stop_on_tick, &e);
	cpu = cpu_seconds();
	loop_run(e.loop);
	assert_true(cpu_seconds() - cpu < 0.2);
	assert_int_equal(e.how, WIRE_END_RESET);
	assert_int_equal(e.ends, 1);
	finish(&e);
}

static void test_write_to_reset(void **state)
{
	struct end e;
	int fd = open_clear(&e);

	shutdown(fd, SHUT_WR);
	turns(e.loop, 2);
	assert_int_equal(e.how, WIRE_END_CLEAN);
	reset(fd);
	for (int i = 0; i < 4 && e.ends < 2; i++) {
		wire_write(e.w, "x", 1);
		turns(e.loop, 2);
	}
	assert_int_equal(e.ends, 2); /* and the answer cannot arrive */
	assert_int_equal(e.how, WIRE_END_RESET);
	wire_write(e.w, "x", 1); /* into the void */
	assert_int_equal(wire_queued(e.w), 0);
	finish(&e);
}

static void test_shutdown(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	char text[8];

	wire_write(e.w, "last", 4);
	wire_shutdown(e.w);
	turns(e.loop, 1);
	assert_int_equal(hear(fd, text, sizeof text), 4);
	assert_int_equal(hear(fd, text, sizeof text), 0);
	send(fd, "more", 4, 0);
	turns(e.loop, 2);
	assert_int_equal(e.got.n, 4);
	close(fd);
	finish(&e);
}

/* Unread input does not turn our FIN into a reset that eats our last bytes. */
static void test_linger(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	char text[8];

	wire_pause(e.w, WIRE_PAUSE_OWNER);
	send(fd, "unread", 6, 0);
	turns(e.loop, 2);
	wire_write(e.w, "last", 4);
	wire_close(e.w, 2 * NS_PER_S, false);
	e.w = NULL;
	turns(e.loop, 2);
	send(fd, "more", 4, 0);
	turns(e.loop, 2);
	assert_int_equal(hear(fd, text, sizeof text), 4);
	assert_int_equal(hear(fd, text, sizeof text), 0);
	assert_int_equal(hear(fd, text, sizeof text), 0);
	close(fd);
	turns(e.loop, 2);
	assert_int_equal(e.ends, 0);
	finish(&e);
}

static void test_abort(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	char text[8];

	wire_write(e.w, "part", 4);
	wire_close(e.w, NS_PER_S, true);
	e.w = NULL;
	turns(e.loop, 2);
	assert_int_equal(hear(fd, text, sizeof text), 4);
	assert_int_equal(hear(fd, text, sizeof text), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	finish(&e);
}

/* ---- connecting ---- */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_at(struct sockaddr_in *a, int backlog)
{
	socklen_t n = sizeof *a;
	int l = socket(AF_INET, SOCK_STREAM, 0);

	*a = loopback(0);
	assert_int_equal(bind(l, (struct sockaddr *)a, n), 0);
	assert_int_equal(listen(l, backlog), 0);
	getsockname(l, (struct sockaddr *)a, &n);
	return l;
}

static void dial(struct end *e, const struct sockaddr_in *a,
		 uint64_t timeout_ns)
{
	struct wire_target to = {.addr = (const struct sockaddr *)a,
				 .addr_len = sizeof *a,
				 .shown = "vendor:1",
				 .timeout_ns = timeout_ns};

	*e = (struct end){.loop = loop_new()};
	e->w = wire_connect(e->loop, &to, on_ready, e);
	assert_false(e->ready || e->failed);
}

static void test_connect(void **state)
{
	struct sockaddr_in a;
	struct end e;
	int l = listen_at(&a, 4), fd;

	dial(&e, &a, NS_PER_S);
	wait_until(e.loop, &e.ready);
	fd = accept(l, NULL, NULL);
	send(fd, "hi", 2, 0);
	turns(e.loop, 2);
	assert_int_equal(e.got.n, 2);
	close(fd);
	finish(&e);
	close(l);
	dial(&e, &a, NS_PER_S);
	wait_until(e.loop, &e.failed);
	assert_string_equal(e.fail.code, "connect_refused");
	assert_string_equal(e.fail.text,
			    "cannot connect to vendor:1: Connection refused");
	finish(&e);
}

/* A full backlog drops what comes. */
static void test_connect_timeout(void **state)
{
	struct sockaddr_in a;
	struct end e;
	int l = listen_at(&a, 0), fd[4];

	for (int i = 0; i < 4; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fd[i], (struct sockaddr *)&a, sizeof a);
	}
	dial(&e, &a, NS_PER_S / 10);
	wait_until(e.loop, &e.failed);
	assert_string_equal(e.fail.code, "connect_timeout");
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	close(l);
	finish(&e);
}

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
	int l = listen_at(&at, 4), fd;
	struct wire_target to = {.addr = (const struct sockaddr *)&at,
				 .addr_len = sizeof at,
				 .ctx = p->client,
				 .sni = sni,
				 .alpn = "\x02h2\x08http/1.1",
				 .shown = "vendor:443",
				 .timeout_ns = 5 * NS_PER_S};

	p->a = p->b = (struct end){.loop = p->loop};
	p->b.w = wire_connect(p->loop, &to, on_ready, &p->b);
	fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	p->a.w = wire_accept(p->loop, fd, p->server, on_ready, &p->a);
	close(l);
	for (int i = 0; i < 200; i++) {
		if ((p->a.ready || p->a.failed) && (p->b.ready || p->b.failed))
			break;
		turns(p->loop, 1);
	}
	turns(p->loop, 4);
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
	turns(p->loop, 2);
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
		turns(p.loop, 40);
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
		turns(p.loop, 4);
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
		turns(p.loop, 8);
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
	turns(p.loop, 10);
	assert_int_equal(p.b.got.n, 0);
	wire_resume(p.b.w, WIRE_PAUSE_OWNER);
	turns(p.loop, 10);
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
	p.a.w = wire_accept(p.loop, fd[0], p.server, on_ready, &p.a);
	send(fd[1], "GET / HTTP/1.1\r\n\r\n", 18, 0);
	turns(p.loop, 4);
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
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_reset_while_paused),
		cmocka_unit_test(test_write_to_reset),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_linger),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_timeout),
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
