/* SPDX-License-Identifier: MIT */
/*
 * The head of an answer.
 *
 *	reply_start(ex, 200, STR("application/json"));
 *	reply_field(ex, STR("x-request-id"), "req_%016llx", id);
 *	... and, by the transport, once: framing = reply_seal(ex);
 */
#ifndef VENDOR_REPLY_H
#define VENDOR_REPLY_H

#include "ex.h"

void reply_start(struct ex *ex, unsigned status, struct str type);

/* A field whose name and value are constants (or outlive the exchange). */
void reply_const(struct ex *ex, struct str name, struct str value);

/* A field whose value is copied. */
void reply_field(struct ex *ex, struct str name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The body is ex->reply.body, complete. */
void reply_fixed(struct ex *ex);

/* An error in the shape of the dialect that was asked. */
void reply_error(struct ex *ex, unsigned status, const char *code,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* 400 about a parameter, or about none (NULL). */
void reply_refuse(struct ex *ex, const char *param, const char *why);

/* What the knob `status` asks for. */
void reply_fault_status(struct ex *ex);

/*
 * Adds the fields of framing and of the faults that need no more than
 * fields, and says how the body is to be framed. h1 adds transfer-encoding
 * and connection itself.
 */
enum framing reply_seal(struct ex *ex);

/* Trailer fields of the answer, valid once the body is drained. */
size_t reply_trailers(struct ex *ex, struct field *two);

const char *reply_reason(unsigned status);

#endif
