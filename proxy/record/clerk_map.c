/* SPDX-License-Identifier: MIT */
#include "record/clerk_map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

/* Keys are counters: spread them. */
static size_t home(const struct clerk_map *m, uint64_t key)
{
	return (size_t)(key * 0x9e3779b97f4a7c15ull >> 32) & (m->size - 1);
}

/* Where the key is, or the free place where it would go. */
static size_t locate(const struct clerk_map *m, uint64_t key)
{
	size_t i = home(m, key);

	while (m->places[i].key && m->places[i].key != key)
		i = (i + 1) & (m->size - 1);
	return i;
}

static void resize(struct clerk_map *m, size_t size)
{
	struct clerk_map bigger = {.size = size};

	bigger.places = mem_zero(size * sizeof *bigger.places);
	for (size_t i = 0; i < m->size; i++) {
		if (m->places[i].key)
			clerk_map_put(&bigger, m->places[i].key,
				      m->places[i].p);
	}
	free(m->places);
	*m = bigger;
}

void clerk_map_put(struct clerk_map *m, uint64_t key, void *p)
{
	size_t i;

	assert(key && p);
	if (m->n * 2 >= m->size)
		resize(m, m->size ? m->size * 2 : 16);
	i = locate(m, key);
	m->n += m->places[i].key == 0;
	m->places[i] = (struct clerk_map_place){key, p};
}

void *clerk_map_get(const struct clerk_map *m, uint64_t key)
{
	return m->n && key ? m->places[locate(m, key)].p : NULL;
}

void *clerk_map_drop(struct clerk_map *m, uint64_t key)
{
	size_t i, hole;
	void *p;

	if (!m->n || !key)
		return NULL;
	hole = i = locate(m, key);
	p = m->places[i].p;
	if (!p)
		return NULL;
	m->n--;
	/* Moves up what would no longer be found behind the hole. */
	for (;;) {
		size_t want;
		m->places[hole] = (struct clerk_map_place){0};
		do {
			i = (i + 1) & (m->size - 1);
			if (!m->places[i].key)
				return p;
			want = home(m, m->places[i].key);
		} while (((i - want) & (m->size - 1)) <
			 ((i - hole) & (m->size - 1)));
		m->places[hole] = m->places[i];
		hole = i;
	}
}

void **clerk_map_all(const struct clerk_map *m)
{
	void **all = mem_alloc(m->n * sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < m->size; i++) {
		if (m->places[i].key)
			all[n++] = m->places[i].p;
	}
	return all;
}

void clerk_map_free(struct clerk_map *m)
{
	free(m->places);
	*m = (struct clerk_map){0};
}
