/* SPDX-License-Identifier: MIT */
/* The commands on a real trail that holds one of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "print/text.h"
#include "reading.h"
#include "replay/replay.h"
#include "sample_trail.h"

enum { PLAIN = 300, ALL = SAMPLE_LAST + PLAIN };

/* What a command said and how it ended. */
struct said {
	char *out, *err;
	size_t n;
	int status;
};

static char folder[] = "/tmp/assay-replay-XXXXXX";
static char trail[64], other[64];

static void said_free(struct said *s)
{
	free(s->out);
	free(s->err);
}

/* Runs a command line with stdout and stderr in memory. */
static struct said run(const char *line)
{
	char *copy = str_dup(str_of(line)), *argv[20] = {"replay"};
	int argc = 1, out = dup(1), err = dup(2);
	int o = memfd_create("out", 0), e = memfd_create("err", 0);
	struct said s;

	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		argv[argc++] = strcmp(w, "TRAIL") == 0	 ? trail
			       : strcmp(w, "OTHER") == 0 ? other
							 : w;
	fflush(NULL);
	dup2(o, 1);
	dup2(e, 2);
	s.status = replay_main(argc, argv);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	s.out = reading_slurp(o, &s.n);
	s.err = reading_slurp(e, NULL);
	free(copy);
	return s;
}

/* Runs it, and the error must hold these words. */
static void refuses(const char *line, const char *code, const char *words)
{
	struct said s = run(line);

	assert_int_equal(s.status, 2);
	assert_string_equal(s.out, "");
	assert_non_null(strstr(s.err, code));
	assert_non_null(strstr(s.err, words));
	said_free(&s);
}

/* "1 5 7": the ids that `ls --json ARGS` gives. */
static void lists(const char *args, const char *expected)
{
	char line[200], ids[4000] = "";
	struct said s;

	snprintf(line, sizeof line, "ls --json --trail TRAIL %s", args);
	s = run(line);
	assert_int_equal(s.status, 0);
	for (char *l = strtok(s.out, "\n"); l; l = strtok(NULL, "\n")) {
		cJSON *x = cJSON_Parse(l);
		assert_non_null(x);
		snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s%d",
			 *ids ? " " : "",
			 cJSON_GetObjectItem(x, "id")->valueint);
		cJSON_Delete(x);
	}
	assert_string_equal(ids, expected);
	said_free(&s);
}

static unsigned count_lines(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

/* ---- ls ---- */

static void a_row_says_all_of_it(void **state)
{
	struct said s = run("ls --json --trail TRAIL --limit 306");

	s.out[strchr(s.out, '\n') - s.out] = '\0';
	assert_string_equal(
		s.out,
		"{\"id\":2,\"parent\":null,\"kind\":\"client\",\"route\":"
		"\"default\",\"method\":\"GET\",\"path\":\"/v1/models\","
		"\"status\":200,\"outcome\":\"complete\",\"started\":"
		"\"2027-01-15T08:00:01.000000000Z\",\"first_byte_ns\":300000000"
		",\"duration_ns\":700100000,\"added_ns\":41000,"
		"\"request_bytes\":0,\"response_bytes\":55,\"chunks\":1}");
	said_free(&s);
}

static void filters_narrow_it_down(void **state)
{
	lists("--limit 2", "306 307");
	lists("--status 502", "4");
	lists("--status 5xx", "4");
	lists("--outcome truncated", "5");
	lists("--outcome open", "7");
	lists("--outcome open --limit 1", "7");
	lists("--route other", "4");
	lists("--kind replay", "5");
	lists("--path /v1/*", "1 2 4 5 7");
	lists("--path /v1/* --limit 2", "5 7");
	lists("--path /nothing", "");
	lists("--since 2027-01-15T08:05:06Z", "307");
	lists("--since 2027-01-15T08:05:06.000000001Z", "");
}

static void all_pages_come_in_order(void **state)
{
	struct said s = run("ls --json --trail TRAIL");
	char *line = s.out;

	assert_int_equal(count_lines(s.out), ALL);
	for (int id = 1; id <= ALL; id++) {
		assert_int_equal(atoi(line + strlen("{\"id\":")), id);
		line = strchr(line, '\n') + 1;
	}
	said_free(&s);
}

static void several_trails_are_merged(void **state)
{
	struct said s = run("ls --trail TRAIL --trail OTHER --limit 310 "
			    "--json");
	char *line = strtok(s.out, "\n"), *before = NULL;
	unsigned n = 0, mine = 0;

	for (; line; line = strtok(NULL, "\n"), n++) {
		char *at = strstr(line, "\"started\"");
		assert_non_null(strstr(line, "{\"trail\":\"/tmp/"));
		mine += strstr(line, trail) != NULL;
		if (before)
			assert_true(strncmp(before, at, 40) <= 0);
		before = at;
	}
	assert_int_equal(n, 310);
	assert_true(mine > 300 && mine < 310);
	said_free(&s);
}

static void a_table_for_a_pipe(void **state)
{
	struct said s = run("ls --trail TRAIL --path /v1/*");

	assert_int_equal(count_lines(s.out), 6);
	assert_null(strchr(s.out, '\x1b'));
	assert_memory_equal(s.out, "id  parent  started", 19);
	assert_non_null(strstr(s.out, "truncated"));
	assert_non_null(strstr(s.out, " open "));
	assert_non_null(strstr(s.out, "2027-01-15T08:00:00.000000000Z"));
	assert_non_null(strstr(s.out, "  /v1/chat/completions?stream=1\n"));
	said_free(&s);
}

/* ---- show ---- */

static void holds(const struct said *s, const char *words)
{
	if (!strstr(s->out, words))
		fail_msg("not shown: %s\nin:\n%s", words, s->out);
}

static void a_stream_is_laid_out(void **state)
{
	struct said s = run("show 1 --trail TRAIL");

	assert_int_equal(s.status, 0);
	holds(&s, "exchange 1  POST /v1/chat/completions?stream=1\n");
	holds(&s, "200 complete");
	holds(&s, "TLSv1.3 TLS_AES_256_GCM_SHA384, ALPN h2");
	holds(&s, "chain sha256 abab");
	holds(&s, "      \"content\": \"\u4f60\u597d\"");
	holds(&s, "+312ms  data: {\"n\":0,\"text\":\"word 0\"}\n");
	holds(&s, "+692ms  data: {\"n\":19,\"text\":\"word 19\"}\n");
	holds(&s, "20 events\n");
	holds(&s, "response interim head, +250ms");
	holds(&s, "x-checksum: 77");
	holds(&s, "+300ms  response head arrived");
	holds(&s, "20 arrivals");
	said_free(&s);
}

static void codings_are_undone(void **state)
{
	struct said s = run("show 2 --response --trail TRAIL");

	holds(&s, "35 B (gzip: 55 B on the wire)");
	holds(&s, "  \"ok\": true,\n");
	holds(&s, "    2.50\n");
	assert_null(strstr(s.out, "GET /v1/models"));
	said_free(&s);
}

static void nothing_untamed(const char *line)
{
	struct said s = run(line);

	for (struct str rest = {s.out, s.n}; rest.n;) {
		struct text_rune r = text_next(rest);

		assert_true(r.ok);
		assert_true(r.cp == '\n' || !text_is_control(r.cp));
		rest = str_skip(rest, r.n);
	}
	assert_int_equal(s.status, 0);
	said_free(&s);
}

static void evil_text_is_tamed(void **state)
{
	struct said s = run("show 3 --trail TRAIL");

	holds(&s, "00000000  1b 5d 30 3b");
	holds(&s, "binary, 23 bytes");
	said_free(&s);
	nothing_untamed("show 3 --trail TRAIL");
	nothing_untamed("show 3 --trail TRAIL --head");
	nothing_untamed("show 3 --trail TRAIL --json");
	nothing_untamed("ls --trail TRAIL");
	nothing_untamed("ls --trail TRAIL --json");
}

static void raw_is_exact(void **state)
{
	struct said s = run("show 3 --raw --trail TRAIL");

	assert_int_equal(s.n, sizeof SAMPLE_EVIL_BODY - 1);
	assert_memory_equal(s.out, SAMPLE_EVIL_BODY, s.n);
	assert_string_equal(s.err, "");
	said_free(&s);
	s = run("show 4 --raw --request --trail TRAIL");
	assert_string_equal(s.out, "{}");
	said_free(&s);
	s = run("show 2 --raw --request --head --trail TRAIL");
	assert_string_equal(s.out, "GET /v1/models HTTP/1.1\r\n"
				   "Host: api.vendor.example\r\n"
				   "Content-Type: application/json\r\n\r\n");
	said_free(&s);
	s = run("show 1 --raw --head --trail TRAIL");
	assert_string_equal(s.out, ":status: 200\r\n"
				   "content-type: text/event-stream\r\n\r\n");
	said_free(&s);
}

static void what_is_not_exact_is_said(void **state)
{
	struct said s = run("show 5 --raw --trail TRAIL");

	assert_string_equal(s.out, "before after\n");
	assert_non_null(strstr(s.err, "except for 1 fingerprinted"));
	assert_non_null(strstr(s.err, "100 bytes are missing in 1 gap"));
	said_free(&s);
	s = run("show 5 --trail TRAIL");
	holds(&s, "replay of exchange 1");
	holds(&s, "100 B of the response at 6 were not recorded: the spool "
		  "was full");
	holds(&s, "secrets");
	said_free(&s);
	s = run("show 7 --trail TRAIL --raw");
	assert_string_equal(s.out, "data: 1\n\ndata: 2");
	assert_non_null(strstr(s.err, "open"));
	said_free(&s);
	s = run("show 7 --trail TRAIL");
	holds(&s, "2 events; the last is cut off");
	said_free(&s);
}

static void a_bomb_is_cut_and_said(void **state)
{
	struct said s = run("show 6 --response --trail TRAIL");

	holds(&s, "decompression bomb");
	assert_true(s.n < 3 << 20);
	said_free(&s);
	s = run("show 6 --response --trail TRAIL --max-decoded 1000");
	holds(&s, "cut after 1,000 decoded bytes: --max-decoded allows more");
	said_free(&s);
}

static void json_holds_everything(void **state)
{
	struct said s = run("show 1 --json --trail TRAIL");
	cJSON *x = cJSON_Parse(s.out), *r = cJSON_GetObjectItem(x, "response");
	cJSON *times = cJSON_GetObjectItem(r, "timeline");
	cJSON *body = cJSON_GetObjectItem(r, "body");

	assert_non_null(x);
	assert_int_equal(count_lines(s.out), 1);
	assert_int_equal(cJSON_GetArraySize(times), SAMPLE_EVENTS);
	assert_int_equal(
		cJSON_GetArrayItem(cJSON_GetArrayItem(times, 1), 0)->valueint,
		332400000);
	assert_memory_equal(cJSON_GetObjectItem(body, "text")->valuestring,
			    "data: {\"n\":0,", 13);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(r, "heads")),
			 3);
	cJSON_Delete(x);
	said_free(&s);
	s = run("show 3 --json --response --trail TRAIL");
	x = cJSON_Parse(s.out);
	r = cJSON_GetObjectItem(x, "response");
	body = cJSON_GetObjectItem(r, "body");
	assert_string_equal(cJSON_GetObjectItem(body, "encoding")->valuestring,
			    "base64");
	assert_string_equal(cJSON_GetObjectItem(body, "base64")->valuestring,
			    "G10wO293bmVkBxtbMkqbMzFtAH/igK4=");
	assert_null(cJSON_GetObjectItem(x, "request"));
	cJSON_Delete(x);
	said_free(&s);
}

static void timing_lists_arrivals(void **state)
{
	struct said s = run("show 1 --timing --response --trail TRAIL");

	holds(&s, "   332400000         20.0ms");
	assert_null(strstr(s.out, "data:"));
	assert_null(strstr(s.out, "content-type"));
	said_free(&s);
}

/* ---- verify, and what goes wrong ---- */

static void a_whole_trail_verifies(void **state)
{
	struct said s = run("verify --trail TRAIL --trail OTHER");

	assert_int_equal(s.status, 0);
	holds(&s, "nothing is missing or altered");
	holds(&s, "307 exchanges");
	holds(&s, "signed by ");
	said_free(&s);
	s = run("verify --trail TRAIL --json");
	assert_int_equal(s.status, 0);
	holds(&s, "\"defects\":[],\"ok\":true,\"defects_found\":0,"
		  "\"exchanges\":307");
	said_free(&s);
}

/* Flips a bit in the middle of the file: inside of some frame. */
static void damage(const char *path)
{
	FILE *f = fopen(path, "r+b");
	long at;
	int c;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	at = ftell(f) / 2;
	fseek(f, at, SEEK_SET);
	c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ 0x10, f);
	fclose(f);
}

static void damage_is_found(void **state)
{
	char path[64];
	struct said s;
	char line[100];

	snprintf(path, sizeof path, "%s/damaged.db", folder);
	sample_trail_make(path, 50);
	damage(path);
	snprintf(line, sizeof line, "verify --trail %s", path);
	s = run(line);
	assert_int_equal(s.status, 1);
	holds(&s, "damaged.db: ");
	holds(&s, "defect");
	said_free(&s);
}

static void mistakes_are_explained(void **state)
{
	refuses("", "usage", "ls");
	refuses("lst", "bad_command", "did you mean ls?");
	refuses("ls --trail /tmp/no/such.db", "trail_missing",
		"start `assay proxy` first");
	refuses("show 1 --trail /tmp/no/such.db", "trail_missing", "such.db");
	refuses("verify --trail /tmp/no/such.db", "trail_missing", "such.db");
	refuses("show 9999 --trail TRAIL", "no_such_exchange", "9999");
	refuses("show --trail TRAIL", "missing_value", "ID");
	refuses("show x --trail TRAIL", "bad_value", "`assay replay ls`");
	refuses("show 0 --trail TRAIL", "bad_value", "number");
	refuses("show 1 2 --trail TRAIL", "bad_option", "2");
	refuses("show 1 --raw --json --trail TRAIL", "bad_option", "--json");
	refuses("show 1 --raw --request --response --trail TRAIL", "bad_option",
		"one side");
	refuses("show 1 --timing --head --trail TRAIL", "bad_option",
		"--timing");
	refuses("ls --trial TRAIL", "bad_option", "--trail");
	refuses("ls --since whenever", "bad_value", "10m");
	refuses("ls --status 9", "bad_value", "4xx");
	refuses("ls --outcome fine", "bad_value", "truncated");
	refuses("ls --kind fine", "bad_value", "canary");
	refuses("ls --limit -1", "limit", "whole number");
}

static void help_teaches(void **state)
{
	static const char *const lines[] = {"--help", "ls --help",
					    "show --help", "verify --help"};

	for (unsigned i = 0; i < 4; i++) {
		struct said s = run(lines[i]);
		char *line;

		assert_int_equal(s.status, 0);
		holds(&s, "examples:");
		for (line = strtok(s.out, "\n"); line;
		     line = strtok(NULL, "\n"))
			assert_true(strlen(line) <= 80);
		said_free(&s);
	}
}

static int make(void **state)
{
	assert_non_null(mkdtemp(folder));
	snprintf(trail, sizeof trail, "%s/a.db", folder);
	snprintf(other, sizeof other, "%s/b.db", folder);
	sample_trail_make(trail, PLAIN);
	sample_trail_make(other, 0);
	return 0;
}

static int clear(void **state)
{
	char line[100];

	snprintf(line, sizeof line, "rm -r %s", folder);
	return system(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_says_all_of_it),
		cmocka_unit_test(filters_narrow_it_down),
		cmocka_unit_test(all_pages_come_in_order),
		cmocka_unit_test(several_trails_are_merged),
		cmocka_unit_test(a_table_for_a_pipe),
		cmocka_unit_test(a_stream_is_laid_out),
		cmocka_unit_test(codings_are_undone),
		cmocka_unit_test(evil_text_is_tamed),
		cmocka_unit_test(raw_is_exact),
		cmocka_unit_test(what_is_not_exact_is_said),
		cmocka_unit_test(a_bomb_is_cut_and_said),
		cmocka_unit_test(json_holds_everything),
		cmocka_unit_test(timing_lists_arrivals),
		cmocka_unit_test(a_whole_trail_verifies),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(help_teaches),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
