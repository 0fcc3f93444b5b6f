/* SPDX-License-Identifier: MIT */
/*
 * What the files that implement request.h share. Nobody else includes it.
 *
 * A request is read in one walk over its text. Only the grammar of the two
 * outermost levels is known here; every value below them is cut out by
 * skim_value() and read by json_parse(), strictly:
 *
 *	{ "model": V , "messages": [ E , E , E ] , "tools": V }
 *		   |		     |	 |   |		    |
 *		   |		     '---'---'- messages    '- members
 *		   '- parsed where it stands
 *
 * What a value means depends on its bytes alone, and a string, an array or an
 * object ends with its own last byte. So a value that was read before can be
 * taken as it is wherever the same bytes stand where a value must.
 */
#ifndef MEANING_REQUEST_IMPL_H
#define MEANING_REQUEST_IMPL_H

#include "base/mem.h"
#include "rules/meaning/request.h"

enum {
	REQUEST_MOST = 64 << 20,       /* bytes of a body, decoded */
	REQUEST_MOST_COST = 256 << 20, /* bytes of its trees */
	REQUEST_MOST_NODES = 2 << 20,  /* of one value */
	REQUEST_MOST_DEPTH = 512,
	REQUEST_MOST_MESSAGES = 1 << 16,
	REQUEST_MOST_MEMBERS = 1024,
	MEMBER_LEAST = 1024, /* bytes of a member that is worth sharing */
};

/* A large member of the outermost object (tools), shared like a message. */
struct member {
	unsigned refs;
	struct json_doc *doc;
	struct json *node;
	uint64_t head;	/* hash of its first MEMBER_LEAST bytes */
	uint64_t bytes; /* and of all of it */
	size_t cost;
};
void member_unref(struct member *m);

/* What q->impl points to. */
struct request_parts {
	struct json_doc *doc;	 /* small members, and what is put together */
	struct member **members; /* large ones, referenced */
	size_t n_members;
};

/* Room for one more of n things; capacities are powers of two. */
static inline void *room_for_one(void *p, size_t n, size_t size)
{
	return n & (n - 1) ? p : mem_grow(p, (n ? 2 * n : 1) * size);
}

/* ---- request_skim.c: text, not yet understood ---- */

size_t skim_space(struct str s, size_t at);
/* The end of the value that begins at `at`, if there is one; 0: there is none.
 * A value that is not JSON has any end. */
size_t skim_value(struct str s, size_t at);
/* Does this very value, a string, array or object, stand there? Its end, or
 * 0. */
size_t skim_same(struct str s, size_t at, const struct json *value);

/* ---- request_message.c ---- */

struct message *message_new(void);
struct message *message_ref(struct message *m);
void message_unref(struct message *m);
/* Adds an element; the document is taken. */
void message_add(struct message *m, struct json_doc *doc, struct json *node);
/* Who speaks in an element. */
enum role message_role(enum dialect d, const struct json *element);
/* Fills in what the elements say, once all are there. scratch is reset. */
void message_read(struct message *m, enum dialect d, enum role role,
		  struct json_doc *scratch);
/* Bytes that it holds, when it was made. */
size_t message_cost(const struct message *m);

/* ---- request_hash.c ---- */

/* What identifies arguments: their value if they are JSON, else their bytes. */
uint64_t arguments_hash(struct str text, struct json_doc *scratch);

/* What identifies a message. */
struct identity {
	enum role role;
	const struct str *texts; /* one after another, as if they were one */
	size_t n_texts;
	uint64_t others; /* of all that is neither text nor call */
};
uint64_t identity_begin(const struct identity *i);
uint64_t identity_call(uint64_t hash, struct str id, struct str name,
		       uint64_t arguments);
/* Of an image, a file and so on; cache_control aside. */
uint64_t part_hash(const struct json *part);
uint64_t text_hash(struct str text);
/* Of a value as it is written. */
uint64_t bytes_hash(const struct json *value);

/* ---- request_fields.c ---- */

/* What q->root and q->messages say, into q. */
void request_fields(struct request *q);

/* ---- request_walk.c ---- */

struct message_list {
	struct message **v;
	size_t n;
	bool top; /* the first is of instructions or system */
};

/*
 * Reads q->body: fills in root, messages, at, n_shared, bytes_unseen, or why
 * not. `earlier`: messages that are taken where they stand again, or NULL.
 * Returns whether the first message is of instructions or system.
 */
bool request_walk(struct request *q, const struct message_list *earlier,
		  struct request_memory *memory);

/* ---- request_memory.c ---- */

/* Hashes of a text's beginnings, at lengths that grow by an eighth: */
enum { PREFIXES_MOST = 160 };
struct prefixes {
	uint64_t v[PREFIXES_MOST];
	unsigned n;
};
void prefixes_of(struct prefixes *p, enum dialect d, struct str text);

/* The messages of what was read before and begins alike, or NULL. Borrowed
 * until memory_keep(). */
const struct message_list *memory_find(struct request_memory *m,
				       const struct prefixes *p);
void memory_keep(struct request_memory *m, const struct prefixes *p,
		 const struct message_list *list);
/* A member of that name that stands at s[at], referenced, or NULL. */
struct member *memory_member(struct request_memory *m, struct str name,
			     struct str s, size_t at);
void memory_keep_member(struct request_memory *m, struct member *member);
uint64_t member_head(struct str s, size_t at);

#endif
