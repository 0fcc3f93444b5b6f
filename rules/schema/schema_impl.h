/* SPDX-License-Identifier: MIT */
/*
 * What the files that implement schema.h share. Nobody else includes it.
 *
 *	{"type": "object",
 *	 "properties": {"n": {"$ref": "#/$defs/a"}},
 *	 "$defs": {"a": {"minimum": 3}}}
 *
 *	node --- type object
 *	     '-- members  n --> node --- $ref --> node --- minimum 3
 *
 * A node is a schema object, a keyword one of its members, or several that
 * are judged in one walk (properties, patternProperties and
 * additionalProperties). All nodes belong to a resource: a root, or whatever
 * has an $id.
 */
#ifndef SCHEMA_IMPL_H
#define SCHEMA_IMPL_H

#include "rules/schema/decimal.h"
#include "rules/schema/regex.h"
#include "rules/schema/schema.h"

struct run;
struct frame;
struct node;

/* Which drafts a keyword has been in, unchanged, since when. */
enum draft { DRAFT_4, DRAFT_6, DRAFT_7, DRAFT_2019, DRAFT_2020 };

struct anchor {
	struct str name;
	struct node *node;
	bool dynamic;
	struct anchor *next;
};

struct resource {
	struct str uri; /* absolute if the schema says so; no fragment */
	enum draft draft;
	struct node *root;
	struct anchor *anchors;
	struct resource *next;
};

struct node_list {
	struct node **v;
	uint32_t n;
};

struct named_node {
	struct str name;
	struct node *node;
};

struct pattern_node {
	struct regex *regex;
	struct node *node;
};

struct members {
	struct named_node *named; /* sorted */
	uint32_t n_named;
	struct pattern_node *patterns;
	uint32_t n_patterns;
	struct node *others; /* additionalProperties, or NULL */
};

struct elements {
	struct node_list prefix;
	struct node *others; /* items, or NULL */
};

struct contains {
	struct node *node;
	uint64_t least, most;
};

struct choice {
	struct node *when, *then, *otherwise; /* the latter two or NULL */
};

/* dependentRequired or dependentSchemas, one member of it. */
struct dependent {
	struct str name;
	const struct json *required; /* an array of strings, or NULL */
	struct node *node;
};

struct dependents {
	struct dependent *v;
	uint32_t n;
};

struct ref {
	struct node *to;
	struct str dynamic; /* $dynamicRef to a $dynamicAnchor: its name */
};

struct keyword;
typedef enum schema_verdict check_fn(struct run *r, const struct keyword *k,
				     struct frame *f);

struct keyword {
	const char *name;
	check_fn *check;
	const struct json *value;
	union {
		unsigned types; /* bits: 1 << json_kind, TYPE_WHOLE */
		struct decimal number;
		uint64_t count;
		struct regex *regex;
		struct node *node;
		struct node_list list;
		struct members members;
		struct elements elements;
		struct contains contains;
		struct choice choice;
		struct dependents dependents;
		struct ref ref;
	};
};

#define TYPE_WHOLE (1u << 16) /* "integer" */

enum node_kind { NODE_KEYWORDS, NODE_TRUE, NODE_FALSE };

struct node {
	const struct json *json;
	struct resource *res;
	struct keyword *keywords;
	uint32_t n;
	uint8_t kind;
	bool unevaluated; /* it asks what its other keywords looked at */
};

struct regex_owned {
	struct regex *regex;
	struct regex_owned *next;
};

#define SCHEMA_MAGIC 0x53434845u

struct schema {
	unsigned magic;
	struct json_doc *doc; /* whose memory all the above lies in */
	struct schema_options options;
	const struct json *json;
	struct node *root;
	struct resource *resources;
	struct regex_owned *regexes;
};

/* ---- compiling: schema.c, schema_refs.c, schema_keywords.c ---- */

struct pending {
	struct node *from;
	struct keyword *keyword;
	struct pending *next;
};

struct build {
	struct schema *schema;
	struct fail *fail;
	struct node **nodes; /* by the address of their JSON; open addressing */
	size_t n_nodes, cap;
	struct pending *pending;
	uint64_t steps; /* that are left */
	unsigned depth, resources, anchors, patterns;
};

/* Fills in fail, names keyword and place, returns false. */
bool build_bad(struct build *b, const struct json *at, const char *keyword,
	       const char *what);
bool build_unknown(struct build *b, const struct json *at, const char *keyword,
		   const char *what);
bool build_spend(struct build *b, const struct node *n, uint64_t steps);
void *build_alloc(struct build *b, size_t n, size_t size);

/* The node of a schema that lies in `res`; compiled now if it was not. */
struct node *build_node(struct build *b, const struct json *json,
			struct resource *res);
/* One that was compiled already, or NULL. */
struct node *build_find(const struct build *b, const struct json *json);
/* The root of a document, a resource of its own. */
struct node *build_root(struct build *b, const struct json *json,
			struct str uri);

/* $schema, $id, $anchor, $dynamicAnchor: before the keywords. */
bool refs_enter(struct build *b, struct node *n);
/* Finds what a pending $ref means; may compile, and add to the pending. */
bool refs_resolve(struct build *b, const struct pending *p);

bool keywords_compile(struct build *b, struct node *n);

/* ---- checking: schema_check.c, schema_members.c, schema_assert.c ---- */

struct run {
	const struct schema *schema;
	const struct json *instance;
	struct schema_fault *fault; /* or NULL */
	uint64_t steps;		    /* that are left */
	unsigned depth;
	unsigned quiet; /* > 0: a branch whose faults are not the answer */
};

/*
 * A node at work. `seen` has a bit for each child of the instance that a
 * keyword looked at; NULL if nobody asks.
 */
struct frame {
	const struct frame *up;
	const struct node *node;
	const struct json *instance;
	uint64_t *seen;
};

/* `keyword` is what led to the node: the word for a schema of `false`. */
enum schema_verdict run_node(struct run *r, const struct node *n,
			     const struct json *instance,
			     const struct frame *up, const char *keyword);
/* The same, but its faults are not told. */
enum schema_verdict run_quietly(struct run *r, const struct node *n,
				const struct json *instance,
				const struct frame *up, const char *keyword);

bool run_spend(struct run *r, uint64_t steps);
/* Fills in the fault, unless there is none or r is quiet; SCHEMA_INVALID. */
enum schema_verdict run_fault(struct run *r, const struct json *at,
			      const char *keyword, const char *expected, ...)
	__attribute__((format(printf, 4, 5)));
/* Instead of the excerpt that run_fault() wrote. */
enum schema_verdict run_observe(struct run *r, const char *observed, ...)
	__attribute__((format(printf, 2, 3)));
enum schema_verdict run_unknown(struct run *r, const char *what,
				const char *why);

static inline void frame_saw(struct frame *f, uint32_t i)
{
	if (f->seen)
		f->seen[i / 64] |= 1ull << i % 64;
}

/* A member that a later one of the same name hides. */
static inline bool is_hidden(const struct json *o, const struct json *member)
{
	return o->duplicates && json_get(o, member->key) != member;
}

/* What a pattern says to a text, paid for. */
enum schema_verdict run_regex(struct run *r, const struct regex *regex,
			      struct str text);

check_fn check_type, check_enum, check_const, check_minimum, check_maximum,
	check_above, check_below, check_multiple, check_min_length,
	check_max_length, check_pattern, check_min_items, check_max_items,
	check_unique, check_min_members, check_max_members, check_required;
check_fn check_members, check_names, check_dependents, check_elements,
	check_contains, check_unevaluated_members, check_unevaluated_elements;
check_fn check_all, check_any, check_one, check_not, check_choice, check_ref;

/* ---- telling: schema_tell.c ---- */

/* JSON pointer from root to node, cut to fit; "" if it is not there. */
void tell_pointer(char *out, size_t cap, const struct json *root,
		  const struct json *node);
/* What a value looks like, cut to fit. */
void tell_value(char *out, size_t cap, const struct json *j);
/* "integer or null", of the bits of a keyword's types. */
#define TELL_TYPES 96
void tell_types(char out[TELL_TYPES], unsigned types);

#endif
