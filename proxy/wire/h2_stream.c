/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A stream's end has several parts, which come in any order:
 *
 *	peer_ended   END_STREAM came	  end_told   and on_end() was called
 *	ending	     ours was sent	  flushed    and the kernel has it
 *	closed	     nghttp2 forgot it	  decided    on_gone() is due: `how`
 *
 * Owners are called while bytes come in and from the flush, never from inside
 * what they call: that only marks news, which h2_tell() tells.
 *
 * An abandoned stream stays, deaf, until nghttp2 has forgotten it, because a
 * frame of it may be half on its way.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/h2_impl.h"

struct h2_stream *h2_stream_of(struct http_stream *hs)
{
	struct h2_stream *s = (struct h2_stream *)hs;

	assert(s->magic == H2_STREAM_MAGIC);
	return s;
}

struct h2_conn *h2_conn_of(struct h2_stream *s)
{
	return (struct h2_conn *)s->base.conn;
}

/* ---- life ---- */

struct h2_stream *h2_stream_new(struct h2_conn *c, int32_t id)
{
	struct h2_stream *s = MEM_NEW(struct h2_stream);

	s->magic = H2_STREAM_MAGIC;
	s->base.codec = c->base.codec;
	s->base.conn = &c->base;
	s->id = id;
	s->counted = true;
	c->n_open++;
	TAILQ_INSERT_TAIL(&c->streams, s, link);
	h2_set_deadline(c);
	return s;
}

static void give_slot(struct h2_stream *s)
{
	struct h2_conn *c = h2_conn_of(s);

	if (!s->counted)
		return;
	s->counted = false;
	c->slot_news = true;
	if (--c->n_open == 0) {
		if (c->base.limits.idle_timeout_ns)
			c->idle_since = clock_mono();
		h2_set_deadline(c);
	}
}

static void bury(void *p)
{
	struct h2_stream *s = p;
	fifo_clear(&s->in);
	fifo_clear(&s->out);
	head_free(s->in_trailers);
	head_free(s->out_trailers);
	s->magic = 0;
	free(s);
}

static void drop_news(struct h2_stream *s)
{
	if (s->news)
		TAILQ_REMOVE(&h2_conn_of(s)->news, s, news_link);
	s->news = 0;
}

/* Its queues go later: their bytes may be under someone's eyes just now. */
void h2_stream_free(struct h2_stream *s)
{
	struct h2_conn *c = h2_conn_of(s);

	assert(!s->freed);
	s->deaf = s->freed = true;
	give_slot(s);
	drop_news(s);
	if (s->ending && !s->flushed)
		TAILQ_REMOVE(&c->ending, s, ending_link);
	s->ending = false;
	TAILQ_REMOVE(&c->streams, s, link);
	loop_bury(c->loop, s, bury);
	h2_wake(c); /* it may have been the last */
}

/* ---- what is to be told ---- */

void h2_news(struct h2_stream *s, enum h2_news what)
{
	struct h2_conn *c = h2_conn_of(s);

	if (s->deaf)
		return;
	if (s->news == 0)
		TAILQ_INSERT_TAIL(&c->news, s, news_link);
	s->news |= what;
	h2_wake(c);
}

static void tell_gone(struct h2_stream *s)
{
	struct http_end_facts facts = {
		.how = s->how,
		.code = s->code,
		.wire_end = h2_conn_of(s)->wire_end,
		.why = s->why,
	};

	h2_stream_free(s);
	s->base.events->on_gone(s->base.who, &facts);
}

static void tell_in_end(struct h2_stream *s)
{
	struct head *trailers = s->in_trailers;

	s->in_trailers = NULL;
	if (trailers)
		s->base.events->on_trailers(s->base.who, trailers);
	if (s->deaf || !s->peer_ended || s->end_told)
		return;
	s->end_told = true;
	s->base.events->on_end(s->base.who);
	if (!s->deaf)
		h2_stream_check(s);
}

static void credit(struct h2_stream *s, size_t n)
{
	if (!s->closed)
		nghttp2_session_consume_stream(h2_conn_of(s)->session, s->id,
					       n);
}

/*
 * Does anything wait to be told? The end may wait alone: the owner can pause
 * in the very call that gives it the last bytes.
 */
static bool is_waiting(const struct h2_stream *s)
{
	return s->in.n || s->in_trailers || (s->peer_ended && !s->end_told);
}

/* What waits, as long as the owner has no reason in `but` not to take it. */
static void deliver(struct h2_stream *s, unsigned but)
{
	while (!s->deaf && !(s->base.paused & but)) {
		uint64_t at;
		struct str p = fifo_front(&s->in, &at);

		if (p.n == 0) {
			tell_in_end(s);
			return;
		}
		s->base.events->on_data(s->base.who, p.p, p.n, at);
		if (s->deaf)
			return;
		fifo_drop(&s->in, p.n);
		credit(s, p.n);
	}
}

/*
 * An owner whose other side is merely slow gets all that the peer sent before
 * the end; one without another side has no use for it.
 */
static void deliver_rest(struct h2_stream *s)
{
	if (is_waiting(s))
		deliver(s, ~(unsigned)HTTP_PEER_FULL);
}

void h2_tell(struct h2_conn *c)
{
	struct h2_stream *s;

	while ((s = TAILQ_FIRST(&c->news))) {
		unsigned what = s->news;

		drop_news(s);
		if (what & H2_NEWS_DATA)
			deliver(s, ~0u);
		if ((what & H2_NEWS_ROOM) && !s->deaf)
			s->base.events->on_room(s->base.who);
		if (!(what & H2_NEWS_GONE) || s->deaf)
			continue;
		deliver_rest(s);
		if (!s->deaf)
			tell_gone(s);
	}
	if (!c->slot_news)
		return;
	c->slot_news = false;
	if (c->base.client && http_slots(&c->base))
		c->base.client->on_slot(c->base.owner, &c->base);
}

/* ---- what comes in ---- */

void h2_stream_data(struct h2_stream *s, const char *p, size_t n)
{
	struct h2_conn *c = h2_conn_of(s);

	if (s->deaf || s->decided || s->cut)
		return; /* without credit: it will stop by itself */
	if (s->base.paused || s->in.n) {
		fifo_put(&s->in, p, n, c->now);
		return;
	}
	s->base.events->on_data(s->base.who, p, n, c->now);
	if (!s->deaf)
		credit(s, n);
}

void h2_stream_trailers(struct h2_stream *s, struct head *take_head)
{
	if (s->deaf || s->decided || s->cut) {
		head_free(take_head);
		return;
	}
	assert(!s->in_trailers);
	s->in_trailers = take_head;
	if (s->in.n == 0)
		tell_in_end(s);
}

void h2_stream_ended(struct h2_stream *s)
{
	s->peer_ended = true;
	if (s->deaf || s->decided || s->cut)
		return;
	if (s->in.n == 0)
		tell_in_end(s);
}

/* ---- its end ---- */

void h2_stream_decide(struct h2_stream *s, enum http_gone how)
{
	if (s->decided || s->deaf)
		return;
	s->decided = true;
	s->how = (uint8_t)how;
	h2_news(s, H2_NEWS_GONE);
}

/* A closed stream whose ends are as they should be: is all told and sent? */
void h2_stream_check(struct h2_stream *s)
{
	bool told = s->end_told || !s->peer_ended || s->cut;

	if (s->closed && s->flushed && told)
		h2_stream_decide(s, HTTP_DONE);
}

static enum http_gone judge_reset(const struct h2_stream *s, bool server)
{
	if (server)
		return HTTP_RESET;
	if (s->code == NGHTTP2_REFUSED_STREAM && !s->head_in)
		return HTTP_UNSENT;
	if (s->code == NGHTTP2_NO_ERROR && s->peer_ended)
		return HTTP_DONE;
	return HTTP_RESET;
}

/* nghttp2 has reset it by itself. */
static void break_stream(struct h2_stream *s)
{
	if (!s->why)
		s->why = "a message was not as HTTP/2 or its content-length "
			 "demands";
	h2_stream_decide(s, HTTP_BROKEN);
}

void h2_stream_closed(struct h2_stream *s, uint32_t code)
{
	struct h2_conn *c = h2_conn_of(s);
	bool server = h2_is_server(c);

	s->closed = true;
	s->code = code;
	give_slot(s);
	h2_wake(c);
	if (s->deaf)
		h2_stream_free(s);
	else if (s->reset_in)
		h2_stream_decide(s,
				 s->cut ? HTTP_DONE : judge_reset(s, server));
	else if (s->why)
		break_stream(s);
	else if (s->ending && (s->peer_ended || s->cut || server))
		h2_stream_check(s);
	else if (!server && code == NGHTTP2_REFUSED_STREAM && !s->head_in)
		h2_stream_decide(s, HTTP_UNSENT);
	else
		break_stream(s);
}

void h2_stream_ending(struct h2_stream *s)
{
	struct h2_conn *c = h2_conn_of(s);

	if (s->ending)
		return;
	s->ending = true;
	TAILQ_INSERT_TAIL(&c->ending, s, ending_link);
}

/*
 * Streams end in the order of c->ending. What nghttp2 had ready is with the
 * wire when this is called, so that is how far the wire must get.
 */
void h2_settle(struct h2_conn *c)
{
	uint64_t sent = wire_sent(c->base.wire);
	struct h2_stream *s;

	TAILQ_FOREACH_REVERSE(s, &c->ending, h2_list, ending_link)
	{
		if (s->stamped)
			break;
		s->stamped = true;
		s->end_at = c->wrote;
	}
	while ((s = TAILQ_FIRST(&c->ending)) && s->end_at <= sent) {
		TAILQ_REMOVE(&c->ending, s, ending_link);
		s->flushed = true;
		h2_stream_check(s);
	}
}

static bool touched(const struct h2_stream *s)
{
	return s->begun && wire_sent(s->base.conn->wire) > s->begin_at;
}

static enum http_gone judge_cut(const struct h2_stream *s)
{
	const struct h2_conn *c = (const struct h2_conn *)s->base.conn;
	bool server = h2_is_server(c);

	if (s->cut || (s->closed && s->flushed))
		return HTTP_DONE;
	if (server)
		return c->why ? HTTP_BROKEN : HTTP_CUT;
	if (s->peer_ended)
		return HTTP_DONE; /* answered; the request's rest is moot */
	if (!touched(s))
		return HTTP_UNSENT;
	return c->why ? HTTP_BROKEN : HTTP_CUT;
}

void h2_stream_cut_off(struct h2_stream *s)
{
	const struct h2_conn *c = h2_conn_of(s);
	enum http_gone how = judge_cut(s);

	s->closed = true;
	if (!s->deaf)
		deliver_rest(s);
	if (s->deaf) {
		if (!s->freed) /* its owner may have let go just now */
			h2_stream_free(s);
		return;
	}
	if (!s->decided)
		s->how = (uint8_t)how;
	if (!s->why)
		s->why = c->why;
	tell_gone(s);
}

/* ---- what the owner wants ---- */

void h2_paused(struct http_stream *hs)
{
	struct h2_stream *s = h2_stream_of(hs);

	if (!hs->paused && is_waiting(s))
		h2_news(s, H2_NEWS_DATA);
}

void h2_abandon(struct http_stream *hs, uint32_t code)
{
	struct h2_stream *s = h2_stream_of(hs);
	struct h2_conn *c = h2_conn_of(s);

	assert(!s->deaf);
	s->deaf = true;
	drop_news(s);
	if (s->closed || s->id == 0) {
		h2_stream_free(s);
		return;
	}
	if (!(h2_is_server(c) && s->ended))
		nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, s->id,
					  code);
	h2_wake(c);
}
