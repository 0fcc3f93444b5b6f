/* SPDX-License-Identifier: MIT */
/* A pack as written, into struct pack. */
#include <stdlib.h>

#include "base/mem.h"
#include "pack_impl.h"
#include "rules/schema/schema.h"

static const struct member pack_members[] = {
	{"$schema", KIND_TEXT, false}, {"pack", KIND_TEXT, true},
	{"version", KIND_TEXT, true},  {"about", KIND_TEXT, true},
	{"block", KIND_BOOL, false},   {"models", KIND_LIST, false},
	{"kwargs", KIND_BOOL, false},  {"extends", KIND_LIST, false},
	{"modes", KIND_LIST, false},   {"reasoning_name", KIND_TEXT, false},
	{"base", KIND_OBJECT, false},  {"rules", KIND_LIST, true},
};

static const struct member mode_members[] = {
	{"mode", KIND_TEXT, true},
	{"when", KIND_SCHEMA, false},
	{"set", KIND_OBJECT, false},
};

#define NAME_(name, text) text,
static const char *const reasoning_names[] = {REASONING_NAMES(NAME_)};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Names are words that a shell and a URL leave alone. */
static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !(i && (c == '.' || c == '_' || c == '-')))
			return false;
	}
	return s.n > 0 && s.n <= 60;
}

static void modes_read(struct reading *r, const struct json *list)
{
	struct pack *p = &r->file->pack;

	if (!json_is(list, JSON_ARRAY))
		return;
	if (list->n > PACK_MODES) {
		fault(r, list, "more than %d ways to read the mode",
		      PACK_MODES);
		return;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		const struct json *m = list->v[i];
		int mode;

		if (!members_read(r, m, "a mode", mode_members,
				  COUNT(mode_members)))
			continue;
		mode = word_read(r, m, "mode", pack_mode_names, 3);
		p->modes[p->n_modes].mode =
			mode < 0 ? MODE_ANY : (enum mode)mode;
		p->modes[p->n_modes++].when =
			schema_read(r, json_get(m, STR("when")));
	}
}

/* A name that is there already is added to: whose traffic it takes is settled,
 * and may be said again, but not otherwise. */
static void amends_read(struct reading *r, const struct json *root)
{
	static const char *const own[] = {"models",	   "kwargs",  "block",
					  "modes",	   "extends", "base",
					  "reasoning_name"};
	struct pack *p = &r->file->pack;
	const struct pack *there;

	there = r->others ? packs_named(r->others, p->name) : NULL;
	if (!there)
		return;
	for (unsigned i = 0; i < COUNT(own); i++) {
		const struct json *m = json_get(root, str_of(own[i]));
		const struct json *as = json_get(there->node, str_of(own[i]));

		if (m && (!as || !json_equal(m, as)))
			fault(r, m,
			      "\"%s\" is settled by the pack %.*s that is "
			      "there already, which this one adds to",
			      own[i], STR_ARG(p->name));
	}
	r->file->amends = there;
	p->models = NULL;
	p->model_pack = p->kwargs = p->block = false;
}

static void head_read(struct reading *r, const struct json *root)
{
	struct pack *p = &r->file->pack;
	const struct json *name = json_get(root, STR("pack"));

	p->node = root;
	p->name = json_text(name);
	p->version = json_text(json_get(root, STR("version")));
	p->about = json_text(json_get(root, STR("about")));
	if (json_is(name, JSON_STRING) && !is_name(p->name))
		fault(r, name, "a pack's name is of a-z, 0-9, '.', '_', '-'");
	p->models = json_get(root, STR("models"));
	if (p->models && !globs_read(r, p->models, "models"))
		p->models = NULL;
	p->model_pack = p->models != NULL;
	if (!json_bool(json_get(root, STR("kwargs")), &p->kwargs))
		p->kwargs = false;
	if (!json_bool(json_get(root, STR("block")), &p->block))
		p->block = false;
	if (p->block && p->models)
		fault(r, json_get(root, STR("block")),
		      "a building block has no models");
	if (p->kwargs && !p->models)
		fault(r, json_get(root, STR("kwargs")),
		      "\"kwargs\" needs \"models\"");
	if (word_read(r, root, "reasoning_name", reasoning_names,
		      COUNT(reasoning_names)) > 0)
		p->reasoning_name =
			json_text(json_get(root, STR("reasoning_name")));
	modes_read(r, json_get(root, STR("modes")));
}

/* "NAME" of "PACK/NAME"; empty if it is not of this pack. */
static struct str name_in(struct str id, struct str pack)
{
	if (!str_starts(id, pack) || id.n <= pack.n || id.p[pack.n] != '/')
		return (struct str){0};
	return str_skip(id, pack.n + 1);
}

static bool id_taken(const struct pack *p, struct str id)
{
	for (unsigned i = 0; i < p->n_rules; i++)
		if (str_eq(p->rules[i].id, id))
			return true;
	return false;
}

static void own_rules_read(struct reading *r, const struct json *list)
{
	struct pack *p = &r->file->pack;

	for (uint32_t i = 0; i < list->n; i++) {
		const struct json *id = json_get(list->v[i], STR("id"));
		struct str text = json_text(id);

		if (json_is(id, JSON_STRING) &&
		    !is_name(name_in(text, p->name)))
			fault(r, id, "a rule's id is %.*s/NAME, not \"%.*s\"",
			      STR_ARG(p->name),
			      (int)(text.n < 80 ? text.n : 80), text.p);
		else if (text.n && id_taken(p, text))
			fault(r, id, "there are two rules %.*s", STR_ARG(text));
		rule_read(r, list->v[i], text, &p->rules[p->n_rules++]);
	}
}

/* Another pack's rule, under this pack's name. */
static void rule_inherit(struct reading *r, const struct rule *from)
{
	struct pack *p = &r->file->pack;
	struct str name = name_in(from->id, from->pack->name);
	struct str id = {NULL, p->name.n + 1 + name.n};
	char *text = json_doc_alloc(r->file->doc, id.n);

	memcpy(text, p->name.p, p->name.n);
	text[p->name.n] = '/';
	memcpy(text + p->name.n + 1, name.p, name.n);
	id.p = text;
	if (!id_taken(p, id))
		rule_read(r, from->node, id, &p->rules[p->n_rules++]);
}

static const struct pack *extended(struct reading *r, const struct json *name)
{
	const struct pack *p = NULL;

	if (r->others)
		p = packs_named(r->others, json_text(name));
	if (!p)
		fault(r, name, "there is no pack \"%.*s\" to extend",
		      STR_ARG(json_text(name)));
	return p;
}

static void rules_read(struct reading *r, const struct json *list,
		       const struct json *extends)
{
	struct pack *p = &r->file->pack;
	const struct pack *from[8] = {0};
	uint32_t n = list->n, n_from = 0;

	if (extends && texts_read(r, extends, "extends"))
		n_from = extends->n < 8 ? extends->n : 8;
	for (uint32_t i = 0; i < n_from; i++) {
		from[i] = extended(r, extends->v[i]);
		n += from[i] ? from[i]->n_rules : 0;
	}
	p->rules = mem_zero((n + 1) * sizeof *p->rules);
	own_rules_read(r, list);
	for (uint32_t i = 0; i < n_from; i++)
		for (unsigned k = 0; from[i] && k < from[i]->n_rules; k++)
			rule_inherit(r, &from[i]->rules[k]);
}

void file_free(struct file *f)
{
	for (unsigned i = 0; i < f->pack.n_rules; i++) {
		schema_free(f->pack.rules[i].when);
		schema_free(f->pack.rules[i].schema);
	}
	for (unsigned i = 0; i < f->pack.n_modes; i++)
		schema_free(f->pack.modes[i].when);
	free(f->pack.rules);
	json_doc_free(f->doc);
	free(f->text);
	free(f);
}

static void tree_read(struct reading *r, const struct json *root)
{
	const struct json *rules;

	if (!members_read(r, root, "a pack", pack_members, COUNT(pack_members)))
		return;
	head_read(r, root);
	amends_read(r, root);
	rules = json_get(root, STR("rules"));
	if (json_is(rules, JSON_ARRAY))
		rules_read(r, rules, json_get(root, STR("extends")));
}

struct file *pack_read(const struct packs *others, struct str text,
		       const char *path, say_fn *say, void *arg, size_t *faults)
{
	static const struct json_limits limits = {64, 1000000};
	struct file *f = MEM_NEW(struct file);
	struct reading r = {
		.say = say, .arg = arg, .others = others, .file = f};
	struct json_error bad = {0};
	const struct json *root;
	struct json here = {0};
	size_t n = strlen(path);

	/* The path lies behind the text. */
	f->text = mem_alloc(text.n + n + 1);
	memcpy(f->text, text.p ? text.p : "", text.n);
	memcpy(f->text + text.n, path, n + 1);
	f->pack.file = (struct str){f->text + text.n, n};
	r.text = (struct str){f->text, text.n};
	f->doc = json_doc_new();
	root = json_parse(f->doc, r.text, &limits, &bad);
	if (root) {
		tree_read(&r, root);
	} else {
		here.raw.p = f->text + bad.offset;
		fault(&r, &here, "not JSON: %s", bad.why);
	}
	*faults = r.faults;
	if (r.faults == 0)
		return f;
	file_free(f);
	return NULL;
}
