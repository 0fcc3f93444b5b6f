/* SPDX-License-Identifier: MIT */
/*
 * bench_judge [--json] [WORKLOAD ...]
 *
 * What judging costs, by the thread's CPU time: the judge is driven as the
 * clerk drives it, with the built-in packs.
 *
 *	chunks	    streams of 250-byte events, one event a call: ns a chunk
 *	offline	    the same, a whole body a call: MB/s
 *	singles	    a question and a streamed answer: us an exchange
 *	agents	    20 conversations of 40 turns, interleaved: us for each KB
 *		    of a request that was not in an earlier one
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rules/judge/judge.h"
#include "storage_load.h"

enum {
	STREAMS = 60,
	STREAM_EVENTS = 2000,
	SINGLES = 3000,
	TALKS = 20,
	TURNS = 40
};

struct bench {
	struct packs *packs;
	struct judge *judge;
	struct load *load;
	struct wire_exchange wire;
	int64_t id;
	uint64_t findings[SEVERITIES_N];
	/* CPU ns of the parts of an exchange, and what they handled */
	uint64_t request, response, close;
	uint64_t exchanges, chunks, request_bytes, response_bytes, unseen;
	bool whole; /* a body is one call */
};

static uint64_t cpu_now(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void on_finding(void *arg, const struct finding *f)
{
	struct bench *b = arg;

	if (b->findings[f->severity]++ == 0 && f->severity != SEVERITY_INFO)
		fprintf(stderr, "%.*s: %.*s\n", STR_ARG(f->rule),
			STR_ARG(f->observed));
}

static const struct judge_events events = {.finding = on_finding};

static void feed(struct bench *b, enum ev_side side)
{
	const struct wire_exchange *w = &b->wire;
	const struct trail_arrival *a = (const void *)w->arrivals[side].p;
	size_t n = w->arrivals[side].n / sizeof *a;
	struct str rest = buf_str(&w->body[side]);

	for (size_t i = 0; i < n && rest.n; i++) {
		struct str piece = rest;

		if (!b->whole && i + 1 < n && a[i].n < rest.n)
			piece.n = a[i].n;
		judge_data(b->judge, b->id, side, piece, a[i].at);
		rest = str_skip(rest, piece.n);
	}
}

static void judge_wire(struct bench *b)
{
	struct wire_exchange *w = &b->wire;
	struct ev_open open = {.route = STR("default"),
			       .started_wall = w->started,
			       .started_mono = w->started};
	struct ev_close close = {.outcome = EV_COMPLETE, .status = 200};
	uint64_t t[4];

	close.mark[EV_MARK_RESPONSE_END] = close.mark[EV_MARK_DONE] = NS_PER_S;
	b->id++;
	t[0] = cpu_now();
	judge_open(b->judge, b->id, &open);
	judge_head(b->judge, b->id, EV_REQUEST, EV_HEAD_MAIN,
		   buf_str(&w->head[EV_REQUEST]), w->started);
	feed(b, EV_REQUEST);
	judge_head(b->judge, b->id, EV_RESPONSE, EV_HEAD_MAIN,
		   buf_str(&w->head[EV_RESPONSE]), w->started);
	t[1] = cpu_now();
	feed(b, EV_RESPONSE);
	t[2] = cpu_now();
	judge_close(b->judge, b->id, &close, 0);
	t[3] = cpu_now();
	b->request += t[1] - t[0];
	b->response += t[2] - t[1];
	b->close += t[3] - t[2];
	b->exchanges++;
	b->chunks += w->arrivals[EV_RESPONSE].n / sizeof(struct trail_arrival);
	b->request_bytes += w->body[EV_REQUEST].n;
	b->response_bytes += w->body[EV_RESPONSE].n;
}

/* ---- workloads ---- */

static void run_streams(struct bench *b)
{
	for (int i = 0; i < STREAMS; i++) {
		load_stream(b->load, STREAM_EVENTS, &b->wire);
		judge_wire(b);
	}
}

static void run_offline(struct bench *b)
{
	b->whole = true;
	run_streams(b);
}

static void run_singles(struct bench *b)
{
	for (int i = 0; i < SINGLES; i++) {
		load_single(b->load, false, &b->wire);
		judge_wire(b);
	}
}

static void run_agents(struct bench *b)
{
	struct dialogue *d[TALKS];
	size_t before[TALKS] = {0};

	for (int i = 0; i < TALKS; i++)
		d[i] = dialogue_new(b->load, false);
	for (int k = 0; k < TALKS * TURNS; k++) {
		size_t n;

		dialogue_turn(d[k % TALKS], &b->wire);
		n = b->wire.body[EV_REQUEST].n;
		b->unseen += n - before[k % TALKS];
		before[k % TALKS] = n;
		judge_wire(b);
	}
	for (int i = 0; i < TALKS; i++)
		dialogue_free(d[i]);
}

static const struct workload {
	const char *name;
	void (*run)(struct bench *b);
} workloads[] = {{"chunks", run_streams},
		 {"offline", run_offline},
		 {"singles", run_singles},
		 {"agents", run_agents}};
enum { WORKLOADS = sizeof workloads / sizeof *workloads };

/* ---- figures ---- */

static double over(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

static void print(const struct bench *b, const char *name, bool json)
{
	uint64_t all = b->request + b->response + b->close;
	double mbs = over((b->request_bytes + b->response_bytes) * 1000, all);

	printf(json ? "{\"workload\":\"%s\",\"ns_chunk\":%.1f,\"mb_s\":%.0f,"
		      "\"us_exchange\":%.2f,\"us_close\":%.2f,"
		      "\"us_request\":%.2f,\"us_unseen_kb\":%.2f,"
		      "\"warnings\":%llu,\"errors\":%llu}\n"
		    : "%-8s  %7.1f ns a chunk  %6.0f MB/s  %8.2f us an "
		      "exchange (close %.2f, request %.2f, %.2f us an unseen "
		      "KB), %llu warnings, %llu errors\n",
	       name, over(b->response, b->chunks), mbs,
	       over(all, b->exchanges) / 1000,
	       over(b->close, b->exchanges) / 1000,
	       over(b->request, b->exchanges) / 1000,
	       over(b->request * 1024, b->unseen) / 1000,
	       (unsigned long long)b->findings[SEVERITY_WARNING],
	       (unsigned long long)b->findings[SEVERITY_ERROR]);
}

static void run(const struct workload *w, bool json)
{
	struct bench b = {.packs = packs_new(), .load = load_new(1)};
	struct judge_options o = {.events = &events, .arg = &b};

	packs_add_builtin(b.packs);
	o.packs = b.packs;
	b.judge = judge_new(&o);
	w->run(&b);
	print(&b, w->name, json);
	judge_free(b.judge);
	packs_unref(b.packs);
	load_free(b.load);
	wire_exchange_free(&b.wire);
}

int main(int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	int first = 1 + json;

	for (int i = 0; i < WORKLOADS; i++) {
		bool chosen = first >= argc;

		for (int k = first; k < argc; k++)
			chosen |= strcmp(argv[k], workloads[i].name) == 0;
		if (chosen)
			run(&workloads[i], json);
	}
	return 0;
}
