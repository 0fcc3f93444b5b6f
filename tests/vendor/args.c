/* SPDX-License-Identifier: MIT */
/*
 * Arguments of a tool call that satisfy the tool's schema, as far as a
 * practice vendor needs: types, enum, const, properties, items, anyOf, the
 * first of several types. Local references and patterns are not followed.
 */
#include "talk.h"
#include "text.h"

#define DEPTH 16

static void make(const cJSON *schema, uint64_t *state, unsigned depth,
		 struct buf *out);

static uint64_t draw(uint64_t *state)
{
	return *state = text_mix(*state);
}

static double number_of(const cJSON *schema, const char *key, double otherwise)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(schema, key);

	return cJSON_IsNumber(n) ? n->valuedouble : otherwise;
}

static void make_string(const cJSON *schema, uint64_t *state, struct buf *out)
{
	size_t least = (size_t)number_of(schema, "minLength", 1);
	size_t most = (size_t)number_of(schema, "maxLength", 64);
	uint64_t n = 1 + draw(state) % 4;
	struct buf text = {0};

	if (most < 24 || least > 24) {
		text_add_alnum(&text, state, least > 4 ? least : 4);
		text.n = text.n < most ? text.n : most;
	} else {
		for (uint64_t i = 0; i < n || text.n < least; i++) {
			struct str word = words_pick(draw(state));
			if (text.n + word.n <= 24)
				buf_adds(&text, word);
			else
				break;
		}
		while (text.n < least)
			buf_addc(&text, 'x');
	}
	text_json(out, buf_str(&text));
	buf_free(&text);
}

static void make_number(const cJSON *schema, uint64_t *state, bool whole,
			struct buf *out)
{
	double low = number_of(schema, "minimum", 0);
	double high = number_of(schema, "maximum", low + 100);
	double v = low + (double)(draw(state) % 1000) / 1000 * (high - low);

	if (whole)
		buf_addf(out, "%lld",
			 (long long)v < low ? (long long)v + 1 : (long long)v);
	else
		buf_addf(out, "%.3f", v < low ? low : v);
}

static void make_object(const cJSON *schema, uint64_t *state, unsigned depth,
			struct buf *out)
{
	const cJSON *properties =
		cJSON_GetObjectItemCaseSensitive(schema, "properties");
	const cJSON *p;
	bool first = true;

	buf_addc(out, '{');
	cJSON_ArrayForEach(p, properties)
	{
		if (!first)
			buf_addc(out, ',');
		first = false;
		text_json(out, str_of(p->string));
		buf_addc(out, ':');
		make(p, state, depth + 1, out);
	}
	buf_addc(out, '}');
}

static void make_array(const cJSON *schema, uint64_t *state, unsigned depth,
		       struct buf *out)
{
	const cJSON *items = cJSON_GetObjectItemCaseSensitive(schema, "items");
	size_t n = (size_t)number_of(schema, "minItems", 1);

	buf_addc(out, '[');
	for (size_t i = 0; i < n && i < 16; i++) {
		if (i)
			buf_addc(out, ',');
		make(items, state, depth + 1, out);
	}
	buf_addc(out, ']');
}

static void make_typed(const cJSON *schema, const char *type, uint64_t *state,
		       unsigned depth, struct buf *out)
{
	if (strcmp(type, "object") == 0)
		make_object(schema, state, depth, out);
	else if (strcmp(type, "array") == 0)
		make_array(schema, state, depth, out);
	else if (strcmp(type, "integer") == 0)
		make_number(schema, state, true, out);
	else if (strcmp(type, "number") == 0)
		make_number(schema, state, false, out);
	else if (strcmp(type, "boolean") == 0)
		buf_adds(out, draw(state) & 1 ? STR("true") : STR("false"));
	else if (strcmp(type, "null") == 0)
		buf_adds(out, STR("null"));
	else
		make_string(schema, state, out);
}

static void add_literal(const cJSON *value, struct buf *out)
{
	char *text = cJSON_PrintUnformatted(value);

	buf_adds(out, str_of(text));
	cJSON_free(text);
}

static const char *type_of(const cJSON *schema)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(schema, "type");

	if (cJSON_IsArray(type))
		type = cJSON_GetArrayItem(type, 0);
	if (cJSON_IsString(type))
		return type->valuestring;
	if (cJSON_GetObjectItemCaseSensitive(schema, "properties"))
		return "object";
	return "string";
}

static void make(const cJSON *schema, uint64_t *state, unsigned depth,
		 struct buf *out)
{
	const cJSON *fixed = cJSON_GetObjectItemCaseSensitive(schema, "const");
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(schema, "enum");
	const cJSON *any = cJSON_GetObjectItemCaseSensitive(schema, "anyOf");
	int n = cJSON_GetArraySize(list);

	if (fixed)
		add_literal(fixed, out);
	else if (n > 0)
		add_literal(cJSON_GetArrayItem(
				    list, (int)(draw(state) % (unsigned)n)),
			    out);
	else if (depth >= DEPTH)
		buf_adds(out, STR("null"));
	else if (cJSON_GetArraySize(any) > 0)
		make(cJSON_GetArrayItem(any, 0), state, depth + 1, out);
	else
		make_typed(schema, type_of(schema), state, depth, out);
}

void args_make(const cJSON *schema, uint64_t *state, struct buf *out)
{
	if (cJSON_IsObject(schema) && type_of(schema)[0] == 'o')
		make(schema, state, 0, out);
	else
		buf_adds(out, STR("{}"));
}
