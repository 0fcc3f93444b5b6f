/* SPDX-License-Identifier: MIT */
/* The ledger of reasoning: what was said, kept and found again. */
#define XXH_STATIC_LINKING_ONLY /* the size of a state */
#include <xxhash.h>

#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/passback_impl.h"
#include "rules/judge/state.h"

enum {
	MOST_DEFAULT = 32 << 20,
	OWN_CONTENT = 32, /* bytes of content that tell an answer apart */
	STATE_VERSION = 1,
};

struct passback *passback_new(size_t most)
{
	struct passback *p = MEM_NEW(struct passback);

	p->most = most ? most : MOST_DEFAULT;
	TAILQ_INIT(&p->used);
	return p;
}

/* ---- tables ---- */

static struct passback_entry **chain_bucket(struct passback *p, uint64_t key)
{
	return &p->by_chain[key % PASSBACK_BUCKETS];
}

static struct passback_entry **own_bucket(struct passback *p, uint64_t key)
{
	return &p->by_own[key % PASSBACK_BUCKETS];
}

static size_t entry_size(const struct passback_entry *e)
{
	return sizeof *e + e->begin.cap;
}

static void entry_add(struct passback *p, struct passback_entry *e)
{
	struct passback_entry **at = chain_bucket(p, e->chain);

	e->next_chain = *at;
	*at = e;
	if (e->own) {
		at = own_bucket(p, e->own);
		e->next_own = *at;
		*at = e;
	}
	TAILQ_INSERT_TAIL(&p->used, e, used);
	p->size += entry_size(e);
}

static void entry_drop(struct passback *p, struct passback_entry *e)
{
	struct passback_entry **at = chain_bucket(p, e->chain);

	while (*at != e)
		at = &(*at)->next_chain;
	*at = e->next_chain;
	if (e->own) {
		at = own_bucket(p, e->own);
		while (*at != e)
			at = &(*at)->next_own;
		*at = e->next_own;
	}
	TAILQ_REMOVE(&p->used, e, used);
	p->size -= entry_size(e);
	buf_free(&e->begin);
	free(e);
}

void passback_free(struct passback *p)
{
	if (!p)
		return;
	while (!TAILQ_EMPTY(&p->used))
		entry_drop(p, TAILQ_FIRST(&p->used));
	free(p);
}

size_t passback_size(const struct passback *p)
{
	return sizeof *p + p->size;
}

static const struct passback_entry *find_chain(const struct passback_entry *e,
					       uint64_t key)
{
	while (e && e->chain != key)
		e = e->next_chain;
	return e;
}

static const struct passback_entry *find_own(const struct passback_entry *e,
					     uint64_t key)
{
	while (e && e->own != key)
		e = e->next_own;
	return e;
}

const struct passback_entry *passback_chain(const struct passback *p,
					    uint64_t key)
{
	return find_chain(p->by_chain[key % PASSBACK_BUCKETS], key);
}

const struct passback_entry *passback_own(const struct passback *p,
					  uint64_t key)
{
	return find_own(p->by_own[key % PASSBACK_BUCKETS], key);
}

const struct passback_entry *passback_chain_next(const struct passback_entry *e)
{
	return find_chain(e->next_chain, e->chain);
}

const struct passback_entry *passback_own_next(const struct passback_entry *e)
{
	return find_own(e->next_own, e->own);
}

uint64_t passback_own_key(uint64_t hash, size_t calls, size_t content)
{
	return calls || content >= OWN_CONTENT ? hash | 1 : 0;
}

/* ---- what an answer said ---- */

static enum group_kind group_of(enum reasoning_name name)
{
	switch (name) {
	case REASONING_REASONING: return GROUP_REASONING;
	case REASONING_DETAILS: return GROUP_DETAILS;
	case REASONING_THINKING:
	case REASONING_REDACTED: return GROUP_THINKING;
	case REASONING_ITEM: return GROUP_ITEM;
	case REASONING_SIGNATURE: return GROUP_SIGNATURE;
	default: return GROUP_REASONING_CONTENT;
	}
}

/* Groups in the making. */
struct grouping {
	struct group *groups;
	XXH64_state_t text[GROUPS], signature[GROUPS];
	int first; /* the first group with a text, or -1 */
	struct buf *begin;
	size_t most; /* bytes of it */
};

static void grouping_begin(struct grouping *g, struct group groups[GROUPS],
			   struct buf *begin, size_t most)
{
	memset(groups, 0, GROUPS * sizeof *groups);
	g->groups = groups;
	g->first = -1;
	g->begin = begin;
	g->most = most;
	for (int i = 0; i < GROUPS; i++) {
		XXH64_reset(&g->text[i], 0);
		XXH64_reset(&g->signature[i], 0);
	}
}

static void grouping_add(struct grouping *g, enum reasoning_name name,
			 struct str text, struct str signature)
{
	enum group_kind kind = group_of(name);
	struct group *group = &g->groups[kind];

	group->present = true;
	group->text_n += text.n;
	XXH64_update(&g->text[kind], text.p, text.n);
	if (signature.n) {
		group->signatures++;
		XXH64_update(&g->signature[kind], &signature.n,
			     sizeof signature.n);
		XXH64_update(&g->signature[kind], signature.p, signature.n);
	}
	if (text.n && g->first < 0)
		g->first = kind;
	if ((int)kind == g->first && g->begin->n < g->most) {
		if (text.n > g->most - g->begin->n)
			text.n = g->most - g->begin->n;
		buf_adds(g->begin, text);
	}
}

static void grouping_end(struct grouping *g)
{
	for (int i = 0; i < GROUPS; i++) {
		g->groups[i].text_hash = XXH64_digest(&g->text[i]);
		g->groups[i].signature_hash = XXH64_digest(&g->signature[i]);
	}
}

const struct passback_sent *passback_sent(struct message *m)
{
	struct passback_sent *sent = m->passback;
	struct buf begin = {0};
	struct grouping g;

	if (sent)
		return sent;
	sent = mem_zero(sizeof *sent + PASSBACK_BEGIN);
	grouping_begin(&g, sent->groups, &begin, PASSBACK_BEGIN);
	for (size_t i = 0; i < m->n_reasoning; i++) {
		const struct said_reasoning *r = &m->reasoning[i];

		grouping_add(&g, r->name, r->text, r->signature);
	}
	grouping_end(&g);
	if (begin.n)
		memcpy(sent->begin, begin.p, begin.n);
	sent->begin_n = begin.n;
	buf_free(&begin);
	m->passback = mem_grow(sent, sizeof *sent + sent->begin_n);
	return m->passback;
}

static void said(const struct choice *c, struct passback_entry *e)
{
	struct grouping g;

	grouping_begin(&g, e->groups, &e->begin, PASSBACK_BEGIN);
	for (size_t i = 0; i < c->n_pieces; i++) {
		const struct reasoning *r = &c->pieces[i];

		grouping_add(&g, r->name, buf_str(&r->text),
			     buf_str(&r->signature));
	}
	grouping_end(&g);
}

/* ---- learning ---- */

/* Forgets an answer; those of the same key are told. */
static void entry_forget(struct passback *p, struct passback_entry *e)
{
	struct passback_entry *other;

	for (other = *chain_bucket(p, e->chain); other;
	     other = other->next_chain)
		other->crowded |= other->chain == e->chain;
	for (other = e->own ? *own_bucket(p, e->own) : NULL; other;
	     other = other->next_own)
		other->crowded |= other->own == e->own;
	entry_drop(p, e);
}

/* The same answer again, as of a benchmark's epochs, takes the old one's
 * place; of too many different ones the oldest goes. */
static void make_room(struct passback *p, struct passback_entry *e)
{
	struct passback_entry *old, *next, *oldest = NULL;
	unsigned n = 0;

	for (old = *chain_bucket(p, e->chain); old; old = next) {
		next = old->next_chain;
		if (old->chain != e->chain)
			continue;
		e->crowded |= old->crowded;
		if (memcmp(old->groups, e->groups, sizeof e->groups) == 0) {
			entry_drop(p, old);
			continue;
		}
		n++;
		oldest = old; /* a bucket begins with the newest */
	}
	if (n >= PASSBACK_SAME_KEY) {
		entry_forget(p, oldest);
		e->crowded = true;
	}
}

uint64_t passback_tools(const struct request *q)
{
	const struct json *tools = json_get(q->root, STR("tools"));

	return tools ? XXH64(tools->raw.p, tools->raw.n, 0) : 0;
}

static void learn_choice(struct passback *p, const struct check_case *c,
			 size_t i)
{
	const struct choice *choice = &c->a->choices[i];
	uint64_t hash = message_hash_of_answer(c->a, i);
	struct passback_entry *e = MEM_NEW(struct passback_entry);

	e->chain = chain_next(c->q->chain[c->q->n_messages], hash);
	e->own = passback_own_key(hash, choice->n_calls, choice->content.n);
	e->exchange = c->id;
	e->tools = passback_tools(c->q);
	e->prompt = c->a->usage.have ? c->a->usage.prompt : USAGE_NONE;
	e->reasoning = c->a->usage.have && c->a->n_choices == 1
			       ? c->a->usage.reasoning
			       : USAGE_NONE;
	said(choice, e);
	make_room(p, e);
	entry_add(p, e);
}

/* Answers that are still talked about must not be forgotten. */
static void touch(struct passback *p, const struct request *q)
{
	for (size_t i = 0; i < q->n_messages; i++) {
		const struct message *m = q->messages[i];
		uint64_t key = chain_next(q->chain[i], m->hash);
		struct passback_entry *e;

		if (m->role != ROLE_ASSISTANT)
			continue;
		for (e = *chain_bucket(p, key); e; e = e->next_chain) {
			if (e->chain != key)
				continue;
			TAILQ_REMOVE(&p->used, e, used);
			TAILQ_INSERT_TAIL(&p->used, e, used);
		}
	}
}

void passback_learn(struct passback *p, const struct check_case *c)
{
	if (!c->q || !c->q->understood || c->q->unknown)
		return;
	touch(p, c->q);
	if (check_whole(c) && check_reception(c) == RECEPTION_SERVED &&
	    c->dialect != DIALECT_COMPLETIONS && !c->a->cut) {
		for (size_t i = 0; i < c->a->n_choices; i++)
			learn_choice(p, c, i);
	}
	while (p->size > p->most)
		entry_forget(p, TAILQ_FIRST(&p->used));
}

/* ---- over a restart ---- */

static void put_number(struct buf *to, int64_t v)
{
	buf_add_varint(to, v == USAGE_NONE ? 0 : (uint64_t)v + 1);
}

static bool get_number(struct str *from, int64_t *out)
{
	uint64_t v;

	if (!str_varint(from, &v) || v > INT64_MAX)
		return false;
	*out = v == 0 ? USAGE_NONE : (int64_t)(v - 1);
	return true;
}

void passback_save(const struct passback *p, struct buf *to)
{
	const struct passback_entry *e;

	buf_add_varint(to, STATE_VERSION);
	TAILQ_FOREACH (e, &p->used, used) {
		buf_add_varint(to, 1);
		buf_add(to, &e->chain, sizeof e->chain);
		buf_add(to, &e->own, sizeof e->own);
		buf_add_varint(to, e->crowded);
		buf_add_varint(to, e->tools);
		buf_add_varint(to, (uint64_t)e->exchange);
		put_number(to, e->prompt);
		put_number(to, e->reasoning);
		buf_add(to, e->groups, sizeof e->groups);
		state_put_str(to, buf_str(&e->begin));
	}
	buf_add_varint(to, 0);
}

static bool get_bytes(struct str *from, void *out, size_t n)
{
	if (from->n < n)
		return false;
	memcpy(out, from->p, n);
	*from = str_skip(*from, n);
	return true;
}

/* A flag of a stranger's bytes may be any byte. */
static bool groups_are_sound(const struct group *groups)
{
	for (int i = 0; i < GROUPS; i++) {
		unsigned char flag;

		memcpy(&flag, &groups[i].present, 1);
		if (flag > 1)
			return false;
	}
	return true;
}

static bool load_entry(struct str *from, struct passback_entry *e)
{
	struct str begin;
	uint64_t exchange, crowded;

	if (!get_bytes(from, &e->chain, sizeof e->chain) ||
	    !get_bytes(from, &e->own, sizeof e->own) ||
	    !str_varint(from, &crowded) || crowded > 1 ||
	    !str_varint(from, &e->tools) || !str_varint(from, &exchange) ||
	    exchange > INT64_MAX || !get_number(from, &e->prompt) ||
	    !get_number(from, &e->reasoning) ||
	    !get_bytes(from, e->groups, sizeof e->groups) ||
	    !groups_are_sound(e->groups) || !state_get_str(from, &begin) ||
	    begin.n > PASSBACK_BEGIN)
		return false;
	e->exchange = (int64_t)exchange;
	e->crowded = crowded;
	buf_adds(&e->begin, begin);
	return true;
}

bool passback_load(struct passback *p, struct str from)
{
	uint64_t version, more;

	if (!str_varint(&from, &version) || version != STATE_VERSION)
		return false;
	for (;;) {
		struct passback_entry *e;

		if (!str_varint(&from, &more) || more > 1)
			return false;
		if (!more)
			return from.n == 0;
		e = MEM_NEW(struct passback_entry);
		if (!load_entry(&from, e)) {
			buf_free(&e->begin);
			free(e);
			return false;
		}
		entry_add(p, e);
		if (p->size > p->most)
			return false;
	}
}
