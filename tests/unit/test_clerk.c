/* SPDX-License-Identifier: MIT */
/* The clerk against a trail in memory whose commits fail when told to. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "clerk_house.h"

#define CHUNK 250

/* ---- tests ---- */

static void merged_in_order(void **state)
{
	struct house *h = *state;
	uint64_t t = clock_mono() - NS_PER_S;
	struct rec *x[6];

	/* Worker 1 is published first, but began later. */
	for (int i = 1; i < 6; i += 2)
		x[i] = house_open_at(h, 1, t + (uint64_t)i);
	for (int i = 0; i < 6; i += 2)
		x[i] = house_open_at(h, 0, t + (uint64_t)i);
	house_start_clerk(h, false, true);
	clerk_sync(h->clerk);
	for (int i = 0; i < 6; i++)
		house_close_it(x[i]);
	clerk_sync(h->clerk);
	assert_int_equal(h->trail->n, 6);
	for (size_t i = 0; i < 6; i++) {
		for (size_t k = 0; k < 6; k++) {
			if (h->trail->rows[k].id == (int64_t)i + 1)
				assert_int_equal(h->trail->rows[k].started,
						 t + i);
		}
	}
	assert_memory_equal(
		h->taps.p, "open 1 vendor\nopen 2 vendor\nopen 3 vendor\n", 42);
}

static void rows_and_taps(void **state)
{
	struct house *h = *state;
	struct ev_conn c = {.peer = STR("p")};
	struct ev_close end = {.status = 201, .outcome = EV_COMPLETE};
	struct ev_open o = {.route = STR("v"), .started_mono = 5};
	struct clerk_figures figures;
	const struct fake_row *r;
	struct rec *x;

	house_start_clerk(h, false, true);
	o.conn_down = recorder_conn(h->recorders[0], &c);
	end.conn_up = recorder_conn(h->recorders[0], &c);
	recorder_conn_note(h->recorders[0], end.conn_up, STR("k"), STR("t"),
			   clock_mono());
	x = rec_open(h->recorders[0], &o);
	rec_head(x, EV_REQUEST, EV_HEAD_MAIN,
		 STR("GET / HTTP/1.1\r\nx-api-key: 0123456789\r\n\r\n"), 6);
	rec_data(x, EV_REQUEST, "ab", 2, 7);
	rec_head(x, EV_RESPONSE, EV_HEAD_MAIN, STR("HTTP/1.1 201 OK\r\n\r\n"),
		 8);
	rec_data(x, EV_RESPONSE, "cd", 2, 9);
	rec_data(x, EV_RESPONSE, "0123456789", 10, 10);
	recorder_conn_closed(h->recorders[0], end.conn_up, clock_mono());
	rec_close(x, &end);
	clerk_sync(h->clerk);

	assert_int_equal(h->trail->committed, 1);
	r = &h->trail->rows[0];
	assert_true(r->closed);
	assert_int_equal(r->close.status, 201);
	assert_int_equal(r->conn_down, 100);
	assert_int_equal(r->conn_up, 101);
	assert_string_equal(r->route, "v");
	assert_int_equal(r->masked, 1);
	assert_int_equal(r->wire[EV_RESPONSE], 12);
	assert_int_equal(r->arrivals[EV_RESPONSE], 2);
	assert_int_equal(r->arrivals[EV_REQUEST], 1);
	assert_memory_equal(r->body[EV_RESPONSE].p, "cdassay-key:", 12);
	assert_int_equal(h->trail->notes, 1);
	assert_int_equal(h->trail->conns_closed, 1);
	buf_addc(&h->taps, 0);
	assert_non_null(strstr(h->taps.p, "open 1 v\nhead 1 0 0 "));
	assert_non_null(strstr(h->taps.p, "data 1 0 ab @7\nhead 1 1 0 "));
	assert_non_null(strstr(h->taps.p, "data 1 1 cd @9\ndata 1 1 assay-"));
	assert_non_null(strstr(h->taps.p, "close 1 0\n"));
	clerk_figures(h->clerk, &figures);
	assert_int_equal(figures.exchanges[EV_COMPLETE], 1);
	assert_int_equal(figures.gaps, 0);
	assert_true(figures.lag_max_ns > 0);
}

/* Without anybody asking, a finished exchange is there soon. */
static void soon_visible(void **state)
{
	struct house *h = *state;
	struct clerk_figures figures;
	uint64_t before;

	house_start_clerk(h, false, false);
	usleep(300000); /* it sleeps as long as it ever does */
	before = clock_mono();
	house_close_it(house_open_at(h, 0, before));
	do {
		usleep(1000);
		clerk_figures(h->clerk, &figures);
	} while (!figures.commits && clock_mono() - before < 5 * NS_PER_S);
	assert_true(clock_mono() - before < NS_PER_S / 2);
}

/* A body of many times the ring, and slow ones that must not stop it. */
static void long_bodies(void **state)
{
	struct house *h = *state;
	struct rec *big, *slow[20];
	uint64_t sent = 0, little[20] = {0}, keys[21];

	house_start_clerk(h, true, false);
	for (int i = 0; i < 20; i++) {
		slow[i] = house_open_at(h, 0, clock_mono());
		keys[i] = rec_key(slow[i]);
		house_send(slow[i], &little[i], 100);
	}
	big = house_open_at(h, 0, clock_mono());
	keys[20] = rec_key(big);
	while (sent < 20u << 20) {
		while (recorder_low(h->recorders[0]))
			usleep(100);
		house_send(big, &sent, 20000);
		if (sent % 1000000 == 0)
			house_send(slow[sent / 1000000 % 20],
				   &little[sent / 1000000 % 20], 50);
	}
	house_close_it(big);
	for (int i = 0; i < 20; i++)
		house_close_it(slow[i]);
	clerk_sync(h->clerk);
	assert_int_equal(h->trail->n, 21);
	for (size_t i = 0; i < 21; i++) {
		const struct fake_row *r = &h->trail->rows[i];
		bool found = false;
		assert_true(r->closed && !r->gaps);
		for (size_t k = 0; k < 20; k++)
			found |= house_body_is(r, keys[k], little[k]);
		if (house_body_is(r, keys[20], sent)) {
			assert_true(r->puts > 15);
			found = true;
		}
		assert_true(found);
	}
}

/* What has waited in the ring for a minute is stored, although it is open. */
static void old_parts(void **state)
{
	struct house *h = *state;
	uint64_t sent = 0;
	struct rec *x = house_open_at(h, 0, clock_mono() - 61 * NS_PER_S);
	uint64_t key = rec_key(x);

	house_start_clerk(h, false, false);
	house_send(x, &sent, 100);
	usleep(400000);
	house_send(x, &sent, 100);
	house_close_it(x);
	clerk_sync(h->clerk);
	assert_int_equal(h->trail->n, 1);
	assert_int_equal(h->trail->rows[0].puts, 2);
	assert_true(house_body_is(&h->trail->rows[0], key, 200));
}

static void stop_interrupts(void **state)
{
	struct house *h = *state;
	struct rec *x;
	uint64_t sent = 0;
	const struct fake_row *r;
	struct ev_close end = {0};

	house_start_clerk(h, false, false);
	x = house_open_at(h, 1, clock_mono() - 1000);
	rec_head(x, EV_RESPONSE, EV_HEAD_MAIN,
		 STR(":status: 404\r\na: b\r\n\r\n"), clock_mono());
	house_send(x, &sent, 1234);
	clerk_stop(h->clerk);
	h->clerk = NULL;
	r = &h->trail->rows[0];
	assert_int_equal(h->trail->n, 1);
	assert_true(r->closed);
	assert_int_equal(r->close.outcome, EV_INTERRUPTED);
	assert_int_equal(r->close.status, 404);
	assert_int_equal(r->close.bytes[EV_DIGEST_RESPONSE_IN], 1234);
	assert_true(r->close.mark[EV_MARK_FIRST_BYTE] > 0);
	assert_true(house_body_is(r, rec_key(x), 1234));
	rec_close(x, &end);
}

/* Strict: the worker waits for room and loses nothing. */
static void full_disk_strict(void **state)
{
	struct house *h = *state;
	struct recorder *r = h->recorders[0];
	struct clerk_figures figures;
	struct pollfd p = {.fd = eventfd(0, EFD_NONBLOCK), .events = POLLIN};
	uint64_t sent = 0, lost, count;
	struct rec *x;

	house_start_clerk(h, true, false);
	h->trail->failing = -1;
	x = house_open_at(h, 0, clock_mono());
	while (!recorder_low(r))
		house_send(x, &sent, 1000);
	recorder_when_room(r, p.fd);
	assert_int_equal(poll(&p, 1, 400), 0);
	clerk_figures(h->clerk, &figures);
	assert_true(figures.disk_full);
	h->trail->failing = 0;
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(p.fd, &count, sizeof count), sizeof count);
	assert_false(recorder_low(r));
	house_send(x, &sent, 1000);
	house_close_it(x);
	clerk_sync(h->clerk);
	clerk_figures(h->clerk, &figures);
	assert_false(figures.disk_full);
	assert_int_equal(recorder_gaps(r, &lost), 0);
	assert_int_equal(h->trail->rows[0].body[EV_RESPONSE].n, sent);
	close(p.fd);
}

/* Besteffort: gaps, counted; and it recovers by itself. */
static void full_disk_besteffort(void **state)
{
	struct house *h = *state;
	struct clerk_figures figures;
	uint64_t sent = 0, lost, after = 0;
	const struct fake_row *r;
	struct rec *x;

	house_start_clerk(h, false, false);
	h->trail->failing = -1;
	x = house_open_at(h, 0, clock_mono());
	while (sent < 5u << 20)
		house_send(x, &sent, 1000);
	assert_true(recorder_gaps(h->recorders[0], &lost) > 0);
	h->trail->failing = 0;
	do {
		usleep(1000);
		clerk_figures(h->clerk, &figures);
	} while (figures.disk_full || !figures.commits);
	usleep(50000);
	while (after < 10000)
		house_send(x, &after, 1000);
	house_close_it(x);
	clerk_sync(h->clerk);
	r = &h->trail->rows[0];
	assert_true(r->closed && r->gaps > 0);
	assert_int_equal(r->gap_bytes + r->body[EV_RESPONSE].n, sent + after);
	assert_int_equal(r->wire[EV_RESPONSE], r->body[EV_RESPONSE].n);
	recorder_gaps(h->recorders[0], &lost);
	assert_int_equal(r->gap_bytes, lost);
	clerk_figures(h->clerk, &figures);
	assert_int_equal(figures.gap_bytes, lost);
}

/* The disk stays full until the end: the ring keeps it for the next start. */
static void full_disk_at_the_end(void **state)
{
	struct house *h = *state;
	uint64_t sent = 0;
	uint64_t key;
	struct rec *x;

	house_start_clerk(h, false, false);
	house_close_it(house_open_at(h, 0, clock_mono()));
	clerk_sync(h->clerk);
	assert_int_equal(h->trail->committed, 1);
	h->trail->failing = -1;
	x = house_open_at(h, 0, clock_mono());
	key = rec_key(x);
	house_send(x, &sent, 5000);
	house_close_it(x);
	clerk_stop(h->clerk);
	house_close_spools(h);
	fake_trail_forget(h->trail);
	assert_int_equal(h->trail->n, 1);
	house_open_spools(h);
	h->trail->failing = -1; /* still: it must not start */
	assert_false(house_try_clerk(h, false, false));
	house_close_spools(h);
	fake_trail_forget(h->trail);
	house_open_spools(h);
	house_start_clerk(h, false, false);
	assert_int_equal(h->trail->committed, 2);
	assert_true(house_body_is(&h->trail->rows[1], key, 5000));
}

/* ---- two workers, flat out ---- */

struct worker {
	struct house *house;
	unsigned number, exchanges;
	pthread_t thread;
};

static void *flat_out(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->exchanges; i++) {
		struct rec *x;
		uint64_t sent = 0;
		while (recorder_low(w->house->recorders[w->number]))
			usleep(100);
		x = house_open_at(w->house, w->number, clock_mono());
		for (unsigned k = 0; k < 1 + i % 60; k++)
			house_send(x, &sent, CHUNK);
		house_close_it(x);
	}
	return NULL;
}

static void run_workers(struct house *h, unsigned exchanges)
{
	struct worker workers[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){
			.house = h, .number = i, .exchanges = exchanges};
		assert_int_equal(pthread_create(&workers[i].thread, NULL,
						flat_out, &workers[i]),
				 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	clerk_sync(h->clerk);
}

static void check_workers(const struct house *h, unsigned exchanges)
{
	uint64_t bytes = 0, expected = 0;

	for (unsigned i = 0; i < exchanges; i++)
		expected += WORKERS * (1 + i % 60) * CHUNK;
	assert_int_equal(h->trail->n, WORKERS * exchanges);
	for (size_t i = 0; i < h->trail->n; i++) {
		const struct fake_row *r = &h->trail->rows[i];
		assert_true(r->closed && !r->gaps);
		assert_int_equal(r->arrivals[EV_RESPONSE] * CHUNK,
				 r->body[EV_RESPONSE].n);
		bytes += r->body[EV_RESPONSE].n;
	}
	assert_int_equal(bytes, expected);
}

static void two_workers(void **state)
{
	house_start_clerk(*state, true, false);
	run_workers(*state, 1500);
	check_workers(*state, 1500);
}

/* The n-th commit fails, for many n. */
static void some_commits_fail(void **state)
{
	struct house *h = *state;

	house_start_clerk(h, true, false);
	for (unsigned round = 1; round <= 8; round++) {
		h->trail->failing = 1 + (int)round % 2;
		run_workers(h, 120);
		clerk_sync(h->clerk);
	}
	assert_true(h->trail->failed > 4);
	for (int i = 0; i < 100 && h->trail->pending; i++) {
		usleep(10000);
		clerk_sync(h->clerk);
	}
	assert_int_equal(h->trail->n, 8 * WORKERS * 120);
	for (size_t i = 0; i < h->trail->n; i++)
		assert_true(h->trail->rows[i].closed);
}

/* A ring whose memory was overwritten: said, and gone on behind it. */
static void damaged_ring(void **state)
{
	struct house *h = *state;
	struct spool_reader rd;
	struct clerk_figures figures;
	uint64_t sent = 0;
	struct rec *x = house_open_at(h, 0, clock_mono()), *y;

	house_start_clerk(h, false, false);
	house_send(x, &sent, 100);
	clerk_sync(h->clerk);
	h->trail->failing = -1; /* keeps the clerk from reading */
	house_close_it(house_open_at(h, 1, clock_mono()));
	do {
		usleep(1000);
		clerk_figures(h->clerk, &figures);
	} while (!figures.disk_full);
	spool_reader_init(&rd, h->spools[0]);
	rd.position = rd.head;
	house_send(x, &sent, 100);
	spool_at(&rd, rd.position)->at ^= 1;
	h->trail->failing = 0;
	clerk_sync(h->clerk);
	clerk_sync(h->clerk);
	house_send(x, &sent, 100);
	house_close_it(x);
	y = house_open_at(h, 0, clock_mono());
	house_close_it(y);
	clerk_sync(h->clerk);
	for (int i = 0; i < 100 && h->trail->pending; i++) {
		usleep(10000);
		clerk_sync(h->clerk);
	}
	assert_int_equal(h->trail->n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(h->trail->rows[i].closed);
		assert_int_equal(h->trail->rows[i].close.outcome, EV_COMPLETE);
	}
	assert_true(h->trail->rows[0].gaps > 0);
	assert_int_equal(h->trail->rows[0].body[EV_RESPONSE].n, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_build, house_clear)
		T(merged_in_order),	 T(rows_and_taps),
		T(soon_visible),	 T(long_bodies),
		T(stop_interrupts),	 T(old_parts),
		T(full_disk_strict),	 T(full_disk_besteffort),
		T(full_disk_at_the_end), T(two_workers),
		T(some_commits_fail),	 T(damaged_ring),
	};

	log_set_level(-1);
	return cmocka_run_group_tests_name("clerk", tests, NULL, NULL);
}
