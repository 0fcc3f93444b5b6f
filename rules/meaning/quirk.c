/* SPDX-License-Identifier: MIT */
#include "rules/meaning/quirk.h"

#define QUIRK_ROW_(name, dialects, forms, about, due)                          \
	{#name, dialects, forms, about, due},

const struct quirk_row quirk_rows[QUIRKS] = {CHAT_QUIRKS(QUIRK_ROW_)};

int quirk_of(struct str name)
{
	for (int q = 0; q < QUIRKS; q++) {
		if (str_eq(name, str_of(quirk_rows[q].name)))
			return q;
	}
	return -1;
}
