/* SPDX-License-Identifier: MIT */
/* The bill against what was billed before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "judge_rig.h"
#include "rules/judge/memory.h"

/* An answer of `words` short words that is charged as so many tokens. */
static int64_t say(struct rig *g, const char *model, unsigned words,
		   unsigned prompt, unsigned tokens, unsigned nonce)
{
	struct buf request = {0}, answer = {0};
	int64_t id;

	buf_addf(&request,
		 "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\","
		 "\"content\":\"Question %u\"}]}%c",
		 model, nonce, 0);
	buf_addf(&answer,
		 "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,"
		 "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":"
		 "{\"role\":\"assistant\",\"content\":\"",
		 model);
	for (unsigned i = 0; i < words; i++)
		buf_addf(&answer, "%x ", (i * i * 7919u) & 0xffffffu);
	buf_addf(&answer,
		 "\"},\"finish_reason\":\"stop\"}],\"usage\":{"
		 "\"prompt_tokens\":%u,\"completion_tokens\":%u,"
		 "\"total_tokens\":%u}}%c",
		 prompt, tokens, prompt + tokens, 0);
	id = rig_say(g,
		     &(struct said){.request = request.p, .answer = answer.p});
	buf_free(&request);
	buf_free(&answer);
	return id;
}

static bool accused(struct rig *g, int64_t id, const char *rule)
{
	return rig_found(g, id, rule, PARTY_VENDOR);
}

/* 30 answers make a range; one far outside of it is found, and does not
 * widen it. */
static void own_range(void **state)
{
	struct rig g;
	int64_t id;

	rig_open(&g, NULL);
	for (unsigned i = 0; i < 30; i++) {
		id = say(&g, "m", 100, 9, i == 10 ? 500 : 90 + i, i);
		assert_int_equal(rig_count(&g, id), 0);
	}
	/* As many as the one that was there already, and a little more. */
	id = say(&g, "m", 100, 9, 510, 100);
	assert_int_equal(rig_count(&g, id), 0);
	id = say(&g, "m", 100, 9, 25, 101);
	assert_true(accused(&g, id, "wire/usage_length"));
	id = say(&g, "m", 100, 9, 25, 102);
	assert_true(accused(&g, id, "wire/usage_length"));
	/* Another model has a range of its own. */
	id = say(&g, "n", 100, 9, 25, 103);
	assert_int_equal(rig_count(&g, id), 0);
	/* A short answer is no sample. */
	id = say(&g, "m", 10, 9, 30, 104);
	assert_int_equal(rig_count(&g, id), 0);
	rig_close(&g);
}

static void few_tokens_for_long_text(void **state)
{
	struct rig g;
	int64_t id;

	rig_open(&g, NULL);
	id = say(&g, "m", 300, 9, 20, 1);
	assert_true(accused(&g, id, "wire/usage_length"));
	rig_close(&g);
}

static void equal_bodies(void **state)
{
	struct rig g;
	int64_t first, id;

	rig_open(&g, NULL);
	first = say(&g, "m", 5, 9, 5, 1);
	id = say(&g, "m", 5, 9, 5, 1);
	assert_false(accused(&g, id, "wire/usage_prompt"));
	id = say(&g, "m", 5, 12, 5, 1);
	assert_true(accused(&g, id, "wire/usage_prompt"));
	id = say(&g, "m", 5, 12, 5, 2);
	assert_false(accused(&g, id, "wire/usage_prompt"));
	assert_false(accused(&g, first, "wire/usage_prompt"));
	rig_close(&g);
}

static void remembered_over_a_restart(void **state)
{
	struct buf saved = {0};
	struct rig g, h;
	int64_t id;

	rig_open(&g, NULL);
	say(&g, "m", 5, 9, 5, 1);
	judge_save(g.j, &saved);
	rig_close(&g);
	rig_open(&h, NULL);
	assert_true(judge_load(h.j, buf_str(&saved)));
	id = say(&h, "m", 5, 12, 5, 1);
	assert_true(accused(&h, id, "wire/usage_prompt"));
	rig_close(&h);
	buf_free(&saved);
}

/* A small memory forgets, and what it forgot accuses nobody. */
static void forgets(void **state)
{
	struct meter *m = meter_new(2000);
	struct rig g;
	int64_t id;

	assert_true(meter_size(m) < 4000);
	meter_free(m);
	rig_open(&g, NULL);
	rig_judge(&g, 4096);
	for (unsigned i = 0; i < 200; i++)
		say(&g, "m", 5, 9, 5, i);
	id = say(&g, "m", 5, 12, 5, 0);
	assert_false(accused(&g, id, "wire/usage_prompt"));
	rig_close(&g);
}

static void damaged_states(void **state)
{
	static const char *const bad[] = {"", "\x01", "\x01\x01", "\x05\x7f",
					  "\xff\xff\xff\xff\xff\xff\xff"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct meter *m = meter_new(0);

		assert_false(meter_load(m, str_of(bad[i])));
		meter_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_range),
		cmocka_unit_test(few_tokens_for_long_text),
		cmocka_unit_test(equal_bodies),
		cmocka_unit_test(remembered_over_a_restart),
		cmocka_unit_test(forgets),
		cmocka_unit_test(damaged_states)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
