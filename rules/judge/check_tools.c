/* SPDX-License-Identifier: MIT */
/* Tool calls against the tools that were declared. */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/check_impl.h"
#include "rules/schema/mfjs.h"

/* ---- declared tools ---- */

struct declared {
	bool found;
	const struct json *schema; /* or NULL: none */
};

static struct declared find_tool(const struct request *q, struct str name)
{
	for (size_t i = 0; i < q->n_tools; i++)
		if (str_eq(q->tools[i].name, name))
			return (struct declared){true, q->tools[i].schema};
	return (struct declared){0};
}

/* Tools with tools of their own, or that find some: a call names one of them,
 * and not where it is from. */
static bool holds_tools(const struct json *tool)
{
	struct str type = json_text(json_get(tool, STR("type")));

	return str_eq(type, STR("namespace")) ||
	       str_starts(type, STR("tool_search"));
}

/* The old way to declare functions, and tools that the vendor keeps. */
static bool declared_elsewhere(const struct request *q)
{
	for (size_t i = 0; i < q->n_tools; i++)
		if (holds_tools(q->tools[i].node))
			return true;
	return json_get(q->root, STR("functions")) || q->previous_response.n ||
	       json_get(q->root, STR("prompt_id")) ||
	       (q->dialect == DIALECT_RESPONSES &&
		(json_get(q->root, STR("prompt")) ||
		 json_get(q->root, STR("conversation"))));
}

/* ---- calls, one by one ---- */

/* PASS, FAIL or UNKNOWN of one call. */
typedef enum verdict call_fn(const struct check_case *c,
			     const struct request *q, const struct choice *ch,
			     const struct tool_call *call,
			     struct check_result *out);

static void shows_call(const struct tool_call *call, struct check_result *out)
{
	check_shows(out, call->offset, call->offset,
		    call->arguments.n ? buf_str(&call->arguments)
				      : buf_str(&call->name));
}

/* So many that cannot be told of cost enough: each was given up after long
 * work, on a schema that was made for that. */
enum { UNKNOWN_MOST = 8 };

/* Asks about each call of a function until one fails. */
static enum verdict each_call(const struct check_case *c, call_fn *ask,
			      struct check_result *out)
{
	const struct request *q = check_asked(c);
	enum verdict v = VERDICT_NONE;
	unsigned unknown = 0;

	if (!check_served(c))
		return VERDICT_NONE;
	for (size_t i = 0; i < c->a->n_choices; i++) {
		const struct choice *ch = &c->a->choices[i];

		for (size_t k = 0; k < ch->n_calls && unknown < UNKNOWN_MOST;
		     k++) {
			enum verdict one;

			if (!check_is_function(&ch->calls[k]))
				continue;
			one = ask(c, q, ch, &ch->calls[k], out);
			if (one == VERDICT_FAIL) {
				shows_call(&ch->calls[k], out);
				return one;
			}
			v = one > v ? one : v;
			unknown += one == VERDICT_UNKNOWN;
		}
	}
	return v == VERDICT_PASS ? check_pass(c) : v;
}

/* Were the arguments written to their end? Only then they can be judged. */
static bool may_be_cut(const struct check_case *c, const struct choice *ch)
{
	return !check_whole(c) || check_finish(c->a, ch) == FINISH_LENGTH ||
	       check_finish(c->a, ch) == FINISH_NONE;
}

/* The model wrote as many tokens as it was allowed to. */
static bool at_limit(const struct check_case *c, const struct request *q)
{
	return q && q->max_tokens > 0 && c->a->usage.have &&
	       c->a->usage.completion >= q->max_tokens;
}

/* A text parsed for the length of a check. */
struct parsed {
	struct json_doc *doc;
	const struct json *root;
	struct json_error bad;
};

static struct parsed parse(struct str text)
{
	struct parsed p = {.doc = json_doc_new()};

	p.root = json_parse(p.doc, text, NULL, &p.bad);
	return p;
}

static enum verdict ask_json(const struct check_case *c,
			     const struct request *q, const struct choice *ch,
			     const struct tool_call *call,
			     struct check_result *out)
{
	struct parsed p;
	enum verdict v = VERDICT_PASS;

	if (may_be_cut(c, ch))
		return VERDICT_UNKNOWN;
	p = parse(buf_str(&call->arguments));
	if (!p.root && p.bad.limit)
		v = VERDICT_UNKNOWN;
	else if (!p.root && p.bad.truncated && at_limit(c, q))
		v = VERDICT_NONE; /* see finish_length_masked */
	else if (!p.root)
		v = check_fail(out, "arguments of %.*s: %s, at byte %zu",
			       STR_ARG(check_clip(buf_str(&call->name), 80)),
			       p.bad.why, p.bad.offset);
	check_expect(out, "JSON");
	json_doc_free(p.doc);
	return v;
}

enum verdict check_arguments_not_json(const struct check_case *c,
				      const struct rule *r,
				      struct check_result *out)
{
	return each_call(c, ask_json, out);
}

static enum verdict ask_masked(const struct check_case *c,
			       const struct request *q, const struct choice *ch,
			       const struct tool_call *call,
			       struct check_result *out)
{
	struct parsed p;
	bool cut;

	if (!check_whole(c))
		return VERDICT_UNKNOWN;
	if (check_finish(c->a, ch) != FINISH_CALLS)
		return VERDICT_NONE;
	p = parse(buf_str(&call->arguments));
	cut = !p.root && p.bad.truncated;
	json_doc_free(p.doc);
	if (!cut)
		return VERDICT_PASS;
	if (!q || q->max_tokens <= 0)
		return VERDICT_NONE;
	if (!c->a->usage.have)
		return VERDICT_UNKNOWN;
	if (!at_limit(c, q))
		return VERDICT_PASS;
	check_expect(out, "a finish reason that says so");
	return check_fail(out,
			  "finish %.*s although the limit of %" PRId64
			  " tokens cut the arguments",
			  STR_ARG(buf_str(&ch->finish)), q->max_tokens);
}

enum verdict check_finish_length_masked(const struct check_case *c,
					const struct rule *r,
					struct check_result *out)
{
	return each_call(c, ask_masked, out);
}

/* ---- arguments and schemas ---- */

static enum verdict ask_schema(const struct check_case *c,
			       const struct request *q, const struct choice *ch,
			       const struct tool_call *call,
			       struct check_result *out)
{
	enum verdict v = VERDICT_NONE;
	struct declared d;
	struct parsed p;

	if (!q || may_be_cut(c, ch))
		return VERDICT_UNKNOWN;
	d = find_tool(q, buf_str(&call->name));
	if (!d.schema)
		return d.found || declared_elsewhere(q) ? VERDICT_NONE
							: VERDICT_UNKNOWN;
	p = parse(buf_str(&call->arguments));
	if (p.root)
		v = check_value(c, d.schema, p.root, out);
	json_doc_free(p.doc);
	return v;
}

enum verdict check_arguments_schema(const struct check_case *c,
				    const struct rule *r,
				    struct check_result *out)
{
	return each_call(c, ask_schema, out);
}

/* ---- names and ids ---- */

static enum verdict ask_known(const struct check_case *c,
			      const struct request *q, const struct choice *ch,
			      const struct tool_call *call,
			      struct check_result *out)
{
	if (!q)
		return VERDICT_UNKNOWN;
	if (declared_elsewhere(q) || !check_whole(c))
		return VERDICT_UNKNOWN;
	if (find_tool(q, buf_str(&call->name)).found)
		return VERDICT_PASS;
	check_expect(out, "one of the %zu tools that were declared",
		     q->n_tools);
	return check_fail(
		out, "a call of %.*s",
		STR_ARG(check_clip(buf_str(&call->name), CHECK_EXCERPT)));
}

enum verdict check_tool_unknown(const struct check_case *c,
				const struct rule *r, struct check_result *out)
{
	return each_call(c, ask_known, out);
}

static bool has_id(const struct message *m, struct str id)
{
	for (size_t i = 0; i < m->n_calls; i++)
		if (str_eq(m->calls[i].id, id))
			return true;
	return false;
}

static enum verdict ask_id(const struct check_case *c, const struct request *q,
			   const struct choice *ch,
			   const struct tool_call *call,
			   struct check_result *out)
{
	struct str id = buf_str(&call->id);

	if (!q)
		return VERDICT_UNKNOWN;
	if (!id.n)
		return VERDICT_NONE;
	for (size_t i = 0; i < q->n_messages; i++) {
		if (!has_id(q->messages[i], id))
			continue;
		check_expect(out, "an id that the conversation does not have");
		return check_fail(out, "%.*s, as in message %zu",
				  STR_ARG(check_clip(id, CHECK_EXCERPT)), i);
	}
	return VERDICT_PASS;
}

enum verdict check_tool_id_reused(const struct check_case *c,
				  const struct rule *r,
				  struct check_result *out)
{
	return each_call(c, ask_id, out);
}

/* ---- tool_choice ---- */

static const struct tool_call *first_call(const struct answer *a)
{
	for (size_t i = 0; i < a->n_choices; i++)
		if (a->choices[i].n_calls)
			return a->choices[i].calls;
	return NULL;
}

enum verdict check_call_although_none(const struct check_case *c,
				      const struct rule *r,
				      struct check_result *out)
{
	const struct request *q = check_asked(c);
	const struct tool_call *call;

	if (!q || q->tool_choice != TOOLS_NONE || !check_served(c))
		return VERDICT_NONE;
	call = first_call(c->a);
	if (!call)
		return check_pass(c);
	shows_call(call, out);
	check_expect(out, "no call: tool_choice is none");
	return check_fail(
		out, "a call of %.*s",
		STR_ARG(check_clip(buf_str(&call->name), CHECK_EXCERPT)));
}

static enum verdict ask_named(const struct request *q,
			      const struct tool_call *call,
			      struct check_result *out)
{
	if (q->tool_choice != TOOLS_NAMED || !q->tool_named.n ||
	    !check_is_function(call) ||
	    str_eq(buf_str(&call->name), q->tool_named))
		return VERDICT_PASS;
	shows_call(call, out);
	check_expect(out, "a call of %.*s", STR_ARG(q->tool_named));
	return check_fail(
		out, "a call of %.*s",
		STR_ARG(check_clip(buf_str(&call->name), CHECK_EXCERPT)));
}

enum verdict check_call_missing(const struct check_case *c,
				const struct rule *r, struct check_result *out)
{
	const struct request *q = check_asked(c);
	const struct choice *ch;
	enum finish finish;

	if (!q || !check_served(c) || !c->a->n_choices ||
	    (q->tool_choice != TOOLS_REQUIRED && q->tool_choice != TOOLS_NAMED))
		return VERDICT_NONE;
	if (!check_whole(c))
		return VERDICT_UNKNOWN;
	if (first_call(c->a))
		return ask_named(q, first_call(c->a), out);
	ch = c->a->choices;
	if (ch->other) /* a tool that the vendor runs itself */
		return VERDICT_NONE;
	finish = check_finish(c->a, ch);
	if ((finish != FINISH_STOP && finish != FINISH_CALLS) || ch->refusal.n)
		return VERDICT_NONE;
	check_shows(out, ch->content_at, ch->finish_at, buf_str(&ch->content));
	check_expect(out, "a call: tool_choice requires one");
	return check_fail(out, "finish %.*s without a call",
			  STR_ARG(buf_str(&ch->finish)));
}

/* ---- MFJS ---- */

struct mfjs_seen {
	struct check_result *out;
	size_t n;
};

static void on_mfjs(void *arg, struct str at, const char *text)
{
	struct mfjs_seen *s = arg;

	if (s->n++ == 0)
		check_fail(s->out, "%.*s: %s", STR_ARG(check_clip(at, 160)),
			   text);
}

enum verdict check_mfjs(const struct check_case *c, const struct rule *r,
			struct check_result *out)
{
	const struct request *q = check_asked(c);
	struct mfjs_seen s = {out, 0};
	bool any = false;

	if (!q)
		return VERDICT_UNKNOWN;
	for (size_t i = 0; i < q->n_tools; i++) {
		any |= q->tools[i].schema != NULL;
		if (q->tools[i].schema)
			mfjs_lint(q->tools[i].schema, on_mfjs, &s);
	}
	any |= q->form_schema != NULL;
	if (q->form_schema)
		mfjs_lint(q->form_schema, on_mfjs, &s);
	out->evidence.side = EVIDENCE_REQUEST;
	check_expect(out, "Moonshot-flavoured JSON Schema");
	if (s.n)
		return VERDICT_FAIL;
	return any ? VERDICT_PASS : VERDICT_NONE;
}

/* ---- names ---- */

static int by_name(const void *a, const void *b)
{
	struct str x = *(const struct str *)a, y = *(const struct str *)b;
	size_t n = x.n < y.n ? x.n : y.n;
	int c = n ? memcmp(x.p, y.p, n) : 0;

	return c ? c : (x.n > y.n) - (x.n < y.n);
}

enum verdict check_tool_name_twice(const struct check_case *c,
				   const struct rule *r,
				   struct check_result *out)
{
	const struct request *q = check_asked(c);
	enum verdict v = VERDICT_PASS;
	struct str *names;
	size_t n = 0;

	if (!q)
		return VERDICT_UNKNOWN;
	if (q->n_tools == 0)
		return VERDICT_NONE;
	names = mem_alloc(q->n_tools * sizeof *names);
	for (size_t i = 0; i < q->n_tools; i++)
		if (q->tools[i].name.n)
			names[n++] = q->tools[i].name;
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 1; i < n && v == VERDICT_PASS; i++) {
		if (!str_eq(names[i], names[i - 1]))
			continue;
		out->evidence.side = EVIDENCE_REQUEST;
		check_expect(out, "one tool of a name");
		v = check_fail(out, "two tools are named %.*s",
			       STR_ARG(check_clip(names[i], 80)));
	}
	free(names);
	return v;
}
