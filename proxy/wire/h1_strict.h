/* SPDX-License-Identifier: MIT */
/*
 * What an HTTP/1 head must be before anybody believes it: pure functions over
 * bytes, for both roles.
 *
 *	end = h1_scan(p, n, &scanned, &no);	where does it end?
 *	h1_strict(raw, HEAD_REQUEST, &shape, &no);	what does it say?
 *
 * Whatever two parsers could read in two ways is refused. A proxy that is
 * lenient here lends its connection to request smugglers.
 */
#ifndef WIRE_H1_STRICT_H
#define WIRE_H1_STRICT_H

#include "base/fail.h"
#include "wire/head.h"

/* Why it is refused, and how a server says so. All static words. */
struct h1_refusal {
	unsigned status;
	const char *code, *why;
};

/* What a lawful head says of itself; strs lie within the raw bytes. */
struct h1_shape {
	enum http_version version;
	unsigned status; /* responses */
	struct str method, target,
		scheme; /* requests; target as it is sent on */
	struct str reason;
	struct str host;      /* p == NULL: none */
	struct str authority; /* of an absolute-form, or Host's */
	unsigned n;	      /* fields */
	bool has_length, chunked;
	uint64_t length;
	bool close, keep;   /* tokens of Connection */
	bool wants_upgrade; /* the token, with an Upgrade field */
	bool expect_continue;
};

/*
 * Looks for the empty line that ends a head, from *scanned on, and refuses
 * bare LF, bare CR and other controls on the way. Returns the head's length
 * with the empty line, 0 if it has not come yet, or -1 with *no.
 */
long h1_scan(const char *p, size_t n, uint32_t *scanned,
	     struct h1_refusal *no) MUST_USE;

/* `raw` ends with its empty line and has passed h1_scan(). */
bool h1_strict(struct str raw, enum head_kind kind, struct h1_shape *out,
	       struct h1_refusal *no) MUST_USE;

/* Can this be a Host, a :authority? A name or an address, and maybe a port. */
bool h1_is_authority(struct str s);

#endif
