/* SPDX-License-Identifier: MIT */
/* Checks of who asks: what a benchmark's own client hides from its user. */
#include "rules/judge/clients_impl.h"

/* Checks of clients are about clients, not about assay's own requests. */
static bool is_a_client(const struct check_case *c)
{
	return c->q && !c->q->unknown && c->open && c->open->kind == EV_CLIENT;
}

enum verdict check_client_retry(const struct check_case *c,
				const struct rule *r, struct check_result *out)
{
	struct str count =
		check_field(c->request_head, STR("x-stainless-retry-count"));
	const struct clients_asked *same;
	uint64_t times;

	if (!is_a_client(c))
		return VERDICT_NONE;
	same = clients_same(c->clients, c->client, c->q->body_hash);
	if (same)
		out->other = same->exchange;
	out->evidence.side = EVIDENCE_REQUEST;
	if (str_u64(count, &times) && times > 0)
		return check_fail(out, "the SDK's retry number %llu",
				  (unsigned long long)times);
	if (same && same->failed)
		return check_fail(out,
				  "the same body again, after exchange %" PRId64
				  " failed",
				  same->exchange);
	out->other = 0;
	return VERDICT_PASS;
}

enum verdict check_client_truncation(const struct check_case *c,
				     const struct rule *r,
				     struct check_result *out)
{
	const struct clients_cut *cut;

	if (!is_a_client(c))
		return VERDICT_NONE;
	cut = clients_given_up(c->clients, c);
	if (!cut)
		return VERDICT_NONE;
	out->subject = cut->exchange;
	out->other = c->id;
	check_expect(out, "the request sent again");
	return check_fail(
		out, "%.*s; the client went on with %llu other requests",
		STR_ARG(cut->what), (unsigned long long)cut->begun + 1);
}

/* A client that leaves once it has its finish reason, before the usage that it
 * asked for. */
enum verdict check_client_usage(const struct check_case *c,
				const struct rule *r, struct check_result *out)
{
	if (!is_a_client(c) || !c->close || !c->a || !c->a->streamed ||
	    !c->q->include_usage)
		return VERDICT_NONE;
	if (c->a->usage.have)
		return VERDICT_PASS;
	if (c->close->outcome != EV_RESET_BY_CLIENT || c->a->done)
		return VERDICT_NONE;
	if (c->a->n_choices == 0 || c->a->choices[0].finishes == 0)
		return VERDICT_UNKNOWN;
	check_expect(out, "the stream read to its end, where usage is");
	return check_fail(out, "it asked for usage and left behind the finish "
			       "reason, before the usage came");
}
