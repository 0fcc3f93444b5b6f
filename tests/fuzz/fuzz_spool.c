/* SPDX-License-Identifier: MIT */
/*
 * The spool's reader on arbitrary memory: first as it is, then with lengths
 * and checksums put right, so that what lies behind them is reached too. An
 * input is the head's place (3 bytes), then the ring.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record/spool_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define RING 65536

static volatile size_t sink;

static void touch(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		sink += (unsigned char)s.p[i];
}

static void unpack(const struct record *r)
{
	struct str payload = record_payload(r), a, b;
	struct record_gap gap;
	struct ev_close close;
	struct ev_open open;
	struct ev_conn conn;

	touch(payload);
	if (record_unpack_conn(payload, &conn)) {
		touch(conn.route);
		touch(conn.http);
		touch(conn.sni);
	}
	if (record_unpack_note(payload, &a, &b)) {
		touch(a);
		touch(b);
	}
	if (record_unpack_open(payload, &open)) {
		touch(open.route);
		touch(open.run);
		touch(str_of(ev_kind_name(open.kind)));
	}
	if (record_unpack_close(payload, &close)) {
		touch(str_of(ev_outcome_name(close.outcome)));
		touch(str_of(close.error));
	}
	if (record_unpack_gap(payload, &gap))
		sink += gap.n;
}

/* What a damaged reader stands at becomes a good record, if there is room. */
static void put_right(struct spool_reader *rd)
{
	uint64_t place = rd->position % rd->size, most = rd->size - place;
	struct record *r = (struct record *)(rd->base + place);

	if (most > rd->head - rd->position)
		most = rd->head - rd->position;
	if (most < sizeof *r) {
		rd->head = rd->position;
		return;
	}
	if (r->length > most - sizeof *r)
		r->length =
			(uint32_t)(r->length % (most - sizeof *r + 1)) & ~7u;
	if (r->type == RECORD_NONE || r->type >= RECORD_TYPES_END)
		r->type = RECORD_DATA;
	rd->sequence = 0;
	r->check = record_check(r, record_payload(r));
}

static void read_all(struct spool_reader rd, bool mend)
{
	struct record *r;
	int tries = 0;

	for (;;) {
		switch (spool_next(&rd, &r)) {
		case SPOOL_EMPTY: return;
		case SPOOL_RECORD:
			tries = 0;
			unpack(r);
			sink += spool_position(&rd, r);
			break;
		case SPOOL_DAMAGED:
			if (!mend || tries++)
				return;
			put_right(&rd);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct spool_reader rd = {.size = RING, .sequence = 0};
	uint64_t offset;

	if (n < 3)
		return 0;
	rd.base = aligned_alloc(64, RING);
	memset(rd.base, 0, RING);
	offset = (data[0] | (uint64_t)data[1] << 8) & ~7ull;
	rd.position = RING + offset;
	rd.head = rd.position + data[2] * (RING / 256) + 8;
	data += 3;
	n -= 3;
	for (size_t i = 0; i < n && i < RING; i++)
		rd.base[(offset + i) % RING] = (char)data[i];
	read_all(rd, false);
	read_all(rd, true);
	if (n >= sizeof(struct spool_header))
		sink += spool_header_ok((struct spool_header *)rd.base,
					SPOOL_LEAST);
	free(rd.base);
	return 0;
}
