/* SPDX-License-Identifier: MIT */
/* Options for reading: --help in a terminal, and the README's table. */
#include <assert.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/options_impl.h"

#define WIDTH_LEAST 40

/* Where what an option does is written: narrow terminals need the room. */
static unsigned column_of(unsigned width)
{
	return width < 64 ? 6 : 28;
}

unsigned options_width(FILE *out)
{
	struct winsize w;

	if (ioctl(fileno(out), TIOCGWINSZ, &w) == 0 && w.ws_col >= WIDTH_LEAST)
		return w.ws_col;
	return 80;
}

/* UTF-8 continuation bytes take no column. */
static unsigned columns(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/*
 * Writes words with line breaks before `width`; lines after the first begin
 * at `indent`. The cursor stands at `at`.
 */
static void wrap(FILE *out, struct str text, unsigned indent, unsigned at,
		 unsigned width)
{
	bool first = true;

	while (text.p) {
		struct str word = str_cut(&text, ' ');
		unsigned n = columns(word);

		if (n == 0)
			continue;
		if (!first && at + 1 + n > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			fputc(' ', out);
			at++;
		}
		fwrite(word.p, 1, word.n, out);
		at += n;
		first = false;
	}
	fputc('\n', out);
}

/* Paragraphs are wrapped; lines that begin with a blank are left alone. */
static void wrap_text(FILE *out, const char *text, unsigned width)
{
	struct str rest = str_of(text);

	while (rest.p) {
		struct str line = str_cut(&rest, '\n');

		if (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
			fprintf(out, "%.*s\n", STR_ARG(line));
		else
			wrap(out, line, 0, 0, width);
	}
}

/* "Where. (default: x; may be given several times)" */
static void describe(const struct option_def *d, struct buf *to)
{
	bool repeats = d->flags & OPTION_REPEAT;

	buf_adds(to, str_of(d->help));
	if (!d->preset && !repeats)
		return;
	buf_addf(to, " (");
	if (d->preset)
		buf_addf(to, "default: %s", d->preset);
	buf_addf(to, "%s%s)", d->preset && repeats ? "; " : "",
		 repeats ? "may be given several times" : "");
}

static void help_row(FILE *out, const char *name, const char *arg,
		     struct str text, unsigned width)
{
	unsigned column = column_of(width);
	int n = fprintf(out, "  --%s%s%s", name, arg ? " " : "",
			arg ? arg : "");

	if (n + 2 > (int)column) {
		fprintf(out, "\n");
		n = 0;
	}
	fprintf(out, "%*s", (int)column - n, "");
	wrap(out, text, column, column, width);
}

void options_help(const struct options *o, FILE *out, unsigned width,
		  const char *usage, const char *about, const char *tail)
{
	const char *title = NULL;

	assert(o && o->magic == OPTIONS_MAGIC);
	if (width < WIDTH_LEAST)
		width = WIDTH_LEAST;
	fprintf(out, "usage: %s\n", usage);
	if (about) {
		fputc('\n', out);
		wrap_text(out, about, width);
	}
	for (unsigned i = 0; i < o->n_rows; i++) {
		const struct option_def *d = o->rows[i].def;
		struct buf text = {0};

		if (!title || strcmp(title, o->rows[i].title) != 0)
			fprintf(out, "\n%s:\n", o->rows[i].title);
		title = o->rows[i].title;
		describe(d, &text);
		help_row(out, d->name, d->arg, buf_str(&text), width);
		buf_free(&text);
	}
	if (o->n_rows == 0)
		fputc('\n', out);
	help_row(out, "help", NULL, STR("This text."), width);
	if (tail) {
		fputc('\n', out);
		wrap_text(out, tail, width);
	}
}

/* In a table cell a bar must be escaped, even in code. */
static void cell(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void markdown_row(FILE *out, const struct option_def *d)
{
	fprintf(out, "| `--%s%s", d->name, d->arg ? " " : "");
	cell(out, d->arg);
	fprintf(out, "` | ");
	if (d->preset) {
		fputc('`', out);
		cell(out, d->preset);
		fputc('`', out);
	}
	fprintf(out, " | ");
	cell(out, d->help);
	fprintf(out, "%s |\n",
		d->flags & OPTION_REPEAT ? " May be given several times." : "");
}

void options_markdown(const struct options *o, FILE *out)
{
	const char *title = NULL;

	assert(o && o->magic == OPTIONS_MAGIC);
	for (unsigned i = 0; i < o->n_rows; i++) {
		const struct option_row *row = &o->rows[i];

		if (!title || strcmp(title, row->title) != 0)
			fprintf(out, "%s| %s | default | |\n|---|---|---|\n",
				title ? "\n" : "", row->title);
		title = row->title;
		markdown_row(out, row->def);
	}
}
