/* SPDX-License-Identifier: MIT */
/* HTTP/1.1, server role: exchanges, upgrades, ends. */
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

/* The owner hears of it once, and may pass it on. */
static void test_hangup(void **state)
{
	struct rig *r = rig_server();

	r->answers = false;
	r->hears_hangup = true;
	rig_say(r, GET);
	shutdown(r->peer, SHUT_WR);
	assert_string_equal(rig_log(r),
			    "stream head(GET / Host=a none) end hangup ");
	http_pause(r->s, HTTP_GATE);
	http_resume(r->s, HTTP_GATE);
	assert_string_equal(rig_log(r), "");
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
		cmocka_unit_test(test_hangup),
		cmocka_unit_test(test_client_resets),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_abandon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
