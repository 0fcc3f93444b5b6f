/* SPDX-License-Identifier: MIT */
/* What a peer is told that broke the rules, in the shape that SDKs expect. */
#include <stdio.h>

#include "wire/h1_impl.h"

static const char *reason_of(unsigned status)
{
	switch (status) {
	case 408: return "Request Timeout";
	case 431: return "Request Header Fields Too Large";
	case 501: return "Not Implemented";
	case 505: return "HTTP Version Not Supported";
	default: return "Bad Request";
	}
}

/* All words are ours, so nothing has to be escaped. */
static void answer(struct wire *w, const struct h1_refusal *no)
{
	char body[512], head[256];
	int n, m;

	n = snprintf(body, sizeof body,
		     "{\"error\":{\"message\":\"assay: %s\","
		     "\"type\":\"invalid_request_error\",\"param\":null,"
		     "\"code\":\"%s\"}}\n",
		     no->why, no->code);
	m = snprintf(head, sizeof head,
		     "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\n"
		     "Content-Length: %d\r\nConnection: close\r\n\r\n",
		     no->status, reason_of(no->status), n);
	wire_write(w, head, (size_t)m);
	wire_write(w, body, (size_t)n);
}

/* A stream is under way: its owner hears of it by on_gone(). */
static void refuse_stream(struct h1 *c, const struct h1_refusal *no)
{
	enum h1_fate fate = FATE_NOW;

	if (h1_is_server(c)) {
		fate = c->out == OUT_HEAD || c->out == OUT_DONE ? FATE_GENTLE
								: FATE_RUDE;
		if (c->out == OUT_HEAD)
			answer(h1_wire(c), no);
	}
	h1_gone(c, HTTP_BROKEN, no->why, fate);
}

void h1_refuse(struct h1 *c, const struct h1_refusal *no)
{
	if (c->active) {
		refuse_stream(c, no);
		return;
	}
	answer(h1_wire(c), no);
	h1_end(c, FATE_GENTLE);
	c->base.server->on_refused(c->base.owner, &c->base, no->status,
				   no->code, no->why);
}

void h1_breach(struct h1 *c, const char *why)
{
	h1_refuse(c, &(struct h1_refusal){400, "smuggling_refused", why});
}
