/* SPDX-License-Identifier: MIT */
/* The directory of a frame: whose is what. See frame_impl.h for its form. */
#include <stdlib.h>

#include "base/mem.h"
#include "record/frame_impl.h"

void frame_clear_rest(struct frame *fr)
{
	columns_view_free(fr->heads);
	columns_view_free(fr->events);
	free(fr->entries);
	free(fr->head_at);
	free(fr->segs);
	buf_free(&fr->rest);
	fr->heads = fr->events = NULL;
	fr->entries = NULL;
	fr->head_at = NULL;
	fr->segs = NULL;
	fr->n_entries = fr->n_heads = fr->n_segs = fr->n_arrivals = 0;
	fr->has_rest = false;
}

static bool parse_segs(struct frame *fr, size_t n, struct str *s)
{
	int64_t frame = fr->id;

	if (n > s->n / 3)
		return false;
	fr->segs = mem_grow(fr->segs, (fr->n_segs + n) * sizeof *fr->segs);
	for (size_t i = 0; i < n; i++) {
		uint64_t step, at, len;

		if (!str_varint(s, &step) || !str_varint(s, &at) ||
		    !str_varint(s, &len) || at > FRAME_LIMIT ||
		    len > FRAME_LIMIT)
			return false;
		frame = (int64_t)((uint64_t)frame +
				  (uint64_t)frame_unzigzag(step));
		fr->segs[fr->n_segs++] = (struct rope_seg){
			(uint64_t)frame, (uint32_t)at, (uint32_t)len};
	}
	return true;
}

static bool parse_heads(struct frame *fr, struct frame_entry *e, struct str *s)
{
	uint64_t n, at;

	if (!str_varint(s, &n) || n > s->n / 2)
		return false;
	e->head = fr->n_heads;
	e->heads = (size_t)n;
	fr->head_at = mem_grow(fr->head_at,
			       (fr->n_heads + e->heads) * sizeof *fr->head_at);
	for (size_t i = 0; i < e->heads; i++) {
		unsigned char how;

		if (s->n == 0)
			return false;
		how = (unsigned char)s->p[0];
		*s = str_skip(*s, 1);
		if (how >> 1 > EV_HEAD_TRAILERS || !str_varint(s, &at))
			return false;
		fr->head_at[fr->n_heads++] = (struct frame_head_at){
			how & 1, how >> 1, frame_unzigzag(at)};
	}
	return true;
}

static bool parse_side(struct frame *fr, struct frame_side *d, size_t *unit,
		       struct str *s, struct str *segs)
{
	uint64_t a = 0, arrivals;

	if (s->n == 0)
		return false;
	d->holds = (unsigned char)s->p[0];
	*s = str_skip(*s, 1);
	if (d->holds > HOLDS_EVENTS)
		return false;
	if (d->holds != HOLDS_NOTHING && !str_varint(s, &a))
		return false;
	d->seg = fr->n_segs;
	d->unit = *unit;
	if (d->holds == HOLDS_ROPE) {
		d->segs = (size_t)a;
		if (!parse_segs(fr, d->segs, segs))
			return false;
	}
	if (d->holds == HOLDS_EVENTS) {
		if (a > FRAME_LIMIT || !str_varint(s, &d->bytes))
			return false;
		d->units = (size_t)a;
		*unit += d->units;
	}
	if (!str_varint(s, &arrivals) ||
	    arrivals > fr->section[SECTION_LOW].n - fr->n_arrivals)
		return false;
	d->arrival = fr->n_arrivals;
	d->arrivals = (size_t)arrivals;
	fr->n_arrivals += d->arrivals;
	return true;
}

static bool parse_entries(struct frame *fr, struct str s, struct str segs)
{
	size_t unit = 0;
	int64_t exchange = 0;

	fr->entries = mem_zero((s.n / 6 + 1) * sizeof *fr->entries);
	while (s.n) {
		struct frame_entry *e = &fr->entries[fr->n_entries];
		uint64_t step;

		if (s.n < 6 || !str_varint(&s, &step))
			return false;
		exchange = (int64_t)((uint64_t)exchange +
				     (uint64_t)frame_unzigzag(step));
		*e = (struct frame_entry){.frame = fr, .exchange = exchange};
		if (!parse_heads(fr, e, &s))
			return false;
		for (int i = 0; i < EV_SIDES; i++)
			if (!parse_side(fr, &e->side[i], &unit, &s, &segs))
				return false;
		fr->n_entries++;
	}
	return segs.n == 0;
}

bool frame_parse(struct frame *fr)
{
	struct str s = buf_str(&fr->rest);
	uint64_t size[SECTIONS];

	for (int i = 0; i < SECTIONS; i++)
		if (!str_varint(&s, &size[i]))
			return false;
	for (int i = 0; i < SECTIONS; i++) {
		if (size[i] > s.n)
			return false;
		fr->section[i] = (struct str){s.p, (size_t)size[i]};
		s = str_skip(s, (size_t)size[i]);
	}
	return s.n == 0 && parse_entries(fr, fr->section[SECTION_ENTRIES],
					 fr->section[SECTION_SEGMENTS]);
}
