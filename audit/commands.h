/* SPDX-License-Identifier: MIT */
/* The commands of the room; audit.c is their front. */
#ifndef AUDIT_COMMANDS_H
#define AUDIT_COMMANDS_H

#include "print/command.h"

extern const struct command findings_command, probe_command;

#endif
