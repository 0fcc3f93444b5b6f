/* SPDX-License-Identifier: MIT */
#include "timeline.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "print/human.h"
#include "print/text.h"

enum {
	SIDE_ROOM = 14, /* beside the bar, for the total */
	MANY = 4,	/* arrivals that are worth a picture */
	ROWS = 16
};

char *timeline_offset(uint64_t ns, char *out)
{
	out[0] = '+';
	human_duration(ns, out + 1);
	return out;
}

/* A number in a column: `columns` wide, at its right edge. */
static void right(struct out *o, const char *text, size_t columns)
{
	size_t n = text_columns(str_of(text));

	out_repeat(o, " ", n < columns ? columns - n : 0);
	out_f(o, "%s", text);
}

/* ---- marks ---- */

static const char *mark_about(enum ev_mark m)
{
#define ABOUT_(name, text, about) about,
	static const char *const about[] = {EVIDENCE_MARKS(ABOUT_)};

	return about[m];
}

static void draw_mark(struct out *o, uint64_t at, const char *about)
{
	char text[HUMAN_SIZE + 1];

	out_tone(o, TONE_ACCENT);
	right(o, timeline_offset(at, text), 10);
	out_tone(o, TONE_PLAIN);
	out_f(o, "  %s\n", about);
}

/* By time, and in their own order where times are equal. */
static void draw_marks(struct out *o, const uint64_t mark[EV_MARKS])
{
	bool drawn[EV_MARKS] = {false};

	draw_mark(o, 0, "request: first byte arrived");
	for (;;) {
		int next = -1;

		for (int m = 0; m < EV_MARKS; m++) {
			if (mark[m] && !drawn[m] &&
			    (next < 0 || mark[m] < mark[next]))
				next = m;
		}
		if (next < 0)
			return;
		drawn[next] = true;
		draw_mark(o, mark[next], mark_about((enum ev_mark)next));
	}
}

/* ---- phases ---- */

struct phase {
	enum ev_mark until;
	const char *name, *glyph;
	enum tone tone;
};

static const struct phase phases[] = {
	{EV_MARK_REQUEST_HEAD, "reading the head", "\u25b9", TONE_DIM},
	{EV_MARK_VENDOR_READY, "connecting", "\u2504", TONE_WARN},
	{EV_MARK_REQUEST_SENT, "sending", "\u25b8", TONE_PLAIN},
	{EV_MARK_REQUEST_END, "request body", "\u25aa", TONE_PLAIN},
	{EV_MARK_FIRST_BYTE, "waiting", "\u2591", TONE_DIM},
	{EV_MARK_FIRST_DATA, "first data", "\u2592", TONE_ACCENT},
	{EV_MARK_RESPONSE_END, "answer", "\u2588", TONE_GOOD},
	{EV_MARK_DONE, "to the client", "\u25ab", TONE_DIM},
};
enum { PHASES = sizeof phases / sizeof *phases };

/* Ends of the phases; one that did not happen, or that was over before the
 * phase before it, has no length. */
static void phase_ends(const uint64_t mark[EV_MARKS], uint64_t end[PHASES])
{
	uint64_t last = 0;

	for (unsigned i = 0; i < PHASES; i++) {
		if (mark[phases[i].until] > last)
			last = mark[phases[i].until];
		end[i] = last;
	}
}

static void draw_bar(struct out *o, const uint64_t end[PHASES], uint64_t all,
		     unsigned width)
{
	const struct phase *at = NULL;
	char text[HUMAN_SIZE];
	unsigned p = 0;

	out_f(o, "  |");
	for (unsigned i = 0; i < width; i++) {
		uint64_t here = (uint64_t)((i + 0.5) / width * (double)all);

		while (p + 1 < PHASES && end[p] <= here)
			p++;
		if (at != &phases[p]) {
			out_tone(o, TONE_PLAIN);
			out_tone(o, phases[p].tone);
		}
		at = &phases[p];
		out_bytes(o, str_of(end[p] > here ? at->glyph : " "));
	}
	out_tone(o, TONE_PLAIN);
	out_f(o, "|  %s\n", human_duration(all, text));
}

static void draw_legend(struct out *o, const uint64_t end[PHASES], uint64_t all)
{
	unsigned width = out_columns(o);
	size_t at = 0;

	for (unsigned i = 0; i < PHASES; i++) {
		uint64_t n = end[i] - (i ? end[i - 1] : 0);
		char text[HUMAN_SIZE], item[96];
		size_t columns;

		if (!n)
			continue;
		snprintf(item, sizeof item, "%s %s %s (%.0f%%)",
			 phases[i].glyph, phases[i].name,
			 human_duration(n, text),
			 100.0 * (double)n / (double)all);
		columns = text_columns(str_of(item)) + 3;
		if (at && at + columns > width) {
			out_f(o, "\n");
			at = 0;
		}
		out_f(o, "   %s", item);
		at += columns;
	}
	out_f(o, "\n");
}

/* ---- arrivals ---- */

static void draw_spark(struct out *o, const struct trail_arrival *a, size_t n,
		       uint64_t all, unsigned width)
{
	static const char *const level[] = {" ",      "\u2581", "\u2582",
					    "\u2583", "\u2584", "\u2585",
					    "\u2586", "\u2587", "\u2588"};
	uint64_t *sum = mem_zero(width * sizeof *sum), most = 1;
	char slice[HUMAN_SIZE], bytes[HUMAN_SIZE];

	for (size_t i = 0; i < n; i++) {
		double part = (double)a[i].at / (double)all * width;
		unsigned cell = part < width ? (unsigned)part : width - 1;

		sum[cell] += a[i].n;
		most = sum[cell] > most ? sum[cell] : most;
	}
	out_f(o, "  |");
	for (unsigned i = 0; i < width; i++) {
		double part = (double)sum[i] / (double)most;
		out_f(o, "%s", level[sum[i] ? 1 + (unsigned)(part * 7.0) : 0]);
	}
	out_f(o, "|  <= %sB\n", human_bytes(most, bytes));
	out_f(o, "   arriving bytes, each column %s\n",
	      human_duration(all / width, slice));
	free(sum);
}

/* ---- gaps between arrivals ---- */

struct gaps {
	uint64_t *v; /* sorted */
	size_t n;
	uint64_t longest_at;
};

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t since(const struct trail_arrival *a, size_t i)
{
	return a[i].at > a[i - 1].at ? a[i].at - a[i - 1].at : 0;
}

static struct gaps gaps_of(const struct trail_arrival *a, size_t n)
{
	struct gaps g = {mem_alloc(n * sizeof *g.v), n - 1, 0};
	uint64_t longest = 0;

	for (size_t i = 1; i < n; i++) {
		g.v[i - 1] = since(a, i);
		if (g.v[i - 1] > longest) {
			longest = g.v[i - 1];
			g.longest_at = a[i - 1].at;
		}
	}
	qsort(g.v, g.n, sizeof *g.v, by_size);
	return g;
}

/* Buckets at 1, 3, 10, 30, ... microseconds; the last has no end. */
static unsigned bucket_of(uint64_t ns)
{
	uint64_t edge = NS_PER_US;
	unsigned b = 0;

	while (b + 1 < ROWS && ns > edge) {
		edge = b % 2 ? edge / 3 * 10 : edge * 3;
		b++;
	}
	return b;
}

static uint64_t bucket_edge(unsigned b)
{
	uint64_t edge = NS_PER_US;

	for (unsigned i = 0; i < b; i++)
		edge = i % 2 ? edge / 3 * 10 : edge * 3;
	return edge;
}

static void draw_bucket(struct out *o, unsigned b, size_t count, size_t most,
			unsigned width)
{
	char edge[HUMAN_SIZE], text[HUMAN_SIZE];
	bool last = b + 1 == ROWS;
	size_t bar = count * width / most;

	human_duration(bucket_edge(last ? b - 1 : b), edge);
	out_f(o, "  %s", last ? " >" : "<=");
	right(o, edge, 7);
	right(o, human_count(count, text), 11);
	out_f(o, "  ");
	out_tone(o, TONE_ACCENT);
	out_repeat(o, "\u2588", bar);
	if (count && !bar)
		out_f(o, "\u258f");
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n");
}

static void draw_histogram(struct out *o, const struct gaps *g)
{
	unsigned first = bucket_of(g->v[0]), last = bucket_of(g->v[g->n - 1]);
	unsigned columns = out_columns(o);
	unsigned width = columns > 60 ? columns / 2 : columns / 3;
	size_t count[ROWS] = {0}, most = 1;

	for (size_t i = 0; i < g->n; i++) {
		size_t *c = &count[bucket_of(g->v[i])];
		most = ++*c > most ? *c : most;
	}
	for (unsigned b = first; b <= last; b++)
		draw_bucket(o, b, count[b], most, width);
}

static uint64_t quantile(const struct gaps *g, unsigned percent)
{
	return g->v[(g->n - 1) * percent / 100];
}

static void draw_gaps(struct out *o, const struct trail_arrival *a, size_t n)
{
	struct gaps g = gaps_of(a, n);
	char text[HUMAN_SIZE + 1];

	out_f(o, "   %s arrivals; the longest wait between two ",
	      human_count(n, text));
	out_f(o, "%s, ", human_duration(g.v[g.n - 1], text));
	out_f(o, "after %s\n", timeline_offset(g.longest_at, text));
	out_f(o, "   waits: median %s, ",
	      human_duration(quantile(&g, 50), text));
	out_f(o, "90 %% up to %s, ", human_duration(quantile(&g, 90), text));
	out_f(o, "99 %% up to %s\n", human_duration(quantile(&g, 99), text));
	draw_histogram(o, &g);
	free(g.v);
}

/* ---- all of it ---- */

static uint64_t whole_time(const struct timeline *t, const uint64_t end[PHASES])
{
	uint64_t all = end[PHASES - 1];

	for (int side = 0; side < EV_SIDES; side++) {
		for (size_t i = 0; i < t->n[side]; i++) {
			if (t->arrivals[side][i].at > all)
				all = t->arrivals[side][i].at;
		}
	}
	return all;
}

void timeline_draw(struct out *o, const struct timeline *t)
{
	const uint64_t *mark = t->row->close.mark;
	unsigned columns = out_columns(o);
	unsigned width = columns > SIDE_ROOM + 20 ? columns - SIDE_ROOM : 20;
	uint64_t end[PHASES], all;

	phase_ends(mark, end);
	all = whole_time(t, end);
	draw_marks(o, mark);
	if (!all)
		return;
	if (end[PHASES - 1]) {
		draw_bar(o, end, all, width);
		draw_legend(o, end, all);
	}
	for (int side = 0; side < EV_SIDES; side++) {
		if (t->n[side] < MANY)
			continue;
		out_f(o, "\n   %s\n",
		      side == EV_REQUEST ? "request body" : "response body");
		draw_spark(o, t->arrivals[side], t->n[side], all, width);
		draw_gaps(o, t->arrivals[side], t->n[side]);
	}
}

void timeline_list(struct out *o, const struct timeline *t, enum ev_side side)
{
	const struct trail_arrival *a = t->arrivals[side];
	char text[HUMAN_SIZE];

	out_f(o, "%12s %14s %10s\n", "at, ns", "after", "bytes");
	for (size_t i = 0; i < t->n[side] && !o->gone; i++) {
		out_f(o, "%12llu ", (unsigned long long)a[i].at);
		right(o, i ? human_duration(since(a, i), text) : "", 14);
		out_f(o, " %10u\n", a[i].n);
	}
}
