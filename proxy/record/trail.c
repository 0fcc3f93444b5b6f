/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing. Who records holds PATH.lock with flock() and writes
 * its pid into it; readers need no lock, SQLite's WAL gives each of them the
 * file as it was at its last commit.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "record/trail_writer.h"

static struct trail *trail_new(const char *path)
{
	struct trail *t = MEM_NEW(struct trail);

	t->magic = TRAIL_MAGIC;
	t->path = str_dup(str_of(path));
	t->hash = seal_hash_new();
	return t;
}

static void trail_free(struct trail *t)
{
	frame_store_free(t->frames);
	if (t->w)
		trail_writer_free(t->w);
	if (t->db)
		sqlite3_close_v2(t->db);
	seal_hash_free(t->hash);
	buf_free(&t->text);
	free(t->path);
	t->magic = 0;
	free(t);
}

static bool unwritable(struct fail *f, const char *path, const char *why)
{
	return fail_set(f, FAIL_USER, "trail_unwritable",
			"cannot record into %s: %s", path, why);
}

/* ---- the lock ---- */

static bool locked_by(int fd, const char *path, struct fail *f)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

	pid[n > 0 ? strspn(pid, "0123456789") : 0] = 0;
	return fail_set(f, FAIL_USER, "trail_locked",
			"%s is being recorded into by process %s: stop it, or "
			"choose another file with --trail",
			path, *pid ? pid : "(unknown)");
}

/* Returns the lock's descriptor, or -1. */
static int lock(const char *path, struct fail *f)
{
	char name[PATH_MAX], pid[24];
	int fd, n;

	if (snprintf(name, sizeof name, "%s.lock", path) >= PATH_MAX) {
		unwritable(f, path, "its name is too long");
		return -1;
	}
	fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		unwritable(f, path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			locked_by(fd, path, f);
		else
			unwritable(f, path, strerror(errno));
		close(fd);
		return -1;
	}
	n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
		unwritable(f, path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- the file ---- */

#define SMALLEST_PAGE 512 /* bytes; SQLite's */

/*
 * The path with its folder resolved: its last part alone may not be a symbolic
 * link, which SQLITE_OPEN_NOFOLLOW would otherwise forbid of every part.
 */
static bool resolve(const char *path, char out[PATH_MAX])
{
	char folder[PATH_MAX], real[PATH_MAX];
	const char *base = strrchr(path, '/');
	size_t n = base ? (size_t)(base - path) : 0;

	base = base ? base + 1 : path;
	if (n >= sizeof folder || !*base)
		return false;
	memcpy(folder, path, n);
	folder[n] = 0;
	if (!realpath(n ? folder : path[0] == '/' ? "/" : ".", real))
		return false;
	return snprintf(out, PATH_MAX, "%s/%s", real, base) < PATH_MAX;
}

/*
 * Makes the file if it is not there, so that it is 0600 from the beginning.
 * What is shorter than SQLite's smallest page would pass for an empty
 * database, and be written over.
 */
static bool touch(const char *path, struct fail *f)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return unwritable(f, path,
				  errno == ELOOP ? "it is a symbolic link"
						 : strerror(errno));
	close(fd);
	if (!S_ISREG(st.st_mode))
		return unwritable(f, path, "it is not a regular file");
	if (st.st_size > 0 && st.st_size < SMALLEST_PAGE)
		return fail_set(f, FAIL_USER, "trail_foreign",
				"%s is not a trail of assay's", path);
	return true;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void harden(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 256 << 20);
}

static bool is_empty(struct trail *t, bool *empty, struct fail *f)
{
	sqlite3_stmt *q =
		trail_sql_prepare(t, "SELECT count(*) FROM sqlite_schema", f);

	if (q && sqlite3_step(q) == SQLITE_ROW) {
		*empty = sqlite3_column_int(q, 0) == 0;
		sqlite3_finalize(q);
		return true;
	}
	if (sqlite3_errcode(t->db) == SQLITE_NOTADB)
		fail_set(f, FAIL_USER, "trail_foreign",
			 "%s is not a trail of assay's", t->path);
	else
		trail_sql_fail(t, "open", f);
	sqlite3_finalize(q);
	return false;
}

static bool open_for_recording(struct trail *t, const char *real,
			       struct seal_key *key, struct fail *f)
{
	unsigned char pub[SEAL_KEY];
	bool empty;

	if (!touch(real, f))
		return false;
	if (sqlite3_open_v2(real, &t->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW |
				    SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return unwritable(f, t->path, sqlite3_errmsg(t->db));
	harden(t->db);
	sqlite3_busy_timeout(t->db, 10000);
	if (!is_empty(t, &empty, f))
		return false;
	if (empty) {
		seal_key_public(key, pub);
		if (!trail_sql_run(t, "PRAGMA page_size = 2048", f) ||
		    !trail_sql_run(t, "PRAGMA journal_mode = WAL", f) ||
		    !trail_schema_make(t, pub, f))
			return false;
	}
	return trail_schema_check(t, f) &&
	       trail_sql_run(t,
			     "PRAGMA journal_mode = WAL;"
			     "PRAGMA synchronous = FULL;"
			     "PRAGMA wal_autocheckpoint = 1000",
			     f);
}

struct trail *trail_record(const char *path, struct fail *f)
{
	char real[PATH_MAX];
	struct seal_key *key;
	struct trail *t;
	int fd;

	if (!resolve(path, real)) {
		unwritable(f, path, strerror(errno));
		return NULL;
	}
	fd = lock(real, f);
	if (fd < 0)
		return NULL;
	t = trail_new(path);
	key = seal_key_open(f);
	if (key && open_for_recording(t, real, key, f)) {
		t->frames = frame_store_new(t->db);
		if (trail_writer_new(t, fd, key, f))
			return t;
	}
	seal_key_free(key);
	trail_free(t);
	close(fd);
	return NULL;
}

/* ---- reading ---- */

static uint64_t size_of(const char *path, const char *suffix)
{
	char name[PATH_MAX];
	struct stat st;

	if (snprintf(name, sizeof name, "%s%s", path, suffix) >= PATH_MAX ||
	    stat(name, &st) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

/* Did it fail for want of a place for its shared memory? */
static bool needs_folder(sqlite3 *db)
{
	return sqlite3_errcode(db) == SQLITE_CANTOPEN ||
	       sqlite3_errcode(db) == SQLITE_READONLY;
}

/*
 * A trail in a folder that cannot be written has no shared memory file and
 * cannot get one; if nobody records into it either, it does not change.
 */
static bool open_for_reading(struct trail *t, const char *real)
{
	char uri[PATH_MAX * 3 + 40], *o = uri;
	static const char hex[] = "0123456789ABCDEF";
	sqlite3_stmt *q = NULL;
	bool ok;

	if (sqlite3_open_v2(real, &t->db,
			    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(t->db, 5000);
		ok = sqlite3_prepare_v2(t->db,
					"SELECT count(*) FROM sqlite_schema",
					-1, &q, NULL) == SQLITE_OK &&
		     sqlite3_step(q) == SQLITE_ROW;
		sqlite3_finalize(q);
		if (ok || !needs_folder(t->db) || size_of(real, "-wal"))
			return true; /* or say why later */
	}
	sqlite3_close_v2(t->db);
	o += sprintf(o, "file:");
	for (const char *p = real; *p; p++)
		o += sprintf(o, "%%%c%c", hex[(unsigned char)*p >> 4],
			     hex[*p & 15]);
	sprintf(o, "?immutable=1");
	return sqlite3_open_v2(uri, &t->db,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
				       SQLITE_OPEN_NOMUTEX,
			       NULL) == SQLITE_OK;
}

struct trail *trail_read(const char *path, struct fail *f)
{
	char real[PATH_MAX];
	struct trail *t;
	bool empty;

	if (!realpath(path, real) || access(real, R_OK) < 0) {
		fail_set(f, FAIL_USER, "trail_missing", "cannot read %s: %s",
			 path, strerror(errno));
		return NULL;
	}
	if (!is_file(real)) {
		fail_set(f, FAIL_USER, "trail_foreign",
			 "%s is not a trail of assay's", path);
		return NULL;
	}
	t = trail_new(path);
	if (!open_for_reading(t, real)) {
		fail_set(f, FAIL_USER, "trail_missing", "cannot read %s: %s",
			 path, t->db ? sqlite3_errmsg(t->db) : "no memory");
		trail_free(t);
		return NULL;
	}
	harden(t->db);
	if (!is_empty(t, &empty, f) || !trail_schema_check(t, f)) {
		trail_free(t);
		return NULL;
	}
	t->frames = frame_store_new(t->db);
	return t;
}

void trail_close(struct trail *t)
{
	struct seal_key *key = NULL;
	int fd = -1;

	if (!t)
		return;
	assert(t->magic == TRAIL_MAGIC);
	if (t->w) {
		trail_writer_finish(t);
		key = t->w->key;
		fd = t->w->lock;
	}
	trail_free(t);
	seal_key_free(key);
	if (fd >= 0)
		close(fd);
}

uint64_t trail_size(struct trail *t)
{
	assert(t->magic == TRAIL_MAGIC);
	return size_of(t->path, "") + size_of(t->path, "-wal");
}

struct sqlite3 *trail_db(struct trail *t)
{
	assert(t->magic == TRAIL_MAGIC);
	return t->db;
}
