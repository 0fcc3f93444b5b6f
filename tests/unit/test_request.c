/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <zlib.h>

#include "rules/meaning/request.h"

static struct request *read_text(enum dialect d, const char *text)
{
	return request_read(NULL, d, str_of(text), STR(""));
}

static void assert_str(struct str s, const char *text)
{
	assert_int_equal(s.n, strlen(text));
	assert_memory_equal(s.p ? s.p : "", text, s.n);
}

/* ---- fields ---- */

static void chat_fields(void **state)
{
	struct request *q = read_text(
		DIALECT_CHAT,
		"{\"model\":\"m\\u006f\",\"messages\":[],\"stream\":true,"
		"\"stream_options\":{\"include_usage\":true},\"n\":2,"
		"\"max_tokens\":5,\"max_completion_tokens\":7,\"logprobs\":"
		"true,"
		"\"stop\":[\"x\"],\"parallel_tool_calls\":false,"
		"\"chat_template_kwargs\":{},\"tools\":[{\"type\":\"function\","
		"\"function\":{\"name\":\"f\",\"parameters\":{}}},null],"
		"\"tool_choice\":{\"type\":\"function\",\"function\":"
		"{\"name\":\"f\"}},\"response_format\":{\"type\":"
		"\"json_schema\",\"json_schema\":{\"schema\":{\"a\":1}}}}");

	assert_true(q->understood && !q->unknown);
	assert_str(q->model, "mo");
	assert_true(q->stream && q->include_usage && q->logprobs);
	assert_int_equal(q->n, 2);
	assert_int_equal(q->max_tokens, 7);
	assert_int_equal(q->stop->n, 1);
	assert_true(q->parallel_unset && q->template_kwargs);
	assert_int_equal(q->n_tools, 1);
	assert_str(q->tools[0].name, "f");
	assert_int_equal(q->tools[0].schema->kind, JSON_OBJECT);
	assert_int_equal(q->tool_choice, TOOLS_NAMED);
	assert_str(q->tool_named, "f");
	assert_int_equal(q->form, FORM_SCHEMA);
	assert_str(q->form_schema->raw, "{\"a\":1}");
	assert_int_equal(request_asked(q).n, 2);
	assert_true(request_asked(q).known);
	request_unref(q);
}

static void other_fields(void **state)
{
	struct request *q = read_text(
		DIALECT_RESPONSES,
		"{\"input\":\"hi\",\"instructions\":\"be\",\"model\":\"m\","
		"\"previous_response_id\":\"r1\",\"max_output_tokens\":9,"
		"\"text\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}"
		","
		"\"include\":[\"message.output_text.logprobs\"],"
		"\"tools\":[{\"type\":\"function\",\"name\":\"g\","
		"\"parameters\":{}}],\"tool_choice\":\"required\"}");

	assert_true(q->understood && q->logprobs);
	assert_int_equal(q->max_tokens, 9);
	assert_str(q->previous_response, "r1");
	assert_int_equal(q->form, FORM_SCHEMA);
	assert_str(q->tools[0].name, "g");
	assert_int_equal(q->tool_choice, TOOLS_REQUIRED);
	assert_int_equal(q->n_messages, 2);
	assert_int_equal(q->messages[0]->role, ROLE_SYSTEM);
	assert_str(q->messages[0]->content, "be");
	assert_int_equal(q->messages[1]->role, ROLE_USER);
	assert_str(q->messages[1]->content, "hi");
	request_unref(q);

	q = read_text(DIALECT_MESSAGES,
		      "{\"max_tokens\":3,\"messages\":[],\"tool_choice\":"
		      "{\"type\":\"any\",\"disable_parallel_tool_use\":true},"
		      "\"stop_sequences\":[\"e\"],\"tools\":[{\"name\":\"h\","
		      "\"input_schema\":{}}]}");
	assert_true(q->understood && q->parallel_unset);
	assert_int_equal(q->max_tokens, 3);
	assert_int_equal(q->stop->n, 1);
	assert_int_equal(q->tool_choice, TOOLS_REQUIRED);
	assert_non_null(q->tools[0].schema);
	request_unref(q);

	q = read_text(DIALECT_COMPLETIONS,
		      "{\"prompt\":[\"a\",\"b\"],\"logprobs\":0,\"n\":-4}");
	assert_true(q->understood && q->logprobs);
	assert_int_equal(q->n, -1);
	assert_int_equal(q->n_messages, 1);
	assert_str(q->messages[0]->content, "a\nb");
	request_unref(q);
}

/* ---- messages ---- */

static void chat_messages(void **state)
{
	struct request *q = read_text(
		DIALECT_CHAT,
		"{\"messages\":[{\"role\":\"developer\",\"content\":\"s\"},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		"\"a\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}},"
		"{\"type\":\"text\",\"text\":\"b\"}]},"
		"{\"role\":\"assistant\",\"content\":null,\"reasoning_"
		"content\":"
		"\"\",\"reasoning_details\":[{\"type\":\"reasoning.text\","
		"\"text\":\"t\",\"signature\":\"g\",\"id\":\"i\"}],"
		"\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"{}\"},\"extra_content\":{\"google\":"
		"{\"thought_signature\":\"ts\"}}}]},"
		"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"},"
		"{\"role\":\"assistant\",\"content\":\"{\",\"partial\":true}]"
		"}");
	const struct message *m;

	assert_int_equal(q->n_messages, 5);
	assert_int_equal(q->messages[0]->role, ROLE_SYSTEM);
	assert_str(q->messages[1]->content, "a\nb");
	assert_true(q->messages[1]->images);
	m = q->messages[2];
	assert_false(m->content_present);
	assert_int_equal(m->n_reasoning, 3);
	assert_int_equal(m->reasoning[0].name, REASONING_REASONING_CONTENT);
	assert_str(m->reasoning[1].signature, "g");
	assert_str(m->reasoning[1].id, "i");
	assert_int_equal(m->reasoning[2].name, REASONING_SIGNATURE);
	assert_str(m->reasoning[2].signature, "ts");
	assert_str(m->calls[0].arguments, "{}");
	assert_int_equal(q->messages[3]->role, ROLE_TOOL);
	assert_str(q->messages[3]->tool_call_id, "c");
	assert_true(q->messages[4]->partial);
	assert_ptr_equal(json_get(q->root, STR("messages"))->v[2], m->node);
	request_unref(q);
}

static void anthropic_messages(void **state)
{
	struct request *q = read_text(
		DIALECT_MESSAGES,
		"{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
		"\"thinking\":\"t\",\"signature\":\"s\"},{\"type\":"
		"\"redacted_thinking\",\"data\":\"d\"},{\"type\":\"text\","
		"\"text\":\"x\"},{\"type\":\"tool_use\",\"id\":\"i\",\"name\":"
		"\"n\",\"input\":{ \"a\" : 1 }}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
		"\"tool_use_id\":\"i\",\"content\":[{\"type\":\"text\","
		"\"text\":\"r\"}]},{\"type\":\"text\",\"text\":\"go\"}]},"
		"{\"role\":\"assistant\",\"content\":\"I\"}],"
		"\"system\":[{\"type\":\"text\",\"text\":\"sys\"}]}");
	const struct message *m = q->messages[2];

	assert_int_equal(q->n_messages, 5);
	assert_int_equal(q->messages[0]->role, ROLE_SYSTEM);
	assert_str(q->messages[0]->content, "sys");
	assert_int_equal(m->n_reasoning, 2);
	assert_str(m->reasoning[0].text, "t");
	assert_str(m->reasoning[1].signature, "d");
	assert_str(m->calls[0].arguments, "{\"a\":1}");
	assert_false(m->partial);
	assert_int_equal(q->messages[3]->role, ROLE_TOOL);
	assert_str(q->messages[3]->tool_call_id, "i");
	assert_str(q->messages[3]->content, "r\ngo");
	assert_true(q->messages[4]->partial);
	request_unref(q);
}

static void responses_items(void **state)
{
	struct request *q = read_text(
		DIALECT_RESPONSES,
		"{\"input\":[{\"role\":\"user\",\"content\":\"q\"},"
		"{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":"
		"\"summary_text\",\"text\":\"a\"},{\"type\":\"summary_text\","
		"\"text\":\"b\"}],\"encrypted_content\":\"e\"},"
		"{\"type\":\"message\",\"role\":\"assistant\",\"content\":"
		"[{\"type\":\"output_text\",\"text\":\"o\"}]} ,"
		"{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
		"\"arguments\":\"{}\"},{\"type\":\"function_call_output\","
		"\"call_id\":\"c\",\"output\":\"r\"}]}");
	const struct message *m = q->messages[1];

	assert_int_equal(q->n_messages, 3);
	assert_int_equal(m->n_nodes, 3);
	assert_int_equal(m->role, ROLE_ASSISTANT);
	assert_str(m->content, "o");
	assert_str(m->reasoning[0].text, "a\nb");
	assert_str(m->reasoning[0].signature, "e");
	assert_str(m->calls[0].id, "c");
	assert_int_equal(q->messages[2]->role, ROLE_TOOL);
	assert_str(q->messages[2]->content, "r");
	assert_int_equal(json_get(q->root, STR("input"))->n, 5);
	request_unref(q);
}

/* ---- identity ---- */

static void set(struct buf *b, const char *text)
{
	buf_adds(b, str_of(text));
}

/* The hash of an answer of this content and, maybe, one call. */
static uint64_t hash_of(const char *content, const char *arguments)
{
	struct tool_call call = {0};
	struct choice c = {.calls = &call, .n_calls = arguments ? 1 : 0};
	struct answer a = {.choices = &c, .n_choices = 1};
	uint64_t hash;

	set(&c.content, content);
	set(&call.id, "c1");
	set(&call.name, "f");
	set(&call.arguments, arguments ? arguments : "");
	set(&c.reasoning, "not of the identity");
	hash = message_hash_of_answer(&a, 0);
	buf_free(&c.content);
	buf_free(&c.reasoning);
	buf_free(&call.id);
	buf_free(&call.name);
	buf_free(&call.arguments);
	return hash;
}

struct spelling {
	enum dialect d;
	const char *content, *arguments; /* of the answer */
	const char *element;		 /* and of the client */
	bool same;
};

static const struct spelling spellings[] = {
	{DIALECT_CHAT, "hi", NULL,
	 "{\"role\":\"assistant\",\"content\":\"hi\"}", true},
	{DIALECT_CHAT, "hi\n", NULL,
	 "{\"content\":\"hi\",\"role\":\"assistant\",\"refusal\":null,"
	 "\"annotations\":[],\"audio\":null,\"function_call\":null,"
	 "\"tool_calls\":null,\"reasoning_content\":\"x\"}",
	 true},
	{DIALECT_CHAT, "hi", NULL,
	 "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
	 "\"hi\"}]}",
	 true},
	{DIALECT_CHAT, "hi", NULL, "{\"role\":\"user\",\"content\":\"hi\"}",
	 false},
	{DIALECT_CHAT, "hi", NULL,
	 "{\"role\":\"assistant\",\"content\":\"h i\"}", false},
	{DIALECT_CHAT, "", "{\"a\": 1.0, \"b\":\"\\u00e4\"}",
	 "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
	 "\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
	 "\"arguments\":\"{\\\"b\\\":\\\"\xc3\xa4\\\",\\\"a\\\":1}\"}}]}",
	 true},
	{DIALECT_CHAT, "", "{}",
	 "{\"role\":\"assistant\",\"content\":\" \\n\",\"tool_calls\":[{\"id\":"
	 "\"c1\",\"index\":0,\"function\":{\"arguments\":\"\",\"name\":\"f\"}}]"
	 "}",
	 true},
	{DIALECT_CHAT, "\n\n", "{\"a\":1}",
	 "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"function\":"
	 "{\"arguments\":\"{\\\"a\\\":1}\",\"name\":\"f\"}}]}",
	 true},
	{DIALECT_CHAT, "", "{\"a\":1}",
	 "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"function\":"
	 "{\"arguments\":\"{\\\"a\\\":2}\",\"name\":\"f\"}}]}",
	 false},
	{DIALECT_CHAT, "", "{\"a\":1}",
	 "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c2\",\"function\":"
	 "{\"arguments\":\"{\\\"a\\\":1}\",\"name\":\"f\"}}]}",
	 false},
	{DIALECT_CHAT, "", "{\"a\":",
	 "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"function\":"
	 "{\"arguments\":\"{\\\"a\\\":\",\"name\":\"f\"}}]}",
	 true},
	{DIALECT_MESSAGES, "so", "{\"a\": [1, 2]}",
	 "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
	 "\"thinking\":\"t\",\"signature\":\"s\"},{\"type\":\"text\",\"text\":"
	 "\"so\",\"citations\":null},{\"type\":\"tool_use\",\"id\":\"c1\","
	 "\"name\":\"f\",\"input\":{\"a\":[1,2]},\"cache_control\":{}}]}",
	 true},
	{DIALECT_MESSAGES, "", "",
	 "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
	 "\"c1\",\"name\":\"f\",\"input\":{}}]}",
	 true},
	{DIALECT_MESSAGES, "ab", NULL,
	 "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
	 "\"a\"},{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\","
	 "\"text\":\"\\n\"}]}",
	 true},
	{DIALECT_RESPONSES, "o", "{\"a\":1}",
	 "{\"type\":\"reasoning\",\"summary\":[]},{\"type\":\"message\","
	 "\"role\":\"assistant\",\"status\":\"completed\",\"content\":[{"
	 "\"type\":\"output_text\",\"text\":\"o\",\"annotations\":[]}]},"
	 "{\"type\":\"function_call\",\"id\":\"fc\",\"call_id\":\"c1\","
	 "\"name\":"
	 "\"f\",\"arguments\":\"{\\\"a\\\":1}\",\"status\":\"completed\"}",
	 true},
};

static void answers_come_back(void **state)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
		const struct spelling *s = &spellings[i];
		struct buf body = {0};
		struct request *q;
		uint64_t hash = hash_of(s->content, s->arguments);

		buf_addf(&body, "{\"%s\":[%s]}",
			 s->d == DIALECT_RESPONSES ? "input" : "messages",
			 s->element);
		q = request_read(NULL, s->d, buf_str(&body), STR(""));
		assert_true(q->understood);
		assert_int_equal(q->n_messages, 1);
		if ((q->messages[0]->hash == hash) != s->same)
			fail_msg("spelling %zu: %s", i, s->element);
		assert_int_equal(q->chain[1],
				 chain_next(q->chain[0], q->messages[0]->hash));
		request_unref(q);
		buf_free(&body);
	}
}

/* A marker that moves from turn to turn makes no other user. */
static void cache_control_moves(void **state)
{
	struct request *a = read_text(
		DIALECT_MESSAGES,
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		"\"text\",\"text\":\"q\",\"cache_control\":{\"type\":"
		"\"ephemeral\"}},{\"type\":\"image\",\"source\":{\"data\":"
		"\"x\"}}]}]}");
	struct request *b = read_text(
		DIALECT_MESSAGES,
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		"\"text\",\"text\":\"q\"},{\"cache_control\":null,\"source\":"
		"{\"data\":\"x\"},\"type\":\"image\"}]}]}");
	struct request *c = read_text(
		DIALECT_MESSAGES,
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		"\"text\",\"text\":\"q\"},{\"type\":\"image\",\"source\":"
		"{\"data\":\"y\"}}]}]}");

	assert_int_equal(a->messages[0]->hash, b->messages[0]->hash);
	assert_int_not_equal(a->messages[0]->hash, c->messages[0]->hash);
	request_unref(a);
	request_unref(b);
	request_unref(c);
}

/* ---- the same by the parsers of answers ---- */

static uint64_t hash_of_stream(enum dialect d, const char *stream)
{
	struct chat_asked asked = {.known = true, .stream = true, .n = 1};
	struct chat *c = chat_new(d, &asked, NULL);
	uint64_t hash;

	chat_head(c, 200, STR("text/event-stream"), STR(""));
	chat_feed(c, str_of(stream), 1);
	chat_end(c, CHAT_WHOLE);
	assert_int_equal(chat_answer(c)->n_choices, 1);
	hash = message_hash_of_answer(chat_answer(c), 0);
	chat_free(c);
	return hash;
}

static void streams_come_back(void **state)
{
	struct request *q = read_text(
		DIALECT_CHAT,
		"{\"messages\":[{\"role\":\"assistant\",\"content\":\"Hi\","
		"\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\""
		"}}]}]}");

	assert_int_equal(
		q->messages[0]->hash,
		hash_of_stream(
			DIALECT_CHAT,
			"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":"
			"\"assistant\",\"content\":\"H\"}}]}\n\n"
			"data: {\"choices\":[{\"index\":0,\"delta\":"
			"{\"content\":\"i\",\"tool_calls\":[{\"index\":0,"
			"\"id\":\"c1\",\"type\":\"function\",\"function\":"
			"{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": \"}}]}}]}"
			"\n\ndata: {\"choices\":[{\"index\":0,\"delta\":"
			"{\"tool_calls\":[{\"index\":0,\"function\":"
			"{\"arguments\":\"1}\"}}]},\"finish_reason\":"
			"\"tool_calls\"}]}\n\ndata: [DONE]\n\n"));
	request_unref(q);

	q = read_text(
		DIALECT_MESSAGES,
		"{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
		"\"text\",\"text\":\"Hi\"},{\"type\":\"tool_use\",\"id\":"
		"\"c1\","
		"\"name\":\"f\",\"input\":{\"a\":1}}]}]}");
	assert_int_equal(
		q->messages[0]->hash,
		hash_of_stream(
			DIALECT_MESSAGES,
			"data: "
			"{\"type\":\"message_start\",\"message\":{\"type\":"
			"\"message\",\"role\":\"assistant\",\"content\":[]}}"
			"\n\n"
			"data: {\"type\":\"content_block_start\",\"index\":0,"
			"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"
			"\n\n"
			"data: {\"type\":\"content_block_delta\",\"index\":0,"
			"\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}"
			"\n\n"
			"data: "
			"{\"type\":\"content_block_stop\",\"index\":0}\n\n"
			"data: {\"type\":\"content_block_start\",\"index\":1,"
			"\"content_block\":{\"type\":\"tool_use\",\"id\":"
			"\"c1\","
			"\"name\":\"f\",\"input\":{}}}\n\n"
			"data: {\"type\":\"content_block_delta\",\"index\":1,"
			"\"delta\":{\"type\":\"input_json_delta\","
			"\"partial_json\":\"{\\\"a\\\": 1}\"}}\n\n"
			"data: "
			"{\"type\":\"content_block_stop\",\"index\":1}\n\n"
			"data: {\"type\":\"message_stop\"}\n\n"));
	request_unref(q);
}

/* ---- bad input ---- */

static void check_bad(const char *text, bool unknown)
{
	struct request *q = read_text(DIALECT_CHAT, text);

	assert_false(q->understood);
	assert_int_equal(q->unknown, unknown);
	assert_non_null(q->why);
	assert_int_equal(q->n_messages, 0);
	assert_false(request_asked(q).known);
	request_unref(q);
}

static void bad_input(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"nul",
		"{",
		"{\"messages\":[}",
		"{\"messages\":[{]}",
		"{\"messages\":[{}",
		"{\"messages\":[{},]}",
		"{\"messages\":[{} {}]}",
		"{\"messages\":[{\"a\":1]}]}",
		"{\"messages\":[]}x",
		"{\"messages\":[],}",
		"{\"messages\" []}",
		"{messages:[]}",
		"{\"messages\":[\"\xff\"]}",
		"{\"messages\":\"x\"}",
		"{\"model\":1}",
		"{\"a\":\"",
		"{\"a\":1 2}",
		"{\"messages\":[1 2]}",
	};
	struct buf deep = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_bad(bad[i], false);
	check_bad("{\"messages\":[{}],\"messages\":[]}", true);
	buf_addf(&deep, "{\"messages\":[");
	for (unsigned i = 0; i < 100000; i++)
		buf_addc(&deep, '[');
	buf_addc(&deep, 0);
	check_bad(deep.p, true);
	buf_free(&deep);
}

static void many_members(void **state)
{
	struct buf b = {0};
	struct request *q;

	buf_addc(&b, '{');
	for (unsigned i = 0; i < 100000; i++)
		buf_addf(&b, "\"%u\":0,", i);
	buf_addf(&b, "\"messages\":[]}");
	q = request_read(NULL, DIALECT_CHAT, buf_str(&b), STR(""));
	assert_true(q->unknown);
	request_unref(q);
	b.n = 0;
	buf_addf(&b, "{\"messages\":[0");
	for (unsigned i = 0; i < 100000; i++)
		buf_addf(&b, ",0");
	buf_addf(&b, "]}");
	q = request_read(NULL, DIALECT_CHAT, buf_str(&b), STR(""));
	assert_true(q->unknown);
	request_unref(q);
	buf_free(&b);
}

static void codings(void **state)
{
	static const char text[] = "{\"messages\":[],\"model\":\"m\"}";
	unsigned char packed[200];
	z_stream z = {0};
	struct request *q;

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)text;
	z.avail_in = sizeof(text) - 1;
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	q = request_read(NULL, DIALECT_CHAT,
			 (struct str){(char *)packed, z.total_out},
			 STR("gzip"));
	assert_true(q->understood);
	assert_str(q->body, text);
	request_unref(q);
	q = request_read(NULL, DIALECT_CHAT,
			 (struct str){(char *)packed, z.total_out - 9},
			 STR("gzip"));
	assert_true(q->unknown && q->why && !q->root);
	request_unref(q);
	q = request_read(NULL, DIALECT_CHAT, str_of(text), STR("rot13"));
	assert_true(q->unknown);
	request_unref(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chat_fields),
		cmocka_unit_test(other_fields),
		cmocka_unit_test(chat_messages),
		cmocka_unit_test(anthropic_messages),
		cmocka_unit_test(responses_items),
		cmocka_unit_test(answers_come_back),
		cmocka_unit_test(cache_control_moves),
		cmocka_unit_test(streams_come_back),
		cmocka_unit_test(bad_input),
		cmocka_unit_test(many_members),
		cmocka_unit_test(codings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
