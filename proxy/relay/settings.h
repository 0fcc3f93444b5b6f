/* SPDX-License-Identifier: MIT */
/*
 * One configuration of the proxy: made from options, immutable, shared by
 * the workers, replaced as a whole on reload. Reference-counted, any thread:
 * an exchange keeps the settings it began under.
 */
#ifndef RELAY_SETTINGS_H
#define RELAY_SETTINGS_H

#include <sys/socket.h>

#include "base/log.h"
#include "base/options.h"
#include "wire/pool.h"

struct settings_listen {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char *shown; /* as the user wrote it */
};

struct settings_cidr {
	int family;
	unsigned char net[16];
	unsigned bits;
};

struct settings {
	unsigned magic, refs;
	struct upstream **upstreams; /* [0] is the default */
	unsigned n_upstreams;
	struct settings_listen *listens;
	unsigned n_listens; /* 0: nobody connects, all is assay's own */
	struct settings_cidr *allow; /* loopback is always allowed */
	unsigned n_allow;
	SSL_CTX *server_tls; /* NULL: clear */
	char *trail, *spool_dir;
	bool strict;
	size_t spool_size; /* 0: the default, shrinking to what fits */
	unsigned workers;
	size_t max_head;
	uint64_t connect_timeout_ns, idle_timeout_ns, drain_ns;
	const char **redact; /* names added by the user */
	unsigned n_redact;
	enum log_level log_level;
};

/* Adds the rows of `assay proxy` that belong to this room. */
void settings_add_options(struct options *o);

/* From parsed options; every error names the option. */
struct settings *settings_new(const struct options *o, struct fail *f) MUST_USE;
struct settings *settings_ref(struct settings *s);
void settings_unref(struct settings *s);

/*
 * Which upstream a request's path goes to: /NAME, /NAME/... or /NAME?... if
 * an upstream has that name (then *strip is the length of "/NAME"), else the
 * default. /default/ is nobody's name.
 */
const struct upstream *settings_route(const struct settings *s,
				      struct str target, size_t *strip);
const struct upstream *settings_upstream(const struct settings *s,
					 struct str name);

/* May a client from this address connect? */
bool settings_allows(const struct settings *s, const struct sockaddr *a);

/*
 * Can `next` replace `now` without a restart? Listeners, trail, spool,
 * workers, record mode and redaction cannot change: false, and *f says which.
 */
bool settings_can_follow(const struct settings *now,
			 const struct settings *next, struct fail *f) MUST_USE;

#endif
