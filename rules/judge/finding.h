/* SPDX-License-Identifier: MIT */
/*
 * A finding: what was found, by which rule, about whom, resting on which
 * bytes. The vocabulary is shared by packs, judge, store and commands.
 */
#ifndef JUDGE_FINDING_H
#define JUDGE_FINDING_H

#include "base/buf.h"

#define SEVERITIES(X)                                                          \
	X(INFO, "info")	      /* noted; nobody is blamed */                    \
	X(WARNING, "warning") /* a breach by what is reported or inferred */   \
	X(ERROR, "error")     /* a breach of a certain contract: a violation */
#define PARTIES(X)                                                             \
	X(UNKNOWN, "unknown") /* the bytes do not decide */                    \
	X(CLIENT, "client")                                                    \
	X(VENDOR, "vendor")   /* whoever answers at the upstream's URL */      \
	X(GATEWAY, "gateway") /* only where bytes show another hop */
#define SCOPES(X)                                                              \
	X(REQUEST, "request")	/* the request alone */                        \
	X(RESPONSE, "response") /* the answer alone */                         \
	X(FRAMES, "frames")	/* the pieces that it came in */               \
	X(PAIR, "pair")		/* an answer against its request */            \
	X(SESSION, "session")	/* against earlier exchanges */                \
	X(CAMPAIGN, "campaign") /* many exchanges together */

#define SEVERITY_ENUM_(name, text) SEVERITY_##name,
#define PARTY_ENUM_(name, text)	   PARTY_##name,
#define SCOPE_ENUM_(name, text)	   SCOPE_##name,
enum severity { SEVERITIES(SEVERITY_ENUM_) SEVERITIES_N };
enum party { PARTIES(PARTY_ENUM_) PARTIES_N };
enum scope { SCOPES(SCOPE_ENUM_) SCOPES_N };
const char *severity_name(enum severity s);
const char *party_name(enum party p);
const char *scope_name(enum scope s);
int severity_of(struct str name); /* -1: no such; also the two below */
int party_of(struct str name);
int scope_of(struct str name);

/* pass, fail or unknown; NONE: the rule has nothing to say here. */
enum verdict { VERDICT_NONE, VERDICT_PASS, VERDICT_FAIL, VERDICT_UNKNOWN };

/* Bytes that a finding rests on: offsets into a decoded body, as `replay show`
 * shows it; to == 0: a head or the connection. */
struct evidence {
	enum { EVIDENCE_NOTHING, EVIDENCE_REQUEST, EVIDENCE_RESPONSE } side;
	uint64_t from, to;
	struct str excerpt; /* up to 200 bytes of them, or empty */
};

/* All strings are borrowed for the call that shows it. */
struct finding {
	int64_t exchange; /* whose bytes show it */
	struct str rule, version, pack;
	enum severity severity;
	enum party party;
	enum scope scope;
	struct str observed, expected;
	struct evidence evidence;
	int64_t other; /* the exchange it is compared with, or 0 */
	uint64_t at;   /* wall clock, ns: of the bytes that showed it */
	struct str route, model;
	bool provisional; /* of judge_final(): may change as more comes */
};

#endif
