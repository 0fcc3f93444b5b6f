/* SPDX-License-Identifier: MIT */
/* A rule as written, into struct rule. */
#include "pack_impl.h"

#define WORD_(name, text) text,
static const char *const severities[] = {SEVERITIES(WORD_)};
static const char *const parties[] = {PARTIES(WORD_)};
static const char *const scopes[] = {SCOPES(WORD_)};
static const char *const certs[] = {"c", "r", "?"};

static const struct member rule_members[] = {
	{"id", KIND_TEXT, true},       {"text", KIND_TEXT, true},
	{"src", KIND_TEXT, true},      {"cert", KIND_TEXT, true},
	{"since", KIND_TEXT, true},    {"match", KIND_OBJECT, false},
	{"scope", KIND_TEXT, true},    {"severity", KIND_TEXT, true},
	{"party", KIND_TEXT, true},    {"refuse", KIND_BOOL, false},
	{"refusal", KIND_TEXT, false}, {"param", KIND_TEXT, false},
	{"at", KIND_TEXT, false},      {"assert", KIND_OBJECT, false},
	{"probe", KIND_LIST, false},
};

static const struct member match_members[] = {
	{"dialect", KIND_LIST, false}, {"vendor", KIND_LIST, false},
	{"model", KIND_LIST, false},   {"except", KIND_LIST, false},
	{"mode", KIND_TEXT, false},    {"stream", KIND_BOOL, false},
	{"when", KIND_SCHEMA, false},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct str text_of(const struct json *o, const char *name)
{
	return json_text(json_get(o, str_of(name)));
}

static unsigned dialects_read(struct reading *r, const struct json *list)
{
	unsigned bits = 0;

	if (!texts_read(r, list, "dialect"))
		return ~0u;
	for (uint32_t i = 0; i < list->n; i++) {
		int d = dialect_named(json_text(list->v[i]));

		if (d <= DIALECT_NONE)
			fault(r, list->v[i],
			      "there is no dialect \"%.*s\": one of chat, "
			      "completions, responses, messages",
			      STR_ARG(json_text(list->v[i])));
		else
			bits |= 1u << d;
	}
	return bits;
}

static void match_read(struct reading *r, const struct json *m,
		       struct rule *out)
{
	const struct json *list;
	bool stream;
	int mode;

	out->dialects = ~0u;
	out->stream = -1;
	if (!m ||
	    !members_read(r, m, "match", match_members, COUNT(match_members)))
		return;
	list = json_get(m, STR("dialect"));
	if (list)
		out->dialects = dialects_read(r, list);
	list = json_get(m, STR("vendor"));
	if (list && globs_read(r, list, "vendor"))
		out->vendors = list;
	list = json_get(m, STR("model"));
	if (list && globs_read(r, list, "model"))
		out->models = list;
	list = json_get(m, STR("except"));
	if (list && globs_read(r, list, "except"))
		out->except = list;
	mode = word_read(r, m, "mode", pack_mode_names, 3);
	out->mode = mode < 0 ? MODE_ANY : (enum mode)mode;
	if (json_bool(json_get(m, STR("stream")), &stream))
		out->stream = stream;
	out->when = schema_read(r, json_get(m, STR("when")));
}

/* A star stands at the end, for each element. */
static void at_read(struct reading *r, const struct json *at)
{
	struct str s = json_text(at);

	if (s.n && s.p[0] != '/')
		fault(r, at, "\"at\" is a JSON pointer: it begins with /");
	for (size_t i = 0; i < s.n; i++) {
		bool alone =
			s.p[i] == '*' && i + 1 == s.n && i && s.p[i - 1] == '/';

		if (s.p[i] == '*' && !alone) {
			fault(r, at, "in \"at\", * stands alone, at the end");
			return;
		}
	}
}

/* What only together is wrong. */
static void rule_agrees(struct reading *r, const struct json *node,
			const struct rule *rule)
{
	bool asserts = rule->schema || rule->check.n;

	if (rule->cert != CERT_CERTAIN && rule->severity == SEVERITY_ERROR)
		fault(r, json_get(node, STR("severity")),
		      "what is only %s (\"cert\":\"%s\") is a warning at most",
		      rule->cert == CERT_REPORTED ? "reported" : "inferred",
		      certs[rule->cert]);
	if (rule->refuse && rule->scope != SCOPE_REQUEST &&
	    rule->scope != SCOPE_SESSION)
		fault(r, json_get(node, STR("refuse")),
		      "\"refuse\" needs the scope request or session");
	if (rule->refusal.n && !rule->refuse)
		fault(r, json_get(node, STR("refusal")),
		      "\"refusal\" needs \"refuse\":true");
	if (rule->at.n && !rule->schema)
		fault(r, json_get(node, STR("at")),
		      "\"at\" needs an assertion by schema");
	if (rule->schema && rule->scope != SCOPE_REQUEST &&
	    rule->scope != SCOPE_RESPONSE)
		fault(r, json_get(node, STR("scope")),
		      "a schema asserts of a request or a response");
	if (!asserts && !rule->probe && !json_get(node, STR("assert")))
		fault(r, node, "a rule has \"assert\" or \"probe\", or both");
}

static void words_read(struct reading *r, const struct json *node,
		       struct rule *out)
{
	int cert = word_read(r, node, "cert", certs, COUNT(certs));
	int severity =
		word_read(r, node, "severity", severities, COUNT(severities));
	int party = word_read(r, node, "party", parties, COUNT(parties));
	int scope = word_read(r, node, "scope", scopes, COUNT(scopes));

	out->cert = cert < 0 ? CERT_CERTAIN : (enum certainty)cert;
	out->severity = severity < 0 ? SEVERITY_INFO : (enum severity)severity;
	out->party = party < 0 ? PARTY_UNKNOWN : (enum party)party;
	out->scope = scope < 0 ? SCOPE_REQUEST : (enum scope)scope;
}

/* YYYY-MM-DD */
static bool is_date(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (i == 4 || i == 7 ? s.p[i] != '-'
				     : s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n == 10;
}

void rule_read(struct reading *r, const struct json *node, struct str id,
	       struct rule *out)
{
	const struct json *assertion = json_get(node, STR("assert"));
	bool refuse;

	out->pack = &r->file->pack;
	out->node = node;
	out->id = id;
	out->text = text_of(node, "text");
	out->src = text_of(node, "src");
	out->since = text_of(node, "since");
	out->refusal = text_of(node, "refusal");
	out->param = text_of(node, "param");
	out->at = text_of(node, "at");
	if (!members_read(r, node, "a rule", rule_members, COUNT(rule_members)))
		return;
	words_read(r, node, out);
	match_read(r, json_get(node, STR("match")), out);
	if (json_bool(json_get(node, STR("refuse")), &refuse))
		out->refuse = refuse;
	if (out->since.n && !is_date(out->since))
		fault(r, json_get(node, STR("since")),
		      "\"since\" is a date, as in 2026-01-31");
	at_read(r, json_get(node, STR("at")));
	if (json_is(assertion, JSON_OBJECT))
		assert_read(r, assertion, out);
	out->probe = json_get(node, STR("probe"));
	if (out->probe)
		probe_read(r, out->probe);
	rule_agrees(r, node, out);
}
