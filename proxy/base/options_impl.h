/* SPDX-License-Identifier: MIT */
/* What the files that implement options.h share. Nobody else includes it. */
#ifndef BASE_OPTIONS_IMPL_H
#define BASE_OPTIONS_IMPL_H

#include "base/options.h"

#define OPTIONS_MAGIC 0x4f505453u

struct option_values {
	char **v;
	unsigned n;
	bool given; /* may be true with n == 0: an empty array */
};

struct option_row {
	const struct option_def *def;
	const char *title;
	struct option_values line, file;
};

struct options {
	unsigned magic;
	struct option_row *rows;
	unsigned n_rows;
	struct option_values args;
	unsigned at_least, at_most;
	const char *shown; /* what positional arguments are called */
	bool wants_help;
};

/* The row of a name, or NULL. */
struct option_row *options_find(const struct options *o, struct str name);

/* The known name that is nearest to `name`, or NULL. */
const char *options_nearest(const struct options *o, struct str name);

/* Sets a value (copied): appended if the option repeats, else replacing. */
void options_store(const struct option_row *row, struct option_values *to,
		   struct str value);

/*
 * Is `value` of the kind that the row wants? If not, `why` says so as the
 * rest of a sentence: `"64X" is not a size: ...`.
 */
#define OPTION_WHY 256
bool option_check(const struct option_def *def, struct str value,
		  char why[OPTION_WHY]) MUST_USE;

/* COUNT, SIZE and DURATION as numbers. */
bool option_number(enum option_kind kind, struct str value,
		   uint64_t *out) MUST_USE;

#endif
