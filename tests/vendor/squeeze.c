/* SPDX-License-Identifier: MIT */
#include "squeeze.h"

#include <assert.h>
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

#define ROOM 16384

struct squeeze {
	enum knob_encoding how;
	z_stream z;
	BrotliEncoderState *br;
	ZSTD_CCtx *zstd;
};

enum knob_encoding squeeze_named(struct str name)
{
	if (str_ieq(name, STR("gzip")))
		return encoding_gzip;
	if (str_ieq(name, STR("br")))
		return encoding_br;
	if (str_ieq(name, STR("zstd")))
		return encoding_zstd;
	if (str_ieq(name, STR("deflate")))
		return encoding_deflate;
	return encoding_none;
}

struct squeeze *squeeze_new(enum knob_encoding how)
{
	struct squeeze *q = MEM_NEW(struct squeeze);
	bool ok = true;

	q->how = how;
	if (how == encoding_br) {
		q->br = BrotliEncoderCreateInstance(NULL, NULL, NULL);
		ok = q->br &&
		     BrotliEncoderSetParameter(q->br, BROTLI_PARAM_QUALITY, 4);
	} else if (how == encoding_zstd) {
		ok = (q->zstd = ZSTD_createCCtx()) != NULL;
	} else {
		int bits = how == encoding_gzip ? 15 + 16 : 15;
		ok = deflateInit2(&q->z, 6, Z_DEFLATED, bits, 8,
				  Z_DEFAULT_STRATEGY) == Z_OK;
	}
	assert(ok);
	return q;
}

void squeeze_free(struct squeeze *q)
{
	if (!q)
		return;
	if (q->br)
		BrotliEncoderDestroyInstance(q->br);
	else if (q->zstd)
		ZSTD_freeCCtx(q->zstd);
	else
		deflateEnd(&q->z);
	free(q);
}

static void zlib_more(struct squeeze *q, struct str in, int flush,
		      struct buf *out)
{
	q->z.next_in = (Bytef *)(uintptr_t)in.p;
	q->z.avail_in = (uInt)in.n;
	do {
		q->z.next_out = (Bytef *)buf_room(out, ROOM);
		q->z.avail_out = ROOM;
		deflate(&q->z, flush);
		out->n += ROOM - q->z.avail_out;
	} while (q->z.avail_out == 0);
}

static void br_more(struct squeeze *q, struct str in, BrotliEncoderOperation op,
		    struct buf *out)
{
	const uint8_t *from = (const uint8_t *)in.p;
	size_t n = in.n;

	do {
		size_t room = ROOM;
		uint8_t *to = (uint8_t *)buf_room(out, ROOM);
		BROTLI_BOOL ok = BrotliEncoderCompressStream(
			q->br, op, &n, &from, &room, &to, NULL);
		assert(ok);
		out->n += ROOM - room;
	} while (n || BrotliEncoderHasMoreOutput(q->br));
}

static void zstd_more(struct squeeze *q, struct str in, ZSTD_EndDirective op,
		      struct buf *out)
{
	ZSTD_inBuffer from = {in.p, in.n, 0};
	size_t left;

	do {
		ZSTD_outBuffer to = {buf_room(out, ROOM), ROOM, 0};
		left = ZSTD_compressStream2(q->zstd, &to, &from, op);
		assert(!ZSTD_isError(left));
		out->n += to.pos;
	} while (from.pos < from.size || (op != ZSTD_e_continue && left));
}

void squeeze_more(struct squeeze *q, struct str in, bool flush, bool last,
		  struct buf *out)
{
	if (q->br)
		br_more(q, in,
			last	? BROTLI_OPERATION_FINISH
			: flush ? BROTLI_OPERATION_FLUSH
				: BROTLI_OPERATION_PROCESS,
			out);
	else if (q->zstd)
		zstd_more(q, in,
			  last	  ? ZSTD_e_end
			  : flush ? ZSTD_e_flush
				  : ZSTD_e_continue,
			  out);
	else
		zlib_more(q, in,
			  last	  ? Z_FINISH
			  : flush ? Z_SYNC_FLUSH
				  : Z_NO_FLUSH,
			  out);
}

/* zlib finds out by itself whether it is gzip or deflate. */
static bool zlib_undo(struct str in, size_t limit, struct buf *out)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in.p,
		      .avail_in = (uInt)in.n};
	int rc = inflateInit2(&z, 15 + 32);

	assert(rc == Z_OK);
	while (rc == Z_OK && out->n < limit) {
		z.next_out = (Bytef *)buf_room(out, ROOM);
		z.avail_out = ROOM;
		rc = inflate(&z, Z_NO_FLUSH);
		out->n += ROOM - z.avail_out;
	}
	inflateEnd(&z);
	return rc == Z_STREAM_END;
}

static bool br_undo(struct str in, size_t limit, struct buf *out)
{
	BrotliDecoderState *br = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	BrotliDecoderResult rc = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
	const uint8_t *from = (const uint8_t *)in.p;
	size_t n = in.n;

	assert(br);
	while (rc == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT &&
	       out->n < limit) {
		size_t room = ROOM;
		uint8_t *to = (uint8_t *)buf_room(out, ROOM);
		rc = BrotliDecoderDecompressStream(br, &n, &from, &room, &to,
						   NULL);
		out->n += ROOM - room;
	}
	BrotliDecoderDestroyInstance(br);
	return rc == BROTLI_DECODER_RESULT_SUCCESS;
}

static bool zstd_undo(struct str in, size_t limit, struct buf *out)
{
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	ZSTD_inBuffer from = {in.p, in.n, 0};
	size_t left = 1;

	assert(zstd);
	while (left && !ZSTD_isError(left) && out->n < limit) {
		ZSTD_outBuffer to = {buf_room(out, ROOM), ROOM, 0};
		left = ZSTD_decompressStream(zstd, &to, &from);
		out->n += to.pos;
		if (left && to.pos < ROOM && from.pos == from.size)
			break;
	}
	ZSTD_freeDCtx(zstd);
	return left == 0 && from.pos == from.size;
}

bool squeeze_undo(enum knob_encoding how, struct str in, size_t limit,
		  struct buf *out)
{
	switch (how) {
	case encoding_gzip:
	case encoding_deflate: return zlib_undo(in, limit, out);
	case encoding_br: return br_undo(in, limit, out);
	case encoding_zstd: return zstd_undo(in, limit, out);
	case encoding_none: break;
	}
	return false;
}
