/* SPDX-License-Identifier: MIT */
/* For tests of what commands print: an output that ends up in memory. */
#ifndef UNIT_READING_H
#define UNIT_READING_H

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "print/out.h"

/* As if written to a terminal of that width; 0: to a pipe. */
static inline void reading_open(struct out *o, unsigned width)
{
	out_open(o, memfd_create("out", MFD_CLOEXEC));
	o->terminal = width > 0;
	o->width = width;
}

/* Everything that fd holds, with a NUL behind it. The caller frees. */
static inline char *reading_slurp(int fd, size_t *n)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = mem_alloc((size_t)size + 1);

	assert(pread(fd, text, (size_t)size, 0) == size);
	text[size] = '\0';
	if (n)
		*n = (size_t)size;
	close(fd);
	return text;
}

static inline char *reading_done(struct out *o)
{
	struct fail f;
	bool ok = out_close(o, &f);

	assert(ok);
	return reading_slurp(o->fd, NULL);
}

#endif
