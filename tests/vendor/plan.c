/* SPDX-License-Identifier: MIT */
/*
 * From a request that is not refused to what is said: which tool is called,
 * how long is thought, where a stop sequence or a limit ends it, what it
 * costs. The bugs of bug_plan.c each come in at one of the steps.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "knobs.h"
#include "talk.h"
#include "text.h"

#define CALLS_MOST 16

const char *talk_refuses(const struct dialect *d, const cJSON *request)
{
	const cJSON *n = ask_get(request, "n");

	if (!cJSON_IsObject(request))
		return "We could not parse the JSON body of your request.";
	if (!cJSON_IsString(ask_get(request, "model")))
		return "you must provide a model parameter";
	if (!ask_get(request, d->messages))
		return "the conversation is missing from the request";
	if (d->must_limit && !cJSON_IsNumber(ask_get(request, d->limit)))
		return "max_tokens: Field required";
	if (n && (!cJSON_IsNumber(n) || n->valueint < 1 || n->valueint > 128))
		return "n must be a number from 1 to 128";
	return NULL;
}

/* ---- which tool ---- */

static bool text_asks(const cJSON *text)
{
	return cJSON_IsString(text) &&
	       strcasestr(text->valuestring, "use the tool");
}

static bool content_asks(const cJSON *content)
{
	const cJSON *part;

	cJSON_ArrayForEach(part, content)
	{
		if (text_asks(ask_get(part, "text")))
			return true;
	}
	return text_asks(content);
}

/* Only the last message counts: after a tool's result comes an answer. */
static bool asks_for_tool(const struct asked *a)
{
	const cJSON *messages = ask_get(a->request, a->dialect->messages);
	const cJSON *last = messages;

	if (cJSON_IsArray(messages)) {
		last = ask_last(messages);
		return ask_says(ask_get(last, "role"), "user") &&
		       content_asks(ask_get(last, "content"));
	}
	return text_asks(last);
}

static const char *chosen_tool(const cJSON *choice)
{
	const cJSON *name = ask_get(ask_get(choice, "function"), "name");

	name = name ? name : ask_get(choice, "name");
	return cJSON_IsString(name) ? name->valuestring : NULL;
}

static const cJSON *find_tool(const struct asked *a, const cJSON *tools,
			      const char *name)
{
	const cJSON *tool;

	cJSON_ArrayForEach(tool, tools)
	{
		const cJSON *f = a->dialect->tool_key
					 ? ask_get(tool, a->dialect->tool_key)
					 : tool;
		const cJSON *called = ask_get(f, "name");

		if (cJSON_IsString(called) &&
		    (!name || strcmp(called->valuestring, name) == 0))
			return f;
	}
	return NULL;
}

/* Kimi: system messages can bring tools too. */
static const cJSON *find_dynamic(const struct asked *a, const char *name)
{
	const cJSON *messages = ask_get(a->request, "messages"), *m;
	const cJSON *tool = NULL;

	if (!(a->family->flags & STRICT_TOOLS))
		return NULL;
	cJSON_ArrayForEach(m, messages)
	{
		if (!tool)
			tool = find_tool(a, ask_get(m, "tools"), name);
	}
	return tool;
}

/* The tool to be called, or NULL for an answer in words. */
static const cJSON *choose_tool(struct talk *t, const struct asked *a)
{
	const cJSON *choice = ask_get(a->request, "tool_choice"), *tool;
	const char *name = chosen_tool(choice);
	const cJSON *kind =
		cJSON_IsObject(choice) ? ask_get(choice, "type") : choice;

	if (!a->dialect->schema_key)
		return NULL;
	tool = find_tool(a, ask_get(a->request, "tools"), name);
	tool = tool ? tool : find_dynamic(a, name);
	if (!bugs_has(&t->bugs, BUG_call_although_none) &&
	    (ask_says(kind, "none") ||
	     (!name && !ask_says(kind, "required") && !ask_says(kind, "any") &&
	      !asks_for_tool(a))))
		return NULL;
	return bug_tool(t, tool);
}

/* Kimi counts the calls of a conversation, and numbers go on. */
static size_t calls_before(const struct asked *a)
{
	const cJSON *messages = ask_get(a->request, "messages"), *m;
	size_t n = 0;

	cJSON_ArrayForEach(m, messages)
	{
		n += (size_t)cJSON_GetArraySize(ask_get(m, "tool_calls"));
	}
	return n;
}

static void add_call(struct talk *t, const struct asked *a, const cJSON *tool)
{
	struct call *c = &t->calls[t->n_calls];
	uint64_t state = text_mix(t->seed + 77 + t->n_calls);
	struct buf id = {0};

	text_add_alnum(&id, &state, 24);
	memcpy(c->id, id.p, 24);
	buf_free(&id);
	buf_adds(&c->name, ask_text(ask_get(tool, "name")));
	args_make(ask_get(tool, t->dialect->schema_key), &state, &c->args);
	if ((t->family->flags & KIMI) && a->dialect->letter == 'c')
		buf_addf(&c->told, "functions.%.*s:%zu", (int)c->name.n,
			 c->name.p, calls_before(a) + t->n_calls);
	t->n_calls++;
}

static void cut_call(struct call *c)
{
	c->pieces = 0;
	while (talk_piece(c, c->pieces).n)
		c->pieces++;
}

static void plan_calls(struct talk *t, const struct talk_facts *f)
{
	const cJSON *tool = choose_tool(t, f->asked);
	uint64_t calls = f->calls < CALLS_MOST ? f->calls : CALLS_MOST;

	t->calls = mem_zero(CALLS_MOST * sizeof(struct call));
	while (tool && t->n_calls < calls)
		add_call(t, f->asked, tool);
	bug_calls(t, f->asked);
	for (size_t i = 0; i < t->n_calls; i++)
		cut_call(&t->calls[i]);
}

/* ---- texts ---- */

static const cJSON *schema_asked(const struct asked *a)
{
	const cJSON *format = ask_get(a->request, "response_format");
	const cJSON *text = ask_get(a->request, "text");

	if (a->dialect->letter == 'r')
		return ask_get(ask_get(text, "format"), "schema");
	return ask_get(ask_get(format, "json_schema"), "schema");
}

static bool wants_object(const struct asked *a)
{
	const cJSON *format = ask_get(a->request, "response_format");

	if (a->dialect->letter == 'r')
		format = ask_get(ask_get(a->request, "text"), "format");
	return ask_says(ask_get(format, "type"), "json_object") ||
	       ask_says(ask_get(format, "type"), "json_schema");
}

/* The first word that the last message puts between quotes, or "answer". */
static struct str key_asked(const struct asked *a)
{
	const cJSON *last = ask_last(ask_get(a->request, a->dialect->messages));
	struct str rest = ask_text(ask_get(last, "content")), key;

	text_cut(&rest, '"');
	key = text_cut(&rest, '"');
	return rest.p && key.n && key.n <= 64 ? key : STR("answer");
}

static void say_object(struct talk *t, const struct asked *a)
{
	const cJSON *schema = schema_asked(a);
	uint64_t state = t->seed + 3;
	struct buf out = {0};

	if (cJSON_IsObject(schema)) {
		args_make(schema, &state, &out);
	} else {
		buf_addc(&out, '{');
		text_json(&out, key_asked(a));
		buf_adds(&out, STR(":\"forty-two\"}"));
	}
	script_set(t, PART_CONTENT, buf_str(&out));
	buf_free(&out);
}

static size_t thought(const struct talk_facts *f)
{
	static const unsigned quarters[] = {1, 2, 4, 8};

	return f->tokens * quarters[f->asked->effort] / 4 + 1;
}

/* MiniMax: the reasoning is part of the content, unless it is split off. */
static void plan_tags(struct talk *t, const struct asked *a)
{
	struct buf text = {0};

	t->split = cJSON_IsTrue(ask_get(a->request, "reasoning_split"));
	if (t->split || t->n_calls)
		return;
	script_fix(t, PART_REASONING);
	script_fix(t, PART_CONTENT);
	buf_adds(&text, STR("<think>\n"));
	buf_adds(&text, buf_str(&t->script[PART_REASONING].text));
	buf_adds(&text, STR("\n</think>\n\n"));
	buf_adds(&text, buf_str(&t->script[PART_CONTENT].text));
	script_set(t, PART_CONTENT, buf_str(&text));
	script_none(t, PART_REASONING);
	buf_free(&text);
}

static void plan_texts(struct talk *t, const struct talk_facts *f)
{
	t->content = t->n_calls ? 0 : f->tokens;
	t->reasoning = f->asked->thinks ? thought(f) : 0;
	if (t->reasoning && f->think.n)
		script_set(t, PART_REASONING, f->think);
	if (t->content && f->say.n)
		script_set(t, PART_CONTENT, f->say);
	if (t->content && wants_object(f->asked))
		say_object(t, f->asked);
	bug_texts(t, f->asked);
	if ((t->family->flags & IN_CONTENT) && t->dialect->letter == 'c')
		plan_tags(t, f->asked);
}

/* ---- where it ends ---- */

static void try_stop(struct talk *t, const cJSON *stop, size_t *at)
{
	struct str text = buf_str(&t->script[PART_CONTENT].text);
	struct str s = ask_text(stop);
	const char *hit =
		s.n && text.n ? memmem(text.p, text.n, s.p, s.n) : NULL;

	if (!hit || (size_t)(hit - text.p) >= *at)
		return;
	*at = (size_t)(hit - text.p);
	t->stopped.n = 0;
	buf_adds(&t->stopped, s);
}

static void obey_stop(struct talk *t, const struct asked *a)
{
	const cJSON *stop = ask_get(a->request, a->dialect->stop), *one;
	size_t at = SIZE_MAX;

	if (!stop || t->n_calls || bugs_has(&t->bugs, BUG_stop_ignored))
		return;
	script_fix(t, PART_CONTENT);
	try_stop(t, stop, &at);
	cJSON_ArrayForEach(one, stop)
	{
		try_stop(t, one, &at);
	}
	if (at == SIZE_MAX)
		return;
	if (bugs_has(&t->bugs, BUG_stop_included))
		at += t->stopped.n;
	script_set(t, PART_CONTENT,
		   (struct str){t->script[PART_CONTENT].text.p, at});
}

/* What goes beyond max_tokens is not said, calls included. */
static void obey_limit(struct talk *t)
{
	uint64_t left = t->limit;
	size_t *parts[] = {&t->reasoning, &t->content};

	if (bugs_has(&t->bugs, BUG_max_tokens_exceeded))
		return;
	for (size_t i = 0; i < 2; i++) {
		t->cut |= *parts[i] > left;
		*parts[i] = *parts[i] < left ? *parts[i] : left;
		left -= *parts[i];
	}
	for (size_t i = 0; i < t->n_calls; i++) {
		struct call *c = &t->calls[i];
		uint64_t name = (c->name.n + 3) / 4;

		name = name < left ? name : left;
		t->extra += name;
		left -= name;
		if (c->pieces > left) {
			t->cut = true;
			c->args.n = talk_piece_at(c, left);
			c->pieces = left;
		}
		left -= c->pieces;
	}
}

static void plan_cost(struct talk *t, const struct talk_facts *f)
{
	struct cost *c = &t->cost;

	c->prompt = t->prompt;
	c->completion = talk_completion(t) * t->n;
	c->total = c->prompt + c->completion;
	c->cached = c->prompt / 256 * 128;
	c->reasoning = t->reasoning * t->n;
	bug_cost(t, f->request_bytes);
}

/* ---- all of it ---- */

static uint64_t limit_of(const struct asked *a)
{
	const cJSON *n = ask_get(a->request, a->dialect->limit);

	if (!cJSON_IsNumber(n))
		n = ask_get(a->request, a->dialect->other_limit);
	if (!cJSON_IsNumber(n) || n->valuedouble < 0)
		return UINT64_MAX;
	return (uint64_t)n->valuedouble;
}

static void read_options(struct talk *t, const struct asked *a)
{
	const cJSON *request = a->request;
	const cJSON *options = ask_get(request, "stream_options");
	const cJSON *logprobs = ask_get(request, "logprobs");
	const cJSON *n = ask_get(request, "n");
	const cJSON *top = ask_get(request, "top_logprobs");
	const cJSON *include = ask_get(request, "include"), *one;

	t->stream = (a->streams && !bugs_has(&t->bugs, BUG_stream_ignored)) ||
		    bugs_has(&t->bugs, BUG_stream_unasked);
	t->usage = cJSON_IsTrue(ask_get(options, "include_usage")) ||
		   bugs_has(&t->bugs, BUG_usage_unasked);
	t->obfuscate |= cJSON_IsTrue(ask_get(options, "include_obfuscation"));
	t->logprobs = cJSON_IsTrue(logprobs) || cJSON_IsNumber(logprobs);
	if (cJSON_IsNumber(top) && top->valueint > 0)
		t->top_logprobs = (unsigned)top->valueint;
	t->limit = limit_of(a);
	cJSON_ArrayForEach(one, include)
	{
		t->encrypted |= ask_says(one, "reasoning.encrypted_content");
	}
	t->silent = t->family->thinks == THINKS_SILENT &&
		    !cJSON_IsString(
			    ask_get(ask_get(request, "reasoning"), "summary"));
	t->n = cJSON_IsNumber(n) && !bugs_has(&t->bugs, BUG_n_ignored)
		       ? (unsigned)n->valueint
		       : 1;
	if (t->dialect->echo)
		t->dialect->echo(t, request);
}

/* Bounded by cJSON's own limit of nesting. */
static uint64_t hash_tree(uint64_t h, const cJSON *item)
{
	const cJSON *kid;

	h = text_mix(h ^ (uint64_t)item->type);
	if (item->string)
		h = text_hash(h, str_of(item->string));
	if (item->valuestring)
		h = text_hash(h, str_of(item->valuestring));
	if (cJSON_IsNumber(item))
		h = text_mix(h ^ (uint64_t)(int64_t)item->valueint);
	cJSON_ArrayForEach(kid, item)
	{
		h = hash_tree(h, kid);
	}
	return h;
}

static void name_it(struct talk *t, const struct talk_facts *f)
{
	uint64_t state = text_mix(f->id_seed);
	struct buf id = {0};

	text_add_alnum(&id, &state, 29);
	memcpy(t->id, id.p, 29);
	buf_free(&id);
	buf_adds(&t->model, ask_text(ask_get(f->asked->request, "model")));
	if (bugs_has(&t->bugs, BUG_model_differs)) {
		t->model.n = 0;
		buf_adds(&t->model, STR("practice-cheaper-8b"));
	}
}

struct talk *talk_new(const struct talk_facts *f)
{
	struct talk *t = MEM_NEW(struct talk);
	const struct asked *a = f->asked;

	t->dialect = a->dialect;
	t->family = a->family;
	t->bugs = a->bugs;
	t->speak = f->speak;
	t->seed = hash_tree(f->seed, ask_get(a->request, "model"));
	t->seed = hash_tree(t->seed, ask_get(a->request, a->dialect->messages));
	t->created = f->created;
	t->noise = f->id_seed;
	t->obfuscate = f->obfuscate;
	t->prompt = prompt_tokens(a);
	name_it(t, f);
	read_options(t, a);
	plan_calls(t, f);
	plan_texts(t, f);
	if (t->dialect->prepare)
		t->dialect->prepare(t);
	obey_stop(t, a);
	obey_limit(t);
	plan_cost(t, f);
	if (bugs_has(&t->bugs, BUG_fake_streaming)) {
		script_join(t, PART_REASONING);
		script_join(t, PART_CONTENT);
	}
	return t;
}

void talk_free(struct talk *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_calls; i++) {
		buf_free(&t->calls[i].name);
		buf_free(&t->calls[i].args);
		buf_free(&t->calls[i].told);
	}
	for (size_t i = 0; i < 2; i++) {
		buf_free(&t->script[i].text);
		free(t->script[i].at);
	}
	free(t->calls);
	buf_free(&t->model);
	buf_free(&t->lead);
	buf_free(&t->stopped);
	buf_free(&t->echo);
	buf_free(&t->draft);
	buf_free(&t->behind);
	free(t);
}
