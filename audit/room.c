/* SPDX-License-Identifier: MIT */
/* The room's share of `assay proxy`: options, tap, gate, verb, summary. */
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "base/mem.h"
#include "enforce.h"
#include "live.h"
#include "rules/command/choose.h"
#include "seams.h"

struct audit {
	struct packs *packs;
	struct live *live;	 /* NULL: --no-audit */
	struct enforce *enforce; /* NULL: nothing is enforced */
	char *enforced;		 /* the pack's name, or NULL */
};

/* Its thread releases requests that workers hold. */
static void ending(void *room)
{
	struct audit *a = room;

	enforce_free(a->enforce);
	a->enforce = NULL;
}

static void stop(void *room)
{
	struct audit *a = room;

	enforce_free(a->enforce);
	live_free(a->live);
	packs_unref(a->packs);
	free(a->enforced);
	free(a);
}

/* Its packs are its own: workers ask them while the judge does. */
static bool start_enforce(struct audit *a, struct proxy *p,
			  const struct options *o, struct fail *f)
{
	const char *pack = options_text(o, "enforce");
	struct packs *packs;

	if (!pack)
		return true;
	packs = choose_packs(o, f);
	if (!packs)
		return false;
	a->enforced = str_dup(str_of(pack));
	a->enforce = enforce_new(packs, str_of(pack),
				 (size_t)options_number(o, "gate-limit"), p, f);
	packs_unref(packs);
	return a->enforce != NULL;
}

/* --pack NAME=...: is there such an upstream? */
static bool has_upstream(const struct options *o, struct str name)
{
	const char *const *list;
	unsigned n = options_list(o, "upstream", &list);

	for (unsigned i = 0; i < n; i++) {
		struct str rest = str_of(list[i]), given = str_cut(&rest, '=');

		if (rest.p && str_eq(given, name))
			return true;
	}
	return str_eq(name, STR("default"));
}

static bool check_pins(const struct options *o, struct fail *f)
{
	const char *const *list;
	unsigned n = options_list(o, "pack", &list);

	for (unsigned i = 0; i < n; i++) {
		struct str rest = str_of(list[i]), name = str_cut(&rest, '=');

		if (rest.p && !has_upstream(o, name))
			return fail_set(f, FAIL_USER, "bad_value",
					"--pack %.80s: no --upstream is named "
					"%.*s",
					list[i],
					(int)(name.n < 40 ? name.n : 40),
					name.p);
	}
	return true;
}

static void *start(struct proxy *p, const struct options *o, struct fail *f)
{
	struct audit *a = MEM_NEW(struct audit);
	bool ok;

	a->packs = choose_packs(o, f);
	ok = a->packs && check_pins(o, f) && start_enforce(a, p, o, f);
	if (ok && !options_flag(o, "no-audit")) {
		a->live = live_new(proxy_trail(p), options_text(o, "trail"),
				   a->packs, f);
		ok = a->live != NULL;
	}
	if (ok)
		return a;
	stop(a);
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* New rules, or with *f the old ones. What is enforced stays: a gate's pack
 * is part of what the start message promised. */
static bool reload(void *room, const struct options *o, struct fail *f)
{
	struct audit *a = room;
	struct packs *next;

	if (!same_text(options_text(o, "enforce"), a->enforced))
		return fail_set(f, FAIL_USER, "needs_restart",
				"--enforce cannot change while the proxy runs");
	if (options_flag(o, "no-audit") != !a->live)
		return fail_set(f, FAIL_USER, "needs_restart",
				"--no-audit cannot change while the proxy "
				"runs");
	next = check_pins(o, f) ? choose_packs(o, f) : NULL;
	if (!next)
		return false;
	packs_unref(a->packs);
	a->packs = next;
	if (a->live)
		live_set_packs(a->live, next);
	return true;
}

static const struct clerk_tap *tap(void *room)
{
	struct audit *a = room;

	return a->live ? live_tap(a->live) : NULL;
}

static const struct gate *gate(void *room)
{
	struct audit *a = room;

	return a->enforce ? enforce_gate(a->enforce) : NULL;
}

static void summary(void *room, struct buf *out)
{
	struct audit *a = room;

	if (a->live)
		live_summary(a->live, out);
	if (a->enforce)
		enforce_summary(a->enforce, out);
}

static bool run_audit(void *room, struct str args, struct buf *out,
		      struct fail *f)
{
	struct audit *a = room;

	if (!a->live)
		return fail_set(f, FAIL_USER, "no_audit",
				"the proxy runs with --no-audit");
	live_json(a->live, out);
	return true;
}

static const struct room_verb verbs[] = {
	{"audit", "checks and findings so far, by rule; parameters", run_audit},
	{0}};

static const struct option_def options[] = {
	CHOOSE_OPTIONS,
	{"enforce", OPTION_TEXT, "PACK", NULL, 0,
	 "Answer 400 to requests that break a certain rule of this pack, as "
	 "its vendor would, and do not send them on. Everything else stays "
	 "untouched."},
	{"gate-limit", OPTION_SIZE, "SIZE", "8M", 0,
	 "The longest request body that --enforce looks at; a longer one is "
	 "sent on and counted as unknown."},
	{"no-audit", OPTION_FLAG, NULL, NULL, 0,
	 "Record alone; nothing is judged. `assay rules check` can do it "
	 "later."},
	{0}};

const struct room audit_room = {
	.name = "Auditing",
	.options = options,
	.start = start,
	.ending = ending,
	.stop = stop,
	.reload = reload,
	.tap = tap,
	.gate = gate,
	.verbs = verbs,
	.summary = summary,
};
