/* SPDX-License-Identifier: MIT */
/* The two faces of `assay replay show`: for people and for programs. */
#ifndef REPLAY_SHOW_H
#define REPLAY_SHOW_H

#include "exhibit.h"
#include "print/out.h"

/* What of the exchange is asked for. */
struct show_parts {
	bool side[EV_SIDES];
	bool heads, bodies, timing, summary;
};

void show_text(struct out *o, const struct exhibit *x, const char *trail,
	       const struct show_parts *p);
void show_json(struct out *o, const struct exhibit *x, const char *trail,
	       const struct show_parts *p);

/* The bytes of a body for reading; used by show_text(). */
void show_body(struct out *o, const struct exhibit_body *b);

/* May a reader take it for text: valid UTF-8 without NUL, or declared so? */
bool show_is_text(const struct exhibit_body *b);

#endif
