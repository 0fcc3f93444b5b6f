/* SPDX-License-Identifier: MIT */
/*
 * The signing key's file. It is written whole under a name of its own and
 * then linked to its real one: of two processes that start at once, one wins
 * and the other reads the winner's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "record/seal.h"

struct seal_key {
	EVP_PKEY *pair;
	unsigned char pub[SEAL_KEY];
};

static bool key_fail(struct fail *f, const char *what, const char *path)
{
	return fail_set(f, FAIL_USER, "seal_key",
			"cannot %s the signing key %s: %s (set XDG_DATA_HOME "
			"to a folder that can be written)",
			what, path, strerror(errno));
}

/* ---- where it lies ---- */

/* mkdir -p, 0700. */
static bool make_folders(char *path)
{
	for (char *p = path + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			if (mkdir(path, 0700) < 0 && errno != EEXIST) {
				*p = '/';
				return false;
			}
			*p = '/';
		}
	return true;
}

static bool key_path(char out[PATH_MAX], struct fail *f)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	struct passwd *pw;
	int n;

	if (data && data[0] == '/') {
		n = snprintf(out, PATH_MAX, "%s/assay/seal.key", data);
	} else {
		if (!home || !*home) {
			pw = getpwuid(getuid());
			home = pw ? pw->pw_dir : "/";
		}
		n = snprintf(out, PATH_MAX, "%s/.local/share/assay/seal.key",
			     home);
	}
	if (n < PATH_MAX)
		return true;
	errno = ENAMETOOLONG;
	return key_fail(f, "place", "");
}

/* ---- its file ---- */

static bool load(const char *path, struct seal_key *k)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	k->pair = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	fclose(file);
	if (!k->pair || EVP_PKEY_get_id(k->pair) != EVP_PKEY_ED25519) {
		errno = EINVAL;
		return false;
	}
	return true;
}

static bool write_whole(const char *path, EVP_PKEY *pair)
{
	int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		     0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool ok;

	if (!file) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	ok = PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) == 1;
	ok = fflush(file) == 0 && fsync(fd) == 0 && ok;
	return fclose(file) == 0 && ok;
}

/* True if the file exists afterwards, whoever made it. */
static bool make(const char *path)
{
	char temp[PATH_MAX + 32];
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	unsigned nonce;
	bool ok;

	if (!pair)
		abort();
	seal_random(&nonce, sizeof nonce);
	snprintf(temp, sizeof temp, "%s.%08x", path, nonce);
	ok = write_whole(temp, pair) &&
	     (link(temp, path) == 0 || errno == EEXIST);
	EVP_PKEY_free(pair);
	if (!ok) {
		int e = errno;

		unlink(temp);
		errno = e;
		return false;
	}
	unlink(temp);
	return true;
}

struct seal_key *seal_key_open(struct fail *f)
{
	struct seal_key *k;
	char path[PATH_MAX];
	size_t n = SEAL_KEY;

	if (!key_path(path, f))
		return NULL;
	k = MEM_NEW(struct seal_key);
	if (!load(path, k) && (errno != ENOENT || !make_folders(path) ||
			       !make(path) || !load(path, k))) {
		key_fail(f, "read or make", path);
		free(k);
		return NULL;
	}
	if (EVP_PKEY_get_raw_public_key(k->pair, k->pub, &n) != 1)
		abort();
	return k;
}

void seal_key_free(struct seal_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pair);
	free(k);
}

void seal_key_public(const struct seal_key *k, unsigned char out[SEAL_KEY])
{
	memcpy(out, k->pub, SEAL_KEY);
}

/* ---- signing ---- */

void seal_sign(const struct seal_key *k, struct str message,
	       unsigned char out[SEAL_SIGNATURE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SEAL_SIGNATURE;

	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pair) != 1 ||
	    EVP_DigestSign(ctx, out, &n, (const unsigned char *)message.p,
			   message.n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
}

bool seal_signed(const unsigned char key[SEAL_KEY], struct str message,
		 const unsigned char signature[SEAL_SIGNATURE])
{
	EVP_PKEY *pub = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key,
						    SEAL_KEY);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = pub && ctx &&
		  EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pub) == 1 &&
		  EVP_DigestVerify(ctx, signature, SEAL_SIGNATURE,
				   (const unsigned char *)message.p,
				   message.n) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pub);
	return ok;
}
