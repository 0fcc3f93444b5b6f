/* SPDX-License-Identifier: MIT */
/*
 * What stands in a spool: one record for each thing that happened, in the
 * machine's own byte order (a ring never leaves its machine).
 *
 *	struct record | payload | 0..7 bytes up to a multiple of 8
 *
 * Payloads: DATA the bytes, HEAD the raw head, GAP a struct record_gap; the
 * others are packed by the functions below and unpacked into structs whose
 * strings point into the payload. Unpacking trusts nothing: it returns false
 * for a payload that is too short or says nonsense.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/buf.h"
#include "record/evidence.h"

#define RECORD_TYPES(X)                                                        \
	X(CONN, "connection opened")                                           \
	X(NOTE, "something about a connection")                                \
	X(CONN_CLOSED, "connection closed")                                    \
	X(OPEN, "exchange opened")                                             \
	X(HEAD, "a head")                                                      \
	X(DATA, "body bytes")                                                  \
	X(GAP, "body bytes that were not recorded")                            \
	X(CLOSE, "exchange ended")

#define RECORD_ENUM_(name, about) RECORD_##name,
enum record_type { RECORD_NONE, RECORD_TYPES(RECORD_ENUM_) RECORD_TYPES_END };

struct record {
	uint32_t length;   /* of the payload, or RECORD_SKIP */
	uint32_t group;	   /* the clerk's: the commit it was stored with */
	uint32_t back;	   /* the clerk's: to the exchange's previous one */
	uint32_t check;	   /* XXH3, low half: payload and what follows */
	uint64_t sequence; /* counts all records of the ring from 1 */
	uint64_t key;	   /* exchange or connection */
	uint64_t at;	   /* clock_mono */
	uint32_t wire;	 /* DATA: bytes on the wire; masking changes lengths */
	uint8_t type;	 /* enum record_type */
	uint8_t what;	 /* record_what() */
	uint16_t masked; /* secrets replaced in the payload */
};

/* In place of a length: the rest of the ring up to its end is unused. */
#define RECORD_SKIP UINT32_MAX
/* The longest payload; a longer chunk becomes several records. */
#define RECORD_MAX (256u << 10)

/* Side, kind (enum ev_head, or ev_gap) and: does a DATA record continue the
 * arrival that the exchange's previous one began? */
static inline uint8_t record_what(enum ev_side side, unsigned kind,
				  bool continues)
{
	return (uint8_t)(side | kind << 1 | (unsigned)continues << 7);
}

static inline enum ev_side record_side(const struct record *r)
{
	return r->what & 1;
}

static inline unsigned record_kind(const struct record *r)
{
	return r->what >> 1 & 0x3f;
}

static inline bool record_continues(const struct record *r)
{
	return r->what >> 7;
}

static inline struct str record_payload(const struct record *r)
{
	return (struct str){(const char *)(r + 1), r->length};
}

/* Bytes that a record with this payload takes up in the ring. */
static inline size_t record_size(size_t payload)
{
	return sizeof(struct record) + ((payload + 7) & ~(size_t)7);
}

/* The checksum of a record with this payload, wherever that lies. */
uint32_t record_check(const struct record *r, struct str payload);

struct record_gap {
	uint64_t offset, n; /* in wire bytes of the side's body */
};

/* Each appends a payload to *out. */
void record_pack_conn(struct buf *out, const struct ev_conn *c);
void record_pack_note(struct buf *out, struct str kind, struct str text);
void record_pack_open(struct buf *out, const struct ev_open *o);
void record_pack_close(struct buf *out, const struct ev_close *c);

bool record_unpack_conn(struct str in, struct ev_conn *c);
bool record_unpack_note(struct str in, struct str *kind, struct str *text);
bool record_unpack_open(struct str in, struct ev_open *o);
bool record_unpack_close(struct str in, struct ev_close *c);
bool record_unpack_gap(struct str in, struct record_gap *g);

#endif
