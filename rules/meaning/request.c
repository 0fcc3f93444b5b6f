/* SPDX-License-Identifier: MIT */
/* A request's life: decoded, walked, understood, remembered. */
#include <stdlib.h>

#include "rules/meaning/decode.h"
#include "rules/meaning/request_impl.h"

static void give_up(struct request *q, const char *why)
{
	q->unknown = true;
	q->why = why;
}

static struct request *request_new(enum dialect d)
{
	struct request *q = MEM_NEW(struct request);
	struct request_parts *parts = MEM_NEW(struct request_parts);

	parts->doc = json_doc_new();
	q->refs = 1;
	q->dialect = d;
	q->n = -1;
	q->max_tokens = -1;
	q->impl = parts;
	return q;
}

struct request *request_ref(struct request *q)
{
	q->refs++;
	return q;
}

void request_unref(struct request *q)
{
	struct request_parts *parts;

	if (!q || --q->refs)
		return;
	parts = q->impl;
	for (size_t i = 0; i < q->n_messages; i++)
		message_unref(q->messages[i]);
	for (size_t i = 0; i < parts->n_members; i++)
		member_unref(parts->members[i]);
	json_doc_free(parts->doc);
	free(parts->members);
	free(parts);
	free((void *)(uintptr_t)q->body.p);
	free(q->messages);
	free(q->at);
	free(q->chain);
	free(q->tools);
	free(q);
}

/* What can be decoded of a body that cannot be read whole is not kept. */
static void decode(struct request *q, struct buf *body, struct str coding)
{
	struct decode_limits limits = {REQUEST_MOST, DECODE_GROWTH};
	struct decoder *d = decoder_new(coding, &limits);
	struct buf out = {0};

	if (body->n > REQUEST_MOST) {
		give_up(q, "larger than is looked at");
	} else if (decoder_is_needed(d)) {
		enum decode_verdict v;

		decoder_feed(d, buf_str(body), &out);
		v = decoder_end(d);
		if (v != DECODE_WHOLE)
			give_up(q, decode_about(v));
	} else {
		out = *body;
		*body = (struct buf){0};
	}
	decoder_free(d);
	if (q->unknown) {
		buf_free(&out);
		out = (struct buf){0};
		q->body_hash = text_hash(buf_str(body));
	}
	q->body = buf_str(&out);
	buf_free(body);
	*body = (struct buf){0};
}

static void link_chain(struct request *q)
{
	q->chain = mem_zero((q->n_messages + 1) * sizeof(*q->chain));
	for (size_t i = 0; i < q->n_messages; i++)
		q->chain[i + 1] = chain_next(q->chain[i], q->messages[i]->hash);
}

struct request *request_take(struct request_memory *m, enum dialect d,
			     struct buf *body, struct str coding)
{
	struct request *q = request_new(d);
	struct prefixes prefixes;
	bool top;

	decode(q, body, coding);
	prefixes_of(&prefixes, d, q->body);
	if (!q->unknown) {
		top = request_walk(q, m ? memory_find(m, &prefixes) : NULL, m);
		request_fields(q);
		if (m && q->root)
			memory_keep(m, &prefixes,
				    &(struct message_list){q->messages,
							   q->n_messages, top});
	}
	link_chain(q);
	return q;
}

/* Choices that are due: n of each prompt of completions. */
static unsigned choices_due(const struct request *q)
{
	const struct json *prompt = json_get(q->root, STR("prompt"));
	uint64_t n = q->n > 0 ? (uint64_t)q->n : 1;

	if (q->dialect == DIALECT_COMPLETIONS && json_is(prompt, JSON_ARRAY) &&
	    prompt->n && !json_is(prompt->v[0], JSON_NUMBER))
		n = n > UINT32_MAX ? n : n * prompt->n;
	return n <= 1 << 16 ? (unsigned)n : 1;
}

struct chat_asked request_asked(const struct request *q)
{
	return (struct chat_asked){
		.known = q->understood && !q->unknown,
		.stream = q->stream,
		.include_usage = q->include_usage,
		.logprobs = q->logprobs,
		.n = choices_due(q),
	};
}

struct request *request_read(struct request_memory *m, enum dialect d,
			     struct str body, struct str coding)
{
	struct buf copy = {0};

	buf_adds(&copy, body);
	return request_take(m, d, &copy, coding);
}
