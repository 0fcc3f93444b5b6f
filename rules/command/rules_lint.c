/* SPDX-License-Identifier: MIT */
/* `assay rules lint`: whether packs are in order. */
#include <unistd.h>

#include "print/out.h"
#include "rules/command/commands.h"
#include "rules/pack/pack.h"

struct lint {
	struct out out;
	const char *path;
};

/* As compilers write it, so that editors find the place. */
static void on_fault(void *arg, unsigned line, const char *why)
{
	struct lint *l = arg;

	out_line(&l->out, str_of(l->path));
	out_f(&l->out, ":%u: ", line);
	out_line(&l->out, str_of(why));
	out_f(&l->out, "\n");
}

static int run(const struct options *o)
{
	struct lint l = {0};
	const char *const *paths;
	unsigned n = options_args(o, &paths);
	struct fail f;
	int status = 0;

	out_open(&l.out, STDOUT_FILENO);
	for (unsigned i = 0; i < n; i++) {
		size_t faults;

		l.path = paths[i];
		if (!pack_lint_file(l.path, &faults, on_fault, &l, &f)) {
			out_flush(&l.out);
			status = fail_print(&f);
		} else if (faults) {
			status = status ? status : 1;
		} else {
			out_line(&l.out, str_of(l.path));
			out_f(&l.out, ": in order\n");
		}
	}
	if (!out_close(&l.out, &f))
		return fail_print(&f);
	return status;
}

const struct command rules_lint_command = {
	.name = "lint",
	.args = "FILE...",
	.brief = "checks packs of your own: says file, line and reason",
	.about = "Checks rule packs: names, kinds, schemas, globs, checks and "
		 "their arguments, probes, and what does not go together. "
		 "Says each fault with file and line; exit status 1 if there "
		 "are any. The format is described by "
		 "rules/packs/pack.schema.json, which editors understand.",
	.tail = "examples:\n"
		"  assay rules lint mine.json\n"
		"  assay rules lint packs/*.json && echo fine\n",
	.arg = "FILE",
	.arg_many = true,
	.run = run,
};
