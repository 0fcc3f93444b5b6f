/* SPDX-License-Identifier: MIT */
/*
 * Rule packs: contracts as data. The format is described by
 * rules/packs/pack.schema.json and the README ("Rules"); the shipped packs are
 * built into the binary.
 *
 *	struct packs *p = packs_new();
 *	packs_add_builtin(p);
 *	packs_add_file(p, "mine.json", &f);		--rules FILE
 *	struct ruleset *s = packs_select(p, &traffic);
 *	for (i = 0; i < s->n; i++)
 *		s->rules[i]->id ...
 *
 * Immutable once filled; shared by threads; reference-counted, so that a
 * reload leaves what is being judged alone.
 */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include "base/fail.h"
#include "rules/judge/finding.h"
#include "rules/meaning/chat.h"
#include "rules/meaning/json.h"

struct packs;
struct pack;
struct schema;

enum mode { MODE_ANY, MODE_THINKING, MODE_INSTANT };
enum certainty { CERT_CERTAIN, CERT_REPORTED, CERT_INFERRED }; /* c r ? */

/*
 * One rule.
 *
 *	{"id":"kimi-k2.6/temperature", "text":"...", "src":"https://...",
 *	 "cert":"c", "since":"2026-04-20",
 *	 "match":{"dialect":["chat"],"vendor":["*.moonshot.*"],
 *		  "model":["kimi-k2.6*"],"except":["kimi-k2.6-x*"],
 *		  "mode":"thinking","stream":true,
 *		  "when":{JSON Schema of the request}},
 *	 "scope":"request", "severity":"error", "party":"client",
 *	 "refuse":true, "refusal":"invalid temperature: only 1 is allowed ...",
 *	 "param":"temperature",
 *	 "at":"/messages/ *" (without the blank),
 *	 "assert":{"schema":{...}} or {"check":"NAME", ...its arguments},
 *	 "probe":[...]}
 *
 * Severity: a rule whose cert is r or ? is a warning at most (lint).
 * A rule without "assert" is only probed: packs_select() never gives it.
 *
 * Schemas are checked by one thread at a time: whoever judges on another
 * thread (a gate) loads packs of its own.
 */
struct rule {
	struct str id, text, src, since;
	enum certainty cert;
	const struct pack *pack;
	/* match */
	unsigned dialects; /* bit 1 << enum dialect; all bits: any */
	const struct json *vendors, *models; /* arrays of globs, or NULL */
	const struct json *except;	     /* models that it is not for */
	enum mode mode;
	int stream;	     /* -1: either */
	struct schema *when; /* of the request, or NULL */
	/* what */
	enum scope scope;
	enum severity severity;
	enum party party;
	bool refuse;		  /* the vendor must refuse a breach */
	struct str refusal;	  /* in which words; or empty */
	struct str param;	  /* the request's parameter that it fixes */
	struct str at;		  /* pointer; ends in "/ *" (without the blank)
				     for each element; empty: the root */
	struct schema *schema;	  /* of {"schema":...}, else NULL */
	struct str check;	  /* of {"check":...}, else empty */
	const struct json *args;  /* the assertion's object */
	const struct json *probe; /* or NULL; see audit/probe */
	const struct json *node;  /* the rule as written */
	unsigned number;	  /* in its packs: 0 .. packs_rules() - 1 */
};

struct pack {
	struct str name, version, about, digest; /* digest: sha256, hex */
	struct str file;			 /* where it came from */
	bool builtin;
	bool model_pack; /* says "models": takes traffic by model name */
	bool block;	 /* rules for others to extend: never applies itself */
	bool kwargs;	 /* takes a model pack's place where the request
			    carries chat_template_kwargs */
	const struct json *models; /* globs, lower case, prefix/ aside */
	/* How the mode is read: in order, the first whose schema the request
	 * satisfies. None fits: MODE_ANY. */
	struct {
		enum mode mode;
		struct schema *when;
	} modes[8];
	unsigned n_modes;
	struct str reasoning_name; /* the contract's word, or empty */
	struct rule *rules;
	unsigned n_rules;
	const struct json *node;
};

struct packs *packs_new(void);
struct packs *packs_ref(struct packs *p);
void packs_unref(struct packs *p);

/* The packs that are built in. They are known to be good: asserts. */
void packs_add_builtin(struct packs *p);
/* A user's. A rule of an id that is there already takes its place; a pack of a
 * name that is there already adds to that pack, and applies where it does.
 * Codes: bad_rules (names file, line and reason), rules_unreadable. */
bool packs_add_file(struct packs *p, const char *path, struct fail *f) MUST_USE;

/* Says everything that is wrong with a pack, a line each; how many. */
size_t pack_lint(struct str text, const char *path,
		 void (*say)(void *arg, unsigned line, const char *why),
		 void *arg);

/* The same of a file. Code: rules_unreadable. */
bool pack_lint_file(const char *path, size_t *faults,
		    void (*say)(void *arg, unsigned line, const char *why),
		    void *arg, struct fail *f) MUST_USE;

/* --pack [NAME=]PACK: this upstream (NULL: all) is held to that pack. Codes:
 * no_such_pack. */
bool packs_pin(struct packs *p, struct str upstream, struct str pack,
	       struct fail *f) MUST_USE;

size_t packs_count(const struct packs *p);
const struct pack *packs_at(const struct packs *p, size_t i);
const struct pack *packs_named(const struct packs *p, struct str name);
const struct rule *packs_rule(const struct packs *p, struct str id);
unsigned packs_rules(const struct packs *p); /* of all packs */
/* SHA-256 over everything that decides verdicts, hex; pins too. */
const char *packs_digest(const struct packs *p);

/* What is known of a request before it is judged. */
struct traffic {
	enum dialect dialect;
	struct str model;  /* as asked; a prefix such as moonshotai/ is put
			      aside, case is ignored */
	struct str route;  /* upstream's name */
	struct str vendor; /* its host, or empty */
	bool stream, kwargs;
};

/* The rules for such traffic but for mode and when, which each request
 * decides: `wire`, at most one model pack (the user's before ours), and the
 * user's that name no models. Owned by packs, kept
 * and found again; safe for threads. */
struct ruleset {
	const struct rule **rules;
	unsigned n;
	const struct pack *model_pack; /* or NULL */
	uint64_t key;
};
const struct ruleset *packs_select(struct packs *p, const struct traffic *t);

/* Why a pack or rule (NULL: the pack as a whole) applies or not, a phrase.
 * Static. */
const char *packs_why(struct packs *p, const struct traffic *t,
		      const struct pack *pack, const struct rule *rule);

/* The mode that a request is in; root may be NULL. */
enum mode pack_mode(const struct pack *p, const struct json *root);
const char *mode_name(enum mode m); /* "any", "thinking", "instant" */

/* A name without its prefix (up to the last '/'), lower case, into out. */
void model_bare(struct str model, char *out, size_t n);
/* Glob with * and ?; both as they are. */
bool glob_match(struct str pattern, struct str text);

#endif
