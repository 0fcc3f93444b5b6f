/* SPDX-License-Identifier: MIT */
/* What the recorder writes, and above all what it says when it cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "record/recorder.h"
#include "record/redact.h"
#include "record/spool.h"

#define KEY "sk-proj-0123456789abcdefABCDEF"

struct house {
	char dir[64], trail[96];
	struct redact_rules *rules;
	struct spool *spool;
	struct recorder *recorder;
	struct spool_reader reader;
};

static int build(void **state)
{
	struct house *h = calloc(1, sizeof *h);
	struct spool_options o = {
		.size = SPOOL_LEAST, .dir = h->dir, .workers = 1};
	struct fail f;

	snprintf(h->dir, sizeof h->dir, "/tmp/assay-recorder-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	setenv("XDG_DATA_HOME", h->dir, 1);
	snprintf(h->trail, sizeof h->trail, "%s/x.db", h->dir);
	o.trail = h->trail;
	h->rules = redact_rules_new(NULL, 0, &f);
	assert_non_null(h->rules);
	h->spool = spool_open(&o, &f);
	assert_non_null(h->spool);
	h->recorder = recorder_new(h->spool, h->rules, 3);
	spool_reader_init(&h->reader, h->spool);
	*state = h;
	return 0;
}

static void release(struct house *h)
{
	spool_release(h->spool, h->reader.position);
}

static struct record *next(struct house *h)
{
	struct record *r;
	enum spool_read got;

	spool_reader_update(&h->reader, h->spool);
	got = spool_next(&h->reader, &r);
	assert_int_not_equal(got, SPOOL_DAMAGED);
	return got == SPOOL_RECORD ? r : NULL;
}

static int clear(void **state)
{
	struct house *h = *state;
	char command[128];

	while (next(h))
		;
	release(h);
	recorder_free(h->recorder);
	while (next(h))
		;
	release(h);
	spool_free(h->spool);
	redact_rules_free(h->rules);
	snprintf(command, sizeof command, "rm -rf '%s'", h->dir);
	free(h);
	return system(command);
}

static struct rec *open_one(struct house *h)
{
	struct ev_open o = {.kind = EV_CLIENT,
			    .route = STR("default"),
			    .run = STR("r1"),
			    .conn_down = 77,
			    .started_wall = 5,
			    .started_mono = 6};

	return rec_open(h->recorder, &o);
}

static void an_exchange(void **state)
{
	struct house *h = *state;
	struct rec *x = open_one(h);
	struct ev_close end = {.outcome = EV_TRUNCATED,
			       .status = 207,
			       .error = "some_code",
			       .added_ns = 99},
			got;
	uint64_t key = rec_key(x);
	struct ev_open open;
	struct record *r;

	rec_head(x, EV_REQUEST, EV_HEAD_MAIN,
		 STR("GET / HTTP/1.1\r\napi-key: " KEY "\r\n\r\n"), 10);
	rec_data(x, EV_REQUEST, "hello", 5, 11);
	rec_head(x, EV_RESPONSE, EV_HEAD_INTERIM, STR("HTTP/1.1 100\r\n\r\n"),
		 12);
	rec_data(x, EV_RESPONSE, "bad key " KEY "!", 9 + sizeof KEY - 1, 13);
	rec_close(x, &end);

	r = next(h);
	assert_int_equal(r->type, RECORD_OPEN);
	assert_int_equal(r->key, key);
	assert_true(record_unpack_open(record_payload(r), &open));
	assert_true(str_eq(open.route, STR("default")));
	assert_true(str_eq(open.run, STR("r1")));
	assert_int_equal(open.conn_down, 77);
	assert_int_equal(open.started_wall, 5);
	r = next(h);
	assert_int_equal(r->type, RECORD_HEAD);
	assert_int_equal(r->masked, 1);
	assert_int_equal(r->at, 10);
	assert_null(memmem(r + 1, r->length, "0123456789", 10));
	r = next(h);
	assert_int_equal(r->type, RECORD_DATA);
	assert_int_equal(record_side(r), EV_REQUEST);
	assert_true(str_eq(record_payload(r), STR("hello")));
	assert_int_equal(r->wire, 5);
	r = next(h);
	assert_int_equal(r->type, RECORD_HEAD);
	assert_int_equal(record_side(r), EV_RESPONSE);
	assert_int_equal(record_kind(r), EV_HEAD_INTERIM);
	r = next(h);
	assert_int_equal(r->masked, 1);
	assert_int_equal(r->wire, 9 + sizeof KEY - 1);
	assert_int_equal(r->length, 9 + REDACT_SIZE);
	r = next(h);
	assert_int_equal(r->type, RECORD_CLOSE);
	assert_true(record_unpack_close(record_payload(r), &got));
	assert_int_equal(got.outcome, EV_TRUNCATED);
	assert_int_equal(got.status, 207);
	assert_string_equal(got.error, "some_code");
	assert_int_equal(got.added_ns, 99);
	assert_null(next(h));
}

static void a_connection(void **state)
{
	struct house *h = *state;
	struct ev_conn c = {.side = EV_RESPONSE,
			    .route = STR("a"),
			    .peer = STR("127.0.0.1:1"),
			    .tls = true,
			    .tls_version = STR("TLSv1.3"),
			    .cipher = STR("c"),
			    .alpn = STR("h2"),
			    .sni = STR("s"),
			    .http = STR("2"),
			    .has_chain = true,
			    .chain_sha256 = {1, 2, 3}},
		       got;
	uint64_t key = recorder_conn(h->recorder, &c);
	struct str kind, text;
	struct record *r;

	recorder_conn_note(h->recorder, key, STR("goaway"), STR("bye"), 7);
	recorder_conn_closed(h->recorder, key, 8);
	r = next(h);
	assert_int_equal(r->type, RECORD_CONN);
	assert_int_equal(r->key, key);
	assert_true(record_unpack_conn(record_payload(r), &got));
	assert_true(str_eq(got.alpn, STR("h2")) && got.tls && got.has_chain);
	assert_true(str_eq(got.http, STR("2")));
	assert_memory_equal(got.chain_sha256, c.chain_sha256, 32);
	r = next(h);
	assert_int_equal(r->type, RECORD_NOTE);
	assert_true(record_unpack_note(record_payload(r), &kind, &text));
	assert_true(str_eq(kind, STR("goaway")) && str_eq(text, STR("bye")));
	r = next(h);
	assert_int_equal(r->type, RECORD_CONN_CLOSED);
	assert_int_equal(r->at, 8);
}

static void a_key_in_two_chunks(void **state)
{
	struct house *h = *state;
	struct rec *x = open_one(h);
	struct ev_close end = {0};
	struct buf all = {0};
	uint64_t wire = 0;
	unsigned masked = 0;
	struct record *r;

	rec_head(x, EV_REQUEST, EV_HEAD_MAIN,
		 STR("GET / HTTP/1.1\r\napi-key: " KEY "\r\n\r\n"), 10);
	rec_data(x, EV_RESPONSE, "<sk-proj-01", 11, 11);
	rec_data(x, EV_RESPONSE, "23456789abcdefABCDEF><sk-proj-01", 32, 12);
	rec_data(x, EV_RESPONSE, "23!", 3, 13);
	rec_close(x, &end);
	while ((r = next(h))) {
		if (r->type != RECORD_DATA)
			continue;
		buf_adds(&all, record_payload(r));
		wire += r->wire;
		masked += r->masked;
	}
	assert_int_equal(wire, 46);
	assert_int_equal(masked, 1);
	assert_int_equal(all.n, 3 + REDACT_SIZE + 13);
	assert_memory_equal(all.p, "<assay-key:", 11);
	assert_memory_equal(all.p + 1 + REDACT_SIZE, "><sk-proj-0123!", 15);
	buf_free(&all);
}

static void a_large_chunk(void **state)
{
	struct house *h = *state;
	struct rec *x = open_one(h);
	struct ev_close end = {0};
	size_t n = 300000, seen = 0;
	char *big = malloc(n);
	struct record *r;
	int records = 0;

	for (size_t i = 0; i < n; i++)
		big[i] = (char)(i * 7 >> 3);
	rec_data(x, EV_RESPONSE, big, n, 11);
	rec_close(x, &end);
	while ((r = next(h))) {
		if (r->type != RECORD_DATA)
			continue;
		assert_int_equal(record_continues(r), records++ > 0);
		assert_memory_equal(r + 1, big + seen, r->length);
		seen += r->length;
	}
	assert_int_equal(seen, n);
	free(big);
}

/* ---- rings that are full ---- */

#define STREAMS 12

/* What a stream should be, and what has been read of it. */
struct stream {
	struct rec *x;
	uint64_t key, sent[EV_SIDES];
	uint64_t seen[EV_SIDES]; /* wire bytes accounted for, in order */
	bool closed, close_seen, open_seen;
};

struct traffic {
	struct house *house;
	struct stream *all; /* every stream there ever was */
	size_t n;
	uint64_t gap_bytes;
};

static unsigned char byte_of(const struct stream *s, int side, uint64_t at)
{
	return (unsigned char)(s->key * 31 + at * 7 + (at >> 8) +
			       (unsigned)side * 101);
}

static void see(struct traffic *t, struct record *r)
{
	struct stream *s = NULL;
	enum ev_side side = record_side(r);
	struct record_gap gap;

	for (size_t i = 0; i < t->n; i++) {
		if (t->all[i].key == r->key)
			s = &t->all[i];
	}
	assert_non_null(s);
	assert_false(s->close_seen);
	assert_int_equal(s->open_seen, r->type != RECORD_OPEN);
	switch (r->type) {
	case RECORD_OPEN: s->open_seen = true; break;
	case RECORD_CLOSE: s->close_seen = true; break;
	case RECORD_GAP:
		assert_true(record_unpack_gap(record_payload(r), &gap));
		assert_int_equal(gap.offset, s->seen[side]);
		s->seen[side] += gap.n;
		t->gap_bytes += gap.n;
		break;
	case RECORD_DATA:
		assert_int_equal(r->wire, r->length);
		for (uint32_t i = 0; i < r->length; i++)
			assert_int_equal(((unsigned char *)(r + 1))[i],
					 byte_of(s, side, s->seen[side] + i));
		s->seen[side] += r->length;
		break;
	}
}

static void see_some(struct traffic *t, int most)
{
	struct record *r;

	while (most-- > 0 && (r = next(t->house)))
		see(t, r);
	release(t->house);
}

static void send_some(struct stream *s)
{
	int side = rand() & 1;
	size_t n = (size_t)rand() % (rand() % 8 ? 2000 : 100000);
	char *p = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)byte_of(s, side, s->sent[side] + i);
	rec_data(s->x, side, p, n, 1);
	s->sent[side] += n;
	free(p);
}

/* Random streams against a reader that is mostly too slow. */
static void gaps_are_exact(void **state)
{
	struct traffic t = {.house = *state};
	struct ev_close end = {.status = 200};
	size_t live[STREAMS], rounds = 12000;
	uint64_t bytes, gaps;

	srand(3);
	t.all = calloc(rounds + 200, sizeof *t.all);
	for (size_t i = 0; i < STREAMS; i++)
		live[i] = SIZE_MAX;
	for (size_t round = 0; round < rounds; round++) {
		size_t slot = (size_t)rand() % STREAMS;
		struct stream *s = &t.all[t.n];
		if (live[slot] == SIZE_MAX) {
			s->x = open_one(t.house);
			s->key = rec_key(s->x);
			live[slot] = t.n++;
		} else if (rand() % 10 == 0) {
			s = &t.all[live[slot]];
			rec_close(s->x, &end);
			s->closed = true;
			live[slot] = SIZE_MAX;
		} else {
			send_some(&t.all[live[slot]]);
		}
		if (round % 4000 > 2000) /* stalls for a while */
			continue;
		see_some(&t, rand() % 8);
	}
	for (size_t i = 0; i < STREAMS; i++) {
		if (live[i] == SIZE_MAX)
			continue;
		rec_close(t.all[live[i]].x, &end);
		t.all[live[i]].closed = true;
	}
	for (int i = 0; i < 100; i++) {
		see_some(&t, 1000000);
		t.all[t.n].x = open_one(t.house); /* also pays what is owed */
		t.all[t.n].key = rec_key(t.all[t.n].x);
		rec_close(t.all[t.n++].x, &end);
	}
	see_some(&t, 1000000);
	gaps = recorder_gaps(t.house->recorder, &bytes);
	assert_true(gaps > 0);
	assert_int_equal(bytes, t.gap_bytes);
	for (size_t i = 0; i < t.n; i++) {
		assert_true(t.all[i].close_seen);
		assert_int_equal(t.all[i].seen[0], t.all[i].sent[0]);
		assert_int_equal(t.all[i].seen[1], t.all[i].sent[1]);
	}
	free(t.all);
}

/* Nobody reads for very long: memory stays bounded, what is lost is counted. */
static void a_dead_reader(void **state)
{
	struct house *h = *state;
	struct ev_close end = {0};
	uint64_t bytes, opened = 0, closed = 0;
	struct record *r;

	for (int i = 0; i < 100000; i++) {
		struct rec *x = open_one(h);
		rec_data(x, EV_RESPONSE, "0123456789", 10, 1);
		rec_close(x, &end);
	}
	assert_true(recorder_gaps(h->recorder, &bytes) > 50000);
	assert_true(bytes > 500000);
	for (int round = 0; round < 100; round++) {
		while ((r = next(h))) {
			opened += r->type == RECORD_OPEN;
			closed += r->type == RECORD_CLOSE;
		}
		release(h);
		rec_close(open_one(h), &end);
	}
	assert_in_range(opened, 9000, 100000);
	assert_int_equal(opened, closed);
}

static void says_when_low(void **state)
{
	struct house *h = *state;
	struct rec *x = open_one(h);
	struct ev_close end = {0};
	char bytes[1000] = {0};
	uint64_t lost;

	while (!recorder_low(h->recorder))
		rec_data(x, EV_RESPONSE, bytes, sizeof bytes, 1);
	assert_int_equal(recorder_gaps(h->recorder, &lost), 0);
	for (int i = 0; i < 200; i++) /* what was read before fits */
		rec_data(x, EV_RESPONSE, bytes, sizeof bytes, 1);
	assert_int_equal(recorder_gaps(h->recorder, &lost), 0);
	rec_close(x, &end);
}

/* A gap in the middle of a key must not let the key's end through. */
static void a_gap_in_a_key(void **state)
{
	struct house *h = *state;
	struct rec *x = open_one(h), *filler = open_one(h);
	struct ev_close end = {0};
	char bytes[1000] = {0};
	uint64_t lost, key;
	struct record *r;

	rec_head(x, EV_REQUEST, EV_HEAD_MAIN,
		 STR("GET / HTTP/1.1\r\napi-key: " KEY "\r\n\r\n"), 10);
	rec_data(x, EV_RESPONSE, "<sk-proj-012345", 15, 11);
	while (recorder_gaps(h->recorder, &lost) == 0)
		rec_data(filler, EV_RESPONSE, bytes, sizeof bytes, 1);
	rec_data(x, EV_RESPONSE, "6789abc", 7, 12);
	while (next(h))
		;
	release(h);
	rec_data(x, EV_RESPONSE, "defABCDEF> and on", 17, 13);
	key = rec_key(x);
	rec_close(x, &end);
	rec_close(filler, &end);
	while ((r = next(h))) {
		if (r->type == RECORD_DATA && r->key == key) {
			assert_null(memmem(r + 1, r->length, "ABCDEF", 6));
			assert_null(memmem(r + 1, r->length, "012345", 6));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, build, clear)
		T(an_exchange),	  T(a_connection),   T(a_key_in_two_chunks),
		T(a_large_chunk), T(gaps_are_exact), T(a_dead_reader),
		T(says_when_low), T(a_gap_in_a_key),
	};

	log_set_level(-1);
	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
