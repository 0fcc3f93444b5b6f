/* SPDX-License-Identifier: MIT */
/*
 * Makes a small trail that holds one of everything that readers must cope
 * with. Ids are the enum's.
 */
#ifndef UNIT_SAMPLE_TRAIL_H
#define UNIT_SAMPLE_TRAIL_H

#include <stdint.h>

enum {
	SAMPLE_STREAM = 1,  /* chat, streamed: h1 in, h2+TLS out, trailers */
	SAMPLE_GZIP,	    /* JSON in gzip */
	SAMPLE_EVIL,	    /* escapes everywhere, a body that is not text */
	SAMPLE_UNREACHABLE, /* 502 of assay's own, route "other" */
	SAMPLE_MASKED,	    /* a fingerprinted secret, and a gap */
	SAMPLE_BOMB,	    /* 8 MiB of zeros in zstd */
	SAMPLE_OPEN,	    /* not ended */
	SAMPLE_LAST = SAMPLE_OPEN
};

#define SAMPLE_STARTED                                                         \
	1800000000000000000ull /* of the first; then 1 s each                  \
				*/

#define SAMPLE_EVENTS 20
#define SAMPLE_EVIL_BODY                                                       \
	"\x1b]0;owned\x07\x1b[2J\x9b"                                          \
	"31m\0\x7f\xe2\x80\xae"

/* `more` plain exchanges follow. `path` must not exist. */
void sample_trail_make(const char *path, unsigned more);

#endif
