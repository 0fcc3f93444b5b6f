/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. A payload is a row of fixed numbers, copied as they lie in memory,
 * then strings, each behind its 32-bit length:
 *
 *	| kind | parent | ... | n | "route" | n | "run" |
 *
 * No endianness, no versions: the spool's header has one version for all.
 */
#include "record/record.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* A close without its padding, so that equal closes are equal bytes. */
struct flat_close {
	uint64_t conn_up, added_ns;
	uint64_t mark[EV_MARKS], bytes[EV_DIGESTS], digest[EV_DIGESTS];
	uint32_t outcome, status, reset_code, answered_by_assay;
	char error[32];
};

struct flat_open {
	int64_t parent;
	uint64_t conn_down, started_wall, started_mono;
	uint32_t kind, attempt;
};

struct flat_conn {
	uint64_t at_wall;
	unsigned char chain_sha256[32];
	uint32_t side, tls, has_chain, unused;
};

uint32_t record_check(const struct record *r, struct str payload)
{
	/* The payload first, where the CPU's cache has it. */
	uint64_t seed = XXH3_64bits(payload.p, payload.n) + payload.n;
	size_t from = offsetof(struct record, sequence);

	return (uint32_t)XXH3_64bits_withSeed((const char *)r + from,
					      sizeof *r - from, seed);
}

static void add_str(struct buf *out, struct str s)
{
	uint32_t n = s.n < UINT16_MAX ? (uint32_t)s.n : UINT16_MAX;

	buf_add(out, &n, sizeof n);
	buf_add(out, s.p, n);
}

static bool take(struct str *in, void *to, size_t n)
{
	if (in->n < n)
		return false;
	memcpy(to, in->p, n);
	*in = str_skip(*in, n);
	return true;
}

static bool take_str(struct str *in, struct str *out)
{
	uint32_t n;

	if (!take(in, &n, sizeof n) || in->n < n)
		return false;
	*out = (struct str){in->p, n};
	*in = str_skip(*in, n);
	return true;
}

void record_pack_conn(struct buf *out, const struct ev_conn *c)
{
	struct flat_conn flat = {.at_wall = c->at_wall,
				 .side = c->side,
				 .tls = c->tls,
				 .has_chain = c->has_chain};

	memcpy(flat.chain_sha256, c->chain_sha256, sizeof flat.chain_sha256);
	buf_add(out, &flat, sizeof flat);
	add_str(out, c->route);
	add_str(out, c->peer);
	add_str(out, c->tls_version);
	add_str(out, c->cipher);
	add_str(out, c->alpn);
	add_str(out, c->sni);
	add_str(out, c->http);
}

bool record_unpack_conn(struct str in, struct ev_conn *c)
{
	struct flat_conn flat;

	*c = (struct ev_conn){0};
	if (!take(&in, &flat, sizeof flat) || flat.side >= EV_SIDES)
		return false;
	c->side = flat.side;
	c->at_wall = flat.at_wall;
	c->tls = flat.tls;
	c->has_chain = flat.has_chain;
	memcpy(c->chain_sha256, flat.chain_sha256, sizeof c->chain_sha256);
	return take_str(&in, &c->route) && take_str(&in, &c->peer) &&
	       take_str(&in, &c->tls_version) && take_str(&in, &c->cipher) &&
	       take_str(&in, &c->alpn) && take_str(&in, &c->sni) &&
	       take_str(&in, &c->http);
}

void record_pack_note(struct buf *out, struct str kind, struct str text)
{
	add_str(out, kind);
	add_str(out, text);
}

bool record_unpack_note(struct str in, struct str *kind, struct str *text)
{
	return take_str(&in, kind) && take_str(&in, text);
}

void record_pack_open(struct buf *out, const struct ev_open *o)
{
	struct flat_open flat = {.parent = o->parent,
				 .conn_down = o->conn_down,
				 .started_wall = o->started_wall,
				 .started_mono = o->started_mono,
				 .kind = o->kind,
				 .attempt = o->attempt};

	buf_add(out, &flat, sizeof flat);
	add_str(out, o->route);
	add_str(out, o->run);
}

bool record_unpack_open(struct str in, struct ev_open *o)
{
	struct flat_open flat;

	*o = (struct ev_open){0};
	if (!take(&in, &flat, sizeof flat) || flat.kind >= EV_KINDS)
		return false;
	o->kind = flat.kind;
	o->parent = flat.parent;
	o->conn_down = flat.conn_down;
	o->started_wall = flat.started_wall;
	o->started_mono = flat.started_mono;
	o->attempt = flat.attempt;
	return take_str(&in, &o->route) && take_str(&in, &o->run);
}

void record_pack_close(struct buf *out, const struct ev_close *c)
{
	struct flat_close flat = {.conn_up = c->conn_up,
				  .added_ns = c->added_ns,
				  .outcome = c->outcome,
				  .status = c->status,
				  .reset_code = c->reset_code,
				  .answered_by_assay = c->answered_by_assay};

	memcpy(flat.mark, c->mark, sizeof flat.mark);
	memcpy(flat.bytes, c->bytes, sizeof flat.bytes);
	memcpy(flat.digest, c->digest, sizeof flat.digest);
	memcpy(flat.error, c->error, strnlen(c->error, sizeof flat.error - 1));
	buf_add(out, &flat, sizeof flat);
}

bool record_unpack_close(struct str in, struct ev_close *c)
{
	struct flat_close flat;

	*c = (struct ev_close){0};
	if (!take(&in, &flat, sizeof flat) || flat.outcome >= EV_OUTCOMES)
		return false;
	c->conn_up = flat.conn_up;
	c->added_ns = flat.added_ns;
	c->outcome = flat.outcome;
	c->status = flat.status;
	c->reset_code = flat.reset_code;
	c->answered_by_assay = flat.answered_by_assay;
	memcpy(c->mark, flat.mark, sizeof c->mark);
	memcpy(c->bytes, flat.bytes, sizeof c->bytes);
	memcpy(c->digest, flat.digest, sizeof c->digest);
	memcpy(c->error, flat.error, sizeof c->error - 1);
	return true;
}

bool record_unpack_gap(struct str in, struct record_gap *g)
{
	return take(&in, g, sizeof *g);
}
