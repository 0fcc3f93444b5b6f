/* SPDX-License-Identifier: MIT */
/*
 * What recording costs: the worker's side a record, the search for a secret
 * a chunk, the clerk's side a record without and with the trail.
 *
 *	bench_spool [SECONDS]
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "record/clerk.h"
#include "record/recorder.h"
#include "record/redact.h"
#include "record/spool.h"
#include "record/trail.h"

#define CHUNK 250
#define KEY   "sk-proj-4f9Xq2LmZ8vB1nKc7RtYw3PdHs6JgAe5Uo0IiTzQxMbN"

static const char head_text[] =
	"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8787\r\n"
	"Accept: application/json\r\nContent-Type: application/json\r\n"
	"User-Agent: OpenAI/Python 1.2.3\r\nX-Stainless-Lang: python\r\n"
	"Authorization: Bearer " KEY "\r\nContent-Length: 1400\r\n\r\n";
static const char answer_text[] =
	"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
	"date: Sun, 22 Nov 2026 03:00:00 GMT\r\nserver: practice\r\n"
	"transfer-encoding: chunked\r\n\r\n";

struct house {
	char dir[64], trail[96];
	struct redact_rules *rules;
	struct spool *spool;
	struct recorder *recorder;
};

static double cpu_s(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void must(bool good, const struct fail *f)
{
	if (!good) {
		fail_print(f);
		exit(2);
	}
}

static void house_build(struct house *h)
{
	struct fail f;
	struct spool_options o = {.workers = 1};

	snprintf(h->dir, sizeof h->dir, "/tmp/bench-spool-XXXXXX");
	if (!mkdtemp(h->dir))
		exit(2);
	setenv("XDG_DATA_HOME", h->dir, 1);
	snprintf(h->trail, sizeof h->trail, "%s/bench.db", h->dir);
	h->rules = redact_rules_new(NULL, 0, &f);
	must(h->rules, &f);
	o.trail = h->trail;
	h->spool = spool_open(&o, &f);
	must(h->spool, &f);
	h->recorder = recorder_new(h->spool, h->rules, 0);
}

static void house_clear(struct house *h)
{
	char command[128];

	recorder_free(h->recorder);
	spool_free(h->spool);
	redact_rules_free(h->rules);
	snprintf(command, sizeof command, "rm -rf '%s'", h->dir);
	if (system(command) != 0)
		exit(2);
}

/* A chunk as vendors send them, never twice the same. */
static size_t make_chunk(char out[512], uint64_t i)
{
	static const char *const words[] = {"the",   " quick", " brown",
					    " fox",  " jumps", " over",
					    " lazy", " dog"};

	return (size_t)snprintf(
		out, 512,
		"data: {\"id\":\"chatcmpl-%08" PRIx64
		"\",\"object\":\"chat.completion.chunk\",\"created\":17000000"
		"00,\"model\":\"practice-1\",\"choices\":[{\"index\":0,\"delta"
		"\":{\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":"
		"null}],\"system_fingerprint\":\"fp_1234567\"}\n\n",
		i / 200, words[i * 2654435761u >> 8 & 7]);
}

static struct rec *begin(struct recorder *r, const char *body, size_t n)
{
	struct ev_open o = {.route = STR("default"),
			    .run = STR(""),
			    .started_wall = clock_wall(),
			    .started_mono = clock_mono()};
	struct rec *x = rec_open(r, &o);

	rec_head(x, EV_REQUEST, EV_HEAD_MAIN, str_of(head_text),
		 o.started_mono);
	rec_data(x, EV_REQUEST, body, n, o.started_mono);
	rec_head(x, EV_RESPONSE, EV_HEAD_MAIN, str_of(answer_text),
		 clock_mono());
	return x;
}

static void release_all(struct spool *s)
{
	struct spool_reader rd;

	spool_reader_init(&rd, s);
	spool_release(s, rd.head);
}

#define BATCHES 41
#define BATCH	100000

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* ns of each batch's average turn: best and median, on a busy machine. */
static void print_ns(const char *what, double *ns, unsigned each)
{
	qsort(ns, BATCHES, sizeof *ns, ascending);
	printf("%-50s %6.1f ns (median %.1f)\n", what, ns[0] / each,
	       ns[BATCHES / 2] / each);
}

/* The worker's side: two clock reads, the search, the copy, the checksum. */
static void bench_worker(struct house *h, bool secret)
{
	struct ev_close end = {.status = 200};
	uint64_t worst = 0, before, at, took;
	double ns[BATCHES];
	char chunk[512];
	struct rec *x;

	release_all(h->spool);
	make_chunk(chunk, 7);
	if (secret)
		x = begin(h->recorder, chunk, CHUNK);
	else
		x = rec_open(h->recorder, &(struct ev_open){.started_mono = 1});
	for (int b = 0; b < BATCHES; b++) {
		before = clock_mono();
		for (int i = 0; i < BATCH; i++) {
			at = clock_mono();
			rec_data(x, EV_RESPONSE, chunk, CHUNK, at);
			took = clock_mono() - at;
			if (took > worst)
				worst = took;
		}
		ns[b] = (double)(clock_mono() - before);
		release_all(h->spool);
	}
	print_ns(secret ? "a 250 B chunk searched and recorded, two clocks"
			: "a 250 B chunk recorded, two clocks",
		 ns, BATCH);
	printf("%-50s %6.3f ms\n", "  its worst", (double)worst / 1e6);
	rec_close(x, &end);
	release_all(h->spool);
}

static void bench_search(struct house *h)
{
	struct redact_cache *cache = redact_cache_new(h->rules);
	struct redact_set *set = redact_learn(cache, str_of(head_text));
	struct redact_carry carry = {0};
	double ns[BATCHES];
	char chunks[16][512];
	struct buf out = {0};
	uint64_t before, dirty = 0;

	for (uint64_t i = 0; i < 16; i++)
		make_chunk(chunks[i], i * 31);
	for (int b = 0; b < BATCHES; b++) {
		before = clock_mono();
		for (int i = 0; i < BATCH; i++)
			dirty += !redact_clean(
				set, &carry,
				(struct str){chunks[i & 15], CHUNK});
		ns[b] = (double)(clock_mono() - before);
	}
	print_ns("a 250 B chunk searched for a 52 B key", ns, BATCH);
	for (int b = 0; b < BATCHES; b++) {
		before = clock_mono();
		for (int i = 0; i < BATCH / 10; i++) {
			out.n = 0;
			redact_unref(redact_learn(cache, str_of(head_text)));
			redact_head(h->rules, set, str_of(head_text), &out);
		}
		ns[b] = (double)(clock_mono() - before);
	}
	print_ns("a request head learnt from and masked", ns, BATCH / 10);
	if (dirty)
		printf("  %.1f %% of the chunks need a closer look\n",
		       (double)dirty * 100 / BATCHES / BATCH);
	buf_free(&out);
	redact_unref(set);
	redact_cache_free(cache);
}

struct load {
	struct house *house;
	uint64_t exchanges, chunks; /* how many; of each */
	_Atomic double cpu;
};

static void *load_run(void *arg)
{
	struct load *l = arg;
	struct recorder *r = l->house->recorder;
	struct ev_close end = {.status = 200};
	char chunk[512], body[1400];
	uint64_t count = 0;

	memset(body, 'x', sizeof body);
	for (uint64_t i = 0; i < l->exchanges; i++) {
		struct rec *x;
		while (recorder_low(r))
			usleep(200);
		x = begin(r, body,
			  (size_t)snprintf(body, sizeof body,
					   "{\"n\":%" PRIu64 "}", i) +
				  1300);
		for (uint64_t k = 0; k < l->chunks; k++) {
			size_t n = make_chunk(chunk, count++);
			rec_data(x, EV_RESPONSE, chunk, n, clock_mono());
		}
		rec_close(x, &end);
	}
	l->cpu = cpu_s(RUSAGE_THREAD);
	return NULL;
}

/* Everything: a worker that records, the clerk that stores. */
static void bench_clerk(uint64_t exchanges, uint64_t chunks)
{
	struct load load = {.exchanges = exchanges, .chunks = chunks};
	struct clerk_figures figures;
	struct house h;
	struct clerk_options o = {.spools = &h.spool, .n_spools = 1};
	double cpu = cpu_s(RUSAGE_SELF), s;
	struct clerk *clerk;
	uint64_t before;
	pthread_t thread;
	struct fail f;

	house_build(&h);
	load.house = &h;
	o.trail = trail_record(h.trail, &f);
	must(o.trail, &f);
	clerk = clerk_start(&o, &f);
	must(clerk, &f);
	before = clock_mono();
	pthread_create(&thread, NULL, load_run, &load);
	pthread_join(thread, NULL);
	clerk_sync(clerk);
	s = (double)(clock_mono() - before) / 1e9;
	clerk_figures(clerk, &figures);
	clerk_stop(clerk);
	trail_close(o.trail);
	cpu = cpu_s(RUSAGE_SELF) - cpu - load.cpu;
	printf("%" PRIu64 " exchanges of %" PRIu64 " chunks: %.0f exchanges/s, "
	       "%.2f M chunks/s, clerk %.1f us CPU an exchange, %.0f ns a "
	       "chunk; %.1f MB on disk, lag at most %.0f ms, %" PRIu64
	       " gaps, %" PRIu64 " commits\n",
	       exchanges, chunks, (double)exchanges / s,
	       (double)(exchanges * chunks) / s / 1e6,
	       cpu / (double)exchanges * 1e6,
	       cpu / (double)(exchanges * chunks) * 1e9,
	       (double)figures.disk_bytes / 1e6,
	       (double)figures.lag_max_ns / 1e6, figures.gaps, figures.commits);
	house_clear(&h);
}

int main(int argc, char **argv)
{
	struct house h;
	uint64_t scale = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;

	house_build(&h);
	bench_search(&h);
	bench_worker(&h, false);
	bench_worker(&h, true);
	house_clear(&h);
	bench_clerk(20000 * scale, 14);
	bench_clerk(4000 * scale, 200);
	return 0;
}
