/* SPDX-License-Identifier: MIT */
#include "rules/command/choose.h"

const struct option_def choose_options[] = {CHOOSE_OPTIONS, {0}};

static bool add_files(struct packs *p, const struct options *o, struct fail *f)
{
	const char *const *list;
	unsigned n = options_list(o, "rules", &list);

	for (unsigned i = 0; i < n; i++) {
		if (!packs_add_file(p, list[i], f))
			return false;
	}
	return true;
}

static bool pin(struct packs *p, const struct options *o, struct fail *f)
{
	const char *const *list;
	unsigned n = options_list(o, "pack", &list);

	for (unsigned i = 0; i < n; i++) {
		struct str pack = str_of(list[i]);
		struct str name = str_cut(&pack, '=');

		if (!pack.p) { /* no '=': it is the pack */
			pack = name;
			name = (struct str){0};
		}
		if (!packs_pin(p, name, pack, f))
			return false;
	}
	return true;
}

struct packs *choose_files(const struct options *o, struct fail *f)
{
	struct packs *p = packs_new();

	packs_add_builtin(p);
	if (add_files(p, o, f))
		return p;
	packs_unref(p);
	return NULL;
}

struct packs *choose_packs(const struct options *o, struct fail *f)
{
	struct packs *p = choose_files(o, f);

	if (!p || pin(p, o, f))
		return p;
	packs_unref(p);
	return NULL;
}
