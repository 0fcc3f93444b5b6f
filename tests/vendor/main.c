/* SPDX-License-Identifier: MIT */
/*
 * The practice vendor. Threads share the configuration, which nobody writes
 * any more, and the counters; each has its own loop, listeners and TLS
 * context. The main thread waits for a signal and wakes each loop to end.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "config.h"
#include "conn.h"
#include "h2.h"
#include "listen.h"
#include "text.h"
#include "tls.h"

struct hand {
	struct worker w;
	struct listener listeners[CONFIG_LISTENS];
	struct watch bell;
	pthread_t thread;
};

static void rung(struct watch *bell, uint32_t events)
{
	struct hand *hand =
		(struct hand *)((char *)bell - offsetof(struct hand, bell));

	hand->w.stop = true;
}

static bool hand_init(struct hand *hand, struct config *c, struct identity *id)
{
	loop_init(&hand->w, c);
	if (id && !(hand->w.tls = tls_context_new(id, c->h1_only)))
		return false;
	hand->bell =
		(struct watch){.ready = rung, .fd = eventfd(0, EFD_CLOEXEC)};
	loop_watch(&hand->w, &hand->bell, EPOLLIN);
	for (size_t i = 0; i < c->n_at; i++) {
		int fd;
		if (!listen_bind(&c->at[i], &fd))
			return false;
		listener_start(&hand->listeners[i], &hand->w, fd, c->at[i].tls);
	}
	return true;
}

static void hand_free(struct hand *hand)
{
	struct worker *w = &hand->w;

	for (size_t i = 0; i < w->config->n_at; i++)
		listener_stop(&hand->listeners[i]);
	while (w->conns)
		conn_kill(w->conns);
	loop_unwatch(w, &hand->bell);
	close(hand->bell.fd);
	SSL_CTX_free(w->tls);
	w->stop = true;
	loop_run(w); /* buries */
	h2_free_spare(w);
	loop_free(w);
}

static void *hand_run(void *arg)
{
	struct hand *hand = arg;

	loop_run(&hand->w);
	return NULL;
}

static uint16_t first_port(const struct config *c, bool tls)
{
	for (size_t i = 0; i < c->n_at; i++)
		if (c->at[i].tls == tls)
			return c->at[i].port;
	return 0;
}

/* Readers see the whole file or none. */
static bool write_ports(const struct config *c)
{
	char tmp[4096];
	FILE *f;

	if (!c->port_file)
		return true;
	snprintf(tmp, sizeof(tmp), "%s.%d", c->port_file, (int)getpid());
	f = fopen(tmp, "w");
	if (!f) {
		fprintf(stderr, "vendor: cannot write %s: %s\n", tmp,
			strerror(errno));
		return false;
	}
	fprintf(f, "{\"clear\":%u,\"tls\":%u}\n", first_port(c, false),
		first_port(c, true));
	if (fclose(f) == 0 && rename(tmp, c->port_file) == 0)
		return true;
	fprintf(stderr, "vendor: cannot write %s: %s\n", c->port_file,
		strerror(errno));
	return false;
}

static void announce(const struct config *c)
{
	for (size_t i = 0; i < c->n_at && !c->quiet; i++) {
		const char *text = c->at[i].text;
		printf("vendor: listening on %s://%.*s:%u\n",
		       c->at[i].tls ? "https" : "http",
		       (int)(strrchr(text, ':') - text), text, c->at[i].port);
	}
	fflush(stdout);
}

/* Thousands of streams are the ordinary case here. */
static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static void block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static struct identity *load_identity(const struct config *c, bool *ok)
{
	struct identity *id = NULL;
	bool wanted = c->write_ca || c->cert;

	for (size_t i = 0; i < c->n_at; i++)
		wanted |= c->at[i].tls;
	if (wanted)
		id = identity_new(c);
	*ok = id || !wanted;
	return id;
}

static void run(struct config *c, struct hand *hands)
{
	sigset_t set;
	int sig;

	block_signals(&set);
	for (uint64_t i = 0; i < c->threads; i++) {
		int rc = pthread_create(&hands[i].thread, NULL, hand_run,
					&hands[i]);
		if (rc != 0) {
			fprintf(stderr, "vendor: no thread: %s\n",
				strerror(rc));
			exit(2);
		}
	}
	announce(c);
	if (!write_ports(c))
		exit(2);
	sigwait(&set, &sig);
	for (uint64_t i = 0; i < c->threads; i++) {
		eventfd_write(hands[i].bell.fd, 1);
		pthread_join(hands[i].thread, NULL);
		hand_free(&hands[i]);
	}
}

int main(int argc, char **argv)
{
	struct config c = {0};
	struct counters counters = {0};
	struct identity *id;
	struct hand *hands;
	bool ok;
	int code;

	if (!config_parse(&c, argc, argv, &code))
		return code;
	if (!c.seeded)
		c.seed = text_mix(loop_clock() ^ (uint64_t)time(NULL) << 20);
	c.counters = &counters;
	raise_limits();
	id = load_identity(&c, &ok);
	if (!ok)
		return 2;
	hands = mem_zero(c.threads * sizeof(*hands));
	for (uint64_t i = 0; i < c.threads; i++)
		if (!hand_init(&hands[i], &c, id))
			exit(2);
	run(&c, hands);
	identity_free(id);
	free(hands);
	return 0;
}
