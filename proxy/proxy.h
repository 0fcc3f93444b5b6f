/* SPDX-License-Identifier: MIT */
/* `assay proxy`: the command. The rooms above are tied in by the caller. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "seams.h"

/*
 * Runs until SIGINT, SIGTERM or the `drain` verb. argv without "assay proxy".
 * Returns the exit status: 0, or 2 if it could not start.
 */
int proxy_main(int argc, char **argv, const struct room *rooms,
	       unsigned n_rooms);

#endif
