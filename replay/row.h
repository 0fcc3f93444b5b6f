/* SPDX-License-Identifier: MIT */
/*
 * A row of the table of exchanges, kept beyond the trail's next call, and
 * what `ls` and `show` both say of it.
 */
#ifndef REPLAY_ROW_H
#define REPLAY_ROW_H

#include "print/jsonout.h"
#include "record/trail.h"

struct kept_row {
	struct trail_row row; /* its strings point into `text` */
	struct buf text;
};

/* Zero-initialise *k once; may be set again and again. */
void kept_row_set(struct kept_row *k, const struct trail_row *row);
void kept_row_free(struct kept_row *k);

/* As trail_read, and a missing file is explained to who starts out. */
struct trail *row_trail(const char *path, struct fail *f) MUST_USE;

/* "complete", or "open" while it has not ended. */
const char *row_outcome(const struct trail_row *row);
/* Good, bad, or the client's own doing. */
enum tone row_outcome_tone(const struct trail_row *row);
enum tone row_status_tone(unsigned status);

/* Body bytes as sent by the client, and as received for it. */
uint64_t row_request_bytes(const struct trail_row *row);
uint64_t row_response_bytes(const struct trail_row *row);

/* The members of its JSON object, without the braces. `trail` may be NULL. */
void row_json(struct jsonout *j, const struct trail_row *row,
	      const char *trail);

#endif
