/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share. Nobody else includes it.
 *
 *	text --json_parse--> tree --pack_read()--> struct file
 *				      |		      |
 *				  every fault	 packs_take()
 *				  with its line	      v
 *						 struct packs: v[], rules[]
 *
 * Reading and linting are one: what lint does not complain of is what is
 * used.
 */
#ifndef PACK_PACK_IMPL_H
#define PACK_PACK_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "rules/pack/pack.h"

#define PACKS_MAGIC 0x5041434bu

enum { PACK_MODES = 8, PACK_SEEN = 256 };

/* A pack and what it is made of. */
struct file {
	struct pack pack; /* first: a struct pack * of packs is one of these */
	char *text;	  /* what the tree points into */
	struct json_doc *doc;
	/* The pack of the same name that was there before, whose rules this
	 * one adds to; or NULL. */
	const struct pack *amends;
};

struct pin {
	char *upstream; /* NULL: every one */
	const struct pack *pack;
};

/* What packs_select() answered last for some traffic. */
struct seen {
	char *key;
	const struct ruleset *set;
};

struct packs {
	unsigned magic;
	atomic_uint refs;
	struct file **v;
	size_t n;
	/* By number; a rule that another took the place of is not here. */
	const struct rule **rules;
	unsigned n_rules;
	struct pin *pins;
	size_t n_pins;
	char digest[65];
	pthread_mutex_t lock; /* over what follows */
	struct ruleset **sets;
	size_t n_sets;
	struct seen seen[PACK_SEEN];
};

typedef void say_fn(void *arg, unsigned line, const char *why);

/* A text that is being read. */
struct reading {
	struct str text;
	say_fn *say;
	void *arg;
	size_t faults;
	const struct packs *others; /* for "extends" and names that are taken */
	struct file *file;	    /* what it is read into */
};

/* Complains of a node. */
void fault(struct reading *r, const struct json *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A member that an object may or must have. */
enum {
	KIND_TEXT = 1 << JSON_STRING,
	KIND_NUMBER = 1 << JSON_NUMBER,
	KIND_BOOL = 1 << JSON_TRUE | 1 << JSON_FALSE,
	KIND_LIST = 1 << JSON_ARRAY,
	KIND_OBJECT = 1 << JSON_OBJECT,
	KIND_SCHEMA = KIND_OBJECT | KIND_BOOL,
};
struct member {
	const char *name;
	unsigned kinds;
	bool must;
};

/* Is it an object of these members? Complains of unknown names, doubled ones,
 * wrong kinds and missing ones. False: it is no object at all. */
bool members_read(struct reading *r, const struct json *o, const char *what,
		  const struct member *members, unsigned n);
/* A member's text if it is one of the words, as their index; else -1, with a
 * complaint if it is there. */
int word_read(struct reading *r, const struct json *o, const char *name,
	      const char *const *words, unsigned n);
/* The same of a node itself. */
int word_is(struct reading *r, const struct json *node, const char *what,
	    const char *const *words, unsigned n);
/* Complains of elements that are not text; of an empty list. */
bool texts_read(struct reading *r, const struct json *list, const char *what);
/* The same for globs over names in lower case. */
bool globs_read(struct reading *r, const struct json *list, const char *what);
/* NULL: none, or complained of. */
struct schema *schema_read(struct reading *r, const struct json *node);

/* `id` is the rule's name in this pack: another's when it is inherited. */
void rule_read(struct reading *r, const struct json *node, struct str id,
	       struct rule *out);
/* "assert": {"schema":...} or {"check":...}. */
void assert_read(struct reading *r, const struct json *node, struct rule *out);
void probe_read(struct reading *r, const struct json *list);

/* NULL if there was anything to complain of; how much in *faults. */
struct file *pack_read(const struct packs *others, struct str text,
		       const char *path, say_fn *say, void *arg,
		       size_t *faults);
void file_free(struct file *f);

/* A shipped pack, as the build put it into the binary. */
struct shipped {
	const char *name; /* "wire.json" */
	const unsigned char *text;
	size_t n;
};
extern const struct shipped shipped_packs[];
extern const unsigned shipped_packs_n;

/* Forgets what selections were made: the rules have changed. */
void packs_forget(struct packs *p);
void packs_digest_make(struct packs *p);
bool globs_match(const struct json *globs, struct str text);

extern const char *const pack_mode_names[3];

#endif
