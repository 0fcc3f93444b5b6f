/* SPDX-License-Identifier: MIT */
/*
 * Inside the trail: one handle, what is recorded through it, and the facts
 * of an exchange, which are a row of the table, the leaves of its seal and
 * what readers see.
 *
 *	trail.c		opens, closes, locks
 *	trail_schema.c	the tables
 *	trail_facts.c	a row to and from SQL, and its root
 *	trail_put.c	exchanges into frames, in memory
 *	trail_commit.c	what is pending into the file
 *	trail_read.c	rows, heads, bodies, arrivals
 *	trail_contents.c what the seals cover, from what is stored
 *	trail_verify.c	all of it against the seals
 */
#ifndef RECORD_TRAIL_IMPL_H
#define RECORD_TRAIL_IMPL_H

#include <sqlite3.h>

#include "record/frame.h"
#include "record/seal.h"
#include "record/trail.h"

enum {
	TRAIL_MAGIC = 0x54524149,
	TRAIL_APPLICATION = 0x41535359, /* "ASSY" */
	TRAIL_SCHEMA = 1,
	TRAIL_UUID = 16,
};

struct trail_writer;

struct trail {
	uint32_t magic;
	sqlite3 *db;
	char *path;
	struct frame_store *frames;
	struct seal_hash *hash; /* for passing use */
	unsigned char uuid[TRAIL_UUID];
	unsigned char genesis[SEAL_HASH]; /* seal_0 */
	struct buf text;		  /* strings lent to the caller */
	struct trail_writer *w;		  /* NULL: reading */
};

/* ---- schema (trail_schema.c) ---- */

extern const char *const trail_tables[];  /* CREATE TABLE ..., NULL ends */
extern const char *const trail_indexes[]; /* CREATE INDEX ..., NULL ends */

/* Makes the tables in an empty file. */
bool trail_schema_make(struct trail *t, const unsigned char key[SEAL_KEY],
		       struct fail *f) MUST_USE;
/* Is it a trail, not newer than we are, with our tables? Reads its meta. */
bool trail_schema_check(struct trail *t, struct fail *f) MUST_USE;

/* ---- SQL in passing (trail_schema.c) ---- */

/* Fills *f in from the database's last error. */
bool trail_sql_fail(struct trail *t, const char *doing, struct fail *f);
bool trail_sql_run(struct trail *t, const char *sql, struct fail *f) MUST_USE;
sqlite3_stmt *trail_sql_prepare(struct trail *t, const char *sql,
				struct fail *f) MUST_USE;
struct str trail_sql_text(sqlite3_stmt *q, int column);
void trail_sql_bind(sqlite3_stmt *q, int at, struct str s); /* "": NULL */
/* A blob of exactly n bytes, or false. */
bool trail_sql_bytes(sqlite3_stmt *q, int column, void *out, size_t n);

/* Names of values in tables; _of: -1 if there is none such. */
const char *trail_side_name(enum ev_side s);
const char *trail_gap_name(enum ev_gap g);
int trail_side_of(struct str name);
int trail_gap_of(struct str name);

/* ---- facts (trail_facts.c) ---- */

/* An exchange as its row has it. Strings belong to whoever filled it in. */
struct trail_facts {
	struct trail_row row;
	unsigned attempt;
	bool has_body[EV_SIDES];
	unsigned char sha256[EV_SIDES][SEAL_HASH];
	uint64_t stored[EV_SIDES]; /* bytes recorded */
	int64_t frame;		   /* 0: see table part */
	unsigned slot;
	int64_t seal; /* its number, 0: none yet */
	unsigned char salt[SEAL_SALT], root[SEAL_HASH];
};

/* SHA-256 of an exchange's parts; the seal covers them. */
struct trail_digests {
	unsigned char body[EV_SIDES][SEAL_HASH];
	unsigned char heads[EV_SIDES][SEAL_HASH];
	unsigned char arrivals[EV_SIDES][SEAL_HASH];
	unsigned char gaps[SEAL_HASH];
};

extern const char trail_facts_select[]; /* "SELECT ... FROM exchange" */
extern const char trail_facts_insert[]; /* replaces a row of the same id */
void trail_facts_bind(sqlite3_stmt *q, const struct trail_facts *x);
/* False if a value cannot be: a mark of odd type, an unknown outcome. */
bool trail_facts_load(sqlite3_stmt *q, struct trail_facts *x);
void trail_facts_root(const struct trail_facts *x,
		      const struct trail_digests *d, struct seal_hash *h,
		      unsigned char root[SEAL_HASH]);

/* The roots of a connection and of a note about one. */
void trail_conn_root(const struct trail_conn *c, struct seal_hash *h,
		     unsigned char root[SEAL_HASH]);
void trail_note_root(int64_t conn, struct str kind, struct str text,
		     uint64_t at, struct seal_hash *h,
		     unsigned char root[SEAL_HASH]);

/* What a checkpoint signs. */
struct trail_checkpoint {
	int64_t seals;
	uint64_t at;
	unsigned char seal[SEAL_HASH], key[SEAL_KEY], signature[SEAL_SIGNATURE];
};
void trail_checkpoint_text(const struct trail *t,
			   const struct trail_checkpoint *c, struct buf *out);

/* ---- reading, shared (trail_read.c) ---- */

/* One place where entries of an exchange lie. */
struct trail_place {
	int64_t frame;
	unsigned slot;
};

/* All places of an exchange in order. Caller frees *out. */
bool trail_places(struct trail *t, const struct trail_facts *x,
		  struct trail_place **out, size_t *n, struct fail *f) MUST_USE;
bool trail_facts_of(struct trail *t, int64_t id, struct trail_facts *out,
		    struct fail *f) MUST_USE; /* strings in t->text */

/* The columns of a connection, and its row; strings are SQLite's. */
#define TRAIL_CONN_SELECT                                                      \
	"SELECT id, side, route, at, peer, tls, tls_version, cipher, alpn, "   \
	"sni, http, chain_sha256, (SELECT max(at) FROM conn_note WHERE "       \
	"conn = conn.id AND kind = 'closed'), seal FROM conn"
enum { TRAIL_CONN_SEAL = 13 };
bool trail_conn_load(sqlite3_stmt *q, struct trail_conn *c);

/* ---- what seals cover (trail_contents.c) ---- */

/* The digests in the making. */
struct trail_hashes {
	struct seal_hash *body[EV_SIDES], *heads[EV_SIDES];
	struct seal_hash *arrivals[EV_SIDES], *gaps;
};
void trail_hashes_init(struct trail_hashes *h);
void trail_hashes_free(struct trail_hashes *h);
void trail_hashes_end(struct trail_hashes *h, struct trail_digests *d);

void trail_hash_head(struct trail_hashes *h, enum ev_side side,
		     enum ev_head kind, int64_t at, struct str raw);
void trail_hash_arrivals(struct trail_hashes *h, enum ev_side side,
			 const struct frame_arrival *a, size_t n);
void trail_hash_gap(struct trail_hashes *h, const struct trail_gap *g);

/* Feeds all that is stored of an exchange, and counts it. */
struct trail_counts {
	uint64_t stored[EV_SIDES], chunks[EV_SIDES];
	uint64_t gaps, gap_bytes;
	size_t places;
};
bool trail_hashes_feed(struct trail *t, const struct trail_facts *x,
		       struct trail_hashes *h, struct trail_counts *counts,
		       struct fail *f) MUST_USE;

/*
 * Calls `each` with all that is sealed, in order, from number `from` on,
 * until it returns false. `exchange` is 0 for what is about connections.
 */
bool trail_roots(struct trail *t, int64_t from,
		 bool (*each)(void *arg, int64_t seal, int64_t exchange,
			      const unsigned char root[SEAL_HASH]),
		 void *arg, struct fail *f) MUST_USE;

/* ---- recording (trail_put.c, trail_commit.c) ---- */

struct trail_writer *trail_writer_new(struct trail *t, int lock,
				      struct seal_key *key, struct fail *f);
/* Signs a last checkpoint and commits what is pending. */
void trail_writer_finish(struct trail *t);
void trail_writer_free(struct trail_writer *w);

#endif
