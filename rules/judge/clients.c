/* SPDX-License-Identifier: MIT */
#include "rules/judge/clients_impl.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rules/judge/memory.h"
#include "rules/judge/state.h"

enum { STATE_VERSION = 1 };

struct clients *clients_new(size_t most)
{
	struct clients *p = MEM_NEW(struct clients);

	/* What is kept has fixed places: far less than any limit. */
	p->recent = mem_zero(CLIENTS_RECENT * sizeof *p->recent);
	return p;
}

static void drop_cut(struct clients *p, size_t i)
{
	buf_free(&p->cuts[i].route);
	buf_free(&p->cuts[i].what);
	p->n_cuts--;
	memmove(&p->cuts[i], &p->cuts[i + 1],
		(p->n_cuts - i) * sizeof p->cuts[0]);
}

void clients_free(struct clients *p)
{
	if (!p)
		return;
	while (p->n_cuts)
		drop_cut(p, p->n_cuts - 1);
	free(p->recent);
	free(p);
}

size_t clients_size(const struct clients *p)
{
	return sizeof *p + CLIENTS_RECENT * sizeof *p->recent;
}

/* ---- what an exchange shows ---- */

uint64_t clients_who(struct str request_head)
{
	static const char *const fields[] = {"authorization", "x-api-key",
					     "api-key", "user-agent"};
	uint64_t who = 1;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct str v = check_field(request_head, str_of(fields[i]));

		who = XXH64(v.p, v.n, who);
	}
	return who;
}

const char *clients_cut_how(const struct check_case *c)
{
	if (!c->close || !c->answered || !c->a || c->status / 100 != 2)
		return NULL;
	if (c->close->outcome == EV_TRUNCATED)
		return "its connection ended in mid-answer";
	if (c->close->outcome == EV_RESET_BY_VENDOR)
		return "it was reset in mid-answer";
	if (check_whole(c) && c->a->streamed && !c->a->done && !c->a->error &&
	    c->a->quirks[QUIRK_finish_missing].seen)
		return "its stream ended without a finish reason";
	return NULL;
}

static uint64_t closed_wall(const struct check_case *c)
{
	return c->started_wall + c->close->mark[EV_MARK_DONE];
}

/* Would a client have reason to ask again? */
static bool has_failed(const struct check_case *c)
{
	return c->close->outcome != EV_COMPLETE || c->status == 408 ||
	       c->status == 409 || c->status == 429 || c->status >= 500 ||
	       (c->a && c->a->error) || clients_cut_how(c);
}

/* ---- what is known ---- */

const struct clients_asked *clients_same(const struct clients *p,
					 uint64_t client, uint64_t body)
{
	uint64_t n = p->n_asked < CLIENTS_RECENT ? p->n_asked : CLIENTS_RECENT;

	for (uint64_t i = 1; i <= n; i++) {
		const struct clients_asked *a =
			&p->recent[(p->n_asked - i) % CLIENTS_RECENT];

		if (a->body == body && a->client == client)
			return a;
	}
	return NULL;
}

static bool is_later(const struct clients_cut *cut, const struct check_case *c)
{
	return cut->client == c->client && c->started_wall > cut->wall;
}

const struct clients_cut *clients_given_up(const struct clients *p,
					   const struct check_case *c)
{
	for (size_t i = 0; i < p->n_cuts; i++) {
		const struct clients_cut *cut = &p->cuts[i];

		if (is_later(cut, c) && cut->body != c->q->body_hash &&
		    cut->begun + 1 >= CLIENTS_PATIENCE_REQUESTS &&
		    c->started_wall - cut->wall >=
			    CLIENTS_PATIENCE_S * NS_PER_S)
			return cut;
	}
	return NULL;
}

size_t clients_pending(const struct clients *p,
		       void (*each)(void *arg, int64_t exchange, uint64_t wall,
				    struct str route, struct str what),
		       void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_cuts; i++) {
		const struct clients_cut *cut = &p->cuts[i];

		if (cut->begun == 0)
			continue; /* nothing shows that it went on */
		each(arg, cut->exchange, cut->wall, buf_str(&cut->route),
		     buf_str(&cut->what));
		n++;
	}
	return n;
}

/* ---- learning ---- */

static void add_cut(struct clients *p, const struct check_case *c,
		    const char *how)
{
	struct clients_cut *cut;

	if (p->n_cuts == CLIENTS_PENDING)
		drop_cut(p, 0);
	cut = &p->cuts[p->n_cuts++];
	*cut = (struct clients_cut){.client = c->client,
				    .body = c->q->body_hash,
				    .exchange = c->id,
				    .wall = closed_wall(c)};
	buf_adds(&cut->route, c->route);
	buf_adds(&cut->what, str_of(how));
}

/* What later requests say about answers that were cut. */
static void settle(struct clients *p, const struct check_case *c)
{
	const struct clients_cut *given_up = clients_given_up(p, c);

	for (size_t i = p->n_cuts; i-- > 0;) {
		struct clients_cut *cut = &p->cuts[i];

		if (!is_later(cut, c))
			continue;
		cut->begun++;
		if (cut == given_up || cut->body == c->q->body_hash)
			drop_cut(p, i);
	}
}

void clients_learn(struct clients *p, const struct check_case *c)
{
	const char *how = clients_cut_how(c);

	if (!c->q || c->q->unknown || !c->open || c->open->kind != EV_CLIENT)
		return;
	settle(p, c);
	if (how)
		add_cut(p, c, how);
	p->recent[p->n_asked++ % CLIENTS_RECENT] =
		(struct clients_asked){.client = c->client,
				       .body = c->q->body_hash,
				       .exchange = c->id,
				       .failed = has_failed(c)};
}

/* ---- over a restart ---- */

static void save_asked(const struct clients *p, struct buf *to)
{
	uint64_t n = p->n_asked < CLIENTS_RECENT ? p->n_asked : CLIENTS_RECENT;

	buf_add_varint(to, n);
	for (uint64_t i = n; i > 0; i--) {
		const struct clients_asked *a =
			&p->recent[(p->n_asked - i) % CLIENTS_RECENT];

		buf_add_varint(to, a->client);
		buf_add_varint(to, a->body);
		buf_add_varint(to, (uint64_t)a->exchange);
		buf_add_varint(to, a->failed);
	}
}

void clients_save(const struct clients *p, struct buf *to)
{
	buf_add_varint(to, STATE_VERSION);
	save_asked(p, to);
	buf_add_varint(to, p->n_cuts);
	for (size_t i = 0; i < p->n_cuts; i++) {
		const struct clients_cut *cut = &p->cuts[i];

		buf_add_varint(to, cut->client);
		buf_add_varint(to, cut->body);
		buf_add_varint(to, (uint64_t)cut->exchange);
		buf_add_varint(to, cut->wall);
		buf_add_varint(to, cut->begun);
		state_put_str(to, buf_str(&cut->route));
		state_put_str(to, buf_str(&cut->what));
	}
}

static bool load_asked(struct clients *p, struct str *from)
{
	uint64_t n, exchange, failed;

	if (!str_varint(from, &n) || n > CLIENTS_RECENT)
		return false;
	for (p->n_asked = 0; p->n_asked < n; p->n_asked++) {
		struct clients_asked *a = &p->recent[p->n_asked];

		if (!str_varint(from, &a->client) ||
		    !str_varint(from, &a->body) ||
		    !str_varint(from, &exchange) || exchange > INT64_MAX ||
		    !str_varint(from, &failed) || failed > 1)
			return false;
		a->exchange = (int64_t)exchange;
		a->failed = failed;
	}
	return true;
}

bool clients_load(struct clients *p, struct str from)
{
	uint64_t version, n, exchange;

	if (!str_varint(&from, &version) || version != STATE_VERSION ||
	    !load_asked(p, &from) || !str_varint(&from, &n) ||
	    n > CLIENTS_PENDING)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		struct clients_cut cut = {0};
		struct str route, what;

		if (!str_varint(&from, &cut.client) ||
		    !str_varint(&from, &cut.body) ||
		    !str_varint(&from, &exchange) || exchange > INT64_MAX ||
		    !str_varint(&from, &cut.wall) ||
		    !str_varint(&from, &cut.begun) ||
		    !state_get_str(&from, &route) ||
		    !state_get_str(&from, &what))
			return false;
		cut.exchange = (int64_t)exchange;
		buf_adds(&cut.route, route);
		buf_adds(&cut.what, what);
		p->cuts[p->n_cuts++] = cut;
	}
	return from.n == 0;
}
