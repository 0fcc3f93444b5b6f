/* SPDX-License-Identifier: MIT */
/* Connections as bytes, in clear: queues, pauses, ends, connecting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "h1_rig.h"
#include "wire/wire_impl.h"
#include "wire_rig.h"

/* A wire on one side, a plain socket on the other. */
static int open_clear(struct end *e)
{
	int fd[2];

	rig_pair(fd);
	*e = (struct end){.loop = loop_new()};
	e->w = wire_accept(e->loop, fd[0], NULL, end_ready, e);
	assert_false(e->ready);
	end_turns(e->loop, 1);
	assert_true(e->ready);
	return fd[1];
}

static void finish(struct end *e)
{
	if (e->w)
		wire_close(e->w, 0, false);
	loop_free(e->loop);
	buf_free(&e->got);
}

static ssize_t hear(int fd, char *p, size_t n)
{
	return recv(fd, p, n, MSG_DONTWAIT);
}

/* ---- in clear ---- */

static void test_echo(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	char text[16];

	send(fd, "hello", 5, 0);
	end_turns(e.loop, 2);
	assert_int_equal(e.got.n, 5);
	assert_int_equal(wire_bytes_in(e.w), 5);
	wire_write(e.w, "wor", 3);
	memcpy(wire_reserve(e.w, 100), "ld", 2);
	wire_wrote(e.w, 2);
	assert_int_equal(wire_queued(e.w), 5);
	assert_int_equal(wire_sent(e.w), 0);
	end_turns(e.loop, 1); /* at the turn's end, unasked */
	assert_int_equal(hear(fd, text, sizeof text), 5);
	assert_memory_equal(text, "world", 5);
	assert_int_equal(e.drains, 1);
	assert_int_equal(wire_sent(e.w), 5);
	wire_write(e.w, "now", 3);
	wire_flush(e.w);
	assert_int_equal(hear(fd, text, sizeof text), 3);
	assert_int_equal(e.drains, 1); /* never from inside a call */
	end_turns(e.loop, 1);
	assert_int_equal(e.drains, 2);
	close(fd);
	end_turns(e.loop, 2);
	assert_int_equal(e.ends, 1);
	assert_int_equal(e.how, WIRE_END_CLEAN);
	finish(&e);
}

static void test_size(void **state)
{
	assert_true(sizeof(struct wire) <= 400);
}

/* 8 MB to a peer that does not read: queued, marked full, and drained. */
static void test_backpressure(void **state)
{
	static char block[65536];
	struct end e;
	int fd = open_clear(&e);
	size_t heard = 0;
	ssize_t n;

	memset(block, 'x', sizeof block);
	for (int i = 0; i < 128; i++)
		wire_write(e.w, block, sizeof block);
	assert_true(wire_full(e.w));
	end_turns(e.loop, 2);
	assert_true(wire_full(e.w) && e.rooms == 0 && e.drains == 0);
	while (heard < 128 * sizeof block) {
		n = hear(fd, block, sizeof block);
		heard += n > 0 ? (size_t)n : 0;
		end_turns(e.loop, 1);
	}
	end_turns(e.loop, 2);
	assert_int_equal(e.rooms, 1);
	assert_int_equal(e.drains, 1);
	assert_false(wire_full(e.w));
	assert_int_equal(wire_queued(e.w), 0);
	close(fd);
	finish(&e);
}

static void test_pause(void **state)
{
	struct end e;
	int fd = open_clear(&e);

	wire_pause(e.w, WIRE_PAUSE_OWNER);
	loop_hold_reads(e.loop, true);
	send(fd, "a", 1, 0);
	end_turns(e.loop, 3);
	assert_int_equal(e.got.n, 0);
	wire_resume(e.w, WIRE_PAUSE_OWNER);
	end_turns(e.loop, 3);
	assert_int_equal(e.got.n, 0); /* the loop still holds it */
	loop_hold_reads(e.loop, false);
	end_turns(e.loop, 2);
	assert_int_equal(e.got.n, 1);
	close(fd);
	finish(&e);
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void reset(int fd)
{
	struct linger hard = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

static void stop_on_tick(void *arg)
{
	struct end *e = arg;

	if (e->ends)
		loop_stop(e->loop);
}

/* A reset of a paused wire is noticed within seconds, and does not spin. */
static void test_reset_while_paused(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	double cpu;

	wire_pause(e.w, WIRE_PAUSE_OWNER);
	send(fd, "a", 1, 0);
	end_turns(e.loop, 2);
	reset(fd);
	loop_on_tick(e.loop, stop_on_tick, &e);
	cpu = cpu_seconds();
	loop_run(e.loop);
	assert_true(cpu_seconds() - cpu < 0.2);
	assert_int_equal(e.how, WIRE_END_RESET);
	assert_int_equal(e.ends, 1);
	finish(&e);
}

static void test_write_to_reset(void **state)
{
	struct end e;
	int fd = open_clear(&e);

	shutdown(fd, SHUT_WR);
	end_turns(e.loop, 2);
	assert_int_equal(e.how, WIRE_END_CLEAN);
	reset(fd);
	for (int i = 0; i < 4 && e.ends < 2; i++) {
		wire_write(e.w, "x", 1);
		end_turns(e.loop, 2);
	}
	assert_int_equal(e.ends, 2); /* and the answer cannot arrive */
	assert_int_equal(e.how, WIRE_END_RESET);
	wire_write(e.w, "x", 1); /* into the void */
	assert_int_equal(wire_queued(e.w), 0);
	finish(&e);
}

static void test_shutdown(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	char text[8];

	wire_write(e.w, "last", 4);
	wire_shutdown(e.w);
	end_turns(e.loop, 1);
	assert_int_equal(hear(fd, text, sizeof text), 4);
	assert_int_equal(hear(fd, text, sizeof text), 0);
	send(fd, "more", 4, 0);
	end_turns(e.loop, 2);
	assert_int_equal(e.got.n, 4);
	close(fd);
	finish(&e);
}

/* Unread input does not turn our FIN into a reset that eats our last bytes. */
static void test_linger(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	char text[8];

	wire_pause(e.w, WIRE_PAUSE_OWNER);
	send(fd, "unread", 6, 0);
	end_turns(e.loop, 2);
	wire_write(e.w, "last", 4);
	wire_close(e.w, 2 * NS_PER_S, false);
	e.w = NULL;
	end_turns(e.loop, 2);
	send(fd, "more", 4, 0);
	end_turns(e.loop, 2);
	assert_int_equal(hear(fd, text, sizeof text), 4);
	assert_int_equal(hear(fd, text, sizeof text), 0);
	assert_int_equal(hear(fd, text, sizeof text), 0);
	close(fd);
	end_turns(e.loop, 2);
	assert_int_equal(e.ends, 0);
	finish(&e);
}

static void test_abort(void **state)
{
	struct end e;
	int fd = open_clear(&e);
	char text[8];

	wire_write(e.w, "part", 4);
	wire_close(e.w, NS_PER_S, true);
	e.w = NULL;
	end_turns(e.loop, 2);
	assert_int_equal(hear(fd, text, sizeof text), 4);
	assert_int_equal(hear(fd, text, sizeof text), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	finish(&e);
}

/* ---- connecting ---- */

static void dial(struct end *e, const struct sockaddr_in *a,
		 uint64_t timeout_ns)
{
	struct wire_target to = {.addr = (const struct sockaddr *)a,
				 .addr_len = sizeof *a,
				 .shown = "vendor:1",
				 .timeout_ns = timeout_ns};

	*e = (struct end){.loop = loop_new()};
	e->w = wire_connect(e->loop, &to, end_ready, e);
	assert_false(e->ready || e->failed);
}

static void test_connect(void **state)
{
	struct sockaddr_in a;
	struct end e;
	int l = end_listen(&a, 4), fd;

	dial(&e, &a, NS_PER_S);
	end_wait(e.loop, &e.ready);
	fd = accept(l, NULL, NULL);
	send(fd, "hi", 2, 0);
	end_turns(e.loop, 2);
	assert_int_equal(e.got.n, 2);
	close(fd);
	finish(&e);
	close(l);
	dial(&e, &a, NS_PER_S);
	end_wait(e.loop, &e.failed);
	assert_string_equal(e.fail.code, "connect_refused");
	assert_string_equal(e.fail.text,
			    "cannot connect to vendor:1: Connection refused");
	finish(&e);
}

/* A full backlog drops what comes. */
static void test_connect_timeout(void **state)
{
	struct sockaddr_in a;
	struct end e;
	int l = end_listen(&a, 0), fd[4];

	for (int i = 0; i < 4; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fd[i], (struct sockaddr *)&a, sizeof a);
	}
	dial(&e, &a, NS_PER_S / 10);
	end_wait(e.loop, &e.failed);
	assert_string_equal(e.fail.code, "connect_timeout");
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	close(l);
	finish(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_reset_while_paused),
		cmocka_unit_test(test_write_to_reset),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_linger),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
