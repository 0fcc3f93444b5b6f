/* SPDX-License-Identifier: MIT */
/* HTTP/2 behind http.h: the table, and how a connection begins. */
#include "wire/h2.h"

#include <assert.h>

#include "base/mem.h"
#include "wire/h2_impl.h"

static bool full(const struct http_stream *hs)
{
	return ((const struct h2_stream *)hs)->full;
}

static size_t queued(const struct http_stream *hs)
{
	const struct h2_stream *s = (const struct h2_stream *)hs;
	size_t n = s->out.n;

	/* Of the wire's queue it is unknown which bytes are this stream's. */
	if (s->ending && !s->flushed)
		n += wire_queued(hs->conn->wire);
	return n;
}

static bool touched(const struct http_stream *hs)
{
	const struct h2_stream *s = (const struct h2_stream *)hs;

	return s->begun && wire_sent(hs->conn->wire) > s->begin_at;
}

static unsigned slots(const struct http_conn *hc)
{
	const struct h2_conn *c = (const struct h2_conn *)hc;
	uint32_t most;

	if (c->base.server || c->closing || c->goaway_in || c->kill || c->done)
		return 0;
	if (nghttp2_session_get_next_stream_id(c->session) >= 1u << 31)
		return 0;
	most = nghttp2_session_get_remote_settings(
		c->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	if (most > H2_MAX_OUTGOING)
		most = H2_MAX_OUTGOING;
	return most > c->n_open ? most - c->n_open : 0;
}

static struct http_stream *open_stream(struct http_conn *hc,
				       const struct http_events *ev, void *who)
{
	struct h2_stream *s;

	if (slots(hc) == 0)
		return NULL;
	s = h2_stream_new((struct h2_conn *)hc, 0);
	s->base.events = ev;
	s->base.who = who;
	return &s->base;
}

const struct http_codec h2_codec = {
	.version = HTTP_2,
	.send_interim = h2_send_interim,
	.send_head = h2_send_head,
	.send_data = h2_send_data,
	.send_trailers = h2_send_trailers,
	.send_end = h2_send_end,
	.full = full,
	.queued = queued,
	.touched = touched,
	.paused = h2_paused,
	.abandon = h2_abandon,
	.cut = h2_cut,
	.slots = slots,
	.open = open_stream,
	.close = h2_close,
};

static nghttp2_option *make_options(const struct http_limits *lim)
{
	nghttp2_option *o;
	int rv = nghttp2_option_new(&o);

	assert(rv == 0);
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1); /* h2_scan.c */
	/* Resets are counted here (h2_afford), and ended more politely. */
	nghttp2_option_set_stream_reset_rate_limit(
		o, 4 * (uint64_t)H2_IDLE_FRAMES_BURST,
		4 * (uint64_t)H2_IDLE_FRAMES_RATE);
	/*
	 * So are CONTINUATIONs: nghttp2 1.52 takes a frame whose header comes
	 * in pieces for several.
	 */
	nghttp2_option_set_max_continuations(o, 10 * H2_MAX_CONTINUATIONS);
	/* What was let in goes out again. */
	nghttp2_option_set_max_send_header_block_length(
		o, 65536 + 4 * lim->max_head);
	return o;
}

static void make_session(struct h2_conn *c)
{
	nghttp2_option *o = make_options(&c->base.limits);
	nghttp2_session_callbacks *cb;
	int rv = nghttp2_session_callbacks_new(&cb);

	assert(rv == 0);
	h2_set_callbacks(cb);
	rv = c->base.server
		     ? nghttp2_session_server_new2(&c->session, cb, c, o)
		     : nghttp2_session_client_new2(&c->session, cb, c, o);
	assert(rv == 0);
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(o);
}

static void introduce_ourselves(struct h2_conn *c)
{
	const struct http_limits *lim = &c->base.limits;
	nghttp2_settings_entry s[3] = {
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW}};
	size_t n = 1;
	int rv;

	if (c->base.server)
		s[n++] = (nghttp2_settings_entry){
			NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
			lim->max_streams ? lim->max_streams : 100};
	else
		s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH,
						  0};
	s[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
					  (uint32_t)lim->max_head};
	rv = nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, s, n);
	assert(rv == 0);
	rv = nghttp2_session_set_local_window_size(
		c->session, NGHTTP2_FLAG_NONE, 0, H2_CONN_WINDOW);
	assert(rv == 0);
}

static struct h2_conn *begin(struct wire *w, const struct http_limits *lim,
			     const struct http_server *srv,
			     const struct http_client *cli, void *owner)
{
	struct h2_conn *c = MEM_NEW(struct h2_conn);

	c->magic = H2_CONN_MAGIC;
	c->base = (struct http_conn){
		.codec = &h2_codec,
		.wire = w,
		.limits = *lim,
		.server = srv,
		.client = cli,
		.owner = owner,
	};
	c->loop = wire_loop(w);
	c->dirty.flush = h2_flush;
	c->deadline.due = h2_due;
	TAILQ_INIT(&c->streams);
	TAILQ_INIT(&c->news);
	TAILQ_INIT(&c->ending);
	c->born = c->idle_since = c->now = c->idle_frames_at = clock_mono();
	c->idle_frames = H2_IDLE_FRAMES_BURST;
	c->skip = srv ? H2_PREFACE_LEN : 0;
	make_session(c);
	introduce_ourselves(c);
	loop_add_deadline(c->loop, &c->deadline);
	h2_set_deadline(c);
	wire_set_events(w, &h2_wire_events, c);
	h2_wake(c);
	return c;
}

struct http_conn *h2_serve(struct wire *take_w, const struct http_limits *lim,
			   const struct http_server *srv, void *owner)
{
	return &begin(take_w, lim, srv, NULL, owner)->base;
}

struct http_conn *h2_dial(struct wire *take_w, const struct http_limits *lim,
			  const struct http_client *cli, void *owner)
{
	return &begin(take_w, lim, NULL, cli, owner)->base;
}
