/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 * What the two streams of an exchange tell, and the valve between them:
 *
 *	bytes in -> counted -> recorded -> counted -> queued out
 *	   at a        IN       spool        OUT      peer full? pause the
 *source
 *
 * Recorded before it is queued: whatever a client has received is in the
 * spool. Queued output leaves at the end of the turn (loop.h), and
 * relay_turn() then reads the clock once and learns what assay added.
 */
#include "relay/exchange.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "wire/pool.h"

static struct exchange *exchange_of(void *who)
{
	struct exchange *x = who;

	assert(x->magic == EXCHANGE_MAGIC);
	return x;
}

static void touch(struct exchange *x, uint64_t at)
{
	uint64_t limit = x->routes->settings->idle_timeout_ns;

	if (limit)
		x->idle.at = at + limit;
}

void relay_in_turn(struct exchange *x, uint64_t arrived, bool request)
{
	if (!x->in_turn) {
		x->in_turn = true;
		x->turn_at = arrived;
		TAILQ_INSERT_TAIL(&x->worker->turn, x, turn);
	}
	x->turn_request |= request;
}

static void turn_request(struct exchange *x, uint64_t now)
{
	uint64_t ready = x->end.mark[EV_MARK_VENDOR_READY];
	uint64_t head = x->end.mark[EV_MARK_REQUEST_HEAD];

	x->turn_request = false;
	if (x->end.mark[EV_MARK_REQUEST_SENT] == 0) {
		exchange_mark(x, EV_MARK_REQUEST_SENT, now);
		/* Up to asking the pool, and from its answer on. */
		x->added_request = now - x->started - ready +
				   (x->wait_began > x->started + head
					    ? x->wait_began - x->started - head
					    : 0);
	}
	/* On h1, bytes that left cannot be recalled; h2 may still refuse. */
	if (x->keep && x->up && http_version_of(x->up) != HTTP_2 &&
	    http_touched(x->up))
		exchange_forget_request(x);
}

/*
 * A client may leave as soon as it has a length-framed answer whole, before
 * the vendor's stream has said that it ends: that answer is complete.
 */
static void check_delivered(struct exchange *x)
{
	if (x->measured && x->response_bytes.out == x->length && x->down &&
	    http_queued(x->down) == 0)
		x->delivered = true;
}

void relay_turn(void *worker)
{
	struct worker *w = worker;
	struct exchange *x;
	uint64_t now;

	if (TAILQ_EMPTY(&w->turn))
		return;
	now = clock_mono();
	while ((x = TAILQ_FIRST(&w->turn))) {
		TAILQ_REMOVE(&w->turn, x, turn);
		x->in_turn = false;
		if (x->turn_request)
			turn_request(x, now);
		else if (now - x->turn_at > x->added_chunk)
			x->added_chunk = now - x->turn_at;
		check_delivered(x);
	}
}

/* ---- strict mode: the ring is full ---- */

/*
 * Reads of the wires are held by the loop. What the codecs have read already
 * and keep for a slow peer can be more than the ring's reserve.
 */
void relay_hold_all(struct worker *w)
{
	struct exchange *x;

	LIST_FOREACH (x, &w->exchanges, link) {
		if (x->up)
			http_pause(x->up, HTTP_PEER_FULL);
		if (x->down)
			http_pause(x->down, HTTP_PEER_FULL);
	}
}

void relay_resume(struct exchange *x, struct http_stream *s)
{
	if (s && !loop_reads_held(x->worker->loop))
		http_resume(s, HTTP_PEER_FULL);
}

void relay_resume_all(struct worker *w)
{
	struct exchange *x;

	LIST_FOREACH (x, &w->exchanges, link) {
		if (!x->down || !http_full(x->down))
			relay_resume(x, x->up);
		if (!x->up || !http_full(x->up))
			relay_resume(x, x->down);
	}
}

/* ---- the request's way: down -> up ---- */

static bool may_send(const struct exchange *x)
{
	return x->up && x->wait == WAIT_NONE;
}

void relay_request_data(struct exchange *x, const char *p, size_t n,
			uint64_t at)
{
	bool through = may_send(x) && !x->answered;

	if (n == 0)
		return;
	touch(x, at);
	(through ? passage_through : passage_in)(&x->request_bytes, p, n);
	if (x->rec)
		rec_data(x->rec, EV_REQUEST, p, n, at);
	if (x->answered || (x->response_ended && !x->up))
		return; /* nobody will read it: an early answer */
	if (through) {
		http_send_data(x->up, p, n);
		relay_in_turn(x, at, true);
		if (http_full(x->up) && x->down)
			http_pause(x->down, HTTP_PEER_FULL);
	}
	if (x->keep || !through) {
		buf_add(&x->body, p, n);
		if (through)
			x->sent = x->body.n;
		if (x->keep && through && x->body.n > EXCHANGE_KEEP_MAX)
			exchange_forget_request(x);
	}
	worker_check_room(x->worker);
}

static void down_on_head(void *who, struct head *take_head)
{
	struct exchange *x = exchange_of(who);

	exchange_begin(x, take_head);
	touch(x, x->started);
}

static void down_on_data(void *who, const char *p, size_t n, uint64_t at)
{
	struct exchange *x = exchange_of(who);

	relay_request_data(x, p, n, at);
	if (x->wait == WAIT_BODY && x->body.n > x->worker->gate_limit)
		exchange_ask_gates(x);
}

static void request_ended(struct exchange *x)
{
	x->request_ended = true;
	exchange_mark(x, EV_MARK_REQUEST_END, clock_mono());
	if (x->wait == WAIT_BODY)
		exchange_ask_gates(x);
}

static void down_on_trailers(void *who, struct head *take_trailers)
{
	struct exchange *x = exchange_of(who);

	rec_head(x->rec, EV_REQUEST, EV_HEAD_TRAILERS, take_trailers->raw,
		 take_trailers->at);
	head_free(x->trailers);
	x->trailers = take_trailers; /* for later, or for another attempt */
	if (may_send(x)) {
		http_send_trailers(x->up, take_trailers);
		relay_in_turn(x, take_trailers->at, true);
	}
}

static void down_on_end(void *who)
{
	struct exchange *x = exchange_of(who);

	request_ended(x);
	if (may_send(x)) {
		http_send_end(x->up);
		relay_in_turn(x, x->started, true);
	}
}

static void down_on_room(void *who)
{
	struct exchange *x = exchange_of(who);

	relay_resume(x, x->up);
}

static void down_on_gone(void *who, const struct http_end_facts *end)
{
	struct exchange *x = exchange_of(who);

	x->down = NULL;
	if (end->how == HTTP_DONE) {
		exchange_mark(x, EV_MARK_DONE, clock_mono());
		if (x->response_ended)
			exchange_outcome(x, EV_COMPLETE, NULL);
	} else if (x->delivered) {
		exchange_outcome(x, EV_COMPLETE, NULL);
	} else {
		x->end.reset_code = end->code;
		exchange_outcome(x, EV_RESET_BY_CLIENT,
				 end->how == HTTP_BROKEN
					 ? "client_broke_protocol"
					 : NULL);
	}
	exchange_drop_vendor(x);
	if (x->wait != WAIT_GATE)
		x->wait = WAIT_NONE;
	exchange_check_done(x);
}

static void down_on_hangup(void *who)
{
	struct exchange *x = exchange_of(who);

	if (x->hung_up)
		return;
	x->hung_up = true;
	if (may_send(x))
		exchange_pass_hangup(x);
}

const struct http_events relay_down_events = {
	.on_head = down_on_head,
	.on_data = down_on_data,
	.on_trailers = down_on_trailers,
	.on_end = down_on_end,
	.on_room = down_on_room,
	.on_gone = down_on_gone,
	.on_hangup = down_on_hangup,
};

/* ---- the pool's answer ---- */

static void asker_ready(void *who, struct http_stream *s)
{
	struct exchange *x = exchange_of(who);

	x->ask = NULL;
	x->wait = WAIT_NONE;
	x->up = s;
	x->end.conn_up = s->conn->tag;
	exchange_mark(x, EV_MARK_VENDOR_READY, clock_mono());
	if (x->down) {
		http_resume(x->down, HTTP_NO_VENDOR);
		http_resume(x->down, HTTP_GATE);
	}
	exchange_send_request(x);
}

static void asker_failed(void *who, const struct fail *f)
{
	struct exchange *x = exchange_of(who);
	bool late = strcmp(f->code, "connect_timeout") == 0;

	x->ask = NULL;
	exchange_answer_error(x, late ? 504 : 502, EV_VENDOR_UNREACHABLE,
			      f->code, f->text);
}

const struct pool_asker relay_asker = {asker_ready, asker_failed};

/* ---- the response's way: up -> down ---- */

static void response_out(struct exchange *x, const char *p, size_t n,
			 uint64_t at)
{
	http_send_data(x->down, p, n);
	relay_in_turn(x, at, false);
	if (http_full(x->down) && x->up)
		http_pause(x->up, HTTP_PEER_FULL);
}

void relay_response_data(struct exchange *x, const char *p, size_t n,
			 uint64_t at)
{
	if (n == 0)
		return;
	touch(x, at);
	exchange_mark(x, EV_MARK_FIRST_DATA, at);
	rec_data(x->rec, EV_RESPONSE, p, n, at);
	if (!x->down && !x->origin) {
		passage_in(&x->response_bytes, p, n);
	} else {
		passage_through(&x->response_bytes, p, n);
		if (x->down)
			response_out(x, p, n, at);
		else
			x->origin->on_data(x->origin_arg, p, n, at);
	}
	worker_check_room(x->worker);
}

static void up_on_interim(void *who, struct head *take_head)
{
	struct exchange *x = exchange_of(who);

	touch(x, take_head->at);
	rec_head(x->rec, EV_RESPONSE, EV_HEAD_INTERIM, take_head->raw,
		 take_head->at);
	if (x->down && !(take_head->status == 100 && x->continued)) {
		http_send_interim(x->down, take_head);
		relay_in_turn(x, take_head->at, false);
	}
	head_free(take_head);
}

static void up_on_head(void *who, struct head *take_head)
{
	struct exchange *x = exchange_of(who);

	touch(x, take_head->at);
	x->response_begun = true;
	x->tunnel = take_head->framing == FRAMING_TUNNEL;
	x->measured = take_head->framing == FRAMING_LENGTH;
	x->length = take_head->length;
	x->end.status = take_head->status;
	exchange_mark(x, EV_MARK_FIRST_BYTE, take_head->at);
	rec_head(x->rec, EV_RESPONSE, EV_HEAD_MAIN, take_head->raw,
		 take_head->at);
	exchange_forget_request(x);
	if (!x->tunnel) {
		head_free(x->request);
		x->request = NULL;
	}
	if (x->down) {
		http_send_head(x->down, take_head, NULL);
		relay_in_turn(x, take_head->at, false);
	} else if (x->origin) {
		x->origin->on_head(x->origin_arg, take_head);
	}
	head_free(take_head);
	worker_check_room(x->worker);
}

static void up_on_data(void *who, const char *p, size_t n, uint64_t at)
{
	relay_response_data(exchange_of(who), p, n, at);
}

static void up_on_trailers(void *who, struct head *take_trailers)
{
	struct exchange *x = exchange_of(who);

	rec_head(x->rec, EV_RESPONSE, EV_HEAD_TRAILERS, take_trailers->raw,
		 take_trailers->at);
	if (x->down) {
		http_send_trailers(x->down, take_trailers);
		relay_in_turn(x, take_trailers->at, false);
	}
	head_free(take_trailers);
}

static void up_on_end(void *who)
{
	struct exchange *x = exchange_of(who);
	uint64_t now = clock_mono();

	x->response_ended = true;
	exchange_mark(x, EV_MARK_RESPONSE_END, now);
	if (x->down) {
		http_send_end(x->down);
		relay_in_turn(x, now, false);
	}
}

static void up_on_room(void *who)
{
	struct exchange *x = exchange_of(who);

	relay_resume(x, x->down);
}

/* The vendor ended its side of the exchange in a way it should not have. */
static void vendor_failed(struct exchange *x, const struct http_end_facts *end)
{
	bool reset = end->how == HTTP_RESET || end->how == HTTP_UNSENT ||
		     (end->how == HTTP_CUT && end->wire_end == WIRE_END_RESET);
	bool broken = end->how == HTTP_BROKEN;
	const char *code = broken ? "vendor_broke_protocol" : "vendor_closed";

	x->end.reset_code = end->code;
	if (x->hung_up_told && !broken)
		exchange_outcome(x, EV_RESET_BY_CLIENT, "client_hung_up");
	exchange_outcome(x, reset ? EV_RESET_BY_VENDOR : EV_TRUNCATED,
			 reset ? "vendor_reset" : code);
	if (!x->down)
		return;
	if (end->how == HTTP_UNSENT && http_version_of(x->down) != HTTP_2)
		exchange_answer_error(x, 502, EV_RESET_BY_VENDOR, code,
				      "the vendor refused the request unread, "
				      "as often as it was sent");
	else if (end->how == HTTP_UNSENT)
		http_cut(x->down, HTTP_CODE_REFUSED, true);
	else if (reset)
		http_cut(x->down, end->code ? end->code : HTTP_CODE_INTERNAL,
			 true);
	else if (!x->response_begun)
		exchange_answer_error(
			x, 502, EV_TRUNCATED, code,
			broken ? end->why
			       : "the vendor closed the connection "
				 "without an answer");
	else
		http_cut(x->down, HTTP_CODE_INTERNAL, false);
}

/* One half has ended; the other must not end unheard. */
static bool half_tunnel(const struct exchange *x)
{
	return x->tunnel && !x->request_ended;
}

static void up_on_gone(void *who, const struct http_end_facts *end)
{
	struct exchange *x = exchange_of(who);

	x->up = NULL;
	if (end->how == HTTP_UNSENT && exchange_retry(x))
		return;
	if (end->how != HTTP_DONE && (!x->response_ended || half_tunnel(x)))
		vendor_failed(x, end);
	else if (!x->down)
		exchange_outcome(x, EV_COMPLETE, NULL);
	relay_resume(x, x->down);
	exchange_check_done(x);
}

const struct http_events relay_up_events = {
	.on_head = up_on_head,
	.on_interim = up_on_interim,
	.on_data = up_on_data,
	.on_trailers = up_on_trailers,
	.on_end = up_on_end,
	.on_room = up_on_room,
	.on_gone = up_on_gone,
};
