/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. One pass from left to right. Nodes come from the document's arena;
 * the children of what is open lie on one stack and move to the arena when
 * their parent closes:
 *
 *	[1,{"a":2}	stack: 1 {      while { is read:  1 | 2
 *						open at ------'
 * Strings are validated as UTF-8 while their end is looked for, eight bytes
 * at a time where they are plain.
 */
#include <endian.h>
#include <stdlib.h>

#include "base/mem.h"
#include "rules/meaning/json_impl.h"

enum {
	DEPTH_DEFAULT = 512,
	NODES_DEFAULT = 4 << 20,
	BLOCK_FIRST = 4 << 10,
	BLOCK_MOST = 1 << 20,
};

struct block {
	struct block *next;
	size_t n, cap;
	_Alignas(16) char bytes[];
};

struct json_doc {
	struct block *blocks; /* the newest first */
	size_t size;
	struct json **stack;
	size_t n, cap;
};

/* ---- memory ---- */

struct json_doc *json_doc_new(void)
{
	return MEM_NEW(struct json_doc);
}

static void drop_blocks(struct json_doc *d, struct block *keep)
{
	while (d->blocks) {
		struct block *b = d->blocks;

		d->blocks = b->next;
		if (b != keep)
			free(b);
	}
	d->blocks = keep;
	d->size = 0;
	if (keep) {
		keep->next = NULL;
		keep->n = 0;
		d->size = keep->cap;
	}
}

void json_doc_free(struct json_doc *d)
{
	if (!d)
		return;
	drop_blocks(d, NULL);
	free(d->stack);
	free(d);
}

void json_doc_reset(struct json_doc *d)
{
	struct block *keep = d->blocks;

	if (keep && keep->cap > BLOCK_MOST)
		keep = NULL;
	drop_blocks(d, keep);
}

static void more_memory(struct json_doc *d, size_t n)
{
	size_t cap = d->blocks ? d->blocks->cap * 2 : BLOCK_FIRST;
	struct block *b;

	cap = cap > BLOCK_MOST ? BLOCK_MOST : cap;
	cap = cap < n ? n : cap;
	b = mem_alloc(sizeof *b + cap);
	b->n = 0;
	b->cap = cap;
	b->next = d->blocks;
	d->blocks = b;
	d->size += cap;
}

void *json_doc_alloc(struct json_doc *d, size_t n)
{
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (!d->blocks || d->blocks->cap - d->blocks->n < n)
		more_memory(d, n);
	p = d->blocks->bytes + d->blocks->n;
	d->blocks->n += n;
	return p;
}

size_t json_doc_size(const struct json_doc *d)
{
	return d->size;
}

/* ---- the reader ---- */

struct reader {
	struct json_doc *doc;
	const char *start, *p, *end;
	unsigned depth, max_depth;
	size_t nodes, max_nodes;
	struct json_error *error;
};

static bool wrong(struct reader *r, const char *why)
{
	*r->error = (struct json_error){.offset = (size_t)(r->p - r->start),
					.why = why,
					.truncated = r->p == r->end};
	return false;
}

static bool over(struct reader *r, const char *why)
{
	wrong(r, why);
	r->error->limit = true;
	r->error->truncated = false;
	return false;
}

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' ||
				 *r->p == '\r' || *r->p == '\t'))
		r->p++;
}

static struct json *node(struct reader *r, enum json_kind kind)
{
	struct json *j = json_doc_alloc(r->doc, sizeof *j);

	*j = (struct json){.kind = (uint8_t)kind, .doc = r->doc};
	return j;
}

static void push(struct json_doc *d, struct json *j)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 64;
		d->stack = mem_grow(d->stack, d->cap * sizeof *d->stack);
	}
	d->stack[d->n++] = j;
}

/* ---- strings ---- */

#define EACH(byte) (0x0101010101010101ull * (byte))

/*
 * The first of eight bytes that is not ASCII, or is a quote, a backslash or a
 * control: its high bit is the lowest that is set. 0: there is none.
 */
static uint64_t special8(const char *p)
{
	uint64_t v, quote, back;

	memcpy(&v, p, 8);
	v = le64toh(v);
	quote = v ^ EACH('"');
	back = v ^ EACH('\\');
	return ((v - EACH(0x20)) | (quote - EACH(1)) | (back - EACH(1)) | v) &
	       EACH(0x80);
}

static const char *skip_plain(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t special = special8(p);

		if (special)
			return p + __builtin_ctzll(special) / 8;
	}
	return p;
}

/* Bytes of a valid character of several bytes; 0: it is none. What lies
 * behind the end is taken to be right: *cut says so. */
static unsigned utf8_length(const char *p, const char *end, bool *cut)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t left = (size_t)(end - p);
	unsigned n = u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;

	if (n == 0 || u[0] > 0xf4)
		return 0;
	*cut = left < n;
	n = *cut ? (unsigned)left : n;
	for (unsigned i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	if (n > 1 &&
	    ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	     (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f)))
		return 0;
	return n;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Four hex digits behind the 'u'; -1: there are fewer. */
static int read_unit(struct reader *r)
{
	int v = 0;

	r->p++;
	for (int i = 0; i < 4; i++, r->p++) {
		int digit = r->p < r->end ? hex_digit(*r->p) : -1;

		if (digit < 0) {
			wrong(r, "an escape without four hex digits");
			return -1;
		}
		v = v << 4 | digit;
	}
	return v;
}

static bool is_high(int unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(int unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

/* Is the lower half of a character here? Reads nothing. */
static bool low_follows(const struct reader *r)
{
	const char *p = r->p;

	/* \uDC00 .. \uDFFF */
	return r->end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
	       (p[2] | 0x20) == 'd' && hex_digit(p[3]) >= 0xc &&
	       hex_digit(p[4]) >= 0 && hex_digit(p[5]) >= 0;
}

/* At the character behind a backslash. */
static bool read_escape(struct reader *r, struct json *j)
{
	int unit;

	j->escaped = true;
	if (r->p == r->end)
		return wrong(r, "a string without its end");
	if (*r->p != 'u') {
		if (!strchr("\"\\/bfnrt", *r->p) || *r->p == 0)
			return wrong(r, "an escape that JSON does not have");
		r->p++;
		return true;
	}
	unit = read_unit(r);
	if (unit < 0)
		return false;
	if (is_high(unit) && low_follows(r))
		r->p += 6;
	else if (is_high(unit) || is_low(unit))
		j->surrogates = true;
	return true;
}

/* At a character of several bytes. */
static bool read_character(struct reader *r)
{
	bool cut = false;
	unsigned n = utf8_length(r->p, r->end, &cut);

	if (n == 0)
		return wrong(r, "not UTF-8");
	r->p += n;
	return !cut || wrong(r, "a string without its end");
}

/* Behind the opening quote. */
static bool read_string(struct reader *r, struct json *j)
{
	const char *from = r->p;

	for (;;) {
		r->p = skip_plain(r->p, r->end);
		if (r->p == r->end)
			return wrong(r, "a string without its end");
		if (*r->p == '"')
			break;
		if (*r->p == '\\') {
			r->p++;
			if (!read_escape(r, j))
				return false;
		} else if ((unsigned char)*r->p < 0x20) {
			return wrong(r, "a control character in a string");
		} else if ((unsigned char)*r->p < 0x80) {
			r->p++;
		} else if (!read_character(r)) {
			return false;
		}
	}
	j->raw = (struct str){from, (size_t)(r->p - from)};
	r->p++;
	return true;
}

/* ---- numbers and words ---- */

static bool read_digits(struct reader *r)
{
	const char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from;
}

static bool read_number(struct reader *r, struct json *j)
{
	const char *from = r->p;

	if (*r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (!read_digits(r))
		return wrong(r, "a number without digits");
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (!read_digits(r))
			return wrong(r, "a number without digits behind its "
					"point");
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!read_digits(r))
			return wrong(r, "a number without its exponent");
	}
	j->raw = (struct str){from, (size_t)(r->p - from)};
	return true;
}

static bool read_word(struct reader *r, struct json *j, const char *word)
{
	const char *from = r->p;

	for (; *word; word++, r->p++) {
		if (r->p == r->end || *r->p != *word)
			return wrong(r, "no value");
	}
	j->raw = (struct str){from, (size_t)(r->p - from)};
	return true;
}

/* ---- arrays and objects ---- */

static struct json *read_value(struct reader *r);

static bool read_member(struct reader *r)
{
	struct json key = {.kind = JSON_STRING, .doc = r->doc}, *value;

	if (r->p == r->end || *r->p != '"')
		return wrong(r, "an object's member without a name");
	r->p++;
	if (!read_string(r, &key))
		return false;
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return wrong(r, "a member without a colon");
	r->p++;
	skip_space(r);
	value = read_value(r);
	if (!value)
		return false;
	value->key = json_text(&key);
	push(r->doc, value);
	return true;
}

static bool read_element(struct reader *r)
{
	struct json *value = read_value(r);

	if (value)
		push(r->doc, value);
	return value != NULL;
}

/* Behind the opening bracket; the children are pushed. */
static bool read_children(struct reader *r, char close,
			  bool (*one)(struct reader *r))
{
	skip_space(r);
	if (r->p < r->end && *r->p == close) {
		r->p++;
		return true;
	}
	for (;;) {
		if (!one(r))
			return false;
		skip_space(r);
		if (r->p == r->end)
			return wrong(r, "no end of an array or object");
		if (*r->p == close)
			break;
		if (*r->p != ',')
			return wrong(r, "no comma between two values");
		r->p++;
		skip_space(r);
	}
	r->p++;
	return true;
}

static bool read_nest(struct reader *r, struct json *j)
{
	bool object = j->kind == JSON_OBJECT, ok;
	const char *from = r->p++;
	size_t base = r->doc->n;

	if (++r->depth > r->max_depth)
		return over(r, "nested too deeply");
	ok = read_children(r, object ? '}' : ']',
			   object ? read_member : read_element);
	r->depth--;
	if (!ok)
		return false;
	j->raw = (struct str){from, (size_t)(r->p - from)};
	j->n = (uint32_t)(r->doc->n - base);
	if (j->n) {
		j->v = json_doc_alloc(r->doc, j->n * sizeof *j->v);
		memcpy(j->v, r->doc->stack + base, j->n * sizeof *j->v);
	}
	r->doc->n = base;
	j->duplicates = object && json_has_duplicates(j);
	return true;
}

static bool fill(struct reader *r, struct json *j)
{
	switch (*r->p) {
	case '"':
		j->kind = JSON_STRING;
		r->p++;
		return read_string(r, j);
	case '{': j->kind = JSON_OBJECT; return read_nest(r, j);
	case '[': j->kind = JSON_ARRAY; return read_nest(r, j);
	case 't': j->kind = JSON_TRUE; return read_word(r, j, "true");
	case 'f': j->kind = JSON_FALSE; return read_word(r, j, "false");
	case 'n': j->kind = JSON_NULL; return read_word(r, j, "null");
	default:
		if (*r->p != '-' && (*r->p < '0' || *r->p > '9'))
			return wrong(r, "no value");
		j->kind = JSON_NUMBER;
		return read_number(r, j);
	}
}

static struct json *read_value(struct reader *r)
{
	struct json *j;

	if (r->p == r->end) {
		wrong(r, "no value");
		return NULL;
	}
	if (++r->nodes > r->max_nodes) {
		over(r, "too many values");
		return NULL;
	}
	j = node(r, JSON_NULL);
	return fill(r, j) ? j : NULL;
}

const struct json *json_parse(struct json_doc *d, struct str text,
			      const struct json_limits *limits,
			      struct json_error *e)
{
	struct reader r = {.doc = d,
			   .start = text.p,
			   .p = text.p,
			   .end = text.p + text.n,
			   .max_depth = DEPTH_DEFAULT,
			   .max_nodes = NODES_DEFAULT,
			   .error = e};
	struct json *j;

	if (limits && limits->max_depth)
		r.max_depth = limits->max_depth;
	if (limits && limits->max_nodes)
		r.max_nodes = limits->max_nodes;
	d->n = 0;
	skip_space(&r);
	j = read_value(&r);
	if (!j)
		return NULL;
	skip_space(&r);
	if (r.p == r.end)
		return j;
	wrong(&r, "something behind the value");
	return NULL;
}

struct json *json_make(struct json_doc *d, enum json_kind kind, uint32_t n,
		       struct str raw)
{
	struct json *j = json_doc_alloc(d, sizeof *j);

	*j = (struct json){.kind = (uint8_t)kind, .doc = d, .n = n, .raw = raw};
	if (n)
		j->v = json_doc_alloc(d, n * sizeof *j->v);
	return j;
}

/* ---- UTF-8 ---- */

size_t utf8_check(struct str s)
{
	const char *p = s.p, *end = s.p + s.n;
	uint64_t v;

	while (p < end) {
		unsigned n = 1;
		bool cut = false;

		if (end - p >= 8) {
			memcpy(&v, p, 8);
			if (!(v & EACH(0x80))) {
				p += 8;
				continue;
			}
		}
		if ((unsigned char)*p >= 0x80)
			n = utf8_length(p, end, &cut);
		if (n == 0 || cut)
			break;
		p += n;
	}
	return (size_t)(p - s.p);
}
