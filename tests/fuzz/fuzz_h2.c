/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 against any bytes, in both roles:
 *
 *	byte 0	bit 0: client role; bit 1: an owner of bad manners;
 *		bit 2: server role: no preface is put in front
 *	byte 1	seed of the splits, and of the manners
 *	rest	what the peer says
 *
 * With good manners the owner only listens; the bytes are played twice, whole
 * and split, and each stream must be told the same. With bad ones it answers,
 * pauses, cuts, abandons and closes at random. In every play events come in a
 * lawful order, a stream has one last event, and the connection has one.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/h2.h"

enum { STREAMS = 64, OPENED = 3 };

struct watch {
	struct play *play;
	struct http_stream *s; /* NULL once gone or abandoned */
	struct buf log;
	bool head, trailers, end, gone, answered;
};

struct play {
	struct loop *loop;
	struct http_conn *conn;
	struct watch watch[STREAMS];
	unsigned n, random;
	bool rude, closed;
};

static unsigned next_random(struct play *p)
{
	p->random = p->random * 1103515245u + 12345u;
	return p->random >> 16 & 0x7fff;
}

/* ---- bad manners ---- */

static void answer(struct watch *w)
{
	struct head_maker m = {0};
	unsigned what = next_random(w->play);
	struct head *h;

	head_make_status(&m, what & 1 ? HTTP_2 : HTTP_1_1, 200, STR(""));
	head_make_field(&m, STR("X-Answer"), STR("yes"));
	h = head_make_done(&m);
	h->framing = what & 2 ? FRAMING_NONE : FRAMING_CLOSE;
	if (!w->answered) {
		if (what & 4)
			http_send_interim(w->s, h);
		http_send_head(w->s, h, NULL);
	}
	w->answered = true;
	http_send_data(w->s, "some body", 9);
	if (what & 8)
		http_send_trailers(w->s, h);
	if (what & 12)
		http_send_end(w->s);
	head_free(h);
	head_make_free(&m);
}

static void misbehave(struct watch *w)
{
	struct play *p = w->play;

	if (!p->rude || !w->s)
		return;
	switch (next_random(p) % 12) {
	case 0:
		http_abandon(w->s, next_random(p) % 14);
		w->s = NULL;
		break;
	case 1: http_cut(w->s, 2, false); break;
	case 2: http_pause(w->s, HTTP_PEER_FULL); break;
	case 3: http_pause(w->s, HTTP_GATE); break;
	case 4: http_resume(w->s, HTTP_PEER_FULL); break;
	case 5: http_resume(w->s, HTTP_GATE); break;
	case 6:
		if (next_random(p) % 8 == 0)
			http_close(p->conn, next_random(p) & 1);
		break;
	default:
		if (p->conn->server)
			answer(w);
	}
}

static void misbehave_somewhere(struct play *p)
{
	if (p->n)
		misbehave(&p->watch[next_random(p) % p->n]);
}

/* ---- the owner ---- */

static void note_head(struct watch *w, char what, struct head *h)
{
	buf_addf(&w->log, "%c%u %d %llu", what, h->status, (int)h->framing,
		 (unsigned long long)h->length);
	buf_adds(&w->log, h->method);
	buf_adds(&w->log, h->target);
	buf_adds(&w->log, h->authority);
	buf_adds(&w->log, h->scheme);
	buf_adds(&w->log, h->raw);
	for (unsigned i = 0; i < h->n; i++) {
		buf_adds(&w->log, h->fields[i].name);
		buf_adds(&w->log, h->fields[i].value);
	}
	head_free(h);
	misbehave(w);
}

static void on_head(void *who, struct head *take_head)
{
	struct watch *w = who;

	assert(w->s && !w->head);
	w->head = true;
	note_head(w, 'H', take_head);
}

static void on_interim(void *who, struct head *take_head)
{
	struct watch *w = who;

	assert(w->s && !w->head);
	note_head(w, 'I', take_head);
}

static void on_data(void *who, const char *p, size_t n, uint64_t at)
{
	struct watch *w = who;

	assert(w->s && w->head && !w->end && !w->trailers && n);
	assert(!w->s->paused || w->s->paused == HTTP_PEER_FULL);
	buf_add(&w->log, p, n);
	misbehave(w);
}

static void on_trailers(void *who, struct head *take_head)
{
	struct watch *w = who;

	assert(w->s && w->head && !w->end && !w->trailers);
	w->trailers = true;
	note_head(w, 'T', take_head);
}

static void on_end(void *who)
{
	struct watch *w = who;

	assert(w->s && w->head && !w->end);
	w->end = true;
	buf_addf(&w->log, "END");
	misbehave(w);
}

static void on_room(void *who)
{
	assert(((struct watch *)who)->s);
}

static void on_gone(void *who, const struct http_end_facts *end)
{
	struct watch *w = who;

	assert(w->s && !w->gone);
	assert(end->how != HTTP_BROKEN || end->why);
	w->gone = true;
	w->s = NULL;
	misbehave_somewhere(w->play);
}

static const struct http_events events = {
	on_head, on_interim, on_data, on_trailers, on_end, on_room, on_gone};

static struct watch *add_watch(struct play *p)
{
	struct watch *w = &p->watch[p->n];

	/* the last one is shared: nothing is compared beyond it */
	if (p->n < STREAMS - 1)
		p->n++;
	buf_free(&w->log);
	*w = (struct watch){.play = p};
	return w;
}

static void on_stream(void *owner, struct http_stream *s)
{
	struct play *p = owner;
	struct watch *w = add_watch(p);

	w->s = s;
	s->events = &events;
	s->who = w;
	if (p->n == STREAMS - 1)
		http_close(p->conn, true);
}

static void on_closed(void *owner, struct http_conn *c)
{
	struct play *p = owner;

	assert(!p->closed && c == p->conn);
	p->closed = true;
}

static void on_refused(void *owner, struct http_conn *c, unsigned status,
		       const char *code, const char *why)
{
	assert(code && why);
}

static void on_slot(void *owner, struct http_conn *c)
{
	assert(http_slots(c));
}

static void on_goaway(void *owner, struct http_conn *c, uint32_t last_id,
		      uint32_t code, struct str debug)
{
}

static void on_settings(void *owner, struct http_conn *c, struct str text)
{
}

static const struct http_server server = {on_stream, on_closed, on_refused};
static const struct http_client client = {on_slot, on_goaway, on_settings,
					  on_closed};

/* ---- a play ---- */

static void turn(struct play *p)
{
	loop_wake(p->loop, (void (*)(void *))loop_stop, p->loop);
	loop_run(p->loop);
}

static void on_ready(void *who, const struct fail *f)
{
	assert(!f);
	*(bool *)who = true;
}

static void open_streams(struct play *p)
{
	static const char *const methods[OPENED] = {"GET", "HEAD", "POST"};

	for (int i = 0; i < OPENED; i++) {
		struct watch *w = add_watch(p);
		struct head_maker m = {0};
		struct head *h;

		head_make_request(&m, HTTP_2, str_of(methods[i]), STR("http"),
				  STR("h"), STR("/"));
		h = head_make_done(&m);
		h->framing = i < 2 ? FRAMING_NONE : FRAMING_H2;
		w->s = http_open(p->conn, &events, w);
		assert(w->s);
		http_send_head(w->s, h, NULL);
		http_send_data(w->s, "body", i < 2 ? 0 : 4);
		head_free(h);
		head_make_free(&m);
	}
}

static int begin(struct play *p, unsigned how)
{
	const struct http_limits lim = {.max_head = 4096, .max_streams = 1000};
	bool ready = false;
	struct wire *w;
	int fd[2];

	p->loop = loop_new();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		abort();
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	w = wire_accept(p->loop, fd[0], NULL, on_ready, &ready);
	while (!ready)
		turn(p);
	if (how & 1)
		p->conn = h2_dial(w, &lim, &client, p);
	else
		p->conn = h2_serve(w, &lim, &server, p);
	if (how & 1)
		open_streams(p);
	turn(p);
	return fd[1];
}

static void drain(int fd)
{
	char room[65536];

	while (recv(fd, room, sizeof room, 0) > 0)
		;
}

static void say(struct play *p, int fd, const char *s, size_t n, bool split)
{
	while (n && !p->closed) {
		size_t most = split ? 1 + next_random(p) % 40 : n;
		ssize_t some = send(fd, s, most < n ? most : n, MSG_NOSIGNAL);

		if (some > 0) {
			s += some;
			n -= (size_t)some;
		}
		if (p->rude)
			misbehave_somewhere(p);
		turn(p);
		drain(fd);
	}
}

static void play(struct play *p, const uint8_t *data, size_t n, bool split)
{
	int fd;

	memset(p, 0, sizeof *p);
	p->random = data[1];
	p->rude = data[0] & 2;
	fd = begin(p, data[0]);
	if (!(data[0] & 5))
		say(p, fd, H2_PREFACE, H2_PREFACE_LEN, false);
	say(p, fd, (const char *)data + 2, n - 2, split);
	for (int i = 0; i < 3; i++)
		turn(p);
	if (!p->closed)
		http_close(p->conn, true);
	while (!p->closed)
		turn(p);
	close(fd);
	for (unsigned i = 0; i < p->n; i++)
		assert(!p->watch[i].s || i == STREAMS - 1);
	loop_free(p->loop);
}

static void end_play(struct play *p)
{
	for (unsigned i = 0; i < STREAMS; i++)
		buf_free(&p->watch[i].log);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play *whole, *split;

	if (size < 2 || size > 16384)
		return 0;
	whole = MEM_NEW(struct play);
	play(whole, data, size, data[0] & 2);
	if (data[0] & 2) {
		end_play(whole);
		return 0;
	}
	split = MEM_NEW(struct play);
	play(split, data, size, true);
	assert(whole->n == split->n);
	for (unsigned i = 0; i < whole->n; i++)
		assert(str_eq(buf_str(&whole->watch[i].log),
			      buf_str(&split->watch[i].log)));
	end_play(whole);
	end_play(split);
	return 0;
}
