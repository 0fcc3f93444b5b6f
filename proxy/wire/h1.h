/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 and 1.0, both roles, behind http.h. http.c alone includes this:
 *
 *	c = h1_serve(w, lim, srv, owner);	takes the wire, which is ready
 *	h1_feed(c, sniffed, n, at);		bytes that were read before
 *
 *	c = h1_dial(w, lim, cli, owner);
 *
 * Both set the wire's events to their own. One stream at a time; what a
 * client sends ahead (pipelining) waits, bounded, and is read in order.
 *
 * What is peculiar to this version:
 * - on_stream() comes when a request's head is whole and lawful, right before
 *   on_head().
 * - A request that asks for an Upgrade gets its on_end() late: when the
 *   answer's head is sent and is not 101, or when the tunnel ends.
 * - Client role: an answer that is complete before its request is, on a
 *   connection that then closes, is HTTP_DONE.
 * - Server role: http_abandon() after http_send_end() finishes the answer
 *   and lets the connection go gently.
 */
#ifndef WIRE_H1_H
#define WIRE_H1_H

#include "wire/http.h"

struct http_conn *h1_serve(struct wire *take_w, const struct http_limits *lim,
			   const struct http_server *srv, void *owner);

struct http_conn *h1_dial(struct wire *take_w, const struct http_limits *lim,
			  const struct http_client *cli, void *owner);

/*
 * As if the wire had brought these bytes at `at`. From a callback of the loop
 * alone, since events may follow at once. Server role.
 */
void h1_feed(struct http_conn *c, const char *p, size_t n, uint64_t at);

#endif
