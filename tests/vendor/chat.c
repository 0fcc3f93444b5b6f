/* SPDX-License-Identifier: MIT */
#include "chat.h"

#include <inttypes.h>
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

static bool next_manner(struct ex *ex, size_t hint, struct buf *out)
{
	return manner_next(ex->source.talk, out);
}

/* With a seed, the same request is answered the same, ids and all. */
static struct talk_facts facts_of(struct ex *ex, const struct asked *asked)
{
	const struct config *c = ex->w->config;
	struct talk_facts f = {.asked = asked,
			       .request_bytes = ex->body.n,
			       .tokens = ex->knobs.tokens,
			       .calls = ex->knobs.calls,
			       .say = buf_str(&ex->say),
			       .think = buf_str(&ex->think),
			       .speak = ex->knobs.speak,
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

/* Moonshot says usage in the head too. */
static void add_usage_fields(struct ex *ex, const struct talk *t)
{
	bool lies = bugs_has(&t->bugs, BUG_usage_headers);

	if (t->dialect->letter != 'c' || !(t->family->flags & KIMI) ||
	    (t->speak != speak_none && t->speak != speak_moonshot))
		return;
	reply_field(ex, STR("x-msh-usage-prompt-tokens"), "%" PRIu64,
		    t->cost.prompt + (lies ? 9 : 0));
	reply_field(ex, STR("x-msh-usage-cached-tokens"), "%" PRIu64,
		    t->cost.cached);
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
	add_usage_fields(ex, t);
}

/* How far a stream gets that is cut short: behind its first text. */
#define CUT_STREAM 2500

/* Bugs of framing are faults that the wire has knobs for. */
static void bend_framing(struct ex *ex, const struct talk *t)
{
	const struct bugs *b = &t->bugs;
	uint64_t cut = t->stream ? CUT_STREAM : ex->reply.body.n / 2;

	if (bugs_has(b, BUG_truncated)) {
		ex->knobs.truncate = cut;
		ex->reply.length = KNOB_UNSET;
	}
	if (bugs_has(b, BUG_reset))
		ex->knobs.reset = cut;
	if (bugs_has(b, BUG_length_mismatch))
		ex->knobs.bad_length = bad_length_more;
	if (bugs_has(b, BUG_no_close_notify))
		ex->knobs.no_notify = ex->knobs.close = true;
	if (bugs_has(b, BUG_fake_streaming))
		ex->knobs.group = UINT32_MAX;
}

static struct str type_of(const struct talk *t)
{
	if (bugs_has(&t->bugs, BUG_content_type_wrong))
		return STR("text/plain; charset=utf-8");
	return t->stream ? STR("text/event-stream; charset=utf-8")
			 : STR("application/json");
}

static void say_whole(struct ex *ex, struct talk *t)
{
	if (manner_any(t))
		manner_whole(t, &ex->reply.body);
	else
		t->dialect->whole(t, &ex->reply.body);
	reply_fixed(ex);
}

static void say(struct ex *ex, struct talk *t)
{
	ex->source.talk = t;
	reply_start(ex, 200, type_of(t));
	if (t->stream) {
		reply_const(ex, STR("cache-control"), STR("no-cache"));
		ex->source.next = manner_any(t) ? next_manner : next_talk;
		ex->source.events = true;
	} else {
		say_whole(ex, t);
	}
	bend_framing(ex, t);
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
	struct asked asked = {.dialect = d, .bugs = ex->knobs.bug};
	struct talk_facts f;
	const char *why;
	struct refusal r;
	cJSON *request;

	if (!decode(ex)) {
		reply_error(ex, 400, "bad_encoding",
			    "The body is not what content-encoding says.");
		return;
	}
	request =
		cJSON_ParseWithLength(ex->body.p ? ex->body.p : "", ex->body.n);
	asked.request = request;
	why = talk_refuses(d, request);
	if (why) {
		reply_error(ex, 400, "invalid_request", "%s", why);
	} else if (ask_read(&asked), contract_refuses(&asked, &r)) {
		reply_refuse(ex, r.param, r.text);
	} else {
		f = facts_of(ex, &asked);
		say(ex, talk_new(&f));
	}
	cJSON_Delete(request);
	buf_free(&ex->body);
}
