/* SPDX-License-Identifier: MIT */
#include "audit.h"

#include <stddef.h>

#include "commands.h"

static const struct command *const commands[] = {&findings_command,
						 &probe_command, NULL};

static const struct command_room room = {
	.name = "audit",
	.about = "Says what a vendor does differently from the model's "
		 "contract.",
	.tail = "examples:\n"
		"  assay audit findings --party vendor\n"
		"  assay audit probe --upstream https://api.vendor.example "
		"--model kimi-k2.6 \\\n"
		"      --key-env VENDOR_KEY\n",
	.commands = commands,
};

int audit_main(int argc, char **argv)
{
	return command_main(&room, argc, argv);
}
