/* SPDX-License-Identifier: MIT */
/*
 * Event streams of any bytes:
 *
 *	byte 0	bytes of an event that are kept
 *	byte 1	seed of the splits
 *	rest	the stream
 *
 * Whole, split, and byte by byte it tells the same events, which follow each
 * other within the stream.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "rules/meaning/sse.h"

struct play {
	struct buf log;
	uint64_t end; /* of the last event */
	size_t size, most;
};

static void add(struct buf *b, struct str s)
{
	buf_add_varint(b, s.n);
	buf_adds(b, s);
}

static void on_event(void *arg, const struct sse_event *e)
{
	struct play *p = arg;

	assert(e->offset >= p->end && e->end > e->offset && e->end <= p->size);
	assert(e->n_data == 0 ||
	       (e->data_at > e->offset && e->data_at <= e->end));
	assert(e->data.n <= p->most);
	p->end = e->end;
	add(&p->log, e->type);
	add(&p->log, e->data);
	add(&p->log, e->id);
	buf_addf(&p->log, "%u%d%d%d %llu %llu %llu\n", e->n_data, e->comment,
		 e->cut, e->too_long, (unsigned long long)e->offset,
		 (unsigned long long)e->end, (unsigned long long)e->data_at);
}

/* Feeds of up to `step` bytes, each gone after its feed. */
static struct buf play(struct str text, size_t most, size_t step,
		       unsigned random)
{
	struct play p = {.size = text.n, .most = most};
	struct sse *s = sse_new(on_event, &p, most);

	while (text.n) {
		size_t n = step;
		char *copy;

		random = random * 1103515245u + 12345u;
		n = n > 1 ? (random >> 16) % n + 1 : n;
		n = n < text.n ? n : text.n;
		copy = mem_alloc(n);
		memcpy(copy, text.p, n);
		sse_feed(s, (struct str){copy, n});
		free(copy);
		text = str_skip(text, n);
	}
	sse_end(s);
	sse_free(s);
	return p.log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = {1, 8, 100};
	struct str text = {(const char *)data, size};
	struct buf whole = {0};
	struct play p = {0};
	struct sse *s;

	if (size < 2)
		return 0;
	text = str_skip(text, 2);
	p.size = text.n;
	p.most = data[0];
	s = sse_new(on_event, &p, p.most);
	sse_feed(s, text);
	sse_end(s);
	sse_free(s);
	whole = p.log;
	for (unsigned i = 0; i < 3; i++) {
		struct buf split = play(text, data[0], steps[i], data[1]);

		assert(str_eq(buf_str(&whole), buf_str(&split)));
		buf_free(&split);
	}
	buf_free(&whole);
	return 0;
}
