/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. Each call becomes one record in the ring; nothing is kept here but
 * what masking and gaps need. The ring's free bytes are shared out like this:
 *
 *	|<---------------- free ----------------->|
 *	| heads, opens, closes, gaps | body bytes |
 *	|<--------- KEEP ----------->|
 *
 * Body bytes that find less than KEEP free are dropped: a gap begins, and the
 * recorder is `full` until a quarter of the ring is free again, so that an
 * overload makes few long gaps and not many short ones. What opens and ends an
 * exchange may use up the rest; where even that is full it is owed: kept in
 * memory, in order, and written before anything else. An exchange that cannot
 * even be owed is lost as a whole, and counted.
 *
 * A gap is written when body bytes find room again, or at the end:
 *
 *	wire:	|#### data ####|xxxx gap xxxx|#### data ####|
 *	ring:	DATA           GAP(at, n)    DATA
 *
 * Masking goes on over bytes that are dropped, so that a secret that is cut by
 * a gap is not recorded from its middle on.
 */
#include "record/recorder.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "record/redact.h"
#include "record/spool.h"

#define RECORDER_MAGIC 0x72656372u /* "recr" */
#define REC_MAGIC      0x72656378u /* "recx" */
#define PIECE	       (64u << 10) /* longer chunks are cut */
#define OWED_MOST      (4u << 20)  /* then exchanges are lost */
#define SHOUT_EVERY    (5 * NS_PER_S)

/* A secret of 8 bytes becomes a fingerprint of 26: the longest payload. */
#define MASKED_MOST(n) ((n) / 8 * REDACT_SIZE + REDACT_SIZE)

struct recorder {
	unsigned magic;
	struct spool *spool;
	const struct redact_rules *rules;
	struct redact_cache *cache;
	uint64_t next_key;
	bool full;
	struct buf scratch; /* one payload */
	struct buf owed;    /* whole records, each a multiple of 8 long */
	size_t owed_done;   /* so many bytes of them are written */
	uint64_t gaps, gap_bytes, lost;
	uint64_t shouted, shouted_bytes; /* when last, and how many by then */
};

struct rec_gap {
	uint64_t at, n; /* in wire bytes; n may be 0: a head is missing */
	bool open;
};

struct rec {
	unsigned magic;
	bool lost; /* nothing of it is recorded */
	struct recorder *recorder;
	uint64_t key;
	uint64_t wire[EV_SIDES]; /* body bytes so far */
	struct redact_set *set;
	struct redact_carry carry[EV_SIDES];
	struct rec_gap gap[EV_SIDES];
};

/* ---- life ---- */

struct recorder *recorder_new(struct spool *s, const struct redact_rules *rules,
			      unsigned worker)
{
	struct recorder *r = MEM_NEW(struct recorder);

	r->magic = RECORDER_MAGIC;
	r->spool = s;
	r->rules = rules;
	r->cache = redact_cache_new(rules);
	r->next_key = ((uint64_t)worker + 1) << 48;
	return r;
}

static bool pay_owed(struct recorder *r);

/* The clerk may need a moment to make room for what is owed. */
static void pay_patiently(struct recorder *r)
{
	struct timespec moment = {.tv_nsec = 2 * NS_PER_MS};

	for (int i = 0; i < 1000 && !pay_owed(r); i++)
		nanosleep(&moment, NULL);
	if (!pay_owed(r))
		log_error("recorder",
			  "%zu bytes about the last exchanges are lost: the "
			  "spool is full",
			  r->owed.n - r->owed_done);
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	assert(r->magic == RECORDER_MAGIC);
	pay_patiently(r);
	if (r->lost)
		log_error("recorder",
			  "%llu exchanges were not recorded at all: the spool "
			  "was full",
			  (unsigned long long)r->lost);
	redact_cache_free(r->cache);
	buf_free(&r->scratch);
	buf_free(&r->owed);
	r->magic = 0;
	free(r);
}

bool recorder_low(const struct recorder *r)
{
	uint64_t size = spool_capacity(r->spool), least = size / 4;

	assert(r->magic == RECORDER_MAGIC);
	if (least < RECORDER_RESERVE)
		least = RECORDER_RESERVE < size / 2 ? RECORDER_RESERVE
						    : size / 2;
	return spool_room(r->spool) < least;
}

void recorder_when_room(struct recorder *r, int fd)
{
	assert(r->magic == RECORDER_MAGIC);
	spool_want_room(r->spool, fd);
}

uint64_t recorder_gaps(const struct recorder *r, uint64_t *bytes)
{
	assert(r->magic == RECORDER_MAGIC);
	*bytes = r->gap_bytes;
	return r->gaps + r->lost;
}

/* ---- records ---- */

/* Writes what is owed; true if nothing is any more. */
static bool pay_owed(struct recorder *r)
{
	while (r->owed_done < r->owed.n) {
		const char *at = r->owed.p + r->owed_done;
		struct record as;
		struct str payload;

		memcpy(&as, at, sizeof as);
		payload = (struct str){at + sizeof as, as.length};
		if (!spool_put(r->spool, &as, payload, 0))
			return false;
		r->owed_done += record_size(as.length);
	}
	buf_free(&r->owed);
	r->owed_done = 0;
	return true;
}

/* KEEP: so much of the ring is not for body bytes. */
static size_t keep_of(const struct recorder *r)
{
	return spool_capacity(r->spool) / 32;
}

static bool owes(struct recorder *r)
{
	return r->owed.n && !pay_owed(r);
}

/* One that may use the ring's last bytes. */
static bool put_small(struct recorder *r, const struct record *as,
		      struct str payload)
{
	return !owes(r) && spool_put(r->spool, as, payload, 0);
}

/* One that must not be lost. */
static void put_surely(struct recorder *r, struct record as, struct str payload)
{
	if (put_small(r, &as, payload))
		return;
	if (r->owed_done > OWED_MOST / 4) {
		buf_drop(&r->owed, r->owed_done);
		r->owed_done = 0;
	}
	as.length = (uint32_t)payload.n;
	buf_add(&r->owed, &as, sizeof as);
	buf_adds(&r->owed, payload);
	buf_add(&r->owed, "\0\0\0\0\0\0\0\0",
		record_size(payload.n) - sizeof as - payload.n);
}

/* After trying to pay: may something new still begin? */
static bool may_begin(struct recorder *r)
{
	return !owes(r) || r->owed.n - r->owed_done < OWED_MOST;
}

/* Tells people, now and then. */
static void shout(struct recorder *r)
{
	uint64_t now = clock_mono();

	if (r->shouted && now - r->shouted < SHOUT_EVERY)
		return;
	log_error("recorder",
		  "the spool is full: %llu bytes since the last message were "
		  "relayed but not recorded (%llu gaps, %llu exchanges lost)",
		  (unsigned long long)(r->gap_bytes - r->shouted_bytes),
		  (unsigned long long)r->gaps, (unsigned long long)r->lost);
	r->shouted = now;
	r->shouted_bytes = r->gap_bytes;
}

/* ---- connections ---- */

uint64_t recorder_conn(struct recorder *r, const struct ev_conn *c)
{
	struct record as = {.type = RECORD_CONN, .at = clock_mono()};

	assert(r->magic == RECORDER_MAGIC);
	as.key = ++r->next_key;
	r->scratch.n = 0;
	record_pack_conn(&r->scratch, c);
	if (may_begin(r))
		put_surely(r, as, buf_str(&r->scratch));
	return as.key;
}

void recorder_conn_note(struct recorder *r, uint64_t conn, struct str kind,
			struct str text, uint64_t at)
{
	struct record as = {.type = RECORD_NOTE, .key = conn, .at = at};
	struct buf clean = {0};

	assert(r->magic == RECORDER_MAGIC);
	redact_text(r->cache, text, &clean);
	r->scratch.n = 0;
	record_pack_note(&r->scratch, kind, buf_str(&clean));
	buf_free(&clean);
	if (may_begin(r))
		put_surely(r, as, buf_str(&r->scratch));
}

void recorder_conn_closed(struct recorder *r, uint64_t conn, uint64_t at)
{
	struct record as = {.type = RECORD_CONN_CLOSED, .key = conn, .at = at};

	assert(r->magic == RECORDER_MAGIC);
	if (may_begin(r))
		put_surely(r, as, (struct str){0});
}

/* ---- gaps ---- */

static struct record rec_as(const struct rec *x, enum record_type type,
			    enum ev_side side, unsigned kind)
{
	return (struct record){.type = (uint8_t)type,
			       .key = x->key,
			       .what = record_what(side, kind, false)};
}

static void gap_open(struct rec *x, enum ev_side side)
{
	struct rec_gap *g = &x->gap[side];

	if (g->open)
		return;
	*g = (struct rec_gap){.at = x->wire[side], .open = true};
	x->recorder->gaps++;
}

static struct str gap_payload(const struct rec_gap *g, struct record_gap *out)
{
	*out = (struct record_gap){g->at, g->n};
	return (struct str){(const char *)out, sizeof *out};
}

/* Writes the open gap; false: no room even for that. */
static bool gap_end(struct rec *x, enum ev_side side)
{
	struct record as = rec_as(x, RECORD_GAP, side, EV_GAP_SPOOL_FULL);
	struct rec_gap *g = &x->gap[side];
	struct record_gap payload;

	if (!g->open)
		return true;
	as.at = clock_mono();
	if (!put_small(x->recorder, &as, gap_payload(g, &payload)))
		return false;
	g->open = false;
	return true;
}

/*
 * Gives out what masking holds back, as if nothing followed. The beginning of
 * a secret stays remembered, so that its rest is still known when it comes.
 */
static void settle(struct rec *x, enum ev_side side)
{
	struct redact_carry *c = &x->carry[side], kept = *c;
	struct record as = rec_as(x, RECORD_DATA, side, 0);
	struct recorder *r = x->recorder;
	size_t held = redact_held(c);

	if (!held)
		return;
	r->scratch.n = 0;
	as.at = clock_mono();
	as.masked =
		(uint16_t)redact_data(x->set, c, STR(""), true, &r->scratch);
	kept.recorded = (uint16_t)kept.matched;
	*c = kept;
	if (put_small(r, &as, buf_str(&r->scratch)))
		return;
	gap_open(x, side);
	x->gap[side].at -= held;
	x->gap[side].n += held;
	r->gap_bytes += held;
}

/* These bytes are not recorded. */
static void drop(struct rec *x, enum ev_side side, struct str bytes)
{
	struct recorder *r = x->recorder;
	struct redact_carry *c = &x->carry[side];

	if (!x->lost && !x->gap[side].open) {
		settle(x, side);
		gap_open(x, side);
	}
	x->gap[side].n += bytes.n;
	x->wire[side] += bytes.n;
	r->gap_bytes += bytes.n;
	if (x->set) {
		r->scratch.n = 0;
		redact_data(x->set, c, bytes, false, &r->scratch);
		c->recorded = (uint16_t)c->matched;
	}
	shout(r);
}

/* ---- exchanges ---- */

struct rec *rec_open(struct recorder *r, const struct ev_open *o)
{
	struct rec *x = MEM_NEW(struct rec);
	struct record as;

	assert(r->magic == RECORDER_MAGIC);
	x->magic = REC_MAGIC;
	x->recorder = r;
	x->key = ++r->next_key;
	x->lost = !may_begin(r);
	if (x->lost) {
		r->lost++;
		shout(r);
		return x;
	}
	as = rec_as(x, RECORD_OPEN, 0, 0);
	as.at = o->started_mono;
	r->scratch.n = 0;
	record_pack_open(&r->scratch, o);
	put_surely(r, as, buf_str(&r->scratch));
	return x;
}

uint64_t rec_key(const struct rec *x)
{
	assert(x->magic == REC_MAGIC);
	return x->key;
}

void rec_head(struct rec *x, enum ev_side side, enum ev_head kind,
	      struct str raw, uint64_t at)
{
	struct record as = rec_as(x, RECORD_HEAD, side, kind);
	struct recorder *r = x->recorder;

	assert(x->magic == REC_MAGIC);
	if (side == EV_REQUEST && kind == EV_HEAD_MAIN && !x->set)
		x->set = redact_learn(r->cache, raw);
	if (x->lost)
		return;
	r->scratch.n = 0;
	as.at = at;
	as.masked = (uint16_t)redact_head(r->rules, x->set, raw, &r->scratch);
	if (r->scratch.n > RECORD_MAX) {
		r->scratch.n = RECORD_MAX;
		gap_open(x, side);
	}
	if (!put_small(r, &as, buf_str(&r->scratch))) {
		gap_open(x, side);
		shout(r);
	}
}

/* Room for body bytes again, after there was none? */
static bool has_room(struct recorder *r)
{
	uint64_t size = spool_capacity(r->spool);

	if (owes(r))
		return false;
	if (r->full && spool_room(r->spool) < size / 4)
		return false;
	r->full = false;
	return true;
}

/* What masking makes of the bytes; nothing of it is lost if it fails. */
static bool put_masked(struct rec *x, struct record *as, struct str bytes)
{
	struct recorder *r = x->recorder;
	struct redact_carry *c = &x->carry[record_side(as)];

	if (!spool_fits(r->spool, MASKED_MOST(bytes.n + c->matched),
			keep_of(r)))
		return false;
	r->scratch.n = 0;
	as->masked =
		(uint16_t)redact_data(x->set, c, bytes, false, &r->scratch);
	return spool_put(r->spool, as, buf_str(&r->scratch), 0);
}

static bool put_data(struct rec *x, struct record *as, struct str bytes)
{
	enum ev_side side = record_side(as);
	struct recorder *r = x->recorder;
	bool done;

	if ((r->full || r->owed.n) && !has_room(r))
		return false;
	if (!gap_end(x, side))
		return false;
	if (redact_clean(x->set, &x->carry[side], bytes))
		done = spool_put(r->spool, as, bytes, keep_of(r));
	else
		done = put_masked(x, as, bytes);
	r->full = !done;
	return done;
}

void rec_data(struct rec *x, enum ev_side side, const char *p, size_t n,
	      uint64_t at)
{
	struct record as = rec_as(x, RECORD_DATA, side, 0);
	struct str rest = {p, n}, piece;

	assert(x->magic == REC_MAGIC);
	as.at = at;
	while (rest.n) {
		piece = (struct str){rest.p, rest.n < PIECE ? rest.n : PIECE};
		rest = str_skip(rest, piece.n);
		as.wire = (uint32_t)piece.n;
		if (x->lost || !put_data(x, &as, piece))
			drop(x, side, piece);
		else
			x->wire[side] += piece.n;
		as.what = record_what(side, 0, true);
	}
}

static void close_side(struct rec *x, enum ev_side side)
{
	struct record as = rec_as(x, RECORD_GAP, side, EV_GAP_SPOOL_FULL);
	struct record_gap payload;

	if (!x->gap[side].open)
		settle(x, side);
	if (!x->gap[side].open)
		return;
	as.at = clock_mono();
	put_surely(x->recorder, as, gap_payload(&x->gap[side], &payload));
}

void rec_close(struct rec *x, const struct ev_close *c)
{
	struct recorder *r = x->recorder;
	struct record as = rec_as(x, RECORD_CLOSE, 0, 0);

	assert(x->magic == REC_MAGIC);
	if (!x->lost) {
		close_side(x, EV_REQUEST);
		close_side(x, EV_RESPONSE);
		as.at = clock_mono();
		r->scratch.n = 0;
		record_pack_close(&r->scratch, c);
		put_surely(r, as, buf_str(&r->scratch));
	}
	redact_unref(x->set);
	x->magic = 0;
	free(x);
}
