/* SPDX-License-Identifier: MIT */
/* Answers: every file of the corpus (chat_rig.h says how they begin) is read
 * in all pieces; what must be noticed is noticed, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>
#include <zlib.h>

#include "chat_rig.h"

/* ---- the corpus ---- */

typedef void run_fn(const char *name, const struct chat_sample *s,
		    unsigned *wrong);

static void for_each_sample(run_fn *run)
{
	DIR *d = opendir(CORPUS);
	struct dirent *e;
	unsigned n = 0, wrong = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char path[1024];
		struct chat_sample s;
		struct buf file;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", CORPUS, e->d_name);
		file = chat_file(path);
		s = chat_sample_read(buf_str(&file));
		run(e->d_name, &s, &wrong);
		buf_free(&file);
		n++;
	}
	closedir(d);
	assert_true(n > 90);
	assert_int_equal(wrong, 0);
}

static void check_quirks(const char *name, const struct chat_sample *s,
			 unsigned *wrong)
{
	struct chat *c = chat_sample_run(s, 0);
	struct buf seen = {0};

	chat_quirks(c, &seen);
	if (!str_eq(buf_str(&seen), s->quirks)) {
		print_error("%s: noticed \"%.*s\", expected \"%.*s\"\n", name,
			    STR_ARG(buf_str(&seen)), STR_ARG(s->quirks));
		(*wrong)++;
	}
	buf_free(&seen);
	chat_free(c);
}

static void quirks_are_those_of_the_sample(void **state)
{
	for_each_sample(check_quirks);
}

static struct buf dump(struct chat *c)
{
	struct buf b = {0};

	chat_dump(c, &b);
	chat_free(c);
	return b;
}

static void same(const char *name, size_t at, const struct buf *one,
		 struct chat *c, unsigned *wrong)
{
	struct buf two = dump(c);

	if (!str_eq(buf_str(one), buf_str(&two))) {
		print_error("%s at %zu:\n%.*s\nis not\n%.*s", name, at,
			    STR_ARG(buf_str(&two)), STR_ARG(buf_str(one)));
		(*wrong)++;
	}
	buf_free(&two);
}

static void check_splits(const char *name, const struct chat_sample *s,
			 unsigned *wrong)
{
	struct buf one = dump(chat_sample_run(s, 0));

	/* A cut in each place is covered by pieces of one byte, and by cuts
	 * in the short ones, as the whole is fed once for each. */
	for (size_t step = 1; step < 20; step += 3)
		same(name, step, &one, chat_sample_run(s, step), wrong);
	for (size_t at = 0; at < s->body.n;
	     at += s->body.n < 1500 ? 1 : s->body.n / 97)
		same(name, at, &one, chat_sample_cut(s, at), wrong);
	buf_free(&one);
}

static void any_split_says_the_same(void **state)
{
	for_each_sample(check_splits);
}

static void check_template(const char *name, const struct chat_sample *s,
			   unsigned *wrong)
{
	struct buf full = dump(chat_sample_full(s));

	same(name, 0, &full, chat_sample_run(s, 0), wrong);
	buf_free(&full);
}

static void templates_change_nothing(void **state)
{
	for_each_sample(check_template);
}

/* ---- single answers ---- */

static struct chat *load(const char *name, struct buf *file)
{
	char path[1024];
	struct chat_sample s;

	snprintf(path, sizeof path, "%s/%s", CORPUS, name);
	*file = chat_file(path);
	s = chat_sample_read(buf_str(file));
	return chat_sample_run(&s, 0);
}

static void is(const struct buf *b, const char *want)
{
	if (!str_eq(buf_str(b), str_of(want)))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(buf_str(b)), want);
}

static void calls_are_put_together(void **state)
{
	struct buf file;
	struct chat *c = load("tools", &file);
	const struct choice *h = chat_answer(c)->choices;

	assert_int_equal(h->n_calls, 2);
	is(&h->calls[0].id, "functions.get_weather:0");
	is(&h->calls[0].arguments, "{\"city\":\"Köln \"x\"\"}");
	is(&h->calls[1].name, "get_time");
	is(&h->calls[1].arguments, "{\"tz\":\"UTC\"}");
	is(&h->finish, "tool_calls");
	chat_free(c);
	buf_free(&file);
}

static void calls_under_one_index_stay_apart(void **state)
{
	static const char *const names[] = {"bug-tool_index_zero", "gemini"};

	for (int i = 0; i < 2; i++) {
		struct buf file;
		struct chat *c = load(names[i], &file);
		const struct choice *h = chat_answer(c)->choices;

		assert_int_equal(h->n_calls, 2);
		is(&h->calls[1].arguments, i ? "{\"n\":2}" : "{\"x\":1}");
		chat_free(c);
		buf_free(&file);
	}
}

static void reasoning_has_many_names(void **state)
{
	struct buf file;
	struct chat *c = load("openrouter", &file);
	const struct choice *h = chat_answer(c)->choices;

	assert_int_equal(h->n_pieces, 2);
	assert_int_equal(h->pieces[0].name, REASONING_REASONING);
	assert_int_equal(h->pieces[1].name, REASONING_DETAILS);
	assert_true(
		str_eq(buf_str(&h->reasoning), buf_str(&h->pieces[1].text)));
	is(&h->pieces[1].signature, "c2ln");
	assert_true(str_starts(buf_str(&h->pieces[1].raw),
			       STR("{\"type\":\"reasoning.text\","
				   "\"format\":\"unknown\",\"index\":0,"
				   "\"text\":\"Hello \\\"world\\\"\\u000a")));
	chat_free(c);
	buf_free(&file);
}

static void both_names_count_once(void **state)
{
	struct buf file;
	struct chat *c = load("vllm-both-names", &file);
	const struct choice *h = chat_answer(c)->choices;

	assert_int_equal(h->n_pieces, 2);
	assert_true(
		str_eq(buf_str(&h->reasoning), buf_str(&h->pieces[0].text)));
	assert_true(str_eq(buf_str(&h->pieces[0].text),
			   buf_str(&h->pieces[1].text)));
	chat_free(c);
	buf_free(&file);
}

static void signatures_lie_on_calls(void **state)
{
	struct buf file;
	struct chat *c = load("gemini", &file);
	const struct choice *h = chat_answer(c)->choices;

	is(&h->calls[0].signature, "CpQB1==");
	assert_int_equal(h->n_pieces, 3);
	assert_int_equal(h->pieces[1].name, REASONING_SIGNATURE);
	is(&h->pieces[1].id, "function-call-2");
	is(&h->pieces[2].signature, "Cg==");
	chat_free(c);
	buf_free(&file);
}

static void usage_is_found_where_it_is(void **state)
{
	static const struct {
		const char *name;
		enum usage_place place;
		int64_t completion, cached;
	} rows[] = {{"kimi", USAGE_CHOICE, 7, 4},
		    {"kimi-usage", USAGE_CHOICE, 7, 4},
		    {"vllm", USAGE_FRAME, 7, 4},
		    {"vllm-running-usage", USAGE_TOP, 9, USAGE_NONE},
		    {"deepseek", USAGE_TOP, 30, 0},
		    {"openrouter", USAGE_TOP, 7, 4},
		    {"whole", USAGE_TOP, 7, 4}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf file;
		struct chat *c = load(rows[i].name, &file);
		const struct usage *u = &chat_answer(c)->usage;

		assert_int_equal(u->place, rows[i].place);
		assert_int_equal(u->completion, rows[i].completion);
		assert_int_equal(u->cached, rows[i].cached);
		chat_free(c);
		buf_free(&file);
	}
}

static void errors_are_read_in_every_spelling(void **state)
{
	static const char *const rows[][3] = {
		{"error-400",
		 "invalid temperature: only 1 is allowed for this model", ""},
		{"error-vllm", "bad", "400"},
		{"error-text", "slow down", ""},
		{"error-google", "API key not valid.", "400"},
		{"minimax-error", "login fail", "1004"},
		{"openrouter-error", "Provider returned error", "502"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf file;
		struct chat *c = load(rows[i][0], &file);
		const struct answer *a = chat_answer(c);

		assert_true(a->error);
		is(&a->error_message, rows[i][1]);
		is(&a->error_code, rows[i][2]);
		chat_free(c);
		buf_free(&file);
	}
}

static void an_answer_is_an_object(void **state)
{
	struct buf file, json = {0};
	struct chat *c = load("whole-tools", &file);

	answer_to_json(chat_answer(c), &json);
	is(&json,
	   "{\"status\":200,\"streamed\":false,\"done\":true,"
	   "\"model\":\"kimi-k2.6\",\"content\":null,\"reasoning\":null,"
	   "\"reasoning_name\":\"\",\"tool_calls\":["
	   "{\"id\":\"functions.f:0\",\"type\":\"function\",\"name\":\"f\","
	   "\"arguments\":\"{\\\"a\\\":1}\",\"arguments_json\":{\"a\":1}},"
	   "{\"id\":\"functions.f:1\",\"type\":\"function\",\"name\":\"f\","
	   "\"arguments\":\"{}\",\"arguments_json\":{}}],"
	   "\"finish_reason\":\"tool_calls\",\"refusal\":null,"
	   "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":7,"
	   "\"total_tokens\":17,\"cached_tokens\":4},\"choices\":1,"
	   "\"error\":null}");
	chat_free(c);
	buf_free(&file);
	buf_free(&json);
}

/* ---- where and when ---- */

static void places_and_clocks_are_kept(void **state)
{
	static const char first[] =
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":"
		"\"assistant\"},\"finish_reason\":null}]}\n\n";
	static const char second[] =
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":"
		"\"abc\"},\"finish_reason\":\"\"}]}\n\n";
	struct chat_asked asked = {.known = true, .stream = true};
	struct chat *c = chat_new(DIALECT_CHAT, &asked, NULL);
	const struct answer *a = chat_answer(c);
	size_t at = sizeof first - 1 + (size_t)(strstr(second, "abc") - second);

	chat_head(c, 200, STR("text/event-stream"), STR(""));
	chat_feed(c, str_of(first), 5);
	assert_int_equal(a->n_quirks, 0);
	chat_feed(c, str_of(second), 6);
	assert_int_equal(a->n_quirks, 1);
	assert_int_equal(a->quirks[QUIRK_finish_empty].at, 6);
	assert_int_equal(a->choices[0].content_at, at);
	assert_int_equal(a->first_text_at, 6);
	assert_int_equal(a->text_events, 1);
	assert_int_equal(a->largest_text, 3);
	assert_false(a->whole);
	chat_end(c, CHAT_UNSEEN);
	assert_false(a->whole);
	assert_int_equal(a->n_quirks, 1);
	chat_free(c);
}

static void codings_are_undone(void **state)
{
	struct chat_asked asked = {.known = true};
	struct str body = STR("{\"object\":\"chat.completion\",\"choices\":[{"
			      "\"index\":0,\"message\":{\"role\":\"assistant\","
			      "\"content\":\"hi\"},\"finish_reason\":\"stop\"}]"
			      ",\"usage\":{\"prompt_tokens\":1}}");
	unsigned char packed[1024];
	unsigned long n = sizeof packed;

	assert_int_equal(
		compress(packed, &n, (const unsigned char *)body.p, body.n),
		Z_OK);
	for (int whole = 0; whole < 2; whole++) {
		struct chat *c = chat_new(DIALECT_CHAT, &asked, NULL);
		const struct answer *a = chat_answer(c);

		chat_head(c, 200, STR("application/json"), STR("deflate"));
		chat_feed(c, (struct str){(char *)packed, n - 9 + whole * 9},
			  1);
		chat_end(c, CHAT_WHOLE);
		assert_int_equal(a->whole, whole);
		assert_int_equal(a->n_quirks, whole ? 0 : a->n_quirks);
		if (whole)
			is(&a->choices[0].content, "hi");
		chat_free(c);
	}
}

/* ---- limits and hostile bytes ---- */

static void feed_all(struct chat *c, struct str body)
{
	chat_head(c, 200, STR("text/event-stream"), STR(""));
	chat_feed(c, body, 1);
	chat_end(c, CHAT_WHOLE);
}

static void limits_cut_and_nothing_is_absent(void **state)
{
	static const struct chat_limits rows[] = {
		{.decoded = 900}, {.event = 100}, {.text = 10}};
	struct buf file;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct chat_asked asked = {.known = true, .stream = true};
		struct chat *c = chat_new(DIALECT_CHAT, &asked, &rows[i]);
		const struct answer *a = chat_answer(c);
		struct chat_sample s;

		file = chat_file(CORPUS "/kimi");
		s = chat_sample_read(buf_str(&file));
		feed_all(c, s.body);
		assert_true(a->cut && !a->whole && a->blind);
		assert_int_equal(a->n_quirks, 0);
		chat_free(c);
		buf_free(&file);
	}
}

static void deep_nesting_is_unknown(void **state)
{
	struct chat_asked asked = {.known = true, .stream = true};
	struct chat *c = chat_new(DIALECT_CHAT, &asked, NULL);
	const struct answer *a = chat_answer(c);
	struct buf b = {0};

	buf_adds(&b, STR("data: {\"x\":"));
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, '[');
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, ']');
	buf_adds(&b, STR("}\n\n"));
	feed_all(c, buf_str(&b));
	assert_true(a->cut && !a->whole);
	assert_int_equal(a->n_quirks, 0);
	chat_free(c);
	buf_free(&b);
}

/* ---- words ---- */

static void dialects_are_told_by_the_path(void **state)
{
	static const struct {
		const char *method, *path;
		enum dialect d;
	} rows[] = {
		{"POST", "/v1/chat/completions", DIALECT_CHAT},
		{"POST", "/openai/deployments/x/chat/completions?api-version=1",
		 DIALECT_CHAT},
		{"POST", "/kimi/v1/completions", DIALECT_COMPLETIONS},
		{"POST", "/v1/responses/", DIALECT_RESPONSES},
		{"POST", "/anthropic/v1/messages?beta=true", DIALECT_MESSAGES},
		{"POST", "/v1/messages/count_tokens", DIALECT_NONE},
		{"POST", "/v1/threads/t_1/messages", DIALECT_NONE},
		{"GET", "/v1/chat/completions", DIALECT_NONE},
		{"POST", "/v1/models", DIALECT_NONE},
		{"POST", "", DIALECT_NONE}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(dialect_of(str_of(rows[i].method),
					    str_of(rows[i].path)),
				 rows[i].d);
	for (int d = 0; d < DIALECTS; d++)
		assert_int_equal(dialect_named(str_of(dialect_name(d))), d);
	assert_int_equal(dialect_named(STR("chats")), -1);
	for (int q = 0; q < QUIRKS; q++)
		assert_int_equal(quirk_of(str_of(quirk_rows[q].name)), q);
	assert_int_equal(quirk_of(STR("none")), -1);
	assert_string_equal(reasoning_name(REASONING_ITEM), "reasoning_item");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(quirks_are_those_of_the_sample),
		cmocka_unit_test(any_split_says_the_same),
		cmocka_unit_test(templates_change_nothing),
		cmocka_unit_test(calls_are_put_together),
		cmocka_unit_test(calls_under_one_index_stay_apart),
		cmocka_unit_test(reasoning_has_many_names),
		cmocka_unit_test(both_names_count_once),
		cmocka_unit_test(signatures_lie_on_calls),
		cmocka_unit_test(usage_is_found_where_it_is),
		cmocka_unit_test(errors_are_read_in_every_spelling),
		cmocka_unit_test(an_answer_is_an_object),
		cmocka_unit_test(places_and_clocks_are_kept),
		cmocka_unit_test(codings_are_undone),
		cmocka_unit_test(limits_cut_and_nothing_is_absent),
		cmocka_unit_test(deep_nesting_is_unknown),
		cmocka_unit_test(dialects_are_told_by_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
