/* SPDX-License-Identifier: MIT */
/* The ring: wraps, limits, files, threads, and a writer that is killed. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "record/spool.h"

struct place {
	char dir[64];
	char trail[128];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	snprintf(p->dir, sizeof p->dir, "%s/assay-test-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->trail, sizeof p->trail, "%s/x.db", p->dir);
	*state = p;
	return 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static struct spool *try_ring(const struct place *p, uint64_t size,
			      unsigned worker, struct fail *f)
{
	struct spool_options o = {.dir = p->dir,
				  .size = size,
				  .trail = p->trail,
				  .worker = worker,
				  .workers = 1};

	return spool_open(&o, f);
}

static struct spool *ring(const struct place *p, uint64_t size)
{
	struct fail f;
	struct spool *s = try_ring(p, size, 0, &f);

	if (!s)
		fail_msg("%s", f.text);
	return s;
}

/* Record i has a length and bytes that follow from i. */
static size_t length_of(uint64_t i)
{
	return (size_t)(i * 2654435761u >> 7) % 700;
}

static bool write_one(struct spool *s, uint64_t i)
{
	size_t n = length_of(i);
	struct record r = {.type = RECORD_DATA, .key = i, .at = i * 10};
	char payload[700];

	memset(payload, (int)(i & 0xff), n);
	return spool_put(s, &r, (struct str){payload, n}, 0);
}

static void check_one(const struct record *r, uint64_t i)
{
	struct str bytes = record_payload(r);

	assert_int_equal(r->key, i);
	assert_int_equal(r->at, i * 10);
	assert_int_equal(bytes.n, length_of(i));
	for (size_t k = 0; k < bytes.n; k++)
		assert_int_equal((unsigned char)bytes.p[k], i & 0xff);
}

static void wraps(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	struct spool_reader rd;
	uint64_t in = 0, out = 0;
	struct record *r;

	spool_reader_init(&rd, s);
	while (out < 50000) { /* 17 times round */
		for (int k = 0; k < 997 && write_one(s, in); k++)
			in++;
		spool_reader_update(&rd, s);
		while (spool_next(&rd, &r) == SPOOL_RECORD)
			check_one(r, out++);
		assert_int_equal(in, out);
		spool_release(s, rd.position);
	}
	spool_free(s);
}

static void full_and_kept(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	size_t keep = 100000;
	uint64_t n = 0, room;
	struct record r = {.type = RECORD_DATA, .key = 1};
	char payload[200] = {0};

	while (spool_put(s, &r, (struct str){payload, 200}, keep))
		n++;
	room = spool_room(s);
	assert_true(room >= keep && room < keep + 2 * record_size(200));
	assert_true(spool_fits(s, 200, 0));
	while (write_one(s, n))
		n++;
	assert_false(spool_fits(s, 699, 0));
	spool_release(s, spool_released(s) + record_size(200) * 100);
	assert_true(spool_fits(s, 699, 0));
	spool_free(s); /* not all released: the file stays */
	s = ring(*state, SPOOL_LEAST);
	assert_true(spool_inherited(s));
	spool_free(s);
}

static void inherits(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	unsigned char uuid[16];
	struct spool_reader rd;
	struct record *r;

	memcpy(uuid, spool_uuid(s), 16);
	for (uint64_t i = 0; i < 100; i++)
		assert_true(write_one(s, i));
	spool_free(s);
	s = ring(*state, 2 * SPOOL_LEAST); /* another size is asked for */
	assert_true(spool_inherited(s) && spool_same_boot(s));
	assert_memory_equal(uuid, spool_uuid(s), 16);
	spool_reader_init(&rd, s);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(spool_next(&rd, &r), SPOOL_RECORD);
		check_one(r, i);
	}
	assert_int_equal(spool_next(&rd, &r), SPOOL_EMPTY);
	spool_release(s, rd.position);
	spool_restart(s);
	assert_false(spool_inherited(s));
	assert_memory_not_equal(uuid, spool_uuid(s), 16);
	assert_int_equal(spool_size(s), 2 * SPOOL_LEAST);
	assert_true(spool_capacity(s) > SPOOL_LEAST);
	for (uint64_t i = 0; i < 3000; i++)
		assert_true(write_one(s, i));
	spool_free(s);

	s = ring(*state, SPOOL_LEAST); /* and shrinks again */
	spool_reader_init(&rd, s);
	spool_release(s, rd.head);
	spool_restart(s);
	assert_int_equal(spool_size(s), SPOOL_LEAST);
	assert_int_equal(access(spool_path(s), F_OK), 0);
	spool_free(s);
}

static void removed_when_released(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	struct stat st;
	char *path = strdup(spool_path(s));

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, SPOOL_LEAST);
	assert_true((uint64_t)st.st_blocks * 512 >= SPOOL_LEAST);
	spool_free(s);
	assert_int_not_equal(access(path, F_OK), 0);
	free(path);
}

static void refusals(void **state)
{
	struct place *p = *state, nowhere = *p;
	struct spool *s = ring(p, SPOOL_LEAST);
	struct fail f;
	char *path = strdup(spool_path(s));

	assert_null(try_ring(p, SPOOL_LEAST, 0, &f));
	assert_string_equal(f.code, "spool_locked");
	spool_free(s);
	assert_null(try_ring(p, 4096, 0, &f));
	assert_string_equal(f.code, "spool_too_small");
	assert_null(try_ring(p, 1ull << 60, 0, &f));
	assert_true(!strcmp(f.code, "spool_no_room") ||
		    !strcmp(f.code, "spool_unwritable"));
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(nowhere.dir, sizeof nowhere.dir, "/nowhere/at/all");
	assert_null(try_ring(&nowhere, SPOOL_LEAST, 0, &f));
	assert_string_equal(f.code, "spool_unwritable");
	assert_int_equal(symlink("/dev/shm/victim", path), 0);
	assert_null(try_ring(p, SPOOL_LEAST, 0, &f));
	assert_int_not_equal(access("/dev/shm/victim", F_OK), 0);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0644));
	chmod(path, 0644);
	assert_null(try_ring(p, SPOOL_LEAST, 0, &f));
	assert_string_equal(f.code, "spool_foreign");
	unlink(path);
	free(path);
}

static void garbage_is_replaced(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	char *path = strdup(spool_path(s));
	FILE *out;

	spool_free(s);
	umask(077);
	out = fopen(path, "w");
	for (int i = 0; i < 300000; i++)
		fputs("garbage ", out);
	fclose(out);
	s = ring(*state, SPOOL_LEAST);
	assert_false(spool_inherited(s));
	assert_true(write_one(s, 1));
	assert_int_equal(spool_size(s), SPOOL_LEAST);
	spool_free(s);
	free(path);
}

static void damage_is_seen(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	struct spool_reader rd;
	struct record *r;

	for (uint64_t i = 0; i < 20; i++)
		assert_true(write_one(s, i));
	spool_reader_init(&rd, s);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(spool_next(&rd, &r), SPOOL_RECORD);
	spool_at(&rd, rd.position)->key ^= 1;
	assert_int_equal(spool_next(&rd, &r), SPOOL_DAMAGED);
	spool_at(&rd, rd.position)->key ^= 1;
	spool_at(&rd, rd.position)->group = 77; /* the clerk's own */
	assert_int_equal(spool_next(&rd, &r), SPOOL_RECORD);
	spool_at(&rd, rd.position)->length = 1u << 30;
	assert_int_equal(spool_next(&rd, &r), SPOOL_DAMAGED);
	assert_true(write_one(s, 20));
	spool_reader_skip(&rd, s);
	assert_int_equal(spool_next(&rd, &r), SPOOL_EMPTY);
	assert_true(write_one(s, 21));
	spool_reader_update(&rd, s);
	assert_int_equal(spool_next(&rd, &r), SPOOL_RECORD);
	check_one(r, 21);
	spool_release(s, rd.position);
	spool_free(s);
}

static void finds_others(void **state)
{
	struct spool *s[4], *left;
	unsigned number = 1;
	struct fail f;

	for (unsigned i = 0; i < 4; i++) {
		s[i] = try_ring(*state, SPOOL_LEAST, i, &f);
		assert_non_null(s[i]);
		assert_true(write_one(s[i], i));
	}
	spool_free(s[3]);
	spool_free(s[1]);
	left = spool_open_left(s[0], &number);
	assert_non_null(left);
	assert_true(spool_inherited(left));
	assert_int_equal(number, 2);
	spool_free(left);
	left = spool_open_left(s[0], &number); /* 2 is locked by us */
	assert_non_null(left);
	assert_int_equal(number, 4);
	spool_free(left);
	assert_null(spool_open_left(s[0], &number));
	spool_free(s[2]);
	spool_free(s[0]);
}

static void gives_room(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	int fd = eventfd(0, EFD_NONBLOCK);
	struct spool_reader rd;
	uint64_t i = 0, got;
	struct record *r;

	while (write_one(s, i))
		i++;
	assert_false(spool_give_room(s));
	spool_want_room(s, fd);
	assert_true(spool_give_room(s));
	spool_reader_init(&rd, s);
	while (rd.position - spool_released(s) < spool_capacity(s) * 6 / 10)
		assert_int_equal(spool_next(&rd, &r), SPOOL_RECORD);
	assert_int_equal(read(fd, &got, sizeof got), -1);
	spool_release(s, rd.position);
	assert_false(spool_give_room(s));
	assert_int_equal(read(fd, &got, sizeof got), sizeof got);
	assert_false(spool_give_room(s));
	assert_int_equal(read(fd, &got, sizeof got), -1);
	close(fd);
	spool_free(s);
}

static void rings_the_bell(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	sem_t bell;
	int rung;

	sem_init(&bell, 0, 0);
	spool_set_bell(s, &bell);
	for (uint64_t i = 0; write_one(s, i); i++)
		;
	sem_getvalue(&bell, &rung);
	assert_in_range(rung, 3, 4); /* once a quarter */
	spool_set_bell(s, NULL);
	sem_destroy(&bell);
	spool_free(s);
}

#define HANDED_OVER 300000

static void *write_many(void *arg)
{
	for (uint64_t i = 0; i < HANDED_OVER;) {
		if (write_one(arg, i))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void two_threads(void **state)
{
	struct spool *s = ring(*state, SPOOL_LEAST);
	struct spool_reader rd;
	struct record *r;
	pthread_t writer;
	uint64_t i = 0;

	spool_reader_init(&rd, s);
	assert_int_equal(pthread_create(&writer, NULL, write_many, s), 0);
	while (i < HANDED_OVER) {
		spool_reader_update(&rd, s);
		while (spool_next(&rd, &r) == SPOOL_RECORD) {
			check_one(r, i++);
			r->group = (uint32_t)i; /* as the clerk does */
		}
		spool_release(s, rd.position);
	}
	pthread_join(writer, NULL);
	spool_free(s);
}

/* Writes for ever, and tells through a pipe what is published. */
static void write_until_killed(const struct place *p, int tell)
{
	struct fail f;
	struct spool *s = try_ring(p, SPOOL_LEAST, 0, &f);
	struct spool_reader rd;
	struct record *r;

	if (!s)
		_exit(3);
	spool_reader_init(&rd, s);
	for (uint64_t i = 0;; i++) {
		while (!write_one(s, i)) {
			spool_reader_update(&rd, s);
			for (int k = 0; k < 500; k++)
				spool_next(&rd, &r);
			spool_release(s, rd.position);
		}
		if (i % 16 == 0 && write(tell, &i, sizeof i) != sizeof i)
			_exit(4);
	}
}

/* Everything that was told is there, whole, and in order. */
static void check_left(const struct place *p, uint64_t told)
{
	struct spool *s = ring(p, SPOOL_LEAST);
	struct spool_reader rd;
	struct record *r;
	uint64_t i = 0;

	assert_true(spool_inherited(s));
	spool_reader_init(&rd, s);
	while (spool_next(&rd, &r) == SPOOL_RECORD) {
		if (i)
			assert_int_equal(r->key, i + 1);
		i = r->key;
		check_one(r, i);
	}
	assert_int_equal(rd.position, rd.head);
	assert_true(i >= told);
	spool_release(s, rd.position);
	spool_free(s);
}

static void survives_kill(void **state)
{
	for (int round = 0; round < 60; round++) {
		int pipes[2], status;
		uint64_t told = 0, got;
		pid_t child;

		assert_int_equal(pipe(pipes), 0);
		child = fork();
		if (child == 0) {
			close(pipes[0]);
			write_until_killed(*state, pipes[1]);
		}
		close(pipes[1]);
		for (int k = 0; k < 20 + round * 37; k++)
			assert_int_equal(read(pipes[0], &told, sizeof told),
					 sizeof told);
		kill(child, SIGKILL);
		while (read(pipes[0], &got, sizeof got) == sizeof got)
			told = got;
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		close(pipes[0]);
		check_left(*state, told);
	}
}

/* In a mount namespace of its own, on a tmpfs of so many MB. */
static int on_small_tmpfs(const struct place *p, unsigned mb,
			  int (*then)(const struct place *p))
{
	char options[32];
	int status;
	pid_t child = fork();

	if (child == 0) {
		snprintf(options, sizeof options, "size=%uM,mode=700", mb);
		if (unshare(CLONE_NEWNS) != 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount("none", p->dir, "tmpfs", 0, options) != 0)
			_exit(77);
		_exit(then(p));
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int default_shrinks(const struct place *p)
{
	struct fail f;
	struct spool *a, *b;
	struct spool_options o = {
		.dir = p->dir, .trail = p->trail, .workers = 2};

	a = spool_open(&o, &f);
	o.worker = 1;
	b = spool_open(&o, &f);
	return !a || !b || spool_size(a) != 15u << 20 ||
	       spool_size(b) < SPOOL_SMALLEST;
}

static int explicit_does_not(const struct place *p)
{
	struct fail f;
	struct spool *s = try_ring(p, 40u << 20, 0, &f);
	struct stat st;

	if (s || strcmp(f.code, "spool_no_room") != 0)
		return 1;
	s = try_ring(p, 20u << 20, 0, &f);
	return !s || stat(spool_path(s), &st) != 0 || st.st_size != 20 << 20;
}

static int nothing_fits(const struct place *p)
{
	struct fail f;

	return try_ring(p, 0, 0, &f) || strcmp(f.code, "spool_no_room") != 0;
}

static void small_tmpfs(void **state)
{
	int got = on_small_tmpfs(*state, 31, default_shrinks);

	if (got == 77)
		skip(); /* only root may mount */
	assert_int_equal(got, 0);
	assert_int_equal(on_small_tmpfs(*state, 31, explicit_does_not), 0);
	assert_int_equal(on_small_tmpfs(*state, 7, nothing_fits), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, make_place, drop_place)
		T(wraps),	   T(full_and_kept),
		T(inherits),	   T(removed_when_released),
		T(refusals),	   T(garbage_is_replaced),
		T(damage_is_seen), T(finds_others),
		T(gives_room),	   T(rings_the_bell),
		T(two_threads),	   T(survives_kill),
		T(small_tmpfs),
	};

	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
