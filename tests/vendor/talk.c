/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdlib.h>

#include "base/mem.h"
#include "text.h"

#define PIECE	   8
#define CALLS_MOST 16

static const cJSON *get(const cJSON *o, const char *key)
{
	return key ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
}

static bool says(const cJSON *value, const char *text)
{
	return cJSON_IsString(value) && strcmp(value->valuestring, text) == 0;
}

/* ---- the words ---- */

struct str talk_word(const struct talk *t, unsigned choice, enum part part,
		     size_t i)
{
	uint64_t where = (uint64_t)choice << 48 | (uint64_t)part << 40 | i;
	struct str word = words_pick(text_mix(t->seed ^ text_mix(where)));

	if (i == 0 && word.p[0] == ' ')
		word = str_skip(word, 1);
	return word;
}

void talk_add_text(const struct talk *t, unsigned choice, enum part part,
		   struct buf *out)
{
	size_t n = part == PART_REASONING ? t->reasoning : t->content;

	for (size_t i = 0; i < n; i++)
		text_json_inner(out, talk_word(t, choice, part, i));
}

double talk_logprob(const struct talk *t, unsigned choice, size_t i)
{
	uint64_t h = text_mix(t->seed + ((uint64_t)choice << 48 | i));

	return -(double)(h % 4000000) / 1e6;
}

/* Never inside a character. */
static size_t piece_at(const struct call *c, size_t k)
{
	size_t at = k * PIECE;

	while (at < c->args.n && ((unsigned char)c->args.p[at] & 0xc0) == 0x80)
		at++;
	return at < c->args.n ? at : c->args.n;
}

struct str talk_piece(const struct call *c, size_t k)
{
	size_t from = piece_at(c, k), to = piece_at(c, k + 1);

	return (struct str){c->args.p + from, to - from};
}

size_t talk_completion(const struct talk *t)
{
	return t->reasoning + t->content + talk_count_calls(t, 0);
}

size_t talk_count_calls(const struct talk *t, size_t more)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_calls; i++)
		n += t->calls[i].pieces + more;
	return n;
}

size_t talk_find_call(const struct talk *t, size_t i, size_t more, size_t *k)
{
	size_t call = 0;

	while (i >= t->calls[call].pieces + more)
		i -= t->calls[call++].pieces + more;
	*k = i;
	return call;
}

void talk_add_obfuscation(struct talk *t, struct buf *out)
{
	if (!t->obfuscate)
		return;
	buf_adds(out, STR(",\"obfuscation\":\""));
	t->noise = text_mix(t->noise);
	text_add_alnum(out, &t->noise, 1 + t->noise % 16);
	buf_addc(out, '"');
}

bool talk_next(struct talk *t, struct buf *out)
{
	const struct dialect *d = t->dialect;

	while (t->stage < d->n_stages && t->i >= d->stages[t->stage].count(t)) {
		t->stage++;
		t->i = 0;
	}
	if (t->stage == d->n_stages)
		return false;
	d->stages[t->stage].say(t, t->i++, out);
	return t->stage + 1 < d->n_stages ||
	       t->i < d->stages[t->stage].count(t);
}

/* ---- reading the request ---- */

const char *talk_refuses(const struct dialect *d, const cJSON *request)
{
	const cJSON *n = get(request, "n");

	if (!cJSON_IsObject(request))
		return "We could not parse the JSON body of your request.";
	if (!cJSON_IsString(get(request, "model")))
		return "you must provide a model parameter";
	if (!get(request, d->messages))
		return "the conversation is missing from the request";
	if (d->must_limit && !cJSON_IsNumber(get(request, d->limit)))
		return "max_tokens: Field required";
	if (n && (!cJSON_IsNumber(n) || n->valueint < 1 || n->valueint > 128))
		return "n must be a number from 1 to 128";
	return NULL;
}

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
		if (text_asks(get(part, "text")))
			return true;
	}
	return text_asks(content);
}

/* Only the last message counts: after a tool's result comes an answer. */
static bool asks_for_tool(const struct dialect *d, const cJSON *request)
{
	const cJSON *messages = get(request, d->messages);
	const cJSON *last = messages;

	if (cJSON_IsArray(messages)) {
		last = cJSON_GetArrayItem(messages,
					  cJSON_GetArraySize(messages) - 1);
		return says(get(last, "role"), "user") &&
		       content_asks(get(last, "content"));
	}
	return text_asks(last);
}

static const char *chosen_tool(const cJSON *choice)
{
	const cJSON *name = get(get(choice, "function"), "name");

	name = name ? name : get(choice, "name");
	return cJSON_IsString(name) ? name->valuestring : NULL;
}

/* The tool to be called, or NULL for an answer in words. */
static const cJSON *choose_tool(const struct dialect *d, const cJSON *request)
{
	const cJSON *tools = get(request, "tools"), *tool;
	const cJSON *choice = get(request, "tool_choice");
	const char *name = chosen_tool(choice);
	const cJSON *kind =
		cJSON_IsObject(choice) ? get(choice, "type") : choice;

	if (!d->schema_key || says(kind, "none"))
		return NULL;
	if (!name && !says(kind, "required") && !says(kind, "any") &&
	    !asks_for_tool(d, request))
		return NULL;
	cJSON_ArrayForEach(tool, tools)
	{
		const cJSON *f = d->tool_key ? get(tool, d->tool_key) : tool;
		const cJSON *called = get(f, "name");
		if (cJSON_IsString(called) &&
		    (!name || strcmp(called->valuestring, name) == 0))
			return f;
	}
	return NULL;
}

static bool thinks(const cJSON *request)
{
	const cJSON *thinking = get(request, "thinking");
	const cJSON *reasoning = get(request, "reasoning");

	if (cJSON_IsObject(thinking))
		return says(get(thinking, "type"), "enabled") ||
		       says(get(thinking, "type"), "adaptive");
	return cJSON_IsTrue(thinking) ||
	       cJSON_IsString(get(reasoning, "summary"));
}

static uint64_t limit_of(const struct dialect *d, const cJSON *request)
{
	const cJSON *n = get(request, d->limit);

	if (!cJSON_IsNumber(n))
		n = get(request, d->other_limit);
	if (!cJSON_IsNumber(n) || n->valuedouble < 0)
		return UINT64_MAX;
	return (uint64_t)n->valuedouble;
}

/* ---- planning ---- */

static void add_call(struct talk *t, const cJSON *tool)
{
	struct call *c = &t->calls[t->n_calls];
	uint64_t state = text_mix(t->seed + 77 + t->n_calls++);
	struct buf id = {0};

	text_add_alnum(&id, &state, 24);
	memcpy(c->id, id.p, 24);
	buf_free(&id);
	buf_adds(&c->name, str_of(get(tool, "name")->valuestring));
	args_make(get(tool, t->dialect->schema_key), &state, &c->args);
	c->pieces = (c->args.n + PIECE - 1) / PIECE;
	while (c->pieces && talk_piece(c, c->pieces - 1).n == 0)
		c->pieces--;
}

/* What goes beyond max_tokens is not said, calls included. */
static void obey_limit(struct talk *t)
{
	uint64_t left = t->limit;
	size_t *parts[] = {&t->reasoning, &t->content};

	for (size_t i = 0; i < 2; i++) {
		t->cut |= *parts[i] > left;
		*parts[i] = *parts[i] < left ? *parts[i] : left;
		left -= *parts[i];
	}
	for (size_t i = 0; i < t->n_calls; i++) {
		struct call *c = &t->calls[i];
		if (c->pieces > left) {
			t->cut = true;
			c->args.n = piece_at(c, left);
			c->pieces = left;
		}
		left -= c->pieces;
	}
}

static void plan(struct talk *t, const struct talk_facts *f)
{
	const cJSON *tool = choose_tool(f->dialect, f->request);
	uint64_t calls = f->calls < CALLS_MOST ? f->calls : CALLS_MOST;

	t->reasoning = thinks(f->request) ? f->tokens / 2 + 1 : 0;
	t->content = tool ? 0 : f->tokens;
	t->calls = mem_zero(CALLS_MOST * sizeof(struct call));
	while (tool && t->n_calls < calls)
		add_call(t, tool);
	obey_limit(t);
}

static void read_options(struct talk *t, const cJSON *request)
{
	const cJSON *options = get(request, "stream_options");
	const cJSON *n = get(request, "n");
	const cJSON *logprobs = get(request, "logprobs");
	const cJSON *top = get(request, "top_logprobs");

	t->stream = cJSON_IsTrue(get(request, "stream"));
	t->usage = cJSON_IsTrue(get(options, "include_usage"));
	t->obfuscate |= cJSON_IsTrue(get(options, "include_obfuscation"));
	t->n = cJSON_IsNumber(n) ? (unsigned)n->valueint : 1;
	t->logprobs = cJSON_IsTrue(logprobs) || cJSON_IsNumber(logprobs);
	if (cJSON_IsNumber(top) && top->valueint > 0)
		t->top_logprobs = (unsigned)top->valueint;
	t->limit = limit_of(t->dialect, request);
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

struct talk *talk_new(const struct talk_facts *f)
{
	struct talk *t = MEM_NEW(struct talk);
	uint64_t state = text_mix(f->id_seed);
	struct buf id = {0};

	t->dialect = f->dialect;
	t->seed = hash_tree(f->seed, get(f->request, "model"));
	t->seed = hash_tree(t->seed, get(f->request, f->dialect->messages));
	t->created = f->created;
	t->noise = f->id_seed;
	t->obfuscate = f->obfuscate;
	t->prompt = (f->request_bytes + 3) / 4;
	text_add_alnum(&id, &state, 29);
	memcpy(t->id, id.p, 29);
	buf_free(&id);
	buf_adds(&t->model, str_of(get(f->request, "model")->valuestring));
	read_options(t, f->request);
	plan(t, f);
	if (t->dialect->prepare)
		t->dialect->prepare(t);
	return t;
}

void talk_free(struct talk *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_calls; i++) {
		buf_free(&t->calls[i].name);
		buf_free(&t->calls[i].args);
	}
	free(t->calls);
	buf_free(&t->model);
	buf_free(&t->lead);
	free(t);
}
