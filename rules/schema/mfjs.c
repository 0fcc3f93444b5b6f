/* SPDX-License-Identifier: MIT */
/*
 * DESIGN: one walk down the schema, which says what is wrong in each place,
 * and keeps a row for each subschema. Whether references end is asked of the
 * rows afterwards: a schema ends if a finite value can satisfy it, which is
 * found by going over the rows until nothing changes.
 *
 *	place	a subschema; `ends` is what is known so far
 *	row 0	{"properties": {"next": {"$ref": "#"}}, "required": ["next"]}
 *	row 1		{"$ref": "#"}: ends if row 0 does, which does if row 1
 *			does: so neither ever becomes true
 */
#include "rules/schema/mfjs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	MOST_BYTES = 120000,
	MOST_DEPTH = 30,
	MOST_KEYS = 3000,
	MOST_ENUM = 1000,
	MOST_ANY_OF = 500,
	MOST_WORK = 20000000, /* of telling whether references end */
};

struct place {
	const struct json *json;
	const struct json *to; /* of a $ref */
	struct str at;	       /* of a $ref: kept to be told */
	bool ends;
};

struct lint {
	void (*say)(void *arg, struct str at, const char *text);
	void *arg;
	size_t said;
	const struct json *root;
	struct buf at;
	size_t keys;
	struct place *places;
	size_t n, cap, work;
};

static void say(struct lint *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct lint *l, const char *fmt, ...)
{
	char text[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_tame(text, strlen(text));
	l->said++;
	l->say(l->arg, buf_str(&l->at), text);
}

static const struct json *get(const struct json *o, const char *name)
{
	return json_get(o, str_of(name));
}

/* Goes down: "/key", escaped. Returns what to cut back to. */
static size_t down(struct lint *l, struct str key)
{
	const size_t back = l->at.n;

	buf_addc(&l->at, '/');
	for (size_t i = 0; i < key.n; i++) {
		if (key.p[i] == '~' || key.p[i] == '/')
			buf_addf(&l->at, "~%c", key.p[i] == '~' ? '0' : '1');
		else
			buf_addc(&l->at, key.p[i]);
	}
	return back;
}

/* ---- keywords that stand alone ---- */

static bool is_type(const struct json *j)
{
	static const char *const types[] = {"null",  "boolean", "object",
					    "array", "number",	"integer",
					    "string"};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (json_says(j, str_of(types[i])))
			return true;
	}
	return false;
}

static void lint_type(struct lint *l, const struct json *s)
{
	const struct json *type = get(s, "type");
	bool good = is_type(type) || (json_is(type, JSON_ARRAY) && type->n);

	if (!type)
		return;
	for (uint32_t i = 0; type->kind == JSON_ARRAY && i < type->n; i++)
		good &= is_type(type->v[i]);
	if (!good)
		say(l, "\"type\" is none of the seven types");
	if (get(s, "anyOf"))
		say(l, "\"type\" stands beside \"anyOf\"");
	if (get(s, "$ref"))
		say(l, "\"type\" stands beside \"$ref\"");
}

/* Numbers of any form are of one kind; null may stand beside them. */
static void lint_enum(struct lint *l, const struct json *s)
{
	const struct json *all = get(s, "enum");
	unsigned kinds = 0;

	if (!all)
		return;
	if (all->kind != JSON_ARRAY || !all->n) {
		say(l, "\"enum\" is not an array with elements");
		return;
	}
	if (all->n > MOST_ENUM)
		say(l, "\"enum\" has %u elements, more than %d", all->n,
		    MOST_ENUM);
	for (uint32_t i = 0; i < all->n; i++) {
		unsigned kind = all->v[i]->kind;
		if (kind != JSON_NULL)
			kinds |= 1u << (kind == JSON_FALSE ? JSON_TRUE : kind);
	}
	if (kinds & (1u << JSON_ARRAY | 1u << JSON_OBJECT))
		say(l, "\"enum\" holds arrays or objects");
	else if (kinds & (kinds - 1))
		say(l, "\"enum\" mixes types");
}

static void lint_range(struct lint *l, const struct json *s, const char *low,
		       const char *high)
{
	const struct json *from = get(s, low), *to = get(s, high);
	double least, most;

	if (from && !json_number(from, &least))
		say(l, "\"%s\" is not a number", low);
	else if (to && !json_number(to, &most))
		say(l, "\"%s\" is not a number", high);
	else if (from && to && least > most)
		say(l, "\"%s\" is more than \"%s\"", low, high);
}

static void lint_required(struct lint *l, const struct json *s)
{
	const struct json *all = get(s, "required");
	const struct json *has = get(s, "properties");

	if (!all)
		return;
	if (all->kind != JSON_ARRAY) {
		say(l, "\"required\" is not an array");
		return;
	}
	for (uint32_t i = 0; i < all->n; i++) {
		struct str name = json_text(all->v[i]);
		if (all->v[i]->kind != JSON_STRING)
			say(l, "\"required\" holds more than names");
		else if (!json_get(has, name))
			say(l,
			    "\"required\" names \"%.*s\", which is not in "
			    "\"properties\"",
			    (int)(name.n < 100 ? name.n : 100), name.p);
	}
}

static void lint_texts(struct lint *l, const struct json *s)
{
	static const char *const names[] = {"description", "title", "$id",
					    "pattern", "$ref"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct json *j = get(s, names[i]);
		if (j && j->kind != JSON_STRING)
			say(l, "\"%s\" is not a string", names[i]);
	}
}

static void lint_names(struct lint *l, const struct json *s, bool root)
{
	static const char *const allowed[] = {
		"type",	    "properties", "additionalProperties",
		"required", "$ref",	  "description",
		"items",    "anyOf",	  "enum",
		"$defs",    "title",	  "default",
		"maximum",  "minimum",	  "minItems",
		"maxItems", "minLength",  "maxLength",
		"$id",	    "pattern",
	};
	const size_t n = sizeof(allowed) / sizeof(*allowed);

	for (uint32_t i = 0; i < s->n; i++) {
		struct str key = s->v[i]->key;
		size_t k = 0;
		while (k < n && !str_eq(key, str_of(allowed[k])))
			k++;
		if (k == n)
			say(l, "\"%.*s\" is not a keyword of MFJS",
			    (int)(key.n < 100 ? key.n : 100), key.p);
		if (!root &&
		    (str_eq(key, STR("$defs")) || str_eq(key, STR("$id"))))
			say(l, "\"%.*s\" stands below the root", STR_ARG(key));
	}
}

/* ---- references ---- */

/* What "#" and "#/$defs/NAME" mean, the only ones there are. */
static const struct json *target(const struct lint *l, struct str ref)
{
	struct str defs = STR("#/$defs/");
	struct str name = str_skip(ref, defs.n);

	if (str_eq(ref, STR("#")))
		return l->root;
	if (!str_starts(ref, defs) || !name.n || memchr(name.p, '/', name.n))
		return NULL;
	return json_pointer(l->root, str_skip(ref, 1));
}

static void lint_ref(struct lint *l, const struct json *s, struct place *p)
{
	const struct json *ref = get(s, "$ref");
	struct str text =
		json_is(ref, JSON_STRING) ? json_text(ref) : (struct str){0};

	if (!text.p)
		return;
	p->to = target(l, text);
	if (!p->to)
		say(l, "\"$ref\" is neither \"#\" nor a name in \"$defs\"");
	p->at.p = str_dup(buf_str(&l->at));
	p->at.n = l->at.n;
}

/* ---- the walk ---- */

static void lint_schema(struct lint *l, const struct json *s, unsigned depth,
			bool may_be_empty);

static void lint_named(struct lint *l, const struct json *s, const char *word,
		       unsigned depth)
{
	const struct json *all = get(s, word);
	size_t back, inner;

	if (!all)
		return;
	if (all->kind != JSON_OBJECT) {
		say(l, "\"%s\" is not an object", word);
		return;
	}
	back = down(l, str_of(word));
	for (uint32_t i = 0; i < all->n; i++) {
		inner = down(l, all->v[i]->key);
		lint_schema(l, all->v[i], depth + 1, false);
		l->at.n = inner;
	}
	l->at.n = back;
	if (strcmp(word, "properties") == 0)
		l->keys += all->n;
}

static void lint_any_of(struct lint *l, const struct json *s, unsigned depth)
{
	const struct json *all = get(s, "anyOf");
	size_t back;

	if (!all)
		return;
	if (all->kind != JSON_ARRAY || !all->n) {
		say(l, "\"anyOf\" is not an array with elements");
		return;
	}
	if (all->n > MOST_ANY_OF)
		say(l, "\"anyOf\" has %u elements, more than %d", all->n,
		    MOST_ANY_OF);
	back = down(l, STR("anyOf"));
	for (uint32_t i = 0; i < all->n; i++) {
		const size_t inner = l->at.n;
		buf_addf(&l->at, "/%u", i);
		lint_schema(l, all->v[i], depth + 1, false);
		l->at.n = inner;
	}
	l->at.n = back;
}

static void lint_within(struct lint *l, const struct json *s, unsigned depth)
{
	const struct json *items = get(s, "items");
	const struct json *others = get(s, "additionalProperties");
	size_t back;

	lint_named(l, s, "properties", depth);
	lint_named(l, s, "$defs", depth);
	lint_any_of(l, s, depth);
	if (items) {
		back = down(l, STR("items"));
		lint_schema(l, items, depth + 1, false);
		l->at.n = back;
	}
	if (others && others->kind != JSON_TRUE && others->kind != JSON_FALSE) {
		back = down(l, STR("additionalProperties"));
		lint_schema(l, others, depth + 1, true);
		l->at.n = back;
	}
}

/* The new row is only good until the next one. */
static struct place *new_place(struct lint *l, const struct json *s)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->places = mem_grow(l->places, l->cap * sizeof(*l->places));
	}
	l->places[l->n] = (struct place){.json = s};
	return &l->places[l->n++];
}

static void lint_schema(struct lint *l, const struct json *s, unsigned depth,
			bool may_be_empty)
{
	if (s->kind != JSON_OBJECT) {
		say(l, "a schema is an object");
		return;
	}
	if (depth > MOST_DEPTH) {
		say(l, "nested more than %d deep", MOST_DEPTH);
		return;
	}
	lint_names(l, s, depth == 0);
	lint_ref(l, s, new_place(l, s));
	if (s->n == 0 && !may_be_empty)
		say(l, "an empty schema stands neither at the root nor in "
		       "\"additionalProperties\"");
	else if (s->n && !get(s, "type") && !get(s, "anyOf") && !get(s, "$ref"))
		say(l, "no \"type\"");
	lint_type(l, s);
	lint_enum(l, s);
	lint_texts(l, s);
	lint_required(l, s);
	lint_range(l, s, "minimum", "maximum");
	lint_range(l, s, "minLength", "maxLength");
	lint_range(l, s, "minItems", "maxItems");
	lint_within(l, s, depth);
}

/* ---- do references end? ---- */

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->json > y->json) - (x->json < y->json);
}

/* What is no place (wrong, and told so) is taken to end. */
static bool ends(const struct lint *l, const struct json *s)
{
	const struct place key = {.json = s};
	const struct place *p =
		s ? bsearch(&key, l->places, l->n, sizeof(key), by_address)
		  : NULL;

	return !p || p->ends;
}

static bool any_ends(struct lint *l, const struct json *all)
{
	l->work += all->n;
	for (uint32_t i = 0; i < all->n; i++) {
		if (ends(l, all->v[i]))
			return true;
	}
	return all->n == 0;
}

static bool required_end(struct lint *l, const struct json *s)
{
	const struct json *all = get(s, "required");
	const struct json *has = get(s, "properties");

	for (uint32_t i = 0; json_is(all, JSON_ARRAY) && i < all->n; i++) {
		l->work += has ? has->n : 0;
		if (!ends(l, json_get(has, json_text(all->v[i]))))
			return false;
	}
	return true;
}

static bool place_ends(struct lint *l, const struct place *p)
{
	const struct json *any = get(p->json, "anyOf");
	int64_t least;

	l->work++;
	if (p->to && !ends(l, p->to))
		return false;
	if (json_is(any, JSON_ARRAY) && !any_ends(l, any))
		return false;
	if (json_int(get(p->json, "minItems"), &least) && least > 0 &&
	    !ends(l, get(p->json, "items")))
		return false;
	return required_end(l, p->json);
}

static int by_text(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	const char *p = x->at.p ? x->at.p : "", *q = y->at.p ? y->at.p : "";

	return strcmp(p, q);
}

static void lint_ends(struct lint *l)
{
	bool more = l->n > 0;

	if (l->n)
		qsort(l->places, l->n, sizeof(*l->places), by_address);
	while (more && l->work < MOST_WORK) {
		more = false;
		for (size_t i = 0; i < l->n; i++) {
			struct place *p = &l->places[i];
			if (!p->ends && place_ends(l, p))
				p->ends = more = true;
		}
	}
	if (more) /* too much to tell */
		return;
	if (l->n)
		qsort(l->places, l->n, sizeof(*l->places), by_text);
	for (size_t i = 0; i < l->n; i++) {
		const struct place *p = &l->places[i];
		if (!p->to || p->ends)
			continue;
		l->at.n = 0;
		buf_adds(&l->at, p->at);
		say(l, "\"$ref\" leads to itself without an end");
	}
}

size_t mfjs_lint(const struct json *schema,
		 void (*say_it)(void *arg, struct str at, const char *text),
		 void *arg)
{
	struct lint l = {.say = say_it, .arg = arg, .root = schema};

	if (schema->raw.n > MOST_BYTES) {
		say(&l, "the schema has %zu bytes, more than %d", schema->raw.n,
		    MOST_BYTES);
		return l.said;
	}
	lint_schema(&l, schema, 0, true);
	if (l.keys > MOST_KEYS)
		say(&l, "the schema has %zu properties, more than %d", l.keys,
		    MOST_KEYS);
	lint_ends(&l);
	for (size_t i = 0; i < l.n; i++)
		free((char *)(uintptr_t)l.places[i].at.p);
	free(l.places);
	buf_free(&l.at);
	return l.said;
}
