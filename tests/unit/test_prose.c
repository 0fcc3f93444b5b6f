/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "rules/judge/prose.h"

static const struct str markers[] = {
	STR("<|im_start|>"),
	STR("<|im_end|>"),
	STR("<|tool_calls_section_begin|>"),
	STR("<|tool_call_begin|>"),
	STR("[EOS]"),
	STR("<think>"),
	STR("</think>"),
	STR("<\xef\xbd\x9ctool\xe2\x96\x81"
	    "calls"),
	STR("\u0120"),
	STR("\u010a"),
};
enum { MARKERS = sizeof(markers) / sizeof(markers[0]) };

static struct prose_prompt prompt_of(struct str *text, const char *prompt)
{
	*text = str_of(prompt);
	return (struct prose_prompt){text, 1};
}

/* ---- markers ---- */

static bool marked(const char *text, const char *prompt, struct prose_hit *hit)
{
	struct str p;
	struct prose_prompt asked = prompt_of(&p, prompt);

	return prose_marker(str_of(text), markers, MARKERS, &asked, hit);
}

static void markers_that_are_said_are_found(void **state)
{
	static const struct {
		const char *text;
		size_t from;
		unsigned marker;
	} cases[] = {
		{"Fine.<|im_end|>", 5, 1},
		{"<|tool_calls_section_begin|><|tool_call_begin|>", 0, 2},
		{"a\nb\n</think>\nc", 4, 6},
		{"```\ncode\n```\n<think>", 13, 5},
		{"`x` and <think>", 8, 5},
		{"`open\n\n<think>", 7, 5},
		{"1. item [EOS]", 8, 4},
		{"Hello\u0120world", 5, 8},
		{"done.\u010a\u010anext", 5, 9},
		{"<\xef\xbd\x9ctool\xe2\x96\x81"
		 "calls\xe2\x96\x81"
		 "begin",
		 0, 7},
		{"~~~ c\nx\n~~~~\n\n<|im_start|>", 14, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prose_hit hit = {0};

		assert_true(marked(cases[i].text, "Hi", &hit));
		assert_int_equal(hit.from, cases[i].from);
		assert_int_equal(hit.n, markers[cases[i].marker].n);
		assert_ptr_equal(hit.what.p, markers[cases[i].marker].p);
	}
}

static void markers_that_are_written_about_are_not(void **state)
{
	static const char *const honest[] = {
		"",
		"if (a <b|c> d) [EOF] < |im_end| >",
		"```\n<|im_end|>\n```",
		"```jinja\n<|im_start|>{{ m }}<|im_end|>\n",
		"~~~\n```\n<think>\n~~~\nand so on",
		("1. Do:\n   ```xml\n   <think>x</think>\n\n   <think>\n   "
		 "```\n2. x"),
		"> ```\n> <think>\n> ```\n",
		"Here: ```\n\n<think>\n``` ends.",
		"Wrap it in `<think>` and `</think>`.",
		"Use ``a ` <think>`` so.",
		"The tag \"<think>\" opens, '</think>' closes.",
		"The tag \u201c<think>\u201d or \u300c<think>\u300d.",
		"As code:\n\n    <think>x\n\tprint('<|im_end|>')\n",
		"Il-\u0120ermanja u l-\u010aina; A\u0120ENZIJA, \u0120UTA.",
		"BPE writes \u0120 for a blank and (\u010a) for a line's end.",
		"Broken `code <think> to the end of the paragraph",
	};
	struct prose_hit hit;

	for (size_t i = 0; i < sizeof(honest) / sizeof(honest[0]); i++)
		assert_false(marked(honest[i], "Hi", &hit));
	assert_false(marked("x <think> y", "what does <think> do?", &hit));
	assert_false(marked("x </think> y", "what does <think> do?", &hit));
}

/* ---- loops ---- */

static bool loops(const char *head, const char *unit, unsigned times,
		  const char *tail, const char *prompt, struct prose_hit *hit)
{
	struct buf b = {0};
	struct str p;
	struct prose_prompt asked = prompt_of(&p, prompt);
	bool found;

	buf_adds(&b, str_of(head));
	for (unsigned i = 0; i < times; i++)
		buf_adds(&b, str_of(unit));
	buf_adds(&b, str_of(tail));
	found = prose_loop(buf_str(&b), &asked, hit);
	if (found) {
		/* Only figures outlive the text. */
		assert_in_range(hit->from + hit->n, 400, b.n);
		assert_memory_equal(b.p + hit->from,
				    b.p + hit->from + hit->what.n,
				    hit->n - hit->what.n);
	}
	buf_free(&b);
	return found;
}

static void loops_are_found(void **state)
{
	struct prose_hit hit;

	assert_true(loops("Well: ", "I am not sure what you mean. ", 30, "",
			  "Hi", &hit));
	assert_in_range(hit.times, 29, 31);
	assert_int_equal(hit.what.n, 29);
	assert_true(loops("", "I am not sure what\nyou mean.\n", 5000,
			  "I am not s", "", &hit));
	assert_in_range(hit.times, 4999, 5001);
	assert_true(loops("\u597d\u3002", "\u6211\u4e0d\u77e5\u9053\u3002", 40,
			  "", "\u4f60\u597d", &hit));
	assert_true(loops("", "\u043d\u0435 \u0437\u043d\u0430\u044e, ", 40,
			  "\n\n", "\u043f\u0440\u0438\u0432\u0435\u0442",
			  &hit));
	assert_true(loops("", "- The cat sat.\n- The dog ran.\n", 20, "", "Hi",
			  &hit));
	assert_true(loops("```\nx\n```\n", "Let me check again. ", 40, "", "Hi",
			  &hit));
}

static void honest_repetition_is_no_loop(void **state)
{
	static const struct {
		const char *head, *unit, *tail, *prompt;
	} cases[] = {
		{"", "ha ", "", "Laugh"},
		{"", "\u54c8", "", "\u7b11"},
		{"", "0123456789", "", "pi"},
		{"", "| yes | no |\n", "", "a table"},
		{"", "--- ", "", "a rule"},
		{"", "1, 2, 3, ", "", "numbers"},
		{"```\n", "print the line\n", "", "code"},
		{"```\n", "print the line\n", "```", "code"},
		{"", "    print the line\n", "", "code"},
		{"", "{\"name\":null,\"value\":0},", "", "json"},
		{"", "<td>one</td><td>two</td>", "", "html"},
		{"", "AAAA", "", "base64"},
		{"", "/\\_/\\ ( o.o ) ", "", "a cat"},
		{"", "All work and no play. ", "The end.", "Hi"},
		{"", "All work and no play. ", "",
		 "Write \"all work, and NO play\" often"},
		{"", "no play. All work and ", "",
		 "Write \"all work, and NO play\" often"},
		{"", "\u6211\u7231\u4f60\u3002", "",
		 "\u8bf4\u201c\u6211\u7231\u4f60\u201d"},
	};
	struct prose_hit hit;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_false(loops(cases[i].head, cases[i].unit, 200,
				   cases[i].tail, cases[i].prompt, &hit));
	assert_false(loops("", "I am not sure. ", 9, "", "Hi", &hit));
	assert_false(loops("", "I am so. ", 44, "", "Hi", &hit));
}

/* ---- drift ---- */

#define ENGLISH                                                                \
	"The weather in Paris will be mild, with some rain in the evening, "   \
	"and the wind comes from the west. "
#define CHINESE                                                                \
	"\u5df4\u9ece\u4eca\u5929\u7684\u5929\u6c14\u6e29\u548c\uff0c"         \
	"\u508d\u665a\u6709\u4e00\u4e9b\u96e8\uff0c\u897f\u98ce\u5fae\u5f31"   \
	"\u3002\u51fa\u95e8\u8bb0\u5f97\u5e26\u4f1e\uff0c\u665a\u4e0a\u6c14"   \
	"\u6e29\u4f1a\u4e0b\u964d\u5230\u5341\u5ea6\u5de6\u53f3\u3002"
#define RUSSIAN                                                                \
	"\u041f\u043e\u0433\u043e\u0434\u0430 \u0432 \u041f\u0430\u0440\u0438" \
	"\u0436\u0435 \u0431\u0443\u0434\u0435\u0442 \u043c\u044f\u0433\u043a" \
	"\u043e\u0439, \u0432\u0435\u0447\u0435\u0440\u043e\u043c "            \
	"\u0434\u043e"                                                         \
	"\u0436\u0434\u044c, \u0432\u0435\u0442\u0435\u0440 "                  \
	"\u0437\u0430\u043f"                                                   \
	"\u0430\u0434\u043d\u044b\u0439. "
#define JAPANESE                                                               \
	"\u30d1\u30ea\u306e\u5929\u6c17\u306f\u7a4f\u3084\u304b\u3067\u3001"   \
	"\u5915\u65b9\u306b\u96e8\u304c\u964d\u308a\u307e\u3059\u3002\u508d"   \
	"\u3092\u6301\u3063\u3066\u884c\u3063\u3066\u304f\u3060\u3055\u3044"   \
	"\u3002\u98a8\u306f\u897f\u304b\u3089\u5439\u304d\u307e\u3059\u3002"
#define KOREAN                                                                 \
	"\ud30c\ub9ac\uc758 \ub0a0\uc528\ub294 \uc628\ud654\ud558\uace0 "      \
	"\uc800\ub141\uc5d0\ub294 \ube44\uac00 \uc624\uaca0\uc2b5\ub2c8\ub2e4" \
	". \uc6b0\uc0b0\uc744 \uac00\uc838\uac00\uc138\uc694. "                \
	"\ubc14\ub78c\uc740 \uc11c\ucabd\uc5d0\uc11c "                         \
	"\ubd88\uaca0\uc2b5\ub2c8\ub2e4."
#define ARABIC                                                                 \
	"\u0627\u0644\u0637\u0642\u0633 \u0641\u064a \u0628\u0627\u0631\u064a" \
	"\u0633 \u0645\u0639\u062a\u062f\u0644 \u0648\u0641\u064a "            \
	"\u0627\u0644"                                                         \
	"\u0645\u0633\u0627\u0621 \u064a\u0633\u0642\u0637 \u0628\u0639\u0636" \
	" \u0627\u0644\u0645\u0637\u0631 "
#define HINDI                                                                  \
	"\u092a\u0947\u0930\u093f\u0938 \u092e\u0947\u0902 \u092e\u094c\u0938" \
	"\u092e \u0939\u0932\u094d\u0915\u093e \u0930\u0939\u0947\u0917\u093e" \
	" \u0914\u0930 \u0936\u093e\u092e \u0915\u094b "                       \
	"\u092c\u093e\u0930\u093f"                                             \
	"\u0936 \u0939\u094b\u0917\u0940 "

static bool drifts(const char *text, const char *prompt, struct prose_hit *hit)
{
	struct str p;
	struct prose_prompt asked = prompt_of(&p, prompt);

	return prose_drift(str_of(text), &asked, hit);
}

static void drift_is_found(void **state)
{
	static const char *const answers[] = {
		CHINESE, RUSSIAN, JAPANESE, KOREAN, ARABIC ARABIC, HINDI HINDI};
	static const char *const prompts[] = {
		"What will the weather be like in Paris?",
		"Say hello.",
		"Wie wird das Wetter in Paris, und was soll ich anziehen?",
		"Quel temps fait-il dans les rues de Paris pour demain ?",
		"Please write a short poem about rain.",
	};
	struct prose_hit hit;

	for (size_t i = 0; i < 6; i++)
		for (size_t k = 0; k < 5; k++) {
			assert_true(drifts(answers[i], prompts[k], &hit));
			assert_in_range(hit.from + hit.n, 1,
					strlen(answers[i]));
		}
	assert_true(drifts(RUSSIAN, CHINESE, &hit));
	assert_true(drifts(CHINESE, RUSSIAN, &hit));
	assert_true(drifts(CHINESE, KOREAN, &hit));
	assert_true(
		drifts("Ok. " RUSSIAN RUSSIAN RUSSIAN, "tell me more", &hit));
}

static void honest_languages_are_no_drift(void **state)
{
	static const struct {
		const char *text, *prompt;
	} cases[] = {
		{ENGLISH, "What is it?"},
		{ENGLISH, CHINESE},
		{CHINESE, CHINESE},
		{JAPANESE, CHINESE},
		{JAPANESE, JAPANESE},
		{CHINESE, JAPANESE},
		{RUSSIAN, RUSSIAN},
		{ARABIC, ARABIC},
		{HINDI, HINDI},
		{KOREAN, KOREAN},
		{ENGLISH "\u674e\u767d, \u675c\u752b, \u738b\u7ef4",
		 "Who wrote it?"},
		{CHINESE
		 "\n```\nfor (i = 0; i < n; i++)\n\tputs(lines[i]);\n```",
		 "\u5199\u4e2a\u5faa\u73af"},
		{"for (i = 0; i < n; i++) puts(lines[i]); return EXIT_SUCCESS;",
		 "\u5199\u4e2a\u5faa\u73af"},
		{CHINESE, "Translate into Chinese: hello"},
		{JAPANESE, "translate to \u65e5\u672c\u8a9e\u3067"},
		{"Bonjour, comment allez-vous aujourd'hui mes amis ?",
		 "translate to French"},
		{RUSSIAN, "How is that in Russian?"},
		{RUSSIAN, "privet, kak dela? rasskazhi o pogode"},
		{RUSSIAN, "skazhi mne pogodu"},
		{JAPANESE, "tenki wa dou desu ka"},
		{CHINESE, "jintian tianqi zenme yang"},
		{HINDI, "mausam kaisa hai the is"},
		{ARABIC, "kif el ta2s"},
		{CHINESE, "What does this image say?"},
		{CHINESE, "Recite the original of it"},
		{RUSSIAN, "\u8bf7\u7528\u4fc4\u8bed\u56de\u7b54"},
		{CHINESE, "12 + 30 = ?"},
		{CHINESE, ""},
		{"\u0391\u03b1 \u2211 \u03b2\u03b3\u03b4 = \u03c0",
		 "What is it?"},
		{"\u2554\u2550\u2550\u2557 \u2588\u2588 1234567890",
		 "What is it?"},
		{"", "What is it?"},
	};
	struct prose_hit hit;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_false(drifts(cases[i].text, cases[i].prompt, &hit));
}

static void romanised_beside_english_is_silent(void **state)
{
	struct str texts[] = {STR("You are a helpful assistant."),
			      STR("gamarjoba, rogor khar")};
	struct prose_prompt prompt = {texts, 2};
	struct prose_hit hit;

	assert_false(prose_drift(STR(RUSSIAN), &prompt, &hit));
	texts[1] = STR("What is the weather?");
	assert_true(prose_drift(STR(RUSSIAN), &prompt, &hit));
}

/* ---- a script's characters ---- */

static bool cyrillic(const char *text, const char *prompt,
		     struct prose_hit *hit)
{
	struct str p;
	struct prose_prompt asked = prompt_of(&p, prompt);

	return prose_script(str_of(text), 0x400, 0x4ff, &asked, hit);
}

static void a_foreign_word_is_found(void **state)
{
	struct prose_hit hit;

	assert_true(cyrillic("The \u0434\u043e\u043c is red", "Which?", &hit));
	assert_int_equal(hit.from, 4);
	assert_int_equal(hit.n, 6);
	assert_true(cyrillic("\u5929\u6c14\u0438\u5f88\u597d", "Hi", &hit));
	assert_true(cyrillic("(\u0434\u043e\u043c) and \u0434\u043e\u043c",
			     "Hi", &hit));
	assert_int_equal(hit.from, 13);
	assert_false(
		cyrillic("Tolstoy (\u041b\u0435\u0432 \u0422\u043e\u043b) x",
			 "Who?", &hit));
	assert_false(
		cyrillic("say `\u0434\u043e\u043c`, \"\u0434\u043e\u043c\"",
			 "Who?", &hit));
	assert_false(cyrillic("\u0434\u043e\u043c", "\u0434\u0430", &hit));
	assert_false(cyrillic("\u0434\u043e\u043c", "In Russian?", &hit));
	assert_false(cyrillic("d\xd0", "Hi", &hit));
	assert_false(cyrillic("plain", "Hi", &hit));
}

/* ---- runs of words ---- */

static bool runs(const char *text, const char *prompt, struct prose_hit *hit)
{
	struct str p;
	struct prose_prompt asked = prompt_of(&p, prompt);

	return prose_ngram(str_of(text), 3, 3, &asked, hit);
}

static void runs_of_words(void **state)
{
	struct prose_hit hit;

	assert_true(
		runs("So: the cat sat. The cat sat,\nand the CAT sat the cat "
		     "sat\r\n\r\nAnd the cat sat - the cat sat the cat sat; "
		     "the cat sat",
		     "Hi", &hit));
	assert_int_equal(hit.times, 8);
	assert_int_equal(hit.n, 11);
	assert_true(
		runs("First we then measure apples, and we then measure "
		     "bread. Later we then measure cheese; by noon we then "
		     "measure dates, at one we then measure eggs, at two we "
		     "then measure figs, at three we then measure grapes. "
		     "Tired, we then measure honey.",
		     "Hi", &hit));
	assert_false(runs("the cat sat the cat sat the cat sat the cat sat the "
			  "cat sat the cat sat the cat sat the cat ran",
			  "Hi", &hit));
	assert_false(
		runs("no no no no no no no no no no no no no no no no no no"
		     " no no no no no no no no no no no no no no no no no",
		     "Hi", &hit));
	assert_false(
		runs("We shall fight on the beaches, we shall fight on the "
		     "landing grounds, we shall fight in the fields and in "
		     "the streets, we shall fight in the hills",
		     "Hi", &hit));
	assert_false(runs("the cat sat the cat sat the cat sat the cat sat the "
			  "cat sat the cat sat the cat sat the cat sat",
			  "Say: the cat sat", &hit));
}

static void tables_and_code_are_no_runs(void **state)
{
	static const char *const rows[] = {
		"| a b c ", "a b c = ",	   "a b c `x` ",
		"`a b c `", "    a b c\n", "a, b, c 1 "};
	struct prose_hit hit;
	struct buf b = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b.n = 0;
		for (unsigned k = 0; k < 20; k++)
			buf_adds(&b, str_of(rows[i]));
		buf_addc(&b, '\0');
		assert_false(runs(b.p, "Hi", &hit));
	}
	buf_free(&b);
}

/* ---- hostile texts ---- */

static void all_of_them(struct str text)
{
	struct str asked = STR("Hi, what is the weather?");
	struct prose_prompt prompt = {&asked, 1};
	struct prose_hit hit;

	prose_marker(text, markers, MARKERS, &prompt, &hit);
	prose_loop(text, &prompt, &hit);
	prose_drift(text, &prompt, &hit);
	prose_script(text, 0x400, 0x4ff, &prompt, &hit);
	prose_ngram(text, 3, 3, &prompt, &hit);
}

/* Each as slow as it can be made: the time is in proportion to the bytes. */
static void hostile_texts_take_no_time(void **state)
{
	static const char *const units[] = {
		"<|",
		"<|im_start|",
		"`",
		"` `` ",
		"` `` ``` ```` `````  ",
		"```\n\n",
		"\n",
		"a\n",
		"    \n",
		" ",
		"(\u0434",
		"\u0434",
		"\u0434 ",
		"a",
		"ab ",
		"aab",
		"one two three ",
		"\xf0",
		"\xe4\xb8",
		"\u4e2d",
		"1. - > ",
		"> ",
		"| ",
		"\"<think>\"",
		"a\u0120",
	};
	enum { SIZE = 1 << 20 };
	struct buf b = {0};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);

		b.n = 0;
		while (b.n < SIZE)
			buf_adds(&b, str_of(units[i]));
		all_of_them(buf_str(&b));
		/* Sanitizers are 20 times slower than what is promised. */
		assert_in_range(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start, 0,
				2 * NS_PER_S);
	}
	buf_free(&b);
}

static void cut_texts_and_garbage_are_safe(void **state)
{
	static const char text[] =
		"a ```\n<think>` "
		"\xd0\xd0\xb4\xe4\xb8\xad\xf0\x9f\x98\x80\n~~~\n"
		"> 1. ```` x\n````\n\u201c<think>\u201d \u0120\xc4 \xe2\x80";
	struct buf b = {0};
	unsigned seed = 1;

	for (size_t from = 0; from < sizeof(text); from++)
		for (size_t n = 0; from + n < sizeof(text); n++) {
			b.n = 0;
			buf_add(&b, text + from, n);
			all_of_them(buf_str(&b));
		}
	for (size_t round = 0; round < 300; round++) {
		b.n = 0;
		for (size_t i = 0; i < 500; i++) {
			seed = seed * 1664525u + 1013904223u;
			buf_addc(&b,
				 round % 2
					 ? (char)(seed >> 24)
					 : "`<|>\n ~a\xd0\xb4"[seed >> 24 & 7]);
		}
		all_of_them(buf_str(&b));
	}
	all_of_them((struct str){NULL, 0});
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markers_that_are_said_are_found),
		cmocka_unit_test(markers_that_are_written_about_are_not),
		cmocka_unit_test(loops_are_found),
		cmocka_unit_test(honest_repetition_is_no_loop),
		cmocka_unit_test(drift_is_found),
		cmocka_unit_test(honest_languages_are_no_drift),
		cmocka_unit_test(romanised_beside_english_is_silent),
		cmocka_unit_test(a_foreign_word_is_found),
		cmocka_unit_test(runs_of_words),
		cmocka_unit_test(tables_and_code_are_no_runs),
		cmocka_unit_test(hostile_texts_take_no_time),
		cmocka_unit_test(cut_texts_and_garbage_are_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
