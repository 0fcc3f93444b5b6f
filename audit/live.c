/* SPDX-License-Identifier: MIT */
#include "live.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "print/human.h"
#include "rules/command/tally.h"
#include "rules/judge/index.h"

/* Lines of findings: so many at once, and one more each interval. */
enum { LINES_MOST = 10 };
#define LINE_NS (NS_PER_S / 2)

#define LIVE_MAGIC 0x4c495645u

struct live {
	unsigned magic;
	pthread_mutex_t lock; /* around the judge */
	struct index *index;
	struct clerk_tap tap;
	/* lines: tokens of a bucket */
	unsigned lines;
	uint64_t lines_at, unsaid;
	uint64_t begun; /* catching up */
	bool told;
};

/* ---- a line a finding ---- */

static bool may_say(struct live *l)
{
	uint64_t now = clock_mono(), n = (now - l->lines_at) / LINE_NS;

	if (n) {
		l->lines = n >= LINES_MOST - l->lines ? LINES_MOST
						      : l->lines + (unsigned)n;
		l->lines_at = now;
	}
	if (l->lines == 0)
		return false;
	l->lines--;
	return true;
}

static void on_finding(void *arg, const struct finding *f)
{
	struct live *l = arg;

	if (f->severity == SEVERITY_INFO)
		return;
	if (!may_say(l)) {
		l->unsaid++;
		return;
	}
	if (l->unsaid)
		log_warn("audit", "%llu more findings were not shown here",
			 (unsigned long long)l->unsaid);
	l->unsaid = 0;
	log_warn("audit", "%s, %s: %.*s in exchange %lld: %.*s%s%.*s",
		 severity_name(f->severity), party_name(f->party),
		 STR_ARG(f->rule), (long long)f->exchange, STR_ARG(f->observed),
		 f->expected.n ? "; expected " : "", STR_ARG(f->expected));
}

static const struct judge_events events = {.finding = on_finding};

/* ---- the tap ---- */

static struct judge *take(struct live *l)
{
	assert(l->magic == LIVE_MAGIC);
	pthread_mutex_lock(&l->lock);
	return index_judge(l->index);
}

static void give(struct live *l)
{
	pthread_mutex_unlock(&l->lock);
}

static void tap_conn(void *arg, int64_t conn, const struct ev_conn *c)
{
	judge_conn(take(arg), conn, c);
	give(arg);
}

/* Worker's keys mean nothing offline. */
static void tap_open(void *arg, int64_t id, const struct ev_open *o)
{
	struct ev_open open = *o;

	open.conn_down = 0;
	judge_open(take(arg), id, &open);
	give(arg);
}

static void tap_head(void *arg, int64_t id, enum ev_side side,
		     enum ev_head kind, struct str raw, uint64_t at)
{
	judge_head(take(arg), id, side, kind, raw, at);
	give(arg);
}

static void tap_data(void *arg, int64_t id, enum ev_side side, struct str bytes,
		     uint64_t at)
{
	judge_data(take(arg), id, side, bytes, at);
	give(arg);
}

static void tap_gap(void *arg, int64_t id, enum ev_side side, uint64_t bytes)
{
	judge_gap(take(arg), id, side, bytes);
	give(arg);
}

static void tap_close(void *arg, int64_t id, const struct ev_close *c,
		      int64_t conn_up)
{
	struct ev_close close = *c;

	close.conn_up = 0;
	judge_close(take(arg), id, &close, conn_up);
	give(arg);
}

const struct clerk_tap *live_tap(struct live *l)
{
	l->tap = (struct clerk_tap){.conn = tap_conn,
				    .open = tap_open,
				    .head = tap_head,
				    .data = tap_data,
				    .gap = tap_gap,
				    .close = tap_close,
				    .arg = l};
	return &l->tap;
}

/* ---- life ---- */

static void on_progress(void *arg, uint64_t done, uint64_t all)
{
	struct live *l = arg;
	uint64_t spent = clock_mono() - l->begun;
	char a[HUMAN_SIZE], b[HUMAN_SIZE], left[HUMAN_SIZE];

	if (!isatty(STDERR_FILENO) || spent < NS_PER_S)
		return;
	l->told = true;
	fprintf(stderr,
		"\rassay: judging what is recorded already: %s of %s "
		"exchanges, %s left \033[K",
		human_count(done, a), human_count(all, b),
		human_duration(done ? spent / done * (all - done) : 0, left));
}

struct live *live_new(struct trail *t, const char *path, struct packs *p,
		      struct fail *f)
{
	struct live *l = MEM_NEW(struct live);

	l->magic = LIVE_MAGIC;
	pthread_mutex_init(&l->lock, NULL);
	l->begun = l->lines_at = clock_mono();
	l->lines = LINES_MOST;
	l->index = index_new(t, path, p, &events, l, f);
	if (l->index && index_catch_up(l->index, on_progress, l, f)) {
		if (l->told)
			fprintf(stderr, "\r\033[K");
		return l;
	}
	index_free(l->index);
	pthread_mutex_destroy(&l->lock);
	free(l);
	return NULL;
}

void live_free(struct live *l)
{
	struct fail f;

	if (!l)
		return;
	if (!index_finish(l->index, &f))
		log_warn("audit",
			 "%s: the next start judges the trail once more",
			 f.text);
	index_free(l->index);
	pthread_mutex_destroy(&l->lock);
	l->magic = 0;
	free(l);
}

void live_set_packs(struct live *l, struct packs *p)
{
	take(l);
	index_set_packs(l->index, p);
	give(l);
}

void live_summary(struct live *l, struct buf *out)
{
	take(l);
	index_final(l->index);
	tally_lines(index_judge(l->index), "assay: ", out);
	if (l->unsaid)
		buf_addf(out,
			 "assay: %llu findings were not shown as they came; "
			 "assay audit findings shows all\n",
			 (unsigned long long)l->unsaid);
	give(l);
}

void live_json(struct live *l, struct buf *out)
{
	tally_json(take(l), out);
	give(l);
}
