/* SPDX-License-Identifier: MIT */
/*
 * Checks: the assertions that a rule can name. Each is a function of one
 * closed (or, of scope frames, still running) exchange and of what the judge
 * remembers; none changes anything.
 *
 * To be added: a row in CHECKS, a function check_NAME() in the file of its
 * family, a mutant in the practice vendor, a rule in a pack.
 */
#ifndef JUDGE_CHECK_H
#define JUDGE_CHECK_H

#include "record/evidence.h"
#include "rules/judge/finding.h"
#include "rules/meaning/request.h"
#include "rules/pack/pack.h"

struct passback;
struct meter;
struct clients;
struct identity;
struct schemas;

/* What is known of an exchange. Borrowed. */
struct check_case {
	int64_t id;
	const struct ev_open *open;
	const struct ev_close *close; /* NULL: still running */
	uint64_t started_wall;
	/* heads, as recorded; empty: none */
	struct str request_head, response_head;
	unsigned status;
	bool answered; /* the vendor's own answer began (not assay's) */
	uint64_t gap_bytes[EV_SIDES];
	struct request *q;	/* NULL: the body is not whole yet */
	const struct answer *a; /* NULL: no answer began */
	enum dialect dialect;
	enum mode mode;
	const struct ruleset *rules; /* that it is held to */
	const struct pack *pack;     /* the model's, or NULL */
	struct str route;
	uint64_t client; /* who asked: see clients_who(); 0: still running */
	const struct ev_conn *conn_up; /* NULL: unknown */
	int64_t conn_up_id;
	/* arrivals of the response body */
	uint64_t arrivals, first_data, last_data; /* clock_mono */
	/* the judge's memory, before this exchange */
	const struct passback *passback;
	const struct meter *meter;
	const struct clients *clients;
	const struct identity *identity;
	struct schemas *schemas; /* strangers' schemas, compiled; see there */
};

/* Was the request refused (a 4xx about the request itself, with an error
 * body), served (2xx without an error), or is there no verdict (429, 401, 403,
 * 404, 408, 409, 5xx, no answer, cut)? */
enum reception { RECEPTION_NONE, RECEPTION_SERVED, RECEPTION_REFUSED };
enum reception check_reception(const struct check_case *c);
/* Can an answer of this status be a verdict: a 2xx, or a 4xx that is about
 * what was asked, not about who asks, how often or where? */
bool check_status_decides(unsigned status);

/* Filled in by a check; starts zeroed. */
struct check_result {
	struct buf observed, expected; /* phrases; for FAIL */
	struct evidence evidence;      /* excerpt may point into `observed` or
					  anything of the case */
	struct buf excerpt;	       /* or is kept here */
	int64_t other;		       /* the exchange compared with */
	int64_t subject; /* the exchange found about, when not this one */
	int party;	 /* enum party + 1; 0: the rule's */
	int severity;	 /* enum severity + 1; 0: the rule's */
	uint64_t at;	 /* recorded clock of the bytes; 0: the end */
};

/* X(name, where, "arguments", "about") */
#define CHECKS(X)                                                              \
	X(quirk, answer, "quirk",                                              \
	  "the parser noticed it (see quirk.h); quirks of absence need the "   \
	  "whole answer")                                                      \
	X(ending, answer, "how: truncated, reset, close_notify, length",       \
	  "the HTTP message or its connection ended too early, by the vendor") \
	X(finish_stop_with_calls, answer, "",                                  \
	  "finish stop (end_turn) beside tool calls; a named tool_choice is "  \
	  "exempt")                                                            \
	X(finish_length_masked, answer, "",                                    \
	  "finish tool_calls although the limit cut the arguments")            \
	X(arguments_not_json, tools, "",                                       \
	  "a tool call's arguments are not JSON")                              \
	X(arguments_schema, tools, "",                                         \
	  "arguments do not satisfy the tool's schema")                        \
	X(tool_unknown, tools, "", "a call of a tool that was not declared")   \
	X(call_although_none, tools, "",                                       \
	  "a tool call although tool_choice is none")                          \
	X(call_missing, tools, "",                                             \
	  "no call, or another tool's, although tool_choice requires one")     \
	X(tool_id_reused, tools, "",                                           \
	  "a tool call id that the conversation has already")                  \
	X(response_format, tools, "",                                          \
	  "content is not what response_format asks for")                      \
	X(markers, prose,                                                      \
	  "markers: [text], in: [content, reasoning, arguments]",              \
	  "text that must never be in output; exempt: what the request "       \
	  "contains, fenced code")                                             \
	X(script, prose, "from, to: hex code points",                          \
	  "characters of a script that the request has none of")               \
	X(repetition_loop, prose, "",                                          \
	  "the same words over and over, to the end")                          \
	X(language_drift, prose, "",                                           \
	  "an answer in a script that nothing in the request has or asks for") \
	X(ngram, prose, "n, most", "a run of n words more than so often")      \
	X(answer_in_reasoning, answer, "",                                     \
	  "finish stop, no content and no call, but reasoning: the answer "    \
	  "was misplaced")                                                     \
	X(reasoning_missing, answer, "",                                       \
	  "no reasoning although the mode has it on")                          \
	X(reasoning_unasked, answer, "",                                       \
	  "reasoning although the mode has it off")                            \
	X(reasoning_name, answer, "name",                                      \
	  "reasoning under another name than the contract's")                  \
	X(content_empty, answer, "",                                           \
	  "finish stop with neither content, call, refusal nor reasoning")     \
	X(usage_zero, usage, "",                                               \
	  "token counts of zero although there is text")                       \
	X(usage_total, usage, "", "total is not prompt + completion")          \
	X(usage_cached, usage, "",                                             \
	  "more cached than prompt tokens, or more reasoning than completion " \
	  "tokens")                                                            \
	X(usage_length, usage, "",                                             \
	  "completion tokens that the text cannot have, or far off the "       \
	  "model's own range")                                                 \
	X(usage_prompt, usage, "",                                             \
	  "prompt tokens that differ for equal bodies, or that the request "   \
	  "cannot have")                                                       \
	X(usage_headers, usage, "", "usage headers that differ from usage")    \
	X(usage_place, usage, "place: choice, top, frame",                     \
	  "usage in another place of the stream")                              \
	X(max_tokens_exceeded, usage, "",                                      \
	  "more completion tokens than max_tokens")                            \
	X(stop_included, answer, "", "the text ends with a stop sequence")     \
	X(stop_ignored, answer, "", "the text goes on behind a stop sequence") \
	X(n_ignored, answer, "", "not as many choices as n asks for")          \
	X(model_differs, answer, "",                                           \
	  "the answer names another model than was asked for")                 \
	X(overridden, answer, "param",                                         \
	  "the answer echoes another value than was asked for")                \
	X(partial_prefix, answer, "",                                          \
	  "partial mode: the answer repeats the prefix")                       \
	X(fake_streaming, answer, "",                                          \
	  "the whole answer in one event or one burst although stream:true")   \
	X(refused_proper, policy, "",                                          \
	  "an error names a parameter that the contract allows as it was")     \
	X(rate_limit, answer, "",                                              \
	  "429, Retry-After and rate limit headers, noted")                    \
	X(mfjs, tools, "", "a tool's or format's schema is not MFJS")          \
	X(tool_name_twice, tools, "", "two tools of a request of one name")    \
	X(passback, passback, "messages: tool_calls, all, turn, latest",       \
	  "reasoning of earlier answers does not come back as it was said")    \
	X(passback_charged, passback, "",                                      \
	  "the prompt's tokens have no room for the reasoning that was sent "  \
	  "back")                                                              \
	X(client_retry, clients, "", "a request sent again")                   \
	X(client_truncation, clients, "",                                      \
	  "a truncated answer that was not asked for again")                   \
	X(client_usage, clients, "", "usage that the client cannot have read") \
	X(identity, identity,                                                  \
	  "what: certificate, address, server, settings, fingerprint",         \
	  "the upstream is not what it was")                                   \
	X(rate, campaign,                                                      \
	  "of: success, finish_tool, not_only_reasoning; least: percent; "     \
	  "after: n",                                                          \
	  "a share of exchanges over the whole campaign")

typedef enum verdict check_fn(const struct check_case *c, const struct rule *r,
			      struct check_result *out);
#define CHECK_DECLARE_(name, family, args, about) check_fn check_##name;
CHECKS(CHECK_DECLARE_)

struct check {
	const char *name, *args, *about;
	check_fn *run;
};
/* NULL: there is none of that name. */
const struct check *check_named(struct str name);
/* The same of a check that looks at nothing but the request: what a vendor
 * can refuse, and a gate can ask. */
const struct check *check_of_request(struct str name);
extern const struct check check_rows[];
extern const unsigned check_rows_n;

/* The answer was seen to its end, and the vendor spoke it: absence counts. */
static inline bool check_whole(const struct check_case *c)
{
	return c->a && c->a->whole && c->close &&
	       c->close->outcome == EV_COMPLETE;
}

#endif
