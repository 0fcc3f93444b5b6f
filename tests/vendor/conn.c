/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Writing goes straight to the socket while nothing is queued:
 *
 *	conn_send -> [ queue empty? ] --yes--> writev / SSL_write
 *	                    | no                  | what did not go
 *	                    v                     v
 *	             out: | sent .. | out_at .. waiting .. | n
 *
 * and the queue is drained when the socket has room. Closing is a little
 * machine of its own: drain, then FIN (or wait until the peer's kernel has
 * acknowledged all, then RST), then read and drop what still comes, so that
 * our close does not become a reset that destroys the answer on its way.
 */
#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define LINGER_NS   2000000000u
#define RST_POLL_NS 1000000u
#define SLOW_NS	    20000000u
#define TLS_ROOM    (64 * 1024)

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void bury(struct dead *grave)
{
	struct conn *c =
		(struct conn *)((char *)grave - offsetof(struct conn, grave));

	if (c->proto && c->state)
		c->proto->release(c);
	buf_free(&c->out);
	buf_free(&c->early);
	c->magic = 0;
	free(c);
}

void conn_kill(struct conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	if (c->proto && c->state)
		c->proto->gone(c);
	loop_timer_stop(c->w, &c->clock);
	loop_unwatch(c->w, &c->watch);
	SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->watch.fd);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	loop_bury(c->w, &c->grave, bury);
}

static void interest(struct conn *c)
{
	uint32_t want = 0;

	if (c->dead)
		return;
	if (!c->eof && (!c->paused || c->fin_sent))
		want |= EPOLLIN;
	if (!conn_clear(c))
		want |= EPOLLOUT;
	loop_rewatch(c->w, &c->watch, want);
}

/* The bytes taken by TLS, or -1 when the connection is broken. */
static ssize_t tls_write(struct conn *c, const char *p, size_t n)
{
	size_t done = 0, took;

	ERR_clear_error();
	while (done < n) {
		if (SSL_write_ex(c->ssl, p + done, n - done, &took)) {
			done += took;
			continue;
		}
		switch (SSL_get_error(c->ssl, 0)) {
		case SSL_ERROR_WANT_READ:
		case SSL_ERROR_WANT_WRITE: return (ssize_t)done;
		default: return -1;
		}
	}
	return (ssize_t)done;
}

static ssize_t plain_write(struct conn *c, struct iovec *iov, int n)
{
	ssize_t took = writev(c->watch.fd, iov, n);

	if (took < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return took;
}

/* TLS wants one run of bytes, so that a piece becomes one record. */
static ssize_t tls_writev(struct conn *c, struct iovec *iov, int n)
{
	struct buf *b = &c->w->record;

	if (n == 1)
		return tls_write(c, iov[0].iov_base, iov[0].iov_len);
	b->n = 0;
	for (int i = 0; i < n; i++)
		buf_add(b, iov[i].iov_base, iov[i].iov_len);
	return tls_write(c, b->p, b->n);
}

static void keep_rest(struct conn *c, struct iovec *iov, int n, size_t took)
{
	for (int i = 0; i < n; i++) {
		size_t len = iov[i].iov_len;
		size_t gone = took < len ? took : len;
		buf_add(&c->out, (char *)iov[i].iov_base + gone, len - gone);
		took -= gone;
	}
}

void conn_send(struct conn *c, struct iovec *iov, int n)
{
	ssize_t took = 0;

	assert(c->magic == CONN_MAGIC);
	if (c->dead || c->ending)
		return;
	if (conn_clear(c))
		took = c->ssl ? tls_writev(c, iov, n) : plain_write(c, iov, n);
	if (took < 0) {
		conn_kill(c);
		return;
	}
	keep_rest(c, iov, n, (size_t)took);
	interest(c);
}

static void fin(struct conn *c)
{
	if (c->fin_sent || c->dead)
		return;
	c->fin_sent = true;
	if (c->ssl && c->end == CONN_FIN)
		SSL_shutdown(c->ssl);
	shutdown(c->watch.fd, SHUT_WR);
	if (c->eof) {
		conn_kill(c);
		return;
	}
	c->linger_until = loop_clock() + LINGER_NS;
	loop_timer_set(c->w, &c->clock, c->linger_until);
	interest(c);
}

/* A reset would take what the peer's kernel has not acknowledged with it. */
static void reset(struct conn *c)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	int waiting = 0;

	if (ioctl(c->watch.fd, SIOCOUTQ, &waiting) == 0 && waiting > 0 &&
	    loop_clock() < c->linger_until) {
		loop_timer_set(c->w, &c->clock, loop_clock() + RST_POLL_NS);
		return;
	}
	setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_kill(c);
}

static void end_drained(struct conn *c)
{
	if (c->end == CONN_RST)
		reset(c);
	else
		fin(c);
}

void conn_close(struct conn *c, enum conn_end how)
{
	if (c->dead || c->ending)
		return;
	c->ending = true;
	c->end = how;
	c->linger_until = loop_clock() + LINGER_NS;
	if (conn_clear(c))
		end_drained(c);
}

static void drain(struct conn *c)
{
	struct iovec iov = {c->out.p + c->out_at, conn_queued(c)};
	ssize_t took = c->ssl ? tls_write(c, iov.iov_base, iov.iov_len)
			      : plain_write(c, &iov, 1);

	if (took < 0) {
		conn_kill(c);
		return;
	}
	c->out_at += (size_t)took;
	if (!conn_clear(c))
		return;
	buf_free(&c->out);
	c->out_at = 0;
	interest(c);
	if (c->ending)
		end_drained(c);
	else if (c->proto)
		c->proto->room(c);
}

/* ---- reading ---- */

void conn_pause(struct conn *c, bool paused)
{
	c->paused = paused;
	interest(c);
}

static bool speaks_h2(struct conn *c, const char *p, size_t n)
{
	size_t k = n < sizeof(preface) - 1 ? n : sizeof(preface) - 1;

	return !c->w->config->h1_only && memcmp(p, preface, k) == 0;
}

static void open_as(struct conn *c, const struct proto *proto)
{
	c->proto = proto;
	proto->open(c);
}

/* In clear, the first bytes tell; one read may hold too few of them. */
static void sniff(struct conn *c, const char *p, size_t n)
{
	struct buf early = c->early;

	if (c->early.n) {
		buf_add(&early, p, n);
		p = early.p;
		n = early.n;
	}
	c->early = (struct buf){0};
	if (!speaks_h2(c, p, n)) {
		open_as(c, &h1_proto);
	} else if (n >= sizeof(preface) - 1) {
		open_as(c, &h2_proto);
	} else {
		if (!early.n)
			buf_add(&early, p, n);
		c->early = early;
		return;
	}
	c->proto->input(c, p, n);
	buf_free(&early);
}

static void deliver(struct conn *c, const char *p, size_t n)
{
	if (c->ending)
		return;
	if (c->proto)
		c->proto->input(c, p, n);
	else
		sniff(c, p, n);
}

static void ended(struct conn *c, bool broken)
{
	c->eof = true;
	if (broken || c->fin_sent || !c->proto) {
		conn_kill(c);
		return;
	}
	interest(c);
	if (!c->ending)
		c->proto->eof(c);
}

static void plain_read(struct conn *c)
{
	ssize_t n = read(c->watch.fd, c->w->input, WORKER_READ);

	if (n > 0)
		deliver(c, c->w->input, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		ended(c, n < 0);
}

/*
 * Until TLS has nothing buffered: epoll sees only what the kernel holds. A
 * record is complete or not, so a pause still lets what was read through.
 */
static void tls_read(struct conn *c)
{
	size_t n;

	do {
		ERR_clear_error();
		if (!SSL_read_ex(c->ssl, c->w->input, WORKER_READ, &n)) {
			int why = SSL_get_error(c->ssl, 0);
			if (why == SSL_ERROR_WANT_READ ||
			    why == SSL_ERROR_WANT_WRITE)
				return;
			ended(c, why != SSL_ERROR_ZERO_RETURN);
			return;
		}
		deliver(c, c->w->input, n);
	} while (!c->dead && SSL_has_pending(c->ssl));
}

static void tick(struct timer *t)
{
	struct conn *c =
		(struct conn *)((char *)t - offsetof(struct conn, clock));

	if (c->end == CONN_RST)
		reset(c);
	else
		conn_kill(c);
}

/* After our FIN: whatever comes is dropped until theirs. */
static void drop_read(struct conn *c)
{
	ssize_t n = read(c->watch.fd, c->w->input, WORKER_READ);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		ended(c, true);
}

static void shake(struct conn *c)
{
	const unsigned char *alpn;
	unsigned len;
	int rc;

	ERR_clear_error();
	rc = SSL_accept(c->ssl);
	if (rc != 1) {
		int why = SSL_get_error(c->ssl, rc);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			conn_kill(c);
		return;
	}
	c->shaking = false;
	SSL_get0_alpn_selected(c->ssl, &alpn, &len);
	open_as(c,
		len == 2 && memcmp(alpn, "h2", 2) == 0 ? &h2_proto : &h1_proto);
	if (!c->dead && SSL_has_pending(c->ssl))
		tls_read(c);
}

static void ready(struct watch *watch, uint32_t events)
{
	struct conn *c = (struct conn *)watch;

	assert(c->magic == CONN_MAGIC);
	if (events & EPOLLERR) {
		conn_kill(c);
		return;
	}
	if (c->shaking) {
		shake(c);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP) && !c->eof) {
		if (c->fin_sent)
			drop_read(c);
		else if (c->ssl)
			tls_read(c);
		else
			plain_read(c);
	} else if (events & EPOLLHUP) {
		conn_kill(c);
	}
	if (!c->dead && events & EPOLLOUT && !conn_clear(c))
		drain(c);
}

void conn_new(struct worker *w, int fd, bool tls)
{
	struct conn *c = MEM_NEW(struct conn);
	int on = 1;

	c->magic = CONN_MAGIC;
	c->w = w;
	c->watch = (struct watch){.ready = ready, .fd = fd};
	c->clock.fire = tick;
	c->shaking = tls;
	if (tls) {
		c->ssl = SSL_new(w->tls);
		assert(c->ssl && SSL_set_fd(c->ssl, fd));
		SSL_set_accept_state(c->ssl);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->next = w->conns;
	c->at = &w->conns;
	if (c->next)
		c->next->at = &c->next;
	w->conns = c;
	loop_watch(w, &c->watch, EPOLLIN);
	w->counters->connections++;
}
