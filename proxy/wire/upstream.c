/* SPDX-License-Identifier: MIT */
/* Vendors as the user writes them: "[NAME=]http(s)://host[:port][/path]". */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/pool.h"

#define HOST_MAX 253

static bool bad(struct fail *f, const char *what)
{
	return fail_set(f, FAIL_USER, "bad_upstream",
			"an upstream is written [NAME=]http(s)://host[:port]"
			"[/path], but this one %s",
			what);
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_' &&
		    s.p[i] != '-')
			return false;
	}
	return s.n > 0;
}

/* Cuts "NAME=" off; a '=' behind "://" belongs to the URL. */
static bool take_name(struct str *rest, struct str *name, struct fail *f)
{
	const char *eq = memchr(rest->p, '=', rest->n);
	const char *sep = memmem(rest->p, rest->n, "://", 3);

	*name = STR("default");
	if (!eq || (sep && sep < eq))
		return true;
	*name = (struct str){rest->p, (size_t)(eq - rest->p)};
	*rest = str_skip(*rest, name->n + 1);
	return is_name(*name) ||
	       bad(f, "has a name that is not made of letters, digits, '_' "
		      "and '-'");
}

static bool take_scheme(struct str *rest, const char **scheme, struct fail *f)
{
	static const char *const known[] = {"http", "https"};

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(known[i]);

		if (rest->n > n + 3 && strncasecmp(rest->p, known[i], n) == 0 &&
		    memcmp(rest->p + n, "://", 3) == 0) {
			*scheme = known[i];
			*rest = str_skip(*rest, n + 3);
			return true;
		}
	}
	return bad(f, "does not begin with http:// or https:// and a host");
}

static bool is_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) && !strchr("-._", s.p[i]))
			return false;
	}
	return s.n > 0 && s.n <= HOST_MAX && s.p[0] != '-' && s.p[0] != '.';
}

static bool is_ipv6(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (s.n == 0 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET6, text, &a) == 1;
}

/* "[::1]:80" or "host:80": *rest goes on at the ':' or is empty. */
static bool take_host(struct str *rest, struct str *host, struct fail *f)
{
	const char *end;

	if (rest->n && rest->p[0] == '[') {
		end = memchr(rest->p, ']', rest->n);
		if (!end)
			return bad(f, "lacks the ']' of an IPv6 address");
		*host = (struct str){rest->p + 1, (size_t)(end - rest->p) - 1};
		*rest = str_skip(*rest, host->n + 2);
		return is_ipv6(*host) || bad(f, "has no valid IPv6 address "
						"in its brackets");
	}
	end = memchr(rest->p, ':', rest->n);
	*host = (struct str){rest->p, end ? (size_t)(end - rest->p) : rest->n};
	*rest = str_skip(*rest, host->n);
	return is_host(*host) || bad(f, "has no valid host (international "
					"names go in as xn--...)");
}

static bool take_port(struct str rest, uint16_t *port, struct fail *f)
{
	uint64_t n;

	if (rest.n == 0)
		return true;
	if (rest.p[0] != ':' || !str_u64(str_skip(rest, 1), &n) || n == 0 ||
	    n > 65535)
		return bad(f, "has no valid port (1 to 65535)");
	*port = (uint16_t)n;
	return true;
}

static bool check_path(struct str path, struct fail *f)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if (c <= ' ' || c >= 0x7f)
			return bad(f, "has a space or another character in "
				      "its path that must be percent-encoded");
		if (c == '?' || c == '#')
			return bad(f, "has a query or a fragment, which "
				      "cannot be put before a path");
	}
	return true;
}

static char *make_authority(struct str host, uint16_t port, bool bare)
{
	bool v6 = memchr(host.p, ':', host.n);
	struct buf b = {0};

	buf_addf(&b, v6 ? "[%.*s]" : "%.*s", STR_ARG(host));
	if (!bare)
		buf_addf(&b, ":%u", port);
	buf_addc(&b, '\0');
	return b.p;
}

struct parts {
	struct str name, host, path;
	const char *scheme;
	uint16_t port;
};

static bool parse(struct str rest, struct parts *p, struct fail *f)
{
	struct str authority;
	size_t n = 0;

	if (!take_name(&rest, &p->name, f) ||
	    !take_scheme(&rest, &p->scheme, f))
		return false;
	p->port = strcmp(p->scheme, "https") == 0 ? 443 : 80;
	while (n < rest.n && !strchr("/?#", rest.p[n]))
		n++;
	authority = (struct str){rest.p, n};
	p->path = str_skip(rest, n);
	/* Not repeated in the message: it may hold a password. */
	if (memchr(authority.p, '@', authority.n))
		return bad(f, "has a user or password in it; send credentials "
			      "in a header instead");
	if (!take_host(&authority, &p->host, f) ||
	    !take_port(authority, &p->port, f) || !check_path(p->path, f))
		return false;
	while (p->path.n && p->path.p[p->path.n - 1] == '/')
		p->path.n--;
	return true;
}

struct upstream *upstream_parse(const char *text, struct fail *f)
{
	struct parts p = {0};
	struct upstream *u;
	bool tls;

	if (!parse(str_of(text), &p, f))
		return NULL;
	tls = strcmp(p.scheme, "https") == 0;
	u = MEM_NEW(struct upstream);
	u->name = str_dup(p.name);
	u->scheme = str_dup(str_of(p.scheme));
	u->host = str_dup(p.host);
	u->authority =
		make_authority(p.host, p.port, p.port == (tls ? 443 : 80));
	u->prefix = str_dup(p.path);
	u->port = p.port;
	return u;
}

void upstream_free(struct upstream *u)
{
	if (!u)
		return;
	free(u->name);
	free(u->scheme);
	free(u->host);
	free(u->authority);
	free(u->prefix);
	free(u);
}
