/* SPDX-License-Identifier: MIT */
#include "record/evidence.h"

#define NAME_(name, text, about) text,

static const char *const kinds[] = {EVIDENCE_KINDS(NAME_)};
static const char *const outcomes[] = {EVIDENCE_OUTCOMES(NAME_)};
static const char *const marks[] = {EVIDENCE_MARKS(NAME_)};

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
	return str_among(name, kinds, EV_KINDS);
}

int ev_outcome_of(struct str name)
{
	return str_among(name, outcomes, EV_OUTCOMES);
}
