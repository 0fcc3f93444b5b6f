/* SPDX-License-Identifier: MIT */
/*
 * DESIGN. By name: a head is walked line by line; a table says which fields
 * and which query parameters hold credentials and how they are written. The
 * walk reports each credential as a span of the head:
 *
 *	POST /v1/x?key=AIza...&v=1 HTTP/1.1
 *	               ^^^^^^^ QUERY
 *	Authorization: Bearer sk-...
 *	                      ^^^^^^ PLAIN (the scheme word stays)
 *
 * Learning and masking take the same walk, so they cannot disagree.
 */
#include "record/redact_impl.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#define RULES_MAGIC 0x72756c65u /* "rule" */

/* How a field's value holds its credential. */
enum holds { NOTHING, WHOLE, COOKIES, SET_COOKIE, PROTOCOLS, URL, AUTHORITY };

static const struct {
	struct str name;
	enum holds holds;
} fields[] = {
	{STR("authorization"), WHOLE},
	{STR("proxy-authorization"), WHOLE},
	{STR("x-api-key"), WHOLE},
	{STR("api-key"), WHOLE},
	{STR("apikey"), WHOLE},
	{STR("x-goog-api-key"), WHOLE},
	{STR("x-auth-token"), WHOLE},
	{STR("x-access-token"), WHOLE},
	{STR("x-amz-security-token"), WHOLE},
	{STR("ocp-apim-subscription-key"), WHOLE},
	{STR("cf-aig-authorization"), WHOLE},
	{STR("helicone-auth"), WHOLE},
	{STR("x-portkey-api-key"), WHOLE},
	{STR("cookie"), COOKIES},
	{STR("set-cookie"), SET_COOKIE},
	{STR("sec-websocket-protocol"), PROTOCOLS},
	{STR(":path"), URL},
	{STR(":authority"), AUTHORITY},
	{STR("host"), AUTHORITY},
	{STR("referer"), URL},
	{STR("location"), URL},
	{STR("content-location"), URL},
};

/* Query parameters. */
static const struct str parameters[] = {
	STR("key"),
	STR("api_key"),
	STR("api-key"),
	STR("apikey"),
	STR("x-api-key"),
	STR("token"),
	STR("access_token"),
	STR("id_token"),
	STR("refresh_token"),
	STR("auth"),
	STR("auth_token"),
	STR("authorization"),
	STR("sig"),
	STR("signature"),
	STR("secret"),
	STR("client_secret"),
	STR("password"),
	STR("subscription-key"),
	STR("x-goog-api-key"),
	STR("x-goog-signature"),
	STR("x-amz-signature"),
	STR("x-amz-security-token"),
};

/* Words before a credential that are none themselves. */
static const struct str schemes[] = {
	STR("bearer"),
	STR("basic"),
	STR("token"),
	STR("digest"),
	STR("apikey"),
	STR("api-key"),
	STR("key"),
	STR("negotiate"),
	STR("ntlm"),
	STR("oauth"),
	STR("dpop"),
	STR("hawk"),
	STR("aws4-hmac-sha256"),
	STR("sharedkey"),
};

struct scan {
	const struct redact_rules *rules;
	redact_each *each;
	void *arg;
};

void redact_rules_assert(const struct redact_rules *r)
{
	assert(r && r->magic == RULES_MAGIC);
}

struct redact_rules *redact_rules_new(const char *const *names, size_t n,
				      struct fail *f)
{
	struct redact_rules *r = redact_pages(sizeof *r);

	r->magic = RULES_MAGIC;
	if (!redact_key_load(r->key, f)) {
		redact_pages_free(r, sizeof *r);
		return NULL;
	}
	r->names = mem_zero(n * sizeof *r->names);
	r->n_names = n;
	for (size_t i = 0; i < n; i++)
		r->names[i] = str_dup(str_of(names[i]));
	return r;
}

void redact_rules_free(struct redact_rules *r)
{
	if (!r)
		return;
	redact_rules_assert(r);
	for (size_t i = 0; i < r->n_names; i++)
		free(r->names[i]);
	free(r->names);
	redact_pages_free(r, sizeof *r);
}

static bool users_name(const struct redact_rules *r, struct str name)
{
	for (size_t i = 0; i < r->n_names; i++) {
		if (str_ieq(name, str_of(r->names[i])))
			return true;
	}
	return false;
}

static void report(const struct scan *s, struct str secret,
		   enum redact_form form)
{
	if (secret.n)
		s->each(s->arg, secret, form);
}

/* The whole value, but for a scheme's name. */
static void scan_whole(const struct scan *s, struct str value)
{
	struct str rest = value, word = str_cut(&rest, ' ');
	bool basic = str_ieq(word, STR("basic"));

	for (size_t i = 0; rest.p && i < sizeof schemes / sizeof *schemes;
	     i++) {
		if (str_ieq(word, schemes[i])) {
			report(s, str_trim(rest),
			       basic ? REDACT_BASIC : REDACT_PLAIN);
			return;
		}
	}
	report(s, value, REDACT_PLAIN);
}

/* "name=value": the value, without quotes. */
static void scan_cookie(const struct scan *s, struct str cookie)
{
	struct str value = cookie;

	str_cut(&value, '=');
	value = str_trim(value.p ? value : cookie);
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		value = (struct str){value.p + 1, value.n - 2};
	report(s, value, REDACT_PLAIN);
}

static void scan_cookies(const struct scan *s, struct str value)
{
	while (value.p)
		scan_cookie(s, str_trim(str_cut(&value, ';')));
}

/* Browsers cannot set headers on a WebSocket: the key is a protocol's name. */
static void scan_protocols(const struct scan *s, struct str value)
{
	static const struct str with_key = STR("openai-insecure-api-key.");

	while (value.p) {
		struct str name = str_trim(str_cut(&value, ','));
		if (name.n > with_key.n &&
		    str_ieq((struct str){name.p, with_key.n}, with_key))
			report(s, str_skip(name, with_key.n), REDACT_PLAIN);
	}
}

/* "user:password@host" */
static void scan_authority(const struct scan *s, struct str authority)
{
	const char *at = memrchr(authority.p, '@', authority.n);

	if (at)
		report(s, (struct str){authority.p, (size_t)(at - authority.p)},
		       REDACT_USERINFO);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A parameter's name may be percent-encoded to slip through. */
static bool is_parameter(const struct redact_rules *r, struct str name)
{
	char plain[64];
	size_t n = 0;

	for (size_t i = 0; i < name.n && n < sizeof plain; i++, n++) {
		plain[n] = name.p[i];
		if (name.p[i] == '%' && i + 2 < name.n &&
		    hex_value(name.p[i + 1]) >= 0 &&
		    hex_value(name.p[i + 2]) >= 0) {
			plain[n] = (char)(hex_value(name.p[i + 1]) << 4 |
					  hex_value(name.p[i + 2]));
			i += 2;
		}
	}
	name = (struct str){plain, n};
	for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
		if (str_ieq(name, parameters[i]))
			return true;
	}
	return users_name(r, name);
}

static void scan_query(const struct scan *s, struct str query)
{
	const char *end = query.p + query.n;

	while (query.p < end) {
		const char *stop = query.p;
		struct str name, value;

		while (stop < end && !memchr("&;#?", *stop, 4))
			stop++;
		value = (struct str){query.p, (size_t)(stop - query.p)};
		name = str_cut(&value, '=');
		if (value.p && is_parameter(s->rules, name))
			report(s, value, REDACT_QUERY);
		query = (struct str){stop + 1, (size_t)(end - stop)};
	}
}

static void scan_url(const struct scan *s, struct str url)
{
	const char *from = memmem(url.p, url.n, "://", 3);
	size_t n = 0;

	while (n < url.n && url.p[n] != '?' && url.p[n] != '#')
		n++;
	if (from && from < url.p + n) {
		struct str rest = {from + 3, (size_t)(url.p + n - from - 3)};
		scan_authority(s, str_cut(&rest, '/'));
	}
	if (n < url.n)
		scan_query(s, str_skip(url, n + 1));
}

static enum holds field_holds(const struct redact_rules *r, struct str name)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (str_ieq(name, fields[i].name))
			return fields[i].holds;
	}
	return users_name(r, name) ? WHOLE : NOTHING;
}

static void scan_field(const struct scan *s, struct str name, struct str value)
{
	switch (field_holds(s->rules, name)) {
	case NOTHING: break;
	case WHOLE: scan_whole(s, value); break;
	case COOKIES: scan_cookies(s, value); break;
	case SET_COOKIE: scan_cookie(s, str_trim(str_cut(&value, ';'))); break;
	case PROTOCOLS: scan_protocols(s, value); break;
	case URL: scan_url(s, value); break;
	case AUTHORITY: scan_authority(s, value); break;
	}
}

/* "METHOD target HTTP/1.1" */
static void scan_start(const struct scan *s, struct str line)
{
	struct str target = line;
	const char *last;

	if (str_starts(line, STR("HTTP/")))
		return;
	str_cut(&target, ' ');
	last = memrchr(target.p, ' ', target.n);
	if (last)
		target.n = (size_t)(last - target.p);
	if (memchr(target.p, '/', target.n))
		scan_url(s, target);
	else
		scan_authority(s, target); /* CONNECT */
}

static void scan_line(const struct scan *s, struct str line)
{
	size_t n = line.n && line.p[0] == ':'; /* h2's pseudo fields */
	struct str name;

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	while (n < line.n && line.p[n] != ':' && line.p[n] != ' ')
		n++;
	if (n == line.n)
		return;
	name = (struct str){line.p, n};
	if (line.p[n] == ' ')
		scan_start(s, line);
	else
		scan_field(s, name, str_trim(str_skip(line, n + 1)));
}

void redact_scan(const struct redact_rules *r, struct str raw,
		 redact_each *each, void *arg)
{
	struct scan s = {r, each, arg};

	redact_rules_assert(r);
	while (raw.p)
		scan_line(&s, str_cut(&raw, '\n'));
}

/* ---- a head without its secrets ---- */

struct masking {
	const struct redact_rules *rules;
	const struct redact_set *set;
	struct buf *out;
	const char *done; /* written up to here */
	unsigned count;
};

static void plain_until(struct masking *m, const char *end)
{
	struct str text = {m->done, (size_t)(end - m->done)};

	m->count += redact_whole(m->set, text, m->out);
	m->done = end;
}

static void mask(void *arg, struct str secret, enum redact_form form)
{
	struct masking *m = arg;
	const struct redact_needle *d = redact_known(m->set, secret);
	char made[REDACT_SIZE];

	plain_until(m, secret.p);
	if (!d)
		redact_fingerprint(m->rules, secret, made);
	buf_add(m->out, d ? d->mask : made, REDACT_SIZE);
	m->done = secret.p + secret.n;
	m->count++;
}

unsigned redact_head(const struct redact_rules *r, const struct redact_set *s,
		     struct str raw, struct buf *out)
{
	struct masking m = {r, s, out, raw.p, 0};

	redact_scan(r, raw, mask, &m);
	plain_until(&m, raw.p + raw.n);
	return m.count;
}
