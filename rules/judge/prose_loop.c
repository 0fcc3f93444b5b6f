/* SPDX-License-Identifier: MIT */
/*
 * Repetition. A loop is a text whose end has a period:
 *
 *	The answer is that I am not sure. I am not sure. I am not su
 *			   |<-- unit -->|<-- unit -->|<-- - - - -
 *		      from '---------------- n ----------------- - -'
 *
 * The failure function of the reversed end gives, for every suffix, its
 * smallest period, in one pass. Only the last WINDOW bytes are looked at;
 * where they loop the loop is followed back to its beginning.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/judge/prose_impl.h"

enum { WINDOW = 64 << 10, LOOP_TIMES = 10, LOOP_BYTES = 400 };

/* ---- does the prompt hold it? ---- */

/*
 * The letters of a unit, in whichever rotation, as hashes: a set of the
 * hashes of all runs of n letters within the unit said twice.
 */
struct rotations {
	size_t n;	/* letters of the unit */
	uint32_t *unit; /* its letters, lower-cased */
	uint64_t *set;	/* open addressing; 0: free */
	size_t mask;
	uint64_t top; /* BASE to the n-th */
};

static const uint64_t BASE = 0x9e3779b97f4a7c15;

static uint64_t *rotation_at(const struct rotations *r, uint64_t hash)
{
	size_t i = (hash ^ hash >> 29) & r->mask;

	hash += hash == 0;
	while (r->set[i] && r->set[i] != hash)
		i = (i + 1) & r->mask;
	return &r->set[i];
}

static void rotations_fill(struct rotations *r, struct str unit)
{
	uint64_t hash = 0;
	size_t room = 16;

	r->unit = mem_alloc((unit.n + 1) * sizeof(*r->unit));
	for (size_t i = 0; i < unit.n;) {
		uint32_t c = prose_lower(prose_char(unit, &i));

		if (prose_script_of(c) != SCRIPT_NONE)
			r->unit[r->n++] = c;
	}
	while (room < 2 * r->n)
		room *= 2;
	r->set = mem_zero(room * sizeof(*r->set));
	r->mask = room - 1;
	r->top = 1;
	for (size_t i = 0; i < r->n; i++) {
		hash = hash * BASE + r->unit[i];
		r->top *= BASE;
	}
	for (size_t i = 0; i < r->n; i++) {
		*rotation_at(r, hash) = hash + (hash == 0);
		hash = hash * BASE + r->unit[i] - r->top * r->unit[i];
	}
}

/* Slides a window of n letters over the text. */
static bool rotations_in(const struct rotations *r, struct str text)
{
	uint32_t *ring = mem_zero((r->n + 1) * sizeof(*ring));
	uint64_t hash = 0;
	size_t seen = 0, at = 0;
	bool found = false;

	for (size_t i = 0; i < text.n && !found;) {
		uint32_t c = prose_lower(prose_char(text, &i));

		if (prose_script_of(c) == SCRIPT_NONE)
			continue;
		hash = hash * BASE + c - r->top * ring[at];
		ring[at] = c;
		at = at + 1 == r->n ? 0 : at + 1;
		found = ++seen >= r->n && *rotation_at(r, hash);
	}
	free(ring);
	return found;
}

static bool prompt_holds(struct str unit, const struct prose_prompt *prompt)
{
	struct rotations r = {0};
	bool found;

	rotations_fill(&r, unit);
	found = r.n == 0;
	for (size_t i = 0; i < prompt->n && !found; i++)
		found = rotations_in(&r, prompt->texts[i]);
	free(r.unit);
	free(r.set);
	return found;
}

/* ---- loops ---- */

/* The longest suffix of s that is a period LOOP_TIMES over: its length, and
 * the period in *unit. 0: there is none. */
static size_t find_period(struct str s, size_t *unit)
{
	uint32_t *border = mem_alloc((s.n + 1) * sizeof(*border));
	const char *last = s.p + s.n - 1;
	size_t best = 0;

	border[0] = border[1] = 0;
	for (size_t i = 1; i < s.n; i++) {
		uint32_t k = border[i];
		size_t n = i + 1;

		while (k && *(last - i) != *(last - k))
			k = border[k];
		border[n] = k + (*(last - i) == *(last - k));
		if (n < LOOP_BYTES || (n - border[n]) * LOOP_TIMES > n)
			continue;
		best = n;
		*unit = n - border[n];
	}
	free(border);
	return best;
}

/* Scripts that are written without blanks between words. */
static bool is_spaceless(enum script s)
{
	return s == SCRIPT_HAN || s == SCRIPT_KANA || s == SCRIPT_THAI ||
	       s == SCRIPT_LAO || s == SCRIPT_KHMER || s == SCRIPT_MYANMAR ||
	       s == SCRIPT_TIBETAN;
}

/*
 * Is it prose of at least two words (of two letters; without blanks, two
 * letters are a word), and not a table's row, code, markup or figures?
 */
static bool is_prose(struct str unit)
{
	size_t words = 0, run = 0, close = 0, other = 0, bytes = 0;

	for (size_t i = 0; i < unit.n;) {
		uint32_t c = prose_char(unit, &i);
		enum script s = prose_script_of(c);

		bytes++;
		if (is_spaceless(s))
			close++;
		else if (s != SCRIPT_NONE)
			words += ++run == 2;
		if (s == SCRIPT_NONE || is_spaceless(s))
			run = 0;
		if (c == '|' || c == '`')
			return false;
		other += c < 0x80 && c > ' ' && s == SCRIPT_NONE &&
			 !prose_among((char)c, ".,;:!?'\"-*");
	}
	return words + close / 2 >= 2 && other * 10 <= bytes;
}

static bool ends_in_code(struct str text)
{
	struct prose_walk walk = {text};
	struct str piece, last = {0};

	while (prose_next(&walk, &piece))
		last = piece;
	return walk.fence || walk.ticks || last.n == 0 ||
	       last.p + last.n < text.p + text.n;
}

/* The unit as it is best shown: from the beginning of a line or word. */
static struct str show_unit(struct str text, size_t from, size_t n)
{
	static const char *const before[] = {"\n", " "};

	for (size_t k = 0; k < 2; k++) {
		const char *at = memchr(text.p + from, before[k][0], n);
		size_t start = at ? (size_t)(at - text.p) + 1 : 0;

		if (at && start + n <= text.n)
			return (struct str){text.p + start, n};
	}
	while (from + n < text.n &&
	       ((unsigned char)text.p[from] & 0xc0) == 0x80)
		from++;
	return (struct str){text.p + from, n};
}

bool prose_loop(struct str text, const struct prose_prompt *prompt,
		struct prose_hit *hit)
{
	size_t n, from, unit = 0;
	struct str end, shown;

	while (text.n && prose_among(text.p[text.n - 1], " \t\r\n"))
		text.n--;
	if (text.n < LOOP_BYTES)
		return false;
	end = text.n > WINDOW ? str_skip(text, text.n - WINDOW) : text;
	n = find_period(end, &unit);
	if (n == 0)
		return false;
	from = text.n - n;
	while (from && text.p[from - 1] == text.p[from - 1 + unit])
		from--;
	shown = show_unit(text, from, unit);
	if (!is_prose(shown) || ends_in_code(text) ||
	    prompt_holds(shown, prompt))
		return false;
	*hit = (struct prose_hit){from, text.n - from, (text.n - from) / unit,
				  shown};
	return true;
}

/* ---- runs of words ---- */

enum { NGRAM_MOST = 32, NGRAM_LEAST = 8 };

/*
 * Words as they come, and the runs of n that they end. A run counts on where
 * the same one ended up to n words before it began:
 *
 *	we then measure eggs, at two we then measure figs
 *	|--- count 4 --|  n or less  |--- count 5 --|
 *
 * Lines that begin alike are a list, code or a poem: that does not count.
 */
struct word {
	uint64_t hash, run; /* of the word; of n words up to it */
	size_t begin;
	unsigned count;
	bool first; /* of its line */
};
struct runs {
	struct word last[4 * NGRAM_MOST]; /* a ring */
	unsigned n;
	size_t seen;
};

static struct word *word_at(struct runs *r, size_t i)
{
	return &r->last[i % (4 * NGRAM_MOST)];
}

/* Do at least two words of the run that ends with word i differ? */
static bool run_varies(struct runs *r, size_t i)
{
	for (unsigned k = 1; k < r->n; k++)
		if (word_at(r, i - k)->hash != word_at(r, i)->hash)
			return true;
	return false;
}

/* How many words it takes until all of them come again; 0: more than 2 n, or
 * they do not. */
static unsigned period(struct runs *r)
{
	for (unsigned k = 1; k <= 2 * r->n; k++) {
		unsigned same = 0;

		while (same < 2 * r->n &&
		       word_at(r, r->seen - 1 - same)->hash ==
			       word_at(r, r->seen - 1 - same - k)->hash)
			same++;
		if (same == 2 * r->n)
			return k;
	}
	return 0;
}

/* Returns how often the run that this word ends was said. */
static unsigned add_word(struct runs *r, uint64_t hash, size_t begin,
			 bool first)
{
	struct word *w = word_at(r, r->seen);
	size_t i = r->seen++;

	*w = (struct word){hash, 0, begin, 1, first};
	if (i + 1 < r->n || word_at(r, i + 1 - r->n)->first)
		return 0;
	for (unsigned k = r->n; k-- > 0;)
		w->run = w->run * BASE + word_at(r, i - k)->hash;
	for (size_t d = r->n; d <= 2 * r->n && d + r->n <= i + 1; d++) {
		if (word_at(r, i - d)->run != w->run)
			continue;
		w->count = word_at(r, i - d)->count + 1;
		break;
	}
	return w->count;
}

/* May it stand between words of a sentence? */
static bool is_between(uint32_t c)
{
	return c >= 0x80 || c <= ' ' || prose_among((char)c, ".,;:!?'\"-");
}

/* Reads one piece of plain text; true: a run is said often enough, the last
 * time up to *end. */
static bool read_words(struct runs *r, struct str text, struct str piece,
		       unsigned times, size_t *end)
{
	size_t base = (size_t)(piece.p - text.p);
	bool first = base == 0 || piece.p[-1] == '\n';

	for (size_t i = 0; i < piece.n;) {
		size_t begin = i, stop = i;
		uint64_t hash = 0;
		uint32_t c = ' ';

		while (i < piece.n) {
			c = prose_lower(prose_char(piece, &i));
			if (prose_script_of(c) == SCRIPT_NONE)
				break;
			hash = hash * BASE + c;
			stop = i;
		}
		*end = base + stop;
		if (stop > begin) {
			if (add_word(r, hash, base + begin, first) >= times &&
			    run_varies(r, r->seen - 1))
				return true;
			first = false;
		}
		if (stop < i && !is_between(c))
			r->seen = 0;
	}
	return false;
}

static struct str last_words(struct runs *r, struct str text, unsigned n,
			     size_t end)
{
	size_t from = word_at(r, r->seen - n)->begin;

	return (struct str){text.p + from, end - from};
}

bool prose_ngram(struct str text, unsigned n, unsigned most,
		 const struct prose_prompt *prompt, struct prose_hit *hit)
{
	unsigned times = most < NGRAM_LEAST ? NGRAM_LEAST : most + 1;
	struct prose_walk walk = {text};
	struct runs runs = {.n = n};
	struct str piece, unit;
	const char *behind = text.p;
	size_t end;
	unsigned again;

	if (n < 2 || n > NGRAM_MOST)
		return false;
	while (prose_next(&walk, &piece)) {
		for (; behind < piece.p && prose_among(*behind, "\r\n");)
			behind++;
		if (behind < piece.p) /* code between two words parts them */
			runs.seen = 0;
		behind = piece.p + piece.n;
		if (!read_words(&runs, text, piece, times, &end))
			continue;
		again = period(&runs);
		if (again &&
		    prompt_holds(last_words(&runs, text, again, end), prompt))
			return false;
		unit = last_words(&runs, text, n, end);
		if (prompt_holds(unit, prompt))
			return false;
		*hit = (struct prose_hit){(size_t)(unit.p - text.p), unit.n,
					  times, unit};
		return true;
	}
	return false;
}
