/* SPDX-License-Identifier: MIT */
/* Crashes, full disks, locks, and files that are no trails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/trail_impl.h"
#include "trail_rig.h"

/* Lets a child do `what` and die without a word. */
static void die_after(struct rig *r, void (*what)(struct rig *r))
{
	pid_t child;
	int status;

	rig_close(r);
	child = fork();
	if (child == 0) {
		rig_record(r);
		what(r);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- crashes ---- */

static void put_some(struct rig *r)
{
	for (int i = 0; i < 20; i++)
		rig_put(r, (uint64_t)i);
	rig_commit(r);
	for (int i = 20; i < 30; i++)
		rig_put(r, (uint64_t)i);
}

/* What was committed is there, what was not is not, nothing is broken. */
static void crash_between_put_and_commit(void **state)
{
	struct rig r;
	struct trail_row row;
	struct fail f;

	rig_new(&r);
	die_after(&r, put_some);
	rig_record(&r);
	assert_int_equal(trail_next_id(r.trail), 21);
	for (int i = 0; i < 20; i++)
		rig_expect(&r, i + 1, (uint64_t)i);
	assert_false(trail_get(r.trail, 21, &row, &f));
	rig_put(&r, 5);
	rig_commit(&r);
	rig_expect(&r, 22, 5);
	assert_int_equal(rig_verify(&r, NULL), 0);
	rig_free(&r);
}

static void put_half(struct rig *r)
{
	for (int i = 0; i < 3; i++) {
		struct sample x;

		sample_make(&x, (uint64_t)i + 60);
		rig_put_sample(r, &x, 2, false);
		sample_free(&x);
	}
	rig_commit(r);
}

/* Open ones are found, and ended with what is known of them. */
static void crash_while_open(void **state)
{
	struct rig r;
	struct trail_row row;
	struct buf b = {0};
	struct sample x;
	struct fail f;
	int64_t ids[8];

	rig_new(&r);
	die_after(&r, put_half);
	rig_record(&r);
	assert_int_equal(trail_unclosed(r.trail, ids, 8), 3);
	assert_int_equal(ids[1], 2);
	assert_true(trail_get(r.trail, 2, &row, &f));
	assert_false(row.closed || row.sealed);
	for (int i = 0; i < 3; i++)
		trail_close_interrupted(r.trail, ids[i]);
	rig_commit(&r);
	assert_int_equal(trail_unclosed(r.trail, ids, 8), 0);
	assert_true(trail_get(r.trail, 2, &row, &f));
	assert_true(row.closed && row.sealed);
	assert_int_equal(row.close.outcome, EV_INTERRUPTED);
	sample_make(&x, 61);
	assert_int_equal(row.close.bytes[0], x.body[0].n);
	assert_int_equal(row.chunks[0], x.n_arrivals[0]);
	assert_true(trail_body(r.trail, 2, EV_REQUEST, &b, &f));
	assert_memory_equal(b.p, x.body[0].p, x.body[0].n);
	assert_int_equal(rig_verify(&r, NULL), 0);
	buf_free(&b);
	sample_free(&x);
	rig_free(&r);
}

/* The rest of what an earlier process stored in part. */
static void goes_on_after_a_crash(void **state)
{
	struct rig r;
	struct sample x;
	struct buf b = {0};
	struct fail f;
	struct str more = STR("and more");
	struct trail_run run = {EV_REQUEST, &more, 1, NULL, 0, 0};
	struct trail_exchange e = {.id = 2, .runs = &run, .n_runs = 1};

	rig_new(&r);
	die_after(&r, put_half);
	rig_record(&r);
	sample_make(&x, 61);
	e.open = &x.open;
	e.close = &x.close;
	trail_put(r.trail, &e);
	rig_commit(&r);
	assert_true(trail_body(r.trail, 2, EV_REQUEST, &b, &f));
	assert_int_equal(b.n, x.body[0].n + more.n);
	assert_memory_equal(b.p + x.body[0].n, more.p, more.n);
	assert_int_equal(rig_verify(&r, NULL), 0);
	buf_free(&b);
	sample_free(&x);
	rig_free(&r);
}

/* ---- a full disk ---- */

static void limit_pages(struct rig *r, int more)
{
	char sql[64];
	sqlite3_stmt *q;
	int pages;

	sqlite3_prepare_v2(r->trail->db, "PRAGMA page_count", -1, &q, NULL);
	sqlite3_step(q);
	pages = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", pages + more);
	sqlite3_exec(r->trail->db, sql, NULL, NULL, NULL);
}

/* A commit that fails leaves the file as it was, and succeeds later. */
static void disk_full(void **state)
{
	struct rig r;
	struct trail_row row;
	struct fail f;
	int64_t id[30];

	rig_new(&r);
	id[0] = rig_put(&r, 0);
	rig_commit(&r);
	for (int i = 1; i < 30; i++) {
		id[i] = rig_put(&r, (uint64_t)i);
		limit_pages(&r, i % 4);
		if (trail_commit(r.trail, NULL, 0, &f))
			continue;
		assert_string_equal(f.code, "disk_full");
		assert_true(trail_pending(r.trail, NULL) > 0);
		assert_false(trail_get(r.trail, id[i], &row, &f));
		assert_true(sqlite3_get_autocommit(r.trail->db));
	}
	assert_true(trail_pending(r.trail, NULL) > 5);
	limit_pages(&r, 1 << 20);
	rig_commit(&r);
	assert_int_equal(trail_pending(r.trail, NULL), 0);
	rig_reread(&r);
	for (int i = 0; i < 30; i++)
		rig_expect(&r, id[i], (uint64_t)i);
	assert_int_equal(rig_verify(&r, NULL), 0);
	rig_free(&r);
}

/* Files may grow by `more` bytes from the trail's log on; 0: as they like. */
static void limit_files(struct rig *r, rlim_t more)
{
	struct rlimit l;
	struct stat st;
	char wal[110];

	snprintf(wal, sizeof wal, "%s-wal", r->path);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = l.rlim_max;
	if (more) {
		assert_int_equal(stat(wal, &st), 0);
		l.rlim_cur = (rlim_t)st.st_size + more;
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* The same with writes that fail halfway, at any place. */
static void writes_fail(void **state)
{
	struct rig r;
	struct fail f;
	int64_t id[60];
	int refused = 0;

	signal(SIGXFSZ, SIG_IGN);
	rig_new(&r);
	for (int i = 0; i < 60; i++) {
		id[i] = rig_put(&r, (uint64_t)i);
		limit_files(&r, 1 + rig_random(&r.random) % 60000);
		refused += !trail_commit(r.trail, NULL, 0, &f);
		limit_files(&r, 0);
		if (i % 10 == 9)
			rig_commit(&r);
	}
	assert_in_range(refused, 10, 55);
	rig_reread(&r);
	for (int i = 0; i < 60; i++)
		rig_expect(&r, id[i], (uint64_t)i);
	assert_int_equal(rig_verify(&r, NULL), 0);
	rig_free(&r);
}

/* ---- readers meanwhile ---- */

static void read_while_recorded(void **state)
{
	struct rig r, reader;
	struct fail f;
	int64_t id[64];

	rig_new(&r);
	reader = r;
	reader.trail = trail_read(r.path, &f);
	assert_non_null(reader.trail);
	for (int i = 0; i < 64; i++) {
		id[i] = rig_put(&r, (uint64_t)i);
		if (i % 3)
			continue;
		rig_commit(&r);
		/* frames grow under the reader: it must follow */
		for (int k = i; k >= 0 && k > i - 9; k--)
			rig_expect(&reader, id[k], (uint64_t)k);
		if (i % 9 == 0)
			assert_int_equal(rig_verify(&reader, NULL), 0);
	}
	trail_close(reader.trail);
	rig_free(&r);
}

/* A trail in a folder where nothing can be made, as from a CD. */
static void read_only_folder(void **state)
{
	struct rig r;

	if (geteuid() == 0)
		skip();
	rig_new(&r);
	rig_put(&r, 1);
	rig_close(&r);
	assert_int_equal(chmod(r.folder, 0500), 0);
	rig_reread(&r);
	rig_expect(&r, 1, 1);
	assert_int_equal(chmod(r.folder, 0700), 0);
	rig_free(&r);
}

/* ---- files that will not do ---- */

static void expect_no_record(const char *path, const char *code)
{
	struct fail f;

	assert_null(trail_record(path, &f));
	assert_string_equal(f.code, code);
	assert_non_null(strstr(f.text, path));
}

static void expect_no_read(const char *path, const char *code)
{
	struct fail f;

	assert_null(trail_read(path, &f));
	assert_string_equal(f.code, code);
	assert_non_null(strstr(f.text, path));
}

static void lock_is_held(void **state)
{
	struct rig r;
	struct fail f;
	char pid[24];

	rig_new(&r);
	expect_no_record(r.path, "trail_locked");
	assert_null(trail_record(r.path, &f));
	snprintf(pid, sizeof pid, "process %d:", (int)getpid());
	assert_non_null(strstr(f.text, pid));
	rig_close(&r);
	rig_record(&r);
	rig_free(&r);
}

static void write_file(const char *path, const char *text, size_t n)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
}

static void foreign_files(void **state)
{
	struct rig r;
	char other[128];
	sqlite3 *db;

	rig_new(&r);
	snprintf(other, sizeof other, "%s/other", r.folder);
	expect_no_read(other, "trail_missing");
	write_file(other, "", 0);
	expect_no_read(other, "trail_foreign");
	for (int i = 0; i < 40; i++) {
		FILE *out = fopen(other, "a");

		fputs("This is a text, not a database.\n", out);
		fclose(out);
	}
	expect_no_read(other, "trail_foreign");
	expect_no_record(other, "trail_foreign");
	unlink(other);
	assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
	sqlite3_exec(db, "CREATE TABLE exchange (id)", NULL, NULL, NULL);
	sqlite3_close(db);
	expect_no_read(other, "trail_foreign");
	expect_no_record(other, "trail_foreign");
	expect_no_read(r.folder, "trail_foreign");
	rig_free(&r);
}

static void newer_and_altered_schemas(void **state)
{
	struct rig r;

	rig_new(&r);
	rig_close(&r);
	rig_sql(&r, "PRAGMA user_version = 2");
	expect_no_read(r.path, "trail_newer");
	expect_no_record(r.path, "trail_newer");
	rig_sql(&r, "PRAGMA user_version = 1");
	rig_sql(&r, "CREATE TABLE finding (id INTEGER)"); /* derived: fine */
	rig_reread(&r);
	rig_close(&r);
	rig_sql(&r, "DROP TABLE gap; CREATE VIEW gap AS SELECT 1 AS exchange");
	expect_no_read(r.path, "trail_foreign");
	expect_no_record(r.path, "trail_foreign");
	rig_free(&r);
}

static void places_that_will_not_do(void **state)
{
	struct rig r;
	char path[128], link[128];

	rig_new(&r);
	snprintf(path, sizeof path, "%s/none/t.db", r.folder);
	expect_no_record(path, "trail_unwritable");
	expect_no_record(r.folder, "trail_unwritable");
	snprintf(link, sizeof link, "%s/link.db", r.folder);
	snprintf(path, sizeof path, "%s/aim.db", r.folder);
	assert_int_equal(symlink(path, link), 0);
	expect_no_record(link, "trail_unwritable");
	rig_free(&r);
}

/* A folder that is reached by a link is fine: only the file may not be one. */
static void linked_folder(void **state)
{
	struct rig r;
	char link[80], path[96];
	struct trail *t;
	struct fail f;

	rig_new(&r);
	snprintf(link, sizeof link, "%s.link", r.folder);
	assert_int_equal(symlink(r.folder, link), 0);
	snprintf(path, sizeof path, "%s/u.db", link);
	t = trail_record(path, &f);
	assert_non_null(t);
	trail_close(t);
	assert_int_equal(unlink(link), 0);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crash_between_put_and_commit),
		cmocka_unit_test(crash_while_open),
		cmocka_unit_test(goes_on_after_a_crash),
		cmocka_unit_test(disk_full),
		cmocka_unit_test(writes_fail),
		cmocka_unit_test(read_while_recorded),
		cmocka_unit_test(read_only_folder),
		cmocka_unit_test(lock_is_held),
		cmocka_unit_test(foreign_files),
		cmocka_unit_test(newer_and_altered_schemas),
		cmocka_unit_test(places_that_will_not_do),
		cmocka_unit_test(linked_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
