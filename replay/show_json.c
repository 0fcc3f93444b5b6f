/* SPDX-License-Identifier: MIT */
/* An exchange for programs: one JSON object. */
#include <stdio.h>

#include "jsonout.h"
#include "show.h"
#include "text.h"

/* ---- the row's rest ---- */

static void marks(struct jsonout *j, const struct ev_close *c)
{
	json_key(j, "marks");
	json_open(j, '{');
	for (int m = 0; m < EV_MARKS; m++) {
		json_key(j, ev_mark_name((enum ev_mark)m));
		if (c->mark[m])
			json_u64(j, c->mark[m]);
		else
			json_null(j);
	}
	json_close(j, '}');
}

static void digests(struct jsonout *j, const struct ev_close *c)
{
#define NAME_(name, text, about) text,
	static const char *const names[] = {EVIDENCE_DIGESTS(NAME_)};

	json_key(j, "digests");
	json_open(j, '{');
	for (int i = 0; i < EV_DIGESTS; i++) {
		char hex[17];

		json_key(j, names[i]);
		json_open(j, '{');
		json_number(j, "bytes", c->bytes[i]);
		snprintf(hex, sizeof hex, "%016llx",
			 (unsigned long long)c->digest[i]);
		json_text(j, "xxh64", str_of(hex));
		json_close(j, '}');
	}
	json_close(j, '}');
}

static void row_rest(struct jsonout *j, const struct trail_row *row)
{
	const struct ev_close *c = &row->close;

	json_text(j, "run", row->run);
	json_text(j, "error", str_of(c->error));
	json_truth(j, "answered_by_assay", c->answered_by_assay);
	json_number(j, "reset_code", c->reset_code);
	json_number(j, "masked", row->masked);
	json_number(j, "gap_bytes", row->gap_bytes);
	json_truth(j, "sealed", row->sealed);
	marks(j, c);
	digests(j, c);
}

static void conn(struct jsonout *j, const char *name,
		 const struct trail_conn *k)
{
	const struct ev_conn *c = &k->conn;

	json_key(j, name);
	if (!k->id) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	json_key(j, "id");
	json_i64(j, k->id);
	json_text(j, "peer", c->peer);
	json_text(j, "http", c->http);
	json_truth(j, "tls", c->tls);
	json_text(j, "tls_version", c->tls_version);
	json_text(j, "cipher", c->cipher);
	json_text(j, "alpn", c->alpn);
	json_text(j, "sni", c->sni);
	json_key(j, "chain_sha256");
	if (c->has_chain)
		json_hex(j, (struct str){(const char *)c->chain_sha256, 32});
	else
		json_null(j);
	json_close(j, '}');
}

/* ---- a side ---- */

static void fields(struct jsonout *j, struct str raw)
{
	struct str line, name, value;

	json_key(j, "fields");
	json_open(j, '[');
	while (head_line(&raw, &line)) {
		if (!head_split(line, &name, &value))
			continue;
		json_open(j, '[');
		json_str(j, name);
		json_str(j, value);
		json_close(j, ']');
	}
	json_close(j, ']');
}

static void heads(struct jsonout *j, const struct exhibit *x, enum ev_side side)
{
	static const char *const kind[] = {"main", "interim", "trailers"};

	json_key(j, "heads");
	json_open(j, '[');
	for (size_t i = 0; i < x->n_heads; i++) {
		const struct exhibit_head *h = &x->heads[i];
		struct str raw = exhibit_raw(x, h), line = {0};

		if (h->side != side)
			continue;
		json_open(j, '{');
		json_text(j, "kind",
			  str_of((unsigned)h->kind < 3 ? kind[h->kind] : "?"));
		json_number(j, "at_ns", h->at);
		if (h->kind != EV_HEAD_TRAILERS && head_has_start(raw))
			head_line(&raw, &line);
		json_text(j, "line", line);
		fields(j, raw);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void body(struct jsonout *j, const struct exhibit_body *b)
{
	json_key(j, "body");
	json_open(j, '{');
	json_text(j, "content_type", buf_str(&b->type));
	json_text(j, "content_encoding", buf_str(&b->coding));
	json_number(j, "wire_bytes", b->wire.n);
	json_number(j, "bytes", b->plain.n);
	json_text(j, "decoded", str_of(decode_name(b->verdict)));
	json_number(j, "missing_bytes", b->missing);
	if (text_valid(b->plain)) {
		json_key(j, "text");
		json_str(j, b->plain);
	} else {
		json_text(j, "encoding", STR("base64"));
		json_key(j, "base64");
		json_base64(j, b->plain);
	}
	json_close(j, '}');
}

static void arrivals(struct jsonout *j, const struct exhibit_body *b)
{
	json_key(j, "timeline");
	json_open(j, '[');
	for (size_t i = 0; i < b->n_arrivals && !j->o->gone; i++) {
		json_open(j, '[');
		json_u64(j, b->arrivals[i].at);
		json_u64(j, b->arrivals[i].n);
		json_close(j, ']');
	}
	json_close(j, ']');
}

static void side_object(struct jsonout *j, const struct exhibit *x,
			enum ev_side side, const struct show_parts *p)
{
	json_key(j, side == EV_REQUEST ? "request" : "response");
	json_open(j, '{');
	if (p->heads)
		heads(j, x, side);
	if (p->bodies)
		body(j, &x->body[side]);
	if (p->timing)
		arrivals(j, &x->body[side]);
	json_close(j, '}');
}

static void gaps(struct jsonout *j, const struct exhibit *x)
{
	static const char *const why[] = {"spool_full", "ring_damaged", "disk"};

	json_key(j, "gaps");
	json_open(j, '[');
	for (size_t i = 0; i < x->n_gaps; i++) {
		const struct trail_gap *g = &x->gaps[i];

		json_open(j, '{');
		json_text(j, "side",
			  g->side == EV_REQUEST ? STR("request")
						: STR("response"));
		json_number(j, "offset", g->offset);
		json_number(j, "bytes", g->n);
		json_text(j, "why",
			  str_of((unsigned)g->why < 3 ? why[g->why] : "?"));
		json_close(j, '}');
	}
	json_close(j, ']');
}

void show_json(struct out *o, const struct exhibit *x, const char *trail,
	       const struct show_parts *p)
{
	struct jsonout j = {.o = o};

	json_open(&j, '{');
	row_json(&j, x->row, trail);
	row_rest(&j, x->row);
	conn(&j, "client", &x->conn[EV_REQUEST]);
	conn(&j, "vendor", &x->conn[EV_RESPONSE]);
	gaps(&j, x);
	for (int side = 0; side < EV_SIDES; side++) {
		if (p->side[side])
			side_object(&j, x, (enum ev_side)side, p);
	}
	json_close(&j, '}');
	json_end_line(&j);
}
