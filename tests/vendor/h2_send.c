/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. nghttp2 asks for the body frame by frame. A stream of events gives
 * one a turn of the loop, then says DEFERRED and joins the list `again`,
 * which the next turn resumes: so an event is a frame, and the frames of all
 * streams leave in one write a turn.
 *
 *	h2_run: resume(again) -> h2_flush: raw, then mem_send ... -> conn_send
 */
#include <stdio.h>

#include "h2.h"
#include "reply.h"
#include "shape.h"
#include "text.h"

#define WRITE_RUN (64 * 1024)
#define TURN_RUNS 8
#define NV_MOST	  (REPLY_FIELDS + 1)

/* A frame of 16 MiB of an unknown type: no peer allows that. */
static const struct str junk =
	STR("\xff\xff\xff\xfe\xff\x7f\xff\xff\xff practice garbage");

static nghttp2_nv nv_of(struct str name, struct str value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name.p,
			    (uint8_t *)(uintptr_t)(value.n ? value.p : ""),
			    name.n, value.n, NGHTTP2_NV_FLAG_NONE};
}

static void yield(struct h2_stream *s)
{
	struct h2 *h2 = s->h2;

	if (s->again_at)
		return;
	s->again = h2->again;
	s->again_at = &h2->again;
	if (s->again)
		s->again->again_at = &s->again;
	h2->again = s;
	loop_queue(h2->c->w, &h2->task);
}

static void say_goaway(struct h2_stream *s, int32_t last)
{
	s->went_away = true;
	nghttp2_submit_goaway(s->h2->ng, NGHTTP2_FLAG_NONE, last,
			      NGHTTP2_NO_ERROR, NULL, 0);
}

/* ---- the body ---- */

static void submit_trailers(struct h2_stream *s)
{
	struct field two[2];
	nghttp2_nv nv[2];
	size_t n = reply_trailers(&s->ex, two);

	for (size_t i = 0; i < n; i++)
		nv[i] = nv_of(two[i].name, two[i].value);
	nghttp2_submit_trailer(s->h2->ng, s->id, nv, n);
}

static void end_body(struct h2_stream *s, uint32_t *flags)
{
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!s->ex.knobs.trailers)
		return;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	submit_trailers(s);
}

static ssize_t happen(struct h2_stream *s, enum pull what)
{
	struct h2 *h2 = s->h2;

	if (what == PULL_CUT) {
		h2->cut = true;
		h2->end = s->ex.knobs.no_notify ? CONN_BARE : CONN_FIN;
		loop_queue(h2->c->w, &h2->task);
	} else if (what == PULL_RESET) {
		nghttp2_submit_rst_stream(h2->ng, NGHTTP2_FLAG_NONE, s->id,
					  (uint32_t)s->ex.knobs.code);
	} else if (what == PULL_GARBAGE) {
		buf_adds(&h2->raw, junk);
		yield(s);
	}
	return NGHTTP2_ERR_DEFERRED;
}

/* One event a turn; what a window cut an event in two for is no event. */
static bool has_had_turn(const struct h2_stream *s)
{
	return s->turn == s->h2->c->w->turn && !ex_bulky(&s->ex) &&
	       (s->ex.shape.cur.n == 0 || s->ex.knobs.onebyte);
}

static ssize_t read_body(nghttp2_session *ng, int32_t id, uint8_t *to,
			 size_t room, uint32_t *flags,
			 nghttp2_data_source *source, void *user)
{
	struct h2_stream *s = source->ptr;
	struct str piece = {NULL, 0};
	enum pull what;

	if (has_had_turn(s)) {
		yield(s);
		return NGHTTP2_ERR_DEFERRED;
	}
	what = shape_pull(&s->ex, room, &piece);
	if (what == PULL_LAST || what == PULL_END)
		end_body(s, flags);
	else if (what != PULL_PIECE)
		return happen(s, what);
	s->turn = s->h2->c->w->turn;
	if (s->ex.knobs.goaway == goaway_during && !s->went_away)
		say_goaway(s, s->id);
	if (piece.n)
		memcpy(to, piece.p, piece.n);
	return (ssize_t)piece.n;
}

ssize_t h2_pad(nghttp2_session *ng, const nghttp2_frame *frame, size_t most,
	       void *user)
{
	size_t n = frame->hd.length;
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_DATA)
		return (ssize_t)n;
	s = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
	if (s && s->ex.knobs.chunk_ext)
		n += 9;
	return (ssize_t)(n < most ? n : most);
}

/* ---- the head ---- */

static void submit_interim(struct h2_stream *s, unsigned status)
{
	char digits[4];
	nghttp2_nv nv[2];

	snprintf(digits, sizeof(digits), "%u", status % 1000);
	nv[0] = nv_of(STR(":status"), str_of(digits));
	nv[1] = nv_of(STR("link"), STR("</style.css>; rel=preload; as=style"));
	nghttp2_submit_headers(s->h2->ng, NGHTTP2_FLAG_NONE, s->id, NULL, nv,
			       status == 103 ? 2 : 1, NULL);
}

void h2_submit_continue(struct h2_stream *s)
{
	submit_interim(s, 100);
}

static void submit_head(struct h2_stream *s)
{
	struct reply *r = &s->ex.reply;
	enum framing framing = reply_seal(&s->ex);
	nghttp2_data_provider body = {.source.ptr = s,
				      .read_callback = read_body};
	nghttp2_nv nv[NV_MOST];
	char status[4];

	snprintf(status, sizeof(status), "%u", r->status % 1000);
	nv[0] = nv_of(STR(":status"), str_of(status));
	for (unsigned i = 0; i < r->n_fields; i++)
		nv[i + 1] = nv_of(r->fields[i].name, r->fields[i].value);
	if (s->ex.head_only || framing == FRAMING_NONE)
		body.read_callback = NULL;
	nghttp2_submit_response(s->h2->ng, s->id, nv, r->n_fields + 1,
				body.read_callback ? &body : NULL);
	s->head_sent = true;
}

void h2_submit_answer(struct h2_stream *s)
{
	const struct knobs *k = &s->ex.knobs;

	if (k->no_response) {
		s->h2->cut = true;
		loop_queue(s->h2->c->w, &s->h2->task);
		return;
	}
	if (k->garbage == garbage_head)
		buf_adds(&s->h2->raw, junk);
	for (unsigned i = 0; i < k->interim.n; i++)
		submit_interim(s, k->interim.v[i]);
	if (k->goaway == goaway_before)
		say_goaway(s, s->id);
	submit_head(s);
}

/* A DATA frame on the stream that has just ended. */
static void add_late(struct h2_stream *s)
{
	char frame[9] = {0, 0, 8};

	for (int i = 0; i < 4; i++)
		frame[5 + i] = (char)((uint32_t)s->id >> 8 * (3 - i));
	buf_add(&s->h2->raw, frame, sizeof(frame));
	buf_adds(&s->h2->raw, STR("practice"));
	loop_queue(s->h2->c->w, &s->h2->task);
}

void h2_answered(struct h2_stream *s)
{
	const struct knobs *k = &s->ex.knobs;

	if (k->garbage == garbage_late)
		add_late(s);
	if (k->goaway == goaway_after || k->close)
		say_goaway(s,
			   nghttp2_session_get_last_proc_stream_id(s->h2->ng));
	if (k->no_notify)
		s->h2->end = CONN_BARE;
	if (!s->request_done)
		nghttp2_submit_rst_stream(s->h2->ng, NGHTTP2_FLAG_NONE, s->id,
					  NGHTTP2_NO_ERROR);
}

/* ---- sending ---- */

void h2_resume(struct h2_stream *s)
{
	nghttp2_session_resume_data(s->h2->ng, s->id);
}

static void send_raw(struct h2 *h2)
{
	struct iovec iov = {h2->raw.p, h2->raw.n};

	if (h2->raw.n)
		conn_send(h2->c, &iov, 1);
	buf_free(&h2->raw);
}

/* One write's worth of frames; false when there was nothing. */
static bool send_run(struct h2 *h2)
{
	struct buf *wire = &h2->c->w->wire;
	struct iovec iov;
	const uint8_t *p;
	ssize_t n;

	wire->n = 0;
	while (wire->n < WRITE_RUN &&
	       (n = nghttp2_session_mem_send(h2->ng, &p)) > 0)
		buf_add(wire, p, (size_t)n);
	iov = (struct iovec){wire->p, wire->n};
	if (wire->n)
		conn_send(h2->c, &iov, 1);
	return iov.iov_len > 0;
}

void h2_flush(struct h2 *h2)
{
	struct conn *c = h2->c;
	bool more = true;

	if (c->dead || c->ending)
		return;
	send_raw(h2);
	for (int i = 0; more && i < TURN_RUNS && conn_clear(c) && !c->dead; i++)
		more = send_run(h2);
	if (c->dead)
		return;
	if (h2->cut || (!nghttp2_session_want_read(h2->ng) &&
			!nghttp2_session_want_write(h2->ng)))
		conn_close(c, h2->end);
	else if (more && conn_clear(c))
		loop_queue(c->w, &h2->task);
}

void h2_run(struct task *task)
{
	struct h2 *h2 = (struct h2 *)((char *)task - offsetof(struct h2, task));
	struct h2_stream *s = h2->again, *next;

	h2->again = NULL;
	for (; s; s = next) {
		next = s->again;
		s->again = NULL;
		s->again_at = NULL;
		h2_resume(s);
	}
	h2_flush(h2);
}
