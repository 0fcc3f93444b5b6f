/* SPDX-License-Identifier: MIT */
/*
 * The commands of the room: one row each, which drives parsing and --help.
 * replay.c is their front.
 */
#ifndef REPLAY_COMMANDS_H
#define REPLAY_COMMANDS_H

#include "base/options.h"

enum { COMMAND_GROUPS = 4 };

struct command {
	const char *name;
	const char *args;  /* behind the name in the usage line */
	const char *brief; /* in the room's list of commands */
	const char *about; /* opens its --help */
	const char *tail;  /* examples, ends it */
	const char *arg;   /* the one positional argument, or NULL */
	struct {
		const char *title;
		const struct option_def *defs;
	} groups[COMMAND_GROUPS]; /* until a NULL title */
	/* Returns the exit status. */
	int (*run)(const struct options *o);
};

extern const struct command ls_command, show_command, verify_command;

#endif
