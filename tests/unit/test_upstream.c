/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/pool.h"

struct good {
	const char *text, *name, *scheme, *host, *authority, *prefix;
	uint16_t port;
};

static const struct good good[] = {
	{"https://api.vendor.example", "default", "https", "api.vendor.example",
	 "api.vendor.example", "", 443},
	{"http://api.vendor.example/", "default", "http", "api.vendor.example",
	 "api.vendor.example", "", 80},
	{"HTTPS://Api.Vendor.Example:443/v1//", "default", "https",
	 "Api.Vendor.Example", "Api.Vendor.Example", "/v1", 443},
	{"http://127.0.0.1:443", "default", "http", "127.0.0.1",
	 "127.0.0.1:443", "", 443},
	{"https://h:80/a/b=c", "default", "https", "h", "h:80", "/a/b=c", 80},
	{"my-Vendor_2=http://[::1]:8080/x", "my-Vendor_2", "http", "::1",
	 "[::1]:8080", "/x", 8080},
	{"v6=https://[2001:db8::1]", "v6", "https", "2001:db8::1",
	 "[2001:db8::1]", "", 443},
	{"https://h/%20x", "default", "https", "h", "h", "/%20x", 443},
};

static void test_good(void **state)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		const struct good *g = &good[i];
		struct fail f;
		struct upstream *u = upstream_parse(g->text, &f);

		if (!u)
			fail_msg("%s: %s", g->text, f.text);
		assert_string_equal(u->name, g->name);
		assert_string_equal(u->scheme, g->scheme);
		assert_string_equal(u->host, g->host);
		assert_string_equal(u->authority, g->authority);
		assert_string_equal(u->prefix, g->prefix);
		assert_int_equal(u->port, g->port);
		assert_int_equal(u->http, UPSTREAM_AUTO);
		assert_null(u->tls);
		upstream_free(u);
	}
	upstream_free(NULL);
}

static const struct {
	const char *text, *says;
} bad[] = {
	{"", "does not begin"},
	{"api.vendor.example", "does not begin"},
	{"ftp://h", "does not begin"},
	{"https:/h", "does not begin"},
	{"https://", "does not begin"},
	{"https:///v1", "no valid host"},
	{"=https://h", "name"},
	{"a b=https://h", "name"},
	{"a/b=https://h", "name"},
	{"a=b=https://h", "does not begin"},
	{"https://user:secret@h/", "password"},
	{"https://h?x=y", "query"},
	{"https://h/v1?key=secret", "query"},
	{"https://h/#top", "fragment"},
	{"https://h/a b", "percent-encoded"},
	{"https://h/\xc3\xa9", "percent-encoded"},
	{"https://b\xc3\xbc\x63her.example", "xn--"},
	{"https://h:0", "port"},
	{"https://h:65536", "port"},
	{"https://h:", "port"},
	{"https://h:8x", "port"},
	{"https://-h", "host"},
	{"https://h_1\t", "host"},
	{"https://[::1", "']'"},
	{"https://[::g]", "IPv6"},
	{"https://[]", "IPv6"},
	{"https://[::1]x", "port"},
	{"https://::1", "port"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct fail f = {0};
		struct upstream *u = upstream_parse(bad[i].text, &f);

		if (u)
			fail_msg("%s was taken", bad[i].text);
		assert_string_equal(f.code, "bad_upstream");
		if (!strstr(f.text, bad[i].says))
			fail_msg("%s: %s", bad[i].text, f.text);
		assert_null(strstr(f.text, "secret"));
	}
}

static void test_long_host(void **state)
{
	char text[400];
	struct fail f;

	memset(text, 'a', sizeof text);
	memcpy(text, "https://", 8);
	text[8 + 253] = '\0';
	upstream_free(upstream_parse(text, &f));
	text[8 + 253] = 'a';
	text[8 + 254] = '\0';
	assert_null(upstream_parse(text, &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
