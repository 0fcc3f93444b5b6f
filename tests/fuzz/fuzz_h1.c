/* SPDX-License-Identifier: MIT */
/*
 * The HTTP/1 codec against any bytes, in both roles:
 *
 *	byte 0	bit 0: client role; bit 1: an owner of bad manners
 *	byte 1	seed of the splits, and of the manners
 *	rest	what the peer says
 *
 * With good manners the bytes are played twice, whole and split, and both
 * plays must tell their owner the same. In every play a stream has exactly
 * one last event, and the connection has one.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "wire/h1.h"

struct play {
	struct loop *loop;
	struct http_conn *conn;
	struct http_stream *s;
	struct buf log;
	unsigned random;
	unsigned held; /* turns until a paused stream goes on */
	bool is_client, rude, in_data;
};

static unsigned next_random(struct play *p)
{
	p->random = p->random * 1103515245u + 12345u;
	return p->random >> 16 & 0x7fff;
}

static void note(struct play *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct play *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (p->in_data)
		buf_addc(&p->log, ')');
	p->in_data = false;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_add(&p->log, text, strlen(text));
}

/* Reads every byte of the head, so that a sanitizer sees each. */
static void note_head(struct play *p, char what, const struct head *h)
{
	note(p, "%c%u %d %llu ", what, h->status, (int)h->framing,
	     (unsigned long long)h->length);
	buf_adds(&p->log, h->method);
	buf_adds(&p->log, h->target);
	buf_adds(&p->log, h->authority);
	buf_adds(&p->log, h->reason);
	for (unsigned i = 0; i < h->n; i++) {
		buf_adds(&p->log, h->fields[i].name);
		buf_addc(&p->log, ':');
		buf_adds(&p->log, h->fields[i].value);
		buf_addc(&p->log, ';');
	}
}

/* ---- the owner ---- */

static struct head *make_answer(unsigned status, enum head_framing framing)
{
	struct head_maker m = {0};
	struct head *h;

	head_make_status(&m, HTTP_1_1, status, STR("x"));
	head_make_field(&m, STR("connection"), STR("keep-alive"));
	h = head_make_done(&m);
	h->framing = framing;
	h->length = 2;
	head_make_free(&m);
	return h;
}

static void answer(struct play *p, unsigned status, enum head_framing framing)
{
	struct head *h = make_answer(status, framing);

	http_send_head(p->s, h, NULL);
	http_send_data(p->s, "ok", 2);
	if (framing != FRAMING_TUNNEL)
		http_send_end(p->s);
	head_free(h);
}

/* What a careless owner may do at any moment. */
static void misbehave(struct play *p)
{
	if (!p->rude || !p->s)
		return;
	switch (next_random(p) % 12) {
	case 0:
		http_pause(p->s, HTTP_PEER_FULL);
		p->held = 1 + next_random(p) % 3;
		break;
	case 1:
		http_abandon(p->s, 8);
		p->s = NULL;
		break;
	case 2: http_cut(p->s, 2, next_random(p) & 1); break;
	case 3: http_close(p->conn, false); break;
	case 4: http_send_data(p->s, "much", 4); break;
	case 5: http_send_end(p->s); break;
	case 6:
		if (!p->is_client)
			answer(p, 200, FRAMING_H2);
		break;
	default: break;
	}
}

static void on_head(void *who, struct head *h)
{
	struct play *p = who;
	bool upgrade = h->upgrade;
	struct head *copy = head_copy(h);

	note_head(p, 'H', h);
	head_free(h);
	note_head(p, 'C', copy);
	head_free(copy);
	if (upgrade && !p->is_client)
		answer(p, 101, FRAMING_TUNNEL);
	misbehave(p);
}

static void on_interim(void *who, struct head *h)
{
	note_head(who, 'I', h);
	head_free(h);
	misbehave(who);
}

static void on_data(void *who, const char *bytes, size_t n, uint64_t at)
{
	struct play *p = who;

	if (!p->in_data)
		note(p, "D(");
	p->in_data = true;
	buf_add(&p->log, bytes, n);
	misbehave(p);
}

static void on_trailers(void *who, struct head *h)
{
	note_head(who, 'T', h);
	head_free(h);
	misbehave(who);
}

static void on_end(void *who)
{
	struct play *p = who;

	note(p, "E ");
	if (!p->is_client && p->s)
		answer(p, 200, FRAMING_LENGTH);
	misbehave(p);
}

static void on_room(void *who)
{
	note(who, "R ");
}

static void on_gone(void *who, const struct http_end_facts *f)
{
	struct play *p = who;

	assert(p->s);
	note(p, "G%d %s ", (int)f->how, f->why ? f->why : "");
	p->s = NULL;
}

static const struct http_events events = {
	on_head, on_interim, on_data, on_trailers, on_end, on_room, on_gone};

static void on_stream(void *owner, struct http_stream *s)
{
	struct play *p = owner;

	assert(!p->s);
	note(p, "S ");
	p->s = s;
	s->events = &events;
	s->who = p;
}

static void on_closed(void *owner, struct http_conn *c)
{
	struct play *p = owner;

	assert(p->conn == c);
	note(p, "X ");
	p->conn = NULL;
}

static void on_refused(void *owner, struct http_conn *c, unsigned status,
		       const char *code, const char *why)
{
	note(owner, "F%u %s %s ", status, code, why);
}

/* Whether one comes when bytes follow that nobody asked for is a matter of
 * when they do: not compared. */
static void on_slot(void *owner, struct http_conn *c)
{
	assert(http_slots(c) == 1);
}

static const struct http_server server = {on_stream, on_closed, on_refused};
static const struct http_client client = {.on_slot = on_slot,
					  .on_closed = on_closed};

/* ---- a play ---- */

static void stop(void *arg)
{
	loop_stop(arg);
}

static void turn(struct play *p)
{
	loop_wake(p->loop, stop, p->loop);
	loop_run(p->loop);
	if (p->held && !--p->held && p->s)
		http_resume(p->s, HTTP_PEER_FULL);
}

static void ready(void *who, const struct fail *f)
{
}

static void ask(struct play *p)
{
	struct head_maker m = {0};
	struct head *h;

	head_make_request(&m, HTTP_1_1, STR("GET"), STR("http"), STR("a"),
			  STR("/"));
	head_make_field(&m, STR("connection"), STR("upgrade"));
	head_make_field(&m, STR("upgrade"), STR("websocket"));
	h = head_make_done(&m);
	h->upgrade = true;
	p->s = http_open(p->conn, &events, p);
	http_send_head(p->s, h, NULL);
	http_send_end(p->s);
	head_free(h);
	head_make_free(&m);
	turn(p);
}

/* The bytes in one piece, or split by the seed; then the peer's FIN. */
static void speak(struct play *p, const char *bytes, size_t n, bool split)
{
	size_t i = 0;

	while (i < n && p->conn) {
		unsigned r = next_random(p);
		size_t some = r % 4 ? r % 8 + 1 : r % 64 + 1;

		some = split && some < n - i ? some : n - i;
		h1_feed(p->conn, bytes + i, some, 1);
		i += some;
		turn(p);
	}
}

static void run(struct play *p, const char *bytes, size_t n, bool split)
{
	static const struct http_limits lim = {.max_head = 2048};
	struct wire *w;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) != 0)
		abort();
	w = wire_accept(p->loop, fd[0], NULL, ready, NULL);
	turn(p);
	p->conn = p->is_client ? h1_dial(w, &lim, &client, p)
			       : h1_serve(w, &lim, &server, p);
	if (p->is_client)
		ask(p);
	speak(p, bytes, n, split);
	shutdown(fd[1], SHUT_WR);
	for (int i = 0; i < 4; i++)
		turn(p);
	if (p->conn)
		http_close(p->conn, true);
	turn(p);
	close(fd[1]);
	turn(p);
	assert(!p->conn && !p->s);
	note(p, ".");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play p = {0}, q;
	bool same;

	if (size < 2 || size > 65536)
		return 0;
	p.loop = loop_new();
	p.is_client = data[0] & 1;
	p.rude = data[0] & 2;
	p.random = data[1];
	q = p;
	run(&p, (const char *)data + 2, size - 2, true);
	if (!p.rude) {
		run(&q, (const char *)data + 2, size - 2, false);
		same = str_eq(buf_str(&p.log), buf_str(&q.log));
		if (!same)
			fprintf(stderr, "split: %.*s\nwhole: %.*s\n",
				STR_ARG(p.log), STR_ARG(q.log));
		assert(same);
		buf_free(&q.log);
	}
	buf_free(&p.log);
	loop_free(p.loop);
	return 0;
}
