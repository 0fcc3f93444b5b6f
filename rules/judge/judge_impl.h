/* SPDX-License-Identifier: MIT */
/*
 * What the files that implement judge.h share. Nobody else includes it.
 *
 *	judge.c		events in, exchange by exchange
 *	judge_open.c	an exchange while it runs: request, parser, held bytes
 *	judge_rules.c	rules asked, verdicts counted, findings told
 *	judge_close.c	its end: the case, all rules, learning
 *	judge_sums.c	tallies and sums; what is still open
 *	judge_state.c	saved and loaded
 */
#ifndef JUDGE_JUDGE_IMPL_H
#define JUDGE_JUDGE_IMPL_H

#include "rules/judge/campaign.h"
#include "rules/judge/check.h"
#include "rules/judge/judge.h"
#include "rules/judge/policy.h"
#include "rules/judge/schemas.h"

#define JUDGE_MAGIC 0x4a554447u

enum {
	JUDGE_BODY = 64 << 20, /* of one request, as on the wire */
	JUDGE_HELD = 8 << 20,  /* of one answer that came before its request */
	JUDGE_CONNS = 4096,
};
/* Bodies and held answers of all open exchanges together. */
#define JUDGE_WAITING ((size_t)512 << 20)

/*
 * An exchange before the judge.
 *
 *	request head -> dialect
 *	request body -> body ----.  response head: if it can be read now, the
 *				 +> q	parser starts, and bytes go to it as
 *				 |	they come; else they are
 *	response body -> held ---'	held until the exchange closes
 *		      `> chat
 */
struct hearing {
	struct hearing *next; /* in its bucket */
	int64_t id;
	struct packs *packs; /* in force when it opened; referenced */
	struct ev_open open; /* route and run are the two below */
	char *route, *run;
	enum dialect dialect;
	struct buf head[EV_SIDES];
	bool head_seen[EV_SIDES];
	struct buf body;
	struct request *q; /* NULL: not read, or not to be read */
	struct buf held;   /* struct held_piece and its bytes, in turn */
	struct chat *chat;
	const struct ruleset *rules; /* NULL: not chosen yet */
	enum mode mode;
	uint64_t gap[EV_SIDES];
	uint64_t arrivals, first_data, last_data;
	unsigned status;
	unsigned quirks; /* of the answer, already looked at */
	uint32_t *told;	 /* rule number and party, of findings told */
	size_t n_told;
	uint64_t passed, failed, unknown;
	const char *blind;
};

struct held_piece {
	uint64_t at;
	uint64_t n; /* bytes that follow */
};

struct judge_conn {
	struct ev_conn conn;
	char *texts[7]; /* of conn's strings */
};

struct judge {
	unsigned magic;
	struct packs *packs;
	check_fn **runs;	     /* by rule number; NULL: a schema */
	struct judge_tally *tallies; /* by rule number */
	struct judge_tally *shown;   /* those that judge_tallies() gave out */
	const struct judge_events *events;
	void *arg;
	size_t memory;
	struct hearing **buckets;
	size_t n_buckets, n_hearings;
	struct hearing *last; /* the one of the last event */
	size_t waiting;
	/* A ring, the oldest is overwritten; the ids apart, to be searched. */
	struct judge_conn *conns;
	int64_t conn_ids[JUDGE_CONNS];
	size_t n_conns, next_conn;
	/* memory */
	struct request_memory *requests;
	struct passback *passback;
	struct meter *meter;
	struct clients *clients;
	struct identity *identity;
	struct policies *policies;
	struct campaign *campaign;
	struct schemas *schemas;
	struct judge_sum sum;
};

/* ---- judge.c ---- */

void judge_memory_new(struct judge *j);
void judge_memory_free(struct judge *j);
const struct judge_conn *judge_conn_of(const struct judge *j, int64_t id);
struct str judge_vendor(const struct judge *j, struct str route);

/* ---- judge_open.c ---- */

struct hearing *hearing_new(struct judge *j, int64_t id,
			    const struct ev_open *o);
void hearing_free(struct judge *j, struct hearing *x);
void hearing_head(struct judge *j, struct hearing *x, enum ev_side side,
		  struct str raw);
void hearing_data(struct judge *j, struct hearing *x, enum ev_side side,
		  struct str bytes, uint64_t at);
/* The request is read now if it never was, held bytes are parsed, the parser
 * is told of the end, rules are chosen. */
void hearing_end(struct judge *j, struct hearing *x, const struct ev_close *c);

/* ---- judge_close.c ---- */

/* close NULL: it still runs. Borrows from everything. */
struct check_case hearing_case(const struct judge *j, const struct hearing *x,
			       const struct ev_close *close, int64_t conn_up);
void hearing_close(struct judge *j, struct hearing *x, const struct ev_close *c,
		   int64_t conn_up);

/* ---- judge_rules.c ---- */

/* Asks every rule of the closed exchange. */
void judge_ask_all(struct judge *j, struct hearing *x,
		   const struct check_case *c);
/* Asks rules about pieces of the stream that a new quirk may concern. */
void judge_ask_frames(struct judge *j, struct hearing *x,
		      const struct check_case *c);
enum severity judge_severity(const struct rule *r);

/* ---- judge_sums.c ---- */

void judge_count(struct judge *j, struct hearing *x, const struct rule *r,
		 enum verdict v);
/* Sets packs; tallies of rules that the new ones have too are kept. */
void judge_take_packs(struct judge *j, struct packs *p);

#endif
