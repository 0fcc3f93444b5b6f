/* SPDX-License-Identifier: MIT */
#include "pack_impl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { FILE_MOST = 16 << 20 };

struct packs *packs_new(void)
{
	struct packs *p = MEM_NEW(struct packs);

	p->magic = PACKS_MAGIC;
	atomic_init(&p->refs, 1);
	pthread_mutex_init(&p->lock, NULL);
	packs_digest_make(p);
	return p;
}

struct packs *packs_ref(struct packs *p)
{
	assert(p->magic == PACKS_MAGIC);
	atomic_fetch_add(&p->refs, 1);
	return p;
}

void packs_unref(struct packs *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	assert(p->magic == PACKS_MAGIC);
	packs_forget(p);
	for (size_t i = p->n; i-- > 0;)
		file_free(p->v[i]);
	for (size_t i = 0; i < p->n_pins; i++)
		free(p->pins[i].upstream);
	pthread_mutex_destroy(&p->lock);
	free(p->v);
	free(p->pins);
	free(p->rules);
	p->magic = 0;
	free(p);
}

static void digest_of(struct str text, char hex[65])
{
	unsigned char sum[32];
	int ok = EVP_Digest(text.p, text.n, sum, NULL, EVP_sha256(), NULL);

	assert(ok);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
}

/* Packs in order, pins in order: both decide. */
void packs_digest_make(struct packs *p)
{
	struct buf b = {0};

	for (size_t i = 0; i < p->n; i++)
		buf_addf(&b, "pack %.*s %.*s\n", STR_ARG(p->v[i]->pack.name),
			 STR_ARG(p->v[i]->pack.digest));
	for (size_t i = 0; i < p->n_pins; i++)
		buf_addf(&b, "pin %s=%.*s\n",
			 p->pins[i].upstream ? p->pins[i].upstream : "",
			 STR_ARG(p->pins[i].pack->name));
	digest_of(buf_str(&b), p->digest);
	buf_free(&b);
}

/* Puts a rule into the table: in the place of the one of that id, or last. */
static void rule_take(struct packs *p, struct rule *rule)
{
	for (unsigned i = 0; i < p->n_rules; i++) {
		if (!str_eq(p->rules[i]->id, rule->id))
			continue;
		rule->number = i;
		p->rules[i] = rule;
		return;
	}
	rule->number = p->n_rules;
	p->rules[p->n_rules++] = rule;
}

static void packs_take(struct packs *p, struct file *f)
{
	size_t n = f->pack.file.n ? (size_t)(f->pack.file.p - f->text) : 0;
	char *hex = json_doc_alloc(f->doc, 65);

	digest_of((struct str){f->text, n}, hex);
	f->pack.digest = (struct str){hex, 64};
	p->v = mem_grow(p->v, (p->n + 1) * sizeof(struct file *));
	p->v[p->n++] = f;
	p->rules = mem_grow(p->rules, (p->n_rules + f->pack.n_rules + 1) *
					      sizeof(struct rule *));
	for (unsigned i = 0; i < f->pack.n_rules; i++)
		rule_take(p, &f->pack.rules[i]);
	packs_forget(p);
	packs_digest_make(p);
}

/* What is built in was linted by the tests; a fault here is a bug. */
static void shipped_fault(void *arg, unsigned line, const char *why)
{
	const struct shipped *s = arg;

	fprintf(stderr, "%s:%u: %s\n", s->name, line, why);
}

void packs_add_builtin(struct packs *p)
{
	for (unsigned i = 0; i < shipped_packs_n; i++) {
		const struct shipped *s = &shipped_packs[i];
		struct str text = {(const char *)s->text, s->n};
		size_t faults;
		struct file *f = pack_read(p, text, s->name, shipped_fault,
					   (void *)s, &faults);

		assert(f);
		f->pack.builtin = true;
		packs_take(p, f);
	}
}

/* ---- a user's file ---- */

struct first {
	unsigned line;
	char why[400];
};

static void keep_first(void *arg, unsigned line, const char *why)
{
	struct first *first = arg;

	if (first->line)
		return;
	first->line = line;
	snprintf(first->why, sizeof first->why, "%s", why);
}

static bool unreadable(struct fail *f, const char *path, const char *why)
{
	return fail_set(f, FAIL_USER, "rules_unreadable",
			"cannot read the rules %s: %s", path, why);
}

static bool slurp(int fd, struct buf *to)
{
	ssize_t got;

	do {
		got = read(fd, buf_room(to, 65536), 65536);
		if (got > 0)
			to->n += (size_t)got;
	} while ((got > 0 && to->n <= FILE_MOST) ||
		 (got < 0 && errno == EINTR));
	return got >= 0;
}

static bool file_load(const char *path, struct buf *to, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return unreadable(f, path, strerror(errno));
	ok = slurp(fd, to) || unreadable(f, path, strerror(errno));
	close(fd);
	if (ok && to->n > FILE_MOST)
		return unreadable(f, path, "it is larger than 16 MiB");
	return ok;
}

bool packs_add_file(struct packs *p, const char *path, struct fail *f)
{
	struct first first = {0};
	struct buf text = {0};
	struct file *file;
	size_t faults;
	bool ok = file_load(path, &text, f);

	if (ok) {
		file = pack_read(p, buf_str(&text), path, keep_first, &first,
				 &faults);
		if (file)
			packs_take(p, file);
		else
			ok = fail_set(f, FAIL_USER, "bad_rules",
				      "%.200s:%u: %s", path, first.line,
				      first.why);
	}
	buf_free(&text);
	return ok;
}

size_t pack_lint(struct str text, const char *path, say_fn *say, void *arg)
{
	struct packs *others = packs_new();
	struct file *f;
	size_t faults;

	packs_add_builtin(others);
	f = pack_read(others, text, path, say, arg, &faults);
	if (f)
		file_free(f);
	packs_unref(others);
	return faults;
}

bool pack_lint_file(const char *path, size_t *faults, say_fn *say, void *arg,
		    struct fail *f)
{
	struct buf text = {0};
	bool ok = file_load(path, &text, f);

	if (ok)
		*faults = pack_lint(buf_str(&text), path, say, arg);
	buf_free(&text);
	return ok;
}

/* ---- what there is ---- */

size_t packs_count(const struct packs *p)
{
	return p->n;
}

const struct pack *packs_at(const struct packs *p, size_t i)
{
	assert(i < p->n);
	return &p->v[i]->pack;
}

const struct pack *packs_named(const struct packs *p, struct str name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->v[i]->amends && str_eq(p->v[i]->pack.name, name))
			return &p->v[i]->pack;
	return NULL;
}

const struct rule *packs_rule(const struct packs *p, struct str id)
{
	for (unsigned i = 0; i < p->n_rules; i++)
		if (str_eq(p->rules[i]->id, id))
			return p->rules[i];
	return NULL;
}

unsigned packs_rules(const struct packs *p)
{
	return p->n_rules;
}

const char *packs_digest(const struct packs *p)
{
	return p->digest;
}
