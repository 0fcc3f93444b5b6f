/* SPDX-License-Identifier: MIT */
#include "rules/judge/finding.h"

#define NAME_(name, text) text,
static const char *const severities[] = {SEVERITIES(NAME_)};
static const char *const parties[] = {PARTIES(NAME_)};
static const char *const scopes[] = {SCOPES(NAME_)};

const char *severity_name(enum severity s)
{
	return (unsigned)s < SEVERITIES_N ? severities[s] : "?";
}

const char *party_name(enum party p)
{
	return (unsigned)p < PARTIES_N ? parties[p] : "?";
}

const char *scope_name(enum scope s)
{
	return (unsigned)s < SCOPES_N ? scopes[s] : "?";
}

int severity_of(struct str name)
{
	return str_among(name, severities, SEVERITIES_N);
}

int party_of(struct str name)
{
	return str_among(name, parties, PARTIES_N);
}

int scope_of(struct str name)
{
	return str_among(name, scopes, SCOPES_N);
}
