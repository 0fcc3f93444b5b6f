/* SPDX-License-Identifier: MIT */
/*
 * Checks one by one: a request, an answer, and the rules that must find
 * something in it, and no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "judge_rig.h"

/* ---- requests ---- */

#define HELLO                                                                  \
	"\"messages\":[{\"role\":\"user\","                                    \
	"\"content\":\"Hello there\"}]"
#define ASK(more)  "{\"model\":\"practice-1\"," HELLO more "}"
#define KIMI(more) "{\"model\":\"kimi-k2.6\"," HELLO more "}"
#define TOOL                                                                   \
	"{\"type\":\"function\",\"function\":{\"name\":\"add\","               \
	"\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":"           \
	"{\"type\":\"integer\"}},\"required\":[\"a\"]}}}"
#define TOOLS ",\"tools\":[" TOOL "]"

/* ---- answers ---- */

#define USAGE(p, c, t)                                                         \
	"\"usage\":{\"prompt_tokens\":" #p ",\"completion_tokens\":" #c        \
	",\"total_tokens\":" #t "}"
#define BODY(model, choices, usage)                                            \
	"{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,"         \
	"\"model\":\"" model "\",\"choices\":[" choices "]," usage "}"
#define CHOICE(i, message, finish)                                             \
	"{\"index\":" #i ",\"message\":{\"role\":\"assistant\"," message       \
	"},\"finish_reason\":\"" finish "\"}"
#define TEXT(text)  "\"content\":\"" text "\""
#define THINK(text) "\"reasoning_content\":\"" text "\""
#define CALL(id, name, args)                                                   \
	"{\"id\":\"" id                                                        \
	"\",\"type\":\"function\",\"function\":{\"name\":\"" name              \
	"\",\"arguments\":\"" args "\"}}"
#define CALLS(calls) "\"content\":null,\"tool_calls\":[" calls "]"
#define PLAIN(message, finish)                                                 \
	BODY("practice-1", CHOICE(0, message, finish), USAGE(9, 5, 14))
#define GOOD_CALL                                                              \
	PLAIN(CALLS(CALL("call_1", "add", "{\\\"a\\\":1}")), "tool_calls")

#define MESSAGES "/v1/messages"
#define ASK_MESSAGES(more)                                                     \
	"{\"model\":\"practice-1\",\"max_tokens\":100," HELLO more "}"
#define BLOCKS(blocks, stop)                                                   \
	"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","       \
	"\"model\":\"practice-1\",\"content\":[" blocks "],"                   \
	"\"stop_reason\":\"" stop "\",\"stop_sequence\":null,\"usage\":{"      \
	"\"input_tokens\":9,\"output_tokens\":5}}"
#define BLOCK(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define USES                                                                   \
	"{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"add\","          \
	"\"input\":{\"a\":1}}"
#define MESSAGES_TOOLS                                                         \
	",\"tools\":[{\"name\":\"add\",\"input_schema\":{\"type\":"            \
	"\"object\",\"required\":[\"a\"]}}]"

#define RESPONSES "/v1/responses"
#define ASK_RESPONSES(more)                                                    \
	"{\"model\":\"practice-1\",\"input\":\"Hello there\"" more "}"
#define RESPONSE(items, status, more)                                          \
	"{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,"         \
	"\"status\":\"" status "\",\"model\":\"practice-1\"," more             \
	"\"output\":[" items "],\"usage\":{\"input_tokens\":9,"                \
	"\"output_tokens\":5,\"total_tokens\":14}}"
#define ITEM(text)                                                             \
	"{\"type\":\"message\",\"id\":\"msg_1\",\"status\":\"completed\","     \
	"\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","       \
	"\"text\":\"" text "\",\"annotations\":[]}]}"
#define CALLS_ITEM                                                             \
	"{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":"             \
	"\"call_1\",\"name\":\"add\",\"arguments\":\"{}\","                    \
	"\"status\":\"completed\"}"

struct trial {
	const char *what;
	const char *request, *answer;
	const char *rules; /* all that must be found, or "" */
	const char *fields;
	const char *path;
};

static const struct trial trials[] = {
	{"plain", ASK(""), PLAIN(TEXT("Good day"), "stop"), ""},
	{"a call", ASK(TOOLS), GOOD_CALL, ""},

	/* finish reasons */
	{"stop beside calls", ASK(TOOLS),
	 PLAIN(CALLS(CALL("call_1", "add", "{\\\"a\\\":1}")), "stop"),
	 "wire/finish_stop_with_calls"},
	{"stop beside a named call",
	 ASK(TOOLS ",\"tool_choice\":{\"type\":\"function\",\"function\":"
		   "{\"name\":\"add\"}}"),
	 PLAIN(CALLS(CALL("call_1", "add", "{\\\"a\\\":1}")), "stop"), ""},
	{"cut arguments, masked", ASK(TOOLS ",\"max_tokens\":5"),
	 PLAIN(CALLS(CALL("call_1", "add", "{\\\"a\\\"")), "tool_calls"),
	 "wire/finish_length_masked"},
	{"cut arguments, said", ASK(TOOLS ",\"max_tokens\":5"),
	 PLAIN(CALLS(CALL("call_1", "add", "{\\\"a\\\"")), "length"), ""},

	/* tools */
	{"arguments not JSON", ASK(TOOLS),
	 PLAIN(CALLS(CALL("call_1", "add", "{\\\"a\\\":")), "tool_calls"),
	 "wire/arguments_not_json"},
	{"arguments break the schema", ASK(TOOLS),
	 PLAIN(CALLS(CALL("call_1", "add", "{\\\"a\\\":\\\"x\\\"}")),
	       "tool_calls"),
	 "wire/arguments_schema"},
	{"the schema cannot be judged",
	 ASK(",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
	     "\"add\",\"parameters\":{\"$ref\":\"https://x.example/s\"}}}]"),
	 GOOD_CALL, ""},
	{"an unknown tool", ASK(TOOLS),
	 PLAIN(CALLS(CALL("call_1", "sub", "{\\\"a\\\":1}")), "tool_calls"),
	 "wire/tool_unknown"},
	{"a dynamic tool",
	 "{\"model\":\"practice-1\",\"messages\":[{\"role\":\"system\","
	 "\"content\":\"\",\"tools\":[" TOOL "]},{\"role\":\"user\","
	 "\"content\":\"Hello there\"}]}",
	 GOOD_CALL, ""},
	{"a call although none", ASK(TOOLS ",\"tool_choice\":\"none\""),
	 GOOD_CALL, "wire/call_although_none"},
	{"no call although required",
	 ASK(TOOLS ",\"tool_choice\":\"required\""),
	 PLAIN(TEXT("Good day"), "stop"), "wire/call_missing"},
	{"required, but the limit came first",
	 ASK(TOOLS ",\"tool_choice\":\"required\",\"max_tokens\":5"),
	 PLAIN(TEXT("Good day to you"), "length"), ""},
	{"another call than the named",
	 ASK(",\"tools\":[" TOOL ",{\"type\":\"function\",\"function\":"
	     "{\"name\":\"sub\"}}],\"tool_choice\":{\"type\":\"function\","
	     "\"function\":{\"name\":\"sub\"}}"),
	 GOOD_CALL, "wire/call_missing"},
	{"an id again",
	 "{\"model\":\"practice-1\",\"messages\":[{\"role\":\"user\","
	 "\"content\":\"Hello\"},{\"role\":\"assistant\",\"content\":null,"
	 "\"tool_calls\":[" CALL("call_1", "add",
				 "{\\\"a\\\":2}") "]},"
						  "{\"role\":\"tool\",\"tool_"
						  "call_id\":\"call_1\","
						  "\"content\":\"3\"}]" TOOLS
						  "}",
	 GOOD_CALL, "wire/tool_id_reused"},

	/* structured output */
	{"words for JSON",
	 ASK(",\"response_format\":{\"type\":\"json_object\"}"),
	 PLAIN(TEXT("Good day"), "stop"), "wire/response_format"},
	{"an array for an object",
	 ASK(",\"response_format\":{\"type\":\"json_object\"}"),
	 PLAIN(TEXT("[1]"), "stop"), "wire/response_format"},
	{"an object", ASK(",\"response_format\":{\"type\":\"json_object\"}"),
	 PLAIN(TEXT("{\\\"a\\\":1}"), "stop"), ""},
	{"cut JSON", ASK(",\"response_format\":{\"type\":\"json_object\"}"),
	 PLAIN(TEXT("{\\\"a\\\""), "length"), ""},
	{"breaks the strict schema",
	 ASK(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	     "{\"name\":\"x\",\"strict\":true,\"schema\":{\"type\":\"object\","
	     "\"required\":[\"b\"]}}}"),
	 PLAIN(TEXT("{\\\"a\\\":1}"), "stop"), "wire/response_format"},
	{"a wish is not a schema",
	 ASK(",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	     "{\"name\":\"x\",\"schema\":{\"type\":\"object\","
	     "\"required\":[\"b\"]}}}"),
	 PLAIN(TEXT("{\\\"a\\\":1}"), "stop"), ""},

	/* text */
	{"nothing said", ASK(""), PLAIN(TEXT(""), "stop"),
	 "wire/content_empty"},
	{"nothing, at a stop sequence", ASK(",\"stop\":\"x\""),
	 PLAIN(TEXT(""), "stop"), ""},
	{"nothing, at the limit", ASK(",\"max_tokens\":5"),
	 PLAIN(TEXT(""), "length"), ""},
	{"misplaced", ASK(""), PLAIN(TEXT("") "," THINK("It is so"), "stop"),
	 "wire/answer_in_reasoning"},
	{"stop included", ASK(",\"stop\":[\"zz\",\"day\"]"),
	 PLAIN(TEXT("Good day"), "stop"), "wire/stop_included"},
	{"stop ignored", ASK(",\"stop\":[\"zz\",\"Good\"]"),
	 PLAIN(TEXT("Good day"), "stop"), "wire/stop_ignored"},
	{"stop kept as asked",
	 ASK(",\"stop\":\"day\",\"include_stop_str_in_output\":true"),
	 PLAIN(TEXT("Good day"), "stop"), ""},
	{"stop in reasoning only", ASK(",\"stop\":\"day\""),
	 PLAIN(TEXT("Good") "," THINK("a day it is"), "stop"), ""},
	{"markup leaks", ASK(""),
	 PLAIN(TEXT("Well <|tool_call_begin|>functions.add:0"), "stop"),
	 "wire/tool_markup_leak"},
	{"markup that was asked about",
	 "{\"model\":\"practice-1\",\"messages\":[{\"role\":\"user\","
	 "\"content\":\"What is <|tool_call_begin|> for?\"}]}",
	 PLAIN(TEXT("<|tool_call_begin|> opens a call."), "stop"), ""},

	/* names and numbers */
	{"another model", ASK(""),
	 BODY("cheaper-8b", CHOICE(0, TEXT("Good day"), "stop"),
	      USAGE(9, 5, 14)),
	 "wire/model_differs"},
	{"a dated name", ASK(""),
	 BODY("vendor/Practice-1-2026-01-31",
	      CHOICE(0, TEXT("Good day"), "stop"), USAGE(9, 5, 14)),
	 ""},
	{"n ignored", ASK(",\"n\":2"), PLAIN(TEXT("Good day"), "stop"),
	 "wire/n_ignored"},
	{"n obeyed", ASK(",\"n\":2"),
	 BODY("practice-1",
	      CHOICE(0, TEXT("Good day"), "stop") "," CHOICE(1, TEXT("Hello"),
							     "stop"),
	      USAGE(9, 5, 14)),
	 ""},
	{"too many tokens", ASK(",\"max_tokens\":4"),
	 PLAIN(TEXT("Good day to you"), "length"), "wire/max_tokens_exceeded"},
	{"limit for each choice", ASK(",\"max_tokens\":4,\"n\":2"),
	 BODY("practice-1",
	      CHOICE(0, TEXT("Good day"), "length") "," CHOICE(1, TEXT("Hello"),
							       "length"),
	      USAGE(9, 8, 17)),
	 ""},
	{"no tokens", ASK(""),
	 BODY("practice-1", CHOICE(0, TEXT("Good day"), "stop"),
	      USAGE(9, 0, 9)),
	 "wire/usage_zero"},
	{"a wrong sum", ASK(""),
	 BODY("practice-1", CHOICE(0, TEXT("Good day"), "stop"),
	      USAGE(9, 5, 15)),
	 "wire/usage_total"},
	{"too many cached", ASK(""),
	 BODY("practice-1", CHOICE(0, TEXT("Good day"), "stop"),
	      "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5,"
	      "\"total_tokens\":14,\"prompt_tokens_details\":"
	      "{\"cached_tokens\":10}}"),
	 "wire/usage_cached"},
	{"tokens for no text", ASK(""),
	 BODY("practice-1", CHOICE(0, TEXT("Good day"), "stop"),
	      USAGE(9, 500, 509)),
	 "wire/usage_length"},
	{"tokens for hidden reasoning", ASK(""),
	 BODY("practice-1", CHOICE(0, TEXT("Good day"), "stop"),
	      "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":500,"
	      "\"total_tokens\":509,\"completion_tokens_details\":"
	      "{\"reasoning_tokens\":495}}"),
	 ""},
	{"prompt tokens from nowhere", ASK(""),
	 BODY("practice-1", CHOICE(0, TEXT("Good day"), "stop"),
	      USAGE(9000, 5, 9005)),
	 "wire/usage_prompt"},
	{"headers that differ", ASK(""), PLAIN(TEXT("Good day"), "stop"),
	 "wire/usage_headers", "X-Msh-Usage-Prompt-Tokens: 10\r\n"},
	{"headers that agree", ASK(""), PLAIN(TEXT("Good day"), "stop"), "",
	 "X-Msh-Usage-Prompt-Tokens: 9\r\n"},

	/* messages */
	{"messages", ASK_MESSAGES(""), BLOCKS(BLOCK("Good day"), "end_turn"),
	 "", NULL, MESSAGES},
	{"messages: a call", ASK_MESSAGES(MESSAGES_TOOLS),
	 BLOCKS(USES, "tool_use"), "", NULL, MESSAGES},
	{"messages: end_turn beside a call", ASK_MESSAGES(MESSAGES_TOOLS),
	 BLOCKS(USES, "end_turn"), "wire/finish_stop_with_calls", NULL,
	 MESSAGES},
	{"messages: no call although any",
	 ASK_MESSAGES(MESSAGES_TOOLS ",\"tool_choice\":{\"type\":\"any\"}"),
	 BLOCKS(BLOCK("Good day"), "end_turn"), "wire/call_missing", NULL,
	 MESSAGES},
	{"messages: stop included",
	 ASK_MESSAGES(",\"stop_sequences\":[\"day\"]"),
	 BLOCKS(BLOCK("Good day"), "stop_sequence"), "wire/stop_included", NULL,
	 MESSAGES},
	{"messages: cut at the limit", ASK_MESSAGES(""),
	 BLOCKS(BLOCK("Good day"), "max_tokens"), "", NULL, MESSAGES},

	/* responses */
	{"responses", ASK_RESPONSES(""),
	 RESPONSE(ITEM("Good day"), "completed", ""), "", NULL, RESPONSES},
	{"responses: a call of nobody's tool", ASK_RESPONSES(""),
	 RESPONSE(CALLS_ITEM, "completed", ""), "wire/tool_unknown", NULL,
	 RESPONSES},
	{"responses: tools that the vendor keeps",
	 ASK_RESPONSES(",\"previous_response_id\":\"resp_0\""),
	 RESPONSE(CALLS_ITEM, "completed", ""), "", NULL, RESPONSES},
	{"responses: another temperature",
	 ASK_RESPONSES(",\"temperature\":0.5"),
	 RESPONSE(ITEM("Good day"), "completed", "\"temperature\":1,"),
	 "wire/override_temperature", NULL, RESPONSES},
	{"responses: the same, written otherwise",
	 ASK_RESPONSES(",\"temperature\":1.0"),
	 RESPONSE(ITEM("Good day"), "completed", "\"temperature\":1,"), "",
	 NULL, RESPONSES},
};

/* All rules found, joined; of severity info not. */
static void found(const struct rig *g, int64_t id, struct buf *to)
{
	for (size_t i = 0; i < g->n_found; i++) {
		const struct rig_finding *f = &g->found[i];

		if (f->exchange != id || f->severity == SEVERITY_INFO)
			continue;
		if (to->n)
			buf_addc(to, ' ');
		buf_adds(to, str_of(f->rule));
	}
	buf_addc(to, '\0');
}

static void one_by_one(void **state)
{
	for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
		const struct trial *t = &trials[i];
		struct buf rules = {0};
		struct rig g;
		int64_t id;

		rig_open(&g, NULL);
		id = rig_say(&g, &(struct said){.request = t->request,
						.answer = t->answer,
						.fields = t->fields,
						.path = t->path});
		found(&g, id, &rules);
		if (strcmp(rules.p, t->rules) != 0)
			print_error("%s:\n", t->what);
		rig_count(&g, id);
		assert_string_equal(rules.p, t->rules);
		buf_free(&rules);
		rig_close(&g);
	}
}

/* ---- streams that are none ---- */

#define CHUNK(choice)                                                          \
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\","           \
	"\"created\":1,\"model\":\"practice-1\",\"choices\":[" choice "]}\n\n"
#define OPENS                                                                  \
	CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\","                \
	      "\"content\":\"\"},\"finish_reason\":null}")
#define STOPS                                                                  \
	CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}")         \
	"data: [DONE]\n\n"
#define SAYS(text)                                                             \
	CHUNK("{\"index\":0,\"delta\":{\"content\":\"" text "\"},"             \
	      "\"finish_reason\":null}")

static const char streamed[] = ASK(",\"stream\":true");

static void one_giant_event(void **state)
{
	struct buf text = {0};
	struct rig g;
	int64_t id;

	for (unsigned i = 0; i < 40; i++)
		buf_addf(&text, "word%u ", i * i);
	buf_addc(&text, '\0');
	for (unsigned pieces = 1; pieces <= 2; pieces++) {
		struct buf answer = {0};

		buf_adds(&answer, STR(OPENS));
		for (unsigned i = 0; i < pieces; i++)
			buf_addf(&answer, SAYS("%s"), text.p);
		buf_adds(&answer, STR(STOPS));
		buf_addc(&answer, '\0');
		rig_open(&g, NULL);
		id = rig_say(&g, &(struct said){.request = streamed,
						.answer = answer.p});
		assert_int_equal(
			rig_found(&g, id, "wire/fake_streaming", PARTY_VENDOR),
			pieces == 1);
		assert_int_equal(rig_count(&g, id), pieces == 1);
		rig_close(&g);
		buf_free(&answer);
	}
	buf_free(&text);
}

static void one_burst(void **state)
{
	static const uint64_t pace[] = {1000, 5 * NS_PER_MS};
	struct buf answer = {0};
	struct rig g;
	int64_t id;

	buf_adds(&answer, STR(OPENS));
	for (unsigned i = 0; i < 100; i++)
		buf_addf(&answer, SAYS("w%u "), i * i);
	buf_adds(&answer, STR(STOPS));
	buf_addc(&answer, '\0');
	for (unsigned i = 0; i < 2; i++) {
		rig_open(&g, NULL);
		id = rig_say(&g, &(struct said){.request = streamed,
						.answer = answer.p,
						.step = 160,
						.step_ns = pace[i],
						.wait_ns = 2 * NS_PER_S});
		assert_int_equal(
			rig_found(&g, id, "wire/fake_streaming", PARTY_VENDOR),
			i == 0);
		rig_close(&g);
	}
	buf_free(&answer);
}

/* ---- rate limits, noted ---- */

static void rate_limits_are_noted(void **state)
{
	struct rig g;
	int64_t id;

	rig_open(&g, NULL);
	id = rig_say(&g, &(struct said){
				 .request = ASK(""),
				 .answer = "{\"error\":{\"message\":\"slow\"}}",
				 .status = 429,
				 .fields = "Retry-After: 3\r\n"});
	assert_non_null(rig_finding(&g, id, "wire/rate_limit"));
	assert_string_equal(rig_finding(&g, id, "wire/rate_limit")->observed,
			    "status 429, Retry-After: 3");
	assert_int_equal(rig_count(&g, id), 0);
	id = rig_say(
		&g, &(struct said){
			    .request = ASK(""),
			    .answer = PLAIN(TEXT("Good day"), "stop"),
			    .fields = "X-RateLimit-Remaining-Tokens: 70\r\n"
				      "X-RateLimit-Remaining-Requests: 0\r\n"});
	assert_string_equal(rig_finding(&g, id, "wire/rate_limit")->observed,
			    "status 200, X-RateLimit-Remaining-Requests: 0");
	rig_close(&g);
}

/* ---- Kimi's own ---- */

static void modes_of_kimi(void **state)
{
	static const char thought[] =
		BODY("kimi-k2.6",
		     CHOICE(0, TEXT("Good day") "," THINK("Greet."), "stop"),
		     USAGE(9, 5, 14));
	static const char plain[] =
		BODY("kimi-k2.6", CHOICE(0, TEXT("Good day"), "stop"),
		     USAGE(9, 5, 14));
	static const char off[] = KIMI(",\"thinking\":{\"type\":\"disabled\"}");
	struct rig g;
	int64_t id;

	rig_open(&g, NULL);
	id = rig_say(&g,
		     &(struct said){.request = KIMI(""), .answer = thought});
	assert_int_equal(rig_count(&g, id), 0);
	id = rig_say(&g, &(struct said){.request = KIMI(""), .answer = plain});
	assert_true(
		rig_found(&g, id, "kimi-k2.6/reasoning_missing", PARTY_VENDOR));
	id = rig_say(&g, &(struct said){.request = off, .answer = plain});
	assert_int_equal(rig_count(&g, id), 0);
	id = rig_say(&g, &(struct said){.request = off, .answer = thought});
	assert_true(
		rig_found(&g, id, "kimi-k2.6/reasoning_unasked", PARTY_VENDOR));
	rig_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one), cmocka_unit_test(one_giant_event),
		cmocka_unit_test(one_burst),
		cmocka_unit_test(rate_limits_are_noted),
		cmocka_unit_test(modes_of_kimi)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
