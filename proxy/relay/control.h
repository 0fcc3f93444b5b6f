/* SPDX-License-Identifier: MIT */
/*
 * The control socket: how another process on this machine asks a running
 * proxy something. A Unix socket beside the trail, for its own user and root
 * alone. One JSON object a line each way:
 *
 *	-> {"verb":"status"}
 *	<- {"ok":true,"result":{"pid":4711,...}}
 *	-> {"verb":"stauts"}
 *	<- {"ok":false,"error":{"code":"unknown_verb","message":"..."}}
 *
 * Verbs run on the loop's thread, one at a time, in order. `help`, which
 * lists them, is there by itself.
 */
#ifndef RELAY_CONTROL_H
#define RELAY_CONTROL_H

#include <sys/un.h>

#include "seams.h"

struct event_base;
struct control;

struct control_verb {
	const struct room_verb *verb;
	void *room; /* what verb->run() is called with */
};

#define CONTROL_PATH sizeof(((struct sockaddr_un *)0)->sun_path)
#define CONTROL_LINE (64u * 1024) /* the longest request */
#define CONTROL_MOST 16		  /* connections at once */

/*
 * Where the socket of a trail lies: TRAIL.sock; where that is longer than the
 * system allows, a name made from it in $XDG_RUNTIME_DIR. Code:
 * control_path_too_long.
 */
bool control_path(const char *trail, char out[CONTROL_PATH],
		  struct fail *f) MUST_USE;

/*
 * Listens at `path`, in place of a socket that a dead process left there.
 * Verbs are copied, what they point to is borrowed. Codes: control_in_use,
 * control_path_taken, control_failed.
 */
struct control *control_new(struct event_base *base, const char *path,
			    const struct control_verb *verbs, unsigned n,
			    struct fail *f) MUST_USE;

/* Closes all connections and removes the socket. NULL is harmless. Not from
 * inside a verb. */
void control_free(struct control *c);

#endif
