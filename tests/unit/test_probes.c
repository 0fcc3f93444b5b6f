/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rules/pack/pack.h"
#include "rules/pack/probe.h"
static struct packs *builtin(void)
{
	struct packs *p = packs_new();

	packs_add_builtin(p);
	return p;
}

static void probes_are_requests(void **state)
{
	struct packs *p = builtin();

	for (size_t i = 0; i < packs_count(p); i++) {
		struct probe *v;
		size_t n = pack_probes(packs_at(p, i), &v);

		for (size_t k = 0; k < n; k++) {
			struct json_doc *d = json_doc_new();
			struct json_error bad;
			struct buf b = {0};
			const struct json *root;

			if (v[k].fill)
				v[k].fill = 10;
			probe_request(&v[k], probe_requests(&v[k]) - 1,
				      STR("m"), &b);
			root = json_parse(d, buf_str(&b), NULL, &bad);
			assert_true(json_says(json_get(root, STR("model")),
					      STR("m")));
			assert_true(json_is(json_get(root, STR("messages")),
					    JSON_ARRAY));
			assert_int_equal(v[k].stream,
					 json_is(json_get(root, STR("stream")),
						 JSON_TRUE));
			json_doc_free(d);
			buf_free(&b);
		}
		probes_free(v, n);
	}
	packs_unref(p);
}

static const struct probe *probe_of(const struct probe *v, size_t n,
				    const char *name)
{
	for (size_t i = 0; i < n; i++) {
		struct buf b = {0};
		bool is;

		probe_name(&v[i], &b);
		is = str_eq(buf_str(&b), str_of(name));
		buf_free(&b);
		if (is)
			return &v[i];
	}
	return NULL;
}

static void a_probe_in_full(void **state)
{
	struct packs *p = builtin();
	struct probe *v;
	size_t n = pack_probes(packs_named(p, STR("kimi-k2.6")), &v);
	const struct probe *one;
	struct buf b = {0};

	one = probe_of(v, n, "P/temperature-1.1, instant, streamed");
	assert_non_null(one);
	assert_true(one->refuse && one->mode == MODE_INSTANT);
	assert_true(str_eq(one->group, STR("P")));
	probe_request(one, 0, STR("kimi-k2.6"), &b);
	buf_addc(&b, '\0');
	assert_string_equal(
		b.p, "{\"model\":\"kimi-k2.6\",\"messages\":[{\"role\":"
		     "\"user\",\"content\":\"Say in one short sentence what "
		     "a "
		     "lighthouse "
		     "is.\"}],\"thinking\":{\"type\":\"disabled\"},"
		     "\"stream\":true,\"stream_options\":{\"include_usage\":"
		     "true},\"temperature\":1.1}");
	buf_free(&b);
	assert_non_null(probe_of(v, n, "S/strings, instant, whole"));
	assert_null(probe_of(v, n, "S/strings, thinking, whole"));
	assert_true(probe_is_for(one, STR("any.example"), STR("kimi-k2.6")));
	one = probe_of(v, n, "C/body-over-2097152, whole");
	assert_true(one->fill > 2097152);
	assert_true(probe_is_for(one, STR("api.moonshot.ai"), STR("x")));
	assert_false(probe_is_for(one, STR("any.example"), STR("kimi-k2.6")));
	one = probe_of(v, n, "E/history-reasoning-counts, thinking, whole");
	assert_int_equal(probe_requests(one), 2);
	assert_int_equal(one->figure, PROBE_FIGURE_PROMPT_TOKENS);
	assert_false(one->same);
	probes_free(v, n);
	/* What a pack cannot ask for is left out. */
	n = pack_probes(packs_named(p, STR("kimi-k2.7")), &v);
	assert_null(probe_of(v, n, "S/strings, instant, whole"));
	assert_non_null(
		probe_of(v, n, "P/temperature-1.1, thinking, streamed"));
	probes_free(v, n);
	packs_unref(p);
}

/* Every group of the verifier's is there. */
static void no_group_is_lost(void **state)
{
	static const char groups[] = "PDRETSKW";
	struct packs *p = builtin();
	struct probe *v;
	size_t n = pack_probes(packs_named(p, STR("kimi-k3")), &v);

	for (const char *g = groups; *g; g++) {
		unsigned seen = 0;

		for (size_t i = 0; i < n; i++)
			seen += v[i].group.n == 1 && v[i].group.p[0] == *g;
		if (!seen)
			fail_msg("group %c has no probe", *g);
	}
	probes_free(v, n);
	packs_unref(p);
}

static void merging(void **state)
{
	/* RFC 7396, appendix A */
	static const char *const cases[][3] = {
		{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
		{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
		{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
		{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		 "{\"a\":{\"b\":\"d\"}}"},
		{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
		{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
		{"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
		{"{\"a\":\"foo\"}", "null", "null"},
		{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
		{"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
		{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}",
		 "{\"a\":{\"bb\":{}}}"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_doc *d = json_doc_new();
		struct json_error bad;
		struct buf b = {0};

		merge_patch(&b, json_parse(d, str_of(cases[i][0]), NULL, &bad),
			    json_parse(d, str_of(cases[i][1]), NULL, &bad));
		buf_addc(&b, '\0');
		assert_string_equal(b.p, cases[i][2]);
		buf_free(&b);
		json_doc_free(d);
	}
}

static void shapes(void **state)
{
	struct buf b = {0};

	probe_frames(STR(": wait\n\n"
			 "data: "
			 "{\"choices\":[{\"delta\":{\"role\":\"assistant\","
			 "\"content\":\"\"}}]}\n\n"
			 "data: "
			 "{\"choices\":[{\"delta\":{\"reasoning_content\":"
			 "\"a\"}}]}\n\n"
			 "data: "
			 "{\"choices\":[{\"delta\":{\"content\":\"b\"}},"
			 "{\"delta\":{\"content\":\"c\"}}]}\n\n"
			 "data: "
			 "{\"choices\":[{\"delta\":{},\"finish_reason\":"
			 "\"stop\",\"usage\":{\"prompt_tokens\":1}}]}\n\n"
			 "data: "
			 "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}"
			 "\n\n"
			 "data: [DONE]\n\n"),
		     &b);
	buf_addc(&b, '\0');
	assert_string_equal(b.p,
			    "{\"events\":5,\"comments\":1,\"content\":1,"
			    "\"reasoning\":1,\"calls\":0,\"finishes\":1,"
			    "\"usages\":2,"
			    "\"most_choices\":2,\"usage_place\":\"choice\","
			    "\"done\":true}");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_are_requests),
		cmocka_unit_test(a_probe_in_full),
		cmocka_unit_test(no_group_is_lost),
		cmocka_unit_test(merging),
		cmocka_unit_test(shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
