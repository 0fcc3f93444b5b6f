/* SPDX-License-Identifier: MIT */
/* The tables of a trail, as the README shows them. */
#include <stdio.h>

#include "base/clock.h"
#include "record/trail_impl.h"

const char *const trail_tables[] = {
	"CREATE TABLE meta (\n"
	"  -- uuid (of this trail), created (ns since 1970), assay (version\n"
	"  -- that made it), key (the Ed25519 public key that signs)\n"
	"  name TEXT NOT NULL PRIMARY KEY,\n"
	"  value ANY\n"
	") STRICT, WITHOUT ROWID",

	"CREATE TABLE exchange (\n"
	"  -- One request and what became of it. Times ending in _ns are\n"
	"  -- nanoseconds after started; NULL: it did not happen.\n"
	"  id INTEGER NOT NULL PRIMARY KEY,\n"
	"  parent INTEGER,            -- the exchange it repeats or serves\n"
	"  run TEXT,                  -- name of the run it belongs to\n"
	"  kind TEXT NOT NULL,        -- client, canary, replay, probe, "
	"tunnel\n"
	"  route TEXT,                -- the upstream's name\n"
	"  method TEXT,\n"
	"  path TEXT,                 -- with its query, secrets masked\n"
	"  status INTEGER,            -- as the client saw it\n"
	"  outcome TEXT,              -- NULL: not ended yet\n"
	"  error TEXT,                -- assay's code if something failed\n"
	"  answered_by_assay INTEGER NOT NULL,\n"
	"  reset_code INTEGER,        -- HTTP/2 error code\n"
	"  attempt INTEGER NOT NULL,  -- unsent attempts before this one\n"
	"  started INTEGER NOT NULL,  -- first byte; ns since 1970\n"
	"  started_mono INTEGER NOT NULL, -- the same, monotonic clock\n"
	"  request_head_ns INTEGER,   -- request head complete\n"
	"  vendor_ready_ns INTEGER,   -- a vendor connection was at hand\n"
	"  request_sent_ns INTEGER,   -- request head handed to the kernel\n"
	"  request_end_ns INTEGER,    -- last byte of the request arrived\n"
	"  first_byte_ns INTEGER,     -- response head arrived\n"
	"  first_data_ns INTEGER,     -- first byte of the response body\n"
	"  response_end_ns INTEGER,   -- last byte of the response arrived\n"
	"  duration_ns INTEGER,       -- last byte handed on, or the end\n"
	"  added_ns INTEGER,          -- the most that assay delayed a byte\n"
	"  -- Body bytes and their XXH64: as they came in and, where it\n"
	"  -- differs, as they went out (NULL: went out as they came in).\n"
	"  request_bytes INTEGER,\n"
	"  request_out_bytes INTEGER,\n"
	"  response_bytes INTEGER,\n"
	"  response_out_bytes INTEGER,\n"
	"  request_digest INTEGER,\n"
	"  request_out_digest INTEGER,\n"
	"  response_digest INTEGER,\n"
	"  response_out_digest INTEGER,\n"
	"  request_chunks INTEGER,    -- arrivals\n"
	"  response_chunks INTEGER,\n"
	"  masked INTEGER NOT NULL,   -- secrets replaced in the bodies\n"
	"  gaps INTEGER NOT NULL,     -- see table gap\n"
	"  gap_bytes INTEGER NOT NULL,\n"
	"  conn_down INTEGER,         -- the client's connection\n"
	"  conn_up INTEGER,           -- the vendor's\n"
	"  -- The bodies as recorded; stored where it is not ..._bytes.\n"
	"  request_sha256 BLOB,\n"
	"  request_stored INTEGER,\n"
	"  response_sha256 BLOB,\n"
	"  response_stored INTEGER,\n"
	"  frame INTEGER,             -- where heads, bodies and arrivals\n"
	"  slot INTEGER,              -- lie; NULL: see table part\n"
	"  seal INTEGER,              -- its number in the chain\n"
	"  salt BLOB,                 -- hides its fields from each other\n"
	"  root BLOB                  -- R_i, the Merkle root of its fields\n"
	") STRICT",

	"CREATE TABLE part (\n"
	"  -- An exchange that was stored in several steps: its n-th.\n"
	"  exchange INTEGER NOT NULL,\n"
	"  n INTEGER NOT NULL,\n"
	"  frame INTEGER NOT NULL,\n"
	"  slot INTEGER NOT NULL,\n"
	"  PRIMARY KEY (exchange, n)\n"
	") STRICT, WITHOUT ROWID",

	"CREATE TABLE frame (\n"
	"  -- Up to 16 exchanges packed together, zstd. literals: bytes that\n"
	"  -- bodies refer to, of later frames too. rest: heads, event\n"
	"  -- streams as columns, arrivals, and what belongs to whom; the\n"
	"  -- literals are its dictionary.\n"
	"  id INTEGER NOT NULL PRIMARY KEY,\n"
	"  entries INTEGER NOT NULL,\n"
	"  literals_check INTEGER NOT NULL, -- XXH3-64 of the blob\n"
	"  rest_check INTEGER NOT NULL,\n"
	"  literals BLOB NOT NULL,\n"
	"  rest BLOB NOT NULL\n"
	") STRICT",

	"CREATE TABLE words (\n"
	"  -- The vocabulary that columns of tokens refer to, in batches\n"
	"  -- (zstd; see words.c).\n"
	"  first INTEGER NOT NULL PRIMARY KEY, -- number of its first word\n"
	"  data_check INTEGER NOT NULL, -- XXH3-64 of the blob\n"
	"  data BLOB NOT NULL\n"
	") STRICT",

	"CREATE TABLE gap (\n"
	"  -- Bytes that were relayed and are not on record.\n"
	"  exchange INTEGER NOT NULL,\n"
	"  n INTEGER NOT NULL,\n"
	"  side TEXT NOT NULL,        -- request, response\n"
	"  off INTEGER NOT NULL,\n"
	"  len INTEGER NOT NULL,\n"
	"  why TEXT NOT NULL,         -- spool_full, ring_damaged, disk\n"
	"  PRIMARY KEY (exchange, n)\n"
	") STRICT, WITHOUT ROWID",

	"CREATE TABLE conn (\n"
	"  id INTEGER NOT NULL PRIMARY KEY,\n"
	"  seal INTEGER NOT NULL,\n"
	"  side TEXT NOT NULL,        -- request: a client's; response: a\n"
	"                             -- vendor's\n"
	"  route TEXT,\n"
	"  at INTEGER NOT NULL,       -- ns since 1970\n"
	"  peer TEXT,\n"
	"  tls INTEGER NOT NULL,\n"
	"  tls_version TEXT,\n"
	"  cipher TEXT,\n"
	"  alpn TEXT,\n"
	"  sni TEXT,\n"
	"  http TEXT,\n"
	"  chain_sha256 BLOB          -- of the vendor's certificates\n"
	") STRICT",

	"CREATE TABLE conn_note (\n"
	"  -- What was seen of a connection later; kind `closed`: its end.\n"
	"  conn INTEGER NOT NULL,\n"
	"  seal INTEGER NOT NULL,\n"
	"  at INTEGER NOT NULL,\n"
	"  kind TEXT NOT NULL,\n"
	"  text TEXT,\n"
	"  PRIMARY KEY (conn, seal)\n"
	") STRICT, WITHOUT ROWID",

	"CREATE TABLE spool (\n"
	"  -- How far each spool has been taken in.\n"
	"  uuid BLOB NOT NULL PRIMARY KEY,\n"
	"  sequence INTEGER NOT NULL\n"
	") STRICT, WITHOUT ROWID",

	"CREATE TABLE checkpoint (\n"
	"  -- The chain's head after so many seals, signed (Ed25519).\n"
	"  seals INTEGER NOT NULL PRIMARY KEY,\n"
	"  at INTEGER NOT NULL,\n"
	"  seal BLOB NOT NULL,\n"
	"  key BLOB NOT NULL,\n"
	"  signature BLOB NOT NULL\n"
	") STRICT",
	NULL};

const char *const trail_indexes[] = {
	/* also finds the exchanges that have not ended: their seal is NULL */
	"CREATE UNIQUE INDEX exchange_seal ON exchange (seal)", NULL};

/* ---- SQL in passing ---- */

bool trail_sql_fail(struct trail *t, const char *doing, struct fail *f)
{
	int e = sqlite3_extended_errcode(t->db);
	const char *code = "trail_sql";

	if ((e & 0xff) == SQLITE_FULL || e == SQLITE_IOERR_WRITE)
		code = "disk_full";
	else if ((e & 0xff) == SQLITE_NOTADB)
		code = "trail_foreign";
	else if ((e & 0xff) == SQLITE_CORRUPT)
		code = "trail_damaged";
	return fail_set(f, FAIL_SYSTEM, code, "cannot %s %s: %s", doing,
			t->path, sqlite3_errmsg(t->db));
}

bool trail_sql_run(struct trail *t, const char *sql, struct fail *f)
{
	return sqlite3_exec(t->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
	       trail_sql_fail(t, "use", f);
}

sqlite3_stmt *trail_sql_prepare(struct trail *t, const char *sql,
				struct fail *f)
{
	sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v3(t->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q,
			       NULL) != SQLITE_OK)
		trail_sql_fail(t, "read", f);
	return q;
}

struct str trail_sql_text(sqlite3_stmt *q, int column)
{
	const unsigned char *p = sqlite3_column_text(q, column);

	return (struct str){(const char *)p,
			    (size_t)sqlite3_column_bytes(q, column)};
}

void trail_sql_bind(sqlite3_stmt *q, int at, struct str s)
{
	if (s.n)
		sqlite3_bind_text(q, at, s.p, (int)s.n, SQLITE_STATIC);
	else
		sqlite3_bind_null(q, at);
}

bool trail_sql_bytes(sqlite3_stmt *q, int column, void *out, size_t n)
{
	if (sqlite3_column_type(q, column) != SQLITE_BLOB ||
	    (size_t)sqlite3_column_bytes(q, column) != n)
		return false;
	memcpy(out, sqlite3_column_blob(q, column), n);
	return true;
}

/* ---- names ---- */

static const char *const sides[] = {"request", "response"};
static const char *const gaps[] = {"spool_full", "ring_damaged", "disk"};

const char *trail_side_name(enum ev_side s)
{
	return sides[s == EV_RESPONSE];
}

const char *trail_gap_name(enum ev_gap g)
{
	return (unsigned)g <= EV_GAP_DISK ? gaps[g] : "?";
}

int trail_side_of(struct str name)
{
	return str_among(name, sides, EV_SIDES);
}

int trail_gap_of(struct str name)
{
	return str_among(name, gaps, EV_GAP_DISK + 1);
}

/* ---- making and checking ---- */

static bool put_meta(struct trail *t, const char *name, int64_t number,
		     const void *bytes, size_t n, struct fail *f)
{
	sqlite3_stmt *q = trail_sql_prepare(
		t, "INSERT INTO meta (name, value) VALUES (?, ?)", f);
	bool ok;

	if (!q)
		return false;
	sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	if (bytes)
		sqlite3_bind_blob(q, 2, bytes, (int)n, SQLITE_STATIC);
	else
		sqlite3_bind_int64(q, 2, number);
	ok = sqlite3_step(q) == SQLITE_DONE || trail_sql_fail(t, "make", f);
	sqlite3_finalize(q);
	return ok;
}

static bool make_tables(struct trail *t, struct fail *f)
{
	for (int i = 0; trail_tables[i]; i++)
		if (!trail_sql_run(t, trail_tables[i], f))
			return false;
	for (int i = 0; trail_indexes[i]; i++)
		if (!trail_sql_run(t, trail_indexes[i], f))
			return false;
	return true;
}

bool trail_schema_make(struct trail *t, const unsigned char key[SEAL_KEY],
		       struct fail *f)
{
	unsigned char uuid[TRAIL_UUID];
	char pragmas[120];
	bool ok;

	seal_random(uuid, sizeof uuid);
	snprintf(pragmas, sizeof pragmas,
		 "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 TRAIL_APPLICATION, TRAIL_SCHEMA);
	ok = trail_sql_run(t, "BEGIN IMMEDIATE", f) &&
	     trail_sql_run(t, pragmas, f) && make_tables(t, f) &&
	     put_meta(t, "uuid", 0, uuid, sizeof uuid, f) &&
	     put_meta(t, "created", (int64_t)clock_wall(), NULL, 0, f) &&
	     put_meta(t, "assay", 0, ASSAY_VERSION, strlen(ASSAY_VERSION), f) &&
	     put_meta(t, "key", 0, key, SEAL_KEY, f) &&
	     trail_sql_run(t, "COMMIT", f);
	if (!ok && !sqlite3_get_autocommit(t->db))
		sqlite3_exec(t->db, "ROLLBACK", NULL, NULL, NULL);
	return ok;
}

static bool foreign(struct trail *t, struct fail *f)
{
	return fail_set(f, FAIL_USER, "trail_foreign",
			"%s is not a trail of assay's", t->path);
}

static bool pragma_int(struct trail *t, const char *sql, int64_t *out,
		       struct fail *f)
{
	sqlite3_stmt *q = trail_sql_prepare(t, sql, f);
	bool ok = q && sqlite3_step(q) == SQLITE_ROW;

	if (ok)
		*out = sqlite3_column_int64(q, 0);
	else if (q)
		trail_sql_fail(t, "read", f);
	sqlite3_finalize(q);
	return ok;
}

/* Each of our tables is there, made by our very words. */
static bool same_tables(struct trail *t, struct fail *f)
{
	sqlite3_stmt *q = trail_sql_prepare(
		t, "SELECT count(*) FROM sqlite_schema WHERE sql = ?", f);
	bool ok = q != NULL;

	for (int i = 0; ok && trail_tables[i]; i++) {
		sqlite3_bind_text(q, 1, trail_tables[i], -1, SQLITE_STATIC);
		ok = sqlite3_step(q) == SQLITE_ROW &&
		     sqlite3_column_int(q, 0) == 1;
		sqlite3_reset(q);
		if (!ok)
			foreign(t, f);
	}
	sqlite3_finalize(q);
	return ok;
}

/* The chain begins with what makes this trail this trail. */
static void find_genesis(struct trail *t, uint64_t created,
			 const unsigned char key[SEAL_KEY], struct str version)
{
	static const char title[] = "assay trail 1";

	seal_hash_add(t->hash, title, sizeof title);
	seal_hash_add(t->hash, t->uuid, sizeof t->uuid);
	seal_hash_int(t->hash, created);
	seal_hash_add(t->hash, key, SEAL_KEY);
	seal_hash_add(t->hash, version.p, version.n);
	seal_hash_end(t->hash, t->genesis);
}

static bool read_meta(struct trail *t, struct fail *f)
{
	sqlite3_stmt *q = trail_sql_prepare(
		t,
		"SELECT (SELECT value FROM meta WHERE name = 'uuid'),"
		" (SELECT value FROM meta WHERE name = 'created'),"
		" (SELECT value FROM meta WHERE name = 'key'),"
		" (SELECT value FROM meta WHERE name = 'assay')",
		f);
	unsigned char key[SEAL_KEY];
	bool ok;

	if (!q)
		return false;
	ok = sqlite3_step(q) == SQLITE_ROW &&
	     trail_sql_bytes(q, 0, t->uuid, sizeof t->uuid) &&
	     trail_sql_bytes(q, 2, key, sizeof key);
	if (ok)
		find_genesis(t, (uint64_t)sqlite3_column_int64(q, 1), key,
			     trail_sql_text(q, 3));
	else
		foreign(t, f);
	sqlite3_finalize(q);
	return ok;
}

bool trail_schema_check(struct trail *t, struct fail *f)
{
	int64_t application, version;

	if (!pragma_int(t, "PRAGMA application_id", &application, f) ||
	    !pragma_int(t, "PRAGMA user_version", &version, f)) {
		if (strcmp(f->code, "trail_foreign") == 0)
			foreign(t, f);
		return false;
	}
	if (application != TRAIL_APPLICATION)
		return foreign(t, f);
	if (version > TRAIL_SCHEMA)
		return fail_set(f, FAIL_USER, "trail_newer",
				"%s was made by a newer assay (its schema is "
				"%d, this one knows %d)",
				t->path, (int)version, TRAIL_SCHEMA);
	return same_tables(t, f) && read_meta(t, f);
}
