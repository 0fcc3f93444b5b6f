/* SPDX-License-Identifier: MIT */
/*
 * The rest of a frame: the sizes of its sections as varints, then
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

/* The literals serve as a dictionary for the rest up to this size. */
#define FRAME_PREFIX (256u << 10)

static inline uint64_t frame_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t frame_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
