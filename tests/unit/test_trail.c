/* SPDX-License-Identifier: MIT */
/* What is put into a trail comes out of it, exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zstd.h>

#include "trail_rig.h"

enum { MANY = 150 };

static void one_exchange(void **state)
{
	struct rig r;
	struct trail_conn c;
	struct fail f;
	int64_t id;

	rig_new(&r);
	id = rig_put(&r, 3);
	trail_put_conn_closed(r.trail, r.conn[1], 99);
	assert_int_equal(trail_pending(r.trail, NULL), 1);
	rig_commit(&r);
	assert_int_equal(trail_pending(r.trail, NULL), 0);
	rig_reread(&r);
	rig_expect(&r, id, 3);
	assert_true(trail_conn(r.trail, r.conn[1], &c, &f));
	assert_memory_equal(c.conn.peer.p, "[::1]:443", 9);
	assert_memory_equal(c.conn.sni.p, "api.vendor.example", 18);
	assert_true(c.conn.tls && c.conn.has_chain);
	assert_int_equal(c.conn.chain_sha256[2], 3);
	assert_int_equal(c.conn.side, EV_RESPONSE);
	assert_int_equal(c.closed_wall, 99);
	assert_true(trail_conn(r.trail, r.conn[0], &c, &f));
	assert_int_equal(c.closed_wall, 0);
	assert_false(trail_conn(r.trail, 99, &c, &f));
	assert_string_equal(f.code, "no_such_connection");
	assert_int_equal(rig_verify(&r, NULL), 0);
	rig_free(&r);
}

/* Any exchanges, in any number of steps, with commits and restarts between. */
static void random_exchanges(void **state)
{
	struct rig r;
	struct trail_check check;
	int64_t id[MANY];

	rig_new(&r);
	for (int i = 0; i < MANY; i++) {
		struct sample x;

		sample_make(&x, (uint64_t)i);
		id[i] = rig_put_sample(
			&r, &x,
			1 + rig_random(&r.random) % 4 *
					(rig_random(&r.random) % 2),
			true);
		sample_free(&x);
		if (rig_random(&r.random) % 5 == 0)
			rig_commit(&r);
		if (rig_random(&r.random) % 50 == 0)
			rig_record(&r);
	}
	rig_commit(&r);
	for (int i = 0; i < MANY; i++)
		rig_expect(&r, id[i], (uint64_t)i); /* by who records, too */
	rig_reread(&r);
	for (int i = MANY; i-- > 0;)
		rig_expect(&r, id[i], (uint64_t)i);
	assert_int_equal(rig_verify(&r, &check), 0);
	assert_int_equal(check.exchanges, MANY);
	assert_false(check.open_tail);
	rig_free(&r);
}

/* Streams that are open together, put in turn, part by part. */
static void interleaved_parts(void **state)
{
	enum { STREAMS = 40, PARTS = 6 };
	struct rig r;
	struct sample x[STREAMS];
	int64_t id[STREAMS];

	rig_new(&r);
	for (int i = 0; i < STREAMS; i++) {
		sample_make(&x[i], (uint64_t)i);
		id[i] = trail_next_id(r.trail);
	}
	for (int k = 0; k < PARTS; k++)
		for (int i = 0; i < STREAMS; i++) {
			size_t n = x[i].body[1].n, a = n * k / PARTS,
			       b = n * (k + 1) / PARTS;
			struct str piece = {x[i].body[1].p + a, b - a};
			struct trail_run run = {EV_RESPONSE, &piece, 1,
						NULL,	     0,	     0};
			struct trail_exchange e = {
				.id = id[i],
				.open = &x[i].open,
				.runs = &run,
				.n_runs = 1,
				.close = k + 1 == PARTS ? &x[i].close : NULL};

			trail_put(r.trail, &e);
			if (i % 16 == 7)
				rig_commit(&r);
		}
	rig_reread(&r);
	for (int i = 0; i < STREAMS; i++) {
		struct buf b = {0};
		struct fail f;

		assert_true(trail_body(r.trail, id[i], EV_RESPONSE, &b, &f));
		assert_int_equal(b.n, x[i].body[1].n);
		if (b.n)
			assert_memory_equal(b.p, x[i].body[1].p, b.n);
		buf_free(&b);
		sample_free(&x[i]);
	}
	assert_int_equal(rig_verify(&r, NULL), 0);
	rig_free(&r);
}

/* A body of many slices, in one put; stored, and then found again. */
static void large_bodies(void **state)
{
	enum { SIZE = 5 << 20 };
	struct rig r;
	struct sample x = {0};
	struct buf got = {0};
	struct fail f;
	uint64_t s = 5, size;

	rig_new(&r);
	while (x.body[0].n < SIZE) {
		uint64_t v = rig_random(&s);

		buf_add(&x.body[0], &v, sizeof v);
	}
	x.close.bytes[0] = x.close.bytes[1] = x.body[0].n;
	rig_put_sample(&r, &x, 1, true);
	rig_commit(&r);
	size = trail_size(r.trail);
	rig_put_sample(&r, &x, 1, true);
	rig_put_sample(&r, &x, 3, true);
	rig_reread(&r);
	assert_true(trail_size(r.trail) < size + SIZE / 10);
	for (int i = 1; i <= 3; i++) {
		got.n = 0;
		assert_true(trail_body(r.trail, i, EV_REQUEST, &got, &f));
		assert_int_equal(got.n, x.body[0].n);
		assert_memory_equal(got.p, x.body[0].p, got.n);
	}
	assert_int_equal(rig_verify(&r, NULL), 0);
	buf_free(&got);
	sample_free(&x);
	rig_free(&r);
}

/* A conversation that re-sends its history costs what is new in it. */
static void long_session(void **state)
{
	enum { TURNS = 250 };
	struct rig r;
	struct buf history = {0}, body = {0};
	struct trail_exchange e = {0};
	struct ev_open open = {.started_mono = 1};
	struct ev_close close = {0};
	uint64_t s = 9, wire = 0, new = 0;
	struct fail f;

	rig_new(&r);
	for (int t = 0; t < TURNS; t++) {
		struct str piece;
		struct trail_run run = {EV_REQUEST, &piece, 1, NULL, 0, 0};

		for (int i = 0; i < 100; i++)
			buf_addf(&history, "%lx", (long)rig_random(&s));
		body.n = 0;
		buf_adds(&body, buf_str(&history));
		buf_adds(&body, STR("],\"tools\":[],\"stream\":true}"));
		piece = buf_str(&body);
		close.bytes[0] = close.bytes[1] = body.n;
		wire += body.n;
		e = (struct trail_exchange){.id = trail_next_id(r.trail),
					    .open = &open,
					    .runs = &run,
					    .n_runs = 1,
					    .close = &close};
		trail_put(r.trail, &e);
		if (t % 16 == 15)
			rig_commit(&r);
	}
	new = history.n;
	rig_reread(&r);
	assert_true(trail_size(r.trail) < new + 200000);
	assert_true(wire > 50 * new);
	body.n = 0;
	assert_true(trail_body(r.trail, TURNS, EV_REQUEST, &body, &f));
	assert_memory_equal(body.p, history.p, history.n);
	assert_int_equal(rig_verify(&r, NULL), 0);
	buf_free(&history);
	buf_free(&body);
	rig_free(&r);
}

static int literals_in_chunks(struct rig *r)
{
	sqlite3 *db;
	sqlite3_stmt *q;
	int n = 0;

	assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "SELECT literals FROM frame", -1, &q, NULL);
	while (sqlite3_step(q) == SQLITE_ROW) {
		size_t all = (size_t)sqlite3_column_bytes(q, 0);

		n += ZSTD_findFrameCompressedSize(sqlite3_column_blob(q, 0),
						  all) < all;
	}
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

/* Sessions in turn: what is new of each lies in chunks of its own. */
static void sessions_in_turn(void **state)
{
	enum { SESSIONS = 20, TURNS = 6 };
	struct rig r;
	struct buf said[SESSIONS] = {0}, got = {0};
	struct ev_open open = {.started_mono = 1};
	struct ev_close close = {0};
	uint64_t s = 11;
	struct fail f;

	rig_new(&r);
	for (int k = 0; k < SESSIONS * TURNS; k++) {
		struct buf *b = &said[k % SESSIONS];
		struct str piece;
		struct trail_run run = {EV_REQUEST, &piece, 1, NULL, 0, 0};
		struct trail_exchange e = {.open = &open,
					   .runs = &run,
					   .n_runs = 1,
					   .close = &close};

		for (int i = 0; i < 250; i++)
			buf_addf(b, "%lx", (long)rig_random(&s));
		piece = buf_str(b);
		close.bytes[0] = close.bytes[1] = b->n;
		e.id = trail_next_id(r.trail);
		trail_put(r.trail, &e);
		if (k % 16 == 15)
			rig_commit(&r);
	}
	rig_reread(&r);
	assert_true(literals_in_chunks(&r) > 3);
	for (int i = 0; i < SESSIONS; i++) {
		int64_t last = SESSIONS * (TURNS - 1) + i + 1;

		got.n = 0;
		assert_true(trail_body(r.trail, last, EV_REQUEST, &got, &f));
		assert_int_equal(got.n, said[i].n);
		assert_memory_equal(got.p, said[i].p, got.n);
		buf_free(&said[i]);
	}
	assert_int_equal(rig_verify(&r, NULL), 0);
	buf_free(&got);
	rig_free(&r);
}

/* ---- lists ---- */

struct listed {
	int n;
	int64_t id[MANY];
};

static bool collect(void *arg, const struct trail_row *row)
{
	struct listed *l = arg;

	l->id[l->n++] = row->id;
	return l->n < MANY;
}

static int count(struct rig *r, struct trail_filter filter, struct listed *l)
{
	struct fail f;

	l->n = 0;
	if (!trail_list(r->trail, &filter, collect, l, &f))
		fail_msg("%s", f.text);
	return l->n;
}

static void filters(void **state)
{
	struct rig r;
	struct listed l;
	int outcomes = 0;

	rig_new(&r);
	for (int i = 1; i <= 40; i++)
		rig_put(&r, (uint64_t)i);
	rig_reread(&r);
	assert_int_equal(count(&r, (struct trail_filter){0}, &l), 40);
	assert_int_equal(l.id[0], 1);
	assert_int_equal(count(&r, (struct trail_filter){.limit = 3}, &l), 3);
	assert_int_equal(l.id[0], 38);
	assert_int_equal(l.id[2], 40);
	assert_int_equal(count(&r, (struct trail_filter){.after_id = 35}, &l),
			 5);
	assert_int_equal(count(&r, (struct trail_filter){.path = "*n=7"}, &l),
			 1);
	assert_int_equal(l.id[0], 7);
	assert_int_equal(count(&r, (struct trail_filter){.route = "x"}, &l), 0);
	assert_int_equal(count(&r, (struct trail_filter){.route = "main"}, &l),
			 40);
	for (int o = 0; o < EV_OUTCOMES; o++)
		outcomes +=
			count(&r, (struct trail_filter){.outcome = o + 1}, &l);
	assert_int_equal(outcomes, 40);
	assert_true(count(&r,
			  (struct trail_filter){.status_from = 300,
						.status_to = 399},
			  &l) < 40);
	assert_int_equal(count(&r,
			       (struct trail_filter){
				       .since_wall = 1763780000000000000ull +
						     39 * 1000000007ull},
			       &l),
			 2);
	rig_free(&r);
}

/* ---- cursors, files ---- */

static void cursors(void **state)
{
	struct rig r;
	struct trail_cursor c[2] = {{{1}, 77}, {{2}, 1ull << 40}};
	unsigned char unknown[16] = {3};
	struct fail f;

	rig_new(&r);
	assert_true(trail_commit(r.trail, c, 2, &f));
	c[0].sequence = 78;
	assert_true(trail_commit(r.trail, c, 1, &f));
	rig_record(&r);
	assert_int_equal(trail_cursor_of(r.trail, c[0].spool), 78);
	assert_int_equal(trail_cursor_of(r.trail, c[1].spool), 1ull << 40);
	assert_int_equal(trail_cursor_of(r.trail, unknown), 0);
	rig_free(&r);
}

static void files_are_private(void **state)
{
	static const char *const names[] = {"t.db", "t.db.lock",
					    "assay/seal.key"};
	struct rig r;
	struct stat st;
	char path[160];

	rig_new(&r);
	rig_put(&r, 1);
	rig_commit(&r);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", r.folder, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	rig_free(&r);
}

/* An exchange with nothing in it, and one with heads of every kind. */
static void odd_exchanges(void **state)
{
	struct rig r;
	struct ev_open open = {0};
	struct ev_close close = {.outcome = EV_BLOCKED};
	struct trail_head heads[] = {
		{EV_REQUEST, EV_HEAD_MAIN, 0, STR("")},
		{EV_RESPONSE, EV_HEAD_INTERIM, 0,
		 STR("HTTP/1.1 103 Early Hints\r\n\r\n")},
		{EV_RESPONSE, EV_HEAD_MAIN, 0, STR("\0\1\2\3 no head")},
		{EV_RESPONSE, EV_HEAD_TRAILERS, 0, STR("a: b\r\n\r\n")}};
	struct trail_exchange e = {.open = &open, .close = &close};
	struct buf b = {0};
	struct trail_row row;
	struct fail f;

	rig_new(&r);
	e.id = trail_next_id(r.trail);
	trail_put(r.trail, &e);
	e.id = trail_next_id(r.trail);
	e.heads = heads;
	e.n_heads = 4;
	trail_put(r.trail, &e);
	rig_reread(&r);
	assert_true(trail_get(r.trail, 1, &row, &f));
	assert_int_equal(row.method.n, 0);
	assert_true(trail_body(r.trail, 1, EV_REQUEST, &b, &f));
	assert_int_equal(b.n, 0);
	buf_free(&b);
	assert_false(trail_get(r.trail, 3, &row, &f));
	assert_string_equal(f.code, "no_such_exchange");
	assert_int_equal(rig_verify(&r, NULL), 0);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_exchange),
		cmocka_unit_test(random_exchanges),
		cmocka_unit_test(interleaved_parts),
		cmocka_unit_test(large_bodies),
		cmocka_unit_test(long_session),
		cmocka_unit_test(sessions_in_turn),
		cmocka_unit_test(filters),
		cmocka_unit_test(cursors),
		cmocka_unit_test(files_are_private),
		cmocka_unit_test(odd_exchanges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
