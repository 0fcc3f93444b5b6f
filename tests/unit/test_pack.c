/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/judge/check.h"
#include "rules/pack/pack.h"
static struct packs *builtin(void)
{
	struct packs *p = packs_new();

	packs_add_builtin(p);
	return p;
}

/* ---- names ---- */

static void globs(void **state)
{
	static const struct {
		const char *glob, *text;
		bool is;
	} cases[] = {
		{"", "", true},
		{"*", "", true},
		{"a", "", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"kimi-k2.6*", "kimi-k2.6", true},
		{"*-r1*", "x-r1-y", true},
		{"*-r1*", "x-r-1", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-b-b-", false},
		{"*a", "aab", false},
		{"**", "x", true},
	};
	struct str many = {NULL, 4000};
	char *text = malloc(many.n);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(glob_match(str_of(cases[i].glob),
					    str_of(cases[i].text)),
				 cases[i].is);
	memset(text, 'a', many.n);
	many.p = text;
	assert_false(glob_match(STR("*a*a*a*a*a*a*a*a*a*a*a*a*b"), many));
	free(text);
}

static void bare_names(void **state)
{
	char out[16];

	model_bare(STR("moonshotai/Kimi-K2.6"), out, sizeof out);
	assert_string_equal(out, "kimi-k2.6");
	model_bare(STR("a/b/GPT"), out, sizeof out);
	assert_string_equal(out, "gpt");
	model_bare(STR("a-name-that-is-too-long"), out, sizeof out);
	assert_string_equal(out, "a-name-that-is-");
	model_bare((struct str){0}, out, sizeof out);
	assert_string_equal(out, "");
}

/* ---- what is built in ---- */

static void builtin_is_sound(void **state)
{
	struct packs *p = builtin();

	assert_true(packs_count(p) >= 15);
	assert_int_equal(strlen(packs_digest(p)), 64);
	for (size_t i = 0; i < packs_count(p); i++) {
		const struct pack *x = packs_at(p, i);

		assert_true(x->builtin && x->version.n && x->about.n);
		for (unsigned k = 0; k < x->n_rules; k++) {
			const struct rule *r = &x->rules[k];

			assert_ptr_equal(packs_rule(p, r->id), r);
			assert_true(r->cert == CERT_CERTAIN ||
				    r->severity != SEVERITY_ERROR);
			assert_true(r->text.n && r->src.n);
		}
	}
	packs_unref(p);
}

/* Every quirk and every check has a rule. */
static void everything_has_a_rule(void **state)
{
#define NAME_(name, family, args, about) #name,
	static const char *const checks[] = {CHECKS(NAME_)};
	struct packs *p = builtin();
	char id[80];

	for (int q = 0; q < QUIRKS; q++) {
		snprintf(id, sizeof id, "wire/%s", quirk_rows[q].name);
		if (!packs_rule(p, str_of(id)))
			fail_msg("there is no rule %s", id);
	}
	for (size_t c = 0; c < sizeof checks / sizeof *checks; c++) {
		unsigned seen = 0;

		for (size_t i = 0; i < packs_count(p); i++) {
			const struct pack *x = packs_at(p, i);

			for (unsigned k = 0; k < x->n_rules && !x->block; k++)
				seen += str_eq(x->rules[k].check,
					       str_of(checks[c]));
		}
		if (!seen)
			fail_msg("no rule names the check %s", checks[c]);
	}
	packs_unref(p);
}

/* ---- which rules apply ---- */

static const struct ruleset *pick(struct packs *p, const char *model,
				  bool kwargs)
{
	struct traffic t = {.dialect = DIALECT_CHAT,
			    .model = str_of(model),
			    .route = STR("default"),
			    .kwargs = kwargs};

	return packs_select(p, &t);
}

static void check_pack(struct packs *p, const char *model, bool kwargs,
		       const char *name)
{
	const struct pack *x = pick(p, model, kwargs)->model_pack;

	if (!name && x)
		fail_msg("%s has the pack %.*s", model, STR_ARG(x->name));
	if (name && (!x || !str_eq(x->name, str_of(name))))
		fail_msg("%s has not the pack %s", model, name);
}

static bool has(const struct ruleset *s, const char *id)
{
	for (unsigned i = 0; i < s->n; i++)
		if (str_eq(s->rules[i]->id, str_of(id)))
			return true;
	return false;
}

static void models_have_packs(void **state)
{
	static const char *const cases[][2] = {
		{"practice-1", NULL},
		{"practice-1-thinking", NULL},
		{"", NULL},
		{"kimi-latest", NULL},
		{"moonshotai/Kimi-K2-Thinking", "kimi-k2-thinking"},
		{"kimi-k2-thinking-turbo", "kimi-k2-thinking"},
		{"kimi-k2.5", "kimi-k2.5"},
		{"moonshotai/Kimi-K2.6-fast", "kimi-k2.6"},
		{"kimi-k2.7-code", "kimi-k2.7"},
		{"kimi-k3", "kimi-k3"},
		{"deepseek-reasoner", "deepseek"},
		{"deepseek-ai/DeepSeek-V3.2", "deepseek"},
		{"qwen/qwen3-235b-a22b", "qwen"},
		{"zai-org/GLM-4.6", "glm"},
		{"minimax/MiniMax-M2", "minimax"},
		{"openai/gpt-oss-120b", "gpt-oss"},
		{"gpt-4o", "openai"},
		{"o3-mini", "openai"},
		{"claude-opus-4-5", "anthropic"},
		{"gemini-3-pro-preview", "gemini-openai"},
	};
	struct packs *p = builtin();

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_pack(p, cases[i][0], false, cases[i][1]);
	check_pack(p, "moonshotai/Kimi-K2.6", true, "kimi-opensource");
	check_pack(p, "qwen3-8b", true, "qwen");
	packs_unref(p);
}

static void rules_are_chosen(void **state)
{
	struct traffic t = {.dialect = DIALECT_MESSAGES,
			    .model = STR("practice-1")};
	struct packs *p = builtin();
	const struct ruleset *kimi, *wire = pick(p, "practice-1", false);

	assert_ptr_equal(pick(p, "another-1", false), wire);
	assert_true(has(wire, "wire/finish_missing"));
	assert_false(has(wire, "wire/block_order"));	/* of messages */
	assert_false(has(wire, "wire/fake_streaming")); /* streamed alone */
	assert_true(has(packs_select(p, &t), "wire/block_order"));
	assert_false(has(wire, "wire/reasoning_details")); /* OpenRouter's */
	t = (struct traffic){.dialect = DIALECT_CHAT,
			     .model = STR("x"),
			     .vendor = STR("openrouter.ai")};
	assert_true(has(packs_select(p, &t), "wire/reasoning_details"));
	kimi = pick(p, "kimi-k2.6", false);
	assert_true(kimi->key != wire->key);
	assert_true(has(kimi, "kimi-k2.6/temperature"));
	assert_true(has(kimi, "kimi-k2.6/kimi_markers")); /* inherited */
	assert_false(has(kimi, "kimi/kimi_markers"));
	assert_false(has(kimi, "kimi-k2.6/probe_fixed")); /* only probed */
	assert_false(has(kimi, "kimi-k2.5/temperature"));
	assert_false(has(pick(p, "minimax-m2", false), "wire/think_tag_leak"));
	packs_unref(p);
}

static void reasons(void **state)
{
	struct traffic t = {.dialect = DIALECT_CHAT, .model = STR("kimi-k2.6")};
	struct packs *p = builtin();
	const struct pack *k26 = packs_named(p, STR("kimi-k2.6"));

	assert_string_equal(packs_why(p, &t, k26, NULL),
			    "the model is one of its");
	assert_string_equal(packs_why(p, &t, packs_named(p, STR("kimi")), NULL),
			    "a building block for other packs");
	assert_string_equal(
		packs_why(p, &t, packs_named(p, STR("kimi-opensource")), NULL),
		"the request carries no chat_template_kwargs");
	assert_string_equal(
		packs_why(p, &t, k26,
			  packs_rule(p, STR("kimi-k2.6/temperature"))),
		"applies while thinking");
	assert_string_equal(
		packs_why(p, &t, k26,
			  packs_rule(p, STR("kimi-k2.6/probe_fixed"))),
		"asserts nothing of traffic: it is only probed");
	packs_unref(p);
}

static void pins(void **state)
{
	struct traffic t = {.dialect = DIALECT_CHAT,
			    .model = STR("kimi-k2.6"),
			    .route = STR("lab")};
	struct packs *p = builtin();
	char before[65];
	struct fail f;

	memcpy(before, packs_digest(p), 65);
	assert_false(packs_pin(p, STR("lab"), STR("kimi-opensorce"), &f));
	assert_string_equal(f.code, "no_such_pack");
	assert_non_null(strstr(f.text, "did you mean kimi-opensource?"));
	assert_false(packs_pin(p, STR("lab"), STR("kimi"), &f));
	assert_true(packs_pin(p, STR("lab"), STR("kimi-opensource"), &f));
	assert_true(packs_pin(p, (struct str){0}, STR("wire"), &f));
	assert_string_not_equal(before, packs_digest(p));
	assert_true(str_eq(packs_select(p, &t)->model_pack->name,
			   STR("kimi-opensource")));
	check_pack(p, "kimi-k2.6", false, NULL); /* another upstream */
	packs_unref(p);
}

static enum mode mode_of(struct packs *p, const char *pack, const char *text)
{
	struct json_doc *d = json_doc_new();
	struct json_error bad;
	const struct json *root = json_parse(d, str_of(text), NULL, &bad);
	enum mode m = pack_mode(packs_named(p, str_of(pack)), root);

	json_doc_free(d);
	return m;
}

static void modes(void **state)
{
	struct packs *p = builtin();

	assert_int_equal(mode_of(p, "kimi-k2.6", "{}"), MODE_THINKING);
	assert_int_equal(mode_of(p, "kimi-k2.6",
				 "{\"thinking\":{\"type\":\"disabled\"}}"),
			 MODE_INSTANT);
	assert_int_equal(mode_of(p, "kimi-opensource",
				 "{\"chat_template_kwargs\":"
				 "{\"thinking\":false}}"),
			 MODE_INSTANT);
	assert_int_equal(mode_of(p, "qwen", "{}"), MODE_ANY);
	assert_int_equal(
		mode_of(p, "deepseek", "{\"model\":\"deepseek-reasoner\"}"),
		MODE_THINKING);
	assert_int_equal(mode_of(p, "anthropic", "{}"), MODE_INSTANT);
	assert_int_equal(pack_mode(packs_named(p, STR("kimi-k3")), NULL),
			 MODE_ANY);
	assert_string_equal(mode_name(MODE_INSTANT), "instant");
	packs_unref(p);
}

/* ---- the user's ---- */

#define HEAD "{\"pack\":\"mine\",\"version\":\"1\",\"about\":\"a\",\n"
#define RULE(id)                                                               \
	"{\"id\":\"" id "\",\"text\":\"t\",\"src\":\"s\",\"cert\":\"c\","      \
	"\"since\":\"2026-01-01\",\"scope\":\"response\","                     \
	"\"severity\":\"error\",\"party\":\"vendor\","
#define QUIRK "\"assert\":{\"check\":\"quirk\",\"quirk\":\"finish_twice\"}}"

static bool add_text(struct packs *p, const char *text, struct fail *f)
{
	char path[] = "/tmp/test_pack_XXXXXX";
	int fd = mkstemp(path);
	bool ok;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ok = packs_add_file(p, path, f);
	unlink(path);
	return ok;
}

static void users_packs(void **state)
{
	struct packs *p = builtin();
	unsigned before = packs_rules(p);
	struct fail f;

	assert_true(
		add_text(p, HEAD "\"rules\":[" RULE("mine/a") QUIRK "]}", &f));
	assert_int_equal(packs_rules(p), before + 1);
	assert_true(has(pick(p, "practice-1", false), "mine/a"));
	/* Models of one's own, with another pack's rules. */
	assert_true(add_text(p,
			     "{\"pack\":\"strict\",\"version\":\"1\","
			     "\"about\":\"a\",\"models\":[\"kimi-k2.6*\"],"
			     "\"extends\":[\"kimi-k2.6\"],\"rules\":[" RULE(
				     "strict/n") QUIRK "]}",
			     &f));
	check_pack(p, "kimi-k2.6", false, "strict");
	assert_true(has(pick(p, "kimi-k2.6", false), "strict/temperature"));
	assert_true(
		str_eq(packs_rule(p, STR("strict/n"))->check, STR("quirk")));
	packs_unref(p);
}

static void users_rule_takes_a_place(void **state)
{
	struct packs *p = builtin();
	unsigned before = packs_rules(p);
	const struct rule *old = packs_rule(p, STR("kimi-k2.6/n"));
	unsigned number = old->number;
	struct fail f;

	assert_true(add_text(p,
			     "{\"pack\":\"kimi-k2.6\",\"version\":\"mine\","
			     "\"about\":\"a\",\"rules\":[" RULE("kimi-k2.6/n")
				     QUIRK "," RULE("kimi-k2.6/more") QUIRK
			     "]}",
			     &f));
	assert_int_equal(packs_rules(p), before + 1);
	assert_ptr_not_equal(packs_rule(p, STR("kimi-k2.6/n")), old);
	assert_int_equal(packs_rule(p, STR("kimi-k2.6/n"))->number, number);
	assert_true(str_eq(packs_rule(p, STR("kimi-k2.6/n"))->pack->version,
			   STR("mine")));
	check_pack(p, "kimi-k2.6", false, "kimi-k2.6");
	assert_false(pick(p, "kimi-k2.6", false)->model_pack->file.n == 0);
	assert_true(has(pick(p, "kimi-k2.6", false), "kimi-k2.6/more"));
	assert_false(has(pick(p, "kimi-k2.5", false), "kimi-k2.6/more"));
	packs_unref(p);
}

static void bad_files(void **state)
{
	struct packs *p = builtin();
	struct fail f;

	assert_false(packs_add_file(p, "/nowhere/x.json", &f));
	assert_string_equal(f.code, "rules_unreadable");
	assert_false(packs_add_file(p, "/tmp", &f));
	assert_string_equal(f.code, "rules_unreadable");
	assert_false(add_text(p, HEAD "\n\"rule\":[]}", &f));
	assert_string_equal(f.code, "bad_rules");
	assert_non_null(strstr(f.text, ":3: a pack has no \"rule\": did you "
				       "mean \"rules\"?"));
	packs_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs),
		cmocka_unit_test(bare_names),
		cmocka_unit_test(builtin_is_sound),
		cmocka_unit_test(everything_has_a_rule),
		cmocka_unit_test(models_have_packs),
		cmocka_unit_test(rules_are_chosen),
		cmocka_unit_test(reasons),
		cmocka_unit_test(pins),
		cmocka_unit_test(modes),
		cmocka_unit_test(users_packs),
		cmocka_unit_test(users_rule_takes_a_place),
		cmocka_unit_test(bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
