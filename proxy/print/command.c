/* SPDX-License-Identifier: MIT */
#include "print/command.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/nearest.h"
#include "print/out.h"

enum { COMMANDS_MOST = 32 };

static int room_help(const struct command_room *room, FILE *to, int status)
{
	fprintf(to, "usage: assay %s COMMAND [OPTIONS]\n\n%s\n\ncommands:\n",
		room->name, room->about);
	for (const struct command *const *c = room->commands; *c; c++)
		fprintf(to, "  %-8s %s\n", (*c)->name, (*c)->brief);
	fprintf(to,
		"\n%s\n`assay %s COMMAND --help` says more of each. Exit "
		"status: 0 fine,\n1 something was found, 2 it could not be "
		"done.\n",
		room->tail, room->name);
	return status;
}

static int no_such_command(const struct command_room *room, const char *name)
{
	const char *names[COMMANDS_MOST], *near;
	struct buf list = {0};
	struct fail f;
	size_t n = 0;

	for (; room->commands[n] && n < COMMANDS_MOST; n++) {
		names[n] = room->commands[n]->name;
		buf_addf(&list, n ? ", %s" : "%s", names[n]);
	}
	near = nearest_name(str_of(name), names, n);
	fail_set(&f, FAIL_USER, "bad_command",
		 "`%s` has no command \"%.60s\"%s%s%s; there are %.*s",
		 room->name, name, near ? " (did you mean " : "",
		 near ? near : "", near ? "?)" : "", STR_ARG(list));
	buf_free(&list);
	return fail_print(&f);
}

static void command_help(const struct command_room *room,
			 const struct command *c, const struct options *o)
{
	struct out terminal;
	char usage[160];

	out_open(&terminal, STDOUT_FILENO);
	snprintf(usage, sizeof usage, "assay %s %s %s", room->name, c->name,
		 c->args);
	options_help(o, stdout, out_columns(&terminal), usage, c->about,
		     c->tail);
}

static int run(const struct command_room *room, const struct command *c,
	       int argc, char **argv)
{
	struct options *o = options_new();
	struct fail f;
	int status = 0;

	for (unsigned i = 0; i < COMMAND_GROUPS && c->groups[i].title; i++)
		options_add(o, c->groups[i].defs, c->groups[i].title);
	if (c->arg)
		options_positional(o, !c->arg_optional,
				   c->arg_many ? UINT_MAX : 1, c->arg);
	if (!options_parse(o, argc, argv, &f))
		status = fail_print(&f);
	else if (options_wants_help(o))
		command_help(room, c, o);
	else
		status = c->run(o);
	options_free(o);
	return status;
}

int command_main(const struct command_room *room, int argc, char **argv)
{
	/* a reader that leaves is seen in write(), and is no accident */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return room_help(room, stderr, 2);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return room_help(room, stdout, 0);
	for (const struct command *const *c = room->commands; *c; c++) {
		if (strcmp(argv[1], (*c)->name) == 0)
			return run(room, *c, argc - 2, argv + 2);
	}
	return no_such_command(room, argv[1]);
}
