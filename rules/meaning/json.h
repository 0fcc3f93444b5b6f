/* SPDX-License-Identifier: MIT */
/*
 * JSON as evidence: a tree whose nodes point into the very bytes that they
 * were read from. cJSON is not enough here: it cuts strings at \u0000, keeps
 * no offsets, rounds numbers, hides broken UTF-8, and costs a malloc a node.
 *
 *	struct json_doc *d = json_doc_new();
 *	const struct json *root = json_parse(d, text, NULL, &bad);
 *	if (!root)
 *		... bad.offset, bad.why ...
 *	const struct json *t = json_get(root, STR("temperature"));
 *	if (json_number(t, &v)) ...
 *	json_doc_free(d);		// all nodes with it
 *
 *	{"a":[1,"x"]}   object  n=1  v[0] -> array, key "a"
 *					array  n=2  v[0] -> number  raw "1"
 *						    v[1] -> string  raw "x"
 *
 * The text must outlive the tree. One thread a document. Nodes are immutable
 * but for json_text() and json_get(), which keep what they made.
 */
#ifndef MEANING_JSON_H
#define MEANING_JSON_H

#include "base/buf.h"

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	uint8_t kind;
	bool escaped;	 /* a string with backslashes: raw is not its text */
	bool surrogates; /* a string with a lone \uD800..\uDFFF */
	bool duplicates; /* an object that says a name twice */
	uint32_t n;	 /* elements or members */
	struct str raw;	 /* bytes in the source: a string's without quotes, a
			    number's text, the whole of anything else */
	struct str key;	 /* of a member: its name, decoded */
	struct json **v; /* n children, in order of the source */
	struct str text; /* json_text(): decoded, or p == NULL: not yet */
	struct json_doc *doc; /* whose memory text and sorted go to */
	struct json **sorted; /* json_get(): members by name, or NULL */
};

struct json_limits {
	unsigned max_depth; /* 0: 512 */
	size_t max_nodes;   /* 0: 4 million */
};

/* Where and why a text is not JSON. */
struct json_error {
	size_t offset;
	const char *why; /* static: "a string without its end" */
	bool limit;	 /* true: well-formed so far, but over a limit: what
			    follows is unknown, not wrong */
	bool truncated;	 /* the text ended before the value did */
};

struct json_doc;

struct json_doc *json_doc_new(void);
void json_doc_free(struct json_doc *d);
/* Forgets all trees; keeps some memory for the next. */
void json_doc_reset(struct json_doc *d);
/* Bytes that live as long as the document. */
void *json_doc_alloc(struct json_doc *d, size_t n);
/* Bytes that the document holds: for whoever bounds memory. */
size_t json_doc_size(const struct json_doc *d);

/*
 * RFC 8259, strict: one value, white space around it. Bytes that are not
 * UTF-8 inside strings are an error ("not UTF-8"); a lone surrogate escape is
 * not (RFC 8259, 8.2), but is marked. Several texts may be parsed into one
 * document. limits NULL: the defaults. NULL with *e filled in.
 */
const struct json *json_parse(struct json_doc *d, struct str text,
			      const struct json_limits *limits,
			      struct json_error *e);

/*
 * An array or object made of nodes that exist already, as of other documents
 * (which must outlive it); raw is what the caller gives.
 */
struct json *json_make(struct json_doc *d, enum json_kind kind, uint32_t n,
		       struct str raw);

/* The member of that name; of duplicates the last, as clients read it. NULL
 * if o is NULL, no object, or has none. */
const struct json *json_get(const struct json *o, struct str name);
/* RFC 6901; "" is the node itself. NULL: nothing there. */
const struct json *json_pointer(const struct json *from, struct str pointer);

/* Decoded; empty for anything but a string. A lone surrogate becomes U+FFFD;
 * \u0000 is a byte like others. */
struct str json_text(const struct json *s);
static inline bool json_is(const struct json *j, enum json_kind k)
{
	return j && j->kind == k;
}
/* Is it this string? */
bool json_says(const struct json *j, struct str text);
bool json_number(const struct json *j, double *out);
/* A number without a fractional part that fits (1.0 and 1e2 too). */
bool json_int(const struct json *j, int64_t *out);
bool json_bool(const struct json *j, bool *out);

/* Equal as values: numbers by value (exactly, also beyond a double's), member
 * order and escapes ignored. */
bool json_equal(const struct json *a, const struct json *b);
/* The same for values that are equal. XXH64. */
uint64_t json_hash(const struct json *j);

/* Appends it: compact, members in order, numbers as they were written. */
void json_write(struct buf *to, const struct json *j);

/* Offset of the first byte that is not part of valid UTF-8; s.n if none. */
size_t utf8_check(struct str s);

#endif
