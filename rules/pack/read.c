/* SPDX-License-Identifier: MIT */
/* What every object of a pack is read with. */
#include <stdarg.h>
#include <stdio.h>

#include "base/nearest.h"
#include "pack_impl.h"
#include "rules/schema/schema.h"

/* Rules taken over from another pack lie in another text; they were good
 * there. */
static unsigned line_of(const struct reading *r, const char *p)
{
	unsigned line = 1;

	if (!p || p < r->text.p || p > r->text.p + r->text.n)
		return line;
	for (const char *c = r->text.p; c < p; c++)
		line += *c == '\n';
	return line;
}

void fault(struct reading *r, const struct json *at, const char *fmt, ...)
{
	char why[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	r->faults++;
	if (r->say)
		r->say(r->arg, line_of(r, at ? at->raw.p : NULL), why);
}

static const char *kind_name(enum json_kind k)
{
	switch (k) {
	case JSON_NULL: return "null";
	case JSON_FALSE:
	case JSON_TRUE: return "a boolean";
	case JSON_NUMBER: return "a number";
	case JSON_STRING: return "text";
	case JSON_ARRAY: return "a list";
	case JSON_OBJECT: break;
	}
	return "an object";
}

static const char *wanted(unsigned kinds)
{
	switch (kinds) {
	case KIND_TEXT: return "text";
	case KIND_NUMBER: return "a number";
	case KIND_BOOL: return "true or false";
	case KIND_LIST: return "a list";
	case KIND_SCHEMA: return "a JSON Schema";
	}
	return "an object";
}

static void member_unknown(struct reading *r, const struct json *m,
			   const char *what, const struct member *members,
			   unsigned n)
{
	const char *names[32], *near;

	for (unsigned i = 0; i < n; i++)
		names[i] = members[i].name;
	near = nearest_name(m->key, names, n);
	fault(r, m, "%s has no \"%.*s\"%s%s%s", what,
	      (int)(m->key.n < 60 ? m->key.n : 60), m->key.p,
	      near ? ": did you mean \"" : "", near ? near : "",
	      near ? "\"?" : "");
}

static void member_read(struct reading *r, const struct json *m,
			const char *what, const struct member *members,
			unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!str_eq(m->key, str_of(members[i].name)))
			continue;
		if (!(members[i].kinds >> m->kind & 1))
			fault(r, m, "\"%s\" must be %s, not %s",
			      members[i].name, wanted(members[i].kinds),
			      kind_name(m->kind));
		return;
	}
	member_unknown(r, m, what, members, n);
}

bool members_read(struct reading *r, const struct json *o, const char *what,
		  const struct member *members, unsigned n)
{
	if (!json_is(o, JSON_OBJECT)) {
		fault(r, o, "%s must be an object, not %s", what,
		      kind_name(o->kind));
		return false;
	}
	if (o->duplicates)
		fault(r, o, "%s says a name twice", what);
	for (uint32_t i = 0; i < o->n; i++)
		member_read(r, o->v[i], what, members, n);
	for (unsigned i = 0; i < n; i++)
		if (members[i].must && !json_get(o, str_of(members[i].name)))
			fault(r, o, "%s lacks \"%s\"", what, members[i].name);
	return true;
}

int word_is(struct reading *r, const struct json *node, const char *what,
	    const char *const *words, unsigned n)
{
	struct str text = json_text(node);
	char list[200];
	size_t at = 0;

	for (unsigned i = 0; i < n; i++)
		if (json_says(node, str_of(words[i])))
			return (int)i;
	for (unsigned i = 0; i < n && at < sizeof list; i++)
		at += (size_t)snprintf(list + at, sizeof list - at, "%s%s",
				       i ? ", " : "", words[i]);
	fault(r, node, "%s cannot be \"%.*s\": one of %s", what,
	      (int)(text.n < 60 ? text.n : 60), text.p ? text.p : "", list);
	return -1;
}

int word_read(struct reading *r, const struct json *o, const char *name,
	      const char *const *words, unsigned n)
{
	const struct json *node = json_get(o, str_of(name));
	char what[40];

	/* A missing member, or of another kind, is complained of already. */
	if (!json_is(node, JSON_STRING))
		return -1;
	snprintf(what, sizeof what, "\"%s\"", name);
	return word_is(r, node, what, words, n);
}

bool texts_read(struct reading *r, const struct json *list, const char *what)
{
	if (!json_is(list, JSON_ARRAY))
		return false;
	if (list->n == 0)
		fault(r, list, "\"%s\" is empty: it would match nothing", what);
	for (uint32_t i = 0; i < list->n; i++) {
		if (list->v[i]->kind == JSON_STRING)
			continue;
		fault(r, list->v[i], "\"%s\" must be a list of texts", what);
		return false;
	}
	return true;
}

/* Names are compared in lower case and without their prefix: a glob with
 * anything else would never match. */
static const char *glob_fault(struct str glob)
{
	if (glob.n == 0)
		return "it is empty";
	for (size_t i = 0; i < glob.n; i++) {
		unsigned char c = (unsigned char)glob.p[i];

		if (c >= 'A' && c <= 'Z')
			return "names are compared in lower case";
		if (c == '/')
			return "names are compared without what stands "
			       "before their last /";
		if (c <= ' ' || c >= 127)
			return "a name has no such character";
		if (c == '[' || c == '{' || c == '\\')
			return "* and ? are all that a glob knows";
	}
	return NULL;
}

/* Decodes each for good: selections compare on several threads. */
bool globs_read(struct reading *r, const struct json *list, const char *what)
{
	if (!texts_read(r, list, what))
		return false;
	for (uint32_t i = 0; i < list->n; i++) {
		struct str glob = json_text(list->v[i]);
		const char *why = glob_fault(glob);

		if (why)
			fault(r, list->v[i], "\"%.*s\" matches nothing: %s",
			      (int)(glob.n < 60 ? glob.n : 60), glob.p, why);
	}
	return true;
}

struct schema *schema_read(struct reading *r, const struct json *node)
{
	struct schema *s;
	struct fail f;

	if (!node || !(KIND_SCHEMA >> node->kind & 1))
		return NULL;
	s = schema_compile(node, NULL, &f);
	if (!s)
		fault(r, node, "%s", f.text);
	return s;
}
