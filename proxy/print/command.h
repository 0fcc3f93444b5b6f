/* SPDX-License-Identifier: MIT */
/*
 * A room's commands: one row each, which drives parsing and --help.
 *
 *	static const struct command *const list[] = {&ls_command, NULL};
 *	static const struct command_room room = {"replay", about, tail, list};
 *
 *	int replay_main(int argc, char **argv)
 *	{
 *		return command_main(&room, argc, argv);
 *	}
 */
#ifndef PRINT_COMMAND_H
#define PRINT_COMMAND_H

#include "base/options.h"

enum { COMMAND_GROUPS = 4 };

struct command {
	const char *name;
	const char *args;  /* behind the name in the usage line */
	const char *brief; /* in the room's list of commands */
	const char *about; /* opens its --help */
	const char *tail;  /* examples, ends it */
	const char *arg;   /* the positional argument, or NULL: none */
	bool arg_optional; /* it may be left out */
	bool arg_many;	   /* it may be given several times */
	struct {
		const char *title;
		const struct option_def *defs;
	} groups[COMMAND_GROUPS]; /* until a NULL title */
	/* Returns the exit status. */
	int (*run)(const struct options *o);
};

struct command_room {
	const char *name;		       /* "replay" */
	const char *about;		       /* opens its --help */
	const char *tail;		       /* ends it */
	const struct command *const *commands; /* until NULL */
};

/*
 * Runs one command of the room. argv[0] is the room's own name, argv[1] the
 * command's. Returns the exit status: 2 (a sentence on stderr says why) where
 * the command line is wrong.
 */
int command_main(const struct command_room *room, int argc, char **argv);

#endif
