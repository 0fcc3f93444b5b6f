/* SPDX-License-Identifier: MIT */
#include "print/jsonout.h"

#include <assert.h>

#include "print/text.h"

static void lead(struct jsonout *j)
{
	if (!j->after_key && j->depth) {
		if (j->filled[j->depth - 1])
			out_bytes(j->o, STR(","));
		j->filled[j->depth - 1] = true;
	}
	j->after_key = false;
}

void jsonout_open(struct jsonout *j, char bracket)
{
	lead(j);
	assert(j->depth < JSON_DEPTH);
	j->filled[j->depth++] = false;
	out_bytes(j->o, (struct str){&bracket, 1});
}

void jsonout_close(struct jsonout *j, char bracket)
{
	assert(j->depth > 0 && !j->after_key);
	j->depth--;
	out_bytes(j->o, (struct str){&bracket, 1});
}

void jsonout_key(struct jsonout *j, const char *name)
{
	jsonout_str(j, str_of(name));
	out_bytes(j->o, STR(":"));
	j->after_key = true;
}

void jsonout_null(struct jsonout *j)
{
	lead(j);
	out_bytes(j->o, STR("null"));
}

void jsonout_bool(struct jsonout *j, bool v)
{
	lead(j);
	out_bytes(j->o, v ? STR("true") : STR("false"));
}

void jsonout_u64(struct jsonout *j, uint64_t v)
{
	lead(j);
	out_f(j->o, "%llu", (unsigned long long)v);
}

void jsonout_i64(struct jsonout *j, int64_t v)
{
	lead(j);
	out_f(j->o, "%lld", (long long)v);
}

static void escape(struct out *o, uint32_t cp)
{
	static const char shorts[] = "\"\"\\\\\nn\rr\tt\bb\ff";

	for (const char *s = shorts; *s; s += 2) {
		if (cp == (unsigned char)*s) {
			out_f(o, "\\%c", s[1]);
			return;
		}
	}
	out_f(o, "\\u%04x", (unsigned)cp);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void jsonout_str(struct jsonout *j, struct str s)
{
	lead(j);
	out_bytes(j->o, STR("\""));
	while (s.n) {
		size_t n = 0;
		struct text_rune r;

		while (n < s.n && is_plain((unsigned char)s.p[n]))
			n++;
		out_bytes(j->o, (struct str){s.p, n});
		s = str_skip(s, n);
		if (!s.n)
			break;
		r = text_next(s);
		if (!r.ok)
			out_bytes(j->o, STR("\ufffd"));
		else if (r.cp < 0x80 || text_is_control(r.cp) ||
			 r.cp == 0x2028 || r.cp == 0x2029)
			escape(j->o, r.cp);
		else
			out_bytes(j->o, (struct str){s.p, r.n});
		s = str_skip(s, r.n);
	}
	out_bytes(j->o, STR("\""));
}

/* In JSON, what has to be escaped can stand in strings alone. */
void jsonout_raw(struct jsonout *j, struct str s)
{
	lead(j);
	while (s.n) {
		struct text_rune r = text_next(s);

		if (!r.ok)
			out_bytes(j->o, STR("\ufffd"));
		else if (r.cp >= 0x7f && text_is_control(r.cp))
			escape(j->o, r.cp);
		else
			out_bytes(j->o, (struct str){s.p, r.n});
		s = str_skip(s, r.n);
	}
}

void jsonout_base64(struct jsonout *j, struct str s)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
		"rstuvwxyz0123456789+/";

	lead(j);
	out_bytes(j->o, STR("\""));
	while (s.n) {
		size_t n = s.n < 3 ? s.n : 3;
		uint32_t v = 0;
		char four[4];

		for (size_t i = 0; i < 3; i++)
			v = v << 8 | (i < n ? (unsigned char)s.p[i] : 0);
		for (size_t i = 0; i < 4; i++)
			four[i] = i > n ? '=' : digit[v >> (18 - 6 * i) & 63];
		out_bytes(j->o, (struct str){four, 4});
		s = str_skip(s, n);
	}
	out_bytes(j->o, STR("\""));
}

void jsonout_hex(struct jsonout *j, struct str s)
{
	lead(j);
	out_bytes(j->o, STR("\""));
	for (size_t i = 0; i < s.n; i++)
		out_f(j->o, "%02x", (unsigned char)s.p[i]);
	out_bytes(j->o, STR("\""));
}

void jsonout_text(struct jsonout *j, const char *key, struct str s)
{
	jsonout_key(j, key);
	if (s.n)
		jsonout_str(j, s);
	else
		jsonout_null(j);
}

void jsonout_number(struct jsonout *j, const char *key, uint64_t v)
{
	jsonout_key(j, key);
	jsonout_u64(j, v);
}

void jsonout_truth(struct jsonout *j, const char *key, bool v)
{
	jsonout_key(j, key);
	jsonout_bool(j, v);
}

void jsonout_end_line(struct jsonout *j)
{
	assert(j->depth == 0);
	out_bytes(j->o, STR("\n"));
}
