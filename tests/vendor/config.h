/* SPDX-License-Identifier: MIT */
/*
 * What the command line says. Written before the workers start, read-only
 * afterwards (the counters alone move).
 *
 *	struct config config;
 *	if (!config_parse(&config, argc, argv, &code))
 *		return code;
 */
#ifndef VENDOR_CONFIG_H
#define VENDOR_CONFIG_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "knobs.h"

#define CONFIG_LISTENS 16

struct counters {
	_Atomic uint64_t connections, requests;
};

struct listen_at {
	const char *text; /* ADDR:PORT as given */
	bool tls;
	uint16_t port; /* as bound */
};

struct config {
	struct listen_at at[CONFIG_LISTENS];
	size_t n_at;
	const char *cert, *key, *write_ca, *port_file;
	bool h1_only, quiet, seeded;
	uint64_t seed, threads, h2_streams;
	struct knobs knobs;
	struct counters *counters;
};

/* False when the program is to end with *code (help, or a bad option). */
bool config_parse(struct config *c, int argc, char **argv, int *code);

#endif
