/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2, both roles, behind http.h. http.c alone includes this:
 *
 *	c = h2_serve(w, lim, srv, owner);	takes the wire, which is ready
 *	h2_feed(c, sniffed, n, at);		bytes that were read before
 *
 *	c = h2_dial(w, lim, cli, owner);
 *
 * Both set the wire's events to their own.
 *
 * What is peculiar to this version:
 * - on_stream() comes when a request's head is whole and lawful, right before
 *   on_head().
 * - While a stream is paused, what arrives for it waits here, at most one
 *   stream window of it; the connection's window is credited at once, so
 *   other streams flow on.
 * - A body that came by HTTP/2 keeps its frames: one http_send_data(), one
 *   DATA frame, windows permitting. Others share a frame within a turn.
 * - Server role: once the response is complete, an unfinished request is told
 *   to stop (RST_STREAM, NO_ERROR; RFC 9113, 8.1); that is HTTP_DONE.
 * - Client role: so is the vendor's RST_STREAM(NO_ERROR) after its response.
 * - Server role: http_abandon() after http_send_end() finishes the answer.
 */
#ifndef WIRE_H2_H
#define WIRE_H2_H

#include "wire/http.h"

/* What a client sends first (RFC 9113, 3.4). */
#define H2_PREFACE     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_PREFACE_LEN (sizeof(H2_PREFACE) - 1)

struct http_conn *h2_serve(struct wire *take_w, const struct http_limits *lim,
			   const struct http_server *srv, void *owner);

struct http_conn *h2_dial(struct wire *take_w, const struct http_limits *lim,
			  const struct http_client *cli, void *owner);

/*
 * As if the wire had brought these bytes at `at`. From a callback of the loop
 * alone, since events may follow at once.
 */
void h2_feed(struct http_conn *c, const char *p, size_t n, uint64_t at);

#endif
