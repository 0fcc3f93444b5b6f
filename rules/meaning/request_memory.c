/* SPDX-License-Identifier: MIT */
/*
 * Requests read before, found again by how a body begins.
 *
 *	body	|--1K--|--2K--| ... |--8K--|--9K--| ...  |--256K--|--288K ...
 *	hashes	      h0     h1		  h7	 h8		hi
 *
 *	slots	[ h & mask ] -> the newest entry whose body has that prefix
 *
 * A hash is of the one before and the last bytes of its stretch: to read all
 * of a body once more would cost as much as all the rest. The entry under the
 * longest known prefix is the likeliest to have the same messages. It is only
 * a guess: whoever takes a message compares its bytes, all of them.
 * So slots may be overwritten and forget; they must never point to an entry
 * that is gone.
 */
#define XXH_INLINE_ALL
#include <stdlib.h>

#include <xxhash.h>

#include "rules/meaning/request_impl.h"

enum { SLOTS = 1 << 15, MEMBERS = 64, FIRST_PREFIX = 1024, SAMPLE = 64 };

struct entry {
	struct entry *newer, *older;
	struct message_list list;
	size_t cost;
	unsigned n_prefixes;
	uint64_t prefixes[];
};

struct slot {
	uint64_t hash;
	struct entry *entry;
};

struct request_memory {
	size_t most, cost;
	struct entry *newest, *oldest;
	struct slot *slots;
	/* Members, the newest first. */
	struct member *members[MEMBERS];
	unsigned n_members;
	size_t members_cost;
};

struct request_memory *request_memory_new(size_t most)
{
	struct request_memory *m = MEM_NEW(struct request_memory);

	m->most = most ? most : 64 << 20;
	m->slots = mem_zero(SLOTS * sizeof(*m->slots));
	return m;
}

/* ---- prefixes ---- */

/* The length after n: an eighth of an octave on, and at least 1 KB. */
static size_t next_prefix(size_t n)
{
	size_t step = FIRST_PREFIX;

	while (step * 16 <= n)
		step *= 2;
	return n + step;
}

void prefixes_of(struct prefixes *p, enum dialect d, struct str text)
{
	uint64_t hash = d;

	p->n = 0;
	for (size_t at = FIRST_PREFIX; at <= text.n && p->n < PREFIXES_MOST;
	     at = next_prefix(at)) {
		hash = XXH3_64bits_withSeed(text.p + at - SAMPLE, SAMPLE, hash);
		p->v[p->n++] = hash;
	}
}

/* ---- entries ---- */

static struct slot *slot_of(const struct request_memory *m, uint64_t hash)
{
	return &m->slots[hash & (SLOTS - 1)];
}

static void unlink_entry(struct request_memory *m, struct entry *e)
{
	*(e->newer ? &e->newer->older : &m->newest) = e->older;
	*(e->older ? &e->older->newer : &m->oldest) = e->newer;
}

static void link_newest(struct request_memory *m, struct entry *e)
{
	e->newer = NULL;
	e->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = e;
	m->newest = e;
}

static void forget(struct request_memory *m, struct entry *e)
{
	for (unsigned i = 0; i < e->n_prefixes; i++) {
		struct slot *s = slot_of(m, e->prefixes[i]);
		if (s->entry == e)
			s->entry = NULL;
	}
	for (size_t i = 0; i < e->list.n; i++)
		message_unref(e->list.v[i]);
	unlink_entry(m, e);
	m->cost -= e->cost;
	free(e->list.v);
	free(e);
}

static struct entry *find_entry(const struct request_memory *m,
				const struct prefixes *p)
{
	for (unsigned i = p->n; i-- > 0;) {
		const struct slot *s = slot_of(m, p->v[i]);
		if (s->entry && s->hash == p->v[i])
			return s->entry;
	}
	return NULL;
}

const struct message_list *memory_find(struct request_memory *m,
				       const struct prefixes *p)
{
	struct entry *e = find_entry(m, p);

	if (!e)
		return NULL;
	unlink_entry(m, e);
	link_newest(m, e);
	return &e->list;
}

/* Does the longer list go on from the shorter one, whose entry is then of no
 * more use? */
static bool continues(const struct message_list *longer,
		      const struct message_list *shorter)
{
	return longer->n >= shorter->n && longer->top == shorter->top &&
	       memcmp(longer->v, shorter->v,
		      shorter->n * sizeof(struct message *)) == 0;
}

static struct entry *entry_new(const struct prefixes *p,
			       const struct message_list *list)
{
	size_t hashes = p->n * sizeof(p->v[0]);
	struct entry *e = mem_zero(sizeof(*e) + hashes);

	e->n_prefixes = p->n;
	memcpy(e->prefixes, p->v, hashes);
	e->list = *list;
	e->list.v = mem_alloc(list->n * sizeof(*list->v));
	e->cost = sizeof(*e) + hashes + list->n * sizeof(*list->v);
	for (size_t i = 0; i < list->n; i++) {
		e->list.v[i] = message_ref(list->v[i]);
		e->cost += message_cost(list->v[i]);
	}
	return e;
}

void memory_keep(struct request_memory *m, const struct prefixes *p,
		 const struct message_list *list)
{
	struct entry *before = find_entry(m, p), *e;

	if (p->n == 0 || list->n == 0)
		return;
	if (before && continues(list, &before->list))
		forget(m, before);
	e = entry_new(p, list);
	link_newest(m, e);
	m->cost += e->cost;
	for (unsigned i = 0; i < p->n; i++)
		*slot_of(m, p->v[i]) = (struct slot){p->v[i], e};
	while (m->oldest && m->cost > m->most)
		forget(m, m->oldest);
}

/* ---- members ---- */

void member_unref(struct member *member)
{
	if (--member->refs)
		return;
	json_doc_free(member->doc);
	free(member);
}

uint64_t member_head(struct str s, size_t at)
{
	return XXH3_64bits(s.p + at, MEMBER_LEAST);
}

static void to_front(struct request_memory *m, unsigned i)
{
	struct member *member = m->members[i];

	memmove(m->members + 1, m->members, i * sizeof(struct member *));
	m->members[0] = member;
}

struct member *memory_member(struct request_memory *m, struct str name,
			     struct str s, size_t at)
{
	uint64_t head;

	if (s.n - at < MEMBER_LEAST)
		return NULL;
	head = member_head(s, at);
	for (unsigned i = 0; i < m->n_members; i++) {
		struct member *member = m->members[i];
		if (member->head != head || !str_eq(member->node->key, name) ||
		    !skim_same(s, at, member->node))
			continue;
		to_front(m, i);
		member->refs++;
		return member;
	}
	return NULL;
}

static void forget_last_member(struct request_memory *m)
{
	struct member *last = m->members[--m->n_members];

	m->members_cost -= last->cost;
	member_unref(last);
}

void memory_keep_member(struct request_memory *m, struct member *member)
{
	if (m->n_members == MEMBERS)
		forget_last_member(m);
	member->refs++;
	m->members[m->n_members] = member;
	m->members_cost += member->cost;
	to_front(m, m->n_members++);
	while (m->members_cost > m->most / 4)
		forget_last_member(m);
}

void request_memory_free(struct request_memory *m)
{
	if (!m)
		return;
	while (m->oldest)
		forget(m, m->oldest);
	while (m->n_members)
		forget_last_member(m);
	free(m->slots);
	free(m);
}
