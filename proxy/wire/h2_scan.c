/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Frame headers are read here too, just ahead of nghttp2:
 *
 *	bytes   |-9-|.....|-9-|..........|-9-|...
 *	        ^ what of it costs us is counted (floods)
 *	              ^ fed to nghttp2 up to here, if the next frame is one that
 *	                may be for a stream that is closed
 *
 * nghttp2 would have to keep closed streams, up to a thousand a connection, to
 * know what a frame for one of them means; they would cost a microsecond a
 * request in cache misses. So it keeps none, and the last closed ids are here:
 * an id that the peer had ended is an error of the connection (RFC 9113, 5.1),
 * one that we had reset may still get what was on its way.
 */
#include <assert.h>
#include <stdlib.h>

#include "wire/h2_impl.h"

struct frame {
	size_t length;
	unsigned type, flags;
	int32_t id;
};

static struct frame parse(const unsigned char *p)
{
	return (struct frame){
		.length = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2],
		.type = p[3],
		.flags = p[4],
		.id = (int32_t)((uint32_t)(p[5] & 0x7f) << 24 |
				(uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 |
				p[8]),
	};
}

/* ---- closed streams ---- */

void h2_closed(struct h2_conn *c, int32_t id, bool by_peer)
{
	if (!c->base.server)
		return;
	c->closed[c->closed_at] = by_peer ? id : -id;
	c->closed_at = (c->closed_at + 1) % H2_CLOSED;
}

static bool was_closed(const struct h2_conn *c, int32_t id)
{
	for (unsigned i = 0; i < H2_CLOSED; i++) {
		if (c->closed[i] == id)
			return true;
	}
	return false;
}

/* A frame that belongs to an earlier request, whose stream is no more. */
static void check_stream(struct h2_conn *c, const struct frame *f)
{
	if (c->closing || f->id == 0 || f->id % 2 == 0 ||
	    nghttp2_session_find_stream(c->session, f->id))
		return;
	if (was_closed(c, f->id))
		h2_kill(c, NGHTTP2_STREAM_CLOSED, "protocol_error",
			"a frame came for a stream that had ended");
	else if (f->type == NGHTTP2_HEADERS && !was_closed(c, -f->id))
		h2_kill(c, NGHTTP2_PROTOCOL_ERROR, "protocol_error",
			"a stream id is lower than one before it");
}

/* ---- floods ---- */

static void count(struct h2_conn *c, const struct frame *f)
{
	bool carries = true;

	switch (f->type) {
	case NGHTTP2_HEADERS: c->continuations = 0; break;
	case NGHTTP2_CONTINUATION:
		if (++c->continuations > H2_MAX_CONTINUATIONS)
			h2_kill(c, NGHTTP2_ENHANCE_YOUR_CALM, "flood",
				"too many CONTINUATION frames in one head");
		break;
	case NGHTTP2_DATA:
		carries = f->length || (f->flags & NGHTTP2_FLAG_END_STREAM);
		break;
	case NGHTTP2_WINDOW_UPDATE:
	case NGHTTP2_GOAWAY: break;
	default: carries = false;
	}
	if (!carries)
		h2_afford(c);
}

/* ---- the scan ---- */

/* Must nghttp2 know what came before, so that the frame can be judged? */
static bool is_for_old_stream(const struct h2_conn *c, const struct frame *f)
{
	if (!c->base.server || f->id > c->last_id)
		return false;
	return f->type == NGHTTP2_DATA || f->type == NGHTTP2_HEADERS;
}

static ssize_t feed(struct h2_conn *c, const char *p, size_t n)
{
	if (n == 0)
		return 0;
	return nghttp2_session_mem_recv(c->session, (const uint8_t *)p, n);
}

/* The bytes of a frame header that are in [p, p + n). */
static size_t take_header(struct h2_conn *c, const char *p, size_t n)
{
	size_t some = H2_FRAME_HEAD - c->header_n;

	some = some < n ? some : n;
	memcpy(c->header + c->header_n, p, some);
	c->header_n += (unsigned)some;
	return some;
}

/* Goes on to the next frame header; false if it is not all here yet. */
static bool next_frame(struct h2_conn *c, const char *p, size_t n, size_t *at,
		       struct frame *f)
{
	size_t skip = n - *at < c->skip ? n - *at : c->skip;

	*at += skip;
	c->skip -= skip;
	if (c->skip)
		return false;
	*at += take_header(c, p + *at, n - *at);
	if (c->header_n < H2_FRAME_HEAD)
		return false;
	c->header_n = 0;
	*f = parse(c->header);
	c->skip = f->length;
	return true;
}

ssize_t h2_recv(struct h2_conn *c, const char *p, size_t n)
{
	size_t at = 0, fed = 0;
	struct frame f;

	while (!c->kill && next_frame(c, p, n, &at, &f)) {
		/* a header that began in an earlier buffer was fed with it */
		size_t begins = at < H2_FRAME_HEAD ? 0 : at - H2_FRAME_HEAD;

		count(c, &f);
		if (is_for_old_stream(c, &f)) {
			ssize_t rv = feed(c, p + fed, begins - fed);

			if (rv < 0)
				return rv;
			fed = begins;
			if (!c->kill)
				check_stream(c, &f);
		}
		if (f.type == NGHTTP2_HEADERS && f.id % 2 && f.id > c->last_id)
			c->last_id = f.id;
	}
	return c->kill ? 0 : feed(c, p + fed, n - fed);
}
