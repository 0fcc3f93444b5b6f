/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. The credentials of a request become a set of needles: each secret
 * in every form in which it may come back. Making one costs microseconds, and
 * nearly every request carries the credentials of the one before; so the last
 * few sets are kept, found by the credentials themselves:
 *
 *	source: | form | n | bytes | form | n | bytes | ...
 *
 * Sets live in pages of their own that no core dump shows and that are wiped
 * when the last exchange has given its reference back.
 */
#include "record/redact_impl.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"

#define CACHE_MAGIC 0x72636163u /* "rcac" */
#define SET_MAGIC   0x72736574u /* "rset" */
#define CACHED	    16
#define SOURCE_MOST (256u << 10) /* so much of a head's credentials counts */

struct redact_cache {
	unsigned magic;
	const struct redact_rules *rules;
	struct redact_set *sets[CACHED];
	unsigned last, oldest;
	size_t used;
	char source[SOURCE_MOST]; /* of the head at hand */
};

/* Before each credential in a source. */
struct piece {
	uint32_t n, form;
};

struct redact_cache *redact_cache_new(const struct redact_rules *r)
{
	struct redact_cache *c = redact_pages(sizeof *c);

	c->magic = CACHE_MAGIC;
	c->rules = r;
	return c;
}

void redact_cache_free(struct redact_cache *c)
{
	if (!c)
		return;
	assert(c->magic == CACHE_MAGIC);
	for (unsigned i = 0; i < CACHED; i++)
		redact_unref(c->sets[i]);
	redact_pages_free(c, sizeof *c);
}

struct redact_set *redact_ref(struct redact_set *s)
{
	if (s) {
		assert(s->magic == SET_MAGIC);
		s->refs++;
	}
	return s;
}

void redact_unref(struct redact_set *s)
{
	if (!s)
		return;
	assert(s->magic == SET_MAGIC && s->refs > 0);
	if (--s->refs == 0)
		redact_pages_free(s, s->mapped);
}

/* ---- forms of a secret ---- */

/* All forms of one set, while it is made. Wiped in the end. */
struct forms {
	const struct redact_rules *rules;
	struct buf bytes;
	unsigned n;
	struct {
		uint32_t at, n;
		char mask[REDACT_SIZE];
	} form[REDACT_NEEDLES];
};

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

static void add_form(struct forms *s, struct str form, const char *mask)
{
	if (form.n < REDACT_LEAST || form.n > REDACT_MOST ||
	    s->n == REDACT_NEEDLES)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		struct str have = {s->bytes.p + s->form[i].at, s->form[i].n};
		if (str_eq(have, form))
			return;
	}
	s->form[s->n].at = (uint32_t)s->bytes.n;
	s->form[s->n].n = (uint32_t)form.n;
	memcpy(s->form[s->n].mask, mask, REDACT_SIZE);
	s->n++;
	buf_adds(&s->bytes, form);
}

static void json_escape(struct buf *out, struct str s, bool slashes)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\' || (c == '/' && slashes))
			buf_addf(out, "\\%c", c);
		else if (c < 0x20)
			buf_addf(out, "\\u%04x", c);
		else
			buf_addc(out, (char)c);
	}
}

static void percent_encode(struct buf *out, struct str s, const char *digits)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (isalnum(c) || (c && strchr("-._~", c)))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%c%c", digits[c >> 4], digits[c & 15]);
	}
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

static void percent_decode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n &&
		    isxdigit((unsigned char)s.p[i + 1]) &&
		    isxdigit((unsigned char)s.p[i + 2])) {
			buf_addc(out, (char)(hex_digit(s.p[i + 1]) << 4 |
					     hex_digit(s.p[i + 2])));
			i += 2;
		} else {
			buf_addc(out, s.p[i]);
		}
	}
}

/* The secret itself and all that writing it into JSON or a URL makes of it. */
static void add_forms(struct forms *s, struct str secret, const char *mask)
{
	struct buf b = {0};

	add_form(s, secret, mask);
	for (int slashes = 0; slashes < 2; slashes++) {
		b.n = 0;
		json_escape(&b, secret, slashes);
		add_form(s, buf_str(&b), mask);
	}
	b.n = 0;
	percent_encode(&b, secret, "0123456789ABCDEF");
	add_form(s, buf_str(&b), mask);
	b.n = 0;
	percent_encode(&b, secret, "0123456789abcdef");
	add_form(s, buf_str(&b), mask);
	wipe(&b);
}

static void add_secret(struct forms *s, struct str secret)
{
	char mask[REDACT_SIZE];

	if (secret.n < REDACT_LEAST || secret.n > REDACT_MOST)
		return;
	redact_fingerprint(s->rules, secret, mask);
	add_forms(s, secret, mask);
}

/* "user:password": the pair, and the password alone. */
static void add_pair(struct forms *s, struct str pair, const char *mask)
{
	struct str password = pair;

	add_forms(s, pair, mask);
	str_cut(&password, ':');
	if (password.p)
		add_secret(s, password);
}

static void add_basic(struct forms *s, struct str token)
{
	size_t most = token.n / 4 * 3 + 4;
	unsigned char *plain;
	char mask[REDACT_SIZE];
	int n;

	add_secret(s, token);
	if (token.n == 0 || token.n % 4 || token.n > REDACT_MOST)
		return;
	plain = mem_zero(most);
	n = EVP_DecodeBlock(plain, (const unsigned char *)token.p,
			    (int)token.n);
	for (size_t i = token.n; n > 0 && i > 0 && token.p[i - 1] == '='; i--)
		n--;
	redact_fingerprint(s->rules, token, mask);
	if (n > 0)
		add_pair(s, (struct str){(char *)plain, (size_t)n}, mask);
	explicit_bzero(plain, most);
	free(plain);
}

static void add_query(struct forms *s, struct str value)
{
	char mask[REDACT_SIZE];
	struct buf plain = {0};

	add_secret(s, value);
	redact_fingerprint(s->rules, value, mask);
	percent_decode(&plain, value);
	if (!str_eq(buf_str(&plain), value))
		add_forms(s, buf_str(&plain), mask);
	wipe(&plain);
}

static void add_credential(struct forms *s, struct str secret,
			   enum redact_form form)
{
	char mask[REDACT_SIZE];

	switch (form) {
	case REDACT_PLAIN: add_secret(s, secret); break;
	case REDACT_BASIC: add_basic(s, secret); break;
	case REDACT_QUERY: add_query(s, secret); break;
	case REDACT_USERINFO:
		redact_fingerprint(s->rules, secret, mask);
		add_pair(s, secret, mask);
		break;
	}
}

/* ---- sets ---- */

static void *place(char **at, struct str bytes)
{
	void *p = *at;

	if (bytes.n)
		memcpy(p, bytes.p, bytes.n);
	*at += bytes.n;
	return p;
}

static struct redact_set *set_make(const struct forms *forms, uint64_t hash,
				   struct str source)
{
	size_t head = sizeof(struct redact_set) +
		      forms->n * sizeof(struct redact_needle);
	size_t size = head + forms->bytes.n + source.n;
	struct redact_set *s = redact_pages(size);
	char *at = (char *)s + head;
	const unsigned char *bytes = place(&at, buf_str(&forms->bytes));

	*s = (struct redact_set){
		.magic = SET_MAGIC, .refs = 1, .mapped = size, .hash = hash};
	s->source = (struct str){place(&at, source), source.n};
	s->n = forms->n;
	for (unsigned i = 0; i < s->n; i++) {
		redact_needle_init(&s->needles[i], bytes + forms->form[i].at,
				   forms->form[i].n);
		memcpy(s->needles[i].mask, forms->form[i].mask, REDACT_SIZE);
	}
	return s;
}

static struct redact_set *set_new(const struct redact_rules *r, uint64_t hash,
				  struct str source)
{
	struct forms forms = {.rules = r};
	struct str rest = source;
	struct redact_set *s;
	struct piece piece;

	while (rest.n) {
		memcpy(&piece, rest.p, sizeof piece);
		rest = str_skip(rest, sizeof piece);
		add_credential(&forms, (struct str){rest.p, piece.n},
			       piece.form);
		rest = str_skip(rest, piece.n);
	}
	s = set_make(&forms, hash, source);
	wipe(&forms.bytes);
	return s;
}

static void collect(void *arg, struct str secret, enum redact_form form)
{
	struct redact_cache *c = arg;
	struct piece piece = {(uint32_t)secret.n, form};

	if (c->used + sizeof piece + secret.n > sizeof c->source)
		return;
	memcpy(c->source + c->used, &piece, sizeof piece);
	memcpy(c->source + c->used + sizeof piece, secret.p, secret.n);
	c->used += sizeof piece + secret.n;
}

struct redact_set *redact_learn(struct redact_cache *c, struct str raw)
{
	struct str source = {c->source, 0};
	struct redact_set *s;
	uint64_t hash;

	assert(c->magic == CACHE_MAGIC);
	c->used = 0;
	redact_scan(c->rules, raw, collect, c);
	if (c->used == 0)
		return NULL;
	source.n = c->used;
	hash = XXH3_64bits(source.p, source.n);
	for (unsigned i = 0; i < CACHED; i++) {
		s = c->sets[(c->last + i) % CACHED];
		if (s && s->hash == hash && str_eq(s->source, source)) {
			c->last = (c->last + i) % CACHED;
			return redact_ref(s);
		}
	}
	c->last = c->oldest;
	c->oldest = (c->oldest + 1) % CACHED;
	redact_unref(c->sets[c->last]);
	c->sets[c->last] = s = set_new(c->rules, hash, source);
	return redact_ref(s);
}

unsigned redact_text(const struct redact_cache *c, struct str text,
		     struct buf *out)
{
	struct buf a = {0}, b = {0}, swap;
	unsigned count = 0;

	assert(c->magic == CACHE_MAGIC);
	buf_adds(&a, text);
	for (unsigned i = 0; i < CACHED && c->sets[i]; i++) {
		b.n = 0;
		count += redact_whole(c->sets[i], buf_str(&a), &b);
		swap = a;
		a = b;
		b = swap;
	}
	buf_adds(out, buf_str(&a));
	wipe(&a);
	wipe(&b);
	return count;
}
