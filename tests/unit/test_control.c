/* SPDX-License-Identifier: MIT */
#include "relay/control.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json_text.h"
#include "base/mem.h"

struct fixture {
	char dir[64], path[CONTROL_PATH];
	struct event_base *base;
	struct control *control;
	unsigned ran;
};

static bool run_count(void *room, struct str args, struct buf *out,
		      struct fail *f)
{
	struct fixture *x = room;

	(void)args;
	(void)f;
	buf_addf(out, "{\"ran\":\n%u}", ++x->ran);
	return true;
}

static bool run_nothing(void *room, struct str args, struct buf *out,
			struct fail *f)
{
	(void)room;
	(void)args;
	(void)out;
	(void)f;
	return true;
}

static bool run_fail(void *room, struct str args, struct buf *out,
		     struct fail *f)
{
	(void)room;
	(void)args;
	buf_addf(out, "half an answer");
	return fail_set(f, FAIL_USER, "no_luck", "no \"luck\" today");
}

static bool run_large(void *room, struct str args, struct buf *out,
		      struct fail *f)
{
	(void)room;
	(void)args;
	(void)f;
	buf_addc(out, '"');
	memset(buf_room(out, 4000000), 'x', 4000000);
	out->n += 4000000;
	buf_addc(out, '"');
	return true;
}

static const struct room_verb verbs[] = {
	{"count", "counts", run_count},
	{"nothing", "says nothing", run_nothing},
	{"fail", "fails", run_fail},
	{"large", "says much", run_large}};

static struct control *open_at(struct fixture *x, const char *path,
			       struct fail *f)
{
	struct control_verb all[4];

	for (unsigned i = 0; i < 4; i++)
		all[i] = (struct control_verb){&verbs[i], x};
	return control_new(x->base, path, all, 4, f);
}

static int set_up(void **state)
{
	struct fixture *x = MEM_NEW(struct fixture);
	struct fail f;

	strcpy(x->dir, "/tmp/assay-control-XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	snprintf(x->path, sizeof x->path, "%s/t.db.sock", x->dir);
	x->base = event_base_new();
	x->control = open_at(x, x->path, &f);
	assert_non_null(x->control);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;
	struct stat st;

	control_free(x->control);
	assert_int_equal(lstat(x->path, &st), -1);
	event_base_free(x->base);
	rmdir(x->dir);
	free(x);
	return 0;
}

static int ask_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, path);
	assert_int_equal(connect(fd, (void *)&at, sizeof at), 0);
	return fd;
}

static void turn(struct fixture *x)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(x->base, EVLOOP_NONBLOCK);
}

static void say(int fd, const char *text, size_t n)
{
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* All that comes until there is nothing more; the end shows as *ended. */
static struct buf hear(struct fixture *x, int fd, bool *ended)
{
	struct buf b = {0};

	*ended = false;
	for (int quiet = 0; quiet < 3 && !*ended;) {
		ssize_t n;

		turn(x);
		n = recv(fd, buf_room(&b, 65536), 65536, MSG_DONTWAIT);
		if (n > 0)
			b.n += (size_t)n;
		else
			quiet++;
		*ended = n == 0 || (n < 0 && errno == ECONNRESET);
	}
	buf_addc(&b, '\0');
	b.n--;
	return b;
}

/* One request (closed behind it) and its whole answer. */
static void expect(struct fixture *x, const char *request, const char *answer)
{
	int fd = ask_at(x->path);
	bool ended;
	struct buf b;

	say(fd, request, strlen(request));
	shutdown(fd, SHUT_WR);
	b = hear(x, fd, &ended);
	assert_true(ended);
	assert_string_equal(b.p, answer);
	buf_free(&b);
	close(fd);
}

static void verbs_answer(void **state)
{
	struct fixture *x = *state;

	expect(x, "{\"verb\":\"count\"}\n",
	       "{\"ok\":true,\"result\":{\"ran\": 1}}\n");
	expect(x, "{\"verb\":\"nothing\"}\r\n",
	       "{\"ok\":true,\"result\":null}\n");
	expect(x, "{\"verb\":\"fail\"}\n",
	       "{\"ok\":false,\"error\":{\"code\":\"no_luck\","
	       "\"message\":\"no \\\"luck\\\" today\"}}\n");
	expect(x, "{\"verb\":\"help\"}\n",
	       "{\"ok\":true,\"result\":{\"help\":\"lists the verbs\","
	       "\"count\":\"counts\",\"nothing\":\"says nothing\","
	       "\"fail\":\"fails\",\"large\":\"says much\"}}\n");
}

static void several_lines_in_pieces(void **state)
{
	struct fixture *x = *state;
	const char *text = "{\"verb\":\"count\"}\n\n  \n{\"verb\":\"count\"}\n"
			   "{\"verb\":\"cou";
	int fd = ask_at(x->path);
	bool ended;
	struct buf b;

	for (const char *p = text; *p; p++) {
		say(fd, p, 1);
		turn(x);
	}
	b = hear(x, fd, &ended);
	assert_false(ended);
	assert_string_equal(b.p, "{\"ok\":true,\"result\":{\"ran\": 1}}\n"
				 "{\"ok\":true,\"result\":{\"ran\": 2}}\n");
	buf_free(&b);
	say(fd, "nt\"}\n", 5);
	b = hear(x, fd, &ended);
	assert_string_equal(b.p, "{\"ok\":true,\"result\":{\"ran\": 3}}\n");
	buf_free(&b);
	close(fd);
	turn(x);
}

static void expect_error(struct fixture *x, const char *request, size_t n,
			 const char *code)
{
	int fd = ask_at(x->path);
	char want[80];
	bool ended;
	struct buf b;
	cJSON *root;

	say(fd, request, n);
	shutdown(fd, SHUT_WR);
	b = hear(x, fd, &ended);
	assert_true(ended);
	snprintf(want, sizeof want, "{\"ok\":false,\"error\":{\"code\":\"%s\"",
		 code);
	if (strncmp(b.p, want, strlen(want)) != 0)
		fail_msg("%.60s: %s", request, b.p);
	root = cJSON_Parse(b.p);
	assert_non_null(root);
	cJSON_Delete(root);
	assert_int_equal(strcspn(b.p, "\n"), b.n - 1);
	buf_free(&b);
	close(fd);
}

static void hostile_lines(void **state)
{
	struct fixture *x = *state;
	static const char *const bad[] = {
		"\x16\x03\x01\x02\n",
		"GET / HTTP/1.1\r\n",
		"{}\n",
		"[]\n",
		"\"status\"\n",
		"{\"verb\":1}\n",
		"{\"verb\":null}\n",
		"{\"Verb\":\"count\"}\n",
		"{\"verb\":\"count\"}{\"verb\":\"count\"}\n",
		"{\"verb\":\"count\"\n",
		"{\"verb\":\"\xff\xfe\"} x\n",
	};
	char deep[9000];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		expect_error(x, bad[i], strcspn(bad[i], "\n") + 1,
			     "bad_request");
	expect_error(x, "\0\0\0\n", 4, "bad_request");
	expect_error(x, "{\"verb\":\"cuont\"}\n", 17, "unknown_verb");
	expect_error(x, "{\"verb\":\"\x1b[2J\xff\"}\n", 17, "unknown_verb");
	expect_error(x, "{\"verb\":\"\xff\xc2\x80\"}\n", 15, "unknown_verb");
	memset(deep, '[', sizeof deep);
	deep[sizeof deep - 1] = '\n';
	expect_error(x, deep, sizeof deep, "bad_request");
	assert_int_equal(x->ran, 0);
}

static void a_line_has_an_end(void **state)
{
	struct fixture *x = *state;
	int fd = ask_at(x->path);
	char chunk[4096];
	bool ended;
	struct buf b;

	memset(chunk, ' ', sizeof chunk);
	for (unsigned i = 0; i < CONTROL_LINE / sizeof chunk; i++) {
		say(fd, chunk, sizeof chunk);
		turn(x);
	}
	b = hear(x, fd, &ended);
	assert_false(ended);
	assert_int_equal(b.n, 0);
	buf_free(&b);
	say(fd, "x", 1);
	b = hear(x, fd, &ended);
	assert_true(ended);
	assert_string_equal(b.p, "{\"ok\":false,\"error\":{\"code\":"
				 "\"line_too_long\",\"message\":\"a request is "
				 "longer than 65536 bytes\"}}\n");
	buf_free(&b);
	/* The rest of it is heard out, up to a point. */
	for (unsigned i = 0; i < 100; i++) {
		say(fd, chunk, sizeof chunk);
		turn(x);
	}
	close(fd);
	turn(x);
}

static void who_does_not_read_is_not_served(void **state)
{
	struct fixture *x = *state;
	const char *large = "{\"verb\":\"large\"}\n{\"verb\":\"count\"}\n";
	int fd = ask_at(x->path);
	bool ended;
	struct buf b;

	say(fd, large, strlen(large));
	turn(x);
	assert_int_equal(x->ran, 0);
	b = hear(x, fd, &ended);
	assert_int_equal(x->ran, 1);
	assert_in_range(b.n, 4000000, 4000100);
	buf_free(&b);
	close(fd);
	turn(x);
}

static void who_leaves_is_forgotten(void **state)
{
	struct fixture *x = *state;
	const char *large = "{\"verb\":\"large\"}\n{\"verb\":\"large\"}\n";

	for (unsigned i = 0; i < 3 * CONTROL_MOST; i++) {
		int fd = ask_at(x->path);

		say(fd, large, strlen(large));
		turn(x);
		close(fd);
		turn(x);
	}
	expect(x, "{\"verb\":\"nothing\"}\n",
	       "{\"ok\":true,\"result\":null}\n");
}

static void only_so_many(void **state)
{
	struct fixture *x = *state;
	int fd[CONTROL_MOST + 1];
	bool ended;
	struct buf b;

	for (unsigned i = 0; i <= CONTROL_MOST; i++) {
		fd[i] = ask_at(x->path);
		turn(x);
	}
	b = hear(x, fd[CONTROL_MOST], &ended);
	assert_true(ended);
	assert_non_null(strstr(b.p, "\"code\":\"busy\""));
	buf_free(&b);
	close(fd[0]);
	turn(x);
	expect(x, "{\"verb\":\"nothing\"}\n",
	       "{\"ok\":true,\"result\":null}\n");
	for (unsigned i = 1; i <= CONTROL_MOST; i++)
		close(fd[i]);
}

static void the_socket_is_private(void **state)
{
	struct fixture *x = *state;
	struct stat st;

	assert_int_equal(lstat(x->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
}

static void a_living_socket_is_left_alone(void **state)
{
	struct fixture *x = *state;
	struct fail f;

	assert_null(open_at(x, x->path, &f));
	assert_string_equal(f.code, "control_in_use");
	expect(x, "{\"verb\":\"nothing\"}\n",
	       "{\"ok\":true,\"result\":null}\n");
}

static void a_dead_socket_is_replaced(void **state)
{
	struct fixture *x = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[CONTROL_PATH];
	struct control *c;
	struct stat st;
	struct fail f;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof path, "%s/dead.sock", x->dir);
	strcpy(at.sun_path, path);
	assert_int_equal(bind(fd, (void *)&at, sizeof at), 0);
	close(fd);
	c = open_at(x, path, &f);
	assert_non_null(c);
	close(ask_at(path));
	control_free(c);
	assert_int_equal(lstat(path, &st), -1);
}

static void what_is_no_socket_stays(void **state)
{
	struct fixture *x = *state;
	char path[CONTROL_PATH], link[CONTROL_PATH];
	struct stat st;
	struct fail f;

	snprintf(path, sizeof path, "%s/file", x->dir);
	snprintf(link, sizeof link, "%s/link", x->dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_null(open_at(x, path, &f));
	assert_string_equal(f.code, "control_path_taken");
	unlink(path);
	/* A link that leads nowhere must not make bind() create its aim. */
	assert_int_equal(symlink(path, link), 0);
	assert_null(open_at(x, link, &f));
	assert_string_equal(f.code, "control_path_taken");
	assert_int_equal(lstat(path, &st), -1);
	unlink(link);
	assert_null(open_at(x, "/nonexistent/a.sock", &f));
	assert_string_equal(f.code, "control_failed");
}

static void somebody_elses_socket_is_not_removed(void **state)
{
	struct fixture *x = *state;
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[CONTROL_PATH];
	struct control *c;
	struct stat st;
	struct fail f;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof path, "%s/other.sock", x->dir);
	c = open_at(x, path, &f);
	assert_non_null(c);
	unlink(path);
	strcpy(at.sun_path, path);
	assert_int_equal(bind(fd, (void *)&at, sizeof at), 0);
	control_free(c);
	assert_int_equal(lstat(path, &st), 0);
	close(fd);
	unlink(path);
}

static void long_paths_go_elsewhere(void **state)
{
	char trail[200], out[CONTROL_PATH];
	struct fail f;

	(void)state;
	assert_true(control_path("assay.db", out, &f));
	assert_string_equal(out, "assay.db.sock");
	memset(trail, 'a', sizeof trail);
	trail[sizeof trail - 1] = '\0';
	unsetenv("XDG_RUNTIME_DIR");
	assert_false(control_path(trail, out, &f));
	assert_string_equal(f.code, "control_path_too_long");
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	assert_true(control_path(trail, out, &f));
	assert_memory_equal(out, "/run/user/7/assay-", 18);
	setenv("XDG_RUNTIME_DIR", trail, 1);
	assert_false(control_path(trail, out, &f));
	unsetenv("XDG_RUNTIME_DIR");
}

static void text_is_valid_json(void **state)
{
	static const char *const cases[][2] = {
		{"", "\"\""},
		{"a\"b\\c/", "\"a\\\"b\\\\c/\""},
		{"\n\t\x1b\x7f", "\"\\u000a\\u0009\\u001b\\u007f\""},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		 "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"\xc2\x9b", "\"\\u009b\""},
		{"\xff\xc0\xaf", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"\xe2\x82", "\"\\ufffd\\ufffd\""},
		{"\xe2\x41", "\"\\ufffdA\""}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = {0};

		json_quote(&b, str_of(cases[i][0]));
		buf_addc(&b, '\0');
		assert_string_equal(b.p, cases[i][1]);
		buf_free(&b);
	}
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(verbs_answer),
		CASE(several_lines_in_pieces),
		CASE(hostile_lines),
		CASE(a_line_has_an_end),
		CASE(who_does_not_read_is_not_served),
		CASE(who_leaves_is_forgotten),
		CASE(only_so_many),
		CASE(the_socket_is_private),
		CASE(a_living_socket_is_left_alone),
		CASE(a_dead_socket_is_replaced),
		CASE(what_is_no_socket_stays),
		CASE(somebody_elses_socket_is_not_removed),
		cmocka_unit_test(long_paths_go_elsewhere),
		cmocka_unit_test(text_is_valid_json),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
