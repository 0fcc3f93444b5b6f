/* SPDX-License-Identifier: MIT */
/*
 * The judge: reads exchanges as they are recorded, live from the clerk's tap
 * or offline from a trail, and says what it found. One engine: its state
 * depends on the order of events and on recorded clocks alone, so that both
 * give the same findings.
 *
 *	struct judge *j = judge_new(&options);
 *	judge_open(j, id, &open);
 *	judge_head / judge_data / judge_gap ...	  of many exchanges, mixed
 *	judge_close(j, id, &close, conn_up);	  -> events.finding, .judged
 *	judge_final(j);				  -> provisional findings
 *	judge_free(j);
 *
 *	  open/head/data/close
 *		  |			per exchange: request bytes -> request,
 *		  v			response bytes -> chat (incremental)
 *	     exchange (case) --- rules of its ruleset ---> check_run()
 *		  |					   reads the state
 *		  v at close, in this order: check all, then learn
 *	     state: passback, meter, clients, identity, policy
 *
 * State changes only at close, in the order of closes (the trail's order of
 * seals). Rules of scope frames are also told while the stream still runs.
 * One thread. Memory is bounded: what was evicted is unknown.
 */
#ifndef JUDGE_JUDGE_H
#define JUDGE_JUDGE_H

#include "record/evidence.h"
#include "rules/judge/finding.h"
#include "rules/pack/pack.h"

struct judge;

/* What became of an exchange; borrowed for the call. */
struct judged {
	int64_t exchange;
	enum dialect dialect;	    /* NONE: not chat: nothing else is set */
	struct str model, answered; /* as asked, as the answer says */
	const struct pack *pack;    /* the model's, or NULL */
	enum mode mode;
	bool streamed;
	struct str finish; /* of the first choice */
	int64_t prompt_tokens, completion_tokens, cached_tokens,
		reasoning_tokens;	  /* USAGE_NONE: not said */
	unsigned passed, failed, unknown; /* checks */
	const char *blind; /* why it could not be judged whole, or NULL */
};

struct judge_events {
	/* As soon as it is found; at most one for an exchange, rule and
	 * party. */
	void (*finding)(void *arg, const struct finding *f);
	/* Once for each exchange, after its findings. May be NULL. */
	void (*judged)(void *arg, const struct judged *x);
};

struct judge_options {
	struct packs *packs; /* referenced */
	const struct judge_events *events;
	void *arg;
	size_t memory; /* for sessions and histories; 0: 128 MiB */
};

struct judge *judge_new(const struct judge_options *o);
void judge_free(struct judge *j);

/* As struct clerk_tap and struct trail say; id and conn ids are the trail's. */
void judge_open(struct judge *j, int64_t id, const struct ev_open *o);
void judge_head(struct judge *j, int64_t id, enum ev_side side,
		enum ev_head kind, struct str raw, uint64_t at);
void judge_data(struct judge *j, int64_t id, enum ev_side side,
		struct str bytes, uint64_t at);
void judge_gap(struct judge *j, int64_t id, enum ev_side side, uint64_t bytes);
/* A vendor's connection, before the first close that names it; a client's is
 * passed over. Rules that name vendors go by its TLS name, or its address. */
void judge_conn(struct judge *j, int64_t conn, const struct ev_conn *c);
void judge_close(struct judge *j, int64_t id, const struct ev_close *c,
		 int64_t conn_up);

/* What can be said now of what is still open (truncations that nobody asked
 * again about, campaigns): provisional findings. Changes no state. */
void judge_final(struct judge *j);

/* Other packs from the next exchange on. */
void judge_set_packs(struct judge *j, struct packs *p);

/* The state as bytes, between exchanges, and back; false: made by another
 * version or packs, or damaged: start afresh and judge the trail again. */
void judge_save(struct judge *j, struct buf *to);
bool judge_load(struct judge *j, struct str from) MUST_USE;

/* ---- figures; borrowed until the next call on this judge ---- */

struct judge_tally {
	const struct rule *rule;
	uint64_t passed, failed, unknown;
};
/* Rules that had something to say. Returns how many. */
size_t judge_tallies(struct judge *j, const struct judge_tally **out);

/* A fixed parameter of a model and mode. */
enum policy {
	POLICY_UNTESTED,
	POLICY_ENFORCED,
	POLICY_ACCEPTED,
	POLICY_OVERRIDDEN
};
const char *policy_name(enum policy p);
struct judge_policy {
	struct str route, model, param;
	enum mode mode;
	const struct rule *rule;
	enum policy
		outcome; /* the worst seen: accepted, overridden, enforced */
	uint64_t breaches, refused, served, no_verdict, proper, proper_refused;
	int64_t example; /* an exchange that shows it */
};
size_t judge_policies(struct judge *j, const struct judge_policy **out);

struct judge_sum {
	uint64_t exchanges, chats, passed, failed, unknown;
	uint64_t findings[3 /* SEVERITIES_N */][4 /* PARTIES_N */];
};
void judge_summary(const struct judge *j, struct judge_sum *out);

#endif
