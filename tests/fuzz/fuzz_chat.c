/* SPDX-License-Identifier: MIT */
/*
 * Answers of all dialects (chat_rig.h says how a file begins): whatever the
 * pieces in which they come, and with templates or without, the answer is the
 * same; limits hold.
 */
#include <assert.h>

#include "tests/unit/chat_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf dump(struct chat *c)
{
	struct buf b = {0};

	chat_dump(c, &b);
	chat_free(c);
	return b;
}

static void check_same(const struct buf *one, struct chat *c)
{
	struct buf two = dump(c);

	assert(str_eq(buf_str(one), buf_str(&two)));
	buf_free(&two);
}

/* With hardly any room: the answer is cut, not wrong. */
static void check_limits(const struct chat_sample *s)
{
	static const struct chat_limits tight = {.decoded = 4000,
						 .event = 300,
						 .text = 40,
						 .calls = 2,
						 .choices = 2};
	struct chat *c = chat_new(s->dialect, &s->asked, &tight);
	const struct answer *a = chat_answer(c);

	chat_head(c, s->status, s->type, STR(""));
	chat_feed(c, s->body, 1);
	chat_end(c, s->ending);
	assert(a->bytes <= tight.decoded && a->n_choices <= tight.choices);
	assert(!a->cut || (!a->whole && a->blind));
	for (size_t i = 0; i < a->n_choices; i++) {
		assert(a->choices[i].content.n <= tight.text);
		assert(a->choices[i].n_calls <= tight.calls);
	}
	chat_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chat_sample s =
		chat_sample_read((struct str){(const char *)data, size});
	struct buf one = dump(chat_sample_run(&s, 0));

	check_same(&one, chat_sample_run(&s, 1));
	check_same(&one, chat_sample_run(&s, 7));
	check_same(&one, chat_sample_full(&s));
	check_limits(&s);
	buf_free(&one);
	return 0;
}
