/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * From the bottom up, each step trusting only what the one before it showed:
 *
 *	file		SQLite's own check: pages, indexes, types
 *	frames		checksums, sizes, columns
 *	exchanges	bodies, heads, arrivals and row against R_i
 *	references	parts, gaps and connections belong to something
 *	chain		seals 1, 2, 3 .. without a hole, hashed in order
 *	checkpoints	the chain's value there, and its signature
 *
 * Where the chain is broken, it goes on from the next checkpoint, so that one
 * removed exchange is one defect.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "record/trail_impl.h"

struct verify {
	struct trail *t;
	struct trail_check *out;
	void (*say)(void *arg, int64_t exchange, const char *text);
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *arg;
	struct trail_hashes hashes;
	int64_t defects;
	uint64_t done, all;
	/* the chain */
	unsigned char chain[SEAL_HASH];
	int64_t next; /* the number that should come */
	bool broken;  /* until the next checkpoint */
	sqlite3_stmt *points;
	struct trail_checkpoint point; /* the next one; seals 0: none */
	int64_t point_at;	       /* seals of the last one passed */
	unsigned char key[SEAL_KEY];
};

static void defect(struct verify *v, int64_t exchange, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void defect(struct verify *v, int64_t exchange, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->defects++;
	if (v->say)
		v->say(v->arg, exchange, text);
}

/* The next row; what cannot be read is a defect, and ends the list. */
static bool next_row(struct verify *v, sqlite3_stmt *q)
{
	int done = sqlite3_step(q);
	struct fail bad;

	if (done != SQLITE_ROW && done != SQLITE_DONE) {
		trail_sql_fail(v->t, "read all of", &bad);
		defect(v, 0, "%s", bad.text);
	}
	return done == SQLITE_ROW;
}

static void step(struct verify *v)
{
	if (v->progress && (++v->done & 63) == 0)
		v->progress(v->arg, v->done, v->all);
}

/* ---- file and frames ---- */

static bool check_file(struct verify *v, struct fail *f)
{
	sqlite3_stmt *q =
		trail_sql_prepare(v->t, "PRAGMA integrity_check(20)", f);

	if (!q)
		return false;
	while (next_row(v, q)) {
		struct str s = trail_sql_text(q, 0);

		if (!str_eq(s, STR("ok")))
			defect(v, 0, "the file is damaged: %.*s", STR_ARG(s));
	}
	sqlite3_finalize(q);
	return true;
}

static bool check_frames(struct verify *v, struct fail *f)
{
	sqlite3_stmt *q =
		trail_sql_prepare(v->t, "SELECT id FROM frame ORDER BY id", f);
	struct fail bad;

	if (!q)
		return false;
	while (next_row(v, q)) {
		if (!frame_check(v->t->frames, sqlite3_column_int64(q, 0),
				 &bad))
			defect(v, 0, "%s", bad.text);
		v->out->frames++;
		step(v);
	}
	sqlite3_finalize(q);
	return true;
}

/* ---- exchanges ---- */

static void check_sealed(struct verify *v, const struct trail_facts *x,
			 const struct trail_counts *n,
			 const struct trail_digests *d)
{
	static const char *const side[EV_SIDES] = {"request", "response"};
	unsigned char root[SEAL_HASH];
	int64_t id = x->row.id, before = v->defects;

	for (int i = 0; i < EV_SIDES; i++) {
		if (x->has_body[i])
			v->out->bodies++;
		if (n->stored[i] != x->stored[i])
			defect(v, id,
			       "its %s body has %" PRIu64 " bytes, not "
			       "%" PRIu64,
			       side[i], n->stored[i], x->stored[i]);
		else if (x->has_body[i] != (n->stored[i] > 0) ||
			 (x->has_body[i] &&
			  memcmp(d->body[i], x->sha256[i], SEAL_HASH) != 0))
			defect(v, id, "its %s body is not the recorded one",
			       side[i]);
	}
	trail_facts_root(x, d, v->t->hash, root);
	if (memcmp(root, x->root, SEAL_HASH) != 0 && v->defects == before)
		defect(v, id,
		       "its row, heads or arrivals are not the sealed ones");
}

static void check_exchange(struct verify *v, const struct trail_facts *x)
{
	struct trail_counts n = {0};
	struct trail_digests d;
	struct fail bad;
	bool ok = trail_hashes_feed(v->t, x, &v->hashes, &n, &bad);

	trail_hashes_end(&v->hashes, &d);
	if (!ok)
		defect(v, x->row.id, "%s", bad.text);
	else if (x->seal)
		check_sealed(v, x, &n, &d);
	if (x->row.closed != (x->seal != 0))
		defect(v, x->row.id,
		       x->seal ? "it is sealed but has no outcome"
			       : "it has an outcome but no seal");
}

static bool check_exchanges(struct verify *v, struct fail *f)
{
	struct buf sql = {0};
	sqlite3_stmt *q;

	buf_addf(&sql, "%s ORDER BY id", trail_facts_select);
	buf_addc(&sql, 0);
	q = trail_sql_prepare(v->t, sql.p, f);
	buf_free(&sql);
	if (!q)
		return false;
	while (next_row(v, q)) {
		struct trail_facts x;

		if (trail_facts_load(q, &x))
			check_exchange(v, &x);
		else
			defect(v, x.row.id, "its row makes no sense");
		v->out->exchanges++;
		step(v);
	}
	sqlite3_finalize(q);
	return true;
}

/* ---- references ---- */

static bool check_references(struct verify *v, struct fail *f)
{
	static const struct {
		const char *sql, *text;
	} checks[] = {
		{"SELECT exchange FROM part WHERE exchange NOT IN "
		 "(SELECT id FROM exchange)",
		 "a part belongs to an exchange that is not there"},
		{"SELECT exchange FROM gap WHERE exchange NOT IN "
		 "(SELECT id FROM exchange)",
		 "a gap belongs to an exchange that is not there"},
		{"SELECT p.exchange FROM part p JOIN exchange x ON "
		 "x.id = p.exchange WHERE x.frame IS NOT NULL",
		 "it has both a place and parts"},
		{"SELECT id FROM exchange WHERE (conn_down IS NOT NULL AND "
		 "conn_down NOT IN (SELECT id FROM conn)) OR (conn_up IS NOT "
		 "NULL AND conn_up NOT IN (SELECT id FROM conn))",
		 "its connection is not there"},
	};

	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		sqlite3_stmt *q = trail_sql_prepare(v->t, checks[i].sql, f);

		if (!q)
			return false;
		while (next_row(v, q))
			defect(v, sqlite3_column_int64(q, 0), "%s",
			       checks[i].text);
		sqlite3_finalize(q);
	}
	return true;
}

/* ---- chain and checkpoints ---- */

static void next_point(struct verify *v)
{
	struct trail_checkpoint *c = &v->point;

	*c = (struct trail_checkpoint){0};
	while (next_row(v, v->points)) {
		c->seals = sqlite3_column_int64(v->points, 0);
		c->at = (uint64_t)sqlite3_column_int64(v->points, 1);
		v->out->checkpoints++;
		if (c->seals > 0 &&
		    trail_sql_bytes(v->points, 2, c->seal, SEAL_HASH) &&
		    trail_sql_bytes(v->points, 3, c->key, SEAL_KEY) &&
		    trail_sql_bytes(v->points, 4, c->signature, SEAL_SIGNATURE))
			return;
		defect(v, 0, "checkpoint %" PRId64 " makes no sense", c->seals);
		*c = (struct trail_checkpoint){0};
	}
}

/* The chain has come to the checkpoint at hand. */
static void pass_point(struct verify *v)
{
	const struct trail_checkpoint *c = &v->point;
	struct buf text = {0};

	trail_checkpoint_text(v->t, c, &text);
	if (!seal_signed(c->key, buf_str(&text), c->signature))
		defect(v, 0, "the signature of checkpoint %" PRId64 " is wrong",
		       c->seals);
	else if (memcmp(c->key, v->key, SEAL_KEY) != 0)
		defect(v, 0,
		       "checkpoint %" PRId64 " is signed by another key than "
		       "the trail began with",
		       c->seals);
	buf_free(&text);
	if (!v->broken && memcmp(c->seal, v->chain, SEAL_HASH) != 0)
		defect(v, 0,
		       "something sealed between %" PRId64 " and %" PRId64
		       " has been altered: the chain does not lead to the "
		       "signed checkpoint",
		       v->point_at + 1, c->seals);
	memcpy(v->chain, c->seal, SEAL_HASH);
	v->broken = false;
	v->point_at = c->seals;
	next_point(v);
}

/* Seals up to `to` (not included) are not there. */
static void missing(struct verify *v, int64_t to)
{
	if (to == v->next + 1)
		defect(v, 0, "what was sealed as number %" PRId64 " is missing",
		       v->next);
	else
		defect(v, 0,
		       "what was sealed as numbers %" PRId64 " to %" PRId64
		       " is missing",
		       v->next, to - 1);
	v->broken = true;
	v->next = to;
}

static bool check_root(void *arg, int64_t seal, int64_t exchange,
		       const unsigned char root[SEAL_HASH])
{
	struct verify *v = arg;

	if (seal < v->next) {
		defect(v, exchange, "seal number %" PRId64 " is used twice",
		       seal);
		return true;
	}
	while (v->next < seal) {
		int64_t to = seal;

		if (v->point.seals && v->point.seals < seal)
			to = v->point.seals + 1;
		if (v->next < to)
			missing(v, to);
		if (v->point.seals && v->point.seals < v->next)
			pass_point(v);
	}
	seal_next(v->t->hash, v->chain, root);
	v->next++;
	if (v->point.seals == seal)
		pass_point(v);
	return true;
}

static bool check_chain(struct verify *v, struct fail *f)
{
	memcpy(v->chain, v->t->genesis, SEAL_HASH);
	v->next = 1;
	v->points = trail_sql_prepare(
		v->t,
		"SELECT seals, at, seal, key, signature FROM checkpoint "
		"ORDER BY seals",
		f);
	if (!v->points)
		return false;
	next_point(v);
	if (!trail_roots(v->t, 1, check_root, v, f))
		return false;
	while (v->point.seals) {
		if (v->next <= v->point.seals)
			missing(v, v->point.seals + 1);
		pass_point(v);
	}
	v->out->open_tail = v->next - 1 > v->point_at;
	return true;
}

/* ---- all of it ---- */

static void to_hex(const unsigned char in[32], char out[65])
{
	for (int i = 0; i < 32; i++)
		sprintf(out + 2 * i, "%02x", in[i]);
}

static bool prepare(struct verify *v, struct fail *f)
{
	sqlite3_stmt *q = trail_sql_prepare(
		v->t,
		"SELECT (SELECT value FROM meta WHERE name = 'key'),"
		" (SELECT count(*) FROM frame), (SELECT count(*) FROM "
		"exchange)",
		f);
	bool ok = q && sqlite3_step(q) == SQLITE_ROW &&
		  trail_sql_bytes(q, 0, v->key, SEAL_KEY);

	if (ok)
		v->all = (uint64_t)sqlite3_column_int64(q, 1) +
			 (uint64_t)sqlite3_column_int64(q, 2);
	else if (q)
		fail_set(f, FAIL_USER, "trail_damaged",
			 "%s has no signing key on record", v->t->path);
	sqlite3_finalize(q);
	return ok;
}

/* A step that cannot be done is a defect; the others may be. */
static void check_all(struct verify *v)
{
	static bool (*const steps[])(struct verify *, struct fail *) = {
		check_file,	  check_frames, check_exchanges,
		check_references, check_chain,
	};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct fail bad;

		if (!steps[i](v, &bad))
			defect(v, 0, "%s", bad.text);
	}
}

int64_t trail_verify(struct trail *t, struct trail_check *out,
		     void (*say)(void *arg, int64_t exchange, const char *text),
		     void (*progress)(void *arg, uint64_t done, uint64_t all),
		     void *arg, struct fail *f)
{
	struct verify v = {.t = t,
			   .out = out,
			   .say = say,
			   .progress = progress,
			   .arg = arg};
	bool ok;

	assert(t->magic == TRAIL_MAGIC);
	*out = (struct trail_check){0};
	trail_hashes_init(&v.hashes);
	/* One view of the file, however much is recorded meanwhile. */
	ok = trail_sql_run(t, "BEGIN", f) && prepare(&v, f);
	if (ok)
		check_all(&v);
	sqlite3_finalize(v.points);
	if (!sqlite3_get_autocommit(t->db))
		sqlite3_exec(t->db, "COMMIT", NULL, NULL, NULL);
	trail_hashes_free(&v.hashes);
	if (!ok)
		return -1;
	if (progress)
		progress(arg, v.all, v.all);
	to_hex(v.key, out->key_hex);
	to_hex(v.chain, out->seal_hex);
	return v.defects;
}
