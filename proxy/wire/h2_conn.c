/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A connection's turn:
 *
 *	wire -> on_bytes -> h2_scan.c -> nghttp2 -> h2_recv.c -> owners
 *	                                                           | sends
 *	end of the turn:  h2_flush                                 v
 *	    tell news -> nghttp2_session_mem_send -> wire_write -> wire_flush
 *	        ^                                                  |
 *	        +---- streams flushed, room, gone <----------------+
 *
 * It ends in h2_flush or where the wire ends, in one place (finish):
 *
 *	kill	the peer broke the rules, or http_close(now): GOAWAY, at once
 *	ended	GOAWAY went or came and no stream is left: all is written
 *	over	the wire has ended by itself
 */
#include <assert.h>
#include <stdlib.h>

#include "wire/h2_impl.h"

/* How long queued output may take to leave once a connection has ended. */
#define LINGER	    (5 * NS_PER_S)
#define KILL_LINGER (1 * NS_PER_S)

/* How long a client may take to acknowledge that we are shutting down. */
#define NOTICE_PATIENCE (1 * NS_PER_S)

static struct h2_conn *conn_of(void *who)
{
	struct h2_conn *c = who;

	assert(c->magic == H2_CONN_MAGIC);
	return c;
}

void h2_wake(struct h2_conn *c)
{
	if (!c->done)
		loop_mark_dirty(c->loop, &c->dirty);
}

void h2_kill(struct h2_conn *c, uint32_t error, const char *code,
	     const char *why)
{
	if (c->kill)
		return;
	c->kill = true;
	c->error = error;
	c->code = code;
	c->why = why;
	h2_wake(c);
}

bool h2_afford(struct h2_conn *c)
{
	double since = (double)(c->now - c->idle_frames_at) / NS_PER_S;

	c->idle_frames_at = c->now;
	c->idle_frames += since * H2_IDLE_FRAMES_RATE;
	if (c->idle_frames > H2_IDLE_FRAMES_BURST)
		c->idle_frames = H2_IDLE_FRAMES_BURST;
	c->idle_frames -= 1;
	if (c->idle_frames >= 0)
		return true;
	h2_kill(c, NGHTTP2_ENHANCE_YOUR_CALM, "flood",
		"too many frames that carry nothing");
	return false;
}

/* ---- the end ---- */

static void bury(void *p)
{
	struct h2_conn *c = p;

	nghttp2_session_del(c->session);
	h2_head_free(c);
	buf_free(&c->path);
	free(c->nv);
	c->magic = 0;
	free(c);
}

static void finish(struct h2_conn *c, uint64_t linger)
{
	struct h2_stream *s;

	if (c->done)
		return;
	c->done = true;
	while ((s = TAILQ_FIRST(&c->streams)))
		h2_stream_cut_off(s);
	loop_drop_deadline(&c->deadline);
	loop_unmark_dirty(c->loop, &c->dirty);
	if (c->base.server) {
		if (c->why)
			c->base.server->on_refused(c->base.owner, &c->base, 0,
						   c->code, c->why);
		c->base.server->on_closed(c->base.owner, &c->base);
	} else {
		c->base.client->on_closed(c->base.owner, &c->base);
	}
	/* last, since facts of the wire may be asked for until then */
	wire_close(c->base.wire, linger, false);
	loop_bury(c->loop, c, bury);
}

/* nghttp2 has nothing more to read or to write. */
static bool has_ended(const struct h2_conn *c)
{
	return !nghttp2_session_want_read(c->session) &&
	       !nghttp2_session_want_write(c->session);
}

/* Ended by neither side's goodbye: nghttp2 has found a protocol error. */
static void blame(struct h2_conn *c)
{
	if (c->why || c->goaway_in || c->final_out)
		return;
	c->code = "protocol_error";
	c->why = c->suspect ? c->suspect : "the HTTP/2 session was broken";
}

/* ---- out ---- */

static void pump(struct h2_conn *c)
{
	struct wire *w = c->base.wire;
	const uint8_t *p;
	ssize_t n;

	while (!wire_full(w)) {
		n = nghttp2_session_mem_send(c->session, &p);
		if (n == 0)
			break;
		if (n < 0) {
			assert(n != NGHTTP2_ERR_NOMEM);
			h2_kill(c, NGHTTP2_INTERNAL_ERROR, "protocol_error",
				"the HTTP/2 session cannot go on");
			break;
		}
		wire_write(w, p, (size_t)n);
		c->wrote += (uint64_t)n;
	}
	wire_flush(w);
	h2_settle(c);
}

static void die(struct h2_conn *c)
{
	nghttp2_session_terminate_session(c->session, c->error);
	pump(c);
	h2_tell(c);
	finish(c, KILL_LINGER);
}

void h2_flush(struct loop_dirty *d)
{
	struct h2_conn *c =
		conn_of((char *)d - offsetof(struct h2_conn, dirty));

	do {
		h2_tell(c);
		if (c->kill)
			break;
		pump(c);
	} while (!TAILQ_EMPTY(&c->news) || c->slot_news);
	if (c->kill) {
		die(c);
	} else if (has_ended(c)) {
		blame(c);
		if (c->why || TAILQ_EMPTY(&c->streams))
			finish(c, LINGER);
	}
	if (!c->done)
		h2_set_deadline(c);
}

/* ---- in ---- */

static void recv_failed(struct h2_conn *c, ssize_t error)
{
	switch (error) {
	case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
		h2_kill(c, NGHTTP2_PROTOCOL_ERROR, "bad_preface",
			"the connection does not begin as HTTP/2 does");
		break;
	case NGHTTP2_ERR_FLOODED:
	case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
		h2_kill(c, NGHTTP2_ENHANCE_YOUR_CALM, "flood",
			nghttp2_strerror((int)error));
		break;
	default:
		assert(error != NGHTTP2_ERR_NOMEM);
		h2_kill(c, NGHTTP2_INTERNAL_ERROR, "protocol_error",
			nghttp2_strerror((int)error));
	}
}

static void on_bytes(void *who, const char *p, size_t n, uint64_t at)
{
	struct h2_conn *c = conn_of(who);
	ssize_t took;

	if (c->kill || c->done)
		return;
	c->now = at;
	took = h2_recv(c, p, n);
	if (took < 0)
		recv_failed(c, took);
	h2_tell(c);
	/* submitting has woken it; acknowledgements and credit have not */
	if (!nghttp2_session_want_read(c->session) ||
	    nghttp2_session_want_write(c->session))
		h2_wake(c);
}

static void on_end(void *who, enum wire_end how)
{
	struct h2_conn *c = conn_of(who);

	c->wire_end = how;
	h2_settle(c);
	h2_tell(c);
	finish(c, how == WIRE_END_CLEAN ? LINGER : 0);
}

static void on_room(void *who)
{
	h2_wake(conn_of(who));
}

static void on_drained(void *who)
{
	struct h2_conn *c = conn_of(who);

	h2_settle(c);
	if (!TAILQ_EMPTY(&c->news) || has_ended(c))
		h2_wake(c);
}

const struct wire_events h2_wire_events = {on_bytes, on_end, on_room,
					   on_drained};

void h2_feed(struct http_conn *hc, const char *p, size_t n, uint64_t at)
{
	on_bytes(hc, p, n, at);
}

/* ---- deadlines and goodbyes ---- */

void h2_set_deadline(struct h2_conn *c)
{
	const struct http_limits *lim = &c->base.limits;
	uint64_t from = 0, limit = 0;

	if (c->patience) {
		c->deadline.at = c->patience;
		return;
	}
	if (!c->settled && c->base.server) {
		from = c->born;
		limit = lim->head_timeout_ns;
	} else if (c->in.open) {
		from = c->in.first_at;
		limit = lim->head_timeout_ns;
	} else if (c->n_open == 0) {
		from = c->idle_since;
		limit = lim->idle_timeout_ns;
	}
	c->deadline.at = limit ? from + limit : 0;
}

void h2_final_goaway(struct h2_conn *c)
{
	if (!c->closing || c->final_out)
		return;
	c->final_out = true;
	c->patience = 0;
	nghttp2_submit_goaway(
		c->session, NGHTTP2_FLAG_NONE,
		nghttp2_session_get_last_proc_stream_id(c->session),
		NGHTTP2_NO_ERROR, NULL, 0);
	h2_wake(c);
}

void h2_close(struct http_conn *hc, bool now)
{
	struct h2_conn *c = conn_of(hc);

	if (c->done)
		return;
	if (now) {
		h2_kill(c, NGHTTP2_NO_ERROR, NULL, NULL);
		return;
	}
	if (c->closing)
		return;
	c->closing = true;
	if (!c->base.server) {
		h2_final_goaway(c);
		return;
	}
	/*
	 * Requests may be on their way: the first GOAWAY names no last stream,
	 * and the one that does follows when the client has seen the first.
	 */
	nghttp2_submit_shutdown_notice(c->session);
	nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
	c->patience = clock_mono() + NOTICE_PATIENCE;
	h2_set_deadline(c);
	h2_wake(c);
}

void h2_due(struct loop_deadline *d)
{
	struct h2_conn *c =
		conn_of((char *)d - offsetof(struct h2_conn, deadline));

	if (c->patience) {
		h2_final_goaway(c);
	} else if ((!c->settled && c->base.server) || c->in.open) {
		h2_kill(c, NGHTTP2_ENHANCE_YOUR_CALM, "head_timeout",
			"the head took too long to arrive");
	} else {
		c->closing = true;
		h2_final_goaway(c);
	}
	h2_set_deadline(c);
}
