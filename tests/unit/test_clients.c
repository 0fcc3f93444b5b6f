/* SPDX-License-Identifier: MIT */
/* What is remembered of clients, and of upstreams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "judge_rig.h"
#include "rules/judge/memory.h"

#define ASK(text)                                                              \
	"{\"model\":\"m-1\",\"stream\":true,\"stream_options\":"               \
	"{\"include_usage\":true},\"messages\":[{\"role\":\"user\","           \
	"\"content\":\"" text "\"}]}"
#define CHUNK(rest)                                                            \
	"data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\","           \
	"\"created\":1,\"model\":\"m-1\"," rest "}\n\n"
#define SAYS                                                                   \
	CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"role\":"                 \
	      "\"assistant\",\"content\":\"Good day\"},"                       \
	      "\"finish_reason\":null}]")
#define STOPS                                                                  \
	CHUNK("\"choices\":[{\"index\":0,\"delta\":{},"                        \
	      "\"finish_reason\":\"stop\"}]")
#define USAGE                                                                  \
	CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":9,"                 \
	      "\"completion_tokens\":3,\"total_tokens\":12}")
#define DONE  "data: [DONE]\n\n"
#define WHOLE SAYS STOPS USAGE DONE
#define BUSY                                                                   \
	"{\"error\":{\"message\":\"busy\",\"type\":\"server_error\","          \
	"\"param\":null,\"code\":null}}"
#define KVV "User-Agent: KVV/1\r\n"

static int setup(void **state)
{
	struct rig *g = malloc(sizeof *g);

	rig_open(g, NULL);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	rig_close(*state);
	free(*state);
	return 0;
}

static bool is_noted(const struct rig *g, int64_t id, const char *rule)
{
	return rig_found(g, id, rule, PARTY_CLIENT);
}

static int64_t ask(struct rig *g, const char *request, const char *answer,
		   enum ev_outcome outcome)
{
	return rig_say(g, &(struct said){.asks = KVV,
					 .request = request,
					 .answer = answer,
					 .outcome = outcome});
}

/* A request of its own kind. */
static int64_t ask_other(struct rig *g, const char *fields, unsigned i)
{
	char body[400];

	snprintf(body, sizeof body, ASK("Number %u?"), i);
	return rig_say(g, &(struct said){.asks = fields,
					 .request = body,
					 .answer = WHOLE});
}

static void retries_are_noted(void **state)
{
	struct rig *g = *state;
	const char *rule = "wire/client_retry";
	int64_t id;

	id = rig_say(
		g, &(struct said){.asks = KVV "X-Stainless-Retry-Count: 0\r\n",
				  .request = ASK("1"),
				  .answer = WHOLE});
	assert_false(is_noted(g, id, rule));
	id = rig_say(
		g, &(struct said){.asks = KVV "X-Stainless-Retry-Count: 1\r\n",
				  .request = ASK("1"),
				  .answer = WHOLE});
	assert_true(is_noted(g, id, rule));
	assert_int_equal(rig_finding(g, id, rule)->severity, SEVERITY_INFO);
}

static void equal_bodies_are_retries_after_failures(void **state)
{
	struct rig *g = *state;
	const char *rule = "wire/client_retry";
	struct said busy = {.asks = KVV,
			    .request = ASK("1"),
			    .status = 503,
			    .answer = BUSY};
	int64_t id;

	ask(g, ASK("1"), WHOLE, EV_COMPLETE);
	id = ask(g, ASK("1"), WHOLE, EV_COMPLETE);
	assert_false(is_noted(g, id, rule)); /* an epoch */
	rig_say(g, &busy);
	id = rig_say(g, &(struct said){.asks = "User-Agent: other\r\n",
				       .request = ASK("1"),
				       .answer = WHOLE});
	assert_false(is_noted(g, id, rule));
	id = ask(g, ASK("2"), WHOLE, EV_COMPLETE);
	assert_false(is_noted(g, id, rule));
	id = ask(g, ASK("1"), WHOLE, EV_COMPLETE);
	assert_true(is_noted(g, id, rule));
	id = ask(g, ASK("1"), WHOLE, EV_COMPLETE);
	assert_false(is_noted(g, id, rule));
}

static void truncations_are_taken_for_answers(void **state)
{
	struct rig *g = *state;
	const char *rule = "wire/client_truncation";
	int64_t cut = ask(g, ASK("cut"), SAYS, EV_TRUNCATED);

	judge_final(g->j);
	assert_null(rig_finding(g, cut, rule)); /* nothing came after it */
	for (unsigned i = 0; i < 5; i++)
		ask_other(g, KVV, i);
	assert_null(rig_finding(g, cut, rule));
	judge_final(g->j);
	assert_true(rig_finding(g, cut, rule)->provisional);
	g->n_found = 0;
	for (unsigned i = 0; i < 30; i++)
		ask_other(g, KVV, i);
	assert_true(is_noted(g, cut, rule));
	assert_false(rig_finding(g, cut, rule)->provisional);
}

static void what_was_asked_again_is_forgiven(void **state)
{
	struct rig *g = *state;
	const char *rule = "wire/client_truncation";
	int64_t cut = ask(g, ASK("cut"), SAYS, EV_RESET_BY_VENDOR);

	for (unsigned i = 0; i < 5; i++)
		ask_other(g, KVV, i);
	ask(g, ASK("cut"), WHOLE, EV_COMPLETE);
	for (unsigned i = 0; i < 30; i++)
		ask_other(g, KVV, i);
	judge_final(g->j);
	assert_null(rig_finding(g, cut, rule));
}

static void others_do_not_decide(void **state)
{
	struct rig *g = *state;
	const char *rule = "wire/client_truncation";
	int64_t cut = ask(g, ASK("cut"), SAYS, EV_TRUNCATED);
	int64_t left = ask(g, ASK("left"), SAYS, EV_RESET_BY_CLIENT);

	for (unsigned i = 0; i < 30; i++)
		ask_other(g, "User-Agent: other\r\n", i);
	judge_final(g->j);
	assert_null(rig_finding(g, left, rule));
	g->n_found = 0;
	for (unsigned i = 0; i < 30; i++)
		ask_other(g, KVV, i);
	assert_true(is_noted(g, cut, rule));
	assert_null(rig_finding(g, left, rule));
}

static void usage_can_be_missed(void **state)
{
	struct rig *g = *state;
	const char *rule = "wire/client_usage";
	int64_t id;

	id = ask(g, ASK("1"), WHOLE, EV_COMPLETE);
	assert_false(is_noted(g, id, rule));
	id = ask(g, ASK("2"), SAYS STOPS, EV_RESET_BY_CLIENT);
	assert_true(is_noted(g, id, rule));
	id = ask(g, ASK("3"), SAYS, EV_RESET_BY_CLIENT);
	assert_false(is_noted(g, id, rule));
	/* The vendor never said it. */
	id = ask(g, ASK("4"), SAYS STOPS DONE, EV_RESET_BY_CLIENT);
	assert_false(is_noted(g, id, rule));
	id = ask(g, ASK("5"), SAYS STOPS, EV_TRUNCATED);
	assert_false(is_noted(g, id, rule));
}

/* ---- upstreams ---- */

static int64_t from_server(struct rig *g, const char *name)
{
	char fields[80];

	snprintf(fields, sizeof fields, "Server: %s\r\n", name);
	return rig_say(g, &(struct said){.request = ASK("1"),
					 .fields = fields,
					 .answer = WHOLE});
}

static void a_change_is_told_once(void **state)
{
	struct rig *g = *state;
	const char *rule = "wire/identity_server";
	int64_t id;

	assert_null(rig_finding(g, from_server(g, "nginx"), rule));
	assert_null(rig_finding(g, from_server(g, "nginx"), rule));
	id = from_server(g, "uvicorn");
	assert_non_null(rig_finding(g, id, rule));
	assert_string_equal(rig_finding(g, id, rule)->observed, "uvicorn");
	assert_string_equal(rig_finding(g, id, rule)->expected,
			    "nginx, as before");
	assert_int_equal(rig_finding(g, id, rule)->severity, SEVERITY_INFO);
	assert_null(rig_finding(g, from_server(g, "nginx"), rule));
	assert_null(rig_finding(g, from_server(g, "uvicorn"), rule));
}

/* What is new each time says nothing. */
static void what_always_changes_is_told_a_few_times(void **state)
{
	struct rig *g = *state;
	unsigned told = 0;

	for (unsigned i = 0; i < 100; i++) {
		char name[20];

		snprintf(name, sizeof name, "pod-%u", i);
		told += rig_finding(g, from_server(g, name),
				    "wire/identity_server") != NULL;
	}
	assert_int_equal(told, 15);
}

static void connections_are_compared(void **state)
{
	struct rig *g = *state;
	struct ev_conn conn = {.side = EV_RESPONSE,
			       .route = STR("default"),
			       .peer = STR("[2001:db8::1]:443"),
			       .http = STR("2"),
			       .tls = true,
			       .tls_version = STR("TLSv1.3"),
			       .cipher = STR("X"),
			       .has_chain = true};
	struct said s = {.request = ASK("1"), .answer = WHOLE, .conn = 1};
	int64_t id;

	judge_conn(g->j, 1, &conn);
	id = rig_say(g, &s);
	assert_null(rig_finding(g, id, "wire/identity_address"));
	conn.peer = STR("[2001:db8::1]:8443");
	judge_conn(g->j, 2, &conn);
	s.conn = 2;
	id = rig_say(g, &s);
	assert_null(rig_finding(g, id, "wire/identity_address"));
	conn.peer = STR("[2001:db8::2]:443");
	conn.chain_sha256[0] = 1;
	judge_conn(g->j, 3, &conn);
	s.conn = 3;
	id = rig_say(g, &s);
	assert_string_equal(
		rig_finding(g, id, "wire/identity_address")->observed,
		"[2001:db8::2]");
	assert_non_null(rig_finding(g, id, "wire/identity_certificate"));
	assert_null(rig_finding(g, id, "wire/identity_settings"));
}

/* ---- over a restart ---- */

static void both_outlive_a_restart(void **state)
{
	struct rig *g = *state;
	struct buf saved = {0};
	int64_t cut = ask(g, ASK("cut"), SAYS, EV_TRUNCATED), id;

	from_server(g, "nginx");
	for (unsigned i = 0; i < 10; i++)
		ask_other(g, KVV, i);
	judge_save(g->j, &saved);
	rig_judge(g, 0);
	assert_true(judge_load(g->j, buf_str(&saved)));
	for (unsigned i = 0; i < 6; i++)
		ask_other(g, KVV, i);
	assert_true(is_noted(g, cut, "wire/client_truncation"));
	id = from_server(g, "uvicorn");
	assert_non_null(rig_finding(g, id, "wire/identity_server"));
	buf_free(&saved);
}

typedef bool load_fn(struct str from);

static bool load_clients(struct str from)
{
	struct clients *p = clients_new(0);
	bool fits = clients_load(p, from);

	clients_free(p);
	return fits;
}

static bool load_identity(struct str from)
{
	struct identity *id = identity_new(0);
	bool fits = identity_load(id, from);

	identity_free(id);
	return fits;
}

static void refuses_damage(load_fn *load, struct buf *saved)
{
	assert_true(load(buf_str(saved)));
	for (size_t i = 0; i < saved->n * 8; i++) {
		assert_false(load((struct str){saved->p, i / 8}));
		saved->p[i / 8] ^= (char)(1 << i % 8);
		load(buf_str(saved));
		saved->p[i / 8] ^= (char)(1 << i % 8);
	}
}

/* A trail is a stranger's: every cut is refused, and no byte harms. */
static void damage_is_refused(void **state)
{
	static const char head[] = "POST / HTTP/1.1\r\nUser-Agent: KVV\r\n\r\n";
	static const char answered[] = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n";
	struct clients *p = clients_new(0);
	struct identity *id = identity_new(0);
	struct ev_open open = {.kind = EV_CLIENT};
	struct ev_close close = {.outcome = EV_TRUNCATED, .status = 200};
	struct answer a = {.status = 200};
	struct check_case c = {.id = 7,
			       .open = &open,
			       .close = &close,
			       .status = 200,
			       .answered = true,
			       .a = &a,
			       .request_head = str_of(head),
			       .response_head = str_of(answered),
			       .route = STR("default")};
	struct buf b = {0};

	c.q = request_read(NULL, DIALECT_CHAT, STR(ASK("1")), STR(""));
	clients_learn(p, &c);
	clients_save(p, &b);
	refuses_damage(load_clients, &b);
	b.n = 0;
	identity_learn(id, &c);
	identity_save(id, &b);
	refuses_damage(load_identity, &b);
	buf_free(&b);
	request_unref(c.q);
	clients_free(p);
	identity_free(id);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(retries_are_noted),
		T(equal_bodies_are_retries_after_failures),
		T(truncations_are_taken_for_answers),
		T(what_was_asked_again_is_forgiven),
		T(others_do_not_decide),
		T(usage_can_be_missed),
		T(a_change_is_told_once),
		T(what_always_changes_is_told_a_few_times),
		T(connections_are_compared),
		T(both_outlive_a_restart),
		cmocka_unit_test(damage_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
