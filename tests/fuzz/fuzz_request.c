/* SPDX-License-Identifier: MIT */
/*
 * Requests of strangers, read with and without a memory: the input is read,
 * then a second one that shares its beginning and end, then the first again.
 * Whatever was remembered, the same is understood.
 */
#include <assert.h>
#include <stdlib.h>

#include "rules/meaning/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const struct message *a, const struct message *b)
{
	assert(a->role == b->role && a->hash == b->hash);
	assert(a->n_nodes == b->n_nodes && a->partial == b->partial);
	assert(a->n_calls == b->n_calls && a->n_reasoning == b->n_reasoning);
	assert(str_eq(a->content, b->content));
	assert(utf8_check(a->content) == a->content.n);
}

static void check_same(struct request_memory *m, enum dialect d,
		       struct str body)
{
	struct request *a = request_read(m, d, body, STR(""));
	struct request *b = request_read(NULL, d, body, STR(""));

	assert(a->understood == b->understood && a->unknown == b->unknown);
	assert(a->why == b->why && a->body_hash == b->body_hash);
	assert(a->understood == (a->why == NULL));
	assert(!a->root == !b->root && a->bad.offset == b->bad.offset);
	if (a->root) {
		assert(str_eq(a->root->raw, b->root->raw));
		assert(json_hash(a->root) == json_hash(b->root));
		assert(json_equal(a->root, b->root));
	}
	assert(a->n_messages == b->n_messages && a->n_tools == b->n_tools);
	for (size_t i = 0; i < a->n_messages; i++) {
		check_message(a->messages[i], b->messages[i]);
		assert(a->at[i] == b->at[i] && a->at[i] < body.n);
	}
	assert(a->chain[a->n_messages] == b->chain[b->n_messages]);
	request_unref(a);
	request_unref(b);
}

/* A body long enough to be remembered, around what was given. */
static void wrap(struct buf *to, enum dialect d, struct str element)
{
	buf_addf(to, d == DIALECT_RESPONSES ? "{\"input\":[{\"x\":\""
					    : "{\"messages\":[{\"x\":\"");
	for (unsigned i = 0; i < 130; i++)
		buf_adds(to, STR("0123456789"));
	buf_adds(to, STR("\"},"));
	buf_adds(to, element);
	buf_adds(to, STR("]}"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request_memory *m = request_memory_new(1 << 20);
	struct buf one = {0};
	struct str in, front;
	enum dialect d;

	if (size) {
		d = (enum dialect)(data[0] % DIALECTS);
		in = (struct str){(const char *)data + 1, size - 1};
		front = (struct str){in.p, in.n / 2};
		check_same(m, d, in);
		for (unsigned i = 0; i < 3; i++) {
			one.n = 0;
			wrap(&one, d, i % 2 ? front : in);
			check_same(m, d, buf_str(&one));
		}
		buf_free(&one);
	}
	request_memory_free(m);
	return 0;
}
