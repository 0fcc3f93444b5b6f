/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 *	store	[frame 12][frame 31][frame 13]..   at most CACHE_BYTES of
 *		    |				   decoded frames, least
 *		    +- literals | rest		   recently used out first
 *
 * Either part of a frame is read when it is first asked for: a rope over 60
 * frames needs their literals alone. All that is in a frame is taken for
 * hostile: sizes are bounded by what is left of their section, and what is
 * decompressed by FRAME_LIMIT.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/mem.h"
#include "record/frame_impl.h"

enum { STORE_MAGIC = 0x46535452, CACHE_SLOTS = 256, CACHE_BYTES = 32 << 20 };

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

struct frame {
	int64_t id;
	uint64_t used;	/* when last */
	unsigned count; /* entries, as the row says */
	bool has_literals, has_rest;
	struct buf literals, rest;
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
	ZSTD_DCtx *zstd;
	struct frame *frames[CACHE_SLOTS];
	size_t n;
	uint64_t clock;
	struct buf scratch;
};

static bool damaged(struct fail *f, int64_t frame, const char *what)
{
	return fail_set(f, FAIL_USER, "trail_damaged",
			"frame %" PRId64 " of the trail is damaged: %s", frame,
			what);
}

struct frame_store *frame_store_new(sqlite3 *db)
{
	static const char *const sql[2] = {
		"SELECT literals_check, literals FROM frame WHERE id = ?",
		"SELECT literals_check, literals, rest_check, rest, entries "
		"FROM frame WHERE id = ?"};
	struct frame_store *s = MEM_NEW(struct frame_store);

	s->magic = STORE_MAGIC;
	for (int i = 0; i < 2; i++)
		if (sqlite3_prepare_v3(db, sql[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &s->select[i],
				       NULL) != SQLITE_OK)
			s->select[i] = NULL;
	s->zstd = ZSTD_createDCtx();
	if (!s->zstd)
		abort();
	return s;
}

static void rest_clear(struct frame *fr)
{
	columns_view_free(fr->heads);
	columns_view_free(fr->events);
	free(fr->entries);
	free(fr->head_at);
	free(fr->segs);
	buf_free(&fr->rest);
	fr->heads = fr->events = NULL;
	fr->entries = NULL;
	fr->head_at = NULL;
	fr->segs = NULL;
	fr->n_entries = fr->n_heads = fr->n_segs = fr->n_arrivals = 0;
	fr->has_rest = false;
}

static void frame_free(struct frame *fr)
{
	rest_clear(fr);
	buf_free(&fr->literals);
	free(fr);
}

void frame_store_free(struct frame_store *s)
{
	if (!s)
		return;
	assert(s->magic == STORE_MAGIC);
	for (size_t i = 0; i < s->n; i++)
		frame_free(s->frames[i]);
	sqlite3_finalize(s->select[0]);
	sqlite3_finalize(s->select[1]);
	ZSTD_freeDCtx(s->zstd);
	buf_free(&s->scratch);
	s->magic = 0;
	free(s);
}

/* ---- the cache ---- */

static size_t frame_bytes(const struct frame *fr)
{
	return fr->literals.cap + fr->rest.cap * 2 +
	       fr->n_segs * sizeof *fr->segs;
}

/* Makes room for one more, sparing `keep`. */
static void evict(struct frame_store *s, const struct frame *keep)
{
	for (;;) {
		size_t bytes = 0, oldest = s->n;

		for (size_t i = 0; i < s->n; i++) {
			bytes += frame_bytes(s->frames[i]);
			if (s->frames[i] != keep &&
			    (oldest == s->n ||
			     s->frames[i]->used < s->frames[oldest]->used))
				oldest = i;
		}
		if (oldest == s->n ||
		    (bytes < CACHE_BYTES && s->n < CACHE_SLOTS))
			return;
		frame_free(s->frames[oldest]);
		s->frames[oldest] = s->frames[--s->n];
	}
}

static struct frame *cached(struct frame_store *s, int64_t id,
			    const struct frame *keep)
{
	struct frame *fr;

	for (size_t i = 0; i < s->n; i++)
		if (s->frames[i]->id == id) {
			s->frames[i]->used = ++s->clock;
			return s->frames[i];
		}
	evict(s, keep);
	fr = MEM_NEW(struct frame);
	fr->id = id;
	fr->used = ++s->clock;
	s->frames[s->n++] = fr;
	return fr;
}

/* ---- decompressing ---- */

static bool expand(struct frame_store *s, int64_t id, struct str blob,
		   struct str prefix, struct buf *out, struct fail *f)
{
	unsigned long long n = ZSTD_getFrameContentSize(blob.p, blob.n);
	size_t got;

	if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN ||
	    n > FRAME_LIMIT)
		return damaged(f, id, "not a zstd frame of a sane size");
	ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only);
	if (prefix.n)
		ZSTD_DCtx_refPrefix(s->zstd, prefix.p, prefix.n);
	out->n = 0;
	buf_room(out, (size_t)n + 1);
	got = ZSTD_decompressDCtx(s->zstd, out->p, (size_t)n, blob.p, blob.n);
	if (ZSTD_isError(got) || got != n)
		return damaged(f, id, "it does not decompress");
	out->n = got;
	return true;
}

/* The row of a frame, at hand until reset. */
static bool select_row(sqlite3_stmt *q, const struct frame *fr, struct fail *f)
{
	if (!q)
		return damaged(f, fr->id, "there is no table of frames");
	sqlite3_bind_int64(q, 1, fr->id);
	if (sqlite3_step(q) == SQLITE_ROW)
		return true;
	sqlite3_reset(q);
	return damaged(f, fr->id, "it is missing");
}

/* Decompresses the blob in `column`; its checksum is in the one before. */
static bool expand_column(struct frame_store *s, sqlite3_stmt *q, int column,
			  int64_t id, struct str prefix, struct buf *out,
			  struct fail *f)
{
	struct str blob;

	blob.p = sqlite3_column_blob(q, column);
	blob.n = (size_t)sqlite3_column_bytes(q, column);
	if ((uint64_t)sqlite3_column_int64(q, column - 1) !=
	    XXH3_64bits(blob.p, blob.n))
		return damaged(f, id, "its checksum is wrong");
	return expand(s, id, blob, prefix, out, f);
}

static bool need_literals(struct frame_store *s, struct frame *fr,
			  struct fail *f)
{
	sqlite3_stmt *q = s->select[0];

	if (fr->has_literals)
		return true;
	if (!select_row(q, fr, f))
		return false;
	fr->has_literals = expand_column(s, q, 1, fr->id, (struct str){0},
					 &fr->literals, f);
	sqlite3_reset(q);
	return fr->has_literals;
}

/* Both parts of one row: a frame may grow between two looks at it. */
static bool fetch_all(struct frame_store *s, struct frame *fr, struct fail *f)
{
	sqlite3_stmt *q = s->select[1];
	struct str prefix = {0};
	bool ok;

	if (!select_row(q, fr, f))
		return false;
	ok = expand_column(s, q, 1, fr->id, prefix, &fr->literals, f);
	if (ok && fr->literals.n <= FRAME_PREFIX)
		prefix = buf_str(&fr->literals);
	ok = ok && expand_column(s, q, 3, fr->id, prefix, &fr->rest, f);
	fr->count = (unsigned)sqlite3_column_int(q, 4);
	fr->has_literals = ok;
	sqlite3_reset(q);
	return ok;
}

/* ---- the rest ---- */

static bool parse_segs(struct frame *fr, size_t n, struct str *s)
{
	int64_t frame = fr->id;

	if (n > s->n / 3)
		return false;
	fr->segs = mem_grow(fr->segs, (fr->n_segs + n) * sizeof *fr->segs);
	for (size_t i = 0; i < n; i++) {
		uint64_t step, at, len;

		if (!str_varint(s, &step) || !str_varint(s, &at) ||
		    !str_varint(s, &len) || at > FRAME_LIMIT ||
		    len > FRAME_LIMIT)
			return false;
		frame = (int64_t)((uint64_t)frame +
				  (uint64_t)frame_unzigzag(step));
		fr->segs[fr->n_segs++] = (struct rope_seg){
			(uint64_t)frame, (uint32_t)at, (uint32_t)len};
	}
	return true;
}

static bool parse_heads(struct frame *fr, struct frame_entry *e, struct str *s)
{
	uint64_t n, at;

	if (!str_varint(s, &n) || n > s->n / 2)
		return false;
	e->head = fr->n_heads;
	e->heads = (size_t)n;
	fr->head_at = mem_grow(fr->head_at,
			       (fr->n_heads + e->heads) * sizeof *fr->head_at);
	for (size_t i = 0; i < e->heads; i++) {
		unsigned char how;

		if (s->n == 0)
			return false;
		how = (unsigned char)s->p[0];
		*s = str_skip(*s, 1);
		if (how >> 1 > EV_HEAD_TRAILERS || !str_varint(s, &at))
			return false;
		fr->head_at[fr->n_heads++] = (struct frame_head_at){
			how & 1, how >> 1, frame_unzigzag(at)};
	}
	return true;
}

static bool parse_side(struct frame *fr, struct frame_side *d, size_t *unit,
		       struct str *s, struct str *segs)
{
	uint64_t a = 0, arrivals;

	if (s->n == 0)
		return false;
	d->holds = (unsigned char)s->p[0];
	*s = str_skip(*s, 1);
	if (d->holds > HOLDS_EVENTS)
		return false;
	if (d->holds != HOLDS_NOTHING && !str_varint(s, &a))
		return false;
	d->seg = fr->n_segs;
	d->unit = *unit;
	if (d->holds == HOLDS_ROPE) {
		d->segs = (size_t)a;
		if (!parse_segs(fr, d->segs, segs))
			return false;
	}
	if (d->holds == HOLDS_EVENTS) {
		if (a > FRAME_LIMIT || !str_varint(s, &d->bytes))
			return false;
		d->units = (size_t)a;
		*unit += d->units;
	}
	if (!str_varint(s, &arrivals) ||
	    arrivals > fr->section[SECTION_LOW].n - fr->n_arrivals)
		return false;
	d->arrival = fr->n_arrivals;
	d->arrivals = (size_t)arrivals;
	fr->n_arrivals += d->arrivals;
	return true;
}

static bool parse_entries(struct frame *fr, struct str s, struct str segs)
{
	size_t unit = 0;
	int64_t exchange = 0;

	fr->entries = mem_zero((s.n / 6 + 1) * sizeof *fr->entries);
	while (s.n) {
		struct frame_entry *e = &fr->entries[fr->n_entries];
		uint64_t step;

		if (s.n < 6 || !str_varint(&s, &step))
			return false;
		exchange = (int64_t)((uint64_t)exchange +
				     (uint64_t)frame_unzigzag(step));
		*e = (struct frame_entry){.frame = fr, .exchange = exchange};
		if (!parse_heads(fr, e, &s))
			return false;
		for (int i = 0; i < EV_SIDES; i++)
			if (!parse_side(fr, &e->side[i], &unit, &s, &segs))
				return false;
		fr->n_entries++;
	}
	return segs.n == 0;
}

static bool parse_rest(struct frame *fr)
{
	struct str s = buf_str(&fr->rest);
	uint64_t size[SECTIONS];

	for (int i = 0; i < SECTIONS; i++)
		if (!str_varint(&s, &size[i]))
			return false;
	for (int i = 0; i < SECTIONS; i++) {
		if (size[i] > s.n)
			return false;
		fr->section[i] = (struct str){s.p, (size_t)size[i]};
		s = str_skip(s, (size_t)size[i]);
	}
	return s.n == 0 && parse_entries(fr, fr->section[SECTION_ENTRIES],
					 fr->section[SECTION_SEGMENTS]);
}

static bool need_rest(struct frame_store *s, struct frame *fr, struct fail *f)
{
	if (fr->has_rest)
		return true;
	rest_clear(fr);
	if (!fetch_all(s, fr, f))
		return false;
	if (!parse_rest(fr) || fr->n_entries != fr->count) {
		rest_clear(fr);
		return damaged(f, fr->id, "its directory makes no sense");
	}
	fr->has_rest = true;
	return true;
}

/* ---- entries ---- */

bool frame_find(struct frame_store *s, int64_t id, unsigned slot,
		int64_t exchange, const struct frame_entry **out,
		struct fail *f)
{
	struct frame *fr;

	assert(s->magic == STORE_MAGIC);
	fr = cached(s, id, NULL);
	if (fr->has_rest && slot >= fr->n_entries)
		fr->has_rest = false; /* it has grown since we read it */
	if (!need_rest(s, fr, f))
		return false;
	if (slot >= fr->n_entries || fr->entries[slot].exchange != exchange)
		return damaged(f, id, "it does not hold the exchange");
	*out = &fr->entries[slot];
	return true;
}

static struct columns_view *view_of(struct frame *fr, int section)
{
	struct columns_view **v =
		section == SECTION_HEADS ? &fr->heads : &fr->events;

	if (!*v)
		*v = columns_open(fr->section[section]);
	return *v;
}

bool frame_entry_heads(struct frame_store *s, const struct frame_entry *e,
		       void (*each)(void *arg, const struct trail_head *h),
		       void *arg, struct fail *f)
{
	struct columns_view *v = view_of(e->frame, SECTION_HEADS);

	if (!v)
		return damaged(f, e->frame->id, "its heads make no sense");
	for (size_t i = e->head; i < e->head + e->heads; i++) {
		const struct frame_head_at *h = &e->frame->head_at[i];
		struct trail_head out = {
			h->side, h->kind, (uint64_t)h->at, {0}};

		s->scratch.n = 0;
		if (!columns_text(v, i, 1, FRAME_LIMIT, &s->scratch))
			return damaged(f, e->frame->id, "a head is missing");
		out.raw = buf_str(&s->scratch);
		each(arg, &out);
	}
	return true;
}

static bool reaches(const struct frame *fr, const struct rope_seg *g)
{
	return g->at <= fr->literals.n && g->n <= fr->literals.n - g->at;
}

static bool rope_body(struct frame_store *s, const struct frame_entry *e,
		      const struct frame_side *d,
		      bool (*piece)(void *arg, struct str bytes), void *arg,
		      struct fail *f)
{
	for (size_t i = d->seg; i < d->seg + d->segs; i++) {
		const struct rope_seg *g = &e->frame->segs[i];
		struct frame *fr = cached(s, (int64_t)g->frame, e->frame);

		if (!reaches(fr, g)) /* not read, or grown since */
			fr->has_literals = false;
		if (!need_literals(s, fr, f))
			return false;
		if (!reaches(fr, g))
			return damaged(f, fr->id, "a rope reaches beyond it");
		if (!piece(arg, (struct str){fr->literals.p + g->at, g->n}))
			return true;
	}
	return true;
}

bool frame_entry_body(struct frame_store *s, const struct frame_entry *e,
		      enum ev_side side,
		      bool (*piece)(void *arg, struct str bytes), void *arg,
		      struct fail *f)
{
	const struct frame_side *d = &e->side[side];
	struct columns_view *v;

	assert(s->magic == STORE_MAGIC);
	if (d->holds == HOLDS_NOTHING)
		return true;
	if (d->holds == HOLDS_ROPE)
		return rope_body(s, e, d, piece, arg, f);
	v = view_of(e->frame, SECTION_EVENTS);
	s->scratch.n = 0;
	if (!v || d->bytes > FRAME_LIMIT ||
	    !columns_text(v, d->unit, d->units, (size_t)d->bytes,
			  &s->scratch) ||
	    s->scratch.n != d->bytes)
		return damaged(f, e->frame->id, "its events make no sense");
	piece(arg, buf_str(&s->scratch));
	return true;
}

/* ---- arrivals ---- */

/* The lengths of the entry's events, in s->scratch as uint32_t. */
static bool unit_lengths(struct frame_store *s, const struct frame_entry *e,
			 const struct frame_side *d)
{
	struct columns_view *v;

	s->scratch.n = 0;
	if (d->holds != HOLDS_EVENTS)
		return true;
	v = view_of(e->frame, SECTION_EVENTS);
	return v && columns_lengths(v, d->unit, d->units, &s->scratch);
}

/* Where the walk over the arrivals of an entry is. */
struct walk {
	struct str lengths, high, low;
	const struct buf *units;
	size_t unit;
	uint64_t unit_at, at; /* offsets in the body */
	int64_t time;
};

static bool next_unit(struct walk *w)
{
	uint32_t len;

	if (w->unit * sizeof len >= w->units->n)
		return false;
	memcpy(&len, w->units->p + w->unit * sizeof len, sizeof len);
	w->unit_at += len;
	w->unit++;
	return true;
}

/* Turns what LENGTHS says into bytes. */
static bool walk_length(struct walk *w, uint64_t code, uint64_t *n)
{
	*n = code >> 1;
	if (code & 1)
		return *n <= UINT32_MAX;
	while (w->unit_at < w->at)
		if (!next_unit(w))
			return false;
	if (w->unit_at != w->at)
		return false;
	for (uint64_t i = code >> 1; i > 0; i--)
		if (!next_unit(w))
			return false;
	*n = w->unit_at - w->at;
	return *n <= UINT32_MAX;
}

static bool walk_step(struct walk *w, struct frame_arrival *a)
{
	uint64_t code, high, n;
	int64_t far;

	if (!str_varint(&w->lengths, &code) || !str_varint(&w->high, &high) ||
	    w->low.n == 0 || !walk_length(w, code, &n))
		return false;
	far = (int64_t)((high >> 1 << 8 | (unsigned char)w->low.p[0]) &
			INT64_MAX);
	w->low = str_skip(w->low, 1);
	w->time = (int64_t)((uint64_t)w->time +
			    (uint64_t)(high & 1 ? -far : far));
	w->at += n;
	*a = (struct frame_arrival){w->time, (uint32_t)n};
	return true;
}

/* Passes the arrivals of earlier entries by. */
static bool walk_skip(struct walk *w, size_t n)
{
	uint64_t ignored;

	for (size_t i = 0; i < n; i++)
		if (!str_varint(&w->lengths, &ignored) ||
		    !str_varint(&w->high, &ignored))
			return false;
	w->low = str_skip(w->low, n);
	return true;
}

bool frame_entry_arrivals(struct frame_store *s, const struct frame_entry *e,
			  enum ev_side side, struct buf *out, struct fail *f)
{
	const struct frame_side *d = &e->side[side];
	const struct str *section = e->frame->section;
	struct walk w = {section[SECTION_LENGTHS],
			 section[SECTION_HIGH],
			 section[SECTION_LOW],
			 &s->scratch,
			 0,
			 0,
			 0,
			 0};
	struct frame_arrival a;

	if (!unit_lengths(s, e, d) || !walk_skip(&w, d->arrival))
		return damaged(f, e->frame->id, "its times make no sense");
	for (size_t i = 0; i < d->arrivals; i++) {
		if (!walk_step(&w, &a))
			return damaged(f, e->frame->id,
				       "its times make no sense");
		buf_add(out, &a, sizeof a);
	}
	return true;
}

bool frame_check(struct frame_store *s, int64_t frame, struct fail *f)
{
	struct frame *fr;

	assert(s->magic == STORE_MAGIC);
	fr = cached(s, frame, NULL);
	if (!need_rest(s, fr, f))
		return false;
	if (!view_of(fr, SECTION_HEADS) || !view_of(fr, SECTION_EVENTS))
		return damaged(f, frame, "its columns make no sense");
	return true;
}
