/* SPDX-License-Identifier: MIT */
/*
 * The vocabulary of evidence, shared by recorder, clerk, trail and readers.
 * Each table is written once and generates the enum, its names and the
 * README's tables. Values are stored: append, never reorder.
 */
#ifndef RECORD_EVIDENCE_H
#define RECORD_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define EVIDENCE_KINDS(X)                                                      \
	X(CLIENT, "client", "a request that a client sent")                    \
	X(CANARY, "canary", "a benchmark item placed in traffic")              \
	X(REPLAY, "replay", "a recorded request sent again")                   \
	X(PROBE, "probe", "a request of assay's own checks")                   \
	X(TUNNEL, "tunnel", "bytes passed unopened")

#define EVIDENCE_OUTCOMES(X)                                                   \
	X(COMPLETE, "complete", "the whole answer reached the client")         \
	X(TRUNCATED, "truncated", "the vendor's answer ended too early")       \
	X(RESET_BY_VENDOR, "reset_by_vendor", "the vendor reset the stream")   \
	X(RESET_BY_CLIENT, "reset_by_client", "the client went away")          \
	X(VENDOR_UNREACHABLE, "vendor_unreachable",                            \
	  "no connection, or TLS failed: answered 502 or 504 by assay")        \
	X(TIMED_OUT, "timeout", "a deadline of assay's options passed")        \
	X(INTERRUPTED, "interrupted", "assay itself stopped meanwhile")        \
	X(BLOCKED, "blocked", "refused by assay, never sent")                  \
	X(ANSWERED_FROM_TRAIL, "answered_from_trail",                          \
	  "answered from a recording, never sent")

/* Moments of an exchange, each in ns after `started`; 0 = did not happen. */
#define EVIDENCE_MARKS(X)                                                      \
	X(REQUEST_HEAD, "request_head", "request head complete")               \
	X(VENDOR_READY, "vendor_ready", "a vendor connection was at hand")     \
	X(REQUEST_SENT, "request_sent", "request head handed to the kernel")   \
	X(REQUEST_END, "request_end", "last byte of the request arrived")      \
	X(FIRST_BYTE, "first_byte", "response head arrived")                   \
	X(FIRST_DATA, "first_data", "first byte of the response body arrived") \
	X(RESPONSE_END, "response_end", "last byte of the response arrived")   \
	X(DONE, "done", "last byte handed to the client's kernel, or the end")

/* The digests: XXH64 of body bytes at four places, see exchange. */
#define EVIDENCE_DIGESTS(X)                                                    \
	X(REQUEST_IN, "request_in", "as read from the client")                 \
	X(REQUEST_OUT, "request_out", "as handed to the vendor's connection")  \
	X(RESPONSE_IN, "response_in", "as read from the vendor")               \
	X(RESPONSE_OUT, "response_out", "as handed to the client's connection")

#define EVIDENCE_ENUM_(name, text, about) EV_##name,
enum ev_kind { EVIDENCE_KINDS(EVIDENCE_ENUM_) EV_KINDS };
enum ev_outcome { EVIDENCE_OUTCOMES(EVIDENCE_ENUM_) EV_OUTCOMES };
#define EVIDENCE_MARK_(name, text, about) EV_MARK_##name,
enum ev_mark { EVIDENCE_MARKS(EVIDENCE_MARK_) EV_MARKS };
#define EVIDENCE_DIGEST_(name, text, about) EV_DIGEST_##name,
enum ev_digest { EVIDENCE_DIGESTS(EVIDENCE_DIGEST_) EV_DIGESTS };

/* The client's direction, and the vendor's. */
enum ev_side { EV_REQUEST, EV_RESPONSE, EV_SIDES };

/* Names as written above; "?" out of range. */
const char *ev_kind_name(enum ev_kind k);
const char *ev_outcome_name(enum ev_outcome o);
const char *ev_mark_name(enum ev_mark m);
/* The value of a name, or -1. */
int ev_kind_of(struct str name);
int ev_outcome_of(struct str name);

/* What is known when an exchange begins. */
struct ev_open {
	enum ev_kind kind;
	int64_t parent;	    /* the exchange it repeats or serves, or 0 */
	struct str run;	    /* name of the run it belongs to, or empty */
	struct str route;   /* the upstream's name */
	uint64_t conn_down; /* the client connection's key, 0: none */
	uint64_t started_wall, started_mono; /* first byte of the request */
	unsigned attempt; /* 0, or how many unsent attempts came before */
};

/* What is known when it has ended. */
struct ev_close {
	enum ev_outcome outcome;
	unsigned status;	 /* as the client saw it; 0: none */
	bool answered_by_assay;	 /* status and body are assay's own */
	char error[32];		 /* assay's code if something failed, or "" */
	uint64_t conn_up;	 /* the vendor connection's key, 0: none */
	uint64_t mark[EV_MARKS]; /* ns after started; 0 = did not happen */
	uint64_t bytes[EV_DIGESTS];  /* body bytes at the four places */
	uint64_t digest[EV_DIGESTS]; /* XXH64 of them */
	uint64_t added_ns;   /* the most that assay delayed any byte: request
				head in to out without the wait for a
				connection, plus the slowest response chunk */
	uint32_t reset_code; /* h2 error code, if it was reset */
};

/* What is known of a connection. */
struct ev_conn {
	enum ev_side side; /* EV_REQUEST: a client's; EV_RESPONSE: a vendor's */
	struct str route;  /* vendor side: the upstream's name */
	uint64_t at_wall;
	struct str peer; /* "127.0.0.1:3456", "[::1]:443" */
	bool tls;
	struct str tls_version, cipher, alpn, sni;
	struct str http; /* "1.1" or "2" */
	unsigned char chain_sha256[32];
	bool has_chain;
};

/* Kinds of recorded head. */
enum ev_head { EV_HEAD_MAIN, EV_HEAD_INTERIM, EV_HEAD_TRAILERS };

/* Why bytes are missing from the record though they were relayed. */
enum ev_gap { EV_GAP_SPOOL_FULL, EV_GAP_RING_DAMAGED, EV_GAP_DISK };

#endif
