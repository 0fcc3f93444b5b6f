/* SPDX-License-Identifier: MIT */
/*
 * A trail in a folder of its own, exchanges made from a seed, and the same
 * exchanges made again to compare with what the trail gives back.
 *
 *	struct rig r; rig_open(&r);
 *	rig_put(&r, seed);		one exchange, all of it
 *	rig_commit(&r);
 *	rig_reread(&r);
 *	rig_expect(&r, id, seed);
 */
#ifndef UNIT_TRAIL_RIG_H
#define UNIT_TRAIL_RIG_H

#include "base/buf.h"
#include "record/trail.h"

struct rig {
	char folder[64], path[96];
	struct trail *trail;
	int64_t conn[EV_SIDES];
	uint64_t random;
};

/* An exchange as it was on the wire. */
struct sample {
	struct buf head[EV_SIDES], body[EV_SIDES];
	struct trail_arrival *arrivals[EV_SIDES];
	size_t n_arrivals[EV_SIDES];
	struct trail_gap gap;
	bool has_gap;
	struct ev_open open;
	struct ev_close close;
};

/* Makes the folder, the key's place in it, and a trail open for recording. */
void rig_new(struct rig *r);
void rig_record(struct rig *r); /* closes what is open, records (again) */
void rig_reread(struct rig *r); /* closes, opens for reading */
void rig_close(struct rig *r);
void rig_free(struct rig *r); /* removes the folder */

uint64_t rig_random(uint64_t *state);

void sample_make(struct sample *s, uint64_t seed);
void sample_free(struct sample *s);

/* Stores the sample in `parts` steps; returns its id. Without `close` the
 * exchange stays open. */
int64_t rig_put_sample(struct rig *r, const struct sample *s, unsigned parts,
		       bool close);
int64_t rig_put(struct rig *r, uint64_t seed);
void rig_commit(struct rig *r);

/* All that was put is there, exactly. */
void rig_expect(struct rig *r, int64_t id, uint64_t seed);
/* The number of defects that verify finds. */
int64_t rig_verify(struct rig *r, struct trail_check *out);

/* Runs SQL on the file behind the trail's back. */
void rig_sql(struct rig *r, const char *sql);

#endif
