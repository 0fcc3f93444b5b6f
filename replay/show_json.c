/* SPDX-License-Identifier: MIT */
/* An exchange for programs: one JSON object. */
#include <stdio.h>

#include "print/jsonout.h"
#include "print/text.h"
#include "show.h"

/* ---- the row's rest ---- */

static void marks(struct jsonout *j, const struct ev_close *c)
{
	jsonout_key(j, "marks");
	jsonout_open(j, '{');
	for (int m = 0; m < EV_MARKS; m++) {
		jsonout_key(j, ev_mark_name((enum ev_mark)m));
		if (c->mark[m])
			jsonout_u64(j, c->mark[m]);
		else
			jsonout_null(j);
	}
	jsonout_close(j, '}');
}

static void digests(struct jsonout *j, const struct ev_close *c)
{
#define NAME_(name, text, about) text,
	static const char *const names[] = {EVIDENCE_DIGESTS(NAME_)};

	jsonout_key(j, "digests");
	jsonout_open(j, '{');
	for (int i = 0; i < EV_DIGESTS; i++) {
		char hex[17];

		jsonout_key(j, names[i]);
		jsonout_open(j, '{');
		jsonout_number(j, "bytes", c->bytes[i]);
		snprintf(hex, sizeof hex, "%016llx",
			 (unsigned long long)c->digest[i]);
		jsonout_text(j, "xxh64", str_of(hex));
		jsonout_close(j, '}');
	}
	jsonout_close(j, '}');
}

static void row_rest(struct jsonout *j, const struct trail_row *row)
{
	const struct ev_close *c = &row->close;

	jsonout_text(j, "run", row->run);
	jsonout_text(j, "error", str_of(c->error));
	jsonout_truth(j, "answered_by_assay", c->answered_by_assay);
	jsonout_number(j, "reset_code", c->reset_code);
	jsonout_number(j, "masked", row->masked);
	jsonout_number(j, "gap_bytes", row->gap_bytes);
	jsonout_truth(j, "sealed", row->sealed);
	marks(j, c);
	digests(j, c);
}

static void conn(struct jsonout *j, const char *name,
		 const struct trail_conn *k)
{
	const struct ev_conn *c = &k->conn;

	jsonout_key(j, name);
	if (!k->id) {
		jsonout_null(j);
		return;
	}
	jsonout_open(j, '{');
	jsonout_key(j, "id");
	jsonout_i64(j, k->id);
	jsonout_text(j, "peer", c->peer);
	jsonout_text(j, "http", c->http);
	jsonout_truth(j, "tls", c->tls);
	jsonout_text(j, "tls_version", c->tls_version);
	jsonout_text(j, "cipher", c->cipher);
	jsonout_text(j, "alpn", c->alpn);
	jsonout_text(j, "sni", c->sni);
	jsonout_key(j, "chain_sha256");
	if (c->has_chain)
		jsonout_hex(j, (struct str){(const char *)c->chain_sha256, 32});
	else
		jsonout_null(j);
	jsonout_close(j, '}');
}

/* ---- a side ---- */

static void fields(struct jsonout *j, struct str raw)
{
	struct str line, name, value;

	jsonout_key(j, "fields");
	jsonout_open(j, '[');
	while (head_line(&raw, &line)) {
		if (!head_split(line, &name, &value))
			continue;
		jsonout_open(j, '[');
		jsonout_str(j, name);
		jsonout_str(j, value);
		jsonout_close(j, ']');
	}
	jsonout_close(j, ']');
}

static void heads(struct jsonout *j, const struct exhibit *x, enum ev_side side)
{
	static const char *const kind[] = {"main", "interim", "trailers"};

	jsonout_key(j, "heads");
	jsonout_open(j, '[');
	for (size_t i = 0; i < x->n_heads; i++) {
		const struct exhibit_head *h = &x->heads[i];
		struct str raw = exhibit_raw(x, h), line = {0};

		if (h->side != side)
			continue;
		jsonout_open(j, '{');
		jsonout_text(
			j, "kind",
			str_of((unsigned)h->kind < 3 ? kind[h->kind] : "?"));
		jsonout_number(j, "at_ns", h->at);
		if (h->kind != EV_HEAD_TRAILERS && head_has_start(raw))
			head_line(&raw, &line);
		jsonout_text(j, "line", line);
		fields(j, raw);
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

static void body(struct jsonout *j, const struct exhibit_body *b)
{
	jsonout_key(j, "body");
	jsonout_open(j, '{');
	jsonout_text(j, "content_type", buf_str(&b->type));
	jsonout_text(j, "content_encoding", buf_str(&b->coding));
	jsonout_number(j, "wire_bytes", b->wire.n);
	jsonout_number(j, "bytes", b->plain.n);
	jsonout_text(j, "decoded", str_of(decode_name(b->verdict)));
	jsonout_number(j, "missing_bytes", b->missing);
	if (text_valid(b->plain)) {
		jsonout_key(j, "text");
		jsonout_str(j, b->plain);
	} else {
		jsonout_text(j, "encoding", STR("base64"));
		jsonout_key(j, "base64");
		jsonout_base64(j, b->plain);
	}
	jsonout_close(j, '}');
}

static void arrivals(struct jsonout *j, const struct exhibit_body *b)
{
	jsonout_key(j, "timeline");
	jsonout_open(j, '[');
	for (size_t i = 0; i < b->n_arrivals && !j->o->gone; i++) {
		jsonout_open(j, '[');
		jsonout_u64(j, b->arrivals[i].at);
		jsonout_u64(j, b->arrivals[i].n);
		jsonout_close(j, ']');
	}
	jsonout_close(j, ']');
}

static void side_object(struct jsonout *j, const struct exhibit *x,
			enum ev_side side, const struct show_parts *p)
{
	jsonout_key(j, side == EV_REQUEST ? "request" : "response");
	jsonout_open(j, '{');
	if (p->heads)
		heads(j, x, side);
	if (p->bodies)
		body(j, &x->body[side]);
	if (p->timing)
		arrivals(j, &x->body[side]);
	jsonout_close(j, '}');
}

static void gaps(struct jsonout *j, const struct exhibit *x)
{
	static const char *const why[] = {"spool_full", "ring_damaged", "disk"};

	jsonout_key(j, "gaps");
	jsonout_open(j, '[');
	for (size_t i = 0; i < x->n_gaps; i++) {
		const struct trail_gap *g = &x->gaps[i];

		jsonout_open(j, '{');
		jsonout_text(j, "side",
			     g->side == EV_REQUEST ? STR("request")
						   : STR("response"));
		jsonout_number(j, "offset", g->offset);
		jsonout_number(j, "bytes", g->n);
		jsonout_text(j, "why",
			     str_of((unsigned)g->why < 3 ? why[g->why] : "?"));
		jsonout_close(j, '}');
	}
	jsonout_close(j, ']');
}

void show_json(struct out *o, const struct exhibit *x, const char *trail,
	       const struct show_parts *p)
{
	struct jsonout j = {.o = o};

	jsonout_open(&j, '{');
	row_json(&j, x->row, trail);
	row_rest(&j, x->row);
	conn(&j, "client", &x->conn[EV_REQUEST]);
	conn(&j, "vendor", &x->conn[EV_RESPONSE]);
	gaps(&j, x);
	for (int side = 0; side < EV_SIDES; side++) {
		if (p->side[side])
			side_object(&j, x, (enum ev_side)side, p);
	}
	jsonout_close(&j, '}');
	jsonout_end_line(&j);
}
