/* SPDX-License-Identifier: MIT */
/*
 * Probes: requests that show whether a vendor keeps a pack's rules, as data.
 * Whoever runs them needs nothing but this header, chat.h and the judge.
 *
 *	n = pack_probes(pack, &probes);
 *	for each that probe_is_for(probe, host, model), for i in
 *			0 .. probe_requests(probe) - 1:
 *		probe_request(probe, i, model, &body);	    POST it
 *		probe_frames(decoded body of the answer, &frames);
 *		answer_to_json(chat_answer(c), &answer);
 *	probes_free(probes, n);
 *
 * As written, in a rule's "probe":
 *
 *	{"id":"P/temperature-1.1",	GROUP/NAME, unique in its pack; P D R E
 *					T S K W are Kimi's verifier's groups, B
 *					is passback, C Kimi's own API
 *	 "mode":"each",			any (default: the mode is not asked
 *					for), thinking, instant, or each: once
 *					in every mode that the pack can ask for
 *					(probes of a mode that the pack has no
 *					"set" for are left out)
 *	 "stream":"both",		true, false, both (default)
 *	 "patch":{"temperature":1.1},	what is asked: see below
 *	 "fill":2200000,		so many bytes of words take the place
 *					of the messages
 *	 "expect":"refuse",		refuse: a 4xx with an error body;
 *					serve: a 2xx without an error. 429, 5xx
 *					and a cut answer are no verdict
 *	 "answer":{JSON Schema},	of answer_to_json(); with serve
 *	 "frames":{JSON Schema},	of probe_frames(); streamed alone
 *	 "silent":["wire/ *"],		rules (globs over ids, without the
 *					blank) that must have no finding of
 *					severity error about the exchange
 *	 "compare":{"figure":"prompt_tokens",
 *		    "patches":[{...},{...}],
 *		    "must":"rise"}}	several requests, whose figures must
 *					rise from each to the next (or be the
 *					same)
 *
 * A request is {"model":MODEL}, changed by RFC 7396 merge patches in this
 * order: the pack's "base" (or one short question), the "set" of the mode,
 * {"stream":true,"stream_options":{"include_usage":true}} if it is streamed,
 * "patch", the comparison's patch.
 */
#ifndef PACK_PROBE_H
#define PACK_PROBE_H

#include "rules/pack/pack.h"

/* Figures of answer_to_json(): usage's, or the characters of a text. */
#define PROBE_FIGURES(X)                                                       \
	X(NONE, "")                                                            \
	X(PROMPT_TOKENS, "prompt_tokens")                                      \
	X(COMPLETION_TOKENS, "completion_tokens")                              \
	X(CONTENT_LENGTH, "content_length")                                    \
	X(REASONING_LENGTH, "reasoning_length")
#define PROBE_FIGURE_ENUM_(name, text) PROBE_FIGURE_##name,
enum probe_figure { PROBE_FIGURES(PROBE_FIGURE_ENUM_) PROBE_FIGURES_N };

/* One thing to ask: of "each" and "both" there are several. Texts and nodes
 * are the pack's, which must outlive it. */
struct probe {
	const struct rule *rule;
	struct str id, group; /* "P/temperature-1.1", "P" */
	enum mode mode;	      /* ANY: not asked for */
	bool stream;
	bool refuse;			/* expected; else serve */
	struct schema *answer, *frames; /* or NULL; owned */
	const struct json *silent;	/* list of globs, or NULL */
	enum probe_figure figure;	/* NONE: nothing is compared */
	bool same;			/* must be the same; else rise */
	const struct json *patches;	/* of the comparison, or NULL */
	const struct json *set, *patch; /* or NULL */
	size_t fill;			/* bytes, or 0 */
};

/* All of a pack, in order; caller frees. */
size_t pack_probes(const struct pack *p, struct probe **out);
void probes_free(struct probe *v, size_t n);

/* A rule that names hosts or models is probed at them alone. */
bool probe_is_for(const struct probe *p, struct str host, struct str model);

/* Appends what tells a probe from every other of its pack: "P/no-parameters,
 * thinking, streamed". */
void probe_name(const struct probe *p, struct buf *to);

/* How many requests it takes: more than one where it compares. */
size_t probe_requests(const struct probe *p);

/* Appends the body of request i. */
void probe_request(const struct probe *p, size_t i, struct str model,
		   struct buf *to);

/*
 * The shape of a stream of chat completions, decoded, as a JSON object:
 * {"events":N, "comments":N, "content":N, "reasoning":N, "calls":N (events
 * that carry them), "finishes":N, "usages":N (events with usage, null aside),
 * "most_choices":N (in one event), "usage_place":"choice"|"top"|"frame"|null
 * (the first), "done":bool}
 */
void probe_frames(struct str body, struct buf *to);

/* Appends a target changed by an RFC 7396 merge patch. */
void merge_patch(struct buf *to, const struct json *target,
		 const struct json *patch);

#endif
