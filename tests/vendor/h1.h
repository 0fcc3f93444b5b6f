/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 on a connection, between its three files: h1.c reads and keeps
 * the order of requests, h1_send.c writes answers, tunnel.c takes over after
 * a 101.
 *
 *	HEAD --head--> BODY --end--> ANSWER --sent--> HEAD (keep-alive)
 *	                               |  \--101--> TUNNEL
 *	                               \--close, fault--> OVER
 */
#ifndef VENDOR_H1_H
#define VENDOR_H1_H

#include "conn.h"
#include "ex.h"
#include "h1_parse.h"

enum h1_state { H1_HEAD, H1_BODY, H1_ANSWER, H1_TUNNEL, H1_OVER };

struct h1 {
	struct conn *c;
	struct task task; /* goes on sending in the next turn */
	enum h1_state state;
	enum framing framing;
	struct h1_body body;
	struct buf in;	   /* what was read but not yet understood */
	struct timer slow; /* with the knob slow_read: grants allowance */
	uint64_t allowance;
	bool has_ex, keep_alive, head_sent, eating, is_ws, waiting;
	struct ex ex;
};

/* The answer is ready: send the head and what there is of the body. */
void h1_send_answer(struct h1 *h);

/* Goes on with the body; called when there is room, or more to send. */
void h1_send_more(struct h1 *h);

/* A 400 (or so) for what could not be understood, then the end. */
void h1_send_refusal(struct h1 *h, const char *why);

void h1_send_continue(struct h1 *h);

/* By the sender, when the answer is complete. */
void h1_answered(struct h1 *h);

/* Takes bytes of a tunnel; returns how many were used. */
size_t tunnel_eat(struct h1 *h, struct str in);

#endif
