/* SPDX-License-Identifier: MIT */
/* What the files of redact share. */
#ifndef RECORD_REDACT_IMPL_H
#define RECORD_REDACT_IMPL_H

#include "record/redact.h"

#define REDACT_KEY_SIZE 32
#define REDACT_LEAST	8    /* shorter secrets are not searched for */
#define REDACT_MOST	8192 /* nor are longer ones */
#define REDACT_NEEDLES	48   /* nor more forms of them an exchange */

struct redact_rules {
	unsigned magic;
	unsigned char key[REDACT_KEY_SIZE];
	char **names; /* the user's */
	size_t n_names;
};

void redact_rules_assert(const struct redact_rules *r);

/* Pages that no core dump shows, zeroed; wiped when given back. */
void *redact_pages(size_t n);
void redact_pages_free(void *p, size_t n);

/* Reads the fingerprint's key, or makes it. */
bool redact_key_load(unsigned char key[REDACT_KEY_SIZE], struct fail *f);

/* ---- by name ---- */

/* How a credential is written, and so what else it says. */
enum redact_form {
	REDACT_PLAIN,
	REDACT_BASIC,	 /* base64 of "user:password" */
	REDACT_USERINFO, /* "user:password" */
	REDACT_QUERY,	 /* percent-encoded */
};

/* Calls `each` for every credential in a head, in order of place. */
typedef void redact_each(void *arg, struct str secret, enum redact_form form);
void redact_scan(const struct redact_rules *r, struct str raw,
		 redact_each *each, void *arg);

/* ---- by value ---- */

/* One form of a secret, ready to be searched for. */
struct redact_needle {
	const unsigned char *p;
	uint32_t n;
	char mask[REDACT_SIZE];
	unsigned char skip[256]; /* Horspool: how far a last byte lets us go */
};

struct redact_set {
	unsigned magic, refs;
	size_t mapped;
	uint64_t hash;	   /* of what it was made from */
	struct str source; /* that: every credential, its form and length */
	unsigned n;
	struct redact_needle needles[];
};

void redact_needle_init(struct redact_needle *d, const unsigned char *p,
			size_t n);

/* Replaces what is found in a text that stands alone. */
unsigned redact_whole(const struct redact_set *s, struct str text,
		      struct buf *out);

/* The needle that is this secret as it was learnt, or NULL. */
const struct redact_needle *redact_known(const struct redact_set *s,
					 struct str secret);

#endif
