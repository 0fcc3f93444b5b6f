/* SPDX-License-Identifier: MIT */
#include "record/seal.h"

#include <assert.h>
#include <endian.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/mem.h"

struct seal_hash {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	bool begun;
};

/* OpenSSL fails here only when memory is out. */
static void must(bool ok)
{
	if (!ok)
		abort();
}

struct seal_hash *seal_hash_new(void)
{
	struct seal_hash *h = MEM_NEW(struct seal_hash);

	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	must(h->md && h->ctx && EVP_DigestInit_ex2(h->ctx, h->md, NULL));
	h->begun = true;
	return h;
}

void seal_hash_free(struct seal_hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

void seal_hash_add(struct seal_hash *h, const void *p, size_t n)
{
	if (!h->begun)
		must(EVP_DigestInit_ex2(h->ctx, NULL, NULL));
	h->begun = true;
	if (n)
		must(EVP_DigestUpdate(h->ctx, p, n));
}

void seal_hash_int(struct seal_hash *h, uint64_t v)
{
	v = htole64(v);
	seal_hash_add(h, &v, sizeof v);
}

void seal_hash_end(struct seal_hash *h, unsigned char out[SEAL_HASH])
{
	seal_hash_add(h, NULL, 0);
	must(EVP_DigestFinal_ex(h->ctx, out, NULL));
	h->begun = false;
}

/* ---- trees and chains ---- */

void seal_fields_begin(struct seal_fields *f, struct seal_hash *h,
		       const unsigned char salt[SEAL_SALT])
{
	f->hash = h;
	memcpy(f->salt, salt, SEAL_SALT);
	f->n = 0;
}

/* One hash salts two leaves. */
static const unsigned char *salt_of(struct seal_fields *f, unsigned k)
{
	unsigned char pair = (unsigned char)(k >> 1);

	if ((k & 1) == 0) {
		seal_hash_add(f->hash, f->salt, SEAL_SALT);
		seal_hash_add(f->hash, &pair, 1);
		seal_hash_end(f->hash, f->salts);
	}
	return f->salts + (k & 1) * SEAL_SALT;
}

void seal_field(struct seal_fields *f, const char *name, const void *value,
		size_t n)
{
	const unsigned char *salt = salt_of(f, f->n);

	assert(f->n < SEAL_FIELDS);
	seal_hash_add(f->hash, "\0", 1);
	seal_hash_add(f->hash, salt, SEAL_SALT);
	seal_hash_add(f->hash, name, strlen(name) + 1);
	seal_hash_add(f->hash, value, n);
	seal_hash_end(f->hash, f->leaf[f->n++]);
}

void seal_fields_root(struct seal_fields *f, unsigned char root[SEAL_HASH])
{
	assert(f->n > 0);
	for (unsigned n = f->n; n > 1; n = (n + 1) / 2)
		for (unsigned i = 0; i < n; i += 2) {
			if (i + 1 == n) {
				memmove(f->leaf[i / 2], f->leaf[i], SEAL_HASH);
				continue;
			}
			seal_hash_add(f->hash, "\1", 1);
			seal_hash_add(f->hash, f->leaf[i], 2 * SEAL_HASH);
			seal_hash_end(f->hash, f->leaf[i / 2]);
		}
	memcpy(root, f->leaf[0], SEAL_HASH);
}

void seal_next(struct seal_hash *h, unsigned char chain[SEAL_HASH],
	       const unsigned char root[SEAL_HASH])
{
	seal_hash_add(h, chain, SEAL_HASH);
	seal_hash_add(h, root, SEAL_HASH);
	seal_hash_end(h, chain);
}

void seal_random(void *p, size_t n)
{
	must(RAND_bytes(p, (int)n) == 1);
}
