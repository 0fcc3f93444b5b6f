/* SPDX-License-Identifier: MIT */
/*
 * What the proxy says of itself: the start message on stdout (programs read
 * it: its lines keep their shape), warnings in the log, and the summary on
 * stderr.
 */
#include <stdio.h>

#include "base/clock.h"
#include "record/clerk.h"
#include "record/spool.h"
#include "record/trail.h"
#include "relay/net.h"
#include "relay/proxy_impl.h"

/* ---- addresses ---- */

void proxy_add_listener(const struct proxy *p, unsigned i, struct buf *to)
{
	const struct settings *s = p->settings;

	buf_addf(to, "%s://", s->server_tls ? "https" : "http");
	net_show(to, (const void *)&s->listens[i].addr, p->ports[i]);
}

/* Where a client on this machine finds the first listener. */
static void add_base_url(const struct proxy *p, struct buf *to)
{
	const struct settings *s = p->settings;
	const struct sockaddr *a = (const void *)&s->listens[0].addr;
	struct buf shown = {0};

	net_show(&shown, a, p->ports[0]);
	buf_addf(to, "%s://", s->server_tls ? "https" : "http");
	if (str_starts(buf_str(&shown), STR("0.0.0.0:")))
		buf_addf(to, "127.0.0.1:%u", p->ports[0]);
	else if (str_starts(buf_str(&shown), STR("[::]:")))
		buf_addf(to, "[::1]:%u", p->ports[0]);
	else
		buf_adds(to, buf_str(&shown));
	buf_free(&shown);
}

void proxy_add_upstream(const struct upstream *u, struct buf *to)
{
	buf_addf(to, "%s://%s%s", u->scheme, u->authority, u->prefix);
}

static void add_size(struct buf *to, uint64_t n)
{
	static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)n;
	unsigned i = 0;

	for (; v >= 1024 && i < 4; i++)
		v /= 1024;
	buf_addf(to, v < 10 && v > (double)(unsigned)v ? "%.1f %s" : "%.0f %s",
		 v, unit[i]);
}

static void add_count(struct buf *to, uint64_t n, const char *noun)
{
	buf_addf(to, "%llu %s%s", (unsigned long long)n, noun,
		 n == 1 ? "" : "s");
}

/* ---- the start message ---- */

static void say_upstreams(const struct proxy *p, struct buf *to)
{
	const struct settings *s = p->settings;

	for (unsigned i = 0; i < s->n_upstreams; i++) {
		buf_addf(to, "assay: sending to   ");
		proxy_add_upstream(s->upstreams[i], to);
		if (i == 0)
			buf_addf(to, " (default)");
		if (strcmp(s->upstreams[i]->name, "default") != 0)
			buf_addf(to, " from /%s/", s->upstreams[i]->name);
		buf_addc(to, '\n');
	}
}

static void say_trail(const struct proxy *p, struct buf *to)
{
	const struct settings *s = p->settings;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < p->n_spools; i++) {
		uint64_t n = spool_size(p->spools[i]);

		least = n < least ? n : least;
	}
	buf_addf(to, "assay: recording to %s (%s, spool ", s->trail,
		 s->strict ? "strict" : "besteffort");
	add_size(to, least);
	if (p->n_spools > 1)
		buf_addf(to, " a worker");
	if (s->spool_size == 0 && least < SPOOL_DEFAULT) {
		buf_addf(to, " instead of ");
		add_size(to, SPOOL_DEFAULT);
		buf_addf(to, ": no more room beside %s",
			 spool_path(p->spools[0]));
	}
	buf_addf(to, ")\n");
}

/* Vendors' URLs that end in a version leave it out of the client's. */
static bool has_version(const char *prefix)
{
	const char *last = strrchr(prefix, '/');

	return last && last[1] == 'v' && last[2] >= '0' && last[2] <= '9';
}

static void say_export(const struct proxy *p, struct buf *to)
{
	bool version = has_version(p->settings->upstreams[0]->prefix);

	buf_addf(to, "assay: now run:     export OPENAI_BASE_URL=");
	add_base_url(p, to);
	buf_addf(to, "%s\n", version ? "" : "/v1");
	if (version)
		return;
	buf_addf(to, "assay: or:          export ANTHROPIC_BASE_URL=");
	add_base_url(p, to);
	buf_addc(to, '\n');
}

static void warn_of_clear_text(const struct proxy *p)
{
	const struct settings *s = p->settings;

	for (unsigned i = 0; i < s->n_listens && !s->server_tls; i++) {
		if (!net_is_loopback((const void *)&s->listens[i].addr))
			log_warn("listen",
				 "%s is not encrypted: API keys can be read on "
				 "the way; --tls-cert and --tls-key help",
				 s->listens[i].shown);
	}
}

void proxy_say_started(struct proxy *p)
{
	struct buf b = {0};

	warn_of_clear_text(p);
	if (p->settings->log_level == LOG_ERROR)
		return;
	for (unsigned i = 0; i < p->settings->n_listens; i++) {
		buf_addf(&b, "assay: listening on ");
		proxy_add_listener(p, i, &b);
		buf_addc(&b, '\n');
	}
	say_upstreams(p, &b);
	say_trail(p, &b);
	if (p->settings->n_listens)
		say_export(p, &b);
	/* Whole, so that who waits for the last line has them all. */
	fwrite(b.p, 1, b.n, stdout);
	fflush(stdout);
	buf_free(&b);
}

/* ---- figures ---- */

void proxy_sum(struct proxy *p, struct worker_figures *out)
{
	*out = (struct worker_figures){0};
	for (unsigned i = 0; i < p->n_workers; i++) {
		struct worker_figures w;

		worker_figures(p->workers[i], &w);
		out->connections += w.connections;
		out->exchanges += w.exchanges;
		out->accepted += w.accepted;
		out->finished += w.finished;
		out->gaps += w.gaps;
		out->gap_bytes += w.gap_bytes;
		out->reads_held |= w.reads_held;
	}
}

/* In a long squeeze the relay is held and let go many times a second. */
#define SAY_EVERY (10 * NS_PER_S)

static void watch_held(bool held, uint64_t now, struct proxy_watch *w)
{
	if (held && !w->held && now >= w->held_said_at + SAY_EVERY) {
		log_warn("record", "the recorder cannot keep up: in strict "
				   "mode the relay waits for it");
		w->held = true;
		w->held_said_at = now;
	} else if (!held && w->held) {
		log_info("record", "the recorder has caught up: the relay goes "
				   "on");
		w->held = false;
	}
}

static void watch_disk(const struct proxy *p, bool full, struct proxy_watch *w)
{
	const struct settings *s = p->settings;

	if (full && !w->full)
		log_error("record",
			  "%s cannot grow, its disk may be full: %s "
			  "until there is room",
			  s->trail,
			  s->strict
				  ? "the relay is held when the spool is full"
				  : "gaps are recorded when the spool is full");
	else if (!full && w->full)
		log_warn("record", "%s can grow again", s->trail);
	w->full = full;
}

static void watch_gaps(uint64_t gaps, uint64_t bytes, uint64_t now,
		       struct proxy_watch *w)
{
	if (gaps <= w->gaps || now < w->gaps_said_at + SAY_EVERY)
		return;
	log_warn("record",
		 "%llu bytes in %llu gaps were relayed but not "
		 "recorded (%llu gaps in all)",
		 (unsigned long long)(bytes - w->gap_bytes),
		 (unsigned long long)(gaps - w->gaps),
		 (unsigned long long)gaps);
	w->gaps = gaps;
	w->gap_bytes = bytes;
	w->gaps_said_at = now;
}

void proxy_watch(struct proxy *p, struct proxy_watch *w)
{
	uint64_t now = clock_mono();
	struct worker_figures all;
	struct clerk_figures c;

	proxy_sum(p, &all);
	clerk_figures(p->clerk, &c);
	watch_held(all.reads_held, now, w);
	watch_disk(p, c.disk_full, w);
	if (c.gaps > all.gaps)
		watch_gaps(c.gaps, c.gap_bytes, now, w);
	else
		watch_gaps(all.gaps, all.gap_bytes, now, w);
}

void proxy_say_summary(const struct proxy *p, const struct clerk_figures *c)
{
	struct buf b = {0};
	uint64_t all = 0;

	if (p->settings->log_level == LOG_ERROR)
		return;
	for (unsigned i = 0; i < EV_OUTCOMES; i++)
		all += c->exchanges[i];
	buf_addf(&b, "assay: ");
	add_count(&b, all, "exchange");
	for (unsigned i = 0, n = 0; i < EV_OUTCOMES; i++) {
		if (c->exchanges[i])
			buf_addf(&b, "%s%llu %s", n++ ? ", " : ": ",
				 (unsigned long long)c->exchanges[i],
				 ev_outcome_name((enum ev_outcome)i));
	}
	buf_addf(&b, "\nassay: ");
	add_size(&b, c->bytes_recorded);
	buf_addf(&b, " recorded in %s\nassay: ", p->settings->trail);
	if (c->gaps) {
		add_count(&b, c->gaps, "gap");
		buf_addf(&b, ": ");
		add_size(&b, c->gap_bytes);
		buf_addf(&b, " relayed but not recorded");
	} else {
		buf_addf(&b, "no gaps");
	}
	buf_addf(&b, "; the recorder's greatest lag was %.1f ms\n",
		 (double)c->lag_max_ns / NS_PER_MS);
	for (unsigned i = 0; i < p->n_rooms_started; i++) {
		if (p->rooms[i].summary)
			p->rooms[i].summary(p->room_state[i], &b);
	}
	fwrite(b.p, 1, b.n, stderr);
	buf_free(&b);
}
