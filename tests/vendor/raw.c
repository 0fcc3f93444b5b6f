/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Bodies that cost nearly nothing. An event of /stream is copied
 * from a template that the worker keeps from the last time, and two places
 * in it are overwritten:
 *
 *	data: {"id":.., "delta":{"content":"00000041 lorem.."} ..}\n\n
 *	                                    ^ mark: the event's number
 *	data: 00000012345678901234 lorem ipsum..\n\n
 *	      ^ mark: the time of sending, with stamp=1
 */
#include "endpoints.h"
#include "reply.h"
#include "text.h"

#define STAMP_DIGITS 20
#define INDEX_DIGITS 8
#define EVENT_LEAST  8

static const char filler[] = "lorem ipsum dolor sit amet consetetur ";

static void add_filler(struct buf *b, size_t n)
{
	while (n) {
		size_t k = n < sizeof(filler) - 1 ? n : sizeof(filler) - 1;
		buf_add(b, filler, k);
		n -= k;
	}
}

/* The padded decimal digits of v, as many as there is room for. */
static void put_padded(char *to, size_t width, uint64_t v)
{
	while (width) {
		to[--width] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* ---- /bytes ---- */

static uint64_t word_at(const struct source *s, uint64_t i)
{
	return text_mix(s->state + i * 0x9e3779b97f4a7c15u);
}

static bool next_bytes(struct ex *ex, size_t hint, struct buf *out)
{
	struct source *s = &ex->source;
	uint64_t n = s->left < hint ? s->left : hint, i = 0;
	char *to = buf_room(out, n);

	while (i < n) {
		uint64_t word = word_at(s, s->at / 8);
		size_t skip = s->at % 8, k = 8 - skip;
		k = k < n - i ? k : n - i;
		word >>= 8 * skip;
		memcpy(to + i, &word, k == 8 ? 8 : k);
		i += k;
		s->at += k;
	}
	out->n += n;
	s->left -= n;
	return s->left > 0;
}

void raw_answer_bytes(struct ex *ex)
{
	uint64_t n = ex->knobs.n == KNOB_UNSET ? 1024 : ex->knobs.n;

	reply_start(ex, 200, STR("application/octet-stream"));
	ex->reply.length = n;
	ex->source.left = n;
	ex->source.state = ex->knobs.seed == KNOB_UNSET ? 0 : ex->knobs.seed;
	if (n)
		ex->source.next = next_bytes;
}

/* ---- /stream ---- */

static const struct str chunk_head = STR(
	"{\"id\":\"chatcmpl-practice\",\"object\":\"chat.completion.chunk\","
	"\"created\":1700000000,\"model\":\"practice\",\"choices\":["
	"{\"index\":0,\"delta\":{\"content\":\"");
static const struct str chunk_tail = STR("\"},\"finish_reason\":null}]}");

static void build_event(struct worker *w, size_t size, bool stamp)
{
	struct buf *b = &w->event;
	size_t room = size - EVENT_LEAST;
	size_t json = chunk_head.n + chunk_tail.n;

	b->n = 0;
	buf_adds(b, STR("data: "));
	w->event_mark = 0;
	if (stamp) {
		w->event_mark = b->n;
		add_filler(b, room);
		if (room > STAMP_DIGITS)
			b->p[b->n - room + STAMP_DIGITS] = ' ';
	} else if (room >= json + INDEX_DIGITS) {
		buf_adds(b, chunk_head);
		w->event_mark = b->n;
		add_filler(b, room - json);
		buf_adds(b, chunk_tail);
	} else {
		add_filler(b, room);
	}
	buf_adds(b, STR("\n\n"));
	w->event_size = size;
	w->event_stamp = stamp;
}

static bool next_event(struct ex *ex, size_t hint, struct buf *out)
{
	struct source *s = &ex->source;
	struct worker *w = ex->w;
	size_t size = ex->knobs.size;
	char *to;

	if (w->event_size != size || w->event_stamp != ex->knobs.stamp)
		build_event(w, size, ex->knobs.stamp);
	to = buf_room(out, size);
	memcpy(to, w->event.p, size);
	out->n += size;
	if (ex->knobs.stamp)
		put_padded(to + w->event_mark, STAMP_DIGITS, loop_clock());
	else if (w->event_mark)
		put_padded(to + w->event_mark, INDEX_DIGITS, s->at);
	s->at++;
	return --s->left > 0;
}

void raw_answer_stream(struct ex *ex)
{
	struct knobs *k = &ex->knobs;
	size_t least = EVENT_LEAST + (k->stamp ? STAMP_DIGITS : 0);

	if (k->size > 1 << 24) {
		reply_error(ex, 400, "bad_knob", "size is above 16 MiB");
		return;
	}
	k->size = k->size < least ? least : k->size;
	ex->source.left = k->n == KNOB_UNSET ? 10 : k->n;
	reply_start(ex, 200, STR("text/event-stream; charset=utf-8"));
	reply_const(ex, STR("cache-control"), STR("no-cache"));
	if (k->bad_length)
		ex->reply.length = ex->source.left * k->size;
	ex->source.events = true;
	if (ex->source.left)
		ex->source.next = next_event;
}

/* ---- /json ---- */

static void build_json(struct buf *b, size_t n)
{
	static const char head[] = "{\"ok\":true,\"pad\":\"", tail[] = "\"}";
	size_t frame = sizeof(head) + sizeof(tail) - 2;

	b->n = 0;
	memset(buf_room(b, n), ' ', n);
	b->n = n;
	if (n && n < frame)
		b->p[0] = '0'; /* a number and spaces: JSON all the same */
	if (n < frame)
		return;
	memset(b->p, 'x', n);
	memcpy(b->p, head, sizeof(head) - 1);
	memcpy(b->p + n - 2, tail, 2);
}

static bool next_json(struct ex *ex, size_t hint, struct buf *out)
{
	struct source *s = &ex->source;
	struct buf *json = &ex->w->json;
	size_t n = ex->reply.length, k = n - s->at;

	if (json->n != n)
		build_json(json, n);
	k = k < hint ? k : hint;
	buf_add(out, json->p + s->at, k);
	s->at += k;
	return s->at < n;
}

void raw_answer_json(struct ex *ex)
{
	uint64_t n = ex->knobs.n == KNOB_UNSET ? 1024 : ex->knobs.n;

	if (n > 1 << 26) {
		reply_error(ex, 400, "bad_knob", "n is above 64 MiB");
		return;
	}
	reply_start(ex, 200, STR("application/json"));
	ex->reply.length = n;
	if (n)
		ex->source.next = next_json;
}
