/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. The output queue and how a wire ends.
 *
 *	first                          last
 *	+--------+     +--------+     +--------+
 *	|xxx-----| --> |--------| --> |---     |	x left, - queued
 *	+--------+     +--------+     +--------+
 *	   done^ ^end                     ^end	<- wire_write() adds here
 *
 * Blocks come from the loop when there is something to queue and go back when
 * it has left: an idle wire owns none. Writing is tried first; the write event
 * is armed only when the kernel took less than it was given.
 */
#include <assert.h>
#include <event2/event.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/wire_impl.h"

/* ---- the queue ---- */

static size_t space(const struct loop_block *b)
{
	return b ? sizeof b->data - b->end : 0;
}

static struct loop_block *grow(struct wire *w)
{
	struct loop_block *b = loop_block_get(w->loop);

	if (w->last)
		w->last->next = b;
	else
		w->first = b;
	w->last = b;
	return b;
}

/* n more bytes stand at the queue's end. */
static void queued_more(struct wire *w, size_t n)
{
	w->queued += n;
	w->drain_due = true;
	if (w->queued > WIRE_FULL)
		w->full = true;
	loop_mark_dirty(w->loop, &w->dirty);
}

void wire_write(struct wire *w, const void *p, size_t n)
{
	const char *from = p;
	size_t left = n;

	assert(w->magic == WIRE_MAGIC && w->state == WIRE_OPEN);
	assert(!w->fin_asked);
	if (w->failed || n == 0)
		return;
	while (left) {
		struct loop_block *b = space(w->last) ? w->last : grow(w);
		size_t some = left < space(b) ? left : space(b);

		memcpy(b->data + b->end, from, some);
		b->end += (uint32_t)some;
		from += some;
		left -= some;
	}
	queued_more(w, n);
}

char *wire_reserve(struct wire *w, size_t at_most_4096)
{
	struct loop_block *b = w->last;

	assert(at_most_4096 <= 4096);
	if (space(b) < at_most_4096)
		b = grow(w);
	return b->data + b->end;
}

void wire_wrote(struct wire *w, size_t n)
{
	assert(w->state == WIRE_OPEN && !w->fin_asked && w->last);
	if (w->failed) {
		wire_drop_queue(w);
		return;
	}
	w->last->end += (uint32_t)n;
	queued_more(w, n);
}

void wire_pop(struct wire *w, size_t n)
{
	w->queued -= n;
	while (w->first) {
		struct loop_block *b = w->first;
		size_t some = b->end - b->done;

		some = n < some ? n : some;
		b->done += (uint32_t)some;
		n -= some;
		if (b->done < b->end)
			break;
		w->first = b->next;
		if (!w->first)
			w->last = NULL;
		loop_block_put(w->loop, b);
	}
	assert(n == 0);
	if (w->full && w->queued < WIRE_ROOM) {
		w->full = false;
		w->room_due = true;
	}
}

void wire_drop_queue(struct wire *w)
{
	struct loop_block *b;

	while ((b = w->first)) {
		w->first = b->next;
		loop_block_put(w->loop, b);
	}
	w->last = NULL;
	w->queued = 0;
	w->full = w->drain_due = w->room_due = false;
}

size_t wire_queued(const struct wire *w)
{
	return w->queued;
}

bool wire_full(const struct wire *w)
{
	return w->full;
}

/* ---- to the socket ---- */

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	assert(w->magic == WIRE_MAGIC);
	wire_writable(w);
}

void wire_arm_write(struct wire *w, bool on)
{
	if (w->write_armed == on)
		return;
	if (!w->write_ev) {
		w->write_ev = event_new(loop_base(w->loop), w->fd, EV_WRITE,
					on_writable, w);
		assert(w->write_ev);
	}
	if (on)
		event_add(w->write_ev, NULL);
	else
		event_del(w->write_ev);
	w->write_armed = on;
}

/* Many wires need it once, to connect, and never again. */
void wire_spare_write(struct wire *w)
{
	if (w->write_ev)
		event_free(w->write_ev);
	w->write_ev = NULL;
}

/*
 * A write failed. What the peer has sent before is still to be read, an early
 * answer maybe, so the end is told when reading gets there; at once if nothing
 * is left to read, or if a client that is gone is held back.
 */
void wire_fail_output(struct wire *w)
{
	w->failed = true;
	wire_drop_queue(w);
	wire_arm_write(w, false);
	if (w->accepted && w->paused)
		w->over = true;
	if (w->over)
		wire_listen(w, false);
	loop_mark_dirty(w->loop, &w->dirty); /* it may be to be told */
}

static void send_fin(struct wire *w)
{
	if (w->fin_sent || w->failed)
		return;
	w->fin_sent = true;
	w->ops->bye(w);
	shutdown(w->fd, SHUT_WR);
}

void wire_push(struct wire *w)
{
	if (w->state != WIRE_OPEN && w->state != WIRE_LINGERING)
		return;
	while (w->queued && !w->write_armed && !w->write_wants_read) {
		ssize_t n = w->ops->write(w);

		if (n == WIRE_IO_AGAIN)
			break;
		if (n == WIRE_IO_OVER) {
			wire_fail_output(w);
			break;
		}
		w->sent += (uint64_t)n;
		wire_pop(w, (size_t)n);
	}
	if (w->fin_asked && !w->queued && w->state == WIRE_OPEN)
		send_fin(w);
}

void wire_flush(struct wire *w)
{
	assert(w->magic == WIRE_MAGIC);
	wire_push(w);
}

/* Each call may close the wire, or undo the next one's reason. */
void wire_notify(struct wire *w)
{
	if (w->state == WIRE_LINGERING) {
		wire_linger(w);
		return;
	}
	if (w->state == WIRE_OPEN && w->room_due) {
		w->room_due = false;
		if (w->ev)
			w->ev->on_room(w->who);
	}
	if (w->state == WIRE_OPEN && w->drain_due && !w->queued) {
		w->drain_due = false;
		if (w->ev)
			w->ev->on_drained(w->who);
	}
	if (w->state == WIRE_OPEN && w->failed && w->over && !w->failed_told) {
		w->over_told = w->failed_told = true;
		if (w->ev)
			w->ev->on_end(w->who, WIRE_END_RESET);
	}
}

void wire_shutdown(struct wire *w)
{
	assert(w->magic == WIRE_MAGIC && w->state == WIRE_OPEN);
	w->fin_asked = true;
	loop_mark_dirty(w->loop, &w->dirty);
}

/* ---- the end ---- */

static void reset_on_close(struct wire *w)
{
	const struct linger hard = {1, 0};

	setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

/* Nothing waits for the peer's window any more. */
static bool kernel_sent_all(const struct wire *w)
{
	int unsent = 0;

	return ioctl(w->fd, SIOCOUTQNSD, &unsent) < 0 || unsent == 0;
}

static void on_linger_due(struct loop_deadline *d)
{
	struct wire_phase *ph = (struct wire_phase *)d;

	if (clock_mono() < ph->until) {
		wire_linger(ph->wire);
		return;
	}
	if (ph->manner == WIRE_RUDE)
		reset_on_close(ph->wire);
	wire_destroy(ph->wire);
}

static void wait_a_second(struct wire_phase *ph)
{
	uint64_t next = clock_mono() + NS_PER_S / 2;

	ph->deadline.at = next < ph->until ? next : ph->until;
}

/*
 * RST throws away what the kernel has not sent yet, so it waits for that;
 * the truncation then lies where the peer's was.
 */
static void linger_rude(struct wire *w)
{
	if (kernel_sent_all(w)) {
		reset_on_close(w);
		wire_destroy(w);
		return;
	}
	wait_a_second(w->phase);
}

void wire_linger(struct wire *w)
{
	struct wire_phase *ph = w->phase;

	if (w->failed) {
		wire_destroy(w);
		return;
	}
	if (w->queued) {
		ph->deadline.at = ph->until;
		return;
	}
	if (ph->manner == WIRE_RUDE) {
		linger_rude(w);
		return;
	}
	if (ph->manner == WIRE_CURT && !w->fin_sent) {
		w->fin_sent = true;
		shutdown(w->fd, SHUT_WR);
	}
	send_fin(w);
	ph->deadline.at = ph->until;
	if (w->over)
		wire_destroy(w);
	else
		wire_listen(w, true);
}

/* Past TLS: what it would decode to is of no interest. */
void wire_discard(struct wire *w)
{
	bool more;
	ssize_t n = wire_clear_ops.read(w, loop_scratch(w->loop), LOOP_SCRATCH,
					&more);

	if (n != WIRE_IO_OVER)
		return;
	w->over = true;
	wire_listen(w, false);
	if (w->how == WIRE_END_RESET || !w->queued)
		wire_destroy(w);
}

static void close_as(struct wire *w, uint64_t linger_ns, enum wire_manner how)
{
	struct wire_phase *ph;

	assert(w->magic == WIRE_MAGIC);
	w->ev = NULL;
	if (w->state != WIRE_OPEN || !linger_ns || w->failed) {
		if (how == WIRE_RUDE && w->fd >= 0)
			reset_on_close(w);
		wire_destroy(w);
		return;
	}
	ph = w->phase = MEM_NEW(struct wire_phase);
	ph->wire = w;
	ph->manner = how;
	ph->until = clock_mono() + linger_ns;
	ph->deadline.due = on_linger_due;
	loop_add_deadline(w->loop, &ph->deadline);
	w->state = WIRE_LINGERING;
	wire_listen(w, false);
	loop_mark_dirty(w->loop, &w->dirty); /* wire_linger() at turn's end */
}

void wire_close(struct wire *w, uint64_t linger_ns, bool abort)
{
	close_as(w, linger_ns, abort ? WIRE_RUDE : WIRE_GENTLE);
}

void wire_cut(struct wire *w, uint64_t linger_ns)
{
	close_as(w, linger_ns, WIRE_CURT);
}
