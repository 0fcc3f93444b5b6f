/* SPDX-License-Identifier: MIT */
/*
 * A connection: a socket, TLS or not, with a protocol on top.
 *
 * What does not go into the socket at once waits in the queue; a protocol
 * that cares about memory sends only while conn_clear() and goes on in its
 * room() call.
 *
 *	conn_send(c, iov, 3);
 *	conn_close(c, CONN_FIN);     // after what is queued
 */
#ifndef VENDOR_CONN_H
#define VENDOR_CONN_H

#include <sys/uio.h>

#include "loop.h"

#define CONN_MAGIC 0x766e636fu

struct conn;

/* The obligations of HTTP/1.1 and HTTP/2 towards their connection. */
struct proto {
	/* Gives c->state. */
	void (*open)(struct conn *c);
	/* Bytes arrived; they are gone after the call. */
	void (*input)(struct conn *c, const char *p, size_t n);
	/* The peer will send no more. */
	void (*eof)(struct conn *c);
	/* The queue is empty again. */
	void (*room)(struct conn *c);
	/* The connection is over: stop timers and tasks. Called once. */
	void (*gone)(struct conn *c);
	/* Free c->state; nothing is using it any more. */
	void (*release)(struct conn *c);
};

extern const struct proto h1_proto, h2_proto;

enum conn_end {
	CONN_FIN,  /* close_notify over TLS, then FIN */
	CONN_BARE, /* FIN without close_notify */
	CONN_RST,  /* RST, once the peer's kernel has acknowledged all */
};

struct conn {
	struct watch watch;
	unsigned magic;
	struct worker *w;
	SSL *ssl;
	const struct proto *proto; /* NULL while unknown */
	void *state;
	struct buf out; /* not yet taken by the socket from out_at on */
	size_t out_at;
	struct buf early;   /* a first read too short to tell the version */
	struct timer clock; /* of closing */
	uint64_t linger_until;
	enum conn_end end;
	bool shaking, ending, fin_sent, eof, paused, dead;
	struct conn *next, **at;
	struct dead grave;
};

/* Takes the socket over. */
void conn_new(struct worker *w, int fd, bool tls);

/* Ends it now, whatever is queued. */
void conn_kill(struct conn *c);

void conn_send(struct conn *c, struct iovec *iov, int n);

/* Has the socket taken everything so far? */
static inline bool conn_clear(const struct conn *c)
{
	return c->out_at == c->out.n;
}

static inline size_t conn_queued(const struct conn *c)
{
	return c->out.n - c->out_at;
}

/* Ends it in that way after what is queued. Later sends are dropped. */
void conn_close(struct conn *c, enum conn_end how);

/* Stops and resumes reading. */
void conn_pause(struct conn *c, bool paused);

#endif
