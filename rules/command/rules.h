/* SPDX-License-Identifier: MIT */
/*
 * `assay rules`: what there is to judge by, and judging by it.
 *
 *	return rules_main(argc, argv);		argv[0] is "rules"
 */
#ifndef COMMAND_RULES_H
#define COMMAND_RULES_H

/* Returns the exit status. */
int rules_main(int argc, char **argv);

#endif
