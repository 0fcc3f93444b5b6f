/* SPDX-License-Identifier: MIT */
/*
 * make_corpus FOLDER: writes the inputs that fuzz_columns and fuzz_trail start
 * from into FOLDER/columns and FOLDER/trail. Run it again when a format
 * changes:
 *
 *	build/tests/fuzz/make_corpus tests/fuzz/corpus
 */
#include <assert.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "record/columns.h"
#include "record/trail.h"
#include "record/words.h"

static const char *folder;

static void save(const char *name, const char *kind, struct str bytes)
{
	char path[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	out = fopen(path, "wb");
	assert(out);
	fputs(kind, out);
	fwrite(bytes.p, 1, bytes.n, out);
	assert(fclose(out) == 0);
}

static void add_event(struct buf *b, int form, int i, int k)
{
	switch (form) {
	case 0:
		buf_addf(b,
			 "data: {\"id\":\"c-1\",\"n\":%d,\"d\":{\"t\":"
			 "\" w%d\"}}\n\n",
			 i, k);
		break;
	case 1:
		buf_addf(b,
			 "event: delta\r\ndata: {\"i\":%d,\"x\":\"a%d\"}"
			 "\r\n\r\n",
			 i, k);
		break;
	case 2:
		buf_addf(b, "{\"model\":\"m\",\"n\":%d,\"text\":\" t%d\"}\n", i,
			 k);
		break;
	case 3:
		buf_addf(b,
			 "data: {\"b\":[%d,%d],\"l\":-0.5,\"s\":"
			 "\"\\\"q\\\"\"}\n\n",
			 i, k);
		break;
	default: buf_addf(b, ": comment %d %d\n\n", i, k);
	}
}

static void make_events(struct buf *b, int form)
{
	for (int i = 0; i < 40; i++)
		add_event(b, form, i, i * 7 % 5);
	if (form != 2)
		buf_adds(b, STR("data: [DONE]\n\n"));
}

static void save_section(const char *name, struct str text)
{
	struct columns *c = columns_new();
	struct buf packed = {0}, cuts = {0};

	columns_add(c, COLUMNS_EVENTS, text, NULL);
	columns_pack(c, NULL, (struct str){0}, &packed, &cuts);
	save(name, "s", buf_str(&packed));
	columns_free(c);
	buf_free(&packed);
	buf_free(&cuts);
}

static void save_batch(const char *name)
{
	struct words *w = words_new();
	struct buf batch = {0};
	size_t first;

	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 80; i++) {
			char word[16];

			snprintf(word, sizeof word, " w%d", i);
			words_count(w, str_of(word));
		}
	assert(words_learn(w, &batch, &first));
	save(name, "w", buf_str(&batch));
	buf_free(&batch);
	words_free(w);
}

static void make_columns(void)
{
	static const char *const kinds[] = {"e", "e", "l", "v", "e"};
	char name[64];

	for (int form = 0; form < 5; form++) {
		struct buf b = {0};

		make_events(&b, form);
		snprintf(name, sizeof name, "columns/events-%d", form);
		save(name, kinds[form], buf_str(&b));
		snprintf(name, sizeof name, "columns/section-%d", form);
		save_section(name, buf_str(&b));
		buf_free(&b);
	}
	save("columns/head", "h",
	     STR("HTTP/1.1 200 OK\r\nDate: now\r\nX: \r\n\r\n"));
	save("columns/head-h2", "h", STR(":status: 200\r\na: b\r\n\r\n"));
	save_batch("columns/batch");
}

/* ---- trails ---- */

static void put(struct trail *t, int i, int64_t conn, bool close)
{
	struct buf body[2] = {0};
	struct ev_open open = {.route = STR("main"), .started_mono = 5000};
	struct ev_close end = {.status = 200};
	struct trail_arrival arrivals[] = {{6000, 300}, {9000, 200}};
	struct trail_head heads[] = {
		{EV_REQUEST, EV_HEAD_MAIN, 6000,
		 STR("POST /v1/chat HTTP/1.1\r\nHost: a\r\n\r\n")},
		{EV_RESPONSE, EV_HEAD_MAIN, 7000,
		 STR("HTTP/1.1 200 OK\r\n\r\n")}};
	struct trail_gap gap = {EV_RESPONSE, 7, 9, EV_GAP_DISK};
	struct str piece[2];
	struct trail_run runs[] = {{EV_REQUEST, &piece[0], 1, arrivals, 1, 0},
				   {EV_RESPONSE, &piece[1], 1, arrivals, 2, 1}};
	struct trail_exchange x = {.open = &open,
				   .conn_down = conn,
				   .heads = heads,
				   .n_heads = 2,
				   .runs = runs,
				   .n_runs = 2,
				   .gaps = &gap,
				   .n_gaps = i % 3 == 0};

	for (int k = 0; k < 60; k++)
		buf_addf(&body[0], "message %d,", k % (40 + i));
	make_events(&body[1], i % 5);
	piece[0] = buf_str(&body[0]);
	piece[1] = buf_str(&body[1]);
	end.bytes[0] = end.bytes[1] = body[0].n;
	end.bytes[2] = end.bytes[3] = body[1].n;
	x.id = trail_next_id(t);
	x.close = close ? &end : NULL;
	trail_put(t, &x);
	buf_free(&body[0]);
	buf_free(&body[1]);
}

static void make_trail(const char *name, int n)
{
	struct ev_conn c = {.peer = STR("127.0.0.1:1"), .http = STR("1.1")};
	char path[PATH_MAX], other[PATH_MAX + 8];
	struct trail *t;
	struct fail f;
	int64_t conn;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	unlink(path);
	t = trail_record(path, &f);
	if (!t)
		exit(fail_print(&f));
	conn = trail_put_conn(t, &c);
	trail_put_conn_note(t, conn, STR("goaway"), STR("x"), 9);
	for (int i = 0; i < n; i++)
		put(t, i, conn, i != 3);
	trail_close(t);
	snprintf(other, sizeof other, "%s.lock", path);
	unlink(other);
}

/* Decompresses a blob behind its first `skip` bytes. */
static struct buf expand(sqlite3_stmt *q, int column, size_t skip,
			 struct str prefix)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	struct buf out = {0};
	const char *p = sqlite3_column_blob(q, column);
	size_t n = (size_t)sqlite3_column_bytes(q, column);

	ZSTD_DCtx_refPrefix(z, prefix.p, prefix.n);
	n = ZSTD_decompressDCtx(z, buf_room(&out, 1 << 20), 1 << 20, p + skip,
				n - skip);
	assert(!ZSTD_isError(n));
	out.n = n;
	ZSTD_freeDCtx(z);
	return out;
}

/* Frames as fuzz_trail takes them: entries, the literals' length, literals,
 * rest. */
static void make_frames(const char *trail)
{
	char path[PATH_MAX], name[64];
	sqlite3 *db;
	sqlite3_stmt *q;

	snprintf(path, sizeof path, "%s/%s", folder, trail);
	assert(sqlite3_open(path, &db) == SQLITE_OK);
	sqlite3_prepare_v2(db, "SELECT id, literals, rest, entries FROM frame",
			   -1, &q, NULL);
	while (sqlite3_step(q) == SQLITE_ROW) {
		struct buf literals = expand(q, 1, 0, (struct str){0}), b = {0};
		const char *kind = sqlite3_column_blob(q, 2);
		struct buf rest = expand(
			q, 2, 1, *kind ? buf_str(&literals) : (struct str){0});

		buf_addc(&b, (char)sqlite3_column_int(q, 3));
		buf_addc(&b, (char)literals.n);
		buf_addc(&b, (char)(literals.n >> 8));
		buf_adds(&b, buf_str(&literals));
		buf_adds(&b, buf_str(&rest));
		snprintf(name, sizeof name, "trail/frame-%d",
			 sqlite3_column_int(q, 0));
		save(name, "f", buf_str(&b));
		buf_free(&literals);
		buf_free(&rest);
		buf_free(&b);
	}
	sqlite3_finalize(q);
	sqlite3_close(db);
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];

	if (argc != 2)
		return 2;
	folder = argv[1];
	snprintf(path, sizeof path, "%s/columns", folder);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s/trail", folder);
	mkdir(path, 0777);
	make_columns();
	make_trail("trail/small", 5);
	make_trail("trail/frames", 20);
	make_frames("trail/frames");
	return 0;
}
