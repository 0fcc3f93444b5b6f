/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chat_rig.h"
#include "rules/meaning/quirk.h"

#define STREAM(quirks) "responses stream | 200 text/event-stream | " quirks "\n"
#define WHOLE(quirks)  "responses | 200 application/json | " quirks "\n"

/* n: its sequence_number */
#define EVENT(n, type, rest)                                                   \
	"event: response." type "\ndata: {\"type\":\"response." type "\","     \
	"\"sequence_number\":" #n rest "}\n\n"
#define ITEM(n, type, i, item)                                                 \
	EVENT(n, "output_item." type, ",\"output_index\":" #i ",\"item\":" item)
#define PLACE(i, index) ",\"output_index\":" #i ",\"" index "\":0"
#define DELTA(n, type, i, text)                                                \
	EVENT(n, type ".delta",                                                \
	      PLACE(i, "content_index") ",\"delta\":\"" text                   \
					"\",\"logprobs\":[],"                  \
					"\"obfuscation\":\"" text text "z\"")
#define SAY(n, i, text) DELTA(n, "output_text", i, text)
#define SAID(n, i, text)                                                       \
	EVENT(n, "output_text.done",                                           \
	      PLACE(i, "content_index") ",\"text\":\"" text "\"")

#define RESPONSE(status, output, more)                                         \
	"{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"" status      \
	"\",\"error\":null,\"incomplete_details\":null,\"model\":\"gpt-5\","   \
	"\"output\":[" output "],\"temperature\":1.0,\"top_p\":0.980,"         \
	"\"max_output_tokens\":null,\"tool_choice\":\"auto\","                 \
	"\"service_tier\":\"default\"," more "}"
#define USAGE                                                                  \
	"\"usage\":{\"input_tokens\":40,\"input_tokens_details\":{"            \
	"\"cached_tokens\":8},\"output_tokens\":30,\"output_tokens_details\":" \
	"{\"reasoning_tokens\":12},\"total_tokens\":70}"
#define NO_USAGE "\"usage\":null"
#define CREATED(n)                                                             \
	EVENT(n, "created",                                                    \
	      ",\"response\":" RESPONSE("in_progress", "", NO_USAGE))
#define COMPLETED(n, output)                                                   \
	EVENT(n, "completed",                                                  \
	      ",\"response\":" RESPONSE("completed", output, USAGE))

#define MESSAGE(content)                                                       \
	"{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\","     \
	"\"content\":[" content "],\"role\":\"assistant\"}"
#define PART(text) "{\"type\":\"output_text\",\"text\":\"" text "\"}"
#define CALL(id, arguments)                                                    \
	"{\"id\":\"fc_1\",\"type\":\"function_call\",\"call_id\":\"" id        \
	"\",\"name\":\"add\",\"arguments\":" arguments "}"
#define THOUGHT(summary, secret)                                               \
	"{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[" summary        \
	"],\"encrypted_content\":\"" secret "\"}"
#define SUMMARY(text) "{\"type\":\"summary_text\",\"text\":\"" text "\"}"
/* A message of one word, told properly: 6 events. */
#define WORD(n0, n1, n2, n3, n4, text)                                         \
	ITEM(n0, "added", 0, MESSAGE(""))                                      \
	SAY(n1, 0, text)                                                       \
	SAID(n2, 0, text)                                                      \
		EVENT(n3, "content_part.done",                                 \
		      PLACE(0, "content_index") ",\"part\":" PART(text))       \
			ITEM(n4, "done", 0, MESSAGE(PART(text)))

#define THOUGHT_DONE THOUGHT(SUMMARY("First.") "," SUMMARY("Then."), "c2VhbGVk")
#define OUTPUT                                                                                                                                \
	THOUGHT_DONE                                                                                                                          \
		",{\"type\":\"web_search_call\",\"id\":\"ws_1\"}," MESSAGE(PART(                                                              \
			"I add \\u00e4 \xf0\x9f\x98\x80") ","                                                                                 \
							  "{\"type\":"                                                                        \
							  "\"refusal\","                                                                      \
							  "\"refusal\":\"No."                                                                 \
							  "\"}") "," CALL("ca"                                                                \
									  "ll"                                                                \
									  "_"                                                                 \
									  "1",                                                                \
									  "\""                                                                \
									  "{"                                                                 \
									  "\\"                                                                \
									  "\""                                                                \
									  "a"                                                                 \
									  "\\"                                                                \
									  "\""                                                                \
									  ":["                                                                \
									  "1,"                                                                \
									  "2."                                                                \
									  "50"                                                                \
									  "]}"                                                                \
									  "\"") ","                                                           \
										"{\"id\":\"ct_1\",\"type\":\"custom_tool_call\",\"call_id\":" \
										"\"call_2\",\"name\":\"sh\",\"input\":\"ls -l\"}"

/* Everything at once, streamed ... */
static const char rich[] = STREAM("") CREATED(0) EVENT(
	1, "in_progress",
	",\"response\":" RESPONSE("in_progress",
				  "", NO_USAGE)) ITEM(2, "added", 0,
						      THOUGHT("", "c2Vh")) EVENT(3,
										 "reasoning_summary_part.added",
										 PLACE(0, "summary_index") ",\"part\":" SUMMARY(
											 "")) EVENT(4,
												    "reasoning_summary_text.delta",
												    PLACE(0, "summary_index") ",\"delta\":\"Fi\"")
	EVENT(5, "reasoning_summary_text.delta", PLACE(0, "summary_index") ",\"delta\":\"rst.\"") EVENT(6, "reasoning_summary_text.done", PLACE(0, "summary_index") ",\"text\":\"First.\"") EVENT(
		7, "reasoning_summary_part.done",
		PLACE(0, "summary_index") ",\"part\":" SUMMARY(
			"First.")) EVENT(8, "reasoning_summary_text.delta",
					 ",\"output_index\":0,\"summary_"
					 "index\":1,\"delta\":\"Then.\"")
		EVENT(9, "reasoning_summary_text.done",
		      ",\"output_index\":0,\"summary_index\":1,\"text\":\"Then."
		      "\"") ITEM(10, "done",
				 0, THOUGHT_DONE) ITEM(11, "added", 1,
						       "{\"type\":\"web_search_"
						       "call\",\"id\":\"ws_"
						       "1\"}") EVENT(12,
								     "web_"
								     "search_"
								     "call."
								     "searchin"
								     "g",
								     ",\"output"
								     "_index\":"
								     "1") ITEM(13, "done", 1, "{\"type\":\"web_search_call\",\"id\":\"ws_1\"}")
			ITEM(14, "added", 2, MESSAGE("")) EVENT(
				15, "content_part.added",
				PLACE(2, "content_index") ",\"part\":" PART(
					"")) SAY(16, 2, "I ") SAY(17, 2, "add \\u00e4") SAY(18, 2, " \xf0\x9f\x98\x80")
				SAID(19, 2, "I add \\u00e4 \xf0\x9f\x98\x80") EVENT(
					20, "content_part.done",
					PLACE(2, "content_index") ",\"part\""
								  ":" PART(
									  "I "
									  "add "
									  "\\u0"
									  "0e4 "
									  "\\ud"
									  "83d"
									  "\\ud"
									  "e0"
									  "0")) EVENT(21, "refusal.delta", ",\"output_index\":2,\"content_index\":1,\"delta\":\"No.\"")
					EVENT(22, "refusal.done", ",\"output_index\":2,\"content_index\":1,\"refusal\":\"No.\"") ITEM(
						23, "done", 2,
						MESSAGE(PART(
							"I add \\u00e4 "
							"\xf0\x9f\x98\x80") ","
									    "{"
									    "\""
									    "ty"
									    "pe"
									    "\""
									    ":"
									    "\""
									    "re"
									    "fu"
									    "sa"
									    "l"
									    "\""
									    ","
									    "\""
									    "re"
									    "fu"
									    "sa"
									    "l"
									    "\""
									    ":"
									    "\""
									    "No"
									    "."
									    "\""
									    "}")) ITEM(24,
										       "added",
										       3,
										       CALL("call_1",
											    "\"\""))
						EVENT(25,
						      "function_call_arguments."
						      "delta",
						      ",\"output_index\":3,"
						      "\"delta\":\"{\\\"a\\\":"
						      "\"") EVENT(26,
								  "function_"
								  "call_"
								  "arguments."
								  "delta",
								  ",\"output_"
								  "index\":3,"
								  "\"delta\":"
								  "\"[1,2.50]}"
								  "\"")
							EVENT(27, "function_call_arguments.done",
							      ",\"output_"
							      "index\":3,"
							      "\"arguments\":"
							      "\"{\\\"a\\\":[1,"
							      "2.50]}\"") ITEM(28,
									       "done",
									       3,
									       CALL("call_1",
										    "\"{\\\"a\\\":[1,2.50]}\""))
								ITEM(29,
								     "added", 4,
								     "{\"id\":"
								     "\"ct_1\","
								     "\"type\":"
								     "\"custom_"
								     "tool_"
								     "call\","
								     "\"call_"
								     "id\":"
								     "\"call_"
								     "2\","
								     "\"name\":"
								     "\"sh\","
								     "\"input\""
								     ":\"\"}") EVENT(30,
										     "custom_tool_call_input.delta",
										     ",\"output_index\":4,\"delta\":\"ls -l\"")
									EVENT(31,
									      "custom_tool_call_input.done",
									      ",\"output_index\":4,\"input\":\"ls -l\"")
										EVENT(32, "brand_new.thing", "") "data: {\"type\":\"keepalive\"}\n\n" COMPLETED(
											33,
											OUTPUT);

/* ... and whole. */
static const char rich_whole[] = WHOLE("") RESPONSE("completed", OUTPUT, USAGE);

/* Nothing may be noticed but what the line says. */
static const char *const samples[] = {
	rich,
	rich_whole,
	/* honest ones */
	STREAM("") CREATED(0) WORD(1, 2, 3, 4, 5, "Hi")
		COMPLETED(6, MESSAGE(PART("Hi"))),
	STREAM("") CREATED(0) COMPLETED(1, ""),
	STREAM("") CREATED(0) COMPLETED(1, MESSAGE(PART("Hi"))),
	STREAM("") CREATED(0) SAY(1, 0, "Hi") COMPLETED(2, ""),
	STREAM("") CREATED(0) SAID(1, 0, "Hi")
		ITEM(2, "done", 0, MESSAGE(PART("Hi"))) COMPLETED(3, ""),
	STREAM("") EVENT(0, "queued",
			 ",\"response\":" RESPONSE("queued", "", NO_USAGE))
		COMPLETED(1, ""),
	STREAM("") CREATED(0)
		EVENT(1, "incomplete",
		      ",\"response\":{"
		      "\"object\":\"response\",\"status\":\"incomplete\","
		      "\"incomplete_details\":{\"reason\":\"max_output_"
		      "tokens\"}," USAGE "}"),
	/* two messages, each numbered from 0 */
	STREAM("") CREATED(0) SAY(1, 0, "a") SAID(2, 0, "a") SAY(3, 1, "b")
		SAY(4, 1, "c") SAID(5, 1, "bc") COMPLETED(6, ""),
	/* two at once */
	STREAM("") CREATED(0) SAY(1, 0, "a") SAY(2, 1, "b") SAY(3, 0, "c")
		SAY(4, 1, "d") SAID(5, 0, "ac") SAID(6, 1, "bd")
			COMPLETED(7, ""),
	STREAM("") CREATED(0) ITEM(1, "added", 0, CALL("a", "\"\"")) ITEM(
		2, "added", 1,
		CALL("b", "\"\"")) DELTA(3, "function_call_arguments", 0, "{")
		DELTA(4, "function_call_arguments", 1,
		      "[") DELTA(5, "function_call_arguments", 0, "}")
			DELTA(6, "function_call_arguments", 1, "]")
				ITEM(7, "done", 0, CALL("a", "\"{}\""))
					ITEM(8, "done", 1, CALL("b", "\"[]\""))
						COMPLETED(9, ""),
	/* text of a thought itself */
	STREAM("") CREATED(0) ITEM(1, "added", 0, THOUGHT("", ""))
		DELTA(2, "reasoning_text", 0, "Hm")
			EVENT(3, "reasoning_text.done",
			      PLACE(0, "content_index") ",\"text\":\"Hm\"")
				COMPLETED(4, ""),
	WHOLE("") RESPONSE("queued", "", NO_USAGE ",\"background\":true"),
	WHOLE("") RESPONSE("incomplete", "{},7", USAGE),
	"responses stream | 429 application/json | \n{\"error\":{\"message\":"
	"\"Slow down\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
	"responses stream cut | 200 text/event-stream | finish_missing "
	"done_missing usage_missing\n" CREATED(0) SAY(1, 0, "a") "event: resp",
	"responses stream unseen | 200 text/event-stream | \n" CREATED(0),
	/* each of what can be wrong */
	STREAM("finish_missing") CREATED(0)
		EVENT(1, "completed",
		      ",\"response\":{\"object\":\"response\"," USAGE "}"),
	WHOLE("finish_missing") "{\"object\":\"response\",\"output\":[]," USAGE
				"}",
	STREAM("finish_unknown") CREATED(0)
		EVENT(1, "completed",
		      ",\"response\":" RESPONSE("finished", "", USAGE)),
	WHOLE("finish_unknown") RESPONSE("finished", "", USAGE),
	STREAM("finish_missing done_missing usage_missing") CREATED(0)
		WORD(1, 2, 3, 4, 5, "Hi"),
	STREAM("done_unexpected") CREATED(0)
		COMPLETED(1, "") "data: [DONE]\n\n",
	STREAM("chunk_after_done") CREATED(0) COMPLETED(1, "") SAY(2, 0, "a"),
	STREAM("event_not_json")
		CREATED(0) "data: {\"type\":\n\n" COMPLETED(1, ""),
	STREAM("event_no_object") CREATED(0) "data: [1]\n\n" COMPLETED(1, ""),
	STREAM("event_no_object") CREATED(0) "data: {}\n\n" COMPLETED(1, ""),
	STREAM("event_duplicate_keys") CREATED(0)
		EVENT(1, "new", ",\"a\":1,\"a\":2") COMPLETED(2, ""),
	STREAM("event_name_differs")
		CREATED(0) "event: ping\n"
			   "data: "
			   "{\"type\":\"response.new\",\"sequence_number\":1}"
			   "\n\n" COMPLETED(2, ""),
	WHOLE("body_not_json") "{\"id\":\"resp_1\",",
	WHOLE("object_wrong") "{\"object\":\"chat.completion\",\"choices\":[]}",
	WHOLE("object_wrong") "{\"object\":\"realtime.response\",\"output\":[],"
			      "\"status\":\"completed\"," USAGE "}",
	STREAM("object_wrong") CREATED(0)
		EVENT(1, "completed",
		      ",\"response\":{\"object\":\"x\",\"status\":"
		      "\"completed\"," USAGE "}"),
	STREAM("message_start_missing") SAY(1, 0, "a") COMPLETED(2, ""),
	STREAM("message_start_missing")
		EVENT(1, "in_progress", ",\"response\":{}") COMPLETED(2, ""),
	STREAM("sequence_wrong") CREATED(0) SAY(1, 0, "a") SAY(2, 0, "b")
		SAY(4, 0, "c") COMPLETED(5, ""),
	STREAM("sequence_wrong") CREATED(0) SAY(
		1, 0,
		"a") "data: {\"type\":\"response.new\"}\n\n" COMPLETED(2, ""),
	STREAM("parts_differ") CREATED(0) SAY(1, 0, "a") SAID(2, 0, "b")
		COMPLETED(3, ""),
	STREAM("parts_differ") CREATED(0) SAY(1, 0, "a")
		EVENT(2, "content_part.done",
		      PLACE(0, "content_index") ",\"part\":" PART("b"))
			COMPLETED(3, ""),
	STREAM("parts_differ") CREATED(0) DELTA(1, "function_call_arguments", 0,
						"{}")
		ITEM(2, "done", 0, CALL("a", "\"[]\"")) COMPLETED(3, ""),
	STREAM("tool_id_duplicate") CREATED(0) ITEM(1, "done", 0,
						    CALL("a", "\"{}\""))
		ITEM(2, "done", 1, CALL("a", "\"{}\"")) COMPLETED(3, ""),
	WHOLE("tool_id_duplicate")
		RESPONSE("completed",
			 CALL("a", "\"{}\"") "," CALL("a", "\"{}\""), USAGE),
	STREAM("arguments_object") CREATED(0)
		ITEM(1, "added", 0, CALL("a", "\"\""))
			DELTA(2, "function_call_arguments", 0, "{\\\"a\\\":1}")
				EVENT(3, "function_call_arguments.done",
				      ",\"output_index\":0,\"arguments\":{"
				      "\"a\":1}") COMPLETED(4, ""),
	WHOLE("arguments_object")
		RESPONSE("completed", CALL("a", "{\"a\":1}"), USAGE),
	STREAM("usage_missing") CREATED(0)
		EVENT(1, "completed",
		      ",\"response\":" RESPONSE("completed", "", NO_USAGE)),
	WHOLE("usage_missing") RESPONSE("completed", "", NO_USAGE),
	STREAM("usage_changes")
		EVENT(0, "created",
		      ",\"response\":" RESPONSE(
			      "in_progress", "",
			      "\"usage\":{\"input_tokens\":1,"
			      "\"output_tokens\":1,\"total_tokens\":2}"))
			COMPLETED(1, ""),
	STREAM("error_in_200")
		CREATED(0) "event: error\ndata: {\"type\":\"error\","
			   "\"sequence_number\":1,\"code\":\"server_error\","
			   "\"message\":\"Oh\","
			   "\"param\":null}\n\n",
	STREAM("error_in_200") CREATED(0)
		EVENT(1, "failed",
		      ",\"response\":{"
		      "\"object\":\"response\",\"status\":\"failed\",\"error\":"
		      "{\"code\":"
		      "\"server_error\",\"message\":\"Oh\"}}"),
	WHOLE("error_in_200") "{\"error\":{\"message\":\"Oh\",\"code\":500}}",
	WHOLE("error_in_200") "{\"object\":\"response\",\"status\":\"failed\","
			      "\"output\":[],\"error\":{\"code\":\"server_"
			      "error\",\"message\":\"Oh\"}}",
	STREAM("replacement_char") CREATED(0) SAY(1, 0, "\xef\xbf\xbd")
		COMPLETED(2, ""),
	/* halves of a character in two deltas: not another text, too */
	STREAM("lone_surrogate") CREATED(0) SAY(1, 0, "\\ud83d")
		SAY(2, 0, "\\ude00") SAID(3, 0, "\\ud83d\\ude00")
			COMPLETED(4, ""),
	STREAM("invalid_utf8") CREATED(0) SAY(1, 0, "\xff")
		SAID(2, 0, "\xff\xff") COMPLETED(3, ""),
	"responses stream | 200 application/json | stream_ignored\n" RESPONSE(
		"completed", "", USAGE),
	"responses | 200 text/event-stream | stream_unasked\n" CREATED(0)
		COMPLETED(1, ""),
	"responses stream | 200 text/plain | content_type_wrong\n" CREATED(0)
		COMPLETED(1, ""),
};
enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };

static struct buf dump(struct chat *c)
{
	struct buf b = {0};

	chat_dump(c, &b);
	chat_free(c);
	return b;
}

static void check_same(struct chat *c, const struct buf *want)
{
	struct buf got = dump(c);

	buf_addc(&got, '\0');
	assert_string_equal(got.p, want->p);
	buf_free(&got);
}

static void quirks_are_those_and_no_others(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		struct chat_sample s = chat_sample_read(str_of(samples[i]));
		struct chat *c = chat_sample_run(&s, 0);
		struct buf quirks = {0};

		chat_quirks(c, &quirks);
		if (!str_eq(buf_str(&quirks), s.quirks))
			fail_msg("sample %zu: %.*s instead of %.*s", i,
				 STR_ARG(buf_str(&quirks)), STR_ARG(s.quirks));
		buf_free(&quirks);
		chat_free(c);
	}
}

static void any_split_says_the_same(void **state)
{
	for (size_t i = 0; i < SAMPLES; i++) {
		struct chat_sample s = chat_sample_read(str_of(samples[i]));
		struct buf want = dump(chat_sample_run(&s, 0));

		buf_addc(&want, '\0');
		check_same(chat_sample_full(&s), &want);
		check_same(chat_sample_run(&s, 1), &want);
		check_same(chat_sample_run(&s, 7), &want);
		for (size_t at = 0; at < s.body.n; at++)
			check_same(chat_sample_cut(&s, at), &want);
		buf_free(&want);
	}
}

static void check_pieces(const struct choice *h)
{
	const struct reasoning *r = h->pieces;

	assert_int_equal(h->n_pieces, 1);
	assert_int_equal(r->name, REASONING_ITEM);
	assert_true(str_eq(buf_str(&r->id), STR("rs_1")));
	assert_true(str_eq(buf_str(&r->signature), STR("c2VhbGVk")));
	assert_true(str_eq(buf_str(&r->text), STR("First.\nThen.")));
	assert_true(str_eq(buf_str(&r->raw), STR(THOUGHT_DONE)));
	assert_true(str_eq(buf_str(&h->reasoning), STR("First.\nThen.")));
}

static void check_calls(const struct choice *h)
{
	assert_int_equal(h->n_calls, 2);
	assert_true(str_eq(buf_str(&h->calls[0].id), STR("call_1")));
	assert_true(str_eq(buf_str(&h->calls[0].name), STR("add")));
	assert_true(str_eq(buf_str(&h->calls[0].arguments),
			   STR("{\"a\":[1,2.50]}")));
	assert_true(
		str_eq(buf_str(&h->calls[1].type), STR("custom_tool_call")));
	assert_true(str_eq(buf_str(&h->calls[1].arguments), STR("ls -l")));
}

static void check_rich(const char *text)
{
	struct chat_sample s = chat_sample_read(str_of(text));
	struct chat *c = chat_sample_run(&s, 0);
	const struct answer *a = chat_answer(c);
	const struct choice *h = a->choices;

	assert_true(a->whole && a->done);
	assert_int_equal(a->n_choices, 1);
	assert_true(str_eq(buf_str(&a->id), STR("resp_1")));
	assert_true(str_eq(buf_str(&a->model), STR("gpt-5")));
	assert_true(str_eq(buf_str(&a->service_tier), STR("default")));
	assert_true(str_eq(buf_str(&h->role), STR("assistant")));
	assert_true(
		str_eq(buf_str(&h->content), STR("I add \u00e4 \U0001f600")));
	assert_true(str_eq(buf_str(&h->refusal), STR("No.")));
	assert_true(str_eq(buf_str(&h->finish), STR("completed")));
	check_pieces(h);
	check_calls(h);
	assert_int_equal(a->usage.prompt, 40);
	assert_int_equal(a->usage.cached, 8);
	assert_int_equal(a->usage.completion, 30);
	assert_int_equal(a->usage.reasoning, 12);
	assert_int_equal(a->usage.total, 70);
	assert_int_equal(a->echo_n, 4);
	assert_true(
		str_eq(buf_str(&a->echo),
		       STR("{\"max_output_tokens\":null,\"temperature\":1.0,"
			   "\"tool_choice\":\"auto\",\"top_p\":0.980}")));
	chat_free(c);
}

static void all_of_an_answer_is_kept(void **state)
{
	check_rich(rich);
	check_rich(rich_whole);
}

static struct chat *run(const char *sample)
{
	struct chat_sample s = chat_sample_read(str_of(sample));

	return chat_sample_run(&s, 0);
}

static void how_it_ended(void **state)
{
	struct chat *c = run(STREAM("") CREATED(0) EVENT(
		1, "incomplete",
		",\"response\":{\"status\":\"incomplete\","
		"\"incomplete_details\":{\"reason\":\"content_filter\"}}"));
	const struct choice *h = chat_answer(c)->choices;

	assert_true(str_eq(buf_str(&h->finish), STR("incomplete")));
	assert_true(str_eq(buf_str(&h->finish_detail), STR("content_filter")));
	chat_free(c);
	c = run(STREAM("") CREATED(0) EVENT(
		1, "failed",
		",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
		"\"server_error\",\"message\":\"Oh\"}}"));
	assert_true(chat_answer(c)->error && chat_answer(c)->done);
	assert_true(str_eq(buf_str(&chat_answer(c)->error_code),
			   STR("server_error")));
	assert_true(str_eq(buf_str(&chat_answer(c)->choices->finish),
			   STR("failed")));
	chat_free(c);
}

static void log_probabilities_are_counted(void **state)
{
	struct chat *c =
		run(STREAM("") CREATED(0) EVENT(
			1, "output_text.delta",
			PLACE(0, "content_index") ",\"delta\":\"a\","
						  "\"logprobs\":[{"
						  "\"token\":\"a\",\"logprob\":"
						  "-1}]")
			    EVENT(2, "output_text.delta",
				  PLACE(0, "content_index") ",\"delta\":\"b\","
							    "\"logprobs\":[{"
							    "\"token\":\"b\","
							    "\"logprob\":-2}]")
				    COMPLETED(3, ""));

	assert_int_equal(chat_answer(c)->choices->logprobs, 2);
	chat_free(c);
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
		cmocka_unit_test(quirks_are_those_and_no_others),
		cmocka_unit_test(any_split_says_the_same),
		cmocka_unit_test(all_of_an_answer_is_kept),
		cmocka_unit_test(how_it_ended),
		cmocka_unit_test(log_probabilities_are_counted),
		cmocka_unit_test(too_much_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
