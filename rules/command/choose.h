/* SPDX-License-Identifier: MIT */
/* Which rules are meant: the options of every command that judges. */
#ifndef COMMAND_CHOOSE_H
#define COMMAND_CHOOSE_H

#include "base/options.h"
#include "rules/pack/pack.h"

extern const struct option_def choose_options[]; /* --rules, --pack */

/* The packs that are built in, the user's, and what is pinned. Codes of
 * packs_add_file() and packs_pin(). */
struct packs *choose_packs(const struct options *o, struct fail *f) MUST_USE;

#endif
