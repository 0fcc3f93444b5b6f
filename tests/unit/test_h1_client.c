/* SPDX-License-Identifier: MIT */
/* HTTP/1.1, client role; heads from one side to the other. */
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

#define UPGRADE                                                                \
	"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"   \
	"Upgrade: websocket\r\n\r\n"

static void reset(struct rig *r)
{
	struct linger hard = {1, 0};

	setsockopt(r->peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(r->peer);
	r->peer = -1;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
