/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "rules/meaning/sse.h"

enum { MOST = 64 };

/* A line of text for each event, which names everything of it. */
static void note(void *arg, const struct sse_event *e)
{
	struct buf *b = arg;

	buf_addf(b, "%.*s|%.*s|%.*s|%u%s%s%s@%llu,%llu,%llu;", STR_ARG(e->type),
		 STR_ARG(e->data), STR_ARG(e->id), e->n_data,
		 e->comment ? "c" : "", e->cut ? "x" : "",
		 e->too_long ? "l" : "", (unsigned long long)e->offset,
		 (unsigned long long)e->data_at, (unsigned long long)e->end);
}

/* As feeds that end at a and b (0: none); each is gone after its feed. */
static struct buf events(struct str text, size_t a, size_t b, size_t most)
{
	struct buf log = {0};
	struct sse *s = sse_new(note, &log, most);
	size_t ends[] = {a, b, text.n}, from = 0;

	for (unsigned i = 0; i < 3; i++) {
		size_t n = ends[i] > from ? ends[i] - from : 0;
		char *copy = mem_alloc(n);

		if (n)
			memcpy(copy, text.p + from, n);
		sse_feed(s, (struct str){copy, n});
		free(copy);
		from += n;
	}
	sse_end(s);
	sse_free(s);
	buf_addc(&log, 0);
	return log;
}

static void same_at_every_split(struct str text, const char *expected)
{
	for (size_t a = 0; a <= text.n; a++) {
		for (size_t b = a; b <= text.n; b++) {
			struct buf log = events(text, a, b, MOST);

			assert_string_equal(log.p, expected);
			buf_free(&log);
		}
	}
}

static void lines_end_in_three_ways(void **state)
{
	same_at_every_split(STR("data: a\n\ndata: b\r\rdata: c\r\n\r\n"),
			    "|a||1@0,6,9;|b||1@9,15,18;|c||1@18,24,28;");
	/* A LF behind a CR is the same line's end. */
	same_at_every_split(STR("data:a\r\ndata:b\n\r\n"), "|a\nb||2@0,5,16;");
}

static void fields_are_told(void **state)
{
	same_at_every_split(
		STR("event: delta\nid: 7\nretry: 10\ndata: {\ndata:}\n\n"),
		"delta|{\n}|7|2@0,35,45;");
	same_at_every_split(STR("data\n\ndata:  x\n\n"),
			    "|||1@0,4,6;| x||1@6,12,16;");
	same_at_every_split(STR("data:\ndata:\n\n"), "|\n||2@0,5,13;");
	same_at_every_split(STR("unknown: x\n: hi\n\n"), "|||0c@0,0,17;");
	/* type and id are of their own event alone. */
	same_at_every_split(STR("event:a\n\ndata:b\n\n"),
			    "a|||0@0,0,9;|b||1@9,14,17;");
}

static void empty_lines_alone_are_nothing(void **state)
{
	same_at_every_split(STR("\n\r\n\r\r\n\n"), "");
	same_at_every_split(STR(""), "");
}

static void a_mark_may_open_the_stream(void **state)
{
	same_at_every_split(STR("\xef\xbb\xbf"
				"data: a\n\n"),
			    "|a||1@3,9,12;");
	same_at_every_split(STR("\xef\xbb\xbf\n\xef\xbb\xbf"
				"data: a\n\n"),
			    "|||0@4,0,16;");
}

static void what_is_cut_is_told(void **state)
{
	same_at_every_split(STR("data: a\n\ndata: b"),
			    "|a||1@0,6,9;|b||1x@9,15,16;");
	same_at_every_split(STR("data: a\n"), "|a||1x@0,6,8;");
	same_at_every_split(STR("data: a\n\nda"), "|a||1@0,6,9;|||0x@9,0,11;");
}

/* Data of just the limit, one more, many more, and in two lines. */
static void long_events_are_cut(void **state)
{
	static const size_t sizes[] = {MOST - 1, MOST, MOST + 1, MOST + 70};

	for (unsigned i = 0; i < 4; i++) {
		size_t kept = sizes[i] < MOST ? sizes[i] : MOST;
		struct buf text = {0}, expected = {0};

		buf_addf(&text, "data: %0*d\n\n", (int)sizes[i], 0);
		buf_addf(&expected, "|%0*d||1%s@0,6,%zu;", (int)kept, 0,
			 sizes[i] > MOST ? "l" : "", text.n);
		buf_addc(&expected, 0);
		same_at_every_split(buf_str(&text), expected.p);
		text.n = expected.n = 0;
		buf_addf(&text, ":%0*d\ndata:x\ndata:%0*d\n\n", (int)sizes[i],
			 0, (int)sizes[i], 0);
		buf_addf(&expected, "|x\n%0*d||2cl@0,%zu,%zu;", MOST - 2, 0,
			 sizes[i] + 7, text.n);
		buf_addc(&expected, 0);
		same_at_every_split(buf_str(&text), expected.p);
		buf_free(&text);
		buf_free(&expected);
	}
}

static void count(void *arg, const struct sse_event *e)
{
	assert_int_equal(e->data.n, (64 << 20) - 8);
	++*(unsigned *)arg;
}

/* A line of 64 MiB in pieces, and as many CRs in one feed: no hang. */
static void size_costs_no_more_than_itself(void **state)
{
	size_t n = 64 << 20;
	char *text = mem_alloc(n);
	unsigned told = 0;
	struct sse *s = sse_new(count, &told, n);

	memset(text, 'x', n);
	memcpy(text, "data: ", 6);
	text[n - 1] = text[n - 2] = '\n';
	for (size_t i = 0; i < n; i += 16 << 10)
		sse_feed(s, (struct str){text + i, 16 << 10});
	assert_int_equal(told, 1);
	memset(text, '\r', n);
	sse_feed(s, (struct str){text, n});
	sse_end(s);
	assert_int_equal(told, 1);
	sse_free(s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_in_three_ways),
		cmocka_unit_test(fields_are_told),
		cmocka_unit_test(empty_lines_alone_are_nothing),
		cmocka_unit_test(a_mark_may_open_the_stream),
		cmocka_unit_test(what_is_cut_is_told),
		cmocka_unit_test(long_events_are_cut),
		cmocka_unit_test(size_costs_no_more_than_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
