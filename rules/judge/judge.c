/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rules/judge/judge_impl.h"
#include "rules/judge/memory.h"

enum { BUCKETS_LEAST = 64 };
#define MEMORY_DEFAULT ((size_t)128 << 20)

/* ---- life ---- */

void judge_memory_new(struct judge *j)
{
	j->requests = request_memory_new(j->memory / 2);
	j->passback = passback_new(j->memory / 4);
	j->clients = clients_new(j->memory / 8);
	j->meter = meter_new(j->memory / 16);
	j->identity = identity_new(j->memory / 16);
	j->policies = policies_new();
	j->campaign = campaign_new();
}

void judge_memory_free(struct judge *j)
{
	request_memory_free(j->requests);
	passback_free(j->passback);
	clients_free(j->clients);
	meter_free(j->meter);
	identity_free(j->identity);
	policies_free(j->policies);
	campaign_free(j->campaign);
}

struct judge *judge_new(const struct judge_options *o)
{
	struct judge *j = MEM_NEW(struct judge);

	j->magic = JUDGE_MAGIC;
	j->events = o->events;
	j->arg = o->arg;
	j->memory = o->memory ? o->memory : MEMORY_DEFAULT;
	j->n_buckets = BUCKETS_LEAST;
	j->buckets = mem_zero(j->n_buckets * sizeof *j->buckets);
	j->schemas = schemas_new();
	judge_memory_new(j);
	judge_take_packs(j, o->packs);
	return j;
}

static void conn_free(struct judge_conn *c)
{
	for (size_t i = 0; i < sizeof c->texts / sizeof c->texts[0]; i++)
		free(c->texts[i]);
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	assert(j->magic == JUDGE_MAGIC);
	for (size_t i = 0; i < j->n_buckets; i++) {
		while (j->buckets[i]) {
			struct hearing *x = j->buckets[i];

			j->buckets[i] = x->next;
			hearing_free(j, x);
		}
	}
	for (size_t i = 0; i < j->n_conns; i++)
		conn_free(&j->conns[i]);
	free(j->conns);
	free(j->buckets);
	judge_memory_free(j);
	schemas_free(j->schemas);
	packs_unref(j->packs);
	free(j->runs);
	free(j->tallies);
	free(j->shown);
	j->magic = 0;
	free(j);
}

void judge_set_packs(struct judge *j, struct packs *p)
{
	assert(j->magic == JUDGE_MAGIC);
	judge_take_packs(j, p);
}

/* ---- exchanges by id ---- */

static struct hearing **bucket(const struct judge *j, int64_t id)
{
	uint64_t h = (uint64_t)id * 0x9e3779b97f4a7c15u;

	return &j->buckets[(h >> 32) & (j->n_buckets - 1)];
}

static void grow(struct judge *j)
{
	struct hearing **old = j->buckets;
	size_t n = j->n_buckets;

	j->n_buckets *= 2;
	j->buckets = mem_zero(j->n_buckets * sizeof *j->buckets);
	for (size_t i = 0; i < n; i++) {
		while (old[i]) {
			struct hearing *x = old[i], **to;

			old[i] = x->next;
			to = bucket(j, x->id);
			x->next = *to;
			*to = x;
		}
	}
	free(old);
}

static struct hearing *find(struct judge *j, int64_t id)
{
	struct hearing *x = j->last;

	if (x && x->id == id)
		return x;
	for (x = *bucket(j, id); x; x = x->next) {
		if (x->id == id) {
			j->last = x;
			return x;
		}
	}
	return NULL;
}

static void take_out(struct judge *j, struct hearing *x)
{
	struct hearing **at = bucket(j, x->id);

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	j->n_hearings--;
	if (j->last == x)
		j->last = NULL;
}

/* ---- events ---- */

void judge_open(struct judge *j, int64_t id, const struct ev_open *o)
{
	struct hearing *x, **to;

	assert(j->magic == JUDGE_MAGIC);
	if (find(j, id))
		return;
	if (j->n_hearings == j->n_buckets)
		grow(j);
	x = hearing_new(j, id, o);
	to = bucket(j, id);
	x->next = *to;
	*to = x;
	j->n_hearings++;
}

void judge_head(struct judge *j, int64_t id, enum ev_side side,
		enum ev_head kind, struct str raw, uint64_t at)
{
	struct hearing *x = find(j, id);

	if (x && kind == EV_HEAD_MAIN && !x->head_seen[side])
		hearing_head(j, x, side, raw);
}

void judge_data(struct judge *j, int64_t id, enum ev_side side,
		struct str bytes, uint64_t at)
{
	struct hearing *x = find(j, id);

	/* A trail keeps arrivals in microseconds: live is as exact. */
	if (x)
		hearing_data(j, x, side, bytes,
			     at - (at - x->open.started_mono) % NS_PER_US);
}

void judge_gap(struct judge *j, int64_t id, enum ev_side side, uint64_t bytes)
{
	struct hearing *x = find(j, id);

	if (x)
		x->gap[side] += bytes;
}

void judge_close(struct judge *j, int64_t id, const struct ev_close *c,
		 int64_t conn_up)
{
	struct hearing *x = find(j, id);

	if (!x)
		return;
	take_out(j, x);
	hearing_close(j, x, c, conn_up);
	hearing_free(j, x);
}

/* ---- connections ---- */

/* Copies what the connection's facts borrow. */
static void conn_keep(struct judge_conn *c)
{
	struct str *texts[] = {&c->conn.route,	     &c->conn.peer,
			       &c->conn.tls_version, &c->conn.cipher,
			       &c->conn.alpn,	     &c->conn.sni,
			       &c->conn.http};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		c->texts[i] = str_dup(*texts[i]);
		texts[i]->p = c->texts[i];
	}
}

void judge_conn(struct judge *j, int64_t id, const struct ev_conn *c)
{
	struct judge_conn *to;

	if (c->side != EV_RESPONSE)
		return; /* a client's */
	if (!j->conns)
		j->conns = mem_zero(JUDGE_CONNS * sizeof *j->conns);
	to = &j->conns[j->next_conn];
	conn_free(to);
	j->conn_ids[j->next_conn] = id;
	to->conn = *c;
	conn_keep(to);
	j->next_conn = (j->next_conn + 1) % JUDGE_CONNS;
	if (j->n_conns < JUDGE_CONNS)
		j->n_conns++;
}

const struct judge_conn *judge_conn_of(const struct judge *j, int64_t id)
{
	for (size_t i = 0; i < j->n_conns && id; i++) {
		/* The newest first. */
		size_t at = (j->next_conn + JUDGE_CONNS - 1 - i) % JUDGE_CONNS;

		if (j->conn_ids[at] == id)
			return &j->conns[at];
	}
	return NULL;
}

/* "api.vendor.example:443", "[::1]:443" without the port. */
static struct str host_of(struct str peer)
{
	size_t n = peer.n;

	while (n && peer.p[n - 1] != ':')
		n--;
	return n ? (struct str){peer.p, n - 1} : peer;
}

/* As the newest connection of that route says: its TLS name, else where it
 * leads to. A trail knows no more. */
struct str judge_vendor(const struct judge *j, struct str route)
{
	for (size_t i = 0; i < j->n_conns; i++) {
		size_t at = (j->next_conn + JUDGE_CONNS - 1 - i) % JUDGE_CONNS;
		const struct ev_conn *c = &j->conns[at].conn;

		if (str_eq(c->route, route))
			return c->sni.n ? c->sni : host_of(c->peer);
	}
	return STR("");
}
