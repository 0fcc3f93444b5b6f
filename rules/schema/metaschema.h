/* SPDX-License-Identifier: MIT */
/* The documents that describe draft 2020-12 itself. */
#ifndef SCHEMA_METASCHEMA_H
#define SCHEMA_METASCHEMA_H

#include "base/str.h"

#define METASCHEMA_2020 "https://json-schema.org/draft/2020-12/schema"

/* The text of one, by its address without a fragment; p == NULL if it is none
 * of them. Static. */
struct str metaschema_text(struct str uri);

#endif
