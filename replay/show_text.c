/* SPDX-License-Identifier: MIT */
/* An exchange for people: summary, heads, bodies, timeline. */
#include <stdio.h>

#include "base/clock.h"
#include "print/human.h"
#include "print/text.h"
#include "show.h"
#include "timeline.h"

static const char *const side_name[EV_SIDES] = {"request", "response"};

/* "-- request body: application/json, 1,402 bytes ------" */
static void title(struct out *o, struct str text)
{
	struct buf tame = {0};
	size_t columns, width = out_columns(o);

	text_tame(&tame, text, TEXT_LINE);
	columns = text_columns(buf_str(&tame)) + 4;
	out_f(o, "\n");
	out_tone(o, TONE_DIM);
	out_f(o, "\u2500\u2500 ");
	out_tone(o, TONE_PLAIN);
	out_tone(o, TONE_STRONG);
	out_bytes(o, buf_str(&tame));
	out_tone(o, TONE_PLAIN);
	out_f(o, " ");
	out_tone(o, TONE_DIM);
	out_repeat(o, "\u2500", columns < width ? width - columns : 0);
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n");
	buf_free(&tame);
}

static void label(struct out *o, const char *name)
{
	out_tone(o, TONE_DIM);
	out_f(o, "  %-9s ", name);
	out_tone(o, TONE_PLAIN);
}

/* ---- summary ---- */

static void first_line(struct out *o, const struct trail_row *row)
{
	out_tone(o, TONE_STRONG);
	out_f(o, "exchange %lld  ", (long long)row->id);
	out_line(o, row->method);
	out_f(o, " ");
	out_line(o, row->path);
	out_tone(o, TONE_PLAIN);
	out_f(o, "\n");
	label(o, "outcome");
	if (row->close.status) {
		out_tone(o, row_status_tone(row->close.status));
		out_f(o, "%u ", row->close.status);
		out_tone(o, TONE_PLAIN);
	}
	out_tone(o, row_outcome_tone(row));
	out_f(o, "%s", row_outcome(row));
	out_tone(o, TONE_PLAIN);
	if (row->close.error[0]) {
		out_f(o, ", ");
		out_line(o, str_of(row->close.error));
	}
	if (row->close.answered_by_assay)
		out_f(o, "; answered by assay itself");
	if (row->close.reset_code)
		out_f(o, "; reset with code %u", row->close.reset_code);
	out_f(o, "\n");
}

static void origin_line(struct out *o, const struct trail_row *row,
			const char *trail)
{
	label(o, "kind");
	out_f(o, "%s", ev_kind_name(row->kind));
	if (row->parent)
		out_f(o, " of exchange %lld", (long long)row->parent);
	if (row->route.n) {
		out_f(o, ", route ");
		out_line(o, row->route);
	}
	if (row->run.n) {
		out_f(o, ", run ");
		out_line(o, row->run);
	}
	out_f(o, ", in ");
	out_line(o, str_of(trail));
	out_f(o, "\n");
}

static void time_lines(struct out *o, const struct trail_row *row)
{
	const struct ev_close *c = &row->close;
	uint64_t first = c->mark[EV_MARK_FIRST_BYTE];
	uint64_t done = c->mark[EV_MARK_DONE];
	char text[CLOCK_RFC3339_SIZE], n[HUMAN_SIZE];

	label(o, "started");
	out_f(o, "%s\n", clock_rfc3339(row->started_wall, text));
	if (!row->closed)
		return;
	label(o, "time");
	out_f(o, "%s in all", human_duration(done, n));
	if (first)
		out_f(o, ", first byte after %s", human_duration(first, n));
	out_f(o, "; assay added %s at most\n", human_duration(c->added_ns, n));
}

/* "1,402 B, the same in and out": transparency, checked. */
static void digest_words(struct out *o, const struct ev_close *c,
			 enum ev_digest in, enum ev_digest out)
{
	char n[HUMAN_SIZE];

	out_f(o, "%s B", human_count(c->bytes[in], n));
	if (c->bytes[in] != c->bytes[out]) {
		out_f(o, " in, %s B out", human_count(c->bytes[out], n));
	} else if (c->bytes[in] == 0) {
		return;
	} else if (c->digest[in] == c->digest[out]) {
		out_f(o, ", passed on unchanged");
	} else {
		out_tone(o, TONE_BAD);
		out_f(o, ", NOT the same in and out");
		out_tone(o, TONE_PLAIN);
	}
}

static void byte_lines(struct out *o, const struct trail_row *row)
{
	const struct ev_close *c = &row->close;
	char n[HUMAN_SIZE];

	if (!row->closed)
		return;
	label(o, "sent");
	if (c->answered_by_assay)
		out_f(o, "%s B",
		      human_count(c->bytes[EV_DIGEST_REQUEST_IN], n));
	else
		digest_words(o, c, EV_DIGEST_REQUEST_IN, EV_DIGEST_REQUEST_OUT);
	out_f(o, "\n");
	label(o, "received");
	if (c->answered_by_assay || c->outcome == EV_ANSWERED_FROM_TRAIL)
		out_f(o, "%s B", human_count(row_response_bytes(row), n));
	else
		digest_words(o, c, EV_DIGEST_RESPONSE_IN,
			     EV_DIGEST_RESPONSE_OUT);
	out_f(o, ", in %s arrivals\n",
	      human_count(row->chunks[EV_RESPONSE], n));
}

static void conn_words(struct out *o, const struct ev_conn *c)
{
	out_line(o, c->peer);
	out_f(o, ", HTTP/");
	out_line(o, c->http.n ? c->http : STR("?"));
	if (!c->tls) {
		out_f(o, ", clear");
		return;
	}
	out_f(o, ", ");
	out_line(o, c->tls_version);
	out_f(o, " ");
	out_line(o, c->cipher);
	if (c->alpn.n) {
		out_f(o, ", ALPN ");
		out_line(o, c->alpn);
	}
	if (c->sni.n) {
		out_f(o, ", SNI ");
		out_line(o, c->sni);
	}
}

static void conn_line(struct out *o, const char *name,
		      const struct trail_conn *k)
{
	if (!k->id)
		return;
	label(o, name);
	conn_words(o, &k->conn);
	out_f(o, "\n");
	if (!k->conn.has_chain)
		return;
	label(o, "");
	out_f(o, "chain sha256 ");
	for (unsigned i = 0; i < sizeof k->conn.chain_sha256; i++)
		out_f(o, "%02x", k->conn.chain_sha256[i]);
	out_f(o, "\n");
}

static const char *gap_why(enum ev_gap why)
{
	switch (why) {
	case EV_GAP_SPOOL_FULL: return "the spool was full";
	case EV_GAP_RING_DAMAGED: return "the spool's ring was damaged";
	case EV_GAP_DISK: return "the disk was full or failed";
	}
	return "for an unknown reason";
}

static void gap_lines(struct out *o, const struct exhibit *x)
{
	char n[HUMAN_SIZE], at[HUMAN_SIZE];

	for (size_t i = 0; i < x->n_gaps; i++) {
		const struct trail_gap *g = &x->gaps[i];

		label(o, "gap");
		out_tone(o, TONE_BAD);
		out_f(o, "%s B of the %s at %s were not recorded: %s",
		      human_count(g->n, n), side_name[g->side == EV_RESPONSE],
		      human_count(g->offset, at), gap_why(g->why));
		out_tone(o, TONE_PLAIN);
		out_f(o, "\n");
	}
}

static void summary(struct out *o, const struct exhibit *x, const char *trail)
{
	const struct trail_row *row = x->row;

	first_line(o, row);
	origin_line(o, row, trail);
	time_lines(o, row);
	byte_lines(o, row);
	conn_line(o, "client", &x->conn[EV_REQUEST]);
	conn_line(o, "vendor", &x->conn[EV_RESPONSE]);
	if (row->masked) {
		label(o, "secrets");
		out_f(o,
		      "%llu value%s replaced by a keyed fingerprint; all else "
		      "is exact\n",
		      (unsigned long long)row->masked,
		      row->masked == 1 ? "" : "s");
	}
	gap_lines(o, x);
	label(o, "seal");
	out_f(o, row->sealed ? "sealed\n" : "not sealed yet\n");
}

/* ---- heads ---- */

static void field_line(struct out *o, struct str line)
{
	struct str name, value;

	if (!head_split(line, &name, &value)) {
		out_line(o, line);
		out_f(o, "\n");
		return;
	}
	out_tone(o, TONE_ACCENT);
	out_line(o, name);
	out_tone(o, TONE_PLAIN);
	out_f(o, ": ");
	out_line(o, value);
	out_f(o, "\n");
}

static void head(struct out *o, const struct exhibit *x,
		 const struct exhibit_head *h)
{
	static const char *const kind[] = {"head", "interim head", "trailers"};
	struct str raw = exhibit_raw(x, h), line;
	char text[120], at[HUMAN_SIZE + 1];

	snprintf(text, sizeof text, "%s %s, %s",
		 side_name[h->side == EV_RESPONSE],
		 (unsigned)h->kind < 3 ? kind[h->kind] : "?",
		 timeline_offset(h->at, at));
	title(o, str_of(text));
	if (h->kind != EV_HEAD_TRAILERS && head_has_start(raw) &&
	    head_line(&raw, &line)) {
		out_tone(o, TONE_STRONG);
		out_line(o, line);
		out_tone(o, TONE_PLAIN);
		out_f(o, "\n");
	}
	while (head_line(&raw, &line))
		field_line(o, line);
}

static void heads(struct out *o, const struct exhibit *x, enum ev_side side,
		  bool trailers)
{
	for (size_t i = 0; i < x->n_heads; i++) {
		const struct exhibit_head *h = &x->heads[i];

		if (h->side == side &&
		    (h->kind == EV_HEAD_TRAILERS) == trailers)
			head(o, x, h);
	}
}

/* ---- bodies ---- */

static void body(struct out *o, const struct exhibit *x, enum ev_side side)
{
	const struct exhibit_body *b = &x->body[side];
	struct buf text = {0};
	char n[HUMAN_SIZE];

	buf_addf(&text, "%s body", side_name[side]);
	if (b->type.n) {
		buf_adds(&text, STR(": "));
		buf_adds(&text, buf_str(&b->type));
	}
	buf_addf(&text, ", %s B", human_count(b->plain.n, n));
	if (b->coded) {
		buf_adds(&text, STR(" ("));
		buf_adds(&text, buf_str(&b->coding));
		buf_addf(&text, ": %s B on the wire)",
			 human_count(b->wire.n, n));
	}
	title(o, buf_str(&text));
	show_body(o, b);
	buf_free(&text);
}

static void timing(struct out *o, const struct exhibit *x,
		   const struct show_parts *p)
{
	struct timeline t = {.row = x->row};

	for (int side = 0; side < EV_SIDES; side++) {
		t.arrivals[side] = x->body[side].arrivals;
		t.n[side] = x->body[side].n_arrivals;
	}
	title(o, STR("timeline"));
	timeline_draw(o, &t);
	for (int side = 0; side < EV_SIDES; side++) {
		if (p->bodies || !p->side[side] || !t.n[side])
			continue;
		title(o, side == EV_REQUEST
				 ? STR("arrivals of the request body")
				 : STR("arrivals of the response "
				       "body"));
		timeline_list(o, &t, (enum ev_side)side);
	}
}

void show_text(struct out *o, const struct exhibit *x, const char *trail,
	       const struct show_parts *p)
{
	if (p->summary)
		summary(o, x, trail);
	for (int side = 0; side < EV_SIDES; side++) {
		if (!p->side[side])
			continue;
		if (p->heads)
			heads(o, x, (enum ev_side)side, false);
		if (p->bodies && x->body[side].wire.n + x->body[side].gaps)
			body(o, x, (enum ev_side)side);
		if (p->heads)
			heads(o, x, (enum ev_side)side, true);
	}
	if (p->timing)
		timing(o, x, p);
}
