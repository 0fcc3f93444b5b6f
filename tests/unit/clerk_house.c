/* SPDX-License-Identifier: MIT */
#include "clerk_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- taps ---- */

static void tap_open(void *arg, int64_t id, const struct ev_open *o)
{
	struct house *h = arg;

	buf_addf(&h->taps, "open %lld %.*s\n", (long long)id,
		 STR_ARG(o->route));
}

static void tap_head(void *arg, int64_t id, enum ev_side side,
		     enum ev_head kind, struct str raw, uint64_t at)
{
	struct house *h = arg;

	buf_addf(&h->taps, "head %lld %d %d %zu @%llu\n", (long long)id, side,
		 kind, raw.n, (unsigned long long)at);
}

static void tap_data(void *arg, int64_t id, enum ev_side side, struct str bytes,
		     uint64_t at)
{
	struct house *h = arg;

	buf_addf(&h->taps, "data %lld %d %.*s @%llu\n", (long long)id, side,
		 STR_ARG(bytes), (unsigned long long)at);
}

static void tap_close(void *arg, int64_t id, const struct ev_close *c,
		      int64_t conn_up)
{
	struct house *h = arg;

	buf_addf(&h->taps, "close %lld %d\n", (long long)id, c->outcome);
}

/* ---- a house ---- */

bool house_try_clerk(struct house *h, bool strict, bool taps)
{
	struct clerk_options o = {.trail = h->trail,
				  .spools = h->spools,
				  .n_spools = WORKERS,
				  .taps = &h->tap,
				  .n_taps = taps,
				  .strict = strict};
	struct fail f;

	h->tap = (struct clerk_tap){.open = tap_open,
				    .head = tap_head,
				    .data = tap_data,
				    .close = tap_close,
				    .arg = h};
	h->clerk = clerk_start(&o, &f);
	if (!h->clerk)
		assert_string_equal(f.code, "disk_full");
	return h->clerk;
}

void house_start_clerk(struct house *h, bool strict, bool taps)
{
	assert_true(house_try_clerk(h, strict, taps));
}

void house_open_spools(struct house *h)
{
	struct fail f;

	for (unsigned i = 0; i < WORKERS; i++) {
		struct spool_options o = {.dir = h->dir,
					  .size = SPOOL_LEAST,
					  .trail = h->trail_path,
					  .worker = i,
					  .workers = WORKERS};
		h->spools[i] = spool_open(&o, &f);
		assert_non_null(h->spools[i]);
		h->recorders[i] = recorder_new(h->spools[i], h->rules, i);
	}
}

void house_close_spools(struct house *h)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		recorder_free(h->recorders[i]);
		spool_free(h->spools[i]);
	}
}

int house_build(void **state)
{
	struct house *h = calloc(1, sizeof *h);
	struct fail f;

	snprintf(h->dir, sizeof h->dir, "/tmp/assay-clerk-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	setenv("XDG_DATA_HOME", h->dir, 1);
	snprintf(h->trail_path, sizeof h->trail_path, "%s/x.db", h->dir);
	h->rules = redact_rules_new(NULL, 0, &f);
	assert_non_null(h->rules);
	h->trail = fake_trail_new();
	house_open_spools(h);
	*state = h;
	return 0;
}

int house_clear(void **state)
{
	struct house *h = *state;
	char command[128];

	clerk_stop(h->clerk);
	house_close_spools(h);
	fake_trail_free(h->trail);
	redact_rules_free(h->rules);
	buf_free(&h->taps);
	snprintf(command, sizeof command, "rm -rf '%s'", h->dir);
	free(h);
	return system(command);
}

struct rec *house_open_at(struct house *h, unsigned worker, uint64_t at)
{
	struct ev_open o = {.kind = EV_PROBE,
			    .route = STR("vendor"),
			    .run = STR("r"),
			    .started_wall = 1,
			    .started_mono = at};

	return rec_open(h->recorders[worker], &o);
}

void house_close_it(struct rec *x)
{
	struct ev_close end = {.status = 200, .outcome = EV_COMPLETE};

	rec_close(x, &end);
}

static char byte_of(uint64_t key, uint64_t at)
{
	return (char)('a' + (key * 7 + at + at / 26) % 26);
}

/* Sends the next n bytes of a body that starts with its key. */
void house_send(struct rec *x, uint64_t *sent, size_t n)
{
	char *p = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = byte_of(rec_key(x), *sent + i);
	rec_data(x, EV_RESPONSE, p, n, clock_mono());
	*sent += n;
	free(p);
}

bool house_body_is(const struct fake_row *r, uint64_t key, uint64_t n)
{
	const struct buf *b = &r->body[EV_RESPONSE];

	if (b->n != n)
		return false;
	for (uint64_t i = 0; i < n; i++) {
		if (b->p[i] != byte_of(key, i))
			return false;
	}
	return true;
}
