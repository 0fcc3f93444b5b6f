/* SPDX-License-Identifier: MIT */
/* Whatever is altered, added or removed, verify finds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "trail_rig.h"

/* A small trail with something in every table. */
static void fill(struct rig *r)
{
	struct sample x;

	rig_new(r);
	for (int i = 0; i < 40; i++) {
		sample_make(&x, (uint64_t)i % 11);
		rig_put_sample(r, &x, i % 9 == 4 ? 3 : 1, true);
		sample_free(&x);
		if (i % 16 == 9)
			rig_commit(r);
	}
	trail_put_conn_closed(r->trail, r->conn[0], 12345);
	rig_reread(r);
	assert_int_equal(rig_verify(r, NULL), 0);
}

/* Runs SQL in a transaction, expects verify to find it, rolls it back. */
struct tamper {
	struct rig *r;
	sqlite3 *db;
	char copy[128];
	int found, tried;
};

static void tamper_begin(struct tamper *t, struct rig *r)
{
	*t = (struct tamper){.r = r};
	rig_close(r);
	snprintf(t->copy, sizeof t->copy, "%s/copy.db", r->folder);
	assert_int_equal(sqlite3_open(r->path, &t->db), SQLITE_OK);
	sqlite3_exec(t->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
}

static void tamper_end(struct tamper *t)
{
	sqlite3_close(t->db);
}

/* Copies the trail, alters the copy, and verifies that. */
static int64_t defects_after(struct tamper *t, const char *sql)
{
	struct rig copy = *t->r;
	struct fail f;
	char command[260];
	int64_t n;

	snprintf(command, sizeof command, "cp %s %s", t->r->path, t->copy);
	assert_int_equal(system(command), 0);
	strcpy(copy.path, t->copy);
	rig_sql(&copy, sql);
	copy.trail = trail_read(copy.path, &f);
	if (!copy.trail)
		n = 1; /* not even read any more */
	else
		n = rig_verify(&copy, NULL);
	trail_close(copy.trail);
	unlink(t->copy);
	return n;
}

static void expect_found(struct tamper *t, const char *sql)
{
	if (defects_after(t, sql) == 0)
		fail_msg("not found: %s", sql);
}

/* ---- rows ---- */

static void removed_rows(void **state)
{
	static const char *const sql[] = {
		"DELETE FROM exchange WHERE id = 1",
		"DELETE FROM exchange WHERE id = 20",
		"DELETE FROM exchange WHERE id = 40",
		"DELETE FROM exchange WHERE id BETWEEN 5 AND 9",
		"DELETE FROM conn WHERE id = 1",
		"DELETE FROM conn_note WHERE kind = 'goaway'",
		"DELETE FROM conn_note WHERE kind = 'closed'",
		"DELETE FROM frame WHERE id = 2",
		"DELETE FROM part WHERE exchange = 5 AND n = 0",
		"DELETE FROM part WHERE exchange = 5 AND n = 2",
		("DELETE FROM gap WHERE exchange = (SELECT max(exchange) "
		 "FROM gap)"),
		"DELETE FROM meta WHERE name = 'key'",
		"DELETE FROM words",
	};
	struct rig r;
	struct tamper t;

	fill(&r);
	tamper_begin(&t, &r);
	for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
		expect_found(&t, sql[i]);
	tamper_end(&t);
	rig_free(&r);
}

static void added_and_moved_rows(void **state)
{
	static const char *const sql[] = {
		"INSERT INTO gap VALUES (1, 0, 'request', 0, 1, 'disk')",
		"INSERT INTO gap VALUES (999, 0, 'request', 0, 1, 'disk')",
		"INSERT INTO part VALUES (999, 0, 1, 1)",
		"INSERT INTO conn_note VALUES (1, 9999, 1, 'closed', NULL)",
		"INSERT INTO exchange (id, kind, outcome, answered_by_assay, "
		"attempt, started, started_mono, masked, gaps, gap_bytes) "
		"VALUES (99, 'client', 'complete', 0, 0, 1, 1, 0, 0, 0)",
		"UPDATE exchange SET id = id + 1000 WHERE id = 7",
		"UPDATE exchange SET seal = NULL, salt = NULL, root = NULL, "
		"outcome = NULL WHERE id = 40",
		"UPDATE exchange SET frame = (SELECT frame FROM exchange "
		"WHERE id = 3), slot = (SELECT slot FROM exchange WHERE "
		"id = 3) WHERE id = 2",
		"UPDATE checkpoint SET seals = seals - 1",
	};
	struct rig r;
	struct tamper t;

	fill(&r);
	tamper_begin(&t, &r);
	for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
		expect_found(&t, sql[i]);
	tamper_end(&t);
	rig_free(&r);
}

/* ---- every column ---- */

/* Alters one value as its type allows. */
static void alter(struct tamper *t, const char *table, const char *column,
		  const char *where)
{
	bool key = strcmp(column, "id") == 0 || strcmp(column, "seal") == 0 ||
		   strcmp(column, "n") == 0 || strcmp(column, "exchange") == 0;
	char sql[400];

	snprintf(sql, sizeof sql,
		 "UPDATE %s SET %s = CASE typeof(%s) WHEN 'integer' THEN %s + "
		 "%d "
		 "WHEN 'text' THEN %s || 'x' WHEN 'blob' THEN "
		 "randomblob(length(%s)) ELSE %s END %s",
		 table, column, column, column, key ? 100000 : 1, column,
		 column, strstr(column, "sha256") ? "randomblob(32)" : "1",
		 where);
	expect_found(t, sql);
	t->tried++;
}

/* Is a column's value no evidence? What was left out may be put in. */
static bool immaterial(const char *column, sqlite3_stmt *row, int i)
{
	bool null = sqlite3_column_type(row, i) == SQLITE_NULL;

	return null && (strcmp(column, "request_stored") == 0 ||
			strcmp(column, "response_stored") == 0 ||
			strcmp(column, "slot") == 0);
}

static void every_column(void **state)
{
	static const struct {
		const char *table, *where;
	} rows[] = {
		{"exchange", "WHERE id = 1"},
		{"exchange", "WHERE id = 39"},
		{"exchange", "WHERE id = 5"},
		{"conn", "WHERE id = 2"},
		{"conn_note", "WHERE kind = 'goaway'"},
		{"gap", "WHERE exchange = (SELECT min(exchange) FROM gap)"},
		{"part", "WHERE exchange = 5 AND n = 1"},
		{"frame", "WHERE id = 1"},
		{"checkpoint", ""},
		{"meta", "WHERE name = 'created'"},
		{"meta", "WHERE name = 'uuid'"},
		{"meta", "WHERE name = 'assay'"},
	};
	struct rig r;
	struct tamper t;

	fill(&r);
	tamper_begin(&t, &r);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		sqlite3_stmt *q;
		char sql[160];

		snprintf(sql, sizeof sql, "SELECT * FROM %s %s", rows[i].table,
			 rows[i].where);
		sqlite3_prepare_v2(t.db, sql, -1, &q, NULL);
		assert_int_equal(sqlite3_step(q), SQLITE_ROW);
		for (int c = 0; c < sqlite3_column_count(q); c++) {
			const char *name = sqlite3_column_name(q, c);

			if (!immaterial(name, q, c))
				alter(&t, rows[i].table, name, rows[i].where);
		}
		sqlite3_finalize(q);
	}
	assert_true(t.tried > 150);
	tamper_end(&t);
	rig_free(&r);
}

/* ---- every byte ---- */

/* Flips bytes of a blob in place; all of a short one, some of a long one. */
static void flip_blob(struct tamper *t, const char *table, const char *column,
		      int64_t row, uint64_t *random)
{
	sqlite3_blob *b;
	char path[160], sql[80];
	int n;

	assert_int_equal(
		sqlite3_blob_open(t->db, "main", table, column, row, 0, &b),
		SQLITE_OK);
	n = sqlite3_blob_bytes(b);
	sqlite3_blob_close(b);
	snprintf(path, sizeof path, "%s", t->r->path);
	for (int i = 0; i<n; i += n> 100 ? 1 + n / 25 : 1) {
		int at = i, bit = (int)(rig_random(random) % 8);
		unsigned char c;

		sqlite3_blob_open(t->db, "main", table, column, row, 1, &b);
		sqlite3_blob_read(b, &c, 1, at);
		c ^= (unsigned char)(1 << bit);
		sqlite3_blob_write(b, &c, 1, at);
		sqlite3_blob_close(b);
		snprintf(sql, sizeof sql, "SELECT 1");
		if (defects_after(t, sql) == 0)
			fail_msg("%s.%s of %ld, byte %d: not found", table,
				 column, (long)row, at);
		c ^= (unsigned char)(1 << bit);
		sqlite3_blob_open(t->db, "main", table, column, row, 1, &b);
		sqlite3_blob_write(b, &c, 1, at);
		sqlite3_blob_close(b);
	}
}

static void every_blob(void **state)
{
	struct rig r;
	struct tamper t;
	uint64_t random = 4;

	fill(&r);
	tamper_begin(&t, &r);
	flip_blob(&t, "frame", "literals", 1, &random);
	flip_blob(&t, "frame", "rest", 1, &random);
	flip_blob(&t, "frame", "rest", 2, &random);
	flip_blob(&t, "words", "data", 0, &random);
	flip_blob(&t, "exchange", "request_sha256", 3, &random);
	flip_blob(&t, "exchange", "root", 3, &random);
	flip_blob(&t, "conn", "chain_sha256", 2, &random);
	tamper_end(&t);
	rig_free(&r);
}

/* ---- what verify says ---- */

struct said {
	int n;
	int64_t exchange;
	char text[512];
	uint64_t done;
};

static void say(void *arg, int64_t exchange, const char *text)
{
	struct said *s = arg;

	s->n++;
	s->exchange = exchange;
	snprintf(s->text, sizeof s->text, "%s", text);
}

static void progress(void *arg, uint64_t done, uint64_t all)
{
	struct said *s = arg;

	assert_true(done <= all && done >= s->done);
	s->done = done;
}

/* One defect for one deed, and where it is. */
static void says_what_and_where(void **state)
{
	struct rig r;
	struct said s = {0};
	struct trail_check check;
	struct fail f;

	fill(&r);
	assert_int_equal(trail_verify(r.trail, &check, say, progress, &s, &f),
			 0);
	assert_int_equal(check.exchanges, 40);
	assert_true(check.frames >= 3 && check.bodies > 60);
	assert_int_equal(check.checkpoints, 1);
	assert_int_equal(strlen(check.key_hex), 64);
	assert_true(s.done > 40);
	rig_close(&r);
	rig_sql(&r, "UPDATE exchange SET status = 201 WHERE id = 8");
	rig_reread(&r);
	s = (struct said){0};
	assert_int_equal(trail_verify(r.trail, &check, say, NULL, &s, &f), 1);
	assert_int_equal(s.exchange, 8);
	rig_close(&r);
	rig_sql(&r, "DELETE FROM exchange WHERE id = 8");
	rig_reread(&r);
	s = (struct said){0};
	assert_int_equal(trail_verify(r.trail, &check, say, NULL, &s, &f), 1);
	assert_non_null(strstr(s.text, "missing"));
	rig_free(&r);
}

/* Sealed, but not yet signed: verify says so. */
static void open_tail(void **state)
{
	struct rig r, reader;
	struct trail_check check;
	struct fail f;

	rig_new(&r);
	rig_put(&r, 1);
	rig_commit(&r);
	reader = r;
	reader.trail = trail_read(r.path, &f);
	assert_int_equal(rig_verify(&reader, &check), 0);
	assert_true(check.open_tail);
	rig_close(&r);
	assert_int_equal(rig_verify(&reader, &check), 0);
	assert_false(check.open_tail);
	rig_close(&reader);
	rig_free(&r);
}

/* A trail is not recorded into where its chain is broken. */
static void broken_chain_is_not_continued(void **state)
{
	struct rig r;
	struct fail f;

	fill(&r);
	rig_close(&r);
	rig_sql(&r, "DELETE FROM exchange WHERE id >= 30; "
		    "DELETE FROM conn_note WHERE kind = 'closed'");
	assert_null(trail_record(r.path, &f));
	assert_string_equal(f.code, "trail_damaged");
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(removed_rows),
		cmocka_unit_test(added_and_moved_rows),
		cmocka_unit_test(every_column),
		cmocka_unit_test(every_blob),
		cmocka_unit_test(says_what_and_where),
		cmocka_unit_test(open_tail),
		cmocka_unit_test(broken_chain_is_not_continued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
