/* SPDX-License-Identifier: MIT */
/* Reasoning that was said, and what came back of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "judge_rig.h"
#include "rules/judge/passback_impl.h"

#define RULE(name, assert)                                                     \
	"{\"id\":\"own/" name "\",\"text\":\"t\",\"src\":\"https://"           \
	"v.example\",\"since\":\"2026-01-01\",\"cert\":\"c\","                 \
	"\"scope\":\"session\",\"severity\":\"error\",\"party\":\"client\","   \
	"\"assert\":{" assert "}}"
#define PASSBACK(which)                                                        \
	RULE(which, "\"check\":\"passback\",\"messages\":\"" which "\"")

static const char own_pack[] =
	"{\"pack\":\"own\",\"version\":\"1\",\"about\":\"Of this test.\","
	"\"models\":[\"own-*\"],\"reasoning_name\":\"reasoning_content\","
	"\"rules\":[" PASSBACK("tool_calls") "," PASSBACK("all") "," PASSBACK(
		"turn") "," PASSBACK("latest") "," RULE("charged",
							"\"check\":\"passback_"
							"charged\"") "]}";

#define USER(text)   "{\"role\":\"user\",\"content\":\"" text "\"}"
#define SYSTEM(text) "{\"role\":\"system\",\"content\":\"" text "\"}"
#define TOOL(id)                                                               \
	"{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"42\"}"
#define CALLS(id)                                                              \
	"\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"     \
	"\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"f\","       \
	"\"arguments\":\"{}\"}}]"
#define TEXT(text) "\"role\":\"assistant\",\"content\":\"" text "\""
#define THOUGHT(t) ",\"reasoning_content\":\"" t "\""
#define ID	   "call_0123456789abcdef"
#define COMMON_ID  "functions.f:0"

static int setup(void **state)
{
	struct rig *g = malloc(sizeof *g);

	rig_open(g, own_pack);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	rig_close(*state);
	free(*state);
	return 0;
}

/* A request of these messages, answered by this message. */
static int64_t turn_of(struct rig *g, const char *messages, const char *answer,
		       int prompt, int reasoning)
{
	struct buf q = {0}, a = {0};
	int64_t id;

	buf_addf(&q, "{\"model\":\"own-1\",\"messages\":[%s]}", messages);
	buf_addf(&a,
		 "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,"
		 "\"model\":\"own-1\",\"choices\":[{\"index\":0,"
		 "\"message\":{%s},\"finish_reason\":\"%s\"}],"
		 "\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":500,"
		 "\"total_tokens\":%d,\"completion_tokens_details\":"
		 "{\"reasoning_tokens\":%d}}}",
		 answer, strstr(answer, "tool_calls") ? "tool_calls" : "stop",
		 prompt, prompt + 500, reasoning);
	buf_addc(&q, 0);
	buf_addc(&a, 0);
	id = rig_say(g, &(struct said){.request = q.p, .answer = a.p});
	buf_free(&q);
	buf_free(&a);
	return id;
}

static int64_t say(struct rig *g, const char *messages, const char *answer)
{
	return turn_of(g, messages, answer, 10, 5);
}

static bool failed(const struct rig *g, int64_t id, const char *rule)
{
	return rig_found(g, id, rule, PARTY_CLIENT);
}

/* Findings of the rules of this test. */
static size_t accused(const struct rig *g, int64_t id)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_found; i++)
		n += g->found[i].exchange == id &&
		     strncmp(g->found[i].rule, "own/", 4) == 0;
	return n;
}

#define ASKED	       USER("How much?")
#define AFTER(message) ASKED ",{" message "}," TOOL(ID)

static void it_comes_back_or_does_not(void **state)
{
	struct rig *g = *state;
	const char *rule = "own/tool_calls";
	int64_t id;

	say(g, ASKED, CALLS(ID) THOUGHT("I must look."));
	id = say(g, AFTER(CALLS(ID) THOUGHT("I must look.")), TEXT("42"));
	assert_false(failed(g, id, rule));
	assert_int_equal(rig_tally(g, rule).passed, 1);

	id = say(g, AFTER(CALLS(ID)), TEXT("42"));
	assert_true(failed(g, id, rule));
	assert_non_null(strstr(rig_finding(g, id, rule)->observed,
			       "lacks its reasoning; 12 bytes"));

	id = say(g, AFTER(CALLS(ID) THOUGHT("")), TEXT("42"));
	assert_non_null(strstr(rig_finding(g, id, rule)->observed, "empty"));

	id = say(g, AFTER(CALLS(ID) THOUGHT("I must Look.")), TEXT("42"));
	assert_non_null(strstr(rig_finding(g, id, rule)->observed, "byte 7"));

	id = say(g, AFTER(CALLS(ID) ",\"reasoning\":\"I must look.\""),
		 TEXT("42"));
	assert_non_null(
		strstr(rig_finding(g, id, rule)->observed, "another name"));
	assert_int_equal(rig_tally(g, rule).unknown, 0);
}

static void what_was_never_said_is_not_owed(void **state)
{
	struct rig *g = *state;
	int64_t id;

	say(g, ASKED, CALLS(ID));
	id = say(g, AFTER(CALLS(ID)), TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	assert_int_equal(rig_tally(g, "own/tool_calls").passed, 1);
}

static void what_was_not_recorded_is_unknown(void **state)
{
	struct rig *g = *state;
	int64_t id;

	id = say(g, AFTER(CALLS(ID)), TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	id = say(g, AFTER(CALLS(ID) THOUGHT("Hm.")), TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	assert_int_equal(rig_tally(g, "own/tool_calls").unknown, 2);
	assert_int_equal(rig_tally(g, "own/tool_calls").passed, 0);
}

/* Of two turns, with their reasoning dropped here and there. */
static void contracts_cover_different_messages(void **state)
{
	struct rig *g = *state;
	int64_t id;

	say(g, ASKED, CALLS(ID) THOUGHT("One."));
	say(g, AFTER(CALLS(ID) THOUGHT("One.")),
	    TEXT("It is 42.") THOUGHT("Two."));
#define FIRST(a, b) AFTER(CALLS(ID) a) ",{" TEXT("It is 42.") b "}," USER("?")
	id = say(g, FIRST(THOUGHT("One."), THOUGHT("Two.")),
		 CALLS("x" ID) THOUGHT("Three."));
	assert_int_equal(accused(g, id), 0);
	id = say(g, FIRST(, ), CALLS("x" ID) THOUGHT("Three."));
	assert_true(failed(g, id, "own/tool_calls"));
	assert_true(failed(g, id, "own/all"));
	assert_false(failed(g, id, "own/turn"));
	assert_false(failed(g, id, "own/latest"));
	id = say(g, FIRST(THOUGHT("One."), ), CALLS("x" ID) THOUGHT("Three."));
	assert_false(failed(g, id, "own/tool_calls"));
	assert_true(failed(g, id, "own/all"));
	id = say(g, FIRST(, ) ",{" CALLS("x" ID) "}," TOOL("x" ID),
		 CALLS("y" ID) THOUGHT("Four."));
	assert_true(failed(g, id, "own/turn"));
	assert_true(failed(g, id, "own/latest"));
	id = say(g,
		 FIRST(, ) ",{" CALLS("x" ID) "}," TOOL("x" ID) ",{" CALLS(
			 "y" ID) THOUGHT("Four.") "}," TOOL("y" ID),
		 TEXT("42"));
	assert_true(failed(g, id, "own/turn"));
	assert_false(failed(g, id, "own/latest"));
}

static void branches_are_kept_apart(void **state)
{
	struct rig *g = *state;
	int64_t id;

	say(g, ASKED, CALLS(ID) THOUGHT("This way."));
	say(g, ASKED, CALLS(ID) THOUGHT("That way."));
	id = say(g, AFTER(CALLS(ID) THOUGHT("This way.")), TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	id = say(g, AFTER(CALLS(ID) THOUGHT("That way.")), TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	id = say(g, AFTER(CALLS(ID) THOUGHT("No way.")), TEXT("42"));
	assert_true(failed(g, id, "own/tool_calls"));
}

/* More answers of the same words than are kept: an old one's reasoning fits
 * none of them, and nobody is accused. */
static void a_crowd_is_not_accused(void **state)
{
	struct rig *g = *state;
	int64_t id;

	for (unsigned i = 0; i <= PASSBACK_SAME_KEY; i++) {
		char answer[400];

		snprintf(answer, sizeof answer, CALLS(ID) THOUGHT("Epoch %u."),
			 i);
		say(g, ASKED, answer);
	}
	id = say(g, AFTER(CALLS(ID) THOUGHT("Epoch 0.")), TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	assert_int_equal(rig_tally(g, "own/tool_calls").unknown, 1);
	id = say(g, AFTER(CALLS(ID) THOUGHT("Epoch 7.")), TEXT("42"));
	assert_int_equal(rig_tally(g, "own/tool_calls").passed, 1);
}

#define EDITED(message) SYSTEM("It is Monday.") "," ASKED ",{" message "},"
static void edited_histories_are_followed(void **state)
{
	struct rig *g = *state;
	int64_t id;

	say(g, ASKED, CALLS(ID) THOUGHT("I must look."));
	id = say(g, EDITED(CALLS(ID) THOUGHT("I must look.")) TOOL(ID),
		 TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	assert_int_equal(rig_tally(g, "own/tool_calls").passed, 1);
	id = say(g, EDITED(CALLS(ID)) TOOL(ID), TEXT("42"));
	assert_true(failed(g, id, "own/tool_calls"));

	/* A call that every conversation has may be another one's. */
	say(g, ASKED, CALLS(COMMON_ID) THOUGHT("Other."));
	id = say(g, EDITED(CALLS(COMMON_ID) THOUGHT("Own.")) TOOL(COMMON_ID),
		 TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	assert_int_equal(rig_tally(g, "own/tool_calls").unknown, 1);
}

static void a_far_difference_is_not_misplaced(void **state)
{
	struct rig *g = *state;
	char said[3000], sent[4000], thought[2100];
	int64_t id;

	memset(thought, 'x', sizeof thought);
	thought[2000] = 0;
	snprintf(said, sizeof said, CALLS(ID) THOUGHT("%s"), thought);
	thought[1500] = 'y';
	snprintf(sent, sizeof sent, ASKED ",{" CALLS(ID) THOUGHT("%s") "}",
		 thought);
	say(g, ASKED, said);
	id = say(g, sent, TEXT("42"));
	assert_non_null(strstr(rig_finding(g, id, "own/tool_calls")->observed,
			       "behind byte 1024"));
}

static void evicted_is_unknown(void **state)
{
	struct rig *g = *state;
	int64_t id;

	rig_judge(g, 64 << 10); /* 16 KiB of it are the ledger's */
	say(g, ASKED, CALLS(ID) THOUGHT("I must look."));
	for (unsigned i = 0; i < 100; i++) {
		char asked[200];

		snprintf(asked, sizeof asked, USER("Number %u?"), i);
		say(g, asked, CALLS(ID) THOUGHT("Hm."));
	}
	id = say(g, AFTER(CALLS(ID)), TEXT("42"));
	assert_int_equal(accused(g, id), 0);
	assert_int_equal(rig_tally(g, "own/tool_calls").unknown, 1);
}

/* An answer is kept as long as the conversation goes on. */
static void what_is_talked_about_stays(void **state)
{
	struct rig *g = *state;
	int64_t id = 0;

	rig_judge(g, 64 << 10);
	say(g, ASKED, CALLS(ID) THOUGHT("I must look."));
	for (unsigned i = 0; i < 100; i++) {
		char asked[200];

		snprintf(asked, sizeof asked, USER("Number %u?"), i);
		say(g, asked, TEXT("Yes.") THOUGHT("Hm."));
		id = say(g, AFTER(CALLS(ID) THOUGHT("I must look.")),
			 TEXT("42"));
		assert_int_equal(accused(g, id), 0);
	}
	assert_int_equal(rig_tally(g, "own/tool_calls").passed, 100);
}

static void it_outlives_a_restart(void **state)
{
	struct rig *g = *state;
	struct buf saved = {0}, again = {0};
	int64_t id;

	say(g, ASKED, CALLS(ID) THOUGHT("I must look."));
	say(g, ASKED, CALLS(COMMON_ID));
	judge_save(g->j, &saved);
	rig_judge(g, 0);
	assert_true(judge_load(g->j, buf_str(&saved)));
	judge_save(g->j, &again);
	assert_true(str_eq(buf_str(&saved), buf_str(&again)));
	id = say(g, AFTER(CALLS(ID)), TEXT("42"));
	assert_true(failed(g, id, "own/tool_calls"));
	buf_free(&saved);
	buf_free(&again);
}

/* ---- the part by itself ---- */

static struct buf saved_entry(void)
{
	struct passback *p = passback_new(0);
	struct buf b = {0};
	static const char body[] = "{\"model\":\"m\",\"messages\":[" ASKED "]}";
	struct chat_asked asked = {.n = 1};
	struct chat *chat = chat_new(DIALECT_CHAT, &asked, NULL);
	struct ev_close close = {.outcome = EV_COMPLETE, .status = 200};
	struct check_case c = {.id = 7, .close = &close, .status = 200};

	c.dialect = DIALECT_CHAT;
	c.answered = true;
	c.q = request_read(NULL, DIALECT_CHAT, str_of(body), STR(""));
	chat_head(chat, 200, STR("application/json"), STR(""));
	chat_feed(chat,
		  STR("{\"choices\":[{\"index\":0,\"message\":{" CALLS(ID)
			      THOUGHT("I must look.") "},"
						      "\"finish_reason\":"
						      "\"tool_calls\"}]}"),
		  1);
	chat_end(chat, CHAT_WHOLE);
	c.a = chat_answer(chat);
	passback_learn(p, &c);
	assert_true(passback_size(p) > sizeof(struct passback));
	passback_save(p, &b);
	request_unref(c.q);
	chat_free(chat);
	passback_free(p);
	return b;
}

/* A trail is a stranger's: every cut is refused, and no byte harms. */
static void damage_is_refused(void **state)
{
	struct buf saved = saved_entry();

	for (size_t n = 0; n < saved.n; n++) {
		struct passback *p = passback_new(0);

		assert_false(passback_load(p, (struct str){saved.p, n}));
		passback_free(p);
	}
	for (size_t i = 0; i < saved.n * 8; i++) {
		struct passback *p = passback_new(0);
		struct buf b = {0};

		saved.p[i / 8] ^= (char)(1 << i % 8);
		if (passback_load(p, buf_str(&saved)))
			passback_save(p, &b);
		saved.p[i / 8] ^= (char)(1 << i % 8);
		passback_free(p);
		buf_free(&b);
	}
	buf_free(&saved);
}

/* ---- what it costs ---- */

#define LONG                                                                   \
	"I think and think and think and think and think and think and think " \
	"and think and think and think and think and think and think and "     \
	"think and think and think and think and think and think."

static void charged_or_not(void **state)
{
	struct rig *g = *state;
	const char *rule = "own/charged";
	int64_t id;

	turn_of(g, ASKED, CALLS(ID) THOUGHT(LONG), 1000, 90);
	id = turn_of(g, AFTER(CALLS(ID) THOUGHT(LONG)), TEXT("42"), 1110, 5);
	assert_false(failed(g, id, rule));
	assert_int_equal(rig_tally(g, rule).passed, 1);
	id = turn_of(g, AFTER(CALLS(ID) THOUGHT(LONG)), TEXT("42"), 1015, 5);
	assert_true(failed(g, id, rule));
	assert_int_equal(rig_tally(g, rule).unknown, 0);
	/* It shrank: cached tokens are left out, as some count. */
	id = turn_of(g, AFTER(CALLS(ID) THOUGHT(LONG)), TEXT("42"), 115, 5);
	assert_false(failed(g, id, rule));
	assert_int_equal(rig_tally(g, rule).unknown, 1);
	/* Nothing came back: nothing to charge for. */
	id = turn_of(g, AFTER(CALLS(ID)), TEXT("42"), 1015, 5);
	assert_false(failed(g, id, rule));
}

static void a_summary_is_not_charged(void **state)
{
	struct rig *g = *state;
	int64_t id;

	turn_of(g, ASKED, CALLS(ID) THOUGHT("In short."), 1000, 90);
	id = turn_of(g, AFTER(CALLS(ID) THOUGHT("In short.")), TEXT("42"), 1015,
		     5);
	assert_false(failed(g, id, "own/charged"));
	assert_int_equal(rig_tally(g, "own/charged").unknown, 1);
}

/* ---- blocks with signatures ---- */

#define THINKS(text, signature)                                                \
	"{\"type\":\"thinking\",\"thinking\":\"" text                          \
	"\",\"signature\":\"" signature "\"}"
#define REDACTED "{\"type\":\"redacted_thinking\",\"data\":\"AAEC\"}"
#define USES                                                                   \
	"{\"type\":\"tool_use\",\"id\":\"toolu_0123456789abcdef\","            \
	"\"name\":\"f\",\"input\":{}}"

static int64_t blocks(struct rig *g, const char *history, const char *answer)
{
	struct buf q = {0}, a = {0};
	int64_t id;

	buf_addf(&q, "{\"model\":\"own-1\",\"max_tokens\":100,\"messages\":["
		     "{\"role\":\"user\",\"content\":\"How much?\"}");
	if (history)
		buf_addf(&q,
			 ",{\"role\":\"assistant\",\"content\":[%s]},"
			 "{\"role\":\"user\",\"content\":[{\"type\":"
			 "\"tool_result\",\"tool_use_id\":"
			 "\"toolu_0123456789abcdef\",\"content\":\"42\"}]}",
			 history);
	buf_adds(&q, STR("]}"));
	buf_addf(&a,
		 "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\","
		 "\"model\":\"own-1\",\"content\":[%s],\"stop_reason\":\"%s\","
		 "\"stop_sequence\":null,\"usage\":{\"input_tokens\":10,"
		 "\"output_tokens\":10}}",
		 answer, strstr(answer, "tool_use") ? "tool_use" : "end_turn");
	buf_addc(&q, 0);
	buf_addc(&a, 0);
	id = rig_say(g, &(struct said){.path = "/v1/messages",
				       .request = q.p,
				       .answer = a.p});
	buf_free(&q);
	buf_free(&a);
	return id;
}

static void signatures_come_back_too(void **state)
{
	struct rig *g = *state;
	const char *done = "{\"type\":\"text\",\"text\":\"42\"}";
	const char *rule = "own/latest";
	int64_t id;

	blocks(g, NULL, THINKS("Hm.", "c2ln") "," REDACTED "," USES);
	id = blocks(g, THINKS("Hm.", "c2ln") "," REDACTED "," USES, done);
	assert_false(failed(g, id, rule));
	assert_int_equal(rig_tally(g, rule).passed, 1);
	id = blocks(g, THINKS("Hm.", "c2lN") "," REDACTED "," USES, done);
	assert_non_null(
		strstr(rig_finding(g, id, rule)->observed, "signatures"));
	id = blocks(g, THINKS("Hm.", "c2ln") "," USES, done);
	assert_true(failed(g, id, rule));
	id = blocks(g, USES, done);
	assert_non_null(strstr(rig_finding(g, id, rule)->observed, "lacks"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_comes_back_or_does_not),
		T(what_was_never_said_is_not_owed),
		T(what_was_not_recorded_is_unknown),
		T(contracts_cover_different_messages),
		T(branches_are_kept_apart),
		T(a_crowd_is_not_accused),
		T(edited_histories_are_followed),
		T(a_far_difference_is_not_misplaced),
		T(evicted_is_unknown),
		T(what_is_talked_about_stays),
		T(it_outlives_a_restart),
		cmocka_unit_test(damage_is_refused),
		T(charged_or_not),
		T(a_summary_is_not_charged),
		T(signatures_come_back_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
