/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A connection is two half-machines and a judge:
 *
 *	wire --> [stash] --> in --> events	h1_head.c, h1_body.c
 *	wire <------------- out <-- http_send	h1_send.c
 *		 settle()
 *
 * Bytes are read where the wire left them; only what cannot be read yet (half
 * a head, data of a paused stream, a request ahead of its turn) is copied to
 * the stash. Nothing is decided inside http_*() calls: they note, and mark the
 * connection dirty. settle() runs after every batch of bytes and at the end of
 * the turn, and looks in this order whether the stream is to end, whether the
 * stash can be read on, whether the peer's end has been reached, and whether
 * the exchange is through. Every path to on_gone() and on_closed() is there.
 */
#include "wire/h1.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/h1_impl.h"

static void settle(struct h1 *c);

void h1_touch(struct h1 *c)
{
	loop_mark_dirty(wire_loop(h1_wire(c)), &c->dirty);
}

void h1_end(struct h1 *c, enum h1_fate fate)
{
	if (c->fate)
		return;
	c->fate = (uint8_t)fate;
	h1_touch(c);
}

/* ---- in ---- */

static bool h1_can_read(const struct h1 *c)
{
	if (c->fate || c->cutting)
		return false;
	if (c->in == IN_DONE || c->in == IN_UPGRADING)
		return false;
	return !c->active || !c->stream.paused;
}

/* The wire waits while its bytes could only pile up here. */
void h1_update_pause(struct h1 *c)
{
	bool full = c->stash.n >= H1_STASH && !h1_can_read(c);
	bool held = c->active && c->stream.paused && !c->cutting &&
		    c->in != IN_DONE && c->in != IN_UPGRADING;

	if (!c->fate && (full || held))
		wire_pause(h1_wire(c), WIRE_PAUSE_OWNER);
	else
		wire_resume(h1_wire(c), WIRE_PAUSE_OWNER);
}

/* Bytes that answer nothing: a goodbye, or garbage. */
static bool is_unasked(const struct h1 *c)
{
	return !h1_is_server(c) && (!c->active || !h1_is_touched(c));
}

/* A request that has not left the queue yet is safe elsewhere. */
static void unasked(struct h1 *c)
{
	if (c->active)
		h1_gone(c, HTTP_UNSENT, "the vendor ended the connection",
			FATE_NOW);
	else
		h1_end(c, FATE_NOW);
}

/* Returns how many bytes were read; the rest is for later. */
static size_t read_some(struct h1 *c, const char *p, size_t n, uint64_t at)
{
	size_t done = 0;

	while (done < n && h1_can_read(c)) {
		bool head = c->in == IN_IDLE || c->in == IN_HEAD;
		size_t some;

		if (head && is_unasked(c)) {
			unasked(c);
			break;
		}
		some = head ? h1_read_head(c, p + done, n - done, at)
			    : h1_read_body(c, p + done, n - done, at);
		if (!some)
			break;
		done += some;
	}
	return c->fate || c->cutting ? n : done;
}

static void read_stash(struct h1 *c)
{
	size_t n = read_some(c, c->stash.p, c->stash.n, c->stash_at);

	buf_drop(&c->stash, n);
	if (!c->stash.n)
		buf_free(&c->stash);
}

static void stash(struct h1 *c, const char *p, size_t n, uint64_t at)
{
	buf_add(&c->stash, p, n);
	c->stash_at = at;
}

static void take_bytes(struct h1 *c, const char *p, size_t n, uint64_t at)
{
	if (c->fate || c->cutting)
		return;
	if (c->stash.n) {
		stash(c, p, n, at);
		read_stash(c);
	} else {
		size_t done = read_some(c, p, n, at);
		if (done < n)
			stash(c, p + done, n - done, at);
	}
	settle(c);
}

static void on_bytes(void *who, const char *p, size_t n, uint64_t at)
{
	struct h1 *c = who;

	assert(c->magic == H1_MAGIC);
	take_bytes(c, p, n, at);
}

void h1_feed(struct http_conn *hc, const char *p, size_t n, uint64_t at)
{
	struct h1 *c = (struct h1 *)hc;

	assert(c->magic == H1_MAGIC);
	take_bytes(c, p, n, at);
}

void h1_in_done(struct h1 *c)
{
	c->in = IN_DONE;
	c->stream.events->on_end(c->stream.who);
}

/* ---- the peer's end ---- */

static void on_wire_end(void *who, enum wire_end how)
{
	struct h1 *c = who;

	assert(c->magic == H1_MAGIC);
	c->ended = true;
	c->end_how = (uint8_t)how;
	/* Nobody will want what a client sent before it reset. */
	if (h1_is_server(c) && how == WIRE_END_RESET)
		c->stash.n = 0;
	settle(c);
}

/* ---- settling ---- */

bool h1_is_reusable(const struct h1 *c)
{
	return c->keep && !c->closing && !c->ended;
}

/* Both directions are through, and the last byte is the kernel's. */
static void finish_server(struct h1 *c)
{
	const struct http_end_facts done = {.how = HTTP_DONE};
	bool more = c->keep && !c->closing;

	c->active = false;
	c->in = IN_IDLE;
	c->interims = 0;
	if (!more)
		h1_end(c, FATE_GENTLE);
	else if (c->base.limits.idle_timeout_ns)
		c->deadline.at = clock_mono() + c->base.limits.idle_timeout_ns;
	c->stream.events->on_gone(c->stream.who, &done);
}

static void finish_client(struct h1 *c)
{
	const struct http_end_facts done = {.how = HTTP_DONE};
	bool more = h1_is_reusable(c) && !c->stash.n;

	c->active = false;
	c->in = IN_IDLE;
	c->out = OUT_HEAD;
	/* what a tunnel said last is still to leave */
	if (!more)
		h1_end(c, wire_queued(h1_wire(c)) ? FATE_GENTLE : FATE_NOW);
	c->stream.events->on_gone(c->stream.who, &done);
	if (more && !c->active && !c->fate)
		c->base.client->on_slot(c->base.owner, &c->base);
}

/* The client will not send the rest of its request, or nobody would know. */
static bool is_answered_early(const struct h1 *c)
{
	return c->out == OUT_DONE && c->expects && c->in != IN_DONE;
}

static void try_finish(struct h1 *c)
{
	bool drained = !wire_queued(h1_wire(c));

	if (c->cutting) {
		if (drained)
			h1_gone(c, HTTP_DONE, "cut as the other side was",
				c->cut_rst ? FATE_RUDE : FATE_CURT);
		return;
	}
	if (c->out != OUT_DONE || (h1_is_server(c) && !drained))
		return;
	if (c->in == IN_DONE && h1_is_server(c))
		finish_server(c);
	else if (c->in == IN_DONE)
		finish_client(c);
	else if (h1_is_server(c) && is_answered_early(c))
		h1_gone(c, HTTP_DONE, "answered before the request was whole",
			FATE_GENTLE);
}

static void bury(void *p)
{
	struct h1 *c = p;

	c->magic = 0;
	buf_free(&c->stash);
	free(c);
}

/* on_closed() first: facts of the wire may be asked for there. */
static void close_conn(struct h1 *c)
{
	static const struct {
		uint64_t linger;
		bool abort;
	} manner[] = {
		[FATE_GENTLE] = {H1_LINGER, false},
		[FATE_RUDE] = {H1_LINGER, true},
		[FATE_NOW] = {0, false},
		[FATE_ABORT] = {0, true},
	};
	struct wire *w = h1_wire(c);

	c->closed = true;
	loop_drop_deadline(&c->deadline);
	if (h1_is_server(c))
		c->base.server->on_closed(c->base.owner, &c->base);
	else
		c->base.client->on_closed(c->base.owner, &c->base);
	loop_unmark_dirty(wire_loop(w), &c->dirty);
	loop_bury(wire_loop(w), c, bury);
	if (c->fate == FATE_CURT)
		wire_cut(w, H1_LINGER);
	else
		wire_close(w, manner[c->fate].linger, manner[c->fate].abort);
}

/* One step: what the stream owes its owner. */
static void settle_stream(struct h1 *c)
{
	if (c->misfit) {
		h1_gone(c, HTTP_BROKEN, "what was sent belies its head",
			FATE_RUDE);
		return;
	}
	if (c->in == IN_UPGRADING && c->out != OUT_HEAD)
		h1_in_done(c);
}

static bool is_end_reached(const struct h1 *c)
{
	if (!c->ended || c->fate || (c->cutting && !h1_is_rude(c)))
		return false;
	/* what is left and could be read is half a head */
	return !c->stash.n || h1_can_read(c);
}

static void tell_slot(struct h1 *c)
{
	c->slot_due = false;
	if (!c->active && !c->fate)
		c->base.client->on_slot(c->base.owner, &c->base);
}

static void settle(struct h1 *c)
{
	bool again;

	do {
		if (c->active && !c->fate)
			settle_stream(c);
		if (c->stash.n && h1_can_read(c))
			read_stash(c);
		if (is_end_reached(c))
			h1_reach_end(c);
		again = c->active && !c->fate;
		if (again)
			try_finish(c);
		/* through with one: the next may have been sent already */
		again = again && !c->active && !c->fate && c->stash.n;
	} while (again);
	if (c->fate && c->active)
		h1_gone(c, HTTP_CUT, "the connection was closed",
			(enum h1_fate)c->fate);
	if (c->slot_due)
		tell_slot(c);
	if (c->fate)
		close_conn(c);
	else
		h1_update_pause(c);
}

static void flush(struct loop_dirty *d)
{
	struct h1 *c = (struct h1 *)((char *)d - offsetof(struct h1, dirty));

	assert(c->magic == H1_MAGIC);
	if (!c->closed)
		settle(c);
}

static void on_room(void *who)
{
	struct h1 *c = who;

	if (h1_hears(c))
		c->stream.events->on_room(c->stream.who);
}

static void on_drained(void *who)
{
	settle(who);
}

static void on_due(struct loop_deadline *d)
{
	struct h1 *c = (struct h1 *)((char *)d - offsetof(struct h1, deadline));
	const struct h1_refusal late = {408, "slow_request",
					"the request's head took too long"};

	if (c->active || c->fate)
		return;
	if (c->in == IN_HEAD)
		h1_refuse(c, &late);
	else
		h1_end(c, FATE_GENTLE);
}

/* ---- life ---- */

static struct h1 *new_conn(struct wire *w, const struct http_limits *lim,
			   void *owner)
{
	static const struct wire_events events = {on_bytes, on_wire_end,
						  on_room, on_drained};
	struct h1 *c = MEM_NEW(struct h1);

	c->magic = H1_MAGIC;
	c->base.codec = &h1_codec;
	c->base.wire = w;
	c->base.limits = *lim;
	c->base.owner = owner;
	c->keep = true;
	c->dirty.flush = flush;
	c->deadline.due = on_due;
	loop_add_deadline(wire_loop(w), &c->deadline);
	wire_set_events(w, &events, c);
	return c;
}

struct http_conn *h1_serve(struct wire *take_w, const struct http_limits *lim,
			   const struct http_server *srv, void *owner)
{
	struct h1 *c = new_conn(take_w, lim, owner);

	c->base.server = srv;
	if (lim->idle_timeout_ns)
		c->deadline.at = clock_mono() + lim->idle_timeout_ns;
	return &c->base;
}

struct http_conn *h1_dial(struct wire *take_w, const struct http_limits *lim,
			  const struct http_client *cli, void *owner)
{
	struct h1 *c = new_conn(take_w, lim, owner);

	c->base.client = cli;
	return &c->base;
}
