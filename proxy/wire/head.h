/* SPDX-License-Identifier: MIT */
/*
 * A message head (or trailer section), the same for every HTTP version:
 *
 *	one allocation:  struct | fields[n] | bytes (all strs point in here)
 *
 * Names keep their case and fields their order and duplicates, so that what
 * goes out is what came in. h2 pseudo-header fields are not in `fields`.
 */
#ifndef WIRE_HEAD_H
#define WIRE_HEAD_H

#include "base/buf.h"
#include "base/str.h"

enum http_version { HTTP_1_0, HTTP_1_1, HTTP_2 };
enum head_kind { HEAD_REQUEST, HEAD_RESPONSE, HEAD_TRAILERS };

/* How the body's end is told. */
enum head_framing {
	FRAMING_NONE,	 /* no body follows (HEAD, 204, 304, GET without) */
	FRAMING_LENGTH,	 /* content-length */
	FRAMING_CHUNKED, /* h1 transfer-encoding */
	FRAMING_CLOSE,	 /* h1 response: until the connection closes */
	FRAMING_H2,	 /* END_STREAM, no length given */
	FRAMING_TUNNEL,	 /* after 101 or a 2xx to CONNECT: bytes both ways */
};

struct head_field {
	struct str name, value;
};

struct head {
	enum head_kind kind;
	enum http_version version;
	enum head_framing framing;
	unsigned status;	      /* responses */
	struct str reason;	      /* h1 responses; may be empty */
	struct str method, target;    /* requests; target = path and query */
	struct str scheme, authority; /* h2 pseudo, absolute-form, or Host */
	uint64_t length;	      /* with FRAMING_LENGTH */
	uint64_t first_at, at; /* clock_mono of its first and last byte */
	bool upgrade;	       /* h1: asks for or grants an Upgrade */
	bool expect_continue;
	bool keep_alive; /* h1: the sender will keep it open */
	unsigned n;
	struct head_field *fields;
	/*
	 * The head for the record: h1: the bytes as they came, with the empty
	 * line; h2: ":name: value\r\n" for pseudo fields, then the fields and
	 * an empty line.
	 */
	struct str raw;
};

void head_free(struct head *h);

/* A zeroed head with n fields to fill in and *room for `bytes` behind them. */
struct head *head_new(unsigned n, size_t bytes, char **room);
struct head *head_copy(const struct head *h);

/* The first field of that name (case ignored), or NULL. */
const struct head_field *head_find(const struct head *h, struct str name);

/* Does any field of that name list `token`? */
bool head_lists(const struct head *h, struct str name, struct str token);

/*
 * Is the field about this hop alone: Connection and what it names,
 * Keep-Alive, Proxy-Connection, Transfer-Encoding, Upgrade, TE, HTTP2-
 * Settings? (RFC 9110, 7.6.1). Content-Length is not.
 */
bool head_is_hop(const struct head *h, const struct head_field *f);

/*
 * Builds a head piece by piece; codecs and answers of our own use it. The
 * offsets become pointers when it is sealed into its one allocation.
 *
 *	struct head_maker m = {0};
 *	head_make_status(&m, HTTP_1_1, 502, STR("Bad Gateway"));
 *	head_make_field(&m, STR("content-type"), STR("application/json"));
 *	struct head *h = head_make_done(&m);
 */
struct head_span {
	uint32_t at, n;
};
struct head_maker {
	struct head head;
	struct buf bytes;
	struct head_span *spans; /* name, value, name, value, ... */
	unsigned n, cap;
	struct head_span reason, method, target, scheme, authority, raw;
};
void head_make_status(struct head_maker *m, enum http_version v,
		      unsigned status, struct str reason);
void head_make_request(struct head_maker *m, enum http_version v,
		       struct str method, struct str scheme,
		       struct str authority, struct str target);
void head_make_field(struct head_maker *m, struct str name, struct str value);
void head_make_raw(struct head_maker *m, struct str raw);
/* Seals it; resets *m for the next one, its memory kept. The caller frees. */
struct head *head_make_done(struct head_maker *m);
void head_make_free(struct head_maker *m);

#endif
