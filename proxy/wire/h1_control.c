/* SPDX-License-Identifier: MIT */
/* The codec's functions other than sends: questions, pauses, ends. */
#include <assert.h>

#include "wire/h1_impl.h"

static struct h1 *conn_of(const struct http_stream *s)
{
	struct h1 *c = (struct h1 *)s->conn;

	assert(c->magic == H1_MAGIC);
	return c;
}

static bool h1_full(const struct http_stream *s)
{
	return wire_full(h1_wire(conn_of(s)));
}

static size_t h1_queued(const struct http_stream *s)
{
	return wire_queued(h1_wire(conn_of(s)));
}

static bool h1_touched(const struct http_stream *s)
{
	return h1_is_touched(conn_of(s));
}

static void h1_paused(struct http_stream *s)
{
	struct h1 *c = conn_of(s);

	if (!c->active || c->fate)
		return;
	h1_update_pause(c);
	if (!s->paused && c->stash.n)
		h1_touch(c);
}

static void abandon_server(struct h1 *c)
{
	if (c->out == OUT_HEAD || c->out == OUT_DONE)
		h1_end(c, FATE_GENTLE);
	else
		h1_end(c, FATE_RUDE);
}

static void abandon_client(struct h1 *c)
{
	bool whole = c->out == OUT_DONE || c->out == OUT_NONE;

	if (c->out == OUT_HEAD && c->in == IN_IDLE && h1_is_reusable(c)) {
		c->slot_due = true;
		h1_touch(c);
		return;
	}
	h1_end(c, whole ? FATE_NOW : FATE_ABORT);
}

static void h1_abandon(struct http_stream *s, uint32_t code)
{
	struct h1 *c = conn_of(s);

	if (!c->active)
		return;
	c->active = false;
	if (h1_is_server(c))
		abandon_server(c);
	else
		abandon_client(c);
}

static void h1_cut(struct http_stream *s, uint32_t code, bool rst)
{
	struct h1 *c = conn_of(s);

	if (!c->active || c->fate)
		return;
	c->cutting = true;
	c->cut_rst = rst;
	h1_touch(c);
}

static void h1_hangup(struct http_stream *s)
{
	struct h1 *c = conn_of(s);

	if (!c->active || c->fate || c->out != OUT_DONE)
		return;
	c->keep = false;
	wire_shutdown(h1_wire(c));
}

static unsigned h1_slots(const struct http_conn *hc)
{
	const struct h1 *c = (const struct h1 *)hc;

	return !c->active && !c->fate && h1_is_reusable(c) && !c->stash.n;
}

static struct http_stream *h1_open(struct http_conn *hc,
				   const struct http_events *ev, void *who)
{
	struct h1 *c = (struct h1 *)hc;

	assert(c->magic == H1_MAGIC);
	if (!h1_slots(hc))
		return NULL;
	c->stream = (struct http_stream){&h1_codec, hc, ev, who, 0};
	c->active = true;
	c->in = IN_IDLE;
	c->out = OUT_HEAD;
	c->interims = 0;
	c->slot_due = false;
	c->sent_mark = wire_sent(h1_wire(c)) + wire_queued(h1_wire(c));
	return &c->stream;
}

static void h1_close(struct http_conn *hc, bool now)
{
	struct h1 *c = (struct h1 *)hc;

	assert(c->magic == H1_MAGIC);
	c->closing = true;
	if (now)
		h1_end(c, c->active ? FATE_ABORT : FATE_NOW);
	else if (!c->active)
		h1_end(c, FATE_GENTLE);
}

const struct http_codec h1_codec = {
	.version = HTTP_1_1,
	.send_interim = h1_send_interim,
	.send_head = h1_send_head,
	.send_data = h1_send_data,
	.send_trailers = h1_send_trailers,
	.send_end = h1_send_end,
	.full = h1_full,
	.queued = h1_queued,
	.touched = h1_touched,
	.paused = h1_paused,
	.abandon = h1_abandon,
	.cut = h1_cut,
	.hangup = h1_hangup,
	.slots = h1_slots,
	.open = h1_open,
	.close = h1_close,
};
