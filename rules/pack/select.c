/* SPDX-License-Identifier: MIT */
/* Which packs and rules some traffic is held to, and why. */
#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "pack_impl.h"

enum { MODEL_MOST = 256 };

/* Traffic, with what is compared. */
struct aimed {
	const struct traffic *t;
	char bare[MODEL_MOST];
	const struct pack *pinned;
	bool is_pinned;
	const struct pack *model_pack; /* that takes it, or NULL */
};

static bool no_such_pack(const struct packs *p, struct str pack, struct fail *f)
{
	char **names = mem_alloc((p->n + 1) * sizeof *names);
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (!p->v[i]->pack.block)
			names[n++] = str_dup(p->v[i]->pack.name);
	near = nearest_name(pack, (const char *const *)names, n);
	fail_set(f, FAIL_USER, "no_such_pack", "there is no pack %.*s: %s%s%s",
		 (int)(pack.n < 60 ? pack.n : 60), pack.p,
		 near ? "did you mean " : "assay rules ls --packs lists them",
		 near ? near : "", near ? "?" : "");
	while (n)
		free(names[--n]);
	free(names);
	return false;
}

bool packs_pin(struct packs *p, struct str upstream, struct str pack,
	       struct fail *f)
{
	const struct pack *to = packs_named(p, pack);
	struct pin pin = {.pack = to};

	if (!to || to->block)
		return no_such_pack(p, pack, f);
	if (upstream.n)
		pin.upstream = str_dup(upstream);
	p->pins = mem_grow(p->pins, (p->n_pins + 1) * sizeof pin);
	p->pins[p->n_pins++] = pin;
	packs_forget(p);
	packs_digest_make(p);
	return true;
}

/* The user's, which come later, before ours; with chat_template_kwargs a pack
 * for those before others. */
static const struct pack *model_pack(const struct packs *p,
				     const struct aimed *a)
{
	const struct pack *plain = NULL;

	if (a->is_pinned)
		return a->pinned->model_pack ? a->pinned : NULL;
	for (size_t i = p->n; i-- > 0;) {
		const struct pack *x = &p->v[i]->pack;

		if (!x->model_pack || (x->kwargs && !a->t->kwargs) ||
		    !globs_match(x->models, str_of(a->bare)))
			continue;
		if (x->kwargs)
			return x;
		if (!plain)
			plain = x;
	}
	return plain;
}

/* An upstream's own pin before one for all; of equals the last. */
static void aim(const struct packs *p, const struct traffic *t, struct aimed *a)
{
	bool own = false;

	a->t = t;
	a->is_pinned = false;
	a->pinned = NULL;
	model_bare(t->model, a->bare, sizeof a->bare);
	for (size_t i = 0; i < p->n_pins; i++) {
		const struct pin *pin = &p->pins[i];

		if (pin->upstream ? !str_eq(str_of(pin->upstream), t->route)
				  : own)
			continue;
		own = pin->upstream != NULL;
		a->is_pinned = true;
		a->pinned = pin->pack;
	}
	a->model_pack = model_pack(p, a);
}

/* Of the pack itself, or the one that it adds to. */
static const struct pack *root_of(const struct packs *p, const struct pack *x)
{
	const struct pack *root = packs_named(p, x->name);

	return root ? root : x;
}

static const char *pack_why(const struct packs *p, const struct aimed *a,
			    const struct pack *x, bool *applies)
{
	const struct pack *root = root_of(p, x);

	*applies = false;
	if (root->block)
		return "a building block for other packs";
	if (root->model_pack && root == a->model_pack) {
		*applies = true;
		return a->is_pinned   ? "--pack says so"
		       : root->kwargs ? "the model is one of its, and the "
					"request carries "
					"chat_template_kwargs"
				      : "the model is one of its";
	}
	if (!root->model_pack) {
		*applies = true;
		return "applies to all traffic";
	}
	if (a->is_pinned)
		return "--pack names another";
	if (!globs_match(root->models, str_of(a->bare)))
		return "the model is none of its";
	if (root->kwargs)
		return "the request carries no chat_template_kwargs";
	return "another pack has this model";
}

/* NULL: it applies, as far as can be said before the request is read. */
static const char *rule_why_not(const struct aimed *a, const struct rule *r)
{
	const struct traffic *t = a->t;

	if (!r->schema && !r->check.n)
		return "asserts nothing of traffic: it is only probed";
	if (!(r->dialects >> t->dialect & 1))
		return "for another dialect";
	if (r->vendors && !globs_match(r->vendors, t->vendor))
		return "for another vendor";
	if (r->models && !globs_match(r->models, str_of(a->bare)))
		return "for another model";
	if (r->except && globs_match(r->except, str_of(a->bare)))
		return "not for this model";
	if (r->stream >= 0 && r->stream != t->stream)
		return r->stream ? "for streamed answers"
				 : "for answers that are not streamed";
	return NULL;
}

static const char *rule_why(const struct rule *r)
{
	if (r->when && r->mode == MODE_THINKING)
		return "applies while thinking, where its `when` is met";
	if (r->when && r->mode == MODE_INSTANT)
		return "applies without thinking, where its `when` is met";
	if (r->when)
		return "applies where its `when` is met";
	if (r->mode == MODE_THINKING)
		return "applies while thinking";
	if (r->mode == MODE_INSTANT)
		return "applies without thinking";
	return "applies";
}

const char *packs_why(struct packs *p, const struct traffic *t,
		      const struct pack *pack, const struct rule *rule)
{
	struct aimed a;
	const char *why;
	bool applies;

	aim(p, t, &a);
	why = pack_why(p, &a, pack, &applies);
	if (!rule || !applies)
		return why;
	if (packs_rule(p, rule->id) != rule)
		return "another rule of this id took its place";
	why = rule_why_not(&a, rule);
	return why ? why : rule_why(rule);
}

/* ---- selections, made once and kept ---- */

void packs_forget(struct packs *p)
{
	for (size_t i = 0; i < p->n_sets; i++) {
		free(p->sets[i]->rules);
		free(p->sets[i]);
	}
	free(p->sets);
	p->sets = NULL;
	p->n_sets = 0;
	for (int i = 0; i < PACK_SEEN; i++)
		free(p->seen[i].key);
	memset(p->seen, 0, sizeof p->seen);
}

static struct ruleset *set_make(const struct packs *p, const struct aimed *a)
{
	struct ruleset *s = MEM_NEW(struct ruleset);
	XXH64_state_t *h = XXH64_createState();

	s->rules = mem_zero((p->n_rules + 1) * sizeof *s->rules);
	s->model_pack = a->model_pack;
	XXH64_reset(h, 0);
	XXH64_update(h, p->digest, sizeof p->digest);
	if (s->model_pack)
		XXH64_update(h, s->model_pack->name.p, s->model_pack->name.n);
	for (unsigned i = 0; i < p->n_rules; i++) {
		bool applies;

		pack_why(p, a, p->rules[i]->pack, &applies);
		if (!applies || rule_why_not(a, p->rules[i]))
			continue;
		s->rules[s->n++] = p->rules[i];
		XXH64_update(h, &i, sizeof i);
	}
	s->key = XXH64_digest(h);
	XXH64_freeState(h);
	return s;
}

/* One that is there already and says the same, or this one. There are only so
 * many: what tells them apart are packs' globs, not what clients send. */
static const struct ruleset *set_keep(struct packs *p, struct ruleset *s)
{
	for (size_t i = 0; i < p->n_sets; i++) {
		if (p->sets[i]->key != s->key)
			continue;
		free(s->rules);
		free(s);
		return p->sets[i];
	}
	p->sets = mem_grow(p->sets, (p->n_sets + 1) * sizeof *p->sets);
	p->sets[p->n_sets++] = s;
	return s;
}

const struct ruleset *packs_select(struct packs *p, const struct traffic *t)
{
	const struct ruleset *set;
	struct buf key = {0};
	struct seen *seen;
	struct aimed a;

	assert(p->magic == PACKS_MAGIC);
	aim(p, t, &a);
	buf_addf(&key, "%d %d %d %s\n%.*s\n%.*s", (int)t->dialect, t->stream,
		 t->kwargs, a.bare, STR_ARG(t->route), STR_ARG(t->vendor));
	buf_addc(&key, '\0');
	pthread_mutex_lock(&p->lock);
	seen = &p->seen[XXH64(key.p, key.n, 0) % PACK_SEEN];
	if (seen->key && strcmp(seen->key, key.p) == 0) {
		set = seen->set;
		buf_free(&key);
	} else {
		set = set_keep(p, set_make(p, &a));
		free(seen->key);
		seen->key = key.p;
		seen->set = set;
	}
	pthread_mutex_unlock(&p->lock);
	return set;
}
