/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. nghttp2 keeps the protocol; a stream here is an exchange and the
 * little that connects the two. Of a header block that is being received the
 * fields are kept in one run,
 *
 *	head: | 4: name's length | 4: value's | name | value | ...
 *
 * because it may come in several reads, and become struct fields in the
 * worker's scratch when it is complete.
 */
#include "h2.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "text.h"

#define STREAM_WINDOW (256 * 1024)
#define CONN_WINDOW   (16 * 1024 * 1024)
#define HEAD_MOST     (1024 * 1024)
#define SLOW_NS	      20000000u

static void wake(struct ex *ex)
{
	struct h2_stream *s =
		(struct h2_stream *)((char *)ex -
				     offsetof(struct h2_stream, ex));

	if (s->head_sent)
		h2_resume(s);
	else
		h2_submit_answer(s);
	loop_queue(s->h2->c->w, &s->h2->task);
}

static void arm_slow(struct h2_stream *s)
{
	if (s->owed && !s->slow.slot)
		loop_timer_set(s->h2->c->w, &s->slow, loop_clock() + SLOW_NS);
}

static void credit(struct timer *t);

static struct h2_stream *stream_new(struct h2 *h2, int32_t id)
{
	struct worker *w = h2->c->w;
	struct h2_stream *s = w->spare;

	if (s)
		w->spare = s->next;
	else
		s = mem_alloc(sizeof(*s));
	memset(s, 0, offsetof(struct h2_stream, ex));
	s->ex.magic = 0;
	s->h2 = h2;
	s->id = id;
	s->slow.fire = credit;
	s->next = h2->streams;
	s->at = &h2->streams;
	if (s->next)
		s->next->at = &s->next;
	h2->streams = s;
	return s;
}

static void stream_free(struct h2_stream *s)
{
	struct worker *w = s->h2->c->w;

	if (s->again_at && (*s->again_at = s->again))
		s->again->again_at = s->again_at;
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	loop_timer_stop(w, &s->slow);
	if (s->ex.magic)
		ex_free(&s->ex);
	s->next = w->spare;
	w->spare = s;
}

void h2_free_spare(struct worker *w)
{
	while (w->spare) {
		struct h2_stream *s = w->spare;
		w->spare = s->next;
		free(s);
	}
}

/* ---- heads ---- */

static bool next_field(struct str *head, struct field *f)
{
	uint32_t n[2];

	if (head->n < sizeof(n))
		return false;
	memcpy(n, head->p, sizeof(n));
	f->name = (struct str){head->p + sizeof(n), n[0]};
	f->value = (struct str){f->name.p + n[0], n[1]};
	*head = str_skip(*head, sizeof(n) + n[0] + n[1]);
	return true;
}

static void note_pseudo(struct request *r, const struct field *f)
{
	if (str_eq(f->name, STR(":method")))
		r->method = f->value;
	else if (str_eq(f->name, STR(":path")))
		r->target = f->value;
	else if (str_eq(f->name, STR(":scheme")))
		r->scheme = f->value;
	else if (str_eq(f->name, STR(":authority")))
		r->authority = f->value;
}

static void read_head(struct h2 *h2, struct request *r)
{
	struct worker *w = h2->c->w;
	struct str head = buf_str(&h2->head);
	struct field f;

	*r = (struct request){.version = 20, .tls = h2->c->ssl != NULL};
	while (next_field(&head, &f)) {
		if (r->n_fields == w->fields_cap) {
			w->fields_cap = w->fields_cap ? 2 * w->fields_cap : 64;
			w->fields =
				mem_grow(w->fields, w->fields_cap * sizeof(f));
		}
		w->fields[r->n_fields++] = f;
		if (f.name.n && f.name.p[0] == ':')
			note_pseudo(r, &f);
		else if (!str_eq(f.name, STR("host")) || !r->authority.p)
			request_note(r, f);
	}
	r->fields = w->fields;
}

static void begin_request(struct h2_stream *s, bool ends)
{
	struct request r;
	struct knobs *k = &s->ex.knobs;

	read_head(s->h2, &r);
	ex_begin(&s->ex, s->h2->c->w, &r, wake);
	if (k->early && !k->status && !ends) {
		ex_end_early(&s->ex);
		if (s->ex.ready)
			h2_submit_answer(s);
	} else if (r.expects && !ends && !k->no_continue) {
		h2_submit_continue(s);
	}
}

static void end_request(struct h2_stream *s)
{
	s->request_done = true;
	if (s->ex.reply.status)
		return; /* answered early */
	s->ends_later = s->owed > 0;
	if (s->ends_later)
		return; /* still reading, slowly */
	ex_end(&s->ex);
	if (s->ex.ready)
		h2_submit_answer(s);
}

static void credit(struct timer *t)
{
	struct h2_stream *s =
		(struct h2_stream *)((char *)t -
				     offsetof(struct h2_stream, slow));
	uint64_t n = s->ex.knobs.slow_read * SLOW_NS / 1000000000u;

	n = n ? n : 1;
	n = n < s->owed ? n : s->owed;
	s->owed -= n;
	nghttp2_session_consume(s->h2->ng, s->id, n);
	arm_slow(s);
	if (s->ends_later && !s->owed)
		end_request(s);
	loop_queue(s->h2->c->w, &s->h2->task);
}

static void add_trailers(struct h2_stream *s)
{
	struct str head = buf_str(&s->h2->head);
	struct field f;

	while (next_field(&head, &f))
		ex_trailer(&s->ex, f);
}

/* ---- nghttp2's callbacks ---- */

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame,
			    void *user)
{
	struct h2 *h2 = user;

	h2->head.n = 0;
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		nghttp2_session_set_stream_user_data(
			ng, frame->hd.stream_id,
			stream_new(h2, frame->hd.stream_id));
	return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_n, const uint8_t *value,
		     size_t value_n, uint8_t flags, void *user)
{
	struct h2 *h2 = user;
	uint32_t n[2] = {(uint32_t)name_n, (uint32_t)value_n};

	if (h2->head.n + name_n + value_n > HEAD_MOST)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	buf_add(&h2->head, n, sizeof(n));
	buf_add(&h2->head, name, name_n);
	buf_add(&h2->head, value, value_n);
	return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	s = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	if (!s)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS) {
		if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			begin_request(s, ends);
		else
			add_trailers(s);
	}
	if (ends)
		end_request(s);
	return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id,
		   const uint8_t *p, size_t n, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, id);

	if (s && !s->ex.reply.status)
		ex_data(&s->ex, (const char *)p, n);
	if (s && s->ex.knobs.slow_read) {
		s->owed += n;
		arm_slow(s);
	} else {
		nghttp2_session_consume(ng, id, n);
	}
	return 0;
}

static int on_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
	struct h2_stream *s;

	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
	    (frame->hd.type != NGHTTP2_HEADERS &&
	     frame->hd.type != NGHTTP2_DATA))
		return 0;
	s = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	if (s)
		h2_answered(s);
	return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, id);

	if (!s)
		return 0;
	if (s->owed)
		nghttp2_session_consume_connection(ng, s->owed);
	nghttp2_session_set_stream_user_data(ng, id, NULL);
	stream_free(s);
	return 0;
}

/* ---- the connection ---- */

static nghttp2_session *session_new(struct h2 *h2)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *option;
	nghttp2_session *ng;
	int rc = nghttp2_session_callbacks_new(&cb) |
		 nghttp2_option_new(&option);

	assert(rc == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(
		cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_select_padding_callback(cb, h2_pad);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_send_header_block_length(option, 1 << 24);
	nghttp2_option_set_stream_reset_rate_limit(option, 1000000, 1000000);
	rc = nghttp2_session_server_new2(&ng, cb, h2, option);
	assert(rc == 0);
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(option);
	return ng;
}

static void open_h2(struct conn *c)
{
	nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		 (uint32_t)c->w->config->h2_streams},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW}};
	struct h2 *h2 = MEM_NEW(struct h2);

	h2->c = c;
	h2->task.run = h2_run;
	h2->end = CONN_FIN;
	c->state = h2;
	h2->ng = session_new(h2);
	nghttp2_submit_settings(h2->ng, NGHTTP2_FLAG_NONE, settings, 2);
	nghttp2_session_set_local_window_size(h2->ng, NGHTTP2_FLAG_NONE, 0,
					      CONN_WINDOW);
	loop_queue(c->w, &h2->task);
}

static void input(struct conn *c, const char *p, size_t n)
{
	struct h2 *h2 = c->state;
	ssize_t rc = nghttp2_session_mem_recv(h2->ng, (const uint8_t *)p, n);

	if (rc < 0) {
		h2_flush(h2);
		conn_close(c, CONN_FIN);
		return;
	}
	h2_flush(h2);
}

/* HTTP/2 knows no half-closed connections. */
static void eof(struct conn *c)
{
	conn_kill(c);
}

static void room(struct conn *c)
{
	h2_flush(c->state);
}

static void gone(struct conn *c)
{
	struct h2 *h2 = c->state;

	loop_retire(c->w, &h2->task);
	for (struct h2_stream *s = h2->streams; s; s = s->next) {
		loop_timer_stop(c->w, &s->slow);
		loop_timer_stop(c->w, &s->ex.timer);
	}
}

static void release(struct conn *c)
{
	struct h2 *h2 = c->state;

	while (h2->streams)
		stream_free(h2->streams);
	nghttp2_session_del(h2->ng);
	buf_free(&h2->head);
	buf_free(&h2->raw);
	free(h2);
}

const struct proto h2_proto = {open_h2, input, eof, room, gone, release};
