/* SPDX-License-Identifier: MIT */
/*
 * The spool: a worker's ring of records in shared memory, its queue to the
 * clerk and the crash journal in one. It outlives a killed process: the next
 * one that records into the same trail finds the ring by its name and takes
 * in what was left.
 *
 *	s = spool_open(&options, &f)
 *	worker:	spool_put(s, &record, payload, 0)
 *	clerk:	while (spool_next(&reader, &r) == SPOOL_RECORD) ...
 *		trail_commit(); spool_release(s, position)
 *	spool_free(s)		the file goes when all of it is released
 *
 * One producer, one consumer, no locks, and no system call by the producer
 * but for waking the clerk when a quarter of the ring is in use.
 */
#ifndef RECORD_SPOOL_H
#define RECORD_SPOOL_H

#include <semaphore.h>

#include "base/fail.h"
#include "record/record.h"

struct spool;

#define SPOOL_DEFAULT  (64ull << 20)
#define SPOOL_SMALLEST (8ull << 20) /* what the default may shrink to */
#define SPOOL_LEAST    (1ull << 20) /* what may be asked for */

struct spool_options {
	const char *dir;   /* NULL: /dev/shm, else $XDG_RUNTIME_DIR or /tmp */
	uint64_t size;	   /* 0: the default, which shrinks to what fits */
	const char *trail; /* path of the trail that it belongs to */
	unsigned worker;   /* its number, from 0 */
	unsigned workers;  /* how many there are: the default shares dir */
};

/*
 * Makes the ring, or takes over the one that a crashed process left. All its
 * memory is there when it returns. Codes: spool_no_room, spool_unwritable,
 * spool_locked (by a living process), spool_foreign (the name is taken by
 * something else), spool_too_small.
 */
struct spool *spool_open(const struct spool_options *o,
			 struct fail *f) MUST_USE;
/* Removes the file if everything in it was released; else it stays for the
 * next start. NULL is harmless. */
void spool_free(struct spool *s);

uint64_t spool_size(const struct spool *s); /* of the file */
const char *spool_path(const struct spool *s);
const unsigned char *spool_uuid(const struct spool *s); /* 16 bytes */
/* The wall clock's time of a moment that this ring's clock_mono told. */
uint64_t spool_wall(const struct spool *s, uint64_t mono);
/* From this boot's clock_mono? (Else the two do not compare.) */
bool spool_same_boot(const struct spool *s);

/* ---- producer: the worker's thread ---- */

/*
 * Adds a record: `as` with this payload, visible when it returns. Length,
 * check, sequence and the clerk's fields are filled in here. False if the ring
 * would then have less than `keep` bytes free.
 */
bool spool_put(struct spool *s, const struct record *as, struct str payload,
	       size_t keep);
/* Would that much of a payload fit? */
bool spool_fits(struct spool *s, size_t n, size_t keep);

/* Bytes free. Any thread. */
uint64_t spool_room(const struct spool *s);
uint64_t spool_capacity(const struct spool *s);

/* Asks the clerk for a write to this eventfd when half the ring is free. */
void spool_want_room(struct spool *s, int fd);

/* ---- consumer: the clerk's thread ---- */

enum spool_read { SPOOL_EMPTY, SPOOL_RECORD, SPOOL_DAMAGED };

/* Reads forward. Works on any memory, so that it can be tested with any. */
struct spool_reader {
	char *base;	   /* the ring's bytes */
	uint64_t size;	   /* of the ring */
	uint64_t position; /* of the next record; counts on over the laps */
	uint64_t head;	   /* nothing is read from here on */
	uint64_t sequence; /* of the next record; 0: not known */
};

void spool_reader_init(struct spool_reader *rd, struct spool *s);
/* Takes a new look at what has been published. */
void spool_reader_update(struct spool_reader *rd, struct spool *s);
/* The next record: valid until it is released. Checks everything; what is
 * damaged stays where it is. */
enum spool_read spool_next(struct spool_reader *rd, struct record **out);
/* After damage: goes on with what is published from now on. */
void spool_reader_skip(struct spool_reader *rd, struct spool *s);
/* The record at a position that was read and is not yet released. */
struct record *spool_at(const struct spool_reader *rd, uint64_t position);
/* The position of a record that spool_next() has just returned. */
uint64_t spool_position(const struct spool_reader *rd, const struct record *r);

/* Everything before this position may be overwritten. */
void spool_release(struct spool *s, uint64_t position);
uint64_t spool_released(const struct spool *s);
/* Writes to who wants room, if half the ring is free. True: somebody waits
 * still. */
bool spool_give_room(struct spool *s);
/* What the producer posts each time it has filled a quarter of the ring; NULL:
 * nobody listens any more (only when the producer is gone). */
void spool_set_bell(struct spool *s, sem_t *bell);

/*
 * Notes that must survive a crash although the records they come from have
 * been released: which row a connection or a partly stored exchange has.
 * Written by the clerk, valid once the group is committed.
 */
enum spool_note { SPOOL_NOTE_FREE, SPOOL_NOTE_CONN, SPOOL_NOTE_EXCHANGE };
struct spool_slot {
	uint64_t key;
	int64_t id;
	uint64_t started_wall, started_mono;
	int64_t parent, conn_down;
	uint32_t group;
	uint8_t note; /* enum spool_note */
	uint8_t kind; /* enum ev_kind */
	uint16_t attempt;
	uint64_t unused;
};
struct spool_slot *spool_slots(struct spool *s, size_t *n);

/* ---- recovery: before there is a producer ---- */

/* What a crashed process left is in it: read it, then spool_restart(). */
bool spool_inherited(const struct spool *s);
/* Empties it, under a new uuid, in the size that was asked for. */
void spool_restart(struct spool *s);
/*
 * Opens the next ring that a crashed process with more workers left for the
 * same trail, numbered from *number on; NULL if there is none. *number moves
 * behind it.
 */
struct spool *spool_open_left(const struct spool *s, unsigned *number);

#endif
