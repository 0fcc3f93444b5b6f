/* SPDX-License-Identifier: MIT */
/* The parameters that the dialects have in common, under their names. */
#include "rules/meaning/request_impl.h"

static const struct json *get(const struct json *o, const char *name)
{
	return json_get(o, str_of(name));
}

static struct str text_of(const struct json *o, const char *name)
{
	return json_text(get(o, name));
}

static bool flag(const struct json *o, const char *name)
{
	bool v = false;

	return json_bool(get(o, name), &v) && v;
}

/* A whole number >= 0, or -1. */
static int64_t number(const struct json *o, const char *name)
{
	int64_t v;

	return json_int(get(o, name), &v) && v >= 0 ? v : -1;
}

/* ---- tools ---- */

/* chat: {type, function: {name, parameters}}; others: {name, parameters} or
 * {name, input_schema}; a custom tool has no schema. */
static void add_tool(struct request *q, const struct json *node)
{
	const struct json *f = get(node, "function");
	struct tool t = {.node = node};

	if (!f)
		f = get(node, "custom");
	if (!f)
		f = node;
	t.name = text_of(f, "name");
	t.schema = get(f, q->dialect == DIALECT_MESSAGES ? "input_schema"
							 : "parameters");
	q->tools = room_for_one(q->tools, q->n_tools, sizeof(*q->tools));
	q->tools[q->n_tools++] = t;
}

static void add_tools(struct request *q, const struct json *list)
{
	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->n; i++)
		if (json_is(list->v[i], JSON_OBJECT))
			add_tool(q, list->v[i]);
}

static void read_tools(struct request *q)
{
	add_tools(q, get(q->root, "tools"));
	if (q->dialect != DIALECT_CHAT)
		return;
	add_tools(q, get(q->root, "functions"));
	for (size_t i = 0; i < q->n_messages; i++)
		if (q->messages[i]->role == ROLE_SYSTEM)
			add_tools(q, get(q->messages[i]->node, "tools"));
}

static enum tool_choice choice_named(struct str s)
{
	if (str_eq(s, STR("auto")))
		return TOOLS_AUTO;
	if (str_eq(s, STR("none")))
		return TOOLS_NONE;
	if (str_eq(s, STR("required")) || str_eq(s, STR("any")))
		return TOOLS_REQUIRED;
	return TOOLS_OTHER;
}

/* "auto", {"type":"function","function":{"name"}}, {"type":"function","name"},
 * {"type":"tool","name"}, {"type":"any"}, legacy {"name"}. */
static void read_choice(struct request *q)
{
	const struct json *c = get(q->root, "tool_choice");
	struct str type = text_of(c, "type");

	if (!c)
		c = get(q->root, "function_call");
	if (!c || c->kind == JSON_NULL)
		return;
	q->tool_choice = TOOLS_OTHER;
	if (c->kind == JSON_STRING) {
		q->tool_choice = choice_named(json_text(c));
	} else if (type.n == 0 || str_eq(type, STR("tool")) ||
		   str_eq(type, STR("function")) ||
		   str_eq(type, STR("custom"))) {
		const struct json *f = get(c, "function");
		if (!f)
			f = get(c, "custom");
		q->tool_named = text_of(f ? f : c, "name");
		if (q->tool_named.n)
			q->tool_choice = TOOLS_NAMED;
	} else {
		q->tool_choice = choice_named(type);
	}
	q->parallel_unset = flag(c, "disable_parallel_tool_use");
}

/* ---- the form of the answer ---- */

/* {"type":"json_schema"} with the schema beside it, or within. */
static void read_form(struct request *q)
{
	const struct json *f = get(q->root, "response_format");
	const struct json *schema;
	struct str type;

	if (q->dialect == DIALECT_RESPONSES)
		f = get(get(q->root, "text"), "format");
	if (q->dialect == DIALECT_MESSAGES) {
		f = get(q->root, "output_format");
		if (!f)
			f = get(get(q->root, "output_config"), "format");
	}
	if (!f || f->kind == JSON_NULL)
		return;
	type = text_of(f, "type");
	schema = q->dialect == DIALECT_CHAT ? get(f, "json_schema") : f;
	q->form = FORM_OTHER;
	if (str_eq(type, STR("text")))
		q->form = FORM_TEXT;
	if (str_eq(type, STR("json_object")))
		q->form = FORM_OBJECT;
	if (str_eq(type, STR("json_schema"))) {
		q->form = FORM_SCHEMA;
		q->form_schema = get(schema, "schema");
	}
}

/* ---- the rest ---- */

static void read_limits(struct request *q)
{
	const struct json *root = q->root;

	q->n = number(root, "n");
	q->max_tokens = number(root, "max_completion_tokens");
	if (q->dialect == DIALECT_RESPONSES)
		q->max_tokens = number(root, "max_output_tokens");
	else if (q->dialect != DIALECT_CHAT || q->max_tokens < 0)
		q->max_tokens = number(root, "max_tokens");
	q->stop = get(root, q->dialect == DIALECT_MESSAGES ? "stop_sequences"
							   : "stop");
	if (!json_is(q->stop, JSON_STRING) && !json_is(q->stop, JSON_ARRAY))
		q->stop = NULL;
}

static bool wants_logprobs(const struct request *q)
{
	const struct json *include = get(q->root, "include");

	if (q->dialect == DIALECT_COMPLETIONS)
		return number(q->root, "logprobs") >= 0;
	if (q->dialect == DIALECT_CHAT)
		return flag(q->root, "logprobs");
	for (uint32_t i = 0; json_is(include, JSON_ARRAY) && i < include->n;
	     i++)
		if (json_says(include->v[i],
			      STR("message.output_text.logprobs")))
			return true;
	return false;
}

/* Is it an object of the dialect? */
static const char *why_not(const struct request *q)
{
	switch (q->dialect) {
	case DIALECT_CHAT:
	case DIALECT_MESSAGES:
		return json_is(get(q->root, "messages"), JSON_ARRAY)
			       ? NULL
			       : "no array of messages";
	case DIALECT_COMPLETIONS:
		return get(q->root, "prompt") ? NULL : "no prompt";
	case DIALECT_RESPONSES:
		return NULL; /* input may lie in a conversation or a prompt */
	default: return "no dialect";
	}
}

void request_fields(struct request *q)
{
	bool parallel = true;

	if (!json_is(q->root, JSON_OBJECT))
		return;
	q->why = why_not(q);
	q->understood = q->why == NULL;
	q->model = text_of(q->root, "model");
	q->stream = flag(q->root, "stream");
	q->include_usage =
		flag(get(q->root, "stream_options"), "include_usage");
	q->logprobs = wants_logprobs(q);
	q->template_kwargs =
		json_is(get(q->root, "chat_template_kwargs"), JSON_OBJECT);
	if (q->dialect == DIALECT_RESPONSES)
		q->previous_response = text_of(q->root, "previous_response_id");
	read_limits(q);
	read_tools(q);
	read_choice(q);
	read_form(q);
	json_bool(get(q->root, "parallel_tool_calls"), &parallel);
	q->parallel_unset |= !parallel;
}
