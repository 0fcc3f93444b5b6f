/* SPDX-License-Identifier: MIT */
/*
 * Who is who: a message is known by what it says, not by how it is spelled.
 * Clients write null, "" or nothing where an assistant said nothing, write
 * arguments anew from the parsed object, move cache_control about, and cut
 * white space off an answer's ends: none of it makes another message.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "rules/meaning/request_impl.h"

static uint64_t mix(uint64_t hash, uint64_t with)
{
	uint64_t two[2] = {hash, with};

	return XXH64(two, sizeof two, 0);
}

uint64_t text_hash(struct str text)
{
	return XXH64(text.p, text.n, 1);
}

uint64_t bytes_hash(const struct json *value)
{
	return XXH3_64bits_withSeed(value->raw.p, value->raw.n, value->kind);
}

static uint64_t mix_str(uint64_t hash, struct str s)
{
	return mix(hash, text_hash(s));
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static struct str trim_end(struct str s)
{
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static struct str trim(struct str s)
{
	while (s.n && is_space(s.p[0]))
		s = str_skip(s, 1);
	return trim_end(s);
}

static const struct json no_arguments = {.kind = JSON_OBJECT};

uint64_t arguments_hash(struct str text, struct json_doc *scratch)
{
	const struct json *value;
	struct json_error e;

	text = trim(text);
	if (text.n == 0)
		return json_hash(&no_arguments);
	json_doc_reset(scratch);
	value = json_parse(scratch, text, NULL, &e);
	return value ? json_hash(value) : XXH64(text.p, text.n, 2);
}

/* Texts as if they were one: from the first that is not blank to the last. */
static uint64_t hash_texts(const struct str *texts, size_t n, bool trimmed)
{
	XXH64_state_t state;

	while (trimmed && n && trim(texts[n - 1]).n == 0)
		n--;
	while (trimmed && n && trim(texts[0]).n == 0) {
		texts++;
		n--;
	}
	XXH64_reset(&state, 3);
	for (size_t i = 0; i < n; i++) {
		struct str s = texts[i];
		if (trimmed && i == 0)
			while (is_space(s.p[0]))
				s = str_skip(s, 1);
		if (trimmed && i == n - 1)
			s = trim_end(s);
		XXH64_update(&state, s.p, s.n);
	}
	return XXH64_digest(&state);
}

uint64_t identity_begin(const struct identity *i)
{
	bool assistant = i->role == ROLE_ASSISTANT;
	uint64_t hash = mix(i->role, assistant ? 0 : i->others);

	return mix(hash, hash_texts(i->texts, i->n_texts, assistant));
}

uint64_t identity_call(uint64_t hash, struct str id, struct str name,
		       uint64_t arguments)
{
	return mix(mix_str(mix_str(hash, id), name), arguments);
}

uint64_t part_hash(const struct json *part)
{
	uint64_t sum = 0;

	if (part->kind != JSON_OBJECT)
		return json_hash(part);
	for (uint32_t i = 0; i < part->n; i++) {
		const struct json *v = part->v[i];
		if (!str_eq(v->key, STR("cache_control")))
			sum += mix_str(json_hash(v), v->key);
	}
	return sum;
}

uint64_t message_hash_of_answer(const struct answer *a, size_t choice)
{
	const struct choice *c = &a->choices[choice];
	struct str content = buf_str(&c->content);
	struct identity i = {ROLE_ASSISTANT, &content, 1, 0};
	struct json_doc *scratch = json_doc_new();
	uint64_t hash = identity_begin(&i);

	for (size_t k = 0; k < c->n_calls; k++) {
		const struct tool_call *t = &c->calls[k];
		hash = identity_call(
			hash, buf_str(&t->id), buf_str(&t->name),
			arguments_hash(buf_str(&t->arguments), scratch));
	}
	json_doc_free(scratch);
	return hash;
}

uint64_t chain_next(uint64_t chain, uint64_t message_hash)
{
	return mix(chain, message_hash);
}
