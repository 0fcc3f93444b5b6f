/* SPDX-License-Identifier: MIT */
/* The commands of the room; rules.c is their front. */
#ifndef COMMAND_COMMANDS_H
#define COMMAND_COMMANDS_H

#include "print/command.h"

extern const struct command rules_ls_command, rules_show_command,
	rules_lint_command, rules_explain_command, check_command;

#endif
