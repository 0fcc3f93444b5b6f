/* SPDX-License-Identifier: MIT */
#include "relay/net.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

/* An address without its port: family and 4 or 16 bytes. */
struct raw {
	int family;
	unsigned char b[16];
	unsigned n;
};

static bool raw_of(const struct sockaddr *a, struct raw *r)
{
	const struct sockaddr_in *in = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;

	*r = (struct raw){.family = a->sa_family};
	if (a->sa_family == AF_INET) {
		r->n = 4;
		memcpy(r->b, &in->sin_addr, 4);
	} else if (a->sa_family == AF_INET6 &&
		   IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		r->family = AF_INET;
		r->n = 4;
		memcpy(r->b, in6->sin6_addr.s6_addr + 12, 4);
	} else if (a->sa_family == AF_INET6) {
		r->n = 16;
		memcpy(r->b, &in6->sin6_addr, 16);
	}
	return r->n > 0;
}

static bool bits_equal(const unsigned char *a, const unsigned char *b,
		       unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	unsigned char mask = (unsigned char)(0xff00u >> rest);

	return memcmp(a, b, whole) == 0 &&
	       (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

bool net_is_within(const struct sockaddr *a, const struct settings_cidr *c)
{
	struct raw r;

	return raw_of(a, &r) && r.family == c->family &&
	       bits_equal(r.b, c->net, c->bits);
}

bool net_is_loopback(const struct sockaddr *a)
{
	static const struct settings_cidr v4 = {AF_INET, {127}, 8};
	static const struct settings_cidr v6 = {AF_INET6, {[15] = 1}, 128};

	return net_is_within(a, &v4) || net_is_within(a, &v6);
}

/* Splits at the colon before the port; brackets come off. */
static bool split_port(const char *text, char host[80], const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n == 0 || n >= 80)
		return false;
	if (text[0] == '[') {
		if (n < 3 || text[n - 1] != ']')
			return false;
		text++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		return false;
	}
	memcpy(host, text, n);
	host[n] = '\0';
	*port = colon + 1;
	return true;
}

static bool resolve(const char *host, const char *port,
		    struct settings_listen *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
			*found = NULL;

	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	memcpy(&out->addr, found->ai_addr, found->ai_addrlen);
	out->addr_len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool net_parse_listen(const char *text, struct settings_listen *out,
		      char why[NET_WHY])
{
	char host[80];
	const char *port;
	uint64_t n;

	if (!split_port(text, host, &port) || !str_u64(str_of(port), &n) ||
	    n > 65535 || !resolve(host, port, out)) {
		snprintf(why, NET_WHY,
			 "\"%.80s\" is not an address and a port: write "
			 "127.0.0.1:8787 or [::1]:8787",
			 text);
		return false;
	}
	return true;
}

static bool parse_address(struct str text, struct settings_cidr *out)
{
	char host[64];

	if (text.n == 0 || text.n >= sizeof host)
		return false;
	memcpy(host, text.p, text.n);
	host[text.n] = '\0';
	memset(out, 0, sizeof *out);
	out->family = strchr(host, ':') ? AF_INET6 : AF_INET;
	return inet_pton(out->family, host, out->net) == 1;
}

bool net_parse_cidr(const char *text, struct settings_cidr *out,
		    char why[NET_WHY])
{
	struct str rest = str_of(text), host = str_cut(&rest, '/');
	uint64_t bits, most;
	unsigned char zero[16] = {0};

	if (!parse_address(host, out))
		goto bad;
	most = out->family == AF_INET ? 32 : 128;
	bits = most;
	if (rest.p && (!str_u64(rest, &bits) || bits > most))
		goto bad;
	out->bits = (unsigned)bits;
	for (unsigned i = 0; i < out->bits; i++)
		zero[i / 8] |=
			(unsigned char)(out->net[i / 8] & (0x80u >> i % 8));
	if (memcmp(zero, out->net, 16) == 0)
		return true;
	snprintf(why, NET_WHY,
		 "\"%.80s\" has bits set beyond its first %u: write the "
		 "network's own address",
		 text, out->bits);
	return false;
bad:
	snprintf(why, NET_WHY,
		 "\"%.80s\" is not a network: write 10.0.0.0/8, fd00::/8 or "
		 "one address",
		 text);
	return false;
}

void net_show(struct buf *to, const struct sockaddr *a, uint16_t port)
{
	const struct sockaddr_in *in = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;
	bool six = a->sa_family == AF_INET6;
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(a->sa_family,
		  six ? (const void *)&in6->sin6_addr
		      : (const void *)&in->sin_addr,
		  text, sizeof text);
	if (port == 0)
		port = ntohs(six ? in6->sin6_port : in->sin_port);
	buf_addf(to, six ? "[%s]:%u" : "%s:%u", text, port);
}
