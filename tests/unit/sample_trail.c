/* SPDX-License-Identifier: MIT */
#include "sample_trail.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "record/trail.h"

#define MONO 5000000000ull /* of the first exchange's start */

/* One exchange in the making. */
struct sample {
	struct trail *t;
	struct trail_exchange x;
	struct ev_open open;
	struct ev_close close;
	struct trail_head heads[6];
	struct trail_run runs[2];
	struct str pieces[2][SAMPLE_EVENTS];
	struct trail_arrival arrivals[2][SAMPLE_EVENTS];
};

static struct sample *begin(struct trail *t)
{
	struct sample *s = MEM_NEW(struct sample);
	int64_t id = trail_next_id(t);

	s->t = t;
	s->x = (struct trail_exchange){.id = id,
				       .open = &s->open,
				       .heads = s->heads,
				       .runs = s->runs,
				       .close = &s->close};
	s->open.route = STR("default");
	s->open.started_wall = SAMPLE_STARTED + (uint64_t)(id - 1) * NS_PER_S;
	s->open.started_mono = MONO + (uint64_t)(id - 1) * NS_PER_S;
	s->close.status = 200;
	s->close.added_ns = 41000;
	s->close.mark[EV_MARK_REQUEST_HEAD] = 120000;
	s->close.mark[EV_MARK_VENDOR_READY] = 8000000;
	s->close.mark[EV_MARK_REQUEST_SENT] = 8100000;
	s->close.mark[EV_MARK_REQUEST_END] = 130000;
	s->close.mark[EV_MARK_FIRST_BYTE] = 300000000;
	s->close.mark[EV_MARK_FIRST_DATA] = 312400000;
	s->close.mark[EV_MARK_RESPONSE_END] = 700000000;
	s->close.mark[EV_MARK_DONE] = 700100000;
	return s;
}

static void head(struct sample *s, enum ev_side side, enum ev_head kind,
		 uint64_t at, const char *raw)
{
	s->heads[s->x.n_heads++] = (struct trail_head){
		side, kind, s->open.started_mono + at, str_of(raw)};
}

static struct trail_run *run_of(struct sample *s, enum ev_side side)
{
	for (size_t i = 0; i < s->x.n_runs; i++) {
		if (s->runs[i].side == side)
			return &s->runs[i];
	}
	s->runs[s->x.n_runs] = (struct trail_run){
		.side = side,
		.pieces = s->pieces[side],
		.arrivals = s->arrivals[side],
	};
	return &s->runs[s->x.n_runs++];
}

/* Body bytes that arrived at once. Borrowed until the end. */
static void data(struct sample *s, enum ev_side side, uint64_t at,
		 struct str bytes)
{
	struct trail_run *r = run_of(s, side);
	enum ev_digest in = side == EV_REQUEST ? EV_DIGEST_REQUEST_IN
					       : EV_DIGEST_RESPONSE_IN;

	assert(r->n_pieces < SAMPLE_EVENTS);
	s->pieces[side][r->n_pieces++] = bytes;
	s->arrivals[side][r->n_arrivals++] = (struct trail_arrival){
		s->open.started_mono + at, (uint32_t)bytes.n};
	s->close.bytes[in] += bytes.n;
	s->close.bytes[in + 1] += bytes.n;
}

static void end(struct sample *s)
{
	struct fail f;
	bool ok;

	trail_put(s->t, &s->x);
	ok = trail_commit(s->t, NULL, 0, &f);
	assert(ok);
	free(s);
}

static void request(struct sample *s, const char *head_line, const char *body)
{
	static const char fields[] = "Host: api.vendor.example\r\n"
				     "Content-Type: application/json\r\n\r\n";
	static char raw[512];

	snprintf(raw, sizeof raw, "%s HTTP/1.1\r\n%s", head_line, fields);
	head(s, EV_REQUEST, EV_HEAD_MAIN, 120000, raw);
	if (*body)
		data(s, EV_REQUEST, 130000, str_of(body));
}

static void conns(struct sample *s)
{
	struct ev_conn down = {.side = EV_REQUEST,
			       .at_wall = SAMPLE_STARTED,
			       .peer = STR("127.0.0.1:39482"),
			       .http = STR("1.1")};
	struct ev_conn up = {.side = EV_RESPONSE,
			     .route = STR("default"),
			     .at_wall = SAMPLE_STARTED,
			     .peer = STR("[2001:db8::7]:443"),
			     .tls = true,
			     .tls_version = STR("TLSv1.3"),
			     .cipher = STR("TLS_AES_256_GCM_SHA384"),
			     .alpn = STR("h2"),
			     .sni = STR("api.vendor.example"),
			     .http = STR("2"),
			     .has_chain = true};

	memset(up.chain_sha256, 0xab, sizeof up.chain_sha256);
	s->x.conn_down = trail_put_conn(s->t, &down);
	s->x.conn_up = trail_put_conn(s->t, &up);
}

static void put_stream(struct trail *t)
{
	struct sample *s = begin(t);
	static char events[SAMPLE_EVENTS][80];

	conns(s);
	request(s, "POST /v1/chat/completions?stream=1",
		"{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
		"\"content\":\"\\u4f60\\u597d\"}]}");
	head(s, EV_RESPONSE, EV_HEAD_INTERIM, 250000000,
	     ":status: 103\r\nlink: </x>\r\n\r\n");
	head(s, EV_RESPONSE, EV_HEAD_MAIN, 300000000,
	     ":status: 200\r\ncontent-type: text/event-stream\r\n\r\n");
	for (unsigned i = 0; i < SAMPLE_EVENTS; i++) {
		snprintf(events[i], sizeof events[i],
			 "data: {\"n\":%u,\"text\":\"word %u\"}\n\n", i, i);
		data(s, EV_RESPONSE, 312400000 + i * 20000000ull,
		     str_of(events[i]));
	}
	head(s, EV_RESPONSE, EV_HEAD_TRAILERS, 700000000,
	     "x-checksum: 77\r\n\r\n");
	end(s);
}

static void put_gzip(struct trail *t)
{
	static const char json[] =
		"{\"ok\":true,\"list\":[1,2.50],\"s\":\"x\"}";
	char packed[256];
	z_stream z = {0};
	struct sample *s = begin(t);

	deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0);
	z.next_in = (unsigned char *)(uintptr_t)json;
	z.avail_in = sizeof json - 1;
	z.next_out = (unsigned char *)packed;
	z.avail_out = sizeof packed;
	deflate(&z, Z_FINISH);
	request(s, "GET /v1/models", "");
	head(s, EV_RESPONSE, EV_HEAD_MAIN, 300000000,
	     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	     "Content-Encoding: gzip\r\n\r\n");
	data(s, EV_RESPONSE, 312400000, (struct str){packed, z.total_out});
	deflateEnd(&z);
	end(s);
}

static void put_evil(struct trail *t)
{
	struct sample *s = begin(t);

	request(s, "GET /\x1b[2J?\xc2\x9b\xe2\x80\xae\xff", "");
	head(s, EV_RESPONSE, EV_HEAD_MAIN, 300000000,
	     "HTTP/1.1 200 \x1b[31mOK\r\nX-\x07: \x1b]0;t\x07\xff\r\n\r\n");
	data(s, EV_RESPONSE, 312400000, STR(SAMPLE_EVIL_BODY));
	end(s);
}

static void put_unreachable(struct trail *t)
{
	struct sample *s = begin(t);
	struct str body = STR("{\"error\":{\"code\":\"vendor_unreachable\"}}");

	s->open.route = STR("other");
	s->close.outcome = EV_VENDOR_UNREACHABLE;
	s->close.status = 502;
	s->close.answered_by_assay = true;
	snprintf(s->close.error, sizeof s->close.error, "connect_refused");
	request(s, "POST /v1/responses", "{}");
	head(s, EV_RESPONSE, EV_HEAD_MAIN, 300000000,
	     "HTTP/1.1 502 Bad Gateway\r\n"
	     "Content-Type: application/json\r\n\r\n");
	data(s, EV_RESPONSE, 312400000, body);
	s->close.bytes[EV_DIGEST_RESPONSE_IN] = 0;
	end(s);
}

static void put_masked(struct trail *t)
{
	static const struct trail_gap gap = {EV_RESPONSE, 6, 100,
					     EV_GAP_SPOOL_FULL};
	struct sample *s = begin(t);

	s->open.kind = EV_REPLAY;
	s->open.parent = SAMPLE_STREAM;
	s->close.outcome = EV_TRUNCATED;
	request(s, "POST /v1/messages", "{\"key\":\"fp:0123456789abcdef\"}");
	run_of(s, EV_REQUEST)->masked = 1;
	head(s, EV_RESPONSE, EV_HEAD_MAIN, 300000000,
	     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
	data(s, EV_RESPONSE, 312400000, STR("before after\n"));
	s->arrivals[EV_RESPONSE][0].n += 100;
	s->x.gaps = &gap;
	s->x.n_gaps = 1;
	end(s);
}

static void put_bomb(struct trail *t)
{
	size_t n = 8 << 20, room = ZSTD_compressBound(n);
	char *zeros = mem_zero(n), *packed = mem_alloc(room);
	struct sample *s = begin(t);

	memset(zeros, ' ', n);
	room = ZSTD_compress(packed, room, zeros, n, 3);
	request(s, "GET /bomb", "");
	head(s, EV_RESPONSE, EV_HEAD_MAIN, 300000000,
	     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	     "Content-Encoding: zstd\r\n\r\n");
	data(s, EV_RESPONSE, 312400000, (struct str){packed, room});
	end(s);
	free(zeros);
	free(packed);
}

static void put_open(struct trail *t)
{
	struct sample *s = begin(t);

	request(s, "POST /v1/chat/completions", "{\"stream\":true}");
	head(s, EV_RESPONSE, EV_HEAD_MAIN, 300000000,
	     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
	data(s, EV_RESPONSE, 312400000, STR("data: 1\n\ndata: 2"));
	s->x.close = NULL;
	end(s);
}

static void put_plain(struct trail *t)
{
	struct sample *s = begin(t);

	request(s, "GET /plain", "");
	head(s, EV_RESPONSE, EV_HEAD_MAIN, 300000000,
	     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
	data(s, EV_RESPONSE, 312400000, STR("plain\n"));
	end(s);
}

void sample_trail_make(const char *path, unsigned more)
{
	static void (*const puts[])(struct trail *) = {
		put_stream, put_gzip, put_evil, put_unreachable,
		put_masked, put_bomb, put_open};
	struct fail f;
	struct trail *t = trail_record(path, &f);

	assert(t);
	for (unsigned i = 0; i < sizeof puts / sizeof *puts; i++)
		puts[i](t);
	while (more--)
		put_plain(t);
	trail_close(t);
}
