/* SPDX-License-Identifier: MIT */
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>

bool fail_set(struct fail *f, enum fail_who who, const char *code,
	      const char *fmt, ...)
{
	va_list ap;

	f->who = who;
	snprintf(f->code, sizeof f->code, "%s", code);
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
	return false;
}

int fail_print(const struct fail *f)
{
	fprintf(stderr, "assay: %s [%s]\n", f->text, f->code);
	return 2;
}
