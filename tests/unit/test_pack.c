/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules/judge/check.h"
#include "rules/pack/pack.h"
#include "rules/pack/probe.h"
#include "rules/schema/schema.h"

struct said {
	unsigned n, line;
	char text[4000];
};

static void hear(void *arg, unsigned line, const char *why)
{
	struct said *s = arg;

	if (s->n++ == 0)
		s->line = line;
	strncat(s->text, why, sizeof s->text - strlen(s->text) - 2);
	strcat(s->text, "\n");
}

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

static struct buf slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = {0};
	size_t n;

	assert_non_null(f);
	while ((n = fread(buf_room(&b, 65536), 1, 65536, f)) > 0)
		b.n += n;
	fclose(f);
	return b;
}

/* The published schema says what lint says. */
static void packs_satisfy_their_schema(void **state)
{
	struct buf text = slurp(PACKS "/pack.schema.json");
	struct json_doc *d = json_doc_new();
	struct schema_fault fault;
	struct json_error bad;
	struct packs *p = builtin();
	struct schema *s;
	size_t faults;
	struct fail f;

	s = schema_compile(json_parse(d, buf_str(&text), NULL, &bad), NULL, &f);
	assert_non_null(s);
	for (size_t i = 0; i < packs_count(p); i++) {
		struct said said = {0};
		char path[200];

		snprintf(path, sizeof path, PACKS "/%.*s",
			 STR_ARG(packs_at(p, i)->file));
		assert_true(pack_lint_file(path, &faults, hear, &said, &f));
		if (faults)
			fail_msg("%s:%u: %s", path, said.line, said.text);
		if (schema_check(s, packs_at(p, i)->node, &fault))
			fail_msg("%.*s%s: %s: %s instead of %s",
				 STR_ARG(packs_at(p, i)->file), fault.at,
				 fault.keyword, fault.observed, fault.expected);
	}
	schema_free(s);
	packs_unref(p);
	json_doc_free(d);
	buf_free(&text);
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

/* ---- lint ---- */

#define ONE(rest) HEAD "\"rules\":[\n" RULE("mine/a") rest "]}"
#define REQUEST                                                                \
	HEAD "\"rules\":[\n{\"id\":\"mine/a\",\"text\":\"t\",\"src\":\"s\","   \
	     "\"cert\":\"c\",\"since\":\"2026-01-01\",\"scope\":\"request\","  \
	     "\"severity\":\"error\",\"party\":\"client\","
#define MATCH(m)  ONE("\"match\":{" m "}," QUIRK)
#define ASSERT(a) ONE("\"assert\":{" a "}}")
#define PROBE(p)  REQUEST "\"probe\":[\n{\"id\":\"G/a\",\"patch\":{}," p "}]}]}"

static const struct fault_case {
	const char *text;
	unsigned line;
	const char *why;
} faults[] = {
	{"", 1, "not JSON"},
	{"{\n\n\"pack\":}", 3, "not JSON"},
	{"[]", 1, "a pack must be an object, not a list"},
	{"{}", 1, "a pack lacks \"version\""},
	{HEAD "\"rules\":{}}", 2, "\"rules\" must be a list, not an object"},
	{HEAD "\"rules\":[],\"rules\":[]}", 1, "says a name twice"},
	{HEAD "\"model\":[\"a\"],\"rules\":[]}", 2,
	 "a pack has no \"model\": did you mean \"models\"?"},
	{HEAD "\"models\":[],\"rules\":[]}", 2, "it would match nothing"},
	{HEAD "\"models\":[\n\"Kimi*\"],\"rules\":[]}", 3,
	 "\"Kimi*\" matches nothing: names are compared in lower case"},
	{HEAD "\"models\":[\"a/b\"],\"rules\":[]}", 2, "before their last /"},
	{HEAD "\"models\":[\"a[bc]\"],\"rules\":[]}", 2, "all that a glob"},
	{HEAD "\"models\":[1],\"rules\":[]}", 2, "must be a list of texts"},
	{HEAD "\"kwargs\":true,\"rules\":[]}", 2, "needs \"models\""},
	{HEAD "\"extends\":[\"kimmi\"],\"rules\":[]}", 2,
	 "there is no pack \"kimmi\" to extend"},
	{HEAD "\"modes\":[{\"mode\":\"fast\"}],\"rules\":[]}", 2,
	 "\"mode\" cannot be \"fast\": one of any, thinking, instant"},
	{HEAD "\"reasoning_name\":\"thoughts\",\"rules\":[]}", 2,
	 "\"reasoning_name\" cannot be"},
	{"{\"pack\":\"A "
	 "b\",\"version\":\"1\",\"about\":\"\",\"rules\":[]}",
	 1, "a pack's name is of"},
	{"{\"pack\":\"wire\",\"version\":\"1\",\"about\":\"\","
	 "\"models\":[\"a\"],\"rules\":[]}",
	 1, "\"models\" is settled by the pack wire"},
	{HEAD "\"rules\":[1]}", 2, "a rule must be an object, not a number"},
	{HEAD "\"rules\":[\n" RULE("yours/a") QUIRK "]}", 3,
	 "a rule's id is mine/NAME, not \"yours/a\""},
	{HEAD "\"rules\":[" RULE("mine/a") QUIRK ",\n" RULE("mine/a") QUIRK
	 "]}",
	 3, "there are two rules mine/a"},
	{ONE("\"asert\":{}}"), 3, "a rule has no \"asert\": did you mean"},
	{ONE("\"at\":\"\"}"), 3, "a rule has \"assert\" or \"probe\""},
	{ONE("\"cert\":\"r\"," QUIRK), 3, "says a name twice"},
	{ONE("\"refuse\":true," QUIRK), 3, "\"refuse\" needs the scope"},
	{ONE("\"refusal\":\"no\"," QUIRK), 3, "needs \"refuse\":true"},
	{ONE("\"at\":\"/a\"," QUIRK), 3, "needs an assertion by schema"},
	{ASSERT(""), 3, "an assertion is {\"schema\":...} or"},
	{ASSERT("\"check\":\"quirks\""), 3,
	 "there is no check \"quirks\": did you mean \"quirk\"?"},
	{ASSERT("\"check\":\"quirk\""), 3, "the assertion lacks \"quirk\""},
	{ASSERT("\"check\":\"quirk\",\"quirk\":\"finish_twic\""), 3,
	 "there is no quirk \"finish_twic\": did you mean "
	 "\"finish_twice\"?"},
	{ASSERT("\"check\":\"markers\",\"markers\":\"a\""), 3,
	 "\"markers\" must be a list, not text"},
	{ASSERT("\"check\":\"markers\",\"markers\":[\"a\"],\"in\":["
		"\"x\"]"),
	 3, "\"in\" cannot be \"x\""},
	{ASSERT("\"check\":\"script\",\"from\":\"04\",\"to\":\"xyz\""), 3,
	 "\"to\" is a code point in hex"},
	{ASSERT("\"check\":\"ngram\",\"n\":0,\"most\":2"), 3,
	 "\"n\" is a whole number, at least 1"},
	{ASSERT("\"check\":\"usage_total\",\"n\":1"), 3,
	 "the assertion has no \"n\""},
	{ASSERT("\"schema\":{\"type\":\"strin\"}"), 3, "type"},
	{ASSERT("\"schema\":{\"$ref\":\"https://a.example/b\"}"), 3, "$ref"},
	{MATCH("\"dialect\":[\"chats\"]"), 3, "there is no dialect \"chats\""},
	{MATCH("\"mode\":\"slow\""), 3, "\"mode\" cannot be \"slow\""},
	{MATCH("\"vendor\":[\"*.A.b\"]"), 3, "lower case"},
	{MATCH("\"vendors\":[\"a\"]"), 3, "match has no \"vendors\": did you"},
	{MATCH("\"when\":[]"), 3, "\"when\" must be a JSON Schema"},
	{REQUEST "\"at\":\"a\",\"assert\":{\"schema\":true}}]}", 3,
	 "\"at\" is a JSON pointer"},
	{REQUEST "\"at\":\"/*/a\",\"assert\":{\"schema\":true}}]}", 3,
	 "* stands alone, at the end"},
	{PROBE("\"x\":1"), 4, "a probe lacks \"expect\""},
	{PROBE("\"expect\":\"yes\""), 4, "one of serve, refuse"},
	{PROBE("\"expect\":\"refuse\",\"answer\":{}"), 4,
	 "\"answer\" needs \"expect\":\"serve\""},
	{PROBE("\"expect\":\"serve\",\"answer\":{\"type\":1}"), 4, "type"},
	{PROBE("\"expect\":\"serve\",\"fill\":0"), 4, "\"fill\" is from 1"},
	{PROBE("\"expect\":\"serve\",\"compare\":{\"figure\":\"x\","
	       "\"patches\":[{}],\"must\":\"rise\"}"),
	 4, "a comparison needs two patches"},
	{PROBE("\"expect\":\"serve\"},{\"id\":\"G/a\",\"patch\":{},"
	       "\"expect\":\"serve\""),
	 4, "there are two probes G/a"},
};

static void lint_says_what_is_wrong(void **state)
{
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		const struct fault_case *c = &faults[i];
		struct said s = {0};
		size_t n = pack_lint(str_of(c->text), "x.json", hear, &s);

		if (n == 0 || n != s.n || s.line != c->line ||
		    !strstr(s.text, c->why))
			fail_msg("%s\n%zu faults, line %u: %s\nnot "
				 "line %u: "
				 "%s",
				 c->text, n, s.line, s.text, c->line, c->why);
	}
}

/* What is reported or inferred is no error. */
static void lint_knows_certainty(void **state)
{
	static const char *const certs[] = {"r", "?"};

	for (int i = 0; i < 2; i++) {
		struct said s = {0};
		struct buf b = {0};

		buf_addf(&b,
			 HEAD "\"rules\":[{\"id\":\"mine/a\",\"text\":\"t\","
			      "\"src\":\"s\",\"cert\":\"%s\",\"since\":\""
			      "2026-01-01\",\"scope\":\"response\",\n"
			      "\"severity\":\"error\",\"party\":"
			      "\"vendor\"," QUIRK "]}",
			 certs[i]);
		assert_int_equal(pack_lint(buf_str(&b), "x", hear, &s), 1);
		assert_int_equal(s.line, 3);
		assert_non_null(strstr(s.text, "is a warning at most"));
		buf_free(&b);
	}
}

/* Each check that takes arguments complains when they are missing. */
static void lint_knows_arguments(void **state)
{
#define ARGS_(name, family, args, about) {#name, args},
	static const char *const checks[][2] = {CHECKS(ARGS_)};

	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		struct said s = {0};
		struct buf b = {0};
		size_t n;

		buf_addf(&b, ASSERT("\"check\":\"%s\""), checks[i][0]);
		n = pack_lint(buf_str(&b), "x", hear, &s);
		if ((n > 0) != (checks[i][1][0] != '\0'))
			fail_msg("%s (%s): %s", checks[i][0], checks[i][1],
				 s.text);
		buf_free(&b);
	}
}

/* ---- probes ---- */

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
		cmocka_unit_test(globs),
		cmocka_unit_test(bare_names),
		cmocka_unit_test(builtin_is_sound),
		cmocka_unit_test(everything_has_a_rule),
		cmocka_unit_test(packs_satisfy_their_schema),
		cmocka_unit_test(models_have_packs),
		cmocka_unit_test(rules_are_chosen),
		cmocka_unit_test(reasons),
		cmocka_unit_test(pins),
		cmocka_unit_test(modes),
		cmocka_unit_test(users_packs),
		cmocka_unit_test(users_rule_takes_a_place),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(lint_says_what_is_wrong),
		cmocka_unit_test(lint_knows_certainty),
		cmocka_unit_test(lint_knows_arguments),
		cmocka_unit_test(probes_are_requests),
		cmocka_unit_test(a_probe_in_full),
		cmocka_unit_test(no_group_is_lost),
		cmocka_unit_test(merging),
		cmocka_unit_test(shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
