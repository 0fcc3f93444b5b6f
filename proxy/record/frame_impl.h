/* SPDX-License-Identifier: MIT */
/*
 * The rest of a frame: a byte (enum rest_kind), then, compressed, the sizes of
 * its sections as varints and
 *
 *	ENTRIES	 for each: exchange (zigzag difference), heads, for each head
 *		 side | kind << 1 and ns (zigzag); for each side: what holds
 *		 its bytes (enum frame_holds), ROPE: segments, EVENTS: units
 *		 and bytes; arrivals
 *	SEGMENTS for each: frame (zigzag difference to the one before, the
 *		 first of a rope: to this frame), offset, length
 *	HEADS	 columns: one unit a head
 *	EVENTS	 columns
 *	LENGTHS	 of arrivals: units * 2 where it ends with a unit as it began,
 *		 else bytes * 2 + 1
 *	HIGH	 µs since the arrival before, without their lowest 8 bits:
 *		 shifted left by one, 1 if time went backwards
 *	LOW	 the lowest 8 bits: noise, a byte each
 */
#ifndef RECORD_FRAME_IMPL_H
#define RECORD_FRAME_IMPL_H

#include <zstd.h>

#include "record/frame.h"

enum frame_section {
	SECTION_ENTRIES,
	SECTION_SEGMENTS,
	SECTION_HEADS,
	SECTION_EVENTS,
	SECTION_LENGTHS,
	SECTION_HIGH,
	SECTION_LOW,
	SECTIONS
};

enum frame_holds { HOLDS_NOTHING, HOLDS_ROPE, HOLDS_EVENTS };

/* Whether the literals are its dictionary. */
enum rest_kind { REST_ALONE, REST_PREFIXED };

/* They are not if they are longer. */
#define FRAME_PREFIX (256u << 10)

static inline uint64_t frame_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t frame_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* ---- reading: frame_store.c, frame_parse.c, frame_read.c ---- */

enum { STORE_MAGIC = 0x46535452, CACHE_SLOTS = 256 };

struct frame_side {
	enum frame_holds holds;
	size_t seg, segs;	  /* into frame.segs */
	size_t unit, units;	  /* of the events */
	uint64_t bytes;		  /* of the events */
	size_t arrival, arrivals; /* into the lists of times */
};

struct frame_entry {
	struct frame *frame;
	int64_t exchange;
	size_t head, heads;
	struct frame_side side[EV_SIDES];
};

struct frame_head_at {
	enum ev_side side;
	enum ev_head kind;
	int64_t at;
};

/* Literals are compressed in one or more pieces, each by itself. */
struct frame_chunk {
	size_t at, n;		  /* in literals */
	size_t packed_at, packed; /* in the blob */
	bool done;
};

struct frame {
	int64_t id;
	uint64_t used;	/* when last */
	unsigned count; /* entries, as the row says */
	bool has_literals, has_rest;
	struct buf packed;   /* the blob of literals */
	struct buf literals; /* what of it has been decompressed */
	struct frame_chunk *chunks;
	size_t n_chunks;
	struct buf rest;
	struct frame_entry *entries;
	size_t n_entries;
	struct frame_head_at *head_at;
	size_t n_heads;
	struct rope_seg *segs;
	size_t n_segs, n_arrivals;
	struct str section[SECTIONS];
	struct columns_view *heads, *events; /* opened when needed */
};

struct frame_store {
	uint32_t magic;
	sqlite3_stmt *select[2]; /* literals, all */
	sqlite3_stmt *batches;	 /* of words, from a number on */
	struct words *words;
	ZSTD_DCtx *zstd;
	struct frame *frames[CACHE_SLOTS];
	size_t n;
	uint64_t clock;
	struct buf scratch;
};

/* Fills *f in: the frame is damaged in this way. */
bool frame_damaged(struct fail *f, int64_t frame, const char *what);

/* The frame in the cache, fetched or not; spares `keep` when making room. */
struct frame *frame_cached(struct frame_store *s, int64_t id,
			   const struct frame *keep);
/* Bytes at .. at + n of a frame's literals, good until it is evicted. */
bool frame_literals_at(struct frame_store *s, struct frame *fr, size_t at,
		       size_t n, struct str *out, struct fail *f) MUST_USE;
/* Fetches and parses the rest, if it is not there yet. */
bool frame_need_rest(struct frame_store *s, struct frame *fr,
		     struct fail *f) MUST_USE;

/* Finds the sections and entries in fr->rest; false if they make no sense. */
bool frame_parse(struct frame *fr);
void frame_clear_rest(struct frame *fr);

#endif
