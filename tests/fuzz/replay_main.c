/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzzer's function over files, so that its corpus is part of the
 * ordinary suite with any compiler:
 *
 *	fuzz_decode tests/fuzz/corpus/decode crash-1234
 *
 * Each input is put into an allocation of exactly its size, so that a
 * sanitizer sees the first byte read beyond it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int die(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(2);
}

static void run_file(const char *path, long size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
	size_t n;

	if (!f || !data)
		die(path);
	n = fread(data, 1, (size_t)size, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
}

/* Files, and folders of files; returns how many inputs were run. */
static unsigned run(const char *path)
{
	struct stat st;
	struct dirent *e;
	unsigned count = 0;
	DIR *d;

	if (stat(path, &st) != 0)
		die(path);
	if (!S_ISDIR(st.st_mode)) {
		run_file(path, (long)st.st_size);
		return 1;
	}
	d = opendir(path);
	if (!d)
		die(path);
	while ((e = readdir(d))) {
		char inside[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(inside, sizeof inside, "%s/%s", path, e->d_name);
		count += run(inside);
	}
	closedir(d);
	return count;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		count += run(argv[i]);
	printf("%u inputs\n", count);
	return count ? 0 : 2; /* an empty corpus tests nothing */
}
