/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/nearest.h"
#include "commands.h"
#include "out.h"

static const struct command *const commands[] = {&ls_command, &show_command,
						 &verify_command};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const char about[] = "Reads what `assay proxy` recorded. Nothing here "
			    "writes to a trail, and\n"
			    "a trail may be read while it is being recorded.\n"
			    "\n"
			    "commands:\n";
static const char tail[] =
	"\n"
	"examples:\n"
	"  assay replay ls --since 1h --status 4xx\n"
	"  assay replay show 42\n"
	"  assay replay show 42 --request --raw > request.json\n"
	"  assay replay verify\n"
	"\n"
	"`assay replay COMMAND --help` says more of each. Exit status: 0 "
	"fine,\n"
	"1 `verify` found a defect, 2 it could not be done.\n";

static int room_help(FILE *to, int status)
{
	fprintf(to, "usage: assay replay COMMAND [OPTIONS]\n\n%s", about);
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i]->name,
			commands[i]->brief);
	fputs(tail, to);
	return status;
}

static int no_such_command(const char *name)
{
	const char *names[COMMANDS], *near;
	struct fail f;

	for (unsigned i = 0; i < COMMANDS; i++)
		names[i] = commands[i]->name;
	near = nearest_name(str_of(name), names, COMMANDS);
	fail_set(&f, FAIL_USER, "bad_command",
		 "`replay` has no command \"%.60s\"%s%s%s; there are ls, show "
		 "and verify",
		 name, near ? " (did you mean " : "", near ? near : "",
		 near ? "?)" : "");
	return fail_print(&f);
}

static void command_help(const struct command *c, const struct options *o)
{
	struct out terminal;
	char usage[160];

	out_open(&terminal, STDOUT_FILENO);
	snprintf(usage, sizeof usage, "assay replay %s %s", c->name, c->args);
	options_help(o, stdout, out_columns(&terminal), usage, c->about,
		     c->tail);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct options *o = options_new();
	struct fail f;
	int status = 0;

	for (unsigned i = 0; i < COMMAND_GROUPS && c->groups[i].title; i++)
		options_add(o, c->groups[i].defs, c->groups[i].title);
	if (c->arg)
		options_positional(o, 1, 1, c->arg);
	if (!options_parse(o, argc, argv, &f))
		status = fail_print(&f);
	else if (options_wants_help(o))
		command_help(c, o);
	else
		status = c->run(o);
	options_free(o);
	return status;
}

int replay_main(int argc, char **argv)
{
	/* a reader that leaves is seen in write(), and is no accident */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return room_help(stderr, 2);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return room_help(stdout, 0);
	for (unsigned i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i]->name) == 0)
			return run(commands[i], argc - 2, argv + 2);
	}
	return no_such_command(argv[1]);
}
