/* SPDX-License-Identifier: MIT */
#include "h2_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

/* ---- a stream's log ---- */

static void keep_head(struct side *s, struct head *h)
{
	buf_adds(&s->heads, h->raw);
	head_free(s->head);
	s->head = h;
}

static void on_head(void *who, struct head *take_head)
{
	struct side *s = who;

	assert_false(s->got_head);
	assert_false(s->gone);
	s->got_head = true;
	keep_head(s, take_head);
	if (s->server && s->rig->on_head)
		s->rig->on_head(s);
}

static void on_interim(void *who, struct head *take_head)
{
	struct side *s = who;

	assert_false(s->got_head);
	s->interims++;
	keep_head(s, take_head);
}

static void on_data(void *who, const char *p, size_t n, uint64_t at)
{
	struct side *s = who;

	assert_true(s->got_head && !s->ended && !s->gone && n > 0);
	assert_true(at >= s->last_at);
	s->last_at = at;
	s->chunks++;
	buf_add(&s->body, p, n);
	if (s->server && s->rig->on_data)
		s->rig->on_data(s);
}

static void on_trailers(void *who, struct head *take_head)
{
	struct side *s = who;

	assert_true(s->got_head && !s->ended && !s->got_trailers);
	s->got_trailers = true;
	keep_head(s, take_head);
}

static void on_end(void *who)
{
	struct side *s = who;

	assert_true(s->got_head && !s->ended && !s->gone);
	s->ended = true;
	if (s->server && s->rig->on_end)
		s->rig->on_end(s);
}

static void on_room(void *who)
{
	struct side *s = who;

	assert_false(http_full(s->s));
	s->rooms++;
}

static void on_gone(void *who, const struct http_end_facts *end)
{
	struct side *s = who;

	assert_false(s->gone);
	s->gone = true;
	s->end = *end;
	snprintf(s->why, sizeof s->why, "%s", end->why ? end->why : "");
	s->s = NULL;
}

static const struct http_events side_events = {
	on_head, on_interim, on_data, on_trailers, on_end, on_room, on_gone};

/* ---- connections ---- */

static void on_stream(void *owner, struct http_stream *s)
{
	struct rig *r = owner;
	struct side *d = &r->in[r->n_in++];

	assert_true(r->n_in < RIG_SIDES);
	*d = (struct side){.rig = r, .s = s, .server = true};
	s->events = &side_events;
	s->who = d;
}

static void on_server_closed(void *owner, struct http_conn *c)
{
	struct rig *r = owner;

	assert_ptr_equal(c, r->server);
	assert_false(r->server_closed);
	r->server_closed = true;
	r->server = NULL;
}

static void on_refused(void *owner, struct http_conn *c, unsigned status,
		       const char *code, const char *why)
{
	struct rig *r = owner;

	(void)c;
	r->refused++;
	snprintf(r->refused_code, sizeof r->refused_code, "%s", code);
	buf_addf(&r->notes, "refused %u %s: %s\n", status, code, why);
}

static const struct http_server server_events = {on_stream, on_server_closed,
						 on_refused};

static void on_slot(void *owner, struct http_conn *c)
{
	struct rig *r = owner;

	assert_true(http_slots(c) > 0);
	r->slots++;
}

static void on_goaway(void *owner, struct http_conn *c, uint32_t last,
		      uint32_t code, struct str debug)
{
	struct rig *r = owner;

	(void)c;
	(void)debug;
	buf_addf(&r->notes, "goaway last=%u code=%u\n", last, code);
}

static void on_settings(void *owner, struct http_conn *c, struct str text)
{
	struct rig *r = owner;

	(void)c;
	buf_addf(&r->notes, "settings %.*s\n", STR_ARG(text));
}

static void on_client_closed(void *owner, struct http_conn *c)
{
	struct rig *r = owner;

	assert_ptr_equal(c, r->client);
	assert_false(r->client_closed);
	r->client_closed = true;
	r->client = NULL;
}

static const struct http_client client_events = {on_slot, on_goaway,
						 on_settings, on_client_closed};

/* ---- the loop ---- */

static void on_turn(void *arg)
{
	struct rig *r = arg;

	if (r->fd >= 0)
		raw_read(r);
	if (r->until && r->until(r))
		loop_stop(r->loop);
}

static void on_tick(void *arg)
{
	struct rig *r = arg;

	if (++r->ticks < 6)
		return;
	r->timed_out = true;
	loop_stop(r->loop);
}

void rig_run(struct rig *r, bool (*until)(struct rig *r))
{
	r->until = until;
	r->ticks = 0;
	loop_run(r->loop);
	r->until = NULL;
	assert_false(r->timed_out);
}

static void turn(struct loop *l)
{
	loop_wake(l, (void (*)(void *))loop_stop, l);
	loop_run(l);
}

void rig_turns(struct rig *r, unsigned n)
{
	while (n--)
		turn(r->loop);
}

static void on_ready(void *who, const struct fail *f)
{
	bool *ready = who;

	assert_null(f);
	*ready = true;
}

static struct wire *make_wire(struct loop *l, int fd)
{
	bool ready = false;
	struct wire *w;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	w = wire_accept(l, fd, NULL, on_ready, &ready);
	assert_non_null(w);
	for (int i = 0; i < 10 && !ready; i++)
		turn(l);
	assert_true(ready);
	return w;
}

static const struct http_limits default_limits = {
	.max_head = 16384, .max_streams = 100, .head_timeout_ns = 2000000000};

static void make_loop(struct rig *r, int fd[2])
{
	memset(r, 0, sizeof *r);
	r->fd = -1;
	r->loop = loop_new();
	loop_on_turn(r->loop, on_turn, r);
	loop_on_tick(r->loop, on_tick, r);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
}

void rig_open(struct rig *r, const struct http_limits *lim)
{
	struct wire *a, *b;
	int fd[2];

	make_loop(r, fd);
	a = make_wire(r->loop, fd[0]);
	b = make_wire(r->loop, fd[1]);
	lim = lim ? lim : &default_limits;
	r->server = h2_serve(a, lim, &server_events, r);
	r->client = h2_dial(b, lim, &client_events, r);
}

void rig_open_raw(struct rig *r, const struct http_limits *lim)
{
	struct wire *a;
	int fd[2];

	make_loop(r, fd);
	a = make_wire(r->loop, fd[0]);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	r->server =
		http_serve(a, lim ? lim : &default_limits, &server_events, r);
	r->fd = fd[1];
}

static void free_side(struct side *s)
{
	buf_free(&s->heads);
	buf_free(&s->body);
	head_free(s->head);
}

static bool all_closed(struct rig *r)
{
	return !r->client && !r->server;
}

void rig_close(struct rig *r)
{
	if (r->client)
		http_close(r->client, true);
	if (r->server)
		http_close(r->server, true);
	rig_run(r, all_closed);
	for (unsigned i = 0; i < RIG_SIDES; i++) {
		free_side(&r->in[i]);
		free_side(&r->out[i]);
	}
	if (r->fd >= 0)
		close(r->fd);
	loop_free(r->loop);
	buf_free(&r->notes);
	buf_free(&r->wire_in);
}

/* ---- requests and responses ---- */

struct head *rig_head(unsigned status, const char *const *fields)
{
	struct head_maker m = {0};
	struct head *h;

	head_make_status(&m, HTTP_2, status, STR(""));
	for (; fields && *fields; fields += 2)
		head_make_field(&m, str_of(fields[0]), str_of(fields[1]));
	h = head_make_done(&m);
	h->framing = FRAMING_H2;
	head_make_free(&m);
	return h;
}

struct side *rig_send(struct rig *r, const struct head *h,
		      const struct http_route *route)
{
	struct side *d = &r->out[r->n_out++];

	assert_true(r->n_out < RIG_SIDES);
	*d = (struct side){.rig = r};
	d->s = http_open(r->client, &side_events, d);
	assert_non_null(d->s);
	http_send_head(d->s, h, route);
	return d;
}

struct side *rig_request(struct rig *r, const char *method, const char *path,
			 const char *body)
{
	struct head_maker m = {0};
	struct side *d;
	struct head *h;

	head_make_request(&m, HTTP_2, str_of(method), STR("http"),
			  STR("vendor.example"), str_of(path));
	head_make_field(&m, STR("accept"), STR("*/*"));
	h = head_make_done(&m);
	h->framing = body && !*body ? FRAMING_NONE : FRAMING_H2;
	d = rig_send(r, h, NULL);
	if (body && *body)
		http_send_data(d->s, body, strlen(body));
	if (body)
		http_send_end(d->s);
	head_free(h);
	head_make_free(&m);
	return d;
}

void rig_abandon(struct side *d, uint32_t code)
{
	http_abandon(d->s, code);
	d->s = NULL;
}

void rig_respond(struct side *s, unsigned status, const char *body)
{
	struct head *h = rig_head(status, NULL);

	http_send_head(s->s, h, NULL);
	if (body) {
		http_send_data(s->s, body, strlen(body));
		http_send_end(s->s);
	}
	head_free(h);
}

/* ---- raw ---- */

void raw_add_frame(struct buf *b, unsigned type, unsigned flags, uint32_t id,
		   const void *p, size_t n)
{
	const unsigned char hd[9] = {
		(unsigned char)(n >> 16),  (unsigned char)(n >> 8),
		(unsigned char)n,	   (unsigned char)type,
		(unsigned char)flags,	   (unsigned char)(id >> 24),
		(unsigned char)(id >> 16), (unsigned char)(id >> 8),
		(unsigned char)id};

	buf_add(b, hd, sizeof hd);
	buf_add(b, p, n);
}

static void add_literal(struct buf *b, const char *text)
{
	size_t n = strlen(text);

	if (n < 127) {
		buf_addc(b, (char)n);
	} else {
		buf_addc(b, 127);
		buf_add_varint(b, n - 127);
	}
	buf_add(b, text, n);
}

void raw_add_block(struct buf *b, const char *const *pairs)
{
	for (; *pairs; pairs += 2) {
		buf_addc(b, 0);
		add_literal(b, pairs[0]);
		add_literal(b, pairs[1]);
	}
}

void raw_add_preface(struct buf *b)
{
	buf_add(b, H2_PREFACE, H2_PREFACE_LEN);
	raw_add_frame(b, 4, 0, 0, NULL, 0);
}

void raw_send(struct rig *r, const struct buf *b)
{
	size_t done = 0;

	while (done < b->n) {
		ssize_t n = send(r->fd, b->p + done, b->n - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		else if (r->server_closed)
			return;
		rig_turns(r, 2);
	}
}

bool raw_read(struct rig *r)
{
	char room[65536];
	ssize_t n;

	while ((n = recv(r->fd, room, sizeof room, 0)) > 0)
		buf_add(&r->wire_in, room, (size_t)n);
	return n == 0;
}

struct str raw_frame(const struct rig *r, unsigned type, unsigned nth,
		     uint32_t *id, unsigned *flags)
{
	const unsigned char *p = (const unsigned char *)r->wire_in.p;
	size_t left = r->wire_in.n;

	while (left >= 9) {
		size_t n = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];

		if (left < 9 + n)
			break;
		if (p[3] == type && nth-- == 0) {
			if (id)
				*id = (uint32_t)p[5] << 24 | p[6] << 16 |
				      p[7] << 8 | p[8];
			if (flags)
				*flags = p[4];
			return (struct str){(const char *)p + 9, n};
		}
		p += 9 + n;
		left -= 9 + n;
	}
	return (struct str){NULL, 0};
}

int raw_error(const struct rig *r, unsigned type)
{
	struct str f = raw_frame(r, type, 0, NULL, NULL);
	size_t at = type == 7 ? 4 : 0;

	if (!f.p || f.n < at + 4)
		return -1;
	return (int)((unsigned char)f.p[at + 2] << 8 |
		     (unsigned char)f.p[at + 3]);
}

/* ---- what tests wait for, and say ---- */

bool rig_all_gone(struct rig *r)
{
	for (unsigned i = 0; i < r->n_out; i++) {
		if (!r->out[i].gone && r->out[i].s)
			return false;
	}
	for (unsigned i = 0; i < r->n_in; i++) {
		if (!r->in[i].gone && r->in[i].s)
			return false;
	}
	return true;
}

bool rig_both_closed(struct rig *r)
{
	return !r->client && !r->server;
}

bool rig_head_in(struct rig *r)
{
	return r->n_in && r->in[r->n_in - 1].got_head;
}

void rig_echo(struct side *s)
{
	struct head *h = rig_head(200, NULL);

	http_send_head(s->s, h, NULL);
	http_send_data(s->s, s->body.p, s->body.n);
	http_send_end(s->s);
	head_free(h);
}

void rig_text_is(const struct buf *b, const char *want)
{
	assert_int_equal(b->n, strlen(want));
	assert_memory_equal(b->p, want, b->n);
}
