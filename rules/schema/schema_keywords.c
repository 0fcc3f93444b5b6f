/* SPDX-License-Identifier: MIT */
/* Keywords into nodes: what each must look like, and who checks it. */
#include <stdlib.h>

#include "rules/schema/schema_impl.h"

/* Fills *k in; k->check is who will check it, or becomes NULL. */
typedef bool compile_fn(struct build *b, struct node *n, struct keyword *k);

#define PATTERNS_MAX 4096

static bool bad(struct build *b, const struct node *n, const struct keyword *k,
		const char *what)
{
	return build_bad(b, n->json, k->name, what);
}

/* ---- single values ---- */

static bool type_bit(const struct json *j, unsigned *types)
{
	static const struct {
		const char *name;
		unsigned bits;
	} known[] = {
		{"null", 1u << JSON_NULL},
		{"boolean", 1u << JSON_FALSE | 1u << JSON_TRUE},
		{"number", 1u << JSON_NUMBER},
		{"integer", TYPE_WHOLE},
		{"string", 1u << JSON_STRING},
		{"array", 1u << JSON_ARRAY},
		{"object", 1u << JSON_OBJECT},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (json_says(j, str_of(known[i].name))) {
			*types |= known[i].bits;
			return true;
		}
	}
	return false;
}

static bool compile_type(struct build *b, struct node *n, struct keyword *k)
{
	bool good = k->value->kind == JSON_STRING
			    ? type_bit(k->value, &k->types)
			    : k->value->kind == JSON_ARRAY && k->value->n;

	for (uint32_t i = 0;
	     good && k->value->kind == JSON_ARRAY && i < k->value->n; i++)
		good = type_bit(k->value->v[i], &k->types);
	return good || bad(b, n, k, "must name types");
}

static bool compile_enum(struct build *b, struct node *n, struct keyword *k)
{
	return k->value->kind == JSON_ARRAY || bad(b, n, k, "must be an array");
}

static bool compile_number(struct build *b, struct node *n, struct keyword *k)
{
	if (k->value->kind != JSON_NUMBER)
		return bad(b, n, k, "must be a number");
	return decimal_of(k->value->raw, &k->number) ||
	       build_unknown(b, n->json, k->name, "out of all proportion");
}

/* true and false are draft 4's, where they say how to read the neighbour. */
static bool compile_exclusive(struct build *b, struct node *n,
			      struct keyword *k)
{
	if (k->value->kind == JSON_FALSE)
		k->check = NULL;
	if (k->value->kind == JSON_TRUE)
		return build_unknown(b, n->json, k->name,
				     "a boolean, as in draft 4");
	return !k->check || compile_number(b, n, k);
}

static bool compile_multiple(struct build *b, struct node *n, struct keyword *k)
{
	if (!compile_number(b, n, k))
		return false;
	return (k->number.digits.n && !k->number.negative) ||
	       bad(b, n, k, "must be more than 0");
}

static bool compile_count(struct build *b, struct node *n, struct keyword *k)
{
	int64_t v;

	if (k->value->kind != JSON_NUMBER)
		return bad(b, n, k, "must be a whole number");
	if (!json_int(k->value, &v))
		return build_unknown(b, n->json, k->name,
				     "not a whole number that fits");
	k->count = (uint64_t)v;
	return v >= 0 || bad(b, n, k, "must not be negative");
}

static struct regex *regex(struct build *b, const struct node *n,
			   const struct keyword *k, struct str pattern)
{
	struct regex_owned *owned;
	struct fail why;
	struct regex *r;

	if (!build_spend(b, n, 200 + pattern.n))
		return NULL;
	if (b->patterns++ >= PATTERNS_MAX) {
		build_unknown(b, n->json, k->name, "too many patterns");
		return NULL;
	}
	r = regex_compile(pattern, &why);
	if (!r) {
		if (strcmp(why.code, "pattern_unknown") == 0)
			build_unknown(b, n->json, k->name, why.text);
		else
			build_bad(b, n->json, k->name, why.text);
		return NULL;
	}
	owned = build_alloc(b, 1, sizeof(*owned));
	*owned = (struct regex_owned){r, b->schema->regexes};
	b->schema->regexes = owned;
	return r;
}

static bool compile_pattern(struct build *b, struct node *n, struct keyword *k)
{
	if (k->value->kind != JSON_STRING)
		return bad(b, n, k, "must be a string");
	k->regex = regex(b, n, k, json_text(k->value));
	return k->regex;
}

static bool compile_unique(struct build *b, struct node *n, struct keyword *k)
{
	bool wanted;

	if (!json_bool(k->value, &wanted))
		return bad(b, n, k, "must be true or false");
	if (!wanted)
		k->check = NULL;
	return true;
}

static bool is_strings(const struct json *j)
{
	if (j->kind != JSON_ARRAY)
		return false;
	for (uint32_t i = 0; i < j->n; i++) {
		if (j->v[i]->kind != JSON_STRING)
			return false;
	}
	return true;
}

static bool compile_required(struct build *b, struct node *n, struct keyword *k)
{
	return is_strings(k->value) ||
	       bad(b, n, k, "must be an array of strings");
}

/* ---- schemas within ---- */

static bool compile_defs(struct build *b, struct node *n, struct keyword *k)
{
	if (k->value->kind != JSON_OBJECT)
		return bad(b, n, k, "must be an object");
	for (uint32_t i = 0; i < k->value->n; i++) {
		if (!build_node(b, k->value->v[i], n->res))
			return false;
	}
	k->check = NULL;
	return true;
}

static bool list(struct build *b, struct node *n, struct keyword *k,
		 const struct json *from, struct node_list *to)
{
	if (from->kind != JSON_ARRAY || !from->n)
		return bad(b, n, k, "must be an array of schemas");
	to->v = build_alloc(b, from->n, sizeof(struct node *));
	to->n = from->n;
	for (uint32_t i = 0; i < from->n; i++) {
		to->v[i] = build_node(b, from->v[i], n->res);
		if (!to->v[i])
			return false;
	}
	return true;
}

static bool compile_list(struct build *b, struct node *n, struct keyword *k)
{
	return list(b, n, k, k->value, &k->list);
}

static bool compile_node(struct build *b, struct node *n, struct keyword *k)
{
	k->node = build_node(b, k->value, n->res);
	return k->node;
}

static bool compile_unevaluated(struct build *b, struct node *n,
				struct keyword *k)
{
	n->unevaluated = true;
	return compile_node(b, n, k);
}

/* The node of a neighbour; *to stays NULL if there is none. */
static bool neighbour(struct build *b, struct node *n, const char *name,
		      struct node **to)
{
	const struct json *j = json_get(n->json, str_of(name));

	if (j)
		*to = build_node(b, j, n->res);
	return !j || *to;
}

/* The first of some neighbours builds what they say together. */
static bool is_built(const struct node *n, struct keyword *k)
{
	for (uint32_t i = 0; i < n->n; i++) {
		if (n->keywords[i].check == k->check) {
			k->check = NULL;
			return true;
		}
	}
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct named_node *x = a, *y = b;

	if (x->name.n != y->name.n)
		return x->name.n < y->name.n ? -1 : 1;
	return x->name.n ? memcmp(x->name.p, y->name.p, x->name.n) : 0;
}

static bool named_nodes(struct build *b, struct node *n, struct keyword *k,
			const struct json *from)
{
	struct members *m = &k->members;

	if (from->kind != JSON_OBJECT)
		return bad(b, n, k, "must be an object");
	m->named = build_alloc(b, from->n, sizeof(*m->named));
	for (uint32_t i = 0; i < from->n; i++) {
		struct node *at;
		at = build_node(b, from->v[i], n->res);
		if (!at)
			return false;
		if (!is_hidden(from, from->v[i]))
			m->named[m->n_named++] =
				(struct named_node){from->v[i]->key, at};
	}
	qsort(m->named, m->n_named, sizeof(*m->named), by_name);
	return true;
}

static bool pattern_nodes(struct build *b, struct node *n, struct keyword *k,
			  const struct json *from)
{
	struct members *m = &k->members;

	if (from->kind != JSON_OBJECT)
		return bad(b, n, k, "must be an object");
	m->patterns = build_alloc(b, from->n, sizeof(*m->patterns));
	for (uint32_t i = 0; i < from->n; i++) {
		struct pattern_node *p = &m->patterns[m->n_patterns++];
		p->regex = regex(b, n, k, from->v[i]->key);
		p->node = p->regex ? build_node(b, from->v[i], n->res) : NULL;
		if (!p->node)
			return false;
	}
	return true;
}

static bool compile_members(struct build *b, struct node *n, struct keyword *k)
{
	const struct json *named = json_get(n->json, STR("properties"));
	const struct json *patterns =
		json_get(n->json, STR("patternProperties"));

	if (is_built(n, k))
		return true;
	if (named && !named_nodes(b, n, k, named))
		return false;
	if (patterns && !pattern_nodes(b, n, k, patterns))
		return false;
	return neighbour(b, n, "additionalProperties", &k->members.others);
}

static bool compile_elements(struct build *b, struct node *n, struct keyword *k)
{
	const struct json *prefix = json_get(n->json, STR("prefixItems"));

	if (is_built(n, k))
		return true;
	if (json_is(json_get(n->json, STR("items")), JSON_ARRAY))
		return build_unknown(b, n->json, "items",
				     "an array, as in older drafts");
	if (prefix && !list(b, n, k, prefix, &k->elements.prefix))
		return false;
	return neighbour(b, n, "items", &k->elements.others);
}

static bool bound(struct build *b, struct node *n, const char *name,
		  uint64_t *to)
{
	struct keyword k = {.name = name,
			    .value = json_get(n->json, str_of(name))};

	if (!k.value)
		return true;
	if (!compile_count(b, n, &k))
		return false;
	*to = k.count;
	return true;
}

static bool compile_contains(struct build *b, struct node *n, struct keyword *k)
{
	struct contains *c = &k->contains;

	*c = (struct contains){NULL, 1, UINT64_MAX};
	return bound(b, n, "minContains", &c->least) &&
	       bound(b, n, "maxContains", &c->most) &&
	       neighbour(b, n, "contains", &c->node);
}

/* `then` and `else` without `if` are nothing, but may hold definitions. */
static bool compile_choice(struct build *b, struct node *n, struct keyword *k)
{
	struct choice *c = &k->choice;

	if (is_built(n, k))
		return true;
	if (!neighbour(b, n, "if", &c->when) ||
	    !neighbour(b, n, "then", &c->then) ||
	    !neighbour(b, n, "else", &c->otherwise))
		return false;
	if (!c->when)
		k->check = NULL;
	return true;
}

static bool dependents(struct build *b, struct node *n, struct keyword *k,
		       bool schemas)
{
	struct dependents *d = &k->dependents;
	const struct json *from = k->value;

	if (from->kind != JSON_OBJECT)
		return bad(b, n, k, "must be an object");
	d->v = build_alloc(b, from->n, sizeof(*d->v));
	for (uint32_t i = 0; i < from->n; i++) {
		struct dependent *one = &d->v[d->n++];
		one->name = from->v[i]->key;
		if (schemas) {
			one->node = build_node(b, from->v[i], n->res);
			if (!one->node)
				return false;
		} else if (is_strings(from->v[i])) {
			one->required = from->v[i];
		} else {
			return bad(b, n, k, "must hold arrays of strings");
		}
	}
	return true;
}

static bool compile_dependent_required(struct build *b, struct node *n,
				       struct keyword *k)
{
	return dependents(b, n, k, false);
}

static bool compile_dependent_schemas(struct build *b, struct node *n,
				      struct keyword *k)
{
	return dependents(b, n, k, true);
}

/* Whom it means is found when all that could be meant is known. */
static bool compile_ref(struct build *b, struct node *n, struct keyword *k)
{
	struct pending *p;

	if (k->value->kind != JSON_STRING)
		return bad(b, n, k, "must be a string");
	p = build_alloc(b, 1, sizeof(*p));
	*p = (struct pending){n, k, b->pending};
	b->pending = p;
	return true;
}

/* ---- the table ---- */

struct row {
	const char *name;
	enum draft since;
	compile_fn *compile; /* NULL: any value will do */
	check_fn *check;     /* NULL: its neighbours look at it, or nobody */
};

static const struct row rows[] = {
	{"type", DRAFT_4, compile_type, check_type},
	{"properties", DRAFT_4, compile_members, check_members},
	{"required", DRAFT_4, compile_required, check_required},
	{"items", DRAFT_4, compile_elements, check_elements},
	{"enum", DRAFT_4, compile_enum, check_enum},
	{"additionalProperties", DRAFT_4, compile_members, check_members},
	{"$ref", DRAFT_4, compile_ref, check_ref},
	{"anyOf", DRAFT_4, compile_list, check_any},
	{"allOf", DRAFT_4, compile_list, check_all},
	{"oneOf", DRAFT_4, compile_list, check_one},
	{"not", DRAFT_4, compile_node, check_not},
	{"minimum", DRAFT_4, compile_number, check_minimum},
	{"maximum", DRAFT_4, compile_number, check_maximum},
	{"minLength", DRAFT_4, compile_count, check_min_length},
	{"maxLength", DRAFT_4, compile_count, check_max_length},
	{"pattern", DRAFT_4, compile_pattern, check_pattern},
	{"minItems", DRAFT_4, compile_count, check_min_items},
	{"maxItems", DRAFT_4, compile_count, check_max_items},
	{"uniqueItems", DRAFT_4, compile_unique, check_unique},
	{"minProperties", DRAFT_4, compile_count, check_min_members},
	{"maxProperties", DRAFT_4, compile_count, check_max_members},
	{"multipleOf", DRAFT_4, compile_multiple, check_multiple},
	{"patternProperties", DRAFT_4, compile_members, check_members},
	{"$defs", DRAFT_4, compile_defs, NULL},
	{"definitions", DRAFT_4, compile_defs, NULL},
	{"const", DRAFT_6, NULL, check_const},
	{"exclusiveMinimum", DRAFT_6, compile_exclusive, check_above},
	{"exclusiveMaximum", DRAFT_6, compile_exclusive, check_below},
	{"contains", DRAFT_6, compile_contains, check_contains},
	{"propertyNames", DRAFT_6, compile_node, check_names},
	{"if", DRAFT_7, compile_choice, check_choice},
	{"then", DRAFT_7, compile_choice, check_choice},
	{"else", DRAFT_7, compile_choice, check_choice},
	{"dependentRequired", DRAFT_2019, compile_dependent_required,
	 check_dependents},
	{"dependentSchemas", DRAFT_2019, compile_dependent_schemas,
	 check_dependents},
	{"minContains", DRAFT_2019, NULL, NULL},
	{"maxContains", DRAFT_2019, NULL, NULL},
	{"unevaluatedProperties", DRAFT_2019, compile_unevaluated,
	 check_unevaluated_members},
	{"$anchor", DRAFT_2019, NULL, NULL},
	{"unevaluatedItems", DRAFT_2020, compile_unevaluated,
	 check_unevaluated_elements},
	{"prefixItems", DRAFT_2020, compile_elements, check_elements},
	{"$dynamicRef", DRAFT_2020, compile_ref, check_ref},
	{"$dynamicAnchor", DRAFT_2020, NULL, NULL},
};

/* Words that meant something until a draft, and nothing since. */
static const struct {
	const char *name;
	enum draft until;
} gone[] = {
	{"id", DRAFT_4},
	{"dependencies", DRAFT_7},
	{"$recursiveRef", DRAFT_2019},
};

static const struct row *find_row(struct str name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (str_eq(name, str_of(rows[i].name)))
			return &rows[i];
	}
	return NULL;
}

static bool is_gone(struct str name, enum draft d)
{
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++) {
		if (d <= gone[i].until && str_eq(name, str_of(gone[i].name)))
			return true;
	}
	return false;
}

/* Until draft 7, $ref silenced its neighbours. */
static bool is_silenced(const struct node *n, const struct row *row)
{
	return n->res->draft <= DRAFT_7 && row->compile != compile_ref &&
	       row->compile != compile_defs && json_get(n->json, STR("$ref"));
}

static bool compile_one_keyword(struct build *b, struct node *n,
				const struct json *value, const struct row *row)
{
	struct keyword *k = &n->keywords[n->n];

	if (row->since > n->res->draft || is_silenced(n, row))
		return build_unknown(b, n->json, row->name,
				     "means another thing in the draft that "
				     "$schema names");
	*k = (struct keyword){
		.name = row->name, .value = value, .check = row->check};
	if (row->compile && !row->compile(b, n, k))
		return false;
	n->n += k->check != NULL;
	return true;
}

/* In the order of the schema, but those that ask what the others saw last. */
bool keywords_compile(struct build *b, struct node *n)
{
	n->keywords = build_alloc(b, n->json->n, sizeof(*n->keywords));
	for (unsigned last = 0; last < 2; last++) {
		for (uint32_t i = 0; i < n->json->n; i++) {
			const struct json *value = n->json->v[i];
			const struct row *row = find_row(value->key);
			if (is_gone(value->key, n->res->draft))
				return build_unknown(b, n->json, "$schema",
						     "an older draft's words");
			if (!row ||
			    (row->compile == compile_unevaluated) != last)
				continue;
			if (is_hidden(n->json, value))
				continue;
			if (!compile_one_keyword(b, n, value, row))
				return false;
		}
	}
	return true;
}
