/* SPDX-License-Identifier: MIT */
/*
 * A judge with a courtroom: exchanges are written by hand and what the judge
 * found is kept, to be asked for.
 *
 *	struct rig g;
 *	rig_open(&g, my_pack);
 *	id = rig_say(&g, &(struct said){.request = "...", .answer = "..."});
 *	assert_true(rig_found(&g, id, "wire/finish_missing", PARTY_VENDOR));
 *	rig_close(&g);
 */
#ifndef JUDGE_RIG_H
#define JUDGE_RIG_H

#include "rules/judge/judge.h"

enum { RIG_FINDINGS = 256 };

struct rig_finding {
	int64_t exchange;
	char rule[80], observed[200], expected[200], route[40], model[80];
	enum severity severity;
	enum party party;
	bool provisional, live; /* told while the exchange ran */
	uint64_t at;
};

struct rig {
	struct judge *j;
	struct packs *packs;
	struct rig_finding found[RIG_FINDINGS];
	size_t n_found;
	struct judged last; /* its strings are gone */
	char finish[40], model[80];
	int64_t next;
	int64_t open; /* the exchange that runs, 0: none */
};

/* What was said; what is left out is usual. */
struct said {
	const char *path;    /* /v1/chat/completions */
	const char *request; /* the body */
	size_t request_n;    /* of it, where it is not text */
	const char *asks;    /* more of the request's head */
	unsigned status;     /* 200 */
	const char *type;    /* as `answer` looks */
	const char *fields;  /* more of the answer's head, lines with CRLF */
	const char *answer;  /* the body */
	size_t step;	     /* bytes an arrival; 0: all at once */
	uint64_t step_ns;    /* between arrivals; 0: 1 ms */
	uint64_t wait_ns;    /* until the answer begins; 0: 5 ms */
	enum ev_outcome outcome;
	bool by_assay;
	bool answer_first; /* its head comes before the request's body */
	bool unfinished;   /* the request's body is not sent to its end */
	uint64_t gap[EV_SIDES];
	const char *route; /* default */
	uint64_t bytes;	   /* of the answer on the wire; 0: as they are */
	int64_t conn;
};

/* `pack`: one more pack as JSON, or NULL; `wire` is always there. */
void rig_open(struct rig *g, const char *pack);
void rig_close(struct rig *g);
/* Another judge, with so much memory. */
void rig_judge(struct rig *g, size_t memory);
struct packs *rig_packs(const char *pack);

/* One exchange from its beginning to its end. Returns its id. */
int64_t rig_say(struct rig *g, const struct said *s);
/* Its beginning and its end apart, to mix several. */
int64_t rig_begin(struct rig *g, const struct said *s);
void rig_end(struct rig *g, int64_t id, const struct said *s);

/* NULL: not found. */
const struct rig_finding *rig_finding(const struct rig *g, int64_t id,
				      const char *rule);
bool rig_found(const struct rig *g, int64_t id, const char *rule,
	       enum party party);
/* Findings of an exchange but for those of severity info; prints them. */
size_t rig_count(const struct rig *g, int64_t id);
/* The verdicts on a rule so far. */
struct judge_tally rig_tally(struct rig *g, const char *rule);

#endif
