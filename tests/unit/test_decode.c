/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <brotli/encode.h>
#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "rules/meaning/decode.h"

static const struct decode_limits roomy = {64 << 20, DECODE_GROWTH};

/* Compresses with one coding. The caller frees the buffer. */
static struct buf z_pack(struct str s, int window)
{
	struct buf b = {0};
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, window, 8, 0), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)s.p;
	z.avail_in = (unsigned)s.n;
	z.next_out = (unsigned char *)buf_room(&b, deflateBound(&z, s.n) + 64);
	z.avail_out = (unsigned)b.cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.n = z.total_out;
	deflateEnd(&z);
	return b;
}

static struct buf pack(const char *coding, struct str s)
{
	struct buf b = {0};
	size_t room = s.n + s.n / 4 + 1024;

	if (strcmp(coding, "gzip") == 0)
		return z_pack(s, 31);
	if (strcmp(coding, "deflate") == 0)
		return z_pack(s, 15);
	if (strcmp(coding, "raw") == 0)
		return z_pack(s, -15);
	buf_room(&b, room);
	if (strcmp(coding, "br") == 0) {
		b.n = room;
		assert_true(BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC,
						  s.n, (const uint8_t *)s.p,
						  &b.n, (uint8_t *)b.p));
	} else {
		b.n = ZSTD_compress(b.p, room, s.p, s.n, 3);
		assert_false(ZSTD_isError(b.n));
	}
	return b;
}

/* Decodes `in` in pieces of `step` bytes. */
static enum decode_verdict decode(const char *codings, struct str in,
				  size_t step,
				  const struct decode_limits *limits,
				  struct buf *out)
{
	struct decoder *d = decoder_new(str_of(codings), limits);
	enum decode_verdict v;
	bool on = true;

	out->n = 0;
	while (in.n && on) {
		size_t n = in.n < step ? in.n : step;
		on = decoder_feed(d, (struct str){in.p, n}, out);
		in = str_skip(in, n);
	}
	v = decoder_end(d);
	decoder_free(d);
	return v;
}

static struct buf sample(size_t n)
{
	struct buf b = {0};
	unsigned seed = 7;

	while (b.n < n) {
		seed = seed * 1664525u + 1013904223u;
		buf_addf(&b, "data: {\"n\":%u}\n\n", seed >> 8);
	}
	return b;
}

static const char *const single[] = {"gzip", "deflate", "br", "zstd"};

static void every_coding_in_any_pieces(void **state)
{
	struct buf text = sample(100000), out = {0};

	for (unsigned i = 0; i < 4; i++) {
		struct buf packed = pack(single[i], buf_str(&text));
		for (size_t step = 1; step < 200000; step = step * 7 + 1) {
			assert_int_equal(decode(single[i], buf_str(&packed),
						step, &roomy, &out),
					 DECODE_WHOLE);
			assert_true(str_eq(buf_str(&out), buf_str(&text)));
		}
		buf_free(&packed);
	}
	buf_free(&text);
	buf_free(&out);
}

static void deflate_may_be_bare(void **state)
{
	struct buf text = sample(5000), out = {0};
	struct buf packed = pack("raw", buf_str(&text));

	for (size_t step = 1; step < 9000; step += 700) {
		assert_int_equal(
			decode("deflate", buf_str(&packed), step, &roomy, &out),
			DECODE_WHOLE);
		assert_true(str_eq(buf_str(&out), buf_str(&text)));
	}
	buf_free(&packed);
	buf_free(&text);
	buf_free(&out);
}

static void codings_are_undone_in_reverse(void **state)
{
	struct buf text = sample(30000), out = {0};
	struct buf a = pack("gzip", buf_str(&text));
	struct buf b = pack("br", buf_str(&a));
	struct buf c = pack("zstd", buf_str(&b));

	assert_int_equal(decode("gzip, BR , identity,zstd", buf_str(&c), 100,
				&roomy, &out),
			 DECODE_WHOLE);
	assert_true(str_eq(buf_str(&out), buf_str(&text)));
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
	buf_free(&text);
	buf_free(&out);
}

static void members_and_frames_follow_each_other(void **state)
{
	struct buf out = {0};

	for (unsigned i = 0; i < 4; i++) {
		struct buf one = pack(single[i], STR("first "));
		struct buf two = pack(single[i], STR("second"));
		bool repeats = i == 0 || i == 3;

		buf_adds(&one, buf_str(&two));
		for (size_t step = 1; step < 100; step += 9) {
			assert_int_equal(decode(single[i], buf_str(&one), step,
						&roomy, &out),
					 repeats ? DECODE_WHOLE
						 : DECODE_TRAILING);
			assert_true(str_eq(buf_str(&out),
					   repeats ? STR("first second")
						   : STR("first ")));
		}
		buf_free(&one);
		buf_free(&two);
	}
	buf_free(&out);
}

static void what_is_cut_or_damaged_is_said(void **state)
{
	struct buf text = sample(500000), out = {0};

	for (unsigned i = 0; i < 4; i++) {
		struct buf packed = pack(single[i], buf_str(&text));
		struct str half = {packed.p, packed.n / 2};

		assert_int_equal(decode(single[i], half, 999, &roomy, &out),
				 DECODE_UNFINISHED);
		assert_true(out.n > 0 && out.n < text.n);
		assert_memory_equal(out.p, text.p, out.n);
		memset(packed.p + packed.n / 2, 0xa5, packed.n / 4);
		assert_int_not_equal(
			decode(single[i], buf_str(&packed), 999, &roomy, &out),
			DECODE_WHOLE);
		assert_int_equal(
			decode(single[i], STR("<html>"), 999, &roomy, &out),
			DECODE_DAMAGED);
		buf_free(&packed);
	}
	buf_free(&text);
	buf_free(&out);
}

static void gzip_may_be_followed_by_nothing_else(void **state)
{
	struct buf packed = pack("gzip", STR("text")), out = {0};

	buf_adds(&packed, STR("more"));
	assert_int_equal(decode("gzip", buf_str(&packed), 5, &roomy, &out),
			 DECODE_TRAILING);
	assert_true(str_eq(buf_str(&out), STR("text")));
	buf_free(&packed);
	buf_free(&out);
}

static void an_unknown_coding_is_a_verdict(void **state)
{
	struct buf out = {0};

	assert_int_equal(decode("compress", STR("x"), 1, &roomy, &out),
			 DECODE_UNKNOWN);
	assert_int_equal(decode("gzip, rot13", STR("x"), 1, &roomy, &out),
			 DECODE_UNKNOWN);
	assert_int_equal(
		decode("gzip,gzip,gzip,gzip,gzip", STR("x"), 1, &roomy, &out),
		DECODE_UNKNOWN);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

static void nothing_to_do(void **state)
{
	struct decoder *d = decoder_new(STR(" identity, "), &roomy);
	struct buf out = {0};

	assert_false(decoder_is_needed(d));
	decoder_free(d);
	assert_int_equal(decode("", STR("as is"), 2, &roomy, &out),
			 DECODE_WHOLE);
	assert_true(str_eq(buf_str(&out), STR("as is")));
	assert_int_equal(decode("gzip", STR(""), 2, &roomy, &out),
			 DECODE_WHOLE);
	buf_free(&out);
}

/* 32 MiB of zeros, however they are packed, stop at the limits. */
static void bombs_are_cut(void **state)
{
	size_t n = 32 << 20;
	struct buf zeros = {mem_zero(n), n, n}, out = {0};
	struct decode_limits small = {1 << 20, 1 << 30};

	for (unsigned i = 0; i < 4; i++) {
		struct buf once = pack(single[i], buf_str(&zeros));
		struct buf twice = pack(single[i], buf_str(&once));
		char both[32];

		assert_int_equal(
			decode(single[i], buf_str(&once), 4096, &small, &out),
			DECODE_LIMIT);
		assert_int_equal(out.n, 1 << 20);
		assert_int_equal(
			decode(single[i], buf_str(&once), 4096, &roomy, &out),
			DECODE_RATIO);
		snprintf(both, sizeof both, "%s,%s", single[i], single[i]);
		assert_int_equal(
			decode(both, buf_str(&twice), 4096, &roomy, &out),
			DECODE_RATIO);
		assert_true(out.n < 8 << 20);
		buf_free(&once);
		buf_free(&twice);
	}
	buf_free(&zeros);
	buf_free(&out);
}

/* A result that is small after a huge intermediate is bounded too. */
static void a_bomb_in_the_middle_is_cut(void **state)
{
	size_t n = 4 << 20;
	struct buf zeros = {mem_zero(n), n, n}, out = {0};
	struct buf packed = pack("zstd", buf_str(&zeros));
	struct decode_limits small = {1 << 20, 1 << 30};

	assert_int_equal(
		decode("gzip,zstd", buf_str(&packed), 4096, &small, &out),
		DECODE_DAMAGED);
	assert_int_equal(out.n, 0);
	buf_free(&zeros);
	buf_free(&packed);
	buf_free(&out);
}

/* RFC 9659: no window above 8 MiB. */
static void a_wide_zstd_window_is_refused(void **state)
{
	static const char head[] = "\x28\xb5\x2f\xfd\x00\x80\x01\x00\x00";
	struct buf out = {0};

	assert_int_equal(decode("zstd", (struct str){head, 9}, 9, &roomy, &out),
			 DECODE_DAMAGED);
	buf_free(&out);
}

static void names(void **state)
{
	assert_string_equal(decode_name(DECODE_WHOLE), "whole");
	assert_string_equal(decode_name(DECODE_UNKNOWN), "unknown");
	assert_non_null(strstr(decode_about(DECODE_LIMIT), "limit"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_coding_in_any_pieces),
		cmocka_unit_test(deflate_may_be_bare),
		cmocka_unit_test(codings_are_undone_in_reverse),
		cmocka_unit_test(members_and_frames_follow_each_other),
		cmocka_unit_test(what_is_cut_or_damaged_is_said),
		cmocka_unit_test(gzip_may_be_followed_by_nothing_else),
		cmocka_unit_test(an_unknown_coding_is_a_verdict),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(bombs_are_cut),
		cmocka_unit_test(a_bomb_in_the_middle_is_cut),
		cmocka_unit_test(a_wide_zstd_window_is_refused),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
