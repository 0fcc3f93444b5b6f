/* SPDX-License-Identifier: MIT */
/*
 * Workloads for the storage bench: what LLM traffic looks like, made from a
 * seed. Words follow Zipf's law over a vocabulary of 6,000 words built from
 * syllables, some are split into two tokens; ids, fingerprints and ray names
 * are random; gaps between tokens are log-normal.
 *
 *	struct load *l = load_new(1);
 *	struct dialogue *c = dialogue_new(l, obfuscation);
 *	dialogue_turn(c, &w);	request and answer of the next turn
 */
#ifndef BENCH_STORAGE_LOAD_H
#define BENCH_STORAGE_LOAD_H

#include "base/buf.h"
#include "record/trail.h"

struct load;
struct load *load_new(uint64_t seed);
void load_free(struct load *l);
uint64_t load_random(struct load *l);

/* One exchange as it goes over the wire. Reused from call to call. */
struct wire_exchange {
	struct buf head[EV_SIDES], body[EV_SIDES];
	struct buf arrivals[EV_SIDES]; /* struct trail_arrival */
	uint64_t started;	       /* clock_mono */
};
void wire_exchange_free(struct wire_exchange *w);
size_t wire_exchange_bytes(const struct wire_exchange *w);

/* A conversation with an agent: tools, growing history, streamed answers. */
struct dialogue;
struct dialogue *dialogue_new(struct load *l, bool obfuscation);
void dialogue_free(struct dialogue *c);
void dialogue_turn(struct dialogue *c, struct wire_exchange *w);

/* A question of a few hundred bytes and a streamed answer. */
void load_single(struct load *l, bool obfuscation, struct wire_exchange *w);

/* 4 KB up, 1 KB of JSON down. */
void load_small(struct load *l, struct wire_exchange *w);

/* A stream of `n` events of about 250 bytes. */
void load_stream(struct load *l, unsigned n, struct wire_exchange *w);

/* `n` bytes that no compressor can shrink (or base64 of such), 1 KB down. */
void load_noise(struct load *l, size_t n, bool base64, struct wire_exchange *w);

#endif
