/* SPDX-License-Identifier: MIT */
/* Exchanges before the judge: what is told, when, of whom, how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "judge_rig.h"

#define ABOUT                                                                  \
	"\"text\":\"t\",\"src\":\"https://"                                    \
	"v.example\",\"since\":\"2026-01-01\""

static const char own_pack[] =
	"{\"pack\":\"own\",\"version\":\"1\",\"about\":\"Of this test.\","
	"\"models\":[\"own-*\"],\"modes\":[{\"mode\":\"instant\",\"when\":"
	"{\"properties\":{\"thinking\":{\"const\":false}},"
	"\"required\":[\"thinking\"]}},{\"mode\":\"thinking\"}],\"rules\":["
	"{\"id\":\"own/temperature\"," ABOUT ",\"cert\":\"c\","
	"\"scope\":\"request\",\"severity\":\"error\",\"party\":\"client\","
	"\"match\":{\"mode\":\"thinking\"},\"refuse\":true,"
	"\"refusal\":\"only 1 is allowed\",\"param\":\"temperature\","
	"\"assert\":{\"schema\":{\"properties\":{\"temperature\":"
	"{\"const\":1}}}}},"
	"{\"id\":\"own/short\"," ABOUT ",\"cert\":\"c\","
	"\"scope\":\"response\",\"severity\":\"error\",\"party\":\"vendor\","
	"\"assert\":{\"schema\":{\"properties\":{\"content\":"
	"{\"maxLength\":20}}}}},"
	"{\"id\":\"own/rate\"," ABOUT ",\"cert\":\"c\","
	"\"scope\":\"campaign\",\"severity\":\"error\",\"party\":\"vendor\","
	"\"assert\":{\"check\":\"rate\",\"of\":\"success\",\"least\":90,"
	"\"after\":3}}]}";

#define ASK(more)                                                              \
	"{\"model\":\"own-1\",\"messages\":[{\"role\":\"user\","               \
	"\"content\":\"Hello there\"}]" more "}"
#define USAGE                                                                  \
	"\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,"              \
	"\"total_tokens\":12}"
#define WHOLE(text)                                                            \
	"{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,"         \
	"\"model\":\"own-1\",\"choices\":[{\"index\":0,\"message\":"           \
	"{\"role\":\"assistant\",\"content\":\"" text "\"},"                   \
	"\"finish_reason\":\"stop\"}]," USAGE "}"
#define CHUNK(choice)                                                          \
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\","           \
	"\"created\":1,\"model\":\"own-1\",\"choices\":[" choice "]}\n\n"
#define STREAM_HEAD                                                            \
	CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\","                \
	      "\"content\":\"\"},\"finish_reason\":null}")
#define SAYS(text)                                                             \
	CHUNK("{\"index\":0,\"delta\":{\"content\":\"" text "\"},"             \
	      "\"finish_reason\":null}")
#define STOPS  CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}")
#define DONE   "data: [DONE]\n\n"
#define STREAM STREAM_HEAD SAYS("Good") SAYS(" day") STOPS DONE
#define REFUSAL(text)                                                          \
	"{\"error\":{\"message\":\"" text "\",\"type\":\"invalid_request\","   \
	"\"param\":null,\"code\":null}}"

static const char asked[] = ASK("");
static const char streamed[] = ASK(",\"stream\":true");
static const char warm[] = ASK(",\"temperature\":0.5");
static const char proper[] = ASK(",\"temperature\":1.0");

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

/* ---- nothing wrong ---- */

static void honest_answers(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(g, &(struct said){.request = asked,
					       .answer = WHOLE("Good day")});

	assert_int_equal(rig_count(g, id), 0);
	assert_true(g->last.passed > 10);
	assert_int_equal(g->last.failed, 0);
	assert_null(g->last.blind);
	assert_string_equal(g->finish, "stop");
	assert_string_equal(g->model, "own-1");
	assert_int_equal(g->last.completion_tokens, 3);
	assert_int_equal(g->last.mode, MODE_THINKING);
	id = rig_say(g, &(struct said){.request = streamed, .answer = STREAM});
	assert_int_equal(rig_count(g, id), 0);
	assert_true(g->last.streamed);
}

static void other_traffic(void **state)
{
	struct rig *g = *state;

	rig_say(g, &(struct said){
			   .path = "/v1/models", .request = "", .answer = "{"});
	assert_int_equal(g->last.dialect, DIALECT_NONE);
	assert_int_equal(g->last.passed + g->last.failed + g->last.unknown, 0);
	assert_int_equal(g->n_found, 0);
}

/* ---- streams, while they run ---- */

static const char doubled[] =
	STREAM_HEAD SAYS("Good") STOPS STOPS SAYS(" day") DONE;

static void told_at_once(void **state)
{
	struct rig *g = *state;
	const struct rig_finding *f;
	int64_t id = rig_say(g, &(struct said){.request = streamed,
					       .answer = doubled,
					       .step = 40});

	f = rig_finding(g, id, "wire/finish_twice");
	assert_non_null(f);
	assert_true(f->live);
	assert_int_equal(f->party, PARTY_VENDOR);
	assert_int_equal(f->severity, SEVERITY_ERROR);
	/* Once, though it is asked about again at the end. */
	assert_int_equal(rig_count(g, id), 1);
	assert_int_equal(rig_tally(g, "wire/finish_twice").failed, 1);
}

static void any_split(void **state)
{
	static const size_t steps[] = {0, 1, 7, 64};
	struct rig *g = *state;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		int64_t id = rig_say(g, &(struct said){.request = streamed,
						       .answer = doubled,
						       .step = steps[i],
						       .step_ns = 1000});

		assert_int_equal(rig_count(g, id), 1);
		assert_true(
			rig_found(g, id, "wire/finish_twice", PARTY_VENDOR));
	}
}

static void mixed_exchanges(void **state)
{
	struct said bad = {.request = streamed, .answer = doubled};
	struct said good = {.request = streamed, .answer = STREAM};
	struct rig *g = *state;
	int64_t ids[200];

	for (size_t i = 0; i < 200; i++)
		ids[i] = rig_begin(g, i % 2 ? &bad : &good);
	for (size_t i = 200; i-- > 0;)
		rig_end(g, ids[i], i % 2 ? &bad : &good);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(
			rig_found(g, ids[i], "wire/finish_twice", PARTY_VENDOR),
			i % 2);
}

/* ---- ends ---- */

static const char cut[] = STREAM_HEAD SAYS("Good");

static void cut_by_the_vendor(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(g, &(struct said){.request = streamed,
					       .answer = cut,
					       .outcome = EV_TRUNCATED});

	assert_true(rig_found(g, id, "wire/truncated", PARTY_VENDOR));
	assert_false(rig_found(g, id, "wire/reset", PARTY_VENDOR));
	id = rig_say(g, &(struct said){.request = streamed,
				       .answer = cut,
				       .outcome = EV_RESET_BY_VENDOR});
	assert_true(rig_found(g, id, "wire/reset", PARTY_VENDOR));
	assert_false(rig_found(g, id, "wire/truncated", PARTY_VENDOR));
}

static void shorter_than_said(void **state)
{
	struct rig *g = *state;
	int64_t id =
		rig_say(g, &(struct said){.request = asked,
					  .answer = WHOLE("Good day"),
					  .fields = "Content-Length: 9999\r\n",
					  .outcome = EV_TRUNCATED});

	assert_true(rig_found(g, id, "wire/length_mismatch", PARTY_VENDOR));
}

static void closed_without_notice(void **state)
{
	struct ev_conn c = {.side = EV_RESPONSE,
			    .tls = true,
			    .route = STR("default"),
			    .peer = STR("1.2.3.4:443"),
			    .http = STR("1.1")};
	struct said s = {.request = asked,
			 .answer = WHOLE("Good day"),
			 .fields = "Connection: close\r\n",
			 .outcome = EV_TRUNCATED,
			 .conn = 7};
	struct rig *g = *state;
	int64_t id;

	judge_conn(g->j, 7, &c);
	id = rig_say(g, &s);
	assert_true(rig_found(g, id, "wire/no_close_notify", PARTY_VENDOR));
	assert_false(rig_found(g, id, "wire/truncated", PARTY_VENDOR));
	s.conn = 8; /* not known: nothing is said of it */
	id = rig_say(g, &s);
	assert_true(rig_found(g, id, "wire/truncated", PARTY_VENDOR));
}

/* What nobody saw is unknown: nothing found, nothing passed. */
static void client_hung_up(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(g, &(struct said){.request = streamed,
					       .answer = cut,
					       .outcome = EV_RESET_BY_CLIENT});

	assert_int_equal(rig_count(g, id), 0);
	assert_true(g->last.unknown > 5);
	assert_non_null(g->last.blind);
	assert_int_equal(rig_tally(g, "wire/finish_missing").unknown, 1);
	assert_int_equal(rig_tally(g, "wire/finish_missing").passed, 0);
}

static void gaps_are_unknown(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(g, &(struct said){.request = streamed,
					       .answer = cut,
					       .gap = {0, 100}});

	assert_int_equal(rig_count(g, id), 0);
	assert_int_equal(rig_tally(g, "wire/finish_missing").unknown, 1);
	id = rig_say(g, &(struct said){.request = warm,
				       .answer = WHOLE("Good day"),
				       .gap = {100, 0}});
	assert_int_equal(rig_count(g, id), 0);
	assert_int_equal(rig_tally(g, "own/temperature").passed +
				 rig_tally(g, "own/temperature").failed,
			 1);
}

static void not_the_vendors(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(g, &(struct said){.request = warm,
					       .answer = REFUSAL("assay: no"),
					       .status = 400,
					       .outcome = EV_BLOCKED,
					       .by_assay = true});

	assert_true(rig_found(g, id, "own/temperature", PARTY_CLIENT));
	assert_int_equal(rig_count(g, id), 1);
}

/* ---- requests ---- */

/* The answer's head may come before the request's end. */
static void answered_early(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(g, &(struct said){.request = streamed,
					       .answer = doubled,
					       .answer_first = true});

	assert_true(rig_found(g, id, "wire/finish_twice", PARTY_VENDOR));
	assert_int_equal(rig_count(g, id), 1);
	id = rig_say(g, &(struct said){.request = warm,
				       .request_n = sizeof warm - 8,
				       .answer = REFUSAL("too large"),
				       .status = 413,
				       .answer_first = true,
				       .unfinished = true,
				       .outcome = EV_RESET_BY_CLIENT});
	assert_int_equal(rig_count(g, id), 0);
	assert_string_equal(g->last.blind, "the request is not whole");
}

static void strange_requests(void **state)
{
	static const char *const bodies[] = {
		"",
		"nonsense",
		"[1,2]",
		"{\"model\":7}",
		"{}",
		"null",
		"{\"messages\":[[[]]],\"model\":\"own-1\"}",
		"{\"model\":\"own-1\",\"messages\":\"x\",\"tools\":[null]}"};
	struct rig *g = *state;

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		int64_t id = rig_say(
			g, &(struct said){.request = bodies[i],
					  .answer = REFUSAL("bad request"),
					  .status = 400});

		assert_int_equal(rig_count(g, id), 0);
	}
}

/* ---- parameters ---- */

static struct judge_policy policy(struct rig *g)
{
	const struct judge_policy *p;

	assert_int_equal(judge_policies(g->j, &p), 1);
	assert_true(str_eq(p->param, STR("temperature")));
	return *p;
}

static void breach_refused(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(
		g, &(struct said){.request = warm,
				  .status = 400,
				  .answer = REFUSAL("invalid temperature: only "
						    "1 is allowed")});

	assert_true(rig_found(g, id, "own/temperature", PARTY_CLIENT));
	assert_int_equal(rig_count(g, id), 1);
	assert_int_equal(policy(g).outcome, POLICY_ENFORCED);
	assert_int_equal(policy(g).breaches, 1);
}

static void breach_served(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(g, &(struct said){.request = warm,
					       .answer = WHOLE("Good day")});

	assert_true(rig_found(g, id, "own/temperature", PARTY_CLIENT));
	assert_true(rig_found(g, id, "own/temperature", PARTY_VENDOR));
	assert_int_equal(rig_count(g, id), 2);
	assert_int_equal(policy(g).outcome, POLICY_ACCEPTED);
	assert_int_equal(policy(g).example, id);
}

static void breach_without_verdict(void **state)
{
	static const struct said cases[] = {
		{.status = 429, .answer = REFUSAL("slow down")},
		{.status = 401, .answer = REFUSAL("who are you?")},
		{.status = 500, .answer = REFUSAL("oops")},
		{.status = 200,
		 .answer = WHOLE("Go"),
		 .outcome = EV_RESET_BY_CLIENT},
		{.outcome = EV_VENDOR_UNREACHABLE}};
	struct rig *g = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct said s = cases[i];
		int64_t id;

		s.request = warm;
		id = rig_say(g, &s);
		assert_true(rig_found(g, id, "own/temperature", PARTY_CLIENT));
		assert_false(rig_found(g, id, "own/temperature", PARTY_VENDOR));
	}
	assert_int_equal(policy(g).outcome, POLICY_UNTESTED);
	assert_int_equal(policy(g).no_verdict, 5);
}

static void proper_refused(void **state)
{
	static const char why[] =
		REFUSAL("invalid temperature: only 0.6 is allowed");
	struct rig *g = *state;
	int64_t id = rig_say(g, &(struct said){.request = proper,
					       .status = 400,
					       .answer = why});

	assert_true(rig_found(g, id, "wire/refused_proper", PARTY_VENDOR));
	assert_int_equal(rig_count(g, id), 1);
	assert_int_equal(policy(g).proper_refused, 1);
	/* Of something else, or not said by the request. */
	id = rig_say(g, &(struct said){.request = proper,
				       .status = 400,
				       .answer = REFUSAL("temperatures?")});
	assert_int_equal(rig_count(g, id), 0);
	id = rig_say(
		g,
		&(struct said){.request = asked, .status = 400, .answer = why});
	assert_int_equal(rig_count(g, id), 0);
}

static void mode_decides(void **state)
{
	struct rig *g = *state;
	int64_t id =
		rig_say(g, &(struct said){.request = ASK(",\"thinking\":false,"
							 "\"temperature\":0.5"),
					  .answer = WHOLE("Good day")});

	assert_int_equal(rig_count(g, id), 0);
	assert_int_equal(g->last.mode, MODE_INSTANT);
}

/* ---- answers by schema, campaigns ---- */

static void answer_schema(void **state)
{
	struct rig *g = *state;
	int64_t id = rig_say(
		g, &(struct said){
			   .request = asked,
			   .answer = WHOLE("much longer than twenty letters")});

	assert_true(rig_found(g, id, "own/short", PARTY_VENDOR));
	assert_int_equal(rig_count(g, id), 1);
}

static void campaign_told_at_the_end(void **state)
{
	struct said bad = {
		.request = asked, .status = 500, .answer = REFUSAL("oops")};
	struct rig *g = *state;
	int64_t id = 0;

	for (unsigned i = 0; i < 2; i++)
		id = rig_say(g, &bad);
	judge_final(g->j);
	assert_null(rig_finding(g, id, "own/rate"));
	id = rig_say(g, &bad);
	rig_say(g,
		&(struct said){.request = asked, .answer = WHOLE("Good day")});
	judge_final(g->j);
	assert_non_null(rig_finding(g, id, "own/rate"));
	assert_true(rig_finding(g, id, "own/rate")->provisional);
	assert_string_equal(rig_finding(g, id, "own/rate")->observed,
			    "1 of 4 (25.0 %)");
}

/* ---- the state ---- */

static void state_is_carried_over(void **state)
{
	struct rig *g = *state, h;
	struct judge_sum a, b;
	struct buf first = {0}, second = {0};

	rig_say(g,
		&(struct said){.request = warm, .answer = WHOLE("Good day")});
	rig_say(g, &(struct said){.request = streamed, .answer = doubled});
	judge_save(g->j, &first);
	rig_open(&h, own_pack);
	assert_true(judge_load(h.j, buf_str(&first)));
	judge_save(h.j, &second);
	assert_true(str_eq(buf_str(&first), buf_str(&second)));
	judge_summary(g->j, &a);
	judge_summary(h.j, &b);
	assert_memory_equal(&a, &b, sizeof a);
	/* Into one that has a past: it is forgotten. */
	rig_say(&h, &(struct said){.request = warm, .answer = WHOLE("Hello")});
	assert_true(judge_load(h.j, buf_str(&first)));
	second.n = 0;
	judge_save(h.j, &second);
	assert_true(str_eq(buf_str(&first), buf_str(&second)));
	assert_int_equal(policy(&h).outcome, POLICY_ACCEPTED);
	assert_int_equal(rig_tally(&h, "wire/finish_twice").failed, 1);
	rig_close(&h);
	buf_free(&first);
	buf_free(&second);
}

static void bad_states_are_refused(void **state)
{
	struct rig *g = *state, h;
	struct buf good = {0};
	struct judge_sum s;

	rig_say(g,
		&(struct said){.request = warm, .answer = WHOLE("Good day")});
	judge_save(g->j, &good);
	rig_open(&h, own_pack);
	for (size_t n = 0; n < good.n; n++) {
		char *copy = malloc(n + 1); /* its end is watched */

		memcpy(copy, good.p, n);
		assert_false(judge_load(h.j, (struct str){copy, n}));
		free(copy);
	}
	judge_summary(h.j, &s);
	assert_int_equal(s.exchanges, 0);
	assert_int_equal(rig_tally(&h, "own/temperature").failed, 0);
	rig_close(&h);
	/* Of other packs. */
	rig_open(&h, NULL);
	assert_false(judge_load(h.j, buf_str(&good)));
	rig_close(&h);
	buf_free(&good);
}

static void other_packs_from_now_on(void **state)
{
	struct rig *g = *state;
	struct said s = {.request = warm, .answer = WHOLE("Good day")};
	struct packs *p = rig_packs(NULL);
	int64_t before, after;

	before = rig_begin(g, &s);
	judge_set_packs(g->j, p);
	packs_unref(p);
	after = rig_begin(g, &s);
	rig_end(g, before, &s);
	rig_end(g, after, &s);
	assert_true(rig_found(g, before, "own/temperature", PARTY_CLIENT));
	assert_false(rig_found(g, after, "own/temperature", PARTY_CLIENT));
	assert_int_equal(rig_tally(g, "wire/truncated").passed, 2);
}

static void sums_add_up(void **state)
{
	struct rig *g = *state;
	struct judge_sum s;

	rig_say(g,
		&(struct said){.request = warm, .answer = WHOLE("Good day")});
	rig_say(g, &(struct said){.path = "/health", .request = ""});
	judge_summary(g->j, &s);
	assert_int_equal(s.exchanges, 2);
	assert_int_equal(s.chats, 1);
	assert_int_equal(s.findings[SEVERITY_ERROR][PARTY_CLIENT], 1);
	assert_int_equal(s.findings[SEVERITY_ERROR][PARTY_VENDOR], 1);
}

static void left_open(void **state)
{
	struct rig *g = *state;

	for (unsigned i = 0; i < 100; i++)
		rig_begin(g, &(struct said){.request = streamed,
					    .answer = STREAM});
	/* Freed with the judge. Strays are ignored. */
	judge_data(g->j, 9999, EV_RESPONSE, STR("x"), 1);
	judge_close(g->j, 9999, &(struct ev_close){0}, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(honest_answers),
					   T(other_traffic),
					   T(told_at_once),
					   T(any_split),
					   T(mixed_exchanges),
					   T(cut_by_the_vendor),
					   T(shorter_than_said),
					   T(closed_without_notice),
					   T(client_hung_up),
					   T(gaps_are_unknown),
					   T(not_the_vendors),
					   T(answered_early),
					   T(strange_requests),
					   T(breach_refused),
					   T(breach_served),
					   T(breach_without_verdict),
					   T(proper_refused),
					   T(mode_decides),
					   T(answer_schema),
					   T(campaign_told_at_the_end),
					   T(state_is_carried_over),
					   T(bad_states_are_refused),
					   T(other_packs_from_now_on),
					   T(sums_add_up),
					   T(left_open)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
