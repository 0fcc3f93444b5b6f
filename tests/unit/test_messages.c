/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chat_rig.h"
#include "rules/meaning/quirk.h"

#define STREAM(quirks) "messages stream | 200 text/event-stream | " quirks "\n"
#define WHOLE(quirks)  "messages | 200 application/json | " quirks "\n"

#define EVENT(type, rest)                                                      \
	"event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define START                                                                  \
	EVENT("message_start",                                                 \
	      ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","           \
	      "\"role\":\"assistant\",\"model\":\"claude\",\"content\":[],"    \
	      "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{"        \
	      "\"input_tokens\":7,\"cache_creation_input_tokens\":20,"         \
	      "\"cache_read_input_tokens\":100,\"output_tokens\":1,"           \
	      "\"service_tier\":\"standard\"}}")
#define BLOCK(i, block)                                                        \
	EVENT("content_block_start",                                           \
	      ",\"index\":" #i ",\"content_block\":" block)
#define DELTA(i, type, field, text)                                            \
	EVENT("content_block_delta",                                           \
	      ",\"index\":" #i ",\"delta\":{\"type\":"                         \
	      "\"" type "\",\"" field "\":\"" text "\"}")
#define SAY(i, text) DELTA(i, "text_delta", "text", text)
#define STOP(i)	     EVENT("content_block_stop", ",\"index\":" #i)
#define PING	     EVENT("ping", "")
#define TEXT(i, text)                                                          \
	BLOCK(i, "{\"type\":\"text\",\"text\":\"\"}") SAY(i, text) STOP(i)
#define TOOL(i, id)                                                            \
	BLOCK(i, "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"add\","  \
		 "\"input\":{}}")
#define END(reason)                                                            \
	EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"" reason "\","   \
			       "\"stop_sequence\":null},\"usage\":{"           \
			       "\"output_tokens\":15}")                        \
	EVENT("message_stop", "")

#define BODY(content, more)                                                    \
	"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","       \
	"\"model\":\"claude\",\"content\":[" content "]," more "}"
#define USAGE                                                                  \
	"\"usage\":{\"input_tokens\":7,\"cache_creation_input_tokens\":20,"    \
	"\"cache_read_input_tokens\":100,\"output_tokens\":15,"                \
	"\"service_tier\":\"standard\"}"
#define ENDED(reason)                                                          \
	"\"stop_reason\":\"" reason "\",\"stop_sequence\":null," USAGE

/* Everything at once, streamed ... */
static const char rich[] = STREAM("") START PING BLOCK(
	0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
	DELTA(0, "thinking_delta", "thinking", "Let me ") DELTA(
		0, "thinking_delta", "thinking",
		"see.\\n") PING DELTA(0, "thinking_delta", "thinking",
				      "So.") DELTA(0, "signature_delta",
						   "signature", "c2lnbg==")
		STOP(0) BLOCK(1, "{\"type\":\"redacted_thinking\",\"data\":"
				 "\"ZGF0YQ==\"}") STOP(1) BLOCK(
			2, "{\"type\":\"text\",\"text\":\"\"}") SAY(2, "I ")
			SAY(2, "add \\u00e4\\\" ") SAY(2, "\xe4\xb8\xad\xf0\x9f"
							  "\x98\x80") EVENT(
				"content_block_delta",
				",\"index\":2,\"delta\":{\"type\":"
				"\"citations_delta\",\"citation\":{\"type\":"
				"\"char_location\"}}") STOP(2) TOOL(3,
								    "toolu_1")
				DELTA(3, "input_json_delta", "partial_json",
				      "") DELTA(3, "input_json_delta",
						"partial_json", "{\\\"a\\\":")
					DELTA(3, "input_json_delta",
					      "partial_json",
					      "[1,2.50]}") STOP(3)
						TOOL(4, "toolu_2") DELTA(
							4, "input_json_delta",
							"partial_json",
							"") STOP(4)
							EVENT("brand_new_event",
							      ",\"index\":9")
								END("tool_use");

/* ... and whole. */
static const char rich_whole[] = WHOLE("")
	BODY("{\"type\":\"thinking\",\"thinking\":\"Let me see.\\nSo.\","
	     "\"signature\":\"c2lnbg==\"},"
	     "{\"type\":\"redacted_thinking\",\"data\":\"ZGF0YQ==\"},"
	     "{\"type\":\"text\",\"text\":\"I add \\u00e4\\\" "
	     "\xe4\xb8\xad\xf0\x9f\x98\x80\"},"
	     "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"add\","
	     "\"input\":{\"a\":[1,2.50]}},"
	     "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"add\","
	     "\"input\":{}}",
	     ENDED("tool_use"));

/* Nothing may be noticed but what the line says. */
static const char *const samples[] = {
	rich,
	rich_whole,
	/* honest ones */
	STREAM("") START TEXT(0, "Hello") END("end_turn"),
	STREAM("") START TEXT(0, "") END("end_turn"),
	STREAM("") START END("end_turn"),
	STREAM("") START TEXT(0, "a") TEXT(1, "b") END("max_tokens"),
	STREAM("") PING START PING TEXT(0, "a") PING END("pause_turn") PING,
	/* data alone; no pings; no signature */
	STREAM("") "data: "
		   "{\"type\":\"message_start\",\"message\":{\"id\":\"x\","
		   "\"type\":\"message\",\"role\":\"assistant\",\"model\":"
		   "\"kimi\","
		   "\"content\":[],\"usage\":{\"input_tokens\":0,\"output_"
		   "tokens\":0}}}\n\n" BLOCK(0, "{\"type\":\"thinking\","
						"\"thinking\":\"\"}") DELTA(
			   0, "thinking_delta", "thinking",
			   "Hm") STOP(0) TEXT(1, "Hello")
			   EVENT("message_delta",
				 ",\"delta\":{\"stop_reason\":\"end_turn\"},"
				 "\"usage\":{\"input_tokens\":12,\"cache_read_"
				 "input_tokens\":4,"
				 "\"output_tokens\":3}")
				   EVENT("message_stop", ""),
	/* a tool that the vendor runs, and reads more for */
	STREAM("") START BLOCK(
		0, "{\"type\":\"server_tool_use\",\"id\":\"srvtoolu_1\","
		   "\"name\":\"web_search\",\"input\":{}}")
		DELTA(0, "input_json_delta", "partial_json", "{}") STOP(0)
			BLOCK(1, "{\"type\":\"web_search_tool_result\","
				 "\"content\":[]}") STOP(1) TEXT(2, "Found")
				EVENT("message_delta",
				      ",\"delta\":{\"stop_reason\":\"end_"
				      "turn\",\"stop_sequence\":null},"
				      "\"usage\":{\"input_tokens\":900,"
				      "\"output_tokens\":15}")
					EVENT("message_stop", ""),
	/* usage told again, as it was or without the caches */
	STREAM("") START TEXT(0, "a")
		EVENT("message_delta",
		      ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
		      "\"input_tokens\":7,\"output_tokens\":15}")
			EVENT("message_stop", ""),
	/* all of a tool's input at once, and once more in pieces */
	STREAM("") START BLOCK(
		0, "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"add\","
		   "\"input\":{\"a\":1}}") STOP(0)
		BLOCK(1, "{\"type\":\"tool_use\",\"id\":\"u\",\"name\":\"add\","
			 "\"input\":{\"a\":1}}")
			DELTA(1, "input_json_delta", "partial_json",
			      "{\\\"a\\\":1}") STOP(1) END("tool_use"),
	/* two blocks open at once are unusual, not wrong */
	STREAM("") START BLOCK(0, "{\"type\":\"text\",\"text\":\"\"}")
		TOOL(1, "t") SAY(0, "a")
			DELTA(1, "input_json_delta", "partial_json", "{}")
				SAY(0, "b") STOP(0) STOP(1) END("tool_use"),
	WHOLE("") BODY("", ENDED("end_turn")),
	WHOLE("") BODY("{\"type\":\"new\"},{},7", ENDED("refusal")),
	WHOLE("") BODY("{\"type\":\"text\",\"text\":\"a\"}",
		       "\"stop_reason\":\"stop_sequence\",\"stop_sequence\":"
		       "\"b\"," USAGE),
	"messages stream | 529 application/json | "
	"\n{\"type\":\"error\",\"error\":{"
	"\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
	"messages stream cut | 200 text/event-stream | finish_missing "
	"done_missing usage_missing\n" START BLOCK(0, "{\"type\":\"text\"}")
		SAY(0, "Hel") "event: content_bl",
	"messages stream unseen | 200 text/event-stream | \n" START BLOCK(
		0, "{\"type\":\"text\"}") SAY(0, "x"),
	/* each of what can be wrong */
	STREAM("finish_missing") START TEXT(0, "a")
		EVENT("message_delta",
		      ",\"delta\":{\"stop_reason\":null},\"usage\":{"
		      "\"output_tokens\":15}") EVENT("message_stop", ""),
	WHOLE("finish_missing") BODY("", "\"stop_reason\":null," USAGE),
	STREAM("finish_twice") START TEXT(0, "a")
		EVENT("message_delta",
		      ",\"delta\":{\"stop_reason\":\"end_turn\"},"
		      "\"usage\":{\"output_tokens\":15}") END("end_turn"),
	STREAM("finish_empty") START TEXT(0, "a") END(""),
	WHOLE("finish_empty") BODY("", ENDED("")),
	STREAM("finish_unknown") START TEXT(0, "a") END("stop"),
	WHOLE("finish_unknown") BODY("", ENDED("length")),
	STREAM("done_missing") START TEXT(0, "a") EVENT(
		"message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"},"
				 "\"usage\":{\"output_tokens\":15}"),
	STREAM("done_unexpected") START TEXT(0, "a")
		END("end_turn") "data: [DONE]\n\n",
	STREAM("chunk_after_done") START TEXT(0, "a") END("end_turn")
		SAY(0, "b"),
	STREAM("event_not_json")
		START TEXT(0, "a") "data: {\"type\":\n\n" END("end_turn"),
	STREAM("event_no_object")
		START TEXT(0, "a") "data: \"ok\"\n\n" END("end_turn"),
	STREAM("event_no_object")
		START TEXT(0, "a") "data: {\"a\":1}\n\n" END("end_turn"),
	STREAM("event_duplicate_keys") START TEXT(0, "a")
		EVENT("ping", ",\"a\":1,\"a\":2") END("end_turn"),
	STREAM("event_name_differs") START BLOCK(
		0,
		"{\"type\":\"text\",\"text\":\"\"}") "event: ping\ndata: "
						     "{\"type\":\"content_"
						     "block_delta\",\"index\":"
						     "0,"
						     "\"delta\":{\"type\":"
						     "\"text_delta\",\"text\":"
						     "\"a\"}}\n\n" STOP(0)
							     END("end_turn"),
	WHOLE("body_not_json") "<html>502</html>",
	WHOLE("object_wrong") "{\"type\":\"completion\",\"content\":[]," ENDED(
		"end_turn") "}",
	WHOLE("object_wrong") "{\"id\":\"chatcmpl-1\",\"choices\":[]}",
	STREAM("message_start_missing usage_missing") TEXT(0, "a") PING EVENT(
		"message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"}")
		EVENT("message_stop", ""),
	STREAM("usage_missing") START TEXT(0, "a") EVENT(
		"message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"}")
		EVENT("message_stop", ""),
	WHOLE("usage_missing") BODY("", "\"stop_reason\":\"end_turn\""),
	STREAM("usage_changes") START TEXT(0, "a")
		EVENT("message_delta",
		      ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
		      "\"input_tokens\":24,\"output_tokens\":15}")
			EVENT("message_stop", ""),
	STREAM("block_order") START TEXT(1, "a") END("end_turn"),
	STREAM("block_order") START TEXT(0, "a") TEXT(0, "b") END("end_turn"),
	STREAM("block_order") START BLOCK(0, "{\"type\":\"text\"}") SAY(0, "a")
		END("end_turn"),
	STREAM("block_order") START TEXT(0, "a") STOP(0) END("end_turn"),
	STREAM("block_order") START TEXT(0, "a") SAY(0, "b") END("end_turn"),
	STREAM("block_order") START SAY(0, "b") END("end_turn"),
	STREAM("block_order") START TOOL(0, "t") SAY(0, "b") STOP(0)
		END("end_turn"),
	STREAM("tool_id_duplicate") START TOOL(0, "t") STOP(0) TOOL(1, "t")
		STOP(1) END("tool_use"),
	WHOLE("tool_id_duplicate") BODY("{\"type\":\"tool_use\",\"id\":\"t\","
					"\"name\":\"a\",\"input\":{}},"
					"{\"type\":\"tool_use\",\"id\":\"t\","
					"\"name\":\"b\",\"input\":{}}",
					ENDED("tool_use")),
	WHOLE("arguments_object") BODY("{\"type\":\"tool_use\",\"id\":\"t\","
				       "\"name\":\"a\",\"input\":\"{}\"}",
				       ENDED("tool_use")),
	STREAM("error_in_200") START TEXT(0, "a")
		EVENT("error", ",\"error\":{\"type\":\"overloaded_error\","
			       "\"message\":\"Overloaded\"}"),
	WHOLE("error_in_200") "{\"type\":\"error\",\"error\":{\"type\":"
			      "\"overloaded_error\",\"message\":\"Overloaded\"}"
			      "}",
	STREAM("replacement_char") START TEXT(0, "a\xef\xbf\xbd")
		END("end_turn"),
	STREAM("lone_surrogate") START TEXT(0, "a\\ud83d") END("end_turn"),
	STREAM("invalid_utf8") START TEXT(0, "a\xff") END("end_turn"),
	"messages stream | 200 application/json | stream_ignored\n" BODY(
		"", ENDED("end_turn")),
	"messages | 200 text/event-stream | stream_unasked\n" START TEXT(0, "a")
		END("end_turn"),
	"messages stream | 200 text/plain | content_type_wrong\n" START TEXT(
		0, "a") END("end_turn"),
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

static void check_rich(const char *text)
{
	struct chat_sample s = chat_sample_read(str_of(text));
	struct chat *c = chat_sample_run(&s, 0);
	const struct answer *a = chat_answer(c);
	const struct choice *h = a->choices;

	assert_true(a->whole && a->done);
	assert_int_equal(a->n_choices, 1);
	assert_true(str_eq(buf_str(&a->id), STR("msg_1")));
	assert_true(str_eq(buf_str(&a->model), STR("claude")));
	assert_true(str_eq(buf_str(&a->service_tier), STR("standard")));
	assert_true(str_eq(buf_str(&h->role), STR("assistant")));
	assert_true(str_eq(buf_str(&h->content),
			   STR("I add \u00e4\" \u4e2d\U0001f600")));
	assert_true(str_eq(buf_str(&h->reasoning), STR("Let me see.\nSo.")));
	assert_true(str_eq(buf_str(&h->finish), STR("tool_use")));
	assert_int_equal(h->n_pieces, 2);
	assert_int_equal(h->pieces[0].name, REASONING_THINKING);
	assert_true(str_eq(buf_str(&h->pieces[0].signature), STR("c2lnbg==")));
	assert_int_equal(h->pieces[1].name, REASONING_REDACTED);
	assert_true(str_eq(buf_str(&h->pieces[1].signature), STR("ZGF0YQ==")));
	assert_int_equal(h->n_calls, 2);
	assert_true(str_eq(buf_str(&h->calls[0].id), STR("toolu_1")));
	assert_true(str_eq(buf_str(&h->calls[0].arguments),
			   STR("{\"a\":[1,2.50]}")));
	assert_true(str_eq(buf_str(&h->calls[1].arguments), STR("{}")));
	assert_int_equal(a->usage.prompt, 127);
	assert_int_equal(a->usage.cached, 100);
	assert_int_equal(a->usage.completion, 15);
	assert_int_equal(a->usage.place, USAGE_EVENT);
	chat_free(c);
}

static void all_of_an_answer_is_kept(void **state)
{
	check_rich(rich);
	check_rich(rich_whole);
}

static int64_t prompt_of(size_t sample)
{
	struct chat_sample s = chat_sample_read(str_of(samples[sample]));
	struct chat *c = chat_sample_run(&s, 0);
	int64_t n = chat_answer(c)->usage.prompt;

	chat_free(c);
	return n;
}

static void the_prompt_is_counted_once(void **state)
{
	assert_int_equal(prompt_of(7), 16);
	assert_int_equal(prompt_of(8), 900);
	assert_int_equal(prompt_of(9), 127);
}

/* A stream in which what could repeat must not be taken for a repetition. */
static void the_fast_path_knows_its_block(void **state)
{
	static const char text[] = STREAM("") START TEXT(0, "a") TEXT(1, "b")
		BLOCK(2, "{\"type\":\"thinking\",\"thinking\":\"\"}") DELTA(
			2, "thinking_delta", "thinking",
			"c") DELTA(2, "thinking_delta", "thinking", "")
			PING DELTA(2, "thinking_delta", "thinking",
				   "d") STOP(2) BLOCK(3, "{\"type\":\"new\"}")
				SAY(3, "x") SAY(3, "y") STOP(3) BLOCK(
					4, "{\"type\":\"text\",\"text\":\"e\"}")
					SAY(4, "f") SAY(4, "g") STOP(4)
						END("end_turn");
	struct chat_sample s = chat_sample_read(str_of(text));
	struct chat *c = chat_sample_run(&s, 0);
	const struct choice *h = chat_answer(c)->choices;

	assert_true(str_eq(buf_str(&h->content), STR("abefg")));
	assert_true(str_eq(buf_str(&h->reasoning), STR("cd")));
	chat_free(c);
}

static void too_much_is_cut(void **state)
{
	struct chat_asked asked = {.known = true, .stream = true};
	struct chat *c = chat_new(DIALECT_MESSAGES, &asked, NULL);
	struct buf b = {0};

	chat_head(c, 200, STR("text/event-stream"), STR(""));
	chat_feed(c, STR(START), 1);
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
		cmocka_unit_test(quirks_are_those_and_no_others),
		cmocka_unit_test(any_split_says_the_same),
		cmocka_unit_test(all_of_an_answer_is_kept),
		cmocka_unit_test(the_prompt_is_counted_once),
		cmocka_unit_test(the_fast_path_knows_its_block),
		cmocka_unit_test(too_much_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
