/* SPDX-License-Identifier: MIT */
/*
 * The worker's side of the record: turns what is relayed into spool records,
 * with secrets replaced, without ever waiting.
 *
 *	rec = rec_open(r, &open)
 *	rec_head(rec, EV_REQUEST, EV_HEAD_MAIN, head, at)   secrets learned
 *	rec_data(rec, side, p, n, at)*			    here, masked from
 *	rec_close(rec, &close)				    here on
 *
 * A record is published when the call returns: call before the bytes are
 * written to the peer. When the ring has no room, in besteffort mode the
 * bytes are counted as a gap; in strict mode the worker has stopped reading
 * long before (recorder_low()). One recorder a worker, one thread.
 */
#ifndef RECORD_RECORDER_H
#define RECORD_RECORDER_H

#include "record/evidence.h"

struct recorder;
struct rec;
struct spool;
struct redact_rules;

/* Borrows spool and rules; both outlive it. `worker` numbers it from 0. */
struct recorder *recorder_new(struct spool *s, const struct redact_rules *rules,
			      unsigned worker);
void recorder_free(struct recorder *r);

/*
 * Less than a quarter of the ring, or than RECORDER_RESERVE, is free: in
 * strict mode stop reading now (loop_hold_reads) and call
 * recorder_when_room(). What was read before still finds room.
 */
#define RECORDER_RESERVE (2u << 20)
bool recorder_low(const struct recorder *r);

/*
 * Asks the clerk to make `fd` (an eventfd of the worker's) readable once half
 * the ring is free again. Once per call.
 */
void recorder_when_room(struct recorder *r, int fd);

/* Gaps so far, and bytes lost in them. */
uint64_t recorder_gaps(const struct recorder *r, uint64_t *bytes);

/* A connection: its key, unique within this process, never 0. */
uint64_t recorder_conn(struct recorder *r, const struct ev_conn *c);
void recorder_conn_note(struct recorder *r, uint64_t conn, struct str kind,
			struct str text, uint64_t at);
void recorder_conn_closed(struct recorder *r, uint64_t conn, uint64_t at);

/* An exchange. rec_key: unique within this process, never 0; the worker's
 * number, counted from 1, is in its high 16 bits. */
struct rec *rec_open(struct recorder *r, const struct ev_open *o);
uint64_t rec_key(const struct rec *x);

/*
 * `raw` as head.raw says. The request's main head teaches the secrets
 * (credential fields, key-like query fields, userinfo) that are masked in
 * everything of this exchange from then on, both directions.
 */
void rec_head(struct rec *x, enum ev_side side, enum ev_head kind,
	      struct str raw, uint64_t at);
void rec_data(struct rec *x, enum ev_side side, const char *p, size_t n,
	      uint64_t at);

/* Ends it and frees it. */
void rec_close(struct rec *x, const struct ev_close *c);

#endif
