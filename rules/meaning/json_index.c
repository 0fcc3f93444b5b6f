/* SPDX-License-Identifier: MIT */
/*
 * Members by name. A few are looked through from the last to the first; more
 * are sorted once, so that an object of a stranger's million members costs no
 * more than it takes to read. Where a name is said twice, the last one takes
 * all its places:
 *
 *	{"b":1, "a":2, "b":3}	v       b1 a2 b3
 *				sorted  a2 b3 b3
 */
#include <stdlib.h>

#include "base/mem.h"
#include "rules/meaning/json_impl.h"

enum { FEW = 12 };

struct place {
	struct json *member;
	uint32_t i;
};

static int compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int c = compare(x->member->key, y->member->key);

	return c ? c : (x->i > y->i) - (x->i < y->i);
}

static void sort(struct json *o)
{
	struct place *places = mem_alloc(o->n * sizeof *places);

	for (uint32_t i = 0; i < o->n; i++)
		places[i] = (struct place){o->v[i], i};
	qsort(places, o->n, sizeof *places, by_name);
	o->sorted = json_doc_alloc(o->doc, o->n * sizeof *o->sorted);
	for (uint32_t i = o->n; i-- > 0;) {
		bool last = i + 1 == o->n || !str_eq(places[i].member->key,
						     places[i + 1].member->key);

		o->sorted[i] = last ? places[i].member : o->sorted[i + 1];
	}
	free(places);
}

bool json_has_duplicates(struct json *o)
{
	if (o->n > FEW) {
		sort(o);
		for (uint32_t i = 1; i < o->n; i++) {
			if (o->sorted[i] == o->sorted[i - 1])
				return true;
		}
		return false;
	}
	for (uint32_t i = 1; i < o->n; i++) {
		for (uint32_t k = 0; k < i; k++) {
			if (str_eq(o->v[i]->key, o->v[k]->key))
				return true;
		}
	}
	return false;
}

static const struct json *find(const struct json *o, struct str name)
{
	uint32_t from = 0, to = o->n;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		int c = compare(name, o->sorted[middle]->key);

		if (c == 0)
			return o->sorted[middle];
		if (c < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

const struct json *json_get(const struct json *o, struct str name)
{
	if (!json_is(o, JSON_OBJECT))
		return NULL;
	if (o->n > FEW) {
		if (!o->sorted) /* made by json_make() */
			sort((struct json *)o);
		return find(o, name);
	}
	for (uint32_t i = o->n; i-- > 0;) {
		if (str_eq(o->v[i]->key, name))
			return o->v[i];
	}
	return NULL;
}
