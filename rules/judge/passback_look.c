/* SPDX-License-Identifier: MIT */
/* What came back of what was said. */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/passback_impl.h"

static bool has_any(const struct group *groups)
{
	for (int i = 0; i < GROUPS; i++) {
		if (groups[i].text_n || groups[i].signatures)
			return true;
	}
	return false;
}

static uint64_t all_text(const struct group *groups)
{
	uint64_t most = 0;

	for (int i = 0; i < GROUPS; i++) {
		if (groups[i].text_n > most)
			most = groups[i].text_n;
	}
	return most;
}

static bool same_group(const struct group *a, const struct group *b)
{
	return a->text_n == b->text_n && a->text_hash == b->text_hash &&
	       a->signatures == b->signatures &&
	       a->signature_hash == b->signature_hash;
}

/* Is the text known under another name? */
static bool said_elsewhere(const struct group *said, const struct group *sent)
{
	for (int i = 0; i < GROUPS; i++) {
		if (said[i].text_n == sent->text_n &&
		    said[i].text_hash == sent->text_hash)
			return true;
	}
	return false;
}

static int compare(const struct group *said, const struct group *sent)
{
	bool same = false, renamed = false;

	if (!has_any(said))
		return has_any(sent) ? PASSBACK_INVENTED : PASSBACK_NOTHING;
	for (int i = 0; i < GROUPS; i++) {
		if (!sent[i].present)
			continue;
		if (sent[i].text_n == 0 && sent[i].signatures == 0)
			continue;
		if (said[i].present && same_group(&said[i], &sent[i]))
			same = true;
		else if (!said[i].present && said_elsewhere(said, &sent[i]))
			renamed = true;
		else
			return PASSBACK_ALTERED;
	}
	if (same || renamed)
		return same ? PASSBACK_SAME : PASSBACK_RENAMED;
	for (int i = 0; i < GROUPS; i++) {
		if (sent[i].present)
			return PASSBACK_EMPTY;
	}
	return PASSBACK_MISSING;
}

static size_t common(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

/* How good a match is: what the client kept best counts. */
static int worth(int state)
{
	switch (state) {
	case PASSBACK_SAME: return 4;
	case PASSBACK_RENAMED: return 3;
	case PASSBACK_NOTHING: return 2;
	case PASSBACK_ALTERED: return 1;
	default: return 0;
	}
}

static void consider(const struct passback_entry *e,
		     const struct group sent[GROUPS], struct str text,
		     const struct passback_entry **best,
		     struct passback_view *view)
{
	int state = compare(e->groups, sent);

	if (*best && worth(state) <= worth(view->state))
		return;
	*best = e;
	view->state = state;
	view->source = e->exchange;
	view->said = all_text(e->groups);
	view->sent = all_text(sent);
	view->differs_at = common(buf_str(&e->begin), text);
}

const struct passback_entry *passback_match(const struct passback *p,
					    const struct request *q, size_t i,
					    struct passback_view *view)
{
	const struct message *m = q->messages[i];
	const struct passback_entry *best = NULL, *e;
	uint64_t chain = chain_next(q->chain[i], m->hash);
	uint64_t own = passback_own_key(m->hash, m->n_calls, m->content.n);
	struct group sent[GROUPS];
	struct buf text = {0};

	*view = (struct passback_view){.message = i};
	passback_sent(m, sent, &text);
	for (e = passback_chain(p, chain); e; e = passback_chain_next(e))
		consider(e, sent, buf_str(&text), &best, view);
	if (!best && own) {
		for (e = passback_own(p, own); e; e = passback_own_next(e))
			consider(e, sent, buf_str(&text), &best, view);
	}
	view->sent = all_text(sent);
	buf_free(&text);
	return best;
}

size_t passback_look(const struct passback *p, const struct request *q,
		     struct passback_view **out)
{
	size_t n = 0;

	*out = mem_zero((q->n_messages + 1) * sizeof **out);
	for (size_t i = 0; i < q->n_messages; i++) {
		if (q->messages[i]->role == ROLE_ASSISTANT &&
		    !q->messages[i]->partial)
			passback_match(p, q, i, &(*out)[n++]);
	}
	return n;
}
