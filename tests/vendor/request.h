/* SPDX-License-Identifier: MIT */
/*
 * The head of a request, the same for both HTTP versions. All of it is
 * borrowed: it lies in the transport's buffers and is gone after the call
 * that hands it over.
 */
#ifndef VENDOR_REQUEST_H
#define VENDOR_REQUEST_H

#include "base/str.h"

struct field {
	struct str name, value;
};

struct request {
	int version; /* 10, 11 or 20 */
	bool tls;
	struct str method, target, scheme, authority;
	struct field *fields; /* as they came; with h2's pseudo-fields */
	size_t n_fields;
	/* What was found on the way; p == NULL when absent. */
	struct str vendor, connection, upgrade, ws_key, encoding, te;
	struct str length;
	unsigned n_length, n_te, n_host;
	bool expects;
};

/* Remembers the few fields that this vendor acts on. */
void request_note(struct request *r, struct field f);

/* Is it RFC 9110's token? Field names and methods are. */
bool request_is_token(struct str s);

/* A field value without control bytes other than tab. */
bool request_is_value(struct str s);

#endif
