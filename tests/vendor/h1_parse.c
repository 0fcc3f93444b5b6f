/* SPDX-License-Identifier: MIT */
#include "h1_parse.h"

#include "base/mem.h"
#include "text.h"

#define LINE_MOST 16384

/*
 * The next line without its CRLF. MORE when it is not there yet, BAD when a
 * bare LF ends it.
 */
static enum parse cut_line(struct str *in, struct str *line)
{
	const char *lf = in->n ? memchr(in->p, '\n', in->n) : NULL;
	size_t n;

	if (!lf)
		return PARSE_MORE;
	n = (size_t)(lf - in->p);
	if (n == 0 || in->p[n - 1] != '\r')
		return PARSE_BAD;
	*line = (struct str){in->p, n - 1};
	*in = str_skip(*in, n + 1);
	return PARSE_DONE;
}

static bool parse_request_line(struct str line, struct request *r)
{
	r->method = text_cut(&line, ' ');
	r->target = text_cut(&line, ' ');
	if (!request_is_token(r->method) || r->target.n == 0)
		return false;
	for (size_t i = 0; i < r->target.n; i++)
		if ((unsigned char)r->target.p[i] <= 0x20 ||
		    r->target.p[i] == 0x7f)
			return false;
	if (str_eq(line, STR("HTTP/1.1")))
		r->version = 11;
	else if (str_eq(line, STR("HTTP/1.0")))
		r->version = 10;
	return r->version != 0;
}

static bool add_field(struct worker *w, struct str line, struct request *r)
{
	struct field *f;
	const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;

	if (!colon)
		return false;
	if (r->n_fields == w->fields_cap) {
		w->fields_cap = w->fields_cap ? 2 * w->fields_cap : 64;
		w->fields = mem_grow(w->fields,
				     w->fields_cap * sizeof(struct field));
	}
	f = &w->fields[r->n_fields++];
	f->name = (struct str){line.p, (size_t)(colon - line.p)};
	f->value = text_trim(str_skip(line, f->name.n + 1));
	if (!request_is_token(f->name) || !request_is_value(f->value))
		return false;
	request_note(r, *f);
	return true;
}

static const char *check_framing(const struct request *r)
{
	uint64_t n;

	if (r->version == 11 && r->n_host != 1)
		return "HTTP/1.1 wants exactly one Host.";
	if (r->n_te && r->n_length)
		return "Content-Length and Transfer-Encoding exclude each "
		       "other.";
	if (r->n_length > 1 || (r->n_length && !text_u64(r->length, &n)))
		return "Content-Length must be one decimal number.";
	if (r->n_te && (r->n_te > 1 || r->version == 10 ||
			!str_ieq(r->te, STR("chunked"))))
		return "The only transfer coding is chunked.";
	return NULL;
}

/* http://host/path?query, as a proxy's client would say it. */
static void strip_absolute(struct request *r)
{
	struct str rest = r->target;

	if (rest.n && rest.p[0] == '/')
		return;
	if (str_starts(rest, STR("http://")))
		rest = str_skip(rest, 7);
	else if (str_starts(rest, STR("https://")))
		rest = str_skip(rest, 8);
	else
		return;
	while (rest.n && rest.p[0] != '/' && rest.p[0] != '?')
		rest = str_skip(rest, 1);
	r->target = rest;
}

static enum parse parse_lines(struct worker *w, struct str *in,
			      struct request *r, const char **why)
{
	struct str line;
	enum parse got;

	while (in->n && in->p[0] == '\r' && (in->n == 1 || in->p[1] == '\n'))
		*in = str_skip(*in, 2);
	got = cut_line(in, &line);
	*why = "The request line is malformed.";
	if (got == PARSE_DONE && !parse_request_line(line, r))
		return PARSE_BAD;
	while (got == PARSE_DONE) {
		*why = "A header line is malformed.";
		got = cut_line(in, &line);
		if (got != PARSE_DONE || line.n == 0)
			break;
		if (!add_field(w, line, r))
			return PARSE_BAD;
	}
	return got;
}

enum parse h1_parse_head(struct worker *w, struct str in, struct request *r,
			 size_t *used, const char **why)
{
	size_t n = in.n;
	enum parse got;

	*r = (struct request){0};
	got = parse_lines(w, &in, r, why);
	if (got == PARSE_MORE && n > H1_HEAD_MOST) {
		*why = "The head is too large.";
		return PARSE_BAD;
	}
	if (got != PARSE_DONE)
		return got;
	*used = n - in.n;
	r->fields = w->fields;
	*why = check_framing(r);
	strip_absolute(r);
	return *why ? PARSE_BAD : PARSE_DONE;
}

/* ---- bodies ---- */

void h1_body_start(struct h1_body *b, const struct request *r)
{
	*b = (struct h1_body){.chunked = r->n_te > 0};
	if (r->n_length)
		text_u64(r->length, &b->left);
	b->done = !b->chunked && b->left == 0;
}

static uint64_t eat_bytes(struct h1_body *b, struct ex *ex, struct str *in)
{
	uint64_t n = in->n < b->left ? in->n : b->left;

	ex_data(ex, in->p, n);
	b->left -= n;
	*in = str_skip(*in, n);
	return n;
}

static bool parse_size(struct str line, uint64_t *size)
{
	struct str ext = line, hex = text_cut(&ext, ';');
	uint64_t v = 0;

	hex = text_trim(hex);
	if (hex.n == 0 || hex.n > 15 || !request_is_value(line))
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		unsigned c = (unsigned char)hex.p[i] | 0x20;
		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (c - 'a' + 10);
		else
			return false;
	}
	*size = v;
	return true;
}

static bool eat_trailer(struct h1_body *b, struct ex *ex, struct str line)
{
	struct str value = line, name = text_cut(&value, ':');

	if (line.n == 0) {
		b->done = true;
		return true;
	}
	if (!value.p || !request_is_token(name) || !request_is_value(value))
		return false;
	ex_trailer(ex, (struct field){name, text_trim(value)});
	return true;
}

static bool eat_line(struct h1_body *b, struct ex *ex, struct str line)
{
	switch (b->state) {
	case CHUNK_SIZE:
		if (!parse_size(line, &b->left))
			return false;
		b->state = b->left ? CHUNK_DATA : CHUNK_TRAILER;
		return true;
	case CHUNK_END: b->state = CHUNK_SIZE; return line.n == 0;
	case CHUNK_TRAILER: return eat_trailer(b, ex, line);
	case CHUNK_DATA: break;
	}
	return false;
}

/* False when broken; stops where a line is not complete. */
static bool eat_chunked(struct h1_body *b, struct ex *ex, struct str *in)
{
	struct str line;

	while (in->n && !b->done) {
		enum parse got;
		if (b->state == CHUNK_DATA) {
			eat_bytes(b, ex, in);
			if (b->left == 0)
				b->state = CHUNK_END;
			continue;
		}
		got = cut_line(in, &line);
		if (got == PARSE_MORE)
			return in->n <= LINE_MOST;
		if (got == PARSE_BAD || !eat_line(b, ex, line))
			return false;
	}
	return true;
}

ssize_t h1_body_eat(struct h1_body *b, struct ex *ex, struct str in)
{
	size_t n = in.n;

	if (b->chunked)
		return eat_chunked(b, ex, &in) ? (ssize_t)(n - in.n) : -1;
	eat_bytes(b, ex, &in);
	b->done = b->left == 0;
	return (ssize_t)(n - in.n);
}
