/* SPDX-License-Identifier: MIT */
/* Credentials never pass, whatever they are called and however they are cut;
 * everything else passes unchanged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/redact.h"

#define KEY "sk-proj-0123456789abcdefABCDEF/+xyz_0123456789-4321"

static char home[64];
static struct redact_rules *rules;
static struct redact_cache *cache;

static int set_up(void **state)
{
	static const char *const names[] = {"X-My-Secret", "sesame"};
	struct fail f;

	(void)state;
	snprintf(home, sizeof home, "/tmp/assay-redact-XXXXXX");
	assert_non_null(mkdtemp(home));
	setenv("XDG_DATA_HOME", home, 1);
	rules = redact_rules_new(names, 2, &f);
	if (!rules)
		fail_msg("%s", f.text);
	cache = redact_cache_new(rules);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	redact_cache_free(cache);
	redact_rules_free(rules);
	snprintf(command, sizeof command, "rm -rf '%s'", home);
	return system(command);
}

/* Does redacting `in` give `want`, in which "#" stands for fingerprints? */
static void head_gives(const char *in, const char *want)
{
	struct redact_set *set = redact_learn(cache, str_of(in));
	struct buf out = {0}, short_out = {0};
	unsigned n = redact_head(rules, set, str_of(in), &out), seen = 0;

	for (size_t i = 0; i < out.n; i++) {
		struct str rest = str_skip(buf_str(&out), i);
		if (str_starts(rest, STR(REDACT_PREFIX))) {
			buf_addc(&short_out, '#');
			i += REDACT_SIZE - 1;
			seen++;
		} else {
			buf_addc(&short_out, out.p[i]);
		}
	}
	buf_addc(&short_out, 0);
	assert_string_equal(short_out.p, want);
	assert_int_equal(n, seen);
	buf_free(&out);
	buf_free(&short_out);
	redact_unref(set);
}

static void by_name(void **state)
{
	(void)state;
	head_gives("POST /v1/x HTTP/1.1\r\nHost: h\r\n"
		   "Authorization: Bearer " KEY "\r\nAccept: */*\r\n\r\n",
		   "POST /v1/x HTTP/1.1\r\nHost: h\r\n"
		   "Authorization: Bearer #\r\nAccept: */*\r\n\r\n");
	head_gives(":method: GET\r\n:path: /m?key=AIzaABC&alt=sse\r\n"
		   "x-goog-api-key: AIzaDEF\r\n\r\n",
		   ":method: GET\r\n:path: /m?key=#&alt=sse\r\n"
		   "x-goog-api-key: #\r\n\r\n");
	head_gives("GET / HTTP/1.1\r\nauthorization:abc\r\nAPI-KEY:  d e \r\n"
		   "PROXY-Authorization: basic dXNlcjpwYXNz\r\n\r\n",
		   "GET / HTTP/1.1\r\nauthorization:#\r\nAPI-KEY:  # \r\n"
		   "PROXY-Authorization: basic #\r\n\r\n");
	head_gives("GET / HTTP/1.1\r\nCookie: a=12345678; b=\"xyz\"; c\r\n\r\n",
		   "GET / HTTP/1.1\r\nCookie: a=#; b=\"#\"; #\r\n\r\n");
	head_gives(
		"HTTP/1.1 200 OK\r\nSet-Cookie: s=v; Path=/; Secure\r\n\r\n",
		"HTTP/1.1 200 OK\r\nSet-Cookie: s=#; Path=/; Secure\r\n\r\n");
	head_gives("GET / HTTP/1.1\r\nSec-WebSocket-Protocol: realtime, "
		   "openai-insecure-api-key." KEY ", v1\r\n\r\n",
		   "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: realtime, "
		   "openai-insecure-api-key.#, v1\r\n\r\n");
	head_gives("GET http://me:pw@host/p?x=1 HTTP/1.1\r\n"
		   "Referer: https://u@h/?a=1&token=t#access_token=u\r\n\r\n",
		   "GET http://#@host/p?x=1 HTTP/1.1\r\n"
		   "Referer: https://#@h/?a=1&token=##access_token=#\r\n\r\n");
	head_gives("CONNECT me:pw@host:443 HTTP/1.1\r\n\r\n",
		   "CONNECT #@host:443 HTTP/1.1\r\n\r\n");
	head_gives("GET /?sesame=open&api%5Fkey=a&keys=b HTTP/1.1\r\n"
		   "x-my-secret: Token t\r\nx-my-secrets: t\r\n\r\n",
		   "GET /?sesame=#&api%5Fkey=#&keys=b HTTP/1.1\r\n"
		   "x-my-secret: Token #\r\nx-my-secrets: t\r\n\r\n");
	head_gives("HTTP/1.1 302 see a@b\r\nLocation: /x?sig=1&y=2\r\n\r\n",
		   "HTTP/1.1 302 see a@b\r\nLocation: /x?sig=#&y=2\r\n\r\n");
	head_gives("", "");
	head_gives("\r\n", "\r\n");
	head_gives("x-checksum: 1\r\n\r\n", "x-checksum: 1\r\n\r\n");
	/* By value too, under any name. */
	head_gives("GET / HTTP/1.1\r\nx-debug: k=" KEY "\r\n"
		   "Authorization: Bearer " KEY "\r\n\r\n",
		   "GET / HTTP/1.1\r\nx-debug: k=#\r\n"
		   "Authorization: Bearer #\r\n\r\n");
}

static void same_secret_same_fingerprint(void **state)
{
	char a[REDACT_SIZE], b[REDACT_SIZE];

	(void)state;
	redact_fingerprint(rules, STR(KEY), a);
	redact_fingerprint(rules, STR(KEY), b);
	assert_memory_equal(a, b, REDACT_SIZE);
	redact_fingerprint(rules, STR(KEY "x"), b);
	assert_memory_not_equal(a, b, REDACT_SIZE);
	assert_true(
		str_starts((struct str){a, REDACT_SIZE}, STR(REDACT_PREFIX)));
}

static struct redact_set *learn(const char *authorization)
{
	char head[512];

	snprintf(head, sizeof head,
		 "POST / HTTP/1.1\r\nAuthorization: %s\r\n\r\n", authorization);
	return redact_learn(cache, str_of(head));
}

/* Redacts in chunks that end where `cut` has a bit. */
static unsigned in_chunks(const struct redact_set *set, struct str text,
			  uint64_t cut, struct buf *out)
{
	struct redact_carry carry = {0};
	unsigned count = 0;
	size_t from = 0;

	for (size_t i = 1; i <= text.n; i++) {
		struct str chunk = {text.p + from, i - from};
		if (i < text.n && !(cut >> (i % 64) & 1))
			continue;
		if (redact_clean(set, &carry, chunk))
			buf_adds(out, chunk);
		else
			count += redact_data(set, &carry, chunk, false, out);
		from = i;
	}
	return count + redact_data(set, &carry, STR(""), true, out);
}

/*
 * Is `out` what `text` must become? Where a fingerprint stands, text has the
 * secret, of which up to 7 bytes may have been given out before.
 */
static bool faithful_from(struct str text, size_t t, struct str out,
			  struct str secret)
{
	size_t o = 0;

	while (o < out.n && !str_starts(str_skip(out, o), STR(REDACT_PREFIX))) {
		if (t == text.n || text.p[t] != out.p[o])
			return false;
		t++;
		o++;
	}
	if (o == out.n)
		return t == text.n;
	for (size_t given = 0; given <= 7 && given <= t; given++) {
		if (str_starts(str_skip(text, t - given), secret) &&
		    faithful_from(text, t + secret.n - given,
				  str_skip(out, o + REDACT_SIZE), secret))
			return true;
	}
	return false;
}

static bool faithful(struct str text, struct str out, struct str secret)
{
	return faithful_from(text, 0, out, secret) &&
	       !(out.n && memmem(out.p, out.n, secret.p, secret.n));
}

static void across_chunks(void **state)
{
	static const char *const texts[] = {
		"{\"error\":\"bad key " KEY " given\"}",
		KEY KEY,
		"sk-proj-0123456789abcdef" KEY,
		"sk-proj-0123456789abcdeg and sk-proj- and sk-p",
		"sk-sk-sk-sk-proj-" KEY "sk-proj-0123",
		"x" KEY,
		"no secret at all in here, really",
	};
	struct redact_set *set = learn("Bearer " KEY);

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		for (int round = 0; round < 3000; round++) {
			uint64_t cut = (uint64_t)rand() << 33 ^
				       (uint64_t)rand() << 13 ^
				       (uint64_t)rand();
			struct buf out = {0};
			if (round % 3 == 0)
				cut &= (uint64_t)rand() << 31 ^
				       (uint64_t)rand();
			if (round < 2)
				cut = round ? UINT64_MAX : 0;
			in_chunks(set, str_of(texts[i]), cut, &out);
			if (!faithful(str_of(texts[i]), buf_str(&out),
				      STR(KEY)))
				fail_msg("%s cut %llx: %.*s", texts[i],
					 (unsigned long long)cut, (int)out.n,
					 out.p);
			buf_free(&out);
		}
	}
	redact_unref(set);
}

/* Random texts of few letters, with a secret full of repetitions. None of the
 * letters stands in a fingerprint, which could else complete a secret. */
static void random_texts(void **state)
{
	static const char *const secrets[] = {"pqpqpqpr", "ppppppppq",
					      "pqrpqrpqrpqt", "pppppppppppp"};

	(void)state;
	srand(2);
	for (int round = 0; round < 40000; round++) {
		const char *secret = secrets[round % 4];
		struct redact_set *set = learn(secret);
		size_t n = (size_t)rand() % 80;
		char text[80];
		struct buf out = {0};

		for (size_t i = 0; i < n; i++)
			text[i] = "pppqqr"[rand() % 6];
		for (int k = rand() % 4; k > 0; k--) {
			size_t len = strlen(secret);
			if (n > len)
				memcpy(text + (size_t)rand() % (n - len),
				       secret, len);
		}
		in_chunks(set, (struct str){text, n},
			  (uint64_t)rand() << 33 ^ (uint64_t)rand() << 5, &out);
		if (!faithful((struct str){text, n}, buf_str(&out),
			      str_of(secret)))
			fail_msg("%s: %.*s -> %.*s", secret, (int)n, text,
				 (int)out.n, out.p);
		buf_free(&out);
		redact_unref(set);
	}
}

static void every_form(void **state)
{
	/* user:p"a/ss word% */
	struct redact_set *set = learn("Basic dXNlcjpwImEvc3Mgd29yZCU=");
	static const char *const forms[] = {
		"dXNlcjpwImEvc3Mgd29yZCU=",
		"user:p\"a/ss word%",
		"p\"a/ss word%",
		"p\\\"a/ss word%",
		"p\\\"a\\/ss word%",
		"user%3Ap%22a%2Fss%20word%25",
		"p%22a%2fss%20word%25",
	};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct buf text = {0}, out = {0};
		buf_addf(&text, "<<%s>>", forms[i]);
		assert_int_equal(in_chunks(set, buf_str(&text), 0, &out), 1);
		assert_int_equal(out.n, REDACT_SIZE + 4);
		buf_free(&text);
		buf_free(&out);
	}
	redact_unref(set);
}

/* A secret within another's beginning must not let its rest through. */
static void nested_secrets(void **state)
{
	struct redact_set *set =
		redact_learn(cache, STR("GET / HTTP/1.1\r\n"
					"x-api-key: AAAAinnersecretBBBBBBBB\r\n"
					"api-key: innersecret\r\n\r\n"));
	struct buf out = {0};

	(void)state;
	for (uint64_t cut = 0; cut < 1 << 20; cut++) {
		static const struct str text = STR("AAAAinnersecretBBBBBBBB");
		out.n = 0;
		in_chunks(set, text, cut << 4, &out);
		assert_null(memmem(out.p, out.n, "innerse", 7));
		assert_null(memmem(out.p, out.n, "BB", 2));
	}
	out.n = 0;
	in_chunks(set, STR("AAAAinnersecretBBBx innersecret"), 0x88, &out);
	assert_null(memmem(out.p, out.n, "innersecret", 11));
	assert_non_null(memmem(out.p, out.n, "BBBx ", 5));
	buf_free(&out);
	redact_unref(set);
}

static void the_end_of_a_stream(void **state)
{
	struct redact_set *set = learn("Bearer " KEY);
	struct buf out = {0};

	(void)state;
	assert_int_equal(in_chunks(set, STR("x sk-proj-01234"), 0, &out), 1);
	assert_int_equal(out.n, 2 + REDACT_SIZE);
	out.n = 0;
	assert_int_equal(in_chunks(set, STR("x sk-proj-01234"), 1 << 4, &out),
			 1);
	assert_int_equal(out.n, 4 + REDACT_SIZE); /* "sk" was given out */
	out.n = 0;
	assert_int_equal(in_chunks(set, STR("x sk-proj-0123"), 1 << 4, &out),
			 0);
	assert_true(str_eq(buf_str(&out), STR("x sk-proj-0123")));
	buf_free(&out);
	redact_unref(set);
}

static void cached(void **state)
{
	struct redact_set *a = learn("Bearer " KEY), *b = learn("Bearer " KEY);
	struct redact_set *others[40];

	(void)state;
	assert_ptr_equal(a, b);
	redact_unref(b);
	for (int i = 0; i < 40; i++) {
		char other[32];
		snprintf(other, sizeof other, "Bearer otherkey%d", i);
		others[i] = learn(other);
		assert_ptr_not_equal(others[i], a);
	}
	b = learn("Bearer " KEY); /* pushed out meanwhile: a is still good */
	assert_ptr_not_equal(a, b);
	for (int i = 0; i < 40; i++)
		redact_unref(others[i]);
	redact_unref(a);
	redact_unref(b);
	assert_null(redact_learn(cache, STR("GET / HTTP/1.1\r\n\r\n")));
}

static void text_of_connections(void **state)
{
	struct redact_set *set = learn("Bearer " KEY);
	struct buf out = {0};

	(void)state;
	assert_int_equal(redact_text(cache, STR("bad " KEY "!"), &out), 1);
	assert_null(memmem(out.p, out.n, "0123456789", 10));
	buf_free(&out);
	redact_unref(set);
}

static void key_file(void **state)
{
	struct redact_rules *again;
	char path[128], a[REDACT_SIZE], b[REDACT_SIZE];
	struct stat st;
	struct fail f;

	(void)state;
	snprintf(path, sizeof path, "%s/assay/fingerprint.key", home);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 65);
	again = redact_rules_new(NULL, 0, &f);
	assert_non_null(again);
	redact_fingerprint(rules, STR("x"), a);
	redact_fingerprint(again, STR("x"), b);
	assert_memory_equal(a, b, REDACT_SIZE);
	redact_rules_free(again);
	chmod(path, 0644);
	assert_null(redact_rules_new(NULL, 0, &f));
	assert_string_equal(f.code, "fingerprint_key_unreadable");
	chmod(path, 0600);
	assert_int_equal(truncate(path, 10), 0);
	assert_null(redact_rules_new(NULL, 0, &f));
	assert_string_equal(f.code, "fingerprint_key_unreadable");
	unlink(path);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_null(redact_rules_new(NULL, 0, &f));
	unlink(path);
	setenv("XDG_DATA_HOME", "/proc/nowhere", 1);
	assert_null(redact_rules_new(NULL, 0, &f));
	assert_string_equal(f.code, "fingerprint_key_unwritable");
	setenv("XDG_DATA_HOME", home, 1);
}

/* Many start at once: all get the same key. */
static void key_race(void **state)
{
	char path[128], first[REDACT_SIZE], other[REDACT_SIZE];
	int pipes[2];

	(void)state;
	snprintf(path, sizeof path, "%s/assay/fingerprint.key", home);
	for (int round = 0; round < 20; round++) {
		unlink(path);
		assert_int_equal(pipe(pipes), 0);
		for (int i = 0; i < 8; i++) {
			struct redact_rules *r;
			struct fail f;
			if (fork())
				continue;
			r = redact_rules_new(NULL, 0, &f);
			if (!r)
				_exit(1);
			redact_fingerprint(r, STR("x"), other);
			_exit(write(pipes[1], other, sizeof other) < 0);
		}
		close(pipes[1]);
		assert_int_equal(read(pipes[0], first, sizeof first),
				 sizeof first);
		for (int i = 1; i < 8; i++) {
			assert_int_equal(read(pipes[0], other, sizeof other),
					 sizeof other);
			assert_memory_equal(first, other, sizeof first);
		}
		close(pipes[0]);
		while (wait(NULL) > 0)
			;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name),
		cmocka_unit_test(same_secret_same_fingerprint),
		cmocka_unit_test(across_chunks),
		cmocka_unit_test(random_texts),
		cmocka_unit_test(every_form),
		cmocka_unit_test(nested_secrets),
		cmocka_unit_test(the_end_of_a_stream),
		cmocka_unit_test(cached),
		cmocka_unit_test(text_of_connections),
		cmocka_unit_test(key_file),
		cmocka_unit_test(key_race),
	};

	return cmocka_run_group_tests_name("redact", tests, set_up, tear_down);
}
