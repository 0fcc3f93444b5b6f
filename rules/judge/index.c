/* SPDX-License-Identifier: MIT */
#include "rules/judge/index.h"

#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/judge_trail.h"

enum { FLUSH_EXCHANGES = 2000 };

struct index {
	struct trail *trail;
	char *path;
	struct packs *packs;
	struct store *store;
	struct judge *judge;
	const struct judge_events *events;
	void *arg;
	bool quiet; /* the events need not know */
	bool final;
	struct buf state; /* as of index_final() */
	/* while a trail is judged again, rows are written now and then */
	bool flushing;
	unsigned waiting;
	struct fail failed; /* code[0]: a write has failed */
};

static void on_finding(void *arg, const struct finding *f)
{
	struct index *ix = arg;

	store_put_finding(ix->store, f);
	if (ix->events && ix->events->finding && !ix->quiet)
		ix->events->finding(ix->arg, f);
}

static void on_judged(void *arg, const struct judged *x)
{
	struct index *ix = arg;

	store_put_judged(ix->store, x);
	if (ix->events && ix->events->judged && !ix->quiet)
		ix->events->judged(ix->arg, x);
	if (!ix->flushing || ++ix->waiting < FLUSH_EXCHANGES)
		return;
	ix->waiting = 0;
	if (!store_flush(ix->store, &ix->failed))
		ix->flushing = false;
}

static const struct judge_events own_events = {on_finding, on_judged};

static void fresh_judge(struct index *ix)
{
	struct judge_options o = {
		.packs = ix->packs, .events = &own_events, .arg = ix};

	if (ix->judge)
		judge_free(ix->judge);
	ix->judge = judge_new(&o);
	ix->final = false;
	ix->state.n = 0;
}

struct index *index_new(struct trail *t, const char *path, struct packs *p,
			const struct judge_events *events, void *arg,
			struct fail *f)
{
	struct index *ix = MEM_NEW(struct index);

	ix->trail = t;
	ix->path = str_dup(str_of(path));
	ix->events = events;
	ix->arg = arg;
	ix->store = store_new(t, packs_digest(p), f);
	if (!ix->store) {
		index_free(ix);
		return NULL;
	}
	ix->packs = packs_ref(p);
	fresh_judge(ix);
	return ix;
}

void index_free(struct index *ix)
{
	if (!ix)
		return;
	if (ix->judge)
		judge_free(ix->judge);
	if (ix->packs)
		packs_unref(ix->packs);
	store_free(ix->store);
	buf_free(&ix->state);
	free(ix->path);
	free(ix);
}

void index_set_packs(struct index *ix, struct packs *p)
{
	packs_unref(ix->packs);
	ix->packs = packs_ref(p);
	judge_set_packs(ix->judge, p);
}

struct judge *index_judge(struct index *ix)
{
	return ix->judge;
}

bool index_again(struct index *ix, index_progress *progress, void *arg,
		 struct fail *f)
{
	struct trail *t = trail_read(ix->path, f), *contents = NULL;
	bool ok;

	if (t)
		contents = trail_read(ix->path, f);
	fresh_judge(ix);
	ix->flushing = true;
	ix->waiting = 0;
	ix->failed.code[0] = 0;
	ok = contents && store_clear(ix->store, f) &&
	     judge_trail(ix->judge, t, contents, progress, arg, f) &&
	     store_flush(ix->store, f);
	if (ok && ix->failed.code[0]) {
		*f = ix->failed;
		ok = false;
	}
	ix->flushing = false;
	trail_close(contents);
	trail_close(t);
	return ok;
}

bool index_catch_up(struct index *ix, index_progress *progress, void *arg,
		    struct fail *f)
{
	struct buf state = {0};
	bool ok = store_load_state(ix->store, &state) &&
		  judge_load(ix->judge, buf_str(&state));

	buf_free(&state);
	if (ok)
		return true;
	ix->quiet = true;
	ok = index_again(ix, progress, arg, f);
	ix->quiet = false;
	return ok;
}

void index_final(struct index *ix)
{
	if (ix->final)
		return;
	ix->final = true;
	judge_save(ix->judge, &ix->state);
	judge_final(ix->judge);
}

/* What a crash left half recorded was stored without being judged: its
 * beginning had gone. Then the judge looks at everything once more. */
static bool judge_rest(struct index *ix, struct fail *f)
{
	bool ok;

	if (store_complete(ix->trail))
		return true;
	ix->quiet = true;
	ok = index_again(ix, NULL, NULL, f);
	index_final(ix);
	ix->quiet = false;
	return ok;
}

bool index_finish(struct index *ix, struct fail *f)
{
	index_final(ix);
	return store_flush(ix->store, f) && judge_rest(ix, f) &&
	       store_flush(ix->store, f) &&
	       store_save_state(ix->store, buf_str(&ix->state), f);
}

static bool look(const char *path, bool *begun, bool *complete, struct fail *f)
{
	struct trail *t = trail_read(path, f);

	*begun = t && store_begun(t);
	*complete = *begun && store_complete(t);
	trail_close(t);
	return t != NULL;
}

static bool make(const char *path, struct trail *t, struct fail *f)
{
	struct packs *p = packs_new();
	struct index *ix;
	bool ok;

	packs_add_builtin(p);
	ix = index_new(t, path, p, NULL, NULL, f);
	ok = ix && index_again(ix, NULL, NULL, f) && index_finish(ix, f);
	index_free(ix);
	packs_unref(p);
	return ok;
}

bool index_ensure(const char *path, struct fail *f)
{
	struct fail why;
	struct trail *t;
	bool begun, complete, ok;

	if (!look(path, &begun, &complete, f))
		return false;
	if (complete)
		return true;
	t = trail_record(path, &why);
	if (!t && strcmp(why.code, "trail_locked") == 0)
		return begun || fail_set(f, FAIL_USER, "not_judged",
					 "%s is not judged: a proxy records "
					 "into it with --no-audit; ask again "
					 "when it has ended",
					 path);
	if (!t)
		return fail_set(f, FAIL_USER, "not_judged",
				"%s has not been judged, and it cannot be "
				"written to; copy it, then assay rules check "
				"--save --trail COPY",
				path);
	ok = make(path, t, f);
	trail_close(t);
	return ok;
}
