/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * One struct proxy is built from the ground up and taken down in the
 * opposite order; taking down leaves out what was never built, so a start
 * that fails half-way ends through the same door as a day's work:
 *
 *	options -> settings -> limits, signals -> trail -> redaction -> spools
 *	-> rooms -> clerk (takes in what a crash left) -> workers listen
 *	-> control socket -> start message -> workers' threads
 *
 * Threads: this one (signals, control socket, warnings), one a worker, the
 * clerk's, and at the end a finisher (proxy_serve.c).
 */
#include "proxy.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "record/redact.h"
#include "record/spool.h"
#include "record/trail.h"
#include "relay/control.h"
#include "relay/proxy_impl.h"

#define PROXY_MAGIC 0x50525859u

/* ---- the process ---- */

static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r) < 0)
			log_warn("start", "the number of open files stays "
					  "limited: ulimit -n raises it");
	}
}

/*
 * Memory holds credentials: no core dump, no debugger of another process.
 * The leak checker of a sanitizer build is such a debugger.
 */
static void close_to_others(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0);
#endif
	umask(077);
}

/* ---- building ---- */

static bool open_spools(struct proxy *p, struct fail *f)
{
	const struct settings *s = p->settings;

	p->spools = mem_zero(s->workers * sizeof(void *));
	for (; p->n_spools < s->workers; p->n_spools++) {
		struct spool_options o = {.dir = s->spool_dir,
					  .size = s->spool_size,
					  .trail = s->trail,
					  .worker = p->n_spools,
					  .workers = s->workers};

		p->spools[p->n_spools] = spool_open(&o, f);
		if (!p->spools[p->n_spools])
			return false;
	}
	return true;
}

static bool start_rooms(struct proxy *p, struct fail *f)
{
	p->room_state = mem_zero((p->n_rooms + 1) * sizeof(void *));
	for (; p->n_rooms_started < p->n_rooms; p->n_rooms_started++) {
		const struct room *r = &p->rooms[p->n_rooms_started];
		void **state = &p->room_state[p->n_rooms_started];

		if (!r->start)
			continue;
		*state = r->start(p, p->options, f);
		if (!*state)
			return false;
	}
	return true;
}

static bool start_clerk(struct proxy *p, struct fail *f)
{
	struct clerk_tap *taps = mem_zero((p->n_rooms + 1) * sizeof *taps);
	struct clerk_options o = {.trail = p->trail,
				  .spools = p->spools,
				  .n_spools = p->n_spools,
				  .taps = taps,
				  .strict = p->settings->strict};

	for (unsigned i = 0; i < p->n_rooms; i++) {
		const struct clerk_tap *t =
			p->rooms[i].tap ? p->rooms[i].tap(p->room_state[i])
					: NULL;
		if (t)
			taps[o.n_taps++] = *t;
	}
	p->clerk = clerk_start(&o, f);
	free(taps);
	return p->clerk != NULL;
}

static void collect_gates(struct proxy *p)
{
	p->gates = mem_zero((p->n_rooms + 1) * sizeof *p->gates);
	for (unsigned i = 0; i < p->n_rooms; i++) {
		const struct gate *g =
			p->rooms[i].gate ? p->rooms[i].gate(p->room_state[i])
					 : NULL;
		if (g)
			p->gates[p->n_gates++] = *g;
	}
}

static bool open_workers(struct proxy *p, struct fail *f)
{
	const struct settings *s = p->settings;

	p->workers = mem_zero(s->workers * sizeof(void *));
	p->ports = mem_zero((s->n_listens + 1) * sizeof *p->ports);
	while (p->n_workers < s->workers) {
		struct worker_config c = {.number = p->n_workers,
					  .settings = p->settings,
					  .spool = p->spools[p->n_workers],
					  .redact = p->redact,
					  .gates = p->gates,
					  .n_gates = p->n_gates};
		struct worker *w = worker_new(&c);

		p->workers[p->n_workers++] = w;
		if (!worker_listen(w, s->workers > 1, p->ports, f))
			return false;
	}
	return true;
}

static bool open_control(struct proxy *p, struct fail *f)
{
	char path[CONTROL_PATH];
	struct control_verb *verbs = NULL;
	const struct room_verb *v;
	unsigned n = 0;

	if (!control_path(p->settings->trail, path, f))
		return false;
	for (unsigned i = 0; i <= p->n_rooms; i++) {
		v = i ? p->rooms[i - 1].verbs : proxy_verbs;
		for (; v && v->name; v++) {
			verbs = mem_grow(verbs, (n + 1) * sizeof *verbs);
			verbs[n++] = (struct control_verb){
				v, i ? p->room_state[i - 1] : p};
		}
	}
	p->control = control_new(serve_base(p->serve), path, verbs, n, f);
	free(verbs);
	return p->control != NULL;
}

static bool build(struct proxy *p, struct fail *f)
{
	p->trail = trail_record(p->settings->trail, f);
	if (!p->trail)
		return false;
	p->redact =
		redact_rules_new(p->settings->redact, p->settings->n_redact, f);
	if (!p->redact || !open_spools(p, f) || !start_rooms(p, f) ||
	    !proxy_take_identity(p, p->settings, f) || !start_clerk(p, f))
		return false;
	collect_gates(p);
	return open_workers(p, f) && open_control(p, f);
}

/* ---- taking down ---- */

static void stop_workers(struct proxy *p)
{
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_free(p->workers[i]);
	p->n_workers = 0;
	free(p->workers);
	free(p->ports);
	free(p->gates);
}

static void end_rooms(struct proxy *p)
{
	for (unsigned i = 0; i < p->n_rooms_started; i++) {
		if (p->rooms[i].ending)
			p->rooms[i].ending(p->room_state[i]);
	}
}

static void stop_rooms(struct proxy *p)
{
	while (p->n_rooms_started > 0) {
		unsigned i = --p->n_rooms_started;

		if (p->rooms[i].stop)
			p->rooms[i].stop(p->room_state[i]);
	}
	free(p->room_state);
}

static void close_spools(struct proxy *p)
{
	for (unsigned i = 0; i < p->n_spools; i++)
		spool_free(p->spools[i]);
	free(p->spools);
}

static void take_down(struct proxy *p)
{
	control_free(p->control);
	/* From here on Ctrl-C kills, which the spool is made for. */
	serve_free(p->serve);
	end_rooms(p);
	stop_workers(p);
	if (p->clerk)
		clerk_stop(p->clerk);
	stop_rooms(p);
	close_spools(p);
	redact_rules_free(p->redact);
	if (p->trail)
		trail_close(p->trail);
	settings_unref(p->settings);
	options_free(p->options);
	pthread_mutex_destroy(&p->settings_lock);
	p->magic = 0;
	free(p);
}

/* ---- the command ---- */

static void show_help(const struct options *o)
{
	unsigned width = options_width(stdout);

	options_help(
		o, stdout, width > 100 ? 100 : width,
		"assay proxy --upstream [NAME=]URL [OPTION]...",
		"Relays what an app and its LLM vendor say to each other, "
		"byte for byte and without delay, and records it exactly. "
		"Point the app at it and use it as before; `assay replay` "
		"shows what was recorded.",
		"SIZE is in bytes, or as in 64K, 64M, 2G. TIME is in seconds, "
		"or as in 250ms, 10s, 5m, 2h.\n"
		"\n"
		"Examples:\n"
		"  assay proxy --upstream https://api.openai.com\n"
		"    export OPENAI_BASE_URL=http://127.0.0.1:8787/v1\n"
		"  assay proxy --upstream https://api.anthropic.com\n"
		"    export ANTHROPIC_BASE_URL=http://127.0.0.1:8787\n"
		"  assay proxy --upstream a=https://a.example "
		"--upstream b=https://b.example\n"
		"    export OPENAI_BASE_URL=http://127.0.0.1:8787/b/v1\n"
		"\n"
		"Signals:\n"
		"  SIGINT, SIGTERM  drain and end; the second one cuts what "
		"is open\n"
		"  SIGHUP           read --config and certificates again");
}

static struct proxy *proxy_new(int argc, char **argv, const struct room *rooms,
			       unsigned n_rooms)
{
	struct proxy *p = MEM_NEW(struct proxy);

	p->magic = PROXY_MAGIC;
	p->argc = argc;
	p->argv = argv;
	p->rooms = rooms;
	p->n_rooms = n_rooms;
	p->started_mono = clock_mono();
	p->started_wall = clock_wall();
	pthread_mutex_init(&p->settings_lock, NULL);
	return p;
}

static void run(struct proxy *p)
{
	struct clerk_figures figures;

	proxy_say_started(p);
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_start(p->workers[i]);
	for (unsigned i = 0; i < p->n_rooms_started; i++) {
		if (p->rooms[i].running)
			p->rooms[i].running(p->room_state[i]);
	}
	serve_run(p->serve);
	clerk_figures(p->clerk, &figures);
	proxy_say_summary(p, &figures);
}

int proxy_main(int argc, char **argv, const struct room *rooms,
	       unsigned n_rooms)
{
	struct proxy *p = proxy_new(argc, argv, rooms, n_rooms);
	struct fail f;
	int status = 0;

	if (!proxy_configure(p, &f)) {
		status = fail_print(&f);
	} else if (options_wants_help(p->options)) {
		show_help(p->options);
	} else {
		log_set_level(p->settings->log_level);
		raise_file_limit();
		close_to_others();
		signal(SIGPIPE, SIG_IGN);
		p->serve = serve_new(p);
		if (build(p, &f))
			run(p);
		else
			status = fail_print(&f);
	}
	take_down(p);
	return status;
}
