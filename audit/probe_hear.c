/* SPDX-License-Identifier: MIT */
/* Which recorded exchange answers which request, and what it says. */
#include <stdlib.h>

#include "audit/probe_impl.h"
#include "base/mem.h"
#include "print/text.h"
#include "replay/exhibit.h"
#include "rules/judge/check.h"
#include "rules/meaning/request.h"

enum { DECODED_MOST = 64 << 20, SAID_COLUMNS = 100 };

/* ---- finding ---- */

static struct ask *ask_of(struct campaign *c, struct str run)
{
	for (size_t i = 0; i < c->n_asks; i++) {
		if (str_eq(str_of(c->asks[i].run), run))
			return &c->asks[i];
	}
	return NULL;
}

/* The newest that may decide; if none does, the newest. */
static bool on_row(void *arg, const struct trail_row *row)
{
	struct ask *a = ask_of(arg, row->run);
	bool decides = row->closed && row->close.outcome == EV_COMPLETE &&
		       check_status_decides(row->close.status);

	if (a && (decides || !a->decides)) {
		a->exchange = row->id;
		a->decides = decides;
	}
	return true;
}

bool probe_find(struct campaign *c, struct trail *t, struct fail *f)
{
	struct trail_filter filter = {.kind = EV_PROBE + 1,
				      .after_id = c->after};

	for (size_t i = 0; i < c->n_asks; i++) {
		c->asks[i].exchange = 0;
		c->asks[i].decides = false;
	}
	return trail_list(t, &filter, on_row, c, f);
}

/* ---- hearing ---- */

struct heard {
	struct exhibit *x;
	struct request *q;
	struct chat *chat;
};

static enum chat_ending ending_of(const struct heard *h)
{
	if (h->x->body[EV_RESPONSE].missing)
		return CHAT_UNSEEN;
	return h->x->row->close.outcome == EV_COMPLETE ? CHAT_WHOLE : CHAT_CUT;
}

static void read_answer(struct heard *h)
{
	const struct exhibit_body *b = &h->x->body[EV_RESPONSE];
	struct chat_asked asked = request_asked(h->q);

	h->chat = chat_new(DIALECT_CHAT, &asked, NULL);
	chat_head(h->chat, h->x->row->close.status, buf_str(&b->type),
		  buf_str(&b->coding));
	chat_feed(h->chat, buf_str(&b->wire), 0);
	chat_end(h->chat, ending_of(h));
}

struct heard *heard_open(struct trail *t, const struct ask *a, struct fail *f)
{
	static const struct exhibit_want want = {.side = {true, true},
						 .bodies = true,
						 .decode = true,
						 .max_decoded = DECODED_MOST};
	struct exhibit *x = exhibit_open(t, a->exchange, &want, f);
	struct heard *h;

	if (!x)
		return NULL;
	h = MEM_NEW(struct heard);
	h->x = x;
	h->q = request_read(NULL, DIALECT_CHAT, x->body[EV_REQUEST].plain,
			    STR(""));
	read_answer(h);
	return h;
}

void heard_free(struct heard *h)
{
	if (!h)
		return;
	chat_free(h->chat);
	request_unref(h->q);
	exhibit_free(h->x);
	free(h);
}

/* Where a secret was masked, the record is not what was sent. */
bool heard_is_of(const struct heard *h, const struct ask *a)
{
	struct buf body = {0};
	bool is;

	probe_request(a->probe, a->number, a->campaign->model, &body);
	is = h->x->row->masked ||
	     str_eq(buf_str(&body), h->x->body[EV_REQUEST].plain);
	buf_free(&body);
	return is;
}

enum reception heard_reception(const struct heard *h)
{
	const struct trail_row *row = h->x->row;
	const struct check_case c = {.close = &row->close,
				     .status = row->close.status,
				     .answered = !row->close.answered_by_assay,
				     .a = chat_answer(h->chat)};

	return row->closed ? check_reception(&c) : RECEPTION_NONE;
}

const struct answer *heard_answer(const struct heard *h)
{
	return chat_answer(h->chat);
}

struct str heard_body(const struct heard *h)
{
	return h->x->body[EV_RESPONSE].plain;
}

/* ---- saying ---- */

static void say_text(struct buf *to, struct str s)
{
	struct buf tame = {0};

	text_tame(&tame, s, TEXT_LINE);
	text_fit_end(to, buf_str(&tame), SAID_COLUMNS);
	buf_free(&tame);
}

static void say_ending(const struct trail_row *row, struct buf *to)
{
	if (!row->closed) {
		buf_addf(to, "it is still open");
		return;
	}
	buf_addf(to, "%s", ev_outcome_name(row->close.outcome));
	if (row->close.error[0])
		buf_addf(to, " (%s)", row->close.error);
}

static void say_words(const struct answer *a, struct buf *to)
{
	const struct choice *c = a->n_choices ? &a->choices[0] : NULL;

	if (a->error && a->error_message.n) {
		buf_addf(to, ": ");
		say_text(to, buf_str(&a->error_message));
	} else if (a->error) {
		buf_addf(to, ", an error without a message");
	} else if (c && c->content.n) {
		buf_addf(to, ": \"");
		say_text(to, buf_str(&c->content));
		buf_addc(to, '"');
	} else if (c && c->n_calls) {
		buf_addf(to, ", a call of ");
		say_text(to, buf_str(&c->calls[0].name));
	} else if (a->status >= 400) {
		buf_addf(to, " without an error object");
	}
}

void heard_say(const struct heard *h, struct buf *to)
{
	const struct trail_row *row = h->x->row;
	const struct answer *a = heard_answer(h);

	if (!row->closed || row->close.outcome != EV_COMPLETE) {
		say_ending(row, to);
		return;
	}
	buf_addf(to, "%u", row->close.status);
	if (!a->whole)
		buf_addf(to, ", not readable to its end (%s)",
			 a->blind ? a->blind : "unknown why");
	else
		say_words(a, to);
}
