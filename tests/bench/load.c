/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void samples_add(struct samples *s, uint64_t ns)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 65536;
		s->ns = realloc(s->ns, s->cap * sizeof *s->ns);
		if (!s->ns)
			abort();
	}
	s->ns[s->n++] = ns;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

double samples_us(struct samples *s, double quantile)
{
	size_t i = (size_t)((double)s->n * quantile);

	if (s->n == 0)
		return 0;
	qsort(s->ns, s->n, sizeof *s->ns, by_size);
	return (double)s->ns[i < s->n ? i : s->n - 1] / 1000.0;
}

bool load_begin(struct load *l)
{
	if (l->requests && l->begun >= l->requests)
		return false;
	if (l->stop_at && load_now() >= l->stop_at)
		return false;
	l->begun++;
	return true;
}

void load_end(struct load *l, uint64_t begun_ns, bool ok)
{
	l->responses++;
	l->errors += !ok;
	samples_add(&l->latency, load_now() - begun_ns);
}

static void one_stamp(struct load *l, const char *digits, uint64_t now)
{
	uint64_t sent = 0;

	for (int i = 0; i < 20; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return;
		sent = sent * 10 + (uint64_t)(digits[i] - '0');
	}
	samples_add(&l->delay, now > sent ? now - sent : 0);
}

void load_stamps(struct load *l, struct stamp_tail *t, const char *p, size_t n,
		 uint64_t now)
{
	static const char mark[] = "data: ";
	enum { WHOLE = 26 }; /* the mark and 20 digits */
	char joined[sizeof t->p + WHOLE];
	size_t take;

	if (t->n) {
		take = n < WHOLE ? n : WHOLE;
		memcpy(joined, t->p, t->n);
		memcpy(joined + t->n, p, take);
		if (t->n + take >= WHOLE) {
			one_stamp(l, joined + 6, now);
			l->events++;
			t->n = 0;
		} else {
			memcpy(t->p, joined, t->n + take);
			t->n = (unsigned char)(t->n + take);
			return;
		}
	}
	for (const char *end = p + n; p < end;) {
		const char *at = memmem(p, (size_t)(end - p), mark, 6);
		if (!at)
			break;
		if (end - at < WHOLE) {
			t->n = (unsigned char)(end - at);
			memcpy(t->p, at, t->n);
			break;
		}
		if (l->stamps)
			one_stamp(l, at + 6, now);
		l->events++;
		p = at + WHOLE;
	}
}

int load_connect(struct load *l, struct load_conn *c)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(l->port)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	int on = 1;

	c->load = l;
	inet_pton(AF_INET, l->host, &a.sin_addr);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0) {
		fprintf(stderr, "load: connect: %s\n", strerror(errno));
		exit(2);
	}
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev);
	return c->fd;
}

void load_want_write(struct load_conn *c, bool on)
{
	struct epoll_event ev = {.events = EPOLLIN | (on ? EPOLLOUT : 0),
				 .data.ptr = c};

	epoll_ctl(c->load->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

static void run(struct load *l, struct load_conn **conns)
{
	struct epoll_event ev[256];

	while (l->responses < l->begun ||
	       (!l->stop_at ? l->begun < l->requests
			    : load_now() < l->stop_at)) {
		int wait = l->pause_us ? 0 : 100;
		int n = epoll_wait(l->epoll, ev, 256, wait);
		uint64_t now = load_now();

		for (int i = 0; i < n; i++) {
			struct load_conn *c = ev[i].data.ptr;
			c->ready(c, ev[i].events);
		}
		for (unsigned i = 0; l->pause_us && i < l->connections; i++) {
			struct load_conn *c = conns[i];
			if (c->wake_at && now >= c->wake_at) {
				c->wake_at = 0;
				c->wake(c);
			}
		}
		if (l->stop_at && now > l->stop_at + 5000000000u)
			break; /* the rest hangs: counted as errors */
	}
}

static void report(struct load *l, double seconds)
{
	printf("{\"seconds\":%.3f,\"responses\":%llu,\"errors\":%llu,"
	       "\"rate\":%.1f,\"bytes_up\":%llu,\"bytes_down\":%llu,"
	       "\"events\":%llu,\"stamps\":%zu",
	       seconds, (unsigned long long)l->responses,
	       (unsigned long long)(l->errors + l->begun - l->responses),
	       (double)l->responses / seconds, (unsigned long long)l->bytes_up,
	       (unsigned long long)l->bytes_down, (unsigned long long)l->events,
	       l->delay.n);
	printf(",\"latency_us\":{\"p50\":%.1f,\"p99\":%.1f}",
	       samples_us(&l->latency, .5), samples_us(&l->latency, .99));
	printf(",\"first_us\":{\"p50\":%.1f,\"p99\":%.1f}",
	       samples_us(&l->first, .5), samples_us(&l->first, .99));
	printf(",\"delay_us\":{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f}}\n",
	       samples_us(&l->delay, .5), samples_us(&l->delay, .99),
	       samples_us(&l->delay, .999));
}

static enum body_kind body_of(const char *name)
{
	static const char *const names[] = {"none", "fixed", "random",
					    "history", "chat"};

	for (int i = 0; i < 5; i++) {
		if (strcmp(name, names[i]) == 0)
			return (enum body_kind)i;
	}
	fprintf(stderr, "load: --body none|fixed|random|history|chat\n");
	exit(2);
}

static void parse(struct load *l, int argc, char **argv)
{
	static const struct option names[] = {
		{"port", 1, 0, 'p'},	{"path", 1, 0, 'u'},
		{"h2", 0, 0, '2'},	{"connections", 1, 0, 'c'},
		{"streams", 1, 0, 'm'}, {"requests", 1, 0, 'n'},
		{"seconds", 1, 0, 's'}, {"pause-us", 1, 0, 'w'},
		{"body", 1, 0, 'b'},	{"body-size", 1, 0, 'z'},
		{"stamps", 0, 0, 't'},	{0}};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'p': l->port = (uint16_t)atoi(optarg); break;
		case 'u': l->path = optarg; break;
		case '2': l->h2 = true; break;
		case 'c': l->connections = (unsigned)atoi(optarg); break;
		case 'm': l->streams = (unsigned)atoi(optarg); break;
		case 'n': l->requests = strtoull(optarg, NULL, 10); break;
		case 's': l->seconds = atof(optarg); break;
		case 'w': l->pause_us = strtoull(optarg, NULL, 10); break;
		case 'b': l->body = body_of(optarg); break;
		case 'z': l->body_size = strtoull(optarg, NULL, 10); break;
		case 't': l->stamps = true; break;
		default: exit(2);
		}
	}
	if (!l->port || (!l->requests && l->seconds <= 0)) {
		fprintf(stderr,
			"load --port N (--requests N | --seconds S) [--path P] "
			"[--h2] [--connections N] [--streams N] [--pause-us N] "
			"[--body none|fixed|random|history|chat] "
			"[--body-size N] "
			"[--stamps]\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct load l = {.host = "127.0.0.1",
			 .path = "/json?n=1024",
			 .connections = 1,
			 .streams = 1,
			 .body_size = 4096,
			 .random = 88172645463325252u};
	struct load_conn **conns;

	parse(&l, argc, argv);
	l.epoll = epoll_create1(0);
	l.started = load_now();
	if (l.seconds > 0)
		l.stop_at = l.started + (uint64_t)(l.seconds * 1e9);
	conns = calloc(l.connections, sizeof *conns);
	for (unsigned i = 0; i < l.connections; i++)
		conns[i] = l.h2 ? load_h2_open(&l) : load_h1_open(&l);
	run(&l, conns);
	report(&l, (double)(load_now() - l.started) / 1e9);
	return l.errors || l.responses < l.begun;
}
