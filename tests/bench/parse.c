/* SPDX-License-Identifier: MIT */
/*
 * bench_parse
 *
 * What reading answers costs: streams of events of about 250 bytes, fed an
 * event at a time (live) and in pieces of 64 KiB (offline); with templates
 * and without. Lines, the check for UTF-8 and the text put together are
 * counted in.
 *
 *	             ns a chunk   MB/s
 *	chat live           102   2400
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rules/meaning/chat_impl.h"

enum { EVENTS = 2000, ROUNDS = 50 };

static const char *const words[] = {" the",	  " answer", ".\\n\\n", " is",
				    " \\\"x\\\"", "，你好",  " forty",	"-two"};

/* `%s` is the text, `%d` the number of the event. */
static const char chat_event[] =
	"data: {\"id\":\"chatcmpl-6566abcdefgh12345678\",\"object\":"
	"\"chat.completion.chunk\",\"created\":1763800000,\"model\":"
	"\"kimi-k2.6\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
	"\"%s\"},\"logprobs\":null,\"finish_reason\":null}],"
	"\"system_fingerprint\":\"fpv0_44a8b1f2\"}\n\n";
static const char messages_event[] =
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
	"\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}\n\n";
static const char responses_event[] =
	"event: response.output_text.delta\ndata: {\"type\":"
	"\"response.output_text.delta\",\"item_id\":\"msg_68f0a1b2c3d4e5f6\","
	"\"output_index\":0,\"content_index\":0,\"delta\":\"%s\","
	"\"logprobs\":[],\"obfuscation\":\"abcdefghi\",\"sequence_number\":%d"
	"}\n\n";

struct stream {
	const char *name;
	enum dialect dialect;
	const char *begin, *event;
};

static const struct stream streams[] = {
	{"chat", DIALECT_CHAT, "", chat_event},
	{"messages", DIALECT_MESSAGES,
	 "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"
	 "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\","
	 "\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}"
	 "\n\nevent: content_block_start\ndata: {\"type\":"
	 "\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
	 "\"text\",\"text\":\"\"}}\n\n",
	 messages_event},
	{"responses", DIALECT_RESPONSES, "", responses_event}};

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* The body, and where each event ends. */
static struct buf make(const struct stream *s, size_t ends[EVENTS])
{
	struct buf b = {0};

	buf_adds(&b, str_of(s->begin));
	for (int i = 0; i < EVENTS; i++) {
		buf_addf(&b, s->event, words[i * 7 % 8], i);
		ends[i] = b.n;
	}
	return b;
}

static void read_once(const struct stream *s, const struct buf *b,
		      const size_t *ends, bool live, bool full)
{
	struct chat_asked asked = {.known = true, .stream = true};
	struct chat *c = chat_new(s->dialect, &asked, NULL);
	size_t at = 0;

	c->no_template = full;
	chat_head(c, 200, STR("text/event-stream"), STR(""));
	for (size_t i = 0; at < b->n; i++) {
		size_t to = live ? ends[i] : at + (64 << 10);

		to = to < b->n ? to : b->n;
		chat_feed(c, (struct str){b->p + at, to - at}, i);
		at = to;
	}
	chat_free(c);
}

static void measure(const struct stream *s, bool live, bool full)
{
	static size_t ends[EVENTS];
	struct buf b = make(s, ends);
	uint64_t began = clock_ns(CLOCK_THREAD_CPUTIME_ID), took;
	unsigned rounds = full ? ROUNDS / 10 : ROUNDS;

	for (unsigned i = 0; i < rounds; i++)
		read_once(s, &b, ends, live, full);
	took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - began;
	printf("%-10s %-8s%-6s %4zu B %6.0f ns a chunk %6.0f MB/s\n", s->name,
	       live ? "live" : "offline", full ? "full" : "", b.n / EVENTS,
	       (double)took / rounds / EVENTS,
	       (double)b.n * rounds * 1e3 / (double)took);
	buf_free(&b);
}

int main(void)
{
	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
		measure(&streams[i], true, false);
		measure(&streams[i], false, false);
		measure(&streams[i], true, true);
	}
	return 0;
}
