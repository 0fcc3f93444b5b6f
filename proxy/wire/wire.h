/* SPDX-License-Identifier: MIT */
/*
 * A connection as bytes: a non-blocking socket, in clear or TLS, with an
 * output queue and reasons not to read. Knows nothing of HTTP.
 *
 *	in:   socket -> loop scratch -> on_bytes()	(nothing is kept)
 *	out:  wire_write() -> queue of blocks -> socket	(at wire_flush() or at
 *						 the end of the turn)
 *
 * All callbacks come from the loop, never from inside a wire_*() call. After
 * wire_close() none comes any more; the memory goes at the end of the turn.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/fail.h"
#include "base/str.h"
#include "wire/loop.h"

struct wire;

enum wire_end {
	WIRE_END_CLEAN,	    /* FIN; with TLS, close_notify came before it */
	WIRE_END_NO_NOTIFY, /* FIN, but TLS was not closed: may be a cut */
	WIRE_END_RESET,	    /* RST or another socket error */
	WIRE_END_TLS_ERROR, /* a TLS record or alert that ends it */
};

struct wire_events {
	/*
	 * Bytes arrived; all of them are the callee's now to consume or copy
	 * (p is the loop's scratch). `at` is clock_mono() of the read.
	 */
	void (*on_bytes)(void *who, const char *p, size_t n, uint64_t at);
	/*
	 * The peer will send no more. Output may still be possible; if it
	 * fails after a clean end, this comes a second time with RESET.
	 */
	void (*on_end)(void *who, enum wire_end how);
	/* The output queue fell from above WIRE_FULL to below WIRE_ROOM. */
	void (*on_room)(void *who);
	/* The queue is empty after wire_write(): all handed to the kernel. */
	void (*on_drained)(void *who);
};

/* Queue marks in bytes: hysteresis, so that peers are not toggled a chunk. */
#define WIRE_FULL (128 * 1024)
#define WIRE_ROOM (32 * 1024)

/* Reasons not to read, a bit each; reading goes on when none is set. */
enum wire_pause {
	WIRE_PAUSE_OWNER = 1 << 0, /* codec: peer full, or pipelined ahead */
	WIRE_PAUSE_SPOOL = 1 << 1, /* loop_hold_reads() */
	WIRE_PAUSE_SETUP = 1 << 2, /* no events set yet */
};

/*
 * What is known of the connection, for evidence. Collected when asked for (two
 * system calls) and valid until the end of the turn: copy what is to last.
 */
struct wire_facts {
	struct sockaddr_storage peer, local;
	bool tls;
	char tls_version[16], cipher[48];
	char alpn[16]; /* "" if none was agreed */
	char sni[256];
	unsigned char chain_sha256[32]; /* of the peer's DER certificates */
	bool has_chain;
};

/*
 * A server connection: takes the accepted socket `fd`. With `ctx`, the TLS
 * handshake comes first; `ready(who, NULL)` is called when bytes can flow
 * (for clear sockets in the next turn at the latest), or `ready(who, fail)`
 * once, after which the wire is gone.
 */
typedef void wire_ready_fn(void *who, const struct fail *f);
struct wire *wire_accept(struct loop *l, int fd, SSL_CTX *ctx,
			 wire_ready_fn *ready, void *who);

/*
 * A client connection. `ctx` with `sni` does TLS and verifies the chain and
 * the name; `alpn` is in wire format ("\x02h2\x08http/1.1") or NULL. Calls
 * `ready` as above. Failure codes: connect_refused, connect_timeout,
 * connect_failed, tls_failed, tls_untrusted.
 */
struct wire_target {
	const struct sockaddr *addr;
	socklen_t addr_len;
	SSL_CTX *ctx;
	const char *sni;
	const char *alpn;
	const char *shown; /* "host:port", for messages */
	uint64_t timeout_ns;
};
struct wire *wire_connect(struct loop *l, const struct wire_target *to,
			  wire_ready_fn *ready, void *who);

/* From ready() on: who gets the events. May be changed later. */
void wire_set_events(struct wire *w, const struct wire_events *ev, void *who);

/* Queues a copy and marks the wire dirty. Never fails, never blocks. */
void wire_write(struct wire *w, const void *p, size_t n);

/* Room at the queue's end to build output in place; then wire_wrote(). */
char *wire_reserve(struct wire *w, size_t at_most_4096);
void wire_wrote(struct wire *w, size_t n);

/* Tries to write now, not at the end of the turn. */
void wire_flush(struct wire *w);

size_t wire_queued(const struct wire *w);
bool wire_full(const struct wire *w); /* above WIRE_FULL, not yet below ROOM */

void wire_pause(struct wire *w, enum wire_pause why);
void wire_resume(struct wire *w, enum wire_pause why);

/* FIN (and close_notify) once the queue is empty; reading goes on. */
void wire_shutdown(struct wire *w);

/*
 * Ends it: queued output is still written for up to `linger_ns` (0: thrown
 * away), then FIN goes out, and what the peer still sends is thrown away until
 * it ends too or the time is over: else its kernel could drop our last bytes
 * unread. `abort` sends RST instead of FIN, once the kernel has sent what was
 * queued, and leaves close_notify out: how a truncation is passed on.
 */
void wire_close(struct wire *w, uint64_t linger_ns, bool abort);

/* As wire_close(), but ends with a FIN that no close_notify announces. */
void wire_cut(struct wire *w, uint64_t linger_ns);

const struct wire_facts *wire_facts(const struct wire *w);
struct loop *wire_loop(const struct wire *w);
uint64_t wire_bytes_in(const struct wire *w); /* on the socket's clear side */
uint64_t wire_bytes_out(const struct wire *w);
/* Did any byte of what was written leave for the kernel since this mark? */
uint64_t wire_sent(const struct wire *w);

#endif
