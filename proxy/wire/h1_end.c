/* SPDX-License-Identifier: MIT */
/*
 * The peer will send no more: what that means depends on what it was saying.
 *
 *			client role		server role
 *	before a head	unsent, or cut		closed quietly
 *	in a body	cut or reset		cut or reset
 *	close-framed	complete, if clean	-
 *	whole message	over			a half-close: the answer goes on
 *	tunnel		its half ends		its half ends
 */
#include "wire/h1_impl.h"

void h1_gone(struct h1 *c, enum http_gone how, const char *why,
	     enum h1_fate fate)
{
	struct http_end_facts facts = {
		.how = how,
		.why = why,
		.wire_end = (enum wire_end)c->end_how,
	};

	c->active = false;
	h1_end(c, fate);
	c->stream.events->on_gone(c->stream.who, &facts);
}

/* The connection ended in the middle of something. */
static void lost(struct h1 *c, const char *why)
{
	bool reset = c->end_how == WIRE_END_RESET && c->in != IN_CLOSE;

	h1_gone(c, reset ? HTTP_RESET : HTTP_CUT, why, FATE_NOW);
}

bool h1_is_rude(const struct h1 *c)
{
	return c->end_how == WIRE_END_RESET || c->end_how == WIRE_END_TLS_ERROR;
}

bool h1_is_touched(const struct h1 *c)
{
	return wire_sent(h1_wire(c)) > c->sent_mark;
}

static void ended_client(struct h1 *c)
{
	bool clean = c->end_how == WIRE_END_CLEAN;

	switch (c->in) {
	case IN_IDLE:
		if (!h1_is_touched(c))
			h1_gone(c, HTTP_UNSENT, "closed before the request",
				FATE_NOW);
		else
			lost(c, "closed before the answer");
		break;
	case IN_CLOSE:
		if (clean)
			h1_in_done(c);
		else
			lost(c, "closed without saying so");
		break;
	case IN_DONE:
		/* answered early: RFC 9112, 9.6 */
		h1_gone(c, HTTP_DONE, "answered before the request was whole",
			FATE_NOW);
		break;
	default: lost(c, "closed in the middle of the answer");
	}
}

/* The end is looked at again and again, and told once. */
static void hang_up(struct h1 *c)
{
	if (c->hung_up || !c->stream.events->on_hangup)
		return;
	c->hung_up = true;
	c->stream.events->on_hangup(c->stream.who);
}

/*
 * A client that has sent its whole request may close its half and still read
 * the answer. One that went away looks the same until we write to it.
 */
static void ended_server(struct h1 *c)
{
	if (c->in == IN_DONE || c->in == IN_UPGRADING) {
		if (h1_is_rude(c))
			lost(c, "the client reset the connection");
		else if (c->in == IN_DONE)
			hang_up(c);
		return;
	}
	if (c->out == OUT_DONE)
		h1_gone(c, HTTP_DONE, "answered before the request was whole",
			FATE_GENTLE);
	else
		lost(c, "the client closed in the middle of its request");
}

static void ended_tunnel(struct h1 *c)
{
	if (h1_is_rude(c))
		lost(c, "the tunnel was reset");
	else if (c->in == IN_TUNNEL)
		h1_in_done(c);
}

/* Everything that came before the end has been read. */
void h1_reach_end(struct h1 *c)
{
	if (!c->active)
		h1_end(c, FATE_NOW);
	else if (c->out == OUT_TUNNEL || c->in == IN_TUNNEL)
		ended_tunnel(c);
	else if (h1_is_server(c))
		ended_server(c);
	else
		ended_client(c);
}
