/* SPDX-License-Identifier: MIT */
/* Requests read with a memory of others: the same, sooner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "request_rig.h"

static struct request *both(struct request_memory *m, enum dialect d,
			    struct str body)
{
	struct request *with = request_read(m, d, body, STR(""));
	struct request *without = request_read(NULL, d, body, STR(""));

	request_same(with, without);
	request_unref(without);
	return with;
}

/* A byte of the body is another one, gone, or there twice. */
static void edit(struct talk *t, struct buf *body)
{
	size_t at = talk_random(t, (unsigned)body->n);

	switch (talk_random(t, 3)) {
	case 0: body->p[at] = "{}[],:\"\\ ax0"[talk_random(t, 12)]; break;
	case 1:
		memmove(body->p + at, body->p + at + 1, body->n - at - 1);
		body->n--;
		break;
	default:
		buf_room(body, 1);
		memmove(body->p + at + 1, body->p + at, body->n - at);
		body->n++;
	}
}

/* Returns how many messages were shared. */
static size_t step(struct talk *t, struct request_memory *m)
{
	struct buf body = {0};
	struct request *q;
	size_t shared;

	switch (talk_random(t, 8)) {
	case 0: talk_cut(t, 1 + talk_random(t, t->n)); break;
	case 1: talk_swap(t); break;
	case 2: t->tail = talk_random(t, 3); break;
	case 3: t->head = talk_random(t, 3); break;
	default: talk_grow(t);
	}
	talk_body(t, &body);
	if (talk_random(t, 4) == 0)
		edit(t, &body);
	q = both(m, t->d, buf_str(&body));
	shared = q->n_shared;
	request_unref(q);
	buf_free(&body);
	return shared;
}

static void memory_changes_nothing(void **state)
{
	static const enum dialect dialects[] = {DIALECT_CHAT, DIALECT_RESPONSES,
						DIALECT_MESSAGES};
	struct request_memory *m = request_memory_new(512 << 10);
	struct talk talks[6];
	size_t shared = 0;

	for (unsigned i = 0; i < 6; i++)
		talk_begin(&talks[i], dialects[i % 3], i / 3 + 1);
	for (unsigned i = 0; i < 1200; i++)
		shared += step(&talks[i % 6], m);
	assert_true(shared > 3000); /* it was not for nothing */
	for (unsigned i = 0; i < 6; i++)
		talk_end(&talks[i]);
	request_memory_free(m);
}

static void history_is_shared(void **state)
{
	struct request_memory *m = request_memory_new(0);
	struct buf one = {0}, two = {0};
	struct request *a, *b;
	struct talk t;

	talk_begin(&t, DIALECT_CHAT, 1);
	while (t.n < 40)
		talk_grow(&t);
	talk_body(&t, &one);
	a = request_read(m, t.d, buf_str(&one), STR(""));
	assert_int_equal(a->n_shared, 0);
	talk_grow(&t);
	talk_body(&t, &two);
	b = request_read(m, t.d, buf_str(&two), STR(""));
	assert_int_equal(b->n_shared, a->n_messages);
	assert_ptr_equal(a->messages[7], b->messages[7]);
	assert_ptr_equal(a->tools[3].node, b->tools[3].node);
	assert_true(b->bytes_unseen < 8000);
	request_unref(a);
	request_same(b, b); /* what was shared lives on */
	request_memory_free(m);
	request_unref(b);
	buf_free(&one);
	buf_free(&two);
	talk_end(&t);
}

/* An item can join what the assistant had said, and a last one is partial. */
static void neighbours_matter(void **state)
{
	static const char *const call =
		"{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
		"\"arguments\":\"{}\"}";
	struct request_memory *m = request_memory_new(0);
	char pad[3000];

	memset(pad, 'x', sizeof(pad));
	for (unsigned i = 0; i < 6; i++) {
		struct buf b = {0};
		struct request *q;

		buf_addf(&b,
			 "{\"input\":[{\"role\":\"user\",\"content\":\"%.*s\"},"
			 "{\"type\":\"reasoning\",\"summary\":[]}%s%s%s]}",
			 (int)sizeof(pad), pad, i % 3 ? "," : "",
			 i % 3 ? call : "",
			 i % 3 == 2 ? ",{\"role\":\"user\",\"content\":\"\"}"
				    : "");
		q = both(m, DIALECT_RESPONSES, buf_str(&b));
		assert_int_equal(q->n_messages, i % 3 == 2 ? 3 : 2);
		request_unref(q);
		b.n = 0;
		buf_addf(&b,
			 "{\"messages\":[{\"role\":\"user\",\"content\":\"%.*s"
			 "\"},{\"role\":\"assistant\",\"content\":\"I\"}%s]}",
			 (int)sizeof(pad), pad,
			 i % 2 ? ",{\"role\":\"user\",\"content\":\"\"}" : "");
		q = both(m, DIALECT_MESSAGES, buf_str(&b));
		assert_int_equal(q->messages[1]->partial, i % 2 == 0);
		request_unref(q);
		buf_free(&b);
	}
	request_memory_free(m);
}

/* ---- what it costs ---- */

/* A history of some 200 KB, told in turns of 4 KB. */
static void talk_long(struct talk *t)
{
	struct buf *b = &t->elements[t->n++];

	buf_adds(b, STR("{\"role\":\"user\",\"content\":\""));
	for (unsigned i = 0; i < 300; i++)
		buf_addf(b, "word \\n %u ", i);
	buf_adds(b, STR("\"}"));
}

static void cost(void **state)
{
	struct request_memory *m = request_memory_new(0);
	double first = 0, later = 0;
	struct buf body = {0};
	size_t unseen = 0, all = 0;
	struct talk t;

	talk_begin(&t, DIALECT_CHAT, 7);
	while (t.n < 55)
		talk_long(&t);
	for (unsigned i = 0; i < 9; i++) {
		struct request *q;
		uint64_t from;

		body.n = 0;
		talk_body(&t, &body);
		from = clock_mono();
		q = request_read(m, t.d, buf_str(&body), STR(""));
		*(i ? &later : &first) += (double)(clock_mono() - from) / 1000;
		*(i ? &unseen : &all) += q->bytes_unseen;
		request_unref(q);
		talk_long(&t);
	}
	print_message("%zu KB in %.0f us, %.1f us a KB; then %.0f us a turn "
		      "that adds %.1f KB\n",
		      all >> 10, first, first / (double)(all >> 10), later / 8,
		      (double)unseen / 8 / 1024);
	buf_free(&body);
	talk_end(&t);
	request_memory_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_changes_nothing),
		cmocka_unit_test(history_is_shared),
		cmocka_unit_test(neighbours_matter),
		cmocka_unit_test(cost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
