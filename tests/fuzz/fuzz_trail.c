/* SPDX-License-Identifier: MIT */
/*
 * The reader of trails that others made. The first byte says what the others
 * are:
 *
 *	'f'	how many entries a frame has, the length of its literals (2
 *		bytes), its literals and its rest, both before compression
 *	other	with it, a whole trail file
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "record/frame_impl.h"
#include "record/trail_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool ignore_piece(void *arg, struct str bytes)
{
	size_t *left = arg;

	if (bytes.n > *left)
		return false;
	*left -= bytes.n;
	return true;
}

static void ignore_head(void *arg, const struct trail_head *head)
{
}

static void bind_packed(sqlite3_stmt *q, int at, struct str raw, bool rest)
{
	size_t most = ZSTD_compressBound(raw.n) + 1, n;
	char *out = malloc(most);

	out[0] = REST_ALONE;
	n = ZSTD_compress(out + rest, most - 1, raw.p, raw.n, 1) + rest;
	sqlite3_bind_int64(q, at, (int64_t)XXH3_64bits(out, n));
	sqlite3_bind_blob(q, at + 1, out, (int)n, free);
}

static sqlite3 *database(struct str literals, struct str rest, int entries)
{
	sqlite3 *db;
	sqlite3_stmt *q;

	assert(sqlite3_open(":memory:", &db) == SQLITE_OK);
	sqlite3_exec(db,
		     "CREATE TABLE frame (id INTEGER PRIMARY KEY, entries, "
		     "literals_check, rest_check, literals, rest);"
		     "CREATE TABLE words (first, data_check, data)",
		     NULL, NULL, NULL);
	sqlite3_prepare_v2(db,
			   "INSERT INTO frame (id, entries, literals_check, "
			   "literals, rest_check, rest) VALUES (1, ?, ?, ?, ?, "
			   "?)",
			   -1, &q, NULL);
	sqlite3_bind_int(q, 1, entries);
	bind_packed(q, 2, literals, false);
	bind_packed(q, 4, rest, true);
	sqlite3_step(q);
	sqlite3_finalize(q);
	return db;
}

/* Reads all entries of the frame; their exchange is taken as it is. */
static void read_entries(struct frame_store *s)
{
	struct frame *fr = frame_cached(s, 1, NULL);
	struct buf arrivals = {0};
	struct fail f;

	for (size_t i = 0; i < fr->n_entries; i++) {
		const struct frame_entry *e = &fr->entries[i];
		size_t left = 1 << 24;

		(void)!frame_entry_heads(s, e, ignore_head, NULL, &f);
		for (int side = 0; side < EV_SIDES; side++) {
			arrivals.n = 0;
			(void)!frame_entry_body(s, e, side, ignore_piece, &left,
						&f);
			(void)!frame_entry_arrivals(s, e, side, &arrivals, &f);
		}
	}
	buf_free(&arrivals);
}

static void a_frame(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = p[1] | (size_t)p[2] << 8;
	struct str rest = str_skip(s, 3 + n);
	sqlite3 *db;
	struct frame_store *store;
	struct fail f;

	n = s.n - 3 < n ? s.n - 3 : n;
	db = database((struct str){s.p + 3, n}, rest, p[0]);
	store = frame_store_new(db);
	if (frame_check(store, 1, &f))
		read_entries(store);
	frame_store_free(store);
	sqlite3_close(db);
}

static bool read_row(void *arg, const struct trail_row *row)
{
	int64_t *ids = arg;

	ids[++ids[0]] = row->id;
	return ids[0] < 8;
}

static void a_file(const char *path)
{
	struct fail f;
	struct trail *t = trail_read(path, &f);
	struct trail_filter filter = {0};
	struct trail_check check;
	int64_t ids[9] = {0};

	if (!t)
		return;
	(void)!trail_list(t, &filter, read_row, ids, &f);
	for (int64_t i = 1; i <= ids[0]; i++) {
		struct trail_arrival *a;
		struct trail_conn c;
		struct buf body = {0};
		size_t n;

		for (int side = 0; side < EV_SIDES; side++) {
			(void)!trail_body(t, ids[i], side, &body, &f);
			if (trail_arrivals(t, ids[i], side, &a, &n, &f))
				free(a);
		}
		(void)!trail_heads(t, ids[i], ignore_head, NULL, &f);
		(void)!trail_conn(t, i, &c, &f);
		buf_free(&body);
	}
	(void)!trail_verify(t, &check, NULL, NULL, NULL, &f);
	trail_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char path[64] = "/tmp/assay-fuzz-XXXXXX";
	int fd;

	if (n > 3 && data[0] == 'f') {
		a_frame((struct str){(const char *)data + 1, n - 1});
		return 0;
	}
	fd = mkstemp(path);
	assert(fd >= 0);
	if (write(fd, data, n) == (ssize_t)n)
		a_file(path);
	close(fd);
	unlink(path);
	for (int i = 0; i < 2; i++) {
		char more[80];

		snprintf(more, sizeof more, "%s-%s", path, i ? "shm" : "wal");
		unlink(more);
	}
	return 0;
}
