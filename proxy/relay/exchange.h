/* SPDX-License-Identifier: MIT */
/*
 * An exchange: one request and its response, from the first byte to the row
 * in the trail.
 *
 *	down (client)                               up (vendor)
 *	  on_head ---> gates ---> pool ---> http_send_head
 *	  on_data ---> [body: kept until safe] ---> http_send_data
 *	  http_send_* <------- recorded <---------- on_head, on_data, on_end
 *
 * It lives until both streams are gone and nobody is thinking about it, and
 * then leaves exactly one outcome. One thread: its worker's.
 */
#ifndef RELAY_EXCHANGE_H
#define RELAY_EXCHANGE_H

#define XXH_STATIC_LINKING_ONLY /* the state is embedded */
#include <xxhash.h>

#include "relay/worker_impl.h"

#define EXCHANGE_MAGIC 0x45584348u /* "EXCH" */

/*
 * A request may be sent again only while it can be proved unsent; so much of
 * its body is kept for that. A longer one is simply not sent again.
 */
#define EXCHANGE_KEEP_MAX (256u * 1024)

/*
 * One direction's bytes as they came in and as they went out, counted and
 * hashed. They are the same bytes as a rule, and are hashed once until what
 * came in is held back or kept from going out.
 */
struct passage {
	uint64_t in, out; /* bytes */
	XXH64_state_t hash_in;
	XXH64_state_t *hash_out; /* NULL: the same as hash_in */
};
void passage_start(struct passage *g);
void passage_end(struct passage *g);
void passage_through(struct passage *g, const char *p, size_t n);
void passage_in(struct passage *g, const char *p, size_t n);
void passage_out(struct passage *g, const char *p, size_t n);
/* What went out is void: it will be sent again from its beginning. */
void passage_out_anew(struct passage *g);

/* What holds the request back from being sent. */
enum exchange_wait {
	WAIT_NONE,
	WAIT_BODY, /* gates want to see more of the body */
	WAIT_GATE, /* a gate is thinking */
	WAIT_POOL, /* a connection is being made */
};

struct exchange {
	unsigned magic;
	LIST_ENTRY(exchange) link;
	TAILQ_ENTRY(exchange) turn;
	struct worker *worker;
	struct routes *routes;
	struct door *door;	  /* NULL: begun by assay (origin) */
	struct http_stream *down; /* NULL once gone, or begun by assay */
	struct http_stream *up;	  /* NULL before and after */
	struct pool_ask *ask;
	const struct upstream *upstream;
	size_t strip; /* "/NAME" in front of the target */
	struct rec *rec;
	enum ev_kind kind;
	unsigned attempt;
	int64_t parent;
	char *run;

	/* The request, kept until it is known to have been sent. */
	struct head *request, *trailers;
	struct buf body; /* of the request: [0, sent) given to up, then not */
	size_t sent;
	bool keep; /* body is kept although sent: it may be sent again */

	enum exchange_wait wait;
	unsigned gate_next;
	bool continued; /* assay sent 100 Continue itself, for a gate */

	bool request_ended, response_begun, response_ended, closed;
	bool answered;	   /* the response is assay's own */
	bool hung_up;	   /* the client closed its half, or went away */
	bool hung_up_told; /* and the vendor could hear of it */
	bool tunnel;	   /* 101 or CONNECT: bytes both ways */
	bool measured;	   /* the answer's head told its body's length */
	bool delivered;	   /* all of that is with the client's kernel */
	uint64_t length;   /* with measured */

	/* For the end of the turn: output was queued that arrived at... */
	bool in_turn, turn_request;
	uint64_t turn_at;
	uint64_t wait_began; /* when the pool was asked */

	struct passage request_bytes, response_bytes;
	uint64_t added_request, added_chunk, started;
	struct ev_close end; /* filled in as things happen */
	struct loop_deadline idle;

	const struct origin_events *origin;
	void *origin_arg;
};

/* For a request that begins on a client's stream. */
struct exchange *exchange_accept(struct worker *w, struct door *d,
				 struct http_stream *down);
/* For a request of assay's own; takes q's head. */
void exchange_originate(struct worker *w, const struct origin_request *q);

/* The request's head is here: opens the record and goes to the gates. */
void exchange_begin(struct exchange *x, struct head *take_request);

/* Asks the gates from gate_next on, then dials; call when the body that they
 * want is here. */
void exchange_ask_gates(struct exchange *x);
void exchange_gate_verdict(struct exchange *x, enum gate_verdict v,
			   struct gate_answer *take_answer);

/* Asks the pool for a vendor stream. */
void exchange_dial(struct exchange *x, bool fresh);
/* The attempt failed unsent: true if another one was begun. */
bool exchange_retry(struct exchange *x);
/* Tells the vendor that the client closed its half. */
void exchange_pass_hangup(struct exchange *x);
/* Sends what has been kept of the request. */
void exchange_send_request(struct exchange *x);
/* The request will not be sent again: forget the kept copy. */
void exchange_forget_request(struct exchange *x);

/* Marks a moment as now, if it has not happened before. */
void exchange_mark(struct exchange *x, enum ev_mark m, uint64_t at);

/* The exchange's outcome; the first word counts. `code` is static. */
void exchange_outcome(struct exchange *x, enum ev_outcome o, const char *code);

/* Records a head that came, or that was made here and never was text. */
void exchange_record_head(struct exchange *x, enum ev_side side,
			  const struct head *h, uint64_t at);

/* Answers in the OpenAI error shape, or, if an answer has begun, cuts it. */
void exchange_answer_error(struct exchange *x, unsigned status,
			   enum ev_outcome o, const char *code,
			   const char *text);
/* Answers with what a gate or assay made; takes `a`'s head and body. */
void exchange_answer(struct exchange *x, struct gate_answer *take_a);

/* The vendor's side, or what would become one, is not wanted any more. */
void exchange_drop_vendor(struct exchange *x);
/* Nothing here holds the client's request back any longer. */
void exchange_resume_down(struct exchange *x);

/* Ends both sides now: assay stops, or a deadline passed. */
void exchange_abort(struct exchange *x, enum ev_outcome o, const char *code);

/* A stream has gone: closes the record once nothing is left. */
void exchange_check_done(struct exchange *x);

/* ---- relay.c: the valve between the two streams ---- */

extern const struct http_events relay_down_events, relay_up_events;
extern const struct pool_asker relay_asker;

/* Takes request bytes in: recorded, kept or sent. */
void relay_request_data(struct exchange *x, const char *p, size_t n,
			uint64_t at);
/* Gives response bytes out: recorded and sent. */
void relay_response_data(struct exchange *x, const char *p, size_t n,
			 uint64_t at);
/* While the ring is full in strict mode, and when there is room again. */
void relay_hold_all(struct worker *w);
void relay_resume_all(struct worker *w);
/* The peer of `s` (may be NULL) takes bytes again. */
void relay_resume(struct exchange *x, struct http_stream *s);
/* Notes that output was queued; relay_turn() measures it. */
void relay_in_turn(struct exchange *x, uint64_t arrived, bool request);
/* The loop's turn hook: everything queued has now been handed on. */
void relay_turn(void *worker);

#endif
