/* SPDX-License-Identifier: MIT */
/*
 * Arguments of a tool call that satisfy the tool's schema, as far as a
 * practice vendor needs: types, enum, const, properties, items, anyOf, the
 * first of several types, references to $defs and to the root. Deep down only
 * what is required is said, so that what refers to itself ends. Patterns are
 * followed where they are characters, [a-z] and {n} alone.
 */
#include <stdlib.h>

#include "talk.h"
#include "text.h"

#define DEPTH 32 /* at most */
#define DEEP  4	 /* from here on, what is required */

struct maker {
	const cJSON *root;
	uint64_t *state;
	struct buf *out;
};

static void make(struct maker *m, const cJSON *schema, unsigned depth);

static uint64_t draw(uint64_t *state)
{
	return *state = text_mix(*state);
}

static double number_of(const cJSON *schema, const char *key, double otherwise)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(schema, key);

	return cJSON_IsNumber(n) ? n->valuedouble : otherwise;
}

/* Cuts "{12}" off; 1 if there is none. */
static size_t times_of(const char **p)
{
	char *end;
	size_t n;

	if (**p != '{')
		return 1;
	n = strtoul(*p + 1, &end, 10);
	*p = *end == '}' ? end + 1 : "*";
	return n < 64 ? n : 64;
}

/* False: the pattern is beyond this. */
static bool make_pattern(struct maker *m, const char *p, struct buf *text)
{
	for (p += *p == '^'; *p && strcmp(p, "$") != 0;) {
		unsigned char from = (unsigned char)*p, to = from;
		size_t n;

		if (*p == '[' && p[1] && p[2] == '-' && p[3] && p[4] == ']') {
			from = (unsigned char)p[1];
			to = (unsigned char)p[3];
			p += 4;
		} else if (strchr("[](){}|.*+?\\^$", *p)) {
			return false;
		}
		p++;
		for (n = times_of(&p); n && from <= to; n--)
			buf_addc(text, (char)(from + draw(m->state) %
							     (to - from + 1u)));
	}
	return true;
}

static void make_string(struct maker *m, const cJSON *schema)
{
	const cJSON *pattern = ask_get(schema, "pattern");
	size_t least = (size_t)number_of(schema, "minLength", 1);
	size_t most = (size_t)number_of(schema, "maxLength", 64);
	uint64_t n = 1 + draw(m->state) % 4;
	struct buf text = {0};

	if (cJSON_IsString(pattern) &&
	    make_pattern(m, pattern->valuestring, &text)) {
		text.n = text.n < most ? text.n : most;
	} else if (most < 24 || least > 1) {
		text.n = 0;
		text_add_alnum(&text, m->state, least > 4 ? least : 4);
		text.n = text.n < most ? text.n : most;
	} else {
		text.n = 0;
		for (uint64_t i = 0; i < n || text.n < least; i++) {
			struct str word = words_pick(draw(m->state));
			if (text.n + word.n > 24)
				break;
			buf_adds(&text, word);
		}
	}
	text_json(m->out, buf_str(&text));
	buf_free(&text);
}

static void make_number(struct maker *m, const cJSON *schema, bool whole)
{
	double low = number_of(schema, "minimum", 0);
	double high = number_of(schema, "maximum", low + 100);
	double v = low + (double)(draw(m->state) % 1000) / 1000 * (high - low);

	if (whole)
		buf_addf(m->out, "%lld",
			 (long long)v < low ? (long long)v + 1 : (long long)v);
	else
		buf_addf(m->out, "%.3f", v < low ? low : v);
}

static bool is_required(const cJSON *schema, const char *name)
{
	const cJSON *required = ask_get(schema, "required"), *one;

	cJSON_ArrayForEach(one, required)
	{
		if (ask_says(one, name))
			return true;
	}
	return false;
}

static void make_object(struct maker *m, const cJSON *schema, unsigned depth)
{
	const cJSON *properties = ask_get(schema, "properties"), *p;
	bool first = true;

	buf_addc(m->out, '{');
	cJSON_ArrayForEach(p, properties)
	{
		if (depth >= DEEP && !is_required(schema, p->string))
			continue;
		if (!first)
			buf_addc(m->out, ',');
		first = false;
		text_json(m->out, str_of(p->string));
		buf_addc(m->out, ':');
		make(m, p, depth + 1);
	}
	buf_addc(m->out, '}');
}

static void make_array(struct maker *m, const cJSON *schema, unsigned depth)
{
	size_t n = (size_t)number_of(schema, "minItems", depth < DEEP);

	buf_addc(m->out, '[');
	for (size_t i = 0; i < n && i < 16; i++) {
		if (i)
			buf_addc(m->out, ',');
		make(m, ask_get(schema, "items"), depth + 1);
	}
	buf_addc(m->out, ']');
}

static void make_typed(struct maker *m, const cJSON *schema, const char *type,
		       unsigned depth)
{
	if (strcmp(type, "object") == 0)
		make_object(m, schema, depth);
	else if (strcmp(type, "array") == 0)
		make_array(m, schema, depth);
	else if (strcmp(type, "integer") == 0)
		make_number(m, schema, true);
	else if (strcmp(type, "number") == 0)
		make_number(m, schema, false);
	else if (strcmp(type, "boolean") == 0)
		buf_adds(m->out,
			 draw(m->state) & 1 ? STR("true") : STR("false"));
	else if (strcmp(type, "null") == 0)
		buf_adds(m->out, STR("null"));
	else
		make_string(m, schema);
}

static void add_literal(const cJSON *value, struct buf *out)
{
	char *text = cJSON_PrintUnformatted(value);

	buf_adds(out, str_of(text));
	cJSON_free(text);
}

static const char *type_of(const cJSON *schema)
{
	const cJSON *type = ask_get(schema, "type");

	if (cJSON_IsArray(type))
		type = cJSON_GetArrayItem(type, 0);
	if (cJSON_IsString(type))
		return type->valuestring;
	if (ask_get(schema, "properties"))
		return "object";
	return "string";
}

/* "#", "#/$defs/name"; NULL: nothing that is followed. */
static const cJSON *find_reference(const cJSON *root, struct str ref)
{
	const cJSON *at = root;

	if (text_cut(&ref, '/').n != 1)
		return NULL;
	while (ref.p && at) {
		struct str name = text_cut(&ref, '/');
		const cJSON *kid = at->child;

		while (kid && !str_eq(str_of(kid->string), name))
			kid = kid->next;
		at = kid;
	}
	return at;
}

/* One of the choices; deep down the last, which tends to be the plain one. */
static const cJSON *pick(struct maker *m, const cJSON *list, unsigned depth)
{
	int n = cJSON_GetArraySize(list);

	if (n < 1)
		return NULL;
	if (depth >= DEEP)
		return ask_last(list);
	return cJSON_GetArrayItem(list, (int)(draw(m->state) % (unsigned)n));
}

static void make(struct maker *m, const cJSON *schema, unsigned depth)
{
	const cJSON *fixed = ask_get(schema, "const");
	const cJSON *literal = pick(m, ask_get(schema, "enum"), depth);
	const cJSON *any = pick(m, ask_get(schema, "anyOf"), depth);
	const cJSON *ref = ask_get(schema, "$ref");

	if (fixed || literal)
		add_literal(fixed ? fixed : literal, m->out);
	else if (depth >= DEPTH)
		buf_adds(m->out, STR("null"));
	else if (cJSON_IsString(ref))
		make(m, find_reference(m->root, ask_text(ref)), depth + 1);
	else if (any)
		make(m, any, depth + 1);
	else
		make_typed(m, schema, type_of(schema), depth);
}

void args_make(const cJSON *schema, uint64_t *state, struct buf *out)
{
	struct maker m = {.root = schema, .state = state, .out = out};

	if (cJSON_IsObject(schema) &&
	    (type_of(schema)[0] == 'o' || ask_get(schema, "$ref")))
		make(&m, schema, 0);
	else
		buf_adds(out, STR("{}"));
}
