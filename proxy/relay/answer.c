/* SPDX-License-Identifier: MIT */
/*
 * Answers of assay's own: errors in the OpenAI shape, and what gates decide.
 * They are recorded like any other response, and marked as assay's.
 */
#include "relay/exchange.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json_text.h"

static struct str reason_of(unsigned status)
{
	switch (status) {
	case 502: return STR("Bad Gateway");
	case 503: return STR("Service Unavailable");
	case 504: return STR("Gateway Timeout");
	default: return STR("Error");
	}
}

void exchange_record_head(struct exchange *x, enum ev_side side,
			  const struct head *h, uint64_t at)
{
	struct buf text = {0};

	if (h->raw.n) {
		rec_head(x->rec, side, EV_HEAD_MAIN, h->raw, at);
		return;
	}
	if (side == EV_REQUEST)
		buf_addf(&text, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n",
			 STR_ARG(h->method), STR_ARG(h->target),
			 STR_ARG(x->upstream ? str_of(x->upstream->authority)
					     : h->authority));
	else
		buf_addf(&text, "HTTP/1.1 %u %.*s\r\n", h->status,
			 STR_ARG(h->reason));
	for (unsigned i = 0; i < h->n; i++)
		buf_addf(&text, "%.*s: %.*s\r\n", STR_ARG(h->fields[i].name),
			 STR_ARG(h->fields[i].value));
	buf_adds(&text, STR("\r\n"));
	rec_head(x->rec, side, EV_HEAD_MAIN, buf_str(&text), at);
	buf_free(&text);
}

static void send_answer(struct exchange *x, const struct head *h,
			struct str body)
{
	uint64_t now = clock_mono();
	bool bodyless = x->request && str_eq(x->request->method, STR("HEAD"));

	x->answered = true;
	x->response_begun = x->response_ended = true;
	x->end.status = h->status;
	exchange_record_head(x, EV_RESPONSE, h, now);
	exchange_mark(x, EV_MARK_FIRST_BYTE, now);
	exchange_mark(x, EV_MARK_RESPONSE_END, now);
	if (x->down)
		http_send_head(x->down, h, NULL);
	else if (x->origin)
		x->origin->on_head(x->origin_arg, h);
	if (!bodyless)
		relay_response_data(x, body.p, body.n, now);
	if (x->down)
		http_send_end(x->down);
	exchange_resume_down(x); /* what still comes is read and dropped */
	exchange_check_done(x);
}

void exchange_answer(struct exchange *x, struct gate_answer *take_a)
{
	exchange_outcome(x, take_a->outcome, take_a->code);
	send_answer(x, take_a->head, buf_str(&take_a->body));
	head_free(take_a->head);
	buf_free(&take_a->body);
}

void exchange_answer_error(struct exchange *x, unsigned status,
			   enum ev_outcome o, const char *code,
			   const char *text)
{
	struct head_maker m = {0};
	struct buf text_of = {0}, body = {0};
	char length[24];
	struct head *h;

	exchange_outcome(x, o, code);
	if (x->response_begun) {
		exchange_abort(x, o, code);
		return;
	}
	exchange_drop_vendor(x);
	x->wait = WAIT_NONE;
	buf_addf(&text_of, "assay: %s", text);
	buf_addf(&body, "{\"error\":{\"message\":");
	json_quote(&body, buf_str(&text_of));
	buf_addf(&body,
		 ",\"type\":\"upstream_error\",\"param\":null,"
		 "\"code\":\"%s\"}}\n",
		 code);
	snprintf(length, sizeof length, "%zu", body.n);
	head_make_status(&m, HTTP_1_1, status, reason_of(status));
	m.head.framing = FRAMING_LENGTH;
	m.head.length = body.n;
	head_make_field(&m, STR("content-type"), STR("application/json"));
	head_make_field(&m, STR("content-length"), str_of(length));
	h = head_make_done(&m);
	send_answer(x, h, buf_str(&body));
	head_free(h);
	head_make_free(&m);
	buf_free(&text_of);
	buf_free(&body);
}
