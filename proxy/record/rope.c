/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 *	parent	|--------------- history ----------------|  ],"tools":[...]}  |
 *	body	|--------------- history ----------------| new |  ],"tools"..}|
 *		 copied: the prefix		       literal   copied: tail
 *
 * The parent's bytes are not kept: 200 live conversations of 200 KB would
 * cost 40 MB. Instead, each body leaves the hash of its first BLOCK bytes, of
 * its first 2 x BLOCK bytes, and so on, in an index; the last of the new body's
 * hashes that is in the index tells the longest prefix that is known:
 *
 *	index	hash of the first k blocks -> a body that begins so
 *	body	its segments, and hashes of its last k blocks (the tail)
 *
 * Up to a block at either end of what is shared is stored again; zstd finds
 * most of that in the frame. To be sharper where the next turn will part from
 * this one, the bytes before the tail (the edge) are kept and compared.
 *
 * The hashes are 128 bits wide, chained, and keyed with random bytes, so two
 * different prefixes do not meet by accident, nor can a sender make them
 * meet; `verify` would show it by the body's SHA-256.
 *
 * Memory is bounded: the index is a cache of sets that forget their oldest
 * entry, bodies are dropped least recently used first (an entry of a dropped
 * body is recognised by its generation).
 *
 * A body may refer to many frames, each of which has to be read to show it.
 * Beyond MAX_FRAMES it is stored whole again.
 */
#include "record/rope.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"

enum {
	ROPE_MAGIC = 0x524f5045,
	TRACK_MAGIC = 0x54524b21,
	BLOCK = 256,
	WAYS = 8,
	SETS_MIN = 1 << 9,
	SETS_MAX = 1 << 15, /* x WAYS x 24 bytes = 6 MB */
	MAX_BODIES = 4096,
	MAX_BLOCKS = 1 << 16, /* of a body; what follows is not shared */
	MAX_TAIL = 256,	      /* blocks */
	EDGE = 1024,
	MAX_FRAMES = 100,
	SECRET = 192, /* as XXH3 asks for at least 136 */
};

struct hash {
	uint64_t lo, hi;
};

/* The hash of a body's first blocks, and whose it is. */
struct entry {
	struct hash hash;
	uint32_t body; /* its name, see body_name(); 0: free */
};

struct body {
	uint32_t generation;
	uint32_t newer, older; /* least recently used order */
	struct rope_segs segs;
	uint64_t length;
	uint64_t *tail; /* hash of its last k + 1 blocks */
	uint32_t n_tail;
	uint64_t edge_at; /* where the bytes of `edge` lie */
	struct buf edge;
};

struct rope {
	uint32_t magic;
	unsigned char secret[SECRET];
	struct entry *entries; /* sets * WAYS */
	size_t sets, used;
	struct body *bodies; /* 0 is the list's head */
	uint32_t n_bodies;
	size_t body_bytes;
};

struct rope_track {
	uint32_t magic;
	uint64_t length;
	struct hash chain; /* of the whole blocks so far */
	struct hash *blocks;
	size_t n_blocks, cap_blocks;
	bool full;	  /* no more of them */
	char rest[BLOCK]; /* the bytes after them */
	struct rope_segs segs;
	uint64_t *tail;
	uint32_t n_tail;
	uint64_t edge_at;
	struct buf edge;
};

/* ---- segments ---- */

void rope_segs_add(struct rope_segs *s, struct rope_seg seg)
{
	struct rope_seg *last = s->n ? &s->p[s->n - 1] : NULL;

	if (seg.n == 0)
		return;
	if (last && last->frame == seg.frame &&
	    last->at + (uint64_t)last->n == seg.at &&
	    (uint64_t)last->n + seg.n <= UINT32_MAX) {
		last->n += seg.n;
		return;
	}
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 4;
		s->p = mem_grow(s->p, s->cap * sizeof *s->p);
	}
	s->p[s->n++] = seg;
}

void rope_segs_free(struct rope_segs *s)
{
	free(s->p);
	*s = (struct rope_segs){0};
}

/* Appends bytes from .. to of the body that `s` makes up. */
static void segs_copy(struct rope_segs *out, const struct rope_segs *s,
		      uint64_t from, uint64_t to)
{
	uint64_t at = 0;

	for (size_t i = 0; i < s->n && at < to; i++) {
		const struct rope_seg *g = &s->p[i];
		uint64_t a = from > at ? from - at : 0;
		uint64_t b = to - at < g->n ? to - at : g->n;

		if (a < b)
			rope_segs_add(out,
				      (struct rope_seg){g->frame,
							g->at + (uint32_t)a,
							(uint32_t)(b - a)});
		at += g->n;
	}
}

static size_t segs_frames(const struct rope_segs *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += i == 0 || s->p[i].frame != s->p[i - 1].frame;
	return n;
}

/* ---- bodies, least recently used first out ---- */

struct rope *rope_new(void)
{
	struct rope *r = MEM_NEW(struct rope);

	r->magic = ROPE_MAGIC;
	if (RAND_bytes(r->secret, sizeof r->secret) != 1)
		abort();
	r->sets = SETS_MIN;
	r->entries = mem_zero(r->sets * WAYS * sizeof *r->entries);
	r->bodies = mem_zero((MAX_BODIES + 1) * sizeof *r->bodies);
	r->n_bodies = 1;
	return r;
}

static size_t body_size(const struct body *b)
{
	return b->segs.cap * sizeof *b->segs.p + b->n_tail * sizeof *b->tail +
	       b->edge.cap;
}

static void body_clear(struct rope *r, struct body *b)
{
	r->body_bytes -= body_size(b);
	rope_segs_free(&b->segs);
	free(b->tail);
	b->tail = NULL;
	b->n_tail = 0;
	buf_free(&b->edge);
	b->generation++;
}

void rope_free(struct rope *r)
{
	if (!r)
		return;
	assert(r->magic == ROPE_MAGIC);
	for (uint32_t i = 1; i < r->n_bodies; i++)
		body_clear(r, &r->bodies[i]);
	free(r->bodies);
	free(r->entries);
	r->magic = 0;
	free(r);
}

size_t rope_memory(const struct rope *r)
{
	assert(r->magic == ROPE_MAGIC);
	return sizeof *r + r->sets * WAYS * sizeof *r->entries +
	       (MAX_BODIES + 1) * sizeof *r->bodies + r->body_bytes;
}

static void body_unlink(struct rope *r, uint32_t i)
{
	struct body *b = &r->bodies[i];

	r->bodies[b->older].newer = b->newer;
	r->bodies[b->newer].older = b->older;
}

/* Makes it the most recently used. */
static void body_link(struct rope *r, uint32_t i)
{
	struct body *head = &r->bodies[0], *b = &r->bodies[i];

	b->older = head->older; /* the head's `older` is the newest */
	b->newer = 0;
	r->bodies[b->older].newer = i;
	head->older = i;
}

static uint32_t body_new(struct rope *r)
{
	uint32_t i;

	if (r->n_bodies <= MAX_BODIES) {
		i = r->n_bodies++;
	} else {
		i = r->bodies[0].newer; /* the oldest */
		body_unlink(r, i);
		body_clear(r, &r->bodies[i]);
	}
	body_link(r, i);
	return i;
}

/* ---- the index ---- */

/* An entry names its body's slot and generation in 32 bits. */
static uint32_t body_name(const struct rope *r, uint32_t i)
{
	return i | r->bodies[i].generation << 13;
}

static struct body *body_of(const struct rope *r, uint32_t name)
{
	uint32_t i = name & 0x1fff;

	if (i == 0 || i >= r->n_bodies || body_name(r, i) != name)
		return NULL;
	return &r->bodies[i];
}

static struct entry *set_of(const struct rope *r, struct hash h)
{
	return &r->entries[(h.lo & (r->sets - 1)) * WAYS];
}

static struct entry *index_find(const struct rope *r, struct hash h)
{
	struct entry *e = set_of(r, h);

	for (int i = 0; i < WAYS; i++)
		if (e[i].hash.lo == h.lo && e[i].hash.hi == h.hi &&
		    body_of(r, e[i].body))
			return &e[i];
	return NULL;
}

/* Newest first within a set; the oldest falls out. */
static void index_place(struct rope *r, struct entry new)
{
	struct entry *e = set_of(r, new.hash);
	int i = 0;

	while (i < WAYS - 1 && e[i].body &&
	       (e[i].hash.lo != new.hash.lo || e[i].hash.hi != new.hash.hi))
		i++;
	r->used += e[i].body == 0;
	memmove(e + 1, e, (size_t)i * sizeof *e);
	e[0] = new;
}

static void index_grow(struct rope *r)
{
	struct entry *old = r->entries;
	size_t n = r->sets * WAYS;

	if (r->used * 2 < n || r->sets == SETS_MAX)
		return;
	r->sets *= 2;
	r->used = 0;
	r->entries = mem_zero(r->sets * WAYS * sizeof *r->entries);
	for (size_t i = n; i-- > 0;)
		if (body_of(r, old[i].body))
			index_place(r, old[i]);
	free(old);
}

/* ---- hashing ---- */

/* Carries all of the chain's 128 bits on. */
static struct hash chain_block(const struct rope *r, struct hash chain,
			       const char *block)
{
	XXH128_hash_t h = XXH3_128bits_withSecret(block, BLOCK, r->secret,
						  sizeof r->secret);
	uint64_t a = chain.lo ^ h.low64, b = chain.hi ^ h.high64;
	__uint128_t m = (__uint128_t)(chain.hi | 1) * 0x9e3779b97f4a7c15ull;

	return (struct hash){(a << 23 | a >> 41) * 0x9fb21c651e98df25ull +
				     (uint64_t)m,
			     (b << 37 | b >> 27) * 0xc2b2ae3d27d4eb4full +
				     chain.lo + (uint64_t)(m >> 64)};
}

static void track_block(const struct rope *r, struct rope_track *k,
			const char *block)
{
	k->chain = chain_block(r, k->chain, block);
	if (k->n_blocks == k->cap_blocks) {
		k->cap_blocks = k->cap_blocks ? k->cap_blocks * 2 : 64;
		k->blocks =
			mem_grow(k->blocks, k->cap_blocks * sizeof *k->blocks);
	}
	k->blocks[k->n_blocks++] = k->chain;
}

/* Hashes the blocks that the slice completes. */
static void track_hash(const struct rope *r, struct rope_track *k,
		       struct str slice)
{
	size_t have = k->length % BLOCK;

	k->length += slice.n;
	k->full |= k->n_blocks + slice.n / BLOCK >= MAX_BLOCKS;
	if (k->full)
		return;
	if (have) {
		size_t n = BLOCK - have < slice.n ? BLOCK - have : slice.n;

		memcpy(k->rest + have, slice.p, n);
		slice = str_skip(slice, n);
		if (have + n < BLOCK)
			return;
		track_block(r, k, k->rest);
	}
	for (; slice.n >= BLOCK; slice = str_skip(slice, BLOCK))
		track_block(r, k, slice.p);
	if (slice.n)
		memcpy(k->rest, slice.p, slice.n);
}

/* Hashes of the last 1, 2, .. blocks of the slice that the body ends with. */
static void track_tail(const struct rope *r, struct rope_track *k,
		       struct str slice)
{
	size_t n = slice.n / BLOCK < MAX_TAIL ? slice.n / BLOCK : MAX_TAIL;
	uint64_t h = 0;

	k->tail = mem_alloc(n * sizeof *k->tail);
	for (k->n_tail = 0; k->n_tail < n; k->n_tail++) {
		const char *p =
			slice.p + slice.n - (k->n_tail + 1) * (size_t)BLOCK;

		h = XXH3_64bits_withSecret(p, BLOCK, r->secret,
					   sizeof r->secret) +
		    h * 0x9fb21c651e98df25ull;
		k->tail[k->n_tail] = h;
	}
}

/* ---- finding what is shared ---- */

struct shared {
	const struct body *parent;
	uint64_t prefix; /* the parent's bytes 0 .. prefix */
	size_t tail;	 /* the parent's last bytes */
};

/* The longest known prefix that ends within blocks from .. n_blocks. The new
 * part is short as a rule, so looking from the end finds it soon. */
static void find_prefix(struct rope *r, const struct rope_track *k, size_t from,
			struct shared *out)
{
	for (size_t i = k->n_blocks; i-- > from;) {
		struct entry *e = index_find(r, k->blocks[i]);

		if (!e)
			continue;
		out->parent = body_of(r, e->body);
		out->prefix = ((uint64_t)i + 1) * BLOCK;
		return;
	}
}

/* Goes on byte by byte where the parent's bytes are at hand. `slice` begins
 * at body offset `at`. */
static void extend_prefix(struct shared *s, struct str slice, uint64_t at)
{
	const struct body *b = s->parent;
	uint64_t end = b->edge_at + b->edge.n;

	if (s->prefix < b->edge_at || s->prefix < at)
		return;
	while (s->prefix < end && s->prefix - at < slice.n &&
	       b->edge.p[s->prefix - b->edge_at] == slice.p[s->prefix - at])
		s->prefix++;
}

/* The same from the end, backwards. `room`: what the prefix left of it. */
static void extend_tail(struct shared *s, struct str slice, size_t room)
{
	const struct body *b = s->parent;
	uint64_t theirs = b->length - s->prefix;

	while (s->tail && s->tail < room && s->tail < theirs) {
		uint64_t at = b->length - s->tail - 1;

		if (at < b->edge_at || at >= b->edge_at + b->edge.n ||
		    b->edge.p[at - b->edge_at] !=
			    slice.p[slice.n - s->tail - 1])
			break;
		s->tail++;
	}
}

static void find_tail(const struct rope_track *k, struct shared *s, size_t room)
{
	const struct body *b = s->parent;
	uint64_t theirs = b->length - s->prefix;

	for (size_t i = 0; i < k->n_tail && i < b->n_tail; i++) {
		size_t n = (i + 1) * BLOCK;

		if (n > room || n > theirs || k->tail[i] != b->tail[i])
			break;
		s->tail = n;
	}
}

/* Keeps the bytes around `at`, where the next turn is likely to differ. */
static void keep_edge(struct rope_track *k, struct str slice, uint64_t start,
		      uint64_t at)
{
	uint64_t from = at > start + EDGE ? at - EDGE : start;
	size_t skip = (size_t)(from - start);
	size_t n = slice.n - skip;

	k->edge.n = 0;
	k->edge_at = from;
	buf_add(&k->edge, slice.p + skip, n < EDGE + BLOCK ? n : EDGE + BLOCK);
}

struct rope_track *rope_begin(struct rope *r)
{
	struct rope_track *k = MEM_NEW(struct rope_track);

	assert(r->magic == ROPE_MAGIC);
	k->magic = TRACK_MAGIC;
	return k;
}

static struct shared find_shared(struct rope *r, struct rope_track *k,
				 struct str slice, uint64_t start, bool last)
{
	struct shared s = {0};

	track_hash(r, k, slice);
	if (last)
		track_tail(r, k, slice);
	find_prefix(r, k, start / BLOCK, &s);
	if (s.parent && segs_frames(&s.parent->segs) > MAX_FRAMES)
		s = (struct shared){0};
	if (s.parent)
		extend_prefix(&s, slice, start);
	if (s.parent && last) {
		uint64_t from = s.prefix > start ? s.prefix : start;
		size_t room = (size_t)(start + slice.n - from);

		find_tail(k, &s, room);
		extend_tail(&s, slice, room);
	}
	return s;
}

void rope_add(struct rope *r, struct rope_track *k, struct str slice, bool last,
	      uint64_t frame, struct buf *literals, struct rope_segs *out)
{
	uint64_t start = k->length, end = start + slice.n, new;
	struct shared s;

	assert(r->magic == ROPE_MAGIC && k->magic == TRACK_MAGIC);
	s = find_shared(r, k, slice, start, last);
	new = s.prefix > start ? s.prefix : start;
	if (s.parent)
		segs_copy(out, &s.parent->segs, start, new);
	if (end - s.tail > new) {
		size_t n = (size_t)(end - s.tail - new);

		assert(literals->n + n <= UINT32_MAX);
		rope_segs_add(out,
			      (struct rope_seg){frame, (uint32_t)literals->n,
						(uint32_t)n});
		buf_add(literals, slice.p + (new - start), n);
	}
	if (s.tail)
		segs_copy(out, &s.parent->segs, s.parent->length - s.tail,
			  s.parent->length);
	if (last)
		keep_edge(k, slice, start, end - s.tail);
	for (size_t i = 0; i < out->n; i++)
		rope_segs_add(&k->segs, out->p[i]);
}

void rope_end(struct rope *r, struct rope_track *k)
{
	struct body *b;
	uint32_t i, name;

	assert(r->magic == ROPE_MAGIC && k->magic == TRACK_MAGIC);
	if (k->n_blocks) {
		i = body_new(r);
		name = body_name(r, i);
		b = &r->bodies[i];
		b->segs = k->segs;
		b->length = k->length;
		b->tail = k->tail;
		b->n_tail = k->n_tail;
		b->edge = k->edge;
		b->edge_at = k->edge_at;
		r->body_bytes += body_size(b);
		k->segs = (struct rope_segs){0};
		k->tail = NULL;
		k->edge = (struct buf){0};
		for (size_t n = 0; n < k->n_blocks; n++) {
			index_place(r, (struct entry){k->blocks[n], name});
			index_grow(r);
		}
	}
	rope_drop(k);
}

void rope_drop(struct rope_track *k)
{
	if (!k)
		return;
	assert(k->magic == TRACK_MAGIC);
	rope_segs_free(&k->segs);
	free(k->blocks);
	free(k->tail);
	buf_free(&k->edge);
	k->magic = 0;
	free(k);
}
