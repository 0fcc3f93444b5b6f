/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 * A unit (an event, a line, a head) is read as glue and tokens:
 *
 *	data: {"id":"c-1","n":7,"delta":{"content":" the"}}\n\n
 *	        --   ---   - -   -----    -------   ----	tokens
 *
 * Units with the same glue have one shape. It keeps its first unit as a
 * sample; a token becomes a hole when a later unit differs there, and its
 * column starts with as many copies of the sample's value as there were
 * units before:
 *
 *	sample	data: {"id":"c-1","n":7,"delta":{"content":"
 *	piece	[----------------------------------------->| hole |"}}\n\n]
 *	column						    " the" x 1
 *							    " cat" x 1
 *
 * Most units are matched without looking at tokens at all: the shape that
 * followed last time is tried first, its pieces are compared, and only the
 * values between them are scanned for their end.
 *
 * Nothing has to be canonical to be exact: what a unit decodes to is its
 * pieces, which were compared with the input, and its values, which were
 * copied from it.
 */
#include "record/columns.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/mem.h"
#include "record/columns_impl.h"

enum {
	COLUMNS_MAGIC = 0x434f4c55,
	MAX_SHAPES = 128,
	MAX_TOKENS = 512,
	MAX_UNIT = 16384,
	CUT_BYTES = 1024, /* a column this long gets its own statistics */
};

enum token_kind { TOKEN_STRING, TOKEN_NUMBER, TOKEN_LINE };

struct token {
	uint32_t at, end;
	enum token_kind kind;
};

/* Values in order, each with how often it repeats. */
struct column {
	struct buf text, lens, runs; /* bytes; uint32_t; uint32_t */
	uint32_t last_n, last_run;   /* of the newest value */
};

struct hole {
	uint32_t token;
	struct token span; /* where it lies in the sample */
	struct column values;
};

struct shape {
	uint64_t hash;
	struct buf glue, sample;
	struct token *tokens;
	uint32_t n_tokens;
	struct hole *holes; /* in order of their tokens */
	uint32_t n_holes;
	uint32_t rows;
	uint32_t next; /* the shape that followed last time */
};

struct columns {
	uint32_t magic;
	struct shape shapes[MAX_SHAPES];
	uint32_t n_shapes;
	uint32_t last; /* the shape of the newest unit */
	struct buf order, raws;
	size_t size;
	/* of the unit at hand */
	struct token tokens[MAX_TOKENS];
	uint32_t n_tokens;
	struct buf glue;
	struct str values[MAX_TOKENS];
};

struct columns *columns_new(void)
{
	struct columns *c = MEM_NEW(struct columns);

	c->magic = COLUMNS_MAGIC;
	return c;
}

static void column_free(struct column *v)
{
	buf_free(&v->text);
	buf_free(&v->lens);
	buf_free(&v->runs);
}

static void shape_free(struct shape *s)
{
	for (uint32_t i = 0; i < s->n_holes; i++)
		column_free(&s->holes[i].values);
	free(s->holes);
	free(s->tokens);
	buf_free(&s->glue);
	buf_free(&s->sample);
	*s = (struct shape){0};
}

void columns_reset(struct columns *c)
{
	assert(c->magic == COLUMNS_MAGIC);
	for (uint32_t i = 0; i < c->n_shapes; i++)
		shape_free(&c->shapes[i]);
	c->n_shapes = 0;
	c->last = 0;
	c->order.n = 0;
	c->raws.n = 0;
	c->size = 0;
}

void columns_free(struct columns *c)
{
	if (!c)
		return;
	assert(c->magic == COLUMNS_MAGIC);
	columns_reset(c);
	buf_free(&c->order);
	buf_free(&c->raws);
	buf_free(&c->glue);
	c->magic = 0;
	free(c);
}

size_t columns_size(const struct columns *c)
{
	assert(c->magic == COLUMNS_MAGIC);
	return c->size;
}

/* ---- what a body looks like ---- */

static bool starts_event(struct str s)
{
	static const struct str openings[] = {
		{"data:", 5},  {"event:", 6}, {"id:", 3},
		{"retry:", 6}, {":", 1},
	};

	for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
		if (str_starts(s, openings[i]))
			return true;
	return false;
}

bool columns_suits(struct str start, enum columns_kind *kind)
{
	struct str rest = start, line;

	while (rest.n && (rest.p[0] == '\n' || rest.p[0] == '\r'))
		rest = str_skip(rest, 1);
	if (starts_event(rest)) {
		*kind = COLUMNS_EVENTS;
		return true;
	}
	if (rest.n < 2 || rest.p[0] != '{')
		return false;
	line = str_cut(&rest, '\n');
	if (!rest.p || line.n < 2 || line.n > MAX_UNIT)
		return false;
	*kind = COLUMNS_LINES;
	return line.p[line.n - 1] == '}' && rest.n > 0 && rest.p[0] == '{';
}

/* The length of the unit that p begins with; 0 if its end is not there. */
static size_t unit_end(enum columns_kind kind, const char *p, size_t n)
{
	const char *end = p + n, *at = p;

	if (kind == COLUMNS_HEAD)
		return n;
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		if (kind == COLUMNS_LINES)
			return (size_t)(at - p);
		if (at < end && *at == '\n')
			return (size_t)(at - p) + 1;
		if (end - at > 1 && at[0] == '\r' && at[1] == '\n')
			return (size_t)(at - p) + 2;
	}
	return 0;
}

/* ---- values ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool in_number(char c)
{
	return is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' ||
	       c == 'E' || c == ',';
}

/* A number, or several with commas (a token's bytes in log probabilities). */
static size_t number_end(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && in_number(p[i]))
		i++;
	while (i && !is_digit(p[i - 1]))
		i--;
	return i;
}

static bool string_end(const char *p, size_t n, size_t *out)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"') {
			*out = i;
			return true;
		}
		if (p[i] == '\n' || p[i] == '\r')
			return false;
		if (p[i] == '\\')
			i++;
	}
	return false;
}

static size_t line_end(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '\r' && p[i] != '\n')
		i++;
	return i;
}

static bool value_end(enum token_kind kind, const char *p, size_t n,
		      size_t *out)
{
	switch (kind) {
	case TOKEN_STRING: return string_end(p, n, out);
	case TOKEN_NUMBER: return (*out = number_end(p, n)) > 0;
	case TOKEN_LINE: *out = line_end(p, n); return true;
	}
	return false;
}

static const char *column_last(const struct column *v)
{
	return v->text.p + v->text.n - v->last_n;
}

static void column_push(struct columns *c, struct column *v, struct str value)
{
	uint32_t n = (uint32_t)value.n;
	uint32_t one = 1;

	if (v->last_run && v->last_n == n &&
	    (n == 0 || memcmp(column_last(v), value.p, n) == 0)) {
		v->last_run++;
		memcpy(v->runs.p + v->runs.n - sizeof v->last_run, &v->last_run,
		       sizeof v->last_run);
		return;
	}
	buf_add(&v->text, value.p, n);
	buf_add(&v->lens, &n, sizeof n);
	buf_add(&v->runs, &one, sizeof one);
	v->last_n = n;
	v->last_run = 1;
	c->size += n + 2;
}

/* A column that repeats is likely to repeat again: compare, do not scan. */
static bool value_repeats(const struct hole *h, const char *p, size_t n)
{
	size_t k = h->values.last_n;

	if (h->values.last_run < 2 || n <= k || k == 0 ||
	    memcmp(column_last(&h->values), p, k) != 0)
		return false;
	switch (h->span.kind) {
	case TOKEN_STRING: return p[k] == '"';
	case TOKEN_NUMBER: return !in_number(p[k]);
	case TOKEN_LINE: return p[k] == '\r' || p[k] == '\n';
	}
	return false;
}

/* ---- shapes ---- */

/*
 * Does p begin with a unit of this shape? Returns its length and leaves its
 * values in c->values; 0 if not.
 */
static size_t shape_match(struct columns *c, const struct shape *s,
			  const char *p, size_t n)
{
	size_t at = 0, from = 0, k;

	for (uint32_t i = 0; i < s->n_holes; i++) {
		const struct hole *h = &s->holes[i];

		k = h->span.at - from;
		if (n - at < k || memcmp(s->sample.p + from, p + at, k) != 0)
			return 0;
		at += k;
		if (value_repeats(h, p + at, n - at))
			k = h->values.last_n;
		else if (!value_end(h->span.kind, p + at, n - at, &k))
			return 0;
		c->values[i] = (struct str){p + at, k};
		at += k;
		from = h->span.end;
	}
	k = s->sample.n - from;
	if (n - at < k || memcmp(s->sample.p + from, p + at, k) != 0)
		return 0;
	return at + k;
}

/* The unit whose values are in c->values has been seen. */
static void shape_push(struct columns *c, struct shape *s)
{
	uint32_t index = (uint32_t)(s - c->shapes);

	for (uint32_t i = 0; i < s->n_holes; i++)
		column_push(c, &s->holes[i].values, c->values[i]);
	s->rows++;
	if (c->n_shapes)
		c->shapes[c->last].next = index;
	c->last = index;
	buf_add_varint(&c->order, index + 1);
	c->size++;
}

static bool add_token(struct columns *c, size_t at, size_t end,
		      enum token_kind kind)
{
	if (c->n_tokens == MAX_TOKENS)
		return false;
	c->tokens[c->n_tokens++] =
		(struct token){(uint32_t)at, (uint32_t)end, kind};
	buf_addc(&c->glue, (char)(kind + 1));
	return true;
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
}

/* Glue holds bytes as they are, and a byte below 4 where a token was cut. */
static bool add_glue(struct columns *c, char byte)
{
	if ((unsigned char)byte < 4)
		return false;
	buf_addc(&c->glue, byte);
	return true;
}

static bool cut_event(struct columns *c, const char *p, size_t n)
{
	size_t k;

	for (size_t i = 0; i < n;) {
		if (p[i] == '"' && string_end(p + i + 1, n - i - 1, &k)) {
			buf_addc(&c->glue, '"');
			if (!add_token(c, i + 1, i + 1 + k, TOKEN_STRING))
				return false;
			buf_addc(&c->glue, '"');
			i += k + 2;
		} else if ((is_digit(p[i]) || p[i] == '-') &&
			   (i == 0 || !is_word(p[i - 1])) &&
			   (k = number_end(p + i, n - i)) > 0) {
			if (!add_token(c, i, i + k, TOKEN_NUMBER))
				return false;
			i += k;
		} else if (!add_glue(c, p[i++])) {
			return false;
		}
	}
	return true;
}

/* Values of "Name: value" lines; a first line without ": " is all value. */
static bool cut_head(struct columns *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t end = i + line_end(p + i, n - i), at = i;
		const char *colon =
			end > i + 1 ? memchr(p + i + 1, ':', end - i - 1)
				    : NULL;

		if (colon)
			at = (size_t)(colon - p) + 1;
		if (i == 0 && p[0] != ':')
			at = 0; /* a request or status line */
		if (at > i && at < end && p[at] == ' ')
			at++;
		for (; i < at; i++)
			if (!add_glue(c, p[i]))
				return false;
		if (end > at && !add_token(c, at, end, TOKEN_LINE))
			return false;
		i = end;
		while (i < n && (p[i] == '\r' || p[i] == '\n'))
			buf_addc(&c->glue, p[i++]);
	}
	return true;
}

static struct shape *shape_find(struct columns *c, uint64_t hash)
{
	for (uint32_t i = 0; i < c->n_shapes; i++) {
		struct shape *s = &c->shapes[i];

		if (s->hash == hash && s->n_tokens == c->n_tokens &&
		    str_eq(buf_str(&s->glue), buf_str(&c->glue)))
			return s;
	}
	return NULL;
}

static struct shape *shape_new(struct columns *c, uint64_t hash,
			       struct str unit)
{
	struct shape *s;

	if (c->n_shapes == MAX_SHAPES)
		return NULL;
	s = &c->shapes[c->n_shapes];
	s->hash = hash;
	buf_adds(&s->glue, buf_str(&c->glue));
	buf_adds(&s->sample, unit);
	s->n_tokens = c->n_tokens;
	s->tokens = mem_alloc(c->n_tokens * sizeof *s->tokens);
	memcpy(s->tokens, c->tokens, c->n_tokens * sizeof *s->tokens);
	s->next = c->n_shapes++;
	c->size += unit.n;
	return s;
}

/* Token `t` varies from now on: hole `i`, filled up with the sample's value. */
static void open_hole(struct columns *c, struct shape *s, uint32_t i,
		      uint32_t t)
{
	struct token span = s->tokens[t];
	struct column v = {0};

	s->holes = mem_grow(s->holes, (s->n_holes + 1) * sizeof *s->holes);
	memmove(s->holes + i + 1, s->holes + i,
		(s->n_holes - i) * sizeof *s->holes);
	s->n_holes++;
	if (s->rows) {
		column_push(c, &v,
			    (struct str){s->sample.p + span.at,
					 span.end - span.at});
		v.last_run = s->rows;
		memcpy(v.runs.p, &v.last_run, sizeof v.last_run);
	}
	s->holes[i] = (struct hole){t, span, v};
}

/* A unit of this glue: opens holes where it differs, collects its values. */
static void shape_fit(struct columns *c, struct shape *s, const char *unit)
{
	uint32_t hole = 0;

	for (uint32_t t = 0; t < s->n_tokens; t++) {
		const struct token *a = &s->tokens[t], *b = &c->tokens[t];
		size_t n = b->end - b->at;
		bool open = hole < s->n_holes && s->holes[hole].token == t;

		if (!open && (a->end - a->at != n ||
			      (n && memcmp(s->sample.p + a->at, unit + b->at,
					   n) != 0))) {
			open_hole(c, s, hole, t);
			open = true;
		}
		if (open)
			c->values[hole++] = (struct str){unit + b->at, n};
	}
}

static void add_raw(struct columns *c, struct str unit)
{
	buf_addc(&c->order, 0);
	buf_add_varint(&c->raws, unit.n);
	buf_adds(&c->raws, unit);
	c->size += unit.n + 2;
}

static void add_slowly(struct columns *c, enum columns_kind kind,
		       struct str unit)
{
	struct shape *s;
	uint64_t hash;
	bool ok;

	c->n_tokens = 0;
	c->glue.n = 0;
	ok = unit.n <= MAX_UNIT &&
	     (kind == COLUMNS_HEAD ? cut_head(c, unit.p, unit.n)
				   : cut_event(c, unit.p, unit.n));
	if (!ok) {
		add_raw(c, unit);
		return;
	}
	hash = XXH3_64bits(c->glue.p, c->glue.n);
	s = shape_find(c, hash);
	if (!s)
		s = shape_new(c, hash, unit);
	if (!s) {
		add_raw(c, unit);
		return;
	}
	shape_fit(c, s, unit.p);
	shape_push(c, s);
}

/* Takes one unit in; returns its length. */
static size_t add_unit(struct columns *c, enum columns_kind kind,
		       struct str bytes)
{
	size_t n = 0;

	if (c->n_shapes) {
		struct shape *s = &c->shapes[c->shapes[c->last].next];

		n = shape_match(c, s, bytes.p, bytes.n);
		if (kind == COLUMNS_HEAD && n != bytes.n)
			n = 0; /* heads are asked for one by one */
		if (n)
			shape_push(c, s);
	}
	if (n == 0) {
		n = unit_end(kind, bytes.p, bytes.n);
		if (n)
			add_slowly(c, kind, (struct str){bytes.p, n});
	}
	if (n == 0) {
		n = bytes.n;
		add_raw(c, bytes);
	}
	return n;
}

size_t columns_add(struct columns *c, enum columns_kind kind, struct str bytes,
		   struct buf *lengths)
{
	size_t units = 0;

	assert(c->magic == COLUMNS_MAGIC);
	while (bytes.n || (kind == COLUMNS_HEAD && units == 0)) {
		uint32_t n = (uint32_t)add_unit(c, kind, bytes);

		if (lengths)
			buf_add(lengths, &n, sizeof n);
		bytes = str_skip(bytes, n);
		units++;
	}
	return units;
}

/* ---- packing ---- */

static uint32_t u32_at(const struct buf *b, size_t i)
{
	uint32_t v;

	memcpy(&v, b->p + i * sizeof v, sizeof v);
	return v;
}

static size_t u32_count(const struct buf *b)
{
	return b->n / sizeof(uint32_t);
}

/* A whole number exactly as we would print it. */
static bool canonical_int(const char *p, size_t n, int64_t *out)
{
	bool minus = n && p[0] == '-';
	size_t i = minus;
	int64_t v = 0;

	if (n - i == 0 || n - i > 18 || (p[i] == '0' && n > 1))
		return false;
	for (; i < n; i++) {
		if (!is_digit(p[i]))
			return false;
		v = v * 10 + (p[i] - '0');
	}
	*out = minus ? -v : v;
	return true;
}

/* The column as differences of integers, if it is one. */
static bool pack_ints(const struct column *v, struct buf *out)
{
	size_t undo = out->n, at = 0;
	int64_t before = 0, now;

	for (size_t i = 0; i < u32_count(&v->lens); i++) {
		uint32_t n = u32_at(&v->lens, i);

		if (!canonical_int(v->text.p + at, n, &now)) {
			out->n = undo;
			return false;
		}
		buf_add_varint(out, columns_zigzag(now - before));
		before = now;
		at += n;
	}
	return true;
}

static enum column_mode pack_lengths(const struct column *v, struct buf *out)
{
	size_t n = u32_count(&v->lens), words = 0, at = 0;
	enum column_mode mode;

	for (size_t i = 0; i < n; i++) {
		uint32_t len = u32_at(&v->lens, i);

		words += columns_word(v->text.p, at, v->text.n) == len;
		at += len;
	}
	mode = words * 2 > n ? MODE_WORDS : MODE_TEXT;
	buf_add_varint(out, v->text.n);
	at = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t len = u32_at(&v->lens, i);

		if (mode == MODE_TEXT)
			buf_add_varint(out, len);
		else if (columns_word(v->text.p, at, v->text.n) == len)
			buf_addc(out, 0);
		else
			buf_add_varint(out, (uint64_t)len + 1);
		at += len;
	}
	return mode;
}

static unsigned pack_runs(const struct shape *s, const struct column *v,
			  struct buf *out)
{
	size_t n = u32_count(&v->runs);

	if (n == s->rows)
		return 0;
	for (size_t i = 0; i < n; i++)
		buf_add_varint(out, u32_at(&v->runs, i));
	return MODE_RUNS;
}

static bool same_column(const struct column *a, const struct column *b)
{
	return str_eq(buf_str(&a->lens), buf_str(&b->lens)) &&
	       str_eq(buf_str(&a->text), buf_str(&b->text)) &&
	       str_eq(buf_str(&a->runs), buf_str(&b->runs));
}

static void add_cut(struct buf *cuts, size_t at)
{
	buf_add(cuts, &at, sizeof at);
}

static void pack_column(const struct shape *s, uint32_t hole,
			struct buf st[STREAMS], struct buf *cuts)
{
	const struct column *v = &s->holes[hole].values;
	unsigned mode;

	for (uint32_t i = 0; i < hole; i++)
		if (same_column(&s->holes[i].values, v)) {
			buf_addc(&st[STREAM_SHAPES], MODE_SAME);
			buf_add_varint(&st[STREAM_SHAPES], i);
			return;
		}
	mode = pack_runs(s, v, &st[STREAM_RUNS]);
	if (pack_ints(v, &st[STREAM_INTS])) {
		mode |= MODE_INTS;
	} else {
		mode |= pack_lengths(v, &st[STREAM_LENS]);
		if (v->text.n >= CUT_BYTES)
			add_cut(cuts, st[STREAM_TEXT].n);
		buf_add(&st[STREAM_TEXT], v->text.p, v->text.n);
		if (v->text.n >= CUT_BYTES)
			add_cut(cuts, st[STREAM_TEXT].n);
	}
	buf_addc(&st[STREAM_SHAPES], (char)mode);
}

static void pack_shape(const struct shape *s, struct buf st[STREAMS],
		       struct buf *cuts)
{
	struct buf *out = &st[STREAM_SHAPES];
	size_t from = 0;

	buf_add_varint(out, s->n_holes);
	for (uint32_t i = 0; i <= s->n_holes; i++) {
		size_t to = i < s->n_holes ? s->holes[i].span.at : s->sample.n;

		buf_add_varint(out, to - from);
		buf_add(out, s->sample.p + from, to - from);
		from = i < s->n_holes ? s->holes[i].span.end : to;
	}
	for (uint32_t i = 0; i < s->n_holes; i++)
		pack_column(s, i, st, cuts);
}

void columns_pack(const struct columns *c, struct buf *out, struct buf *cuts)
{
	struct buf st[STREAMS] = {0}, inner = {0};
	size_t at;

	assert(c->magic == COLUMNS_MAGIC);
	buf_add_varint(&st[STREAM_SHAPES], c->n_shapes);
	for (uint32_t i = 0; i < c->n_shapes; i++)
		pack_shape(&c->shapes[i], st, &inner);
	buf_adds(&st[STREAM_ORDER], buf_str(&c->order));
	buf_adds(&st[STREAM_RAWS], buf_str(&c->raws));
	for (int i = 0; i < STREAMS; i++)
		buf_add_varint(out, st[i].n);
	for (int i = 0; i < STREAMS; i++) {
		add_cut(cuts, out->n);
		if (i == STREAM_TEXT)
			for (size_t k = 0; k < inner.n; k += sizeof at) {
				memcpy(&at, inner.p + k, sizeof at);
				add_cut(cuts, out->n + at);
			}
		buf_adds(out, buf_str(&st[i]));
		buf_free(&st[i]);
	}
	buf_free(&inner);
}
