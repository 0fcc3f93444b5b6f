/* SPDX-License-Identifier: MIT */
/* HTTP/2: our client role against our server role. */
#include "h2_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

static bool answer_head(struct rig *r)
{
	return r->n_out && r->out[r->n_out - 1].got_head;
}

static bool first_gone(struct rig *r)
{
	return r->out[0].gone;
}

static bool in_gone(struct rig *r)
{
	return r->in[0].gone;
}

static void test_exchange(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	r.on_end = rig_echo;
	a = rig_request(&r, "POST", "/v1/x?y=z", "hello");
	rig_run(&r, rig_all_gone);
	rig_text_is(&r.in[0].heads, ":method: POST\r\n:scheme: http\r\n"
				    ":authority: vendor.example\r\n"
				    ":path: /v1/x?y=z\r\naccept: */*\r\n\r\n");
	assert_int_equal(r.in[0].head->framing, FRAMING_H2);
	assert_true(str_eq(r.in[0].head->target, STR("/v1/x?y=z")));
	assert_true(str_eq(r.in[0].head->authority, STR("vendor.example")));
	assert_int_equal(r.in[0].head->n, 1);
	rig_text_is(&a->heads, ":status: 200\r\n\r\n");
	rig_text_is(&a->body, "hello");
	assert_int_equal(a->end.how, HTTP_DONE);
	assert_int_equal(r.in[0].end.how, HTTP_DONE);
	assert_int_equal(http_slots(r.client), 100);
	assert_non_null(strstr(r.notes.p, "initial_window_size=524288 "
					  "max_concurrent_streams=100"));
	rig_close(&r);
}

static void answer_long(struct side *s)
{
	static const char *const early[] = {"link", "</a>", NULL};
	static const char *const last[] = {"x-sum", "1", NULL};
	struct head *h = rig_head(103, early);

	http_send_interim(s->s, h);
	http_send_interim(s->s, h);
	head_free(h);
	rig_respond(s, 200, NULL);
	http_send_data(s->s, "a", 1);
	h = rig_head(0, last);
	h->kind = HEAD_TRAILERS;
	http_send_trailers(s->s, h);
	http_send_end(s->s);
	head_free(h);
}

static void test_interim_and_trailers(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	r.on_end = answer_long;
	a = rig_request(&r, "GET", "/", "");
	rig_run(&r, rig_all_gone);
	assert_int_equal(r.in[0].head->framing, FRAMING_NONE);
	assert_int_equal(a->interims, 2);
	assert_true(a->got_trailers);
	rig_text_is(&a->heads, ":status: 103\r\nlink: </a>\r\n\r\n"
			       ":status: 103\r\nlink: </a>\r\n\r\n"
			       ":status: 200\r\n\r\n"
			       "x-sum: 1\r\n\r\n");
	rig_text_is(&a->body, "a");
	assert_int_equal(a->end.how, HTTP_DONE);
	rig_close(&r);
}

static void test_request_trailers(void **state)
{
	static const char *const last[] = {"x-sum", "2", NULL};
	struct rig r;
	struct side *a;
	struct head *h = rig_head(0, last);

	rig_open(&r, NULL);
	r.on_end = rig_echo;
	a = rig_request(&r, "POST", "/", NULL);
	http_send_trailers(a->s, h); /* and no data at all */
	http_send_end(a->s);
	head_free(h);
	rig_run(&r, rig_all_gone);
	assert_true(r.in[0].got_trailers);
	assert_int_equal(r.in[0].end.how, HTTP_DONE);
	rig_close(&r);
}

/* Hop-by-hop fields stay behind, names are lower-cased, the route is added. */
static void test_from_h1(void **state)
{
	const struct http_route route = {.authority = STR("api.example"),
					 .scheme = STR("https"),
					 .prefix = STR("/base"),
					 .strip = 5};
	struct head_maker m = {0};
	struct head *h;
	struct rig r;

	rig_open(&r, NULL);
	r.on_end = rig_echo;
	head_make_request(&m, HTTP_1_1, STR("GET"), STR(""), STR("old"),
			  STR("/NAME/v1?q"));
	head_make_field(&m, STR("Host"), STR("old"));
	head_make_field(&m, STR("X-Case"), STR("Kept"));
	head_make_field(&m, STR("Connection"), STR("close, X-Hop"));
	head_make_field(&m, STR("X-Hop"), STR("1"));
	head_make_field(&m, STR("TE"), STR("trailers, deflate"));
	head_make_field(&m, STR("id"), STR("7"));
	head_make_field(&m, STR("Upgrade"), STR("h2c"));
	h = head_make_done(&m);
	h->framing = FRAMING_NONE;
	rig_send(&r, h, &route);
	rig_run(&r, rig_all_gone);
	rig_text_is(&r.in[0].heads,
		    ":method: GET\r\n:scheme: https\r\n"
		    ":authority: api.example\r\n:path: /base/v1?q\r\n"
		    "x-case: Kept\r\nte: trailers\r\nid: 7\r\n\r\n");
	head_free(h);
	head_make_free(&m);
	rig_close(&r);
}

/* ---- data ---- */

static void test_frames_are_kept(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	rig_run(&r, rig_head_in);
	http_send_data(a->s, "one", 3);
	http_send_data(a->s, "two", 3);
	http_send_data(a->s, "three", 5);
	http_send_end(a->s);
	rig_turns(&r, 3);
	assert_int_equal(r.in[0].chunks, 3);
	rig_text_is(&r.in[0].body, "onetwothree");
	rig_close(&r);
}

/* What came by HTTP/1.1 has no frames to keep. */
static void test_frames_are_shared(void **state)
{
	struct head *h = rig_head(200, NULL);
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", "");
	rig_run(&r, rig_head_in);
	h->version = HTTP_1_1;
	http_send_head(r.in[0].s, h, NULL);
	http_send_data(r.in[0].s, "one", 3);
	http_send_data(r.in[0].s, "two", 3);
	http_send_end(r.in[0].s);
	rig_run(&r, rig_all_gone);
	assert_int_equal(a->chunks, 1);
	rig_text_is(&a->body, "onetwo");
	head_free(h);
	rig_close(&r);
}

enum { BULK = 6 * 1024 * 1024, PIECE = 50000 };

static char *make_bulk(void)
{
	char *p = mem_alloc(BULK);
	uint32_t x = 1;

	for (size_t i = 0; i < BULK; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (char)(x >> 24);
	}
	return p;
}

static bool all_bulk_in(struct rig *r)
{
	return r->in[0].ended;
}

/* Sends until full, turns until there is room, and so on. */
static void send_bulk(struct rig *r, struct side *a, const char *p)
{
	size_t done = 0, most = 0;

	while (done < BULK) {
		size_t n = BULK - done < PIECE ? BULK - done : PIECE;

		if (http_full(a->s)) {
			rig_turns(r, 1);
			continue;
		}
		http_send_data(a->s, p + done, n);
		done += n;
		if (http_queued(a->s) > most)
			most = http_queued(a->s);
	}
	http_send_end(a->s);
	assert_true(most <= 64 * 1024 + PIECE);
}

static void test_bulk(void **state)
{
	char *p = make_bulk();
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	rig_run(&r, rig_head_in);
	send_bulk(&r, a, p);
	rig_run(&r, all_bulk_in);
	assert_int_equal(r.in[0].body.n, BULK);
	assert_memory_equal(r.in[0].body.p, p, BULK);
	assert_true(a->rooms > 0);
	free(p);
	rig_close(&r);
}

/*
 * A paused stream takes one window and no more, tells nothing meanwhile, and
 * leaves its neighbours alone.
 */
static void test_pause(void **state)
{
	char *p = make_bulk();
	struct rig r;
	struct side *a, *b;
	size_t took;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	rig_run(&r, rig_head_in);
	http_pause(r.in[0].s, HTTP_PEER_FULL);
	http_pause(r.in[0].s, HTTP_GATE);
	for (took = 0; took < 2 * 1024 * 1024 && !http_full(a->s);) {
		http_send_data(a->s, p + took, 16384);
		took += 16384;
		rig_turns(&r, 3);
	}
	assert_true(took >= 512 * 1024 && took <= 700 * 1024);
	assert_int_equal(r.in[0].chunks, 0);
	r.on_end = rig_echo;
	b = rig_request(&r, "POST", "/b", "quick");
	rig_turns(&r, 5);
	assert_true(b->gone);
	rig_text_is(&b->body, "quick");
	r.on_end = NULL;
	http_send_end(a->s);
	http_resume(r.in[0].s, HTTP_GATE);
	rig_turns(&r, 3);
	assert_int_equal(r.in[0].chunks, 0);
	http_resume(r.in[0].s, HTTP_PEER_FULL);
	assert_int_equal(r.in[0].chunks, 0); /* not from inside the call */
	rig_run(&r, all_bulk_in);
	assert_int_equal(r.in[0].body.n, took);
	assert_memory_equal(r.in[0].body.p, p, took);
	free(p);
	rig_close(&r);
}

static void pause_again(struct side *s)
{
	http_pause(s->s, HTTP_PEER_FULL);
}

/* An owner that pauses in the call that brings the last bytes hears of the
 * end when it resumes, though no bytes are left to bring. */
static void test_pause_with_last_bytes(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	rig_run(&r, rig_head_in);
	http_pause(r.in[0].s, HTTP_PEER_FULL);
	http_send_data(a->s, "last", 4);
	http_send_end(a->s);
	rig_turns(&r, 3);
	r.on_data = pause_again;
	http_resume(r.in[0].s, HTTP_PEER_FULL);
	rig_turns(&r, 3);
	rig_text_is(&r.in[0].body, "last");
	assert_false(r.in[0].ended);
	http_resume(r.in[0].s, HTTP_PEER_FULL);
	rig_turns(&r, 3);
	assert_true(r.in[0].ended);
	rig_close(&r);
}

/* ---- ends ---- */

static void test_reset_by_client(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	rig_run(&r, rig_head_in);
	rig_abandon(a, 8);
	rig_run(&r, in_gone);
	assert_int_equal(r.in[0].end.how, HTTP_RESET);
	assert_int_equal(r.in[0].end.code, 8);
	assert_false(a->gone);
	rig_close(&r);
}

/* Resets of a vendor: before the head, and in mid-body. */
static void reset_with(uint32_t code, bool begun, enum http_gone want)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	rig_run(&r, rig_head_in);
	if (begun) {
		rig_respond(&r.in[0], 200, NULL);
		http_send_data(r.in[0].s, "part", 4);
		rig_run(&r, answer_head);
	}
	rig_abandon(&r.in[0], code);
	rig_run(&r, first_gone);
	assert_int_equal(a->end.how, want);
	assert_int_equal(a->end.code, code);
	assert_int_equal(a->body.n, begun ? 4 : 0);
	assert_false(a->ended);
	rig_close(&r);
}

static void test_reset_by_vendor(void **state)
{
	reset_with(2, false, HTTP_RESET);
	reset_with(7, false, HTTP_UNSENT);
	reset_with(7, true, HTTP_RESET);
	reset_with(11, true, HTTP_RESET);
}

/* A cut lets out what was sent, then resets. */
static void test_cut(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", "body");
	rig_run(&r, rig_head_in);
	rig_respond(&r.in[0], 200, NULL);
	http_send_data(r.in[0].s, "partial", 7);
	http_cut(r.in[0].s, 2, false);
	rig_run(&r, rig_all_gone);
	rig_text_is(&a->body, "partial");
	assert_int_equal(a->end.how, HTTP_RESET);
	assert_int_equal(a->end.code, 2);
	assert_int_equal(r.in[0].end.how, HTTP_DONE);
	/* and without a head */
	a = rig_request(&r, "POST", "/", "body");
	rig_turns(&r, 2);
	http_cut(r.in[1].s, 7, false);
	rig_run(&r, rig_all_gone);
	assert_int_equal(a->end.how, HTTP_UNSENT);
	assert_int_equal(r.in[1].end.how, HTTP_DONE);
	rig_close(&r);
}

/* The answer is complete before the request is: RFC 9113, 8.1. */
static void test_early_answer(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	http_send_data(a->s, "half", 4);
	rig_run(&r, rig_head_in);
	rig_respond(&r.in[0], 413, "no");
	rig_run(&r, rig_all_gone);
	rig_text_is(&a->body, "no");
	assert_true(a->ended);
	assert_int_equal(a->end.how, HTTP_DONE);
	assert_int_equal(r.in[0].end.how, HTTP_DONE);
	assert_false(r.in[0].ended);
	rig_close(&r);
}

/* The owner lets go of a finished answer: it arrives all the same. */
static void test_abandon_after_end(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", "x");
	rig_run(&r, rig_head_in);
	rig_respond(&r.in[0], 200, "whole");
	rig_abandon(&r.in[0], 8);
	rig_run(&r, first_gone);
	rig_text_is(&a->body, "whole");
	assert_int_equal(a->end.how, HTTP_DONE);
	rig_close(&r);
}

static void test_connection_cut(void **state)
{
	struct rig r;
	struct side *a, *b;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	rig_run(&r, rig_head_in);
	rig_respond(&r.in[0], 200, NULL);
	http_send_data(r.in[0].s, "part", 4);
	rig_run(&r, answer_head);
	http_pause(a->s, HTTP_PEER_FULL);
	http_send_data(r.in[0].s, "more", 4);
	rig_turns(&r, 3);
	b = rig_request(&r, "POST", "/b", NULL); /* never leaves */
	http_close(r.server, true);
	rig_run(&r, rig_both_closed);
	assert_int_equal(a->end.how, HTTP_CUT);
	rig_text_is(&a->body, "partmore");
	assert_int_equal(r.in[0].end.how, HTTP_CUT);
	assert_true(b->gone);
	assert_int_equal(r.n_in == 1 ? b->end.how : HTTP_UNSENT, HTTP_UNSENT);
	rig_close(&r);
}

static void test_touched(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", NULL);
	assert_false(http_touched(a->s));
	rig_run(&r, rig_head_in);
	assert_true(http_touched(a->s));
	assert_false(http_touched(r.in[0].s));
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_interim_and_trailers),
		cmocka_unit_test(test_request_trailers),
		cmocka_unit_test(test_from_h1),
		cmocka_unit_test(test_frames_are_kept),
		cmocka_unit_test(test_frames_are_shared),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_pause_with_last_bytes),
		cmocka_unit_test(test_reset_by_client),
		cmocka_unit_test(test_reset_by_vendor),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_abandon_after_end),
		cmocka_unit_test(test_connection_cut),
		cmocka_unit_test(test_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
