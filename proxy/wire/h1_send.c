/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. What goes out, and how its end is told. The framing that came is
 * kept where the peer's version has it:
 *
 *	came as		to a 1.1 peer		to a 1.0 client
 *	NONE		none (or length 0)	the same
 *	LENGTH		content-length		content-length
 *	CHUNKED, H2	chunked, a send a chunk	until the connection closes
 *	CLOSE		until it closes		until it closes
 *	TUNNEL		bytes			-
 */
#include <assert.h>

#include "wire/h1_impl.h"

static struct h1 *conn_of(struct http_stream *s)
{
	struct h1 *c = (struct h1 *)s->conn;

	assert(c->magic == H1_MAGIC);
	return c;
}

/* A stream that is dead already, and has not said so yet, takes no bytes. */
static bool can_send(const struct h1 *c)
{
	return c->active && !c->fate && !c->cutting;
}

static void put(struct wire *w, struct str s)
{
	wire_write(w, s.p, s.n);
}

static bool has_field(const struct head *h, struct str name)
{
	return head_find(h, name) != NULL;
}

/*
 * The owner's message belies itself, a body that is not as long as its head
 * said for one, and cannot be unsaid: the peer shall see a cut.
 */
static void cut_short(struct h1 *c)
{
	c->misfit = true;
	h1_touch(c);
}

/* ---- responses ---- */

static void put_status(struct wire *w, const struct head *h)
{
	char line[13] = "HTTP/1.1 000 ";

	line[9] = (char)('0' + h->status / 100 % 10);
	line[10] = (char)('0' + h->status / 10 % 10);
	line[11] = (char)('0' + h->status % 10);
	wire_write(w, line, sizeof line);
	put(w, h->reason);
	wire_write(w, "\r\n", 2);
}

void h1_send_interim(struct http_stream *s, const struct head *h)
{
	struct h1 *c = conn_of(s);
	const struct h1_hop hop = {0};

	/* HTTP/1.0 knows no 1xx. */
	if (!can_send(c) || c->out != OUT_HEAD || c->old)
		return;
	if (h->status == 100)
		c->expects = false;
	put_status(h1_wire(c), h);
	h1_write_fields(h1_wire(c), h, &hop);
}

/* How the body's end will be told. */
static enum h1_out response_out(const struct h1 *c, const struct head *h)
{
	if (c->is_head || h->status == 204 || h->status == 304)
		return OUT_NONE;
	switch (h->framing) {
	case FRAMING_NONE: return OUT_NONE;
	case FRAMING_LENGTH: return OUT_LENGTH;
	case FRAMING_CLOSE: return OUT_CLOSE;
	default: return c->old ? OUT_CLOSE : OUT_CHUNKED;
	}
}

/*
 * A client that waits for a 100 that will not come may send its body or not:
 * nobody can tell what its next bytes would be.
 */
static bool is_client_lost(const struct h1 *c)
{
	return c->expects && c->in != IN_DONE && c->in != IN_UPGRADING;
}

static bool outlives(const struct h1 *c)
{
	bool peer_gone = c->ended && !c->stash.n;

	return c->keep && c->out != OUT_CLOSE && !c->closing && !peer_gone &&
	       !is_client_lost(c);
}

static void send_switch(struct h1 *c, const struct head *h)
{
	const struct h1_hop hop = {.upgrade = true};

	c->keep = c->upgrade = false;
	c->in = IN_TUNNEL;
	c->out = OUT_TUNNEL;
	put_status(h1_wire(c), h);
	h1_write_fields(h1_wire(c), h, &hop);
	h1_touch(c); /* what came early */
}

static void send_response(struct h1 *c, const struct head *h)
{
	struct h1_hop hop = {0};
	bool bodiless;

	if (h->status == 101) {
		if (c->in == IN_UPGRADING)
			send_switch(c, h);
		else
			cut_short(c); /* nobody asked */
		return;
	}
	c->out = (uint8_t)response_out(c, h);
	c->out_left = h->length;
	c->keep = outlives(c);
	bodiless = c->is_head || h->status == 204 || h->status == 304;
	hop.chunked = c->out == OUT_CHUNKED ||
		      (c->is_head && !c->old &&
		       has_field(h, STR("transfer-encoding")));
	hop.length = !bodiless && !has_field(h, STR("content-length")) &&
		     (c->out == OUT_LENGTH || c->out == OUT_NONE);
	hop.length_is = c->out == OUT_LENGTH ? h->length : 0;
	hop.close = !c->keep;
	hop.keep = c->keep && (c->old || head_lists(h, STR("connection"),
						    STR("keep-alive")));
	put_status(h1_wire(c), h);
	h1_write_fields(h1_wire(c), h, &hop);
	if (c->in == IN_UPGRADING)
		h1_touch(c); /* its late on_end() */
}

/* ---- requests ---- */

static void put_target(struct wire *w, const struct head *h,
		       const struct http_route *route)
{
	struct str t = h->target;

	if (route && !str_eq(t, STR("*"))) {
		t = str_skip(t, route->strip);
		put(w, route->prefix);
		if (!route->prefix.n && (!t.n || t.p[0] != '/'))
			wire_write(w, "/", 1);
	}
	put(w, t);
}

static bool usually_has_body(struct str method)
{
	return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) ||
	       str_eq(method, STR("PATCH"));
}

static enum h1_out request_out(const struct head *h)
{
	switch (h->framing) {
	case FRAMING_NONE: return OUT_NONE;
	case FRAMING_LENGTH: return OUT_LENGTH;
	default: return OUT_CHUNKED;
	}
}

static void send_request(struct h1 *c, const struct head *h,
			 const struct http_route *route)
{
	struct wire *w = h1_wire(c);
	struct h1_hop hop = {0};

	c->out = (uint8_t)request_out(h);
	c->out_left = h->length;
	c->is_head = str_eq(h->method, STR("HEAD"));
	c->upgrade = h->upgrade;
	hop.chunked = c->out == OUT_CHUNKED;
	hop.upgrade = h->upgrade;
	hop.te = head_lists(h, STR("te"), STR("trailers"));
	hop.keep = head_lists(h, STR("connection"), STR("keep-alive"));
	hop.host =
		route && route->authority.n ? route->authority : h->authority;
	if (!hop.host.n)
		hop.host.p = NULL;
	hop.length_is = c->out == OUT_LENGTH ? h->length : 0;
	hop.length = !has_field(h, STR("content-length")) &&
		     (c->out == OUT_LENGTH ||
		      (c->out == OUT_NONE && h->version == HTTP_2 &&
		       usually_has_body(h->method)));
	put(w, h->method);
	wire_write(w, " ", 1);
	put_target(w, h, route);
	put(w, STR(" HTTP/1.1\r\n"));
	h1_write_fields(w, h, &hop);
}

void h1_send_head(struct http_stream *s, const struct head *h,
		  const struct http_route *route)
{
	struct h1 *c = conn_of(s);

	if (!can_send(c) || c->out != OUT_HEAD)
		return;
	if (!h1_is_server(c))
		send_request(c, h, route);
	else if (h->status < 200 && h->status != 101)
		h1_send_interim(s, h);
	else
		send_response(c, h);
}

/* ---- bodies ---- */

static void put_chunk(struct wire *w, const char *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	char size[18], *at = size + sizeof size;
	size_t v = n;

	*--at = '\n';
	*--at = '\r';
	do
		*--at = digit[v & 15];
	while (v >>= 4);
	wire_write(w, at, (size_t)(size + sizeof size - at));
	wire_write(w, p, n);
	wire_write(w, "\r\n", 2);
}

void h1_send_data(struct http_stream *s, const char *p, size_t n)
{
	struct h1 *c = conn_of(s);
	struct wire *w = h1_wire(c);

	if (!can_send(c) || n == 0)
		return;
	switch (c->out) {
	case OUT_LENGTH:
		if (n > c->out_left) {
			cut_short(c);
			return;
		}
		c->out_left -= n;
		wire_write(w, p, n);
		break;
	case OUT_CHUNKED: put_chunk(w, p, n); break;
	case OUT_CLOSE:
	case OUT_TUNNEL: wire_write(w, p, n); break;
	default: break; /* a HEAD's answer has none */
	}
}

void h1_send_trailers(struct http_stream *s, const struct head *h)
{
	struct h1 *c = conn_of(s);
	const struct h1_hop hop = {0};

	if (!can_send(c) || c->out != OUT_CHUNKED)
		return;
	wire_write(h1_wire(c), "0\r\n", 3);
	h1_write_fields(h1_wire(c), h, &hop);
	c->out = OUT_TRAILED;
}

void h1_send_end(struct http_stream *s)
{
	struct h1 *c = conn_of(s);

	if (!can_send(c) || c->out == OUT_HEAD || c->out == OUT_DONE)
		return;
	if (c->out == OUT_LENGTH && c->out_left) {
		cut_short(c);
		return;
	}
	if (c->out == OUT_CHUNKED)
		put(h1_wire(c), STR("0\r\n\r\n"));
	if (c->out == OUT_TUNNEL)
		wire_shutdown(h1_wire(c));
	c->out = OUT_DONE;
	h1_touch(c);
}
