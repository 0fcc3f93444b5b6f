/* SPDX-License-Identifier: MIT */
#include "rules/judge/check_impl.h"
#include "rules/judge/judge_impl.h"
#include "rules/judge/memory.h"

struct check_case hearing_case(const struct judge *j, const struct hearing *x,
			       const struct ev_close *close, int64_t conn_up)
{
	const struct judge_conn *conn = judge_conn_of(j, conn_up);
	bool own = close && close->answered_by_assay;
	struct check_case c = {
		.id = x->id,
		.open = &x->open,
		.close = close,
		.started_wall = x->open.started_wall,
		.request_head = buf_str(&x->head[EV_REQUEST]),
		.response_head = buf_str(&x->head[EV_RESPONSE]),
		.status = x->status,
		.answered = x->head_seen[EV_RESPONSE] && !own,
		.q = x->q,
		.a = x->chat && !own ? chat_answer(x->chat) : NULL,
		.dialect = x->dialect,
		.mode = x->mode,
		.rules = x->rules,
		.pack = x->rules ? x->rules->model_pack : NULL,
		.route = x->open.route,
		.client =
			close ? clients_who(buf_str(&x->head[EV_REQUEST])) : 0,
		.conn_up = conn ? &conn->conn : NULL,
		.conn_up_id = conn_up,
		.arrivals = x->arrivals,
		.first_data = x->first_data,
		.last_data = x->last_data,
		.passback = j->passback,
		.meter = j->meter,
		.clients = j->clients,
		.identity = j->identity,
		.schemas = j->schemas,
	};

	memcpy(c.gap_bytes, x->gap, sizeof c.gap_bytes);
	return c;
}

/* Why not everything could be judged, or NULL. */
static const char *blind(const struct hearing *x, const struct check_case *c)
{
	if (x->blind)
		return x->blind;
	if (x->gap[EV_REQUEST] || x->gap[EV_RESPONSE])
		return "bytes are missing from the record";
	if (!x->q)
		return "the request is not whole";
	if (x->q->unknown || !x->q->understood)
		return x->q->why;
	if (c->close->outcome == EV_RESET_BY_CLIENT)
		return "the client went away";
	if (c->a && !c->a->whole)
		return c->a->blind ? c->a->blind : "the answer is not whole";
	return c->answered && !c->a ? "the answer was not read" : NULL;
}

static void tell_judged(struct judge *j, const struct hearing *x,
			const struct check_case *c)
{
	const struct request *q = check_asked(c);
	const struct usage *u = c->a && c->a->usage.have ? &c->a->usage : NULL;
	struct judged t = {
		.exchange = x->id,
		.dialect = x->dialect,
		.model = q ? q->model : STR(""),
		.answered = c->a ? buf_str(&c->a->model) : STR(""),
		.pack = c->pack,
		.mode = x->mode,
		.streamed = c->a && c->a->streamed,
		.finish = c->a && c->a->n_choices
				  ? buf_str(&c->a->choices[0].finish)
				  : STR(""),
		.prompt_tokens = u ? u->prompt : USAGE_NONE,
		.completion_tokens = u ? u->completion : USAGE_NONE,
		.cached_tokens = u ? u->cached : USAGE_NONE,
		.reasoning_tokens = u ? u->reasoning : USAGE_NONE,
		.passed = (unsigned)x->passed,
		.failed = (unsigned)x->failed,
		.unknown = (unsigned)x->unknown,
		.blind = x->dialect ? blind(x, c) : NULL,
	};

	if (j->events->judged)
		j->events->judged(j->arg, &t);
}

static void learn(struct judge *j, const struct check_case *c)
{
	passback_learn(j->passback, c);
	meter_learn(j->meter, c);
	clients_learn(j->clients, c);
	identity_learn(j->identity, c);
}

void hearing_close(struct judge *j, struct hearing *x, const struct ev_close *c,
		   int64_t conn_up)
{
	struct check_case k;

	hearing_end(j, x, c);
	k = hearing_case(j, x, c, conn_up);
	j->sum.exchanges++;
	if (x->dialect) {
		j->sum.chats++;
		judge_ask_all(j, x, &k);
		learn(j, &k);
	}
	tell_judged(j, x, &k);
}
