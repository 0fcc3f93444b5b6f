/* SPDX-License-Identifier: MIT */
/*
 * kill -9 at random moments, also while the ring wraps, while a group commits
 * and while an earlier crash is being recovered from: afterwards every byte
 * that the recorder had taken is in the trail, once.
 *
 *	test_crash [ROUNDS [SEED]]
 */
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "record/clerk.h"
#include "record/recorder.h"
#include "record/redact.h"
#include "record/spool.h"
#include "record/trail.h"

#define WORKERS 2
#define STREAMS 6    /* at once, a worker */
#define MOST	1500 /* exchanges a worker and round */
#define CHUNK	3000

/* What the recorder had taken, told by the process that will be killed. */
struct told {
	struct told_stream {
		_Atomic uint64_t sent[EV_SIDES];
		_Atomic bool opened, closed;
	} stream[WORKERS][MOST];
};

static unsigned rounds = 55, seed = 1;
static char dir[64], trail_path[96];
static struct told *told;
static int64_t last_id;

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/assay-crash-XXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("XDG_DATA_HOME", dir, 1);
	snprintf(trail_path, sizeof trail_path, "%s/x.db", dir);
	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(told != MAP_FAILED);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command);
}

/* Text of few letters, so that it is stored as bodies are. */
static unsigned char byte_of(unsigned round, unsigned worker, unsigned n,
			     int side, uint64_t at)
{
	uint64_t h = round * 131 + worker * 17 + n * 7 + (unsigned)side;

	return (unsigned char)("etaoin shrdlu"[(h + at + at / 97) % 13]);
}

/* ---- the process that is killed ---- */

struct recording {
	struct trail *trail;
	struct clerk *clerk;
	struct spool *spools[WORKERS];
	struct redact_rules *rules;
	unsigned n;
};

static bool begin_recording(struct recording *g, unsigned n)
{
	struct clerk_options o = {.spools = g->spools, .n_spools = n};
	struct fail f;

	*g = (struct recording){.n = n};
	g->rules = redact_rules_new(NULL, 0, &f);
	g->trail = g->rules ? trail_record(trail_path, &f) : NULL;
	for (unsigned i = 0; g->trail && i < n; i++) {
		struct spool_options s = {.dir = dir,
					  .size = SPOOL_LEAST,
					  .trail = trail_path,
					  .worker = i,
					  .workers = n};
		g->spools[i] = spool_open(&s, &f);
		if (!g->spools[i])
			return !fail_print(&f);
	}
	o.trail = g->trail;
	o.strict = true;
	g->clerk = g->trail ? clerk_start(&o, &f) : NULL;
	return g->clerk || !fail_print(&f);
}

static void end_recording(struct recording *g)
{
	clerk_stop(g->clerk);
	for (unsigned i = 0; i < g->n; i++)
		spool_free(g->spools[i]);
	trail_close(g->trail);
	redact_rules_free(g->rules);
}

struct worker {
	struct recording *recording;
	unsigned round, number, seed, most;
	pthread_t thread;
};

struct live {
	struct rec *x;
	unsigned n;
	uint64_t sent[EV_SIDES];
};

static void open_one(struct worker *w, struct recorder *r, struct live *l,
		     unsigned n, uint64_t conn)
{
	struct ev_open o = {.route = STR("default"),
			    .run = STR("crash"),
			    .conn_down = conn,
			    .started_wall = clock_wall(),
			    .started_mono = clock_mono()};
	char head[128];

	*l = (struct live){.n = n};
	l->x = rec_open(r, &o);
	snprintf(head, sizeof head, "POST /%u/%u/%u HTTP/1.1\r\n\r\n", w->round,
		 w->number, n);
	rec_head(l->x, EV_REQUEST, EV_HEAD_MAIN, str_of(head), clock_mono());
	rec_head(l->x, EV_RESPONSE, EV_HEAD_MAIN,
		 STR("HTTP/1.1 200 OK\r\n\r\n"), clock_mono());
	told->stream[w->number][n].opened = true;
}

static void send_some(struct worker *w, struct live *l)
{
	int side = rand_r(&w->seed) % 8 == 0 ? EV_REQUEST : EV_RESPONSE;
	size_t n = (size_t)rand_r(&w->seed) % CHUNK;
	char bytes[CHUNK];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)byte_of(w->round, w->number, l->n, side,
					 l->sent[side] + i);
	rec_data(l->x, side, bytes, n, clock_mono());
	l->sent[side] += n;
	told->stream[w->number][l->n].sent[side] = l->sent[side];
}

static void close_one(struct worker *w, struct live *l, uint64_t conn)
{
	struct ev_close end = {.status = 200, .conn_up = conn};

	for (int side = 0; side < EV_SIDES; side++) {
		end.bytes[2 * side] = l->sent[side];
		end.bytes[2 * side + 1] = l->sent[side];
	}
	rec_close(l->x, &end);
	l->x = NULL;
	told->stream[w->number][l->n].closed = true;
}

/* Has it done all it was to do? */
static bool done(const struct worker *w, const struct live *live, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < STREAMS; i++)
		any |= live[i].x != NULL;
	return n >= w->most && !any;
}

/* Stream 0 of a worker lives long, the others come and go. */
static void *work(void *arg)
{
	struct worker *w = arg;
	struct recorder *r = recorder_new(w->recording->spools[w->number],
					  w->recording->rules, w->number);
	struct ev_conn c = {.peer = STR("127.0.0.1:1"), .http = STR("1.1")};
	uint64_t conn = recorder_conn(r, &c);
	struct live live[STREAMS] = {0};
	unsigned n = 0;
	while (!done(w, live, n)) {
		unsigned i = (unsigned)rand_r(&w->seed) % STREAMS;
		while (recorder_low(r))
			usleep(100);
		if (!live[i].x && n < w->most && n < MOST)
			open_one(w, r, &live[i], n++, conn);
		else if (live[i].x && (i || n >= w->most) &&
			 rand_r(&w->seed) % 12 == 0)
			close_one(w, &live[i], conn);
		else if (live[i].x)
			send_some(w, &live[i]);
		if (rand_r(&w->seed) % 64 == 0)
			usleep((useconds_t)rand_r(&w->seed) % 1000);
	}
	recorder_free(r);
	return NULL;
}

static void record_until_killed(unsigned round, unsigned n)
{
	struct worker workers[WORKERS];
	struct recording g;

	if (!begin_recording(&g, n))
		_exit(3);
	for (unsigned i = 0; i < n; i++) {
		workers[i] = (struct worker){.recording = &g,
					     .round = round,
					     .number = i,
					     .most = UINT_MAX,
					     .seed = seed + round * 7 + i};
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	pthread_join(workers[0].thread, NULL);
	_exit(4);
}

/* ---- what is there afterwards ---- */

struct found {
	unsigned round;
	unsigned char times[WORKERS][MOST];
	struct trail_row rows[WORKERS][MOST];
	int64_t last;
};

static bool collect(void *arg, const struct trail_row *row)
{
	struct found *found = arg;
	char path[128];
	unsigned round, worker, n;

	found->last = row->id;
	snprintf(path, sizeof path, "%.*s", STR_ARG(row->path));
	if (sscanf(path, "/%u/%u/%u", &round, &worker, &n) != 3) {
		/* Killed between the open and the head. */
		assert_int_equal(row->path.n, 0);
		assert_int_equal(row->close.outcome, EV_INTERRUPTED);
		return true;
	}
	assert_int_equal(round, found->round);
	assert_true(worker < WORKERS && n < MOST);
	assert_true(row->closed && row->sealed);
	assert_int_equal(row->gaps, 0);
	assert_true(row->conn_down > 0);
	found->times[worker][n]++;
	found->rows[worker][n] = *row;
	return true;
}

static void check_body(struct trail *t, const struct trail_row *row,
		       unsigned round, unsigned worker, unsigned n, int side)
{
	const struct told_stream *s = &told->stream[worker][n];
	uint64_t least = s->sent[side];
	struct buf body = {0};
	struct fail f;

	if (!trail_body(t, row->id, side, &body, &f))
		fail_msg("%u/%u/%u: %s", round, worker, n, f.text);
	if (body.n < least || body.n > least + (s->closed ? 0 : CHUNK))
		fail_msg("%u/%u/%u side %d: %zu bytes of %llu", round, worker,
			 n, side, body.n, (unsigned long long)least);
	for (size_t i = 0; i < body.n; i++) {
		if ((unsigned char)body.p[i] !=
		    byte_of(round, worker, n, side, i))
			fail_msg("%u/%u/%u side %d differs at %zu", round,
				 worker, n, side, i);
	}
	buf_free(&body);
}

static void check_stream(struct trail *t, const struct found *found,
			 unsigned worker, unsigned n)
{
	const struct told_stream *s = &told->stream[worker][n];
	const struct trail_row *row = &found->rows[worker][n];

	if (found->times[worker][n] != 1 &&
	    (s->opened || found->times[worker][n]))
		fail_msg("%u/%u/%u is there %u times", found->round, worker, n,
			 found->times[worker][n]);
	if (!found->times[worker][n])
		return;
	if (s->closed && row->close.outcome != EV_COMPLETE)
		fail_msg("%u/%u/%u is %s", found->round, worker, n,
			 ev_outcome_name(row->close.outcome));
	for (int side = 0; side < EV_SIDES; side++)
		check_body(t, row, found->round, worker, n, side);
}

static void say(void *arg, int64_t exchange, const char *text)
{
	(void)arg;
	print_error("exchange %lld: %s\n", (long long)exchange, text);
}

static void check(unsigned round)
{
	static struct found found;
	struct trail_filter newer = {.after_id = last_id};
	struct trail_check result;
	struct fail f;
	struct trail *t = trail_read(trail_path, &f);

	if (!t)
		fail_msg("%s", f.text);
	memset(&found, 0, sizeof found);
	found.round = round;
	assert_true(trail_list(t, &newer, collect, &found, &f));
	for (unsigned w = 0; w < WORKERS; w++) {
		for (unsigned n = 0; n < MOST; n++)
			check_stream(t, &found, w, n);
	}
	if (found.last)
		last_id = found.last;
	if (round % 10 == 0 || round >= rounds)
		assert_int_equal(trail_verify(t, &result, say, NULL, NULL, &f),
				 0);
	trail_close(t);
}

/* ---- rounds ---- */

static void kill_after(pid_t child, unsigned us)
{
	int status;

	usleep(us);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	if (!WIFSIGNALED(status))
		fail_msg("the child ended by itself: %x", (unsigned)status);
}

/* Starts as after a crash; sometimes that is cut short too. */
static void recover(unsigned n, unsigned *luck)
{
	struct recording g;
	int status;
	pid_t child;

	for (unsigned k = (unsigned)rand_r(luck) % 3; k > 0; k--) {
		child = fork();
		if (child == 0) {
			if (!begin_recording(&g, n))
				_exit(3);
			for (;;)
				pause();
		}
		kill_after(child, (unsigned)rand_r(luck) % 15000);
	}
	child = fork();
	if (child == 0) {
		if (!begin_recording(&g, n))
			_exit(3);
		end_recording(&g);
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void nothing_lost_nothing_twice(void **state)
{
	unsigned luck = seed;

	(void)state;
	for (unsigned round = 1; round <= rounds; round++) {
		unsigned n = 1 + (unsigned)rand_r(&luck) % WORKERS;
		pid_t child;

		memset(told, 0, sizeof *told);
		child = fork();
		if (child == 0)
			record_until_killed(round, n);
		kill_after(child, 3000 + (unsigned)rand_r(&luck) % 150000);
		recover(1 + (unsigned)rand_r(&luck) % WORKERS, &luck);
		check(round);
	}
}

static void limit_files(rlim_t most)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = most;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The trail cannot grow for a while; the relay waits; nothing is missing. */
static void a_full_disk(void **state)
{
	struct worker w = {.round = rounds + 1, .seed = seed, .most = MOST};
	struct clerk_figures figures;
	struct recording g;
	int full = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	memset(told, 0, sizeof *told);
	assert_true(begin_recording(&g, 1));
	w.recording = &g;
	limit_files(20000);
	pthread_create(&w.thread, NULL, work, &w);
	for (int i = 0; i < 8; i++) {
		do {
			usleep(10000);
			clerk_figures(g.clerk, &figures);
		} while (!figures.disk_full && full == i &&
			 figures.exchanges[EV_COMPLETE] < MOST);
		full += figures.disk_full;
		usleep(20000);
		limit_files(RLIM_INFINITY);
		while (figures.disk_full) {
			usleep(10000);
			clerk_figures(g.clerk, &figures);
		}
		limit_files((rlim_t)figures.disk_bytes / 2);
	}
	limit_files(RLIM_INFINITY);
	pthread_join(w.thread, NULL);
	end_recording(&g);
	print_message("%d times full\n", full);
	assert_true(full > 0);
	check(rounds + 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost_nothing_twice),
		cmocka_unit_test(a_full_disk),
	};

	if (argc > 1)
		rounds = (unsigned)atoi(argv[1]);
	if (argc > 2)
		seed = (unsigned)atoi(argv[2]);
	log_set_level(-1);
	return cmocka_run_group_tests_name("crash", tests, set_up, tear_down);
}
