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

static bool expand(struct frame_store *s, int64_t id, struct str blob,
		   struct str prefix, struct buf *out, struct fail *f)
{
	unsigned long long n = ZSTD_getFrameContentSize(blob.p, blob.n);
	size_t got;

	if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN ||
	    n > FRAME_LIMIT)
		return frame_damaged(f, id, "not a zstd frame of a sane size");
	ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only);
	if (prefix.n)
		ZSTD_DCtx_refPrefix(s->zstd, prefix.p, prefix.n);
	out->n = 0;
	buf_room(out, (size_t)n + 1);
	got = ZSTD_decompressDCtx(s->zstd, out->p, (size_t)n, blob.p, blob.n);
	if (ZSTD_isError(got) || got != n)
		return frame_damaged(f, id, "it does not decompress");
	out->n = got;
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

static bool expand_literals(struct frame_store *s, sqlite3_stmt *q,
			    struct frame *fr, struct fail *f)
{
	struct str blob, none = {0};

	return blob_of(q, 1, fr->id, &blob, f) &&
	       expand(s, fr->id, blob, none, &fr->literals, f);
}

static bool expand_rest(struct frame_store *s, sqlite3_stmt *q,
			struct frame *fr, struct fail *f)
{
	struct str blob, prefix = {0};

	if (!blob_of(q, 3, fr->id, &blob, f))
		return false;
	if (blob.n == 0 || (unsigned char)blob.p[0] > REST_PREFIXED)
		return frame_damaged(f, fr->id, "its rest is of no known kind");
	if (blob.p[0] == REST_PREFIXED)
		prefix = buf_str(&fr->literals);
	return expand(s, fr->id, str_skip(blob, 1), prefix, &fr->rest, f);
}

bool frame_need_literals(struct frame_store *s, struct frame *fr,
			 struct fail *f)
{
	sqlite3_stmt *q = s->select[0];

	if (fr->has_literals)
		return true;
	if (!select_row(q, fr, f))
		return false;
	fr->has_literals = expand_literals(s, q, fr, f);
	sqlite3_reset(q);
	return fr->has_literals;
}

/* Both parts of one row: a frame may grow between two looks at it. */
static bool fetch_all(struct frame_store *s, struct frame *fr, struct fail *f)
{
	sqlite3_stmt *q = s->select[1];
	bool ok;

	if (!select_row(q, fr, f))
		return false;
	ok = expand_literals(s, q, fr, f) && expand_rest(s, q, fr, f);
	fr->count = (unsigned)sqlite3_column_int(q, 4);
	fr->has_literals = ok;
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
		     expand(s, first, blob, (struct str){0}, &s->scratch, f) &&
		     (words_load(words, buf_str(&s->scratch), (size_t)first) ||
		      frame_damaged(f, first,
				    "a batch of words makes no sense"));
	}
	sqlite3_reset(q);
	return ok;
}
