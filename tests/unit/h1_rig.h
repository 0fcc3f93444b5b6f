/* SPDX-License-Identifier: MIT */
/*
 * A bench for the HTTP/1 codec: one connection on a TCP pair, the test at the
 * other end of the wire, and an owner that writes down what it is told:
 *
 *	struct rig *r = rig_server();
 *	rig_say(r, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
 *	assert_string_equal(rig_log(r), "stream head(GET / host=a ...) end ");
 *	assert_string_equal(rig_hear(r), "HTTP/1.1 200 OK\r\n...");
 */
#ifndef TESTS_H1_RIG_H
#define TESTS_H1_RIG_H

#include "base/buf.h"
#include "wire/h1.h"

struct rig {
	struct loop *loop;
	struct wire *wire;
	struct http_conn *conn;	      /* NULL once on_closed() came */
	struct http_stream *s;	      /* NULL once on_gone() came */
	const struct http_events *ev; /* for http_open() */
	struct head *head;	      /* the last, with `keeps` */
	bool keeps;
	int peer;
	struct buf log, heard, body;
	bool answers;	/* at on_end(): 200 with "ok" */
	bool in_data;	/* the log's last entry is an open data run */
	bool peer_over; /* FIN or RST was heard */
	bool peer_reset;
	unsigned holds; /* pause bits to set at on_head() */
	unsigned datas; /* on_data() calls */
	bool hears_hangup;
	bool abandons; /* at on_head() */
};

struct rig *rig_server(void);
struct rig *rig_server_with(const struct http_limits *lim);
struct rig *rig_client(void);
void rig_free(struct rig *r);

void rig_turn(struct rig *r); /* until nothing moves any more */
void rig_turn_once(struct rig *r);
void rig_say(struct rig *r, const char *z); /* the peer writes */
void rig_say_n(struct rig *r, const char *p, size_t n);
const char *rig_hear(struct rig *r); /* what the peer got since last asked */
const char *rig_log(struct rig *r);  /* what the owner was told, likewise */

/* Opens a stream and sends this request from a head of its own making. */
struct head *rig_request(const char *method, enum head_framing framing,
			 uint64_t length);
struct head *rig_response(unsigned status, enum head_framing framing,
			  uint64_t length);
void rig_ask(struct rig *r, const char *method);

/* A connected TCP pair on the loopback; both non-blocking. */
void rig_pair(int fd[2]);

#endif
