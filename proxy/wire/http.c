/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. The version-blind front: each call goes through the codec's table,
 * and whether the codec is h1 or h2 is found out here.
 *
 *	TLS	what ALPN agreed on
 *	clear	the first bytes: as long as they are the beginning of h2's
 *		preface, wait; then hand them on
 *
 * A clear connection is a `front` until then, and stays one afterwards, since
 * its owner holds a pointer to it:
 *
 *	owner --http_close()--> front --> h1 or h2 connection
 *	      <--on_closed()---       <--
 */
#include "wire/http.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/h1.h"
#include "wire/h2.h"

/* ---- streams ---- */

void http_send_interim(struct http_stream *s, const struct head *h)
{
	s->codec->send_interim(s, h);
}

void http_send_head(struct http_stream *s, const struct head *h,
		    const struct http_route *route)
{
	s->codec->send_head(s, h, route);
}

void http_send_data(struct http_stream *s, const char *p, size_t n)
{
	s->codec->send_data(s, p, n);
}

void http_send_trailers(struct http_stream *s, const struct head *h)
{
	s->codec->send_trailers(s, h);
}

void http_send_end(struct http_stream *s)
{
	s->codec->send_end(s);
}

bool http_full(const struct http_stream *s)
{
	return s->codec->full(s);
}

size_t http_queued(const struct http_stream *s)
{
	return s->codec->queued(s);
}

bool http_touched(const struct http_stream *s)
{
	return s->codec->touched(s);
}

static void set_paused(struct http_stream *s, unsigned bits)
{
	if (s->paused == bits)
		return;
	s->paused = bits;
	s->codec->paused(s);
}

void http_pause(struct http_stream *s, enum http_pause why)
{
	set_paused(s, s->paused | (unsigned)why);
}

void http_resume(struct http_stream *s, enum http_pause why)
{
	set_paused(s, s->paused & ~(unsigned)why);
}

void http_abandon(struct http_stream *s, uint32_t code)
{
	s->codec->abandon(s, code);
}

void http_cut(struct http_stream *s, uint32_t code, bool rst)
{
	s->codec->cut(s, code, rst);
}

void http_hangup(struct http_stream *s)
{
	if (s->codec->hangup)
		s->codec->hangup(s);
}

enum http_version http_version_of(const struct http_stream *s)
{
	return s->codec->version;
}

/* ---- connections ---- */

struct wire *http_wire(const struct http_conn *c)
{
	return c->wire;
}

struct http_conn *http_dial(struct wire *take_w, bool h2,
			    const struct http_limits *lim,
			    const struct http_client *cli, void *owner)
{
	return (h2 ? h2_dial : h1_dial)(take_w, lim, cli, owner);
}

unsigned http_slots(const struct http_conn *c)
{
	return c->codec->slots(c);
}

struct http_stream *http_open(struct http_conn *c, const struct http_events *ev,
			      void *who)
{
	return c->codec->open(c, ev, who);
}

void http_close(struct http_conn *c, bool now)
{
	c->codec->close(c, now);
}

/* ---- a connection in clear whose version is not known yet ---- */

#define FRONT_MAGIC 0x46524e54u

struct front {
	struct http_conn base;
	unsigned magic;
	struct http_conn *inner; /* once the version is known */
	size_t matched;		 /* bytes of the preface that have come */
	struct loop_deadline deadline;
	struct loop_dirty dirty; /* closed by its owner: tell it later */
};

static struct front *front_of(void *p)
{
	struct front *f = p;

	assert(f->magic == FRONT_MAGIC);
	return f;
}

static void bury_front(void *p)
{
	struct front *f = p;

	f->magic = 0;
	free(f);
}

/* Its last breath. */
static void front_end(struct front *f)
{
	struct loop *l = wire_loop(f->base.wire);

	loop_drop_deadline(&f->deadline);
	loop_unmark_dirty(l, &f->dirty);
	loop_bury(l, f, bury_front);
	f->base.server->on_closed(f->base.owner, &f->base);
}

/* What the inner connection tells its owner, the front. */

static void inner_on_stream(void *owner, struct http_stream *s)
{
	struct front *f = front_of(owner);

	f->base.server->on_stream(f->base.owner, s);
}

static void inner_on_refused(void *owner, struct http_conn *c, unsigned status,
			     const char *code, const char *why)
{
	struct front *f = front_of(owner);

	f->base.server->on_refused(f->base.owner, c, status, code, why);
}

static void inner_on_closed(void *owner, struct http_conn *c)
{
	(void)c;
	front_end(front_of(owner));
}

static const struct http_server front_as_owner = {
	inner_on_stream, inner_on_closed, inner_on_refused};

/*
 * A first line that ends in another protocol's name: whoever sent it would
 * not understand an answer in HTTP/1.1.
 */
static bool is_alien(const char *p, size_t n)
{
	const char *end = memchr(p, '\n', n);
	const char *last = end ? memrchr(p, ' ', (size_t)(end - p)) : NULL;

	if (!last || !memchr(p, ' ', (size_t)(last - p)))
		return false;
	return end - last < 6 || strncasecmp(last, " HTTP/", 6) != 0;
}

static void turn_away(struct front *f, const char *code, const char *why)
{
	f->base.server->on_refused(f->base.owner, &f->base, 0, code, why);
	wire_close(f->base.wire, 0, false);
	front_end(f);
}

/* What the wire tells while nothing is known. */

static void sniff(void *who, const char *p, size_t n, uint64_t at)
{
	struct front *f = front_of(who);
	size_t had = f->matched, i = 0;

	while (i < n && f->matched < H2_PREFACE_LEN &&
	       p[i] == H2_PREFACE[f->matched]) {
		i++;
		f->matched++;
	}
	if (i == n && f->matched < H2_PREFACE_LEN)
		return;
	loop_drop_deadline(&f->deadline);
	if (f->matched == H2_PREFACE_LEN) {
		f->inner = h2_serve(f->base.wire, &f->base.limits,
				    &front_as_owner, f);
		h2_feed(f->inner, H2_PREFACE, had, at);
		h2_feed(f->inner, p, n, at);
		return;
	}
	if (had == 0 && is_alien(p, n)) {
		turn_away(f, "not_http", "the connection does not speak HTTP");
		return;
	}
	f->inner = h1_serve(f->base.wire, &f->base.limits, &front_as_owner, f);
	if (had)
		h1_feed(f->inner, H2_PREFACE, had, at);
	h1_feed(f->inner, p, n, at);
}

static void sniff_end(void *who, enum wire_end how)
{
	struct front *f = front_of(who);

	(void)how;
	wire_close(f->base.wire, 0, false);
	front_end(f);
}

static void sniff_idle(void *who)
{
	(void)who; /* nothing was written */
}

static const struct wire_events sniff_events = {sniff, sniff_end, sniff_idle,
						sniff_idle};

static void sniff_due(struct loop_deadline *d)
{
	struct front *f =
		front_of((char *)d - offsetof(struct front, deadline));

	if (f->matched) {
		turn_away(f, "head_timeout",
			  "the head took too long to arrive");
		return;
	}
	wire_close(f->base.wire, 0, false);
	front_end(f);
}

static void front_closed(struct loop_dirty *d)
{
	front_end(front_of((char *)d - offsetof(struct front, dirty)));
}

static void front_close(struct http_conn *c, bool now)
{
	struct front *f = front_of(c);

	if (f->inner) {
		http_close(f->inner, now);
		return;
	}
	if (f->dirty.linked)
		return;
	wire_close(f->base.wire, 0, false);
	loop_drop_deadline(&f->deadline);
	loop_mark_dirty(wire_loop(f->base.wire), &f->dirty);
}

static unsigned front_slots(const struct http_conn *c)
{
	(void)c;
	return 0;
}

/* It has no streams; those are its inner connection's. */
static const struct http_codec front_codec = {
	.version = HTTP_1_1, .slots = front_slots, .close = front_close};

static struct http_conn *front_new(struct wire *w,
				   const struct http_limits *lim,
				   const struct http_server *srv, void *owner)
{
	struct front *f = MEM_NEW(struct front);

	f->magic = FRONT_MAGIC;
	f->base = (struct http_conn){
		.codec = &front_codec,
		.wire = w,
		.limits = *lim,
		.server = srv,
		.owner = owner,
	};
	f->dirty.flush = front_closed;
	f->deadline.due = sniff_due;
	if (lim->head_timeout_ns)
		f->deadline.at = clock_mono() + lim->head_timeout_ns;
	loop_add_deadline(wire_loop(w), &f->deadline);
	wire_set_events(w, &sniff_events, f);
	return &f->base;
}

struct http_conn *http_serve(struct wire *take_w, const struct http_limits *lim,
			     const struct http_server *srv, void *owner)
{
	const struct wire_facts *facts = wire_facts(take_w);

	if (!facts->tls)
		return front_new(take_w, lim, srv, owner);
	if (strcmp(facts->alpn, "h2") == 0)
		return h2_serve(take_w, lim, srv, owner);
	return h1_serve(take_w, lim, srv, owner);
}
