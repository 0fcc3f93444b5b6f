/* SPDX-License-Identifier: MIT */
#include "h1.h"

#include <stdlib.h>

#include "base/mem.h"
#include "text.h"

/* More pipelined input than this waits in the kernel. */
#define IN_MOST (256 * 1024)
/* As much waits to be echoed before we stop reading. */
#define ECHO_MOST (1024 * 1024)
/* Reading slowly: how often, what is read ahead, what is granted at most. */
#define SLOW_NS	  20000000u
#define SLOW_IN	  4096
#define SLOW_MOST (64 * 1024)

static struct h1 *of_ex(struct ex *ex)
{
	return (struct h1 *)((char *)ex - offsetof(struct h1, ex));
}

static void wake(struct ex *ex);

static void run(struct task *task)
{
	h1_send_more((struct h1 *)((char *)task - offsetof(struct h1, task)));
}

static bool keeps_alive(const struct request *r)
{
	if (text_lists(r->connection, STR("close")))
		return false;
	return r->version == 11 || text_lists(r->connection, STR("keep-alive"));
}

static void end_request(struct h1 *h)
{
	h->state = H1_ANSWER;
	ex_end(&h->ex);
	if (h->ex.ready)
		h1_send_answer(h);
}

static void arm_slow(struct h1 *h)
{
	uint64_t wait = 1000000000u / h->ex.knobs.slow_read;

	loop_timer_set(h->c->w, &h->slow,
		       loop_clock() + (wait > SLOW_NS ? wait : SLOW_NS));
}

static void begin_request(struct h1 *h, const struct request *r, bool alone)
{
	struct ex *ex = &h->ex;

	h->keep_alive = keeps_alive(r);
	h->head_sent = h->waiting = false;
	h->state = H1_BODY;
	h1_body_start(&h->body, r);
	ex_begin(ex, h->c->w, r, wake);
	h->has_ex = true;
	if (ex->knobs.slow_read && !h->body.done)
		arm_slow(h);
	if (ex->knobs.early && !ex->knobs.status) {
		h->keep_alive = false;
		h->state = H1_ANSWER;
		ex_end_early(ex);
		if (ex->ready)
			h1_send_answer(h);
	} else if (h->body.done) {
		end_request(h);
	} else if (r->expects && alone && !ex->knobs.no_continue) {
		h1_send_continue(h);
	}
}

static size_t eat_head(struct h1 *h, struct str in)
{
	struct request r;
	const char *why;
	size_t used = 0;

	switch (h1_parse_head(h->c->w, in, &r, &used, &why)) {
	case PARSE_MORE: return 0;
	case PARSE_BAD: h1_send_refusal(h, why); return in.n;
	case PARSE_DONE: break;
	}
	r.tls = h->c->ssl != NULL;
	r.scheme = r.tls ? STR("https") : STR("http");
	begin_request(h, &r, used == in.n);
	return used;
}

static size_t eat_body(struct h1 *h, struct str in)
{
	ssize_t used = h1_body_eat(&h->body, &h->ex, in);

	if (used < 0) {
		h1_send_refusal(h, "The chunked body is malformed.");
		return in.n;
	}
	if (h->body.done)
		end_request(h);
	return (size_t)used;
}

/* At the rate of the knob, whatever was read already. */
static size_t eat_slowly(struct h1 *h, struct str in)
{
	size_t used;

	in.n = in.n < h->allowance ? in.n : h->allowance;
	if (in.n == 0)
		return 0;
	used = eat_body(h, in);
	h->allowance -= used;
	return used;
}

/* Understands as much as it can; what it leaves is to be kept. */
static size_t eat(struct h1 *h, struct str in)
{
	size_t n = in.n, used = 1;

	h->eating = true;
	while (in.n && used && !h->c->dead) {
		switch (h->state) {
		case H1_HEAD: used = eat_head(h, in); break;
		case H1_BODY:
			used = h->ex.knobs.slow_read ? eat_slowly(h, in)
						     : eat_body(h, in);
			break;
		case H1_TUNNEL: used = tunnel_eat(h, in); break;
		case H1_ANSWER: used = 0; break;
		case H1_OVER: used = in.n; break;
		}
		in = str_skip(in, used);
	}
	h->eating = false;
	return n - in.n;
}

static void throttle(struct h1 *h)
{
	bool full = h->in.n > IN_MOST && h->state == H1_ANSWER;

	if (h->state == H1_BODY && h->ex.knobs.slow_read)
		full = h->in.n > SLOW_IN;
	if (h->state == H1_TUNNEL)
		full = conn_queued(h->c) > ECHO_MOST;
	if (full != h->c->paused)
		conn_pause(h->c, full);
}

static void eat_kept(struct h1 *h)
{
	size_t used = eat(h, buf_str(&h->in));

	if (h->c->dead)
		return;
	buf_drop(&h->in, used);
	if (h->in.n == 0)
		buf_free(&h->in);
	throttle(h);
}

static void grant(struct timer *t)
{
	struct h1 *h = (struct h1 *)((char *)t - offsetof(struct h1, slow));
	uint64_t n = h->ex.knobs.slow_read * SLOW_NS / 1000000000u;

	h->allowance += n ? n : 1;
	if (h->allowance > SLOW_MOST && n < SLOW_MOST)
		h->allowance = SLOW_MOST;
	eat_kept(h);
	if (h->c->dead || h->state != H1_BODY || !h->ex.knobs.slow_read)
		h->allowance = 0; /* perhaps the next request's body */
	else if (h->c->eof && h->in.n == 0)
		conn_kill(h->c);
	else
		arm_slow(h);
}

static void wake(struct ex *ex)
{
	struct h1 *h = of_ex(ex);

	if (h->head_sent)
		h1_send_more(h);
	else
		h1_send_answer(h);
	if (h->state == H1_TUNNEL && h->in.n && !h->c->dead)
		eat_kept(h);
}

static void input(struct conn *c, const char *p, size_t n)
{
	struct h1 *h = c->state;
	size_t used;

	if (h->in.n) {
		buf_add(&h->in, p, n);
		eat_kept(h);
		return;
	}
	used = eat(h, (struct str){p, n});
	if (c->dead)
		return;
	buf_add(&h->in, p + used, n - used);
	throttle(h);
}

/* Nothing will ever be sent on it unless the peer lives. */
static bool is_stuck(const struct h1 *h)
{
	return !h->ex.timer.slot && (h->waiting || !h->ex.ready);
}

static void eof(struct conn *c)
{
	struct h1 *h = c->state;

	switch (h->state) {
	case H1_HEAD:
	case H1_TUNNEL: conn_close(c, CONN_FIN); break;
	case H1_BODY:
		if (!h->slow.slot)
			conn_kill(c);
		break;
	case H1_ANSWER:
		if (is_stuck(h))
			conn_kill(c);
		break;
	case H1_OVER: break;
	}
}

void h1_answered(struct h1 *h)
{
	ex_free(&h->ex);
	h->has_ex = false;
	h->state = H1_HEAD;
	if (h->eating)
		return;
	if (h->in.n)
		eat_kept(h);
	if (!h->c->dead && h->state == H1_HEAD && h->c->eof)
		conn_close(h->c, CONN_FIN);
}

static void room(struct conn *c)
{
	struct h1 *h = c->state;

	if (h->state == H1_TUNNEL)
		eat_kept(h);
	else if (h->state == H1_ANSWER && h->head_sent)
		h1_send_more(h);
}

static void open_h1(struct conn *c)
{
	struct h1 *h = MEM_NEW(struct h1);

	h->c = c;
	h->task.run = run;
	h->slow.fire = grant;
	c->state = h;
}

/* The state may be in use up the stack: it goes with the dead. */
static void gone(struct conn *c)
{
	struct h1 *h = c->state;

	loop_retire(c->w, &h->task);
	loop_timer_stop(c->w, &h->ex.timer);
	loop_timer_stop(c->w, &h->slow);
}

static void release(struct conn *c)
{
	struct h1 *h = c->state;

	loop_timer_stop(c->w, &h->slow);
	if (h->has_ex)
		ex_free(&h->ex);
	buf_free(&h->in);
	free(h);
}

const struct proto h1_proto = {open_h1, input, eof, room, gone, release};
