/* SPDX-License-Identifier: MIT */
#include "bugs.h"

#include "text.h"

struct row {
	struct str name; /* p == NULL: a title, in help */
	const char *dialects, *forms, *help;
};

#define ROW_PART(title) {{NULL, 0}, "", "", title},
#define ROW_BUG(name, dialects, forms, help)                                   \
	{STR(#name), dialects, forms, help},
#define BUG_ROW(name, dialects, forms, help) {dialects, forms},

static const struct row rows[] = {BUGS(ROW_PART, ROW_BUG)};

/* By enum bug: without the titles. */
static const struct {
	const char *dialects, *forms;
} where[] = {BUGS(BUG_SKIP_, BUG_ROW)};

static bool add(struct bugs *b, struct str name)
{
	unsigned bug = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].name.p)
			continue;
		if (str_eq(rows[i].name, name)) {
			b->bits[bug / 64] |= (uint64_t)1 << bug % 64;
			return true;
		}
		bug++;
	}
	return false;
}

bool bugs_parse(struct bugs *b, struct str names)
{
	while (names.p)
		if (!add(b, text_cut(&names, '+')))
			return false;
	return true;
}

void bugs_confine(struct bugs *b, char dialect, bool streamed)
{
	for (unsigned i = 0; i < N_BUGS; i++)
		if (!strchr(where[i].dialects, dialect) ||
		    !strchr(where[i].forms, streamed ? 's' : 'w'))
			b->bits[i / 64] &= ~((uint64_t)1 << i % 64);
}

void bugs_help(FILE *to)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (r->name.p)
			fprintf(to, "    %-24.*s %-4s %-2s  %s\n",
				STR_ARG(r->name), r->dialects, r->forms,
				r->help);
		else
			fprintf(to, "\n  %s\n", r->help);
	}
}
