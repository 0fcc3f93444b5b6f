/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. One file, mapped:
 *
 *	| header page | slots | ring ................................ |
 *
 * The ring's bytes have positions that never wrap: `position % size` is the
 * place. Positions start at `size`, so that 0 means "none".
 *
 *	  tail (clerk)                head (worker)
 *	    v                           v
 *	....[record][record]...[record].............[record][skip]|
 *	    <---- published, kept ----->             <- last lap's end
 *
 * A record never crosses the ring's end: what is too short for it is skipped
 * (a word says so). The worker writes a record behind the head, where nobody
 * looks, and then moves the head over it with release order: a killed worker
 * leaves either the whole record or none. The clerk moves the tail only after
 * a commit; so between tail and head lies all that the trail may not have.
 *
 * The worker knows the tail from its last look and looks again only when it
 * seems to be out of room; so the two share no cache line but once a lap.
 */
#include "record/spool_impl.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define SPOOL_TYPE_MAGIC 0x73706f6cu /* "spol" */

void spool_assert(const struct spool *s)
{
	assert(s && s->magic == SPOOL_TYPE_MAGIC);
}

void spool_layout(uint64_t file, uint64_t *slots, uint64_t *ring)
{
	uint64_t notes = file / 32 / SPOOL_PAGE * SPOOL_PAGE;

	*slots = notes / sizeof(struct spool_slot);
	*ring = file - SPOOL_PAGE - notes;
}

bool spool_header_ok(const struct spool_header *h, uint64_t file)
{
	uint64_t slots, ring, head = h->head, tail = h->tail;

	if (file < SPOOL_LEAST || file % SPOOL_PAGE)
		return false;
	spool_layout(file, &slots, &ring);
	return !memcmp(h->magic, SPOOL_MAGIC, sizeof h->magic) &&
	       h->version == SPOOL_VERSION && h->slots == slots &&
	       h->size == ring && h->trail[SPOOL_TRAIL - 1] == 0 &&
	       tail >= ring && tail <= head && head - tail <= ring &&
	       head % 8 == 0 && tail % 8 == 0;
}

void spool_attach(struct spool *s)
{
	struct spool_header *h = s->header;

	s->magic = SPOOL_TYPE_MAGIC;
	s->slots = (struct spool_slot *)((char *)h + SPOOL_PAGE);
	s->size = h->size;
	s->base = (char *)(s->slots + h->slots);
	s->head = h->head;
	s->offset = s->head % s->size;
	s->tail_seen = h->tail;
	s->sequence = 0;
	s->ring_at = s->head + s->size / 4;
}

uint64_t spool_size(const struct spool *s)
{
	return s->mapped;
}

const char *spool_path(const struct spool *s)
{
	return s->path;
}

const unsigned char *spool_uuid(const struct spool *s)
{
	return s->header->uuid;
}

uint64_t spool_wall(const struct spool *s, uint64_t mono)
{
	return s->header->wall + (mono - s->header->mono);
}

/* ---- producer ---- */

static uint64_t tail_of(const struct spool *s)
{
	return atomic_load_explicit(&s->header->tail, memory_order_acquire);
}

static uint64_t head_of(const struct spool *s)
{
	return atomic_load_explicit(&s->header->head, memory_order_acquire);
}

uint64_t spool_capacity(const struct spool *s)
{
	return s->size;
}

uint64_t spool_room(const struct spool *s)
{
	uint64_t tail = tail_of(s), used = head_of(s) - tail;

	return used < s->size ? s->size - used : 0;
}

bool spool_fits(struct spool *s, size_t n, size_t keep)
{
	uint64_t need = record_size(n), rest = s->size - s->offset;

	assert(n <= RECORD_MAX && s->magic == SPOOL_TYPE_MAGIC);
	need += keep + (need > rest ? rest : 0);
	if (s->head - s->tail_seen + need > s->size)
		s->tail_seen = tail_of(s);
	return s->head - s->tail_seen + need <= s->size;
}

/* A record that does not fit before the ring's end begins at its start. */
static void skip_to_start(struct spool *s)
{
	struct record *r = (struct record *)(s->base + s->offset);

	r->length = RECORD_SKIP;
	s->head += s->size - s->offset;
	s->offset = 0;
}

/* The ring has filled up by a quarter since the clerk was last woken. */
static void ring_bell(struct spool *s)
{
	uint64_t used;
	sem_t *bell;

	s->tail_seen = tail_of(s);
	used = s->head - s->tail_seen;
	if (used < s->size / 4) {
		s->ring_at = s->head + s->size / 4 - used;
		return;
	}
	s->ring_at = s->head + s->size / 4;
	bell = atomic_load_explicit(&s->bell, memory_order_acquire);
	if (bell)
		sem_post(bell);
}

/* Brings the next record's memory near: a lap is longer than any cache. */
static void fetch_ahead(const struct spool *s)
{
	const char *at = s->base + s->offset;

	for (int line = 1; line <= 6; line++)
		__builtin_prefetch(at + line * 64, 1);
}

bool spool_put(struct spool *s, const struct record *as, struct str payload,
	       size_t keep)
{
	size_t n = record_size(payload.n);
	struct record r = *as;

	if (!spool_fits(s, payload.n, keep))
		return false;
	if (n > s->size - s->offset)
		skip_to_start(s);
	r.length = (uint32_t)payload.n;
	r.group = r.back = 0;
	r.sequence = ++s->sequence;
	r.check = record_check(&r, payload);
	memcpy(s->base + s->offset, &r, sizeof r);
	if (payload.n)
		memcpy(s->base + s->offset + sizeof r, payload.p, payload.n);
	s->head += n;
	s->offset += n;
	if (s->offset == s->size)
		s->offset = 0;
	atomic_store_explicit(&s->header->head, s->head, memory_order_release);
	fetch_ahead(s);
	if (s->head >= s->ring_at)
		ring_bell(s);
	return true;
}

void spool_want_room(struct spool *s, int fd)
{
	spool_assert(s);
	atomic_store(&s->wants_room, fd);
}

/* ---- consumer ---- */

void spool_reader_init(struct spool_reader *rd, struct spool *s)
{
	spool_assert(s);
	*rd = (struct spool_reader){.base = s->base, .size = s->size};
	rd->position = tail_of(s);
	spool_reader_update(rd, s);
}

void spool_reader_update(struct spool_reader *rd, struct spool *s)
{
	rd->head = head_of(s);
}

void spool_reader_skip(struct spool_reader *rd, struct spool *s)
{
	rd->head = rd->position = head_of(s);
	rd->sequence = 0;
}

/* Over what the ring's end was too short for. */
static enum spool_read skip_rest(struct spool_reader *rd)
{
	uint64_t place = rd->position % rd->size;
	const struct record *r = (const struct record *)(rd->base + place);

	if (r->length != RECORD_SKIP)
		return SPOOL_RECORD;
	if (place == 0 || rd->size - place > rd->head - rd->position)
		return SPOOL_DAMAGED;
	rd->position += rd->size - place;
	return rd->position < rd->head ? SPOOL_RECORD : SPOOL_DAMAGED;
}

enum spool_read spool_next(struct spool_reader *rd, struct record **out)
{
	uint64_t place, most;
	struct record *r;

	if (rd->position >= rd->head)
		return SPOOL_EMPTY;
	if (skip_rest(rd) != SPOOL_RECORD)
		return SPOOL_DAMAGED;
	place = rd->position % rd->size;
	most = rd->size - place;
	if (most > rd->head - rd->position)
		most = rd->head - rd->position;
	r = (struct record *)(rd->base + place);
	if (most < sizeof *r || r->length > RECORD_MAX ||
	    record_size(r->length) > most)
		return SPOOL_DAMAGED;
	if (r->check != record_check(r, record_payload(r)) ||
	    (rd->sequence && r->sequence != rd->sequence) ||
	    r->type == RECORD_NONE || r->type >= RECORD_TYPES_END)
		return SPOOL_DAMAGED;
	rd->sequence = r->sequence + 1;
	rd->position += record_size(r->length);
	*out = r;
	return SPOOL_RECORD;
}

struct record *spool_at(const struct spool_reader *rd, uint64_t position)
{
	return (struct record *)(rd->base + position % rd->size);
}

uint64_t spool_position(const struct spool_reader *rd, const struct record *r)
{
	return rd->position - record_size(r->length);
}

void spool_release(struct spool *s, uint64_t position)
{
	assert(position >= tail_of(s) && position <= head_of(s));
	atomic_store_explicit(&s->header->tail, position, memory_order_release);
}

uint64_t spool_released(const struct spool *s)
{
	return tail_of(s);
}

bool spool_give_room(struct spool *s)
{
	int fd = atomic_load(&s->wants_room);

	if (fd < 0)
		return false;
	if (spool_room(s) < s->size / 2)
		return true;
	if (atomic_compare_exchange_strong(&s->wants_room, &fd, -1)) {
		uint64_t one = 1;
		if (write(fd, &one, sizeof one) < 0)
			log_error("spool", "cannot wake a worker: %s",
				  strerror(errno));
	}
	return false;
}

void spool_set_bell(struct spool *s, sem_t *bell)
{
	atomic_store_explicit(&s->bell, bell, memory_order_release);
}

struct spool_slot *spool_slots(struct spool *s, size_t *n)
{
	*n = s->header->slots;
	return s->slots;
}

bool spool_inherited(const struct spool *s)
{
	return s->inherited;
}
