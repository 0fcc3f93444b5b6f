/* SPDX-License-Identifier: MIT */
/*
 * What nghttp2 tells of the frames that come in. Owners are called from here;
 * they may send, open, pause and abandon, since that only submits to nghttp2,
 * which allows it. What would tear the connection down is only noted.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "wire/h2_impl.h"

static struct h2_stream *find(nghttp2_session *session, int32_t id)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	assert(!s || s->magic == H2_STREAM_MAGIC);
	return s;
}

static int go_on(const struct h2_conn *c)
{
	return c->kill ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* ---- heads ---- */

static int on_begin_headers(nghttp2_session *session,
			    const nghttp2_frame *frame, void *user_data)
{
	struct h2_conn *c = user_data;

	h2_head_begin(c, frame->hd.stream_id);
	return go_on(c);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_n, const uint8_t *value,
		     size_t value_n, uint8_t flags, void *user_data)
{
	struct h2_conn *c = user_data;

	if (!h2_head_field(c, (struct str){(const char *)name, name_n},
			   (struct str){(const char *)value, value_n}))
		h2_kill(c, NGHTTP2_ENHANCE_YOUR_CALM, "head_too_large",
			"a head is many times larger than --max-head");
	return go_on(c);
}

/* Host may be there for old times' sake, but must say the same. */
static bool hosts_agree(const struct h2_inhead *in)
{
	const char *raw = in->maker.bytes.p;
	struct head_span host = in->host, authority = in->maker.authority;

	if (host.n == 0 || authority.n == 0)
		return true;
	return str_ieq((struct str){raw + host.at, host.n},
		       (struct str){raw + authority.at, authority.n});
}

static void on_request(struct h2_conn *c, const nghttp2_frame *frame)
{
	bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	int32_t id = frame->hd.stream_id;
	struct h2_stream *s;
	struct head *h;

	if (c->in.too_big) {
		h2_refuse(c, id, 431, "head_too_large",
			  "the request's head is larger than --max-head");
		return;
	}
	if (!hosts_agree(&c->in)) {
		h2_refuse(c, id, 400, "bad_host",
			  "Host and :authority are not the same");
		return;
	}
	h = h2_head_done(c, HEAD_REQUEST, ended);
	s = h2_stream_new(c, id);
	s->head_in = true;
	nghttp2_session_set_stream_user_data(c->session, id, s);
	c->base.server->on_stream(c->base.owner, &s->base);
	assert(s->base.events);
	s->base.events->on_head(s->base.who, h);
	if (ended && !s->deaf)
		h2_stream_ended(s);
	else
		s->peer_ended = ended;
}

/* A head of a stream that is under way, and is not to be had. */
static void refuse_head(struct h2_stream *s, uint32_t code, const char *why)
{
	s->why = why;
	nghttp2_submit_rst_stream(h2_conn_of(s)->session, NGHTTP2_FLAG_NONE,
				  s->id, code);
}

static void on_response(struct h2_stream *s, bool ended)
{
	struct h2_conn *c = h2_conn_of(s);
	bool interim = c->in.status < 200;
	struct head *h;

	if (s->deaf || s->decided || s->cut)
		return;
	h = h2_head_done(c, HEAD_RESPONSE, ended);
	if (s->connect && c->in.status / 100 == 2)
		h->framing = FRAMING_TUNNEL;
	s->head_in |= !interim;
	if (interim)
		s->base.events->on_interim(s->base.who, h);
	else
		s->base.events->on_head(s->base.who, h);
}

static void on_headers(struct h2_conn *c, const nghttp2_frame *frame)
{
	bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h2_stream *s;

	c->in.open = false;
	h2_set_deadline(c);
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		on_request(c, frame);
		return;
	}
	s = find(c->session, frame->hd.stream_id);
	if (!s)
		return;
	if (c->in.too_big)
		refuse_head(s, NGHTTP2_ENHANCE_YOUR_CALM,
			    "the head is larger than --max-head");
	else if (c->in.has_status && c->in.status < 100)
		refuse_head(s, NGHTTP2_PROTOCOL_ERROR,
			    "the status is not between 100 and 999");
	else if (c->in.has_status)
		on_response(s, ended);
	else
		h2_stream_trailers(s, h2_head_done(c, HEAD_TRAILERS, ended));
	if (ended && !s->why)
		h2_stream_ended(s);
}

/* ---- other frames ---- */

static const char *setting_name(int32_t id)
{
	static const char *const names[] = {
		[NGHTTP2_SETTINGS_HEADER_TABLE_SIZE] = "header_table_size",
		[NGHTTP2_SETTINGS_ENABLE_PUSH] = "enable_push",
		[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS] =
			"max_concurrent_streams",
		[NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE] = "initial_window_size",
		[NGHTTP2_SETTINGS_MAX_FRAME_SIZE] = "max_frame_size",
		[NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE] =
			"max_header_list_size",
		[NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL] =
			"enable_connect_protocol",
		[NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES] =
			"no_rfc7540_priorities",
	};

	if (id < 0 || (size_t)id >= sizeof names / sizeof *names)
		return NULL;
	return names[id];
}

/* In the order in which they came: it tells implementations apart. */
static void tell_settings(struct h2_conn *c, const nghttp2_settings *f)
{
	struct buf text = {0};

	for (size_t i = 0; i < f->niv; i++) {
		const char *name = setting_name(f->iv[i].settings_id);

		if (text.n)
			buf_addc(&text, ' ');
		if (name)
			buf_addf(&text, "%s", name);
		else
			buf_addf(&text, "0x%" PRIx32, f->iv[i].settings_id);
		buf_addf(&text, "=%" PRIu32, f->iv[i].value);
	}
	c->base.client->on_settings(c->base.owner, &c->base, buf_str(&text));
	buf_free(&text);
}

static void on_settings(struct h2_conn *c, const nghttp2_settings *f)
{
	if (f->hd.flags & NGHTTP2_FLAG_ACK)
		return;
	c->settled = true;
	h2_set_deadline(c);
	if (!c->base.client)
		return;
	c->slot_news = true;
	tell_settings(c, f);
}

static void on_goaway(struct h2_conn *c, const nghttp2_goaway *f)
{
	struct str debug = {(const char *)f->opaque_data, f->opaque_data_len};

	c->goaway_in = true;
	if (c->base.client)
		c->base.client->on_goaway(c->base.owner, &c->base,
					  (uint32_t)f->last_stream_id,
					  f->error_code, debug);
}

static void on_data_frame(struct h2_conn *c, const nghttp2_frame_hd *hd)
{
	struct h2_stream *s;

	if (!(hd->flags & NGHTTP2_FLAG_END_STREAM))
		return;
	s = find(c->session, hd->stream_id);
	if (s)
		h2_stream_ended(s);
}

static void on_rst_stream(struct h2_conn *c, const nghttp2_frame_hd *hd)
{
	struct h2_stream *s = find(c->session, hd->stream_id);

	if (s)
		s->reset_in = true;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame,
			 void *user_data)
{
	struct h2_conn *c = user_data;

	switch (frame->hd.type) {
	case NGHTTP2_DATA: on_data_frame(c, &frame->hd); break;
	case NGHTTP2_HEADERS: on_headers(c, frame); break;
	case NGHTTP2_RST_STREAM: on_rst_stream(c, &frame->hd); break;
	case NGHTTP2_SETTINGS: on_settings(c, &frame->settings); break;
	case NGHTTP2_GOAWAY: on_goaway(c, &frame->goaway); break;
	case NGHTTP2_PING:
		if (frame->hd.flags & NGHTTP2_FLAG_ACK)
			h2_final_goaway(c);
		break;
	}
	return go_on(c);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id,
			 const uint8_t *p, size_t n, void *user_data)
{
	struct h2_conn *c = user_data;
	struct h2_stream *s = find(session, id);

	nghttp2_session_consume_connection(session, n);
	if (s)
		h2_stream_data(s, (const char *)p, n);
	return go_on(c);
}

static int on_invalid_frame(nghttp2_session *session,
			    const nghttp2_frame *frame, int error,
			    void *user_data)
{
	struct h2_conn *c = user_data;
	struct h2_stream *s = find(session, frame->hd.stream_id);

	/* Each may cost a reset of ours. */
	h2_afford(c);
	c->suspect = nghttp2_strerror(error);
	if (s)
		s->why = c->suspect;
	if (frame->hd.type != NGHTTP2_HEADERS)
		return go_on(c);
	c->in.open = false;
	h2_set_deadline(c);
	if (c->base.server && !s && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		c->base.server->on_refused(c->base.owner, &c->base, 0,
					   "bad_request", c->suspect);
	return go_on(c);
}

/* ---- what goes out ---- */

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame,
			 void *user_data)
{
	struct h2_conn *c = user_data;
	bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h2_stream *s;

	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		if (!end)
			return 0;
		break;
	case NGHTTP2_HEADERS: break;
	case NGHTTP2_RST_STREAM: end = true; break;
	default: return 0;
	}
	s = find(session, frame->hd.stream_id);
	if (!s)
		return 0;
	if (!s->begun) {
		s->begun = true;
		s->begin_at = c->wrote; /* the frame follows right now */
	}
	if (!end || (frame->hd.type == NGHTTP2_RST_STREAM && !s->cut))
		return 0;
	h2_stream_ending(s);
	if (c->base.server && !s->peer_ended && !s->cut)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id,
					  NGHTTP2_NO_ERROR);
	return 0;
}

/* A head that nghttp2 would not send (too large): never leave it hanging. */
static int on_frame_not_send(nghttp2_session *session,
			     const nghttp2_frame *frame, int error,
			     void *user_data)
{
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		return 0;
	s = find(session, frame->hd.stream_id);
	if (!s || s->closed)
		return 0;
	s->why = nghttp2_strerror(error);
	nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id,
				  NGHTTP2_INTERNAL_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code,
			   void *user_data)
{
	struct h2_stream *s = find(session, id);

	h2_closed(user_data, id, s && (s->peer_ended || s->reset_in));
	if (!s)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	h2_stream_closed(s, code);
	return 0;
}

void h2_set_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(
		cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
		cb, on_data_chunk);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
		cb, on_invalid_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(
		cb, on_frame_not_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb,
							       on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, h2_on_send_data);
}
