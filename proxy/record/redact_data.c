/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Searching body bytes for secrets, chunk by chunk. Horspool's search
 * looks at the last byte of a window and mostly jumps a whole needle on.
 *
 * A secret may lie across chunks. What must be remembered of a chunk's end is
 * the longest beginning of a needle that it ends with; those bytes are the
 * needle's own, so no bytes are kept, only a needle's number and two lengths:
 *
 *	... "error":"bad key sk-pr | oj-abc... "
 *			     ^^^^^ matched = 5, recorded = 5: too short to
 *				   be a secret, given out at once
 *	... key sk-proj-abcde | fgh...
 *		^^^^^^^^^^^^^ matched = 13, recorded = 0: held back
 *
 * The next chunk is searched with these `matched` bytes before it; the first
 * `recorded` of them are not given out again.
 */
#include "record/redact_impl.h"

#include <assert.h>

#define HOLD	  REDACT_LEAST /* a beginning this long is held back */
#define MASK_LAST 13	       /* and this long is masked if nothing follows */

void redact_needle_init(struct redact_needle *d, const unsigned char *p,
			size_t n)
{
	size_t most = n < 255 ? n : 255;

	d->p = p;
	d->n = (uint32_t)n;
	memset(d->skip, (int)most, sizeof d->skip);
	for (size_t i = 0; i + 1 < n; i++) {
		size_t skip = n - 1 - i;
		d->skip[p[i]] = (unsigned char)(skip < 255 ? skip : 255);
	}
}

/* Where the needle begins in bytes[from..], or n. */
static size_t find(const struct redact_needle *d, struct str bytes, size_t from)
{
	const unsigned char *t = (const unsigned char *)bytes.p;
	size_t last = d->n - 1;

	for (size_t i = from + last; i < bytes.n; i += d->skip[t[i]]) {
		if (t[i] == d->p[last] && !memcmp(t + i - last, d->p, last))
			return i - last;
	}
	return bytes.n;
}

/* How many bytes at the end are a beginning of the needle, but not all. */
static size_t begun(const struct redact_needle *d, struct str bytes)
{
	size_t most = bytes.n < d->n - 1 ? bytes.n : d->n - 1;
	const char *end = bytes.p + bytes.n, *p = end - most;

	while (p < end && (p = memchr(p, d->p[0], (size_t)(end - p)))) {
		if (!memcmp(p, d->p, (size_t)(end - p)))
			return (size_t)(end - p);
		p++;
	}
	return 0;
}

bool redact_clean(const struct redact_set *s, const struct redact_carry *c,
		  struct str bytes)
{
	if (!s)
		return true;
	if (c->matched)
		return false;
	for (unsigned i = 0; i < s->n; i++) {
		if (find(&s->needles[i], bytes, 0) < bytes.n ||
		    begun(&s->needles[i], bytes))
			return false;
	}
	return true;
}

const struct redact_needle *redact_known(const struct redact_set *s,
					 struct str secret)
{
	for (unsigned i = 0; s && i < s->n; i++) {
		struct str have = {(const char *)s->needles[i].p,
				   s->needles[i].n};
		if (str_eq(have, secret))
			return &s->needles[i];
	}
	return NULL;
}

/* A search for all needles at once: each one's next place is kept. */
struct search {
	const struct redact_set *set;
	struct str in;
	size_t next[REDACT_NEEDLES];
};

static void search_from(struct search *q, size_t from)
{
	for (unsigned i = 0; i < q->set->n; i++) {
		if (q->next[i] < from || from == 0)
			q->next[i] = find(&q->set->needles[i], q->in, from);
	}
}

/* The leftmost match, the longest of those; NULL if there is none. */
static const struct redact_needle *search_first(const struct search *q,
						size_t *at)
{
	const struct redact_needle *best = NULL;

	*at = q->in.n;
	for (unsigned i = 0; i < q->set->n; i++) {
		const struct redact_needle *d = &q->set->needles[i];
		if (q->next[i] == q->in.n)
			continue;
		if (q->next[i] < *at ||
		    (q->next[i] == *at && best && d->n > best->n)) {
			*at = q->next[i];
			best = d;
		}
	}
	return best;
}

/* Gives out in[from..to), but not what was given out before. */
static void give(struct str in, size_t from, size_t to, size_t recorded,
		 struct buf *out)
{
	if (from < recorded)
		from = recorded;
	if (from < to)
		buf_add(out, in.p + from, to - from);
}

/* Replaces what is found before `limit`; returns where it got to. */
static size_t replace(struct search *q, size_t recorded, size_t limit,
		      unsigned *count, struct buf *out)
{
	const struct redact_needle *d;
	size_t done = 0, at;

	search_from(q, 0);
	while ((d = search_first(q, &at)) && at < limit) {
		give(q->in, done, at, recorded, out);
		buf_add(out, d->mask, REDACT_SIZE);
		done = at + d->n;
		++*count;
		search_from(q, done);
	}
	return done;
}

unsigned redact_whole(const struct redact_set *s, struct str text,
		      struct buf *out)
{
	struct search q = {.set = s, .in = text};
	unsigned count = 0;
	size_t done = 0;

	if (s && text.n)
		done = replace(&q, 0, text.n, &count, out);
	buf_adds(out, str_skip(text, done));
	return count;
}

/* The longest beginning of any needle at the end of `in`. */
static size_t longest_begun(const struct redact_set *s, struct str in,
			    unsigned *needle)
{
	size_t best = 0;

	for (unsigned i = 0; i < s->n; i++) {
		size_t n = begun(&s->needles[i], in);
		if (n > best) {
			best = n;
			*needle = i;
		}
	}
	return best;
}

/* What is left when nothing more will come. */
static void give_last(const struct redact_needle *d, struct str in,
		      size_t begin, size_t recorded, unsigned *count,
		      struct buf *out)
{
	if (in.n - begin >= MASK_LAST) {
		buf_add(out, d->mask, REDACT_SIZE);
		++*count;
	} else {
		give(in, begin, in.n, recorded, out);
	}
}

/* The bytes with what was carried over before them; `recorded` of these have
 * been given out. */
static unsigned redact_joined(const struct redact_set *s,
			      struct redact_carry *c, struct str in, bool last,
			      struct buf *out)
{
	struct search q = {.set = s, .in = in};
	size_t recorded = c->recorded, done, begin, hold;
	unsigned count = 0, needle = 0;

	/*
	 * A match that lies within a longer secret's beginning has to wait
	 * for that to be decided.
	 */
	hold = longest_begun(s, in, &needle);
	begin = in.n - hold;
	done = replace(&q, recorded, last ? in.n : begin, &count, out);
	if (done > begin) { /* a match reaches into it: look again behind */
		hold = longest_begun(s, str_skip(in, done), &needle);
		begin = in.n - hold;
	}
	*c = (struct redact_carry){0};
	give(in, done, hold >= HOLD ? begin : in.n, recorded, out);
	if (last) {
		if (hold >= HOLD)
			give_last(&s->needles[needle], in, begin, recorded,
				  &count, out);
		return count;
	}
	c->needle = (uint16_t)needle;
	c->matched = (uint32_t)hold;
	if (hold < HOLD)
		c->recorded = (uint16_t)hold;
	else
		c->recorded =
			(uint16_t)(recorded > begin ? recorded - begin : 0);
	return count;
}

unsigned redact_data(const struct redact_set *s, struct redact_carry *c,
		     struct str bytes, bool last, struct buf *out)
{
	struct buf joined = {0};
	unsigned count;

	if (!s) {
		buf_adds(out, bytes);
		return 0;
	}
	if (c->matched == 0)
		return redact_joined(s, c, bytes, last, out);
	assert(c->needle < s->n && c->matched < s->needles[c->needle].n);
	buf_add(&joined, s->needles[c->needle].p, c->matched);
	buf_adds(&joined, bytes);
	count = redact_joined(s, c, buf_str(&joined), last, out);
	explicit_bzero(joined.p, joined.cap);
	buf_free(&joined);
	return count;
}
