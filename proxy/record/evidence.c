/* SPDX-License-Identifier: MIT */
#include "record/evidence.h"

#define NAME_(name, text, about) text,

static const char *const kinds[] = {EVIDENCE_KINDS(NAME_)};
static const char *const outcomes[] = {EVIDENCE_OUTCOMES(NAME_)};
static const char *const marks[] = {EVIDENCE_MARKS(NAME_)};

static int find(const char *const *names, int n, struct str name)
{
	for (int i = 0; i < n; i++)
		if (str_eq(str_of(names[i]), name))
			return i;
	return -1;
}

const char *ev_kind_name(enum ev_kind k)
{
	return (unsigned)k < EV_KINDS ? kinds[k] : "?";
}

const char *ev_outcome_name(enum ev_outcome o)
{
	return (unsigned)o < EV_OUTCOMES ? outcomes[o] : "?";
}

const char *ev_mark_name(enum ev_mark m)
{
	return (unsigned)m < EV_MARKS ? marks[m] : "?";
}

int ev_kind_of(struct str name)
{
	return find(kinds, EV_KINDS, name);
}

int ev_outcome_of(struct str name)
{
	return find(outcomes, EV_OUTCOMES, name);
}
