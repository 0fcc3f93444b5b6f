/* SPDX-License-Identifier: MIT */
#include "rules/judge/check.h"

#define ROW_(name, family, args, about) {#name, args, about, check_##name},
const struct check check_rows[] = {CHECKS(ROW_)};
const unsigned check_rows_n = sizeof check_rows / sizeof check_rows[0];

const struct check *check_named(struct str name)
{
	for (unsigned i = 0; i < check_rows_n; i++)
		if (str_eq(str_of(check_rows[i].name), name))
			return &check_rows[i];
	return NULL;
}

bool check_status_decides(unsigned status)
{
	switch (status) {
	case 401:
	case 402:
	case 403:
	case 404:
	case 405:
	case 407:
	case 408:
	case 409:
	case 425:
	case 429: return false;
	default:
		return (status >= 200 && status < 300) ||
		       (status >= 400 && status < 500);
	}
}

enum reception check_reception(const struct check_case *c)
{
	if (!c->answered || !check_whole(c) || !check_status_decides(c->status))
		return RECEPTION_NONE;
	if (c->status < 300)
		return c->a->error ? RECEPTION_NONE : RECEPTION_SERVED;
	return c->a->error ? RECEPTION_REFUSED : RECEPTION_NONE;
}

const struct check *check_of_request(struct str name)
{
	if (str_eq(name, STR("mfjs")) || str_eq(name, STR("tool_name_twice")))
		return check_named(name);
	return NULL;
}
