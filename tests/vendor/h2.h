/* SPDX-License-Identifier: MIT */
/*
 * HTTP/2 on a connection, by nghttp2, between its two files: h2.c receives,
 * h2_send.c answers.
 */
#ifndef VENDOR_H2_H
#define VENDOR_H2_H

#include <nghttp2/nghttp2.h>

#include "conn.h"
#include "ex.h"

struct h2;

struct h2_stream {
	struct h2 *h2;
	struct h2_stream *next, **at;	     /* of the connection; or spare */
	struct h2_stream *again, **again_at; /* those yielding this turn */
	int32_t id;
	bool head_sent, request_done, ends_later, went_away;
	uint64_t turn; /* in which it sent its last event */
	uint64_t owed; /* received, not yet credited: slow reading */
	struct timer slow;
	struct ex ex;
};

struct h2 {
	struct conn *c;
	nghttp2_session *ng;
	struct task task; /* sends what there is to send */
	struct h2_stream *streams, *again;
	struct buf head; /* fields of the block being received */
	struct buf raw;	 /* bytes that are not HTTP, sent before frames */
	enum conn_end end;
	bool cut; /* a fault ends the connection after what is sent */
};

/* The answer is ready. Only submits: h2_flush() sends. */
void h2_submit_answer(struct h2_stream *s);

void h2_submit_continue(struct h2_stream *s);

/* The stream's last frame is sent: the faults that come after. */
void h2_answered(struct h2_stream *s);

/* The stream has more to say. */
void h2_resume(struct h2_stream *s);

/* Sends all that may be sent; never from within nghttp2's callbacks. */
void h2_flush(struct h2 *h2);

/* The next turn: streams that yielded go on. */
void h2_run(struct task *task);

/* Frees the streams kept for reuse, at the worker's end. */
void h2_free_spare(struct worker *w);

ssize_t h2_pad(nghttp2_session *ng, const nghttp2_frame *frame, size_t most,
	       void *user);

#endif
