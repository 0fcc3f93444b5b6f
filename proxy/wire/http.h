/* SPDX-License-Identifier: MIT */
/*
 * HTTP without its version: streams that carry one request and one response,
 * in either role, over HTTP/1.1 or HTTP/2. This is the contract between the
 * codecs (h1.c, h2.c) and whoever owns a stream (the relay, a probe, a test).
 *
 * Server role, a request comes in:
 *
 *	server.on_stream(s)	set s->events and s->who here
 *	  on_head(request)
 *	  on_data()*  on_trailers()?  on_end()
 *	http_send_interim()*  http_send_head()  http_send_data()*
 *	http_send_trailers()?  http_send_end()
 *	  on_gone(HTTP_DONE)	all was sent and handed to the kernel
 *
 * Client role, a request goes out: http_open(), the sends, and
 *	  on_interim()*  on_head(response)  on_data()*  on_end()  on_gone()
 *
 * Both directions end on their own; on_gone() is the last event of a stream,
 * always comes exactly once unless http_abandon() was called, and the stream
 * must not be touched after it. Events come from the loop, never from inside
 * an http_*() call. One thread.
 */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "wire/head.h"
#include "wire/wire.h"

struct http_conn;
struct http_stream;

enum http_gone {
	HTTP_DONE,   /* both directions ended as they should */
	HTTP_RESET,  /* the peer reset it: RST_STREAM (code), or TCP RST */
	HTTP_CUT,    /* the connection ended in mid-message */
	HTTP_UNSENT, /* never seen by the peer (GOAWAY, REFUSED_STREAM, or
			closed before a byte was written): safe elsewhere */
	HTTP_BROKEN, /* the peer broke the protocol; `why` says how */
	HTTP_LATE,   /* a timeout of the codec's own (slow head) */
};

struct http_end_facts {
	enum http_gone how;
	uint32_t code;		/* h2 error code, with HTTP_RESET */
	enum wire_end wire_end; /* with HTTP_CUT: how the connection ended */
	const char *why;	/* static words for a log or an error */
};

/*
 * What an owner supplies. Obligations: `head` of on_head and on_interim and
 * on_trailers is taken (head_free() it). `p` of on_data is borrowed for the
 * call. Any of them may call any http_*() of any stream.
 */
struct http_events {
	void (*on_head)(void *who, struct head *take_head);
	void (*on_interim)(void *who, struct head *take_head); /* 1xx */
	void (*on_data)(void *who, const char *p, size_t n, uint64_t at);
	void (*on_trailers)(void *who, struct head *take_trailers);
	void (*on_end)(void *who);  /* the peer's direction is complete */
	void (*on_room)(void *who); /* http_full() became false */
	void (*on_gone)(void *who, const struct http_end_facts *end);
	/*
	 * May be NULL. h1, server role: behind its whole request the client
	 * closed its half of the connection. It may still read the answer, or
	 * have gone; only a write can tell.
	 */
	void (*on_hangup)(void *who);
};

/* Both codecs' streams begin with this. */
struct http_stream {
	const struct http_codec *codec;
	struct http_conn *conn;
	const struct http_events *events;
	void *who;
	unsigned paused; /* enum http_pause bits */
};

/* How the outgoing copy of a head differs from the one that came in. */
struct http_route {
	struct str authority; /* replaces Host / :authority; n == 0: as it is */
	struct str scheme;    /* for h2; n == 0: as it is */
	struct str prefix;    /* put before the target's path */
	size_t strip;	      /* bytes cut off the target's front first */
};

/*
 * Sends. None fails, none blocks, none calls back; a stream that turns out
 * dead says so by on_gone(). Hop-by-hop fields are left out and made anew.
 * Framing follows the head where the version allows: length stays length,
 * close-delimited stays so towards h1, all else is chunked or END_STREAM.
 */
void http_send_interim(struct http_stream *s, const struct head *h);
void http_send_head(struct http_stream *s, const struct head *h,
		    const struct http_route *route); /* route: NULL = none */
void http_send_data(struct http_stream *s, const char *p, size_t n);
void http_send_trailers(struct http_stream *s, const struct head *h);
void http_send_end(struct http_stream *s);

/* More is queued than the peer takes: stop sending until on_room(). */
bool http_full(const struct http_stream *s);

/* Bytes sent on this stream that have not yet reached the kernel. */
size_t http_queued(const struct http_stream *s);

/* Has any byte of this stream's request left for the kernel? */
bool http_touched(const struct http_stream *s);

/* Why data of this stream is not wanted for now, a bit each. */
enum http_pause {
	HTTP_PEER_FULL = 1 << 0, /* the other side's output queue is full */
	HTTP_NO_VENDOR = 1 << 1, /* no upstream stream yet */
	HTTP_GATE = 1 << 2,	 /* a gate is thinking */
};
void http_pause(struct http_stream *s, enum http_pause why);
void http_resume(struct http_stream *s, enum http_pause why);

/*
 * The owner lets go: no event comes any more. What is incomplete is reset
 * with the h2 error code (h1: the connection is aborted if this side has sent
 * part of a message, else closed). Error codes: RFC 9113, 7.
 */
void http_abandon(struct http_stream *s, uint32_t code);

/*
 * The other side's message ended too early, and this side shall end the same
 * way: what was sent still goes out, then the stream is reset with the h2
 * code, or the h1 connection closed without the message's end (`rst`: by RST
 * once the queue is written; else FIN, without TLS's close_notify).
 * on_gone(HTTP_DONE) comes when that is done. Reads of it are thrown away.
 */
void http_cut(struct http_stream *s, uint32_t code, bool rst);

/*
 * Client role, after http_send_end(): passes on_hangup() on, so that the
 * vendor can judge for itself whether anybody still listens. h1: FIN after
 * what is queued; h2 has no word for it: nothing.
 */
void http_hangup(struct http_stream *s);

/* The h2 error codes that relaying needs (RFC 9113, 7). */
enum http_code {
	HTTP_CODE_INTERNAL = 2,
	HTTP_CODE_REFUSED = 7,
	HTTP_CODE_CANCEL = 8,
};

/* Connection-wide facts. */
enum http_version http_version_of(const struct http_stream *s);
struct wire *http_wire(const struct http_conn *c);

struct http_limits {
	size_t max_head;	  /* bytes of a head; more is 431 */
	unsigned max_streams;	  /* h2: at once, in the server role */
	uint64_t head_timeout_ns; /* first byte to end of a request head */
	uint64_t idle_timeout_ns; /* a connection without streams; 0: none */
};

/* A server connection's owner. */
struct http_server {
	/* A request begins: set s->events and s->who. */
	void (*on_stream)(void *owner, struct http_stream *s);
	/* The connection is over; c must not be touched after it. */
	void (*on_closed)(void *owner, struct http_conn *c);
	/*
	 * A request that was refused before it became a stream (smuggling,
	 * oversized head, garbage); the codec answers it itself with `status`
	 * (0: none could be sent) and an error body in the OpenAI shape.
	 */
	void (*on_refused)(void *owner, struct http_conn *c, unsigned status,
			   const char *code, const char *why);
};

/*
 * Speaks HTTP on an accepted wire (ready() has come). h2 if ALPN says so, or
 * if the first bytes are h2's preface; else h1. Takes the wire.
 */
struct http_conn *http_serve(struct wire *take_w, const struct http_limits *lim,
			     const struct http_server *srv, void *owner);

/* A client connection's owner. */
struct http_client {
	/* A slot came free (h1: idle again; h2: a stream ended). */
	void (*on_slot)(void *owner, struct http_conn *c);
	void (*on_goaway)(void *owner, struct http_conn *c, uint32_t last_id,
			  uint32_t code, struct str debug);
	void (*on_settings)(void *owner, struct http_conn *c, struct str text);
	void (*on_closed)(void *owner, struct http_conn *c);
};
struct http_conn *http_dial(struct wire *take_w, bool h2,
			    const struct http_limits *lim,
			    const struct http_client *cli, void *owner);

/* How many more streams fit now; 0 once a GOAWAY came or it is closing. */
unsigned http_slots(const struct http_conn *c);

/* Opens a stream; NULL if there is no slot. */
struct http_stream *http_open(struct http_conn *c, const struct http_events *ev,
			      void *who);

/*
 * Ends a connection: open streams finish, new ones are not taken (h2: GOAWAY;
 * h1: close after the response). `now` cuts them off instead.
 */
void http_close(struct http_conn *c, bool now);

/* The obligations of a codec: the same functions, once for each version. */
struct http_codec {
	enum http_version version;
	void (*send_interim)(struct http_stream *s, const struct head *h);
	void (*send_head)(struct http_stream *s, const struct head *h,
			  const struct http_route *route);
	void (*send_data)(struct http_stream *s, const char *p, size_t n);
	void (*send_trailers)(struct http_stream *s, const struct head *h);
	void (*send_end)(struct http_stream *s);
	bool (*full)(const struct http_stream *s);
	size_t (*queued)(const struct http_stream *s);
	bool (*touched)(const struct http_stream *s);
	void (*paused)(struct http_stream *s); /* s->paused changed */
	void (*abandon)(struct http_stream *s, uint32_t code);
	void (*cut)(struct http_stream *s, uint32_t code, bool rst);
	void (*hangup)(struct http_stream *s); /* NULL: cannot be said */
	unsigned (*slots)(const struct http_conn *c);
	struct http_stream *(*open)(struct http_conn *c,
				    const struct http_events *ev, void *who);
	void (*close)(struct http_conn *c, bool now);
};

/* Both codecs' connections begin with this. */
struct http_conn {
	const struct http_codec *codec;
	struct wire *wire;
	struct http_limits limits;
	const struct http_server *server; /* one of the two is NULL */
	const struct http_client *client;
	void *owner;
	uint64_t tag; /* its user's to set: the recorder's key */
};

#endif
