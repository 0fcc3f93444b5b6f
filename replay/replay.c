/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <stddef.h>

#include "commands.h"

static const struct command *const commands[] = {&ls_command, &show_command,
						 &verify_command, NULL};

static const struct command_room room = {
	.name = "replay",
	.about = "Reads what `assay proxy` recorded. Nothing here writes to a "
		 "trail, and\n"
		 "a trail may be read while it is being recorded.",
	.tail = "examples:\n"
		"  assay replay ls --since 1h --status 4xx\n"
		"  assay replay show 42\n"
		"  assay replay show 42 --request --raw > request.json\n"
		"  assay replay verify\n",
	.commands = commands,
};

int replay_main(int argc, char **argv)
{
	return command_main(&room, argc, argv);
}
