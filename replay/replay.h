/* SPDX-License-Identifier: MIT */
/*
 * The front of the room `replay`: recordings at work.
 *
 *	assay replay ls|show|verify ...
 *
 *	int main(...) { return replay_main(argc - 1, argv + 1); }
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

/*
 * Runs one command of the room. argv[0] is the room's own name, argv[1] the
 * command's. Returns the exit status: 0 fine, 1 `verify` found something, 2
 * it could not be done (a sentence on stderr says why).
 */
int replay_main(int argc, char **argv);

#endif
