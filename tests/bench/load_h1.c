/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

enum state { HEAD, LENGTH, SIZE, CHUNK, CHUNK_END, LAST };

struct h1 {
	struct load_conn conn;
	enum state state;
	uint64_t left;	/* of the body or chunk */
	uint64_t begun; /* when the request was */
	bool ok, busy;
	size_t head_n;
	char head[8192]; /* of the response, or a chunk-size line */
	char *out;	 /* the request: [out_at, out_n) still to write */
	size_t out_at, out_n, out_cap;
	struct stamp_tail tail;
};

static void push_out(struct h1 *c)
{
	while (c->out_at < c->out_n) {
		ssize_t n = write(c->conn.fd, c->out + c->out_at,
				  c->out_n - c->out_at);
		if (n < 0) {
			load_want_write(&c->conn, true);
			return;
		}
		c->out_at += (size_t)n;
	}
}

static void next_request(struct h1 *c)
{
	struct load *l = c->conn.load;
	const char *body;
	size_t n;

	c->busy = load_begin(l);
	if (!c->busy)
		return;
	body = load_body(l, &n);
	if (c->out_cap < n + 1024) {
		c->out_cap = n * 2 + 1024;
		c->out = realloc(c->out, c->out_cap);
	}
	c->out_n = (size_t)sprintf(
		c->out,
		"%s %s HTTP/1.1\r\nHost: %s:%u\r\n"
		"Authorization: Bearer sk-bench-0123456789abcdefghijklmnop\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		l->body == BODY_NONE ? "GET" : "POST", l->path, l->host,
		l->port, n);
	memcpy(c->out + c->out_n, body, n);
	c->out_n += n;
	c->out_at = 0;
	l->bytes_up += n;
	c->state = HEAD;
	c->head_n = 0;
	c->tail.n = 0;
	c->begun = load_now();
	push_out(c);
}

static void response_done(struct h1 *c)
{
	struct load *l = c->conn.load;

	load_end(l, c->begun, c->ok);
	c->busy = false;
	if (l->pause_us)
		c->conn.wake_at = load_now() + l->pause_us * 1000;
	else
		next_request(c);
}

static void head_done(struct h1 *c)
{
	char *at;

	c->head[c->head_n] = '\0';
	c->ok = strncmp(c->head + 9, "200", 3) == 0;
	samples_add(&c->conn.load->first, load_now() - c->begun);
	at = strcasestr(c->head, "\r\ncontent-length:");
	if (at) {
		c->left = strtoull(at + 17, NULL, 10);
		c->state = LENGTH;
		if (c->left == 0)
			response_done(c);
	} else {
		c->state = SIZE;
	}
	c->head_n = 0;
}

/* One line more of a head or a chunk size; returns what was used. */
static size_t take_line(struct h1 *c, const char *p, size_t n)
{
	const char *nl = memchr(p, '\n', n);
	size_t take = nl ? (size_t)(nl - p) + 1 : n;

	if (c->head_n + take >= sizeof c->head)
		exit(2);
	memcpy(c->head + c->head_n, p, take);
	c->head_n += take;
	if (!nl)
		return take;
	if (c->state == HEAD) {
		if (c->head_n >= 4 &&
		    memcmp(c->head + c->head_n - 4, "\r\n\r\n", 4) == 0)
			head_done(c);
	} else if (c->state == SIZE) {
		c->left = strtoull(c->head, NULL, 16);
		c->state = c->left ? CHUNK : LAST;
		c->head_n = 0;
	} else {
		bool last = c->state == LAST;
		bool blank = c->head_n == 2;
		c->head_n = 0;
		if (last && blank)
			response_done(c);
		else if (!last)
			c->state = SIZE;
	}
	return take;
}

static size_t take_body(struct h1 *c, const char *p, size_t n, uint64_t now)
{
	struct load *l = c->conn.load;
	size_t take = n < c->left ? n : (size_t)c->left;

	l->bytes_down += take;
	load_stamps(l, &c->tail, p, take, now);
	c->left -= take;
	if (c->left == 0) {
		if (c->state == LENGTH)
			response_done(c);
		else
			c->state = CHUNK_END;
	}
	return take;
}

static void ready(struct load_conn *conn, uint32_t events)
{
	static char in[262144];
	struct h1 *c = (struct h1 *)conn;
	ssize_t got;
	uint64_t now;

	if (events & EPOLLOUT) {
		load_want_write(conn, false);
		push_out(c);
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	got = read(conn->fd, in, sizeof in);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		if (c->busy)
			load_end(conn->load, c->begun, false);
		close(conn->fd);
		c->busy = false;
		return;
	}
	now = load_now();
	for (size_t at = 0; at < (size_t)got;) {
		bool body = c->state == LENGTH || c->state == CHUNK;
		at += body ? take_body(c, in + at, (size_t)got - at, now)
			   : take_line(c, in + at, (size_t)got - at);
	}
}

static void wake(struct load_conn *conn)
{
	next_request((struct h1 *)conn);
}

struct load_conn *load_h1_open(struct load *l)
{
	struct h1 *c = calloc(1, sizeof *c);

	c->conn.ready = ready;
	c->conn.wake = wake;
	load_connect(l, &c->conn);
	next_request(c);
	return &c->conn;
}
