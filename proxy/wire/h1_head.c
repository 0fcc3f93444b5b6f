/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A head on its way in:
 *
 *	bytes -> h1_scan (where does it end?) -> h1_strict (is it lawful?)
 *	      -> one copy into struct head -> llhttp over the copy (the spans)
 *
 * The common head comes in one read and is copied once. llhttp reads what our
 * own checks have passed, and must find the same number of fields: what two
 * parsers do not agree on is refused.
 */
#include <assert.h>
#include <llhttp.h>
#include <stdlib.h>

#include "wire/h1_impl.h"

/* ---- llhttp ---- */

struct reading {
	struct head *head;
	unsigned i; /* fields that are whole */
	bool complete;
};

static int on_field(llhttp_t *l, const char *p, size_t n)
{
	struct reading *r = l->data;

	if (r->i == r->head->n)
		return -1;
	r->head->fields[r->i] = (struct head_field){{p, n}, {p + n + 1, 0}};
	return 0;
}

static int on_value(llhttp_t *l, const char *p, size_t n)
{
	struct reading *r = l->data;

	if (n)
		r->head->fields[r->i].value = str_trim((struct str){p, n});
	return 0;
}

static int on_value_complete(llhttp_t *l)
{
	((struct reading *)l->data)->i++;
	return 0;
}

static int on_complete(llhttp_t *l)
{
	((struct reading *)l->data)->complete = true;
	return 0;
}

/*
 * llhttp knows a fixed list of methods and ours are any token, so it is shown
 * a first line of our own.
 */
static bool read_fields(struct head *h)
{
	static const llhttp_settings_t settings = {
		.on_header_field = on_field,
		.on_header_value = on_value,
		.on_header_value_complete = on_value_complete,
		.on_headers_complete = on_complete};
	static const char request[] = "POST / HTTP/1.1\r\n";
	static const char response[] = "HTTP/1.1 200 OK\r\n";
	struct reading r = {h, 0, false};
	struct str fields = h->raw;
	llhttp_t l;

	if (h->kind != HEAD_TRAILERS)
		str_cut(&fields, '\n');
	llhttp_init(&l, h->kind == HEAD_RESPONSE ? HTTP_RESPONSE : HTTP_REQUEST,
		    &settings);
	l.data = &r;
	if (h->kind == HEAD_RESPONSE)
		llhttp_execute(&l, response, sizeof response - 1);
	else
		llhttp_execute(&l, request, sizeof request - 1);
	llhttp_execute(&l, fields.p, fields.n);
	return r.complete && r.i == h->n;
}

/* ---- the struct ---- */

/* A str of the shape as one of the copy. */
static struct str moved(struct str s, struct str from, const char *to)
{
	bool within = s.n && s.p >= from.p && s.p < from.p + from.n;

	return within ? (struct str){to + (s.p - from.p), s.n} : s;
}

static struct head *build(struct str raw, enum head_kind kind,
			  const struct h1_shape *o)
{
	char *room;
	struct head *h = head_new(o->n, raw.n, &room);

	memcpy(room, raw.p, raw.n);
	h->kind = kind;
	h->version = o->version;
	h->raw = (struct str){room, raw.n};
	h->status = o->status;
	h->reason = moved(o->reason, raw, room);
	h->method = moved(o->method, raw, room);
	h->target = moved(o->target, raw, room);
	h->scheme = moved(o->scheme, raw, room);
	h->authority = moved(o->authority, raw, room);
	h->length = o->length;
	h->expect_continue = o->expect_continue;
	h->keep_alive = !o->close && (o->version == HTTP_1_1 || o->keep);
	return h;
}

static void frame_request(struct head *h, const struct h1_shape *o)
{
	h->framing = o->chunked	     ? FRAMING_CHUNKED
		     : o->has_length ? FRAMING_LENGTH
				     : FRAMING_NONE;
	/* With a body before it, an upgrade is not ours to wait for. */
	h->upgrade = o->wants_upgrade && !o->chunked && !o->length;
}

static void frame_response(const struct h1 *c, struct head *h,
			   const struct h1_shape *o)
{
	h->upgrade = h->status == 101;
	if (h->status == 101)
		h->framing = FRAMING_TUNNEL;
	else if (c->is_head || h->status < 200 || h->status == 204 ||
		 h->status == 304)
		h->framing = FRAMING_NONE;
	else if (o->chunked)
		h->framing = FRAMING_CHUNKED;
	else
		h->framing = o->has_length ? FRAMING_LENGTH : FRAMING_CLOSE;
}

/* Where reading goes on after a head. */
static void enter_body(struct h1 *c, const struct head *h)
{
	c->in_left = 0;
	c->extra = c->size_digits = 0;
	switch (h->framing) {
	case FRAMING_LENGTH:
		c->in = h->length ? IN_LENGTH : IN_DONE;
		c->in_left = h->length;
		break;
	case FRAMING_CHUNKED: c->in = IN_SIZE; break;
	case FRAMING_CLOSE: c->in = IN_CLOSE; break;
	case FRAMING_TUNNEL: c->in = IN_TUNNEL; break;
	default: c->in = IN_DONE;
	}
}

/* ---- a request ---- */

static void take_request(struct h1 *c, struct head *h)
{
	c->stream = (struct http_stream){.codec = &h1_codec, .conn = &c->base};
	c->active = true;
	c->out = OUT_HEAD;
	c->old = h->version == HTTP_1_0;
	c->is_head = str_eq(h->method, STR("HEAD"));
	c->upgrade = h->upgrade;
	c->expects = h->expect_continue && !c->old;
	c->keep = h->keep_alive;
	enter_body(c, h);
	if (c->upgrade)
		c->in = IN_UPGRADING;
	c->base.server->on_stream(c->base.owner, &c->stream);
	if (!c->active) {
		head_free(h);
		return;
	}
	assert(c->stream.events);
	c->stream.events->on_head(c->stream.who, h);
	if (h1_hears(c) && c->in == IN_DONE)
		h1_in_done(c);
}

/* ---- a response ---- */

static void take_interim(struct h1 *c, struct head *h)
{
	c->in = IN_IDLE; /* the next head */
	if (++c->interims > H1_INTERIMS) {
		head_free(h);
		h1_breach(c, "more interim responses than anyone needs");
		return;
	}
	c->stream.events->on_interim(c->stream.who, h);
}

static void take_response(struct h1 *c, struct head *h)
{
	if (h->status < 200 && h->status != 101) {
		take_interim(c, h);
		return;
	}
	if (h->status == 101 && !c->upgrade) {
		head_free(h);
		h1_breach(c, "101 without being asked to switch");
		return;
	}
	enter_body(c, h);
	if (!h->keep_alive || h->framing == FRAMING_CLOSE)
		c->keep = false;
	if (c->in == IN_TUNNEL)
		c->out = OUT_TUNNEL;
	c->upgrade = false;
	c->stream.events->on_head(c->stream.who, h);
	if (h1_hears(c) && c->in == IN_DONE)
		h1_in_done(c);
}

/* ---- collecting ---- */

/* The head of these bytes, or NULL with *no. */
static struct head *parse(struct h1 *c, struct str raw, enum head_kind kind,
			  uint64_t at, struct h1_refusal *no)
{
	struct h1_shape o;
	struct head *h;

	if (!h1_strict(raw, kind, &o, no))
		return NULL;
	h = build(raw, kind, &o);
	if (!read_fields(h)) {
		head_free(h);
		*no = (struct h1_refusal){
			400, "smuggling_refused",
			"two parsers read the head differently"};
		return NULL;
	}
	h->first_at = c->first_at;
	h->at = at;
	if (kind == HEAD_REQUEST)
		frame_request(h, &o);
	else if (kind == HEAD_RESPONSE)
		frame_response(c, h, &o);
	return h;
}

/* Returns the length of the head, 0 to wait, or -1 when it was refused. */
static long find_end(struct h1 *c, const char *p, size_t n)
{
	size_t max = c->base.limits.max_head;
	struct h1_refusal no;
	long end = h1_scan(p, n < max ? n : max, &c->scanned, &no);

	if (end == 0 && n >= max) {
		no = (struct h1_refusal){431, "head_too_large",
					 "the head is longer than --max-head"};
		end = -1;
	}
	if (end)
		c->scanned = 0;
	if (end < 0)
		h1_refuse(c, &no);
	return end;
}

static void begin_head(struct h1 *c, uint64_t at)
{
	c->in = IN_HEAD;
	c->scanned = 0;
	c->first_at = at;
	if (h1_is_server(c) && c->base.limits.head_timeout_ns)
		c->deadline.at = at + c->base.limits.head_timeout_ns;
}

size_t h1_read_head(struct h1 *c, const char *p, size_t n, uint64_t at)
{
	enum head_kind kind = h1_is_server(c) ? HEAD_REQUEST : HEAD_RESPONSE;
	struct h1_refusal no;
	struct head *h;
	long end;

	if (c->in == IN_IDLE)
		begin_head(c, at);
	/* A client may put an empty line between two requests (2.2). */
	if (kind == HEAD_REQUEST && !c->scanned && n >= 2 && p[0] == '\r' &&
	    p[1] == '\n') {
		c->in = IN_IDLE;
		return 2;
	}
	end = find_end(c, p, n);
	if (end <= 0)
		return end ? n : 0;
	c->deadline.at = 0;
	h = parse(c, (struct str){p, (size_t)end}, kind, at, &no);
	if (!h)
		h1_refuse(c, &no);
	else if (kind == HEAD_REQUEST)
		take_request(c, h);
	else
		take_response(c, h);
	return (size_t)end;
}

size_t h1_read_trailers(struct h1 *c, const char *p, size_t n, uint64_t at)
{
	struct h1_refusal no;
	struct head *h;
	long end;

	if (!c->scanned)
		c->first_at = at;
	end = find_end(c, p, n);
	if (end <= 0)
		return end ? n : 0;
	c->in = IN_DONE;
	if (end > 2) {
		h = parse(c, (struct str){p, (size_t)end}, HEAD_TRAILERS, at,
			  &no);
		if (!h) {
			h1_refuse(c, &no);
			return n;
		}
		c->stream.events->on_trailers(c->stream.who, h);
	}
	if (h1_hears(c))
		h1_in_done(c);
	return (size_t)end;
}
