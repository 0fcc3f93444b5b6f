/* SPDX-License-Identifier: MIT */
/* Heads, bodies and arrivals of an entry. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "record/frame_impl.h"

bool frame_find(struct frame_store *s, int64_t id, unsigned slot,
		int64_t exchange, const struct frame_entry **out,
		struct fail *f)
{
	struct frame *fr;

	assert(s->magic == STORE_MAGIC);
	fr = frame_cached(s, id, NULL);
	if (fr->has_rest && slot >= fr->n_entries)
		fr->has_rest = false; /* it has grown since we read it */
	if (!frame_need_rest(s, fr, f))
		return false;
	if (slot >= fr->n_entries || fr->entries[slot].exchange != exchange)
		return frame_damaged(f, id, "it does not hold the exchange");
	*out = &fr->entries[slot];
	return true;
}

static struct columns_view *view_of(struct frame_store *s, struct frame *fr,
				    int section)
{
	struct columns_view **v =
		section == SECTION_HEADS ? &fr->heads : &fr->events;
	struct fail ignored;

	if (!*v &&
	    columns_words(fr->section[section]) > words_known(s->words) &&
	    !frame_store_words(s, s->words, &ignored))
		return NULL;
	if (!*v)
		*v = columns_open(fr->section[section], s->words);
	return *v;
}

bool frame_entry_heads(struct frame_store *s, const struct frame_entry *e,
		       void (*each)(void *arg, const struct trail_head *h),
		       void *arg, struct fail *f)
{
	struct columns_view *v = view_of(s, e->frame, SECTION_HEADS);

	if (!v)
		return frame_damaged(f, e->frame->id,
				     "its heads make no sense");
	for (size_t i = e->head; i < e->head + e->heads; i++) {
		const struct frame_head_at *h = &e->frame->head_at[i];
		struct trail_head out = {
			h->side, h->kind, (uint64_t)h->at, {0}};

		s->scratch.n = 0;
		if (!columns_text(v, i, 1, FRAME_LIMIT, &s->scratch))
			return frame_damaged(f, e->frame->id,
					     "a head is missing");
		out.raw = buf_str(&s->scratch);
		each(arg, &out);
	}
	return true;
}

static bool rope_body(struct frame_store *s, const struct frame_entry *e,
		      const struct frame_side *d,
		      bool (*piece)(void *arg, struct str bytes), void *arg,
		      struct fail *f)
{
	for (size_t i = d->seg; i < d->seg + d->segs; i++) {
		const struct rope_seg *g = &e->frame->segs[i];
		struct frame *fr = frame_cached(s, (int64_t)g->frame, e->frame);
		struct str bytes;

		if (!frame_literals_at(s, fr, g->at, g->n, &bytes, f))
			return false;
		if (!piece(arg, bytes))
			return true;
	}
	return true;
}

bool frame_entry_body(struct frame_store *s, const struct frame_entry *e,
		      enum ev_side side,
		      bool (*piece)(void *arg, struct str bytes), void *arg,
		      struct fail *f)
{
	const struct frame_side *d = &e->side[side];
	struct columns_view *v;

	assert(s->magic == STORE_MAGIC);
	if (d->holds == HOLDS_NOTHING)
		return true;
	if (d->holds == HOLDS_ROPE)
		return rope_body(s, e, d, piece, arg, f);
	v = view_of(s, e->frame, SECTION_EVENTS);
	s->scratch.n = 0;
	if (!v || d->bytes > FRAME_LIMIT ||
	    !columns_text(v, d->unit, d->units, (size_t)d->bytes,
			  &s->scratch) ||
	    s->scratch.n != d->bytes)
		return frame_damaged(f, e->frame->id,
				     "its events make no sense");
	piece(arg, buf_str(&s->scratch));
	return true;
}

/* ---- arrivals ---- */

/* The lengths of the entry's events, in s->scratch as uint32_t. */
static bool unit_lengths(struct frame_store *s, const struct frame_entry *e,
			 const struct frame_side *d)
{
	struct columns_view *v;

	s->scratch.n = 0;
	if (d->holds != HOLDS_EVENTS)
		return true;
	v = view_of(s, e->frame, SECTION_EVENTS);
	return v && columns_lengths(v, d->unit, d->units, &s->scratch);
}

/* Where the walk over the arrivals of an entry is. */
struct walk {
	struct str lengths, high, low;
	const struct buf *units;
	size_t unit;
	uint64_t unit_at, at; /* offsets in the body */
	int64_t time;
};

static bool next_unit(struct walk *w)
{
	uint32_t len;

	if (w->unit * sizeof len >= w->units->n)
		return false;
	memcpy(&len, w->units->p + w->unit * sizeof len, sizeof len);
	w->unit_at += len;
	w->unit++;
	return true;
}

/* Turns what LENGTHS says into bytes. */
static bool walk_length(struct walk *w, uint64_t code, uint64_t *n)
{
	*n = code >> 1;
	if (code & 1)
		return *n <= UINT32_MAX;
	while (w->unit_at < w->at)
		if (!next_unit(w))
			return false;
	if (w->unit_at != w->at)
		return false;
	for (uint64_t i = code >> 1; i > 0; i--)
		if (!next_unit(w))
			return false;
	*n = w->unit_at - w->at;
	return *n <= UINT32_MAX;
}

static bool walk_step(struct walk *w, struct frame_arrival *a)
{
	uint64_t code, high, n;
	int64_t far;

	if (!str_varint(&w->lengths, &code) || !str_varint(&w->high, &high) ||
	    w->low.n == 0 || !walk_length(w, code, &n))
		return false;
	far = (int64_t)((high >> 1 << 8 | (unsigned char)w->low.p[0]) &
			INT64_MAX);
	w->low = str_skip(w->low, 1);
	w->time = (int64_t)((uint64_t)w->time +
			    (uint64_t)(high & 1 ? -far : far));
	w->at += n;
	*a = (struct frame_arrival){w->time, (uint32_t)n};
	return true;
}

/* Passes the arrivals of earlier entries by. */
static bool walk_skip(struct walk *w, size_t n)
{
	uint64_t ignored;

	for (size_t i = 0; i < n; i++)
		if (!str_varint(&w->lengths, &ignored) ||
		    !str_varint(&w->high, &ignored))
			return false;
	w->low = str_skip(w->low, n);
	return true;
}

bool frame_entry_arrivals(struct frame_store *s, const struct frame_entry *e,
			  enum ev_side side, struct buf *out, struct fail *f)
{
	const struct frame_side *d = &e->side[side];
	const struct str *section = e->frame->section;
	struct walk w = {section[SECTION_LENGTHS],
			 section[SECTION_HIGH],
			 section[SECTION_LOW],
			 &s->scratch,
			 0,
			 0,
			 0,
			 0};
	struct frame_arrival a;

	if (!unit_lengths(s, e, d) || !walk_skip(&w, d->arrival))
		return frame_damaged(f, e->frame->id,
				     "its times make no sense");
	for (size_t i = 0; i < d->arrivals; i++) {
		if (!walk_step(&w, &a))
			return frame_damaged(f, e->frame->id,
					     "its times make no sense");
		buf_add(out, &a, sizeof a);
	}
	return true;
}

bool frame_check(struct frame_store *s, int64_t frame, struct fail *f)
{
	struct frame *fr;
	struct str all;

	assert(s->magic == STORE_MAGIC);
	fr = frame_cached(s, frame, NULL);
	if (!frame_need_rest(s, fr, f) ||
	    !frame_literals_at(s, fr, 0, fr->literals.n, &all, f))
		return false;
	if (!view_of(s, fr, SECTION_HEADS) || !view_of(s, fr, SECTION_EVENTS))
		return frame_damaged(f, frame, "its columns make no sense");
	return true;
}
