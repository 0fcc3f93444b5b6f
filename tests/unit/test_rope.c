/* SPDX-License-Identifier: MIT */
/* Bodies over earlier bodies: exact, small, and bounded in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "record/rope.h"

enum { FRAMES = 5000 };

/* Literals as frames would keep them; a frame takes `each` bodies. */
struct store {
	struct rope *rope;
	struct buf frame[FRAMES];
	uint64_t at, bodies;
	unsigned each;
};

static void store_new(struct store *s, unsigned each)
{
	memset(s, 0, sizeof *s);
	s->rope = rope_new();
	s->each = each;
}

static void store_free(struct store *s)
{
	rope_free(s->rope);
	for (int i = 0; i < FRAMES; i++)
		buf_free(&s->frame[i]);
}

/* Stores a body in `parts` slices, reads it back; returns its new bytes. */
static size_t keep(struct store *s, struct str body, unsigned parts)
{
	struct rope_track *k = rope_begin(s->rope);
	struct buf got = {0};
	size_t new = 0, frames = 0;

	for (unsigned i = 0; i < parts; i++) {
		size_t a = body.n * i / parts, b = body.n * (i + 1) / parts;
		struct buf *literals = &s->frame[s->at];
		size_t before = literals->n;
		struct rope_segs segs = {0};

		rope_add(s->rope, k, (struct str){body.p + a, b - a},
			 i + 1 == parts, s->at, literals, &segs);
		new += literals->n - before;
		for (size_t g = 0; g < segs.n; g++) {
			const struct rope_seg *x = &segs.p[g];
			const struct buf *f = &s->frame[x->frame];

			assert_true(x->at + (size_t)x->n <= f->n);
			buf_add(&got, f->p + x->at, x->n);
			frames += g == 0 || x->frame != segs.p[g - 1].frame;
		}
		rope_segs_free(&segs);
	}
	rope_end(s->rope, k);
	assert_int_equal(got.n, body.n);
	if (body.n)
		assert_memory_equal(got.p, body.p, body.n);
	assert_true(frames < 110 * parts);
	if (++s->bodies % s->each == 0)
		s->at++;
	buf_free(&got);
	return new;
}

static uint64_t next(uint64_t *s)
{
	uint64_t z = *s += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void add_text(struct buf *b, uint64_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addc(b, (char)('a' + next(s) % 26));
}

/* ---- tests ---- */

static void the_same_again(void **state)
{
	struct store *s = MEM_NEW(struct store);
	struct buf b = {0};
	uint64_t r = 1;

	store_new(s, 16);
	for (size_t n = 0; n < 3000; n += 37) {
		b.n = 0;
		add_text(&b, &r, n);
		assert_int_equal(keep(s, buf_str(&b), 1), n);
		if (n >= 256)
			assert_int_equal(keep(s, buf_str(&b), 1), 0);
		else
			keep(s, buf_str(&b), 1);
		assert_true(keep(s, buf_str(&b), 3) < 3 * 256);
	}
	buf_free(&b);
	store_free(s);
	free(s);
}

/* history + new + tools: what is stored is what is new, to the byte. */
static void a_conversation(void **state)
{
	struct store *s = MEM_NEW(struct store);
	struct buf history = {0}, tools = {0}, b = {0};
	uint64_t r = 2;

	store_new(s, 16);
	add_text(&tools, &r, 5000);
	add_text(&history, &r, 20000);
	for (int turn = 0; turn < 400; turn++) {
		size_t n = 500 + next(&r) % 3000, new;

		add_text(&history, &r, n);
		b.n = 0;
		buf_adds(&b, buf_str(&history));
		buf_adds(&b, buf_str(&tools));
		new = keep(s, buf_str(&b), 1);
		if (turn > 1)
			assert_true(new <= n + 2);
	}
	buf_free(&b);
	buf_free(&history);
	buf_free(&tools);
	store_free(s);
	free(s);
}

/* 200 of them in turn, with the same tools and system prompt. */
static void many_conversations(void **state)
{
	enum { CHATS = 200, TURNS = 12 };
	struct store *s = MEM_NEW(struct store);
	struct buf chat[CHATS] = {0}, tools = {0}, b = {0};
	uint64_t r = 3;

	store_new(s, 16);
	add_text(&tools, &r, 3000);
	for (int i = 0; i < CHATS; i++)
		buf_adds(&chat[i], buf_str(&tools));
	for (int turn = 0; turn < TURNS; turn++)
		for (int i = 0; i < CHATS; i++) {
			size_t new;

			add_text(&chat[i], &r, 1000);
			b.n = 0;
			buf_adds(&b, buf_str(&chat[i]));
			buf_adds(&b, buf_str(&tools));
			new = keep(s, buf_str(&b), 1);
			if (turn > 1)
				assert_true(new <= 1002);
		}
	assert_true(rope_memory(s->rope) < 40 << 20);
	for (int i = 0; i < CHATS; i++)
		buf_free(&chat[i]);
	buf_free(&b);
	buf_free(&tools);
	store_free(s);
	free(s);
}

/* Frames of one body each: a rope does not reach back without end. */
static void frames_are_bounded(void **state)
{
	struct store *s = MEM_NEW(struct store);
	struct buf b = {0};
	uint64_t r = 4;
	int whole = 0;

	store_new(s, 1);
	for (int turn = 0; turn < 350; turn++) {
		add_text(&b, &r, 400);
		whole += keep(s, buf_str(&b), 1) > 10000;
	}
	assert_in_range(whole, 2, 4);
	buf_free(&b);
	store_free(s);
	free(s);
}

/* Edits anywhere, in any slices. */
static void random_edits(void **state)
{
	struct store *s = MEM_NEW(struct store);
	struct buf b = {0}, c = {0};
	uint64_t r = 5;

	store_new(s, 7);
	add_text(&b, &r, 9000);
	for (int i = 0; i < 3000; i++) {
		size_t a = next(&r) % (b.n + 1), z = a + next(&r) % 600;

		z = z < b.n ? z : b.n;
		c.n = 0;
		buf_add(&c, b.p, a);
		add_text(&c, &r, next(&r) % (b.n > 20000 ? 2 : 900));
		buf_add(&c, b.p + z, b.n - z);
		keep(s, buf_str(&c), 1 + (unsigned)(next(&r) % 3));
		b.n = 0;
		buf_adds(&b, buf_str(&c));
	}
	buf_free(&b);
	buf_free(&c);
	store_free(s);
	free(s);
}

/* Strangers by the thousand: memory stays bounded. */
static void memory_is_bounded(void **state)
{
	struct store *s = MEM_NEW(struct store);
	struct buf b = {0};
	uint64_t r = 6;

	store_new(s, 100);
	for (int i = 0; i < 12000; i++) {
		b.n = 0;
		for (int k = 0; k < 1000; k++) {
			uint64_t v = next(&r);

			buf_add(&b, &v, sizeof v);
		}
		assert_int_equal(keep(s, buf_str(&b), 1), b.n);
		s->frame[s->at].n = 0; /* nobody will ask for it */
	}
	assert_true(rope_memory(s->rope) < 32 << 20);
	buf_free(&b);
	store_free(s);
	free(s);
}

static void dropped_tracks(void **state)
{
	struct rope *r = rope_new();
	struct rope_track *k = rope_begin(r);
	struct rope_segs segs = {0};
	struct buf literals = {0};

	rope_add(r, k, STR("hello"), false, 1, &literals, &segs);
	rope_drop(k);
	rope_drop(NULL);
	rope_end(r, rope_begin(r));
	rope_segs_free(&segs);
	buf_free(&literals);
	rope_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_again),
		cmocka_unit_test(a_conversation),
		cmocka_unit_test(many_conversations),
		cmocka_unit_test(frames_are_bounded),
		cmocka_unit_test(random_edits),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(dropped_tracks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
