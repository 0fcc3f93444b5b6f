/* SPDX-License-Identifier: MIT */
/* References of RFC 3986, as far as $id and $ref need them. */
#ifndef SCHEMA_URI_H
#define SCHEMA_URI_H

#include "rules/meaning/json.h"

/* Cuts "#..." off; p == NULL if there is none. */
struct str uri_without_fragment(struct str uri, struct str *fragment);

/* `ref`, seen from `base`; neither has a fragment. The text lives in d, or
 * is one of the two. */
struct str uri_resolve(struct json_doc *d, struct str base, struct str ref);

/* "%20" as what it means; lives in d, or is s. */
struct str uri_decode(struct json_doc *d, struct str s);

#endif
