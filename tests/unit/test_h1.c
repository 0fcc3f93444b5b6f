/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 in both roles: what is let in, what goes out, how it ends. */
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

#define GET	"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_HEAD "HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n"

/* ---- the server role: exchanges ---- */

static void test_get(void **state)
{
	struct rig *r = rig_server();

	rig_say(r, GET);
	assert_string_equal(rig_log(r), "stream head(GET / Host=a none) end "
					"gone(done) ");
	assert_string_equal(rig_hear(r), OK_HEAD "\r\nok");
	rig_say(r, GET);
	assert_string_equal(rig_hear(r), OK_HEAD "\r\nok");
	assert_false(r->peer_over);
	rig_free(r);
}

static void test_bodies(void **state)
{
	struct rig *r = rig_server();

	rig_say(r, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
		   "hello");
	assert_string_equal(rig_log(r),
			    "stream head(POST /a Host=a Content-Length=5 "
			    "length) data(hello) end gone(done) ");
	r->datas = 0;
	rig_say(r, "POST /b HTTP/1.1\r\nHost: a\r\n"
		   "Transfer-Encoding: chunked\r\n\r\n"
		   "5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\nX-T: 1\r\n\r\n");
	assert_string_equal(rig_log(r),
			    "stream head(POST /b Host=a "
			    "Transfer-Encoding=chunked chunked) "
			    "data(hello world) trailers( X-T=1) end "
			    "gone(done) ");
	assert_int_equal(r->datas, 2); /* a chunk is one call */
	rig_free(r);
}

static void test_pipelining(void **state)
{
	struct rig *r = rig_server();

	rig_say(r, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
		   "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n\r\n"
		   "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_string_equal(
		rig_log(r),
		"stream head(POST /1 Host=a Content-Length=1 length) data(x) "
		"end gone(done) stream head(GET /2 Host=a none) end "
		"gone(done) stream head(GET /3 Host=a Connection=close none) "
		"end gone(done) closed ");
	assert_string_equal(rig_hear(r),
			    OK_HEAD "\r\nok" OK_HEAD "\r\nok" OK_HEAD
				    "Connection: close\r\n\r\nok");
	assert_true(r->peer_over && !r->peer_reset);
	rig_free(r);
}

/* More pipelined requests than the stash holds: the wire waits. */
static void test_pipelining_bounded(void **state)
{
	struct rig *r = rig_server();
	struct buf many = {0};
	size_t sent = 0;

	r->answers = false;
	for (int i = 0; i < 400000; i++)
		buf_adds(&many, STR(GET));
	while (sent < many.n) {
		ssize_t n = send(r->peer, many.p + sent, many.n - sent,
				 MSG_NOSIGNAL);
		rig_turn(r);
		rig_turn(r);
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	assert_true(sent < many.n);
	assert_true(wire_bytes_in(r->wire) < 4 * 65536);
	assert_string_equal(rig_log(r), "stream head(GET / Host=a none) end ");
	rig_free(r);
	buf_free(&many);
}

static void test_http_1_0(void **state)
{
	struct rig *r = rig_server();

	rig_say(r, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_string_equal(rig_hear(r),
			    OK_HEAD "Connection: keep-alive\r\n\r\nok");
	rig_say(r, "GET / HTTP/1.0\r\n\r\n");
	assert_string_equal(rig_hear(r), OK_HEAD "Connection: close\r\n\r\nok");
	assert_true(r->peer_over);
	rig_free(r);
}

/* Chunks go to a 1.1 client as chunks, to a 1.0 client until the close. */
static void test_unknown_length_out(void **state)
{
	static const char *const version[] = {"1.1", "1.0"};
	static const char *const expected[] = {
		"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
		"HTTP/1.1 200 Fine\r\nConnection: close\r\n\r\n"
		"abc0123456789abcdef"};

	for (int i = 0; i < 2; i++) {
		struct rig *r = rig_server();
		struct head *h = rig_response(200, FRAMING_H2, 0);
		char text[64];

		r->answers = false;
		snprintf(text, sizeof text, "GET / HTTP/%s\r\nHost: a\r\n\r\n",
			 version[i]);
		rig_say(r, text);
		http_send_head(r->s, h, NULL);
		http_send_data(r->s, "abc", 3);
		http_send_data(r->s, "0123456789abcdef", 16);
		http_send_end(r->s);
		assert_string_equal(rig_hear(r), expected[i]);
		assert_int_equal(r->peer_over, i == 1);
		head_free(h);
		rig_free(r);
	}
}

static void test_bodiless_answers(void **state)
{
	static const struct {
		const char *method;
		unsigned status;
		enum head_framing framing;
		const char *heard;
	} row[] = {
		{"HEAD", 200, FRAMING_LENGTH,
		 "HTTP/1.1 200 Fine\r\ncontent-length: 7\r\n\r\n"},
		{"GET", 204, FRAMING_NONE, "HTTP/1.1 204 Fine\r\n\r\n"},
		{"GET", 304, FRAMING_LENGTH,
		 "HTTP/1.1 304 Fine\r\ncontent-length: 7\r\n\r\n"},
		{"GET", 200, FRAMING_NONE,
		 "HTTP/1.1 200 Fine\r\ncontent-length: 0\r\n\r\n"},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct rig *r = rig_server();
		struct head *h = rig_response(row[i].status, row[i].framing, 7);
		char text[64];

		r->answers = false;
		snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n",
			 row[i].method);
		rig_say(r, text);
		http_send_head(r->s, h, NULL);
		if (i == 0)
			http_send_data(r->s, "ignored", 7);
		http_send_end(r->s);
		assert_string_equal(rig_hear(r), row[i].heard);
		assert_false(r->peer_over);
		head_free(h);
		rig_free(r);
	}
}

static void test_expect(void **state)
{
	struct rig *r = rig_server();
	struct head *h = rig_response(100, FRAMING_NONE, 0);

	rig_say(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
		   "Expect: 100-continue\r\n\r\n");
	assert_string_equal(rig_hear(r), ""); /* never answered by itself */
	http_send_interim(r->s, h);
	assert_string_equal(rig_hear(r), "HTTP/1.1 100 Fine\r\n\r\n");
	rig_say(r, "hi");
	assert_string_equal(rig_hear(r), OK_HEAD "\r\nok");
	assert_false(r->peer_over);
	head_free(h);
	rig_free(r);
}

/* The final answer came without a 100: the connection cannot be used again. */
static void test_expect_refused(void **state)
{
	struct rig *r = rig_server();
	struct head *h = rig_response(417, FRAMING_LENGTH, 0);

	rig_say(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
		   "Expect: 100-continue\r\n\r\n");
	rig_log(r);
	http_send_head(r->s, h, NULL);
	http_send_end(r->s);
	assert_string_equal(rig_hear(r), "HTTP/1.1 417 Fine\r\n"
					 "content-length: 0\r\n"
					 "Connection: close\r\n\r\n");
	assert_string_equal(rig_log(r), "gone(done) closed ");
	assert_true(r->peer_over);
	head_free(h);
	rig_free(r);
}

static void test_early_answer(void **state)
{
	struct rig *r = rig_server();
	struct head *h = rig_response(413, FRAMING_LENGTH, 0);

	rig_say(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab");
	http_send_head(r->s, h, NULL);
	http_send_end(r->s);
	rig_say(r, "cd");
	assert_string_equal(rig_hear(r), "HTTP/1.1 413 Fine\r\n"
					 "content-length: 0\r\n\r\n");
	assert_string_equal(rig_log(r),
			    "stream head(POST / Host=a Content-Length=6 "
			    "length) data(abcd) ");
	http_abandon(r->s, 0); /* gently: the client may still be sending */
	rig_say(r, "ef");
	rig_hear(r);
	assert_true(r->peer_over && !r->peer_reset);
	assert_string_equal(rig_log(r), "closed ");
	head_free(h);
	rig_free(r);
}

/* ---- pauses ---- */

static void test_pause(void **state)
{
	struct rig *r = rig_server();

	r->holds = HTTP_NO_VENDOR;
	rig_say(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
		   "abcd" GET);
	assert_string_equal(rig_log(r), "stream head(POST / Host=a "
					"Content-Length=4 length) ");
	r->holds = 0;
	http_resume(r->s, HTTP_NO_VENDOR);
	assert_string_equal(rig_log(r),
			    "data(abcd) end gone(done) stream "
			    "head(GET / Host=a none) end gone(done) ");
	rig_free(r);
}

/* ---- upgrade ---- */

#define UPGRADE                                                                \
	"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"   \
	"Upgrade: websocket\r\n\r\n"

static void test_upgrade(void **state)
{
	struct rig *r = rig_server();
	struct head_maker m = {0};
	struct head *h;

	r->answers = false;
	rig_say(r, UPGRADE "early");
	assert_string_equal(rig_log(r), "stream head(GET /ws Host=a "
					"Connection=keep-alive, Upgrade "
					"Upgrade=websocket none) ");
	head_make_status(&m, HTTP_1_1, 101, STR("Switching Protocols"));
	head_make_field(&m, STR("Connection"), STR("upgrade"));
	head_make_field(&m, STR("Upgrade"), STR("websocket"));
	h = head_make_done(&m);
	h->framing = FRAMING_TUNNEL;
	h->upgrade = true;
	http_send_head(r->s, h, NULL);
	http_send_data(r->s, "\1\2", 2);
	assert_string_equal(rig_hear(r), "HTTP/1.1 101 Switching Protocols\r\n"
					 "Connection: Upgrade\r\n"
					 "Upgrade: websocket\r\n\r\n\1\2");
	assert_string_equal(rig_log(r), "data(early) ");
	rig_say(r, "more");
	shutdown(r->peer, SHUT_WR);
	assert_string_equal(rig_log(r), "data(more) end ");
	http_send_data(r->s, "bye", 3);
	http_send_end(r->s);
	assert_string_equal(rig_hear(r), "bye");
	assert_string_equal(rig_log(r), "gone(done) closed ");
	head_free(h);
	head_make_free(&m);
	rig_free(r);
}

static void test_upgrade_refused(void **state)
{
	struct rig *r = rig_server();
	struct head *h = rig_response(200, FRAMING_LENGTH, 2);

	r->answers = false;
	rig_say(r, UPGRADE);
	rig_log(r);
	http_send_head(r->s, h, NULL);
	assert_string_equal(rig_log(r), "end ");
	http_send_data(r->s, "ok", 2);
	http_send_end(r->s);
	assert_string_equal(rig_hear(r), OK_HEAD "\r\nok");
	rig_say(r, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(rig_log(r),
			    "gone(done) stream head(GET / Host=a none) end ");
	head_free(h);
	rig_free(r);
}

/* ---- what an owner must not send ---- */

static void test_belied(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct rig *r = rig_server();
		struct head *h = rig_response(
			i < 2 ? 200 : 101,
			i < 2 ? FRAMING_LENGTH : FRAMING_TUNNEL, 4);

		r->answers = false;
		rig_say(r, GET);
		rig_log(r);
		http_send_head(r->s, h, NULL);
		if (i == 0)
			http_send_data(r->s, "much too much", 13);
		else
			http_send_end(r->s);
		rig_hear(r);
		assert_true(r->peer_over && r->peer_reset);
		assert_string_equal(rig_log(r), "gone(broken) closed ");
		head_free(h);
		rig_free(r);
	}
}

/* ---- ends, server role ---- */

static void test_client_ends(void **state)
{
	static const struct {
		const char *said, *log;
	} row[] = {
		{"", "closed "},
		{"GET / HTTP", "closed "},
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab",
		 "stream head(POST / Host=a Content-Length=4 length) data(ab) "
		 "gone(cut clean) closed "},
		{"POST / HTTP/1.1\r\nHost: a\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
		 "stream head(POST / Host=a Transfer-Encoding=chunked chunked) "
		 "data(ab) gone(cut clean) closed "},
		{GET, "stream head(GET / Host=a none) end gone(done) closed "},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct rig *r = rig_server();

		rig_say(r, row[i].said);
		shutdown(r->peer, SHUT_WR);
		assert_string_equal(rig_log(r), row[i].log);
		rig_free(r);
	}
}

/* A client may close its half; the answer still goes to it. */
static void test_half_close(void **state)
{
	struct rig *r = rig_server();
	struct head *h = rig_response(200, FRAMING_H2, 0);

	r->answers = false;
	rig_say(r, GET);
	shutdown(r->peer, SHUT_WR);
	assert_string_equal(rig_log(r), "stream head(GET / Host=a none) end ");
	http_send_head(r->s, h, NULL);
	http_send_data(r->s, "abc", 3);
	http_send_end(r->s);
	assert_string_equal(rig_hear(r),
			    "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked"
			    "\r\nConnection: close\r\n\r\n"
			    "3\r\nabc\r\n0\r\n\r\n");
	assert_string_equal(rig_log(r), "gone(done) closed ");
	head_free(h);
	rig_free(r);
}

static void reset(struct rig *r)
{
	struct linger hard = {1, 0};

	setsockopt(r->peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(r->peer);
	r->peer = -1;
}

static void test_client_resets(void **state)
{
	struct rig *r = rig_server();

	r->answers = false;
	rig_say(r, GET);
	rig_log(r);
	reset(r);
	assert_string_equal(rig_log(r), "gone(reset reset) closed ");
	rig_free(r);
}

/* What the vendor cut short is cut short for the client. */
static void test_cut(void **state)
{
	for (int rst = 0; rst < 2; rst++) {
		struct rig *r = rig_server();
		struct head *h = rig_response(200, FRAMING_H2, 0);

		r->answers = false;
		rig_say(r, GET);
		rig_log(r);
		http_send_head(r->s, h, NULL);
		http_send_data(r->s, "abc", 3);
		http_cut(r->s, 2, rst);
		assert_string_equal(rig_hear(r),
				    "HTTP/1.1 200 Fine\r\n"
				    "Transfer-Encoding: chunked\r\n\r\n"
				    "3\r\nabc\r\n");
		assert_true(r->peer_over);
		assert_int_equal(r->peer_reset, rst);
		assert_string_equal(rig_log(r), "gone(done) closed ");
		head_free(h);
		rig_free(r);
	}
}

static void test_abandon(void **state)
{
	struct rig *r = rig_server();

	r->abandons = true;
	rig_say(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
	assert_string_equal(rig_log(r), "stream head(POST / Host=a "
					"Content-Length=4 length) closed ");
	rig_free(r);
}

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

/* ---- the client role ---- */

static void test_request(void **state)
{
	struct rig *r = rig_client();

	rig_ask(r, "GET");
	assert_string_equal(rig_hear(r), "GET /x HTTP/1.1\r\nhost: up\r\n\r\n");
	rig_say(r, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
	assert_string_equal(rig_log(r),
			    "head(200 OK Content-Length=3 length) data(abc) "
			    "end gone(done) slot ");
	assert_int_equal(http_slots(r->conn), 1);
	rig_ask(r, "HEAD");
	rig_hear(r);
	rig_say(r, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
	assert_string_equal(rig_log(r), "head(200 OK Content-Length=3 none) "
					"end gone(done) slot ");
	rig_free(r);
}

static void test_answers(void **state)
{
	static const struct {
		const char *said, *log;
	} row[] = {
		{"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
		 "T: u\r\n\r\n",
		 "interim(103 Early Link=x none) head(200  "
		 "Transfer-Encoding=chunked chunked) data(abc) trailers( T=u) "
		 "end gone(done) slot "},
		{"HTTP/1.1 204 No\r\n\r\n",
		 "head(204 No none) end gone(done) slot "},
		{"HTTP/1.1 304 Not\r\nContent-Length: 7\r\n\r\n",
		 "head(304 Not Content-Length=7 none) end gone(done) slot "},
		{"HTTP/1.1 200 OK\r\nConnection: close\r\n"
		 "Content-Length: 0\r\n\r\n",
		 "head(200 OK Connection=close Content-Length=0 length) end "
		 "gone(done) closed "},
		{"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		 "head(200 OK Content-Length=0 length) end gone(done) "
		 "closed "},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1",
		 "head(200 OK Content-Length=1 length) data(a) end gone(done) "
		 "closed "},
		{"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n",
		 "gone(broken) closed "},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n",
		 "gone(broken) closed "},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		 "gone(broken) closed "},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
		 "Content-Length: 1\r\n\r\n",
		 "gone(broken) closed "},
		{"HTTP/1.1 200 OK\nContent-Length: 1\n\n",
		 "gone(broken) closed "},
		{"HTTP/1.1 20 OK\r\n\r\n", "gone(broken) closed "},
		{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
		 "gone(broken) closed "},
		{"HTTP/2 200\r\n\r\n", "gone(broken) closed "},
		{"nonsense\r\n\r\n", "gone(broken) closed "},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz",
		 "head(200 OK Transfer-Encoding=chunked chunked) "
		 "gone(broken) closed "},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct rig *r = rig_client();

		rig_ask(r, "GET");
		rig_say(r, row[i].said);
		assert_string_equal(rig_log(r), row[i].log);
		rig_free(r);
	}
}

static void test_vendor_ends(void **state)
{
	static const struct {
		const char *said;
		bool rst;
		const char *log;
	} row[] = {
		{"", false, "gone(cut clean) closed "},
		{"", true, "gone(reset reset) closed "},
		{"HTTP/1.1 2", false, "gone(cut clean) closed "},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", false,
		 "head(200 OK Content-Length=9 length) data(abc) "
		 "gone(cut clean) closed "},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", true,
		 "head(200 OK Content-Length=9 length) data(abc) "
		 "gone(reset reset) closed "},
		{"HTTP/1.1 200 OK\r\n\r\nabc", false,
		 "head(200 OK close) data(abc) end gone(done) closed "},
		{"HTTP/1.1 200 OK\r\n\r\nabc", true,
		 "head(200 OK close) data(abc) gone(cut reset) closed "},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "3\r\nabc\r\n",
		 false,
		 "head(200 OK Transfer-Encoding=chunked chunked) data(abc) "
		 "gone(cut clean) closed "},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct rig *r = rig_client();

		rig_ask(r, "GET");
		rig_hear(r);
		rig_say(r, row[i].said);
		if (row[i].rst)
			reset(r);
		else
			shutdown(r->peer, SHUT_WR);
		assert_string_equal(rig_log(r), row[i].log);
		rig_free(r);
	}
}

/* A tunnel's two halves end on their own, and nothing of either is lost. */
static void test_client_tunnel(void **state)
{
	struct rig *r = rig_client();
	struct head *h = rig_request("GET", FRAMING_NONE, 0);

	h->upgrade = true;
	r->s = http_open(r->conn, r->ev, r);
	http_send_head(r->s, h, NULL);
	rig_say(r, "HTTP/1.1 101 Go\r\n\r\nhi");
	assert_string_equal(rig_log(r), "head(101 Go tunnel) data(hi) ");
	shutdown(r->peer, SHUT_WR);
	assert_string_equal(rig_log(r), "end ");
	rig_hear(r);
	http_send_data(r->s, "bye", 3);
	http_send_end(r->s);
	assert_string_equal(rig_hear(r), "bye");
	assert_string_equal(rig_log(r), "gone(done) closed ");
	head_free(h);
	rig_free(r);
}

/* More chunks than bytes that extensions may have, each with one. */
static void test_many_extensions(void **state)
{
	struct rig *r = rig_client();
	struct buf b = {0};

	rig_ask(r, "GET");
	buf_adds(&b, STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
			 "\r\n"));
	for (int i = 0; i < 500; i++)
		buf_adds(&b, STR("1;a=bcdefghijk\r\nx\r\n"));
	buf_adds(&b, STR("0\r\n\r\n"));
	rig_say_n(r, b.p, b.n);
	assert_int_equal(r->datas, 500);
	assert_non_null(strstr(rig_log(r), ") end gone(done) slot "));
	rig_free(r);
	buf_free(&b);
}

/* Nothing of the request had left: another connection may have it. */
static void test_unsent(void **state)
{
	struct rig *r = rig_client();
	struct head *h = rig_request("GET", FRAMING_NONE, 0);

	rig_ask(r, "GET");
	rig_say(r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	rig_log(r);
	close(r->peer);
	r->peer = -1;
	r->s = http_open(r->conn, r->ev, r);
	assert_string_equal(rig_log(r), "gone(unsent) closed ");
	head_free(h);
	rig_free(r);
}

/* Bytes on an idle connection: nobody asked. */
static void test_unasked(void **state)
{
	struct rig *r = rig_client();

	rig_say(r, "HTTP/1.1 408 Timeout\r\n\r\n");
	assert_string_equal(rig_log(r), "closed ");
	rig_free(r);
}

static void test_request_chunked(void **state)
{
	struct rig *r = rig_client();
	struct head *h = rig_request("POST", FRAMING_H2, 0);
	struct head_maker m = {0};
	struct head *t;

	head_make_field(&m, STR("x-sum"), STR("1"));
	t = head_make_done(&m);
	r->s = http_open(r->conn, r->ev, r);
	http_send_head(r->s, h, NULL);
	http_send_data(r->s, "abc", 3);
	http_send_trailers(r->s, t);
	http_send_end(r->s);
	assert_string_equal(rig_hear(r), "POST /x HTTP/1.1\r\nhost: up\r\n"
					 "Transfer-Encoding: chunked\r\n\r\n"
					 "3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
	head_free(h);
	head_free(t);
	head_make_free(&m);
	rig_free(r);
}

/* The vendor answers before it has the whole request, and closes. */
static void test_vendor_answers_early(void **state)
{
	struct rig *r = rig_client();
	struct head *h = rig_request("POST", FRAMING_LENGTH, 10);

	r->s = http_open(r->conn, r->ev, r);
	http_send_head(r->s, h, NULL);
	http_send_data(r->s, "abc", 3);
	rig_hear(r);
	rig_say(r, "HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(rig_log(r),
			    "head(413 Big Content-Length=0 length) end ");
	close(r->peer);
	r->peer = -1;
	assert_string_equal(rig_log(r), "gone(done) closed ");
	head_free(h);
	rig_free(r);
}

/* ---- from one side to the other ---- */

/* Relays one request head of a server rig to a client rig. */
static void check_forward(const char *in, const struct http_route *route,
			  const char *out)
{
	struct rig *down = rig_server(), *up = rig_client();

	down->answers = false;
	down->keeps = true;
	rig_say(down, in);
	assert_non_null(down->head);
	up->s = http_open(up->conn, up->ev, up);
	http_send_head(up->s, down->head, route);
	assert_string_equal(rig_hear(up), out);
	rig_free(up);
	rig_free(down);
}

static void test_forward(void **state)
{
	const struct http_route route = {.authority = STR("api.vendor"),
					 .prefix = STR("/base"),
					 .strip = 5};
	const struct http_route plain = {.authority = STR("v")};

	check_forward("POST /name/v1/chat?x=1 HTTP/1.1\r\n"
		      "X-First:no space\r\nHost: localhost:8787\r\n"
		      "Accept:   */*  \r\nConnection: keep-alive, X-Hop\r\n"
		      "X-Hop: 1\r\nx-DUP: 1\r\nx-DUP: 2\r\n"
		      "Content-Length: 2\r\nKeep-Alive: 3\r\n\r\nab",
		      &route,
		      "POST /base/v1/chat?x=1 HTTP/1.1\r\n"
		      "X-First:no space\r\nHost: api.vendor\r\n"
		      "Accept:   */*  \r\nConnection: keep-alive\r\n"
		      "x-DUP: 1\r\nx-DUP: 2\r\n"
		      "Content-Length: 2\r\n\r\n");
	check_forward("GET / HTTP/1.0\r\nA: b\r\n\r\n", &plain,
		      "GET / HTTP/1.1\r\nHost: v\r\nA: b\r\n\r\n");
	check_forward("GET http://h/p HTTP/1.1\r\nHost: h\r\n\r\n", NULL,
		      "GET /p HTTP/1.1\r\nHost: h\r\n\r\n");
	check_forward("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers, gzip\r\n"
		      "Connection: TE, close\r\n\r\n",
		      NULL,
		      "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n"
		      "Connection: TE\r\n\r\n");
	check_forward(UPGRADE, &plain,
		      "GET /ws HTTP/1.1\r\nHost: v\r\n"
		      "Connection: keep-alive, Upgrade\r\n"
		      "Upgrade: websocket\r\n\r\n");
	check_forward("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n"
		      "HTTP2-Settings: x\r\n"
		      "Connection: Upgrade, HTTP2-Settings\r\n\r\n",
		      NULL, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	/* a name that nobody may strip */
	check_forward("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"
		      "Connection: content-length\r\n\r\n",
		      NULL,
		      "POST / HTTP/1.1\r\nHost: h\r\n"
		      "Content-Length: 0\r\n\r\n");
}

/* h2's crumbs become one Cookie; Host comes first. */
static void test_from_h2(void **state)
{
	struct rig *r = rig_client();
	struct head_maker m = {0};
	struct head *h;

	head_make_request(&m, HTTP_2, STR("POST"), STR("https"), STR("auth"),
			  STR("/x"));
	head_make_field(&m, STR("cookie"), STR("a=1"));
	head_make_field(&m, STR("x"), STR("y"));
	head_make_field(&m, STR("cookie"), STR("b=2"));
	h = head_make_done(&m);
	h->framing = FRAMING_NONE;
	r->s = http_open(r->conn, r->ev, r);
	http_send_head(r->s, h, NULL);
	assert_string_equal(rig_hear(r), "POST /x HTTP/1.1\r\nHost: auth\r\n"
					 "cookie: a=1; b=2\r\nx: y\r\n"
					 "content-length: 0\r\n\r\n");
	head_free(h);
	head_make_free(&m);
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
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_pipelining_bounded),
		cmocka_unit_test(test_http_1_0),
		cmocka_unit_test(test_unknown_length_out),
		cmocka_unit_test(test_bodiless_answers),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_expect_refused),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_upgrade_refused),
		cmocka_unit_test(test_belied),
		cmocka_unit_test(test_client_ends),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_client_resets),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_abandon),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nul_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_bad_bodies),
		cmocka_unit_test(test_large_head),
		cmocka_unit_test(test_slow_head),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_vendor_ends),
		cmocka_unit_test(test_client_tunnel),
		cmocka_unit_test(test_many_extensions),
		cmocka_unit_test(test_unsent),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_request_chunked),
		cmocka_unit_test(test_vendor_answers_early),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_from_h2),
		cmocka_unit_test(test_splits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
