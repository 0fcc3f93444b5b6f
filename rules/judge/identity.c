/* SPDX-License-Identifier: MIT */
/*
 * What an upstream looked like. Addresses rotate and fingerprints alternate
 * between a few values, so a value is told once, when it is new; a few values
 * are kept of each thing, and of too many the longest unused goes.
 */
#include "rules/judge/identity_impl.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"
#include "rules/judge/memory.h"
#include "rules/judge/state.h"

enum { STATE_VERSION = 1 };

struct identity *identity_new(size_t most)
{
	struct identity *id = MEM_NEW(struct identity);

	id->most = most / sizeof(struct identity_known);
	if (id->most == 0 || id->most > IDENTITY_MOST)
		id->most = IDENTITY_MOST;
	id->known = mem_zero(id->most * sizeof *id->known);
	return id;
}

void identity_free(struct identity *id)
{
	if (!id)
		return;
	free(id->known);
	free(id);
}

size_t identity_size(const struct identity *id)
{
	return sizeof *id + id->most * sizeof *id->known;
}

/* ---- what an exchange shows ---- */

static struct str certificate(const struct check_case *c, struct buf *to)
{
	if (!c->conn_up || !c->conn_up->has_chain)
		return (struct str){0};
	for (size_t i = 0; i < sizeof c->conn_up->chain_sha256; i++)
		buf_addf(to, "%02x", c->conn_up->chain_sha256[i]);
	return buf_str(to);
}

/* Without the port, which is the upstream's own. */
static struct str address(const struct check_case *c)
{
	struct str peer = c->conn_up ? c->conn_up->peer : (struct str){0};

	for (size_t i = peer.n; i-- > 0;) {
		if (peer.p[i] == ':')
			return (struct str){peer.p, i};
	}
	return peer;
}

static struct str settings(const struct check_case *c, struct buf *to)
{
	const struct ev_conn *u = c->conn_up;

	if (!u)
		return (struct str){0};
	buf_addf(to, "HTTP/%.*s", STR_ARG(u->http));
	if (u->tls)
		buf_addf(to, ", %.*s, %.*s", STR_ARG(u->tls_version),
			 STR_ARG(u->cipher));
	return buf_str(to);
}

struct str identity_value(const struct check_case *c, enum identity_what what,
			  struct buf *to)
{
	to->n = 0;
	switch (what) {
	case IDENTITY_CERTIFICATE: return certificate(c, to);
	case IDENTITY_ADDRESS: return address(c);
	case IDENTITY_SERVER:
		return check_field(c->response_head, STR("server"));
	case IDENTITY_SETTINGS: return settings(c, to);
	case IDENTITY_FINGERPRINT:
		return c->a ? buf_str(&c->a->system_fingerprint)
			    : (struct str){0};
	default: return (struct str){0};
	}
}

int identity_what_of(struct str name)
{
	static const char *const names[IDENTITY_WHATS] = {
		"certificate", "address", "server", "settings", "fingerprint"};

	return str_among(name, names, IDENTITY_WHATS);
}

/* A fingerprint is a model's; everything else is the route's. */
uint64_t identity_key(const struct check_case *c, enum identity_what what)
{
	uint64_t of[3] = {(uint64_t)what, XXH64(c->route.p, c->route.n, 0), 0};

	if (what == IDENTITY_FINGERPRINT && c->q)
		of[2] = XXH64(c->q->model.p, c->q->model.n, 0);
	return XXH64(of, sizeof of, 0) | 1;
}

/* ---- what is known ---- */

const struct identity_known *identity_find(const struct identity *id,
					   uint64_t key, struct str value)
{
	uint64_t hash = XXH64(value.p, value.n, 0);

	for (size_t i = 0; i < id->n; i++) {
		if (id->known[i].key == key && id->known[i].value == hash)
			return &id->known[i];
	}
	return NULL;
}

const struct identity_known *identity_last(const struct identity *id,
					   uint64_t key, size_t *n)
{
	const struct identity_known *last = NULL;

	*n = 0;
	for (size_t i = 0; i < id->n; i++) {
		if (id->known[i].key != key)
			continue;
		++*n;
		if (!last || id->known[i].used > last->used)
			last = &id->known[i];
	}
	return last;
}

/* A new place, or that of the key's own oldest, or of the oldest of all. */
static struct identity_known *place_for(struct identity *id, uint64_t key)
{
	struct identity_known *oldest = NULL, *own = NULL;
	size_t n = 0;

	for (size_t i = 0; i < id->n; i++) {
		struct identity_known *k = &id->known[i];

		if (!oldest || k->used < oldest->used)
			oldest = k;
		if (k->key != key)
			continue;
		n++;
		if (!own || k->used < own->used)
			own = k;
	}
	if (n >= IDENTITY_OF_KEY)
		return own;
	return id->n < id->most ? &id->known[id->n++] : oldest;
}

static void learn(struct identity *id, uint64_t key, struct str value)
{
	struct identity_known *k =
		(struct identity_known *)identity_find(id, key, value);

	if (!k) {
		k = place_for(id, key);
		*k = (struct identity_known){
			.key = key, .value = XXH64(value.p, value.n, 0)};
		k->text_n = (unsigned char)(value.n < sizeof k->text
						    ? value.n
						    : sizeof k->text);
		memcpy(k->text, value.p, k->text_n);
	}
	k->used = ++id->clock;
}

void identity_learn(struct identity *id, const struct check_case *c)
{
	struct buf scratch = {0};

	for (int what = 0; what < IDENTITY_WHATS; what++) {
		struct str value = identity_value(c, what, &scratch);

		if (value.n)
			learn(id, identity_key(c, what), value);
	}
	buf_free(&scratch);
}

/* ---- over a restart ---- */

void identity_save(const struct identity *id, struct buf *to)
{
	buf_add_varint(to, STATE_VERSION);
	buf_add_varint(to, id->clock);
	buf_add_varint(to, id->n);
	for (size_t i = 0; i < id->n; i++) {
		const struct identity_known *k = &id->known[i];

		buf_add_varint(to, k->key);
		buf_add_varint(to, k->value);
		buf_add_varint(to, k->used);
		state_put_str(to, (struct str){k->text, k->text_n});
	}
}

bool identity_load(struct identity *id, struct str from)
{
	uint64_t version, n;

	if (!str_varint(&from, &version) || version != STATE_VERSION ||
	    !str_varint(&from, &id->clock) || !str_varint(&from, &n) ||
	    n > id->most)
		return false;
	for (id->n = 0; id->n < n; id->n++) {
		struct identity_known *k = &id->known[id->n];
		struct str text;

		if (!str_varint(&from, &k->key) ||
		    !str_varint(&from, &k->value) ||
		    !str_varint(&from, &k->used) ||
		    !state_get_str(&from, &text) || text.n > sizeof k->text)
			return false;
		memcpy(k->text, text.p, text.n);
		k->text_n = (unsigned char)text.n;
	}
	return from.n == 0;
}
