/* SPDX-License-Identifier: MIT */
/*
 * Content codings undone, for reading and judging, never for relaying: gzip,
 * deflate (with zlib's wrapper or bare), br, zstd, and several on top of each
 * other. Fed in any pieces; bounded against bombs.
 *
 *	struct decoder *d = decoder_new(STR("gzip"), &limits);
 *	while (more && decoder_feed(d, piece, &out))
 *		;
 *	verdict = decoder_end(d);
 *	decoder_free(d);
 *
 * What was decoded before a fault stays in `out`.
 */
#ifndef MEANING_DECODE_H
#define MEANING_DECODE_H

#include "base/buf.h"
#include "base/str.h"

#define DECODE_VERDICTS(X)                                                     \
	X(WHOLE, "whole", "decoded to its end")                                \
	X(UNFINISHED, "unfinished", "cut: the compressed data stop early")     \
	X(DAMAGED, "damaged", "cut: the compressed data are damaged")          \
	X(TRAILING, "trailing", "bytes follow the end of the compressed data") \
	X(LIMIT, "limit", "cut at the limit for decoded bytes")                \
	X(RATIO, "ratio", "cut: it grows as only a decompression bomb does")   \
	X(UNKNOWN, "unknown", "not decoded: an unknown content coding")

#define DECODE_ENUM_(name, text, about) DECODE_##name,
enum decode_verdict { DECODE_VERDICTS(DECODE_ENUM_) DECODE_VERDICTS_N };

const char *decode_name(enum decode_verdict v);	 /* "whole" */
const char *decode_about(enum decode_verdict v); /* a phrase for people */

struct decode_limits {
	uint64_t max_bytes; /* that any stage may put out */
	unsigned max_ratio; /* of bytes out to in, beyond the first MiB */
};

enum { DECODE_STAGES = 4, DECODE_GROWTH = 1000 };

struct decoder;

/* `codings` is the value of Content-Encoding: a list, the last applied one
 * last. Never NULL: an unknown coding is a verdict. */
struct decoder *decoder_new(struct str codings,
			    const struct decode_limits *limits);
void decoder_free(struct decoder *d);

/* Does it do anything? False for an empty value and "identity". */
bool decoder_is_needed(const struct decoder *d);

/* Appends what can be decoded. False: nothing more will come out. */
bool decoder_feed(struct decoder *d, struct str in, struct buf *out);

/* After the last piece. */
enum decode_verdict decoder_end(const struct decoder *d);

#endif
