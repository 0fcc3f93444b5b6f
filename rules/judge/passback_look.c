/* SPDX-License-Identifier: MIT */
/* What came back of what was said. */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/passback_impl.h"

enum {
	OWN_ID = 16,	/* bytes of a tool call's id that is nobody else's */
	OWN_TEXT = 128, /* bytes of an answer that is nobody else's */
};

static bool has_any(const struct group *groups)
{
	for (int i = 0; i < GROUPS; i++) {
		if (groups[i].text_n || groups[i].signatures)
			return true;
	}
	return false;
}

uint64_t passback_text(const struct group groups[GROUPS])
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

/* The group that the beginning of the text is of. */
static const struct group *first_text(const struct group *groups)
{
	int i = 0;

	while (i < GROUPS - 1 && !groups[i].text_n)
		i++;
	return &groups[i];
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
		     const struct passback_sent *sent,
		     const struct passback_entry **best,
		     struct passback_view *view)
{
	int state = compare(e->groups, sent->groups);

	if (*best && worth(state) <= worth(view->state))
		return;
	*best = e;
	view->state = state;
	view->source = e->exchange;
	view->said = passback_text(e->groups);
	view->signature = said_elsewhere(e->groups, first_text(sent->groups));
	view->differs_at = common(buf_str(&e->begin),
				  (struct str){sent->begin, sent->begin_n});
}

/* Could another conversation have these very words and calls by chance? Ids
 * such as functions.NAME:0 are everyone's. */
static bool is_telling(const struct message *m)
{
	size_t n = m->content.n;

	for (size_t i = 0; i < m->n_calls; i++) {
		const struct said_call *call = &m->calls[i];

		n += call->arguments.n;
		if (call->id.n >= OWN_ID &&
		    !memchr(call->id.p, ':', call->id.n))
			return true;
	}
	return n >= OWN_TEXT;
}

static bool is_good(int state)
{
	return state == PASSBACK_SAME || state == PASSBACK_RENAMED;
}

const struct passback_entry *passback_match(const struct passback *p,
					    const struct request *q, size_t i,
					    struct passback_view *view)
{
	struct message *m = q->messages[i];
	const struct passback_sent *sent = passback_sent(m);
	const struct passback_entry *best = NULL, *e;
	uint64_t chain = chain_next(q->chain[i], m->hash);
	uint64_t own = passback_own_key(m->hash, m->n_calls, m->content.n);
	bool certain = true;

	*view = (struct passback_view){.message = i};
	for (e = passback_chain(p, chain); e; e = passback_chain_next(e))
		consider(e, sent, &best, view);
	if (!best && own) {
		certain = is_telling(m);
		for (e = passback_own(p, own); e; e = passback_own_next(e))
			consider(e, sent, &best, view);
	}
	if (best && !is_good(view->state) && (best->crowded || !certain)) {
		*view = (struct passback_view){.message = i};
		best = NULL;
	}
	view->sent = passback_text(sent->groups);
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
