/* SPDX-License-Identifier: MIT */
/*
 * What waits goes into the file in one transaction. Operations are carried
 * out in the order in which they came and are forgotten only after COMMIT:
 * when the disk is full, the transaction is rolled back and the same list is
 * carried out again later.
 */
#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "record/trail_writer.h"

enum { SIGN_SEALS = 256 };
#define SIGN_NS (10 * NS_PER_S)

/* ---- the list ---- */

struct op *trail_op(struct trail_writer *w, enum op_kind kind)
{
	struct op *op = MEM_NEW(struct op);

	op->kind = kind;
	*w->ops_end = op;
	w->ops_end = &op->next;
	return op;
}

static void op_free(struct op *op)
{
	if (op->kind == OP_FRAME)
		frame_blobs_free(&op->u.frame);
	if (op->kind == OP_WORDS)
		buf_free(&op->u.words.data);
	for (size_t i = 0; i < sizeof op->own / sizeof *op->own; i++)
		free(op->own[i]);
	free(op);
}

void trail_ops_free(struct trail_writer *w)
{
	while (w->ops) {
		struct op *op = w->ops;

		w->ops = op->next;
		op_free(op);
	}
	w->ops_end = &w->ops;
}

void trail_op_frame(struct trail_writer *w)
{
	if (!w->dirty || frame_entries(w->maker) == 0)
		return;
	frame_pack(w->maker, &trail_op(w, OP_FRAME)->u.frame);
	w->dirty = false;
	w->added = frame_entries(w->maker) - w->packed;
	w->packed = frame_entries(w->maker);
}

bool trail_frame_may_grow(const struct trail_writer *w)
{
	return w->dirty || w->packed < FRAME_ENTRIES / 2 ||
	       w->added < FRAME_ENTRIES / 4;
}

static void op_words(struct trail_writer *w)
{
	struct buf batch = {0};
	struct op *op;
	size_t first, n;

	if (words_learn(w->words, &batch, &first)) {
		op = trail_op(w, OP_WORDS);
		op->u.words.first = first;
		n = ZSTD_compressBound(batch.n);
		buf_room(&op->u.words.data, n);
		n = ZSTD_compress(op->u.words.data.p, n, batch.p, batch.n, 9);
		assert(!ZSTD_isError(n));
		op->u.words.data.n = n;
	}
	buf_free(&batch);
}

void trail_next_frame(struct trail_writer *w)
{
	trail_op_frame(w);
	frame_learn(w->maker, w->words);
	op_words(w);
	frame_begin(w->maker, w->next_frame++);
	w->packed = w->added = 0;
}

int64_t trail_seal_next(struct trail *t, const unsigned char root[SEAL_HASH])
{
	seal_next(t->hash, t->w->chain, root);
	return ++t->w->seals;
}

/* ---- carrying out ---- */

static const char *const op_sql[OP_KINDS] = {
	[OP_FRAME] =
		"INSERT OR REPLACE INTO frame (id, entries, literals_check, "
		"rest_check, literals, rest) VALUES (?, ?, ?, ?, ?, ?)",
	[OP_WORDS] = "INSERT INTO words (first, data_check, data) "
		     "VALUES (?, ?, ?)",
	[OP_EXCHANGE] = trail_facts_insert,
	[OP_PART] = "INSERT INTO part (exchange, n, frame, slot) "
		    "VALUES (?, ?, ?, ?)",
	[OP_GAP] = "INSERT INTO gap (exchange, n, side, off, len, why) "
		   "VALUES (?, ?, ?, ?, ?, ?)",
	[OP_CONN] = "INSERT INTO conn (id, seal, side, route, at, peer, tls, "
		    "tls_version, cipher, alpn, sni, http, chain_sha256) "
		    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[OP_NOTE] = "INSERT INTO conn_note (seal, conn, at, kind, text) "
		    "VALUES (?, ?, ?, ?, ?)",
	[OP_CHECKPOINT] = "INSERT INTO checkpoint (seals, at, seal, key, "
			  "signature) VALUES (?, ?, ?, ?, ?)",
	[OP_SPOOL] = "INSERT OR REPLACE INTO spool (uuid, sequence) "
		     "VALUES (?, ?)",
};

bool trail_ops_prepare(struct trail *t, struct fail *f)
{
	for (int i = 0; i < OP_KINDS; i++) {
		t->w->insert[i] = trail_sql_prepare(t, op_sql[i], f);
		if (!t->w->insert[i])
			return false;
	}
	return true;
}

/* No longer an empty blob than NULL, which the tables forbid. */
static void bind_blob(sqlite3_stmt *q, int at, const void *p, size_t n)
{
	if (n)
		sqlite3_bind_blob64(q, at, p, n, SQLITE_STATIC);
	else
		sqlite3_bind_zeroblob(q, at, 0);
}

static void bind_frame(sqlite3_stmt *q, const struct op *op)
{
	const struct frame_blobs *b = &op->u.frame;

	sqlite3_bind_int64(q, 1, b->id);
	sqlite3_bind_int(q, 2, (int)b->entries);
	sqlite3_bind_int64(q, 3, (int64_t)b->literals_check);
	sqlite3_bind_int64(q, 4, (int64_t)b->rest_check);
	bind_blob(q, 5, b->literals.p, b->literals.n);
	bind_blob(q, 6, b->rest.p, b->rest.n);
}

static void bind_words(sqlite3_stmt *q, const struct op *op)
{
	const struct buf *data = &op->u.words.data;

	sqlite3_bind_int64(q, 1, (int64_t)op->u.words.first);
	sqlite3_bind_int64(q, 2, (int64_t)XXH3_64bits(data->p, data->n));
	bind_blob(q, 3, data->p, data->n);
}

static void bind_exchange(sqlite3_stmt *q, const struct op *op)
{
	trail_facts_bind(q, &op->u.exchange.facts);
}

static void bind_part(sqlite3_stmt *q, const struct op *op)
{
	sqlite3_bind_int64(q, 1, op->u.part.exchange);
	sqlite3_bind_int64(q, 2, op->u.part.n);
	sqlite3_bind_int64(q, 3, op->u.part.place.frame);
	sqlite3_bind_int64(q, 4, op->u.part.place.slot);
}

static void bind_gap(sqlite3_stmt *q, const struct op *op)
{
	const struct trail_gap *g = &op->u.gap.gap;

	sqlite3_bind_int64(q, 1, op->u.gap.exchange);
	sqlite3_bind_int64(q, 2, (int64_t)op->u.gap.n);
	trail_sql_bind(q, 3, str_of(trail_side_name(g->side)));
	sqlite3_bind_int64(q, 4, (int64_t)g->offset);
	sqlite3_bind_int64(q, 5, (int64_t)g->n);
	trail_sql_bind(q, 6, str_of(trail_gap_name(g->why)));
}

static void bind_conn(sqlite3_stmt *q, const struct op *op)
{
	const struct ev_conn *c = &op->u.conn.conn.conn;

	sqlite3_bind_int64(q, 1, op->u.conn.conn.id);
	sqlite3_bind_int64(q, 2, op->u.conn.seal);
	trail_sql_bind(q, 3, str_of(trail_side_name(c->side)));
	trail_sql_bind(q, 4, c->route);
	sqlite3_bind_int64(q, 5, (int64_t)c->at_wall);
	trail_sql_bind(q, 6, c->peer);
	sqlite3_bind_int(q, 7, c->tls);
	trail_sql_bind(q, 8, c->tls_version);
	trail_sql_bind(q, 9, c->cipher);
	trail_sql_bind(q, 10, c->alpn);
	trail_sql_bind(q, 11, c->sni);
	trail_sql_bind(q, 12, c->http);
	if (c->has_chain)
		bind_blob(q, 13, c->chain_sha256, sizeof c->chain_sha256);
	else
		sqlite3_bind_null(q, 13);
}

static void bind_note(sqlite3_stmt *q, const struct op *op)
{
	sqlite3_bind_int64(q, 1, op->u.note.seal);
	sqlite3_bind_int64(q, 2, op->u.note.conn);
	sqlite3_bind_int64(q, 3, (int64_t)op->u.note.at);
	sqlite3_bind_text(q, 4, op->u.note.kind.n ? op->u.note.kind.p : "",
			  (int)op->u.note.kind.n, SQLITE_STATIC);
	trail_sql_bind(q, 5, op->u.note.text);
}

static void bind_checkpoint(sqlite3_stmt *q, const struct op *op)
{
	const struct trail_checkpoint *c = &op->u.checkpoint;

	sqlite3_bind_int64(q, 1, c->seals);
	sqlite3_bind_int64(q, 2, (int64_t)c->at);
	bind_blob(q, 3, c->seal, sizeof c->seal);
	bind_blob(q, 4, c->key, sizeof c->key);
	bind_blob(q, 5, c->signature, sizeof c->signature);
}

static void bind_spool(sqlite3_stmt *q, const struct trail_cursor *c)
{
	bind_blob(q, 1, c->spool, sizeof c->spool);
	sqlite3_bind_int64(q, 2, (int64_t)c->sequence);
}

static bool carry_out(struct trail *t, const struct op *op)
{
	static void (*const bind[OP_KINDS])(sqlite3_stmt *,
					    const struct op *) = {
		[OP_FRAME] = bind_frame,
		[OP_WORDS] = bind_words,

		[OP_EXCHANGE] = bind_exchange,
		[OP_PART] = bind_part,
		[OP_GAP] = bind_gap,
		[OP_CONN] = bind_conn,
		[OP_NOTE] = bind_note,
		[OP_CHECKPOINT] = bind_checkpoint,
	};
	sqlite3_stmt *q = t->w->insert[op->kind];
	bool ok;

	bind[op->kind](q, op);
	ok = sqlite3_step(q) == SQLITE_DONE;
	sqlite3_reset(q);
	return ok;
}

static bool carry_cursors(struct trail *t, const struct trail_cursor *cursors,
			  size_t n)
{
	sqlite3_stmt *q = t->w->insert[OP_SPOOL];
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		bind_spool(q, &cursors[i]);
		ok = sqlite3_step(q) == SQLITE_DONE;
		sqlite3_reset(q);
	}
	return ok;
}

static bool carry_derived(struct trail *t)
{
	const struct trail_deriver *d = &t->w->deriver;

	return !d->write || d->write(d->arg, t->db);
}

static bool carry_all(struct trail *t, const struct trail_cursor *cursors,
		      size_t n, struct fail *f)
{
	bool ok = sqlite3_exec(t->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ==
		  SQLITE_OK;

	for (const struct op *op = t->w->ops; ok && op; op = op->next)
		ok = carry_out(t, op);
	ok = ok && carry_cursors(t, cursors, n) && carry_derived(t) &&
	     sqlite3_exec(t->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
	if (ok)
		return true;
	trail_sql_fail(t, "write to", f);
	if (!sqlite3_get_autocommit(t->db))
		sqlite3_exec(t->db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

/* ---- checkpoints ---- */

static void sign(struct trail *t)
{
	struct trail_writer *w = t->w;
	struct trail_checkpoint *c;
	struct buf text = {0};

	if (w->seals == w->signed_seals)
		return;
	c = &trail_op(w, OP_CHECKPOINT)->u.checkpoint;
	c->seals = w->seals;
	c->at = clock_wall();
	memcpy(c->seal, w->chain, SEAL_HASH);
	seal_key_public(w->key, c->key);
	trail_checkpoint_text(t, c, &text);
	seal_sign(w->key, buf_str(&text), c->signature);
	buf_free(&text);
	w->signed_seals = w->seals;
	w->signed_at = clock_mono();
}

static bool commit(struct trail *t, const struct trail_cursor *cursors,
		   size_t n, struct fail *f)
{
	struct trail_writer *w = t->w;

	trail_op_frame(w);
	if (!carry_all(t, cursors, n, f))
		return false;
	if (w->deriver.done)
		w->deriver.done(w->deriver.arg);
	trail_ops_free(w);
	w->pending = 0;
	w->pending_bytes = 0;
	return true;
}

bool trail_commit(struct trail *t, const struct trail_cursor *cursors, size_t n,
		  struct fail *f)
{
	assert(t->magic == TRAIL_MAGIC && t->w);
	if (t->w->seals >= t->w->signed_seals + SIGN_SEALS ||
	    clock_mono() - t->w->signed_at > SIGN_NS)
		sign(t);
	return commit(t, cursors, n, f);
}

void trail_at_commit(struct trail *t, const struct trail_deriver *d)
{
	assert(t->magic == TRAIL_MAGIC && t->w);
	t->w->deriver = *d;
}

/* ---- connections ---- */

static struct str own(struct op *op, int i, struct str s)
{
	op->own[i] = s.n ? str_dup(s) : NULL;
	return (struct str){op->own[i], s.n};
}

int64_t trail_put_conn(struct trail *t, const struct ev_conn *c)
{
	struct op *op;
	struct ev_conn *v;
	unsigned char root[SEAL_HASH];

	assert(t->magic == TRAIL_MAGIC && t->w);
	op = trail_op(t->w, OP_CONN);
	op->u.conn.conn.id = t->w->next_conn++;
	v = &op->u.conn.conn.conn;
	*v = *c;
	v->route = own(op, 0, c->route);
	v->peer = own(op, 1, c->peer);
	v->tls_version = own(op, 2, c->tls_version);
	v->cipher = own(op, 3, c->cipher);
	v->alpn = own(op, 4, c->alpn);
	v->sni = own(op, 5, c->sni);
	v->http = own(op, 6, c->http);
	trail_conn_root(&op->u.conn.conn, t->hash, root);
	op->u.conn.seal = trail_seal_next(t, root);
	return op->u.conn.conn.id;
}

void trail_put_conn_note(struct trail *t, int64_t conn, struct str kind,
			 struct str text, uint64_t at_wall)
{
	unsigned char root[SEAL_HASH];
	struct op *op;

	assert(t->magic == TRAIL_MAGIC && t->w);
	op = trail_op(t->w, OP_NOTE);
	op->u.note.conn = conn;
	op->u.note.at = at_wall;
	op->u.note.kind = own(op, 0, kind);
	op->u.note.text = own(op, 1, text);
	trail_note_root(conn, kind, text, at_wall, t->hash, root);
	op->u.note.seal = trail_seal_next(t, root);
}

void trail_put_conn_closed(struct trail *t, int64_t conn, uint64_t at_wall)
{
	trail_put_conn_note(t, conn, STR("closed"), (struct str){0}, at_wall);
}

/* ---- the writer ---- */

static int64_t query_int(struct trail *t, const char *sql, struct fail *f)
{
	sqlite3_stmt *q = trail_sql_prepare(t, sql, f);
	int64_t v = -1;

	if (q && sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int64(q, 0);
	else if (q)
		trail_sql_fail(t, "read", f);
	sqlite3_finalize(q);
	return v;
}

/* Follows the chain from the last checkpoint on. */
struct follow {
	struct trail *t;
	int64_t next;
};

static bool follow_root(void *arg, int64_t seal, int64_t exchange,
			const unsigned char root[SEAL_HASH])
{
	struct follow *o = arg;

	if (seal != o->next)
		return false;
	trail_seal_next(o->t, root);
	o->next++;
	return true;
}

static bool load_checkpoint(struct trail *t, struct fail *f)
{
	sqlite3_stmt *q = trail_sql_prepare(
		t,
		"SELECT seals, seal FROM checkpoint ORDER BY seals DESC "
		"LIMIT 1",
		f);
	bool ok = q != NULL;

	memcpy(t->w->chain, t->genesis, SEAL_HASH);
	if (q && sqlite3_step(q) == SQLITE_ROW) {
		t->w->seals = t->w->signed_seals = sqlite3_column_int64(q, 0);
		if (!trail_sql_bytes(q, 1, t->w->chain, SEAL_HASH))
			ok = fail_set(f, FAIL_USER, "trail_damaged",
				      "the last checkpoint of %s is damaged",
				      t->path);
	}
	sqlite3_finalize(q);
	return ok;
}

static bool load_chain(struct trail *t, struct fail *f)
{
	struct follow o = {t, 0};
	int64_t last;

	if (!load_checkpoint(t, f))
		return false;
	last = query_int(t,
			 "SELECT max((SELECT ifnull(max(seal), 0) FROM "
			 "exchange), (SELECT ifnull(max(seal), 0) FROM conn), "
			 "(SELECT ifnull(max(seal), 0) FROM conn_note))",
			 f);
	if (last < 0)
		return false;
	o.next = t->w->seals + 1;
	if (last > t->w->seals &&
	    !trail_roots(t, t->w->seals + 1, follow_root, &o, f))
		return false;
	if (last > t->w->seals || last < t->w->signed_seals)
		return fail_set(f, FAIL_USER, "trail_damaged",
				"%s cannot be recorded into: its chain of "
				"seals is broken (see assay replay verify)",
				t->path);
	return true;
}

static bool load_counters(struct trail *t, struct fail *f)
{
	struct trail_writer *w = t->w;

	w->next_id = query_int(t, "SELECT ifnull(max(id), 0) FROM exchange", f);
	w->next_conn = query_int(t, "SELECT ifnull(max(id), 0) FROM conn", f);
	w->next_frame = query_int(t, "SELECT ifnull(max(id), 0) FROM frame", f);
	if (w->next_id < 0 || w->next_conn < 0 || w->next_frame < 0)
		return false;
	w->first_id = ++w->next_id;
	w->next_conn++;
	w->next_frame++;
	return true;
}

struct trail_writer *trail_writer_new(struct trail *t, int lock,
				      struct seal_key *key, struct fail *f)
{
	struct trail_writer *w = MEM_NEW(struct trail_writer);

	t->w = w;
	w->lock = lock;
	w->key = key;
	w->ops_end = &w->ops;
	w->signed_at = clock_mono();
	w->rope = rope_new();
	w->words = words_new();
	w->maker = frame_maker_new(w->words);
	if (frame_store_words(t->frames, w->words, f) && load_counters(t, f) &&
	    load_chain(t, f) && trail_ops_prepare(t, f)) {
		frame_begin(w->maker, w->next_frame++);
		return w;
	}
	trail_writer_free(w);
	t->w = NULL;
	return NULL;
}

void trail_writer_free(struct trail_writer *w)
{
	trail_ops_free(w);
	trail_live_free_all(w);
	rope_free(w->rope);
	frame_maker_free(w->maker);
	words_free(w->words);
	for (int i = 0; i < OP_KINDS; i++)
		sqlite3_finalize(w->insert[i]);
	buf_free(&w->scratch);
	buf_free(&w->arrivals);
	free(w);
}

void trail_writer_finish(struct trail *t)
{
	struct fail f;

	sign(t);
	if (t->w->ops && !commit(t, NULL, 0, &f))
		log_error("trail", "the last group was not stored: %s", f.text);
}
