/* SPDX-License-Identifier: MIT */
/*
 * A worker's event loop, and what everything on that worker shares.
 *
 * One turn:
 *
 *	wait -> callbacks (read, parse, relay, queue output) -> dirty list
 *	is flushed -> turn hooks -> dead list is freed -> wait
 *
 * So a byte that arrives is written on in the same turn, output of one turn
 * is coalesced, and nothing is ever freed inside a callback chain.
 * One thread owns a loop; only loop_wake() may be called from another.
 */
#ifndef WIRE_LOOP_H
#define WIRE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct event_base;
struct evdns_base;
struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Turns until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

struct event_base *loop_base(struct loop *l);
struct evdns_base *loop_dns(struct loop *l); /* made at first use */

/* The shared read buffer: valid until the callback that filled it returns. */
#define LOOP_SCRATCH 65536
char *loop_scratch(struct loop *l);

/* Frees `p` with `fn` at the end of this turn: the dead list. */
void loop_bury(struct loop *l, void *p, void (*fn)(void *p));

/*
 * Something with output to flush at the end of this turn. Embed it; linking
 * it twice is harmless; unlink before freeing.
 */
struct loop_dirty {
	TAILQ_ENTRY(loop_dirty) link;
	void (*flush)(struct loop_dirty *d);
	bool linked;
};
void loop_mark_dirty(struct loop *l, struct loop_dirty *d);
void loop_unmark_dirty(struct loop *l, struct loop_dirty *d);

/* Called after the flush of every turn that had callbacks; one hook. */
void loop_on_turn(struct loop *l, void (*fn)(void *arg), void *arg);

/*
 * Coarse deadlines: one timer a loop looks at all of them once a second, so
 * that a timeout costs a store when it moves and nothing else. Due within a
 * second after `at`. `at` is clock_mono() time, 0 = none.
 */
struct loop_deadline {
	LIST_ENTRY(loop_deadline) link;
	void (*due)(struct loop_deadline *d); /* at was set to 0 before */
	uint64_t at;
};
void loop_add_deadline(struct loop *l, struct loop_deadline *d);
void loop_drop_deadline(struct loop_deadline *d); /* harmless twice */

/* Called about once a second; one hook. */
void loop_on_tick(struct loop *l, void (*fn)(void *arg), void *arg);

/*
 * Runs fn(arg) on the loop's thread soon. May be called by any thread, and
 * takes a lock: for rare events, not for traffic.
 */
void loop_wake(struct loop *l, void (*fn)(void *arg), void *arg);

/* Runs what loop_wake() brought since the loop stopped: once more before
 * loop_free(), so that what was handed over is not lost. The owner. */
void loop_run_calls(struct loop *l);

/*
 * Output memory: blocks that are taken when there is something to queue and
 * given back when it has been written, so that an idle stream owns none.
 */
#define LOOP_BLOCK 16384
struct loop_block {
	struct loop_block *next;
	uint32_t done,
		end; /* data[0..done) written, data[done..end) to write */
	char data[LOOP_BLOCK - 16];
};
struct loop_block *loop_block_get(struct loop *l);
void loop_block_put(struct loop *l, struct loop_block *b);

/*
 * Reads of every wire of the loop are held while this is on (a full spool in
 * strict mode); turning it off resumes them all in this turn.
 */
void loop_hold_reads(struct loop *l, bool on);
bool loop_reads_held(const struct loop *l);

#endif
