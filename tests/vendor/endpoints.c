/* SPDX-License-Identifier: MIT */
#include "endpoints.h"

#include "chat.h"
#include "reply.h"
#include "text.h"

static void answer_health(struct ex *ex)
{
	struct counters *c = ex->w->counters;

	reply_start(ex, 200, STR("application/json"));
	buf_adds(&ex->reply.body, STR("{\"status\":\"ok\",\"connections\":"));
	text_add_u64(&ex->reply.body, c->connections);
	buf_adds(&ex->reply.body, STR(",\"requests\":"));
	text_add_u64(&ex->reply.body, c->requests);
	buf_addc(&ex->reply.body, '}');
	reply_fixed(ex);
}

static void answer_models(struct ex *ex)
{
	static const char *const names[] = {"practice-1", "practice-1-thinking",
					    "practice-mini"};
	struct buf *b = &ex->reply.body;

	reply_start(ex, 200, STR("application/json"));
	buf_adds(b, STR("{\"object\":\"list\",\"data\":["));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		buf_addf(b,
			 "%s{\"id\":\"%s\",\"object\":\"model\","
			 "\"created\":1700000000,\"owned_by\":\"practice\"}",
			 i ? "," : "", names[i]);
	buf_adds(b, STR("]}"));
	reply_fixed(ex);
}

static void answer_unknown(struct ex *ex)
{
	reply_error(ex, 404, "unknown_url",
		    "Nothing is here; vendor --help lists the paths.");
}

static void answer_method(struct ex *ex)
{
	reply_error(ex, 405, "method_not_allowed", "This path wants POST.");
	reply_const(ex, STR("allow"), STR("POST"));
}

static void answer_bad_knob(struct ex *ex)
{
	reply_error(ex, 400, "bad_knob", "x-vendor: unknown or bad: %.*s",
		    (int)ex->note.n, ex->note.p);
}

static const struct endpoint table[] = {
	{STR("/json"), BODY_DROP, false, NULL, raw_answer_json},
	{STR("/stream"), BODY_DROP, false, NULL, raw_answer_stream},
	{STR("/bytes"), BODY_DROP, false, NULL, raw_answer_bytes},
	{STR("/v1/chat/completions"), BODY_KEEP, true, NULL, chat_answer},
	{STR("/v1/responses"), BODY_KEEP, true, NULL, chat_answer},
	{STR("/v1/messages"), BODY_KEEP, true, NULL, chat_answer},
	{STR("/v1/completions"), BODY_KEEP, true, NULL, chat_answer},
	{STR("/v1/models"), BODY_DROP, false, NULL, answer_models},
	{STR("/healthz"), BODY_DROP, false, NULL, answer_health},
	{STR("/echo"), BODY_DIGEST, false, echo_begin, echo_answer},
	{STR("/sink"), BODY_DIGEST, false, NULL, echo_answer_sink},
	{STR("/ws"), BODY_DROP, false, echo_begin_ws, echo_answer_upgrade},
	{STR("/tunnel"), BODY_DROP, false, echo_begin_tunnel,
	 echo_answer_upgrade},
};

static const struct endpoint unknown = {STR(""), BODY_DROP, false, NULL,
					answer_unknown};
static const struct endpoint method = {STR(""), BODY_DROP, false, NULL,
				       answer_method};

const struct endpoint endpoint_bad_knob = {STR(""), BODY_DROP, false, NULL,
					   answer_bad_knob};

const struct endpoint *endpoint_find(struct str path, struct str verb)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!str_eq(table[i].path, path))
			continue;
		if (table[i].post_only && !str_eq(verb, STR("POST")))
			return &method;
		return &table[i];
	}
	return &unknown;
}
