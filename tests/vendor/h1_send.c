/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. The head is written into the worker's scratch `wire` and leaves
 * together with the first piece of the body, each later piece by itself:
 *
 *	writev: [ head ][ "fa\r\n" ][ piece ][ "\r\n" or "\r\n0\r\n\r\n" ]
 *
 * A body of events yields to the other streams after each piece; a bulky
 * one after several.
 */
#include <stdio.h>

#include "h1.h"
#include "reply.h"
#include "shape.h"
#include "text.h"

#define RUNS_A_TURN 8

static const struct str junk = STR("\x16\x03\x01\x00 practice garbage\r\n");

static void send_wire(struct h1 *h)
{
	struct buf *wire = &h->c->w->wire;
	struct iovec iov = {wire->p, wire->n};

	if (wire->n)
		conn_send(h->c, &iov, 1);
	wire->n = 0;
}

static void send_str(struct h1 *h, struct str s)
{
	struct iovec iov = {(char *)(uintptr_t)s.p, s.n};

	conn_send(h->c, &iov, 1);
}

void h1_send_continue(struct h1 *h)
{
	send_str(h, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void over(struct h1 *h, enum conn_end how)
{
	h->state = H1_OVER;
	conn_close(h->c, how);
}

void h1_send_refusal(struct h1 *h, const char *why)
{
	struct buf *wire = &h->c->w->wire;
	struct buf body = {0};

	buf_adds(&body, STR("{\"error\":{\"message\":"));
	text_json(&body, str_of(why));
	buf_adds(&body, STR(",\"type\":\"invalid_request_error\",\"param\":"
			    "null,\"code\":\"bad_http\"}}"));
	wire->n = 0;
	buf_addf(wire,
		 "HTTP/1.1 400 Bad Request\r\ncontent-type: "
		 "application/json\r\ncontent-length: %zu\r\n"
		 "connection: close\r\n\r\n",
		 body.n);
	buf_adds(wire, buf_str(&body));
	buf_free(&body);
	send_wire(h);
	over(h, CONN_FIN);
}

/* ---- the head ---- */

static void add_status(struct buf *wire, unsigned status)
{
	if (status == 200) {
		buf_adds(wire, STR("HTTP/1.1 200 OK\r\n"));
		return;
	}
	buf_addf(wire, "HTTP/1.1 %u %s\r\n", status, reply_reason(status));
}

static void add_field(struct buf *wire, struct str name, struct str value)
{
	char *to = buf_room(wire, name.n + value.n + 4), *at = to;

	memcpy(at, name.p, name.n);
	at += name.n;
	*at++ = ':';
	*at++ = ' ';
	if (value.n)
		memcpy(at, value.p, value.n);
	at += value.n;
	*at++ = '\r';
	*at++ = '\n';
	wire->n += (size_t)(at - to);
}

static void add_smuggle(struct buf *wire, uint8_t smuggle)
{
	switch (smuggle) {
	case smuggle_bare_lf:
		buf_adds(wire, STR("x-odd: a\nx-smuggled: b\r\n"));
		break;
	case smuggle_obs_fold: buf_adds(wire, STR("x-odd: a\r\n b\r\n")); break;
	case smuggle_space_colon: buf_adds(wire, STR("x-odd : a\r\n")); break;
	default: break;
	}
}

static void add_interims(struct buf *wire, const struct knob_list *list)
{
	for (unsigned i = 0; i < list->n; i++) {
		add_status(wire, list->v[i]);
		if (list->v[i] == 103)
			buf_adds(wire, STR("link: </style.css>; rel=preload; "
					   "as=style\r\n"));
		buf_adds(wire, STR("\r\n"));
	}
}

static bool says_close(const struct h1 *h)
{
	return !h->keep_alive || h->framing == FRAMING_CLOSE ||
	       h->ex.knobs.goaway == goaway_before;
}

static void add_head(struct h1 *h, struct buf *wire)
{
	struct ex *ex = &h->ex;
	struct reply *r = &ex->reply;

	if (r->status == 101)
		h->framing = FRAMING_NONE;
	else
		h->framing = reply_seal(ex);
	add_status(wire, r->status);
	for (unsigned i = 0; i < r->n_fields; i++)
		add_field(wire, r->fields[i].name, r->fields[i].value);
	if (h->framing == FRAMING_CHUNKED)
		buf_adds(wire, STR("transfer-encoding: chunked\r\n"));
	if (says_close(h))
		buf_adds(wire, STR("connection: close\r\n"));
	add_smuggle(wire, ex->knobs.smuggle);
	buf_adds(wire, STR("\r\n"));
}

/* ---- the body ---- */

static struct str size_line(char *line, size_t n, bool ext)
{
	static const char hex[] = "0123456789abcdef";
	static const char extension[] = ";practice=yes";
	char *end = line + 40, *at = end;

	*--at = '\n';
	*--at = '\r';
	if (ext) {
		at -= sizeof(extension) - 1;
		memcpy(at, extension, sizeof(extension) - 1);
	}
	do
		*--at = hex[n & 15];
	while (n >>= 4);
	return (struct str){at, (size_t)(end - at)};
}

static void add_iov(struct iovec *iov, int *n, struct str s)
{
	iov[*n] = (struct iovec){(char *)(uintptr_t)s.p, s.n};
	*n += s.n > 0;
}

static void send_piece(struct h1 *h, struct str piece, bool last)
{
	struct buf *wire = &h->c->w->wire;
	bool chunked = h->framing == FRAMING_CHUNKED;
	struct iovec iov[4];
	char line[40];
	int n = 0;

	add_iov(iov, &n, buf_str(wire));
	if (chunked)
		add_iov(iov, &n,
			size_line(line, piece.n, h->ex.knobs.chunk_ext));
	add_iov(iov, &n, piece);
	if (chunked)
		add_iov(iov, &n,
			last && !h->ex.knobs.trailers ? STR("\r\n0\r\n\r\n")
						      : STR("\r\n"));
	conn_send(h->c, iov, n);
	wire->n = 0;
}

static void send_trailers(struct h1 *h)
{
	struct buf *wire = &h->c->w->wire;
	struct field two[2];
	size_t n = reply_trailers(&h->ex, two);

	buf_adds(wire, STR("0\r\n"));
	for (size_t i = 0; i < n; i++)
		add_field(wire, two[i].name, two[i].value);
	buf_adds(wire, STR("\r\n"));
}

static void complete(struct h1 *h, bool terminated)
{
	const struct knobs *k = &h->ex.knobs;

	if (h->framing == FRAMING_CHUNKED && !terminated && !h->ex.head_only)
		send_trailers(h);
	if (k->garbage == garbage_late)
		buf_adds(&h->c->w->wire, junk);
	send_wire(h);
	if (h->c->dead)
		return;
	if (h->ex.reply.status == 101) {
		h->is_ws = str_eq(h->ex.endpoint->path, STR("/ws"));
		h->state = H1_TUNNEL;
		return;
	}
	if (says_close(h) || h->ex.closes || k->goaway)
		over(h, k->no_notify ? CONN_BARE : CONN_FIN);
	else
		h1_answered(h);
}

static void litter(struct h1 *h)
{
	if (h->framing == FRAMING_CHUNKED)
		buf_adds(&h->c->w->wire, STR("zz;\x01not-a-size\r\n"));
	else
		buf_adds(&h->c->w->wire, junk);
	send_wire(h);
}

/* One pull's worth; true when there may be more to do at once. */
static bool step(struct h1 *h)
{
	struct ex *ex = &h->ex;
	struct str piece;

	switch (shape_pull(ex, SIZE_MAX, &piece)) {
	case PULL_PIECE: send_piece(h, piece, false); return true;
	case PULL_LAST:
		send_piece(h, piece, true);
		complete(h, !ex->knobs.trailers);
		return false;
	case PULL_END: complete(h, false); return false;
	case PULL_WAIT:
		send_wire(h);
		h->waiting = !ex->timer.slot;
		return false;
	case PULL_GARBAGE: litter(h); return true;
	case PULL_CUT:
		send_wire(h);
		over(h, ex->knobs.no_notify ? CONN_BARE : CONN_FIN);
		return false;
	case PULL_RESET:
		send_wire(h);
		over(h, CONN_RST);
		return false;
	}
	return false;
}

void h1_send_more(struct h1 *h)
{
	int runs = ex_bulky(&h->ex) ? RUNS_A_TURN : 1;

	while (h->state == H1_ANSWER && conn_clear(h->c) && !h->c->dead) {
		if (!step(h))
			return;
		if (--runs == 0) {
			loop_queue(h->c->w, &h->task);
			return;
		}
	}
}

void h1_send_answer(struct h1 *h)
{
	struct ex *ex = &h->ex;
	struct buf *wire = &h->c->w->wire;

	wire->n = 0;
	if (ex->knobs.no_response) {
		over(h, CONN_FIN);
		return;
	}
	if (ex->knobs.garbage == garbage_head)
		buf_adds(wire, junk);
	add_interims(wire, &ex->knobs.interim);
	add_head(h, wire);
	h->head_sent = true;
	if (ex->head_only || h->framing == FRAMING_NONE)
		complete(h, true);
	else
		h1_send_more(h);
	if (wire->n)
		send_wire(h);
}
