/* SPDX-License-Identifier: MIT */
/*
 * DESIGN
 *
 *	options (text, checked by kind)
 *	   |  settings_new(): what needs more than its kind to be right
 *	   v
 *	settings (immutable)  <-- one reference each --  main thread, workers,
 *							 open exchanges
 *
 * A reload makes a whole new one beside the old, so a bad file changes
 * nothing, and an exchange ends under the settings that it began under.
 */
#include "relay/settings.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "record/recorder.h"
#include "record/spool.h"
#include "relay/net.h"
#include "wire/tls.h"

#define SETTINGS_MAGIC 0x53455454u
#define MOST_WORKERS   256

static void check(const struct settings *s)
{
	assert(s && s->magic == SETTINGS_MAGIC);
}

static bool bad(struct fail *f, const char *option, const char *why)
{
	return fail_set(f, FAIL_USER, "bad_value", "--%s: %s", option, why);
}

/* Puts the option's name before what somebody below has said. */
static bool blame(struct fail *f, const char *option)
{
	char text[sizeof f->text];

	snprintf(text, sizeof text, "%s", f->text);
	snprintf(f->text, sizeof f->text, "--%s: %.*s", option,
		 (int)sizeof text - 40, text);
	return false;
}

/* ---- upstreams ---- */

/* Version-like segments begin every vendor's paths. */
static bool is_version(const char *name)
{
	return name[0] == 'v' && name[1] &&
	       strspn(name + 1, "0123456789") == strlen(name + 1);
}

static bool name_is_free(const struct settings *s, const char *name,
			 struct fail *f)
{
	char why[200];

	if (is_version(name)) {
		snprintf(why, sizeof why,
			 "the name %.40s would catch every path under /%.40s/: "
			 "choose another",
			 name, name);
		return bad(f, "upstream", why);
	}
	if (s->n_upstreams && strcmp(name, "default") == 0)
		return bad(f, "upstream",
			   "only the first can do without a name: write "
			   "NAME=URL, and clients reach it at /NAME/");
	if (!settings_upstream(s, str_of(name)))
		return true;
	snprintf(why, sizeof why, "the name %.80s is taken twice", name);
	return bad(f, "upstream", why);
}

static bool add_upstream(struct settings *s, const char *text, struct fail *f)
{
	struct upstream *u = upstream_parse(text, f);

	if (!u)
		return strstr(f->text, "--upstream") ? false
						     : blame(f, "upstream");
	if (!name_is_free(s, u->name, f)) {
		upstream_free(u);
		return false;
	}
	s->upstreams =
		mem_grow(s->upstreams, (s->n_upstreams + 1) * sizeof(void *));
	s->upstreams[s->n_upstreams++] = u;
	return true;
}

static enum upstream_http http_of(const char *text)
{
	if (strcmp(text, "1.1") == 0)
		return UPSTREAM_H1;
	return strcmp(text, "2") == 0 ? UPSTREAM_H2 : UPSTREAM_AUTO;
}

/* Upstreams share one context: they trust the same authorities. */
static bool dress_upstreams(struct settings *s, const struct options *o,
			    struct fail *f)
{
	const char *ca = options_text(o, "upstream-ca");
	SSL_CTX *ctx = NULL;

	/* Also where nobody needs it: a wrong file is better known now. */
	if (ca) {
		ctx = tls_client(ca, f);
		if (!ctx)
			return blame(f, "upstream-ca");
	}
	for (unsigned i = 0; i < s->n_upstreams; i++) {
		struct upstream *u = s->upstreams[i];

		u->http = http_of(options_text(o, "upstream-http"));
		if (strcmp(u->scheme, "https") != 0)
			continue;
		if (!ctx)
			ctx = tls_client(NULL, f);
		if (!ctx)
			return blame(f, "upstream");
		SSL_CTX_up_ref(ctx);
		u->tls = ctx;
	}
	SSL_CTX_free(ctx);
	return true;
}

static bool take_upstreams(struct settings *s, const struct options *o,
			   struct fail *f)
{
	const char *const *v;
	unsigned n = options_list(o, "upstream", &v);

	if (n == 0)
		return fail_set(f, FAIL_USER, "missing_value",
				"--upstream is missing: say where requests "
				"go, as in --upstream "
				"https://api.vendor.example");
	for (unsigned i = 0; i < n; i++) {
		if (!add_upstream(s, v[i], f))
			return false;
	}
	return dress_upstreams(s, o, f);
}

/* ---- listeners ---- */

static bool same_listen(const struct settings_listen *a,
			const struct settings_listen *b)
{
	return a->addr_len == b->addr_len &&
	       memcmp(&a->addr, &b->addr, a->addr_len) == 0;
}

static bool is_any_port(const struct settings_listen *l)
{
	struct buf b = {0};
	bool any;

	net_show(&b, (const void *)&l->addr, 0);
	any = b.p[b.n - 1] == '0' && b.p[b.n - 2] == ':';
	buf_free(&b);
	return any;
}

static bool listen_is_fit(const struct settings *s,
			  const struct settings_listen *l, struct fail *f)
{
	char why[240];

	for (unsigned i = 0; i < s->n_listens; i++) {
		if (!same_listen(&s->listens[i], l) || is_any_port(l))
			continue;
		snprintf(why, sizeof why, "%.80s is there twice", l->shown);
		return bad(f, "listen", why);
	}
	if (net_is_loopback((const void *)&l->addr) || s->n_allow)
		return true;
	snprintf(why, sizeof why,
		 "%.80s can be reached from other machines: say which may "
		 "with --allow CIDR, as in --allow 10.0.0.0/8",
		 l->shown);
	return bad(f, "listen", why);
}

static bool add_listen(struct settings *s, const char *text, struct fail *f)
{
	struct settings_listen l = {0};
	char why[NET_WHY];

	if (!net_parse_listen(text, &l, why))
		return bad(f, "listen", why);
	l.shown = str_dup(str_of(text));
	if (!listen_is_fit(s, &l, f)) {
		free(l.shown);
		return false;
	}
	s->listens = mem_grow(s->listens, (s->n_listens + 1) * sizeof l);
	s->listens[s->n_listens++] = l;
	return true;
}

static bool take_listens(struct settings *s, const struct options *o,
			 struct fail *f)
{
	const char *const *v;
	unsigned n = options_list(o, "listen", &v);

	if (n == 1 && strcmp(v[0], "none") == 0)
		return true;
	for (unsigned i = 0; i < n; i++) {
		if (!add_listen(s, v[i], f))
			return false;
	}
	return true;
}

static bool take_allow(struct settings *s, const struct options *o,
		       struct fail *f)
{
	const char *const *v;
	unsigned n = options_list(o, "allow", &v);
	char why[NET_WHY];

	s->allow = mem_zero((n + 1) * sizeof *s->allow);
	for (unsigned i = 0; i < n; i++) {
		if (!net_parse_cidr(v[i], &s->allow[i], why))
			return bad(f, "allow", why);
	}
	s->n_allow = n;
	return true;
}

static bool take_server_tls(struct settings *s, const struct options *o,
			    struct fail *f)
{
	const char *cert = options_text(o, "tls-cert");
	const char *key = options_text(o, "tls-key");

	if (!cert && !key)
		return true;
	if (!cert || !key)
		return fail_set(f, FAIL_USER, "missing_value",
				"--tls-cert and --tls-key go together: --%s "
				"is missing",
				cert ? "tls-key" : "tls-cert");
	s->server_tls = tls_server(cert, key, f);
	if (s->server_tls)
		return true;
	return blame(f,
		     strcmp(f->code, "bad_key") == 0 ? "tls-key" : "tls-cert");
}

/* ---- the rest ---- */

static bool take_number(const struct options *o, const char *name,
			uint64_t least, uint64_t most, const char *range,
			uint64_t *out, struct fail *f)
{
	*out = options_number(o, name);
	if (*out >= least && *out <= most)
		return true;
	return fail_set(f, FAIL_USER, "bad_value",
			"--%s: %s is out of range: wanted is %s", name,
			options_text(o, name), range);
}

static bool take_numbers(struct settings *s, const struct options *o,
			 struct fail *f)
{
	uint64_t workers, head, spool = 0, year = 365 * 24 * 3600 * NS_PER_S;

	if (!take_number(o, "workers", 1, MOST_WORKERS, "1 to 256", &workers,
			 f) ||
	    !take_number(o, "max-head", 4096, 1u << 20, "4K to 1M", &head, f) ||
	    !take_number(o, "connect-timeout", NS_PER_MS, year, "1ms to a year",
			 &s->connect_timeout_ns, f) ||
	    !take_number(o, "drain", 0, year, "0 to a year", &s->drain_ns, f))
		return false;
	if (options_given(o, "idle-timeout") &&
	    !take_number(o, "idle-timeout", NS_PER_S, year, "1s to a year",
			 &s->idle_timeout_ns, f))
		return false;
	if (options_given(o, "spool-size") &&
	    !take_number(o, "spool-size", SPOOL_LEAST, 1ull << 40,
			 "1M to 1024G", &spool, f))
		return false;
	if (s->strict && spool && spool < 2 * RECORDER_RESERVE)
		return bad(f, "spool-size",
			   "--record strict needs 4M at least: it holds the "
			   "relay while less than 2M are free");
	s->workers = (unsigned)workers;
	s->max_head = head;
	s->spool_size = spool;
	return true;
}

/* RFC 9110's token, which is also what a query field may well be called. */
static bool is_field_name(const char *s)
{
	for (const char *p = s; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", *p))
			return false;
	}
	return *s != '\0';
}

static bool take_redact(struct settings *s, const struct options *o,
			struct fail *f)
{
	const char *const *v;
	unsigned n = options_list(o, "redact", &v);
	char why[160];

	s->redact = mem_zero((n + 1) * sizeof *s->redact);
	for (; s->n_redact < n; s->n_redact++) {
		const char *name = v[s->n_redact];

		if (!is_field_name(name)) {
			snprintf(why, sizeof why,
				 "\"%.60s\" is not the name of a header or a "
				 "query field",
				 name);
			return bad(f, "redact", why);
		}
		s->redact[s->n_redact] = str_dup(str_of(name));
	}
	return true;
}

static bool take_log_level(struct settings *s, const struct options *o,
			   struct fail *f)
{
	bool quiet = options_flag(o, "quiet");
	bool verbose = options_flag(o, "verbose");

	if (quiet && verbose)
		return fail_set(f, FAIL_USER, "bad_option",
				"--quiet and --verbose exclude each other");
	s->log_level = quiet ? LOG_ERROR : verbose ? LOG_DEBUG : LOG_INFO;
	return true;
}

static char *copy_text(const struct options *o, const char *name)
{
	const char *text = options_text(o, name);

	return text ? str_dup(str_of(text)) : NULL;
}

struct settings *settings_new(const struct options *o, struct fail *f)
{
	struct settings *s = MEM_NEW(struct settings);

	s->magic = SETTINGS_MAGIC;
	s->refs = 1;
	s->trail = copy_text(o, "trail");
	s->spool_dir = copy_text(o, "spool-dir");
	s->strict = strcmp(options_text(o, "record"), "strict") == 0;
	if (take_upstreams(s, o, f) && take_allow(s, o, f) &&
	    take_listens(s, o, f) && take_server_tls(s, o, f) &&
	    take_numbers(s, o, f) && take_redact(s, o, f) &&
	    take_log_level(s, o, f))
		return s;
	settings_unref(s);
	return NULL;
}

struct settings *settings_ref(struct settings *s)
{
	check(s);
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

static void settings_free(struct settings *s)
{
	for (unsigned i = 0; i < s->n_upstreams; i++) {
		SSL_CTX_free(s->upstreams[i]->tls);
		s->upstreams[i]->tls = NULL;
		upstream_free(s->upstreams[i]);
	}
	for (unsigned i = 0; i < s->n_listens; i++)
		free(s->listens[i].shown);
	for (unsigned i = 0; i < s->n_redact; i++)
		free((char *)s->redact[i]);
	SSL_CTX_free(s->server_tls);
	free(s->upstreams);
	free(s->listens);
	free(s->allow);
	free(s->trail);
	free(s->spool_dir);
	free(s->redact);
	s->magic = 0;
	free(s);
}

void settings_unref(struct settings *s)
{
	if (!s)
		return;
	check(s);
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0)
		settings_free(s);
}

/* ---- questions ---- */

const struct upstream *settings_upstream(const struct settings *s,
					 struct str name)
{
	check(s);
	for (unsigned i = 0; i < s->n_upstreams; i++) {
		if (str_eq(str_of(s->upstreams[i]->name), name))
			return s->upstreams[i];
	}
	return NULL;
}

const struct upstream *settings_route(const struct settings *s,
				      struct str target, size_t *strip)
{
	struct str segment = str_skip(target, 1);
	const struct upstream *u;
	size_t n = 0;

	check(s);
	*strip = 0;
	if (target.n == 0 || target.p[0] != '/')
		return s->upstreams[0];
	while (n < segment.n && segment.p[n] != '/' && segment.p[n] != '?')
		n++;
	segment.n = n;
	/* Without a name of its own the default is not to be found by one:
	 * a path that happens to begin so is the vendor's. */
	if (str_eq(segment, STR("default")))
		return s->upstreams[0];
	u = settings_upstream(s, segment);
	if (!u)
		return s->upstreams[0];
	*strip = n + 1;
	return u;
}

bool settings_allows(const struct settings *s, const struct sockaddr *a)
{
	check(s);
	for (unsigned i = 0; i < s->n_allow; i++) {
		if (net_is_within(a, &s->allow[i]))
			return true;
	}
	return net_is_loopback(a);
}

static bool same_listens(const struct settings *a, const struct settings *b)
{
	if (a->n_listens != b->n_listens || !a->server_tls != !b->server_tls)
		return false;
	for (unsigned i = 0; i < a->n_listens; i++) {
		if (!same_listen(&a->listens[i], &b->listens[i]))
			return false;
	}
	return true;
}

static bool same_redact(const struct settings *a, const struct settings *b)
{
	if (a->n_redact != b->n_redact)
		return false;
	for (unsigned i = 0; i < a->n_redact; i++) {
		if (strcmp(a->redact[i], b->redact[i]) != 0)
			return false;
	}
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool settings_can_follow(const struct settings *now,
			 const struct settings *next, struct fail *f)
{
	const char *what = NULL;

	check(now);
	check(next);
	if (!same_listens(now, next))
		what = "--listen (or whether it speaks TLS)";
	else if (!same_text(now->trail, next->trail))
		what = "--trail";
	else if (!same_text(now->spool_dir, next->spool_dir))
		what = "--spool-dir";
	else if (now->spool_size != next->spool_size)
		what = "--spool-size";
	else if (now->workers != next->workers)
		what = "--workers";
	else if (now->strict != next->strict)
		what = "--record";
	else if (!same_redact(now, next))
		what = "--redact";
	if (!what)
		return true;
	return fail_set(f, FAIL_USER, "needs_restart",
			"%s cannot change while assay runs: restart it", what);
}
