/* SPDX-License-Identifier: MIT */
/*
 * The facts of an exchange: one list of columns for reading and writing its
 * row, and one list of fields for its seal. In fields, integers are 8 bytes,
 * low byte first, and texts within a list are preceded by their length.
 */
#include <endian.h>

#include "record/trail_impl.h"

#define COLUMNS                                                                \
	"id, parent, run, kind, route, method, path, status, outcome, error, " \
	"answered_by_assay, reset_code, attempt, started, started_mono, "      \
	"request_head_ns, vendor_ready_ns, request_sent_ns, request_end_ns, "  \
	"first_byte_ns, first_data_ns, response_end_ns, duration_ns, "         \
	"added_ns, request_bytes, request_out_bytes, response_bytes, "         \
	"response_out_bytes, request_digest, request_out_digest, "             \
	"response_digest, response_out_digest, request_chunks, "               \
	"response_chunks, masked, gaps, gap_bytes, conn_down, conn_up, "       \
	"request_sha256, request_stored, response_sha256, response_stored, "   \
	"frame, slot, seal, salt, root"

enum column {
	C_ID,
	C_PARENT,
	C_RUN,
	C_KIND,
	C_ROUTE,
	C_METHOD,
	C_PATH,
	C_STATUS,
	C_OUTCOME,
	C_ERROR,
	C_ANSWERED,
	C_RESET,
	C_ATTEMPT,
	C_STARTED,
	C_MONO,
	C_MARKS,
	C_ADDED = C_MARKS + EV_MARKS,
	C_BYTES,
	C_DIGESTS = C_BYTES + EV_DIGESTS,
	C_CHUNKS = C_DIGESTS + EV_DIGESTS,
	C_MASKED = C_CHUNKS + EV_SIDES,
	C_GAPS,
	C_GAP_BYTES,
	C_DOWN,
	C_UP,
	C_SHA, /* sha256 and stored, a side */
	C_FRAME = C_SHA + 2 * EV_SIDES,
	C_SLOT,
	C_SEAL,
	C_SALT,
	C_ROOT,
	C_COUNT
};

#define MARKS_8 "?, ?, ?, ?, ?, ?, ?, ?"

const char trail_facts_select[] = "SELECT " COLUMNS " FROM exchange";
const char trail_facts_insert[] =
	"INSERT OR REPLACE INTO exchange (" COLUMNS ") VALUES (" MARKS_8
	", " MARKS_8 ", " MARKS_8 ", " MARKS_8 ", " MARKS_8 ", " MARKS_8 ")";
_Static_assert(C_COUNT == 48, "as many question marks as columns");

/* ---- to SQL ---- */

static void bind_int(sqlite3_stmt *q, int column, uint64_t v)
{
	sqlite3_bind_int64(q, column + 1, (int64_t)v);
}

/* 0 means "not there" and becomes NULL. */
static void bind_some(sqlite3_stmt *q, int column, uint64_t v)
{
	if (v)
		bind_int(q, column, v);
	else
		sqlite3_bind_null(q, column + 1);
}

static void bind_blob(sqlite3_stmt *q, int column, const void *p, int n)
{
	sqlite3_bind_blob(q, column + 1, p, n, SQLITE_STATIC);
}

static void bind_close(sqlite3_stmt *q, const struct trail_row *r)
{
	const struct ev_close *c = &r->close;

	bind_some(q, C_STATUS, c->status);
	if (r->closed)
		trail_sql_bind(q, C_OUTCOME + 1,
			       str_of(ev_outcome_name(c->outcome)));
	else
		sqlite3_bind_null(q, C_OUTCOME + 1);
	trail_sql_bind(
		q, C_ERROR + 1,
		(struct str){c->error, strnlen(c->error, sizeof c->error)});
	bind_int(q, C_ANSWERED, c->answered_by_assay);
	bind_some(q, C_RESET, c->reset_code);
	for (int i = 0; i < EV_MARKS; i++)
		bind_some(q, C_MARKS + i, c->mark[i]);
	bind_some(q, C_ADDED, c->added_ns);
}

/* Bytes and digests: what went out only where it is not what came in. */
static void bind_digests(sqlite3_stmt *q, const struct trail_row *r)
{
	const struct ev_close *c = &r->close;

	for (int i = 0; i < EV_DIGESTS; i++) {
		bool same = i & 1;

		if (!r->closed || (same && c->bytes[i] == c->bytes[i - 1]))
			sqlite3_bind_null(q, C_BYTES + i + 1);
		else
			bind_int(q, C_BYTES + i, c->bytes[i]);
		if (!r->closed || (same && c->digest[i] == c->digest[i - 1]))
			sqlite3_bind_null(q, C_DIGESTS + i + 1);
		else
			bind_int(q, C_DIGESTS + i, c->digest[i]);
	}
}

static void bind_bodies(sqlite3_stmt *q, const struct trail_facts *x)
{
	static const int in[EV_SIDES] = {EV_DIGEST_REQUEST_IN,
					 EV_DIGEST_RESPONSE_IN};

	for (int i = 0; i < EV_SIDES; i++) {
		int c = C_SHA + 2 * i;

		if (x->has_body[i])
			bind_blob(q, c, x->sha256[i], SEAL_HASH);
		else
			sqlite3_bind_null(q, c + 1);
		if (x->stored[i] == x->row.close.bytes[in[i]])
			sqlite3_bind_null(q, c + 2);
		else
			bind_int(q, c + 1, x->stored[i]);
	}
}

static void bind_seal(sqlite3_stmt *q, const struct trail_facts *x)
{
	bind_some(q, C_FRAME, (uint64_t)x->frame);
	if (x->frame)
		bind_int(q, C_SLOT, x->slot);
	else
		sqlite3_bind_null(q, C_SLOT + 1);
	bind_some(q, C_SEAL, (uint64_t)x->seal);
	if (x->seal) {
		bind_blob(q, C_SALT, x->salt, SEAL_SALT);
		bind_blob(q, C_ROOT, x->root, SEAL_HASH);
	} else {
		sqlite3_bind_null(q, C_SALT + 1);
		sqlite3_bind_null(q, C_ROOT + 1);
	}
}

void trail_facts_bind(sqlite3_stmt *q, const struct trail_facts *x)
{
	const struct trail_row *r = &x->row;

	bind_int(q, C_ID, (uint64_t)r->id);
	bind_some(q, C_PARENT, (uint64_t)r->parent);
	trail_sql_bind(q, C_RUN + 1, r->run);
	trail_sql_bind(q, C_KIND + 1, str_of(ev_kind_name(r->kind)));
	trail_sql_bind(q, C_ROUTE + 1, r->route);
	trail_sql_bind(q, C_METHOD + 1, r->method);
	trail_sql_bind(q, C_PATH + 1, r->path);
	bind_int(q, C_ATTEMPT, x->attempt);
	bind_int(q, C_STARTED, r->started_wall);
	bind_int(q, C_MONO, r->started_mono);
	bind_close(q, r);
	bind_digests(q, r);
	for (int i = 0; i < EV_SIDES; i++)
		bind_int(q, C_CHUNKS + i, r->chunks[i]);
	bind_int(q, C_MASKED, r->masked);
	bind_int(q, C_GAPS, r->gaps);
	bind_int(q, C_GAP_BYTES, r->gap_bytes);
	bind_some(q, C_DOWN, (uint64_t)r->conn_down);
	bind_some(q, C_UP, (uint64_t)r->conn_up);
	bind_bodies(q, x);
	bind_seal(q, x);
}

/* ---- from SQL ---- */

static uint64_t load(sqlite3_stmt *q, int column)
{
	return (uint64_t)sqlite3_column_int64(q, column);
}

/* A value that does not fit leaves *ok false. */
static unsigned load_small(sqlite3_stmt *q, int column, uint64_t most, bool *ok)
{
	uint64_t v = load(q, column);

	*ok = *ok && v <= most;
	return (unsigned)v;
}

static bool is_null(sqlite3_stmt *q, int column)
{
	return sqlite3_column_type(q, column) == SQLITE_NULL;
}

static bool load_close(sqlite3_stmt *q, struct trail_row *r)
{
	struct ev_close *c = &r->close;
	struct str error = trail_sql_text(q, C_ERROR);
	int outcome = ev_outcome_of(trail_sql_text(q, C_OUTCOME));
	bool ok = error.n < sizeof c->error;

	r->closed = !is_null(q, C_OUTCOME);
	c->outcome = r->closed ? (enum ev_outcome)outcome : 0;
	c->status = load_small(q, C_STATUS, 999, &ok);
	if (error.n && ok)
		memcpy(c->error, error.p, error.n);
	c->answered_by_assay = load_small(q, C_ANSWERED, 1, &ok);
	c->reset_code = load_small(q, C_RESET, UINT32_MAX, &ok);
	for (int i = 0; i < EV_MARKS; i++)
		c->mark[i] = load(q, C_MARKS + i);
	c->added_ns = load(q, C_ADDED);
	for (int i = 0; i < EV_DIGESTS; i++) {
		bool out = i & 1;

		c->bytes[i] = out && is_null(q, C_BYTES + i)
				      ? c->bytes[i - 1]
				      : load(q, C_BYTES + i);
		c->digest[i] = out && is_null(q, C_DIGESTS + i)
				       ? c->digest[i - 1]
				       : load(q, C_DIGESTS + i);
	}
	return ok && (!r->closed || outcome >= 0);
}

static void load_bodies(sqlite3_stmt *q, struct trail_facts *x)
{
	static const int in[EV_SIDES] = {EV_DIGEST_REQUEST_IN,
					 EV_DIGEST_RESPONSE_IN};

	for (int i = 0; i < EV_SIDES; i++) {
		int c = C_SHA + 2 * i;

		x->has_body[i] = trail_sql_bytes(q, c, x->sha256[i], SEAL_HASH);
		x->stored[i] = is_null(q, c + 1) ? x->row.close.bytes[in[i]]
						 : load(q, c + 1);
	}
}

bool trail_facts_load(sqlite3_stmt *q, struct trail_facts *x)
{
	struct trail_row *r = &x->row;
	int kind = ev_kind_of(trail_sql_text(q, C_KIND));
	bool ok = kind >= 0;

	*x = (struct trail_facts){0};
	r->id = (int64_t)load(q, C_ID);
	r->parent = (int64_t)load(q, C_PARENT);
	r->run = trail_sql_text(q, C_RUN);
	r->kind = kind >= 0 ? (enum ev_kind)kind : EV_CLIENT;
	r->route = trail_sql_text(q, C_ROUTE);
	r->method = trail_sql_text(q, C_METHOD);
	r->path = trail_sql_text(q, C_PATH);
	x->attempt = load_small(q, C_ATTEMPT, UINT32_MAX, &ok);
	r->started_wall = load(q, C_STARTED);
	r->started_mono = load(q, C_MONO);
	ok = load_close(q, r) && ok;
	for (int i = 0; i < EV_SIDES; i++)
		r->chunks[i] = load(q, C_CHUNKS + i);
	r->masked = load(q, C_MASKED);
	r->gaps = load(q, C_GAPS);
	r->gap_bytes = load(q, C_GAP_BYTES);
	r->conn_down = (int64_t)load(q, C_DOWN);
	r->conn_up = (int64_t)load(q, C_UP);
	load_bodies(q, x);
	x->frame = (int64_t)load(q, C_FRAME);
	x->slot = load_small(q, C_SLOT, UINT32_MAX, &ok);
	x->seal = (int64_t)load(q, C_SEAL);
	r->seal = x->seal;
	r->sealed = x->seal != 0;
	if (r->sealed)
		ok = trail_sql_bytes(q, C_SALT, x->salt, SEAL_SALT) &&
		     trail_sql_bytes(q, C_ROOT, x->root, SEAL_HASH) && ok;
	return ok;
}

/* ---- the seal ---- */

/* Bytes as a field has them. */
static void put_int(struct buf *b, uint64_t v)
{
	v = htole64(v);
	buf_add(b, &v, sizeof v);
}

static void put_ints(struct buf *b, const uint64_t *v, int n)
{
	for (int i = 0; i < n; i++)
		put_int(b, v[i]);
}

static void put_str(struct buf *b, struct str s)
{
	put_int(b, s.n);
	buf_adds(b, s);
}

static void end_field(struct seal_fields *s, const char *name, struct buf *b)
{
	seal_field(s, name, b->p, b->n);
	b->n = 0;
}

static void seal_open(struct seal_fields *s, const struct trail_facts *x,
		      struct buf *b)
{
	const struct trail_row *r = &x->row;

	put_int(b, (uint64_t)r->id);
	put_int(b, (uint64_t)r->parent);
	put_int(b, x->attempt);
	put_str(b, str_of(ev_kind_name(r->kind)));
	end_field(s, "identity", b);
	seal_field(s, "run", r->run.p, r->run.n);
	seal_field(s, "route", r->route.p, r->route.n);
	seal_field(s, "method", r->method.p, r->method.n);
	seal_field(s, "path", r->path.p, r->path.n);
	put_int(b, r->started_wall);
	put_int(b, r->started_mono);
	end_field(s, "started", b);
	put_int(b, (uint64_t)r->conn_down);
	put_int(b, (uint64_t)r->conn_up);
	end_field(s, "connections", b);
}

static void seal_close(struct seal_fields *s, const struct ev_close *c,
		       struct buf *b)
{
	put_int(b, c->status);
	put_int(b, c->answered_by_assay);
	end_field(s, "status", b);
	put_str(b, str_of(ev_outcome_name(c->outcome)));
	put_str(b, (struct str){c->error, strnlen(c->error, sizeof c->error)});
	put_int(b, c->reset_code);
	end_field(s, "outcome", b);
	put_ints(b, c->mark, EV_MARKS);
	put_int(b, c->added_ns);
	end_field(s, "marks", b);
	put_ints(b, c->bytes, EV_DIGESTS);
	end_field(s, "bytes", b);
	put_ints(b, c->digest, EV_DIGESTS);
	end_field(s, "digests", b);
}

static void seal_side(struct seal_fields *s, const struct trail_facts *x,
		      const struct trail_digests *d, int i, struct buf *b)
{
	static const char *const name[EV_SIDES][3] = {
		{"request_heads", "request_body", "request_arrivals"},
		{"response_heads", "response_body", "response_arrivals"}};

	seal_field(s, name[i][0], d->heads[i], SEAL_HASH);
	put_int(b, x->stored[i]);
	buf_add(b, d->body[i], x->has_body[i] ? SEAL_HASH : 0);
	end_field(s, name[i][1], b);
	put_int(b, x->row.chunks[i]);
	buf_add(b, d->arrivals[i], SEAL_HASH);
	end_field(s, name[i][2], b);
}

void trail_facts_root(const struct trail_facts *x,
		      const struct trail_digests *d, struct seal_hash *h,
		      unsigned char root[SEAL_HASH])
{
	struct seal_fields s;
	struct buf b = {0};

	seal_fields_begin(&s, h, x->salt);
	seal_open(&s, x, &b);
	seal_close(&s, &x->row.close, &b);
	for (int i = 0; i < EV_SIDES; i++)
		seal_side(&s, x, d, i, &b);
	put_int(&b, x->row.masked);
	put_int(&b, x->row.gaps);
	put_int(&b, x->row.gap_bytes);
	buf_add(&b, d->gaps, SEAL_HASH);
	end_field(&s, "gaps", &b);
	seal_fields_root(&s, root);
	buf_free(&b);
}

/* ---- connections ---- */

static void hash_all(struct seal_hash *h, struct buf *b,
		     unsigned char root[SEAL_HASH])
{
	seal_hash_add(h, b->p, b->n);
	seal_hash_end(h, root);
	buf_free(b);
}

void trail_conn_root(const struct trail_conn *c, struct seal_hash *h,
		     unsigned char root[SEAL_HASH])
{
	const struct ev_conn *v = &c->conn;
	struct buf b = {0};

	put_str(&b, STR("conn"));
	put_int(&b, (uint64_t)c->id);
	put_int(&b, (uint64_t)v->side);
	put_str(&b, v->route);
	put_int(&b, v->at_wall);
	put_str(&b, v->peer);
	put_int(&b, v->tls);
	put_str(&b, v->tls_version);
	put_str(&b, v->cipher);
	put_str(&b, v->alpn);
	put_str(&b, v->sni);
	put_str(&b, v->http);
	buf_add(&b, v->chain_sha256, v->has_chain ? SEAL_HASH : 0);
	hash_all(h, &b, root);
}

void trail_note_root(int64_t conn, struct str kind, struct str text,
		     uint64_t at, struct seal_hash *h,
		     unsigned char root[SEAL_HASH])
{
	struct buf b = {0};

	put_str(&b, STR("conn_note"));
	put_int(&b, (uint64_t)conn);
	put_str(&b, kind);
	put_str(&b, text);
	put_int(&b, at);
	hash_all(h, &b, root);
}

void trail_checkpoint_text(const struct trail *t,
			   const struct trail_checkpoint *c, struct buf *out)
{
	buf_adds(out, STR("assay checkpoint 1\n"));
	buf_add(out, t->uuid, sizeof t->uuid);
	put_int(out, (uint64_t)c->seals);
	put_int(out, c->at);
	buf_add(out, c->seal, SEAL_HASH);
	buf_add(out, c->key, SEAL_KEY);
}
