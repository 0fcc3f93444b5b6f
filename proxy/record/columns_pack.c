/* SPDX-License-Identifier: MIT */
/*
 * From columns to a section. Each column is written in the way that its values
 * ask for:
 *
 *	"7" "8" "9"		INTS	1 1 1 after the first
 *	" the" " cat" "s"	VOCAB	the words' numbers
 *				SPACE	0 0 2: most end where the next begins
 *	"x7Qw" "aK"		SUM	with the length of the token before, 16
 *					16: padding to a round length
 */
#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

#include "record/columns_impl.h"

enum {
	CUT_BYTES = 1024,  /* a column this long gets its own statistics */
	LEARN_LEAST = 32,  /* values that a column of words has at least */
	LEARN_MOST = 8192, /* values looked at to tell words from noise */
	LEARN_BITS = 1 << 16,
	PROBES = 8,
	PROBE = 16,
};

/* What is being written. */
struct packing {
	const struct words *words;
	struct str at_hand;
	struct buf stream[STREAMS];
	struct buf cuts; /* size_t, in STREAM_TEXT */
	/* of the shape at hand: its holes' modes, as they are and as they are
	 * written, and the bytes that all values of a hole begin or end with */
	enum column_mode modes[MAX_TOKENS];
	struct buf mode_bytes;
	uint32_t prefix[MAX_TOKENS], suffix[MAX_TOKENS];
	/* of the column at hand */
	struct buf codes; /* uint32_t: word + 1, or 0 */
	struct buf lens, text;
};

static void add_cut(struct buf *cuts, size_t at)
{
	buf_add(cuts, &at, sizeof at);
}

/* ---- integers ---- */

/* A whole number exactly as we would print it. */
static bool canonical_int(const char *p, size_t n, int64_t *out)
{
	bool minus = n && p[0] == '-';
	size_t i = minus;
	int64_t v = 0;

	if (n - i == 0 || n - i > 18 || (p[i] == '0' && n > 1))
		return false;
	for (; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
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

	for (size_t i = 0; i < columns_u32s(&v->lens); i++) {
		uint32_t n = columns_u32(&v->lens, i);

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

/* ---- text ---- */

/* Values as they are, with their lengths. Returns MODE_TEXT or MODE_SPACE. */
static enum column_mode pack_text(struct packing *k, const struct buf *lens,
				  struct str text)
{
	size_t n = columns_u32s(lens), words = 0, at = 0;
	struct buf *out = &k->stream[STREAM_LENS];
	enum column_mode mode;

	for (size_t i = 0; i < n; i++) {
		uint32_t len = columns_u32(lens, i);

		words += columns_word(text.p, at, text.n) == len;
		at += len;
	}
	mode = words * 2 > n ? MODE_SPACE : MODE_TEXT;
	buf_add_varint(out, text.n);
	at = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t len = columns_u32(lens, i);

		if (mode == MODE_TEXT)
			buf_add_varint(out, len);
		else if (columns_word(text.p, at, text.n) == len)
			buf_addc(out, 0);
		else
			buf_add_varint(out, (uint64_t)len + 1);
		at += len;
	}
	if (text.n >= CUT_BYTES)
		add_cut(&k->cuts, k->stream[STREAM_TEXT].n);
	buf_adds(&k->stream[STREAM_TEXT], text);
	if (text.n >= CUT_BYTES)
		add_cut(&k->cuts, k->stream[STREAM_TEXT].n);
	return mode;
}

/*
 * Does the compressor find this text where it looks anyway? An answer that
 * comes back in the next request is all there, and costs next to nothing.
 */
static bool is_at_hand(struct str text, struct str at_hand)
{
	unsigned found = 0;

	if (text.n < PROBES * PROBE || at_hand.n < PROBE)
		return false;
	for (size_t i = 0; i < PROBES; i++)
		found += memmem(at_hand.p, at_hand.n,
				text.p + i * (text.n - PROBE) / PROBES,
				PROBE) != NULL;
	return found * 2 >= PROBES;
}

/* Looks all values up; true if most are words. */
static bool find_words(struct packing *k, const struct column *v)
{
	size_t n = columns_u32s(&v->lens), hits = 0, at = 0;

	k->codes.n = k->lens.n = k->text.n = 0;
	if (!k->words || words_known(k->words) == 0 || n < LEARN_LEAST ||
	    is_at_hand(buf_str(&v->text), k->at_hand))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint32_t len = columns_u32(&v->lens, i);
		struct str value = {v->text.p + at, len};
		uint32_t code = (uint32_t)(words_find(k->words, value) + 1);

		buf_add(&k->codes, &code, sizeof code);
		if (code == 0) {
			buf_add(&k->lens, &len, sizeof len);
			buf_adds(&k->text, value);
		}
		hits += code != 0;
		at += len;
	}
	return hits * 2 > n;
}

static enum column_mode pack_words(struct packing *k)
{
	size_t n = columns_u32s(&k->codes);

	for (size_t i = 0; i < n; i++) {
		uint32_t code = columns_u32(&k->codes, i);

		buf_addc(&k->stream[STREAM_LOW], (char)code);
		buf_addc(&k->stream[STREAM_HIGH], (char)(code >> 8));
	}
	return pack_text(k, &k->lens, buf_str(&k->text)) == MODE_TEXT
		       ? MODE_VOCAB
		       : MODE_VOCAB_SPACE;
}

/* ---- padding ---- */

/*
 * The lengths of v's values with those of `other` in the same row added, in
 * k->lens. True if that makes them more regular.
 */
static bool find_sums(struct packing *k, const struct column *v,
		      const struct column *other)
{
	size_t n = columns_u32s(&v->lens), at = 0, plain = 0, summed = 0;
	uint32_t left = 0, before = 0;

	k->lens.n = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t len = columns_u32(&v->lens, i), sum;

		while (left == 0)
			left = columns_u32(&other->runs, at++);
		sum = len + columns_u32(&other->lens, at - 1);
		buf_add(&k->lens, &sum, sizeof sum);
		plain += i && len == columns_u32(&v->lens, i - 1);
		summed += i && sum == before;
		before = sum;
		for (uint32_t run = columns_u32(&v->runs, i); run;) {
			uint32_t step = run < left ? run : left;

			run -= step;
			left -= step;
			if (run && left == 0)
				left = columns_u32(&other->runs, at++);
		}
	}
	return n >= LEARN_LEAST && summed > plain + n / 8;
}

static void pack_sums(struct packing *k, const struct column *v)
{
	struct buf *out = &k->stream[STREAM_LENS];

	buf_add_varint(out, v->text.n);
	for (size_t i = 0; i < columns_u32s(&k->lens); i++)
		buf_add_varint(out, columns_u32(&k->lens, i));
	add_cut(&k->cuts, k->stream[STREAM_TEXT].n);
	buf_adds(&k->stream[STREAM_TEXT], buf_str(&v->text));
	add_cut(&k->cuts, k->stream[STREAM_TEXT].n);
}

/* The nearest earlier hole of text that varies as often. */
static bool find_partner(const struct packing *k, const struct shape *s,
			 uint32_t hole, uint32_t *out)
{
	size_t n = columns_u32s(&s->holes[hole].values.lens);

	for (uint32_t i = hole; i-- > 0;)
		if (k->modes[i] != MODE_INTS && k->modes[i] != MODE_SAME &&
		    columns_u32s(&s->holes[i].values.lens) * 2 > n) {
			*out = i;
			return true;
		}
	return false;
}

/* ---- columns, shapes, sections ---- */

static unsigned pack_runs(struct packing *k, const struct shape *s,
			  const struct column *v)
{
	size_t n = columns_u32s(&v->runs);

	if (n == s->rows)
		return 0;
	for (size_t i = 0; i < n; i++)
		buf_add_varint(&k->stream[STREAM_RUNS],
			       columns_u32(&v->runs, i));
	return MODE_RUNS;
}

static bool same_column(const struct column *a, const struct column *b)
{
	return str_eq(buf_str(&a->lens), buf_str(&b->lens)) &&
	       str_eq(buf_str(&a->text), buf_str(&b->text)) &&
	       str_eq(buf_str(&a->runs), buf_str(&b->runs));
}

/* The mode, and for SAME and SUM the hole that it refers to. */
static void add_mode(struct packing *k, uint32_t hole, enum column_mode mode,
		     unsigned runs, uint32_t other)
{
	k->modes[hole] = mode;
	buf_addc(&k->mode_bytes, (char)(mode | runs));
	if (mode == MODE_SAME || mode == MODE_SUM)
		buf_add_varint(&k->mode_bytes, other);
}

static uint32_t shared_prefix(const char *a, const char *b, uint32_t most)
{
	uint32_t n = 0;

	while (n < most && a[n] == b[n])
		n++;
	return n;
}

static uint32_t shared_suffix(const char *a_end, const char *b_end,
			      uint32_t most)
{
	uint32_t n = 0;

	while (n < most && a_end[-1 - (int)n] == b_end[-1 - (int)n])
		n++;
	return n;
}

/* What all values begin and end with: "req_", "-FRA". */
static void find_affixes(const struct column *v, uint32_t *prefix,
			 uint32_t *suffix)
{
	const char *first = v->text.p, *at = first;
	uint32_t n = columns_u32(&v->lens, 0), least = n;

	*prefix = *suffix = n;
	for (size_t i = 0; i < columns_u32s(&v->lens); i++) {
		uint32_t len = columns_u32(&v->lens, i);

		least = len < least ? len : least;
		*prefix =
			shared_prefix(first, at, *prefix < len ? *prefix : len);
		*suffix = shared_suffix(first + n, at + len,
					*suffix < len ? *suffix : len);
		if (*prefix == 0 && *suffix == 0)
			return;
		at += len;
	}
	if (*suffix > least - *prefix)
		*suffix = least - *prefix;
}

/* The column without what its values share, which becomes constant. */
static void trim(struct packing *k, const struct column *v, uint32_t hole,
		 struct column *out)
{
	uint32_t prefix, suffix, n;
	size_t at = 0;

	*out = (struct column){.runs = v->runs};
	find_affixes(v, &prefix, &suffix);
	k->prefix[hole] = prefix;
	k->suffix[hole] = suffix;
	for (size_t i = 0; i < columns_u32s(&v->lens); i++) {
		uint32_t len = columns_u32(&v->lens, i);

		n = len - prefix - suffix;
		buf_add(&out->lens, &n, sizeof n);
		buf_add(&out->text, v->text.p + at + prefix, n);
		at += len;
	}
}

/* A column that is neither integers nor words as it stands. */
static void pack_plain(struct packing *k, const struct shape *s, uint32_t hole,
		       unsigned runs)
{
	const struct column *v = &s->holes[hole].values;
	struct column trimmed;
	uint32_t other = 0;

	if (find_partner(k, s, hole, &other) &&
	    find_sums(k, v, &s->holes[other].values)) {
		pack_sums(k, v);
		add_mode(k, hole, MODE_SUM, runs, other);
		return;
	}
	trim(k, v, hole, &trimmed);
	if (pack_ints(&trimmed, &k->stream[STREAM_INTS]))
		add_mode(k, hole, MODE_INTS, runs, 0);
	else
		add_mode(k, hole,
			 pack_text(k, &trimmed.lens, buf_str(&trimmed.text)),
			 runs, 0);
	buf_free(&trimmed.lens);
	buf_free(&trimmed.text);
}

static void pack_column(struct packing *k, const struct shape *s, uint32_t hole)
{
	const struct column *v = &s->holes[hole].values;
	unsigned runs;

	k->prefix[hole] = k->suffix[hole] = 0;
	for (uint32_t i = 0; i < hole; i++)
		if (same_column(&s->holes[i].values, v)) {
			k->prefix[hole] = k->prefix[i];
			k->suffix[hole] = k->suffix[i];
			add_mode(k, hole, MODE_SAME, 0, i);
			return;
		}
	runs = pack_runs(k, s, v);
	if (pack_ints(v, &k->stream[STREAM_INTS]))
		add_mode(k, hole, MODE_INTS, runs, 0);
	else if (find_words(k, v))
		add_mode(k, hole, pack_words(k), runs, 0);
	else
		pack_plain(k, s, hole, runs);
}

/* Piece i: the sample's bytes between two holes, and what the values to its
 * left all end with and those to its right begin with. */
static void pack_piece(struct packing *k, const struct shape *s, uint32_t i)
{
	struct buf *out = &k->stream[STREAM_SHAPES];
	size_t from = 0, to = s->sample.n;

	if (i > 0)
		from = s->holes[i - 1].span.end - k->suffix[i - 1];
	if (i < s->n_holes)
		to = s->holes[i].span.at + k->prefix[i];
	buf_add_varint(out, to - from);
	buf_add(out, s->sample.p + from, to - from);
}

static void pack_shape(struct packing *k, const struct shape *s)
{
	struct buf *out = &k->stream[STREAM_SHAPES];

	k->mode_bytes.n = 0;
	for (uint32_t i = 0; i < s->n_holes; i++)
		pack_column(k, s, i);
	buf_add_varint(out, s->n_holes);
	for (uint32_t i = 0; i <= s->n_holes; i++)
		pack_piece(k, s, i);
	buf_adds(out, buf_str(&k->mode_bytes));
}

static void join(struct packing *k, struct buf *out, struct buf *cuts)
{
	size_t at;

	for (int i = 0; i < STREAMS; i++)
		buf_add_varint(out, k->stream[i].n);
	for (int i = 0; i < STREAMS; i++) {
		add_cut(cuts, out->n);
		for (size_t c = 0; i == STREAM_TEXT && c < k->cuts.n;
		     c += sizeof at) {
			memcpy(&at, k->cuts.p + c, sizeof at);
			add_cut(cuts, out->n + at);
		}
		buf_adds(out, buf_str(&k->stream[i]));
		buf_free(&k->stream[i]);
	}
	buf_free(&k->cuts);
	buf_free(&k->mode_bytes);
	buf_free(&k->codes);
	buf_free(&k->lens);
	buf_free(&k->text);
}

void columns_pack(const struct columns *c, const struct words *words,
		  struct str at_hand, struct buf *out, struct buf *cuts)
{
	struct packing k = {.words = words, .at_hand = at_hand};

	assert(c->magic == COLUMNS_MAGIC);
	buf_add_varint(&k.stream[STREAM_SHAPES], c->n_shapes);
	for (uint32_t i = 0; i < c->n_shapes; i++)
		pack_shape(&k, &c->shapes[i]);
	buf_adds(&k.stream[STREAM_ORDER], buf_str(&c->order));
	buf_adds(&k.stream[STREAM_RAWS], buf_str(&c->raws));
	buf_add_varint(out, words ? words_known(words) : 0);
	join(&k, out, cuts);
}

/* ---- learning words ---- */

/* Do its values come again, or is it noise? */
static bool has_words(const struct column *v)
{
	static const size_t bytes = LEARN_BITS / 8;
	size_t n = columns_u32s(&v->lens), at = 0, distinct = 0;
	unsigned char *seen;

	if (n < LEARN_LEAST || v->text.n > n * 16)
		return false;
	n = n < LEARN_MOST ? n : LEARN_MOST;
	seen = calloc(1, bytes);
	for (size_t i = 0; seen && i < n; i++) {
		uint32_t len = columns_u32(&v->lens, i);
		size_t h = XXH3_64bits(v->text.p + at, len) % LEARN_BITS;

		distinct += (seen[h / 8] >> h % 8 & 1) == 0;
		seen[h / 8] |= (unsigned char)(1 << h % 8);
		at += len;
	}
	free(seen);
	return distinct * 20 < n * 17;
}

void columns_learn(const struct columns *c, struct words *words,
		   struct str at_hand)
{
	assert(c->magic == COLUMNS_MAGIC);
	for (uint32_t i = 0; i < c->n_shapes; i++)
		for (uint32_t h = 0; h < c->shapes[i].n_holes; h++) {
			const struct column *v = &c->shapes[i].holes[h].values;
			size_t at = 0;

			if (!has_words(v) ||
			    is_at_hand(buf_str(&v->text), at_hand))
				continue;
			for (size_t k = 0; k < columns_u32s(&v->lens); k++) {
				uint32_t len = columns_u32(&v->lens, k);

				words_count(words,
					    (struct str){v->text.p + at, len});
				at += len;
			}
		}
}
