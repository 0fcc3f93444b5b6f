/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. What owners send waits in the stream's queue until nghttp2, in the
 * flush at the end of the turn, asks for it:
 *
 *	http_send_data() -> [rec][rec][rec]	s->out
 *	                      |
 *	fetch():  how long is the next frame?  (windows are nghttp2's matter)
 *	h2_on_send_data():  its 9-byte head and its bytes -> wire
 *
 * fetch() answers DEFERRED when nothing waits ("asleep"), and the next send
 * wakes it up. The stream ends when the queue is empty and `ended` is set, by
 * END_STREAM, by trailers, or, if it is cut, by RST_STREAM.
 */
#include <assert.h>
#include <stdio.h>

#include "wire/h2_impl.h"

static void must(int rv)
{
	assert(!nghttp2_is_fatal(rv));
}

/* ---- nghttp2's side ---- */

static size_t frame_length(struct h2_stream *s, size_t most)
{
	size_t n = s->frames ? fifo_record(&s->out) : s->out.n;

	return n < most ? n : most;
}

static void submit_trailers(struct h2_stream *s)
{
	struct h2_conn *c = h2_conn_of(s);

	h2_nv_trailers(c, s->out_trailers);
	must(nghttp2_submit_trailer(c->session, s->id, c->nv, c->nv_n));
	head_free(s->out_trailers);
	s->out_trailers = NULL;
}

static ssize_t fetch(nghttp2_session *session, int32_t id, uint8_t *buf,
		     size_t most, uint32_t *flags, nghttp2_data_source *source,
		     void *user_data)
{
	struct h2_stream *s = source->ptr;
	size_t n = frame_length(s, most);

	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n == 0 && s->cut) {
		must(nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id,
					       s->cut_code));
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n == 0 && !s->ended) {
		s->asleep = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n == s->out.n && s->ended && !s->cut) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (s->out_trailers) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			submit_trailers(s);
		}
	}
	return (ssize_t)n;
}

int h2_on_send_data(nghttp2_session *session, nghttp2_frame *frame,
		    const uint8_t *framehd, size_t length,
		    nghttp2_data_source *source, void *user_data)
{
	struct h2_conn *c = user_data;
	struct h2_stream *s = source->ptr;
	struct wire *w = c->base.wire;

	if (wire_full(w))
		return NGHTTP2_ERR_WOULDBLOCK;
	wire_write(w, framehd, 9);
	c->wrote += 9 + length;
	while (length) {
		uint64_t at;
		struct str p = fifo_front(&s->out, &at);
		size_t n = p.n < length ? p.n : length;

		assert(n);
		wire_write(w, p.p, n);
		fifo_drop(&s->out, n);
		length -= n;
	}
	if (s->full && s->out.n < H2_ROOM) {
		s->full = false;
		h2_news(s, H2_NEWS_ROOM);
	}
	return 0;
}

static nghttp2_data_provider provider_of(struct h2_stream *s)
{
	return (nghttp2_data_provider){.source.ptr = s, .read_callback = fetch};
}

/* ---- the owner's side ---- */

static bool may_send(const struct h2_stream *s)
{
	return !s->closed && !s->ended;
}

static void wake_up(struct h2_stream *s)
{
	struct h2_conn *c = h2_conn_of(s);

	if (s->asleep) {
		s->asleep = false;
		must(nghttp2_session_resume_data(c->session, s->id));
	}
	h2_wake(c);
}

void h2_send_interim(struct http_stream *hs, const struct head *h)
{
	struct h2_stream *s = h2_stream_of(hs);
	struct h2_conn *c = h2_conn_of(s);

	/* HTTP/2 has no 101 (RFC 9113, 8.6). */
	if (!may_send(s) || s->head_out || h->status == 101)
		return;
	assert(h2_is_server(c));
	h2_nv_response(c, h);
	must(nghttp2_submit_headers(c->session, NGHTTP2_FLAG_NONE, s->id, NULL,
				    c->nv, c->nv_n, NULL));
	h2_wake(c);
}

static void submit_request(struct h2_stream *s, const struct head *h,
			   const struct http_route *route,
			   const nghttp2_data_provider *body)
{
	struct h2_conn *c = h2_conn_of(s);

	h2_nv_request(c, h, route);
	s->connect = str_eq(h->method, STR("CONNECT"));
	s->id = nghttp2_submit_request(c->session, NULL, c->nv, c->nv_n, body,
				       s);
	if (s->id > 0)
		return;
	must(s->id); /* it had no stream id left */
	s->id = 0;
	s->closed = true;
	h2_stream_decide(s, HTTP_UNSENT);
}

void h2_send_head(struct http_stream *hs, const struct head *h,
		  const struct http_route *route)
{
	struct h2_stream *s = h2_stream_of(hs);
	struct h2_conn *c = h2_conn_of(s);
	nghttp2_data_provider body = provider_of(s), *has;

	if (!may_send(s))
		return;
	assert(!s->head_out);
	s->head_out = true;
	s->frames = h->version == HTTP_2;
	s->ended = h->framing == FRAMING_NONE;
	has = s->ended ? NULL : &body;
	if (!h2_is_server(c)) {
		submit_request(s, h, route, has);
	} else {
		h2_nv_response(c, h);
		must(nghttp2_submit_response(c->session, s->id, c->nv, c->nv_n,
					     has));
	}
	h2_wake(c);
}

void h2_send_data(struct http_stream *hs, const char *p, size_t n)
{
	struct h2_stream *s = h2_stream_of(hs);

	if (!may_send(s) || n == 0)
		return;
	assert(s->head_out);
	fifo_put(&s->out, p, n, 0);
	if (s->out.n > H2_FULL)
		s->full = true;
	wake_up(s);
}

void h2_send_trailers(struct http_stream *hs, const struct head *h)
{
	struct h2_stream *s = h2_stream_of(hs);

	if (!may_send(s) || h->n == 0)
		return;
	assert(s->head_out && !s->out_trailers);
	s->out_trailers = head_copy(h);
}

void h2_send_end(struct http_stream *hs)
{
	struct h2_stream *s = h2_stream_of(hs);

	if (!may_send(s))
		return;
	assert(s->head_out);
	s->ended = true;
	wake_up(s);
}

void h2_cut(struct http_stream *hs, uint32_t code, bool rst)
{
	struct h2_stream *s = h2_stream_of(hs);
	struct h2_conn *c = h2_conn_of(s);

	(void)rst; /* RST_STREAM is the one way to say it here */
	if (s->cut || s->closed || (s->ended && h2_is_server(c)))
		return;
	s->cut = true;
	s->cut_code = code;
	if (s->id == 0) {
		s->closed = true;
		h2_stream_decide(s, HTTP_DONE);
	} else if (!s->head_out || s->ended) {
		must(nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE,
					       s->id, code));
		h2_wake(c);
	} else {
		wake_up(s);
	}
	s->ended = true;
}

/* ---- answers of the codec's own ---- */

void h2_refuse(struct h2_conn *c, int32_t id, unsigned status, const char *code,
	       const char *why)
{
	struct h2_stream *s = h2_stream_new(c, id);
	struct head_maker m = {0};
	struct buf body = {0};
	struct head *h;
	char length[24];

	s->deaf = true;
	must(nghttp2_session_set_stream_user_data(c->session, id, s));
	buf_addf(&body,
		 "{\"error\":{\"message\":\"%s\",\"type\":"
		 "\"invalid_request_error\",\"param\":null,\"code\":\"%s\"}}\n",
		 why, code);
	snprintf(length, sizeof length, "%zu", body.n);
	head_make_status(&m, HTTP_2, status, STR(""));
	head_make_field(&m, STR("content-type"), STR("application/json"));
	head_make_field(&m, STR("content-length"), str_of(length));
	h = head_make_done(&m);
	h->framing = FRAMING_LENGTH;
	h->length = body.n;
	h2_send_head(&s->base, h, NULL);
	h2_send_data(&s->base, body.p, body.n);
	h2_send_end(&s->base);
	head_free(h);
	head_make_free(&m);
	buf_free(&body);
	c->base.server->on_refused(c->base.owner, &c->base, status, code, why);
}
