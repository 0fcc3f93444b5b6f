/* SPDX-License-Identifier: MIT */
/* What the files of this room share about the running proxy. */
#ifndef RELAY_PROXY_IMPL_H
#define RELAY_PROXY_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "relay/worker.h"
#include "seams.h"

struct control;
struct redact_rules;
struct serve;
struct event_base;

struct proxy {
	unsigned magic;
	int argc; /* kept for a reload */
	char **argv;
	struct options *options;
	pthread_mutex_t settings_lock; /* held to read or set the pointer */
	struct settings *settings;     /* main thread's reference */
	struct worker **workers;
	unsigned n_workers;
	uint16_t *ports; /* what each listener was bound to */
	struct spool **spools;
	unsigned n_spools;
	struct redact_rules *redact;
	struct trail *trail;
	struct clerk *clerk;
	struct control *control;
	struct serve *serve;
	const struct room *rooms;
	void **room_state; /* what each room's start() returned */
	unsigned n_rooms;
	unsigned n_rooms_started;
	struct gate *gates;
	unsigned n_gates;
	uint64_t started_mono, started_wall;
	atomic_bool draining;
};

/* A reference to the settings of this moment. Any thread. */
struct settings *proxy_settings(struct proxy *p);

/* ---- proxy_options.c: from argv to settings, at start and again ---- */

struct options *proxy_options_new(const struct proxy *p);
bool proxy_configure(struct proxy *p, struct fail *f) MUST_USE;
/* TLS by a room's identity, where --tls-cert gives none. */
bool proxy_take_identity(struct proxy *p, struct settings *s,
			 struct fail *f) MUST_USE;
/* Everything new or, with *f, everything as it was. Main thread. */
bool proxy_reload(struct proxy *p, struct fail *f) MUST_USE;

/* ---- proxy_serve.c: the main thread's loop ---- */

/* Blocks the signals it waits for: before any thread is made. */
struct serve *serve_new(struct proxy *p);
void serve_free(struct serve *sv);
struct event_base *serve_base(struct serve *sv);
/* Returns when every worker has ended and all of it is in the trail. */
void serve_run(struct serve *sv);
/* Begins to drain; asked again: cuts what is open. */
void serve_drain(struct serve *sv);

/* ---- proxy_report.c: what it says of itself ---- */

/* Append "http://127.0.0.1:8787" with the port that was bound, and an
 * upstream's URL. */
void proxy_add_listener(const struct proxy *p, unsigned i, struct buf *to);
void proxy_add_upstream(const struct upstream *u, struct buf *to);

void proxy_say_started(struct proxy *p);

/* The workers' figures summed up. */
void proxy_sum(struct proxy *p, struct worker_figures *out);

/* What has been warned about, so that it is not said every second. */
struct proxy_watch {
	bool held, full;
	uint64_t held_said_at, gaps_said_at;
	uint64_t gaps, gap_bytes;
};
/* Once a second: warns of held reads, a full disk, and gaps. */
void proxy_watch(struct proxy *p, struct proxy_watch *w);

/* At the end. */
struct clerk_figures;
void proxy_say_summary(const struct proxy *p, const struct clerk_figures *c);

/* ---- proxy_status.c: the built-in verbs of the control socket ---- */

extern const struct room_verb proxy_verbs[];

#endif
