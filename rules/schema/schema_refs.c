/* SPDX-License-Identifier: MIT */
/* Who is meant: $schema, $id, anchors, and the references to them. */
#include "rules/schema/metaschema.h"
#include "rules/schema/schema_impl.h"
#include "rules/schema/uri.h"

#define URI_MAX	      1024
#define RESOURCES_MAX 1024
#define ANCHORS_MAX   1024

/* A keyword's string, as text; false and a fault if it is anything else. */
static bool text_of(struct build *b, const struct node *n, const char *keyword,
		    struct str *out)
{
	const struct json *j = json_get(n->json, str_of(keyword));

	*out = (struct str){0};
	if (!j)
		return true;
	if (j->kind != JSON_STRING)
		return build_bad(b, n->json, keyword, "must be a string");
	*out = json_text(j);
	if (!out->p)
		out->p = "";
	return true;
}

static struct resource *find_resource(const struct schema *s, struct str uri)
{
	for (struct resource *r = s->resources; r; r = r->next) {
		if (str_eq(r->uri, uri))
			return r;
	}
	return NULL;
}

static bool enter_draft(struct build *b, struct node *n)
{
	static const struct {
		const char *uri;
		enum draft draft;
	} known[] = {
		{METASCHEMA_2020, DRAFT_2020},
		{"https://json-schema.org/draft/2019-09/schema", DRAFT_2019},
		{"http://json-schema.org/draft-07/schema", DRAFT_7},
		{"https://json-schema.org/draft-07/schema", DRAFT_7},
		{"http://json-schema.org/draft-06/schema", DRAFT_6},
		{"http://json-schema.org/draft-04/schema", DRAFT_4},
	};
	struct str uri, fragment;

	if (!text_of(b, n, "$schema", &uri))
		return false;
	if (!uri.p)
		return true;
	uri = uri_without_fragment(uri, &fragment);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!fragment.n && str_eq(uri, str_of(known[i].uri))) {
			n->res->draft = known[i].draft;
			return true;
		}
	}
	return build_unknown(b, n->json, "$schema", "a dialect not known here");
}

static bool enter_resource(struct build *b, struct node *n, struct str uri)
{
	const struct resource *other = find_resource(b->schema, uri);
	struct resource *res = n->res;

	if (res->root != n) {
		res = build_alloc(b, 1, sizeof(*res));
		*res = (struct resource){.draft = n->res->draft,
					 .root = n,
					 .next = b->schema->resources};
	}
	if (other && other != res)
		return build_unknown(b, n->json, "$id", "not the only one");
	if (b->resources++ >= RESOURCES_MAX)
		return build_unknown(b, n->json, "$id", "too many of them");
	res->uri = uri;
	if (res != n->res)
		b->schema->resources = res;
	n->res = res;
	return true;
}

static bool enter_id(struct build *b, struct node *n)
{
	struct str id, fragment, uri;

	if (!text_of(b, n, "$id", &id))
		return false;
	if (!id.p)
		return true;
	id = uri_without_fragment(id, &fragment);
	if (fragment.n)
		return build_unknown(b, n->json, "$id", "has a fragment");
	if (id.n > URI_MAX || n->res->uri.n > URI_MAX)
		return build_unknown(b, n->json, "$id", "too long");
	uri = uri_resolve(b->schema->doc, n->res->uri, id);
	return enter_resource(b, n, uri) && build_spend(b, n, uri.n);
}

static struct anchor *find_anchor(const struct resource *res, struct str name)
{
	for (struct anchor *a = res->anchors; a; a = a->next) {
		if (str_eq(a->name, name))
			return a;
	}
	return NULL;
}

static bool enter_anchor(struct build *b, struct node *n, const char *keyword,
			 bool dynamic)
{
	struct anchor *a;
	struct str name;

	if (!text_of(b, n, keyword, &name))
		return false;
	if (!name.p)
		return true;
	a = find_anchor(n->res, name);
	if (a && a->node != n)
		return build_unknown(b, n->json, keyword, "not the only one");
	if (b->anchors++ >= ANCHORS_MAX)
		return build_unknown(b, n->json, keyword, "too many of them");
	a = build_alloc(b, 1, sizeof(*a));
	*a = (struct anchor){name, n, dynamic, n->res->anchors};
	n->res->anchors = a;
	return true;
}

/* An $id of one's own comes first: it says what the others belong to. */
bool refs_enter(struct build *b, struct node *n)
{
	return enter_id(b, n) && enter_draft(b, n) &&
	       enter_anchor(b, n, "$anchor", false) &&
	       enter_anchor(b, n, "$dynamicAnchor", true);
}

/* A document that is built in, on its first use. */
static struct resource *enter_metaschema(struct build *b, struct str uri)
{
	struct str text = metaschema_text(uri);
	struct json_error error;
	const struct json *json;

	if (!text.p)
		return NULL;
	json = json_parse(b->schema->doc, text, NULL, &error);
	if (!json || !build_root(b, json, uri))
		return NULL;
	return find_resource(b->schema, uri);
}

/* The next token of a JSON pointer, "~1" and "~0" undone. */
static struct str next_token(struct build *b, struct str *rest)
{
	struct str raw = str_cut(rest, '/');
	char *p;
	size_t n = 0;

	if (!raw.n || !memchr(raw.p, '~', raw.n))
		return raw;
	p = build_alloc(b, raw.n, 1);
	for (size_t i = 0; i < raw.n; i++) {
		p[n++] = raw.p[i];
		if (raw.p[i] == '~' && i + 1 < raw.n &&
		    (raw.p[i + 1] == '0' || raw.p[i + 1] == '1'))
			p[n - 1] = raw.p[++i] == '1' ? '/' : '~';
	}
	return (struct str){p, n};
}

static const struct json *child(const struct json *j, struct str token)
{
	uint64_t i;

	if (j->kind == JSON_OBJECT)
		return json_get(j, token);
	if (j->kind != JSON_ARRAY || !str_u64(token, &i) || i >= j->n ||
	    (token.n > 1 && token.p[0] == '0'))
		return NULL;
	return j->v[i];
}

/*
 * What a pointer leads to, compiled now if it lies where no keyword looks:
 * then it belongs to the resource of whatever was met last on the way.
 */
static struct node *by_pointer(struct build *b, const struct node *from,
			       struct resource *res, struct str pointer)
{
	const struct json *j = res->root->json;

	str_cut(&pointer, '/');
	while (j && pointer.p) {
		const struct node *met;
		struct str token = next_token(b, &pointer);
		if (!build_spend(b, from, 1 + token.n))
			return NULL;
		j = child(j, token);
		met = j ? build_find(b, j) : NULL;
		res = met ? met->res : res;
	}
	if (!j) {
		build_bad(b, from->json, "$ref", "leads nowhere");
		return NULL;
	}
	return build_node(b, j, res);
}

static bool resolve_fragment(struct build *b, const struct pending *p,
			     struct resource *res, struct str fragment)
{
	struct ref *ref = &p->keyword->ref;
	struct anchor *a;

	fragment = uri_decode(b->schema->doc, fragment);
	if (!fragment.n || fragment.p[0] == '/') {
		ref->to = fragment.n ? by_pointer(b, p->from, res, fragment)
				     : res->root;
		return ref->to;
	}
	a = find_anchor(res, fragment);
	if (!a)
		return build_bad(b, p->from->json, p->keyword->name,
				 "no such anchor");
	ref->to = a->node;
	if (a->dynamic && strcmp(p->keyword->name, "$dynamicRef") == 0)
		ref->dynamic = a->name;
	return true;
}

bool refs_resolve(struct build *b, const struct pending *p)
{
	struct str fragment, uri = json_text(p->keyword->value);
	struct resource *res;

	if (uri.n > URI_MAX)
		return build_unknown(b, p->from->json, p->keyword->name,
				     "too long");
	if (!build_spend(b, p->from, uri.n + p->from->res->uri.n))
		return false;
	uri = uri_without_fragment(uri, &fragment);
	uri = uri_resolve(b->schema->doc, p->from->res->uri, uri);
	res = find_resource(b->schema, uri);
	if (!res)
		res = enter_metaschema(b, uri);
	if (!res)
		return build_unknown(b, p->from->json, p->keyword->name,
				     "leads out of the schema");
	return resolve_fragment(b, p, res, fragment);
}
