/* SPDX-License-Identifier: MIT */
/*
 * A rule is asked in three steps: does it apply (mode, `when`), what does its
 * assertion say, whose is a breach.
 *
 *	breach of a rule that the vendor must refuse	client	vendor
 *	  refused by a 4xx with an error		found	-
 *	  served with a 2xx				found	found
 *	  429, 5xx, cut, ...				found	-
 */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/check_impl.h"
#include "rules/judge/judge_impl.h"
#include "rules/judge/request_rule.h"

/* An exchange while its rules are asked. */
struct asking {
	struct judge *j;
	struct hearing *x;
	const struct check_case *c;
	struct json_doc *doc; /* of the answer as JSON, once it was needed */
	struct buf text;
	const struct json *answer;
};

static check_fn *run_of(const struct judge *j, const struct packs *p,
			const struct rule *r)
{
	const struct check *k;

	if (p == j->packs)
		return j->runs[r->number];
	k = r->check.n ? check_named(r->check) : NULL;
	return k ? k->run : NULL;
}

enum severity judge_severity(const struct rule *r)
{
	return r->severity == SEVERITY_ERROR && r->cert != CERT_CERTAIN
		       ? SEVERITY_WARNING
		       : r->severity;
}

/* ---- telling ---- */

/* True the first time for this exchange, rule and party. */
static bool first_time(struct hearing *x, const struct rule *r, enum party p)
{
	uint32_t key = r->number * PARTIES_N + p;

	for (size_t i = 0; i < x->n_told; i++)
		if (x->told[i] == key)
			return false;
	if ((x->n_told & (x->n_told - 1)) == 0)
		x->told = mem_grow(x->told, (x->n_told ? x->n_told * 2 : 1) *
						    sizeof *x->told);
	x->told[x->n_told++] = key;
	return true;
}

/* The wall clock of what the monotonic clock showed. */
static uint64_t wall_of(const struct check_case *c, uint64_t at)
{
	uint64_t from = c->open->started_mono;

	if (!at && c->close)
		return c->started_wall + c->close->mark[EV_MARK_DONE];
	return c->started_wall + (at > from ? at - from : 0);
}

static void tell(const struct asking *k, const struct rule *r, enum party party,
		 const struct check_result *res)
{
	const struct request *q = check_asked(k->c);
	struct finding f = {
		.exchange = res->subject ? res->subject : k->c->id,
		.rule = r->id,
		.version = r->pack->version,
		.pack = r->pack->name,
		.severity = res->severity ? (enum severity)(res->severity - 1)
					  : judge_severity(r),
		.party = party,
		.scope = r->scope,
		.observed = buf_str(&res->observed),
		.expected = buf_str(&res->expected),
		.evidence = res->evidence,
		.other = res->other,
		.at = wall_of(k->c, res->at),
		.route = k->c->route,
		.model = q ? q->model : STR(""),
	};

	if (!first_time(k->x, r, party))
		return;
	f.evidence.excerpt = check_clip(f.evidence.excerpt, CHECK_EXCERPT);
	k->j->sum.findings[f.severity][f.party]++;
	if (k->j->events->finding)
		k->j->events->finding(k->j->arg, &f);
}

static void result_free(struct check_result *res)
{
	buf_free(&res->observed);
	buf_free(&res->expected);
	buf_free(&res->excerpt);
}

/* The vendor served what it must refuse. */
static void tell_leniency(const struct asking *k, const struct rule *r,
			  const struct check_result *breach)
{
	struct check_result res = {0};

	check_fail(
		&res, "served with %u: %.*s", k->c->status,
		STR_ARG(check_clip(buf_str(&breach->observed), CHECK_EXCERPT)));
	if (r->refusal.n)
		check_expect(&res, "a 4xx: %.*s", STR_ARG(r->refusal));
	else
		check_expect(&res, "a 4xx");
	res.evidence.side = EVIDENCE_RESPONSE;
	tell(k, r, PARTY_VENDOR, &res);
	result_free(&res);
}

static void tell_breach(const struct asking *k, const struct rule *r,
			const struct check_result *res)
{
	enum party party = res->party ? (enum party)(res->party - 1) : r->party;

	tell(k, r, party, res);
	if (r->refuse && party != PARTY_VENDOR &&
	    check_reception(k->c) == RECEPTION_SERVED)
		tell_leniency(k, r, res);
}

/* ---- assertions ---- */

static void fault_result(struct check_result *out,
			 const struct schema_fault *fault, struct str at)
{
	check_fail(out, "%.*s%s%s", STR_ARG(at), at.n ? ": " : "",
		   fault->observed);
	check_expect(out, "%s", fault->expected);
}

static enum verdict ask_request(const struct asking *k, unsigned i,
				struct check_result *out)
{
	struct schema_fault fault = {0};
	struct buf place = {0};
	enum verdict v;

	if (!k->c->q)
		return VERDICT_UNKNOWN;
	v = request_rule(k->c->rules, i, k->c->q, &fault, &place);
	if (v == VERDICT_FAIL) {
		fault_result(out, &fault, buf_str(&place));
		out->evidence.side = EVIDENCE_REQUEST;
	}
	buf_free(&place);
	return v;
}

/* The answer as one JSON object, for rules that are schemas of it. */
static const struct json *answer_json(struct asking *k)
{
	struct json_error bad;

	if (!k->doc) {
		k->doc = json_doc_new();
		answer_to_json(k->c->a, &k->text);
		k->answer = json_parse(k->doc, buf_str(&k->text), NULL, &bad);
	}
	return k->answer;
}

static enum verdict ask_node(const struct rule *r, const struct json *node,
			     struct check_result *out)
{
	struct schema_fault fault = {0};

	switch (schema_check(r->schema, node, &fault)) {
	case SCHEMA_VALID: return VERDICT_PASS;
	case SCHEMA_INVALID: break;
	default: return VERDICT_UNKNOWN;
	}
	fault_result(out, &fault, str_of(fault.at));
	out->evidence.side = EVIDENCE_RESPONSE;
	return VERDICT_FAIL;
}

/* Each element of what `at` leads to, or that itself. */
static enum verdict ask_answer(struct asking *k, const struct rule *r,
			       struct check_result *out)
{
	enum verdict worst = VERDICT_NONE;
	const struct json *node;
	struct str at = r->at;
	bool each = at.n >= 2 && memcmp(at.p + at.n - 2, "/*", 2) == 0;

	if (!check_served(k->c))
		return VERDICT_NONE;
	if (!check_whole(k->c) || !answer_json(k))
		return VERDICT_UNKNOWN;
	at.n -= each ? 2 : 0;
	node = json_pointer(k->answer, at);
	if (!node || !each)
		return node ? ask_node(r, node, out) : VERDICT_NONE;
	for (uint32_t i = 0; i < node->n && worst != VERDICT_FAIL; i++) {
		enum verdict v = ask_node(r, node->v[i], out);

		worst = v > worst || v == VERDICT_FAIL ? v : worst;
	}
	return worst;
}

static enum verdict ask(struct asking *k, unsigned i, struct check_result *out)
{
	const struct rule *r = k->c->rules->rules[i];
	check_fn *run = run_of(k->j, k->x->packs, r);

	if (run)
		return run(k->c, r, out);
	return r->scope == SCOPE_REQUEST ? ask_request(k, i, out)
					 : ask_answer(k, r, out);
}

/* ---- parameters ---- */

/* Does a refusal speak of another parameter that is fixed, too? */
static bool names_another(const struct check_case *c, const struct rule *r)
{
	for (unsigned i = 0; i < c->rules->n; i++) {
		const struct rule *o = c->rules->rules[i];

		if (o->refuse && o->param.n && !str_eq(o->param, r->param) &&
		    json_get(c->q->root, o->param) &&
		    check_names_param(c, o->param))
			return true;
	}
	return false;
}

static void note_policy(const struct asking *k, const struct rule *r,
			enum verdict v)
{
	const struct request *q = check_asked(k->c);
	struct policy_note n = {
		.route = k->c->route,
		.model = q ? q->model : STR(""),
		.mode = k->c->mode,
		.rule = r,
		.breach = v == VERDICT_FAIL,
		.reception = check_reception(k->c),
		.named = check_names_param(k->c, r->param),
		.exchange = k->c->id,
	};

	if (!q || (v != VERDICT_FAIL && v != VERDICT_PASS))
		return;
	n.other = !n.named && k->c->a &&
		  (k->c->a->error_param.n || names_another(k->c, r));
	n.overridden = n.breach && check_echo_differs(k->c, r->param);
	if (n.breach || json_get(q->root, r->param))
		policies_note(k->j->policies, &n);
	else
		policies_see(k->j->policies, &n);
}

/* ---- one rule, all rules ---- */

/* Of what assay itself answered nothing is the vendor's. */
static bool concerns(const struct check_case *c, const struct rule *r)
{
	if (c->close && c->close->answered_by_assay)
		return r->scope == SCOPE_REQUEST || r->scope == SCOPE_SESSION;
	return true;
}

static void ask_one(struct asking *k, unsigned i)
{
	const struct rule *r = k->c->rules->rules[i];
	struct check_result res = {0};
	enum verdict v;

	if (!concerns(k->c, r))
		return;
	v = check_applies(k->c, r);
	if (v == VERDICT_PASS)
		v = ask(k, i, &res);
	judge_count(k->j, k->x, r, v);
	if (v == VERDICT_FAIL)
		tell_breach(k, r, &res);
	if (r->refuse && r->param.n && r->scope == SCOPE_REQUEST)
		note_policy(k, r, v);
	if (str_eq(r->check, STR("rate")))
		campaign_note(k->j->campaign, r, k->c);
	result_free(&res);
}

void judge_ask_all(struct judge *j, struct hearing *x,
		   const struct check_case *c)
{
	struct asking k = {.j = j, .x = x, .c = c};

	for (unsigned i = 0; i < c->rules->n; i++)
		ask_one(&k, i);
	if (k.doc)
		json_doc_free(k.doc);
	buf_free(&k.text);
}

void judge_ask_frames(struct judge *j, struct hearing *x,
		      const struct check_case *c)
{
	struct asking k = {.j = j, .x = x, .c = c};

	for (unsigned i = 0; i < c->rules->n; i++) {
		const struct rule *r = c->rules->rules[i];
		struct check_result res = {0};

		if (r->scope == SCOPE_FRAMES &&
		    run_of(j, x->packs, r) == check_quirk &&
		    check_applies(c, r) == VERDICT_PASS &&
		    check_quirk(c, r, &res) == VERDICT_FAIL)
			tell_breach(&k, r, &res);
		result_free(&res);
	}
}
