/* SPDX-License-Identifier: MIT */
#include "rules/judge/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum {
	EXCERPT_MOST = 200,
};

/* As the README shows them. */
const char *const store_tables[] = {
	"CREATE TABLE chat (\n"
	"  -- What judging read out of an exchange; one row for each that was\n"
	"  -- judged. NULL: not said.\n"
	"  exchange INTEGER NOT NULL PRIMARY KEY,\n"
	"  dialect TEXT,              -- chat, completions, responses,\n"
	"                             -- messages; NULL: none of them\n"
	"  model TEXT,                -- as asked for\n"
	"  answered TEXT,             -- as the answer says\n"
	"  pack TEXT,                 -- the model's contract\n"
	"  mode TEXT,                 -- any, thinking, instant\n"
	"  streamed INTEGER,\n"
	"  finish TEXT,               -- of the first choice\n"
	"  prompt_tokens INTEGER,\n"
	"  completion_tokens INTEGER,\n"
	"  cached_tokens INTEGER,\n"
	"  reasoning_tokens INTEGER,\n"
	"  passed INTEGER NOT NULL,   -- checks\n"
	"  failed INTEGER NOT NULL,\n"
	"  unknown INTEGER NOT NULL,\n"
	"  blind TEXT                 -- why it could not be judged whole\n"
	") STRICT",

	"CREATE TABLE finding (\n"
	"  n INTEGER NOT NULL PRIMARY KEY, -- in the order found\n"
	"  exchange INTEGER NOT NULL,\n"
	"  rule TEXT NOT NULL,\n"
	"  version TEXT,              -- of the pack\n"
	"  pack TEXT,\n"
	"  severity TEXT NOT NULL,    -- info, warning, error\n"
	"  party TEXT NOT NULL,       -- unknown, client, vendor, gateway\n"
	"  scope TEXT NOT NULL,       -- request, response, frames, pair,\n"
	"                             -- session, campaign\n"
	"  observed TEXT,\n"
	"  expected TEXT,\n"
	"  side TEXT,                 -- the bytes that it rests on: offsets\n"
	"  start INTEGER,             -- in the decoded body\n"
	"  stop INTEGER,\n"
	"  excerpt TEXT,\n"
	"  other INTEGER,             -- the exchange compared with\n"
	"  at INTEGER NOT NULL,       -- ns since 1970\n"
	"  route TEXT,\n"
	"  model TEXT,\n"
	"  provisional INTEGER NOT NULL -- may change as more comes\n"
	") STRICT",

	"CREATE TABLE judged (\n"
	"  -- packs (SHA-256 of those that judged), state and seals (of the\n"
	"  -- judge's memory: see judge_save)\n"
	"  name TEXT NOT NULL PRIMARY KEY,\n"
	"  value ANY\n"
	") STRICT, WITHOUT ROWID",

	NULL,
};
static const char *const table_names[] = {"chat", "finding", "judged"};

/* A row that waits for its commit. */
struct row {
	struct row *next;
	bool is_finding;
	union {
		struct finding finding;
		struct judged judged;
	} u;
	char *pack; /* the name of u.judged's */
	char *text; /* what the strings of u point into */
};

struct store {
	struct trail *trail;
	sqlite3 *db;
	sqlite3_stmt *put_finding, *put_chat;
	struct row *rows, **end;
};

static bool sql_fail(sqlite3 *db, const char *doing, struct fail *f)
{
	return fail_set(f, FAIL_SYSTEM, "trail_sql",
			"cannot %s the trail's findings: %s", doing,
			sqlite3_errmsg(db));
}

static bool run(sqlite3 *db, const char *sql, struct fail *f)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ||
	       sql_fail(db, "write", f);
}

/* ---- tables ---- */

/* Is the table there, made by our very words? */
static bool has_table(sqlite3 *db, int i)
{
	sqlite3_stmt *q = NULL;
	bool has;

	sqlite3_prepare_v2(db, "SELECT 1 FROM sqlite_schema WHERE sql = ?", -1,
			   &q, NULL);
	sqlite3_bind_text(q, 1, store_tables[i], -1, SQLITE_STATIC);
	has = q && sqlite3_step(q) == SQLITE_ROW;
	sqlite3_finalize(q);
	return has;
}

static bool has_tables(sqlite3 *db)
{
	for (int i = 0; store_tables[i]; i++) {
		if (!has_table(db, i))
			return false;
	}
	return true;
}

static bool make_tables(sqlite3 *db, struct fail *f)
{
	char drop[64];

	if (has_tables(db))
		return true;
	for (int i = 0; store_tables[i]; i++) {
		snprintf(drop, sizeof drop, "DROP TABLE IF EXISTS %s",
			 table_names[i]);
		if (!run(db, drop, f) || !run(db, store_tables[i], f))
			return false;
	}
	return run(db, "CREATE INDEX finding_exchange ON finding (exchange)",
		   f);
}

/* ---- values ---- */

static void bind(sqlite3_stmt *q, int at, struct str s)
{
	if (s.n)
		sqlite3_bind_text64(q, at, s.p, s.n, SQLITE_STATIC,
				    SQLITE_UTF8);
	else
		sqlite3_bind_null(q, at);
}

static void bind_count(sqlite3_stmt *q, int at, int64_t v)
{
	if (v == USAGE_NONE)
		sqlite3_bind_null(q, at);
	else
		sqlite3_bind_int64(q, at, v);
}

static struct str get(sqlite3_stmt *q, int at)
{
	const unsigned char *p = sqlite3_column_text(q, at);

	return (struct str){(const char *)p,
			    (size_t)sqlite3_column_bytes(q, at)};
}

static bool set_value(struct store *s, const char *name, struct str blob,
		      int64_t number, struct fail *f)
{
	sqlite3_stmt *q = NULL;
	bool ok;

	sqlite3_prepare_v2(s->db, "INSERT OR REPLACE INTO judged VALUES (?, ?)",
			   -1, &q, NULL);
	sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	if (blob.p)
		sqlite3_bind_blob64(q, 2, blob.p, blob.n, SQLITE_STATIC);
	else
		sqlite3_bind_int64(q, 2, number);
	ok = q && sqlite3_step(q) == SQLITE_DONE;
	sqlite3_finalize(q);
	return ok || sql_fail(s->db, "write", f);
}

/* The first column of the first row; 0 if there is none. */
static int64_t query_int(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q = NULL;
	int64_t v = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return v;
}

/* ---- writing ---- */

static bool write_finding(struct store *s, const struct finding *f)
{
	static const char *const sides[] = {"", "request", "response"};
	sqlite3_stmt *q = s->put_finding;
	bool ok;

	sqlite3_bind_int64(q, 1, f->exchange);
	bind(q, 2, f->rule);
	bind(q, 3, f->version);
	bind(q, 4, f->pack);
	bind(q, 5, str_of(severity_name(f->severity)));
	bind(q, 6, str_of(party_name(f->party)));
	bind(q, 7, str_of(scope_name(f->scope)));
	bind(q, 8, f->observed);
	bind(q, 9, f->expected);
	bind(q, 10, str_of(sides[f->evidence.side]));
	sqlite3_bind_int64(q, 11, (int64_t)f->evidence.from);
	sqlite3_bind_int64(q, 12, (int64_t)f->evidence.to);
	bind(q, 13, f->evidence.excerpt);
	if (f->other)
		sqlite3_bind_int64(q, 14, f->other);
	else
		sqlite3_bind_null(q, 14);
	sqlite3_bind_int64(q, 15, (int64_t)f->at);
	bind(q, 16, f->route);
	bind(q, 17, f->model);
	sqlite3_bind_int(q, 18, f->provisional);
	ok = sqlite3_step(q) == SQLITE_DONE;
	sqlite3_reset(q);
	return ok;
}

static void bind_judged(sqlite3_stmt *q, const struct judged *x,
			const char *pack)
{
	bool chat = x->dialect != DIALECT_NONE;

	sqlite3_clear_bindings(q);
	sqlite3_bind_int64(q, 1, x->exchange);
	sqlite3_bind_int64(q, 13, x->passed);
	sqlite3_bind_int64(q, 14, x->failed);
	sqlite3_bind_int64(q, 15, x->unknown);
	if (!chat)
		return;
	bind(q, 2, str_of(dialect_name(x->dialect)));
	bind(q, 3, x->model);
	bind(q, 4, x->answered);
	bind(q, 5, str_of(pack));
	bind(q, 6, str_of(mode_name(x->mode)));
	sqlite3_bind_int(q, 7, x->streamed);
	bind(q, 8, x->finish);
	bind_count(q, 9, x->prompt_tokens);
	bind_count(q, 10, x->completion_tokens);
	bind_count(q, 11, x->cached_tokens);
	bind_count(q, 12, x->reasoning_tokens);
	bind(q, 16, str_of(x->blind));
}

static bool write_judged(struct store *s, const struct row *r)
{
	bool ok;

	bind_judged(s->put_chat, &r->u.judged, r->pack);
	ok = sqlite3_step(s->put_chat) == SQLITE_DONE;
	sqlite3_reset(s->put_chat);
	return ok;
}

static bool on_write(void *arg, sqlite3 *db)
{
	struct store *s = arg;

	for (const struct row *r = s->rows; r; r = r->next) {
		if (!(r->is_finding ? write_finding(s, &r->u.finding)
				    : write_judged(s, r)))
			return false;
	}
	return true;
}

static void on_done(void *arg)
{
	struct store *s = arg;

	while (s->rows) {
		struct row *r = s->rows;

		s->rows = r->next;
		free(r->pack);
		free(r->text);
		free(r);
	}
	s->end = &s->rows;
}

/* ---- rows in memory ---- */

/* One piece of memory for all strings, which then point into it. */
static struct row *row_add(struct store *s, struct str *const *texts, size_t n)
{
	struct row *r = MEM_NEW(struct row);
	size_t all = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		all += texts[i]->n;
	r->text = mem_alloc(all + 1);
	for (size_t i = 0; i < n; i++) {
		if (texts[i]->n)
			memcpy(r->text + at, texts[i]->p, texts[i]->n);
		texts[i]->p = r->text + at;
		at += texts[i]->n;
	}
	*s->end = r;
	s->end = &r->next;
	return r;
}

void store_put_finding(struct store *s, const struct finding *f)
{
	struct finding c = *f;
	struct str *texts[] = {&c.rule,	    &c.version,	 &c.pack,
			       &c.observed, &c.expected, &c.evidence.excerpt,
			       &c.route,    &c.model};
	struct row *r;

	if (c.evidence.excerpt.n > EXCERPT_MOST)
		c.evidence.excerpt.n = EXCERPT_MOST;
	r = row_add(s, texts, sizeof texts / sizeof *texts);
	r->is_finding = true;
	r->u.finding = c;
}

void store_put_judged(struct store *s, const struct judged *x)
{
	struct judged c = *x;
	struct str *texts[] = {&c.model, &c.answered, &c.finish};
	struct row *r = row_add(s, texts, sizeof texts / sizeof *texts);

	if (x->pack)
		r->pack = str_dup(x->pack->name);
	c.pack = NULL;
	r->u.judged = c;
}

/* ---- the store ---- */

struct store *store_new(struct trail *t, const char *digest, struct fail *f)
{
	static const char finding[] =
		"INSERT INTO finding (exchange, rule, version, pack, severity, "
		"party, scope, observed, expected, side, start, stop, excerpt, "
		"other, at, route, model, provisional) VALUES (?, ?, ?, ?, ?, "
		"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	static const char chat[] =
		"INSERT OR REPLACE INTO chat (exchange, dialect, model, "
		"answered, pack, mode, streamed, finish, prompt_tokens, "
		"completion_tokens, cached_tokens, reasoning_tokens, passed, "
		"failed, unknown, blind) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		"?, ?, ?, ?, ?, ?)";
	struct store *s = MEM_NEW(struct store);
	struct trail_deriver d = {on_write, on_done, s};

	s->trail = t;
	s->db = trail_db(t);
	s->end = &s->rows;
	if (!make_tables(s->db, f)) {
		free(s);
		return NULL;
	}
	sqlite3_prepare_v3(s->db, finding, -1, SQLITE_PREPARE_PERSISTENT,
			   &s->put_finding, NULL);
	sqlite3_prepare_v3(s->db, chat, -1, SQLITE_PREPARE_PERSISTENT,
			   &s->put_chat, NULL);
	if (!s->put_finding || !s->put_chat ||
	    !set_value(s, "packs", str_of(digest), 0, f)) {
		sql_fail(s->db, "prepare", f);
		store_free(s);
		return NULL;
	}
	trail_at_commit(t, &d);
	return s;
}

void store_free(struct store *s)
{
	struct trail_deriver none = {0};

	if (!s)
		return;
	trail_at_commit(s->trail, &none);
	on_done(s);
	sqlite3_finalize(s->put_finding);
	sqlite3_finalize(s->put_chat);
	free(s);
}

bool store_clear(struct store *s, struct fail *f)
{
	return run(s->db,
		   "DELETE FROM chat; DELETE FROM finding; "
		   "DELETE FROM judged WHERE name != 'packs'",
		   f);
}

bool store_flush(struct store *s, struct fail *f)
{
	bool ok = run(s->db, "BEGIN IMMEDIATE", f);

	if (ok && !on_write(s, s->db))
		ok = sql_fail(s->db, "write", f);
	ok = ok && run(s->db, "COMMIT", f);
	if (ok)
		on_done(s);
	else if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return ok;
}

#define SEALS "SELECT ifnull(max(seal), 0) FROM exchange"

bool store_save_state(struct store *s, struct str state, struct fail *f)
{
	return set_value(s, "state", state, 0, f) &&
	       set_value(s, "seals", (struct str){0}, query_int(s->db, SEALS),
			 f);
}

bool store_load_state(struct store *s, struct buf *state)
{
	sqlite3_stmt *q = NULL;
	struct fail f;
	bool has;

	if (!store_complete(s->trail) ||
	    query_int(s->db, "SELECT value FROM judged WHERE name = 'seals'") !=
		    query_int(s->db, SEALS))
		return false;
	sqlite3_prepare_v2(s->db,
			   "SELECT value FROM judged WHERE name = 'state'", -1,
			   &q, NULL);
	has = q && sqlite3_step(q) == SQLITE_ROW;
	if (has)
		buf_add(state, sqlite3_column_blob(q, 0),
			(size_t)sqlite3_column_bytes(q, 0));
	sqlite3_finalize(q);
	return has && run(s->db, "DELETE FROM finding WHERE provisional", &f) &&
	       run(s->db, "DELETE FROM judged WHERE name != 'packs'", &f);
}

/* ---- reading ---- */

bool store_begun(struct trail *t)
{
	return has_tables(trail_db(t));
}

bool store_complete(struct trail *t)
{
	sqlite3 *db = trail_db(t);

	return has_tables(db) &&
	       !query_int(db, "SELECT EXISTS (SELECT 1 FROM exchange LEFT JOIN "
			      "chat ON chat.exchange = exchange.id WHERE seal "
			      "IS NOT NULL AND chat.exchange IS NULL)");
}

static bool load_finding(sqlite3_stmt *q, struct finding *f)
{
	int severity = severity_of(get(q, 4)), party = party_of(get(q, 5)),
	    scope = scope_of(get(q, 6));
	struct str side = get(q, 9);

	if (severity < 0 || party < 0 || scope < 0)
		return false;
	*f = (struct finding){
		.exchange = sqlite3_column_int64(q, 0),
		.rule = get(q, 1),
		.version = get(q, 2),
		.pack = get(q, 3),
		.severity = (enum severity)severity,
		.party = (enum party)party,
		.scope = (enum scope)scope,
		.observed = get(q, 7),
		.expected = get(q, 8),
		.evidence.from = (uint64_t)sqlite3_column_int64(q, 10),
		.evidence.to = (uint64_t)sqlite3_column_int64(q, 11),
		.evidence.excerpt = get(q, 12),
		.other = sqlite3_column_int64(q, 13),
		.at = (uint64_t)sqlite3_column_int64(q, 14),
		.route = get(q, 15),
		.model = get(q, 16),
		.provisional = sqlite3_column_int(q, 17) != 0,
	};
	if (str_eq(side, STR("request")))
		f->evidence.side = EVIDENCE_REQUEST;
	else if (str_eq(side, STR("response")))
		f->evidence.side = EVIDENCE_RESPONSE;
	return true;
}

bool store_findings(struct trail *t,
		    bool (*each)(void *arg, const struct finding *f), void *arg,
		    struct fail *f)
{
	static const char sql[] =
		"SELECT exchange, rule, version, pack, severity, party, scope, "
		"observed, expected, side, start, stop, excerpt, other, at, "
		"route, model, provisional FROM finding ORDER BY n";
	sqlite3 *db = trail_db(t);
	sqlite3_stmt *q = NULL;
	struct finding row;
	int step = SQLITE_DONE;

	if (!has_tables(db))
		return true;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
		return sql_fail(db, "read", f);
	while ((step = sqlite3_step(q)) == SQLITE_ROW) {
		if (load_finding(q, &row) && !each(arg, &row))
			break;
	}
	sqlite3_finalize(q);
	return step == SQLITE_DONE || step == SQLITE_ROW ||
	       sql_fail(db, "read", f);
}

#define OF_MODEL "id IN (SELECT exchange FROM chat WHERE model GLOB ?12)"
#define OF_RULE	 "id IN (SELECT exchange FROM finding WHERE rule GLOB ?13)"

void store_filter(struct trail_filter *filter, const char *model,
		  const char *rule)
{
	filter->derived_text[0] = model;
	filter->derived_text[1] = rule;
	if (model && rule)
		filter->derived = OF_MODEL " AND " OF_RULE;
	else if (model)
		filter->derived = OF_MODEL;
	else if (rule)
		filter->derived = OF_RULE;
}
