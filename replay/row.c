/* SPDX-License-Identifier: MIT */
#include "row.h"

#include "base/clock.h"

void kept_row_set(struct kept_row *k, const struct trail_row *row)
{
	struct str *of[4] = {&k->row.run, &k->row.route, &k->row.method,
			     &k->row.path};
	size_t at = 0;

	k->row = *row;
	k->text.n = 0;
	for (unsigned i = 0; i < 4; i++)
		buf_adds(&k->text, *of[i]);
	for (unsigned i = 0; i < 4; i++) {
		of[i]->p = k->text.p + at;
		at += of[i]->n;
	}
}

void kept_row_free(struct kept_row *k)
{
	buf_free(&k->text);
}

struct trail *row_trail(const char *path, struct fail *f)
{
	struct trail *t = trail_read(path, f);

	if (!t && strcmp(f->code, "trail_missing") == 0)
		fail_set(f, FAIL_USER, "trail_missing",
			 "no trail at %.300s: start `assay proxy` first, or "
			 "name one with --trail FILE",
			 path);
	return t;
}

const char *row_outcome(const struct trail_row *row)
{
	return row->closed ? ev_outcome_name(row->close.outcome) : "open";
}

enum tone row_outcome_tone(const struct trail_row *row)
{
	if (!row->closed)
		return TONE_ACCENT;
	switch (row->close.outcome) {
	case EV_COMPLETE: return TONE_GOOD;
	case EV_ANSWERED_FROM_TRAIL: return TONE_GOOD;
	case EV_RESET_BY_CLIENT: return TONE_WARN;
	case EV_BLOCKED: return TONE_WARN;
	default: return TONE_BAD;
	}
}

enum tone row_status_tone(unsigned status)
{
	if (status >= 500)
		return TONE_BAD;
	if (status >= 400)
		return TONE_WARN;
	return status >= 200 && status < 300 ? TONE_GOOD : TONE_PLAIN;
}

uint64_t row_request_bytes(const struct trail_row *row)
{
	return row->close.bytes[EV_DIGEST_REQUEST_IN];
}

/* What assay answered itself never came in from a vendor. */
uint64_t row_response_bytes(const struct trail_row *row)
{
	const struct ev_close *c = &row->close;

	if (c->answered_by_assay || c->outcome == EV_ANSWERED_FROM_TRAIL)
		return c->bytes[EV_DIGEST_RESPONSE_OUT];
	return c->bytes[EV_DIGEST_RESPONSE_IN];
}

static void known_number(struct jsonout *j, const char *name, bool known,
			 uint64_t v)
{
	jsonout_key(j, name);
	if (known)
		jsonout_u64(j, v);
	else
		jsonout_null(j);
}

/* What is there from the beginning. */
static void opening_json(struct jsonout *j, const struct trail_row *row)
{
	jsonout_key(j, "id");
	jsonout_i64(j, row->id);
	jsonout_key(j, "parent");
	if (row->parent)
		jsonout_i64(j, row->parent);
	else
		jsonout_null(j);
	jsonout_text(j, "kind", str_of(ev_kind_name(row->kind)));
	jsonout_text(j, "route", row->route);
	jsonout_text(j, "method", row->method);
	jsonout_text(j, "path", row->path);
}

void row_json(struct jsonout *j, const struct trail_row *row, const char *trail)
{
	const struct ev_close *c = &row->close;
	uint64_t first = c->mark[EV_MARK_FIRST_BYTE];
	uint64_t done = c->mark[EV_MARK_DONE];
	char started[CLOCK_RFC3339_SIZE];

	if (trail)
		jsonout_text(j, "trail", str_of(trail));
	opening_json(j, row);
	known_number(j, "status", c->status, c->status);
	jsonout_text(j, "outcome",
		     row->closed ? str_of(row_outcome(row)) : (struct str){0});
	jsonout_text(j, "started",
		     str_of(clock_rfc3339(row->started_wall, started)));
	known_number(j, "first_byte_ns", first, first);
	known_number(j, "duration_ns", done, done);
	known_number(j, "added_ns", row->closed, c->added_ns);
	known_number(j, "request_bytes", row->closed, row_request_bytes(row));
	known_number(j, "response_bytes", row->closed, row_response_bytes(row));
	known_number(j, "chunks", true, row->chunks[EV_RESPONSE]);
}
