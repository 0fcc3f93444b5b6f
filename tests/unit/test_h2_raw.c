/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2, server role, against a client made of bytes: what no honest library
 * would send. The client role gets its share from the fuzzer.
 */
#include "h2_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH,
	PING,
	GOAWAY,
	WINDOW_UPDATE,
	CONTINUATION
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

#define GET ":method", "GET", ":scheme", "http", ":authority", "h", ":path", "/"
#define POST                                                                   \
	":method", "POST", ":scheme", "http", ":authority", "h", ":path", "/"

static void add_headers(struct buf *b, uint32_t id, unsigned flags,
			const char *const *pairs)
{
	struct buf block = {0};

	raw_add_block(&block, pairs);
	raw_add_frame(b, HEADERS, END_HEADERS | flags, id, block.p, block.n);
	buf_free(&block);
}

static void answer(struct side *s)
{
	rig_respond(s, 200, "ok");
}

static bool server_gone(struct rig *r)
{
	return r->server_closed;
}

/* ---- heads that must be refused ---- */

struct bad_head {
	const char *what;
	const char *pairs[24];
};

static const struct bad_head bad_heads[] = {
	{"connection", {GET, "connection", "close", NULL}},
	{"keep-alive", {GET, "keep-alive", "1", NULL}},
	{"proxy-connection", {GET, "proxy-connection", "close", NULL}},
	{"transfer-encoding", {POST, "transfer-encoding", "chunked", NULL}},
	{"upgrade", {GET, "upgrade", "websocket", NULL}},
	{"te: gzip", {GET, "te", "gzip", NULL}},
	{"upper case", {GET, "X-Upper", "1", NULL}},
	{"empty name", {GET, "", "1", NULL}},
	{"space in name", {GET, "x y", "1", NULL}},
	{"colon in name", {GET, "x:y", "1", NULL}},
	{"CR in name", {GET, "x\ry", "1", NULL}},
	{"CRLF in value", {GET, "x", "a\r\nhost: evil", NULL}},
	{"LF in value", {GET, "x", "a\nb", NULL}},
	{"CR in value", {GET, "x", "a\rb", NULL}},
	{"DEL in value", {GET, "x", "a\x7f", NULL}},
	{"leading space", {GET, "x", " a", NULL}},
	{"trailing tab", {GET, "x", "a\t", NULL}},
	{"no method", {":scheme", "http", ":path", "/", NULL}},
	{"no scheme", {":method", "GET", ":path", "/", NULL}},
	{"no path", {":method", "GET", ":scheme", "http", NULL}},
	{"empty path",
	 {":method", "GET", ":scheme", "http", ":path", "", NULL}},
	{"no slash",
	 {":method", "GET", ":scheme", "http", ":authority", "h", ":path", "x",
	  NULL}},
	{"CRLF in path",
	 {":method", "GET", ":scheme", "http", ":authority", "h", ":path",
	  "/ HTTP/1.1\r\nx: y", NULL}},
	{"space in path",
	 {":method", "GET", ":scheme", "http", ":authority", "h", ":path",
	  "/a b", NULL}},
	{"space in method",
	 {":method", "GET /x", ":scheme", "http", ":authority", "h", ":path",
	  "/", NULL}},
	{"CRLF in authority",
	 {":method", "GET", ":scheme", "http", ":authority", "h\r\nx: y",
	  ":path", "/", NULL}},
	{"no authority",
	 {":method", "GET", ":scheme", "http", ":path", "/", NULL}},
	{"twice :path", {GET, ":path", "/b", NULL}},
	{"twice :method", {GET, ":method", "POST", NULL}},
	{"pseudo after field",
	 {":method", "GET", ":scheme", "http", "x", "y", ":path", "/", NULL}},
	{"unknown pseudo", {GET, ":evil", "1", NULL}},
	{":status", {GET, ":status", "200", NULL}},
	{":protocol",
	 {":method", "CONNECT", ":protocol", "websocket", ":scheme", "http",
	  ":authority", "h", ":path", "/", NULL}},
	{"CONNECT with path",
	 {":method", "CONNECT", ":authority", "h", ":path", "/", NULL}},
	{"bad length", {POST, "content-length", "1x", NULL}},
	{"negative length", {POST, "content-length", "-1", NULL}},
	{"signed length", {POST, "content-length", "+1", NULL}},
	{"empty length", {POST, "content-length", "", NULL}},
	{"huge length", {POST, "content-length", "99999999999999999999", NULL}},
	{"two lengths",
	 {POST, "content-length", "1", "content-length", "1", NULL}},
	{"two hosts", {GET, "host", "h", "host", "h", NULL}},
	{"length and end", {POST, "content-length", "5", NULL}},
};

/*
 * Refused by RST_STREAM(PROTOCOL_ERROR), never told as a request, and the
 * connection goes on.
 */
static void test_bad_heads(void **state)
{
	static const char *const fine[] = {GET, NULL};

	for (size_t i = 0; i < sizeof bad_heads / sizeof *bad_heads; i++) {
		struct buf b = {0};
		struct rig r;

		rig_open_raw(&r, NULL);
		r.on_end = answer;
		raw_add_preface(&b);
		add_headers(&b, 1, END_STREAM, bad_heads[i].pairs);
		add_headers(&b, 3, END_STREAM, fine);
		raw_send(&r, &b);
		rig_turns(&r, 3);
		if (r.n_in != 1 || raw_error(&r, RST_STREAM) != 1)
			fail_msg("%s: %u requests, error %d", bad_heads[i].what,
				 r.n_in, raw_error(&r, RST_STREAM));
		assert_true(r.in[0].gone && r.in[0].end.how == HTTP_DONE);
		if (r.refused != 1)
			fail_msg("%s: refused %u times", bad_heads[i].what,
				 r.refused);
		buf_free(&b);
		rig_close(&r);
	}
}

static void test_nul_in_value(void **state)
{
	static const char *const get[] = {GET, NULL};
	struct buf b = {0}, block = {0};
	struct rig r;

	rig_open_raw(&r, NULL);
	raw_add_preface(&b);
	raw_add_block(&block, get);
	buf_add(&block, "\0\1x\3a\0b", 7);
	raw_add_frame(&b, HEADERS, END_HEADERS | END_STREAM, 1, block.p,
		      block.n);
	raw_send(&r, &b);
	rig_turns(&r, 3);
	assert_int_equal(r.n_in, 0);
	assert_int_equal(raw_error(&r, RST_STREAM), 1);
	buf_free(&b);
	buf_free(&block);
	rig_close(&r);
}

/* Refused with words, and the rest of the request is called off. */
static void refused_with(const char *const *pairs, const char *code)
{
	const struct http_limits lim = {.max_head = 4096, .max_streams = 10};
	struct str body;
	struct buf b = {0};
	struct rig r;

	rig_open_raw(&r, &lim);
	raw_add_preface(&b);
	add_headers(&b, 1, 0, pairs);
	raw_add_frame(&b, DATA, 0, 1, "some body", 9);
	raw_send(&r, &b);
	rig_turns(&r, 3);
	assert_int_equal(r.n_in, 0);
	assert_int_equal(r.refused, 1);
	assert_string_equal(r.refused_code, code);
	body = raw_frame(&r, DATA, 0, NULL, NULL);
	assert_non_null(memmem(body.p, body.n, code, strlen(code)));
	assert_int_equal(raw_error(&r, RST_STREAM), 0);
	buf_free(&b);
	rig_close(&r);
}

static void test_refused(void **state)
{
	static char large[10000];
	const char *const too_large[] = {POST, "x", large, NULL};
	const char *const two_hosts[] = {POST, "host", "other", NULL};

	memset(large, 'a', sizeof large - 1);
	refused_with(too_large, "head_too_large");
	refused_with(two_hosts, "bad_host");
}

static void test_length_mismatch(void **state)
{
	static const char *const five[] = {POST, "content-length", "5", NULL};
	const char *const bodies[] = {"123", "1234567"};

	for (int i = 0; i < 2; i++) {
		struct buf b = {0};
		struct rig r;

		rig_open_raw(&r, NULL);
		raw_add_preface(&b);
		add_headers(&b, 1, 0, five);
		raw_add_frame(&b, DATA, END_STREAM, 1, bodies[i],
			      strlen(bodies[i]));
		raw_send(&r, &b);
		rig_turns(&r, 3);
		assert_int_equal(raw_error(&r, RST_STREAM), 1);
		assert_int_equal(r.in[0].head->framing, FRAMING_LENGTH);
		assert_int_equal(r.in[0].head->length, 5);
		assert_false(r.in[0].ended);
		assert_int_equal(r.in[0].end.how, HTTP_BROKEN);
		buf_free(&b);
		rig_close(&r);
	}
}

static void test_bad_trailers(void **state)
{
	static const char *const post[] = {POST, NULL};
	static const char *const bad[][4] = {{":path", "/", NULL},
					     {"connection", "close", NULL},
					     {"X-Up", "1", NULL}};

	for (int i = 0; i < 4; i++) {
		static const char *const fine[] = {"x", "1", NULL};
		struct buf b = {0};
		struct rig r;

		rig_open_raw(&r, NULL);
		raw_add_preface(&b);
		add_headers(&b, 1, 0, post);
		/* the last: lawful, but not at the end */
		add_headers(&b, 1, i < 3 ? END_STREAM : 0,
			    i < 3 ? bad[i] : fine);
		raw_send(&r, &b);
		rig_turns(&r, 3);
		assert_int_equal(raw_error(&r, RST_STREAM), 1);
		assert_false(r.in[0].got_trailers || r.in[0].ended);
		assert_int_equal(r.in[0].end.how, HTTP_BROKEN);
		buf_free(&b);
		rig_close(&r);
	}
}

/* ---- floods ---- */

static void add_rapid_reset(struct buf *b, uint32_t i)
{
	static const char *const get[] = {GET, NULL};
	const char cancel[] = {0, 0, 0, 8};

	add_headers(b, 2 * i + 1, END_STREAM, get);
	raw_add_frame(b, RST_STREAM, 0, 2 * i + 1, cancel, 4);
}

static void add_ping(struct buf *b, uint32_t i)
{
	raw_add_frame(b, PING, 0, 0, "12345678", 8);
}

static void add_settings(struct buf *b, uint32_t i)
{
	raw_add_frame(b, SETTINGS, 0, 0, NULL, 0);
}

static void add_priority(struct buf *b, uint32_t i)
{
	raw_add_frame(b, PRIORITY, 0, 2 * i + 1, "\0\0\0\0\x10", 5);
}

static void add_unknown(struct buf *b, uint32_t i)
{
	raw_add_frame(b, 0xbe, 0, 0, "x", 1);
}

static void add_empty_data(struct buf *b, uint32_t i)
{
	static const char *const post[] = {POST, NULL};

	if (i == 0)
		add_headers(b, 1, 0, post);
	raw_add_frame(b, DATA, 0, 1, NULL, 0);
}

/* Malformed requests, each of which makes the server reset a stream. */
static void add_made_reset(struct buf *b, uint32_t i)
{
	static const char *const bad[] = {GET, "upgrade", "x", NULL};

	add_headers(b, 2 * i + 1, END_STREAM, bad);
}

static void add_continuation(struct buf *b, uint32_t i)
{
	static const char *const get[] = {GET, NULL};
	struct buf block = {0};

	raw_add_block(&block, get);
	if (i == 0)
		raw_add_frame(b, HEADERS, 0, 1, block.p, block.n);
	else
		raw_add_frame(b, CONTINUATION, 0, 1, "\0\1x\1y", 5);
	buf_free(&block);
}

static const struct flood {
	const char *name;
	void (*add)(struct buf *b, uint32_t i);
	unsigned n;
} floods[] = {
	{"rapid reset", add_rapid_reset, 3000},
	{"PING", add_ping, 3000},
	{"SETTINGS", add_settings, 3000},
	{"PRIORITY", add_priority, 3000},
	{"unknown frames", add_unknown, 3000},
	{"empty DATA", add_empty_data, 3000},
	{"malformed requests", add_made_reset, 3000},
	{"CONTINUATION", add_continuation, 100},
};

/* Forgets streams that are through, since there are so many. */
static void forget(struct side *s)
{
	rig_abandon(s, 8);
	s->rig->n_in = 0;
	head_free(s->head);
	s->head = NULL;
	buf_free(&s->heads);
}

static void test_floods(void **state)
{
	for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
		struct buf b = {0};
		struct rig r;

		rig_open_raw(&r, NULL);
		r.on_head = forget;
		raw_add_preface(&b);
		for (uint32_t k = 0; k < floods[i].n; k++)
			floods[i].add(&b, k);
		raw_send(&r, &b);
		rig_turns(&r, 20);
		if (raw_error(&r, GOAWAY) != 11)
			fail_msg("%s: GOAWAY %d", floods[i].name,
				 raw_error(&r, GOAWAY));
		assert_string_equal(r.refused_code, "flood");
		buf_free(&b);
		rig_close(&r);
	}
}

/* A head that only grows: cut off long before it fills the memory. */
static void test_head_bomb(void **state)
{
	static const char *const get[] = {GET, NULL};
	struct buf b = {0}, block = {0};
	struct rig r;

	rig_open_raw(&r, NULL);
	raw_add_preface(&b);
	raw_add_block(&block, get);
	/* one large field goes into the table, then is named by one byte */
	buf_add(&block, "\x40\1x\x7f\xd1\x1e", 6);
	memset(buf_room(&block, 4048), 'a', 4048);
	block.n += 4048;
	memset(buf_room(&block, 8000), 0xbe, 8000);
	block.n += 8000;
	raw_add_frame(&b, HEADERS, END_HEADERS | END_STREAM, 1, block.p,
		      block.n);
	raw_send(&r, &b);
	rig_run(&r, server_gone);
	assert_int_equal(raw_error(&r, GOAWAY), 11);
	assert_int_equal(r.n_in, 0);
	buf_free(&b);
	buf_free(&block);
	rig_close(&r);
}

/* ---- slow and broken connections ---- */

static void slow(const void *p, size_t n)
{
	const struct http_limits lim = {.max_head = 16384,
					.max_streams = 10,
					.head_timeout_ns = NS_PER_S};
	struct buf b = {0};
	struct rig r;

	rig_open_raw(&r, &lim);
	buf_add(&b, p, n);
	raw_send(&r, &b);
	rig_run(&r, server_gone);
	if (n)
		assert_string_equal(r.refused_code, "head_timeout");
	buf_free(&b);
	rig_close(&r);
}

static void test_slow(void **state)
{
	static const char *const get[] = {GET, NULL};
	struct buf b = {0}, block = {0};

	slow("", 0);
	slow(H2_PREFACE, 5);
	slow(H2_PREFACE, H2_PREFACE_LEN);
	raw_add_preface(&b);
	raw_add_block(&block, get);
	raw_add_frame(&b, HEADERS, END_STREAM, 1, block.p, block.n);
	slow(b.p, b.n); /* END_HEADERS never comes */
	buf_free(&b);
	buf_free(&block);
}

static void test_protocol_error(void **state)
{
	static const char *const post[] = {POST, NULL};
	struct buf b = {0};
	struct rig r;

	rig_open_raw(&r, NULL);
	raw_add_preface(&b);
	add_headers(&b, 1, 0, post);
	raw_add_frame(&b, SETTINGS, 0, 1, NULL, 0); /* on a stream */
	raw_send(&r, &b);
	rig_run(&r, server_gone);
	assert_int_equal(raw_error(&r, GOAWAY), 1);
	assert_string_equal(r.refused_code, "protocol_error");
	assert_int_equal(r.in[0].end.how, HTTP_BROKEN);
	assert_true(r.in[0].why[0]);
	buf_free(&b);
	rig_close(&r);
}

/* A client that is gone while an answer waits for its window. */
static void test_client_vanishes(void **state)
{
	static const char *const get[] = {GET, NULL};
	static char bulk[100000];
	struct buf b = {0};
	struct rig r;

	rig_open_raw(&r, NULL);
	raw_add_preface(&b);
	add_headers(&b, 1, END_STREAM, get);
	raw_send(&r, &b);
	rig_turns(&r, 2);
	rig_respond(&r.in[0], 200, NULL);
	http_send_data(r.in[0].s, bulk, sizeof bulk);
	http_send_end(r.in[0].s);
	rig_turns(&r, 3);
	assert_true(http_full(r.in[0].s) || http_queued(r.in[0].s) > 30000);
	assert_false(r.in[0].gone);
	close(r.fd);
	r.fd = -1;
	rig_run(&r, server_gone);
	assert_int_equal(r.in[0].end.how, HTTP_CUT);
	buf_free(&b);
	rig_close(&r);
}

/* ---- any split of the input gives the same events ---- */

static void add_session(struct buf *b)
{
	static const char *const one[] = {POST,	    "cookie", "a=1",
					  "cookie", "b=2",    "content-length",
					  "7",	    NULL};
	static const char *const two[] = {GET, "te", "trailers", NULL};
	static const char *const last[] = {"x-sum", "1", NULL};
	struct buf block = {0};

	raw_add_preface(b);
	raw_add_frame(b, SETTINGS, ACK, 0, NULL, 0);
	add_headers(b, 1, 0, one);
	raw_add_frame(b, DATA, 0, 1, "abc", 3);
	raw_add_block(&block, two);
	raw_add_frame(b, HEADERS, END_STREAM, 3, block.p, 20);
	raw_add_frame(b, CONTINUATION, END_HEADERS, 3, block.p + 20,
		      block.n - 20);
	raw_add_frame(b, PING, 0, 0, "12345678", 8);
	raw_add_frame(b, DATA, 8, 1, "\3defg...", 8); /* padded */
	add_headers(b, 1, END_STREAM, last);
	buf_free(&block);
}

static void check_session(struct rig *r)
{
	static const char want[] =
		":method: POST\r\n:scheme: http\r\n:authority: h\r\n"
		":path: /\r\ncookie: a=1\r\ncookie: b=2\r\n"
		"content-length: 7\r\n\r\nx-sum: 1\r\n\r\n";

	assert_int_equal(r->n_in, 2);
	assert_int_equal(r->in[0].heads.n, sizeof want - 1);
	assert_memory_equal(r->in[0].heads.p, want, sizeof want - 1);
	assert_int_equal(r->in[0].body.n, 7);
	assert_memory_equal(r->in[0].body.p, "abcdefg", 7);
	assert_true(r->in[0].ended && r->in[1].ended);
	assert_true(r->in[1].gone && r->in[1].end.how == HTTP_DONE);
}

static void test_any_split(void **state)
{
	struct buf b = {0};

	add_session(&b);
	for (size_t cut = 0; cut <= b.n; cut++) {
		struct rig r;

		rig_open_raw(&r, NULL);
		r.on_end = answer;
		assert_int_equal(write(r.fd, b.p, cut), cut);
		rig_turns(&r, 2);
		assert_int_equal(write(r.fd, b.p + cut, b.n - cut), b.n - cut);
		rig_turns(&r, 3);
		check_session(&r);
		rig_close(&r);
	}
	for (size_t piece = 1; piece < 12; piece++) {
		struct rig r;

		rig_open_raw(&r, NULL);
		r.on_end = answer;
		for (size_t at = 0; at < b.n; at += piece) {
			size_t n = b.n - at < piece ? b.n - at : piece;

			assert_int_equal(write(r.fd, b.p + at, n), n);
			rig_turns(&r, 1);
		}
		rig_turns(&r, 3);
		check_session(&r);
		rig_close(&r);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_heads),
		cmocka_unit_test(test_nul_in_value),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_length_mismatch),
		cmocka_unit_test(test_bad_trailers),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_head_bomb),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_protocol_error),
		cmocka_unit_test(test_client_vanishes),
		cmocka_unit_test(test_any_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
