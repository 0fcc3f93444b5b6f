/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/check_impl.h"
#include "rules/judge/judge_impl.h"

struct hearing *hearing_new(struct judge *j, int64_t id,
			    const struct ev_open *o)
{
	struct hearing *x = MEM_NEW(struct hearing);

	x->id = id;
	x->packs = packs_ref(j->packs);
	x->open = *o;
	x->route = str_dup(o->route);
	x->run = str_dup(o->run);
	x->open.route.p = x->route;
	x->open.run.p = x->run;
	return x;
}

/* What waits is counted for all exchanges together. */
static void drop_waiting(struct judge *j, struct buf *b)
{
	j->waiting -= b->n;
	buf_free(b);
	*b = (struct buf){0};
}

void hearing_free(struct judge *j, struct hearing *x)
{
	drop_waiting(j, &x->body);
	drop_waiting(j, &x->held);
	chat_free(x->chat);
	if (x->q)
		request_unref(x->q);
	for (unsigned side = 0; side < EV_SIDES; side++)
		buf_free(&x->head[side]);
	packs_unref(x->packs);
	free(x->told);
	free(x->route);
	free(x->run);
	free(x);
}

/* ---- heads ---- */

/* Of "POST /v1/... HTTP/1.1", or of HTTP/2's pseudo fields. */
static enum dialect dialect_of_head(struct str raw)
{
	struct str rest = raw, line = str_cut(&rest, '\n'), method;

	if (raw.n && raw.p[0] == ':')
		return dialect_of(check_field(raw, STR(":method")),
				  check_field(raw, STR(":path")));
	method = str_cut(&line, ' ');
	return dialect_of(method, str_cut(&line, ' '));
}

/* Of "HTTP/1.1 200 OK" or ":status: 200". */
static unsigned status_of_head(struct str raw)
{
	struct str line = str_cut(&raw, '\n');
	uint64_t status;

	str_cut(&line, ' ');
	line.n = line.n < 3 ? line.n : 3;
	return line.p && str_u64(line, &status) ? (unsigned)status : 0;
}

static void add_coding(void *arg, struct str name, struct str value)
{
	struct buf *to = arg;

	if (!str_ieq(name, STR("content-encoding")))
		return;
	if (to->n)
		buf_adds(to, STR(", "));
	buf_adds(to, value);
}

/* All content codings, in the order of the head. */
static struct buf codings(const struct buf *head)
{
	struct buf b = {0};

	check_fields(buf_str(head), add_coding, &b);
	return b;
}

/* ---- the request ---- */

static void choose_rules(struct judge *j, struct hearing *x, bool streamed)
{
	const struct request *q =
		x->q && x->q->understood && !x->q->unknown ? x->q : NULL;
	struct traffic t = {
		.dialect = x->dialect,
		.model = q ? q->model : STR(""),
		.route = x->open.route,
		.vendor = judge_vendor(j, x->open.route),
		.stream = q ? q->stream : streamed,
		.kwargs = q && q->template_kwargs,
	};

	x->rules = packs_select(x->packs, &t);
	if (q && x->rules->model_pack)
		x->mode = pack_mode(x->rules->model_pack, q->root);
}

/* A plain body becomes the request's own; a coded one stays. */
static void read_request(struct judge *j, struct hearing *x)
{
	struct buf coding = codings(&x->head[EV_REQUEST]);

	if (coding.n) {
		x->q = request_read(j->requests, x->dialect, buf_str(&x->body),
				    buf_str(&coding));
	} else {
		j->waiting -= x->body.n;
		x->q = request_take(j->requests, x->dialect, &x->body, STR(""));
	}
	buf_free(&coding);
}

/*
 * The answer begins. Most requests are whole by now, and then the parser may
 * know what was asked; whether this one is cannot be told from a head, so one
 * that is not understood is read again at the end.
 */
static bool try_request(struct judge *j, struct hearing *x)
{
	if (x->gap[EV_REQUEST] || x->blind)
		return false;
	read_request(j, x);
	if (x->q->understood && !x->q->unknown)
		return true;
	if (x->body.n == 0) {
		buf_adds(&x->body, x->q->body);
		j->waiting += x->body.n;
	}
	request_unref(x->q);
	x->q = NULL;
	return false;
}

/* ---- the answer ---- */

static void start_parser(struct hearing *x)
{
	struct str head = buf_str(&x->head[EV_RESPONSE]);
	struct buf coding = codings(&x->head[EV_RESPONSE]);
	struct chat_asked asked = {0};

	if (x->q && x->q->understood && !x->q->unknown)
		asked = request_asked(x->q);
	x->chat = chat_new(x->dialect, &asked, NULL);
	chat_head(x->chat, x->status, check_field(head, STR("content-type")),
		  buf_str(&coding));
	buf_free(&coding);
}

void hearing_head(struct judge *j, struct hearing *x, enum ev_side side,
		  struct str raw)
{
	x->head_seen[side] = true;
	buf_adds(&x->head[side], raw);
	if (side == EV_REQUEST) {
		x->dialect = dialect_of_head(raw);
		return;
	}
	x->status = status_of_head(raw);
	if (!x->dialect || !try_request(j, x))
		return;
	drop_waiting(j, &x->body);
	choose_rules(j, x, false);
	start_parser(x);
}

/* A stream is watched as it comes; assay's own answers are none. */
static void look(struct judge *j, struct hearing *x)
{
	const struct answer *a = chat_answer(x->chat);
	struct check_case c;

	if (a->n_quirks == x->quirks)
		return;
	x->quirks = a->n_quirks;
	if (!x->rules || !a->streamed || x->status / 100 != 2)
		return;
	c = hearing_case(j, x, NULL, 0);
	judge_ask_frames(j, x, &c);
}

static void hold(struct judge *j, struct hearing *x, struct str bytes,
		 uint64_t at)
{
	struct held_piece p = {at, bytes.n};
	size_t n = sizeof p + bytes.n;

	if (x->held.n + n > JUDGE_HELD || j->waiting + n > JUDGE_WAITING) {
		x->gap[EV_RESPONSE] += bytes.n;
		return;
	}
	buf_add(&x->held, &p, sizeof p);
	buf_adds(&x->held, bytes);
	j->waiting += n;
}

static void collect(struct judge *j, struct hearing *x, struct str bytes)
{
	if (x->q || x->blind)
		return;
	if (x->body.n + bytes.n > JUDGE_BODY ||
	    j->waiting + bytes.n > JUDGE_WAITING) {
		drop_waiting(j, &x->body);
		x->blind = "the request is too large";
		return;
	}
	buf_adds(&x->body, bytes);
	j->waiting += bytes.n;
}

void hearing_data(struct judge *j, struct hearing *x, enum ev_side side,
		  struct str bytes, uint64_t at)
{
	if (!x->dialect)
		return;
	if (side == EV_REQUEST) {
		collect(j, x, bytes);
		return;
	}
	if (!x->arrivals++)
		x->first_data = at;
	x->last_data = at;
	/* Behind a gap nothing fits together any more. */
	if (x->gap[EV_RESPONSE])
		return;
	if (x->chat) {
		chat_feed(x->chat, bytes, at);
		look(j, x);
	} else {
		hold(j, x, bytes, at);
	}
}

/* ---- the end ---- */

/* Is what was collected all that the client sent? */
static bool request_is_whole(const struct hearing *x, const struct ev_close *c)
{
	return !x->blind && !x->gap[EV_REQUEST] && x->head_seen[EV_REQUEST] &&
	       (c->mark[EV_MARK_REQUEST_END] || c->outcome == EV_COMPLETE);
}

static void release(struct judge *j, struct hearing *x)
{
	struct str rest = buf_str(&x->held);
	struct held_piece p;

	start_parser(x);
	while (rest.n) {
		memcpy(&p, rest.p, sizeof p);
		rest = str_skip(rest, sizeof p);
		chat_feed(x->chat, (struct str){rest.p, p.n}, p.at);
		rest = str_skip(rest, p.n);
	}
	drop_waiting(j, &x->held);
}

static enum chat_ending ending(const struct hearing *x,
			       const struct ev_close *c)
{
	if (x->gap[EV_RESPONSE])
		return CHAT_UNSEEN;
	switch (c->outcome) {
	case EV_COMPLETE: return CHAT_WHOLE;
	case EV_TRUNCATED:
	case EV_RESET_BY_VENDOR: return CHAT_CUT;
	default: return CHAT_UNSEEN;
	}
}

void hearing_end(struct judge *j, struct hearing *x, const struct ev_close *c)
{
	if (!x->dialect)
		return;
	if (!x->q && request_is_whole(x, c))
		read_request(j, x);
	if (!x->chat && x->head_seen[EV_RESPONSE])
		release(j, x);
	if (x->chat)
		chat_end(x->chat, ending(x, c));
	if (!x->rules)
		choose_rules(j, x, x->chat && chat_answer(x->chat)->streamed);
}
