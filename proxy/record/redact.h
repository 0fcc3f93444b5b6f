/* SPDX-License-Identifier: MIT */
/*
 * Keeps credentials out of the record: each becomes "assay-key:" and 16 hex
 * digits of a keyed fingerprint, the same for the same secret, so that two
 * exchanges can be seen to carry one key without anybody learning it.
 *
 *	rules = redact_rules_new(names, n, &f)		once, shared
 *	set = redact_learn(cache, request_head)		once an exchange
 *	redact_head(rules, set, raw, &out)		by name and by value
 *	redact_data(set, &carry, bytes, last, &out)	by value, across chunks
 *	redact_unref(set)
 *
 * By name: the values of credential fields and of key-like query fields. By
 * value: every secret of 8 bytes or more of the request's head is searched in
 * all that is recorded of the exchange, plain, percent-encoded, JSON-escaped,
 * and for Basic also decoded.
 */
#ifndef RECORD_REDACT_H
#define RECORD_REDACT_H

#include "base/buf.h"
#include "base/fail.h"

struct redact_rules; /* immutable, any thread */
struct redact_cache; /* recent credentials; one thread */
struct redact_set;   /* the secrets of a request; that thread */

/*
 * `names` are header or query names of the user's (--redact), beside the
 * known ones. Reads the fingerprint's key from $XDG_DATA_HOME/assay/
 * fingerprint.key (or ~/.local/share), and makes it at first use. Codes:
 * fingerprint_key_unreadable, fingerprint_key_unwritable.
 */
struct redact_rules *redact_rules_new(const char *const *names, size_t n,
				      struct fail *f) MUST_USE;
void redact_rules_free(struct redact_rules *r);

/* What replaces a secret. */
#define REDACT_PREFIX "assay-key:"
#define REDACT_SIZE   (sizeof REDACT_PREFIX - 1 + 16)
void redact_fingerprint(const struct redact_rules *r, struct str secret,
			char out[REDACT_SIZE]);

struct redact_cache *redact_cache_new(const struct redact_rules *r);
void redact_cache_free(struct redact_cache *c);

/*
 * The secrets of a request's head, as a reference that the caller gives back;
 * NULL if there are none to search for. Cheap while the same credentials
 * come again.
 */
struct redact_set *redact_learn(struct redact_cache *c, struct str raw);
struct redact_set *redact_ref(struct redact_set *s);
void redact_unref(struct redact_set *s);

/* Appends a head without its secrets; returns how many were replaced. */
unsigned redact_head(const struct redact_rules *r, const struct redact_set *s,
		     struct str raw, struct buf *out);

/* Masks every secret of a cached set in a text; returns how many. */
unsigned redact_text(const struct redact_cache *c, struct str text,
		     struct buf *out);

/*
 * What the end of one chunk may have begun: the first `matched` bytes of a
 * secret, of which the first `recorded` have been given out already. Starts
 * zeroed; one for each direction.
 */
struct redact_carry {
	uint16_t needle;
	uint16_t recorded;
	uint32_t matched;
};

/* True if these bytes can be recorded as they are: nothing carried over,
 * nothing found, nothing begun. The usual case, and fast. */
bool redact_clean(const struct redact_set *s, const struct redact_carry *c,
		  struct str bytes);

/*
 * Appends the bytes with secrets replaced; returns how many were. A beginning
 * of 8 bytes or more of a secret at the end is held back until the next call
 * decides it. `last`: no more will come: a beginning of more than 12 bytes is
 * replaced as if it were whole, a shorter one is given out as it is.
 */
unsigned redact_data(const struct redact_set *s, struct redact_carry *c,
		     struct str bytes, bool last, struct buf *out);

/* Bytes held back. */
static inline size_t redact_held(const struct redact_carry *c)
{
	return c->matched - c->recorded;
}

#endif
