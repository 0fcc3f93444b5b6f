/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "request_rig.h"

unsigned talk_random(struct talk *t, unsigned below)
{
	t->seed = t->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(t->seed >> 33) % below;
}

static const char *const words[] = {"the ",	      "file ",
				    "\\\"x\\\" ",     "\\n",
				    "\xc3\xa4 ",      "caf\\u00e9 ",
				    "\\\\ ",	      "{a} ",
				    "[1, 2] ",	      "\\t",
				    "value: ",	      "]} ",
				    "\\ud83d\\ude00", "longer words than that ",
				    "return ",	      "0 "};

/* Text with everything that could mislead a reader of JSON. */
static void prose(struct talk *t, struct buf *to, unsigned n)
{
	while (n--)
		buf_adds(to, str_of(words[talk_random(t, 16)]));
}

static struct buf *element(struct talk *t)
{
	if (t->n == 64)
		talk_cut(t, 8);
	return &t->elements[t->n++];
}

static void grow_chat(struct talk *t)
{
	struct buf *b = element(t);
	unsigned id = talk_random(t, 100000);

	buf_addf(b, "{\"role\":\"user\",\"content\":\"");
	prose(t, b, talk_random(t, 200));
	buf_addf(b, talk_random(t, 2) ? "\"}" : "\" }");
	b = element(t);
	buf_addf(b,
		 "{\"role\":\"assistant\",\"content\":%s,"
		 "\"reasoning_content\":\"",
		 talk_random(t, 2) ? "null" : "\"so: \"");
	prose(t, b, talk_random(t, 100));
	buf_addf(b,
		 "\",\"tool_calls\":[{\"id\":\"c%u\",\"type\":\"function\","
		 "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": "
		 "%u}\"}}]}",
		 id, id);
	if (talk_random(t, 4) == 0)
		return;
	b = element(t);
	buf_addf(b,
		 "{\"role\":\"tool\",\"tool_call_id\":\"c%u\",\"content\":"
		 "[{\"type\":\"text\",\"text\":\"",
		 id);
	prose(t, b, talk_random(t, 300));
	buf_addf(b, "\"}]}");
}

static void grow_messages(struct talk *t)
{
	struct buf *b = element(t);

	buf_addf(b, "{\"role\":\"user\",\"content\":[{\"type\":\"text\","
		    "\"text\":\"");
	prose(t, b, talk_random(t, 200));
	buf_addf(b, "\"},{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
		    "\"content\":\"done\"}]}");
	if (talk_random(t, 4) == 0)
		return;
	b = element(t);
	buf_addf(b, "{\"role\":\"assistant\",\"content\":[{\"type\":"
		    "\"thinking\",\"thinking\":\"");
	prose(t, b, talk_random(t, 100));
	buf_addf(b, "\",\"signature\":\"s\"},{\"type\":\"tool_use\",\"id\":"
		    "\"t\",\"name\":\"f\",\"input\":{\"a\":[1,2.0]}}]}");
}

static void grow_responses(struct talk *t)
{
	static const char *const items[] = {
		"{\"type\":\"message\",\"role\":\"user\",\"content\":\"",
		"{\"type\":\"reasoning\",\"id\":\"r\",\"summary\":[],\"x\":\"",
		"{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
		"\"arguments\":\"",
		"{\"type\":\"function_call_output\",\"call_id\":\"c\","
		"\"output\":\"",
		"{\"role\":\"assistant\",\"content\":\"",
	};
	for (unsigned i = 1 + talk_random(t, 4); i; i--) {
		struct buf *b = element(t);
		buf_adds(b, str_of(items[talk_random(t, 5)]));
		prose(t, b, talk_random(t, 150));
		buf_addf(b, "\"}");
	}
}

void talk_grow(struct talk *t)
{
	switch (t->d) {
	case DIALECT_MESSAGES: grow_messages(t); break;
	case DIALECT_RESPONSES: grow_responses(t); break;
	default: grow_chat(t);
	}
}

void talk_cut(struct talk *t, unsigned to)
{
	while (t->n > to)
		buf_free(&t->elements[--t->n]);
}

void talk_swap(struct talk *t)
{
	unsigned a, b;
	struct buf with;

	if (t->n < 2)
		return;
	a = talk_random(t, t->n);
	b = talk_random(t, t->n);
	with = t->elements[a];
	t->elements[a] = t->elements[b];
	t->elements[b] = with;
}

void talk_begin(struct talk *t, enum dialect d, uint64_t seed)
{
	*t = (struct talk){.d = d, .seed = seed};
	talk_grow(t);
}

static void add_tools(const struct talk *t, struct buf *to)
{
	static const char *const first[] = {"tools", "t\\u006fols", "metadata"};

	buf_addf(to, ",\"%s\":[", first[t->tail % 3]);
	for (unsigned i = 0; i < 20; i++)
		buf_addf(to,
			 "%s{\"type\":\"function\",\"name\":\"f%u\","
			 "\"function\":{\"name\":\"f%u\",\"parameters\":"
			 "{\"type\":\"object\",\"a\":[%u]}}}",
			 i ? "," : "", i, i, i == 19 ? t->tail : 0);
	buf_addf(to, "]");
}

static void add_top(const struct talk *t, struct buf *to)
{
	struct talk same = {.seed = t->head};

	if (t->d == DIALECT_MESSAGES)
		buf_addf(to, "\"system\":[{\"type\":\"text\",\"text\":\"");
	else if (t->d == DIALECT_RESPONSES)
		buf_addf(to, "\"instructions\":\"");
	else
		return;
	prose(&same, to, 100);
	buf_addf(to, t->d == DIALECT_MESSAGES ? "\"}]," : "\",");
}

void talk_body(const struct talk *t, struct buf *to)
{
	const char *name = t->d == DIALECT_RESPONSES ? "input" : "messages";

	buf_addf(to, "{\"model\":\"kimi-k2.6\", ");
	add_top(t, to);
	buf_addf(to, "\"%s\":[", name);
	for (unsigned i = 0; i < t->n; i++) {
		buf_addf(to, i ? (i % 5 ? "," : " ,\n") : "");
		buf_adds(to, buf_str(&t->elements[i]));
	}
	buf_addf(to, "]");
	add_tools(t, to);
	buf_addf(to, ",\"stream\":true,\"max_tokens\":%u}", 4096 + t->n);
}

void talk_end(struct talk *t)
{
	talk_cut(t, 0);
}

/* ---- the same? ---- */

static void same_str(struct str a, struct str b)
{
	assert_int_equal(a.n, b.n);
	if (a.n)
		assert_memory_equal(a.p, b.p, a.n);
}

static void same_node(const struct json *a, const struct json *b)
{
	assert_int_equal(!a, !b);
	if (!a)
		return;
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->escaped, b->escaped);
	assert_int_equal(a->duplicates, b->duplicates);
	same_str(a->raw, b->raw);
	same_str(a->key, b->key);
	for (uint32_t i = 0; i < a->n; i++)
		same_node(a->v[i], b->v[i]);
}

static void same_message(const struct message *a, const struct message *b)
{
	assert_int_equal(a->role, b->role);
	assert_int_equal(a->n_nodes, b->n_nodes);
	for (size_t i = 0; i < a->n_nodes; i++)
		same_node(a->nodes[i], b->nodes[i]);
	assert_ptr_equal(a->node, a->nodes[0]);
	same_str(a->content, b->content);
	assert_int_equal(a->content_present, b->content_present);
	assert_int_equal(a->partial, b->partial);
	assert_int_equal(a->images, b->images);
	assert_int_equal(a->hash, b->hash);
	same_str(a->tool_call_id, b->tool_call_id);
	assert_int_equal(a->n_calls, b->n_calls);
	for (size_t i = 0; i < a->n_calls; i++) {
		same_str(a->calls[i].id, b->calls[i].id);
		same_str(a->calls[i].name, b->calls[i].name);
		same_str(a->calls[i].arguments, b->calls[i].arguments);
	}
	assert_int_equal(a->n_reasoning, b->n_reasoning);
	for (size_t i = 0; i < a->n_reasoning; i++) {
		assert_int_equal(a->reasoning[i].name, b->reasoning[i].name);
		same_str(a->reasoning[i].text, b->reasoning[i].text);
		same_str(a->reasoning[i].signature, b->reasoning[i].signature);
		same_str(a->reasoning[i].id, b->reasoning[i].id);
		same_node(a->reasoning[i].node, b->reasoning[i].node);
	}
}

static void same_fields(const struct request *a, const struct request *b)
{
	assert_int_equal(a->understood, b->understood);
	assert_int_equal(a->unknown, b->unknown);
	assert_ptr_equal(a->why, b->why);
	assert_int_equal(a->bad.offset, b->bad.offset);
	assert_ptr_equal(a->bad.why, b->bad.why);
	assert_int_equal(a->body_hash, b->body_hash);
	assert_int_equal(a->stream, b->stream);
	assert_int_equal(a->include_usage, b->include_usage);
	assert_int_equal(a->logprobs, b->logprobs);
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->max_tokens, b->max_tokens);
	assert_int_equal(a->tool_choice, b->tool_choice);
	assert_int_equal(a->parallel_unset, b->parallel_unset);
	assert_int_equal(a->form, b->form);
	assert_int_equal(a->template_kwargs, b->template_kwargs);
	same_str(a->body, b->body);
	same_str(a->model, b->model);
	same_str(a->tool_named, b->tool_named);
	same_str(a->previous_response, b->previous_response);
	same_node(a->stop, b->stop);
	same_node(a->form_schema, b->form_schema);
}

void request_same(const struct request *a, const struct request *b)
{
	same_fields(a, b);
	same_node(a->root, b->root);
	assert_int_equal(a->n_tools, b->n_tools);
	for (size_t i = 0; i < a->n_tools; i++) {
		same_str(a->tools[i].name, b->tools[i].name);
		same_node(a->tools[i].schema, b->tools[i].schema);
		same_node(a->tools[i].node, b->tools[i].node);
	}
	assert_int_equal(a->n_messages, b->n_messages);
	for (size_t i = 0; i < a->n_messages; i++) {
		same_message(a->messages[i], b->messages[i]);
		assert_int_equal(a->at[i], b->at[i]);
		assert_int_equal(a->chain[i], b->chain[i]);
	}
	assert_int_equal(a->chain[a->n_messages], b->chain[b->n_messages]);
}
