/* SPDX-License-Identifier: MIT */
/* Event streams into columns and back, whatever they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/mem.h"
#include "record/columns.h"
#include "record/words.h"

static uint64_t next(uint64_t *s)
{
	uint64_t z = *s += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static unsigned below(uint64_t *s, unsigned n)
{
	return (unsigned)(next(s) % n);
}

/* Adds the texts, packs, reads, compares; returns the packed size. */
static size_t round_trip_all(enum columns_kind kind, const struct str *texts,
			     size_t n, struct words *words)
{
	struct columns *c = columns_new();
	struct buf packed = {0}, cuts = {0}, lens = {0}, got = {0};
	struct columns_view *v;
	size_t *units = mem_zero((n + 1) * sizeof *units), size, unit = 0;

	for (size_t i = 0; i < n; i++)
		units[i] = columns_add(c, kind, texts[i], &lens);
	columns_pack(c, words, (struct str){0}, &packed, &cuts);
	v = columns_open(buf_str(&packed), words);
	assert_non_null(v);
	for (size_t i = 0; i < n; i++) {
		got.n = 0;
		assert_true(columns_text(v, unit, units[i], texts[i].n, &got));
		assert_int_equal(got.n, texts[i].n);
		if (got.n)
			assert_memory_equal(got.p, texts[i].p, got.n);
		if (texts[i].n)
			assert_false(columns_text(v, unit, units[i],
						  texts[i].n - 1, &got));
		unit += units[i];
	}
	assert_int_equal(columns_units(v), unit);
	got.n = 0;
	assert_true(columns_lengths(v, 0, unit, &got));
	assert_int_equal(got.n, lens.n);
	if (lens.n)
		assert_memory_equal(got.p, lens.p, lens.n);
	assert_false(columns_text(v, unit, 1, 1000, &got));
	assert_false(columns_lengths(v, 1, unit, &got));
	if (words)
		columns_learn(c, words, (struct str){0});
	size = packed.n;
	columns_view_free(v);
	columns_free(c);
	buf_free(&packed);
	buf_free(&cuts);
	buf_free(&lens);
	buf_free(&got);
	free(units);
	return size;
}

static size_t round_trip(struct str text)
{
	return round_trip_all(COLUMNS_EVENTS, &text, 1, NULL);
}

/* ---- what vendors send ---- */

static void openai_chunks(struct buf *b, int n, uint64_t *s)
{
	for (int i = 0; i < n; i++)
		buf_addf(b,
			 "data: {\"id\":\"chatcmpl-abc\",\"object\":\"chat."
			 "completion.chunk\",\"created\":1763780001,\"model\":"
			 "\"m\",\"choices\":[{\"index\":0,\"delta\":{"
			 "\"content\":\" %c%u\"},\"finish_reason\":null}]}\n\n",
			 'a' + i % 7, below(s, 80));
	buf_adds(b, STR("data: [DONE]\n\n"));
}

static void chat_completions(void **state)
{
	struct buf b = {0};
	uint64_t s = 1;

	openai_chunks(&b, 300, &s);
	assert_true(round_trip(buf_str(&b)) < b.n / 15);
	buf_free(&b);
}

static void anthropic_messages(void **state)
{
	struct buf b = {0};

	buf_adds(&b, STR("event: message_start\ndata: {\"type\":\"message_"
			 "start\",\"message\":{\"id\":\"msg_1\",\"usage\":{"
			 "\"input_tokens\":25}}}\n\n"));
	for (int i = 0; i < 200; i++) {
		buf_addf(
			&b,
			"event: content_block_delta\ndata: {\"type\":\"content_"
			"block_delta\",\"index\":0,\"delta\":{\"type\":\"text_"
			"delta\",\"text\":\"x%d\\n\\\"q\\\"\"}}\n\n",
			i);
		if (i % 50 == 0)
			buf_adds(&b, STR("event: ping\ndata: {\"type\": "
					 "\"ping\"}\n\n"));
	}
	assert_true(round_trip(buf_str(&b)) < b.n / 9);
	buf_free(&b);
}

/* Counters, ids that stay for a while, CRLF. */
static void responses_api(void **state)
{
	struct buf b = {0};

	for (int i = 0; i < 300; i++)
		buf_addf(
			&b,
			"event: response.output_text.delta\r\ndata: {\"type\":"
			"\"response.output_text.delta\",\"sequence_number\":%d,"
			"\"item_id\":\"msg_%d\",\"output_index\":0,\"delta\":"
			"\"t%d\",\"logprobs\":[]}\r\n\r\n",
			i + 4, i / 100, i * 7 % 31);
	assert_true(round_trip(buf_str(&b)) < b.n / 14);
	buf_free(&b);
}

/* The same token three times over, and its bytes. */
static void log_probabilities(void **state)
{
	struct buf b = {0};
	uint64_t s = 3;

	for (int i = 0; i < 200; i++) {
		unsigned w = below(&s, 90);

		buf_addf(&b,
			 "data: {\"d\":\" t%u\",\"l\":[{\"token\":\" t%u\","
			 "\"logprob\":-0.%u,\"bytes\":[32,116,%u]}]}\n\n",
			 w, w, below(&s, 99999), w);
	}
	assert_true(round_trip(buf_str(&b)) < b.n / 3);
	buf_free(&b);
}

static void json_lines(void **state)
{
	struct buf b = {0};
	struct str text;
	enum columns_kind kind;

	for (int i = 0; i < 100; i++)
		buf_addf(
			&b,
			"{\"model\":\"m\",\"response\":\" a%d\",\"done\":false}"
			"\n",
			i);
	text = buf_str(&b);
	assert_true(columns_suits(text, &kind));
	assert_int_equal(kind, COLUMNS_LINES);
	assert_true(round_trip_all(kind, &text, 1, NULL) < b.n / 4);
	buf_free(&b);
}

/* Padding to a round length: its length says nothing new. */
static void obfuscation(void **state)
{
	struct buf b = {0};
	uint64_t s = 8;

	for (int i = 0; i < 300; i++) {
		unsigned n = 1 + below(&s, 12), pad = 16 - n;

		buf_adds(&b, STR("data: {\"d\":\""));
		while (n--)
			buf_addc(&b, (char)('a' + below(&s, 26)));
		buf_adds(&b, STR("\",\"obfuscation\":\""));
		while (pad--)
			buf_addc(&b, (char)('a' + below(&s, 26)));
		buf_adds(&b, STR("\"}\n\n"));
	}
	round_trip(buf_str(&b));
	buf_free(&b);
}

static void heads(void **state)
{
	static const char *const odd[] = {
		"",
		"\r\n",
		"a",
		"a:",
		": b",
		"GET / HTTP/1.1\r\n\r\n",
		":status: 200\r\na: b\r\n\r\n",
		"no colon\r\nx:y\r\n",
		"\n\n\n",
		"A:  two\r\nB: \r\n: \r\n\r\nrest",
	};
	struct str texts[110];
	struct buf made[100] = {0};
	uint64_t s = 2;
	size_t all = 0;

	for (int i = 0; i < 100; i++) {
		buf_addf(&made[i],
			 "HTTP/1.1 200 OK\r\nDate: Sat, 22 Nov 2025 00:%02d:01 "
			 "GMT\r\nServer: x\r\nX-Request-Id: req_%lx\r\n"
			 "CF-Ray: %lx-FRA\r\nContent-Length: %u\r\n\r\n",
			 i % 60, (long)next(&s), (long)next(&s),
			 below(&s, 9999));
		texts[i] = buf_str(&made[i]);
		all += texts[i].n;
	}
	for (int i = 0; i < 10; i++)
		texts[100 + i] = str_of(odd[i]);
	assert_true(round_trip_all(COLUMNS_HEAD, texts, 110, NULL) < all / 2);
	for (int i = 0; i < 100; i++)
		buf_free(&made[i]);
}

/* ---- what nobody should send ---- */

static void odd_streams(void **state)
{
	static const char *const odd[] = {
		"d",
		"\n",
		"\n\n",
		"\r\n\r\n",
		"data: x",
		"data: \"\n\n",
		"data: \"a\\\"\n\n",
		"data: \"\\",
		"data: {\"a\":\"b\"}",
		": c\n\n: c\n\n: d\n\n",
		"data: 1\n\ndata: 01\n\ndata: -0\n\n",
		"data: 9223372036854775807\n\ndata: -9223372036854775808\n\n",
		"data: 123456789012345678\n\ndata: -1\n\ndata: 5\n\n",
		"data: 1,2,3\n\ndata: 1,2\n\ndata: 1e5\n\ndata: ,\n\n",
		"data: \"\"\n\ndata: \"x\"\n\ndata: \"\"\n\n",
		"data: \"ab\"\n\ndata: \"abab\"\n\ndata: \"aba\"\n\n",
		"data: \"x1y\"\n\ndata: \"x22y\"\n\ndata: \"x007y\"\n\n",
		"event:a\rdata:b\r\r",
	};

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		round_trip(str_of(odd[i]));
	round_trip((struct str){"data: \0\1\2\"\3\"\n\n", 14});
}

/* More shapes and longer units than are kept. */
static void limits(void **state)
{
	struct buf b = {0};

	for (int i = 0; i < 300; i++) {
		buf_adds(&b, STR("data: "));
		for (int k = 0; k < i; k++)
			buf_addf(&b, "\"%d\"[", k);
		buf_adds(&b, STR("\n\n"));
	}
	for (int i = 0; i < 20000; i++)
		buf_adds(&b, STR("long "));
	buf_adds(&b, STR("\n\ndata: 1\n\n"));
	for (int i = 0; i < 2000; i++)
		buf_addf(&b, "\"%d\":%d,", i, i);
	buf_adds(&b, STR("\n\n"));
	round_trip(buf_str(&b));
	buf_free(&b);
}

/* Anything at all, in slices that fall anywhere. */
static void random_bytes(void **state)
{
	uint64_t s = 77;

	for (int round = 0; round < 400; round++) {
		struct buf b = {0};
		struct str slices[4];
		size_t at = 0;

		openai_chunks(&b, (int)below(&s, 40), &s);
		for (unsigned i = below(&s, 30); i > 0; i--)
			b.p[below(&s, (unsigned)b.n)] =
				"\"\\\n\r{}: \0,x9"[below(&s, 12)];
		for (int i = 0; i < 4; i++) {
			size_t n = i < 3 ? below(&s, (unsigned)(b.n - at + 1))
					 : b.n - at;

			slices[i] = (struct str){b.p + at, n};
			at += n;
		}
		round_trip_all(COLUMNS_EVENTS, slices, 4, NULL);
		buf_free(&b);
	}
}

static void what_suits(void **state)
{
	enum columns_kind kind;

	assert_true(columns_suits(STR("data: x\n\n"), &kind));
	assert_int_equal(kind, COLUMNS_EVENTS);
	assert_true(columns_suits(STR(": hello\n\ndata: 1"), &kind));
	assert_true(columns_suits(STR("\r\nevent: a\r\n"), &kind));
	assert_false(columns_suits(STR("{\"a\":\n1}"), &kind));
	assert_false(columns_suits(STR("{\"a\":1}"), &kind));
	assert_false(columns_suits(STR("{\"a\":1}\n"), &kind));
	assert_false(columns_suits(STR("<html>"), &kind));
	assert_false(columns_suits(STR(""), &kind));
}

/* ---- the vocabulary ---- */

static void learns_words(void **state)
{
	struct words *w = words_new(), *again = words_new();
	struct buf b = {0}, batch = {0};
	struct str text;
	size_t first, before, after;
	uint64_t s = 4;

	openai_chunks(&b, 2000, &s);
	text = buf_str(&b);
	before = round_trip_all(COLUMNS_EVENTS, &text, 1, w);
	assert_true(words_learn(w, &batch, &first));
	assert_int_equal(first, 0);
	assert_in_range(words_known(w), 400, 500);
	after = round_trip_all(COLUMNS_EVENTS, &text, 1, w);
	assert_true(after < before * 3 / 4);
	assert_true(words_load(again, buf_str(&batch), 0));
	assert_int_equal(words_known(again), words_known(w));
	for (size_t i = 0; i < words_known(w); i++) {
		assert_true(str_eq(words_at(w, i), words_at(again, i)));
		assert_int_equal(words_find(again, words_at(w, i)), i);
	}
	assert_false(words_load(again, buf_str(&batch), 0));
	assert_false(words_load(again, buf_str(&batch), words_known(w)));
	buf_free(&b);
	buf_free(&batch);
	words_free(w);
	words_free(again);
}

/* Noise is not learned, and does not push out what is. */
static void noise_is_no_vocabulary(void **state)
{
	struct words *w = words_new();
	struct buf batch = {0};
	size_t first;
	uint64_t s = 6;
	char text[24];

	for (int i = 0; i < 100; i++)
		for (int k = 0; k < 2; k++) {
			snprintf(text, sizeof text, "word%d", i);
			words_count(w, str_of(text));
		}
	assert_true(words_learn(w, &batch, &first));
	for (int i = 0; i < 200000; i++) {
		snprintf(text, sizeof text, "%lx", (long)next(&s));
		words_count(w, str_of(text));
	}
	assert_false(words_learn(w, &batch, &first));
	assert_int_equal(words_known(w), 100);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "word%d", i);
		assert_true(words_find(w, str_of(text)) >= 0);
	}
	buf_free(&batch);
	words_free(w);
}

static void hostile_batches(void **state)
{
	static const struct str bad[] = {
		{"\1", 1},	     {"\1\0\0", 3},   {"\1\1\1a", 4},
		{"\1\0\2a", 4},	     {"\1\0\1ab", 5}, {"\2\0\0\1\1aa", 7},
		{"\2\0\2\1\1ab", 7}, {"\377\377", 2}, {"\1\0\51", 3},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct words *w = words_new();

		assert_false(words_load(w, bad[i], 0));
		words_free(w);
	}
}

/* A section that was altered is refused or gives other bytes, no worse. */
static void altered_sections(void **state)
{
	struct columns *c = columns_new();
	struct buf b = {0}, packed = {0}, cuts = {0}, out = {0};
	uint64_t s = 12;

	openai_chunks(&b, 60, &s);
	columns_add(c, COLUMNS_EVENTS, buf_str(&b), NULL);
	columns_pack(c, NULL, (struct str){0}, &packed, &cuts);
	for (size_t i = 0; i < packed.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct columns_view *v;

			packed.p[i] ^= (char)(1 << bit);
			v = columns_open(buf_str(&packed), NULL);
			if (v) {
				out.n = 0;
				(void)columns_text(v, 0, columns_units(v),
						   1 << 20, &out);
				columns_lengths(v, 0, columns_units(v), &out);
			}
			columns_view_free(v);
			packed.p[i] ^= (char)(1 << bit);
		}
	for (size_t n = 0; n < packed.n; n++)
		assert_null(columns_open((struct str){packed.p, n}, NULL));
	columns_free(c);
	buf_free(&b);
	buf_free(&packed);
	buf_free(&cuts);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chat_completions),
		cmocka_unit_test(anthropic_messages),
		cmocka_unit_test(responses_api),
		cmocka_unit_test(log_probabilities),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(obfuscation),
		cmocka_unit_test(heads),
		cmocka_unit_test(odd_streams),
		cmocka_unit_test(limits),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(what_suits),
		cmocka_unit_test(learns_words),
		cmocka_unit_test(noise_is_no_vocabulary),
		cmocka_unit_test(hostile_batches),
		cmocka_unit_test(altered_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
