/* SPDX-License-Identifier: MIT */
/*
 * Seals: what makes a trail evidence. Each exchange's facts become leaves of
 * a Merkle tree; its root R_i enters a chain; the chain's head is signed now
 * and then.
 *
 *	leaf_k = SHA-256(0 || salt_k || name || 0 || value)
 *	node   = SHA-256(1 || left || right); an odd one out moves up as it is
 *	salt_k = half k & 1 of SHA-256(salt || k >> 1), k one byte
 *	seal_i = SHA-256(seal_{i-1} || R_i)
 *
 * Whoever is shown one field, its salt_k and the nodes beside its path can
 * recompute R_i, and learns nothing of the other fields: their salts hide
 * them. R_i stays when a body is removed.
 *
 *	seal_fields_begin(&f, salt);
 *	seal_field(&f, "status", &status, sizeof status); ...
 *	seal_fields_root(&f, root);
 *	seal_next(h, chain, root);
 */
#ifndef RECORD_SEAL_H
#define RECORD_SEAL_H

#include "base/fail.h"
#include "base/str.h"

enum {
	SEAL_HASH = 32,
	SEAL_SALT = 16,
	SEAL_KEY = 32,
	SEAL_SIGNATURE = 64,
	SEAL_FIELDS = 32, /* the most fields a tree has */
};

/* SHA-256, fed piece by piece and used again after each end. */
struct seal_hash;
struct seal_hash *seal_hash_new(void);
void seal_hash_free(struct seal_hash *h);
void seal_hash_add(struct seal_hash *h, const void *p, size_t n);
/* An integer as seals have them: 8 bytes, low byte first. */
void seal_hash_int(struct seal_hash *h, uint64_t v);
void seal_hash_end(struct seal_hash *h, unsigned char out[SEAL_HASH]);

struct seal_fields {
	struct seal_hash *hash; /* borrowed */
	unsigned char salt[SEAL_SALT];
	unsigned char salts[SEAL_HASH];
	unsigned char leaf[SEAL_FIELDS][SEAL_HASH];
	unsigned n;
};

void seal_fields_begin(struct seal_fields *f, struct seal_hash *h,
		       const unsigned char salt[SEAL_SALT]);
void seal_field(struct seal_fields *f, const char *name, const void *value,
		size_t n);
void seal_fields_root(struct seal_fields *f, unsigned char root[SEAL_HASH]);

/* chain := SHA-256(chain || root). */
void seal_next(struct seal_hash *h, unsigned char chain[SEAL_HASH],
	       const unsigned char root[SEAL_HASH]);

/* Random bytes; aborts if the system has none. */
void seal_random(void *p, size_t n);

/* ---- signatures (Ed25519) ---- */

struct seal_key;

/*
 * The user's signing key, made at first use: $XDG_DATA_HOME/assay/seal.key or
 * ~/.local/share/assay/seal.key, 0600, PEM. It lies outside the trail, so
 * that a trail can be given away. Code: seal_key.
 */
struct seal_key *seal_key_open(struct fail *f) MUST_USE;
void seal_key_free(struct seal_key *k);
void seal_key_public(const struct seal_key *k, unsigned char out[SEAL_KEY]);
void seal_sign(const struct seal_key *k, struct str message,
	       unsigned char out[SEAL_SIGNATURE]);
bool seal_signed(const unsigned char key[SEAL_KEY], struct str message,
		 const unsigned char signature[SEAL_SIGNATURE]);

#endif
