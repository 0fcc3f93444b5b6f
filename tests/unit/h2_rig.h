/* SPDX-License-Identifier: MIT */
/*
 * A rig for tests of HTTP/2: two ends of a socket pair on one loop, and logs
 * of what each stream was told.
 *
 *	struct rig r;
 *	rig_open(&r, &limits);		client role <-> server role
 *	a = rig_request(&r, "POST", "/x", "body");
 *	rig_run(&r, got_answer, &r);
 *	rig_close(&r);
 *
 * With rig_open_raw() the test is the client itself, by bytes on r.fd.
 */
#ifndef TESTS_H2_RIG_H
#define TESTS_H2_RIG_H

#include "base/buf.h"
#include "wire/h2.h"
#include "wire/http.h"
#include "wire/loop.h"
#include "wire/wire.h"

/* One stream as its owner sees it. */
struct side {
	struct rig *rig;
	struct http_stream *s; /* NULL once gone or abandoned */
	bool server;
	struct buf heads; /* raw of interim heads, head and trailers */
	struct buf body;
	struct head *head; /* the last one */
	unsigned chunks, interims, rooms;
	bool got_head, got_trailers, ended, gone;
	struct http_end_facts end;
	char why[96];
	uint64_t first_at, last_at;
};

#define RIG_SIDES 256

struct rig {
	struct loop *loop;
	struct http_conn *client, *server;
	int fd;			    /* raw */
	struct side in[RIG_SIDES];  /* at the server, in order of arrival */
	struct side out[RIG_SIDES]; /* at the client */
	unsigned n_in, n_out, slots;
	bool client_closed, server_closed;
	struct buf notes;   /* of the connections: goaway, settings, refused */
	struct buf wire_in; /* raw: what the server wrote */
	unsigned refused;
	char refused_code[64];
	/* What the server does by itself when a head or an end comes. */
	void (*on_head)(struct side *s);
	void (*on_data)(struct side *s);
	void (*on_end)(struct side *s);
	bool (*until)(struct rig *r);
	unsigned ticks;
	bool timed_out;
};

void rig_open(struct rig *r, const struct http_limits *lim);
void rig_open_raw(struct rig *r, const struct http_limits *lim);
void rig_close(struct rig *r);

/* Turns the loop until `until` holds; fails the test after 6 seconds. */
void rig_run(struct rig *r, bool (*until)(struct rig *r));
/* A few turns, whatever happens. */
void rig_turns(struct rig *r, unsigned n);

struct side *rig_send(struct rig *r, const struct head *h,
		      const struct http_route *route);
void rig_abandon(struct side *d, uint32_t code);
/* Opens a stream and sends; body NULL: no END_STREAM yet, head only. */
struct side *rig_request(struct rig *r, const char *method, const char *path,
			 const char *body);
void rig_respond(struct side *s, unsigned status, const char *body);
struct head *rig_head(unsigned status, const char *const *fields);

/* For rig_run(): every stream is gone; both connections are closed; a request
 * head has come. */
bool rig_all_gone(struct rig *r);
bool rig_both_closed(struct rig *r);
bool rig_head_in(struct rig *r);
/* For rig.on_end: answers 200 with the request's own body. */
void rig_echo(struct side *s);
void rig_text_is(const struct buf *b, const char *want);

/* Raw: frames by hand. */
void raw_add_frame(struct buf *b, unsigned type, unsigned flags, uint32_t id,
		   const void *p, size_t n);
/* A header block of literals: "name", "value", ..., NULL. */
void raw_add_block(struct buf *b, const char *const *pairs);
void raw_add_preface(struct buf *b);
void raw_send(struct rig *r, const struct buf *b);
/* Reads what the server wrote into r->wire_in; true at its end. */
bool raw_read(struct rig *r);
/* The n-th frame of that type in wire_in: its payload; .p NULL if none. */
struct str raw_frame(const struct rig *r, unsigned type, unsigned nth,
		     uint32_t *id, unsigned *flags);
/* The error code of the first frame of that type (RST_STREAM or GOAWAY). */
int raw_error(const struct rig *r, unsigned type);

#endif
