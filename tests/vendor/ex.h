/* SPDX-License-Identifier: MIT */
/*
 * One exchange: a request as it arrives and the answer as it leaves, blind
 * to the HTTP version. The transport (h1, h2) feeds and pulls:
 *
 *	ex_begin(ex, w, &request, wake);
 *	ex_data(ex, p, n); ... ex_end(ex);
 *	if (ex->ready) {                    // else wake() says when
 *		framing = reply_seal(ex);   // the head is final now
 *		... send ex->reply.status and fields ...
 *		while ((what = shape_pull(ex, max, &piece)) == PULL_PIECE)
 *			... send piece as one chunk or frame ...
 *	}
 *	ex_free(ex);
 *
 * An endpoint says what to answer: its head in ex->reply, its body as a
 * source that gives one event or run of bytes a call.
 */
#ifndef VENDOR_EX_H
#define VENDOR_EX_H

#include <openssl/evp.h>

#include "loop.h"
#include "request.h"

#define EX_MAGIC     0x76657865u
#define REPLY_FIELDS 32
#define REPLY_TEXT   768

struct ex;
struct squeeze;
struct talk;

/* How the transport is to end the body. */
enum framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };

struct reply {
	unsigned status;
	unsigned n_fields;
	struct field fields[REPLY_FIELDS];
	char text[REPLY_TEXT]; /* holds the values that are not constants */
	size_t n_text;
	uint64_t length; /* of the body; KNOB_UNSET when unknown */
	struct buf body; /* a fixed body, for source_fixed */
	struct buf filler;
};

struct source {
	/*
	 * Appends the next event, or up to about `hint` bytes of a body
	 * without events. False when nothing follows.
	 */
	bool (*next)(struct ex *ex, size_t hint, struct buf *out);
	bool events;
	uint64_t left, at, state;
	struct talk *talk;
};

struct shape {
	uint64_t sent;	     /* bytes of the body handed out */
	uint64_t start, due; /* of the pace; how many events were due */
	struct str cur;	     /* made, but not yet handed out */
	struct buf rest;     /* where cur lies when scratch is too volatile */
	struct squeeze *squeeze;
	EVP_MD_CTX *sha; /* for the trailers */
	bool drained, littered, resumed;
};

enum body_mode { BODY_DROP, BODY_KEEP, BODY_DIGEST };

struct endpoint {
	struct str path;
	enum body_mode mode;
	bool post_only;
	/* Looks at the head, of which nothing remains later. May be NULL. */
	void (*begin)(struct ex *ex, const struct request *r);
	/* The request is complete: fill ex->reply and ex->source. */
	void (*answer)(struct ex *ex);
};

struct ex {
	unsigned magic;
	struct worker *w;
	const struct endpoint *endpoint;
	void (*wake)(struct ex *ex);
	struct knobs knobs;
	int version;
	bool head_only, ready, closes;
	enum body_mode mode;
	uint8_t encoding;      /* enum knob_encoding of the request's body */
	uint64_t body_n;       /* bytes of the request's body */
	struct buf body;       /* with BODY_KEEP */
	EVP_MD_CTX *sha;       /* with BODY_DIGEST */
	struct buf note;       /* an endpoint's own, between begin and answer */
	struct buf say, think; /* the knobs' texts, decoded */
	struct buf trailers;   /* of the request, as JSON pairs */
	struct timer timer;
	struct reply reply;
	struct source source;
	struct shape shape;
};

void ex_begin(struct ex *ex, struct worker *w, const struct request *r,
	      void (*wake)(struct ex *ex));
void ex_data(struct ex *ex, const char *p, size_t n);
void ex_trailer(struct ex *ex, struct field f);
void ex_end(struct ex *ex);

/* Instead of ex_end, before the body was read: 413. */
void ex_end_early(struct ex *ex);

/* The digest of what BODY_DIGEST has seen, in hex (64 bytes). */
void ex_digest(struct ex *ex, char *hex);

void ex_free(struct ex *ex);

/* A body without events and a pace: may be sent in larger runs. */
static inline bool ex_bulky(const struct ex *ex)
{
	return !ex->source.events && !ex->knobs.onebyte;
}

#endif
