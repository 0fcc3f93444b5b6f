/* SPDX-License-Identifier: MIT */
#include "rules/judge/finding.h"

#define NAME_(name, text) text,
static const char *const severities[] = {SEVERITIES(NAME_)};
static const char *const parties[] = {PARTIES(NAME_)};
static const char *const scopes[] = {SCOPES(NAME_)};

static int find(const char *const *names, int n, struct str name)
{
	for (int i = 0; i < n; i++)
		if (str_eq(str_of(names[i]), name))
			return i;
	return -1;
}

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
	return find(severities, SEVERITIES_N, name);
}

int party_of(struct str name)
{
	return find(parties, PARTIES_N, name);
}

int scope_of(struct str name)
{
	return find(scopes, SCOPES_N, name);
}
