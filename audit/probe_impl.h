/* SPDX-License-Identifier: MIT */
/*
 * What the files of `assay audit probe` share. Nobody else includes it.
 *
 *	probe.c		the command: what is asked of whom
 *	probe_run.c	asks, as a room of a proxy that nobody connects to
 *	probe_hear.c	which recorded exchange answers which request
 *	probe_verdict.c	what the answers say, from the trail alone
 *	probe_report.c	says it
 *
 *	campaign --- item[]   a probe of the pack: one verdict
 *	    |		|
 *	    |	 first, n_asks
 *	    |		v
 *	    '------- ask[]    a request of it, known in the trail by the name
 *			      of its run: "probe HOST MODEL PACK NAME#I"
 *
 * So a run that was interrupted goes on where it stopped: what the trail
 * answers already is not asked again.
 */
#ifndef AUDIT_PROBE_IMPL_H
#define AUDIT_PROBE_IMPL_H

#include "base/options.h"
#include "rules/judge/check.h"
#include "rules/pack/probe.h"
#include "wire/pool.h"

struct campaign;
struct asking;
struct heard; /* an answer as the trail has it */
struct trail;

enum ask_state { ASK_WAITS, ASK_OUT, ASK_DONE };

struct ask {
	struct campaign *campaign;
	const struct probe *probe;
	size_t number; /* of the probe's requests */
	char *run;
	int64_t exchange;  /* its newest answer in the trail, or 0 */
	bool decides;	   /* its status may be a verdict */
	struct buf breach; /* what a rule of `silent` found about it */
	/* while it is asked; under the asking's lock */
	enum ask_state state;
	unsigned tries;
	uint64_t due;
	bool told_when; /* the vendor said Retry-After: */
	uint64_t pause; /* ns */
};

struct item {
	const struct probe *probe;
	char *name;
	size_t first, n_asks;
	enum verdict verdict; /* PASS, FAIL or UNKNOWN */
	struct buf why;	      /* a sentence, if it did not pass */
	int64_t exchange;     /* that shows it, or 0 */
};

struct campaign {
	const struct options *options;
	struct str model;
	struct upstream *upstream;
	char *path, *key; /* of the requests; key NULL: none is sent */
	char *trail;
	struct packs *packs;
	const struct pack *pack;
	struct probe *probes; /* all of the pack's */
	size_t n_probes;
	struct item *items;
	size_t n_items;
	struct ask *asks;
	size_t n_asks;
	int64_t after; /* --fresh: what the trail held before does not count */
	struct asking *asking; /* while it runs */
	/* what became of it */
	size_t resumed, asked, retries;
	bool interrupted, given_up;
};

/* ---- probe_run.c ---- */

/* Asks what is not done. Returns the proxy's exit status. */
int probe_run(struct campaign *c);

/* ---- probe_hear.c ---- */

/* Finds each request's newest exchange. Codes of the trail's. */
bool probe_find(struct campaign *c, struct trail *t, struct fail *f) MUST_USE;

/* The exchange of an ask, which must have one. */
struct heard *heard_open(struct trail *t, const struct ask *a,
			 struct fail *f) MUST_USE;
void heard_free(struct heard *h);

/* False: that exchange asked for something else, under the same name. */
bool heard_is_of(const struct heard *h, const struct ask *a);
enum reception heard_reception(const struct heard *h);
const struct answer *heard_answer(const struct heard *h);
/* The answer's body, decoded. */
struct str heard_body(const struct heard *h);
/* "429: Rate limit reached", a phrase. */
void heard_say(const struct heard *h, struct buf *to);

/* ---- probe_verdict.c ---- */

/* Marks as done what the trail answers already. */
bool probe_resume(struct campaign *c, struct fail *f) MUST_USE;

/* A verdict for each item. */
bool probe_judge(struct campaign *c, struct fail *f) MUST_USE;

/* ---- probe_report.c ---- */

/* Returns the exit status. */
int probe_report(const struct campaign *c);

#endif
