/* SPDX-License-Identifier: MIT */
#include "chat.h"

#include <time.h>

#include "reply.h"
#include "squeeze.h"
#include "talk.h"
#include "text.h"

#define BODY_MOST (256u * 1024 * 1024)

static const struct dialect *const dialects[] = {
	&dialect_chat, &dialect_completions, &dialect_responses,
	&dialect_messages};

static const struct dialect *dialect_of(struct str path)
{
	size_t i = 0;

	while (!str_eq(dialects[i]->path, path))
		i++;
	return dialects[i];
}

static bool next_talk(struct ex *ex, size_t hint, struct buf *out)
{
	return talk_next(ex->source.talk, out);
}

/* With a seed, the same request is answered the same, ids and all. */
static struct talk_facts facts_of(struct ex *ex, const cJSON *request,
				  const struct dialect *d)
{
	const struct config *c = ex->w->config;
	struct talk_facts f = {.dialect = d,
			       .request = request,
			       .request_bytes = ex->body.n,
			       .tokens = ex->knobs.tokens,
			       .calls = ex->knobs.calls,
			       .obfuscate = ex->knobs.obfuscation};

	f.seed = c->seed;
	f.id_seed = text_hash(c->seed, buf_str(&ex->body));
	f.created = 1700000000 + f.id_seed % 1000000;
	if (!c->seeded) {
		f.seed ^= text_mix(ex->w->counters->requests);
		f.id_seed ^= f.seed;
		f.created = (uint64_t)time(NULL);
	}
	return f;
}

static void add_vendor_fields(struct ex *ex, const struct talk *t)
{
	if (t->dialect == &dialect_messages) {
		reply_field(ex, STR("request-id"), "req_01%.22s", t->id);
		return;
	}
	reply_field(ex, STR("x-request-id"), "req_%.29s", t->id);
	reply_field(ex, STR("openai-processing-ms"), "%u",
		    (unsigned)(t->seed % 900 + 20));
	reply_const(ex, STR("openai-version"), STR("2020-10-01"));
}

static void say(struct ex *ex, struct talk *t)
{
	ex->source.talk = t;
	if (t->stream) {
		reply_start(ex, 200, STR("text/event-stream; charset=utf-8"));
		reply_const(ex, STR("cache-control"), STR("no-cache"));
		ex->source.next = next_talk;
		ex->source.events = true;
	} else {
		reply_start(ex, 200, STR("application/json"));
		t->dialect->whole(t, &ex->reply.body);
		reply_fixed(ex);
	}
	add_vendor_fields(ex, t);
}

/* Some clients compress their requests. */
static bool decode(struct ex *ex)
{
	struct buf plain = {0};
	bool ok;

	if (ex->encoding == encoding_none)
		return true;
	ok = squeeze_undo(ex->encoding, buf_str(&ex->body), BODY_MOST, &plain);
	buf_free(&ex->body);
	ex->body = plain;
	return ok;
}

void chat_answer(struct ex *ex)
{
	const struct dialect *d = dialect_of(ex->endpoint->path);
	struct talk_facts f;
	const char *why;
	cJSON *request;

	if (!decode(ex)) {
		reply_error(ex, 400, "bad_encoding",
			    "The body is not what content-encoding says.");
		return;
	}
	request =
		cJSON_ParseWithLength(ex->body.p ? ex->body.p : "", ex->body.n);
	why = talk_refuses(d, request);
	if (why) {
		reply_error(ex, 400, "invalid_request", "%s", why);
	} else {
		f = facts_of(ex, request, d);
		say(ex, talk_new(&f));
	}
	cJSON_Delete(request);
	buf_free(&ex->body);
}
