/* SPDX-License-Identifier: MIT */
/*
 * One exchange taken out of a trail, whole: its row, both connections, heads,
 * gaps, and of each side that is asked for the body, decoded, with the time
 * at which each decoded byte arrived.
 *
 *	struct exhibit *x = exhibit_open(t, id, &want, &f);
 *	exhibit_head(x, EV_REQUEST, EV_HEAD_MAIN)
 *	x->body[EV_RESPONSE].plain
 *	exhibit_free(x);
 */
#ifndef REPLAY_EXHIBIT_H
#define REPLAY_EXHIBIT_H

#include "row.h"
#include "rules/meaning/decode.h"

/* One side's body. */
struct exhibit_body {
	bool loaded;
	struct buf wire;   /* exact, before content decoding */
	struct str plain;  /* decoded; in `wire` if there was nothing to do */
	struct buf made;   /* holds what decoding made */
	struct buf type;   /* Content-Type */
	struct buf coding; /* Content-Encoding, all of it */
	bool coded;	   /* the coding does something */
	enum decode_verdict verdict;
	uint64_t missing; /* bytes that gaps took */
	size_t gaps;
	struct trail_arrival *arrivals; /* ns after started, wire bytes */
	size_t n_arrivals;
	size_t *plain_end; /* an arrival: bytes decoded once it was there */
};

/* Where a head lies in `head_bytes`. */
struct exhibit_head {
	enum ev_side side;
	enum ev_head kind;
	uint64_t at; /* ns after started */
	size_t from, n;
};

struct exhibit {
	struct kept_row kept;
	const struct trail_row *row;
	struct trail_conn conn[EV_SIDES]; /* id 0: not known */
	struct buf conn_text[EV_SIDES];
	struct exhibit_head *heads;
	size_t n_heads;
	struct buf head_bytes;
	struct trail_gap *gaps;
	size_t n_gaps;
	struct exhibit_body body[EV_SIDES];
};

struct exhibit_want {
	bool side[EV_SIDES]; /* bodies and arrivals of */
	bool bodies;	     /* false: arrivals alone */
	bool decode;	     /* false: wire bytes alone */
	uint64_t max_decoded;
};

/* Codes: no_such_exchange, and the trail's own. */
struct exhibit *exhibit_open(struct trail *t, int64_t id,
			     const struct exhibit_want *want,
			     struct fail *f) MUST_USE;
void exhibit_free(struct exhibit *x);

/* The raw bytes of a head; empty if there is none. Several interim heads:
 * the first. */
struct str exhibit_head(const struct exhibit *x, enum ev_side side,
			enum ev_head kind);
struct str exhibit_raw(const struct exhibit *x, const struct exhibit_head *h);

/* When the decoded byte at `offset` arrived; ns after started, 0: unknown. */
uint64_t exhibit_arrived(const struct exhibit_body *b, size_t offset);

/*
 * Walks a raw head: cuts the next line off *rest, without its end; false at
 * the empty line or the end.
 */
bool head_line(struct str *rest, struct str *line);
/* "Name: value" or ":method: GET" apart; false if it is no field. */
bool head_split(struct str line, struct str *name, struct str *value);
/* Appends all values of a field (case ignored), joined as a list. */
void head_values(struct str raw, struct str name, struct buf *out);
/* Is this the raw head of an h1 message, with a start line of its own? */
bool head_has_start(struct str raw);

#endif
