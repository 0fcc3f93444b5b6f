/* SPDX-License-Identifier: MIT */
/* The built-in verbs of the control socket: status, reload, drain. */
#include <unistd.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "record/clerk.h"
#include "record/spool.h"
#include "relay/proxy_impl.h"

static const char *yes(bool v)
{
	return v ? "true" : "false";
}

static void add_u64(struct buf *to, const char *name, uint64_t v)
{
	buf_addf(to, ",\"%s\":%llu", name, (unsigned long long)v);
}

static void status_places(const struct proxy *p, struct buf *to)
{
	const struct settings *s = p->settings;
	struct buf url = {0};

	buf_addf(to, ",\"listeners\":[");
	for (unsigned i = 0; i < s->n_listens; i++) {
		buf_addf(to, "%s\"", i ? "," : "");
		proxy_add_listener(p, i, to);
		buf_addc(to, '"');
	}
	buf_addf(to, "],\"upstreams\":[");
	for (unsigned i = 0; i < s->n_upstreams; i++) {
		url.n = 0;
		proxy_add_upstream(s->upstreams[i], &url);
		buf_addf(to, "%s{\"name\":", i ? "," : "");
		json_quote(to, str_of(s->upstreams[i]->name));
		buf_addf(to, ",\"url\":");
		json_quote(to, buf_str(&url));
		buf_addc(to, '}');
	}
	buf_addf(to, "],\"trail\":");
	json_quote(to, str_of(s->trail));
	buf_addf(to, ",\"record\":\"%s\"", s->strict ? "strict" : "besteffort");
	buf_free(&url);
}

static void status_workers(struct proxy *p, struct buf *to)
{
	buf_addf(to, ",\"workers\":[");
	for (unsigned i = 0; i < p->n_workers; i++) {
		const struct spool *sp = p->spools[i];
		struct worker_figures w;

		worker_figures(p->workers[i], &w);
		buf_addf(to, "%s{\"number\":%u", i ? "," : "", i);
		add_u64(to, "connections", w.connections);
		add_u64(to, "exchanges", w.exchanges);
		add_u64(to, "accepted", w.accepted);
		add_u64(to, "finished", w.finished);
		add_u64(to, "spool_bytes", spool_capacity(sp));
		add_u64(to, "spool_used", spool_capacity(sp) - spool_room(sp));
		buf_addf(to, ",\"reads_held\":%s}", yes(w.reads_held));
	}
	buf_addc(to, ']');
}

static void status_record(const struct proxy *p, const struct worker_figures *w,
			  struct buf *to)
{
	struct clerk_figures c;

	clerk_figures(p->clerk, &c);
	buf_addf(to, ",\"outcomes\":{");
	for (unsigned i = 0; i < EV_OUTCOMES; i++)
		buf_addf(to, "%s\"%s\":%llu", i ? "," : "",
			 ev_outcome_name((enum ev_outcome)i),
			 (unsigned long long)c.exchanges[i]);
	buf_addc(to, '}');
	add_u64(to, "records", c.records);
	add_u64(to, "bytes_recorded", c.bytes_recorded);
	add_u64(to, "commits", c.commits);
	add_u64(to, "trail_bytes", c.disk_bytes);
	add_u64(to, "gaps", w->gaps > c.gaps ? w->gaps : c.gaps);
	add_u64(to, "gap_bytes",
		w->gap_bytes > c.gap_bytes ? w->gap_bytes : c.gap_bytes);
	add_u64(to, "lag_ns", c.lag_ns);
	add_u64(to, "lag_max_ns", c.lag_max_ns);
	buf_addf(to, ",\"disk_full\":%s,\"reads_held\":%s", yes(c.disk_full),
		 yes(w->reads_held));
}

static bool run_status(void *room, struct str args, struct buf *out,
		       struct fail *f)
{
	struct proxy *p = room;
	struct worker_figures w;
	char stamp[CLOCK_RFC3339_SIZE];

	(void)args;
	(void)f;
	proxy_sum(p, &w);
	buf_addf(out, "{\"version\":\"%s\",\"pid\":%d,\"started\":\"%s\"",
		 ASSAY_VERSION, (int)getpid(),
		 clock_rfc3339(p->started_wall, stamp));
	add_u64(out, "uptime_ns", clock_mono() - p->started_mono);
	buf_addf(out, ",\"draining\":%s", yes(atomic_load(&p->draining)));
	add_u64(out, "connections", w.connections);
	add_u64(out, "exchanges", w.exchanges);
	status_places(p, out);
	status_record(p, &w, out);
	status_workers(p, out);
	buf_addc(out, '}');
	return true;
}

static bool run_reload(void *room, struct str args, struct buf *out,
		       struct fail *f)
{
	struct proxy *p = room;

	(void)args;
	(void)out;
	if (atomic_load(&p->draining))
		return fail_set(f, FAIL_USER, "proxy_draining",
				"assay is stopping: nothing is reloaded");
	if (!proxy_reload(p, f))
		return false;
	log_info("reload", "the new settings are in force");
	return true;
}

static bool run_drain(void *room, struct str args, struct buf *out,
		      struct fail *f)
{
	struct proxy *p = room;
	struct worker_figures w;

	(void)args;
	(void)f;
	serve_drain(p->serve);
	proxy_sum(p, &w);
	buf_addf(out, "{\"exchanges\":%u}", w.exchanges);
	return true;
}

const struct room_verb proxy_verbs[] = {
	{"status", "figures of this moment", run_status},
	{"reload", "reads configuration and certificates again", run_reload},
	{"drain", "stops as SIGTERM does; asked again, cuts what is open",
	 run_drain},
	{0}};
