/* SPDX-License-Identifier: MIT */
#include "base/json_text.h"

/*
 * The character at the front of s: its length in bytes, and its number in
 * *c; 0 if no valid one begins there (RFC 3629: nothing overlong, no
 * surrogates, nothing above U+10FFFF).
 */
static size_t utf8_char(struct str s, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)s.p[0];
	size_t n = first < 0x80	  ? 1
		   : first < 0xc2 ? 0
		   : first < 0xe0 ? 2
		   : first < 0xf0 ? 3
		   : first < 0xf5 ? 4
				  : 0;

	if (n == 0 || n > s.n)
		return 0;
	*c = n == 1 ? first : first & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return n;
}

void json_quote(struct buf *to, struct str s)
{
	buf_addc(to, '"');
	while (s.n) {
		uint32_t c = 0;
		size_t n = utf8_char(s, &c);

		if (n == 0)
			buf_addf(to, "\\ufffd");
		else if (c == '"' || c == '\\')
			buf_addf(to, "\\%c", (char)c);
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			buf_addf(to, "\\u%04x", c);
		else
			buf_add(to, s.p, n);
		s = str_skip(s, n ? n : 1);
	}
	buf_addc(to, '"');
}
