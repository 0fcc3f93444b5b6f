/* SPDX-License-Identifier: MIT */
/*
 * Keys to pointers, for what is open at the clerk: open addressing, 16 bytes
 * a place, at most half full.
 *
 *	struct clerk_map m = {0};
 *	clerk_map_put(&m, key, p);	replaces
 *	p = clerk_map_get(&m, key);	NULL if it is not there
 */
#ifndef RECORD_CLERK_MAP_H
#define RECORD_CLERK_MAP_H

#include <stddef.h>
#include <stdint.h>

struct clerk_map {
	struct clerk_map_place {
		uint64_t key; /* 0: free */
		void *p;
	} * places;
	size_t n, size; /* size: a power of two, or 0 */
};

/* The key is never 0, p never NULL. */
void clerk_map_put(struct clerk_map *m, uint64_t key, void *p);
void *clerk_map_get(const struct clerk_map *m, uint64_t key);
/* Returns what was there. */
void *clerk_map_drop(struct clerk_map *m, uint64_t key);
/* All pointers in an array that the caller frees; m->n of them. */
void **clerk_map_all(const struct clerk_map *m);
void clerk_map_free(struct clerk_map *m);

#endif
