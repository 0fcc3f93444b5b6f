/* SPDX-License-Identifier: MIT */
/* The commands of the room; replay.c is their front. */
#ifndef REPLAY_COMMANDS_H
#define REPLAY_COMMANDS_H

#include "print/command.h"

extern const struct command ls_command, show_command, verify_command;

#endif
