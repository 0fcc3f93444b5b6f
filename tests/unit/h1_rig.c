/* SPDX-License-Identifier: MIT */
#include "h1_rig.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

void rig_pair(int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert(bind(l, (struct sockaddr *)&a, sizeof a) == 0);
	assert(listen(l, 1) == 0);
	assert(getsockname(l, (struct sockaddr *)&a, &n) == 0);
	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	assert(connect(fd[1], (struct sockaddr *)&a, sizeof a) == 0);
	fd[0] = accept(l, NULL, NULL);
	close(l);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
}

/* ---- the owner ---- */

static void note(struct rig *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void end_data(struct rig *r)
{
	if (r->in_data)
		buf_adds(&r->log, STR(") "));
	r->in_data = false;
}

static void note(struct rig *r, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	end_data(r);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_add(&r->log, text, strlen(text));
}

static void note_head(struct rig *r, const char *what, const struct head *h)
{
	static const char *const framing[] = {"none",  "length", "chunked",
					      "close", "h2",	 "tunnel"};

	note(r, "%s(", what);
	if (h->kind == HEAD_REQUEST)
		note(r, "%.*s %.*s", STR_ARG(h->method), STR_ARG(h->target));
	else if (h->kind == HEAD_RESPONSE)
		note(r, "%u %.*s", h->status, STR_ARG(h->reason));
	for (unsigned i = 0; i < h->n; i++)
		note(r, " %.*s=%.*s", STR_ARG(h->fields[i].name),
		     STR_ARG(h->fields[i].value));
	if (h->kind != HEAD_TRAILERS)
		note(r, " %s", framing[h->framing]);
	note(r, ") ");
}

static void answer(struct rig *r)
{
	struct head *h = rig_response(200, FRAMING_LENGTH, 2);

	http_send_head(r->s, h, NULL);
	http_send_data(r->s, "ok", 2);
	http_send_end(r->s);
	head_free(h);
}

static void on_head(void *who, struct head *h)
{
	struct rig *r = who;

	note_head(r, "head", h);
	if (r->keeps) {
		head_free(r->head);
		r->head = h;
	} else {
		head_free(h);
	}
	if (r->holds)
		http_pause(r->s, (enum http_pause)r->holds);
	if (r->abandons) {
		http_abandon(r->s, 8);
		r->s = NULL;
	}
}

static void on_interim(void *who, struct head *h)
{
	note_head(who, "interim", h);
	head_free(h);
}

static void on_data(void *who, const char *p, size_t n, uint64_t at)
{
	struct rig *r = who;

	if (!r->in_data)
		note(r, "data(");
	r->in_data = true;
	r->datas++;
	buf_add(&r->body, p, n);
	buf_add(&r->log, p, n < 100 ? n : 100);
}

static void on_trailers(void *who, struct head *h)
{
	note_head(who, "trailers", h);
	head_free(h);
}

static void on_end(void *who)
{
	struct rig *r = who;

	note(r, "end ");
	if (r->answers)
		answer(r);
}

static void on_room(void *who)
{
	note(who, "room ");
}

static void on_gone(void *who, const struct http_end_facts *f)
{
	static const char *const how[] = {"done",   "reset",  "cut",
					  "unsent", "broken", "late"};
	static const char *const end[] = {"clean", "no-notify", "reset", "tls"};
	struct rig *r = who;

	if (f->how == HTTP_CUT || f->how == HTTP_RESET)
		note(r, "gone(%s %s) ", how[f->how], end[f->wire_end]);
	else
		note(r, "gone(%s) ", how[f->how]);
	r->s = NULL;
}

static void on_hangup(void *who)
{
	struct rig *r = who;

	if (r->hears_hangup)
		note(r, "hangup ");
}

static const struct http_events events = {on_head,     on_interim, on_data,
					  on_trailers, on_end,	   on_room,
					  on_gone,     on_hangup};

static void on_stream(void *owner, struct http_stream *s)
{
	struct rig *r = owner;

	note(r, "stream ");
	r->s = s;
	s->events = &events;
	s->who = r;
}

static void on_closed(void *owner, struct http_conn *c)
{
	struct rig *r = owner;

	assert(c == r->conn);
	note(r, "closed ");
	r->conn = NULL;
}

static void on_refused(void *owner, struct http_conn *c, unsigned status,
		       const char *code, const char *why)
{
	note(owner, "refused(%u %s: %s) ", status, code, why);
}

static void on_slot(void *owner, struct http_conn *c)
{
	note(owner, "slot ");
}

static const struct http_server server = {on_stream, on_closed, on_refused};
static const struct http_client client = {.on_slot = on_slot,
					  .on_closed = on_closed};

/* ---- the bench ---- */

static const struct http_limits limits = {.max_head = 8192};

static void ready(void *who, const struct fail *f)
{
	assert(!f);
	*(bool *)who = true;
}

static struct rig *rig_new(bool is_server, const struct http_limits *lim)
{
	struct rig *r = MEM_NEW(struct rig);
	bool is_ready = false;
	int fd[2];

	rig_pair(fd);
	r->loop = loop_new();
	r->peer = fd[1];
	r->ev = &events;
	r->wire = wire_accept(r->loop, fd[0], NULL, ready, &is_ready);
	rig_turn(r);
	assert(is_ready);
	r->conn = is_server ? h1_serve(r->wire, lim, &server, r)
			    : h1_dial(r->wire, lim, &client, r);
	return r;
}

struct rig *rig_server(void)
{
	struct rig *r = rig_new(true, &limits);

	r->answers = true;
	return r;
}

struct rig *rig_server_with(const struct http_limits *lim)
{
	return rig_new(true, lim);
}

struct rig *rig_client(void)
{
	return rig_new(false, &limits);
}

void rig_free(struct rig *r)
{
	if (r->conn)
		http_close(r->conn, true);
	rig_turn(r);
	assert(!r->conn);
	loop_free(r->loop);
	if (r->peer >= 0)
		close(r->peer);
	head_free(r->head);
	buf_free(&r->log);
	buf_free(&r->heard);
	buf_free(&r->body);
	free(r);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

void rig_turn_once(struct rig *r)
{
	loop_wake(r->loop, stop, r->loop);
	loop_run(r->loop);
}

void rig_turn(struct rig *r)
{
	for (int i = 0; i < 4; i++)
		rig_turn_once(r);
}

void rig_say_n(struct rig *r, const char *p, size_t n)
{
	while (n) {
		ssize_t k = send(r->peer, p, n, MSG_NOSIGNAL);
		if (k < 0 && errno != EAGAIN)
			break;
		p += k < 0 ? 0 : k;
		n -= k < 0 ? 0 : (size_t)k;
		rig_turn(r);
	}
}

void rig_say(struct rig *r, const char *z)
{
	rig_say_n(r, z, strlen(z));
}

const char *rig_hear(struct rig *r)
{
	static char text[1 << 20];
	ssize_t n;

	rig_turn(r);
	r->heard.n = 0;
	while ((n = recv(r->peer, buf_room(&r->heard, 65536), 65536, 0)) > 0) {
		r->heard.n += (size_t)n;
		rig_turn(r);
	}
	r->peer_over |= n == 0 || errno != EAGAIN;
	r->peer_reset |= n < 0 && errno == ECONNRESET;
	assert(r->heard.n < sizeof text);
	memcpy(text, r->heard.p, r->heard.n);
	text[r->heard.n] = '\0';
	return text;
}

const char *rig_log(struct rig *r)
{
	static char text[1 << 20];

	rig_turn(r);
	end_data(r);
	assert(r->log.n < sizeof text);
	if (r->log.n)
		memcpy(text, r->log.p, r->log.n);
	text[r->log.n] = '\0';
	r->log.n = 0;
	return text;
}

/* ---- heads ---- */

static struct head *framed(struct head_maker *m, enum head_framing framing,
			   uint64_t length)
{
	char digits[24];
	struct head *h;

	if (framing == FRAMING_LENGTH) {
		snprintf(digits, sizeof digits, "%llu",
			 (unsigned long long)length);
		head_make_field(m, STR("content-length"), str_of(digits));
	}
	h = head_make_done(m);
	h->framing = framing;
	h->length = length;
	head_make_free(m);
	return h;
}

struct head *rig_request(const char *method, enum head_framing framing,
			 uint64_t length)
{
	struct head_maker m = {0};

	head_make_request(&m, HTTP_1_1, str_of(method), STR("http"), STR("up"),
			  STR("/x"));
	head_make_field(&m, STR("host"), STR("up"));
	return framed(&m, framing, length);
}

struct head *rig_response(unsigned status, enum head_framing framing,
			  uint64_t length)
{
	struct head_maker m = {0};

	head_make_status(&m, HTTP_1_1, status, STR("Fine"));
	return framed(&m, framing, length);
}

void rig_ask(struct rig *r, const char *method)
{
	struct head *h = rig_request(method, FRAMING_NONE, 0);

	r->s = http_open(r->conn, &events, r);
	assert(r->s);
	http_send_head(r->s, h, NULL);
	http_send_end(r->s);
	head_free(h);
	rig_turn(r);
}
