/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/head.h"

static struct head *make(struct head_maker *m)
{
	head_make_request(m, HTTP_2, STR("POST"), STR("https"), STR("h"),
			  STR("/x?y"));
	head_make_field(m, STR("a"), STR("1"));
	head_make_field(m, STR("Connection"), STR("keep-alive, x-hop"));
	head_make_field(m, STR("A"), STR(""));
	head_make_field(m, STR("X-Hop"), STR("gzip"));
	head_make_raw(m, STR(":method: POST\r\n\r\n"));
	return head_make_done(m);
}

static void check(const struct head *h)
{
	assert_int_equal(h->kind, HEAD_REQUEST);
	assert_int_equal(h->version, HTTP_2);
	assert_int_equal(h->n, 4);
	assert_true(str_eq(h->method, STR("POST")));
	assert_true(str_eq(h->scheme, STR("https")));
	assert_true(str_eq(h->authority, STR("h")));
	assert_true(str_eq(h->target, STR("/x?y")));
	assert_true(str_eq(h->fields[0].name, STR("a")));
	assert_true(str_eq(h->fields[0].value, STR("1")));
	assert_true(str_eq(h->fields[2].name, STR("A")));
	assert_int_equal(h->fields[2].value.n, 0);
	assert_true(str_eq(h->raw, STR(":method: POST\r\n\r\n")));
	assert_ptr_equal(head_find(h, STR("A")), &h->fields[0]);
	assert_null(head_find(h, STR("b")));
	assert_true(head_lists(h, STR("connection"), STR("X-HOP")));
	assert_false(head_lists(h, STR("connection"), STR("x")));
}

static void test_make_and_copy(void **state)
{
	struct head_maker m = {0};

	for (int i = 0; i < 2; i++) { /* a maker is used again */
		struct head *h = make(&m), *copy = head_copy(h);

		check(h);
		head_free(h);
		check(copy);
		head_free(copy);
	}
	head_make_free(&m);
}

/* As the h1 codec makes them: every string lies within raw. */
static void test_copy_of_parsed(void **state)
{
	static const char text[] = "HTTP/1.1 200 Fine\r\nA:b\r\n\r\n";
	char *room;
	struct head *h = head_new(1, sizeof text - 1, &room), *copy;

	memcpy(room, text, sizeof text - 1);
	h->kind = HEAD_RESPONSE;
	h->status = 200;
	h->raw = (struct str){room, sizeof text - 1};
	h->reason = (struct str){room + 13, 4};
	h->fields[0].name = (struct str){room + 19, 1};
	h->fields[0].value = (struct str){room + 21, 1};
	copy = head_copy(h);
	head_free(h);
	assert_true(str_eq(copy->reason, STR("Fine")));
	assert_true(str_eq(copy->fields[0].value, STR("b")));
	assert_ptr_equal(copy->fields[0].name.p, copy->raw.p + 19);
	head_free(copy);
}

static void test_hop(void **state)
{
	static const struct {
		struct str name;
		bool hop;
	} row[] = {
		{STR("Connection"), true},
		{STR("keep-alive"), true},
		{STR("Proxy-Connection"), true},
		{STR("TRANSFER-ENCODING"), true},
		{STR("te"), true},
		{STR("Upgrade"), true},
		{STR("HTTP2-Settings"), true},
		{STR("x-named"), true},
		{STR("Content-Length"), false}, /* named, but nobody may */
		{STR("Authorization"), false},
		{STR("Trailer"), false},
		{STR("x-other"), false},
	};
	struct head_maker m = {0};
	struct head *h;

	head_make_status(&m, HTTP_1_1, 200, STR(""));
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		head_make_field(&m, row[i].name,
				STR("X-Named, content-length, authorization"));
	h = head_make_done(&m);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		assert_int_equal(head_is_hop(h, &h->fields[i]), row[i].hop);
	head_free(h);
	head_make_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_and_copy),
		cmocka_unit_test(test_copy_of_parsed),
		cmocka_unit_test(test_hop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
