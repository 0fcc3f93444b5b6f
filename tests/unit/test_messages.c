/* SPDX-License-Identifier: MIT */
/* Answers of Anthropic messages, beyond what test_chat reads of the corpus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "chat_rig.h"

static struct chat *run(const char *path)
{
	struct buf file = chat_file(path);
	struct chat_sample s = chat_sample_read(buf_str(&file));
	struct chat *c = chat_sample_run(&s, 0);

	buf_free(&file);
	return c;
}

static void is(const struct buf *b, const char *want)
{
	assert_true(str_eq(buf_str(b), str_of(want)));
}

static void check_rich(const char *path)
{
	struct chat *c = run(path);
	const struct answer *a = chat_answer(c);
	const struct choice *h = a->choices;

	assert_true(a->whole && a->done);
	assert_int_equal(a->n_choices, 1);
	is(&a->id, "msg_1");
	is(&a->model, "claude");
	is(&a->service_tier, "standard");
	is(&h->role, "assistant");
	is(&h->content, "I add \u00e4\" \u4e2d\U0001f600");
	is(&h->reasoning, "Let me see.\nSo.");
	is(&h->finish, "tool_use");
	assert_int_equal(h->n_pieces, 2);
	assert_int_equal(h->pieces[0].name, REASONING_THINKING);
	is(&h->pieces[0].signature, "c2lnbg==");
	assert_int_equal(h->pieces[1].name, REASONING_REDACTED);
	is(&h->pieces[1].signature, "ZGF0YQ==");
	assert_int_equal(h->n_calls, 2);
	is(&h->calls[0].id, "toolu_1");
	is(&h->calls[0].arguments, "{\"a\":[1,2.50]}");
	is(&h->calls[1].arguments, "{}");
	assert_int_equal(a->usage.prompt, 127);
	assert_int_equal(a->usage.cached, 100);
	assert_int_equal(a->usage.completion, 15);
	assert_int_equal(a->usage.place, USAGE_EVENT);
	chat_free(c);
}

static void all_of_an_answer_is_kept(void **state)
{
	check_rich(CORPUS "/messages-rich");
	check_rich(CORPUS "/messages-rich-whole");
}

static void check_prompt(const char *path, int64_t prompt)
{
	struct chat *c = run(path);

	assert_int_equal(chat_answer(c)->usage.prompt, prompt);
	chat_free(c);
}

static void the_prompt_is_counted_once(void **state)
{
	check_prompt(CORPUS "/messages-kimi", 16);
	check_prompt(CORPUS "/messages-vendor-tool", 900);
	check_prompt(CORPUS "/messages-usage-again", 127);
}

/* What message_start counts was said before anything was. */
static void a_first_count_is_none(void **state)
{
	struct chat *c = run(CORPUS "/messages-unseen");

	assert_int_equal(chat_answer(c)->usage.prompt, 127);
	assert_true(chat_answer(c)->usage.completion == USAGE_NONE);
	chat_free(c);
}

static void input_is_read_once(void **state)
{
	struct chat *c = run(CORPUS "/messages-input-at-once");
	const struct choice *h = chat_answer(c)->choices;

	is(&h->calls[0].arguments, "{\"a\":1}");
	is(&h->calls[1].arguments, "{\"a\":1}");
	chat_free(c);
}

static void too_much_is_cut(void **state)
{
	struct chat_asked asked = {.known = true, .stream = true};
	struct chat *c = chat_new(DIALECT_MESSAGES, &asked, NULL);
	struct buf b = {0};

	chat_head(c, 200, STR("text/event-stream"), STR(""));
	for (unsigned i = 0; i < 70000; i++) {
		b.n = 0;
		buf_addf(&b,
			 "data: {\"type\":\"content_block_start\",\"index\":%u,"
			 "\"content_block\":{\"type\":\"text\"}}\n\n",
			 i);
		chat_feed(c, buf_str(&b), 1);
	}
	chat_end(c, CHAT_WHOLE);
	assert_true(chat_answer(c)->cut);
	assert_false(chat_answer(c)->whole);
	assert_false(chat_answer(c)->quirks[QUIRK_done_missing].seen);
	chat_free(c);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_an_answer_is_kept),
		cmocka_unit_test(the_prompt_is_counted_once),
		cmocka_unit_test(a_first_count_is_none),
		cmocka_unit_test(input_is_read_once),
		cmocka_unit_test(too_much_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
