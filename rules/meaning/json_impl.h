/* SPDX-License-Identifier: MIT */
/* What the files that implement json.h share. Nobody else includes it. */
#ifndef MEANING_JSON_IMPL_H
#define MEANING_JSON_IMPL_H

#include "rules/meaning/json.h"

/* Does this object say a name twice? */
bool json_has_duplicates(struct json *o);

#endif
