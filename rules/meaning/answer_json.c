/* SPDX-License-Identifier: MIT */
/* An answer as one JSON object; chat.h describes it. */
#include "base/json_text.h"
#include "rules/meaning/chat.h"
#include "rules/meaning/json.h"

static void key(struct buf *to, const char *name)
{
	char last = to->n ? to->p[to->n - 1] : '{';

	if (last != '{' && last != '[')
		buf_addc(to, ',');
	buf_addf(to, "\"%s\":", name);
}

static void text(struct buf *to, const char *name, const struct buf *b)
{
	key(to, name);
	json_quote(to, buf_str(b));
}

static void text_or_null(struct buf *to, const char *name, const struct buf *b,
			 bool have)
{
	if (have) {
		text(to, name, b);
	} else {
		key(to, name);
		buf_adds(to, STR("null"));
	}
}

static void truth(struct buf *to, const char *name, bool v)
{
	key(to, name);
	buf_adds(to, v ? STR("true") : STR("false"));
}

static void count(struct buf *to, const char *name, int64_t n)
{
	if (n == USAGE_NONE)
		return;
	key(to, name);
	buf_addf(to, "%lld", (long long)n);
}

/* The same text parsed, if it is JSON. */
static void parsed(struct buf *to, const char *name, const struct buf *b)
{
	struct json_doc *doc = json_doc_new();
	struct json_error e;
	const struct json *root = json_parse(doc, buf_str(b), NULL, &e);

	if (root) {
		key(to, name);
		json_write(to, root);
	}
	json_doc_free(doc);
}

static void calls(struct buf *to, const struct choice *h)
{
	key(to, "tool_calls");
	buf_addc(to, '[');
	for (size_t i = 0; h && i < h->n_calls; i++) {
		const struct tool_call *t = &h->calls[i];

		if (i)
			buf_addc(to, ',');
		buf_addc(to, '{');
		text(to, "id", &t->id);
		text(to, "type", &t->type);
		text(to, "name", &t->name);
		text(to, "arguments", &t->arguments);
		parsed(to, "arguments_json", &t->arguments);
		buf_addc(to, '}');
	}
	buf_addc(to, ']');
}

static void choice(struct buf *to, const struct choice *h)
{
	static const struct choice none;
	const struct choice *x = h ? h : &none;
	enum reasoning_name name =
		x->n_pieces ? x->pieces[0].name : REASONING_NONE;

	text_or_null(to, "content", &x->content, h && !h->content_null);
	text_or_null(to, "reasoning", &x->reasoning, x->reasoning.n > 0);
	key(to, "reasoning_name");
	json_quote(to, str_of(reasoning_name(name)));
	calls(to, h);
	text_or_null(to, "finish_reason", &x->finish, x->finishes > 0);
	text_or_null(to, "refusal", &x->refusal, x->refusal.n > 0);
	parsed(to, "content_json", &x->content);
}

static void usage(struct buf *to, const struct usage *u)
{
	key(to, "usage");
	if (!u->have) {
		buf_adds(to, STR("null"));
		return;
	}
	buf_addc(to, '{');
	count(to, "prompt_tokens", u->prompt);
	count(to, "completion_tokens", u->completion);
	count(to, "total_tokens", u->total);
	count(to, "cached_tokens", u->cached);
	count(to, "reasoning_tokens", u->reasoning);
	buf_addc(to, '}');
}

static void error(struct buf *to, const struct answer *a)
{
	key(to, "error");
	if (!a->error) {
		buf_adds(to, STR("null"));
		return;
	}
	buf_addc(to, '{');
	text(to, "type", &a->error_type);
	text(to, "code", &a->error_code);
	text(to, "message", &a->error_message);
	text(to, "param", &a->error_param);
	buf_addc(to, '}');
}

void answer_to_json(const struct answer *a, struct buf *to)
{
	const struct choice *first = NULL;

	for (size_t i = 0; i < a->n_choices && !first; i++) {
		if (a->choices[i].index == 0)
			first = &a->choices[i];
	}
	buf_addc(to, '{');
	count(to, "status", a->status);
	truth(to, "streamed", a->streamed);
	truth(to, "done", a->done);
	text(to, "model", &a->model);
	choice(to, first);
	usage(to, &a->usage);
	count(to, "choices", (int64_t)a->n_choices);
	error(to, a);
	buf_addc(to, '}');
}
