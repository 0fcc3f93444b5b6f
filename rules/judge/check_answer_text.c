/* SPDX-License-Identifier: MIT */
/* An answer's text and head against what was asked for. */
#include <stdio.h>

#include "base/clock.h"
#include "rules/judge/check_impl.h"

/* ---- stop sequences ---- */

enum { STOPS_MOST = 64, STOPS_LOOK = 128 << 20 };

/* Content behind what MiniMax and others think aloud. */
static struct str behind_think(struct str s)
{
	static const char end[] = "</think>";
	const char *at = s.n ? memmem(s.p, s.n, end, sizeof end - 1) : NULL;

	return at ? str_skip(s, (size_t)(at - s.p) + sizeof end - 1) : s;
}

/* Where a stop sequence stands in the text; false: nowhere. */
static bool find_stop(struct str text, struct str stop, size_t *at)
{
	const char *p = stop.n && text.n
				? memmem(text.p, text.n, stop.p, stop.n)
				: NULL;

	*at = p ? (size_t)(p - text.p) : 0;
	return p != NULL;
}

/* The stop sequences of the request, at most STOPS_MOST. */
static size_t stops_of(const struct request *q, struct str stops[STOPS_MOST])
{
	size_t n = 0;

	if (json_is(q->stop, JSON_STRING))
		stops[n++] = json_text(q->stop);
	for (uint32_t i = 0;
	     json_is(q->stop, JSON_ARRAY) && i < q->stop->n && n < STOPS_MOST;
	     i++)
		stops[n++] = json_text(q->stop->v[i]);
	return n;
}

/* Asked to leave it in, or to repeat the prompt, which may hold it. */
static bool wants_stop_kept(const struct request *q)
{
	bool kept = false, echo = false;

	json_bool(json_get(q->root, STR("include_stop_str_in_output")), &kept);
	json_bool(json_get(q->root, STR("echo")), &echo);
	return kept || echo;
}

static enum verdict ask_stop(const struct check_case *c, bool at_end,
			     struct check_result *out)
{
	const struct request *q = check_asked(c);
	struct str stops[STOPS_MOST];
	size_t n = 0, looked = 0, at;

	if (q)
		n = stops_of(q, stops);
	if (!check_served(c) || !n || wants_stop_kept(q))
		return VERDICT_NONE;
	for (size_t k = 0; k < n * c->a->n_choices; k++) {
		const struct choice *ch = &c->a->choices[k / n];
		struct str text = behind_think(buf_str(&ch->content));
		struct str stop = stops[k % n];

		if (text.n > STOPS_LOOK - looked)
			return VERDICT_UNKNOWN;
		looked += text.n;
		if (!find_stop(text, stop, &at) ||
		    (at + stop.n == text.n) != at_end ||
		    (at_end && !check_whole(c)))
			continue;
		check_expect(out, "text that ends before the stop sequence");
		check_shows(out, ch->content_at, ch->finish_at,
			    str_skip(text, at));
		return check_fail(out, "the text %s %.*s",
				  at_end ? "ends with" : "goes on behind",
				  STR_ARG(check_clip(stop, CHECK_EXCERPT)));
	}
	return check_pass(c);
}

enum verdict check_stop_included(const struct check_case *c,
				 const struct rule *r, struct check_result *out)
{
	return ask_stop(c, true, out);
}

enum verdict check_stop_ignored(const struct check_case *c,
				const struct rule *r, struct check_result *out)
{
	return ask_stop(c, false, out);
}

/* ---- the prefix of partial mode ---- */

/* One that an answer may well begin with anew says nothing. */
enum { PREFIX_LEAST = 8, PREFIX_LOOK = 4096 };

/* "tick tock tick tock ": what follows may be more of the same. */
static bool repeats_itself(struct str s)
{
	s.n = s.n < PREFIX_LOOK ? s.n : PREFIX_LOOK;
	for (size_t period = 1; period <= s.n / 2; period++)
		if (memcmp(s.p, s.p + period, s.n - period) == 0)
			return true;
	return false;
}

enum verdict check_partial_prefix(const struct check_case *c,
				  const struct rule *r,
				  struct check_result *out)
{
	const struct request *q = check_asked(c);
	struct str prefix = q ? check_prefix(q) : (struct str){0};
	struct str text;

	if (prefix.n < PREFIX_LEAST || !check_served(c) || !c->a->n_choices)
		return VERDICT_NONE;
	text = buf_str(&c->a->choices[0].content);
	if (!str_starts(text, prefix))
		return check_pass(c);
	if (repeats_itself(prefix))
		return VERDICT_UNKNOWN;
	check_expect(out, "what follows the prefix");
	check_shows(out, c->a->choices[0].content_at, 0, text);
	return check_fail(out, "the answer repeats the prefix of %zu bytes",
			  prefix.n);
}

/* ---- the model's name ---- */

enum { NAME_MOST = 160 };

static bool strip_end(char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	if (n <= k || strcmp(name + n - k, end) != 0)
		return false;
	name[n - k] = '\0';
	return true;
}

/* Bare, and without what names a price or a stage: kimi-k2:free. Returns
 * whether it is an alias that may stand for any version. */
static bool plain_name(struct str model, char out[NAME_MOST])
{
	char *colon;
	bool alias;

	model_bare(model, out, NAME_MOST);
	colon = strchr(out, ':');
	if (colon && colon != out)
		*colon = '\0';
	for (char *p = out; *p; p++)
		if (*p == '.' || *p == '_' || *p == '@')
			*p = '-';
	alias = strip_end(out, "-latest") || strip_end(out, "-auto") ||
		strcmp(out, "auto") == 0;
	strip_end(out, "-preview");
	strip_end(out, "-0"); /* claude-x-4-0 is claude-x-4-20250514 */
	return alias;
}

enum verdict check_model_differs(const struct check_case *c,
				 const struct rule *r, struct check_result *out)
{
	const struct request *q = check_asked(c);
	char asked[NAME_MOST], said[NAME_MOST];
	struct str line = c->request_head;

	if (!q || !q->model.n || !check_served(c) || !c->a->model.n)
		return VERDICT_NONE;
	/* Azure: what is asked for is a deployment's name, anything. */
	line = str_cut(&line, '\n');
	if (line.n && memmem(line.p, line.n, "/deployments/", 13))
		return VERDICT_NONE;
	if (plain_name(q->model, asked))
		return VERDICT_NONE;
	plain_name(buf_str(&c->a->model), said);
	/* us.anthropic.claude-x-v1:0 answers as claude-x */
	if (strstr(said, asked) || strstr(asked, said))
		return VERDICT_PASS;
	check_expect(out, "%.*s", STR_ARG(check_clip(q->model, NAME_MOST)));
	check_shows(out, 0, 0, buf_str(&c->a->model));
	return check_fail(
		out, "%.*s",
		STR_ARG(check_clip(buf_str(&c->a->model), NAME_MOST)));
}

/* ---- streaming that is none ---- */

enum {
	BURST_EVENTS = 64,
	BURST_RATE = 20000, /* tokens a second that no model writes */
	SINGLE_TOKENS = 48,
	SINGLE_CHARS = 200,
};

/* Characters, and how many texts they are: content, reasoning. */
static size_t text_chars(const struct answer *a, size_t *texts)
{
	size_t n = 0;

	*texts = 0;
	for (size_t i = 0; i < a->n_choices; i++) {
		const struct choice *ch = &a->choices[i];

		*texts += (ch->content.n > 0) + (ch->reasoning.n > 0);
		n += check_characters(buf_str(&ch->content)) +
		     check_characters(buf_str(&ch->reasoning));
	}
	return n;
}

/* Tokens of what could be seen; 0: not known. */
static int64_t seen_tokens(const struct answer *a)
{
	const struct usage *u = &a->usage;

	if (!u->have || u->completion <= 0)
		return 0;
	return u->completion - (u->reasoning > 0 ? u->reasoning : 0);
}

/* Calls come whole from honest vendors too: text alone counts. */
static bool came_at_once(const struct answer *a)
{
	size_t texts, chars = text_chars(a, &texts);

	return texts && a->text_events <= texts &&
	       (chars >= SINGLE_CHARS * texts ||
		(seen_tokens(a) >= SINGLE_TOKENS && texts == 1 &&
		 chars >= SINGLE_TOKENS * 2));
}

static bool came_in_burst(const struct check_case *c, uint64_t *span)
{
	const struct answer *a = c->a;
	uint64_t asked_at =
		c->open->started_mono + c->close->mark[EV_MARK_REQUEST_SENT];
	int64_t tokens = seen_tokens(a);

	*span = a->last_text_at - a->first_text_at;
	if (tokens <= 0)
		tokens = (int64_t)a->text_events;
	return a->text_events >= BURST_EVENTS &&
	       c->close->mark[EV_MARK_REQUEST_SENT] &&
	       c->close->added_ns < 100 * NS_PER_MS &&
	       a->first_text_at >= asked_at + NS_PER_S &&
	       (double)tokens * NS_PER_S > (double)*span * BURST_RATE;
}

enum verdict check_fake_streaming(const struct check_case *c,
				  const struct rule *r,
				  struct check_result *out)
{
	const struct request *q = check_asked(c);
	size_t texts, chars;
	uint64_t span;

	if (!q || !q->stream || !check_served(c) || !c->a->streamed)
		return VERDICT_NONE;
	if (!check_whole(c))
		return VERDICT_UNKNOWN;
	check_expect(out, "text as it is written");
	out->at = c->a->first_text_at;
	check_shows(out, 0, c->a->bytes, STR(""));
	chars = text_chars(c->a, &texts);
	if (came_at_once(c->a))
		return check_fail(out, "%zu characters in %" PRIu64 " events",
				  chars, c->a->text_events);
	if (came_in_burst(c, &span))
		return check_fail(out,
				  "%" PRIu64 " events in %llu us, after "
				  "a wait of more than a second",
				  c->a->text_events, span / NS_PER_US);
	return VERDICT_PASS;
}

/* ---- rate limits, noted ---- */

struct limits_seen {
	char text[200];
	size_t n;
};

static bool holds(struct str text, struct str word)
{
	for (size_t i = 0; i + word.n <= text.n; i++)
		if (strncasecmp(text.p + i, word.p, word.n) == 0)
			return true;
	return false;
}

static bool is_spent(struct str name, struct str value)
{
	return str_eq(value, STR("0")) && holds(name, STR("ratelimit")) &&
	       holds(name, STR("remaining"));
}

static void note_limit(void *arg, struct str name, struct str value)
{
	struct limits_seen *s = arg;
	int n;

	if (!str_ieq(name, STR("retry-after")) && !is_spent(name, value))
		return;
	n = snprintf(s->text + s->n, sizeof s->text - s->n, "%s%.*s: %.*s",
		     s->n ? ", " : "", STR_ARG(check_clip(name, 60)),
		     STR_ARG(check_clip(value, 60)));
	if (n > 0 && s->n + (size_t)n < sizeof s->text)
		s->n += (size_t)n;
	s->text[s->n] = '\0';
}

enum verdict check_rate_limit(const struct check_case *c, const struct rule *r,
			      struct check_result *out)
{
	struct limits_seen s = {0};

	if (!c->answered)
		return VERDICT_NONE;
	check_fields(c->response_head, note_limit, &s);
	if (c->status != 429 && !s.n)
		return VERDICT_NONE;
	out->evidence.side = EVIDENCE_RESPONSE;
	check_expect(out, "room for more requests");
	return check_fail(out, "status %u%s%s", c->status, s.n ? ", " : "",
			  s.text);
}
