/* SPDX-License-Identifier: MIT */
/*
 * Memory that is always there. Out of memory aborts: every input is bounded,
 * so running out means that the machine is, not that a peer was greedy.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Uninitialised bytes; free() them. Never NULL. */
void *mem_alloc(size_t n);

/* Zeroed; free() them. Never NULL. */
void *mem_zero(size_t n);

/* As realloc, never NULL for n > 0. */
void *mem_grow(void *p, size_t n);

#define MEM_NEW(type) ((type *)mem_zero(sizeof(type)))

#endif
