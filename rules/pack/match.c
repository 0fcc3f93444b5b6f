/* SPDX-License-Identifier: MIT */
#include "pack_impl.h"
#include "rules/schema/schema.h"

const char *const pack_mode_names[3] = {"any", "thinking", "instant"};

const char *mode_name(enum mode m)
{
	return (unsigned)m < 3 ? pack_mode_names[m] : "?";
}

/* A star that does not fit takes one byte more, the last one alone: time is
 * bounded by the product of both lengths. */
bool glob_match(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n &&
			   (pattern.p[p] == '?' || pattern.p[p] == text.p[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

bool globs_match(const struct json *globs, struct str text)
{
	for (uint32_t i = 0; i < globs->n; i++)
		if (glob_match(json_text(globs->v[i]), text))
			return true;
	return false;
}

void model_bare(struct str model, char *out, size_t n)
{
	size_t i;

	for (i = model.n; i > 0 && model.p[i - 1] != '/'; i--)
		;
	model = str_skip(model, i);
	for (i = 0; i < model.n && i + 1 < n; i++) {
		char c = model.p[i];

		out[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	out[i] = '\0';
}

enum mode pack_mode(const struct pack *p, const struct json *root)
{
	if (!root)
		return MODE_ANY;
	for (unsigned i = 0; i < p->n_modes; i++) {
		if (!p->modes[i].when)
			return p->modes[i].mode;
		switch (schema_check(p->modes[i].when, root, NULL)) {
		case SCHEMA_VALID: return p->modes[i].mode;
		case SCHEMA_UNKNOWN: return MODE_ANY;
		case SCHEMA_INVALID: break;
		}
	}
	return MODE_ANY;
}
