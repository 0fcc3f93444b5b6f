/* SPDX-License-Identifier: MIT */
/*
 * The body of an answer between its source and the wire: paced, compressed,
 * cut into bytes, stalled, truncated. Blind to the HTTP version.
 *
 *	switch (shape_pull(ex, 16384, &piece)) {
 *	case PULL_PIECE: ...
 */
#ifndef VENDOR_SHAPE_H
#define VENDOR_SHAPE_H

#include "ex.h"

enum pull {
	PULL_PIECE,   /* *piece is the next chunk or frame */
	PULL_LAST,    /* the same, and nothing follows */
	PULL_END,     /* nothing follows */
	PULL_WAIT,    /* ex->wake() comes when there is more; or never */
	PULL_CUT,     /* end the connection as if the vendor had died */
	PULL_RESET,   /* reset the stream or the connection */
	PULL_GARBAGE, /* send bytes that are not HTTP, then pull again */
};

/* After the source is known. */
void shape_init(struct ex *ex);

/* The piece has 1..max bytes, and is valid until anything else is pulled. */
enum pull shape_pull(struct ex *ex, size_t max, struct str *piece);

#endif
