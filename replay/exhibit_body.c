/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Arrivals are counted in wire bytes, gaps included; the body holds
 * what was recorded; readers see what it decodes to. Feeding the decoder
 * arrival by arrival ties the three together:
 *
 *	wire	   |--a0--|---a1---|xxgapxx|-a2-|
 *	recorded   |--a0--|---a1---|-a2-|
 *	plain_end	  3	   9	 12	decoded bytes by then
 */
#include <stdlib.h>

#include "base/mem.h"
#include "exhibit_impl.h"

/* The gaps of one side, sorted and disjoint, whatever the trail says. */
struct holes {
	struct trail_gap *v;
	size_t n, at;
};

static int by_offset(const void *a, const void *b)
{
	const struct trail_gap *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static uint64_t gap_end(const struct trail_gap *g)
{
	uint64_t end;

	return __builtin_add_overflow(g->offset, g->n, &end) ? UINT64_MAX : end;
}

static struct holes holes_of(const struct exhibit *x, enum ev_side side)
{
	struct holes h = {mem_alloc(x->n_gaps * sizeof *h.v), 0, 0};
	uint64_t end = 0;
	size_t n = 0;

	for (size_t i = 0; i < x->n_gaps; i++) {
		if (x->gaps[i].side == side)
			h.v[n++] = x->gaps[i];
	}
	qsort(h.v, n, sizeof *h.v, by_offset);
	for (size_t i = 0; i < n; i++) {
		struct trail_gap g = h.v[i];
		uint64_t from = g.offset > end ? g.offset : end;

		if (gap_end(&g) <= from)
			continue;
		end = gap_end(&g);
		g.n = end - from;
		g.offset = from;
		h.v[h.n++] = g;
	}
	return h;
}

/* How many of the wire bytes from..end are in the record. `from` never goes
 * back from call to call. */
static uint64_t recorded(struct holes *h, uint64_t from, uint64_t end)
{
	uint64_t n = end - from;

	while (h->at < h->n && gap_end(&h->v[h->at]) <= from)
		h->at++;
	for (size_t i = h->at; i < h->n && h->v[i].offset < end; i++) {
		uint64_t a = h->v[i].offset > from ? h->v[i].offset : from;
		uint64_t b = gap_end(&h->v[i]) < end ? gap_end(&h->v[i]) : end;
		n -= b - a;
	}
	return n;
}

static size_t smaller(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

/* A masked secret may have another length, so the last arrival takes what
 * is left, and times within such a body are near, not exact. */
static void decode_arrivals(struct exhibit_body *b, struct holes *h,
			    struct decoder *d)
{
	struct str rest = buf_str(&b->wire);
	uint64_t offset = 0;
	bool on = b->coded;

	if (b->coded && h->n) /* beyond a gap a coding makes no sense */
		rest.n = smaller(h->v[0].offset, rest.n);
	for (size_t i = 0; i < b->n_arrivals; i++) {
		uint64_t end = offset + b->arrivals[i].n;
		size_t have = smaller(recorded(h, offset, end), rest.n);
		struct str piece = {rest.p, have};

		if (i + 1 == b->n_arrivals)
			piece.n = rest.n;
		if (on)
			on = decoder_feed(d, piece, &b->made);
		offset = end;
		rest = str_skip(rest, piece.n);
		b->plain_end[i] = b->coded ? b->made.n : b->wire.n - rest.n;
	}
	if (on)
		decoder_feed(d, rest, &b->made);
}

static void decode(struct exhibit *x, enum ev_side side, uint64_t max_decoded)
{
	struct exhibit_body *b = &x->body[side];
	struct decode_limits limits = {max_decoded, DECODE_GROWTH};
	struct decoder *d = decoder_new(buf_str(&b->coding), &limits);
	struct holes h = holes_of(x, side);

	b->coded = decoder_is_needed(d) && b->wire.n;
	b->plain_end = mem_zero(b->n_arrivals * sizeof *b->plain_end);
	decode_arrivals(b, &h, d);
	b->verdict = b->coded ? decoder_end(d) : DECODE_WHOLE;
	b->plain = b->coded && b->verdict != DECODE_UNKNOWN ? buf_str(&b->made)
							    : buf_str(&b->wire);
	free(h.v);
	decoder_free(d);
}

bool exhibit_body_load(struct exhibit *x, struct trail *t, enum ev_side side,
		       const struct exhibit_want *want, struct fail *f)
{
	struct exhibit_body *b = &x->body[side];
	struct str head = exhibit_head(x, side, EV_HEAD_MAIN);
	int64_t id = x->row->id;

	if (!trail_arrivals(t, id, side, &b->arrivals, &b->n_arrivals, f))
		return false;
	if (!want->bodies)
		return true;
	if (!trail_body(t, id, side, &b->wire, f))
		return false;
	for (size_t i = 0; i < x->n_gaps; i++) {
		if (x->gaps[i].side == side) {
			b->missing += x->gaps[i].n;
			b->gaps++;
		}
	}
	head_values(head, STR("content-type"), &b->type);
	head_values(head, STR("content-encoding"), &b->coding);
	b->loaded = true;
	if (want->decode)
		decode(x, side, want->max_decoded);
	return true;
}

uint64_t exhibit_arrived(const struct exhibit_body *b, size_t offset)
{
	size_t low = 0, high = b->n_arrivals;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (b->plain_end[mid] <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low < b->n_arrivals ? b->arrivals[low].at : 0;
}

void exhibit_body_free(struct exhibit_body *b)
{
	buf_free(&b->wire);
	buf_free(&b->made);
	buf_free(&b->type);
	buf_free(&b->coding);
	free(b->arrivals);
	free(b->plain_end);
}
