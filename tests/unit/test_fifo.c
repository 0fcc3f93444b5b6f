/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/fifo.h"

/* Record k: k-dependent length and bytes. */
static size_t length_of(unsigned k)
{
	static const size_t lengths[] = {1, 250, 3, 511, 16384, 7, 40000, 488};

	return lengths[k % 8] + k / 8;
}

static char byte_of(unsigned k, size_t i)
{
	return (char)(k * 31 + i * 7);
}

static void put(struct fifo *f, unsigned k)
{
	static char bytes[65536];
	size_t n = length_of(k);

	for (size_t i = 0; i < n; i++)
		bytes[i] = byte_of(k, i);
	fifo_put(f, bytes, n, 1000 + k);
}

/* Takes record k out in steps of at most `step`. */
static void take(struct fifo *f, unsigned k, size_t step)
{
	size_t done = 0, n = length_of(k);

	while (done < n) {
		uint64_t at;
		struct str p;

		assert_int_equal(fifo_record(f), n - done);
		p = fifo_front(f, &at);
		assert_true(p.n > 0 && p.n <= n - done);
		assert_int_equal(at, 1000 + k);
		if (p.n > step)
			p.n = step;
		for (size_t i = 0; i < p.n; i++)
			assert_int_equal(p.p[i], byte_of(k, done + i));
		fifo_drop(f, p.n);
		done += p.n;
	}
}

static void test_in_order(void **state)
{
	for (size_t step = 1; step < 70000; step = step * 5 + 1) {
		struct fifo f = {0};
		unsigned in = 0, out = 0;
		size_t held = 0;

		while (out < 40) {
			while (in < 40 && in < out + 1 + out % 7) {
				held += length_of(in);
				put(&f, in++);
			}
			assert_int_equal(f.n, held);
			held -= length_of(out);
			take(&f, out++, step);
		}
		assert_null(f.head);
		assert_int_equal(fifo_record(&f), 0);
		fifo_clear(&f);
	}
}

static void test_empty(void **state)
{
	struct fifo f = {0};
	uint64_t at;

	fifo_put(&f, "", 0, 1);
	assert_null(f.head);
	assert_int_equal(fifo_front(&f, &at).n, 0);
	put(&f, 6);
	fifo_drop(&f, fifo_front(&f, &at).n);
	fifo_clear(&f);
	assert_int_equal(f.n, 0);
	put(&f, 1);
	take(&f, 1, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
