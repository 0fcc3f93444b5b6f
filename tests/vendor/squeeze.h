/* SPDX-License-Identifier: MIT */
/*
 * Content codings, both ways, by the real libraries.
 *
 *	struct squeeze *q = squeeze_new(encoding_zstd);
 *	squeeze_more(q, event, true, false, &out);   // flushed
 *	squeeze_more(q, last, true, true, &out);
 */
#ifndef VENDOR_SQUEEZE_H
#define VENDOR_SQUEEZE_H

#include "base/buf.h"
#include "knobs.h"

struct squeeze;

struct squeeze *squeeze_new(enum knob_encoding how);
void squeeze_free(struct squeeze *q);

/* Appends what comes out. `last` ends the coding. */
void squeeze_more(struct squeeze *q, struct str in, bool flush, bool last,
		  struct buf *out);

/* Which coding a content-encoding names; encoding_none for any other. */
enum knob_encoding squeeze_named(struct str name);

/* Decodes a whole body; false if it is broken or beyond `limit` bytes. */
bool squeeze_undo(enum knob_encoding how, struct str in, size_t limit,
		  struct buf *out);

#endif
