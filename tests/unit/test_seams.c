/* SPDX-License-Identifier: MIT */
/*
 * The seams, filled in: a worker with gates and a tap, between a client of
 * plain sockets and a vendor made of the codecs in their server role.
 *
 *	client (this thread) -> worker thread -> vendor thread
 *	                           |
 *	                        clerk thread -> trail, tap
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "record/redact.h"
#include "record/spool.h"
#include "record/trail.h"
#include "relay/proxy_impl.h"
#include "wire/http.h"
#include "wire/loop.h"

/* ---- the vendor: says "hello" to everything ---- */

struct vendor {
	struct loop *loop;
	struct event *event;
	pthread_t thread;
	int fd;
	uint16_t port;
	atomic_uint requests;
};

struct order {
	struct vendor *vendor;
	struct http_stream *stream;
};

static void order_head(void *who, struct head *take_head)
{
	head_free(take_head);
}

static void order_data(void *who, const char *p, size_t n, uint64_t at)
{
}

static void order_end(void *who)
{
	struct order *o = who;
	struct head_maker m = {0};
	struct head *h;

	atomic_fetch_add(&o->vendor->requests, 1);
	head_make_status(&m, HTTP_1_1, 200, STR("OK"));
	m.head.framing = FRAMING_LENGTH;
	m.head.length = 5;
	head_make_field(&m, STR("Content-Length"), STR("5"));
	h = head_make_done(&m);
	http_send_head(o->stream, h, NULL);
	http_send_data(o->stream, "hello", 5);
	http_send_end(o->stream);
	head_free(h);
	head_make_free(&m);
}

static void order_room(void *who)
{
}

static void order_gone(void *who, const struct http_end_facts *end)
{
	free(who);
}

static const struct http_events order_events = {
	.on_head = order_head,
	.on_data = order_data,
	.on_trailers = order_head,
	.on_end = order_end,
	.on_room = order_room,
	.on_gone = order_gone,
};

static void vendor_stream(void *owner, struct http_stream *s)
{
	struct order *o = MEM_NEW(struct order);

	o->vendor = owner;
	o->stream = s;
	s->events = &order_events;
	s->who = o;
}

static void vendor_closed(void *owner, struct http_conn *c)
{
}

static void vendor_refused(void *owner, struct http_conn *c, unsigned status,
			   const char *code, const char *why)
{
}

static const struct http_server vendor_server = {vendor_stream, vendor_closed,
						 vendor_refused};

struct guest {
	struct vendor *vendor;
	struct wire *wire;
};

static void guest_ready(void *who, const struct fail *f)
{
	struct guest *g = who;
	struct http_limits lim = {.max_head = 65536,
				  .max_streams = 100,
				  .head_timeout_ns = NS_PER_S};

	if (!f)
		http_serve(g->wire, &lim, &vendor_server, g->vendor);
	free(g);
}

static void vendor_accept(evutil_socket_t fd, short what, void *arg)
{
	struct guest *g = MEM_NEW(struct guest);

	g->vendor = arg;
	g->wire = wire_accept(g->vendor->loop,
			      accept4(fd, NULL, NULL, SOCK_NONBLOCK), NULL,
			      guest_ready, g);
}

static void *vendor_run(void *arg)
{
	loop_run(((struct vendor *)arg)->loop);
	return NULL;
}

static void vendor_start(struct vendor *v)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof a;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v->loop = loop_new();
	v->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(v->fd, (void *)&a, sizeof a), 0);
	assert_int_equal(listen(v->fd, 16), 0);
	getsockname(v->fd, (void *)&a, &len);
	v->port = ntohs(a.sin_port);
	v->event = event_new(loop_base(v->loop), v->fd, EV_READ | EV_PERSIST,
			     vendor_accept, v);
	event_add(v->event, NULL);
	pthread_create(&v->thread, NULL, vendor_run, v);
}

static void vendor_halt(void *arg)
{
	loop_stop(((struct vendor *)arg)->loop);
}

static void vendor_stop(struct vendor *v)
{
	loop_wake(v->loop, vendor_halt, v);
	pthread_join(v->thread, NULL);
	event_free(v->event);
	close(v->fd);
	loop_free(v->loop);
}

/* ---- the gate and the tap ---- */

struct seams {
	struct vendor vendor;
	struct proxy proxy;
	struct settings *settings;
	struct worker *workers[1];
	struct spool *spools[1];
	uint16_t port;
	char folder[64], trail[96];
	/* what they saw; the tap's thread writes, clerk_sync() orders */
	atomic_ullong held_key, held_again;
	size_t gate_saw;
	bool gate_whole;
	struct buf tapped;
	enum ev_outcome last;
	unsigned closes;
	struct buf origin_body;
	atomic_bool origin_done;
};

static void answer_blocked(struct gate_answer *a)
{
	struct head_maker m = {0};

	head_make_status(&m, HTTP_1_1, 400, STR("Bad Request"));
	m.head.framing = FRAMING_LENGTH;
	m.head.length = 2;
	head_make_field(&m, STR("Content-Length"), STR("2"));
	a->head = head_make_done(&m);
	head_make_free(&m);
	buf_adds(&a->body, STR("no"));
	a->outcome = EV_BLOCKED;
	a->code = "test_blocked";
}

static enum gate_verdict ask(void *arg, const struct gate_request *q,
			     struct gate_answer *out)
{
	struct seams *s = arg;

	s->gate_saw = q->body.n;
	s->gate_whole = q->whole;
	if (str_eq(q->head->target, STR("/block"))) {
		answer_blocked(out);
		return GATE_ANSWER;
	}
	if (str_eq(q->head->target, STR("/hold"))) {
		atomic_store(&s->held_key, q->key);
		return GATE_HOLD;
	}
	return GATE_PASS;
}

static enum gate_verdict ask_again(void *arg, const struct gate_request *q,
				   struct gate_answer *out)
{
	struct seams *s = arg;

	if (!str_eq(q->head->target, STR("/hold")))
		return GATE_PASS;
	atomic_store(&s->held_again, q->key);
	return GATE_HOLD;
}

static void tap_head(void *arg, int64_t id, enum ev_side side,
		     enum ev_head kind, struct str raw, uint64_t at)
{
	struct seams *s = arg;
	struct str line = str_cut(&raw, '\r');

	if (side == EV_REQUEST)
		buf_adds(&s->tapped, line);
}

static void tap_data(void *arg, int64_t id, enum ev_side side, struct str bytes,
		     uint64_t at)
{
	buf_adds(&((struct seams *)arg)->tapped, bytes);
}

static void tap_close(void *arg, int64_t id, const struct ev_close *c,
		      int64_t conn_up)
{
	struct seams *s = arg;

	s->last = c->outcome;
	s->closes++;
}

static void origin_head(void *arg, const struct head *response)
{
	struct seams *s = arg;

	buf_addf(&s->origin_body, "%u ", response->status);
}

static void origin_data(void *arg, const char *p, size_t n, uint64_t at)
{
	buf_add(&((struct seams *)arg)->origin_body, p, n);
}

static void origin_done(void *arg, const struct ev_close *close)
{
	atomic_store(&((struct seams *)arg)->origin_done, true);
}

static const struct origin_events origin_events = {origin_head, origin_data,
						   origin_done};

/* ---- the house around them ---- */

static void start_worker(struct seams *s, const struct gate *gates)
{
	struct worker_config c = {.settings = s->settings,
				  .spool = s->spools[0],
				  .redact = s->proxy.redact,
				  .gates = gates,
				  .n_gates = 2};
	struct fail f;

	s->workers[0] = worker_new(&c);
	assert_true(worker_listen(s->workers[0], false, &s->port, &f));
	worker_start(s->workers[0]);
	s->proxy.workers = s->workers;
	s->proxy.n_workers = 1;
	pthread_mutex_init(&s->proxy.settings_lock, NULL);
	s->proxy.settings = s->settings;
}

static struct settings *make_settings(char *url)
{
	char *argv[] = {"--upstream", url, "--listen", "127.0.0.1:0"};
	struct options *o = options_new();
	struct settings *settings;
	struct fail f;

	settings_add_options(o);
	assert_true(options_parse(o, 4, argv, &f));
	settings = settings_new(o, &f);
	assert_non_null(settings);
	options_free(o);
	return settings;
}

static int setup(void **state)
{
	static struct gate gates[2];
	struct seams *s = MEM_NEW(struct seams);
	struct clerk_tap tap = {.head = tap_head,
				.data = tap_data,
				.close = tap_close,
				.arg = s};
	struct fail f;
	char url[64];

	strcpy(s->folder, "/tmp/assay-seams-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	setenv("XDG_DATA_HOME", s->folder, 1);
	snprintf(s->trail, sizeof s->trail, "%s/t.db", s->folder);
	vendor_start(&s->vendor);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", s->vendor.port);
	s->settings = make_settings(url);
	struct spool_options so = {.dir = s->folder,
				   .size = SPOOL_LEAST * 8,
				   .trail = s->trail,
				   .workers = 1};
	s->proxy.trail = trail_record(s->trail, &f);
	assert_non_null(s->proxy.trail);
	s->proxy.redact = redact_rules_new(NULL, 0, &f);
	assert_non_null(s->proxy.redact);
	s->spools[0] = spool_open(&so, &f);
	assert_non_null(s->spools[0]);
	struct clerk_options co = {.trail = s->proxy.trail,
				   .spools = s->spools,
				   .n_spools = 1,
				   .taps = &tap,
				   .n_taps = 1};
	s->proxy.clerk = clerk_start(&co, &f);
	assert_non_null(s->proxy.clerk);
	gates[0] = (struct gate){.body_limit = 8, .ask = ask, .arg = s};
	gates[1] = (struct gate){.ask = ask_again, .arg = s};
	start_worker(s, gates);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct seams *s = *state;
	char cmd[128];

	worker_drain(s->workers[0], clock_mono());
	worker_join(s->workers[0]);
	worker_free(s->workers[0]);
	clerk_stop(s->proxy.clerk);
	spool_free(s->spools[0]);
	trail_close(s->proxy.trail);
	redact_rules_free(s->proxy.redact);
	vendor_stop(&s->vendor);
	settings_unref(s->settings);
	buf_free(&s->tapped);
	buf_free(&s->origin_body);
	snprintf(cmd, sizeof cmd, "rm -r %s", s->folder);
	assert_int_equal(system(cmd), 0);
	free(s);
	return 0;
}

static int ring(struct seams *s, const char *request)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(s->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (void *)&a, sizeof a), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	return fd;
}

/* The whole answer on a connection that says it will be closed. */
static void hear(int fd, char *out, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n + 1 < size && (got = read(fd, out + n, size - 1 - n)) > 0)
		n += (size_t)got;
	out[n] = '\0';
	close(fd);
}

#define POST(path, length)                                                     \
	"POST " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"           \
	"Content-Length: " length "\r\n\r\n"

static void a_gate_that_passes_sees_the_body(void **state)
{
	struct seams *s = *state;
	char out[512];

	hear(ring(s, POST("/pass", "5") "12345"), out, sizeof out);
	assert_non_null(strstr(out, "200 OK"));
	assert_non_null(strstr(out, "hello"));
	assert_int_equal(s->gate_saw, 5);
	assert_true(s->gate_whole);
	clerk_sync(s->proxy.clerk);
	buf_addc(&s->tapped, '\0');
	assert_string_equal(s->tapped.p, "POST /pass HTTP/1.112345hello");
	assert_int_equal(s->last, EV_COMPLETE);
}

static void a_body_over_the_limit_passes_as_unknown(void **state)
{
	struct seams *s = *state;
	char out[512];

	hear(ring(s, POST("/pass", "12") "123456789012"), out, sizeof out);
	assert_non_null(strstr(out, "200 OK"));
	assert_true(s->gate_saw >= 8);
	assert_false(s->gate_whole && s->gate_saw < 12);
}

static void a_body_of_just_the_limit_is_whole(void **state)
{
	struct seams *s = *state;
	char out[512];

	hear(ring(s, POST("/pass", "8") "12345678"), out, sizeof out);
	assert_int_equal(s->gate_saw, 8);
	assert_true(s->gate_whole);
}

static void a_gate_that_answers_keeps_it_from_the_vendor(void **state)
{
	struct seams *s = *state;
	char out[512];

	hear(ring(s, POST("/block", "0")), out, sizeof out);
	assert_non_null(strstr(out, "400 Bad Request"));
	assert_int_equal(atomic_load(&s->vendor.requests), 0);
	clerk_sync(s->proxy.clerk);
	assert_int_equal(s->last, EV_BLOCKED);
	assert_int_equal(s->closes, 1);
}

static uint64_t wait_for(atomic_ullong *key)
{
	for (int i = 0; i < 2000 && !atomic_load(key); i++)
		usleep(1000);
	return atomic_load(key);
}

static uint64_t wait_held(struct seams *s)
{
	return wait_for(&s->held_key);
}

static void a_held_request_goes_on_when_released(void **state)
{
	struct seams *s = *state;
	char out[512];
	int fd = ring(s, POST("/hold", "3") "abc");
	uint64_t key = wait_held(s);

	assert_int_not_equal(key, 0);
	assert_int_equal(atomic_load(&s->vendor.requests), 0);
	gate_release(&s->proxy, key, GATE_PASS, NULL);
	/* the second gate holds it too */
	assert_int_equal(wait_for(&s->held_again), key);
	assert_int_equal(atomic_load(&s->vendor.requests), 0);
	gate_release(&s->proxy, key, GATE_PASS, NULL);
	hear(fd, out, sizeof out);
	assert_non_null(strstr(out, "hello"));
	assert_int_equal(atomic_load(&s->vendor.requests), 1);
}

static void a_held_request_whose_client_left_is_forgotten(void **state)
{
	struct seams *s = *state;
	int fd = ring(s, POST("/hold", "3") "abc");
	uint64_t key = wait_held(s);
	const struct linger reset = {1, 0};
	struct gate_answer a = {0};

	/* A gate's wait reads nothing: a reset is seen within a second. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	usleep(1300000);
	answer_blocked(&a);
	gate_release(&s->proxy, key, GATE_ANSWER, &a);
	for (int i = 0; i < 2000 && s->closes == 0; i++) {
		usleep(1000);
		clerk_sync(s->proxy.clerk);
	}
	assert_int_equal(s->last, EV_RESET_BY_CLIENT);
	assert_int_equal(atomic_load(&s->vendor.requests), 0);
}

static void an_origin_request_reaches_the_vendor(void **state)
{
	struct seams *s = *state;
	struct head_maker m = {0};
	struct origin_request q = {.kind = EV_PROBE,
				   .route = "default",
				   .run = "r1",
				   .body = STR("{}"),
				   .events = &origin_events,
				   .arg = s};
	struct fail f;

	head_make_request(&m, HTTP_1_1, STR("POST"), STR("http"), STR("x"),
			  STR("/probe"));
	m.head.framing = FRAMING_LENGTH;
	m.head.length = 2;
	head_make_field(&m, STR("Content-Length"), STR("2"));
	q.head = head_make_done(&m);
	head_make_free(&m);
	assert_true(origin_start(&s->proxy, &q, &f));
	for (int i = 0; i < 2000 && !atomic_load(&s->origin_done); i++)
		usleep(1000);
	assert_true(atomic_load(&s->origin_done));
	buf_addc(&s->origin_body, '\0');
	assert_string_equal(s->origin_body.p, "200 hello");
	clerk_sync(s->proxy.clerk);
	assert_int_equal(s->last, EV_COMPLETE);
}

static void an_origin_request_needs_a_route(void **state)
{
	struct seams *s = *state;
	struct head_maker m = {0};
	struct origin_request q = {.kind = EV_PROBE, .route = "nowhere"};
	struct fail f;

	head_make_request(&m, HTTP_1_1, STR("GET"), STR("http"), STR("x"),
			  STR("/"));
	q.head = head_make_done(&m);
	head_make_free(&m);
	assert_false(origin_start(&s->proxy, &q, &f));
	assert_string_equal(f.code, "no_such_route");
}

#define SEAM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEAM(a_gate_that_passes_sees_the_body),
		SEAM(a_body_over_the_limit_passes_as_unknown),
		SEAM(a_body_of_just_the_limit_is_whole),
		SEAM(a_gate_that_answers_keeps_it_from_the_vendor),
		SEAM(a_held_request_goes_on_when_released),
		SEAM(a_held_request_whose_client_left_is_forgotten),
		SEAM(an_origin_request_reaches_the_vendor),
		SEAM(an_origin_request_needs_a_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
