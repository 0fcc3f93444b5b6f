/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

struct h2 {
	struct load_conn conn;
	nghttp2_session *session;
	unsigned open;
	uint8_t *out;
	size_t out_at, out_n, out_cap;
};

struct stream {
	uint64_t begun;
	char *body;
	size_t at, n;
	bool ok;
	struct stamp_tail tail;
};

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *buf,
			 size_t length, uint32_t *flags,
			 nghttp2_data_source *source, void *arg)
{
	struct stream *s = source->ptr;
	size_t take = s->n - s->at < length ? s->n - s->at : length;

	(void)session, (void)id, (void)arg;
	memcpy(buf, s->body + s->at, take);
	s->at += take;
	if (s->at == s->n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)take;
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name),
			    strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void next_request(struct h2 *c)
{
	struct load *l = c->conn.load;
	struct stream *s;
	nghttp2_data_provider data = {.read_callback = read_body};
	const char *body;
	char authority[64], length[32];

	if (!load_begin(l))
		return;
	s = calloc(1, sizeof *s);
	body = load_body(l, &s->n);
	s->body = malloc(s->n + 1);
	memcpy(s->body, body, s->n);
	l->bytes_up += s->n;
	data.source.ptr = s;
	snprintf(authority, sizeof authority, "%s:%u", l->host, l->port);
	snprintf(length, sizeof length, "%zu", s->n);
	nghttp2_nv nv[] = {
		field(":method", s->n ? "POST" : "GET"),
		field(":scheme", "http"),
		field(":authority", authority),
		field(":path", l->path),
		field("authorization",
		      "Bearer sk-bench-0123456789abcdefghijklmnop"),
		field("content-type", "application/json"),
		field("content-length", length),
	};
	s->begun = load_now();
	nghttp2_submit_request(c->session, NULL, nv, s->n ? 7 : 6,
			       s->n ? &data : NULL, s);
	c->open++;
}

static void flush(struct h2 *c)
{
	for (;;) {
		const uint8_t *p;
		ssize_t n;

		while (c->out_at < c->out_n) {
			n = write(c->conn.fd, c->out + c->out_at,
				  c->out_n - c->out_at);
			if (n < 0) {
				load_want_write(&c->conn, true);
				return;
			}
			c->out_at += (size_t)n;
		}
		c->out_at = c->out_n = 0;
		while (c->out_n < 65536 &&
		       (n = nghttp2_session_mem_send(c->session, &p)) > 0) {
			if (c->out_cap < c->out_n + (size_t)n) {
				c->out_cap = (c->out_n + (size_t)n) * 2;
				c->out = realloc(c->out, c->out_cap);
			}
			memcpy(c->out + c->out_n, p, (size_t)n);
			c->out_n += (size_t)n;
		}
		if (c->out_n == 0)
			return;
	}
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_n, const uint8_t *value,
		     size_t value_n, uint8_t flags, void *arg)
{
	struct h2 *c = arg;
	struct stream *s = nghttp2_session_get_stream_user_data(
		session, frame->hd.stream_id);

	(void)flags;
	if (s && name_n == 7 && memcmp(name, ":status", 7) == 0) {
		s->ok = value_n == 3 && memcmp(value, "200", 3) == 0;
		samples_add(&c->conn.load->first, load_now() - s->begun);
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id,
		   const uint8_t *p, size_t n, void *arg)
{
	struct h2 *c = arg;
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	c->conn.load->bytes_down += n;
	if (s)
		load_stamps(c->conn.load, &s->tail, (const char *)p, n,
			    load_now());
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code,
		    void *arg)
{
	struct h2 *c = arg;
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);

	if (!s)
		return 0;
	load_end(c->conn.load, s->begun, s->ok && code == 0);
	free(s->body);
	free(s);
	c->open--;
	if (c->conn.load->pause_us)
		c->conn.wake_at = load_now() + c->conn.load->pause_us * 1000;
	else
		next_request(c);
	return 0;
}

static void ready(struct load_conn *conn, uint32_t events)
{
	static uint8_t in[262144];
	struct h2 *c = (struct h2 *)conn;
	ssize_t got;

	if (events & EPOLLOUT)
		load_want_write(conn, false);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		got = read(conn->fd, in, sizeof in);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			fprintf(stderr, "load: connection lost\n");
			exit(2);
		}
		if (got > 0 &&
		    nghttp2_session_mem_recv(c->session, in, (size_t)got) < 0) {
			fprintf(stderr, "load: h2 protocol error\n");
			exit(2);
		}
	}
	flush(c);
}

static void wake(struct load_conn *conn)
{
	next_request((struct h2 *)conn);
	flush((struct h2 *)conn);
}

struct load_conn *load_h2_open(struct load *l)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20},
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
	struct h2 *c = calloc(1, sizeof *c);
	nghttp2_session_callbacks *cb;

	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_client_new(&c->session, cb, c);
	nghttp2_session_callbacks_del(cb);
	c->conn.ready = ready;
	c->conn.wake = wake;
	load_connect(l, &c->conn);
	nghttp2_submit_settings(c->session, 0, settings, 2);
	nghttp2_session_set_local_window_size(c->session, 0, 0, 1 << 28);
	for (unsigned i = 0; i < l->streams; i++)
		next_request(c);
	flush(c);
	return &c->conn;
}
