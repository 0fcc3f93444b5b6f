/* SPDX-License-Identifier: MIT */
/* Text of strangers inside XML 1.0: JUnit's reports. */
#ifndef PRINT_XML_H
#define PRINT_XML_H

#include "base/buf.h"

/* Appends it as one line, for an attribute or between tags: tamed (text.h),
 * and what XML cannot hold is '?'. */
void xml_text(struct buf *to, struct str s);

#endif
