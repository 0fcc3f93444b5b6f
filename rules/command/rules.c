/* SPDX-License-Identifier: MIT */
#include "rules/command/rules.h"

#include <stddef.h>

#include "rules/command/commands.h"

static const struct command *const commands[] = {
	&rules_ls_command,	&rules_show_command, &rules_lint_command,
	&rules_explain_command, &check_command,	     NULL};

static const struct command_room room = {
	.name = "rules",
	.about = "The rules that vendors and clients are held to: what there "
		 "are, which of\n"
		 "them apply, whether a pack of your own is in order, and "
		 "judging a recording.",
	.tail = "examples:\n"
		"  assay rules ls --pack kimi-k2.6\n"
		"  assay rules show wire/finish_missing\n"
		"  assay rules explain moonshotai/Kimi-K2.6\n"
		"  assay rules lint mine.json\n"
		"  assay rules check --trail monday.db\n",
	.commands = commands,
};

int rules_main(int argc, char **argv)
{
	return command_main(&room, argc, argv);
}
