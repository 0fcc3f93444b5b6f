/* SPDX-License-Identifier: MIT */
/*
 * How the world's failures travel: a function that can fail takes a
 * struct fail *, returns false (or NULL), and fills it in once, where it
 * knows most. Its caller passes it up unchanged; the front door prints it.
 *
 *	if (!trail_open(path, &f))
 *		return fail_print(&f);		// exit status 2
 *
 * A bug is not a failure: assert it (always on).
 */
#ifndef BASE_FAIL_H
#define BASE_FAIL_H

#include <stdbool.h>

enum fail_who { FAIL_USER, FAIL_SYSTEM, FAIL_VENDOR, FAIL_CLIENT };

struct fail {
	enum fail_who who;
	char code[32];	/* stable, snake_case: "trail_locked" */
	char text[480]; /* one sentence: what, where, what to do */
};

#define MUST_USE __attribute__((warn_unused_result))

/* Fills *f in and returns false, so that `return fail(f, ...)` reads well. */
bool fail_set(struct fail *f, enum fail_who who, const char *code,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* "assay: TEXT [CODE]" on stderr; returns exit status 2. */
int fail_print(const struct fail *f);

#endif
