/* SPDX-License-Identifier: MIT */
/*
 * Addresses as users write them: "127.0.0.1:8787", "[::1]:0", "10.0.0.0/8".
 *
 *	char why[NET_WHY];
 *	if (!net_parse_listen("[::1]:8787", &l, why)) ...
 *
 * On false, `why` is the rest of a sentence about what was wrong. An IPv4
 * address mapped into IPv6 counts as the IPv4 address everywhere.
 */
#ifndef RELAY_NET_H
#define RELAY_NET_H

#include "base/buf.h"
#include "relay/settings.h"

#define NET_WHY 200

/* ADDR:PORT with a numeric address, IPv6 in brackets; "localhost" is
 * 127.0.0.1. Fills addr and addr_len, leaves shown alone. */
bool net_parse_listen(const char *text, struct settings_listen *out,
		      char why[NET_WHY]) MUST_USE;

/* NET/BITS, or a single address. Bits beyond the mask must be zero. */
bool net_parse_cidr(const char *text, struct settings_cidr *out,
		    char why[NET_WHY]) MUST_USE;

bool net_is_loopback(const struct sockaddr *a);
bool net_is_within(const struct sockaddr *a, const struct settings_cidr *c);

/* Appends "ADDR:PORT", IPv6 in brackets; `port` 0 takes the address's own. */
void net_show(struct buf *to, const struct sockaddr *a, uint16_t port);

#endif
