/* SPDX-License-Identifier: MIT */
#include "relay/settings.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "relay/net.h"

/* ---- from a command line to settings ---- */

static struct settings *make(struct fail *f, char **line)
{
	struct options *o = options_new();
	struct settings *s = NULL;
	int n = 0;

	while (line[n])
		n++;
	settings_add_options(o);
	if (options_parse(o, n, line, f))
		s = settings_new(o, f);
	options_free(o);
	return s;
}

#define LINE(...) ((char *[]){__VA_ARGS__, NULL})
/* In clear, so that no list of authorities is loaded each time. */
#define URL "--upstream=http://api.vendor.example"

static struct settings *good(char **line)
{
	struct fail f = {0};
	struct settings *s = make(&f, line);

	if (!s)
		fail_msg("%s: %s [%s]", line[0], f.text, f.code);
	return s;
}

static void refuse(char **line, const char *code, const char *words)
{
	struct fail f = {0};
	struct settings *s = make(&f, line);

	if (s)
		fail_msg("%s was taken", line[0]);
	if (strcmp(f.code, code) != 0 || !strstr(f.text, words))
		fail_msg("\"%s\" [%s] instead of \"%s\" [%s]", f.text, f.code,
			 words, code);
}

static void presets(void **state)
{
	struct settings *s =
		good(LINE("--upstream=https://api.vendor.example"));

	(void)state;
	assert_int_equal(s->n_upstreams, 1);
	assert_string_equal(s->upstreams[0]->name, "default");
	assert_string_equal(s->upstreams[0]->host, "api.vendor.example");
	assert_int_equal(s->upstreams[0]->port, 443);
	assert_non_null(s->upstreams[0]->tls);
	assert_int_equal(s->upstreams[0]->http, UPSTREAM_AUTO);
	assert_int_equal(s->n_listens, 1);
	assert_string_equal(s->listens[0].shown, "127.0.0.1:8787");
	assert_null(s->server_tls);
	assert_string_equal(s->trail, "assay.db");
	assert_null(s->spool_dir);
	assert_false(s->strict);
	assert_int_equal(s->spool_size, 0);
	assert_int_equal(s->workers, 1);
	assert_int_equal(s->max_head, 65536);
	assert_int_equal(s->connect_timeout_ns, 10 * NS_PER_S);
	assert_int_equal(s->idle_timeout_ns, 0);
	assert_int_equal(s->drain_ns, 10 * NS_PER_S);
	assert_int_equal(s->log_level, LOG_INFO);
	settings_unref(s);
}

static void everything_said(void **state)
{
	struct settings *s = good(
		LINE("--upstream=http://127.0.0.1:9/base/", "--upstream",
		     "kimi=https://kimi.example", "--upstream-http=2",
		     "--listen=[::1]:0", "--listen=127.0.0.1:0", "--trail=t.db",
		     "--record=strict", "--spool-size=8M", "--spool-dir=/tmp",
		     "--workers=3", "--max-head=16K", "--connect-timeout=250ms",
		     "--idle-timeout=5m", "--drain=0", "--redact=X-Mine",
		     "--redact=token", "--verbose", "--allow=10.0.0.0/8"));

	(void)state;
	assert_int_equal(s->n_upstreams, 2);
	assert_string_equal(s->upstreams[0]->prefix, "/base");
	assert_null(s->upstreams[0]->tls);
	assert_int_equal(s->upstreams[1]->http, UPSTREAM_H2);
	assert_int_equal(s->n_listens, 2);
	assert_int_equal(s->listens[0].addr.ss_family, AF_INET6);
	assert_true(s->strict);
	assert_int_equal(s->spool_size, 8 << 20);
	assert_int_equal(s->workers, 3);
	assert_int_equal(s->max_head, 16384);
	assert_int_equal(s->connect_timeout_ns, 250 * NS_PER_MS);
	assert_int_equal(s->idle_timeout_ns, 300 * NS_PER_S);
	assert_int_equal(s->drain_ns, 0);
	assert_int_equal(s->n_redact, 2);
	assert_string_equal(s->redact[1], "token");
	assert_int_equal(s->log_level, LOG_DEBUG);
	settings_unref(s);
}

static void upstreams_are_checked(void **state)
{
	(void)state;
	refuse(LINE("--quiet"), "missing_value", "--upstream is missing");
	refuse(LINE(URL, URL), "bad_value", "only the first can do without");
	refuse(LINE("--upstream=a=http://a", URL), "bad_value",
	       "only the first can do without");
	refuse(LINE("--upstream=a=http://a", "--upstream=a=http://b"),
	       "bad_value", "the name a is taken twice");
	refuse(LINE("--upstream=v1=http://a"), "bad_value",
	       "would catch every path under /v1/");
	for (unsigned i = 0; i < 8; i++) {
		static const char *const bad[] = {
			"ftp://a",	  "http://",	 "api.vendor.example",
			"http://a:99999", "=http://a",	 "x/y=http://a",
			"..=http://a",	  "a b=http://a"};
		char arg[80];
		struct fail f;

		snprintf(arg, sizeof arg, "--upstream=%s", bad[i]);
		assert_null(make(&f, LINE(arg)));
		assert_non_null(strstr(f.text, "--upstream"));
	}
}

static void listeners_are_checked(void **state)
{
	(void)state;
	refuse(LINE(URL, "--listen=127.0.0.1"), "bad_value", "--listen: ");
	refuse(LINE(URL, "--listen=127.0.0.1:x"), "bad_value", "--listen: ");
	refuse(LINE(URL, "--listen=127.0.0.1:70000"), "bad_value",
	       "--listen: ");
	refuse(LINE(URL, "--listen=:80"), "bad_value", "--listen: ");
	refuse(LINE(URL, "--listen=::1:80"), "bad_value", "--listen: ");
	refuse(LINE(URL, "--listen=[::1:80"), "bad_value", "--listen: ");
	refuse(LINE(URL, "--listen=host.example:80"), "bad_value",
	       "--listen: ");
	refuse(LINE(URL, "--listen=127.0.0.1:80", "--listen=127.0.0.1:80"),
	       "bad_value", "127.0.0.1:80 is there twice");
	refuse(LINE(URL, "--listen=0.0.0.0:0"), "bad_value", "--allow CIDR");
	refuse(LINE(URL, "--listen=[::]:0"), "bad_value", "--allow CIDR");
	refuse(LINE(URL, "--listen=192.0.2.1:1"), "bad_value", "--allow CIDR");
	settings_unref(
		good(LINE(URL, "--listen=0.0.0.0:0", "--allow=10.1.0.0/16")));
	settings_unref(good(
		LINE(URL, "--listen=127.0.0.1:0", "--listen=127.0.0.1:0")));
	settings_unref(good(LINE(URL, "--listen=localhost:8787")));
	settings_unref(good(LINE(URL, "--listen=127.9.9.9:8787")));
}

static void the_rest_is_checked(void **state)
{
	(void)state;
	refuse(LINE(URL, "--tls-cert=x"), "missing_value",
	       "--tls-key is missing");
	refuse(LINE(URL, "--tls-key=x"), "missing_value",
	       "--tls-cert is missing");
	refuse(LINE(URL, "--tls-cert=/nonexistent", "--tls-key=/nonexistent"),
	       "bad_certificate", "--tls-cert: ");
	refuse(LINE("--upstream=https://a", "--upstream-ca=/nonexistent"),
	       "bad_ca", "--upstream-ca: ");
	refuse(LINE(URL, "--upstream-ca=/nonexistent"), "bad_ca",
	       "--upstream-ca: ");
	refuse(LINE(URL, "--workers=0"), "bad_value",
	       "--workers: 0 is out of range: wanted is 1 to 256");
	refuse(LINE(URL, "--workers=257"), "bad_value", "1 to 256");
	refuse(LINE(URL, "--max-head=1K"), "bad_value", "4K to 1M");
	refuse(LINE(URL, "--max-head=2M"), "bad_value", "4K to 1M");
	refuse(LINE(URL, "--connect-timeout=0"), "bad_value",
	       "--connect-timeout: 0 is out of range");
	refuse(LINE(URL, "--idle-timeout=5ms"), "bad_value",
	       "--idle-timeout: 5ms is out of range");
	refuse(LINE(URL, "--drain=9000h"), "bad_value", "0 to a year");
	refuse(LINE(URL, "--spool-size=1K"), "bad_value", "--spool-size");
	refuse(LINE(URL, "--spool-size=2M", "--record=strict"), "bad_value",
	       "--spool-size");
	refuse(LINE(URL, "--redact=X: y"), "bad_value", "--redact");
	refuse(LINE(URL, "--quiet", "--verbose"), "bad_option",
	       "exclude each other");
	refuse(LINE(URL, "--allow=10.0.0.0/99"), "bad_value", "--allow: ");
}

/* ---- routes ---- */

static void expect_route(const struct settings *s, const char *target,
			 const char *name, size_t strip)
{
	size_t cut = 99;
	const struct upstream *u = settings_route(s, str_of(target), &cut);

	assert_string_equal(u->name, name);
	assert_int_equal(cut, strip);
}

static void routes(void **state)
{
	struct settings *s =
		good(LINE("--upstream=http://first", "--upstream",
			  "kimi=http://second", "--upstream=k=http://third"));

	(void)state;
	expect_route(s, "/v1/models", "default", 0);
	expect_route(s, "/kimi/v1/models?x=1", "kimi", 5);
	expect_route(s, "/kimi", "kimi", 5);
	expect_route(s, "/kimi?x=2", "kimi", 5);
	expect_route(s, "/k/", "k", 2);
	expect_route(s, "/kimix/v1", "default", 0);
	expect_route(s, "/Kimi/v1", "default", 0);
	expect_route(s, "/x/kimi/v1", "default", 0);
	expect_route(s, "/default/v1", "default", 0);
	expect_route(s, "/", "default", 0);
	expect_route(s, "//kimi", "default", 0);
	expect_route(s, "", "default", 0);
	expect_route(s, "*", "default", 0);
	expect_route(s, "kimi/", "default", 0);
	assert_string_equal(settings_upstream(s, STR("k"))->host, "third");
	assert_null(settings_upstream(s, STR("none")));
	settings_unref(s);
}

static void a_named_first_is_default_too(void **state)
{
	struct settings *s = good(LINE("--upstream=a=http://first"));

	(void)state;
	expect_route(s, "/a/v1", "a", 2);
	expect_route(s, "/v1", "a", 0);
	settings_unref(s);
}

/* ---- networks ---- */

static bool allows(const struct settings *s, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return settings_allows(s, (void *)&in);
	assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	return settings_allows(s, (void *)&in6);
}

static void loopback_alone(void **state)
{
	struct settings *s = good(LINE(URL));

	(void)state;
	assert_true(allows(s, "127.0.0.1"));
	assert_true(allows(s, "127.255.0.9"));
	assert_true(allows(s, "::1"));
	assert_true(allows(s, "::ffff:127.0.0.1"));
	assert_false(allows(s, "128.0.0.1"));
	assert_false(allows(s, "10.0.0.1"));
	assert_false(allows(s, "::2"));
	assert_false(allows(s, "::"));
	assert_false(allows(s, "::ffff:10.0.0.1"));
	settings_unref(s);
}

static void allowed_networks(void **state)
{
	struct settings *s =
		good(LINE(URL, "--allow=10.1.128.0/17", "--allow=192.0.2.7",
			  "--allow", "fd00:1::/33"));

	(void)state;
	assert_true(allows(s, "127.0.0.1"));
	assert_true(allows(s, "10.1.128.0"));
	assert_true(allows(s, "10.1.255.255"));
	assert_true(allows(s, "::ffff:10.1.200.1"));
	assert_false(allows(s, "10.1.127.255"));
	assert_false(allows(s, "10.2.128.0"));
	assert_true(allows(s, "192.0.2.7"));
	assert_false(allows(s, "192.0.2.6"));
	assert_true(allows(s, "fd00:1:7fff::1"));
	assert_false(allows(s, "fd00:1:8000::1"));
	assert_false(allows(s, "fd00:2::1"));
	settings_unref(s);
}

static void cidrs(void **state)
{
	static const char *const bad[] = {
		"",	      "10.0.0.0/",   "10.0.0.0/33", "10.0.0/8",
		"10.0.0.1/8", "fd00::/129",  "fd00::1/64",  "/8",
		"::/-1",      "10.0.0.0/8 ", "example.com", "10.0.0.0/8/8"};
	struct settings_cidr c;
	char why[NET_WHY];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why[0] = '\0';
		assert_false(net_parse_cidr(bad[i], &c, why));
		assert_int_not_equal(why[0], '\0');
	}
	assert_true(net_parse_cidr("0.0.0.0/0", &c, why));
	assert_true(net_parse_cidr("::/0", &c, why));
	assert_true(net_parse_cidr("fd00::1", &c, why));
	assert_int_equal(c.bits, 128);
}

static void addresses_are_shown(void **state)
{
	struct settings_listen l;
	char why[NET_WHY];
	struct buf b = {0};

	(void)state;
	assert_true(net_parse_listen("[::1]:0", &l, why));
	net_show(&b, (void *)&l.addr, 77);
	buf_addc(&b, ' ');
	assert_true(net_parse_listen("127.0.0.1:80", &l, why));
	net_show(&b, (void *)&l.addr, 0);
	buf_addc(&b, '\0');
	assert_string_equal(b.p, "[::1]:77 127.0.0.1:80");
	buf_free(&b);
}

/* ---- reload ---- */

static void follow(char **now, char **next, const char *what)
{
	struct settings *a = good(now), *b = good(next);
	struct fail f;
	bool can = settings_can_follow(a, b, &f);

	assert_int_equal(can, what == NULL);
	if (what) {
		assert_string_equal(f.code, "needs_restart");
		assert_non_null(strstr(f.text, what));
	}
	settings_unref(a);
	settings_unref(b);
}

static void what_can_follow(void **state)
{
	(void)state;
	follow(LINE(URL), LINE(URL), NULL);
	follow(LINE(URL),
	       LINE("--upstream=http://other", "--drain=1", "--quiet",
		    "--idle-timeout=5", "--max-head=8K", "--allow=10.0.0.0/8"),
	       NULL);
	follow(LINE(URL), LINE(URL, "--listen=127.0.0.1:1"), "--listen");
	follow(LINE(URL), LINE(URL, "--trail=x"), "--trail");
	follow(LINE(URL), LINE(URL, "--spool-dir=/x"), "--spool-dir");
	follow(LINE(URL), LINE(URL, "--spool-size=8M"), "--spool-size");
	follow(LINE(URL), LINE(URL, "--workers=2"), "--workers");
	follow(LINE(URL), LINE(URL, "--record=strict"), "--record");
	follow(LINE(URL), LINE(URL, "--redact=x"), "--redact");
	follow(LINE(URL, "--redact=y"), LINE(URL, "--redact=x"), "--redact");
}

static void references(void **state)
{
	struct settings *s = good(LINE(URL));

	(void)state;
	assert_ptr_equal(settings_ref(s), s);
	settings_unref(s);
	assert_int_equal(s->n_upstreams, 1);
	settings_unref(s);
	settings_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets),
		cmocka_unit_test(everything_said),
		cmocka_unit_test(upstreams_are_checked),
		cmocka_unit_test(listeners_are_checked),
		cmocka_unit_test(the_rest_is_checked),
		cmocka_unit_test(routes),
		cmocka_unit_test(a_named_first_is_default_too),
		cmocka_unit_test(loopback_alone),
		cmocka_unit_test(allowed_networks),
		cmocka_unit_test(cidrs),
		cmocka_unit_test(addresses_are_shown),
		cmocka_unit_test(what_can_follow),
		cmocka_unit_test(references),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
