/* SPDX-License-Identifier: MIT */
/* How a wire opens: accept or connect, the TLS handshake, ready(). */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/wire_impl.h"

/* A client that has not finished its handshake by then is turned away. */
#define WIRE_SHAKE_NS (15 * NS_PER_S)

static void set_up(int fd)
{
	const int on = 1, idle = 60, every = 20;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	/*
	 * Models think for long, so silence is no fault; only a peer that has
	 * vanished (no FIN, no RST) must not hold a stream for ever.
	 */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
}

void wire_phase_end(struct wire *w)
{
	if (!w->phase)
		return;
	loop_drop_deadline(&w->phase->deadline);
	free(w->phase->shown);
	free(w->phase);
	w->phase = NULL;
}

/* ready() may close the wire: nothing is done with it afterwards. */
static void opened(struct wire *w)
{
	wire_ready_fn *ready = w->phase->ready;
	void *who = w->phase->who;

	w->state = WIRE_OPEN;
	wire_arm_write(w, false);
	wire_spare_write(w);
	wire_phase_end(w);
	ready(who, NULL);
}

static void refuse(struct wire *w, const struct fail *f)
{
	wire_ready_fn *ready = w->phase->ready;
	void *who = w->phase->who;

	wire_destroy(w);
	ready(who, f);
}

static void on_late(struct loop_deadline *d)
{
	struct wire_phase *ph = (struct wire_phase *)d;
	struct wire *w = ph->wire;
	struct fail f;

	if (w->state == WIRE_SHAKING)
		fail_set(&f, w->accepted ? FAIL_CLIENT : FAIL_VENDOR,
			 w->accepted ? "tls_failed" : "connect_timeout",
			 "%s did not finish the TLS handshake in time",
			 ph->shown);
	else
		fail_set(&f, FAIL_VENDOR, "connect_timeout",
			 "%s did not answer in time", ph->shown);
	refuse(w, &f);
}

static struct wire_phase *begin(struct wire *w, const char *shown,
				wire_ready_fn *ready, void *who)
{
	struct wire_phase *ph = w->phase = MEM_NEW(struct wire_phase);

	ph->wire = w;
	ph->ready = ready;
	ph->who = who;
	ph->shown = str_dup(str_of(shown));
	ph->deadline.due = on_late;
	return ph;
}

static void limit(struct wire *w, uint64_t ns)
{
	w->phase->deadline.at = ns ? clock_mono() + ns : 0;
	loop_add_deadline(w->loop, &w->phase->deadline);
}

static void shake(struct wire *w)
{
	struct fail f;
	int done = wire_tls_shake(w, &f);

	if (done < 0)
		refuse(w, &f);
	else if (done > 0)
		opened(w);
}

static void connect_done(struct wire *w, int error)
{
	struct fail f;

	if (error) {
		fail_set(&f, FAIL_VENDOR,
			 error == ECONNREFUSED ? "connect_refused"
			 : error == ETIMEDOUT  ? "connect_timeout"
					       : "connect_failed",
			 "cannot connect to %s: %s", w->phase->shown,
			 strerror(error));
		refuse(w, &f);
		return;
	}
	if (!w->ssl) {
		opened(w);
		return;
	}
	w->state = WIRE_SHAKING;
	wire_listen(w, true);
	shake(w);
}

void wire_opening(struct wire *w, bool writable)
{
	socklen_t n = sizeof(int);
	int error = 0;

	if (w->state == WIRE_SHAKING) {
		shake(w);
		return;
	}
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	connect_done(w, error);
}

struct wire *wire_accept(struct loop *l, int fd, SSL_CTX *ctx,
			 wire_ready_fn *ready, void *who)
{
	struct wire *w = wire_new(l, fd, ctx ? &wire_tls_ops : &wire_clear_ops);
	struct fail f;

	set_up(fd);
	w->accepted = true;
	begin(w, "the client", ready, who);
	if (!ctx) {
		w->state = WIRE_ACCEPTED;
		loop_mark_dirty(l, &w->dirty);
		return w;
	}
	w->state = WIRE_SHAKING;
	limit(w, WIRE_SHAKE_NS);
	/* Without memory for an SSL nothing can go on. */
	if (!wire_tls_start(w, ctx, true, NULL, &f))
		abort();
	wire_listen(w, true);
	return w;
}

/*
 * A socket that cannot even begin is told as every other failure: later, from
 * the loop, with phase->error.
 */
static int dial(const struct sockaddr *addr, socklen_t n, int *error)
{
	int fd = socket(addr->sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		set_up(fd);
		if (connect(fd, addr, n) == 0 || errno == EINPROGRESS)
			return fd;
	}
	*error = errno;
	return fd;
}

struct wire *wire_connect(struct loop *l, const struct wire_target *to,
			  wire_ready_fn *ready, void *who)
{
	int error = 0, fd = dial(to->addr, to->addr_len, &error);
	struct wire *w;
	struct fail f;

	w = wire_new(l, fd, to->ctx ? &wire_tls_ops : &wire_clear_ops);
	w->state = WIRE_CONNECTING;
	begin(w, to->shown, ready, who)->error = error;
	limit(w, to->timeout_ns);
	if (to->ctx && !wire_tls_start(w, to->ctx, false, to, &f))
		abort();
	if (error)
		loop_mark_dirty(l, &w->dirty);
	else
		wire_arm_write(w, true);
	return w;
}

void wire_open_now(struct wire *w)
{
	if (w->state == WIRE_ACCEPTED)
		opened(w);
	else if (w->phase->error)
		connect_done(w, w->phase->error);
}
