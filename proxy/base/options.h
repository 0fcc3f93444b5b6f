/* SPDX-License-Identifier: MIT */
/*
 * Options from one table: the same rows drive parsing, --help, the JSON
 * configuration file and the README.
 *
 *	static const struct option_def defs[] = {
 *		{"trail", OPTION_PATH, "FILE", "assay.db", 0, "where ..."},
 *		{0}};
 *	struct options *o = options_new();
 *	options_add(o, defs, "Recording");
 *	if (!options_parse(o, argc, argv, &f)) ...
 *	options_text(o, "trail")
 *
 * The command line wins over the configuration file, that over defaults.
 * Rows of several tables (an upper room's too) live in one namespace; a name
 * that is taken twice is a bug.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdio.h>

#include "base/fail.h"
#include "base/str.h"

enum option_kind {
	OPTION_FLAG,	 /* true when given; no argument */
	OPTION_TEXT,	 /* any text */
	OPTION_PATH,	 /* a file's path */
	OPTION_COUNT,	 /* a whole number >= 0 */
	OPTION_SIZE,	 /* bytes: 512, 64K, 64M, 2G */
	OPTION_DURATION, /* ns: 10, 10s, 250ms, 5m, 2h; a bare number is s */
	OPTION_CHOICE,	 /* one of "a|b|c" as `arg` says */
};

enum {
	OPTION_REPEAT = 1,	   /* may be given several times */
	OPTION_LINE_ONLY = 1 << 1, /* not in a configuration file */
};

struct option_def {
	const char *name; /* without "--"; NULL ends a table */
	enum option_kind kind;
	const char *arg;    /* shown in help: "FILE", "auto|1.1|2" */
	const char *preset; /* the default as text, or NULL: not set */
	unsigned flags;
	const char *help; /* one sentence, wrapped by the printer */
};

struct options;

struct options *options_new(void);
void options_free(struct options *o);
void options_add(struct options *o, const struct option_def *defs,
		 const char *title);

/*
 * argv without the command's name. `--name VALUE` or `--name=VALUE`; a flag
 * that the file sets is unset by `--name=false`; `--` ends options. An option
 * that does not repeat keeps what came last. Positional arguments are
 * collected; they are an error unless options_positional() allowed them. Codes:
 * bad_option (names the nearest), bad_value, missing_value.
 */
bool options_parse(struct options *o, int argc, char **argv,
		   struct fail *f) MUST_USE;
void options_positional(struct options *o, unsigned at_least, unsigned at_most,
			const char *shown);
unsigned options_args(const struct options *o, const char *const **out);

/* Reads a JSON object of the same names; arrays for repeatable ones. Codes:
 * bad_config with line, unknown names with the nearest. */
bool options_config(struct options *o, const char *path,
		    struct fail *f) MUST_USE;

/* "--help" was given. */
bool options_wants_help(const struct options *o);
/* Usage, in `width` columns. `about` opens it, `tail` (examples) ends it. */
void options_help(const struct options *o, FILE *out, unsigned width,
		  const char *usage, const char *about, const char *tail);
/* Columns of the terminal behind `out`, or 80. */
unsigned options_width(FILE *out);
/* The table of the README, in Markdown. */
void options_markdown(const struct options *o, FILE *out);

/* Values. Asking for a name that no table has is a bug. */
bool options_given(const struct options *o, const char *name);
bool options_flag(const struct options *o, const char *name);
const char *options_text(const struct options *o, const char *name);
uint64_t options_number(const struct options *o, const char *name);
unsigned options_list(const struct options *o, const char *name,
		      const char *const **out);

#endif
