/* SPDX-License-Identifier: MIT */
#include "print/xml.h"

#include "print/text.h"

static void add(struct buf *to, char c)
{
	switch (c) {
	case '<': buf_adds(to, STR("&lt;")); break;
	case '>': buf_adds(to, STR("&gt;")); break;
	case '&': buf_adds(to, STR("&amp;")); break;
	case '"': buf_adds(to, STR("&quot;")); break;
	default: buf_addc(to, (unsigned char)c < 0x20 || c == 0x7f ? '?' : c);
	}
}

void xml_text(struct buf *to, struct str s)
{
	struct buf tame = {0};

	text_tame(&tame, s, TEXT_LINE);
	for (size_t i = 0; i < tame.n; i++)
		add(to, tame.p[i]);
	buf_free(&tame);
}
