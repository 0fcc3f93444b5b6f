/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. The ring's file is named after the trail's resolved path and the
 * worker's number, so that the next process finds what a killed one left:
 *
 *	/dev/shm/assay-0123456789abcdef-0.spool
 *
 * A living process holds a lock on it. All its blocks are allocated and
 * touched before anything is recorded: a full filesystem is an error at the
 * start and never a SIGBUS later. A ring that is taken over keeps its size
 * until its content is in the trail (spool_restart()); if it has to grow, its
 * file grows at once, so that nothing can fail later.
 */
#include "record/spool_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define MB (1ull << 20)

/* ---- names ---- */

static const char *default_dir(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (access("/dev/shm", W_OK | X_OK) == 0)
		return "/dev/shm";
	if (!run || access(run, W_OK | X_OK) != 0)
		run = "/tmp";
	log_warn("spool", "/dev/shm is not writable, the spool is in %s", run);
	return run;
}

/* The trail's path without links; the trail itself need not exist yet. */
static char *resolve(const char *trail)
{
	char real[PATH_MAX], *copy, *slash;
	struct buf out = {0};

	if (realpath(trail, real))
		return str_dup(str_of(real));
	copy = str_dup(str_of(trail));
	slash = strrchr(copy, '/');
	if (slash)
		*slash = 0;
	if (!realpath(!slash ? "." : slash == copy ? "/" : copy, real))
		real[0] = 0;
	buf_addf(&out, "%s/%s", real, slash ? slash + 1 : copy);
	buf_addc(&out, 0);
	free(copy);
	return out.p;
}

/* What the names of all rings of a trail begin with. */
static void name_prefix(const char *trail, char out[32])
{
	uint64_t hash = XXH3_64bits_withSeed(trail, strlen(trail),
					     (XXH64_hash_t)geteuid());

	snprintf(out, 32, "assay-%016llx-", (unsigned long long)hash);
}

static char *ring_path(const char *dir, const char *trail, unsigned worker)
{
	struct buf out = {0};
	char prefix[32];

	name_prefix(trail, prefix);
	buf_addf(&out, "%s/%s%u.spool", dir, prefix, worker);
	buf_addc(&out, 0);
	return out.p;
}

/* ---- opening ---- */

static bool foreign(const char *path, const char *why, struct fail *f)
{
	return fail_set(f, FAIL_USER, "spool_foreign",
			"%s %s; remove it or choose another --spool-dir", path,
			why);
}

/* Is this file ours, and still the one of that name? */
static bool check_file(int fd, const char *path, bool *gone, struct fail *f)
{
	struct stat st, named;

	*gone = false;
	if (fstat(fd, &st) != 0)
		return fail_set(f, FAIL_SYSTEM, "spool_unwritable", "%s: %s",
				path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return foreign(path, "is not a file of this user", f);
	if (st.st_mode & 077)
		return foreign(path, "can be read by others", f);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return fail_set(f, FAIL_USER, "spool_locked",
				"%s is in use: another assay records into this "
				"trail",
				path);
	*gone = lstat(path, &named) != 0 || named.st_ino != st.st_ino ||
		named.st_dev != st.st_dev;
	return true;
}

/* The ring's file, locked; -1 with *f. Without `make`, it must exist. */
static int open_file(const char *path, bool make, struct fail *f)
{
	int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	bool gone;

	for (int tries = 0; tries < 100; tries++) {
		int fd = make ? open(path, flags | O_CREAT | O_EXCL, 0600) : -1;
		if (fd < 0 && (!make || errno == EEXIST))
			fd = open(path, flags);
		if (fd < 0 && make && errno == ENOENT)
			continue; /* removed between the two */
		if (fd < 0) {
			fail_set(
				f, FAIL_USER, "spool_unwritable",
				"cannot make the spool %s: %s; see --spool-dir",
				path, strerror(errno));
			return -1;
		}
		if (check_file(fd, path, &gone, f) && !gone)
			return fd;
		close(fd);
		if (!gone)
			return -1;
	}
	fail_set(f, FAIL_SYSTEM, "spool_unwritable",
		 "cannot make the spool %s: others keep removing it", path);
	return -1;
}

/* ---- room ---- */

/* The default's size: what this worker's share of the directory allows. */
static uint64_t default_size(int fd, unsigned others)
{
	struct statvfs vfs;
	struct stat st;
	uint64_t room;

	if (fstatvfs(fd, &vfs) != 0 || fstat(fd, &st) != 0 ||
	    vfs.f_blocks == 0) /* a tmpfs without a limit */
		return SPOOL_DEFAULT;
	room = (uint64_t)vfs.f_bavail * vfs.f_frsize / (others + 1) +
	       (uint64_t)st.st_blocks * 512;
	return room < SPOOL_DEFAULT ? room / MB * MB : SPOOL_DEFAULT;
}

/* Makes the file at least this big, all of it there; else as it was. */
static int grow_file(int fd, uint64_t size)
{
	struct stat st;
	int error;

	if (fstat(fd, &st) != 0)
		return errno;
	do {
		error = posix_fallocate(fd, 0, (off_t)size);
	} while (error == EINTR);
	/* A fallocate that failed keeps the blocks that it got. */
	if (error && ftruncate(fd, st.st_size) != 0)
		error = errno;
	return error;
}

static bool no_room(struct spool *s, uint64_t size, int error, struct fail *f)
{
	return fail_set(f, FAIL_USER,
			error == ENOSPC ? "spool_no_room" : "spool_unwritable",
			"no room for a spool of %llu MB in %s: %s; see "
			"--spool-size and --spool-dir",
			(unsigned long long)(size / MB), s->dir,
			strerror(error));
}

/* Finds the size and allocates it: s->wanted. */
static bool allocate(struct spool *s, const struct spool_options *o,
		     struct fail *f)
{
	uint64_t size = o->size;
	unsigned others =
		o->workers > o->worker ? o->workers - o->worker - 1 : 0;
	int error;

	if (size && size < SPOOL_LEAST)
		return fail_set(f, FAIL_USER, "spool_too_small",
				"a spool of %llu bytes is too small: at least "
				"1M",
				(unsigned long long)size);
	if (size) {
		s->wanted = (size + SPOOL_PAGE - 1) / SPOOL_PAGE * SPOOL_PAGE;
		error = grow_file(s->fd, s->wanted);
		return !error || no_room(s, size, error, f);
	}
	for (size = default_size(s->fd, others); size >= SPOOL_SMALLEST;
	     size = size / 2 / MB * MB) {
		error = grow_file(s->fd, size);
		s->wanted = size;
		if (!error)
			return true;
		if (error != ENOSPC)
			return no_room(s, size, error, f);
	}
	return no_room(s, SPOOL_SMALLEST, ENOSPC, f);
}

/* ---- memory ---- */

/* Touches every page, without changing it. */
static void populate(char *p, size_t n)
{
#ifdef MADV_POPULATE_WRITE
	if (madvise(p, n, MADV_POPULATE_WRITE) == 0)
		return;
#endif
	for (size_t i = 0; i < n; i += SPOOL_PAGE)
		atomic_fetch_or((_Atomic unsigned char *)(p + i), 0);
}

static bool map_file(struct spool *s, uint64_t size, struct fail *f)
{
	void *p =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);

	if (p == MAP_FAILED)
		return fail_set(f, FAIL_SYSTEM, "spool_unwritable",
				"cannot map %s: %s", s->path, strerror(errno));
	s->header = p;
	s->mapped = size;
	madvise(p, size, MADV_DONTDUMP);
	populate(p, size);
	return true;
}

/* ---- content ---- */

static void read_boot(char out[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(out, 0, 40);
	if (fd < 0)
		return;
	if (read(fd, out, 39) < 0)
		out[0] = 0;
	close(fd);
}

bool spool_same_boot(const struct spool *s)
{
	char boot[40];

	read_boot(boot);
	return memcmp(boot, s->header->boot, sizeof boot) == 0;
}

static void random_uuid(unsigned char out[16])
{
	while (getrandom(out, 16, 0) != 16)
		; /* interrupted before the kernel had any */
}

void spool_restart(struct spool *s)
{
	struct spool_header *h = s->header;
	struct fail f;

	if (s->mapped != s->wanted) {
		/* Its content is of no use to anybody any more. */
		munmap(h, s->mapped);
		if (ftruncate(s->fd, (off_t)s->wanted) != 0 ||
		    !map_file(s, s->wanted, &f)) {
			log_error("spool", "cannot resize %s", s->path);
			abort();
		}
		h = s->header;
	}
	memset(h, 0, sizeof *h);
	spool_layout(s->mapped, &h->slots, &h->size);
	memset((char *)h + SPOOL_PAGE, 0, h->slots * sizeof(struct spool_slot));
	h->version = SPOOL_VERSION;
	h->worker = s->worker;
	random_uuid(h->uuid);
	read_boot(h->boot);
	h->wall = clock_wall();
	h->mono = clock_mono();
	strncpy(h->trail, s->trail, sizeof h->trail - 1);
	atomic_store(&h->head, h->size);
	atomic_store(&h->tail, h->size);
	atomic_thread_fence(memory_order_release);
	memcpy(h->magic, SPOOL_MAGIC, sizeof h->magic);
	s->inherited = false;
	spool_attach(s);
}

/* What was in the file before we came: `size` bytes of it. */
static bool adopt(struct spool *s, uint64_t size, struct fail *f)
{
	const struct spool_header *h = s->header;
	struct str made = {h->magic, sizeof h->magic};

	s->inherited = false;
	if (size < SPOOL_LEAST || !str_eq(made, STR(SPOOL_MAGIC "\0")))
		return true; /* killed while it was made: nothing in it */
	if (h->version != SPOOL_VERSION)
		return foreign(s->path, "was left by another version of assay",
			       f);
	if (!spool_header_ok(h, size)) {
		log_error("spool", "%s is damaged, nothing of it can be used",
			  s->path);
		return true;
	}
	if (strncmp(h->trail, s->trail, sizeof h->trail - 1) != 0)
		return foreign(s->path, "belongs to another trail", f);
	s->inherited = true;
	return true;
}

/* Opens, sizes, maps and adopts. Without o->size, and not `make`: as it is. */
static bool build(struct spool *s, const struct spool_options *o, bool make,
		  struct fail *f)
{
	struct stat st;

	s->fd = open_file(s->path, make, f);
	if (s->fd < 0)
		return false;
	if (fstat(s->fd, &st) != 0)
		return fail_set(f, FAIL_SYSTEM, "spool_unwritable", "%s: %s",
				s->path, strerror(errno));
	s->wanted = (uint64_t)st.st_size;
	if (make && !allocate(s, o, f)) {
		if (st.st_size == 0)
			unlink(s->path);
		return false;
	}
	if (s->wanted < SPOOL_PAGE)
		return foreign(s->path, "is cut short", f);
	if (!map_file(s, st.st_size ? (uint64_t)st.st_size : s->wanted, f) ||
	    !adopt(s, (uint64_t)st.st_size, f))
		return false;
	if (s->inherited)
		spool_attach(s);
	else if (make)
		spool_restart(s);
	else
		return foreign(s->path, "cannot be read", f);
	return true;
}

static void discard(struct spool *s)
{
	if (s->header)
		munmap(s->header, s->mapped);
	if (s->fd >= 0)
		close(s->fd);
	free(s->trail);
	free(s->path);
	free(s->dir);
	free(s);
}

static struct spool *make_struct(const char *dir, const char *trail,
				 unsigned worker)
{
	struct spool *s = aligned_alloc(64, sizeof *s);

	if (!s)
		abort();
	memset(s, 0, sizeof *s);
	s->fd = -1;
	atomic_init(&s->wants_room, -1);
	s->dir = str_dup(str_of(dir));
	s->trail = str_dup(str_of(trail));
	s->worker = worker;
	s->path = ring_path(dir, trail, worker);
	return s;
}

struct spool *spool_open(const struct spool_options *o, struct fail *f)
{
	char *trail = resolve(o->trail);
	struct spool *s;

	s = make_struct(o->dir ? o->dir : default_dir(), trail, o->worker);
	free(trail);
	if (!build(s, o, true, f)) {
		discard(s);
		return NULL;
	}
	if (o->size == 0 && s->wanted < SPOOL_DEFAULT)
		log_warn("spool", "%s has room for a spool of %llu MB only",
			 s->dir, (unsigned long long)(s->wanted / MB));
	return s;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	spool_assert(s);
	if (atomic_load(&s->header->head) == atomic_load(&s->header->tail))
		unlink(s->path);
	else
		log_warn("spool",
			 "%s keeps what is not in the trail yet, for the next "
			 "start",
			 s->path);
	s->magic = 0;
	discard(s);
}

/* The smallest number from `from` on of which there is a ring, or -1. */
static long next_number(const struct spool *s, unsigned from)
{
	char prefix[32];
	struct dirent *e;
	long best = -1;
	DIR *dir = opendir(s->dir);

	name_prefix(s->trail, prefix);
	while (dir && (e = readdir(dir))) {
		struct str name = str_of(e->d_name);
		uint64_t n;

		if (!str_starts(name, str_of(prefix)))
			continue;
		name = str_skip(name, strlen(prefix));
		if (str_u64(str_cut(&name, '.'), &n) &&
		    str_eq(name, STR("spool")) && n >= from && n < INT_MAX &&
		    (best < 0 || (long)n < best))
			best = (long)n;
	}
	if (dir)
		closedir(dir);
	return best;
}

struct spool *spool_open_left(const struct spool *s, unsigned *number)
{
	struct spool_options none = {0};
	struct spool *left;
	struct fail f;
	long n;

	spool_assert(s);
	while ((n = next_number(s, *number)) >= 0) {
		*number = (unsigned)n + 1;
		left = make_struct(s->dir, s->trail, (unsigned)n);
		if (build(left, &none, false, &f))
			return left;
		log_warn("spool", "left as it is: %s", f.text);
		discard(left);
	}
	return NULL;
}
