/* SPDX-License-Identifier: MIT */
/* HTTP/1.1: what is refused and how, and that splits change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "h1_rig.h"

/* ---- refusals ---- */

#define H "Host: a\r\n"

static const struct {
	const char *said;
	unsigned status;
	const char *code;
} refused[] = {
	{"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\nHost: a\n\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\nHost: a\rb: c\r\n\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\n" H "A: b\1\r\n\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\n" H "A: b\x7f\r\n\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\n A: b\r\n" H "\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\n" H "A(: b\r\n\r\n", 400, "smuggling_refused"},
	{"GET / HTTP/1.1\r\n" H "nocolon\r\n\r\n", 400, "bad_request"},
	{"POST / HTTP/1.1\r\n" H
	 "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	 400, "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H
	 "Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
	 400, "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\n", 400,
	 "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\n", 400,
	 "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\n", 400,
	 "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400,
	 "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n",
	 400, "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H
	 "Content-Length: 99999999999999999999999\r\n\r\n",
	 400, "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
	 400, "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 400,
	 "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n",
	 400, "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H
	 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	 400, "smuggling_refused"},
	{"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 400,
	 "smuggling_refused"},
	{"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 400,
	 "smuggling_refused"},
	{"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"},
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400,
	 "smuggling_refused"},
	{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "bad_request"},
	{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad_request"},
	{"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "bad_request"},
	{"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "bad_request"},
	{"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, "bad_request"},
	{"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "smuggling_refused"},
	{"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "unsupported_method"},
	{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET / a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "bad_request"},
	{" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET /\r\n\r\n", 400, "bad_request"},
	{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unsupported_version"},
	{"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "unsupported_version"},
	{"GET / HTTP/11\r\nHost: a\r\n\r\n", 400, "bad_request"},
	{"GET / http/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"},
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct rig *r = rig_server();
		char expected[64];
		const char *log, *heard;

		rig_say(r, refused[i].said);
		log = rig_log(r);
		snprintf(expected, sizeof expected,
			 "refused(%u %s:", refused[i].status, refused[i].code);
		if (strncmp(log, expected, strlen(expected)) != 0)
			fail_msg("%s\n-> %s, not %s", refused[i].said, log,
				 expected);
		assert_non_null(strstr(log, "closed "));
		heard = rig_hear(r);
		snprintf(expected, sizeof expected, "HTTP/1.1 %u ",
			 refused[i].status);
		assert_memory_equal(heard, expected, strlen(expected));
		snprintf(expected, sizeof expected, "\"code\":\"%s\"}}\n",
			 refused[i].code);
		assert_non_null(strstr(heard, expected));
		assert_true(r->peer_over);
		rig_free(r);
	}
}

static void test_nul_refused(void **state)
{
	struct rig *r = rig_server();
	static const char said[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";

	rig_say_n(r, said, sizeof said - 1);
	assert_memory_equal(rig_log(r), "refused(400 smuggling_refused", 29);
	rig_free(r);
}

/* What is unusual and lawful is not refused. */
static void test_accepted(void **state)
{
	static const char *const said[] = {
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET HTTPS://A HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a.b-c_d:80\r\n\r\n",
		"QUERY /?a=[b]&c={d} HTTP/1.1\r\nHost: a\r\n\r\n",
		"\r\nGET / HTTP/1.1\r\nHost:a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: \ta \t\r\nA:\r\nB: "
		"\xc3\xa9\t.\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nX: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
		"Connection: upgrade, http2-settings\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		struct rig *r = rig_server();

		rig_say(r, said[i]);
		assert_memory_equal(rig_hear(r), "HTTP/1.1 200", 12);
		assert_false(r->peer_over);
		rig_free(r);
	}
}

static void test_bad_bodies(void **state)
{
	static const char *const body[] = {
		"5\nhello\r\n",
		"0x5\r\nhello\r\n",
		"+5\r\nhello\r\n",
		" 5\r\nhello\r\n",
		"5 \r\nhello\r\n",
		"-5\r\nhello\r\n",
		"\r\nhello\r\n",
		"8000000000000000\r\n",
		"00000000000000005\r\nhello\r\n",
		"5\r\nhelloX\r\n",
		"5\r\nhello\n",
		"5;a\nb\r\nhello",
		"5;a\1\r\nhello",
		"0\r\nContent-Length: 3\r\n\r\n",
		"0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"0\r\nHost: b\r\n\r\n",
		"0\r\nA : b\r\n\r\n",
		"0\r\nA: b\n\r\n",
		"g\r\n",
	};

	for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
		struct rig *r = rig_server();
		const char *log;

		rig_say(r, "POST / HTTP/1.1\r\nHost: a\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n");
		rig_log(r);
		rig_say(r, body[i]);
		log = rig_log(r);
		if (!strstr(log, "gone(broken) closed "))
			fail_msg("%s -> %s", body[i], log);
		assert_memory_equal(rig_hear(r), "HTTP/1.1 400", 12);
		assert_true(r->peer_over);
		rig_free(r);
	}
}

static void test_large_head(void **state)
{
	struct rig *r = rig_server();
	struct buf b = {0};

	buf_adds(&b, STR("GET / HTTP/1.1\r\nHost: a\r\nX: "));
	while (b.n < 9000)
		buf_addc(&b, 'x');
	rig_say_n(r, b.p, b.n);
	assert_memory_equal(rig_hear(r), "HTTP/1.1 431", 12);
	assert_memory_equal(rig_log(r), "refused(431 head_too_large", 26);
	rig_free(r);
	buf_free(&b);
}

/* Deadlines are coarse: up to a second late. */
static void wait_for_log(struct rig *r)
{
	for (int i = 0; i < 300 && !r->log.n; i++) {
		usleep(10000);
		rig_turn(r);
	}
}

static void test_slow_head(void **state)
{
	const struct http_limits lim = {.max_head = 100,
					.head_timeout_ns = 1000000};
	struct rig *r = rig_server_with(&lim);

	rig_say(r, "GET / HT");
	wait_for_log(r);
	assert_memory_equal(rig_hear(r), "HTTP/1.1 408", 12);
	assert_memory_equal(rig_log(r), "refused(408 slow_request", 24);
	rig_free(r);
}

static void test_idle(void **state)
{
	const struct http_limits lim = {.max_head = 100,
					.idle_timeout_ns = 1000000};
	struct rig *r = rig_server_with(&lim);

	wait_for_log(r);
	assert_string_equal(rig_log(r), "closed ");
	assert_string_equal(rig_hear(r), "");
	assert_true(r->peer_over);
	rig_free(r);
}

/* ---- any split gives the same events ---- */

static char *play(const char *said, size_t n, size_t at, bool is_server)
{
	struct rig *r = is_server ? rig_server() : rig_client();
	const size_t step = at ? n : 1;
	char *log;

	if (!is_server) {
		rig_ask(r, "GET");
		rig_log(r);
	}
	for (size_t i = 0; i < n && r->conn;) {
		size_t some = at && i < at ? at : step;
		some = some < n - i ? some : n - i;
		h1_feed(r->conn, said + i, some, 1);
		i += some;
		rig_turn_once(r);
	}
	log = strdup(rig_log(r));
	rig_free(r);
	return log;
}

static void check_splits(const char *said, bool is_server)
{
	size_t n = strlen(said);
	char *whole = play(said, n, n, is_server);

	for (size_t at = 0; at < n; at++) {
		char *parts = play(said, n, at, is_server);
		if (strcmp(parts, whole) != 0)
			fail_msg("split at %zu of %s\n%s\n%s", at, said, whole,
				 parts);
		free(parts);
	}
	free(whole);
}

static void test_splits(void **state)
{
	check_splits("\r\nPOST /a HTTP/1.1\r\nHost: a\r\n"
		     "Transfer-Encoding: chunked\r\n\r\n"
		     "5;ext\r\nhello\r\n0b\r\n hello world\r\n"
		     "0\r\nA: b\r\nC: d\r\n\r\n"
		     "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
		     "\r\nabcGET /c HTTP/1.0\r\n\r\nGET",
		     true);
	check_splits("HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\n"
		     "Transfer-Encoding: chunked\r\n\r\n"
		     "5\r\nhello\r\n0\r\n\r\n",
		     false);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		check_splits(refused[i].said, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nul_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_bad_bodies),
		cmocka_unit_test(test_large_head),
		cmocka_unit_test(test_slow_head),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_splits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
