/* SPDX-License-Identifier: MIT */
/*
 * The load generator of the benchmarks: many requests or streams at once over
 * HTTP/1.1 or HTTP/2 in clear, one thread, one epoll. It shares no code with
 * the proxy's codecs.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing list of ns samples; percentiles sort it in place. */
struct samples {
	uint64_t *ns;
	size_t n, cap;
};
void samples_add(struct samples *s, uint64_t ns);
double samples_us(struct samples *s, double quantile);

enum body_kind { BODY_NONE, BODY_FIXED, BODY_RANDOM, BODY_HISTORY, BODY_CHAT };

struct load {
	/* What to do. */
	const char *host, *path;
	uint16_t port;
	bool h2;
	unsigned connections, streams; /* streams: at once on a connection */
	uint64_t requests;	       /* in total; 0: until `seconds` */
	double seconds;		       /* 0: until `requests` */
	uint64_t pause_us; /* before the next request of a connection */
	enum body_kind body;
	size_t body_size;
	bool stamps; /* look for "data: NNNNNNNNNNNNNNNNNNNN" */

	/* What happened. */
	uint64_t begun, responses, errors, bytes_up, bytes_down, events;
	struct samples latency; /* request begun to response's end */
	struct samples first;	/* request begun to response's head */
	struct samples delay;	/* a stamp's age when it was read */
	int epoll;
	uint64_t started, stop_at;
	uint64_t random;
	struct history *history;
};

/* May another request begin? Counts it if so. */
bool load_begin(struct load *l);
void load_end(struct load *l, uint64_t begun_ns, bool ok);

/* The next request's body; valid until the next call. */
const char *load_body(struct load *l, size_t *n);

/*
 * Finds stamps in a stream's bytes; `tail` carries an unfinished event over
 * from one call to the next.
 */
struct stamp_tail {
	unsigned char n;
	char p[40];
};
void load_stamps(struct load *l, struct stamp_tail *t, const char *p, size_t n,
		 uint64_t now);

/* What epoll's data points to. */
struct load_conn {
	void (*ready)(struct load_conn *c, uint32_t events);
	/* Wakes a paused connection. */
	void (*wake)(struct load_conn *c);
	uint64_t wake_at;
	struct load *load;
	int fd;
};
struct load_conn *load_h1_open(struct load *l);
struct load_conn *load_h2_open(struct load *l);

/* A connected non-blocking socket in the load's epoll; exits on failure. */
int load_connect(struct load *l, struct load_conn *c);
void load_want_write(struct load_conn *c, bool on);

uint64_t load_now(void);

#endif
