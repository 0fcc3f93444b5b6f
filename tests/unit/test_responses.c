/* SPDX-License-Identifier: MIT */
/* Answers of OpenAI Responses, beyond what test_chat reads of the corpus. */
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

static void check_words(const struct choice *h)
{
	const struct reasoning *r = h->pieces;

	is(&h->role, "assistant");
	is(&h->content, "I add \u00e4 \U0001f600");
	is(&h->refusal, "No.");
	is(&h->finish, "completed");
	is(&h->reasoning, "First.\nThen.");
	assert_int_equal(h->n_pieces, 1);
	assert_int_equal(r->name, REASONING_ITEM);
	is(&r->id, "rs_1");
	is(&r->signature, "c2VhbGVk");
	is(&r->text, "First.\nThen.");
	is(&r->raw, "{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":["
		    "{\"type\":\"summary_text\",\"text\":\"First.\"},"
		    "{\"type\":\"summary_text\",\"text\":\"Then.\"}],"
		    "\"encrypted_content\":\"c2VhbGVk\"}");
	assert_int_equal(h->n_calls, 2);
	is(&h->calls[0].id, "call_1");
	is(&h->calls[0].name, "add");
	is(&h->calls[0].arguments, "{\"a\":[1,2.50]}");
	is(&h->calls[1].type, "custom_tool_call");
	is(&h->calls[1].arguments, "ls -l");
}

static void check_rich(const char *path)
{
	struct chat *c = run(path);
	const struct answer *a = chat_answer(c);

	assert_true(a->whole && a->done);
	assert_int_equal(a->n_choices, 1);
	is(&a->id, "resp_1");
	is(&a->model, "gpt-5");
	is(&a->service_tier, "default");
	check_words(a->choices);
	assert_int_equal(a->usage.prompt, 40);
	assert_int_equal(a->usage.cached, 8);
	assert_int_equal(a->usage.completion, 30);
	assert_int_equal(a->usage.reasoning, 12);
	assert_int_equal(a->usage.total, 70);
	assert_int_equal(a->echo_n, 4);
	is(&a->echo, "{\"max_output_tokens\":null,\"temperature\":1.0,"
		     "\"tool_choice\":\"auto\",\"top_p\":0.980}");
	chat_free(c);
}

static void all_of_an_answer_is_kept(void **state)
{
	check_rich(CORPUS "/responses-rich");
	check_rich(CORPUS "/responses-rich-whole");
}

static void how_it_ended(void **state)
{
	struct chat *c = run(CORPUS "/responses-incomplete-stream");

	is(&chat_answer(c)->choices->finish, "incomplete");
	is(&chat_answer(c)->choices->finish_detail, "max_output_tokens");
	chat_free(c);
	c = run(CORPUS "/bug-responses-error_in_200-2");
	assert_true(chat_answer(c)->error && chat_answer(c)->done);
	is(&chat_answer(c)->error_code, "server_error");
	is(&chat_answer(c)->choices->finish, "failed");
	chat_free(c);
}

static void calls_at_once_stay_apart(void **state)
{
	struct chat *c = run(CORPUS "/responses-calls-at-once");
	const struct choice *h = chat_answer(c)->choices;

	assert_int_equal(h->n_calls, 2);
	is(&h->calls[0].arguments, "{}");
	is(&h->calls[1].arguments, "[]");
	chat_free(c);
}

/* Words that come in no delta come at the end. */
static void the_text_is_found_wherever_it_is(void **state)
{
	static const char *const files[] = {
		CORPUS "/responses-short",
		CORPUS "/responses-output-at-the-end",
		CORPUS "/responses-no-items", CORPUS "/responses-no-deltas"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct chat *c = run(files[i]);

		is(&chat_answer(c)->choices->content, "Hi");
		chat_free(c);
	}
}

static void too_much_is_cut(void **state)
{
	struct chat_asked asked = {.known = true, .stream = true};
	struct chat *c = chat_new(DIALECT_RESPONSES, &asked, NULL);
	struct buf b = {0};

	chat_head(c, 200, STR("text/event-stream"), STR(""));
	for (unsigned i = 0; i < 70000; i++) {
		b.n = 0;
		buf_addf(&b,
			 "data: {\"type\":\"response.output_text.delta\","
			 "\"output_index\":%u,\"content_index\":%u,"
			 "\"sequence_number\":%u,\"delta\":\"x\"}\n\n",
			 i / 2, i, i);
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
		cmocka_unit_test(how_it_ended),
		cmocka_unit_test(calls_at_once_stay_apart),
		cmocka_unit_test(the_text_is_found_wherever_it_is),
		cmocka_unit_test(too_much_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
