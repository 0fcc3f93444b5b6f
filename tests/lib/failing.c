/* SPDX-License-Identifier: MIT */
/*
 * A shared object for LD_PRELOAD that makes the n-th of a kind of call fail,
 * and so many after it:
 *
 *	FAIL_WRITE=n[+m]   write, pwrite, fdatasync, fsync and ftruncate on
 *			   files whose name holds FAIL_NAME: EIO
 *	FAIL_ALLOC=n	   malloc, calloc, realloc: NULL
 *
 * Counting begins once the file FAIL_ARMED exists, so that the start is past.
 * No allocation of its own, and dlsym() only at load.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);

static const char *name, *armed;
static long write_from, write_many = 1, alloc_from;
static atomic_long writes, allocs;
static atomic_bool is_armed;

__attribute__((constructor)) static void load(void)
{
	const char *w = getenv("FAIL_WRITE"), *a = getenv("FAIL_ALLOC");
	const char *plus = w ? strchr(w, '+') : NULL;

	real_write = dlsym(RTLD_NEXT, "write");
	real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
	real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
	real_fsync = dlsym(RTLD_NEXT, "fsync");
	real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
	name = getenv("FAIL_NAME");
	write_from = w ? atol(w) : 0;
	write_many = plus ? atol(plus + 1) : 1;
	alloc_from = a ? atol(a) : 0;
	armed = getenv("FAIL_ARMED");
}

static bool counting(void)
{
	if (!is_armed && armed && access(armed, F_OK) == 0)
		is_armed = true;
	return is_armed;
}

/* Is it the turn of a call on this file to fail? */
static bool fails(int fd)
{
	char link[64], path[4096];
	long turn;
	ssize_t n;

	if (!write_from || !name || !counting())
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	if (!strstr(path, name))
		return false;
	turn = ++writes;
	if (turn < write_from || turn >= write_from + write_many)
		return false;
	errno = EIO;
	return true;
}

ssize_t write(int fd, const void *p, size_t n)
{
	return fails(fd) ? -1 : real_write(fd, p, n);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
	return fails(fd) ? -1 : real_pwrite(fd, p, n, at);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fails(fd) ? -1 : real_pwrite(fd, p, n, at);
}

int fdatasync(int fd)
{
	return fails(fd) ? -1 : real_fdatasync(fd);
}

int fsync(int fd)
{
	return fails(fd) ? -1 : real_fsync(fd);
}

int ftruncate64(int fd, off_t n)
{
	return fails(fd) ? -1 : real_ftruncate(fd, n);
}

static bool starves(void)
{
	return alloc_from && counting() && ++allocs == alloc_from;
}

void *malloc(size_t n)
{
	return starves() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return starves() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return starves() ? NULL : __libc_realloc(p, n);
}
