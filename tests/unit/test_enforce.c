/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/enforce.h"
#include "base/mem.h"
#include "rules/judge/request_rule.h"

static const char pack_text[] =
	"{\"pack\":\"house\",\"version\":\"1\",\"about\":\"Rules of a house.\","
	"\"models\":[\"m*\"],\"rules\":["
	"{\"id\":\"house/temperature\",\"text\":\"Temperature is 1.\","
	"\"src\":\"https://example.org\",\"cert\":\"c\",\"since\":"
	"\"2026-01-01\",\"scope\":\"request\",\"severity\":\"error\","
	"\"party\":\"client\",\"match\":{\"dialect\":[\"chat\",\"messages\"]},"
	"\"refuse\":true,\"refusal\":\"invalid temperature: only 1\","
	"\"param\":\"temperature\","
	"\"assert\":{\"schema\":{\"properties\":{\"temperature\":{\"const\":1}"
	"}}}},"
	"{\"id\":\"house/schemas\",\"text\":\"Schemas are MFJS.\",\"src\":"
	"\"https://example.org\",\"cert\":\"c\",\"since\":\"2026-01-01\","
	"\"scope\":\"request\",\"severity\":\"error\",\"party\":\"client\","
	"\"match\":{\"dialect\":[\"chat\"],\"when\":{\"required\":[\"tools\"]}}"
	","
	"\"assert\":{\"check\":\"mfjs\"}},"
	"{\"id\":\"house/role\",\"text\":\"Messages have a role.\",\"src\":"
	"\"https://example.org\",\"cert\":\"c\",\"since\":\"2026-01-01\","
	"\"scope\":\"request\",\"severity\":\"error\",\"party\":\"client\","
	"\"match\":{\"dialect\":[\"chat\"]},\"at\":\"/messages/*\","
	"\"assert\":{\"schema\":{\"required\":[\"role\"]}}},"
	"{\"id\":\"house/name\",\"text\":\"Names are short.\",\"src\":"
	"\"https://example.org\",\"cert\":\"r\",\"since\":\"2026-01-01\","
	"\"scope\":\"request\",\"severity\":\"warning\",\"party\":\"client\","
	"\"match\":{\"dialect\":[\"chat\"],\"when\":{\"required\":[\"tools\"]}}"
	","
	"\"at\":\"/tools/*\",\"assert\":{\"schema\":"
	"{\"properties\":{\"function\":{\"properties\":"
	"{\"name\":{\"maxLength\":3}}}}}}}]}";

/* ---- a house with a gate ---- */

struct proxy {
	pthread_mutex_t lock;
	pthread_cond_t released;
	unsigned n;
	uint64_t key;
	enum gate_verdict verdict;
	struct gate_answer answer;
};

/* What the relay would do. */
void gate_release(struct proxy *p, uint64_t key, enum gate_verdict v,
		  struct gate_answer *a)
{
	pthread_mutex_lock(&p->lock);
	p->n++;
	p->key = key;
	p->verdict = v;
	p->answer = *a;
	pthread_cond_signal(&p->released);
	pthread_mutex_unlock(&p->lock);
}

struct house {
	struct packs *packs;
	struct enforce *enforce;
	struct proxy proxy;
};

static struct packs *house_packs(void)
{
	char path[] = "/tmp/assay-house-XXXXXX";
	struct packs *p = packs_new();
	int fd = mkstemp(path);
	struct fail f;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, pack_text, sizeof(pack_text) - 1),
			 sizeof(pack_text) - 1);
	close(fd);
	if (!packs_add_file(p, path, &f))
		fail_msg("%s", f.text);
	unlink(path);
	return p;
}

static int house_begin(void **state)
{
	struct house *h = MEM_NEW(struct house);
	struct fail f;

	pthread_mutex_init(&h->proxy.lock, NULL);
	pthread_cond_init(&h->proxy.released, NULL);
	h->packs = house_packs();
	h->enforce =
		enforce_new(h->packs, STR("house"), 1 << 20, &h->proxy, &f);
	assert_non_null(h->enforce);
	*state = h;
	return 0;
}

static int house_end(void **state)
{
	struct house *h = *state;

	enforce_free(h->enforce);
	packs_unref(h->packs);
	free(h);
	return 0;
}

static enum gate_verdict ask(struct house *h, const char *target,
			     struct str body, bool whole,
			     struct gate_answer *out)
{
	const struct gate *g = enforce_gate(h->enforce);
	struct head head = {.method = STR("POST"), .target = str_of(target)};
	struct gate_request q = {"default", EV_CLIENT, &head, body, whole, 77};

	*out = (struct gate_answer){0};
	return g->ask(g->arg, &q, out);
}

static void drop(struct gate_answer *a)
{
	head_free(a->head);
	buf_free(&a->body);
}

static void check_answer(struct gate_answer *a, const char *body)
{
	assert_int_equal(a->outcome, EV_BLOCKED);
	assert_string_equal(a->code, "enforced");
	assert_int_equal(a->head->status, 400);
	assert_int_equal(a->head->length, a->body.n);
	assert_int_equal(a->body.n, strlen(body));
	assert_memory_equal(a->body.p, body, a->body.n);
	drop(a);
}

static void assert_says(const struct house *h, const char *line)
{
	struct buf b = {0};

	enforce_summary(h->enforce, &b);
	buf_addc(&b, '\0');
	assert_string_equal(b.p, line);
	buf_free(&b);
}

/* ---- tests ---- */

static void refused_in_vendors_words(void **state)
{
	struct house *h = *state;
	struct gate_answer a;

	assert_int_equal(ask(h, "/v1/chat/completions",
			     STR("{\"model\":\"m1\",\"messages\":[],"
				 "\"temperature\":0.5}"),
			     true, &a),
			 GATE_ANSWER);
	check_answer(&a, "{\"error\":{\"message\":\"invalid temperature: only "
			 "1\",\"type\":\"invalid_request_error\",\"param\":"
			 "\"temperature\",\"code\":null}}\n");
	assert_int_equal(ask(h, "/v1/messages",
			     STR("{\"model\":\"m1\",\"messages\":[],"
				 "\"temperature\":0}"),
			     true, &a),
			 GATE_ANSWER);
	check_answer(&a, "{\"type\":\"error\",\"error\":{\"type\":"
			 "\"invalid_request_error\",\"message\":\"invalid "
			 "temperature: only 1\"}}\n");
	assert_int_equal(ask(h, "/v1/chat/completions",
			     STR("{\"model\":\"m\",\"messages\":[],\"tools\":[{"
				 "\"function\":{\"name\":\"f\",\"parameters\":"
				 "{\"type\":\"object\",\"oneOf\":[]}}}]}"),
			     true, &a),
			 GATE_ANSWER);
	check_answer(&a, "{\"error\":{\"message\":\"Schemas are MFJS.\","
			 "\"type\":\"invalid_request_error\",\"param\":null,"
			 "\"code\":null}}\n");
	assert_says(h, "assay: enforced house: 3 requests refused, 0 passed, 0 "
		       "passed unjudged\n");
}

static void others_pass(void **state)
{
	static const struct {
		const char *target, *body;
		bool whole;
	} rows[] = {
		{"/v1/chat/completions",
		 "{\"model\":\"m1\",\"messages\":[],\"temperature\":1.0}",
		 true}, /* proper */
		{"/v1/chat/completions",
		 "{\"model\":\"x\",\"messages\":[],\"temperature\":2}",
		 true}, /* another model */
		{"/v1/chat/completions",
		 "{\"model\":\"m\",\"messages\":[],\"tools\":[{\"function\":"
		 "{\"name\":\"long\"}}]}",
		 true}, /* a warning */
		{"/v1/chat/completions", "{\"model\":\"m1\",\"temperature\":2",
		 true}, /* not JSON */
		{"/v1/chat/completions",
		 "{\"model\":\"m1\",\"messages\":[],\"temperature\":2", false},
		{"/v1/models", "{\"model\":\"m1\",\"temperature\":2}", true},
	};
	struct house *h = *state;
	struct gate_answer a;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(ask(h, rows[i].target, str_of(rows[i].body),
				     rows[i].whole, &a),
				 GATE_PASS);
	assert_says(h, "assay: enforced house: 0 requests refused, 3 passed, 2 "
		       "passed unjudged\n");
}

static void wait_release(struct house *h, unsigned n)
{
	pthread_mutex_lock(&h->proxy.lock);
	while (h->proxy.n < n)
		pthread_cond_wait(&h->proxy.released, &h->proxy.lock);
	pthread_mutex_unlock(&h->proxy.lock);
}

/* {"model":"m","messages":[{"role":"user"}, ... {}]}: the last has no role. */
static struct buf long_body(bool good)
{
	struct buf b = {0};

	buf_adds(&b, STR("{\"model\":\"m\",\"messages\":["));
	for (unsigned i = 0; i < 10000; i++)
		buf_adds(&b, STR("{\"role\":\"user\"},"));
	buf_adds(&b, good ? STR("{\"role\":\"user\"}]}") : STR("{}]}"));
	return b;
}

static void large_ones_are_held(void **state)
{
	struct house *h = *state;
	struct gate_answer a;

	for (unsigned i = 0; i < 2; i++) {
		struct buf b = long_body(i);

		assert_int_equal(
			ask(h, "/v1/chat/completions", buf_str(&b), true, &a),
			GATE_HOLD);
		buf_free(&b);
		wait_release(h, i + 1);
		assert_int_equal(h->proxy.key, 77);
		assert_int_equal(h->proxy.verdict, i ? GATE_PASS : GATE_ANSWER);
		if (i == 0)
			check_answer(&h->proxy.answer,
				     "{\"error\":{\"message\":\"Messages have "
				     "a role.\",\"type\":"
				     "\"invalid_request_error\",\"param\":null,"
				     "\"code\":null}}\n");
	}
}

/* What is still held when the house is closed is dropped. */
static void closing(void **state)
{
	struct house *h = *state;
	struct buf b = long_body(true);
	struct gate_answer a;

	for (unsigned i = 0; i < 300; i++)
		ask(h, "/v1/chat/completions", buf_str(&b), true, &a);
	buf_free(&b);
}

static void no_such_pack(void **state)
{
	struct house *h = *state;
	struct fail f;

	assert_null(enforce_new(h->packs, STR("hous"), 1, &h->proxy, &f));
	assert_string_equal(f.code, "no_such_pack");
}

/* ---- one rule, one request ---- */

static enum verdict rule(struct packs *packs, const char *id, struct request *q,
			 const char *place)
{
	struct traffic t = {.dialect = q->dialect, .model = q->model};
	const struct ruleset *s = packs_select(packs, &t);
	struct schema_fault fault;
	struct buf at = {0};
	enum verdict v = VERDICT_NONE;

	for (unsigned i = 0; i < s->n; i++)
		if (str_eq(s->rules[i]->id, str_of(id)))
			v = request_rule(s, i, q, &fault, &at);
	assert_int_equal(at.n, strlen(place));
	if (at.n)
		assert_memory_equal(at.p, place, at.n);
	buf_free(&at);
	return v;
}

static void places(void **state)
{
	struct packs *p = ((struct house *)*state)->packs;
	struct request *q = request_read(
		NULL, DIALECT_CHAT,
		STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\"},{},{}],"
		    "\"tools\":[{\"function\":{\"name\":\"f\"}},{\"function\":"
		    "{\"name\":\"long\"}}]}"),
		STR(""));

	assert_int_equal(rule(p, "house/role", q, "/messages/1"), VERDICT_FAIL);
	/* the verdicts of messages are kept, the answer is the same */
	assert_non_null(q->messages[0]->verdicts);
	assert_int_equal(rule(p, "house/role", q, "/messages/1"), VERDICT_FAIL);
	assert_int_equal(rule(p, "house/name", q, "/tools/1/function/name"),
			 VERDICT_FAIL);
	assert_int_equal(rule(p, "house/temperature", q, ""), VERDICT_PASS);
	request_unref(q);

	q = request_read(NULL, DIALECT_CHAT,
			 STR("{\"model\":\"m\",\"messages\":[]}"), STR(""));
	assert_int_equal(rule(p, "house/role", q, ""), VERDICT_NONE);
	assert_int_equal(rule(p, "house/name", q, ""), VERDICT_NONE);
	request_unref(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define HOUSE(test)                                                            \
	cmocka_unit_test_setup_teardown(test, house_begin, house_end)
		HOUSE(refused_in_vendors_words),
		HOUSE(others_pass),
		HOUSE(large_ones_are_held),
		HOUSE(closing),
		HOUSE(no_such_pack),
		HOUSE(places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
