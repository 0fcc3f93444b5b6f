/* SPDX-License-Identifier: MIT */
/*
 * A pack of a stranger: what lint does not complain of loads, its schemas and
 * probes too, and what it complains of has a line within the text.
 */
#include <assert.h>
#include <stdlib.h>

#include "rules/pack/pack.h"
#include "rules/pack/pack_impl.h"
#include "rules/pack/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	size_t n;
	unsigned lines;
};

static void hear(void *arg, unsigned line, const char *why)
{
	struct heard *h = arg;

	assert(line >= 1 && line <= h->lines);
	assert(why[0]);
	h->n++;
}

static void use(const struct pack *p)
{
	struct probe *v;
	size_t n = pack_probes(p, &v);

	for (size_t i = 0; i < n && i < 20; i++) {
		struct buf b = {0};

		v[i].fill = v[i].fill ? 1 : 0;
		probe_request(&v[i], 0, STR("m"), &b);
		buf_free(&b);
	}
	probes_free(v, n);
	pack_mode(p, p->node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard h = {.lines = 1};
	struct file *f;
	size_t faults;

	for (size_t i = 0; i < size; i++)
		h.lines += data[i] == '\n';
	f = pack_read(NULL, (struct str){(const char *)data, size}, "x", hear,
		      &h, &faults);
	assert(faults == h.n && (f != NULL) == (faults == 0));
	if (f) {
		use(&f->pack);
		file_free(f);
	}
	return 0;
}
