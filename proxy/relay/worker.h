/* SPDX-License-Identifier: MIT */
/*
 * A worker: one thread with its own loop, listeners, vendor pool, recorder
 * and spool. Workers share nothing but the settings and the gates.
 *
 *	worker_new -> worker_listen -> worker_start -> ... -> worker_drain
 *	-> worker_join -> worker_free
 */
#ifndef RELAY_WORKER_H
#define RELAY_WORKER_H

#include "relay/settings.h"
#include "seams.h"

struct worker;
struct spool;
struct redact_rules;

struct worker_config {
	unsigned number;
	struct settings *settings; /* a reference is taken */
	struct spool *spool;	   /* borrowed, as all below */
	const struct redact_rules *redact;
	const struct gate *gates;
	unsigned n_gates;
};

struct worker *worker_new(const struct worker_config *c);

/*
 * Opens the settings' listeners, with SO_REUSEPORT if `shared`. `ports` (one
 * a listener) names the ports to use where the settings say 0, and gets what
 * was bound: the first worker fills it in for the others.
 */
bool worker_listen(struct worker *w, bool shared, uint16_t *ports,
		   struct fail *f) MUST_USE;

void worker_start(struct worker *w); /* makes the thread */

/* From any thread: */
void worker_reload(struct worker *w, struct settings *s);
/* Stops listening; idle connections close, open streams go on until
 * `deadline` (clock_mono), then they are cut; then the thread ends. */
void worker_drain(struct worker *w, uint64_t deadline);

void worker_join(struct worker *w); /* waits for the thread's end */
void worker_free(struct worker *w);

struct worker_figures {
	unsigned connections, exchanges; /* open now */
	uint64_t accepted, finished, gaps, gap_bytes;
	bool reads_held; /* strict mode waits for the recorder */
};
void worker_figures(struct worker *w, struct worker_figures *out);

/* Hands it a request of assay's own (the origin seam). Any thread. */
void worker_originate(struct worker *w, const struct origin_request *q);
/* Tells it a held gate's verdict. Any thread. */
void worker_gate_release(struct worker *w, uint64_t key, enum gate_verdict v,
			 struct gate_answer *take_answer);

#endif
