/* SPDX-License-Identifier: MIT */
#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/nearest.h"

static const struct option_def defs[] = {
	{"upstream", OPTION_TEXT, "[NAME=]URL", NULL, OPTION_REPEAT,
	 "Where requests go."},
	{"upstream-http", OPTION_CHOICE, "auto|1.1|2", "auto", 0, "Which."},
	{"listen", OPTION_TEXT, "ADDR:PORT", "127.0.0.1:8787", OPTION_REPEAT,
	 "Where clients connect."},
	{"trail", OPTION_PATH, "FILE", "assay.db", 0, "Where it records."},
	{"workers", OPTION_COUNT, "N", "1", 0, "Threads."},
	{"spool-size", OPTION_SIZE, "SIZE", NULL, 0, "The ring."},
	{"drain", OPTION_DURATION, "TIME", "10s", 0, "How long."},
	{"quiet", OPTION_FLAG, NULL, NULL, 0, "Errors only."},
	{"config", OPTION_PATH, "FILE", NULL, OPTION_LINE_ONLY, "A file."},
	{0}};

struct fixture {
	struct options *o;
	struct fail f;
	char path[64];
};

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);

	x->o = options_new();
	options_add(x->o, defs, "Test");
	strcpy(x->path, "/tmp/assay-options-XXXXXX");
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	options_free(x->o);
	unlink(x->path);
	free(x);
	return 0;
}

/* The words of `line`, which ends with NULL. */
static bool parse(struct fixture *x, char **line)
{
	int n = 0;

	while (line[n])
		n++;
	return options_parse(x->o, n, line, &x->f);
}

#define LINE(...) ((char *[]){__VA_ARGS__, NULL})

static bool config(struct fixture *x, const char *text)
{
	int fd = mkstemp(x->path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return options_config(x->o, x->path, &x->f);
}

static void presets_hold(void **state)
{
	struct fixture *x = *state;
	const char *const *v;

	assert_true(options_parse(x->o, 0, NULL, &x->f));
	assert_string_equal(options_text(x->o, "trail"), "assay.db");
	assert_int_equal(options_list(x->o, "listen", &v), 1);
	assert_string_equal(v[0], "127.0.0.1:8787");
	assert_int_equal(options_list(x->o, "upstream", &v), 0);
	assert_null(options_text(x->o, "upstream"));
	assert_int_equal(options_number(x->o, "workers"), 1);
	assert_int_equal(options_number(x->o, "spool-size"), 0);
	assert_int_equal(options_number(x->o, "drain"), 10 * NS_PER_S);
	assert_false(options_flag(x->o, "quiet"));
	assert_false(options_given(x->o, "trail"));
}

static void both_spellings(void **state)
{
	struct fixture *x = *state;
	const char *const *v;

	assert_true(parse(x, LINE("--trail", "a.db", "--workers=3", "--quiet",
				  "--upstream=a=http://a", "--upstream",
				  "http://b", "--drain=250ms")));
	assert_string_equal(options_text(x->o, "trail"), "a.db");
	assert_int_equal(options_number(x->o, "workers"), 3);
	assert_true(options_flag(x->o, "quiet"));
	assert_int_equal(options_list(x->o, "upstream", &v), 2);
	assert_string_equal(v[0], "a=http://a");
	assert_string_equal(v[1], "http://b");
	assert_int_equal(options_number(x->o, "drain"), 250 * NS_PER_MS);
	assert_true(options_given(x->o, "trail"));
}

static void the_last_one_counts(void **state)
{
	struct fixture *x = *state;

	assert_true(parse(x, LINE("--trail", "a", "--trail", "b", "--quiet",
				  "--quiet=false")));
	assert_string_equal(options_text(x->o, "trail"), "b");
	assert_false(options_flag(x->o, "quiet"));
}

static void refuse(struct fixture *x, char **line, const char *code,
		   const char *text)
{
	assert_false(parse(x, line));
	assert_string_equal(x->f.code, code);
	assert_string_equal(x->f.text, text);
}

static void errors_teach(void **state)
{
	struct fixture *x = *state;

	refuse(x, LINE("--upsteam", "x"), "bad_option",
	       "unknown option --upsteam: did you mean --upstream?");
	refuse(x, LINE("--upsteam=http://secret"), "bad_option",
	       "unknown option --upsteam: did you mean --upstream?");
	refuse(x, LINE("-trail"), "bad_option",
	       "unknown option -trail: did you mean --trail?");
	refuse(x, LINE("--zzzzzz"), "bad_option",
	       "unknown option --zzzzzz: --help lists them all");
	refuse(x, LINE("--trail"), "missing_value",
	       "--trail needs a value: --trail FILE");
	refuse(x, LINE("--trail", "--quiet"), "missing_value",
	       "--trail needs a value: --trail FILE");
	refuse(x, LINE("--trail="), "missing_value",
	       "--trail needs a value: --trail FILE");
	refuse(x, LINE("--workers", "two"), "bad_value",
	       "--workers: \"two\" is not a whole number");
	refuse(x, LINE("--workers", "-1"), "bad_value",
	       "--workers: \"-1\" is not a whole number");
	refuse(x, LINE("--upstream-http", "3"), "bad_value",
	       "--upstream-http: \"3\" is none of auto|1.1|2");
	refuse(x, LINE("--quiet=maybe"), "bad_value",
	       "--quiet: \"maybe\" is neither true nor false");
	refuse(x, LINE("stray"), "bad_option",
	       "unexpected argument \"stray\": options begin with --");
}

struct number {
	const char *text;
	bool ok;
	uint64_t n;
};

static void numbers(struct fixture *x, const char *name,
		    const struct number *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char arg[80];
		bool ok;

		snprintf(arg, sizeof arg, "--%s=%s", name, all[i].text);
		ok = parse(x, LINE(arg));
		if (ok != all[i].ok)
			fail_msg("%s: %s", arg, ok ? "taken" : x->f.text);
		if (ok)
			assert_int_equal(options_number(x->o, name), all[i].n);
	}
}

static void sizes(void **state)
{
	static const struct number all[] = {
		{"512", true, 512},
		{"64K", true, 65536},
		{"64k", true, 65536},
		{"64M", true, 64u << 20},
		{"64MiB", true, 64u << 20},
		{"2G", true, 2ull << 30},
		{"64X", false, 0},
		{"64MB", false, 0},
		{"M", false, 0},
		{"1.5M", false, 0},
		{"-1", false, 0},
		{" 1", false, 0},
		{"0x10", false, 0},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"18446744073709551615G", false, 0},
	};

	numbers(*state, "spool-size", all, sizeof all / sizeof all[0]);
}

static void durations(void **state)
{
	static const struct number all[] = {
		{"10", true, 10 * NS_PER_S},
		{"10s", true, 10 * NS_PER_S},
		{"250ms", true, 250 * NS_PER_MS},
		{"7us", true, 7 * NS_PER_US},
		{"5m", true, 300 * NS_PER_S},
		{"2h", true, 7200 * NS_PER_S},
		{"0", true, 0},
		{"0.5", true, NS_PER_S / 2},
		{"1.25h", true, 4500 * NS_PER_S},
		{"1.", false, 0},
		{".5", false, 0},
		{"1.5.5", false, 0},
		{"1.0000000000", false, 0},
		{"1d", false, 0},
		{"forever", false, 0},
		{"18446744073s", true, 18446744073ull * NS_PER_S},
		{"18446744074s", false, 0},
		{"99999999999999999999h", false, 0},
	};

	numbers(*state, "drain", all, sizeof all / sizeof all[0]);
}

static void arguments(void **state)
{
	struct fixture *x = *state;
	const char *const *v;

	options_positional(x->o, 1, 2, "ID [ID]");
	refuse(x, LINE("--quiet"), "missing_value",
	       "an argument is missing: ID [ID]");
	assert_true(parse(x, LINE("7", "--quiet", "--", "--trail")));
	assert_int_equal(options_args(x->o, &v), 2);
	assert_string_equal(v[0], "7");
	assert_string_equal(v[1], "--trail");
	refuse(x, LINE("8"), "bad_option",
	       "unexpected argument \"8\": wanted is only ID [ID]");
}

static void line_wins_over_file(void **state)
{
	struct fixture *x = *state;
	const char *const *v;

	assert_true(config(x, "{\"trail\": \"file.db\", \"workers\": 4,\n"
			      " \"listen\": [\"[::1]:1\", \"[::1]:2\"],\n"
			      " \"upstream\": \"http://one\",\n"
			      " \"drain\": 0.5, \"quiet\": true,\n"
			      " \"upstream-http\": 1.1}\n"));
	assert_true(parse(x, LINE("--trail=line.db", "--listen=[::1]:3",
				  "--quiet=false")));
	assert_string_equal(options_text(x->o, "trail"), "line.db");
	assert_int_equal(options_number(x->o, "workers"), 4);
	assert_int_equal(options_number(x->o, "drain"), NS_PER_S / 2);
	assert_int_equal(options_list(x->o, "listen", &v), 1);
	assert_string_equal(v[0], "[::1]:3");
	assert_int_equal(options_list(x->o, "upstream", &v), 1);
	assert_string_equal(options_text(x->o, "upstream-http"), "1.1");
	assert_false(options_flag(x->o, "quiet"));
}

static void refuse_config(const char *text, const char *sentence)
{
	struct fixture *x;
	void *state;

	set_up(&state);
	x = state;
	assert_false(config(x, text));
	assert_string_equal(x->f.code, "bad_config");
	assert_memory_equal(x->f.text, x->path, strlen(x->path));
	assert_string_equal(x->f.text + strlen(x->path), sentence);
	tear_down(&state);
}

static void config_errors_have_lines(void **state)
{
	const char *syntax =
		": not valid JSON (no comments, no comma at the end)";
	char text[120];

	snprintf(text, sizeof text, ", line 3%s", syntax);
	refuse_config("{\n \"workers\": 1\n \"trail\": 2}", text);
	snprintf(text, sizeof text, ", line 1%s", syntax);
	refuse_config("", text);
	refuse_config("[]", ", line 1: wanted is one JSON object");
	refuse_config("{\n\"listen\": [\"a,\\\"b\", \"c\"],\n\n\"trial\": 1}",
		      ", line 4: \"trial\": unknown option: "
		      "did you mean \"trail\"?");
	refuse_config("{\"qqqqqqq\": 1}",
		      ", line 1: \"qqqqqqq\": unknown option");
	refuse_config("{\n\"workers\": -2}",
		      ", line 2: \"workers\": \"-2\" is not a whole number");
	refuse_config("{\"workers\": 1.5}",
		      ", line 1: \"workers\": \"1.5\" is not a whole number");
	refuse_config("{\"trail\": [\"a\"]}",
		      ", line 1: \"trail\": takes one value, not a list");
	refuse_config("{\"trail\": null}",
		      ", line 1: \"trail\": wanted is a string or a number");
	refuse_config("{\"quiet\": \"true\"}",
		      ", line 1: \"quiet\": wanted is true or false");
	refuse_config("{\"trail\": \"a\",\n\"trail\": \"b\"}",
		      ", line 2: \"trail\": is there twice");
	refuse_config("{\"config\": \"a\"}",
		      ", line 1: \"config\": only the command line can have "
		      "this");
}

static void config_must_be_there(void **state)
{
	struct fixture *x = *state;

	assert_false(options_config(x->o, "/nonexistent/x.json", &x->f));
	assert_string_equal(x->f.text, "--config: cannot open "
				       "/nonexistent/x.json: No such file or "
				       "directory");
	assert_false(options_config(x->o, "/tmp", &x->f));
	assert_string_equal(x->f.text,
			    "--config: cannot read /tmp: Is a directory");
	assert_false(options_config(x->o, "/dev/zero", &x->f));
	assert_string_equal(x->f.text,
			    "--config: /dev/zero is larger than 1 MiB");
}

static void help_is_asked_for_anywhere(void **state)
{
	struct fixture *x = *state;

	assert_true(parse(x, LINE("--bogus", "--help")));
	assert_true(options_wants_help(x->o));
	assert_false(parse(x, LINE("--", "--help")));
	assert_false(options_wants_help(x->o));
}

static size_t widest(const char *text)
{
	size_t most = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");

		most = n > most ? n : most;
		text += n + (text[n] == '\n');
	}
	return most;
}

static void help_fits_its_width(void **state)
{
	struct fixture *x = *state;
	unsigned widths[] = {20, 40, 60, 80};

	for (unsigned i = 0; i < 4; i++) {
		char *text = NULL;
		size_t n;
		FILE *out = open_memstream(&text, &n);

		options_help(x->o, out, widths[i], "assay test [OPTION]...",
			     "Tries out what options are good for when the "
			     "line is too long for the terminal.",
			     "  assay test --trail x.db");
		fclose(out);
		assert_in_range(widest(text), 1,
				widths[i] < 40 ? 40 : widths[i]);
		assert_non_null(strstr(text, "  --upstream [NAME=]URL"));
		assert_non_null(strstr(text, "\n  assay test --trail x.db\n"));
		free(text);
	}
}

static void markdown_escapes_bars(void **state)
{
	struct fixture *x = *state;
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	options_markdown(x->o, out);
	fclose(out);
	assert_non_null(strstr(text, "| Test | default | |\n|---|---|---|\n"
				     "| `--upstream [NAME=]URL` |  | Where "
				     "requests go. May be given several times. "
				     "|\n| `--upstream-http auto\\|1.1\\|2` | "
				     "`auto` | Which. |\n"));
	free(text);
}

static void nearest_is_near(void **state)
{
	static const char *const names[] = {"status", "reload", "drain",
					    "redact"};

	assert_string_equal(nearest_name(STR("stauts"), names, 4), "status");
	assert_string_equal(nearest_name(STR("re"), names, 4), "reload");
	assert_string_equal(nearest_name(STR("drian"), names, 4), "drain");
	assert_null(nearest_name(STR("x"), names, 4));
	assert_null(nearest_name(STR(""), names, 4));
	assert_null(nearest_name(STR("certainly-none-of-them"), names, 4));
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(presets_hold),
		CASE(both_spellings),
		CASE(the_last_one_counts),
		CASE(errors_teach),
		CASE(sizes),
		CASE(durations),
		CASE(arguments),
		CASE(line_wins_over_file),
		cmocka_unit_test(config_errors_have_lines),
		CASE(config_must_be_there),
		CASE(help_is_asked_for_anywhere),
		CASE(help_fits_its_width),
		CASE(markdown_escapes_bars),
		cmocka_unit_test(nearest_is_near),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
