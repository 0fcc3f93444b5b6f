/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. What the source gives is made in the worker's scratch and handed
 * out from there; only what a full window leaves over is kept:
 *
 *	source.next -> w->piece -> [squeeze -> w->squeezed] -> cur
 *	                                                        |
 *	          sent: bytes handed out <-- piece -------------+--> rest
 *	                 ^ truncate, reset, stall are measured here
 */
#include "shape.h"

#include "squeeze.h"

#define RUN (64 * 1024) /* bytes a run of a body without events */

static bool none(struct ex *ex, size_t hint, struct buf *out)
{
	return false;
}

void shape_init(struct ex *ex)
{
	if (!ex->source.next)
		ex->source.next = none;
	if (ex->knobs.encoding)
		ex->shape.squeeze = squeeze_new(ex->knobs.encoding);
}

/* How far to the nearest fault; KNOB_UNSET when none lies ahead. */
static uint64_t room_to_fault(const struct ex *ex)
{
	const struct knobs *k = &ex->knobs;
	uint64_t at = k->truncate < k->reset ? k->truncate : k->reset;

	if (!ex->shape.resumed && k->stall < at)
		at = k->stall;
	if (at == KNOB_UNSET)
		return at;
	return at > ex->shape.sent ? at - ex->shape.sent : 0;
}

static enum pull happen(struct ex *ex)
{
	const struct knobs *k = &ex->knobs;
	struct shape *s = &ex->shape;

	if (k->truncate <= s->sent)
		return PULL_CUT;
	if (k->reset <= s->sent)
		return PULL_RESET;
	if (k->stall_ms && !ex->timer.slot) {
		s->resumed = true;
		loop_timer_set(ex->w, &ex->timer,
			       loop_clock() + k->stall_ms * 1000000u);
	}
	return PULL_WAIT;
}

/* Is the next event due? If not, the timer says when. */
static bool is_due(struct ex *ex)
{
	struct shape *s = &ex->shape;
	uint64_t pace = ex->knobs.pace, when;

	if (!pace)
		return true;
	if (!s->start)
		s->start = ex->w->now = loop_clock();
	when = s->start + s->due / pace * 1000000000u +
	       s->due % pace * 1000000000u / pace;
	if (when <= ex->w->now)
		return true;
	loop_timer_set(ex->w, &ex->timer, when);
	return false;
}

static void refill(struct ex *ex, size_t hint)
{
	struct shape *s = &ex->shape;
	struct worker *w = ex->w;
	uint64_t group = ex->source.events ? ex->knobs.group : 1;

	w->piece.n = 0;
	for (uint64_t i = 0; (i == 0 || i < group) && !s->drained; i++) {
		s->drained = !ex->source.next(ex, hint, &w->piece);
		s->due++;
	}
	s->cur = buf_str(&w->piece);
	if (!s->squeeze)
		return;
	w->squeezed.n = 0;
	squeeze_more(s->squeeze, s->cur, ex->source.events, s->drained,
		     &w->squeezed);
	s->cur = buf_str(&w->squeezed);
}

static void keep_rest(struct shape *s)
{
	if (s->cur.n == 0 || s->cur.p == s->rest.p ||
	    (s->cur.p > s->rest.p && s->cur.p < s->rest.p + s->rest.n))
		return;
	s->rest.n = 0;
	buf_adds(&s->rest, s->cur);
	s->cur = buf_str(&s->rest);
}

/* Garbage goes behind the first piece, once. */
static bool littering(const struct ex *ex)
{
	uint8_t garbage = ex->knobs.garbage;

	return !ex->shape.littered &&
	       (garbage == garbage_chunk || garbage == garbage_frame);
}

static enum pull take(struct ex *ex, size_t max, struct str *piece)
{
	struct shape *s = &ex->shape;

	*piece = s->cur;
	if (piece->n > max)
		piece->n = max;
	s->cur = str_skip(s->cur, piece->n);
	s->sent += piece->n;
	keep_rest(s);
	if (s->sha)
		EVP_DigestUpdate(s->sha, piece->p, piece->n);
	if (s->drained && s->cur.n == 0 && room_to_fault(ex) > 0 &&
	    !littering(ex))
		return PULL_LAST;
	return PULL_PIECE;
}

enum pull shape_pull(struct ex *ex, size_t max, struct str *piece)
{
	struct shape *s = &ex->shape;
	uint64_t room = room_to_fault(ex);

	if (s->sent && littering(ex)) {
		s->littered = true;
		return PULL_GARBAGE;
	}
	if (room == 0)
		return happen(ex);
	if (ex->timer.slot)
		return PULL_WAIT;
	max = max < RUN || ex->source.events ? max : RUN;
	max = ex->knobs.onebyte ? 1 : max < room ? max : (size_t)room;
	while (s->cur.n == 0) {
		if (s->drained)
			return PULL_END;
		if (!is_due(ex))
			return PULL_WAIT;
		refill(ex, s->squeeze ? RUN : max);
	}
	return take(ex, max, piece);
}
