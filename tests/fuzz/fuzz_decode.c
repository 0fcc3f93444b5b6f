/* SPDX-License-Identifier: MIT */
/*
 * What readers do with bodies of strangers: undo content codings, indent
 * JSON, cut events, tame text. The first byte picks the codings, the second
 * how large the pieces are. Whatever the pieces, the result is the same; a
 * limit is a limit; nothing that could drive a terminal comes out.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "print/text.h"
#include "replay/events.h"
#include "replay/pretty.h"
#include "rules/meaning/decode.h"

enum { MOST = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum decode_verdict decode(struct str codings, struct str in,
				  size_t step, struct buf *out)
{
	struct decode_limits limits = {MOST, DECODE_GROWTH};
	struct decoder *d = decoder_new(codings, &limits);
	enum decode_verdict v;
	bool on = true;

	while (in.n && on) {
		size_t n = in.n < step ? in.n : step;
		on = decoder_feed(d, (struct str){in.p, n}, out);
		in = str_skip(in, n);
	}
	v = decoder_end(d);
	decoder_free(d);
	return v;
}

static void check_tame(struct str s)
{
	struct buf tame = {0};
	struct str rest;

	text_tame(&tame, s, TEXT_LINES);
	for (rest = buf_str(&tame); rest.n;) {
		struct text_rune r = text_next(rest);
		assert(r.ok);
		assert(!text_is_control(r.cp) || r.cp == '\n' || r.cp == '\t');
		rest = str_skip(rest, r.n);
	}
	assert(text_valid(s) == (text_broken(s) == 0));
	buf_free(&tame);
}

static void check_fit(struct str s)
{
	struct buf cut = {0};

	s.n = s.n < 200 ? s.n : 200;
	for (size_t columns = 0; columns < 20; columns += 3) {
		cut.n = 0;
		text_fit_middle(&cut, s, columns);
		assert(text_columns(buf_str(&cut)) <= columns);
		cut.n = 0;
		text_fit_end(&cut, s, columns);
		assert(text_columns(buf_str(&cut)) <= columns);
	}
	buf_free(&cut);
}

static void check_pretty(struct str s)
{
	struct out o;
	struct fail f;
	bool ok;

	out_open(&o, open("/dev/null", O_WRONLY | O_CLOEXEC));
	pretty_json(&o, s, 2);
	ok = out_close(&o, &f);
	assert(ok);
	close(o.fd);
}

static void check_events(struct str s)
{
	size_t at = 0, before = 0;
	struct event e;

	while (event_next(s, &at, &e)) {
		struct str line;

		assert(e.end > before && e.end <= s.n && at == e.end);
		assert(e.text.p >= s.p && e.text.p + e.text.n <= s.p + e.end);
		before = e.end;
		while (event_line(&e.text, &line))
			assert(line.n == 0 || !memchr(line.p, '\n', line.n));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str codings[] = {
		STR("gzip"), STR("deflate"),	STR("br"),
		STR("zstd"), STR("gzip, br"),	STR("deflate,zstd"),
		STR(""),     STR("zstd, gzip"), STR("rot13")};
	struct buf one = {0}, two = {0};
	struct str in, coding;
	enum decode_verdict a, b;

	if (size < 2)
		return 0;
	in = (struct str){(const char *)data + 2, size - 2};
	coding = codings[data[0] % (sizeof codings / sizeof *codings)];
	a = decode(coding, in, in.n ? in.n : 1, &one);
	b = decode(coding, in, (size_t)data[1] + 1, &two);
	assert(one.n <= (coding.n ? MOST : in.n) && two.n <= one.n + MOST);
	/* A library may give out more or less before a fault. */
	if (a == DECODE_WHOLE)
		assert(b == DECODE_WHOLE &&
		       str_eq(buf_str(&one), buf_str(&two)));
	check_tame(buf_str(&one));
	check_fit(buf_str(&one));
	check_pretty(buf_str(&one));
	check_events(buf_str(&one));
	buf_free(&one);
	buf_free(&two);
	return 0;
}
