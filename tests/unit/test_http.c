/* SPDX-License-Identifier: MIT */
/* The front: which version a connection in clear speaks. */
#include "h2_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void answer(struct side *s)
{
	rig_respond(s, 200, "ok");
}

static bool server_gone(struct rig *r)
{
	return r->server_closed;
}

/* What only begins like HTTP/2 is HTTP/1.1. */
static void test_sniff_h1(void **state)
{
	static const char text[] = "PRI_X / HTTP/1.1\r\nHost: h\r\n\r\n";

	for (size_t cut = 0; cut < 10; cut++) {
		struct rig r;

		rig_open_raw(&r, NULL);
		r.on_end = answer;
		assert_int_equal(write(r.fd, text, cut), cut);
		rig_turns(&r, 2);
		assert_true(write(r.fd, text + cut, sizeof text - 1 - cut) > 0);
		rig_turns(&r, 4);
		assert_true(r.n_in == 1 || r.refused == 1);
		assert_true(r.wire_in.n > 9);
		assert_memory_equal(r.wire_in.p, "HTTP/1.1 ", 9);
		rig_close(&r);
	}
}

static void test_not_http(void **state)
{
	static const char text[] = "SSH 2.0 HELLO\r\n";
	struct rig r;

	rig_open_raw(&r, NULL);
	assert_true(write(r.fd, text, sizeof text - 1) > 0);
	rig_run(&r, server_gone);
	assert_string_equal(r.refused_code, "not_http");
	assert_int_equal(r.wire_in.n, 0);
	rig_close(&r);
}

/* Closed by its owner, or by the client, before anything is known. */
static void test_closed_early(void **state)
{
	for (int i = 0; i < 6; i++) {
		struct rig r;

		rig_open_raw(&r, NULL);
		if (i % 3)
			assert_int_equal(write(r.fd, H2_PREFACE, 9 * (i % 3)),
					 9 * (i % 3));
		rig_turns(&r, 2);
		if (i < 3) {
			http_close(r.server, i & 1);
			http_close(r.server, true); /* twice is harmless */
			assert_false(r.server_closed);
		} else {
			close(r.fd);
			r.fd = -1;
		}
		rig_run(&r, server_gone);
		assert_int_equal(r.n_in, 0);
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sniff_h1),
		cmocka_unit_test(test_not_http),
		cmocka_unit_test(test_closed_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
