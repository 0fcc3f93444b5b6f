/* SPDX-License-Identifier: MIT */
/*
 * bench_storage [--json] [--full] [--dir FOLDER] [WORKLOAD ...]
 *
 * Drives trail.h as the clerk does (groups of 16 exchanges) and prints, for
 * each workload: bytes kept as a share of the wire, MB/s and µs an exchange of
 * the writing thread's CPU, chunks/s, and the CPU time to decode an exchange
 * with nothing cached. Checks that every body comes back exactly.
 */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "storage_load.h"

enum { GROUP = 16, GROUP_BYTES = 8 << 20 };

struct bench {
	char path[PATH_MAX];
	struct trail *trail;
	struct wire_exchange wire;
	struct load *load;
	struct buf sums; /* uint64_t pairs: what bodies must hash to */
	uint64_t exchanges, bytes, chunks, cpu, wall;
	uint64_t kept;
	double decode_p50, decode_max; /* ms */
	bool keep_bodies;
	int64_t conn[EV_SIDES];
};

static void die(const struct fail *f)
{
	exit(fail_print(f));
}

static uint64_t cpu_now(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* FNV over words: only to compare. */
static uint64_t sum(struct str s)
{
	uint64_t h = 1469598103934665603ull, v;

	for (; s.n >= 8; s = str_skip(s, 8)) {
		memcpy(&v, s.p, 8);
		h = (h ^ v) * 1099511628211ull;
		h ^= h >> 29;
	}
	for (; s.n; s = str_skip(s, 1))
		h = (h ^ (unsigned char)s.p[0]) * 1099511628211ull;
	return h;
}

/* ---- writing ---- */

static void open_trail(struct bench *b)
{
	static const char *const suffix[] = {"", "-wal", "-shm", ".lock"};
	struct ev_conn c = {.side = EV_REQUEST,
			    .peer = STR("127.0.0.1:40312"),
			    .http = STR("1.1")};
	struct fail f;
	char name[PATH_MAX + 8];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%s%s", b->path, suffix[i]);
		unlink(name);
	}
	b->trail = trail_record(b->path, &f);
	if (!b->trail)
		die(&f);
	b->conn[0] = trail_put_conn(b->trail, &c);
	c.side = EV_RESPONSE;
	c.route = STR("vendor");
	c.peer = STR("192.0.2.7:443");
	b->conn[1] = trail_put_conn(b->trail, &c);
}

static struct ev_close ending(const struct bench *b)
{
	const struct wire_exchange *w = &b->wire;
	const struct trail_arrival *r = (const void *)w->arrivals[1].p;
	size_t n = w->arrivals[1].n / sizeof *r;
	uint64_t first = r[0].at - w->started, last = r[n - 1].at - w->started;
	struct ev_close c = {.status = 200,
			     .mark = {81123, 90417, 131877, first / 9,
				      first - 120345, first, last,
				      last + 21987},
			     .added_ns = 40000 + w->started % 20000};

	c.bytes[0] = c.bytes[1] = w->body[0].n;
	c.bytes[2] = c.bytes[3] = w->body[1].n;
	c.digest[0] = c.digest[1] = sum(buf_str(&w->body[0]));
	c.digest[2] = c.digest[3] = sum(buf_str(&w->body[1]));
	return c;
}

static void put(struct bench *b)
{
	struct wire_exchange *w = &b->wire;
	struct ev_open open = {.route = STR("vendor"),
			       .started_wall =
				       1763780000ull * NS_PER_S + w->started,
			       .started_mono = w->started};
	struct ev_close close = ending(b);
	struct str piece[2] = {buf_str(&w->body[0]), buf_str(&w->body[1])};
	struct trail_run runs[2];
	struct trail_head heads[2];
	struct trail_exchange x = {.open = &open,
				   .close = &close,
				   .conn_down = b->conn[0],
				   .conn_up = b->conn[1],
				   .heads = heads,
				   .n_heads = 2,
				   .runs = runs,
				   .n_runs = 2};

	for (int i = 0; i < 2; i++) {
		runs[i] = (struct trail_run){
			i,
			&piece[i],
			1,
			(const void *)w->arrivals[i].p,
			w->arrivals[i].n / sizeof(struct trail_arrival),
			0};
		heads[i] = (struct trail_head){
			i, EV_HEAD_MAIN,
			w->started + (i ? close.mark[EV_MARK_FIRST_BYTE]
					: close.mark[EV_MARK_REQUEST_HEAD]),
			buf_str(&w->head[i])};
		b->chunks += runs[i].n_arrivals;
	}
	x.id = trail_next_id(b->trail);
	trail_put(b->trail, &x);
}

/* Records what is in b->wire; a group is committed as the clerk would. */
static void record(struct bench *b)
{
	uint64_t cpu, wall, bytes;
	struct fail f;

	for (int i = 0; i < 2 && b->keep_bodies; i++) {
		uint64_t s = sum(buf_str(&b->wire.body[i]));

		buf_add(&b->sums, &s, sizeof s);
	}
	b->bytes += wire_exchange_bytes(&b->wire);
	b->exchanges++;
	cpu = cpu_now();
	wall = clock_mono();
	put(b);
	if (trail_pending(b->trail, &bytes) >= GROUP || bytes >= GROUP_BYTES)
		if (!trail_commit(b->trail, NULL, 0, &f))
			die(&f);
	b->cpu += cpu_now() - cpu;
	b->wall += clock_mono() - wall;
}

static void close_trail(struct bench *b)
{
	struct stat st;
	uint64_t cpu = cpu_now(), wall = clock_mono();

	trail_close(b->trail);
	b->cpu += cpu_now() - cpu;
	b->wall += clock_mono() - wall;
	if (stat(b->path, &st) == 0)
		b->kept = (uint64_t)st.st_size;
}

/* ---- reading ---- */

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Decodes one exchange with a handle that knows nothing. */
static uint64_t decode_cold(struct bench *b, int64_t id)
{
	struct buf body = {0};
	struct fail f;
	struct trail *t = trail_read(b->path, &f);
	uint64_t start, took, want;

	if (!t)
		die(&f);
	start = cpu_now();
	for (int i = 0; i < 2; i++) {
		body.n = 0;
		if (!trail_body(t, id, i, &body, &f))
			die(&f);
		memcpy(&want,
		       b->sums.p + (2 * (id - 1) + i) * (long)sizeof want,
		       sizeof want);
		if (sum(buf_str(&body)) != want) {
			fprintf(stderr, "exchange %ld differs\n", (long)id);
			exit(1);
		}
	}
	took = cpu_now() - start;
	trail_close(t);
	buf_free(&body);
	return took;
}

static void decode_all(struct bench *b)
{
	uint64_t most = b->exchanges < 400 ? b->exchanges : 400;
	uint64_t *took = mem_alloc(most * sizeof *took);

	for (uint64_t i = 0; i < most; i++)
		took[i] = decode_cold(
			b, 1 + (int64_t)(i * b->exchanges / most) +
				   (int64_t)(b->exchanges / most) - 1);
	qsort(took, most, sizeof *took, by_size);
	b->decode_p50 = (double)took[most / 2] / 1e6;
	b->decode_max = (double)took[most - 1] / 1e6;
	free(took);
}

/* ---- workloads ---- */

static void agent(struct bench *b, unsigned turns, bool obfuscation)
{
	struct dialogue *c = dialogue_new(b->load, obfuscation);

	for (unsigned i = 0; i < turns; i++) {
		dialogue_turn(c, &b->wire);
		record(b);
	}
	dialogue_free(c);
}

static void run_agent(struct bench *b)
{
	agent(b, 60, false);
}

static void run_agent_obf(struct bench *b)
{
	agent(b, 60, true);
}

static void run_agent_250(struct bench *b)
{
	agent(b, 250, false);
}

static void run_singles(struct bench *b)
{
	for (int i = 0; i < 200; i++) {
		load_single(b->load, false, &b->wire);
		record(b);
	}
}

static void run_singles_obf(struct bench *b)
{
	for (int i = 0; i < 200; i++) {
		load_single(b->load, true, &b->wire);
		record(b);
	}
}

static void chats(struct bench *b, unsigned n, unsigned turns, bool mixed)
{
	struct dialogue **c = mem_alloc(n * sizeof *c);

	for (unsigned i = 0; i < n; i++)
		c[i] = dialogue_new(b->load, false);
	for (unsigned k = 0; k < n * turns; k++) {
		dialogue_turn(c[mixed ? k % n : k / turns], &b->wire);
		record(b);
	}
	for (unsigned i = 0; i < n; i++)
		dialogue_free(c[i]);
	free(c);
}

static void run_chats(struct bench *b)
{
	chats(b, 200, 15, false);
}

static void run_chats_mixed(struct bench *b)
{
	chats(b, 200, 15, true);
}

static void run_chats_full(struct bench *b)
{
	chats(b, 200, 60, true);
}

static void run_small(struct bench *b)
{
	for (int i = 0; i < 20000; i++) {
		load_small(b->load, &b->wire);
		record(b);
	}
}

static void run_chunks(struct bench *b)
{
	for (int i = 0; i < 2000; i++) {
		load_stream(b->load, 200, &b->wire);
		record(b);
	}
}

static void run_noise(struct bench *b)
{
	for (int i = 0; i < 2000; i++) {
		load_noise(b->load, 100000, false, &b->wire);
		record(b);
	}
}

static void run_base64(struct bench *b)
{
	for (int i = 0; i < 1000; i++) {
		load_noise(b->load, 100000, true, &b->wire);
		record(b);
	}
}

static void run_resent(struct bench *b)
{
	chats(b, 32, 40, true);
}

static const struct workload {
	const char *name;
	void (*run)(struct bench *b);
	bool full, decode;
	const char *about;
} workloads[] = {
	{"agent", run_agent, false, true, "one session of 60 turns"},
	{"agent-obf", run_agent_obf, false, true, "with obfuscation"},
	{"singles", run_singles, false, true, "200 single streams"},
	{"singles-obf", run_singles_obf, false, true, "with obfuscation"},
	{"agent-250", run_agent_250, false, true, "one session of 250 turns"},
	{"chats", run_chats, false, true, "200 sessions of 15 turns"},
	{"chats-mixed", run_chats_mixed, false, true, "the same, interleaved"},
	{"chats-full", run_chats_full, true, true, "200 x 60, interleaved"},
	{"small", run_small, false, true, "5 KB exchanges"},
	{"chunks", run_chunks, false, true, "250 B chunks, 200 a stream"},
	{"noise", run_noise, false, true, "100 KB random bytes"},
	{"base64", run_base64, false, true, "100 KB random base64"},
	{"resent", run_resent, false, true, "32 sessions interleaved"},
};

static void print(const struct workload *w, const struct bench *b, bool json)
{
	double s = (double)b->cpu / 1e9;

	printf(json ? "{\"workload\":\"%s\",\"exchanges\":%lu,\"mb\":%.1f,"
		      "\"percent\":%.3f,\"mb_s\":%.0f,\"wall_mb_s\":%.0f,"
		      "\"us_exchange\":%.1f,\"mchunks_s\":%.2f,"
		      "\"decode_p50_ms\":%.2f,\"decode_max_ms\":%.2f}\n"
		    : "%-12s %9lu %9.1f %8.3f %8.0f %9.0f %8.1f %9.2f %7.2f "
		      "%7.2f\n",
	       w->name, b->exchanges, (double)b->bytes / 1e6,
	       100.0 * (double)b->kept / (double)b->bytes,
	       (double)b->bytes / 1e6 / s,
	       (double)b->bytes / 1e6 / ((double)b->wall / 1e9),
	       s * 1e6 / (double)b->exchanges, (double)b->chunks / 1e6 / s,
	       b->decode_p50, b->decode_max);
	fflush(stdout);
}

static void run(const struct workload *w, const char *folder, bool json)
{
	struct bench b = {.load = load_new(20251122), .keep_bodies = true};

	snprintf(b.path, sizeof b.path, "%s/bench-storage.db", folder);
	open_trail(&b);
	w->run(&b);
	close_trail(&b);
	if (w->decode)
		decode_all(&b);
	print(w, &b, json);
	wire_exchange_free(&b.wire);
	buf_free(&b.sums);
	load_free(b.load);
}

static bool wanted(const struct workload *w, char **names, bool full)
{
	if (!*names)
		return full || !w->full;
	for (; *names; names++)
		if (strcmp(*names, w->name) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	bool json = false, full = false;
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--full") == 0)
			full = true;
		else if (strcmp(argv[i], "--dir") == 0 && i + 1 < argc)
			folder = argv[++i];
	}
	if (!json)
		printf("%-12s %9s %9s %8s %8s %9s %8s %9s %7s %7s\n",
		       "workload", "exchanges", "MB", "% kept", "MB/s",
		       "MB/s wall", "us/ex", "Mchunk/s", "p50 ms", "max ms");
	for (size_t k = 0; k < sizeof workloads / sizeof *workloads; k++)
		if (wanted(&workloads[k], argv + i, full))
			run(&workloads[k], folder, json);
	return 0;
}
