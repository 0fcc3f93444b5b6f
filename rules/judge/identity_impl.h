/* SPDX-License-Identifier: MIT */
/* Inside the track of upstreams: what its check reads. */
#ifndef JUDGE_IDENTITY_IMPL_H
#define JUDGE_IDENTITY_IMPL_H

#include "rules/judge/check_impl.h"

enum identity_what {
	IDENTITY_CERTIFICATE,
	IDENTITY_ADDRESS,
	IDENTITY_SERVER,
	IDENTITY_SETTINGS, /* of the connection: HTTP, TLS, cipher */
	IDENTITY_FINGERPRINT,
	IDENTITY_WHATS
};

enum {
	IDENTITY_MOST = 1024,
	IDENTITY_OF_KEY = 16, /* more values than that tell nothing */
};

/* A value that was seen. */
struct identity_known {
	uint64_t key;	/* of what, of which route */
	uint64_t value; /* its hash */
	uint64_t used;	/* when, by the count of exchanges' values */
	unsigned char text_n;
	char text[79]; /* its beginning */
};

struct identity {
	struct identity_known *known;
	size_t n, most;
	uint64_t clock;
};

int identity_what_of(struct str name); /* -1: no such */

/* What this exchange shows; empty: nothing. May lie in *to. */
struct str identity_value(const struct check_case *c, enum identity_what what,
			  struct buf *to);
uint64_t identity_key(const struct check_case *c, enum identity_what what);

/* NULL: never seen. */
const struct identity_known *identity_find(const struct identity *id,
					   uint64_t key, struct str value);
/* The one seen last under that key, and how many are known of it. */
const struct identity_known *identity_last(const struct identity *id,
					   uint64_t key, size_t *n);

#endif
