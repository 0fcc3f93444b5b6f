/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void *must(void *p, size_t n)
{
	if (!p && n) {
		fprintf(stderr, "assay: out of memory (%zu bytes)\n", n);
		abort();
	}
	return p;
}

void *mem_alloc(size_t n)
{
	return must(malloc(n ? n : 1), n);
}

void *mem_zero(size_t n)
{
	return must(calloc(1, n ? n : 1), n);
}

void *mem_grow(void *p, size_t n)
{
	return must(realloc(p, n ? n : 1), n);
}
