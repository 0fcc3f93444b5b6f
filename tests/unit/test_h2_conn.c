/* SPDX-License-Identifier: MIT */
/* HTTP/2: connections: how they end, how full they get. */
#include "h2_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"

/* Open streams finish, later ones go elsewhere, then both ends close. */
static void test_goaway(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", "x");
	rig_run(&r, rig_head_in);
	http_close(r.server, false);
	rig_turns(&r, 6);
	assert_non_null(strstr(r.notes.p, "goaway last=2147483647 code=0\n"
					  "goaway last=1 code=0\n"));
	assert_int_equal(http_slots(r.client), 0);
	assert_null(http_open(r.client, NULL, NULL));
	assert_false(a->gone);
	rig_respond(&r.in[0], 200, "late");
	rig_run(&r, rig_both_closed);
	rig_text_is(&a->body, "late");
	assert_int_equal(a->end.how, HTTP_DONE);
	assert_int_equal(r.in[0].end.how, HTTP_DONE);
	rig_close(&r);
}

static void test_client_closes(void **state)
{
	struct rig r;
	struct side *a;

	rig_open(&r, NULL);
	a = rig_request(&r, "POST", "/", "x");
	rig_run(&r, rig_head_in);
	http_close(r.client, false);
	rig_turns(&r, 3);
	assert_int_equal(http_slots(r.client), 0);
	rig_respond(&r.in[0], 200, "late");
	rig_run(&r, rig_both_closed);
	assert_int_equal(a->end.how, HTTP_DONE);
	rig_close(&r);
}

static void test_idle(void **state)
{
	const struct http_limits lim = {
		.max_head = 16384,
		.max_streams = 10,
		.head_timeout_ns = NS_PER_S,
		.idle_timeout_ns = NS_PER_S,
	};
	struct rig r;

	rig_open(&r, &lim);
	r.on_end = rig_echo;
	rig_request(&r, "POST", "/", "x");
	rig_run(&r, rig_all_gone);
	assert_int_equal(http_slots(r.client), 10);
	rig_run(&r, rig_both_closed);
	assert_int_equal(r.refused, 0);
	rig_close(&r);
}

static void test_slots(void **state)
{
	const struct http_limits lim = {.max_head = 16384, .max_streams = 2};
	struct rig r;
	struct side *a;

	rig_open(&r, &lim);
	a = rig_request(&r, "POST", "/", "x");
	rig_run(&r, rig_head_in);
	assert_int_equal(http_slots(r.client), 1);
	rig_request(&r, "POST", "/", "x");
	assert_int_equal(http_slots(r.client), 0);
	assert_null(http_open(r.client, NULL, NULL));
	r.slots = 0;
	rig_abandon(a, 8);
	rig_turns(&r, 3);
	assert_int_equal(r.slots, 1);
	assert_int_equal(http_slots(r.client), 1);
	rig_close(&r);
}

/* ---- letting go inside events ---- */

static void let_go(struct side *s)
{
	rig_abandon(s, 8);
}

static void close_all(struct side *s)
{
	http_close(s->rig->server, true);
}

static void during_events(void (*what)(struct side *s))
{
	struct rig r;

	for (int i = 0; i < 3; i++) {
		rig_open(&r, NULL);
		*(i == 0 ? &r.on_head : i == 1 ? &r.on_data : &r.on_end) = what;
		for (int k = 0; k < 3; k++)
			rig_request(&r, "POST", "/", "some body");
		rig_run(&r, rig_all_gone);
		assert_int_equal(r.out[0].end.how,
				 what == let_go ? HTTP_RESET : HTTP_CUT);
		rig_close(&r);
	}
}

static void test_let_go_in_events(void **state)
{
	during_events(let_go);
	during_events(close_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goaway),
		cmocka_unit_test(test_client_closes),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_let_go_in_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
