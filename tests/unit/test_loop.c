/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "wire/loop.h"

/* What happened, a letter each. */
struct diary {
	struct loop *loop;
	struct buf text;
	struct loop_dirty dirty, other;
	struct loop_deadline deadline;
	unsigned calls;
};

static void stop(void *arg)
{
	loop_stop(arg);
}

static void turn(struct diary *d)
{
	loop_wake(d->loop, stop, d->loop);
	loop_run(d->loop);
}

static void start(struct diary *d)
{
	*d = (struct diary){.loop = loop_new()};
}

static void expect(struct diary *d, const char *z)
{
	buf_addc(&d->text, '\0');
	assert_string_equal(d->text.p, z);
	d->text.n = 0;
}

static void finish(struct diary *d)
{
	loop_free(d->loop);
	buf_free(&d->text);
}

static void on_other(struct loop_dirty *e)
{
	struct diary *d =
		(struct diary *)((char *)e - offsetof(struct diary, other));

	buf_addc(&d->text, 'o');
}

static void on_dirty(struct loop_dirty *e)
{
	struct diary *d =
		(struct diary *)((char *)e - offsetof(struct diary, dirty));

	buf_addc(&d->text, 'd');
	loop_mark_dirty(d->loop, &d->other); /* still in this turn */
	loop_mark_dirty(d->loop, &d->other);
}

static void on_turn(void *arg)
{
	buf_addc(&((struct diary *)arg)->text, 't');
}

static void on_burial(void *p)
{
	buf_addc(&((struct diary *)p)->text, 'b');
}

static void on_call(void *arg)
{
	struct diary *d = arg;

	buf_addc(&d->text, 'c');
	loop_bury(d->loop, d, on_burial);
	loop_mark_dirty(d->loop, &d->dirty);
	loop_mark_dirty(d->loop, &d->dirty);
}

static void test_order_of_a_turn(void **state)
{
	struct diary d;

	start(&d);
	d.dirty.flush = on_dirty;
	d.other.flush = on_other;
	loop_on_turn(d.loop, on_turn, &d);
	loop_wake(d.loop, on_call, &d);
	turn(&d);
	expect(&d, "tcdotb"); /* the first t: what was marked before */
	loop_mark_dirty(d.loop, &d.dirty);
	loop_unmark_dirty(d.loop, &d.dirty);
	loop_unmark_dirty(d.loop, &d.dirty);
	turn(&d);
	expect(&d, "tt");
	finish(&d);
}

static void on_due(struct loop_deadline *e)
{
	struct diary *d =
		(struct diary *)((char *)e - offsetof(struct diary, deadline));

	buf_addc(&d->text, 'D');
	assert_int_equal(e->at, 0);
	loop_drop_deadline(e);
	loop_drop_deadline(e);
	loop_stop(d->loop);
}

static void test_deadline(void **state)
{
	struct diary d;
	uint64_t began = clock_mono();

	start(&d);
	d.deadline.due = on_due;
	d.deadline.at = began + 1;
	loop_add_deadline(d.loop, &d.deadline);
	loop_add_deadline(d.loop, &d.deadline);
	loop_run(d.loop);
	expect(&d, "D");
	assert_true(clock_mono() - began < 2 * NS_PER_S);
	finish(&d);
}

static void count(void *arg)
{
	struct diary *d = arg;

	if (++d->calls == 4000)
		loop_stop(d->loop);
}

static void *call_often(void *arg)
{
	struct diary *d = arg;

	for (int i = 0; i < 1000; i++)
		loop_wake(d->loop, count, d);
	return NULL;
}

static void test_wake_from_threads(void **state)
{
	struct diary d;
	pthread_t t[4];

	start(&d);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, call_often, &d);
	loop_run(d.loop);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(d.calls, 4000);
	finish(&d);
}

static void test_blocks(void **state)
{
	struct loop *l = loop_new();
	struct loop_block *a = loop_block_get(l), *b = loop_block_get(l);

	assert_ptr_not_equal(a, b);
	assert_int_equal(sizeof *a, LOOP_BLOCK);
	a->end = 7;
	loop_block_put(l, a);
	assert_ptr_equal(loop_block_get(l), a); /* the warm one */
	assert_int_equal(a->end, 0);
	for (int i = 0; i < 200; i++) {
		b->next = a;
		a = b;
		b = loop_block_get(l);
	}
	loop_block_put(l, b);
	while (a) {
		b = a->next;
		loop_block_put(l, a);
		a = b;
	}
	loop_free(l);
}

static void test_left_over(void **state)
{
	struct diary d;

	start(&d);
	loop_wake(d.loop, on_call, &d);
	loop_bury(d.loop, &d, on_burial);
	loop_free(d.loop);
	expect(&d, "b");
	buf_free(&d.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_a_turn),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_wake_from_threads),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_left_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
