/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A wire's life:
 *
 *	ACCEPTED ----+
 *	SHAKING -----+--> OPEN --> LINGERING --> DEAD --> freed at turn's end
 *	CONNECTING --+      \______________________/
 *
 * The read event is level-triggered and stays armed while the wire is open:
 * one wait and one read a chunk, nothing else. A pause only sets a bit; the
 * event is disarmed when it fires in vain, and the wire is deaf from then on.
 * So a pause that ends within the turn costs no system call, and one that
 * lasts costs two. Deaf wires are not seen by epoll at all (a hang-up would
 * spin otherwise); a peer's reset is then noticed by the next write or by the
 * loop's check once a second.
 *
 * What is asked for inside wire_*() calls is only noted; owners are called
 * from the events here and from the turn's flush (wire_out.c).
 */
#include "wire/wire.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/wire_impl.h"

/* Reads in a row before other wires get their turn. */
#define WIRE_ROUNDS 4

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct wire *w = arg;

	assert(w->magic == WIRE_MAGIC);
	wire_readable(w);
}

static void flush_dirty(struct loop_dirty *d)
{
	struct wire *w =
		(struct wire *)((char *)d - offsetof(struct wire, dirty));

	assert(w->magic == WIRE_MAGIC);
	if (w->state == WIRE_ACCEPTED || w->state == WIRE_CONNECTING) {
		wire_open_now(w);
		return;
	}
	wire_push(w);
	wire_notify(w);
}

struct wire *wire_new(struct loop *l, int fd, const struct wire_ops *ops)
{
	struct wire *w = MEM_NEW(struct wire);

	w->magic = WIRE_MAGIC;
	w->fd = fd;
	w->loop = l;
	w->ops = ops;
	w->dirty.flush = flush_dirty;
	w->paused = WIRE_PAUSE_SETUP;
	if (loop_reads_held(l))
		w->paused |= WIRE_PAUSE_SPOOL;
	event_assign(&w->read_ev, loop_base(l), fd, EV_READ | EV_PERSIST,
		     on_event, w);
	LIST_INSERT_HEAD(&loop_wires(l)->deaf, w, link);
	return w;
}

void wire_listen(struct wire *w, bool on)
{
	struct wire_hub *h = loop_wires(w->loop);

	if (w->hearing == on)
		return;
	LIST_REMOVE(w, link);
	if (on) {
		event_add(&w->read_ev, NULL);
		LIST_INSERT_HEAD(&h->hearing, w, link);
	} else {
		event_del(&w->read_ev);
		LIST_INSERT_HEAD(&h->deaf, w, link);
	}
	w->hearing = on;
}

static void bury(void *p)
{
	struct wire *w = p;

	w->magic = 0;
	free(w);
}

void wire_destroy(struct wire *w)
{
	if (w->state == WIRE_DEAD)
		return;
	w->state = WIRE_DEAD;
	wire_phase_end(w);
	wire_listen(w, false);
	wire_arm_write(w, false);
	event_del(&w->read_ev); /* it may have been made active by hand */
	LIST_REMOVE(w, link);
	loop_unmark_dirty(w->loop, &w->dirty);
	wire_drop_queue(w);
	wire_spare_write(w);
	if (w->ssl)
		wire_tls_free(w);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	loop_bury(w->loop, w, bury);
}

/* ---- in ---- */

static void tell_end(struct wire *w, enum wire_end how)
{
	/* What the peer did not get was not cleanly ended, whatever it said. */
	if (w->failed && how == WIRE_END_CLEAN)
		how = WIRE_END_RESET;
	w->over = true;
	wire_listen(w, false);
	if (how != WIRE_END_CLEAN && how != WIRE_END_NO_NOTIFY)
		wire_fail_output(w);
	w->over_told = true;
	w->failed_told = w->failed;
	w->ev->on_end(w->who, how);
}

static bool may_read(const struct wire *w)
{
	return w->state == WIRE_OPEN && !w->paused && !w->over;
}

static void read_open(struct wire *w)
{
	char *p = loop_scratch(w->loop);
	bool more = true;

	if (!may_read(w)) {
		wire_listen(w, false);
		return;
	}
	for (int round = 0; round < WIRE_ROUNDS && more; round++) {
		ssize_t n = w->ops->read(w, p, LOOP_SCRATCH, &more);
		if (n == WIRE_IO_AGAIN)
			return;
		if (n == WIRE_IO_OVER) {
			tell_end(w, (enum wire_end)w->how);
			return;
		}
		w->in += (uint64_t)n;
		w->ev->on_bytes(w->who, p, (size_t)n, clock_mono());
		if (!may_read(w))
			return; /* wire_resume() sees to what is pending */
	}
	if (more && w->ops->pending(w))
		event_active(&w->read_ev, EV_READ, 0);
}

void wire_readable(struct wire *w)
{
	switch (w->state) {
	case WIRE_SHAKING: wire_opening(w, false); break;
	case WIRE_LINGERING: wire_discard(w); break;
	case WIRE_OPEN:
		if (w->write_wants_read) {
			w->write_wants_read = false;
			loop_mark_dirty(w->loop, &w->dirty);
		}
		read_open(w);
		break;
	default: wire_listen(w, false);
	}
}

void wire_writable(struct wire *w)
{
	wire_arm_write(w, false);
	if (w->state == WIRE_CONNECTING || w->state == WIRE_SHAKING) {
		wire_opening(w, true);
		return;
	}
	wire_push(w);
	wire_notify(w);
	if (w->read_wants_write && w->state == WIRE_OPEN) {
		w->read_wants_write = false;
		read_open(w);
	}
}

static ssize_t clear_read(struct wire *w, char *p, size_t n, bool *more)
{
	ssize_t got;

	do
		got = recv(w->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return WIRE_IO_AGAIN;
	if (got <= 0) {
		w->how = got == 0 ? WIRE_END_CLEAN : WIRE_END_RESET;
		return WIRE_IO_OVER;
	}
	*more = (size_t)got == n;
	return got;
}

static bool clear_pending(const struct wire *w)
{
	return false; /* level-triggered: epoll knows */
}

static ssize_t clear_write(struct wire *w)
{
	struct iovec iov[16];
	struct msghdr m = {.msg_iov = iov};
	struct loop_block *b = w->first;
	size_t offered = 0;
	ssize_t n;

	for (; b && m.msg_iovlen < 16; b = b->next) {
		iov[m.msg_iovlen++] =
			(struct iovec){b->data + b->done, b->end - b->done};
		offered += b->end - b->done;
	}
	do
		n = m.msg_iovlen == 1 ? send(w->fd, iov[0].iov_base,
					     iov[0].iov_len, MSG_NOSIGNAL)
				      : sendmsg(w->fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		return WIRE_IO_OVER;
	/* It took less than it was given: it is full, no need to ask again. */
	if (n < (ssize_t)offered)
		wire_arm_write(w, true);
	return n < 0 ? WIRE_IO_AGAIN : n;
}

static void clear_bye(struct wire *w)
{
}

const struct wire_ops wire_clear_ops = {clear_read, clear_write, clear_pending,
					clear_bye};

/* ---- reasons not to read ---- */

void wire_pause(struct wire *w, enum wire_pause why)
{
	w->paused |= (uint8_t)why;
}

void wire_resume(struct wire *w, enum wire_pause why)
{
	if (!(w->paused & why))
		return; /* codecs say so after every batch of bytes */
	w->paused &= (uint8_t)~why;
	if (!may_read(w))
		return;
	wire_listen(w, true);
	if (w->ops->pending(w))
		event_active(&w->read_ev, EV_READ, 0);
}

static void hold(struct wire *w, bool on)
{
	if (on)
		wire_pause(w, WIRE_PAUSE_SPOOL);
	else
		wire_resume(w, WIRE_PAUSE_SPOOL);
}

static struct wire *after(struct wire *w)
{
	return LIST_NEXT(w, link);
}

void wire_hold_all(struct wire_hub *h, bool on)
{
	struct wire *w, *next;

	LIST_FOREACH (w, &h->hearing, link)
		hold(w, on);
	for (w = LIST_FIRST(&h->deaf); w; w = next) {
		next = after(w); /* a resumed one moves to the other list */
		hold(w, on);
	}
}

/*
 * A client that has reset its connection wants nothing any more, so what it
 * sent before does not matter. What a vendor sent before its reset does: that
 * wire's end is told when it has been read up to there.
 */
static bool has_vanished(const struct wire *w)
{
	struct pollfd p = {.fd = w->fd};
	int unread = 0;

	if (w->state != WIRE_OPEN || w->write_armed || !w->ev)
		return false;
	if (poll(&p, 1, 0) != 1 || !(p.revents & (POLLERR | POLLHUP)))
		return false;
	if (w->over)
		return !w->fin_sent; /* both ended is no reset */
	return w->accepted ||
	       (ioctl(w->fd, FIONREAD, &unread) == 0 && unread == 0);
}

void wire_check_deaf(struct wire_hub *h)
{
	struct wire *w, *next;

	for (w = LIST_FIRST(&h->deaf); w; w = next) {
		next = after(w);
		if (!has_vanished(w))
			continue;
		/* told by the turn's flush: no callback while we walk */
		w->over = true;
		wire_fail_output(w);
		loop_mark_dirty(w->loop, &w->dirty);
	}
}

/* ---- the owner's side ---- */

void wire_set_events(struct wire *w, const struct wire_events *ev, void *who)
{
	assert(w->magic == WIRE_MAGIC && w->state == WIRE_OPEN && ev);
	w->ev = ev;
	w->who = who;
	if (w->paused & WIRE_PAUSE_SETUP)
		wire_resume(w, WIRE_PAUSE_SETUP);
}

/* Asked for anew, since they are large and wanted once a connection. */
const struct wire_facts *wire_facts(const struct wire *w)
{
	struct wire_facts *f = MEM_NEW(struct wire_facts);
	socklen_t n = sizeof f->peer;

	assert(w->magic == WIRE_MAGIC);
	if (w->fd >= 0) {
		getpeername(w->fd, (struct sockaddr *)&f->peer, &n);
		n = sizeof f->local;
		getsockname(w->fd, (struct sockaddr *)&f->local, &n);
	}
	if (w->ssl)
		wire_tls_facts(w, f);
	loop_bury(w->loop, f, free);
	return f;
}

struct loop *wire_loop(const struct wire *w)
{
	return w->loop;
}

uint64_t wire_bytes_in(const struct wire *w)
{
	return w->in;
}

uint64_t wire_bytes_out(const struct wire *w)
{
	return w->sent;
}

uint64_t wire_sent(const struct wire *w)
{
	return w->sent;
}
