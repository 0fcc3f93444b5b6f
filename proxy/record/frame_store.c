/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 *	store	[frame 12][frame 31][frame 13]..   at most CACHE_BYTES of
 *		    |				   decoded frames, least
 *		    +- literals | rest		   recently used out first
 *
 * Either part of a frame is read when it is first asked for: a rope over 60
 * frames needs their literals alone, and of those the chunks that it touches.
 *All that is in a frame is taken for hostile: sizes are bounded by what is left
 *of their section, and what is decompressed by FRAME_LIMIT.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"
#include "record/frame_impl.h"

enum { CACHE_BYTES = 32 << 20 };

bool frame_damaged(struct fail *f, int64_t frame, const char *what)
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
	if (sqlite3_prepare_v3(db,
			       "SELECT first, data_check, data FROM words "
			       "WHERE first >= ? ORDER BY first",
			       -1, SQLITE_PREPARE_PERSISTENT, &s->batches,
			       NULL) != SQLITE_OK)
		s->batches = NULL;
	s->words = words_new();
	s->zstd = ZSTD_createDCtx();
	if (!s->zstd)
		abort();
	return s;
}

static void frame_free(struct frame *fr)
{
	frame_clear_rest(fr);
	buf_free(&fr->packed);
	buf_free(&fr->literals);
	free(fr->chunks);
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
	sqlite3_finalize(s->batches);
	words_free(s->words);
	ZSTD_freeDCtx(s->zstd);
	buf_free(&s->scratch);
	s->magic = 0;
	free(s);
}

/* ---- the cache ---- */

static size_t frame_bytes(const struct frame *fr)
{
	return fr->packed.cap + fr->literals.cap + fr->rest.cap * 2 +
	       fr->n_chunks * sizeof *fr->chunks +
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

struct frame *frame_cached(struct frame_store *s, int64_t id,
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

/* What a zstd frame will be when decompressed; false if nothing sane. */
static bool expanded_size(struct str blob, size_t *out)
{
	unsigned long long n = ZSTD_getFrameContentSize(blob.p, blob.n);

	*out = (size_t)n;
	return n != ZSTD_CONTENTSIZE_ERROR && n != ZSTD_CONTENTSIZE_UNKNOWN &&
	       n <= FRAME_LIMIT;
}

static bool expand(struct frame_store *s, struct str blob, struct str prefix,
		   char *out, size_t n)
{
	ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only);
	if (prefix.n)
		ZSTD_DCtx_refPrefix(s->zstd, prefix.p, prefix.n);
	return ZSTD_decompressDCtx(s->zstd, out, n, blob.p, blob.n) == n;
}

static bool expand_whole(struct frame_store *s, int64_t id, struct str blob,
			 struct str prefix, struct buf *out, struct fail *f)
{
	size_t n;

	if (!expanded_size(blob, &n))
		return frame_damaged(f, id, "not a zstd frame of a sane size");
	out->n = 0;
	buf_room(out, n + 1);
	if (!expand(s, blob, prefix, out->p, n))
		return frame_damaged(f, id, "it does not decompress");
	out->n = n;
	return true;
}

/* The row of a frame, at hand until reset. */
static bool select_row(sqlite3_stmt *q, const struct frame *fr, struct fail *f)
{
	if (!q)
		return frame_damaged(f, fr->id, "there is no table of frames");
	sqlite3_bind_int64(q, 1, fr->id);
	if (sqlite3_step(q) == SQLITE_ROW)
		return true;
	sqlite3_reset(q);
	return frame_damaged(f, fr->id, "it is missing");
}

/* The blob in `column`; its checksum is in the column before. */
static bool blob_of(sqlite3_stmt *q, int column, int64_t id, struct str *blob,
		    struct fail *f)
{
	blob->p = sqlite3_column_blob(q, column);
	blob->n = (size_t)sqlite3_column_bytes(q, column);
	return (uint64_t)sqlite3_column_int64(q, column - 1) ==
		       XXH3_64bits(blob->p, blob->n) ||
	       frame_damaged(f, id, "its checksum is wrong");
}

/* ---- literals ---- */

/* Finds the chunks in fr->packed. */
static bool find_chunks(struct frame *fr)
{
	struct str left = buf_str(&fr->packed);
	struct buf chunks = {0};
	bool ok = true;

	fr->literals.n = 0;
	while (ok && left.n) {
		struct frame_chunk c = {.at = fr->literals.n};

		c.packed_at = fr->packed.n - left.n;
		c.packed = ZSTD_findFrameCompressedSize(left.p, left.n);
		ok = !ZSTD_isError(c.packed) && c.packed > 0 &&
		     expanded_size(left, &c.n) &&
		     c.n <= FRAME_LIMIT - fr->literals.n;
		if (!ok)
			break;
		buf_add(&chunks, &c, sizeof c);
		fr->literals.n += c.n;
		left = str_skip(left, c.packed);
	}
	free(fr->chunks);
	fr->chunks = (struct frame_chunk *)chunks.p;
	fr->n_chunks = chunks.n / sizeof *fr->chunks;
	return ok;
}

/* Keeps the blob of literals; nothing is decompressed yet. */
static bool keep_literals(sqlite3_stmt *q, struct frame *fr, struct fail *f)
{
	struct str blob;
	size_t n;

	fr->has_literals = false;
	if (!blob_of(q, 1, fr->id, &blob, f))
		return false;
	fr->packed.n = 0;
	buf_adds(&fr->packed, blob);
	if (!find_chunks(fr))
		return frame_damaged(f, fr->id, "its literals are not zstd's");
	n = fr->literals.n;
	fr->literals.n = 0;
	buf_room(&fr->literals, n + 1);
	fr->literals.n = n;
	fr->has_literals = true;
	return true;
}

static bool fetch_literals(struct frame_store *s, struct frame *fr,
			   struct fail *f)
{
	sqlite3_stmt *q = s->select[0];

	if (!select_row(q, fr, f))
		return false;
	keep_literals(q, fr, f);
	sqlite3_reset(q);
	return fr->has_literals;
}

static bool reaches(const struct frame *fr, size_t at, size_t n)
{
	return fr->has_literals && at <= fr->literals.n &&
	       n <= fr->literals.n - at;
}

/* Decompresses the chunks that hold these bytes. */
static bool need_chunks(struct frame_store *s, struct frame *fr, size_t at,
			size_t n, struct fail *f)
{
	struct str none = {0};

	for (size_t i = 0; i < fr->n_chunks; i++) {
		struct frame_chunk *c = &fr->chunks[i];
		struct str packed = {fr->packed.p + c->packed_at, c->packed};

		if (c->done || c->at >= at + n || c->at + c->n <= at)
			continue;
		if (!expand(s, packed, none, fr->literals.p + c->at, c->n))
			return frame_damaged(f, fr->id,
					     "it does not decompress");
		c->done = true;
	}
	return true;
}

bool frame_literals_at(struct frame_store *s, struct frame *fr, size_t at,
		       size_t n, struct str *out, struct fail *f)
{
	/* not read, or grown since */
	if (!reaches(fr, at, n) && !fetch_literals(s, fr, f))
		return false;
	if (!reaches(fr, at, n))
		return frame_damaged(f, fr->id, "a rope reaches beyond it");
	*out = (struct str){fr->literals.p + at, n};
	return need_chunks(s, fr, at, n, f);
}

/* ---- the rest ---- */

static bool expand_rest(struct frame_store *s, sqlite3_stmt *q,
			struct frame *fr, struct fail *f)
{
	struct str blob, prefix = {0};

	if (!blob_of(q, 3, fr->id, &blob, f))
		return false;
	if (blob.n == 0 || (unsigned char)blob.p[0] > REST_PREFIXED)
		return frame_damaged(f, fr->id, "its rest is of no known kind");
	if (blob.p[0] == REST_PREFIXED) {
		prefix = buf_str(&fr->literals);
		if (!need_chunks(s, fr, 0, prefix.n, f))
			return false;
	}
	return expand_whole(s, fr->id, str_skip(blob, 1), prefix, &fr->rest, f);
}

/* Both parts of one row: a frame may grow between two looks at it. */
static bool fetch_all(struct frame_store *s, struct frame *fr, struct fail *f)
{
	sqlite3_stmt *q = s->select[1];
	bool ok;

	if (!select_row(q, fr, f))
		return false;
	ok = keep_literals(q, fr, f) && expand_rest(s, q, fr, f);
	fr->count = (unsigned)sqlite3_column_int(q, 4);
	sqlite3_reset(q);
	return ok;
}

bool frame_need_rest(struct frame_store *s, struct frame *fr, struct fail *f)
{
	if (fr->has_rest)
		return true;
	frame_clear_rest(fr);
	if (!fetch_all(s, fr, f))
		return false;
	if (!frame_parse(fr) || fr->n_entries != fr->count) {
		frame_clear_rest(fr);
		return frame_damaged(f, fr->id, "its directory makes no sense");
	}
	fr->has_rest = true;
	return true;
}

/* Reads the batches of words that were added since the last look. */
bool frame_store_words(struct frame_store *s, struct words *words,
		       struct fail *f)
{
	sqlite3_stmt *q = s->batches;
	bool ok = true;

	if (!q)
		return frame_damaged(f, 0, "there is no table of words");
	sqlite3_bind_int64(q, 1, (int64_t)words_known(words));
	while (ok && sqlite3_step(q) == SQLITE_ROW) {
		int64_t first = sqlite3_column_int64(q, 0);
		struct str blob;

		s->scratch.n = 0;
		ok = blob_of(q, 2, first, &blob, f) &&
		     expand_whole(s, first, blob, (struct str){0}, &s->scratch,
				  f) &&
		     (words_load(words, buf_str(&s->scratch), (size_t)first) ||
		      frame_damaged(f, first,
				    "a batch of words makes no sense"));
	}
	sqlite3_reset(q);
	return ok;
}
