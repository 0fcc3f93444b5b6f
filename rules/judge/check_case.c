/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "rules/judge/check_impl.h"
#include "rules/judge/schemas.h"
#include "rules/schema/schema.h"

enum { PHRASE = 400 };

const struct request *check_asked(const struct check_case *c)
{
	const struct request *q = c->q;

	return q && q->understood && !q->unknown ? q : NULL;
}

/* 202 puts it off; 204 and 205 have nothing to say. */
bool check_has_body(unsigned status)
{
	return status >= 200 && status < 300 && status != 202 &&
	       status != 204 && status != 205;
}

bool check_served(const struct check_case *c)
{
	return c->answered && c->a && check_has_body(c->status) && !c->a->error;
}

enum verdict check_pass(const struct check_case *c)
{
	return check_whole(c) ? VERDICT_PASS : VERDICT_UNKNOWN;
}

/* ---- phrases ---- */

struct str check_clip(struct str s, size_t most)
{
	if (s.n <= most)
		return s;
	while (most && (s.p[most] & 0xc0) == 0x80)
		most--;
	return (struct str){s.p, most};
}

static void phrase(struct buf *to, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void phrase(struct buf *to, const char *fmt, va_list ap)
{
	char text[PHRASE];
	int n = vsnprintf(text, sizeof text, fmt, ap);

	to->n = 0;
	if (n > 0)
		buf_adds(to, check_clip(str_of(text), sizeof text - 4));
}

enum verdict check_fail(struct check_result *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	phrase(&out->observed, fmt, ap);
	va_end(ap);
	return VERDICT_FAIL;
}

void check_expect(struct check_result *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	phrase(&out->expected, fmt, ap);
	va_end(ap);
}

void check_shows(struct check_result *out, uint64_t from, uint64_t to,
		 struct str excerpt)
{
	out->evidence.side = EVIDENCE_RESPONSE;
	out->evidence.from = from;
	out->evidence.to = to;
	out->excerpt.n = 0;
	buf_adds(&out->excerpt, check_clip(excerpt, CHECK_EXCERPT));
	out->evidence.excerpt = buf_str(&out->excerpt);
}

/* ---- the answer ---- */

static enum finish finish_of_responses(const struct choice *ch)
{
	struct str said = buf_str(&ch->finish);
	struct str why = buf_str(&ch->finish_detail);

	if (str_eq(said, STR("completed")))
		return ch->n_calls ? FINISH_CALLS : FINISH_STOP;
	if (str_eq(said, STR("incomplete")) &&
	    str_eq(why, STR("max_output_tokens")))
		return FINISH_LENGTH;
	return FINISH_OTHER;
}

enum finish check_finish(const struct answer *a, const struct choice *ch)
{
	static const struct {
		const char *word;
		enum finish is;
	} words[] = {
		{"stop", FINISH_STOP},		{"end_turn", FINISH_STOP},
		{"stop_sequence", FINISH_STOP}, {"tool_calls", FINISH_CALLS},
		{"eos", FINISH_STOP},		{"model_length", FINISH_LENGTH},
		{"tool_use", FINISH_CALLS},	{"length", FINISH_LENGTH},
		{"max_tokens", FINISH_LENGTH}};
	struct str said = buf_str(&ch->finish);

	if (!said.n)
		return FINISH_NONE;
	if (a->dialect == DIALECT_RESPONSES)
		return finish_of_responses(ch);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_eq(said, str_of(words[i].word)))
			return words[i].is;
	return FINISH_OTHER;
}

bool check_is_function(const struct tool_call *call)
{
	struct str type = buf_str(&call->type);

	return !type.n || str_eq(type, STR("function")) ||
	       str_eq(type, STR("function_call")) ||
	       str_eq(type, STR("tool_use"));
}

size_t check_characters(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

/* ---- heads ---- */

void check_fields(struct str head,
		  void (*each)(void *arg, struct str name, struct str value),
		  void *arg)
{
	while (head.p) {
		struct str line = str_cut(&head, '\n');
		size_t from = line.n && line.p[0] == ':';
		const char *colon;

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		colon = line.n > from
				? memchr(line.p + from, ':', line.n - from)
				: NULL;
		if (!colon)
			continue;
		from = (size_t)(colon - line.p);
		each(arg, (struct str){line.p, from},
		     str_trim(str_skip(line, from + 1)));
	}
}

struct field_wanted {
	struct str name, value;
};

static void take_field(void *arg, struct str name, struct str value)
{
	struct field_wanted *w = arg;

	if (!w->value.p && str_ieq(name, w->name))
		w->value = value;
}

struct str check_field(struct str head, struct str name)
{
	struct field_wanted w = {name, {0}};

	check_fields(head, take_field, &w);
	return w.value;
}

/* ---- the request ---- */

struct str check_prefix(const struct request *q)
{
	const struct message *m;

	if (!q->n_messages)
		return (struct str){0};
	m = q->messages[q->n_messages - 1];
	return m->partial ? m->content : (struct str){0};
}

/* ---- rules ---- */

enum verdict check_applies(const struct check_case *c, const struct rule *r)
{
	const struct request *q = check_asked(c);

	if (r->mode != MODE_ANY && !q)
		return VERDICT_UNKNOWN;
	if (r->mode != MODE_ANY && r->mode != c->mode)
		return VERDICT_NONE;
	if (!r->when)
		return VERDICT_PASS;
	if (!q)
		return VERDICT_UNKNOWN;
	switch (schema_check(r->when, q->root, NULL)) {
	case SCHEMA_VALID: return VERDICT_PASS;
	case SCHEMA_INVALID: return VERDICT_NONE;
	default: return VERDICT_UNKNOWN;
	}
}

struct str check_arg(const struct rule *r, struct str name)
{
	return json_text(json_get(r->args, name));
}

enum verdict check_value(const struct check_case *c, const struct json *schema,
			 const struct json *value, struct check_result *out)
{
	struct schema *s = schemas_get(c->schemas, schema);
	struct schema_fault fault = {0};

	if (!s)
		return VERDICT_UNKNOWN;
	switch (schema_check(s, value, &fault)) {
	case SCHEMA_VALID: return VERDICT_PASS;
	case SCHEMA_INVALID: break;
	default: return VERDICT_UNKNOWN;
	}
	check_expect(out, "%s", fault.expected);
	return check_fail(out, "%s%s%s", fault.at, fault.at[0] ? ": " : "",
			  fault.observed);
}
