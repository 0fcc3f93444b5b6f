/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * A row of a table keeps the values it got in two layers, so that the order
 * in which command line and file are read does not matter:
 *
 *	rows[i] -> def	    "listen", OPTION_TEXT, preset "127.0.0.1:8787"
 *		   line	    { "[::1]:8787" }		  wins if given
 *		   file	    { "127.0.0.1:80", ... }	  else this
 *		   def->preset				  else this
 *
 * A layer wins as a whole: lists are not joined. Values are kept as the text
 * that was checked when it came, and turned into numbers when asked for.
 */
#include "base/options.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "base/options_impl.h"

static void values_add(struct option_values *to, struct str value)
{
	to->v = mem_grow(to->v, (to->n + 1) * sizeof *to->v);
	to->v[to->n++] = str_dup(value);
	to->given = true;
}

static void values_clear(struct option_values *v)
{
	for (unsigned i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	*v = (struct option_values){0};
}

static void check(const struct options *o)
{
	assert(o && o->magic == OPTIONS_MAGIC);
}

struct options *options_new(void)
{
	struct options *o = MEM_NEW(struct options);

	o->magic = OPTIONS_MAGIC;
	return o;
}

void options_free(struct options *o)
{
	if (!o)
		return;
	check(o);
	for (unsigned i = 0; i < o->n_rows; i++) {
		values_clear(&o->rows[i].line);
		values_clear(&o->rows[i].file);
	}
	values_clear(&o->args);
	free(o->rows);
	o->magic = 0;
	free(o);
}

struct option_row *options_find(const struct options *o, struct str name)
{
	check(o);
	for (unsigned i = 0; i < o->n_rows; i++) {
		if (str_eq(str_of(o->rows[i].def->name), name))
			return &o->rows[i];
	}
	return NULL;
}

void options_add(struct options *o, const struct option_def *defs,
		 const char *title)
{
	check(o);
	for (; defs->name; defs++) {
		char why[OPTION_WHY];

		assert(!options_find(o, str_of(defs->name)));
		assert(defs->kind == OPTION_FLAG || defs->arg);
		assert(!defs->preset ||
		       option_check(defs, str_of(defs->preset), why));
		o->rows = mem_grow(o->rows, (o->n_rows + 1) * sizeof *o->rows);
		o->rows[o->n_rows++] =
			(struct option_row){.def = defs, .title = title};
	}
}

void options_positional(struct options *o, unsigned at_least, unsigned at_most,
			const char *shown)
{
	check(o);
	o->at_least = at_least;
	o->at_most = at_most;
	o->shown = shown;
}

unsigned options_args(const struct options *o, const char *const **out)
{
	check(o);
	*out = (const char *const *)o->args.v;
	return o->args.n;
}

const char *options_nearest(const struct options *o, struct str name)
{
	const char **names = mem_alloc((o->n_rows + 1) * sizeof *names);
	const char *near;

	for (unsigned i = 0; i < o->n_rows; i++)
		names[i] = o->rows[i].def->name;
	names[o->n_rows] = "help";
	near = nearest_name(name, names, o->n_rows + 1);
	free(names);
	return near;
}

void options_store(const struct option_row *row, struct option_values *to,
		   struct str value)
{
	if (!(row->def->flags & OPTION_REPEAT))
		values_clear(to);
	values_add(to, value);
}

static bool unknown(const struct options *o, struct str arg, struct fail *f)
{
	int shown = arg.n > 60 ? 60 : (int)arg.n;
	struct str name = arg;
	const char *near;

	while (name.n && name.p[0] == '-')
		name = str_skip(name, 1);
	near = options_nearest(o, name);
	if (near)
		return fail_set(f, FAIL_USER, "bad_option",
				"unknown option %.*s: did you mean --%s?",
				shown, arg.p, near);
	return fail_set(f, FAIL_USER, "bad_option",
			"unknown option %.*s: --help lists them all", shown,
			arg.p);
}

static bool take_value(struct option_row *row, struct str value, struct fail *f)
{
	char why[OPTION_WHY];

	if (!option_check(row->def, value, why))
		return fail_set(f, FAIL_USER, "bad_value", "--%s: %s",
				row->def->name, why);
	options_store(row, &row->line, value);
	return true;
}

static bool missing(const struct option_row *row, struct fail *f)
{
	return fail_set(f, FAIL_USER, "missing_value",
			"--%s needs a value: --%s %s", row->def->name,
			row->def->name, row->def->arg);
}

/* "--name", "--name=value" or "--name" "value"; *i is at the first. */
static bool take_option(struct options *o, int argc, char **argv, int *i,
			struct fail *f)
{
	struct str rest = str_of(argv[*i] + 2), name = str_cut(&rest, '=');
	struct option_row *row = options_find(o, name);

	if (!row)
		return unknown(o, (struct str){argv[*i], name.n + 2}, f);
	if (rest.p)
		return rest.n ? take_value(row, rest, f) : missing(row, f);
	if (row->def->kind == OPTION_FLAG)
		return take_value(row, STR("true"), f);
	/* What looks like an option is one: a forgotten value is likelier
	 * than a value that begins with two dashes. */
	if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
		return missing(row, f);
	return take_value(row, str_of(argv[++*i]), f);
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

static bool count_args(const struct options *o, struct fail *f)
{
	if (o->args.n > o->at_most)
		return fail_set(f, FAIL_USER, "bad_option",
				"unexpected argument \"%.60s\": %s%s",
				o->args.v[o->at_most],
				o->at_most ? "wanted is only "
					   : "options begin with --",
				o->at_most ? o->shown : "");
	if (o->args.n < o->at_least)
		return fail_set(f, FAIL_USER, "missing_value",
				"an argument is missing: %s", o->shown);
	return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct fail *f)
{
	bool only_args = false;

	check(o);
	o->wants_help = asks_for_help(argc, argv);
	if (o->wants_help)
		return true;
	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i];

		if (only_args || arg[0] != '-' || arg[1] == '\0')
			values_add(&o->args, str_of(arg));
		else if (strcmp(arg, "--") == 0)
			only_args = true;
		else if (arg[1] != '-')
			return unknown(o, str_of(arg), f);
		else if (!take_option(o, argc, argv, &i, f))
			return false;
	}
	return count_args(o, f);
}

bool options_wants_help(const struct options *o)
{
	check(o);
	return o->wants_help;
}

static const struct option_row *row_of(const struct options *o,
				       const char *name)
{
	const struct option_row *row = options_find(o, str_of(name));

	assert(row && "an option that no table has");
	return row;
}

bool options_given(const struct options *o, const char *name)
{
	const struct option_row *row = row_of(o, name);

	return row->line.n || row->file.n;
}

unsigned options_list(const struct options *o, const char *name,
		      const char *const **out)
{
	const struct option_row *row = row_of(o, name);
	const struct option_values *v =
		row->line.given ? &row->line : &row->file;

	if (v->n) {
		*out = (const char *const *)v->v;
		return v->n;
	}
	*out = &row->def->preset;
	return row->def->preset ? 1 : 0;
}

const char *options_text(const struct options *o, const char *name)
{
	const char *const *v;

	return options_list(o, name, &v) ? v[0] : NULL;
}

bool options_flag(const struct options *o, const char *name)
{
	const char *v = options_text(o, name);

	assert(row_of(o, name)->def->kind == OPTION_FLAG);
	return v && strcmp(v, "true") == 0;
}

uint64_t options_number(const struct options *o, const char *name)
{
	const struct option_row *row = row_of(o, name);
	const char *v = options_text(o, name);
	uint64_t n = 0;
	bool ok = !v || option_number(row->def->kind, str_of(v), &n);

	assert(ok && "not a number's kind");
	return n;
}
