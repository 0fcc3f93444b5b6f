/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A chain of stages, the coding that was applied last first. Each
 * stage works through a block of its own, so that however many are stacked,
 * memory is bounded, and each one is held to the limits, so that a small
 * result of a large intermediate is bounded too.
 *
 *	in -> [br] -16K-> [gzip] -16K-> out
 *
 * A codec is three functions. `run` consumes and produces what it can, as
 * all four libraries do; the loop around it is the same for all.
 */
#include "rules/meaning/decode.h"

#include <assert.h>
#include <brotli/decode.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

#define DECODER_MAGIC 0x6465636fu /* "deco" */

enum { BLOCK = 16 << 10, RATIO_FREE = 1 << 20, ZSTD_WINDOW_LOG = 23 };

struct stage {
	const struct codec *codec;
	union {
		z_stream z;
		BrotliDecoderState *br;
		ZSTD_DStream *zstd;
	};
	bool begun;  /* it has seen a byte */
	bool ended;  /* at the end of a member or frame */
	bool picked; /* deflate: it is known whether it has a wrapper */
	uint64_t in, out;
	char block[BLOCK];
};

/* What run() works on; it moves both forward. */
struct span {
	struct str in;
	char *out;
	size_t room;
};

enum step { STEP_ON, STEP_ENDED, STEP_DAMAGED };

struct codec {
	const char *name;
	bool repeats; /* another member or frame may follow the end */
	void (*init)(struct stage *s);
	void (*done)(struct stage *s);
	enum step (*run)(struct stage *s, struct span *x);
	/* Could `p` be the start of another member? */
	bool (*follows)(struct stage *s, struct str in);
};

struct decoder {
	unsigned magic;
	struct decode_limits limits;
	enum decode_verdict fault; /* DECODE_WHOLE: none so far */
	unsigned n;
	struct stage *stages[DECODE_STAGES];
};

/* ---- gzip and deflate ---- */

static void z_init(struct stage *s, int window)
{
	s->z = (z_stream){0};
	if (inflateInit2(&s->z, window) != Z_OK)
		abort(); /* only ever out of memory */
}

static void gzip_init(struct stage *s)
{
	z_init(s, 15 + 16);
}

static void deflate_init(struct stage *s)
{
	z_init(s, 15);
}

static void z_done(struct stage *s)
{
	inflateEnd(&s->z);
}

static enum step z_run(struct stage *s, struct span *x)
{
	unsigned n = x->in.n < BLOCK ? (unsigned)x->in.n : BLOCK;
	int e;

	s->z.next_in = (unsigned char *)(uintptr_t)x->in.p;
	s->z.avail_in = n;
	s->z.next_out = (unsigned char *)x->out;
	s->z.avail_out = (unsigned)x->room;
	e = inflate(&s->z, Z_NO_FLUSH);
	x->in = str_skip(x->in, n - s->z.avail_in);
	x->out += x->room - s->z.avail_out;
	x->room = s->z.avail_out;
	if (e == Z_STREAM_END)
		return STEP_ENDED;
	return e == Z_OK || e == Z_BUF_ERROR ? STEP_ON : STEP_DAMAGED;
}

/*
 * "deflate" is zlib's format, but some send it bare. The first byte tells:
 * read as a bare stream, zlib's would be a stored block with its padding bits
 * set, which nobody writes.
 */
static enum step deflate_run(struct stage *s, struct span *x)
{
	if (!s->picked && x->in.n) {
		unsigned char c = (unsigned char)x->in.p[0];
		if ((c & 0x0f) != 8 || c >> 4 > 7)
			inflateReset2(&s->z, -15);
		s->picked = true;
	}
	return z_run(s, x);
}

static bool gzip_follows(struct stage *s, struct str in)
{
	return (unsigned char)in.p[0] == 0x1f && inflateReset(&s->z) == Z_OK;
}

/* ---- br ---- */

static void br_init(struct stage *s)
{
	s->br = BrotliDecoderCreateInstance(NULL, NULL, NULL);
	if (!s->br)
		abort();
}

static void br_done(struct stage *s)
{
	BrotliDecoderDestroyInstance(s->br);
}

static enum step br_run(struct stage *s, struct span *x)
{
	const uint8_t *in = (const uint8_t *)x->in.p;
	size_t n = x->in.n;
	BrotliDecoderResult e = BrotliDecoderDecompressStream(
		s->br, &n, &in, &x->room, (uint8_t **)&x->out, NULL);

	x->in = str_skip(x->in, x->in.n - n);
	if (e == BROTLI_DECODER_RESULT_SUCCESS)
		return STEP_ENDED;
	return e == BROTLI_DECODER_RESULT_ERROR ? STEP_DAMAGED : STEP_ON;
}

/* ---- zstd ---- */

/* RFC 9659: a content coding's window is at most 8 MiB. */
static void zstd_init(struct stage *s)
{
	s->zstd = ZSTD_createDStream();
	if (!s->zstd)
		abort();
	ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
}

static void zstd_done(struct stage *s)
{
	ZSTD_freeDStream(s->zstd);
}

static enum step zstd_run(struct stage *s, struct span *x)
{
	ZSTD_inBuffer in = {x->in.p, x->in.n, 0};
	ZSTD_outBuffer out = {x->out, x->room, 0};
	size_t e = ZSTD_decompressStream(s->zstd, &out, &in);

	x->in = str_skip(x->in, in.pos);
	x->out += out.pos;
	x->room -= out.pos;
	if (ZSTD_isError(e))
		return STEP_DAMAGED;
	return e == 0 ? STEP_ENDED : STEP_ON;
}

static bool zstd_follows(struct stage *s, struct str in)
{
	return ZSTD_DCtx_reset(s->zstd, ZSTD_reset_session_only) == 0;
}

/* ---- the chain ---- */

static const struct codec codecs[] = {
	{"gzip", true, gzip_init, z_done, z_run, gzip_follows},
	{"x-gzip", true, gzip_init, z_done, z_run, gzip_follows},
	{"deflate", false, deflate_init, z_done, deflate_run, NULL},
	{"br", false, br_init, br_done, br_run, NULL},
	{"zstd", true, zstd_init, zstd_done, zstd_run, zstd_follows},
};

static const struct codec *codec_of(struct str name)
{
	for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
		if (str_ieq(name, str_of(codecs[i].name)))
			return &codecs[i];
	}
	return NULL;
}

static void add_stage(struct decoder *d, const struct codec *c)
{
	struct stage *s = MEM_NEW(struct stage);

	s->codec = c;
	c->init(s);
	/* the last of the list was applied last: it is undone first */
	memmove(d->stages + 1, d->stages, d->n * sizeof *d->stages);
	d->stages[0] = s;
	d->n++;
}

struct decoder *decoder_new(struct str codings,
			    const struct decode_limits *limits)
{
	struct decoder *d = MEM_NEW(struct decoder);

	d->magic = DECODER_MAGIC;
	d->limits = *limits;
	while (codings.p && d->fault == DECODE_WHOLE) {
		struct str name = str_trim(str_cut(&codings, ','));
		const struct codec *c = codec_of(name);

		if (name.n == 0 || str_ieq(name, STR("identity")))
			continue;
		if (!c || d->n == DECODE_STAGES)
			d->fault = DECODE_UNKNOWN;
		else
			add_stage(d, c);
	}
	return d;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	assert(d->magic == DECODER_MAGIC);
	d->magic = 0;
	for (unsigned i = 0; i < d->n; i++) {
		d->stages[i]->codec->done(d->stages[i]);
		free(d->stages[i]);
	}
	free(d);
}

bool decoder_is_needed(const struct decoder *d)
{
	return d->n > 0 || d->fault != DECODE_WHOLE;
}

static bool fault(struct decoder *d, enum decode_verdict v)
{
	if (d->fault == DECODE_WHOLE)
		d->fault = v;
	return false;
}

/* Cuts *n to what the limits allow this stage; false if that was less. */
static bool within_limits(struct decoder *d, struct stage *s, size_t *n)
{
	uint64_t left = d->limits.max_bytes - s->out;

	if (*n > left) {
		*n = (size_t)left;
		s->out += *n;
		return fault(d, DECODE_LIMIT);
	}
	s->out += *n;
	if (s->out > RATIO_FREE && s->out / d->limits.max_ratio > s->in)
		return fault(d, DECODE_RATIO);
	return true;
}

/* At the end of a member: may more come? */
static bool go_on(struct decoder *d, struct stage *s, struct str in)
{
	if (!s->codec->repeats || !s->codec->follows(s, in))
		return fault(d, DECODE_TRAILING);
	s->ended = false;
	return true;
}

static bool stage_feed(struct decoder *d, unsigned at, struct str in,
		       struct buf *out);

static bool pass_on(struct decoder *d, unsigned at, size_t n, struct buf *out)
{
	struct stage *s = d->stages[at];
	bool ok = within_limits(d, s, &n);
	struct str made = {s->block, n};

	if (at + 1 < d->n)
		return stage_feed(d, at + 1, made, out) && ok;
	buf_adds(out, made);
	return ok;
}

static bool stage_feed(struct decoder *d, unsigned at, struct str in,
		       struct buf *out)
{
	struct stage *s = d->stages[at];
	bool full = false;

	s->begun |= in.n > 0;
	while (in.n || full) {
		struct span x = {in, s->block, BLOCK};
		enum step e;

		if (s->ended && !go_on(d, s, in))
			return false;
		e = s->codec->run(s, &x);
		if (e == STEP_ON && in.n && x.in.n == in.n && x.room == BLOCK &&
		    !full)
			e = STEP_DAMAGED; /* it would stand still for ever */
		s->in += in.n - x.in.n;
		in = x.in;
		full = x.room == 0 && e == STEP_ON;
		s->ended = e == STEP_ENDED;
		if (!pass_on(d, at, BLOCK - x.room, out))
			return false;
		if (e == STEP_DAMAGED)
			return fault(d, DECODE_DAMAGED);
	}
	return true;
}

bool decoder_feed(struct decoder *d, struct str in, struct buf *out)
{
	assert(d->magic == DECODER_MAGIC);
	if (d->fault != DECODE_WHOLE)
		return false;
	if (d->n)
		return stage_feed(d, 0, in, out);
	buf_adds(out, in);
	return true;
}

enum decode_verdict decoder_end(const struct decoder *d)
{
	assert(d->magic == DECODER_MAGIC);
	if (d->fault != DECODE_WHOLE)
		return d->fault;
	for (unsigned i = 0; i < d->n; i++) {
		if (d->stages[i]->begun && !d->stages[i]->ended)
			return DECODE_UNFINISHED;
	}
	return DECODE_WHOLE;
}

#define DECODE_NAME_(name, text, about)	 text,
#define DECODE_ABOUT_(name, text, about) about,

const char *decode_name(enum decode_verdict v)
{
	static const char *const name[] = {DECODE_VERDICTS(DECODE_NAME_)};

	return (unsigned)v < DECODE_VERDICTS_N ? name[v] : "?";
}

const char *decode_about(enum decode_verdict v)
{
	static const char *const about[] = {DECODE_VERDICTS(DECODE_ABOUT_)};

	return (unsigned)v < DECODE_VERDICTS_N ? about[v] : "?";
}
