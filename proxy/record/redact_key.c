/* SPDX-License-Identifier: MIT */
/*
 * The fingerprint's key: 64 hex digits in a file of the user's own data
 * folder, never beside a trail: who has a trail alone cannot try keys.
 */
#include "record/redact_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE (2 * REDACT_KEY_SIZE + 1)

static size_t whole_pages(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n + page - 1) / page * page;
}

void *redact_pages(size_t n)
{
	void *p = mmap(NULL, whole_pages(n), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		fprintf(stderr, "assay: out of memory (%zu bytes)\n", n);
		abort();
	}
	madvise(p, whole_pages(n), MADV_DONTDUMP);
	return p;
}

void redact_pages_free(void *p, size_t n)
{
	if (!p)
		return;
	explicit_bzero(p, n);
	munmap(p, whole_pages(n));
}

static void hex(const unsigned char *in, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
}

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

static bool unhex(const char *in, unsigned char *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int a = digit(in[2 * i]), b = digit(in[2 * i + 1]);
		if (a < 0 || b < 0)
			return false;
		out[i] = (unsigned char)(a << 4 | b);
	}
	return true;
}

void redact_fingerprint(const struct redact_rules *r, struct str secret,
			char out[REDACT_SIZE])
{
	unsigned char mac[EVP_MAX_MD_SIZE];

	redact_rules_assert(r);
	memcpy(out, REDACT_PREFIX, sizeof REDACT_PREFIX - 1);
	if (!HMAC(EVP_sha256(), r->key, REDACT_KEY_SIZE,
		  (const unsigned char *)secret.p, secret.n, mac, NULL))
		abort(); /* out of memory */
	hex(mac, 8, out + sizeof REDACT_PREFIX - 1);
}

/* ---- the file ---- */

static bool unreadable(const char *path, const char *why, struct fail *f)
{
	return fail_set(f, FAIL_USER, "fingerprint_key_unreadable",
			"the key that fingerprints credentials, %s, %s", path,
			why);
}

/* Reads it; *missing if there is none. */
static bool read_key(const char *path, unsigned char *key, bool *missing,
		     struct fail *f)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY |
				    O_NONBLOCK);
	char text[FILE_SIZE];
	struct stat st;
	ssize_t got;
	bool good;

	*missing = fd < 0 && errno == ENOENT;
	if (fd < 0)
		return unreadable(path, strerror(errno), f);
	got = fstat(fd, &st) == 0 ? read(fd, text, sizeof text) : -1;
	close(fd);
	if (got < 0)
		return unreadable(path, strerror(errno), f);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077))
		return unreadable(path,
				  "must be a file of this user that nobody "
				  "else can read (chmod 600)",
				  f);
	good = got >= FILE_SIZE - 1 && unhex(text, key, REDACT_KEY_SIZE);
	explicit_bzero(text, sizeof text);
	return good ||
	       unreadable(path, "is damaged: it must hold 64 hex digits", f);
}

/* mkdir -p of what the path stands in. */
static bool make_folders(char *path)
{
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = 0;
		if (mkdir(path, 0700) != 0 && errno != EEXIST) {
			*at = '/';
			return false;
		}
		*at = '/';
	}
	return true;
}

static bool write_new(const char *path)
{
	unsigned char key[REDACT_KEY_SIZE];
	char text[FILE_SIZE];
	bool done;
	int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		     0600);

	if (fd < 0)
		return false;
	while (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		; /* interrupted before the kernel had any */
	hex(key, sizeof key, text);
	text[FILE_SIZE - 1] = '\n';
	done = write(fd, text, sizeof text) == (ssize_t)sizeof text &&
	       fsync(fd) == 0;
	explicit_bzero(key, sizeof key);
	explicit_bzero(text, sizeof text);
	return close(fd) == 0 && done;
}

/*
 * Written whole under a name of its own, then linked: of two processes that
 * start at once one wins, and nobody ever reads half a key.
 */
static bool make_key(char *path, struct fail *f)
{
	struct buf temp = {0};
	bool done;

	done = make_folders(path);
	buf_addf(&temp, "%s.%ld", path, (long)getpid());
	buf_addc(&temp, 0);
	if (done) {
		unlink(temp.p); /* of a process that crashed */
		done = write_new(temp.p) &&
		       (link(temp.p, path) == 0 || errno == EEXIST);
	}
	if (!done)
		fail_set(f, FAIL_USER, "fingerprint_key_unwritable",
			 "cannot make %s, the key that fingerprints "
			 "credentials: %s; XDG_DATA_HOME says where else",
			 path, strerror(errno));
	unlink(temp.p);
	buf_free(&temp);
	return done;
}

static char *key_path(struct fail *f)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	struct buf out = {0};

	if (data && data[0] == '/')
		buf_addf(&out, "%s/assay/fingerprint.key", data);
	else if (home && home[0] == '/')
		buf_addf(&out, "%s/.local/share/assay/fingerprint.key", home);
	else {
		fail_set(f, FAIL_USER, "fingerprint_key_unreadable",
			 "neither XDG_DATA_HOME nor HOME says where the key "
			 "that fingerprints credentials is to be kept");
		return NULL;
	}
	buf_addc(&out, 0);
	return out.p;
}

bool redact_key_load(unsigned char key[REDACT_KEY_SIZE], struct fail *f)
{
	char *path = key_path(f);
	bool missing, done;

	if (!path)
		return false;
	done = read_key(path, key, &missing, f);
	if (!done && missing)
		done = make_key(path, f) && read_key(path, key, &missing, f);
	free(path);
	return done;
}
