/* SPDX-License-Identifier: MIT */
/*
 * What the vendor answers at which path: one table of endpoints, whose
 * answers live in raw.c, echo.c and chat.c.
 */
#ifndef VENDOR_ENDPOINTS_H
#define VENDOR_ENDPOINTS_H

#include "ex.h"

/* Never NULL: unknown paths and methods have endpoints of their own. */
const struct endpoint *endpoint_find(struct str path, struct str method);

/* Complains about the knob in ex->note. */
extern const struct endpoint endpoint_bad_knob;

/* raw.c: bodies for tests and benchmarks */
void raw_answer_bytes(struct ex *ex);
void raw_answer_stream(struct ex *ex);
void raw_answer_json(struct ex *ex);

/* echo.c: what of the request came through */
void echo_begin(struct ex *ex, const struct request *r);
void echo_answer(struct ex *ex);
void echo_answer_sink(struct ex *ex);
void echo_begin_ws(struct ex *ex, const struct request *r);
void echo_begin_tunnel(struct ex *ex, const struct request *r);
void echo_answer_upgrade(struct ex *ex);

#endif
