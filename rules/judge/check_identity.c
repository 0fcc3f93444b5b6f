/* SPDX-License-Identifier: MIT */
#include "rules/judge/identity_impl.h"

enum verdict check_identity(const struct check_case *c, const struct rule *r,
			    struct check_result *out)
{
	int what = identity_what_of(check_arg(r, STR("what")));
	const struct identity_known *last;
	enum verdict v = VERDICT_PASS;
	struct buf scratch = {0};
	struct str value;
	uint64_t key;
	size_t n;

	if (what < 0)
		return VERDICT_NONE;
	value = identity_value(c, (enum identity_what)what, &scratch);
	key = identity_key(c, (enum identity_what)what);
	last = identity_last(c->identity, key, &n);
	if (value.n == 0) {
		v = VERDICT_NONE;
	} else if (last && n < IDENTITY_OF_KEY &&
		   !identity_find(c->identity, key, value)) {
		v = check_fail(out, "%.*s", STR_ARG(check_clip(value, 120)));
		check_expect(out, "%.*s, as before", last->text_n, last->text);
	}
	buf_free(&scratch);
	return v;
}
