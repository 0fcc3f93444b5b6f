/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 *	frame 7	 literals  [req 31 middle|req 32 middle|...]	zstd
 *		 rest	   [entries|segments|heads|events|times] zstd, with
 *							the literals as its
 *							dictionary
 *
 * The rest comes second because an answer streamed word by word returns as a
 * message of the next request: its words are then found in the literals. The
 * literals are apart because later bodies refer to them, and are read without
 * the rest.
 *
 * Streams of one kind lie together, and the compressor starts a new block
 * where the kind changes, so that each has statistics of its own.
 */
#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/mem.h"
#include "record/frame_impl.h"

enum {
	MAKER_MAGIC = 0x464d4b52,
	LEAST_BLOCK = 512,
	DENSE = 64 << 10,
	CHUNK = 24 << 10
};

struct frame_maker {
	uint32_t magic;
	const struct words *words;
	int64_t id;
	unsigned entries;
	uint64_t carried; /* body bytes that the entries stand for */
	struct buf literals;
	size_t entry_at;   /* where those of the entry at hand begin */
	struct buf splits; /* size_t: where literals are cut into chunks */
	struct columns *heads, *events;
	struct buf dir, segs, lengths, high, low;
	/* the entry at hand */
	int64_t exchange;
	struct buf entry_heads;
	unsigned n_heads;
	struct {
		enum frame_holds holds;
		uint64_t segs, units, bytes, arrivals;
	} side[EV_SIDES];
	struct buf units; /* uint32_t: lengths of the last side's events */
	ZSTD_CCtx *zstd;
	struct buf raw, cuts;
};

struct frame_maker *frame_maker_new(const struct words *words)
{
	struct frame_maker *m = MEM_NEW(struct frame_maker);

	m->magic = MAKER_MAGIC;
	m->words = words;
	m->heads = columns_new();
	m->events = columns_new();
	m->zstd = ZSTD_createCCtx();
	if (!m->zstd)
		abort();
	return m;
}

void frame_maker_free(struct frame_maker *m)
{
	if (!m)
		return;
	assert(m->magic == MAKER_MAGIC);
	columns_free(m->heads);
	columns_free(m->events);
	buf_free(&m->literals);
	buf_free(&m->splits);
	buf_free(&m->dir);
	buf_free(&m->segs);
	buf_free(&m->lengths);
	buf_free(&m->high);
	buf_free(&m->low);
	buf_free(&m->entry_heads);
	buf_free(&m->units);
	buf_free(&m->raw);
	buf_free(&m->cuts);
	ZSTD_freeCCtx(m->zstd);
	m->magic = 0;
	free(m);
}

void frame_begin(struct frame_maker *m, int64_t id)
{
	assert(m->magic == MAKER_MAGIC);
	m->id = id;
	m->entries = 0;
	m->carried = 0;
	m->literals.n = m->entry_at = m->splits.n = 0;
	columns_reset(m->heads);
	columns_reset(m->events);
	m->dir.n = m->segs.n = m->lengths.n = m->high.n = m->low.n = 0;
	m->exchange = 0;
	m->entry_heads.n = 0;
	m->n_heads = 0;
	memset(m->side, 0, sizeof m->side);
}

int64_t frame_id(const struct frame_maker *m)
{
	return m->id;
}

unsigned frame_entries(const struct frame_maker *m)
{
	return m->entries;
}

bool frame_full(const struct frame_maker *m)
{
	assert(m->magic == MAKER_MAGIC);
	return m->entries >= FRAME_ENTRIES ||
	       m->literals.n + columns_size(m->heads) +
			       columns_size(m->events) + 2 * m->low.n >=
		       FRAME_BYTES;
}

struct buf *frame_literals(struct frame_maker *m)
{
	return &m->literals;
}

/* ---- an entry ---- */

/* Appends the entry at hand to a directory. */
static void write_entry(const struct frame_maker *m, struct buf *dir)
{
	buf_add_varint(dir, m->n_heads);
	buf_adds(dir, buf_str(&m->entry_heads));
	for (int i = 0; i < EV_SIDES; i++) {
		buf_addc(dir, (char)m->side[i].holds);
		if (m->side[i].holds == HOLDS_ROPE)
			buf_add_varint(dir, m->side[i].segs);
		if (m->side[i].holds == HOLDS_EVENTS) {
			buf_add_varint(dir, m->side[i].units);
			buf_add_varint(dir, m->side[i].bytes);
		}
		buf_add_varint(dir, m->side[i].arrivals);
	}
}

unsigned frame_entry(struct frame_maker *m, int64_t exchange)
{
	assert(m->magic == MAKER_MAGIC);
	if (m->entries)
		write_entry(m, &m->dir);
	buf_add_varint(&m->dir, frame_zigzag(exchange - m->exchange));
	m->exchange = exchange;
	m->entry_at = m->literals.n;
	m->entry_heads.n = 0;
	m->n_heads = 0;
	memset(m->side, 0, sizeof m->side);
	return m->entries++;
}

void frame_head(struct frame_maker *m, enum ev_side side, enum ev_head kind,
		int64_t at, struct str raw)
{
	buf_addc(&m->entry_heads, (char)(side | kind << 1));
	buf_add_varint(&m->entry_heads, frame_zigzag(at));
	columns_add(m->heads, COLUMNS_HEAD, raw, NULL);
	m->n_heads++;
}

static size_t last_split(const struct frame_maker *m)
{
	size_t at = 0;

	if (m->splits.n)
		memcpy(&at, m->splits.p + m->splits.n - sizeof at, sizeof at);
	return at;
}

/*
 * Does another conversation go on here than in the literals before? Bodies of
 * one conversation are read together and packed together; of others a reader
 * wants nothing, and begins a chunk of its own.
 */
static bool is_stranger(const struct frame_maker *m,
			const struct rope_segs *segs)
{
	bool continues = false;

	if (m->entry_at < last_split(m) + CHUNK)
		return false;
	for (size_t i = 0; i < segs->n; i++) {
		if (segs->p[i].frame != (uint64_t)m->id)
			continues = true;
		else if (segs->p[i].at < m->entry_at)
			return false;
	}
	return continues;
}

void frame_rope(struct frame_maker *m, enum ev_side side,
		const struct rope_segs *segs)
{
	int64_t before = m->id;

	assert(m->side[side].holds == HOLDS_NOTHING);
	m->side[side].holds = HOLDS_ROPE;
	m->side[side].segs = segs->n;
	m->units.n = 0;
	if (is_stranger(m, segs))
		buf_add(&m->splits, &m->entry_at, sizeof m->entry_at);
	for (size_t i = 0; i < segs->n; i++) {
		int64_t frame = (int64_t)segs->p[i].frame;

		buf_add_varint(&m->segs, frame_zigzag(frame - before));
		buf_add_varint(&m->segs, segs->p[i].at);
		buf_add_varint(&m->segs, segs->p[i].n);
		m->carried += segs->p[i].n;
		before = frame;
	}
}

void frame_events(struct frame_maker *m, enum ev_side side,
		  enum columns_kind kind, struct str bytes)
{
	assert(m->side[side].holds == HOLDS_NOTHING);
	m->side[side].holds = HOLDS_EVENTS;
	m->units.n = 0;
	m->side[side].units = columns_add(m->events, kind, bytes, &m->units);
	m->side[side].bytes = bytes.n;
	m->carried += bytes.n;
}

/*
 * An arrival of `n` bytes at offset *at, with the units from *unit on: how
 * many units it holds, or 0 if it does not begin and end as units do.
 */
static uint64_t units_in(const struct frame_maker *m, size_t *unit,
			 uint64_t *unit_at, uint64_t at, uint32_t n)
{
	uint64_t units = 0;
	bool begins;
	uint32_t len;

	while (*unit_at < at && *unit * sizeof len < m->units.n) {
		memcpy(&len, m->units.p + *unit * sizeof len, sizeof len);
		*unit_at += len;
		++*unit;
	}
	begins = *unit_at == at;
	while (begins && *unit_at < at + n && *unit * sizeof len < m->units.n) {
		memcpy(&len, m->units.p + *unit * sizeof len, sizeof len);
		*unit_at += len;
		++*unit;
		units++;
	}
	return begins && *unit_at == at + n ? units : 0;
}

void frame_arrivals(struct frame_maker *m, enum ev_side side,
		    const struct frame_arrival *a, size_t n)
{
	bool events = m->side[side].holds == HOLDS_EVENTS;
	uint64_t at = 0, unit_at = 0, units;
	int64_t before = 0;
	size_t unit = 0;

	m->side[side].arrivals += n;
	for (size_t i = 0; i < n; i++) {
		int64_t step = a[i].at - before;
		uint64_t far = (uint64_t)(step < 0 ? -step : step);

		units = events ? units_in(m, &unit, &unit_at, at, a[i].n) : 0;
		buf_add_varint(&m->lengths,
			       units ? units * 2 : a[i].n * 2ull + 1);
		buf_add_varint(&m->high, far >> 8 << 1 | (step < 0));
		buf_addc(&m->low, (char)far);
		before = a[i].at;
		at += a[i].n;
	}
}

/* ---- packing ---- */

static void cut(struct frame_maker *m, size_t at)
{
	buf_add(&m->cuts, &at, sizeof at);
}

/* All sections after each other in m->raw, with cuts between them. */
static void lay_out(struct frame_maker *m, struct str prefix)
{
	struct buf part[SECTIONS] = {0};
	struct buf cuts[2] = {0};
	size_t at;

	buf_adds(&part[SECTION_ENTRIES], buf_str(&m->dir));
	if (m->entries)
		write_entry(m, &part[SECTION_ENTRIES]);
	buf_adds(&part[SECTION_SEGMENTS], buf_str(&m->segs));
	columns_pack(m->heads, NULL, prefix, &part[SECTION_HEADS], &cuts[0]);
	columns_pack(m->events, m->words, prefix, &part[SECTION_EVENTS],
		     &cuts[1]);
	buf_adds(&part[SECTION_LENGTHS], buf_str(&m->lengths));
	buf_adds(&part[SECTION_HIGH], buf_str(&m->high));
	buf_adds(&part[SECTION_LOW], buf_str(&m->low));
	m->raw.n = m->cuts.n = 0;
	for (int i = 0; i < SECTIONS; i++)
		buf_add_varint(&m->raw, part[i].n);
	for (int i = 0; i < SECTIONS; i++) {
		struct buf *c = i == SECTION_HEADS    ? &cuts[0]
				: i == SECTION_EVENTS ? &cuts[1]
						      : NULL;

		cut(m, m->raw.n);
		for (size_t k = 0; c && k < c->n; k += sizeof at) {
			memcpy(&at, c->p + k, sizeof at);
			cut(m, m->raw.n + at);
		}
		buf_adds(&m->raw, buf_str(&part[i]));
		buf_free(&part[i]);
	}
	buf_free(&cuts[0]);
	buf_free(&cuts[1]);
}

static void zstd_must(size_t code)
{
	if (ZSTD_isError(code))
		abort(); /* only out of memory: the output has room */
}

/* Feeds `in` up to `to`, ending a block (or the frame) there. */
static void squeeze(struct frame_maker *m, ZSTD_inBuffer *in, size_t to,
		    ZSTD_EndDirective how, struct buf *out)
{
	size_t left;

	in->size = to;
	do {
		ZSTD_outBuffer o = {out->p, out->cap, out->n};

		left = ZSTD_compressStream2(m->zstd, &o, in, how);
		zstd_must(left);
		out->n = o.pos;
		if (left)
			buf_room(out, out->cap);
	} while (left);
}

/*
 * How hard to try: what ropes and columns have made small may cost more a
 * byte, what is all new must not hold up the relay.
 */
static int level_for(const struct frame_maker *m, size_t n)
{
	if (m->carried / 16 >= n && n <= DENSE)
		return 6;
	return m->carried / 4 >= n ? 3 : 2;
}

/* Compresses raw, appending to `out`; a new block at each cut that leaves
 * enough. */
static void compress(struct frame_maker *m, struct str raw, struct str prefix,
		     int level, struct buf *out)
{
	ZSTD_inBuffer in = {raw.p, 0, 0};
	size_t at, n_cuts = m->cuts.n / sizeof at;

	ZSTD_CCtx_reset(m->zstd, ZSTD_reset_session_only);
	zstd_must(ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_compressionLevel,
					 level));
	zstd_must(ZSTD_CCtx_setPledgedSrcSize(m->zstd, raw.n));
	if (prefix.n)
		zstd_must(ZSTD_CCtx_refPrefix(m->zstd, prefix.p, prefix.n));
	buf_room(out, ZSTD_compressBound(raw.n) + n_cuts * 4 + 64);
	for (size_t i = 0; i < n_cuts; i++) {
		memcpy(&at, m->cuts.p + i * sizeof at, sizeof at);
		if (at >= in.pos + LEAST_BLOCK && at + LEAST_BLOCK < raw.n)
			squeeze(m, &in, at, ZSTD_e_flush, out);
	}
	squeeze(m, &in, raw.n, ZSTD_e_end, out);
}

/* Chunk after chunk, each by itself. */
static void compress_literals(struct frame_maker *m, struct buf *out)
{
	struct str left = buf_str(&m->literals), none = {0};
	int level = level_for(m, left.n);
	size_t at, from = 0;

	m->cuts.n = 0;
	for (size_t i = 0; i < m->splits.n; i += sizeof at) {
		memcpy(&at, m->splits.p + i, sizeof at);
		compress(m, (struct str){left.p, at - from}, none, level, out);
		left = str_skip(left, at - from);
		from = at;
	}
	compress(m, left, none, level, out);
}

/* The literals, if events may be like them, as answers are that come back. */
static struct str prefix_for(const struct frame_maker *m)
{
	if (m->literals.n <= FRAME_PREFIX &&
	    columns_size(m->events) > m->literals.n / 8)
		return buf_str(&m->literals);
	return (struct str){0};
}

void frame_pack(struct frame_maker *m, struct frame_blobs *out)
{
	struct str prefix;

	assert(m->magic == MAKER_MAGIC);
	out->literals.n = out->rest.n = 0;
	compress_literals(m, &out->literals);
	prefix = prefix_for(m);
	lay_out(m, prefix);
	buf_addc(&out->rest, prefix.n ? REST_PREFIXED : REST_ALONE);
	compress(m, buf_str(&m->raw), prefix, level_for(m, m->raw.n),
		 &out->rest);
	out->id = m->id;
	out->entries = m->entries;
	out->literals_check = XXH3_64bits(out->literals.p, out->literals.n);
	out->rest_check = XXH3_64bits(out->rest.p, out->rest.n);
}

void frame_learn(const struct frame_maker *m, struct words *words)
{
	assert(m->magic == MAKER_MAGIC);
	columns_learn(m->events, words, prefix_for(m));
}

void frame_blobs_free(struct frame_blobs *b)
{
	buf_free(&b->literals);
	buf_free(&b->rest);
}
