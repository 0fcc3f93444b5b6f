/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 *	listener --accept, SO_PEERCRED--> client (at most CONTROL_MOST)
 *
 *	in   [ line \n line \n li...  ]	 at most CONTROL_LINE, then it is told
 *	       |			 so and closed
 *	       v  one at a time, only while `out` is empty
 *	out  [ answer \n ]		 while it is not, nothing is read
 *
 * So what a client can make this process hold is one line and one answer, and
 * one that goes quiet is closed after a while.
 *
 * The trail's lock is held before the socket is made: a socket that is found
 * at its place belongs to a process that is gone, which connecting to it
 * proves once more. The mode is set on the socket before bind() makes it
 * visible, and bind() follows no link, so there is no moment in between.
 */
#include "relay/control.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/nearest.h"

#define CONTROL_MAGIC 0x4354524cu
#define IDLE_SECONDS  60
#define CHUNK	      4096
#define DISCARD	      (16u << 20)

struct client {
	LIST_ENTRY(client) link;
	struct control *control;
	int fd;
	struct event *readable, *writable;
	struct buf in, out;
	bool ended;	  /* no more will come */
	unsigned discard; /* nothing more is wanted: bytes still thrown away */
};

struct control {
	unsigned magic;
	struct event_base *base;
	struct control_verb *verbs;
	unsigned n_verbs;
	LIST_HEAD(, client) clients;
	unsigned n_clients;
	int fd;
	struct event *acceptable, *retry;
	char path[CONTROL_PATH];
	dev_t dev;
	ino_t ino;
};

/* ---- answers ---- */

static void answer_fail(struct buf *out, const struct fail *f)
{
	buf_addf(out, "{\"ok\":false,\"error\":{\"code\":");
	json_quote(out, str_of(f->code));
	buf_addf(out, ",\"message\":");
	json_quote(out, str_of(f->text));
	buf_addf(out, "}}\n");
}

static void answer_value(struct buf *out, struct buf *value)
{
	/* A line break is only ever white space between a value's parts. */
	for (size_t i = 0; i < value->n; i++) {
		if (value->p[i] == '\n' || value->p[i] == '\r')
			value->p[i] = ' ';
	}
	buf_addf(out, "{\"ok\":true,\"result\":");
	buf_adds(out, value->n ? buf_str(value) : STR("null"));
	buf_addf(out, "}\n");
}

static void run_help(const struct control *c, struct buf *out)
{
	buf_addf(out, "{\"help\":\"lists the verbs\"");
	for (unsigned i = 0; i < c->n_verbs; i++) {
		buf_addc(out, ',');
		json_quote(out, str_of(c->verbs[i].verb->name));
		buf_addc(out, ':');
		json_quote(out, str_of(c->verbs[i].verb->help));
	}
	buf_addc(out, '}');
}

static bool unknown_verb(const struct control *c, const char *name,
			 struct fail *f)
{
	const char **names = mem_alloc((c->n_verbs + 1) * sizeof *names);
	const char *near;

	for (unsigned i = 0; i < c->n_verbs; i++)
		names[i] = c->verbs[i].verb->name;
	names[c->n_verbs] = "help";
	near = nearest_name(str_of(name), names, c->n_verbs + 1);
	free(names);
	return fail_set(f, FAIL_CLIENT, "unknown_verb",
			"unknown verb \"%.60s\": %s%s%s", name,
			near ? "did you mean \"" : "\"help\" lists them",
			near ? near : "", near ? "\"?" : "");
}

static bool run_verb(const struct control *c, const char *name, struct str line,
		     struct buf *out, struct fail *f)
{
	if (strcmp(name, "help") == 0) {
		run_help(c, out);
		return true;
	}
	for (unsigned i = 0; i < c->n_verbs; i++) {
		const struct control_verb *v = &c->verbs[i];

		if (strcmp(name, v->verb->name) == 0)
			return v->verb->run(v->room, line, out, f);
	}
	return unknown_verb(c, name, f);
}

static bool bad_request(struct fail *f, const char *why)
{
	return fail_set(f, FAIL_CLIENT, "bad_request",
			"%s: wanted is one JSON object a line, as in "
			"{\"verb\":\"status\"}",
			why);
}

static bool run_line(const struct control *c, struct str line, struct buf *out,
		     struct fail *f)
{
	const char *end = NULL;
	cJSON *root = cJSON_ParseWithLengthOpts(line.p, line.n, &end, false);
	const cJSON *verb = cJSON_GetObjectItemCaseSensitive(root, "verb");
	bool ok;

	if (!root ||
	    str_trim((struct str){end, line.n - (size_t)(end - line.p)}).n)
		ok = bad_request(f, "this is not JSON");
	else if (!cJSON_IsObject(root))
		ok = bad_request(f, "this is not an object");
	else if (!cJSON_IsString(verb))
		ok = bad_request(f, "\"verb\" is missing or not a string");
	else
		ok = run_verb(c, verb->valuestring, line, out, f);
	cJSON_Delete(root);
	return ok;
}

static void answer_line(struct client *cl, struct str line)
{
	struct buf value = {0};
	struct fail f;

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (str_trim(line).n == 0)
		return;
	if (run_line(cl->control, line, &value, &f))
		answer_value(&cl->out, &value);
	else
		answer_fail(&cl->out, &f);
	buf_free(&value);
}

/* ---- a client ---- */

static void client_free(struct client *cl)
{
	LIST_REMOVE(cl, link);
	cl->control->n_clients--;
	event_free(cl->readable);
	event_free(cl->writable);
	close(cl->fd);
	buf_free(&cl->in);
	buf_free(&cl->out);
	free(cl);
}

/* False: the client is gone. */
static bool client_flush(struct client *cl)
{
	while (cl->out.n) {
		ssize_t n = send(cl->fd, cl->out.p, cl->out.n, MSG_NOSIGNAL);

		if (n >= 0)
			buf_drop(&cl->out, (size_t)n);
		else if (errno == EAGAIN)
			return true;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

static void too_long(struct client *cl)
{
	struct fail f;

	fail_set(&f, FAIL_CLIENT, "line_too_long",
		 "a request is longer than %u bytes", CONTROL_LINE);
	answer_fail(&cl->out, &f);
	cl->in.n = 0;
	/* Closing on bytes that were not read would reset the connection. */
	cl->discard = DISCARD;
}

/* Answers the lines that are there, as long as the answers leave. False: the
 * client is gone. */
static bool client_work(struct client *cl)
{
	while (cl->out.n == 0) {
		char *end = cl->in.n ? memchr(cl->in.p, '\n', cl->in.n) : NULL;
		size_t n = end ? (size_t)(end - cl->in.p) : cl->in.n;

		if (n > CONTROL_LINE) {
			too_long(cl);
		} else if (end) {
			answer_line(cl, (struct str){cl->in.p, n});
			buf_drop(&cl->in, n + 1);
		} else {
			return true;
		}
		if (!client_flush(cl))
			return false;
	}
	return true;
}

static void client_go_on(struct client *cl)
{
	static const struct timeval idle = {.tv_sec = IDLE_SECONDS};

	if (!client_work(cl) || (cl->ended && cl->out.n == 0)) {
		client_free(cl);
		return;
	}
	if (cl->out.n) {
		event_del(cl->readable);
		event_add(cl->writable, &idle);
	} else {
		if (cl->discard)
			shutdown(cl->fd, SHUT_WR);
		event_del(cl->writable);
		event_add(cl->readable, &idle);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *cl = arg;
	ssize_t n;

	if (what & EV_TIMEOUT) {
		client_free(cl);
		return;
	}
	n = recv(fd, buf_room(&cl->in, CHUNK), CHUNK, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || (cl->discard && cl->discard <= n))
		cl->ended = true;
	else if (cl->discard)
		cl->discard -= (unsigned)n;
	else
		cl->in.n += (size_t)n;
	client_go_on(cl);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *cl = arg;

	(void)fd;
	if (what & EV_TIMEOUT || !client_flush(cl))
		client_free(cl);
	else
		client_go_on(cl);
}

static void client_new(struct control *c, int fd)
{
	struct client *cl = MEM_NEW(struct client);

	cl->control = c;
	cl->fd = fd;
	cl->readable =
		event_new(c->base, fd, EV_READ | EV_PERSIST, on_readable, cl);
	cl->writable =
		event_new(c->base, fd, EV_WRITE | EV_PERSIST, on_writable, cl);
	LIST_INSERT_HEAD(&c->clients, cl, link);
	c->n_clients++;
	client_go_on(cl);
}

/* ---- the listener ---- */

static bool may_ask(int fd)
{
	struct ucred who;
	socklen_t n = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
	       (who.uid == geteuid() || who.uid == 0);
}

/* One sentence, without waiting for it to be read. */
static void refuse(int fd, const char *code, const char *text)
{
	struct buf out = {0};
	struct fail f;

	fail_set(&f, FAIL_CLIENT, code, "%s", text);
	answer_fail(&out, &f);
	if (send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("control", "a refused client did not listen");
	buf_free(&out);
	close(fd);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval second = {.tv_sec = 1};
	struct control *c = arg;
	int got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (got < 0 && (errno == EMFILE || errno == ENFILE)) {
		event_del(c->acceptable);
		event_add(c->retry, &second);
	}
	if (got < 0)
		return;
	if (!may_ask(got))
		refuse(got, "not_allowed",
		       "only the user that runs assay, and root, may ask");
	else if (c->n_clients >= CONTROL_MOST)
		refuse(got, "busy",
		       "too many connections to the control socket");
	else
		client_new(c, got);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	event_add(c->acceptable, NULL);
}

/* ---- the socket's place ---- */

static uint64_t hash_of(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a: a name, not a secret */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ull;
	return h;
}

bool control_path(const char *trail, char out[CONTROL_PATH], struct fail *f)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	char *whole;
	int n = snprintf(out, CONTROL_PATH, "%s.sock", trail);

	if (n < (int)CONTROL_PATH)
		return true;
	whole = realpath(trail, NULL);
	n = dir && *dir
		    ? snprintf(out, CONTROL_PATH, "%s/assay-%016llx.sock", dir,
			       (unsigned long long)hash_of(whole ? whole
								 : trail))
		    : (int)CONTROL_PATH;
	free(whole);
	if (n < (int)CONTROL_PATH)
		return true;
	return fail_set(f, FAIL_USER, "control_path_too_long",
			"the control socket's path would be longer than %zu "
			"bytes: start assay in the trail's folder and name the "
			"file alone in --trail, or set XDG_RUNTIME_DIR",
			CONTROL_PATH - 1);
}

static bool fail_at(const struct control *c, struct fail *f, const char *what)
{
	return fail_set(f, FAIL_SYSTEM, "control_failed",
			"cannot %s the control socket %s: %s", what, c->path,
			strerror(errno));
}

/* Something is at our place: may it be removed? */
static bool remove_stale(const struct control *c, const struct sockaddr_un *at,
			 struct fail *f)
{
	struct stat st;
	int fd;
	bool lives;

	if (lstat(c->path, &st) < 0)
		return errno == ENOENT || fail_at(c, f, "look at");
	if (!S_ISSOCK(st.st_mode))
		return fail_set(f, FAIL_USER, "control_path_taken",
				"%s is in the way of the control socket and is "
				"not a socket: move it, or choose another "
				"--trail",
				c->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	lives = connect(fd, (const void *)at, sizeof *at) == 0 ||
		errno != ECONNREFUSED;
	close(fd);
	if (lives)
		return fail_set(f, FAIL_USER, "control_in_use",
				"a living process listens at %s: choose "
				"another --trail",
				c->path);
	return unlink(c->path) == 0 || fail_at(c, f, "replace");
}

static bool open_socket(struct control *c, struct fail *f)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;
	int err;

	memcpy(at.sun_path, c->path, strlen(c->path) + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 || fchmod(c->fd, 0600) < 0)
		return fail_at(c, f, "make");
	err = bind(c->fd, (const void *)&at, sizeof at);
	if (err < 0 && errno == EADDRINUSE) {
		if (!remove_stale(c, &at, f))
			return false;
		err = bind(c->fd, (const void *)&at, sizeof at);
	}
	if (err < 0)
		return fail_at(c, f, "make");
	if (lstat(c->path, &st) == 0) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
	}
	return listen(c->fd, CONTROL_MOST) == 0 || fail_at(c, f, "listen on");
}

struct control *control_new(struct event_base *base, const char *path,
			    const struct control_verb *verbs, unsigned n,
			    struct fail *f)
{
	struct control *c = MEM_NEW(struct control);

	c->magic = CONTROL_MAGIC;
	c->base = base;
	c->fd = -1;
	LIST_INIT(&c->clients);
	snprintf(c->path, sizeof c->path, "%s", path);
	c->verbs = mem_zero((n + 1) * sizeof *verbs);
	if (n)
		memcpy(c->verbs, verbs, n * sizeof *verbs);
	c->n_verbs = n;
	if (!open_socket(c, f)) {
		control_free(c);
		return NULL;
	}
	c->acceptable =
		event_new(base, c->fd, EV_READ | EV_PERSIST, on_acceptable, c);
	c->retry = evtimer_new(base, on_retry, c);
	event_add(c->acceptable, NULL);
	return c;
}

void control_free(struct control *c)
{
	struct client *cl, *next;
	struct stat st;

	if (!c)
		return;
	assert(c->magic == CONTROL_MAGIC);
	for (cl = LIST_FIRST(&c->clients); cl; cl = next) {
		next = LIST_NEXT(cl, link);
		client_free(cl);
	}
	if (c->acceptable)
		event_free(c->acceptable);
	if (c->retry)
		event_free(c->retry);
	if (c->fd >= 0)
		close(c->fd);
	/* Only what this process has made, should somebody have moved it. */
	if (c->ino && lstat(c->path, &st) == 0 && st.st_dev == c->dev &&
	    st.st_ino == c->ino)
		unlink(c->path);
	free(c->verbs);
	c->magic = 0;
	free(c);
}
