/* SPDX-License-Identifier: MIT */
/*
 * Is a body UTF-8? Checked piece by piece: a character that a piece ends in is
 * kept until it is whole, so that the answer is that of the whole body.
 */
#include "rules/meaning/chat_impl.h"

static unsigned utf8_length(unsigned char lead)
{
	if (lead < 0xc2 || lead > 0xf4)
		return 1;
	return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Could more bytes make a character of it? */
static bool is_beginning(struct str s)
{
	if (s.n >= utf8_length((unsigned char)s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (!is_continuation(s.p[i]))
			return false;
	}
	return true;
}

static void note_broken(struct chat *c, uint64_t offset)
{
	c->broken_utf8 = true;
	chat_quirk(c, QUIRK_invalid_utf8, offset, "%s", "");
}

/* Goes on with a character that began in the piece before. */
static struct str finish_character(struct chat *c, struct str s)
{
	struct buf *b = &c->utf8;
	uint64_t begun = c->a.bytes - b->n;

	while (s.n && is_continuation(s.p[0]) && is_beginning(buf_str(b))) {
		buf_addc(b, s.p[0]);
		s = str_skip(s, 1);
	}
	if (s.n == 0 && is_beginning(buf_str(b)))
		return s;
	if (utf8_check(buf_str(b)) != b->n)
		note_broken(c, begun);
	b->n = 0;
	return s;
}

void chat_check_utf8(struct chat *c, struct str s)
{
	struct str all = s, rest;
	size_t good;

	if (c->broken_utf8)
		return;
	if (c->utf8.n)
		s = finish_character(c, s);
	good = utf8_check(s);
	if (good == s.n)
		return;
	rest = str_skip(s, good);
	if (is_beginning(rest))
		buf_adds(&c->utf8, rest);
	else
		note_broken(c, c->a.bytes + (uint64_t)(rest.p - all.p));
}

void chat_end_utf8(struct chat *c)
{
	if (c->utf8.n && !c->broken_utf8)
		note_broken(c, c->a.bytes - c->utf8.n);
}

void chat_mend(struct chat *c)
{
	struct str s = c->source;

	c->mend.n = 0;
	while (s.n) {
		size_t good = utf8_check(s);

		buf_add(&c->mend, s.p, good);
		s = str_skip(s, good);
		if (s.n)
			buf_adds(&c->mend, STR("\xef\xbf\xbd"));
		s = str_skip(s, 1);
	}
	c->source = buf_str(&c->mend);
	c->source_exact = false;
	c->mended = c->any_mended = true;
}
