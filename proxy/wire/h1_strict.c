/* SPDX-License-Identifier: MIT */
#include "wire/h1_strict.h"

#include <assert.h>

static const char SMUGGLING[] = "smuggling_refused";
static const char BAD[] = "bad_request";

static bool refuse(struct h1_refusal *no, unsigned status, const char *code,
		   const char *why)
{
	*no = (struct h1_refusal){status, code, why};
	return false;
}

/* ---- bytes ---- */

static bool is_token_char(unsigned char c)
{
	/* RFC 9110, 5.6.2: a bit for each of the 128; the rest is none */
	static const uint64_t set[2] = {0x03ff6cfa00000000u,
					0x57ffffffc7fffffeu};

	return c < 128 && (set[c >> 6] >> (c & 63) & 1);
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_token_char((unsigned char)s.p[i]))
			return false;
	}
	return s.n > 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Is any of the eight bytes below 0x20, or DEL? The classic bit tricks. */
static bool word_suspect(uint64_t v)
{
	const uint64_t ones = 0x0101010101010101u, high = ones << 7;
	uint64_t low = (v - ones * 0x20) & ~v & high;
	uint64_t x = v ^ (ones * 0x7f);

	return low | ((x - ones) & ~x & high);
}

/* Any control byte but a tab. Eight bytes at a time, since heads are long. */
static bool has_control(const char *p, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t v;

		memcpy(&v, p + i, 8);
		if (!word_suspect(v))
			continue;
		for (size_t k = i; k < i + 8; k++) {
			if (((unsigned char)p[k] < 0x20 && p[k] != '\t') ||
			    p[k] == 0x7f)
				return true;
		}
	}
	for (; i < n; i++) {
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') ||
		    p[i] == 0x7f)
			return true;
	}
	return false;
}

long h1_scan(const char *p, size_t n, uint32_t *scanned, struct h1_refusal *no)
{
	size_t at = *scanned;
	const char *lf;

	while (at < n && (lf = memchr(p + at, '\n', n - at))) {
		size_t i = (size_t)(lf - p);
		size_t end = i && p[i - 1] == '\r' ? i - 1 : i;

		if (end > at && has_control(p + at, end - at))
			goto control;
		if (end == i)
			return refuse(no, 400, SMUGGLING,
				      "a line ends with a bare LF") -
			       1;
		if (i == 1 || p[i - 2] == '\n')
			return (long)i + 1;
		at = i + 1;
	}
	/* An incomplete line; a CR at its very end may yet get its LF. */
	n -= at < n && p[n - 1] == '\r';
	if (at < n && has_control(p + at, n - at))
		goto control;
	*scanned = (uint32_t)n;
	return 0;
control:
	return refuse(no, 400, SMUGGLING,
		      "a control character or a bare CR stands in the head") -
	       1;
}

/* ---- the first line ---- */

static bool check_version(struct str v, struct h1_shape *out,
			  struct h1_refusal *no)
{
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || !is_digit(v.p[5]) ||
	    v.p[6] != '.' || !is_digit(v.p[7]))
		return refuse(no, 400, BAD, "the HTTP version is malformed");
	if (v.p[5] != '1' || (v.p[7] != '0' && v.p[7] != '1'))
		return refuse(no, 505, "unsupported_version",
			      "only HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken");
	out->version = v.p[7] == '1' ? HTTP_1_1 : HTTP_1_0;
	return true;
}

static bool is_host_char(unsigned char c)
{
	/* unreserved, sub-delims, '%': what a reg-name may hold */
	return c && (is_token_char(c) || strchr("(),;=", c)) &&
	       !strchr("#^`|", c);
}

/* "[...]" at the front of *s is cut off; what is inside looks like IPv6. */
static bool cut_literal(struct str *s)
{
	size_t i = 1;

	while (i < s->n &&
	       (is_digit(s->p[i]) || s->p[i] == ':' || s->p[i] == '.' ||
		s->p[i] == '%' || (s->p[i] | 0x20) - 'a' + 0u < 26u))
		i++;
	if (i < 4 || i >= s->n || s->p[i] != ']')
		return false;
	*s = str_skip(*s, i + 1);
	return true;
}

bool h1_is_authority(struct str s)
{
	if (!s.n)
		return false;
	if (s.p[0] == '[') {
		if (!cut_literal(&s))
			return false;
	} else {
		size_t i = 0;

		while (i < s.n && is_host_char((unsigned char)s.p[i]))
			i++;
		if (i == 0)
			return false;
		s = str_skip(s, i);
	}
	if (!s.n)
		return true;
	if (s.p[0] != ':' || s.n > 6)
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
	}
	return true;
}

/* "http://host/path": only the path goes on, the host must be Host's. */
static bool check_absolute(struct h1_shape *out, struct h1_refusal *no)
{
	static const struct str http = {"http://", 7}, https = {"https://", 8};
	struct str t = out->target;
	size_t i = 0;

	if (t.n > 8 && strncasecmp(t.p, https.p, https.n) == 0)
		out->scheme = (struct str){t.p, 5};
	else if (t.n > 7 && strncasecmp(t.p, http.p, http.n) == 0)
		out->scheme = (struct str){t.p, 4};
	else
		return refuse(no, 400, BAD,
			      "the request target is neither a path nor a URL");
	t = str_skip(t, out->scheme.n + 3);
	while (i < t.n && t.p[i] != '/' && t.p[i] != '?')
		i++;
	out->authority = (struct str){t.p, i};
	out->target = i < t.n ? str_skip(t, i) : STR("/");
	if (!h1_is_authority(out->authority) || out->target.p[0] != '/')
		return refuse(no, 400, BAD, "the target's URL is malformed");
	return true;
}

static bool check_target(struct h1_shape *out, struct h1_refusal *no)
{
	struct str t = out->target;

	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];
		if (c <= 0x20 || c >= 0x7f)
			return refuse(no, 400, BAD,
				      "the request target holds a byte that "
				      "must be percent-encoded");
	}
	if (str_eq(out->method, STR("CONNECT")))
		return refuse(no, 501, "unsupported_method",
			      "CONNECT is not supported: assay is set as a "
			      "base URL, not as a proxy");
	if (t.n && t.p[0] == '/')
		return true;
	if (str_eq(t, STR("*")) && str_eq(out->method, STR("OPTIONS")))
		return true;
	return check_absolute(out, no);
}

static bool check_request_line(struct str line, struct h1_shape *out,
			       struct h1_refusal *no)
{
	struct str rest = line;

	out->method = str_cut(&rest, ' ');
	out->target = str_cut(&rest, ' ');
	if (!rest.p || memchr(rest.p, ' ', rest.n) || !out->target.n)
		return refuse(no, 400, BAD,
			      "the request line is not "
			      "\"METHOD target HTTP/1.1\"");
	if (!is_token(out->method))
		return refuse(no, 400, BAD, "the method is not a token");
	return check_version(rest, out, no) && check_target(out, no);
}

static bool check_status_line(struct str line, struct h1_shape *out,
			      struct h1_refusal *no)
{
	struct str rest = line, code;

	if (!check_version(str_cut(&rest, ' '), out, no))
		return false;
	code = str_cut(&rest, ' ');
	if (code.n != 3 || !is_digit(code.p[0]) || !is_digit(code.p[1]) ||
	    !is_digit(code.p[2]) || code.p[0] == '0')
		return refuse(no, 400, BAD, "the status code is malformed");
	out->status = (unsigned)(code.p[0] - '0') * 100 +
		      (unsigned)(code.p[1] - '0') * 10 +
		      (unsigned)(code.p[2] - '0');
	out->reason = rest.p ? rest : STR("");
	return true;
}

/* ---- fields that frame ---- */

static bool take_length(struct str value, struct h1_shape *out,
			struct h1_refusal *no)
{
	if (out->has_length)
		return refuse(no, 400, SMUGGLING,
			      "Content-Length is given more than once");
	if (!str_u64(value, &out->length) || out->length >> 63)
		return refuse(no, 400, SMUGGLING,
			      "Content-Length is not one decimal number");
	out->has_length = true;
	return true;
}

static bool take_encoding(struct str value, struct h1_shape *out,
			  struct h1_refusal *no)
{
	if (out->chunked || !str_ieq(value, STR("chunked")))
		return refuse(no, 400, SMUGGLING,
			      "Transfer-Encoding is not exactly \"chunked\"");
	out->chunked = true;
	return true;
}

static bool take_host(struct str value, struct h1_shape *out,
		      struct h1_refusal *no)
{
	if (out->host.p)
		return refuse(no, 400, SMUGGLING, "Host is given twice");
	if (!h1_is_authority(value))
		return refuse(no, 400, BAD, "Host is malformed");
	out->host = value;
	return true;
}

/* h2c is a hop's own affair and would hide the traffic; see RFC 9113, 3.1. */
static void take_upgrade(struct str value, struct h1_shape *out)
{
	if (!str_lists(value, STR("h2c")))
		out->wants_upgrade = true;
}

static void take_connection(struct str value, struct h1_shape *out,
			    bool *upgrade)
{
	out->close |= str_lists(value, STR("close"));
	out->keep |= str_lists(value, STR("keep-alive"));
	*upgrade |= str_lists(value, STR("upgrade"));
}

struct scan {
	struct h1_shape *out;
	struct h1_refusal *no;
	enum head_kind kind;
	bool upgrade; /* Connection lists it */
};

/* The length alone tells most names apart. */
static bool take_field(struct scan *s, struct str name, struct str value)
{
	bool request = s->kind != HEAD_RESPONSE;

	switch (name.n) {
	case 4:
		if (request && str_ieq(name, STR("host")))
			return take_host(value, s->out, s->no);
		break;
	case 6:
		if (request && str_ieq(name, STR("expect")))
			s->out->expect_continue |=
				str_ieq(value, STR("100-continue"));
		break;
	case 7:
		if (str_ieq(name, STR("upgrade")))
			take_upgrade(value, s->out);
		break;
	case 10:
		if (str_ieq(name, STR("connection")))
			take_connection(value, s->out, &s->upgrade);
		break;
	case 14:
		if (str_ieq(name, STR("content-length")))
			return take_length(value, s->out, s->no);
		break;
	case 17:
		if (str_ieq(name, STR("transfer-encoding")))
			return take_encoding(value, s->out, s->no);
		break;
	default: break;
	}
	return true;
}

static bool check_field(struct scan *s, struct str line)
{
	size_t i = 0;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(s->no, 400, SMUGGLING,
			      "a field is folded over two lines");
	while (i < line.n && is_token_char((unsigned char)line.p[i]))
		i++;
	if (i == line.n)
		return refuse(s->no, 400, BAD, "a field has no colon");
	if (line.p[i] == ' ' || line.p[i] == '\t')
		return refuse(s->no, 400, SMUGGLING,
			      "a space stands before a field's colon");
	if (i == 0 || line.p[i] != ':')
		return refuse(s->no, 400, SMUGGLING,
			      "a field's name is not a token");
	s->out->n++;
	return take_field(s, (struct str){line.p, i},
			  str_trim(str_skip(line, i + 1)));
}

/* ---- the whole ---- */

/* A line of *rest without its CRLF, which h1_scan() has seen. */
static struct str cut_line(struct str *rest)
{
	struct str line = str_cut(rest, '\n');

	line.n--;
	return line;
}

static bool check_framing(const struct h1_shape *o, struct h1_refusal *no)
{
	if (o->chunked && o->has_length)
		return refuse(no, 400, SMUGGLING,
			      "both Content-Length and Transfer-Encoding are "
			      "given");
	if (o->chunked && o->version == HTTP_1_0)
		return refuse(no, 400, SMUGGLING,
			      "Transfer-Encoding is not part of HTTP/1.0");
	return true;
}

static bool check_authority(struct h1_shape *o, struct h1_refusal *no)
{
	if (!o->host.p && o->version == HTTP_1_1)
		return refuse(no, 400, BAD, "Host is missing");
	if (o->host.p && o->authority.p && !str_ieq(o->host, o->authority))
		return refuse(no, 400, SMUGGLING,
			      "the target's host is not the one in Host");
	if (o->host.p)
		o->authority = o->host;
	return true;
}

/* Fields that would frame or route a message after it was framed. */
static bool check_trailers(const struct h1_shape *o, struct h1_refusal *no)
{
	if (o->chunked || o->has_length || o->host.p)
		return refuse(no, 400, SMUGGLING,
			      "a framing field stands in the trailers");
	return true;
}

bool h1_strict(struct str raw, enum head_kind kind, struct h1_shape *out,
	       struct h1_refusal *no)
{
	struct scan s = {out, no, kind, false};
	struct str rest = raw, line;

	*out = (struct h1_shape){0};
	out->version = HTTP_1_1;
	if (kind == HEAD_REQUEST &&
	    !check_request_line(cut_line(&rest), out, no))
		return false;
	if (kind == HEAD_RESPONSE &&
	    !check_status_line(cut_line(&rest), out, no))
		return false;
	while ((line = cut_line(&rest)).n) {
		if (!check_field(&s, line))
			return false;
	}
	out->wants_upgrade &= s.upgrade && out->version == HTTP_1_1;
	if (kind == HEAD_TRAILERS)
		return check_trailers(out, no);
	return check_framing(out, no) &&
	       (kind != HEAD_REQUEST || check_authority(out, no));
}
