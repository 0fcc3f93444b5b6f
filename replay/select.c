/* SPDX-License-Identifier: MIT */
#include "select.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "rules/judge/store.h"

const struct option_def select_trails[] = {{"trail", OPTION_PATH, "FILE",
					    "assay.db", OPTION_REPEAT,
					    "The trail to read."},
					   {0}};

const struct option_def select_options[] = {
	{"since", OPTION_TEXT, "WHEN", NULL, 0,
	 "Started at or after WHEN: 10m, 2h, 3d back from now, a date, or "
	 "RFC 3339."},
	{"status", OPTION_TEXT, "CODE", NULL, 0,
	 "Answered with this status: 200, 4xx or 400-499."},
	{"outcome", OPTION_TEXT, "NAME", NULL, 0,
	 "Ended so: complete, truncated, reset_by_vendor, reset_by_client, "
	 "vendor_unreachable, timeout, interrupted, blocked, "
	 "answered_from_trail; or open: not ended."},
	{"route", OPTION_TEXT, "NAME", NULL, 0, "Sent to this upstream."},
	{"path", OPTION_TEXT, "GLOB", NULL, 0,
	 "Asked for a path (with its query) like this: '/v1/chat/*'."},
	{"kind", OPTION_TEXT, "NAME", NULL, 0,
	 "Of this kind: client, canary, replay, probe, tunnel."},
	{"model", OPTION_TEXT, "GLOB", NULL, 0,
	 "Asked for a model like this: 'kimi-*'."},
	{"finding", OPTION_TEXT, "GLOB", NULL, 0,
	 "With a finding of a rule like this: 'wire/*'."},
	{0}};

/* ---- moments ---- */

static bool parse_while(struct str s, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ms", NS_PER_MS},	      {"s", NS_PER_S},
		     {"m", 60 * NS_PER_S},    {"h", 3600 * NS_PER_S},
		     {"d", 86400 * NS_PER_S}, {"w", 7 * 86400 * NS_PER_S}};
	size_t n = 0;
	uint64_t v;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	if (!str_u64((struct str){s.p, n}, &v))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (str_eq(str_skip(s, n), str_of(units[i].name)))
			return !__builtin_mul_overflow(v, units[i].ns, ns);
	}
	return false;
}

/* Reads exactly n digits off *s. */
static bool cut_digits(struct str *s, size_t n, int *out)
{
	*out = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*out = *out * 10 + (s->p[i] - '0');
	}
	*s = str_skip(*s, n);
	return true;
}

static bool cut_char(struct str *s, const char *any)
{
	if (s->n == 0 || !strchr(any, s->p[0]))
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static bool cut_date(struct str *s, struct tm *tm)
{
	int year, month;

	if (!cut_digits(s, 4, &year) || !cut_char(s, "-") ||
	    !cut_digits(s, 2, &month) || !cut_char(s, "-") ||
	    !cut_digits(s, 2, &tm->tm_mday))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	return year >= 1970 && year <= 2500 && month >= 1 && month <= 12 &&
	       tm->tm_mday >= 1 && tm->tm_mday <= 31;
}

static bool cut_fraction(struct str *s, uint64_t *ns)
{
	uint64_t unit = NS_PER_S / 10;

	*ns = 0;
	if (!cut_char(s, "."))
		return true;
	if (s->n == 0 || s->p[0] < '0' || s->p[0] > '9')
		return false;
	while (s->n && s->p[0] >= '0' && s->p[0] <= '9') {
		*ns += (uint64_t)(s->p[0] - '0') * unit;
		unit /= 10;
		*s = str_skip(*s, 1);
	}
	return true;
}

/* "12:34", "12:34:56", "12:34:56.789" */
static bool cut_clock(struct str *s, struct tm *tm, uint64_t *ns)
{
	*ns = 0;
	if (!cut_digits(s, 2, &tm->tm_hour) || !cut_char(s, ":") ||
	    !cut_digits(s, 2, &tm->tm_min))
		return false;
	if (cut_char(s, ":") &&
	    (!cut_digits(s, 2, &tm->tm_sec) || !cut_fraction(s, ns)))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* "Z", "+02:00" or nothing: local time. What follows must be nothing. */
static bool in_zone(struct str s, struct tm *tm, time_t *out)
{
	int hours, minutes;
	bool behind = s.n && s.p[0] == '-';

	if (s.n == 0) {
		tm->tm_isdst = -1;
		*out = mktime(tm);
		return *out != (time_t)-1;
	}
	*out = timegm(tm);
	if (cut_char(&s, "Zz"))
		return s.n == 0;
	if (!cut_char(&s, "+-") || !cut_digits(&s, 2, &hours) ||
	    !cut_char(&s, ":") || !cut_digits(&s, 2, &minutes) || s.n)
		return false;
	*out += (behind ? 60 : -60) * (hours * 60 + minutes);
	return hours < 24 && minutes < 60;
}

bool select_moment(struct str s, uint64_t now_ns, uint64_t *out_ns)
{
	struct tm tm = {0};
	uint64_t ago, ns = 0;
	time_t at;

	if (parse_while(s, &ago)) {
		*out_ns = ago < now_ns ? now_ns - ago : 1;
		return true;
	}
	if (!cut_date(&s, &tm))
		return false;
	if (s.n && (!cut_char(&s, "Tt ") || !cut_clock(&s, &tm, &ns)))
		return false;
	if (!in_zone(s, &tm, &at) || at < 0)
		return false;
	*out_ns = (uint64_t)at * NS_PER_S + ns;
	return true;
}

/* ---- the rest ---- */

bool select_status(struct str s, unsigned *from, unsigned *to)
{
	struct str low = str_cut(&s, '-');
	uint64_t a, b;

	if (!s.p && low.n == 3 && low.p[0] >= '1' && low.p[0] <= '9' &&
	    str_ieq(str_skip(low, 1), STR("xx"))) {
		*from = (unsigned)(low.p[0] - '0') * 100;
		*to = *from + 99;
		return true;
	}
	if (!str_u64(low, &a) || a < 100 || a > 999)
		return false;
	b = a;
	if (s.p && (!str_u64(s, &b) || b < a || b > 999))
		return false;
	*from = (unsigned)a;
	*to = (unsigned)b;
	return true;
}

#define NAME_(name, text, about) ", " text
/* The tables' names in a row, behind the first comma. */
static const char kind_names[] = "" EVIDENCE_KINDS(NAME_);
static const char outcome_names[] = "" EVIDENCE_OUTCOMES(NAME_);

static bool read_outcome(const char *name, struct selection *s, struct fail *f)
{
	int v = ev_outcome_of(str_of(name));

	s->only_open = strcmp(name, "open") == 0;
	if (v < 0 && !s->only_open)
		return fail_set(f, FAIL_USER, "bad_value",
				"--outcome %s: there is open%s", name,
				outcome_names);
	s->filter.outcome = s->only_open ? 0 : v + 1;
	return true;
}

static bool read_kind(const char *name, struct selection *s, struct fail *f)
{
	int v = ev_kind_of(str_of(name));

	if (v < 0)
		return fail_set(f, FAIL_USER, "bad_value",
				"--kind %s: there is %s", name, kind_names + 2);
	s->filter.kind = v + 1;
	return true;
}

static bool read_since(const char *text, struct selection *s, struct fail *f)
{
	if (select_moment(str_of(text), clock_wall(), &s->filter.since_wall))
		return true;
	return fail_set(f, FAIL_USER, "bad_value",
			"--since %s: say 10m, 2h or 3d back from now, a date "
			"such as 2026-01-31, or 2026-01-31T12:00:00Z",
			text);
}

static bool read_status(const char *text, struct selection *s, struct fail *f)
{
	if (select_status(str_of(text), &s->filter.status_from,
			  &s->filter.status_to))
		return true;
	return fail_set(f, FAIL_USER, "bad_value",
			"--status %s: say 200, 4xx or 400-499", text);
}

bool select_read(const struct options *o, struct selection *s, struct fail *f)
{
	static const struct {
		const char *name;
		bool (*read)(const char *text, struct selection *s,
			     struct fail *f);
	} readers[] = {{"since", read_since},
		       {"status", read_status},
		       {"outcome", read_outcome},
		       {"kind", read_kind}};

	*s = (struct selection){0};
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		const char *text = options_text(o, readers[i].name);
		if (text && !readers[i].read(text, s, f))
			return false;
	}
	s->filter.route = options_text(o, "route");
	s->filter.path = options_text(o, "path");
	store_filter(&s->filter, options_text(o, "model"),
		     options_text(o, "finding"));
	return true;
}
