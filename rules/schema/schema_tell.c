/* SPDX-License-Identifier: MIT */
/* Where and how a fault is told: pointers and excerpts, cut to fit. */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "rules/schema/schema_impl.h"

/* Text that ends in "..." where it does not fit, never inside a character. */
struct told {
	char *p;
	size_t n, cap;
	bool full;
};

static void put(struct told *t, const char *p, size_t n)
{
	if (t->full)
		return;
	if (t->n + n < t->cap) {
		memcpy(t->p + t->n, p, n);
		t->n += n;
		return;
	}
	t->full = true;
	n = t->cap - 1 - t->n;
	memcpy(t->p + t->n, p, n);
	t->n = t->cap - 4;
	while (t->n && ((unsigned char)t->p[t->n] & 0xc0) == 0x80)
		t->n--;
	memcpy(t->p + t->n, "...", 3);
	t->n += 3;
}

static void end(struct told *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strchr("\t\n\r", t->p[i]))
			t->p[i] = ' ';
	}
	t->p[t->n] = '\0';
	log_tame(t->p, t->n);
}

/* The way down to a value, in the caller's frames. */
struct way {
	const struct way *up;
	const struct json *at;
	uint32_t i; /* of which child of up */
};

static void put_way(struct told *t, const struct way *w)
{
	char index[16];

	if (!w->up)
		return;
	put_way(t, w->up);
	put(t, "/", 1);
	if (w->up->at->kind == JSON_ARRAY) {
		snprintf(index, sizeof(index), "%u", w->i);
		put(t, index, strlen(index));
		return;
	}
	for (size_t i = 0; i < w->at->key.n && !t->full; i++) {
		char c = w->at->key.p[i];
		if (c == '~' || c == '/')
			put(t, c == '~' ? "~0" : "~1", 2);
		else
			put(t, &c, 1);
	}
}

static bool find(struct told *t, const struct way *w, const struct json *target)
{
	if (w->at == target) {
		put_way(t, w);
		return true;
	}
	for (uint32_t i = 0; i < w->at->n; i++) {
		struct way down = {w, w->at->v[i], i};
		if (find(t, &down, target))
			return true;
	}
	return false;
}

void tell_pointer(char *out, size_t cap, const struct json *root,
		  const struct json *node)
{
	struct told t = {.p = out, .cap = cap};
	struct way w = {.at = root};

	find(&t, &w, node);
	end(&t);
}

void tell_value(char *out, size_t cap, const struct json *j)
{
	struct told t = {.p = out, .cap = cap};

	if (j->kind == JSON_STRING)
		put(&t, "\"", 1);
	put(&t, j->raw.p ? j->raw.p : "", j->raw.n);
	if (j->kind == JSON_STRING)
		put(&t, "\"", 1);
	end(&t);
}

void tell_types(char out[TELL_TYPES], unsigned types)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = {
		{"object", 1u << JSON_OBJECT}, {"array", 1u << JSON_ARRAY},
		{"string", 1u << JSON_STRING}, {"integer", TYPE_WHOLE},
		{"number", 1u << JSON_NUMBER}, {"boolean", 1u << JSON_TRUE},
		{"null", 1u << JSON_NULL},
	};
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (types & known[i].bit)
			n += (size_t)snprintf(out + n, TELL_TYPES - n, "%s%s",
					      n ? " or " : "", known[i].name);
	}
}

static void put_text(char *out, size_t cap, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void put_text(char *out, size_t cap, const char *fmt, va_list ap)
{
	struct told t = {.p = out, .cap = cap};
	char text[512];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	put(&t, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
	end(&t);
}

enum schema_verdict run_fault(struct run *r, const struct json *at,
			      const char *keyword, const char *expected, ...)
{
	struct schema_fault *f = r->fault;
	va_list ap;

	if (!f || r->quiet)
		return SCHEMA_INVALID;
	tell_pointer(f->at, sizeof(f->at), r->instance, at);
	snprintf(f->keyword, sizeof(f->keyword), "%s", keyword);
	va_start(ap, expected);
	put_text(f->expected, sizeof(f->expected), expected, ap);
	va_end(ap);
	tell_value(f->observed, sizeof(f->observed), at);
	return SCHEMA_INVALID;
}

enum schema_verdict run_observe(struct run *r, const char *observed, ...)
{
	va_list ap;

	if (!r->fault || r->quiet)
		return SCHEMA_INVALID;
	va_start(ap, observed);
	put_text(r->fault->observed, sizeof(r->fault->observed), observed, ap);
	va_end(ap);
	return SCHEMA_INVALID;
}

enum schema_verdict run_unknown(struct run *r, const char *what,
				const char *why)
{
	struct schema_fault *f = r->fault;

	if (f) {
		*f = (struct schema_fault){0};
		snprintf(f->keyword, sizeof(f->keyword), "%s", what);
		snprintf(f->observed, sizeof(f->observed), "%s", why);
	}
	return SCHEMA_UNKNOWN;
}
