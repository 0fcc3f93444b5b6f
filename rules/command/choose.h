/* SPDX-License-Identifier: MIT */
/* Which rules are meant: the options of every command that judges. */
#ifndef COMMAND_CHOOSE_H
#define COMMAND_CHOOSE_H

#include "base/options.h"
#include "rules/pack/pack.h"

/* Rows of a table of options. */
#define CHOOSE_FILES                                                           \
	{                                                                      \
		"rules", OPTION_PATH, "FILE", NULL, OPTION_REPEAT,             \
			"A rule pack of your own, besides those that are "     \
			"built in (see assay rules lint)."                     \
	}
#define CHOOSE_OPTIONS                                                         \
	CHOOSE_FILES,                                                          \
	{                                                                      \
		"pack", OPTION_TEXT, "[NAME=]PACK", NULL, OPTION_REPEAT,       \
			"Hold the upstream NAME, or all, to this pack "        \
			"instead of the one that the model's name chooses."    \
	}

extern const struct option_def choose_options[]; /* these alone */

/* The packs that are built in and the user's, nothing pinned. Codes of
 * packs_add_file(). */
struct packs *choose_files(const struct options *o, struct fail *f) MUST_USE;

/* The packs that are built in, the user's, and what is pinned. Codes of
 * packs_add_file() and packs_pin(). */
struct packs *choose_packs(const struct options *o, struct fail *f) MUST_USE;

#endif
