/* SPDX-License-Identifier: MIT */
/*
 * The front of the room `audit`: verdicts.
 *
 *	assay audit findings|probe ...
 *
 * and its share of `assay proxy`: judging what passes, and enforcing.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

struct room;

/* argv[0] is the room's own name. Returns the exit status: 1 where findings
 * are violations, or a probe failed. */
int audit_main(int argc, char **argv);

extern const struct room audit_room;

#endif
