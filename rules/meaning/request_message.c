/* SPDX-License-Identifier: MIT */
/*
 * One message from its elements. The dialects differ less than they seem:
 *
 *	chat	   {role, content: text | [part], reasoning..., tool_calls}
 *	messages   {role, content: text | [block]}   block: text, thinking,
 *						     tool_use, tool_result
 *	responses  {type: message, role, content: text | [part]}
 *		   {type: reasoning}, {type: function_call} ...
 *
 * so one reader looks for all of it: an element, its content, its parts.
 */
#include <stdlib.h>

#include "rules/meaning/request_impl.h"

/* What is being gathered. */
struct reader {
	struct message *m;
	struct json_doc *doc; /* of the element at hand */
	struct json_doc *scratch;
	struct str *texts;
	size_t n_texts;
	uint64_t *arguments; /* hashes, beside m->calls */
	uint64_t others;
};

struct message *message_new(void)
{
	struct message *m = MEM_NEW(struct message);

	m->refs = 1;
	return m;
}

struct message *message_ref(struct message *m)
{
	m->refs++;
	return m;
}

void message_unref(struct message *m)
{
	if (--m->refs)
		return;
	for (size_t i = 0; i < m->n_nodes; i++)
		json_doc_free(m->docs[i]);
	free(m->nodes);
	free(m->docs);
	free(m->calls);
	free(m->reasoning);
	free(m->verdicts);
	free(m->passback);
	free(m);
}

void message_add(struct message *m, struct json_doc *doc, struct json *node)
{
	m->nodes = room_for_one(m->nodes, m->n_nodes, sizeof(*m->nodes));
	m->docs = room_for_one(m->docs, m->n_nodes, sizeof(*m->docs));
	m->docs[m->n_nodes] = doc;
	m->nodes[m->n_nodes++] = node;
	m->node = m->nodes[0];
}

size_t message_cost(const struct message *m)
{
	size_t n = sizeof(*m) + m->n_calls * sizeof(*m->calls) +
		   m->n_reasoning * sizeof(*m->reasoning);

	for (size_t i = 0; i < m->n_nodes; i++)
		n += json_doc_size(m->docs[i]);
	return n;
}

static struct str text_of(const struct json *o, struct str name)
{
	return json_text(json_get(o, name));
}

static bool ends_in(struct str s, struct str end)
{
	return s.n >= end.n && memcmp(s.p + s.n - end.n, end.p, end.n) == 0;
}

/* ---- who speaks ---- */

static enum role role_named(struct str s)
{
	if (str_eq(s, STR("assistant")))
		return ROLE_ASSISTANT;
	if (str_eq(s, STR("user")))
		return ROLE_USER;
	if (str_eq(s, STR("system")) || str_eq(s, STR("developer")))
		return ROLE_SYSTEM;
	if (str_eq(s, STR("tool")) || str_eq(s, STR("function")))
		return ROLE_TOOL;
	return ROLE_OTHER;
}

static enum role item_role(const struct json *item)
{
	struct str type = text_of(item, STR("type"));

	if (type.n == 0 || str_eq(type, STR("message")))
		return role_named(text_of(item, STR("role")));
	if (ends_in(type, STR("_output")))
		return ROLE_TOOL;
	if (str_eq(type, STR("reasoning")) || ends_in(type, STR("_call")) ||
	    str_eq(type, STR("compaction")) ||
	    str_eq(type, STR("mcp_list_tools")) ||
	    str_eq(type, STR("mcp_approval_request")))
		return ROLE_ASSISTANT;
	return ROLE_OTHER;
}

static bool has_results(const struct json *element)
{
	const struct json *content = json_get(element, STR("content"));

	for (uint32_t i = 0; json_is(content, JSON_ARRAY) && i < content->n;
	     i++)
		if (json_says(json_get(content->v[i], STR("type")),
			      STR("tool_result")))
			return true;
	return false;
}

enum role message_role(enum dialect d, const struct json *element)
{
	enum role role;

	if (!json_is(element, JSON_OBJECT))
		return ROLE_OTHER;
	if (d == DIALECT_RESPONSES)
		return item_role(element);
	role = role_named(text_of(element, STR("role")));
	if (d == DIALECT_MESSAGES && role == ROLE_USER && has_results(element))
		return ROLE_TOOL;
	return role;
}

/* ---- what is said ---- */

static void add_text(struct reader *r, struct str text)
{
	r->texts = room_for_one(r->texts, r->n_texts, sizeof(*r->texts));
	r->texts[r->n_texts++] = text;
}

static void add_reasoning(struct reader *r, struct said_reasoning piece)
{
	struct message *m = r->m;

	m->reasoning = room_for_one(m->reasoning, m->n_reasoning,
				    sizeof(*m->reasoning));
	m->reasoning[m->n_reasoning++] = piece;
}

/* Arguments that are no string are written as one. */
static void add_call(struct reader *r, struct str id, struct str name,
		     const struct json *arguments)
{
	struct message *m = r->m;
	struct said_call c = {id, name, json_text(arguments)};
	uint64_t hash;

	if (arguments && arguments->kind >= JSON_ARRAY) {
		struct buf text = {0};
		char *kept;

		json_write(&text, arguments);
		kept = json_doc_alloc(r->doc, text.n);
		memcpy(kept, text.p, text.n);
		c.arguments = (struct str){kept, text.n};
		buf_free(&text);
		hash = json_hash(arguments);
	} else {
		hash = arguments_hash(c.arguments, r->scratch);
	}
	m->calls = room_for_one(m->calls, m->n_calls, sizeof(*m->calls));
	r->arguments =
		room_for_one(r->arguments, m->n_calls, sizeof(*r->arguments));
	r->arguments[m->n_calls] = hash;
	m->calls[m->n_calls++] = c;
}

static void add_tool_id(struct reader *r, struct str id)
{
	if (r->m->tool_call_id.n == 0)
		r->m->tool_call_id = id;
	r->others = chain_next(r->others, text_hash(id));
}

/* The texts of an array of {"type":..., "text":...}, as one. */
static struct str texts_of(struct reader *r, const struct json *parts)
{
	struct buf all = {0};
	struct str out;
	char *kept;

	if (!json_is(parts, JSON_ARRAY))
		return json_text(parts);
	if (parts->n == 1)
		return text_of(parts->v[0], STR("text"));
	for (uint32_t i = 0; i < parts->n; i++) {
		if (i)
			buf_addc(&all, '\n');
		buf_adds(&all, text_of(parts->v[i], STR("text")));
	}
	kept = json_doc_alloc(r->doc, all.n);
	if (all.n)
		memcpy(kept, all.p, all.n);
	out = (struct str){kept, all.n};
	buf_free(&all);
	return out;
}

/* ---- reasoning, under its names ---- */

static void read_field(struct reader *r, const struct json *element,
		       struct str field, enum reasoning_name name)
{
	const struct json *v = json_get(element, field);

	if (json_is(v, JSON_STRING))
		add_reasoning(r, (struct said_reasoning){.name = name,
							 .text = json_text(v)});
}

static void read_details(struct reader *r, const struct json *details)
{
	for (uint32_t i = 0; json_is(details, JSON_ARRAY) && i < details->n;
	     i++) {
		const struct json *d = details->v[i];
		const struct json *text = json_get(d, STR("text"));
		const struct json *signature = json_get(d, STR("signature"));

		if (!json_is(text, JSON_STRING))
			text = json_get(d, STR("summary"));
		if (!json_is(signature, JSON_STRING))
			signature = json_get(d, STR("data"));
		add_reasoning(r, (struct said_reasoning){
					 REASONING_DETAILS, json_text(text),
					 json_text(signature),
					 text_of(d, STR("id")), d});
	}
}

/* Gemini's, beside a call or the message itself. */
static void read_signature(struct reader *r, const struct json *beside,
			   struct str id)
{
	const struct json *v = json_pointer(
		beside, STR("/extra_content/google/thought_signature"));

	if (json_is(v, JSON_STRING))
		add_reasoning(
			r, (struct said_reasoning){.name = REASONING_SIGNATURE,
						   .signature = json_text(v),
						   .id = id,
						   .node = beside});
}

static void read_item_reasoning(struct reader *r, const struct json *item)
{
	const struct json *parts = json_get(item, STR("content"));

	if (!json_is(parts, JSON_ARRAY) || parts->n == 0)
		parts = json_get(item, STR("summary"));
	add_reasoning(r, (struct said_reasoning){
				 REASONING_ITEM, texts_of(r, parts),
				 text_of(item, STR("encrypted_content")),
				 text_of(item, STR("id")), item});
}

/* ---- parts and blocks ---- */

static void read_content(struct reader *r, const struct json *content);

static bool is_image(struct str type)
{
	return str_eq(type, STR("image_url")) ||
	       str_eq(type, STR("input_image")) || str_eq(type, STR("image"));
}

static void read_other_part(struct reader *r, const struct json *part,
			    struct str type)
{
	if (is_image(type))
		r->m->images = true;
	r->others = chain_next(r->others, part_hash(part));
}

static void read_part(struct reader *r, const struct json *part)
{
	struct str type = text_of(part, STR("type"));
	const struct json *text = json_get(part, STR("text"));

	if (json_is(part, JSON_STRING))
		add_text(r, json_text(part));
	else if (ends_in(type, STR("text")) && json_is(text, JSON_STRING))
		add_text(r, json_text(text));
	else if (str_eq(type, STR("thinking")) &&
		 json_is(json_get(part, STR("thinking")), JSON_STRING))
		add_reasoning(
			r, (struct said_reasoning){
				   .name = REASONING_THINKING,
				   .text = text_of(part, STR("thinking")),
				   .signature = text_of(part, STR("signature")),
				   .node = part});
	else if (str_eq(type, STR("redacted_thinking")))
		add_reasoning(r,
			      (struct said_reasoning){
				      .name = REASONING_REDACTED,
				      .signature = text_of(part, STR("data")),
				      .node = part});
	else if (str_eq(type, STR("tool_use")))
		add_call(r, text_of(part, STR("id")),
			 text_of(part, STR("name")),
			 json_get(part, STR("input")));
	else if (str_eq(type, STR("tool_result"))) {
		add_tool_id(r, text_of(part, STR("tool_use_id")));
		read_content(r, json_get(part, STR("content")));
	} else
		read_other_part(r, part, type);
}

/* Blocks hold blocks (results do), as deep as JSON may be: the depth is
 * bounded by the parser. */
static void read_content(struct reader *r, const struct json *content)
{
	if (!content || content->kind == JSON_NULL)
		return;
	r->m->content_present = true;
	if (content->kind == JSON_STRING)
		add_text(r, json_text(content));
	else if (content->kind == JSON_ARRAY)
		for (uint32_t i = 0; i < content->n; i++)
			read_part(r, content->v[i]);
	else
		r->others = chain_next(r->others, json_hash(content));
}

/* ---- elements ---- */

static void read_call(struct reader *r, const struct json *call, struct str id)
{
	const struct json *f = json_get(call, STR("function"));

	if (f) {
		add_call(r, id, text_of(f, STR("name")),
			 json_get(f, STR("arguments")));
	} else { /* a custom tool's */
		f = json_get(call, STR("custom"));
		add_call(r, id, text_of(f, STR("name")),
			 json_get(f, STR("input")));
	}
	read_signature(r, call, id);
}

static void read_calls(struct reader *r, const struct json *element)
{
	const struct json *calls = json_get(element, STR("tool_calls"));
	const struct json *legacy = json_get(element, STR("function_call"));

	for (uint32_t i = 0; json_is(calls, JSON_ARRAY) && i < calls->n; i++)
		read_call(r, calls->v[i], text_of(calls->v[i], STR("id")));
	if (json_is(legacy, JSON_OBJECT))
		add_call(r, STR(""), text_of(legacy, STR("name")),
			 json_get(legacy, STR("arguments")));
}

static void read_turn(struct reader *r, const struct json *element)
{
	bool partial = false;

	read_field(r, element, STR("reasoning_content"),
		   REASONING_REASONING_CONTENT);
	read_field(r, element, STR("reasoning"), REASONING_REASONING);
	read_details(r, json_get(element, STR("reasoning_details")));
	read_content(r, json_get(element, STR("content")));
	read_calls(r, element);
	read_signature(r, element, STR(""));
	if (json_get(element, STR("tool_call_id")))
		add_tool_id(r, text_of(element, STR("tool_call_id")));
	json_bool(json_get(element, STR("partial")), &partial);
	r->m->partial |= partial;
}

static void read_item(struct reader *r, const struct json *item)
{
	struct str type = text_of(item, STR("type"));

	if (type.n == 0 || str_eq(type, STR("message"))) {
		read_content(r, json_get(item, STR("content")));
	} else if (str_eq(type, STR("reasoning"))) {
		read_item_reasoning(r, item);
	} else if (str_eq(type, STR("function_call"))) {
		add_call(r, text_of(item, STR("call_id")),
			 text_of(item, STR("name")),
			 json_get(item, STR("arguments")));
	} else if (str_eq(type, STR("custom_tool_call"))) {
		add_call(r, text_of(item, STR("call_id")),
			 text_of(item, STR("name")),
			 json_get(item, STR("input")));
	} else if (ends_in(type, STR("_output"))) {
		add_tool_id(r, text_of(item, STR("call_id")));
		read_content(r, json_get(item, STR("output")));
	} else {
		read_other_part(r, item, type);
	}
}

static void join_texts(struct reader *r)
{
	struct message *m = r->m;
	size_t n = r->n_texts;
	char *to;

	if (n == 1)
		m->content = r->texts[0];
	if (n < 2)
		return;
	for (size_t i = 0; i < r->n_texts; i++)
		n += r->texts[i].n;
	m->content.p = to = json_doc_alloc(m->docs[0], n);
	m->content.n = n - 1;
	for (size_t i = 0; i < r->n_texts; i++) {
		if (i)
			*to++ = '\n';
		if (r->texts[i].n)
			memcpy(to, r->texts[i].p, r->texts[i].n);
		to += r->texts[i].n;
	}
}

static void hash_message(struct reader *r)
{
	struct message *m = r->m;
	struct identity i = {m->role, r->texts, r->n_texts, r->others};

	m->hash = identity_begin(&i);
	for (size_t k = 0; k < m->n_calls; k++)
		m->hash = identity_call(m->hash, m->calls[k].id,
					m->calls[k].name, r->arguments[k]);
}

void message_read(struct message *m, enum dialect d, enum role role,
		  struct json_doc *scratch)
{
	struct reader r = {.m = m, .scratch = scratch};

	m->role = role;
	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct json *e = m->nodes[i];

		r.doc = m->docs[i];
		if (e->kind != JSON_OBJECT)
			read_content(&r, e);
		else if (d == DIALECT_RESPONSES)
			read_item(&r, e);
		else
			read_turn(&r, e);
	}
	join_texts(&r);
	hash_message(&r);
	free(r.texts);
	free(r.arguments);
}
