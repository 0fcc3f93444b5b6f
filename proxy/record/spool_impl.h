/* SPDX-License-Identifier: MIT */
/* What spool.c (the ring) and spool_file.c (the file) share. */
#ifndef RECORD_SPOOL_IMPL_H
#define RECORD_SPOOL_IMPL_H

#include <stdalign.h>
#include <stdatomic.h>

#include "record/spool.h"

#define SPOOL_MAGIC   "assaysp"
#define SPOOL_VERSION 1
#define SPOOL_PAGE    4096
#define SPOOL_TRAIL   2048 /* so much of the trail's path is kept */

/* The file's first page. */
struct spool_header {
	char magic[8]; /* written last */
	uint32_t version;
	uint32_t worker;
	unsigned char uuid[16];
	char boot[40];	      /* the kernel's boot_id */
	uint64_t slots, size; /* how many; bytes of the ring */
	uint64_t wall, mono;  /* both clocks at one moment */
	char trail[SPOOL_TRAIL];
	alignas(64) _Atomic uint64_t head; /* published up to here */
	alignas(64) _Atomic uint64_t tail; /* released up to here */
};

struct spool {
	unsigned magic;
	struct spool_header *header;
	struct spool_slot *slots;

	/* The producer's own, on cache lines that nobody else writes. */
	alignas(64) char *base;
	uint64_t size;
	uint64_t head, offset; /* position of the next record, its place */
	uint64_t tail_seen;    /* the tail is at least here */
	uint64_t sequence;     /* of the last record */
	uint64_t ring_at;      /* wakes the clerk when head gets here */

	alignas(64) _Atomic(sem_t *) bell;
	atomic_int wants_room; /* an eventfd, or -1 */

	int fd;
	bool inherited;
	uint64_t mapped, wanted; /* bytes of the file: now, after restart */
	unsigned worker;
	char *dir, *path;
	char *trail; /* resolved */
};

/* Where the ring lies in a file of this size, and how many slots. */
void spool_layout(uint64_t file, uint64_t *slots, uint64_t *ring);
/* Points the struct at what its header says. */
void spool_attach(struct spool *s);
/* Is the header one that spool_restart() could have written? */
bool spool_header_ok(const struct spool_header *h, uint64_t file);

void spool_assert(const struct spool *s);

#endif
