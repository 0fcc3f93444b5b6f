/* SPDX-License-Identifier: MIT */
/*
 * What the clerk's files share. One thread uses all of it; what others may
 * touch is in struct clerk_shared, behind its lock.
 *
 *	clerk.c		the thread, and what others may call
 *	clerk_merge.c	which record of which spool is next
 *	clerk_read.c	what a record means; taps
 *	clerk_store.c	what goes into the trail, and when
 *	clerk_recover.c	what a crashed process left
 */
#ifndef RECORD_CLERK_IMPL_H
#define RECORD_CLERK_IMPL_H

#include <pthread.h>
#include <semaphore.h>
#include <sys/queue.h>

#include "record/clerk.h"
#include "record/clerk_map.h"
#include "record/spool.h"
#include "record/trail.h"

#define CLERK_NO_SLOT UINT32_MAX

/* A connection. Kept a while after its end: exchanges end after it. */
struct clerk_conn {
	uint64_t key;
	int64_t closed_at; /* 0: open */
	int64_t id;
	uint32_t slot;
	TAILQ_ENTRY(clerk_conn) link; /* in source->closed */
};

/*
 * An open exchange. Its bytes stay in the ring: `last` is its newest record,
 * each record's `back` leads to the one before, `n` are not yet stored.
 */
struct clerk_exchange {
	uint64_t key;
	int64_t id, conn_down;
	struct clerk_source *source;
	uint64_t first, last;	/* positions; first == 0: nothing pending */
	uint64_t bytes, oldest; /* pending bytes; when the first arrived */
	uint32_t n;		/* pending records */
	uint32_t slot;
	struct ev_open open; /* its strings belong to the clerk's names */
	uint64_t wire[EV_SIDES];
	uint64_t mark[EV_MARKS];
	uint16_t status;
	bool tapped;  /* taps know it */
	bool damaged; /* some of its records could not be read */
	TAILQ_ENTRY(clerk_exchange) link; /* in source->pending */
};

TAILQ_HEAD(clerk_exchanges, clerk_exchange);
TAILQ_HEAD(clerk_conns, clerk_conn);

/* A ring that is read. */
struct clerk_source {
	struct spool *spool;
	bool owned; /* ours to free: left by a crashed process */
	struct spool_reader reader;
	struct record *next; /* read, but not yet this one's turn, or NULL */
	uint64_t taken;	     /* everything before it has been dealt with */
	int64_t latest;	     /* in our clock, which never goes back */
	int64_t shift;	     /* from its clock to ours */
	bool ended;	     /* recovery: damaged here, no further */
	uint32_t group;	     /* the commit that is being gathered */
	struct clerk_exchange *recent; /* the last that was looked up */
	struct clerk_map exchanges, conns;
	struct clerk_exchanges pending; /* oldest first */
	struct clerk_conns closed;
	struct clerk_map stored; /* recovery: key to position in the trail */
	struct spool_slot *slots;
	size_t n_slots;
	uint32_t free_slot;   /* a chain by spool_slot.unused */
	struct buf old_slots; /* uint32_t: free after the next commit */
};

/* Growing arrays to put an exchange together in. */
struct clerk_parts {
	uint64_t *positions;
	struct trail_head *heads;
	struct trail_gap *gaps;
	struct str *pieces[EV_SIDES];
	struct trail_arrival *arrivals[EV_SIDES];
	size_t n_heads, n_gaps, n_pieces[EV_SIDES], n_arrivals[EV_SIDES];
	uint64_t masked[EV_SIDES];
	size_t cap; /* of each */
};

/* What other threads see. */
struct clerk_shared {
	pthread_mutex_t lock;
	pthread_cond_t done;		/* a sync was finished */
	uint64_t sync_asked, sync_done; /* tickets */
	bool stop;
	struct clerk_figures figures;
};

struct clerk {
	unsigned magic;
	struct trail *trail;
	bool strict;
	struct clerk_tap *taps;
	unsigned n_taps;
	struct clerk_source *sources;
	unsigned n_sources;
	char **names; /* of routes and runs, each once */
	size_t n_names;
	struct clerk_parts parts;
	uint64_t puts;	      /* so far */
	bool dirty;	      /* something was put since the last commit */
	uint64_t dirty_since; /* our clock */
	int64_t dirty_oldest; /* the oldest record in it, our clock */
	bool refused;	      /* the last commit failed */
	uint64_t retry_at, complained;
	struct fail trouble;

	struct clerk_figures figures; /* our own copy */
	sem_t bell;
	pthread_t thread;
	struct clerk_shared shared;
};

/* ---- clerk_merge.c ---- */

void clerk_source_open(struct clerk_source *s, struct spool *spool);
void clerk_source_close(struct clerk_source *s);
/* Sees what has been published by now. */
void clerk_look(struct clerk *c);
/* The record whose turn it is; NULL if there is none before `horizon`. */
struct record *clerk_next(struct clerk *c, int64_t horizon,
			  struct clerk_source **from);

/* ---- clerk_read.c ---- */

/* Deals with a record: taps, and the trail if something ended with it. */
void clerk_read(struct clerk *c, struct clerk_source *s, struct record *r,
		uint64_t position);
/* Ends an exchange of which no end was recorded. */
void clerk_interrupt(struct clerk *c, struct clerk_exchange *x);
void clerk_exchange_free(struct clerk_exchange *x);
/* All open exchanges of a source by id; the caller frees the array. */
struct clerk_exchange **clerk_open_ones(const struct clerk_source *s);

/* ---- clerk_store.c ---- */

/* The vendor connection that a close names, as the trail knows it. */
int64_t clerk_conn_up(const struct clerk_exchange *x,
		      const struct ev_close *close);
/* Puts what is pending of an exchange; with `close`, all that there will be. */
void clerk_put(struct clerk *c, struct clerk_exchange *x,
	       const struct ev_close *close);
/* Something was put; `at` (our clock) is how old it is. */
void clerk_touch(struct clerk *c, int64_t at);
/* Enough for a commit, if there is `more` to read, or not? */
bool clerk_group_full(const struct clerk *c, bool more);
/* Commits, and gives the rings' room back. False: try again later. */
bool clerk_commit(struct clerk *c);
/* Stores parts of what has been open for long, or takes up the ring. */
void clerk_relieve(struct clerk *c, uint64_t now);
/* Stores everything that is pending. */
void clerk_put_all(struct clerk *c);
/* Notes that outlive a crash, see spool_slots(). */
void clerk_slots_init(struct clerk_source *s);
uint32_t clerk_slot_take(struct clerk_source *s, const struct spool_slot *as);
void clerk_slot_drop(struct clerk_source *s, uint32_t slot);
void clerk_parts_free(struct clerk_parts *p);

/* ---- clerk_recover.c ---- */

/* Takes in what is left in the rings of `o`, and in others of the trail. */
bool clerk_recover(struct clerk *c, const struct clerk_options *o,
		   struct fail *f) MUST_USE;

#endif
