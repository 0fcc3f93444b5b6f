/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 * An exchange is held by up to four parties: the client's stream (down), the
 * vendor's (up), the pool (ask) and a gate (wait). Each lets go on its own, in
 * any order; exchange_check_done() is called whenever one has, and closes the
 * record when none is left. Nothing is freed before the end of the turn.
 *
 *	            begin
 *	              |
 *	          WAIT_BODY -> WAIT_GATE --answer--> answered
 *	              |            |
 *	              +---pass-----+
 *	              v
 *	          WAIT_POOL --failed--> answered (502, 504)
 *	              v
 *	            up open --unsent--> another attempt, its own record
 */
#include "relay/exchange.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/pool.h"

void passage_start(struct passage *g)
{
	g->in = g->out = 0;
	XXH64_reset(&g->hash_in, 0);
	g->hash_out = NULL;
}

void passage_end(struct passage *g)
{
	free(g->hash_out);
	g->hash_out = NULL;
}

/* From here on what goes out differs from what comes in. */
static void part(struct passage *g)
{
	if (g->hash_out)
		return;
	g->hash_out = mem_alloc(sizeof *g->hash_out);
	*g->hash_out = g->hash_in;
}

void passage_through(struct passage *g, const char *p, size_t n)
{
	g->in += n;
	g->out += n;
	XXH64_update(&g->hash_in, p, n);
	if (g->hash_out)
		XXH64_update(g->hash_out, p, n);
}

void passage_in(struct passage *g, const char *p, size_t n)
{
	part(g);
	g->in += n;
	XXH64_update(&g->hash_in, p, n);
}

void passage_out(struct passage *g, const char *p, size_t n)
{
	part(g);
	g->out += n;
	XXH64_update(g->hash_out, p, n);
}

void passage_out_anew(struct passage *g)
{
	part(g);
	g->out = 0;
	XXH64_reset(g->hash_out, 0);
}

/* It was told to end, and its client neither reads nor finishes. */
static void let_go_of_client(struct exchange *x)
{
	if (x->down)
		http_abandon(x->down, HTTP_CODE_CANCEL);
	x->down = NULL;
	exchange_check_done(x);
}

static bool waits_for_client(const struct exchange *x)
{
	return x->down && !x->request_ended && !x->down->paused;
}

static void went_idle(struct loop_deadline *d)
{
	struct exchange *x =
		(struct exchange *)((char *)d -
				    offsetof(struct exchange, idle));

	if (x->end.outcome != EV_OUTCOMES && !x->up && !x->ask) {
		let_go_of_client(x);
		return;
	}
	d->at = clock_mono() + x->routes->settings->idle_timeout_ns;
	if (x->response_begun)
		exchange_abort(x, EV_TIMED_OUT, "idle_timeout");
	else if (x->wait == WAIT_GATE)
		return; /* assay itself is thinking */
	else if (waits_for_client(x))
		exchange_answer_error(x, 408, EV_TIMED_OUT, "idle_timeout",
				      "the rest of the request did not come "
				      "for as long as --idle-timeout allows");
	else
		exchange_answer_error(x, 504, EV_TIMED_OUT, "idle_timeout",
				      "the vendor sent nothing for as long as "
				      "--idle-timeout allows");
}

static struct exchange *exchange_new(struct worker *w, enum ev_kind kind)
{
	struct exchange *x = MEM_NEW(struct exchange);

	x->magic = EXCHANGE_MAGIC;
	x->worker = w;
	x->routes = routes_ref(w->routes);
	x->kind = kind;
	x->keep = true;
	x->end.outcome = EV_OUTCOMES;
	x->idle.due = went_idle;
	loop_add_deadline(w->loop, &x->idle);
	passage_start(&x->request_bytes);
	passage_start(&x->response_bytes);
	LIST_INSERT_HEAD(&w->exchanges, x, link);
	atomic_fetch_add_explicit(&w->n_exchanges, 1, memory_order_relaxed);
	return x;
}

struct exchange *exchange_accept(struct worker *w, struct door *d,
				 struct http_stream *down)
{
	struct exchange *x = exchange_new(w, EV_CLIENT);

	x->door = d;
	x->down = down;
	return x;
}

static void open_record(struct exchange *x)
{
	struct ev_open o = {
		.kind = x->kind,
		.parent = x->parent,
		.run = str_of(x->run),
		.route = str_of(x->upstream->name),
		.conn_down = x->down ? x->down->conn->tag : 0,
		.started_mono = x->started,
		.attempt = x->attempt,
	};

	o.started_wall = clock_wall() - (clock_mono() - x->started);
	x->rec = rec_open(x->worker->recorder, &o);
	exchange_record_head(x, EV_REQUEST, x->request, x->request->at);
}

#define SAY_KEY(x) (unsigned long long)(rec_key((x)->rec) & 0xffffffffffff)

/* For --verbose; queries stay out of the log, since keys travel in them. */
static void say_begun(const struct exchange *x)
{
	struct str path = x->request->target;

	path = str_cut(&path, '?');
	log_debug("exchange", "#%llu %.*s %.*s -> %s", SAY_KEY(x),
		  STR_ARG(x->request->method), STR_ARG(path),
		  x->upstream->name);
}

static void say_ended(const struct exchange *x)
{
	log_debug("exchange",
		  "#%llu %u %s after %.1f ms, %llu bytes up, %llu down%s%s",
		  SAY_KEY(x), x->end.status, ev_outcome_name(x->end.outcome),
		  (double)x->end.mark[EV_MARK_DONE] / NS_PER_MS,
		  (unsigned long long)x->end.bytes[EV_DIGEST_REQUEST_IN],
		  (unsigned long long)x->end.bytes[EV_DIGEST_RESPONSE_OUT],
		  x->end.error[0] ? ": " : "", x->end.error);
}

void exchange_begin(struct exchange *x, struct head *take_request)
{
	x->request = take_request;
	x->started = take_request->first_at;
	x->upstream = settings_route(x->routes->settings, x->request->target,
				     &x->strip);
	open_record(x);
	say_begun(x);
	exchange_mark(x, EV_MARK_REQUEST_HEAD, x->request->at);
	if (x->worker->gate_limit == 0 || x->request->framing == FRAMING_NONE) {
		exchange_ask_gates(x);
		return;
	}
	x->wait = WAIT_BODY;
	if (x->request->expect_continue) {
		struct head_maker m = {0};
		struct head *h;

		head_make_status(&m, HTTP_1_1, 100, STR("Continue"));
		h = head_make_done(&m);
		http_send_interim(x->down, h);
		head_free(h);
		head_make_free(&m);
		x->continued = true;
	}
}

void exchange_originate(struct worker *w, const struct origin_request *q)
{
	struct exchange *x = exchange_new(w, q->kind);

	x->request = q->head;
	x->started = clock_mono();
	x->request->first_at = x->request->at = x->started;
	x->origin = q->events;
	x->origin_arg = q->arg;
	x->upstream = settings_upstream(x->routes->settings, str_of(q->route));
	if (!x->upstream)
		x->upstream = x->routes->settings->upstreams[0];
	x->parent = q->parent;
	x->run = str_dup(str_of(q->run));
	open_record(x);
	exchange_mark(x, EV_MARK_REQUEST_HEAD, x->started);
	x->wait = WAIT_POOL;
	relay_request_data(x, q->body.p, q->body.n, x->started);
	x->request_ended = true;
	exchange_mark(x, EV_MARK_REQUEST_END, x->started);
	exchange_dial(x, false);
}

void exchange_ask_gates(struct exchange *x)
{
	struct worker *w = x->worker;

	x->wait = WAIT_NONE;
	while (x->gate_next < w->n_gates) {
		const struct gate *g = &w->gates[x->gate_next];
		struct gate_request q = {
			.route = x->upstream->name,
			.kind = x->kind,
			.head = x->request,
			.body = buf_str(&x->body),
			.whole = x->request_ended ||
				 x->request->framing == FRAMING_NONE,
			.key = rec_key(x->rec),
		};
		struct gate_answer a = {0};
		enum gate_verdict v = g->ask(g->arg, &q, &a);

		if (v != GATE_PASS) {
			exchange_gate_verdict(x, v, &a);
			return;
		}
		x->gate_next++;
	}
	exchange_dial(x, false);
}

void exchange_gate_verdict(struct exchange *x, enum gate_verdict v,
			   struct gate_answer *take_answer)
{
	switch (v) {
	case GATE_HOLD:
		x->wait = WAIT_GATE;
		if (x->down)
			http_pause(x->down, HTTP_GATE);
		return;
	case GATE_PASS: /* the next gate may hold it, the pool lets it go */
		x->gate_next++;
		exchange_ask_gates(x);
		return;
	case GATE_ANSWER:
		x->wait = WAIT_NONE;
		exchange_answer(x, take_answer);
		return;
	}
}

void exchange_dial(struct exchange *x, bool fresh)
{
	struct pool_want want = {.h1_only = x->request->upgrade,
				 .fresh = fresh};

	x->wait = WAIT_POOL;
	x->wait_began = clock_mono();
	x->ask = pool_open(x->routes->pool, x->upstream, want, &relay_asker,
			   &relay_up_events, x);
	if (x->ask && x->down)
		http_pause(x->down, HTTP_NO_VENDOR);
}

/* HTTP/2 has no word for it: such a vendor knows nothing. */
void exchange_pass_hangup(struct exchange *x)
{
	http_hangup(x->up);
	x->hung_up_told = http_version_of(x->up) != HTTP_2;
}

void exchange_send_request(struct exchange *x)
{
	struct http_route route = {
		.authority = str_of(x->upstream->authority),
		.scheme = str_of(x->upstream->scheme),
		.prefix = str_of(x->upstream->prefix),
		.strip = x->strip,
	};
	struct str body = buf_str(&x->body);

	http_send_head(x->up, x->request, &route);
	if (body.n) {
		passage_out(&x->request_bytes, body.p, body.n);
		http_send_data(x->up, body.p, body.n);
	}
	x->sent = body.n;
	if (x->trailers)
		http_send_trailers(x->up, x->trailers);
	if (x->request_ended)
		http_send_end(x->up);
	if (x->hung_up)
		exchange_pass_hangup(x);
	if (!x->keep || x->body.n > EXCHANGE_KEEP_MAX)
		exchange_forget_request(x);
	relay_in_turn(x, x->request->at, true);
}

void exchange_forget_request(struct exchange *x)
{
	x->keep = false;
	if (x->sent == x->body.n) {
		buf_free(&x->body);
		x->sent = 0;
	}
}

static void leave_turn(struct exchange *x)
{
	if (x->in_turn)
		TAILQ_REMOVE(&x->worker->turn, x, turn);
	x->in_turn = x->turn_request = false;
}

static void sum_up_passage(const struct passage *g, struct ev_close *end,
			   enum ev_digest in, enum ev_digest out)
{
	end->bytes[in] = g->in;
	end->bytes[out] = g->out;
	end->digest[in] = XXH64_digest(&g->hash_in);
	end->digest[out] =
		g->hash_out ? XXH64_digest(g->hash_out) : end->digest[in];
}

static void sum_up(const struct exchange *x, struct ev_close *end)
{
	sum_up_passage(&x->request_bytes, end, EV_DIGEST_REQUEST_IN,
		       EV_DIGEST_REQUEST_OUT);
	sum_up_passage(&x->response_bytes, end, EV_DIGEST_RESPONSE_IN,
		       EV_DIGEST_RESPONSE_OUT);
}

/* The attempt's own row; what happened to it is not the next one's. */
static void close_unsent(struct exchange *x)
{
	struct ev_close unsent = x->end;

	passage_out_anew(&x->request_bytes); /* nothing was read */
	sum_up(x, &unsent);
	unsent.outcome = EV_VENDOR_UNREACHABLE;
	snprintf(unsent.error, sizeof unsent.error, "unsent");
	if (!unsent.mark[EV_MARK_DONE])
		unsent.mark[EV_MARK_DONE] = clock_mono() - x->started;
	rec_close(x->rec, &unsent);
	leave_turn(x);
	memset(x->end.mark, 0, sizeof x->end.mark);
	x->end.conn_up = 0;
	x->added_request = 0;
}

bool exchange_retry(struct exchange *x)
{
	enum { ATTEMPTS = 3 };

	if (!x->keep || x->response_begun || x->attempt + 1 >= ATTEMPTS ||
	    x->closed)
		return false;
	close_unsent(x);
	x->attempt++;
	x->started = clock_mono();
	x->request->at = x->started;
	open_record(x);
	exchange_mark(x, EV_MARK_REQUEST_HEAD, x->started);
	if (x->body.n)
		rec_data(x->rec, EV_REQUEST, x->body.p, x->body.n, x->started);
	if (x->trailers)
		rec_head(x->rec, EV_REQUEST, EV_HEAD_TRAILERS, x->trailers->raw,
			 x->started);
	if (x->request_ended)
		exchange_mark(x, EV_MARK_REQUEST_END, x->started);
	x->sent = 0;
	relay_resume(x, x->down); /* it was the old stream that was full */
	exchange_dial(x, true);
	return true;
}

void exchange_mark(struct exchange *x, enum ev_mark m, uint64_t at)
{
	uint64_t after = at > x->started ? at - x->started : 1;

	if (x->end.mark[m] == 0)
		x->end.mark[m] = after;
}

void exchange_outcome(struct exchange *x, enum ev_outcome o, const char *code)
{
	if (x->end.outcome != EV_OUTCOMES)
		return;
	x->end.outcome = o;
	if (code)
		snprintf(x->end.error, sizeof x->end.error, "%s", code);
}

void exchange_drop_vendor(struct exchange *x)
{
	if (x->ask)
		pool_cancel(x->ask);
	if (x->up)
		http_abandon(x->up, HTTP_CODE_CANCEL);
	x->ask = NULL;
	x->up = NULL;
}

void exchange_resume_down(struct exchange *x)
{
	if (!x->down)
		return;
	http_resume(x->down, HTTP_NO_VENDOR);
	http_resume(x->down, HTTP_GATE);
	relay_resume(x, x->down);
}

void exchange_abort(struct exchange *x, enum ev_outcome o, const char *code)
{
	exchange_outcome(x, o, code);
	exchange_drop_vendor(x);
	x->wait = WAIT_NONE;
	if (x->down)
		http_cut(x->down, HTTP_CODE_CANCEL, false);
	exchange_check_done(x);
}

static void free_exchange(void *p)
{
	struct exchange *x = p;

	x->magic = 0;
	head_free(x->request);
	head_free(x->trailers);
	free(x->run);
	buf_free(&x->body);
	passage_end(&x->request_bytes);
	passage_end(&x->response_bytes);
	routes_unref(x->routes);
	free(x);
}

static void close_record(struct exchange *x)
{
	sum_up(x, &x->end);
	x->end.answered_by_assay = x->answered;
	x->end.added_ns = x->added_request + x->added_chunk;
	exchange_mark(x, EV_MARK_DONE, clock_mono());
	if (x->rec) {
		say_ended(x);
		rec_close(x->rec, &x->end);
	}
	x->rec = NULL;
}

void exchange_check_done(struct exchange *x)
{
	struct worker *w = x->worker;

	assert(x->magic == EXCHANGE_MAGIC);
	if (x->closed || x->down || x->up || x->ask || x->wait == WAIT_GATE)
		return;
	x->closed = true;
	if (x->end.outcome == EV_OUTCOMES)
		exchange_outcome(x, EV_INTERRUPTED, "no_outcome");
	close_record(x);
	if (x->origin)
		x->origin->on_done(x->origin_arg, &x->end);
	leave_turn(x);
	loop_drop_deadline(&x->idle);
	LIST_REMOVE(x, link);
	atomic_fetch_sub_explicit(&w->n_exchanges, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->finished, 1, memory_order_relaxed);
	loop_bury(w->loop, x, free_exchange);
	worker_check_room(w);
	worker_check_drained(w);
}
