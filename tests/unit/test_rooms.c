/* SPDX-License-Identifier: MIT */
/*
 * A room above, plugged into `assay proxy` by its table alone: what is called
 * when, with what, and what becomes of its answers. proxy_main() runs on this
 * thread; a guest on another one talks to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "proxy.h"

struct house {
	char dir[64], trail[96], spool[96];
	struct buf calls; /* what the room saw, a word each */
	struct buf heard; /* what the guest heard */
	bool start_fails, reload_fails;
	uint16_t port;
	X509 *cert;
	EVP_PKEY *key;
};

/* What a room's start() is not handed: which test it belongs to. */
static struct house *now;

/* ---- the room ---- */

static void *room_start(struct proxy *p, const struct options *o,
			struct fail *f)
{
	assert_non_null(p);
	buf_addf(&now->calls, "start(%s) ", options_text(o, "colour"));
	if (now->start_fails) {
		fail_set(f, FAIL_USER, "no_colour", "this room has none");
		return NULL;
	}
	return now;
}

static void room_stop(void *room)
{
	struct house *h = room;

	buf_addf(&h->calls, "stop ");
}

static bool room_reload(void *room, const struct options *o, struct fail *f)
{
	struct house *h = room;

	buf_addf(&h->calls, "reload ");
	assert_non_null(options_text(o, "colour"));
	if (h->reload_fails)
		return fail_set(f, FAIL_USER, "no_colour", "not that one");
	return true;
}

static void room_summary(void *room, struct buf *out)
{
	struct house *h = room;

	buf_addf(&h->calls, "summary ");
	buf_addf(out, "assay: a room says goodbye\n");
}

static const struct clerk_tap *room_tap(void *room)
{
	struct house *h = room;

	buf_addf(&h->calls, "tap ");
	return NULL;
}

static const struct gate *room_gate(void *room)
{
	struct house *h = room;

	buf_addf(&h->calls, "gate ");
	return NULL;
}

static bool room_paint(void *room, struct str args, struct buf *out,
		       struct fail *f)
{
	struct house *h = room;

	buf_addf(&h->calls, "verb ");
	buf_addf(out, "%zu", args.n);
	return true;
}

static const struct option_def room_options[] = {
	{"colour", OPTION_CHOICE, "red|green", "red", 0, "Of the room."}, {0}};

static const struct room_verb room_verbs[] = {
	{"paint", "paints the room", room_paint}, {0}};

static const struct room plain_room = {
	.name = "Painting",
	.options = room_options,
	.start = room_start,
	.stop = room_stop,
	.reload = room_reload,
	.tap = room_tap,
	.gate = room_gate,
	.verbs = room_verbs,
	.summary = room_summary,
};

/* ---- the guest ---- */

static int wait_for_socket(struct house *h)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%s.sock", h->trail);
	for (int i = 0; i < 1000; i++) {
		if (connect(fd, (void *)&at, sizeof at) == 0)
			return fd;
		usleep(10000);
	}
	return fd;
}

static void ask(struct house *h, int fd, const char *verb)
{
	char line[80];
	int n = snprintf(line, sizeof line, "{\"verb\":\"%s\"}\n", verb);
	char c = 0;

	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return;
	while (c != '\n' && recv(fd, &c, 1, 0) == 1)
		buf_addc(&h->heard, c);
}

static void *guest_asks(void *arg)
{
	struct house *h = arg;
	int fd = wait_for_socket(h);

	ask(h, fd, "paint");
	ask(h, fd, "reload");
	h->reload_fails = true;
	ask(h, fd, "reload");
	ask(h, fd, "drain");
	close(fd);
	return NULL;
}

/* ---- the stage ---- */

static int set_up(void **state)
{
	struct house *h = MEM_NEW(struct house);

	strcpy(h->dir, "/tmp/assay-rooms-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(h->trail, sizeof h->trail, "%s/t.db", h->dir);
	snprintf(h->spool, sizeof h->spool, "--spool-dir=%s", h->dir);
	setenv("XDG_DATA_HOME", h->dir, 1);
	now = h;
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct house *h = *state;
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", h->dir);
	assert_int_equal(system(command), 0);
	buf_free(&h->calls);
	buf_free(&h->heard);
	X509_free(h->cert);
	EVP_PKEY_free(h->key);
	free(h);
	return 0;
}

static int run(struct house *h, const struct room *rooms, unsigned n,
	       const char *more)
{
	char listen[40];
	char *argv[] = {"--upstream", "http://127.0.0.1:9",
			"--listen",   listen,
			"--trail",    h->trail,
			h->spool,     "--spool-size=1M",
			(char *)more};

	snprintf(listen, sizeof listen, "127.0.0.1:%u", h->port);
	return proxy_main(more ? 9 : 8, argv, rooms, n);
}

static const char *text(struct buf *b)
{
	buf_addc(b, '\0');
	b->n--;
	return b->p;
}

static void a_rooms_life(void **state)
{
	struct house *h = *state;
	pthread_t guest;

	pthread_create(&guest, NULL, guest_asks, h);
	assert_int_equal(run(h, &plain_room, 1, "--colour=green"), 0);
	pthread_join(guest, NULL);
	assert_string_equal(text(&h->calls), "start(green) tap gate verb "
					     "reload reload summary stop ");
	assert_string_equal(
		text(&h->heard),
		"{\"ok\":true,\"result\":16}\n{\"ok\":true,\"result\":null}\n"
		"{\"ok\":false,\"error\":{\"code\":\"no_colour\","
		"\"message\":\"not that one\"}}\n"
		"{\"ok\":true,\"result\":{\"exchanges\":0}}\n");
}

static void a_room_that_fails_stops_the_start(void **state)
{
	struct house *h = *state;

	h->start_fails = true;
	assert_int_equal(run(h, &plain_room, 1, NULL), 2);
	assert_string_equal(text(&h->calls), "start(red) ");
}

static void a_rooms_options_are_checked(void **state)
{
	struct house *h = *state;

	assert_int_equal(run(h, &plain_room, 1, "--colour=blue"), 2);
	assert_int_equal(h->calls.n, 0);
}

/* Rooms go back when a later one cannot follow. */
static void *guest_reloads(void *arg)
{
	struct house *h = arg;
	int fd = wait_for_socket(h);

	ask(h, fd, "reload");
	ask(h, fd, "drain");
	close(fd);
	return NULL;
}

static bool never(void *room, const struct options *o, struct fail *f)
{
	buf_addf(&now->calls, "never ");
	return fail_set(f, FAIL_USER, "never", "this room stays as it is");
}

static void reload_is_all_or_nothing(void **state)
{
	struct house *h = *state;
	struct room two[2] = {plain_room, {.name = "Rock", .reload = never}};
	pthread_t guest;

	pthread_create(&guest, NULL, guest_reloads, h);
	assert_int_equal(run(h, two, 2, NULL), 0);
	pthread_join(guest, NULL);
	assert_string_equal(text(&h->calls),
			    "start(red) tap gate reload never reload "
			    "summary stop ");
	assert_non_null(strstr(text(&h->heard), "\"code\":\"never\""));
}

/* ---- identity ---- */

static void make_certificate(struct house *h)
{
	X509_NAME *name;

	h->key = EVP_EC_gen("P-256");
	h->cert = X509_new();
	name = X509_get_subject_name(h->cert);
	X509_set_version(h->cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(h->cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(h->cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"room.example", -1,
				   -1, 0);
	X509_set_issuer_name(h->cert, name);
	X509_set_pubkey(h->cert, h->key);
	assert_true(X509_sign(h->cert, h->key, EVP_sha256()) > 0);
}

static bool room_identity(void *room, SSL *ssl, const char *sni)
{
	struct house *h = room;

	if (!sni || strcmp(sni, "room.example") != 0)
		return false;
	return SSL_use_certificate(ssl, h->cert) == 1 &&
	       SSL_use_PrivateKey(ssl, h->key) == 1;
}

static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (void *)&a, sizeof a), 0);
	getsockname(fd, (void *)&a, &n);
	close(fd);
	return ntohs(a.sin_port);
}

/* The name in the certificate that is shown for this SNI, or "-". */
static void shake_hands(struct house *h, const char *sni)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(h->port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char name[64] = "-";
	X509 *shown = NULL;

	if (connect(fd, (void *)&a, sizeof a) == 0) {
		SSL_set_fd(ssl, fd);
		SSL_set_tlsext_host_name(ssl, sni);
		if (SSL_connect(ssl) == 1)
			shown = SSL_get1_peer_certificate(ssl);
	}
	if (shown)
		X509_NAME_get_text_by_NID(X509_get_subject_name(shown),
					  NID_commonName, name, sizeof name);
	buf_addf(&h->heard, "%s ", name);
	X509_free(shown);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

static void *guest_shakes_hands(void *arg)
{
	struct house *h = arg;
	int fd = wait_for_socket(h);

	shake_hands(h, "room.example");
	shake_hands(h, "other.example");
	close(fd);
	fd = wait_for_socket(h);
	ask(h, fd, "drain");
	close(fd);
	return NULL;
}

static void a_room_gives_the_identity(void **state)
{
	struct house *h = *state;
	struct room room = plain_room;
	pthread_t guest;

	room.identity = room_identity;
	make_certificate(h);
	h->port = free_port();
	pthread_create(&guest, NULL, guest_shakes_hands, h);
	assert_int_equal(run(h, &room, 1, NULL), 0);
	pthread_join(guest, NULL);
	assert_memory_equal(text(&h->heard), "room.example - ", 15);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_rooms_life),
		CASE(a_room_that_fails_stops_the_start),
		CASE(a_rooms_options_are_checked),
		CASE(reload_is_all_or_nothing),
		CASE(a_room_gives_the_identity),
	};

	return cmocka_run_group_tests_name("rooms", tests, NULL, NULL);
}
