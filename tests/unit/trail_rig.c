/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "trail_rig.h"

/* ---- folder and trail ---- */

void rig_new(struct rig *r)
{
	*r = (struct rig){.random = 1};
	strcpy(r->folder, "/tmp/assay-trail-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	snprintf(r->path, sizeof r->path, "%s/t.db", r->folder);
	setenv("XDG_DATA_HOME", r->folder, 1);
	rig_record(r);
}

void rig_record(struct rig *r)
{
	struct ev_conn c = {.side = EV_REQUEST,
			    .at_wall = 1763780000000000001ull,
			    .peer = STR("127.0.0.1:5123"),
			    .http = STR("1.1")};
	struct fail f;

	trail_close(r->trail);
	r->trail = trail_record(r->path, &f);
	if (!r->trail)
		fail_msg("%s: %s", f.code, f.text);
	r->conn[0] = trail_put_conn(r->trail, &c);
	c = (struct ev_conn){.side = EV_RESPONSE,
			     .route = STR("main"),
			     .at_wall = 1763780000000000002ull,
			     .peer = STR("[::1]:443"),
			     .tls = true,
			     .tls_version = STR("TLSv1.3"),
			     .cipher = STR("TLS_AES_128_GCM_SHA256"),
			     .alpn = STR("h2"),
			     .sni = STR("api.vendor.example"),
			     .http = STR("2"),
			     .chain_sha256 = {1, 2, 3},
			     .has_chain = true};
	r->conn[1] = trail_put_conn(r->trail, &c);
	trail_put_conn_note(r->trail, r->conn[1], STR("goaway"),
			    STR("last stream 7"), 1763780000000000003ull);
}

void rig_reread(struct rig *r)
{
	struct fail f;

	trail_close(r->trail);
	r->trail = trail_read(r->path, &f);
	if (!r->trail)
		fail_msg("%s: %s", f.code, f.text);
}

void rig_close(struct rig *r)
{
	trail_close(r->trail);
	r->trail = NULL;
}

void rig_free(struct rig *r)
{
	char command[120];

	rig_close(r);
	snprintf(command, sizeof command, "rm -rf %s", r->folder);
	assert_int_equal(system(command), 0);
}

/* ---- samples ---- */

uint64_t rig_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static unsigned below(uint64_t *state, unsigned n)
{
	return (unsigned)(rig_random(state) % n);
}

/* Bodies of one conversation share their beginning and their end. */
static void make_request(struct buf *b, uint64_t *s, uint64_t seed)
{
	uint64_t family = seed % 7 + 1000, turns = seed / 7 % 12;

	buf_adds(b, STR("{\"messages\":["));
	for (uint64_t t = 0; t <= turns; t++) {
		uint64_t words = family * 100 + t;

		for (unsigned i = below(&words, 400); i > 0; i--)
			buf_addf(b, "w%u ", below(&words, 5000));
	}
	buf_addf(b, "]%u", below(s, 10));
	for (unsigned i = 0; i < 200; i++)
		buf_addf(b, ",tool %lu %u", (unsigned long)family, i);
	buf_adds(b, STR("}"));
}

static void add_event(struct buf *b, unsigned form, unsigned id, unsigned i,
		      unsigned w)
{
	switch (form) {
	case 0:
		buf_addf(b,
			 "data: {\"id\":\"c-%x\",\"n\":%u,\"d\":{\"t\":"
			 "\" w%u\"}}\n\n",
			 id, i, w);
		break;
	case 1:
		buf_addf(b,
			 "event: delta\r\ndata: {\"i\":%u,\"x\":\"%x\","
			 "\"y\":%u}\r\n\r\n",
			 id, i, w);
		break;
	case 2:
		buf_addf(b, "data: {\"a\":\"%u\",\"b\":[%u,%u]}\n\n", id, i, w);
		break;
	default: buf_addf(b, ": keep-alive %u %u %u\n\n", id, i, w);
	}
}

static void make_stream(struct buf *b, uint64_t *s)
{
	unsigned form = below(s, 3), id = below(s, 1000);

	for (unsigned i = below(s, 300); i > 0; i--)
		add_event(b, below(s, 20) ? form : below(s, 4), id, i,
			  below(s, 300));
	buf_adds(b, STR("data: [DONE]\n\n"));
}

static void make_noise(struct buf *b, uint64_t *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_addc(b, (char)rig_random(s));
}

static void make_response(struct buf *b, uint64_t *s)
{
	switch (below(s, 6)) {
	case 0: break;
	case 1: make_noise(b, s, below(s, 70000)); break;
	case 2:
		buf_addf(b, "{\"answer\":%u,\"list\":[%u]}", below(s, 99),
			 below(s, 99));
		break;
	default: make_stream(b, s);
	}
}

static void make_arrivals(struct sample *x, int side, uint64_t *s)
{
	size_t left = x->body[side].n, cap = 0;
	uint64_t at = x->open.started_mono + 1000000;

	while (left) {
		size_t n = 1 + below(s, below(s, 2) ? 16384 : 300);

		n = n < left ? n : left;
		at += below(s, 3) ? below(s, 50000000) : below(s, 2000);
		if (x->n_arrivals[side] == cap) {
			cap = cap ? cap * 2 : 8;
			x->arrivals[side] =
				mem_grow(x->arrivals[side],
					 cap * sizeof *x->arrivals[side]);
		}
		x->arrivals[side][x->n_arrivals[side]++] =
			(struct trail_arrival){at, (uint32_t)n};
		left -= n;
	}
}

static void make_close(struct sample *x, uint64_t *s)
{
	struct ev_close *c = &x->close;

	*c = (struct ev_close){.outcome = below(s, EV_OUTCOMES),
			       .status = below(s, 600),
			       .answered_by_assay = below(s, 2),
			       .added_ns = below(s, 100000),
			       .reset_code = below(s, 14)};
	if (below(s, 3) == 0)
		strcpy(c->error, "vendor_unreachable_and_all_more");
	for (int i = 0; i < EV_MARKS; i++)
		c->mark[i] = below(s, 4) ? rig_random(s) >> 25 : 0;
	for (int i = 0; i < EV_DIGESTS; i++) {
		c->digest[i] =
			i & 1 && below(s, 2) ? c->digest[i - 1] : rig_random(s);
		c->bytes[i] = x->body[i / 2].n + (i & 1 ? below(s, 2) : 0);
	}
}

void sample_make(struct sample *x, uint64_t seed)
{
	uint64_t s = seed;

	*x = (struct sample){0};
	x->open = (struct ev_open){
		.kind = below(&s, EV_KINDS),
		.parent = below(&s, 3),
		.run = below(&s, 2) ? STR("night run") : (struct str){0},
		.route = STR("main"),
		.started_wall = 1763780000000000000ull + seed * 1000000007,
		.started_mono = 5000000000ull + seed * 1000003,
		.attempt = below(&s, 3)};
	if (seed & 1)
		buf_addf(&x->head[0],
			 "POST /v1/chat/completions?n=%lu HTTP/1.1\r\n"
			 "Host: api.vendor.example\r\nX-Id: %x\r\n\r\n",
			 (unsigned long)seed, below(&s, 1 << 30));
	else
		buf_addf(&x->head[0],
			 ":method: POST\r\n:scheme: https\r\n:path: "
			 "/v1/chat/completions?n=%lu\r\n:authority: a\r\n\r\n",
			 (unsigned long)seed);
	buf_addf(&x->head[1], "HTTP/1.1 200 OK\r\nDate: %u\r\nEmpty:\r\n\r\n",
		 below(&s, 1 << 30));
	make_request(&x->body[0], &s, seed);
	make_response(&x->body[1], &s);
	make_arrivals(x, 0, &s);
	make_arrivals(x, 1, &s);
	make_close(x, &s);
	x->has_gap = below(&s, 5) == 0;
	x->gap = (struct trail_gap){EV_RESPONSE, below(&s, 9999),
				    1 + below(&s, 999), below(&s, 3)};
}

void sample_free(struct sample *x)
{
	for (int i = 0; i < EV_SIDES; i++) {
		buf_free(&x->head[i]);
		buf_free(&x->body[i]);
		free(x->arrivals[i]);
	}
}

/* ---- putting ---- */

/* The k-th of `parts` runs of one side, its bytes in two pieces. */
static void part_of(const struct sample *x, int side, unsigned k,
		    unsigned parts, struct str piece[2], struct trail_run *run)
{
	size_t n = x->body[side].n, a = n * k / parts, b = n * (k + 1) / parts,
	       m = a + (b - a) / 3;
	size_t i = x->n_arrivals[side] * k / parts;
	size_t j = x->n_arrivals[side] * (k + 1) / parts;

	piece[0] = (struct str){x->body[side].p + a, m - a};
	piece[1] = (struct str){x->body[side].p + m, b - m};
	*run = (struct trail_run){side,	 piece, 2, x->arrivals[side] + i,
				  j - i, k == 0};
}

int64_t rig_put_sample(struct rig *r, const struct sample *x, unsigned parts,
		       bool close)
{
	int64_t id = trail_next_id(r->trail);

	for (unsigned k = 0; k < parts; k++) {
		struct str piece[2][2];
		struct trail_run runs[2];
		struct trail_head heads[2];
		struct trail_exchange e = {.id = id,
					   .open = &x->open,
					   .conn_down = r->conn[0],
					   .conn_up = r->conn[1],
					   .heads = heads,
					   .runs = runs,
					   .n_runs = 2,
					   .gaps = &x->gap};

		for (int i = 0; i < 2; i++) {
			part_of(x, i, k, parts, piece[i], &runs[i]);
			heads[i] = (struct trail_head){i, EV_HEAD_MAIN,
						       x->open.started_mono +
							       77 + (unsigned)i,
						       buf_str(&x->head[i])};
		}
		e.n_heads = k == 0 ? 2 : 0;
		e.n_gaps = k == 0 && x->has_gap;
		e.close = close && k + 1 == parts ? &x->close : NULL;
		trail_put(r->trail, &e);
	}
	return id;
}

int64_t rig_put(struct rig *r, uint64_t seed)
{
	struct sample x;
	int64_t id;

	sample_make(&x, seed);
	id = rig_put_sample(r, &x, 1, true);
	sample_free(&x);
	return id;
}

void rig_commit(struct rig *r)
{
	struct fail f;

	if (!trail_commit(r->trail, NULL, 0, &f))
		fail_msg("%s: %s", f.code, f.text);
}

/* ---- comparing ---- */

static void must(bool ok, const struct fail *f)
{
	if (!ok)
		fail_msg("%s: %s", f->code, f->text);
}

static void expect_str(struct str got, struct str want)
{
	assert_int_equal(got.n, want.n);
	if (want.n)
		assert_memory_equal(got.p, want.p, want.n);
}

static void expect_row(struct rig *r, int64_t id, const struct sample *x,
		       uint64_t seed)
{
	struct trail_row row;
	struct fail f;
	char path[64];

	must(trail_get(r->trail, id, &row, &f), &f);
	snprintf(path, sizeof path, "/v1/chat/completions?n=%lu",
		 (unsigned long)seed);
	expect_str(row.method, STR("POST"));
	expect_str(row.path, str_of(path));
	expect_str(row.run, x->open.run);
	expect_str(row.route, x->open.route);
	assert_int_equal(row.kind, x->open.kind);
	assert_int_equal(row.parent, x->open.parent);
	assert_int_equal(row.started_wall, x->open.started_wall);
	assert_int_equal(row.started_mono, x->open.started_mono);
	assert_true(row.closed && row.sealed);
	assert_int_equal(row.close.outcome, x->close.outcome);
	assert_int_equal(row.close.status, x->close.status);
	assert_int_equal(row.close.added_ns, x->close.added_ns);
	assert_int_equal(row.close.reset_code, x->close.reset_code);
	assert_int_equal(row.close.answered_by_assay,
			 x->close.answered_by_assay);
	assert_string_equal(row.close.error, x->close.error);
	for (int i = 0; i < EV_MARKS; i++)
		assert_int_equal(row.close.mark[i], x->close.mark[i]);
	for (int i = 0; i < EV_DIGESTS; i++) {
		assert_int_equal(row.close.digest[i], x->close.digest[i]);
		assert_int_equal(row.close.bytes[i], x->close.bytes[i]);
	}
	assert_int_equal(row.chunks[0], x->n_arrivals[0]);
	assert_int_equal(row.chunks[1], x->n_arrivals[1]);
	assert_int_equal(row.masked, 2);
	assert_int_equal(row.gaps, x->has_gap);
	assert_int_equal(row.gap_bytes, x->has_gap ? x->gap.n : 0);
}

struct heads {
	const struct sample *x;
	int n;
};

static void expect_head(void *arg, const struct trail_head *h)
{
	struct heads *o = arg;

	assert_int_equal(h->side, o->n);
	assert_int_equal(h->kind, EV_HEAD_MAIN);
	assert_int_equal(h->at, 77 + o->n);
	expect_str(h->raw, buf_str(&o->x->head[o->n]));
	o->n++;
}

static void expect_side(struct rig *r, int64_t id, const struct sample *x,
			int side)
{
	struct buf body = {0};
	struct trail_arrival *a;
	struct fail f;
	size_t n;

	must(trail_body(r->trail, id, side, &body, &f), &f);
	expect_str(buf_str(&body), buf_str(&x->body[side]));
	buf_free(&body);
	must(trail_arrivals(r->trail, id, side, &a, &n, &f), &f);
	assert_int_equal(n, x->n_arrivals[side]);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = x->arrivals[side][i].at - x->open.started_mono;

		assert_int_equal(a[i].at, at / 1000 * 1000);
		assert_int_equal(a[i].n, x->arrivals[side][i].n);
	}
	free(a);
}

void rig_expect(struct rig *r, int64_t id, uint64_t seed)
{
	struct sample x;
	struct heads h = {&x, 0};
	struct trail_gap *gaps;
	struct fail f;
	size_t n;

	sample_make(&x, seed);
	expect_row(r, id, &x, seed);
	must(trail_heads(r->trail, id, expect_head, &h, &f), &f);
	assert_int_equal(h.n, 2);
	expect_side(r, id, &x, 0);
	expect_side(r, id, &x, 1);
	must(trail_gaps(r->trail, id, &gaps, &n, &f), &f);
	assert_int_equal(n, x.has_gap);
	if (n) {
		assert_int_equal(gaps->side, x.gap.side);
		assert_int_equal(gaps->offset, x.gap.offset);
		assert_int_equal(gaps->n, x.gap.n);
		assert_int_equal(gaps->why, x.gap.why);
	}
	free(gaps);
	sample_free(&x);
}

int64_t rig_verify(struct rig *r, struct trail_check *out)
{
	struct trail_check own;
	struct fail f;
	int64_t n =
		trail_verify(r->trail, out ? out : &own, NULL, NULL, NULL, &f);

	if (n < 0)
		fail_msg("%s: %s", f.code, f.text);
	return n;
}

void rig_sql(struct rig *r, const char *sql)
{
	sqlite3 *db;
	char *error = NULL;

	assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
	sqlite3_close(db);
}
